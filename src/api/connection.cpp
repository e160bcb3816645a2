#include "api/connection.h"

#include <algorithm>

#include "api/handlers.h"
#include "api/live.h"
#include "api/static_files.h"
#include "api/watch.h"
#include "base/assert.h"
#include "base/log.h"
#include "io/brief.h"
#include "io/crypto.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kGzipBytesMin = 1024;
constexpr std::size_t kGzipHereMax = 8 << 10;     // that a loop compresses itself: 0.3 ms
constexpr std::uint64_t kBriefBytes = 192 << 10;  // that a loop handles itself for one answer: about half a ms
// A body that anybody may send: it costs no more than heads do, so it is not counted.
constexpr std::uint64_t kStrangerBytes = 64 << 10;

bool is_loopback(std::string_view host) {
    return host.starts_with("127.") || host == "::1" || host == "::ffff:127.0.0.1";
}

// "plant.lan" of "Plant.lan:8080", "::1" of "[::1]:8080".
std::string host_without_port(std::string_view host) {
    if (host.starts_with('[')) return std::string{host.substr(1, host.find(']') - 1)};
    std::string name{host.substr(0, host.rfind(':'))};
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return name;
}

// An address of numbers cannot be given another meaning by somebody's DNS.
bool is_ip_address(std::string_view host) {
    if (host.find(':') != std::string_view::npos)
        return host.find_first_not_of("0123456789abcdefABCDEF:.%") == std::string_view::npos;
    return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// What follows the scheme is a token of ours; "Token" is how clients of InfluxDB 2 call it.
bool is_token_scheme(std::string_view scheme) { return scheme == "bearer" || scheme == "token"; }

// Clients of InfluxDB 1 tell user and password behind the address, as ?u=…&p=….
bool signs_in_by_query(const Route* route) {
    return route != nullptr && (route->path == "/write" || route->path == "/query");
}

bool changes(wire::HttpMethod method) { return method != wire::HttpMethod::get && method != wire::HttpMethod::head; }

// Pieces, compressed as one gzip stream.
class GzipPieces final : public Pieces {
public:
    GzipPieces(std::shared_ptr<Pieces> plain, std::string& first) : plain_(std::move(plain)) {
        std::string packed;
        gzip_.add(first, Gzip::End::none, packed);
        first = std::move(packed);
    }
    Result<bool> next(std::string& out) override {
        std::string piece;
        auto more = plain_->next(piece);
        gzip_.add(piece, more && !*more ? Gzip::End::whole : more ? Gzip::End::none : Gzip::End::cut, out);
        return more;
    }
    bool wait(std::function<void()> ready) override { return plain_->wait(std::move(ready)); }

private:
    const std::shared_ptr<Pieces> plain_;
    Gzip gzip_;
};

void compress_pieces(Answer& answer) {
    answer.pieces = std::make_shared<GzipPieces>(std::move(answer.pieces), answer.body);
    answer.headers.push_back({"content-encoding", "gzip"});
}

void compress_body(Answer& answer) {
    if (answer.is_gzip || answer.body.size() < kGzipBytesMin) return;
    answer.body = gzip(answer.body);
    answer.is_gzip = true;
}

std::shared_ptr<Result<Answer>> share(Result<Answer> result) {
    return std::make_shared<Result<Answer>>(std::move(result));
}

}  // namespace

Connection::Connection(Hub& hub, std::unique_ptr<io::Stream> stream)
    : hub_(hub),
      from_(stream->peer().host),
      loopback_(is_loopback(from_)),
      secure_(stream->secure()),
      stream_(std::move(stream)),
      parser_(
          {.header_bytes_max = hub.core->options.header_bytes_max, .body_bytes_max = hub.core->options.body_bytes_max}),
      deadline_(hub.core->clock().monotonic() + hub.core->options.idle_max) {}

Connection::~Connection() {
    if (ask_) *ask_->gone = true;
    forget_body();
}

void Connection::start() {
    stream_->set_send_bytes_max(hub_.core->options.send_bytes_max);
    stream_->start({
        .on_data = [this](Bytes bytes) { on_data(bytes); },
        .on_closed = [this](const Error&) { close(); },
        .on_drained = [this] { pump(); },
    });
}

void Connection::close() {
    if (state_ == State::closed) return;
    state_ = State::closed;
    if (ask_) *ask_->gone = true;
    if (stream_) stream_->close();
    hub_.remove(this);
}

