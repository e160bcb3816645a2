#include <algorithm>

#include "api/handlers.h"
#include "backup/backups.h"
#include "registry/openapi.h"

namespace gongshu::api {

namespace {

std::string why_read_only(Core& core) {
    const history::HistoryStats stats = core.deps.history.stats();
    if (stats.read_only) return stats.read_only_reason;
    return core.deps.registry.read_only();
}

std::string lower(std::string_view text) { return wire::media_type(text); }

void note_backups(const backup::Backups& backups, Metrics& metrics) {
    const auto seconds = [](TimeNs at) { return static_cast<double>(at) / static_cast<double>(kSecond); };
    TimeNs newest = 0;
    if (const auto all = backups.list())
        for (const backup::BackupInfo& info : *all)
            if (info.problem.empty()) newest = std::max(newest, info.made);
    metrics
        .gauge("gongshu_backup_newest_seconds", "When the newest whole backup was made, since 1970; 0: there is none")
        .set(seconds(newest));
    const auto proof = backups.last_proof();
    const bool good = proof && *proof && (*proof)->problem_count == 0;
    metrics.gauge("gongshu_backup_proved_seconds", "When a backup was proved by reading it, if the last drill was good")
        .set(good ? seconds((*proof)->at) : 0);
    const auto target = backups.target();
    if (!target) return;
    metrics.gauge("gongshu_backup_target_sent_seconds", "When a copy became whole in the second place, since the start")
        .set(seconds(target->sent_at));
    metrics.gauge("gongshu_backup_target_failures", "Copies to the second place that failed since the start")
        .set(static_cast<double>(target->failures));
    metrics.gauge("gongshu_backup_target_behind", "1 if the last try to copy there failed")
        .set(target->problem.empty() ? 0 : 1);
}

}  // namespace

Result<Answer> get_health(Core& core, const Ask&) {
    const std::string why = why_read_only(core);
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("status").text(why.empty() ? "ok" : "read-only");
    if (!why.empty()) out.key("detail").text(why);
    // The sign-in page says so before anybody takes made-up numbers for a real machine's.
    if (core.options.simulated) out.key("simulated").boolean(true);
    out.end_object();
    return json_answer(std::move(body), why.empty() ? 200 : 503);
}

// Its series tell of all tenants: off loopback a caller of the tenant "default" is needed.
Result<Answer> get_metrics(Core& core, const Ask& ask) {
    if (!ask.loopback) {
        if (!ask.signed_in)
            return Error{Code::unauthorized, "off loopback /metrics needs a token of the tenant default"};
        if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty()) {
            return Error{
                Code::denied,
                "/metrics tells of all tenants: a token of the tenant default without limits of place is needed"};
        }
    }
    const history::HistoryStats stats = core.deps.history.stats();
    Metrics& metrics = core.deps.metrics;
    metrics.gauge("gongshu_history_tags", "Tags in the catalogue").set(static_cast<double>(stats.tags));
    metrics.gauge("gongshu_history_memory_rows", "Rows that are not in a segment yet")
        .set(static_cast<double>(stats.rows_in_memory));
    metrics.gauge("gongshu_history_segments", "Segments on disk").set(static_cast<double>(stats.segments));
    metrics.gauge("gongshu_history_segment_bytes", "Bytes of all segments")
        .set(static_cast<double>(stats.segment_bytes));
    metrics.gauge("gongshu_history_log_bytes", "Bytes of the log").set(static_cast<double>(stats.log_bytes));
    metrics.gauge("gongshu_disk_free_bytes", "Free bytes where the history lies")
        .set(static_cast<double>(stats.disk_free_bytes));
    metrics.gauge("gongshu_disk_bytes", "All bytes of the disk where the history lies")
        .set(static_cast<double>(stats.disk_total_bytes));
    metrics.gauge("gongshu_history_read_only", "1 when the store refuses writes").set(stats.read_only ? 1 : 0);
    if (const backup::Backups* const backups = core.deps.backups) note_backups(*backups, metrics);
    Answer answer = json_answer(metrics.render());
    answer.media_type = "text/plain; version=0.0.4; charset=utf-8";
    return answer;
}

// No secret: it is what others trust, and they fetch it before they can.
Result<Answer> get_authority(Core& core, const Ask&) {
    std::string certificate = *core.authority.lock();
    if (certificate.empty())
        return Error{Code::not_found, "this server has no certificate authority of its own; --lan makes one"};
    Answer answer = json_answer(std::move(certificate));
    answer.media_type = "application/x-x509-ca-cert";
    return answer;
}

Result<Answer> get_openapi(Core& core, const Ask&) {
    std::vector<registry::FixedPath> paths;
    for (const Route& route : routes()) {
        if (route.access == Access::read_kind || route.access == Access::write_kind) continue;  // registry has these
        registry::FixedPath path;
        path.method = lower(to_string(route.method));
        path.path = route.path;
        path.area = route.area;
        path.about = route.about;
        path.role = route.access == Access::role        ? route.role
                    : route.access == Access::signed_in ? registry::Role::viewer
                                                        : registry::Role::none;
        for (std::size_t at = route.path.find('{'); at != std::string_view::npos; at = route.path.find('{', at + 1)) {
            const std::string_view name = route.path.substr(at + 1, route.path.find('}', at) - at - 1);
            path.parameters.push_back({std::string{name}, "path", "string", "", true});
        }
        if (route.method == wire::HttpMethod::post)
            path.request_type = route.path == "/api/v1/write" ? "text/plain" : "application/json";
        paths.push_back(std::move(path));
    }
    return json_answer(registry::to_text(registry::openapi(core.deps.registry.kinds(), paths, core.options.version)));
}

Result<Answer> post_compact(Core& core, const Ask& ask) {
    if (ask.who.actor.tenant_name != "default" || !ask.who.paths.empty()) {
        return Error{
            Code::denied,
            "the history is one for all tenants: only an administrator of the tenant default without limits of "
            "place may compact it"};
    }
    const DurationNs begin = core.clock().monotonic();
    TRY(core.deps.history.compact());
    const DurationNs took = core.clock().monotonic() - begin;
    core.deps.registry.audit(ask.who.actor, "compact", "history", "", "", true);
    std::string body;
    JsonWriter{body}
        .begin_object()
        .key("ms")
        .number(static_cast<double>(took) / static_cast<double>(kMillisecond))
        .end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
