#pragma once

#include <memory>
#include <string>

#include "io/detail/openssl.h"
#include "io/loop.h"

namespace gongshu::io::detail {

// TLS over any plain stream: bytes from it go through OpenSSL in memory and come out as another stream.
// Lives:   shared by Handshakes while it shakes hands, then by the TlsStream that the user owns.
// Threads: its loop's.
// Bounds:  those of the plain stream; while reading is paused at most one on_data's bytes of it are kept.
// Disk:    none.
class TlsConnection final : public std::enable_shared_from_this<TlsConnection> {
public:
    using Shaken = std::function<void(Result<void>)>;

    TlsConnection(Loop& loop, std::unique_ptr<Stream> plain, SslPtr ssl);
    // Of a client: whom it trusts.
    TlsConnection(Loop& loop, std::unique_ptr<Stream> plain, SslPtr ssl, std::shared_ptr<const TlsClient> client);

    // For SSL_CTX_set_cert_verify_callback() of a client's context.
    static int verify(X509_STORE_CTX* chain, void*);
    // `shaken` is called once, later, unless the connection is destroyed or closed first.
    void begin(Shaken shaken);
    void start(Stream::Events events);
    void send(Bytes bytes);
    void pause_reading(bool paused);
    void close();
    Stream& plain() { return *plain_; }
    const Stream& plain() const { return *plain_; }

private:
    enum class State { shaking, open, closed };

    void take(Bytes bytes);
    void shake();
    void read();
    void read_later();
    void flush();
    void plain_closed(const Error& error);
    bool is_trusted(X509_STORE_CTX* chain);
    void refuse(Error error);
    void fail(const Error& error);

    Loop& loop_;
    const std::unique_ptr<Stream> plain_;
    const SslPtr ssl_;
    const std::shared_ptr<const TlsClient> client_;  // null: a server
    std::string refused_;                            // fingerprint of the certificate that is not trusted
    BIO* const in_;  // owned by ssl_, as out_
    BIO* const out_;
    State state_ = State::shaking;
    bool first_bytes_ = true;
    bool paused_ = false;
    Shaken shaken_;
    std::shared_ptr<const Stream::Events> events_;
};

std::unique_ptr<Stream> make_tls_stream(std::shared_ptr<TlsConnection> connection);

}  // namespace gongshu::io::detail