void Connection::check_deadline(DurationNs now) {
    if (state_ == State::working || now < deadline_) return;
    if (state_ == State::reading && !parser_.idle()) {
        return refuse(Error{Code::timeout, "the request did not arrive whole within {} s",
                            hub_.core->options.request_max / kSecond},
                      408);
    }
    close();
}

// ---- coming in ------------------------------------------------------------------------------------------------------

void Connection::on_data(Bytes bytes) {
    const auto self = shared_from_this();
    if (state_ == State::closed) return;
    if (state_ == State::reading && ahead_.empty()) return parse(bytes);
    if (ahead_.size() + bytes.size() > kAheadBytesMax) return close();
    ahead_.insert(ahead_.end(), bytes.begin(), bytes.end());
}

void Connection::parse(Bytes bytes) {
    if (parser_.idle()) deadline_ = hub_.core->clock().monotonic() + hub_.core->options.request_max;
    const wire::HttpRequestParser::Events events{
        .on_head = [this](const wire::HttpRequest& head,
                          bool expects_continue) { return on_head(head, expects_continue); },
        .on_request = [this](wire::HttpRequest request) { return on_request(std::move(request)); },
    };
    auto taken = parser_.feed(bytes, events);
    if (!taken) return refuse(taken.error(), parser_.error_status());
    if (*taken == bytes.size() || state_ == State::closed) {
        ahead_.clear();
    } else {
        const Bytes rest = bytes.subspan(*taken);
        ahead_ = Buffer{rest.begin(), rest.end()};
    }
    if (ask_ && state_ == State::working) {
        const AskPtr ask = ask_;
        dispatch(ask);
    }
}

Result<bool> Connection::is_known(const wire::HttpRequest& head) const {
    const Core& core = *hub_.core;
    if (core.options.no_auth && loopback_) return true;
    const std::string_view authorization = head.header("authorization");
    const std::size_t space = std::min(authorization.find(' '), authorization.size());
    if (is_token_scheme(wire::media_type(authorization.substr(0, space)))) {
        TRY(core.deps.auth.check_bearer(authorization.substr(std::min(space + 1, authorization.size())), from_));
        return true;
    }
    if (!authorization.empty() || signs_in_by_query(match_.route)) return false;
    const std::string_view cookie = wire::find_cookie(head.header("cookie"), "gongshu");
    if (cookie.empty()) return Error{Code::unauthorized, "sign in first: POST /api/v1/session, a token or basic auth"};
    TRY(core.deps.auth.check_session(cookie, from_));
    return true;
}

void Connection::forget_body() {
    if (promised_to_stranger_)
        hub_.forget_body_of_stranger(from_, promised_bytes_);
    else
        hub_.forget_body(promised_bytes_);
    promised_bytes_ = 0;
    promised_to_stranger_ = false;
}

