// What is kept of readings. Administrators of the tenant default see the whole server, others their own tenant; what
// they keep is said by their resources of kind retention and hold.
#include "api/handlers.h"
#include "base/options.h"
#include "retention/retention.h"

namespace gongshu::api {
namespace {

bool is_of_all(const Ask& ask) { return ask.who.actor.tenant_name == "default"; }

Result<retention::Retention*> retention_for(Core& core, const Ask& ask) {
    if (!ask.who.paths.empty())
        return Error{Code::denied,
                     "what is kept is said for a whole tenant: only an administrator without limits of "
                     "place may see it"};
    if (core.deps.retention == nullptr) return Error{Code::unsupported, "this server keeps everything"};
    return core.deps.retention;
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
    out.key(name).safe_integer(static_cast<std::int64_t>(count));
}

void write_time(JsonWriter& out, std::string_view name, TimeNs time) {
    out.key(name);
    write_time_or_null(out, time, Units{kMillisecond});
}

void write_removed(JsonWriter& out, const history::Removed& removed) {
    write_count(out, "rows", removed.rows);
    write_count(out, "bytes", removed.bytes);
    write_count(out, "segments", removed.segments);
    write_count(out, "rewritten", removed.rewritten);
    write_time(out, "from", removed.from);
    write_time(out, "to", removed.to);
}

void write_server(JsonWriter& out, const Core& core, const retention::Plan& plan) {
    const history::HistoryStats stats = core.deps.history.stats();
    out.begin_object().key("days").integer(plan.limits.days);
    write_count(out, "limit_bytes", plan.limits.bytes);
    out.key("keep_days").integer(plan.limits.keep_days);
    write_count(out, "rows", plan.rows);
    write_count(out, "bytes", plan.bytes);
    write_count(out, "disk_free_bytes", stats.disk_free_bytes);
    write_time(out, "oldest", plan.oldest);
    write_time(out, "before", plan.before);
    out.key("bytes_a_day_estimate");
    if (plan.bytes_a_day)
        out.number(*plan.bytes_a_day);
    else
        out.null();
    write_time(out, "disk_full_estimate", plan.full_at.value_or(0));
    out.key("to_go").begin_object();
    write_removed(out, plan.to_go);
    out.end_object().end_object();
}

void write_plan(JsonWriter& out, const Core& core, const Ask& ask, const retention::Plan& plan) {
    const auto seen = [&](TenantId tenant) { return is_of_all(ask) || tenant == ask.tenant(); };
    out.key("server");
    if (is_of_all(ask))
        write_server(out, core, plan);
    else
        out.null();
    out.key("tenants").begin_array();
    for (const auto& tenant : plan.tenants) {
        if (!seen(tenant.tenant)) continue;
        out.begin_object().key("name").text(tenant.name);
        write_count(out, "tags", tenant.tags);
        write_count(out, "holds", tenant.holds);
        write_count(out, "rows", tenant.rows);
        write_count(out, "bytes", tenant.bytes);
        write_time(out, "oldest", tenant.oldest);
        write_count(out, "rows_to_go", tenant.rows_to_go);
        out.end_object();
    }
    out.end_array().key("policies").begin_array();
    for (const auto& policy : plan.policies) {
        if (!seen(policy.tenant)) continue;
        out.begin_object().key("tenant").text(policy.tenant_name).key("name").text(policy.name);
        write_count(out, "tags", policy.tags);
        write_count(out, "rows", policy.rows);
        write_count(out, "bytes", policy.bytes);
        write_count(out, "rows_to_go", policy.rows_to_go);
        write_count(out, "bytes_to_go", policy.bytes_to_go);
        write_time(out, "before", policy.before);
        out.end_object();
    }
    out.end_array();
}

void write_done(JsonWriter& out, const Ask& ask, const std::vector<retention::Done>& done) {
    out.key("done").begin_array();
    for (auto one = done.rbegin(); one != done.rend(); ++one) {
        out.begin_object();
        write_time(out, "at", one->at);
        write_removed(out, one->removed);
        out.key("error").text(told(ask, one->error)).end_object();
    }
    out.end_array();
}

Result<Answer> render(Core& core, const Ask& ask, const retention::Plan& plan,
                      const std::vector<retention::Done>& done) {
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    write_plan(out, core, ask, plan);
    if (is_of_all(ask)) write_done(out, ask, done);
    out.end_object();
    return json_answer(std::move(body), 200);
}

// {"days","bytes","keep_days"}, each optional; absent = as it is now.
Result<retention::Limits> limits_of(const Ask& ask, retention::Limits limits) {
    if (ask.http.body.empty()) return limits;
    Fields fields = TRY(Fields::parse(ask.http.body));
    const auto days = [&](std::string_view name, std::uint32_t& into) -> Result<void> {
        if (fields.find(name) == nullptr) return {};
        const std::uint64_t found = TRY(fields.number(name));
        if (found < 1 || found > 36'500) return Error{Code::invalid, "{}: expected 1 to 36500, found {}", name, found};
        into = static_cast<std::uint32_t>(found);
        return {};
    };
    TRY(days("days", limits.days));
    TRY(days("keep_days", limits.keep_days));
    if (const Json* bytes = fields.find("bytes"); bytes != nullptr && bytes->is_string())
        limits.bytes = TRY(options::parse_bytes(TRY(fields.text("bytes"))).context("bytes"));
    else if (bytes != nullptr)
        limits.bytes = TRY(fields.number("bytes"));
    TRY(fields.done());
    return limits;
}

}  // namespace

Result<Answer> get_retention(Core& core, const Ask& ask) {
    retention::Retention& retention = *TRY(retention_for(core, ask));
    return render(core, ask, TRY(retention.recent_plan()), retention.done());
}

Result<Answer> preview_retention(Core& core, const Ask& ask) {
    retention::Retention& retention = *TRY(retention_for(core, ask));
    const retention::Limits limits = TRY(limits_of(ask, retention.limits()));
    return render(core, ask, TRY(retention.plan(limits)), retention.done());
}

Result<Answer> run_retention(Core& core, const Ask& ask) {
    retention::Retention& retention = *TRY(retention_for(core, ask));
    if (!is_of_all(ask))
        return Error{Code::denied,
                     "removing works over all tenants: it is for administrators of the tenant default; it "
                     "happens by itself every hour"};
    core.deps.registry.audit(ask.who.actor, "run", "retention", "", "", true);
    const history::Removed removed = TRY(retention.run());
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("removed").begin_object();
    write_removed(out, removed);
    out.end_object().end_object();
    return json_answer(std::move(body), 200);
}

}  // namespace gongshu::api
