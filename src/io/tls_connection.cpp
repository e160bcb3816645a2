#include "io/detail/tls_connection.h"

#include "base/assert.h"
#include "io/detail/handshakes.h"
#include "io/tls.h"

namespace gongshu::io::detail {

namespace {

// The first byte of everything in a handshake: 22 for its messages, 21 for an alert (RFC 8446, 5.1).
bool looks_like_tls(std::uint8_t first) { return first == 22 || first == 21; }

class TlsStream final : public Stream {
public:
    explicit TlsStream(std::shared_ptr<TlsConnection> connection) : connection_(std::move(connection)) {}
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;
    ~TlsStream() override { connection_->close(); }

    void start(Events events) override { connection_->start(std::move(events)); }
    void send(Bytes bytes) override { connection_->send(bytes); }
    std::size_t unsent_bytes() const override { return connection_->plain().unsent_bytes(); }
    void set_send_bytes_max(std::size_t bytes) override { connection_->plain().set_send_bytes_max(bytes); }
    void pause_reading(bool paused) override { connection_->pause_reading(paused); }
    void close() override { connection_->close(); }
    Address peer() const override { return connection_->plain().peer(); }
    bool secure() const override { return true; }

private:
    const std::shared_ptr<TlsConnection> connection_;
};

// Both directions in memory.
SslPtr make_ssl(SSL_CTX* context) {
    SslPtr ssl(SSL_new(context));
    ASSERT(ssl);
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    ASSERT(in != nullptr && out != nullptr);
    SSL_set_bio(ssl.get(), in, out);
    return ssl;
}

bool is_ip(const std::string& host) {
    ASN1_OCTET_STRING* const ip = a2i_IPADDRESS(host.c_str());
    ASN1_OCTET_STRING_free(ip);
    return ip != nullptr;
}

}  // namespace

std::unique_ptr<Stream> make_tls_stream(std::shared_ptr<TlsConnection> connection) {
    return std::make_unique<TlsStream>(std::move(connection));
}

TlsConnection::TlsConnection(Loop& loop, std::unique_ptr<Stream> plain, SslPtr ssl)
    : TlsConnection(loop, std::move(plain), std::move(ssl), nullptr) {}

TlsConnection::TlsConnection(Loop& loop, std::unique_ptr<Stream> plain, SslPtr ssl,
                             std::shared_ptr<const TlsClient> client)
    : loop_(loop),
      plain_(std::move(plain)),
      ssl_(std::move(ssl)),
      client_(std::move(client)),
      in_(SSL_get_rbio(ssl_.get())),
      out_(SSL_get_wbio(ssl_.get())) {
    SSL_set_app_data(ssl_.get(), this);
}

int TlsConnection::verify(X509_STORE_CTX* chain, void*) {
    auto* const ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    return static_cast<TlsConnection*>(SSL_get_app_data(ssl))->is_trusted(chain) ? 1 : 0;
}

bool TlsConnection::is_trusted(X509_STORE_CTX* chain) {
    const std::string shown = fingerprint_of(X509_STORE_CTX_get0_cert(chain));
    const std::string& only = client_->fingerprint();
    if (only.empty() ? X509_verify_cert(chain) == 1 : shown == only) return true;
    if (!only.empty()) X509_STORE_CTX_set_error(chain, X509_V_ERR_APPLICATION_VERIFICATION);
    refused_ = shown;
    return false;
}

void TlsConnection::begin(Shaken shaken) {
    shaken_ = std::move(shaken);
    plain_->start({.on_data = [this](Bytes bytes) { take(bytes); },
                   .on_closed = [this](const Error& error) { plain_closed(error); },
                   .on_drained =
                       [this] {
                           const auto self = shared_from_this();
                           const auto events = events_;
                           if (events && events->on_drained) events->on_drained();
                       }});
    if (SSL_is_server(ssl_.get()) == 0) shake();
}

void TlsConnection::start(Stream::Events events) {
    if (state_ == State::closed) return;
    events_ = std::make_shared<const Stream::Events>(std::move(events));
    read_later();
}

void TlsConnection::send(Bytes bytes) {
    if (state_ != State::open || bytes.empty()) return;
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1) flush();
}

void TlsConnection::pause_reading(bool paused) {
    if (state_ == State::closed || paused == paused_) return;
    paused_ = paused;
    plain_->pause_reading(paused);
    if (!paused) read_later();
}

void TlsConnection::close() {
    if (state_ == State::closed) return;
    if (state_ == State::open) {
        ERR_clear_error();
        SSL_shutdown(ssl_.get());
        flush();
    }
    state_ = State::closed;
    events_.reset();
    plain_->close();
}

void TlsConnection::take(Bytes bytes) {
    const auto self = shared_from_this();  // a callback may destroy the last handle
    if (std::exchange(first_bytes_, false) && !looks_like_tls(bytes.front())) {
        return refuse(Error{Code::malformed,
                            "the peer does not speak TLS here: its first byte is 0x{:02x}; use TLS, or "
                            "the address for plain connections",
                            bytes.front()});
    }
    ASSERT(BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size()));
    if (state_ == State::shaking) shake();
    if (state_ == State::open) read();
}