// Refuses what will be refused anyway before its body comes in, and says how long that may be.
Result<std::uint64_t> Connection::on_head(const wire::HttpRequest& head, bool expects_continue) {
    const ApiOptions& options = hub_.core->options;
    forget_body();
    TRY(check_host(head));
    match_ = TRY(match_route(head.method, head.path()));
    if (match_.route == nullptr) return kStrangerBytes;
    std::uint64_t allowed = match_.route->size == Size::write ? options.write_bytes_max : options.body_bytes_max;
    if (!changes(head.method) || match_.route->access == Access::open) {
        allowed = std::min(allowed, kStrangerBytes);
    } else {
        const bool known = TRY(is_known(head));
        const bool measured = !head.header("content-length").empty();
        const std::uint64_t wanted =
            measured ? std::strtoull(std::string{head.header("content-length")}.c_str(), nullptr, 10) : allowed;
        if (wanted <= allowed && (known || wanted > kStrangerBytes)) {
            if (known ? !hub_.promise_body(wanted) : !hub_.promise_body_to_stranger(from_, wanted))
                return Error{Code::unavailable, "too many requests are coming in: try again in a moment"};
            promised_bytes_ = wanted;
            promised_to_stranger_ = !known;
        }
    }
    if (expects_continue) stream_->send(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
    return allowed;
}

wire::HttpNext Connection::on_request(wire::HttpRequest request) {
    ask_ = std::make_shared<Ask>();
    ask_->http = std::move(request);
    ask_->names = std::move(match_.names);
    ask_->from = from_;
    ask_->loopback = loopback_;
    ask_->secure = secure_;
    keep_alive_ = ask_->http.keep_alive;
    state_ = State::working;
    ++serial_;
    stream_->pause_reading(true);
    return wire::HttpNext::pause;
}

void Connection::refuse(const Error& error, int status) {
    keep_alive_ = false;
    ask_ = std::make_shared<Ask>();
    state_ = State::working;
    send(problem(*hub_.core, error, {.status = status}));
}

// ---- checks ---------------------------------------------------------------------------------------------------------

// A page of elsewhere can point its own name at our address (DNS rebinding); then Host is that name.
Result<void> Connection::check_host(const wire::HttpRequest& request) const {
    const std::string host = host_without_port(request.header("host"));
    if (request.minor_version == 0 && host.empty()) return {};
    if (is_ip_address(host) || host == "localhost" || host.ends_with(".localhost")) return {};
    const auto& hosts = hub_.core->options.hosts;
    if (std::find(hosts.begin(), hosts.end(), host) != hosts.end()) return {};
    return Error{Code::denied,
                 "the name \"{}\" is not one of this server's: use its address, or start it with this name allowed",
                 host.substr(0, 200)};
}

Result<void> Connection::check_origin(const wire::HttpRequest& request) const {
    const std::string_view origin = request.header("origin");
    if (origin.empty()) return {};
    const auto& allowed = hub_.core->options.origins;
    if (std::find(allowed.begin(), allowed.end(), origin) != allowed.end()) return {};
    const std::size_t begin = origin.find("://");
    if (begin != std::string_view::npos && origin.substr(begin + 3) == request.header("host")) return {};
    return Error{Code::denied, "a page of {} may not ask this server", origin.substr(0, 200)};
}

Result<bool> Connection::recognise(Ask& ask) const {
    const Core& core = *hub_.core;
    const std::string_view authorization = ask.http.header("authorization");
    const std::size_t space = std::min(authorization.find(' '), authorization.size());
    const std::string scheme = wire::media_type(authorization.substr(0, space));  // in lower case
    const std::string_view rest = authorization.substr(std::min(space + 1, authorization.size()));
    if (core.options.no_auth && loopback_) {
        ask.who.actor.tenant = core.deps.registry.tenant_id("default").value_or(TenantId{});
        ask.who.actor.tenant_name = "default";
        ask.who.actor.who = "user:anybody";
        ask.who.actor.role = registry::Role::admin;
        ask.who.name = "anybody";
    } else if (is_token_scheme(scheme)) {
        ask.who = TRY(core.deps.auth.check_bearer(rest, ask.from));
        if (!ask.who.is_token) ask.session_token = rest;
    } else if (scheme == "basic" || (signs_in_by_query(match_.route) && ask.find("p") != nullptr)) {
        return false;
    } else if (!authorization.empty()) {
        return Error{Code::unauthorized, "Authorization: expected \"Bearer TOKEN\" or \"Basic …\", found \"{}\"",
                     scheme.substr(0, 40)};
    } else if (const std::string_view cookie = wire::find_cookie(ask.http.header("cookie"), "gongshu");
               !cookie.empty()) {
        auto who = core.deps.auth.check_session(cookie, ask.from);
        if (!who && match_.route->access == Access::open)
            return true;  // an old cookie does not hinder signing in again
        ask.who = TRY(std::move(who));
        ask.session_token = cookie;
        if (changes(ask.http.method) && match_.route->access != Access::open &&
            !io::equal_constant_time(as_bytes(ask.http.header("x-csrf")), as_bytes(ask.who.csrf))) {
            return Error{
                Code::denied,
                "with the cookie a change carries the header X-CSRF with the value that GET /api/v1/session gives"};
        }
    } else {
        return true;
    }
    ask.who.actor.from = ask.from;
    ask.signed_in = true;
    return true;
}

Result<void> Connection::enter_tenant(Ask& ask) const {
    const std::string* const name = ask.find("tenant");
    if (name == nullptr || !ask.signed_in) return {};
    const Core& core = *hub_.core;
    registry::Actor& actor = ask.who.actor;
    if (match_.route->area != "resources" && match_.route->area != "secrets") {
        return Error{Code::invalid, "tenant: only resources can be asked for in another tenant"};
    }
    if (actor.tenant_name != "default" || actor.role < registry::Role::admin || !ask.who.paths.empty()) {
        return Error{Code::denied, "only administrators of the tenant default may act in another one"};
    }
    const auto tenant = core.deps.registry.tenant_id(*name);
    if (!tenant) return Error{Code::not_found, "there is no tenant \"{}\"", name->substr(0, 100)};
    if (*tenant == actor.tenant) return {};
    if (changes(ask.http.method)) {
        const auto job = [shared = hub_.core, at_home = actor, name = *name, method = ask.http.method_text,
                          path = std::string{ask.http.path()}] {
            std::string detail;
            JsonWriter{detail}.begin_object().key("method").text(method).key("path").text(path).end_object();
            shared->deps.registry.audit(at_home, "act_in_tenant", "tenant", name, detail, true);
        };
        if (!core.deps.pool.submit(job))
            return Error{Code::unavailable, "the server has too much to do: try again in a moment"};
    }
    actor.tenant = *tenant;
    actor.tenant_name = *name;
    actor.who += "@default";
    return {};
}

Result<void> Connection::check_access(const Ask& ask) const {
    const Route& route = *match_.route;
    if (route.access == Access::open) return {};
    if (ask.who.password_of_another && route.area != "session") {
        return Error{Code::denied,
                     "the password of {} was set by an administrator: choose one of your own first, with POST "
                     "/api/v1/session/password {{\"new\":\"…\"}} or on the page",
                     ask.who.actor.who};
    }
    if (!ask.signed_in) return Error{Code::unauthorized, "sign in first: POST /api/v1/session, a token or basic auth"};
    registry::Role needed = route.access == Access::role ? route.role : registry::Role::none;
    if (route.access == Access::read_kind || route.access == Access::write_kind) {
        const registry::Kind* const kind = hub_.core->deps.registry.kind(ask.names.at(0));
        if (kind == nullptr || kind->plural != ask.names[0]) {
            return Error{Code::not_found, "there is no kind \"{}\": see GET /api/v1/kinds",
                         ask.names[0].substr(0, 100)};
        }
        if (kind->of_system && ask.who.actor.tenant_name != "default") {
            return Error{Code::denied, "{} belong to the whole system: only the tenant default has them", kind->plural};
        }
        needed = route.access == Access::read_kind ? kind->read_role : kind->write_role;
    }
    if (ask.who.actor.role >= needed) return {};
    return Error{Code::denied, "{} is {}; this needs the role {}", ask.who.actor.who, to_string(ask.who.actor.role),
                 to_string(needed)};
}

// ---- at work --------------------------------------------------------------------------------------------------------

// A callback that brings the answer back to the loop, to this request and no other.
std::function<void(Result<Answer>)> Connection::later(bool of_pool, TenantId tenant) {
    const bool accepts = wire::accepts_gzip(ask_->http.header("accept-encoding"));
    const bool in_pieces = accepts && ask_->http.minor_version >= 1;
    return [core = hub_.core, weak = weak_from_this(), hub = hub_.weak(), serial = serial_, of_pool, tenant, accepts,
            in_pieces](Result<Answer> result) {
        if (result && result->as_it_is)
            ;  // goes out as it is
        else if (result && in_pieces && result->pieces)
            compress_pieces(*result);
        else if (result && of_pool && accepts && !result->pieces)
            compress_body(*result);
        core->deps.loop.post([weak, hub, serial, of_pool, tenant, shared = share(std::move(result))] {
            if (const auto alive = hub.lock(); alive && of_pool) alive->end_job(tenant);
            const auto self = weak.lock();
            if (self && self->serial_ == serial && self->state_ == State::working) self->answer(std::move(*shared));
        });
    };
}

void Connection::dispatch(const AskPtr& ask) {
    auto query = wire::parse_query(ask->http.query());
    if (!query) return answer(query.error());
    ask->query = std::move(*query);
    if (match_.route == nullptr) {
        if (!match_.allow.empty()) {
            Answer refused = problem_with_status(
                *hub_.core, 405,
                fmt::format("{} is not possible here; possible: {}", ask->http.method_text, match_.allow),
                language_of(*ask));
            refused.headers.push_back({"allow", match_.allow});
            return answer(std::move(refused));
        }
        return answer(static_answer(*ask));
    }
    if (changes(ask->http.method) || match_.route->run == Run::live) {
        if (auto origin = check_origin(ask->http); !origin) return answer(origin.error());
    }
    auto recognised = recognise(*ask);
    if (!recognised) return answer(recognised.error());
    if (*recognised) return run(ask);
    check_basic(ask);
}

void Connection::check_basic(const AskPtr& ask) {
    const std::string_view header = ask->http.header("authorization");
    if (header.empty()) return check_password(ask, std::string{ask->value("u")}, std::string{ask->value("p")});
    const auto decoded = io::from_base64(header.substr(std::min(header.find(' ') + 1, header.size())));
    const std::string_view text = decoded ? as_text(*decoded) : std::string_view{};
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return answer(Error{Code::unauthorized, "Authorization: basic auth is base64 of user:password"});
    check_password(ask, std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)});
}

