// What storage takes. Administrators of the tenant default see the whole server, others what their own tenant has.
#include "api/storage_handlers.h"

#include <algorithm>

#include "api/handlers.h"
#include "history/segment.h"
#include "history/tag_finder.h"
#include "history/usage.h"

namespace gongshu::api {
namespace {

constexpr std::uint32_t kDays = 30, kDaysMax = 3650;
constexpr std::uint32_t kTags = 100, kTagsMax = 1000;

bool is_of_all(const Ask& ask) { return ask.who.actor.tenant_name == "default"; }

Result<void> check_place(const Ask& ask) {
    if (ask.who.paths.empty()) return {};
    return Error{Code::denied,
                 "what storage takes is told for a whole tenant: only an administrator without limits of "
                 "place may see it"};
}

Result<void> check_all(const Ask& ask) {
    if (is_of_all(ask) && ask.who.paths.empty()) return {};
    return Error{Code::denied,
                 "the history is one for all tenants: only an administrator of the tenant default "
                 "without limits of place may check it"};
}

void write_count(JsonWriter& out, std::string_view name, std::uint64_t count) {
    out.key(name).safe_integer(static_cast<std::int64_t>(count));
}

void write_time(JsonWriter& out, std::string_view name, TimeNs time) {
    out.key(name);
    write_time_or_null(out, time, Units{kMillisecond});
}

std::string day_text(std::int32_t day) { return format_time(history::day_start(day)).substr(0, 10); }

std::string_view to_text(history::FileWork work) {
    switch (work) {
        case history::FileWork::sealing:
            return "seal";
        case history::FileWork::merging:
            return "merge";
        case history::FileWork::removing:
            return "remove";
        case history::FileWork::none:
            break;
    }
    return "";
}

// Of another tenant what its connections, devices and programs send now, as the overview tells it.
void write_rates(JsonWriter& out, Core& core, const Ask& ask) {
    history::RateLog rates;
    double now = 0;
    if (is_of_all(ask)) {
        rates = history::storage_of(core.deps.history).rates();
        now = rates.now_per_s();
    } else {
        now = (*core.rates.lock())[ask.tenant()].per_s;
    }
    out.key("rates").begin_object().key("now_per_s").number(now).key("mean_per_s");
    if (const auto mean = rates.mean_per_s())
        out.number(*mean);
    else
        out.null();
    out.key("mean_ms")
        .integer(rates.span() / kMillisecond)
        .key("step_ms")
        .integer(history::RateLog::kStep / kMillisecond);
    out.key("steps").begin_array();
    for (const history::RateLog::Step& step : rates.steps())
        out.begin_array().integer(step.end / kMillisecond).number(step.per_s).end_array();
    out.end_array().end_object();
}

void write_check(JsonWriter& out, const Ask& ask, const history::CheckState& check) {
    out.key("check").begin_object().key("running").boolean(check.running);
    write_time(out, "since", check.since);
    write_count(out, "files_done", check.files_done);
    write_count(out, "files", check.files);
    write_count(out, "bytes_done", check.bytes_done);
    write_count(out, "bytes", check.bytes);
    write_time(out, "ended", check.running ? 0 : check.ended);
    out.key("took_ms").integer(check.took / kMillisecond).key("error").text(told(ask, check.error));
    write_count(out, "files_read", check.files_read);
    write_count(out, "rows", check.rows);
    write_count(out, "events", check.events);
    write_count(out, "intervals", check.intervals);
    write_count(out, "problem_count", check.problem_count);
    out.key("problems").begin_array();
    for (const std::string& problem : check.problems) out.text(told(ask, problem));
    out.end_array().end_object();
}

// Histories of former versions, which gongshu downgrade goes back to.
void write_former(JsonWriter& out, const history::Formats& formats) {
    out.key("former").begin_array();
    for (const history::KeptHistory& one : formats.kept) {
        out.begin_object().key("formats").integer(one.step);
        write_time(out, "at", one.at);
        write_time(out, "until", one.at + history::kKeptFor);
        out.key("bytes");
        one.bytes ? out.integer(static_cast<std::int64_t>(*one.bytes)) : out.null();
        out.end_object();
    }
    out.end_array();
}

void write_growth(JsonWriter& out, const history::Growth& growth) {
    out.key("bytes_a_day_estimate");
    if (growth.bytes_a_day)
        out.number(*growth.bytes_a_day);
    else
        out.null();
    write_time(out, "disk_full_estimate", growth.full_at.value_or(0));
}

void write_server(JsonWriter& out, Core& core, const Ask& ask, const std::vector<history::DayUse>& days) {
    const history::HistoryStats stats = core.deps.history.stats();
    const history::Storage& storage = history::storage_of(core.deps.history);
    const history::StorageStats more = storage.storage_stats();
    std::uint64_t rows = 0;
    for (const history::DayUse& day : days) rows += day.rows;
    out.begin_object();
    for (const auto& [name, count] :
         {std::pair{"rows", rows}, std::pair{"bytes", stats.segment_bytes}, std::pair{"tags", stats.tags},
          std::pair{"segments", stats.segments}, std::pair{"unmerged_segments", more.unmerged_segments},
          std::pair{"intervals", stats.intervals}, std::pair{"log_bytes", stats.log_bytes},
          std::pair{"log_unsynced_bytes", more.log_unsynced_bytes}, std::pair{"log_waiting", more.log_waiting},
          std::pair{"memory_rows", stats.rows_in_memory}, std::pair{"memory_bytes", more.memory_bytes},
          std::pair{"disk_free_bytes", stats.disk_free_bytes}, std::pair{"disk_total_bytes", stats.disk_total_bytes}})
        write_count(out, name, count);
    out.key("memory_age_ms").integer(more.memory_age / kMillisecond).key("work").text(to_text(more.work));
    out.key("read_only").text(stats.read_only ? told(ask, stats.read_only_reason) : std::string{});
    write_time(out, "oldest", days.empty() ? 0 : history::day_start(days.front().day));
    write_growth(out, history::growth_of(days, stats, core.clock().now()));
    // A name beside the history that cannot be read must not hide what storage takes.
    write_former(out, storage.formats().value_or(history::Formats{}));
    write_check(out, ask, storage.check_state());
    out.end_object();
}

void write_days(JsonWriter& out, const std::vector<history::DayUse>& days, std::int32_t first) {
    std::uint64_t rows = 0, bytes = 0;
    out.key("days").begin_array();
    for (const history::DayUse& day : days) {
        if (day.day < first) continue;
        rows += day.rows;
        bytes += day.bytes;
        out.begin_object().key("day").text(day_text(day.day));
        write_count(out, "rows", day.rows);
        write_count(out, "bytes", day.bytes);
        write_count(out, "segments", day.segments);
        out.end_object();
    }
    out.end_array();
    write_count(out, "rows", rows);
    write_count(out, "bytes", bytes);
}

std::int32_t first_day(const Core& core, std::uint64_t days) {
    return history::day_of(core.clock().now()) - static_cast<std::int32_t>(days) + 1;
}

enum class Order : std::uint8_t { bytes, rows, bytes_per_row };

Result<Order> parse_order(const Ask& ask) {
    const std::string_view order = ask.value("order");
    if (order.empty() || order == "bytes") return Order::bytes;
    if (order == "rows") return Order::rows;
    if (order == "bytes_per_row") return Order::bytes_per_row;
    return Error{Code::invalid, "order: \"{}\" is none of bytes, rows, bytes_per_row", order.substr(0, 40)};
}

double size_of(const history::TagUse& use, Order order) {
    const auto bytes = static_cast<double>(use.bytes), rows = static_cast<double>(use.rows);
    return order == Order::bytes ? bytes : order == Order::rows ? rows : rows > 0 ? bytes / rows : 0;
}

// Of the asker's tenant and within the glob; the order is left as it is.
std::vector<history::TagUse> uses_within(Core& core, const Ask& ask, const history::Usage& usage) {
    std::vector<history::TagUse> uses;
    std::ranges::copy_if(usage.tags, std::back_inserter(uses),
                         [&](const history::TagUse& use) { return use.tenant == ask.tenant(); });
    const std::string_view glob = ask.value("tag");
    if (glob.empty() || glob == "**") return uses;
    std::vector<TagId> wanted;
    const auto matches = history::match_shared(core.deps.tags, ask.tenant(), glob, core.deps.history.stats().tags);
    for (const auto& info : *matches) wanted.push_back(info->id);
    std::ranges::sort(wanted);
    std::erase_if(uses, [&](const history::TagUse& use) { return !std::ranges::binary_search(wanted, use.tag); });
    return uses;
}

void write_use(JsonWriter& out, const TagInfo& info, const history::TagUse& use) {
    out.begin_object().key("tag").text(info.path).key("type").text(to_string(info.type)).key("unit").text(info.unit);
    write_count(out, "rows", use.rows);
    write_count(out, "bytes", use.bytes);
    out.key("first").text(day_text(use.first)).key("last").text(day_text(use.last)).end_object();
}

}  // namespace

Result<Answer> get_storage(Core& core, const Ask& ask) {
    TRY(check_place(ask));
    const std::uint64_t length = TRY(parse_number(ask, "days", kDays, 1, kDaysMax));
    const auto days = core.deps.history.days();
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    write_time(out, "at", core.clock().now());
    out.key("server");
    if (is_of_all(ask)) {
        write_server(out, core, ask, days);
        write_days(out, days, first_day(core, length));
    } else {
        out.null();
        const auto covering = std::ranges::lower_bound(history::Storage::kUsageDays, length);  // kDaysMax is the last
        const auto usage = TRY(history::storage_of(core.deps.history).recent_usage(*covering));
        const auto own = usage->days.find(ask.tenant());
        write_days(out, own == usage->days.end() ? std::vector<history::DayUse>{} : own->second,
                   first_day(core, length));
    }
    write_rates(out, core, ask);
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_storage_tags(Core& core, const Ask& ask) {
    TRY(check_place(ask));
    const std::uint64_t length = TRY(parse_number(ask, "days", kDays, 1, kDaysMax));
    const std::uint64_t limit = TRY(parse_number(ask, "limit", kTags, 1, kTagsMax));
    const Order order = TRY(parse_order(ask));
    const auto usage = TRY(history::storage_of(core.deps.history).recent_usage(static_cast<std::uint32_t>(length)));
    auto uses = uses_within(core, ask, *usage);
    const bool ascending = parse_flag(ask, "ascending");
    const auto shown = uses.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(uses.size(), limit));
    std::partial_sort(uses.begin(), shown, uses.end(), [&](const history::TagUse& a, const history::TagUse& b) {
        const double x = size_of(a, order), y = size_of(b, order);
        return x != y ? (ascending ? x < y : x > y) : a.tag < b.tag;
    });
    std::uint64_t rows = 0, bytes = 0;
    for (const history::TagUse& use : uses) {
        rows += use.rows;
        bytes += use.bytes;
    }
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    write_count(out, "total", uses.size());
    write_count(out, "rows", rows);
    write_count(out, "bytes", bytes);
    out.key("items").begin_array();
    for (auto use = uses.begin(); use != shown; ++use)
        if (const auto info = core.deps.tags.info(use->tag)) write_use(out, *info, *use);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_storage_tag_days(Core& core, const Ask& ask) {
    TRY(check_place(ask));
    const std::uint64_t length = TRY(parse_number(ask, "days", kDays, 1, kDaysMax));
    const std::string_view path = ask.value("tag");
    const auto info = core.deps.tags.find(ask.tenant(), path);
    if (!info) return Error{Code::not_found, "there is no tag \"{}\"", path.substr(0, 200)};
    const std::int32_t first = first_day(core, length);
    history::TagDays which;
    which.first = first;
    which.tag = info->id;
    const auto usage = TRY(history::storage_of(core.deps.history).usage(which));
    const auto own = usage.days.find(ask.tenant());
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("tag").text(info->path).key("type").text(to_string(info->type));
    out.key("unit").text(info->unit);
    write_days(out, own == usage.days.end() ? std::vector<history::DayUse>{} : own->second, first);
    out.end_object();
    return json_answer(std::move(body));
}

namespace {

Result<Answer> told_check(Core& core, const Ask& ask) {
    std::string body;
    JsonWriter out{body};
    out.begin_object();
    write_check(out, ask, history::storage_of(core.deps.history).check_state());
    out.end_object();
    return json_answer(std::move(body), 202);
}

}  // namespace

Result<Answer> check_storage(Core& core, const Ask& ask) {
    TRY(check_all(ask));
    TRY(history::storage_of(core.deps.history).start_check(core.deps.pool));
    core.deps.registry.audit(ask.who.actor, "check", "history", "", "", true);
    return told_check(core, ask);
}

Result<Answer> cancel_storage_check(Core& core, const Ask& ask) {
    TRY(check_all(ask));
    history::storage_of(core.deps.history).cancel_check();
    return told_check(core, ask);
}

}  // namespace gongshu::api