void TlsConnection::shake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    flush();
    if (result == 1) {
        state_ = State::open;
        return std::exchange(shaken_, nullptr)({});
    }
    if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ) return;
    const auto verified = SSL_get_verify_result(ssl_.get());
    if (verified != X509_V_OK) {
        ERR_clear_error();
        if (!client_->fingerprint().empty())
            return refuse(Error{Code::unauthorized,
                                "the peer's certificate is not the one that is trusted: its SHA-256 fingerprint is {}",
                                fingerprint_text(refused_)});
        return refuse(Error{Code::unauthorized, "the peer's certificate is refused: {}; its SHA-256 fingerprint is {}",
                            X509_verify_cert_error_string(verified), fingerprint_text(refused_)});
    }
    refuse(Error{Code::unavailable, "the TLS handshake failed: {}", openssl_reason()});
}

void TlsConnection::read() {
    static thread_local Buffer scratch(Stream::kReadBytesMax);
    for (;;) {
        if (state_ != State::open || paused_ || !events_) return;
        ERR_clear_error();
        std::size_t filled = 0;
        int result = 1;
        while (filled < scratch.size() && result == 1) {
            std::size_t count = 0;
            result = SSL_read_ex(ssl_.get(), scratch.data() + filled, scratch.size() - filled, &count);
            filled += count;
        }
        const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
        const std::string reason = error == SSL_ERROR_SSL ? openssl_reason() : std::string();
        flush();  // an answer to a key update, perhaps
        const auto events = events_;
        if (filled > 0 && events->on_data) events->on_data(std::span(scratch).first(filled));
        if (error == SSL_ERROR_NONE) continue;
        if (state_ != State::open || error == SSL_ERROR_WANT_READ) return;
        if (error == SSL_ERROR_ZERO_RETURN) return fail(Error{Code::unavailable, "closed by peer"});
        return fail(Error{Code::malformed, "the TLS connection failed: {}", reason});
    }
}

// What came while nobody listened is given at the next turn.
void TlsConnection::read_later() {
    if (BIO_ctrl_pending(in_) == 0 && SSL_has_pending(ssl_.get()) == 0) return;
    loop_.post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->read();
    });
}

void TlsConnection::flush() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    if (size <= 0) return;
    plain_->send({reinterpret_cast<const std::uint8_t*>(data), static_cast<std::size_t>(size)});
    (void)BIO_reset(out_);
}

void TlsConnection::plain_closed(const Error& error) {
    const auto self = shared_from_this();
    if (state_ == State::shaking) {
        return refuse(Error{error.code(), "the connection ended during the TLS handshake: {}", error.text()});
    }
    fail(error);
}

void TlsConnection::refuse(Error error) {
    state_ = State::closed;
    plain_->close();
    std::exchange(shaken_, nullptr)(std::move(error));
}

void TlsConnection::fail(const Error& error) {
    if (state_ == State::closed) return;
    state_ = State::closed;
    plain_->close();
    const auto events = std::exchange(events_, nullptr);
    if (events && events->on_closed) events->on_closed(error);
}

Handshakes::Handshakes(Loop& loop) : loop_(loop) {}
Handshakes::~Handshakes() = default;

void Handshakes::accept(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsServer>& tls, StreamDone done) {
    auto ssl = make_ssl(tls->context());
    SSL_set_accept_state(ssl.get());
    add(std::make_shared<TlsConnection>(loop_, std::move(plain), std::move(ssl)), kHandshakeTimeout, std::move(done));
}

void Handshakes::connect(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsClient>& tls,
                         const std::string& host, DurationNs timeout, StreamDone done) {
    auto ssl = make_ssl(tls->context());
    SSL_set_connect_state(ssl.get());
    X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl.get());
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set_time(rules, loop_.clock().now() / kSecond);
    if (is_ip(host)) {
        X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str());
    } else {
        X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
        SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    }
    add(std::make_shared<TlsConnection>(loop_, std::move(plain), std::move(ssl), tls), timeout, std::move(done));
}

void Handshakes::add(std::shared_ptr<TlsConnection> connection, DurationNs timeout, StreamDone done) {
    const auto id = ++last_;
    const auto timer = loop_.after(timeout, [this, id, timeout] {
        finish(id, Error{Code::timeout, "the TLS handshake did not end within {} ms", timeout / kMillisecond});
    });
    waiting_[id] = {connection, timer, std::move(done)};
    connection->begin([this, id](Result<void> result) { finish(id, std::move(result)); });
}

void Handshakes::finish(std::uint64_t id, Result<void> result) {
    auto node = waiting_.extract(id);
    if (node.empty()) return;
    auto& waiting = node.mapped();
    loop_.cancel(waiting.timer);
    if (result) return waiting.done(make_tls_stream(std::move(waiting.connection)));
    waiting.connection->close();
    waiting.done(std::move(result).error());
}

void Handshakes::clear() { std::exchange(waiting_, {}).clear(); }

}  // namespace gongshu::io::detail