// A token is a password too, with any user name, as by MQTT: some clients know nothing else than these two.
void Connection::check_password(const AskPtr& ask, std::string user, std::string password) {
    if (auto who = hub_.core->deps.auth.check_token(password, ask->from)) {
        ask->who = std::move(*who);
        ask->who.actor.from = ask->from;
        ask->signed_in = true;
        return run(ask);
    }
    const auto started = hub_.start_job({}, [core = hub_.core, weak = weak_from_this(), hub = hub_.weak(),
                                             serial = serial_, ask, user = std::move(user),
                                             password = std::move(password)] {
        auto who =
            std::make_shared<Result<registry::Principal>>(core->deps.auth.check_password(user, password, ask->from));
        core->deps.loop.post([weak, hub, serial, ask, who, user] {
            if (const auto alive = hub.lock()) alive->end_job({});
            const auto self = weak.lock();
            if (!self || self->serial_ != serial || self->state_ != State::working) return;
            if (!*who) return self->refuse_basic(who->error(), user);
            ask->who = std::move(**who);
            ask->who.actor.from = ask->from;
            ask->signed_in = true;
            self->run(ask);
        });
    });
    if (!started) answer(started.error());
}

void Connection::refuse_basic(const Error& error, const std::string& user) {
    Answer refused = problem(*hub_.core, error, {.language = language_of(*ask_)});
    if (error.code() == Code::limit) add_retry_after(*hub_.core, refused, user, from_);
    send(std::move(refused));
}

