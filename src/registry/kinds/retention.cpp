#include "registry/kinds/retention.h"

#include "base/options.h"
#include "registry/kind_of.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_STRUCT(RetentionSpec, (), (tags, keep, keep_bytes, keep_at_least, note))
BOOST_DESCRIBE_STRUCT(HoldSpec, (), (tags, from, to, reason))

namespace {

constexpr std::size_t kGlobsMax = 100;
constexpr std::size_t kGlobBytesMax = 1000;

// Whole days are what is removed, so less than one is no retention.
Result<void> check_days(std::string_view text) {
    const DurationNs duration = TRY(options::parse_duration(text));
    if (duration >= kDay) return {};
    return Error{Code::invalid, "expected at least 1d, because whole days are removed, found {}", text};
}

Result<void> check_bytes(std::string_view text) {
    constexpr std::uint64_t kLeast = 1'000'000;
    if (TRY(options::parse_bytes(text)) >= kLeast) return {};
    return Error{Code::invalid, "expected at least 1MB, found {}", text};
}

Result<void> check_time(std::string_view text) {
    TRY(parse_rfc3339(text));
    return {};
}

Result<void> check_globs(const std::vector<std::string>& globs) {
    if (globs.empty()) return Error{Code::invalid, "tags: expected at least one glob, such as ** for all"};
    for (std::size_t i = 0; i < globs.size(); ++i)
        if (globs[i].empty() || globs[i].size() > kGlobBytesMax)
            return Error{Code::invalid, "tags[{}]: expected 1 to {} bytes, found {}", i, kGlobBytesMax,
                         globs[i].size()};
    return {};
}

Result<void> check_retention(const RetentionSpec& spec) {
    TRY(check_globs(spec.tags));
    if (!spec.keep && !spec.keep_bytes)
        return Error{Code::invalid, "keep: expected keep or keep_bytes: without either nothing would be removed"};
    // Age goes before: what keep_at_least promises beyond it would be removed all the same.
    if (spec.keep && spec.keep_at_least &&
        TRY(options::parse_duration(*spec.keep_at_least)) > TRY(options::parse_duration(*spec.keep)))
        return Error{Code::invalid,
                     "keep_at_least: expected no more than keep ({}), found {}: what is older than keep is removed "
                     "whatever its bytes",
                     *spec.keep, *spec.keep_at_least};
    return {};
}

Result<void> check_hold(const HoldSpec& spec) {
    TRY(check_globs(spec.tags));
    if (spec.from && spec.to && TRY(parse_rfc3339(*spec.from)) >= TRY(parse_rfc3339(*spec.to)))
        return Error{Code::invalid, "to: expected a time after from, found {}", *spec.to};
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const RetentionSpec*) {
    return {
        {.field = "tags",
         .title_zh = "点位",
         .title_en = "Tags",
         .help_zh = "路径通配：* 为一级，** 为任意级；多条适用时，通配符之外字符最多的一条生效",
         .help_en = "Globs of paths: * within a level, ** over levels; of several that fit, the one with most "
                    "characters beside its wildcards decides",
         .length_max = kGlobsMax},
        {.field = "keep",
         .title_zh = "保留时长",
         .title_en = "Keep for",
         .help_zh = "更早的读数按整天删除，例如 400d，至少 1d；留空为一直保留",
         .help_en = "Older readings go, a whole day at a time, as in 400d; at least 1d; empty: for ever",
         .widget = "days",
         .check = check_days},
        {.field = "keep_bytes",
         .title_zh = "保留字节数",
         .title_en = "Keep at most",
         .help_zh = "这些点位在磁盘上占用超过此数时，最早的整天先删，例如 50GB",
         .help_en = "When these tags take more on disk, the oldest whole days go first, as in 50GB",
         .check = check_bytes},
        {.field = "keep_at_least",
         .title_zh = "超出字节数时仍保留",
         .title_en = "Kept even when over size",
         .help_zh = "最近这么久的读数不会因字节数而删除，至少 1d，不能长于保留时长；留空为 30d",
         .help_en =
             "The newest readings, so far back, do not go for their bytes; at least 1d, no more than Keep for; empty: "
             "30d",
         .widget = "days",
         .check = check_days},
        {.field = "note", .title_zh = "说明", .title_en = "Note", .widget = "multiline"}};
}

std::vector<Fact> facts_of(const HoldSpec*) {
    return {{.field = "tags",
             .title_zh = "点位",
             .title_en = "Tags",
             .help_zh = "路径通配：* 为一级，** 为任意级",
             .help_en = "Globs of paths: * within a level, ** over levels",
             .required = true,
             .length_max = kGlobsMax},
            {.field = "from",
             .title_zh = "自",
             .title_en = "From",
             .help_zh = "RFC 3339，例如 2026-03-01T08:00:00+08:00；留空为最早",
             .help_en = "RFC 3339, as in 2026-03-01T08:00:00+08:00; empty: from the beginning",
             .check = check_time},
            {.field = "to",
             .title_zh = "至",
             .title_en = "To",
             .help_zh = "留空为不限",
             .help_en = "Empty: without end",
             .check = check_time},
            {.field = "reason", .title_zh = "原因", .title_en = "Reason", .required = true}};
}

Kind retention_kind() {
    return make_kind<RetentionSpec>({.name = "retention",
                                     .plural = "retentions",
                                     .title_zh = "保留策略",
                                     .title_en = "Retention",
                                     .about_zh = "某些点位的读数保留多久、保留多少",
                                     .about_en = "How long and how much of the readings of some tags is kept",
                                     .write_role = Role::admin},
                                    {.alone = check_retention});
}

Kind hold_kind() {
    return make_kind<HoldSpec>({.name = "hold",
                                .plural = "holds",
                                .title_zh = "保全",
                                .title_en = "Hold",
                                .about_zh = "一段任何保留策略都不得删除的读数",
                                .about_en = "A stretch of readings that no retention removes",
                                .write_role = Role::engineer},
                               {.alone = check_hold});
}

template Result<RetentionSpec> spec_of<RetentionSpec>(const Resource&);
template Result<HoldSpec> spec_of<HoldSpec>(const Resource&);

}  // namespace gongshu::registry
