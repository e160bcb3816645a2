#include <algorithm>

#include "api/handlers.h"
#include "api/sight.h"

namespace gongshu::api {

namespace {

constexpr std::string_view kCookieShape = "gongshu={}; Path=/; HttpOnly; SameSite=Strict{}";

std::string render_session(Core& core, const registry::Principal& who, std::string_view token) {
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    if (!token.empty()) out.key("token").text(token);
    out.key("user").text(who.name).key("tenant").text(who.actor.tenant_name);
    out.key("role").text(to_string(who.actor.role)).key("csrf").text(who.csrf);
    out.key("setup").boolean(is_first_start(core, who));
    out.key("must_change_password").boolean(who.must_change_password);
    out.end_object();
    return body;
}

}  // namespace

void add_retry_after(Core& core, Answer& answer, std::string_view user, std::string_view from) {
    const DurationNs wait = std::max<DurationNs>(core.deps.auth.retry_after(user, from), kSecond);
    answer.headers.push_back({"retry-after", fmt::format("{}", (wait + kSecond - 1) / kSecond)});
}

Result<Answer> post_session(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string once = TRY(fields.text_or("one_time", ""));
    const std::string user = once.empty() ? TRY(fields.text("user")) : std::string{};
    const std::string password = once.empty() ? TRY(fields.text("password")) : std::string{};
    TRY(fields.done());
    auto session =
        once.empty() ? core.deps.auth.sign_in(user, password, ask.from) : core.deps.auth.sign_in_once(once, ask.from);
    if (!session && session.error().code() == Code::limit) {
        Answer refused = problem(core, session.error(), {.language = language_of(ask)});
        add_retry_after(core, refused, user, ask.from);
        return refused;
    }
    if (!session) return std::move(session).error();
    Answer answer = json_answer(render_session(core, session->principal, session->token));
    answer.headers.push_back({"set-cookie", fmt::format(kCookieShape, session->token, ask.secure ? "; Secure" : "")});
    return answer;
}

Result<Answer> get_session(Core& core, const Ask& ask) { return json_answer(render_session(core, ask.who, {})); }

Result<Answer> delete_session(Core& core, const Ask& ask) {
    if (!ask.session_token.empty()) core.deps.auth.sign_out(ask.session_token);
    Answer answer = no_content();
    answer.headers.push_back({"set-cookie", fmt::format(kCookieShape, "", "; Max-Age=0")});
    return answer;
}

Result<Answer> post_session_password(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string old = TRY(fields.text_or("old", ""));
    const std::string fresh = TRY(fields.text("new"));
    TRY(fields.done());
    if (ask.who.is_token) return Error{Code::denied, "a token has no password: sign in as a person"};
    TRY(core.deps.auth.change_password(ask.who, old, fresh, ask.session_token));
    return no_content();
}

Result<Answer> issue_token(Core& core, const Ask& ask) {
    TRY(Sight(core, ask.who).check_stored(*core.deps.registry.kind("token"), ask.names.at(0)));
    const std::string token = TRY(core.deps.auth.issue_token(ask.who.actor, ask.names.at(0)));
    std::string body;
    JsonWriter{body}.begin_object().key("token").text(token).end_object();
    return json_answer(std::move(body));
}

Result<Answer> issue_credential(Core& core, const Ask& ask) {
    const std::string& device = ask.names.at(0);
    if (!sees(ask.who, device)) return Error{Code::not_found, "there is no device \"{}\"", device.substr(0, 200)};
    const auto credential = TRY(core.deps.auth.issue_device(ask.who.actor, device));
    std::string body;
    JsonWriter{body}
        .begin_object()
        .key("username")
        .text(credential.username)
        .key("password")
        .text(credential.password)
        .end_object();
    return json_answer(std::move(body));
}

Result<Answer> set_password(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string password = TRY(fields.text("password"));
    TRY(fields.done());
    TRY(Sight(core, ask.who).check_stored(*core.deps.registry.kind("user"), ask.names.at(0)));
    TRY(core.deps.auth.set_password(ask.who.actor, ask.names.at(0), password));
    return no_content();
}

}  // namespace gongshu::api