// Who tried to change what without the right to is in the audit.
void Connection::record_refusal(const AskPtr& ask) {
    const auto job = [core = hub_.core, ask] {
        core->deps.registry.audit(ask->who.actor, ask->http.method_text, "", ask->http.path().substr(0, 500), "",
                                  false);
    };
    if (!hub_.core->deps.pool.submit(job))
        log_warning("api", "a refused {} {} is not in the audit: too much to do", ask->http.method_text,
                    ask->http.path());
}

// Most answers tell something of what the tenant has: their path says of what.
Result<void> Connection::let_out_path(const Ask& ask) const {
    if (match_.route->leaves != Leaves::path) return {};
    constexpr std::string_view kBefore = "/api/v1/";
    std::string_view what = ask.http.path();
    if (what.starts_with(kBefore)) what.remove_prefix(kBefore.size());
    return let_out(*hub_.core, ask, "rest", what, 0);
}

void Connection::count_left(std::size_t bytes) const {
    if (!door_.empty() && bytes > 0) hub_.core->deps.egress.left(ask_->tenant(), door_, 0, bytes);
}

void Connection::run(const AskPtr& ask) {
    if (auto entered = enter_tenant(*ask); !entered) return answer(entered.error());
    if (auto allowed = check_access(*ask); !allowed) {
        if (changes(ask->http.method) && ask->signed_in) record_refusal(ask);
        return answer(allowed.error());
    }
    if (auto allowed = let_out_path(*ask); !allowed) {
        record_refusal(ask);
        return answer(allowed.error());
    }
    const Route& route = *match_.route;
    switch (route.run) {
        case Run::loop:
            return route.handler(*hub_.core, ask, later(false, {}));
        case Run::live:
            return take_over(ask);
        case Run::watch:
            if (parse_flag(*ask, "watch")) return take_over(ask);
            break;
        case Run::brief:
            if (answer_at_once(ask)) return;
            break;
        case Run::pool:
            break;
    }
    const auto started = hub_.start_job(
        ask->tenant(),
        [core = hub_.core, ask, &route, done = later(true, ask->tenant())] { route.handler(*core, ask, done); });
    if (!started) answer(started.error());
}

