#include "pg/session.h"

#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "io/crypto.h"
#include "registry/registry.h"

namespace gongshu::pg {

namespace {

constexpr std::string_view kMechanism = "SCRAM-SHA-256";
constexpr std::string_view kTokenUser = "token";
constexpr std::size_t kAheadBytes = 128 << 10;

bool is_loopback(std::string_view host) {
    return host.starts_with("127.") || host == "::1" || host == "::ffff:127.0.0.1";
}

std::uint32_t random_key() {
    std::array<std::uint8_t, 4> bytes{};
    io::random_bytes(bytes);
    return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
           static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

}  // namespace

Session::Session(Hub& hub, std::unique_ptr<io::Stream> stream, std::uint32_t process)
    : hub_(hub),
      process_(process),
      key_(random_key()),
      from_(stream->peer().host),
      loopback_(is_loopback(from_)),
      stream_(std::move(stream)),
      deadline_(hub.deps.loop.clock().monotonic() + hub.options.sign_in_max) {}

Session::~Session() = default;

void Session::start() { listen_to(std::move(stream_)); }

void Session::listen_to(std::unique_ptr<io::Stream> stream) {
    stream_ = std::move(stream);
    secure_ = stream_->secure();
    stream_->start({
        .on_data = [this](Bytes bytes) { on_data(bytes); },
        .on_closed = [this](const Error&) { close(); },
        .on_drained =
            [this] {
                if (!std::exchange(waits_for_client_, false)) return;
                const auto self = shared_from_this();
                send_page();
                go_on();
            },
    });
}

void Session::close() {
    if (state_ == State::closed) return;
    const auto self = shared_from_this();
    state_ = State::closed;
    ++serial_;
    if (const auto stop = std::exchange(starting_, nullptr)) stop();
    if (running_) running_->cancel();
    running_.reset();
    sending_.reset();
    then_ = nullptr;
    portals_.clear();
    cursors_.clear();
    if (stream_) stream_->close();
    hub_.remove(process_);
}

void Session::check_deadline() {
    if (state_ == State::closed) return;
    const DurationNs now = hub_.deps.loop.clock().monotonic();
    if (signed_in_ && who_.expires != 0 && hub_.deps.loop.clock().now() >= who_.expires)
        return end("57P01", "the validity of this token has ended");
    if (state_ == State::working && !waits_for_client_) return;  // the engine has limits of its own
    if (now < deadline_) return;
    if (!signed_in_ || state_ == State::working) return close();
    end("57P05", fmt::format("nothing was asked for {} h: the session is ended", hub_.options.idle_max / kHour));
}

void Session::end(const std::string& sqlstate, const std::string& message) {
    if (state_ == State::closed) return;
    const auto self = shared_from_this();
    if (state_ != State::first && state_ != State::shaking)
        wire::write_pg_error(out_, {.severity = "FATAL", .sqlstate = sqlstate, .message = message});
    if (state_ != State::shaking) flush();
    close();
}

void Session::fatal(const std::string& sqlstate, const std::string& message, const std::string& hint) {
    wire::write_pg_error(out_, {.severity = "FATAL", .sqlstate = sqlstate, .message = message, .hint = hint});
    flush();
    close();
}

void Session::cancel() {
    if (state_ != State::working) return;
    cancelled_ = true;
    if (starting_) starting_();
    if (running_) running_->cancel();
}

// ---- bytes ----------------------------------------------------------------------------------------------------------

void Session::on_data(Bytes bytes) {
    const auto self = shared_from_this();
    if (state_ == State::closed) return;
    ahead_.insert(ahead_.end(), bytes.begin(), bytes.end());
    go_on();
}

// Takes messages as long as none is at work; called again when one is done.
void Session::go_on() {
    if (in_take_) return;
    in_take_ = true;
    Buffer now = std::exchange(ahead_, {});
    Bytes rest{now};
    while (takes_messages() && take_one(rest)) {
    }
    in_take_ = false;
    if (state_ == State::closed) return;
    ahead_.insert(ahead_.begin(), rest.begin(), rest.end());
    flush();
    // A client that goes away is noticed while its statement runs; one that sends on and on has to wait.
    if (stream_) stream_->pause_reading(ahead_.size() >= kAheadBytes);
}

bool Session::take_one(Bytes& rest) {
    if (state_ == State::first) {
        wire::PgFirst first;
        const auto taken = decoder_.take_first(rest, first);
        if (!taken) {
            fatal(taken.error().code() == Code::unsupported ? "0A000" : "08P01", taken.error().text());
            return false;
        }
        if (!*taken) return false;
        if (std::holds_alternative<wire::PgSslRequest>(first) && !rest.empty()) {
            // What came in clear behind the request could be somebody else's: it must not become part of the session.
            fatal("08P01", "bytes came behind the request for encryption, before it was answered");
            return false;
        }
        on_first(first);
        return true;
    }
    wire::PgMessage message;
    const auto taken = decoder_.take(rest, message);
    if (!taken) {
        fatal(taken.error().code() == Code::limit ? "54000" : "08P01", taken.error().text());
        return false;
    }
    if (!*taken) return false;
    if (signed_in_) deadline_ = hub_.deps.loop.clock().monotonic() + hub_.options.idle_max;
    if (std::holds_alternative<wire::PgTerminate>(message)) {
        close();
        return false;
    }
    if (signed_in_) {
        on_message(message);
    } else if (const auto* secret = std::get_if<wire::PgSecret>(&message)) {
        on_secret(secret->bytes);
    } else {
        fatal("08P01", "the sign-in is not done yet: expected a password message");
    }
    return true;
}

void Session::flush() {
    if (out_.empty() || !stream_) return;
    if (signed_in_) hub_.deps.egress.left(who_.actor.tenant, kDoorName, 0, out_.size());
    stream_->send(as_bytes(out_));
    out_.clear();
}

// ---- start-up and sign-in -------------------------------------------------------------------------------------------

void Session::on_first(wire::PgFirst& first) {
    if (std::holds_alternative<wire::PgSslRequest>(first)) return on_ssl();
    if (std::holds_alternative<wire::PgGssRequest>(first)) {
        out_ += 'N';
        return flush();
    }
    if (const auto* request = std::get_if<wire::PgCancelRequest>(&first)) {
        if (const auto session = hub_.find(request->process, request->key)) session->cancel();
        return close();
    }
    on_startup(std::get<wire::PgStartup>(first));
}

void Session::on_ssl() {
    if (!hub_.deps.tls || secure_) {
        out_ += 'N';
        return flush();
    }
    out_ += 'S';
    flush();
    state_ = State::shaking;
    hub_.upgrades.accept(std::move(stream_), hub_.deps.tls,
                         [weak = weak_from_this()](Result<std::unique_ptr<io::Stream>> secure) {
                             const auto self = weak.lock();
                             if (!self || self->state_ == State::closed) return;
                             if (!secure) {
                                 log_info("pg", "{}: {}", self->from_, secure.error().text());
                                 return self->close();
                             }
                             self->state_ = State::first;
                             self->listen_to(std::move(*secure));
                         });
}

void Session::on_startup(const wire::PgStartup& startup) {
    user_ = startup.parameter("user");
    if (!secure_ && !(loopback_ && hub_.options.plain_from_loopback))
        return fatal("28000", "this door takes connections from other machines with TLS only",
                     "Connect with sslmode=require.");
    if (user_.empty()) return fatal("28000", "the startup message names no user");
    if (!startup.parameter("replication").empty() && startup.parameter("replication") != "false")
        return fatal("0A000", "there is no replication here: read with SELECT");
    if (hub_.sessions() > hub_.options.sessions_max)
        return fatal("53300", fmt::format("{} sessions are open, the limit of this server", hub_.options.sessions_max));
    if (!loopback_ && hub_.unsigned_of(from_) > hub_.options.unsigned_of_address_max)
        return fatal("53300", fmt::format("{} connections of {} are about to sign in, the limit of an address",
                                          hub_.options.unsigned_of_address_max, from_));
    const auto unknown = startup.unknown_options();
    if (startup.minor > 0 || !unknown.empty()) wire::write_pg_negotiate_version(out_, 0, unknown);
    settings_.emplace(hub_.options.version, user_);
    if (take_startup_parameters(startup)) ask_who();
}

bool Session::take_startup_parameters(const wire::PgStartup& startup) {
    const auto take = [&](std::string_view name, const std::string& value) {
        const auto taken = settings_->begin_with(name, value);
        if (!taken) fatal(taken.error().sqlstate, taken.error().error.text());
        return taken.has_value();
    };
    for (const auto& [name, value] : startup.parameters) {
        if (name == "user" || name == "database" || name == "replication" || name == "options") continue;
        if (!take(name, value)) return false;
    }
    // "-c name=value --name=value", as PGOPTIONS has it.
    std::string_view rest = startup.parameter("options");
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        std::string_view word = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (word.starts_with("--"))
            word.remove_prefix(2);
        else if (word.starts_with("-c"))
            word.remove_prefix(2);
        const std::size_t equals = word.find('=');
        if (equals == word.npos) continue;
        std::string name(word.substr(0, equals));
        std::ranges::replace(name, '-', '_');
        if (!take(name, std::string(word.substr(equals + 1)))) return false;
    }
    return true;
}

// In clear a password would be read on the way: only what proves a token without telling it. Inside TLS a person's
// password can be checked; nothing here tells which names there are.
void Session::ask_who() {
    const bool proof = !secure_ || user_ == kTokenUser || user_.starts_with(std::string(kTokenUser) + "@");
    if (proof)
        wire::write_pg_authentication_sasl(out_, kMechanism);
    else
        wire::write_pg_authentication_password(out_);
    state_ = proof ? State::sasl : State::password;
}

void Session::on_secret(const std::string& bytes) {
    if (state_ == State::sasl) return on_sasl(bytes);
    if (state_ == State::proof) return on_proof(bytes);
    on_password(bytes);
}

void Session::on_sasl(const std::string& bytes) {
    const auto initial = wire::read_pg_sasl_initial(bytes);
    if (!initial) return fatal("08P01", initial.error().text());
    if (initial->mechanism != kMechanism)
        return fatal("28000", fmt::format("the client chose \"{}\"; {} is offered", cut_utf8(initial->mechanism, 40),
                                          kMechanism));
    const registry::ScramTerms terms = registry::scram_of(hub_.deps.auth).scram_terms();
    const auto first = scram_.first(initial->response, io::random_token(), terms.salt, terms.turns);
    if (!first) return fatal("08P01", first.error().text());
    wire::write_pg_authentication_sasl_continue(out_, *first);
    state_ = State::proof;
}

void Session::on_proof(const std::string& bytes) {
    auto proof = scram_.final(bytes);
    if (!proof) return fatal("08P01", proof.error().text());
    check([&auth = registry::scram_of(hub_.deps.auth), proof = std::move(*proof), from = from_] {
        return auth.check_scram(proof.message, proof.proof, from);
    });
}

void Session::on_password(const std::string& bytes) {
    auto password = wire::read_pg_password(bytes);
    if (!password) return fatal("08P01", password.error().text());
    check([&auth = hub_.deps.auth, user = user_, password = std::move(*password),
           from = from_]() -> Result<registry::ScramSignIn> {
        if (password.starts_with(registry::kTokenPrefix))
            return registry::ScramSignIn{TRY(auth.check_token(password, from)), ""};
        return registry::ScramSignIn{TRY(auth.check_password(user, password, from)), ""};
    });
}

void Session::check(std::function<Result<registry::ScramSignIn>()> job) {
    state_ = State::checking;
    const auto back = on_loop<Result<registry::ScramSignIn>>(
        [this](Result<registry::ScramSignIn> found) { on_checked(std::move(found)); });
    if (!hub_.deps.pool.submit([job = std::move(job), back] { back(job()); }))
        fatal("53300", "too many sign-ins at once: try again in a moment");
}

Result<void> Session::may_come_in(const registry::Principal& who) const {
    if (who.password_of_another)
        return Error{Code::denied,
                     "the password of {} was set by an administrator: choose one of your own first, on the page",
                     who.name};
    if (who.actor.role < registry::Role::viewer)
        return Error{Code::denied, "{} may not read; that takes viewer", who.actor.who};
    if (hub_.count_of(who.actor.tenant, who.actor.who) >= hub_.options.sessions_of_one_max)
        return Error{Code::limit, "{} has {} sessions open, its limit", who.actor.who,
                     hub_.options.sessions_of_one_max};
    return {};
}

void Session::on_checked(Result<registry::ScramSignIn> found) {
    if (!found) {
        const bool unknown = found.error().code() == Code::unauthorized;
        return fatal(unknown                               ? "28P01"
                     : found.error().code() == Code::limit ? "53300"
                                                           : "28000",
                     found.error().text(),
                     unknown && !secure_ ? "Without TLS only API tokens sign in: PGUSER=token and the token as "
                                           "password. People connect with sslmode=require."
                                         : "");
    }
    if (const auto allowed = may_come_in(found->principal); !allowed)
        return fatal(allowed.error().code() == Code::limit ? "53300" : "28000", allowed.error().text());
    if (!found->signature.empty()) wire::write_pg_authentication_sasl_final(out_, wire::scram_final(found->signature));
    who_ = std::move(found->principal);
    begin_session();
}

void Session::begin_session() {
    signed_in_ = true;
    decoder_.message_bytes_max = hub_.options.message_bytes_max;
    wire::write_pg_authentication_ok(out_);
    for (const auto& [name, value] : settings_->reported()) wire::write_pg_parameter_status(out_, name, value);
    wire::write_pg_backend_key(out_, process_, key_);
    log_info("pg", "{} of {} from {}{}", who_.actor.who, who_.actor.tenant_name, from_, secure_ ? "" : ", without TLS");
    deadline_ = hub_.deps.loop.clock().monotonic() + hub_.options.idle_max;
    ready();
}

}  // namespace gongshu::pg