// A short answer is made sooner here than somebody is woken to make it. False if it would not be short.
bool Connection::answer_at_once(const AskPtr& ask) {
    if (!hub_.turn().has_left()) return false;
    std::optional<Result<Answer>> made;
    {
        const io::Brief brief{kBriefBytes};
        match_.route->handler(*hub_.core, ask, [&](Result<Answer> result) { made = std::move(result); });
        hub_.turn().spend(brief.spent());
        if (brief.is_over()) return false;
    }
    ASSERT(made);
    const bool compresses = *made && !(*made)->as_it_is && wire::accepts_gzip(ask->http.header("accept-encoding"));
    if (compresses && ((*made)->pieces || (*made)->body.size() > kGzipHereMax)) {
        const auto result = share(std::move(*made));
        const auto started =
            hub_.start_job(ask->tenant(), [done = later(true, ask->tenant()), result] { done(std::move(*result)); });
        if (started) return true;
        made = std::move(*result);  // it counts as gone out: then as it is
    } else if (compresses) {
        compress_body(**made);
    }
    hub_.count_at_once();
    answer(std::move(*made));
    return true;
}

// The stream leaves HTTP and belongs to a long session from now on.
void Connection::take_over(const AskPtr& ask) {
    auto admitted = hub_.admit_long_session();
    if (!admitted) return answer(admitted.error());
    const bool live = match_.route->run == Run::live;
    auto opening = live ? live_opening(ask->http) : Result<std::string>{watch_opening(*hub_.core)};
    if (!opening) return answer(opening.error());
    stream_->send(as_bytes(*opening));
    stream_->pause_reading(false);
    const auto session =
        live ? make_live_session(hub_, std::move(stream_), *ask) : make_watch_session(hub_, std::move(stream_), *ask);
    hub_.add(session);
    session->begin(ahead_);
    close();
}

// ---- going out ------------------------------------------------------------------------------------------------------

void Connection::answer(Result<Answer> result) {
    if (result) return send(std::move(*result));
    send(problem(*hub_.core, result.error(), {.language = language_of(*ask_)}));
}

Answer Connection::static_answer(const Ask& ask) {
    auto found = find_static(hub_.core->options.files, ask.http);
    if (!found) return problem(*hub_.core, found.error(), {.language = language_of(ask)});
    return std::move(*found);
}

void Connection::encode(Answer& answer) {
    const bool accepts = wire::accepts_gzip(ask_->http.header("accept-encoding"));
    if (answer.is_gzip) {
        if (accepts) {
            answer.headers.push_back({"content-encoding", "gzip"});
        } else if (auto plain = gunzip(as_bytes(answer.body), 64 << 20)) {
            answer.body = std::move(*plain);
        }
    }
    answer.headers.push_back({"vary", "accept-encoding, accept-language"});
}

void Connection::send_head(const Answer& answer, std::optional<std::uint64_t> length, bool chunked) {
    wire::HttpResponse response;
    response.status = answer.status;
    response.headers = answer.headers;
    add_security_headers(response.headers);
    if (answer.status != 204 && answer.status != 304) response.headers.push_back({"content-type", answer.media_type});
    if (!answer.etag.empty()) response.headers.push_back({"etag", answer.etag});
    if (wire::find_header(response.headers, "cache-control").empty()) {
        response.headers.push_back({"cache-control", answer.etag.empty() ? "no-store" : "private, no-cache"});
    }
    std::string head;
    wire::write_response_head(head, response,
                              {.keep_alive = keep_alive_, .chunked = chunked, .now = hub_.core->clock().now()}, length);
    stream_->send(as_bytes(head));
}

void Connection::send(Answer answer) {
    state_ = State::sending;
    forget_body();
    hub_.count_answer(answer.status);
    const bool tells = match_.route != nullptr && match_.route->leaves != Leaves::nothing && ask_->signed_in;
    door_ = tells && answer.status < 300 ? answer.door : std::string_view{};
    const std::string_view known = ask_->http.header("if-none-match");
    if (answer.status == 200 && !answer.etag.empty() &&
        (known == "*" || known.find(answer.etag) != std::string_view::npos)) {
        answer.status = 304;
        answer.body.clear();
        answer.pieces.reset();
        answer.is_gzip = false;
    }
    if (answer.status != 304) encode(answer);
    const bool old = ask_->http.minor_version == 0;
    if (answer.pieces && old) keep_alive_ = false;  // HTTP/1.0 knows no chunks: the end of the connection is the end
    const bool head_only = ask_->http.method == wire::HttpMethod::head;
    const auto length = answer.pieces ? std::nullopt : std::optional<std::uint64_t>{answer.body.size()};
    send_head(answer, length, answer.pieces && !old);
    if (head_only) answer.body.clear(), answer.pieces.reset();
    count_left(answer.body.size());
    pieces_ = std::move(answer.pieces);
    body_sent_ = 0;
    if (pieces_) {
        const std::string first = std::move(answer.body);
        body_.clear();
        on_piece(first, true, false);
    } else {
        body_ = std::move(answer.body);
        pump();
    }
}

// Gives the stream as much as it should hold; called again when it has sent that.
void Connection::pump() {
    const auto self = shared_from_this();
    if (state_ != State::sending) return;
    deadline_ = hub_.core->clock().monotonic() + kSendMax;
    while (body_sent_ < body_.size()) {
        if (stream_->unsent_bytes() >= kUnsentBytes) return;
        const std::size_t bytes = std::min(body_.size() - body_sent_, kUnsentBytes);
        stream_->send(as_bytes(std::string_view{body_}.substr(body_sent_, bytes)));
        body_sent_ += bytes;
    }
    if (!pieces_) return finish();
    if (!piece_wanted_ && stream_->unsent_bytes() < kUnsentBytes) ask_for_piece();
}

void Connection::ask_for_piece() {
    piece_wanted_ = true;
    auto ready = [core = hub_.core, weak = weak_from_this(), serial = serial_] {
        core->deps.loop.post([weak, serial] {
            const auto self = weak.lock();
            if (self && self->serial_ == serial && self->state_ == State::sending) self->ask_for_piece();
        });
    };
    if (pieces_->wait(std::move(ready))) return;
    auto job = [core = hub_.core, weak = weak_from_this(), hub = hub_.weak(), serial = serial_, pieces = pieces_,
                tenant = ask_->tenant()] {
        auto piece = std::make_shared<std::string>();
        const auto more = pieces->next(*piece);
        if (!more) log_warning("api", "an answer was cut off in the middle: {}", more.error().text());
        core->deps.loop.post([weak, hub, serial, piece, goes_on = more && *more, failed = !more, tenant] {
            if (const auto alive = hub.lock()) alive->end_job(tenant);
            const auto self = weak.lock();
            if (!self || self->serial_ != serial || self->state_ != State::sending) return;
            self->piece_wanted_ = false;
            self->count_left(piece->size());
            self->on_piece(std::move(*piece), goes_on, failed);
        });
    };
    const auto started = hub_.start_job(ask_->tenant(), std::move(job));
    if (started) return;
    log_warning("api", "an answer was cut off in the middle: {}", started.error().text());
    close();
}

void Connection::on_piece(std::string piece, bool more, bool failed) {
    const auto self = shared_from_this();
    if (failed) return cut_off(piece);
    std::string framed;
    if (ask_->http.minor_version == 0)
        framed = std::move(piece);
    else
        wire::write_chunk(framed, piece);
    if (!more) {
        if (ask_->http.minor_version != 0) wire::write_last_chunk(framed);
        pieces_.reset();
    }
    body_ = std::move(framed);
    body_sent_ = 0;
    pump();
}

// Why it ends goes out, the end does not: then who reads it has a moment before the connection breaks.
void Connection::cut_off(const std::string& reason) {
    pieces_.reset();
    if (reason.empty()) return close();
    std::string framed;
    if (ask_->http.minor_version == 0)
        framed = reason;
    else
        wire::write_chunk(framed, reason);
    stream_->send(as_bytes(framed));
    state_ = State::cutting;
    hub_.core->deps.loop.after(kCutDelay, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->close();
    });
}

void Connection::finish() {
    body_.clear();
    ask_.reset();
    if (!keep_alive_) return close();
    state_ = State::reading;
    deadline_ = hub_.core->clock().monotonic() + hub_.core->options.idle_max;
    stream_->pause_reading(false);
    if (ahead_.empty()) return;
    // In a turn of its own, so that many small requests at once do not pile up on the stack.
    hub_.core->deps.loop.post([weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || self->state_ != State::reading || self->ahead_.empty()) return;
        const Buffer ahead = std::move(self->ahead_);
        self->ahead_.clear();
        self->parse(ahead);
    });
}

}  // namespace gongshu::api
