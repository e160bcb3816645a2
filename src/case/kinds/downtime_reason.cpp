#include <charconv>

#include "base/time_text.h"
#include "case/kinds/kinds.h"

namespace gongshu::cases {

CaseKind downtime_reason_kind() {
    return {
        .name = "downtime_reason",
        .plural = "downtime_reasons",
        .prefix = "DR",
        .title_zh = "停机原因",
        .title_en = "Downtime reason",
        .about_zh = "请操作员说明设备为何停机；无人回答则提醒，再上报",
        .about_en = "Asks the operator why a machine stood; reminds, and escalates when nobody answers",
        .start = "asked",
        .fields = {{.name = "interval", .title_zh = "时段", .title_en = "Interval", .bytes_max = 60},
                   {.name = "asset", .title_zh = "设备", .title_en = "Machine", .bytes_max = 200},
                   {.name = "from", .title_zh = "开始", .title_en = "From", .type = FieldType::time},
                   {.name = "to", .title_zh = "结束", .title_en = "To", .type = FieldType::time},
                   {.name = "category",
                    .title_zh = "类别",
                    .title_en = "Category",
                    .type = FieldType::choice,
                    // The causes of lost availability that factories count apart; the words are ours.
                    .choices = {{"breakdown", "故障", "Breakdown"},
                                {"setup", "换型调试", "Set-up"},
                                {"material", "缺料", "No material"},
                                {"tooling", "换刀、模具", "Tooling"},
                                {"quality", "质量问题", "Quality"},
                                {"people", "缺人", "No people"},
                                {"no_order", "无订单", "No order"},
                                {"planned", "计划停机", "Planned"},
                                {"energy", "停电、停气", "Power or air"},
                                {"other", "其他", "Other"}}},
                   {.name = "reason", .title_zh = "说明", .title_en = "What happened"},
                   {.name = "photos", .title_zh = "照片", .title_en = "Photos", .type = FieldType::files, .max = 6},
                   {.name = "remind_minutes",
                    .title_zh = "几分钟后提醒",
                    .title_en = "Remind after (min)",
                    .type = FieldType::integer,
                    .min = 1,
                    .max = 43'200},
                   {.name = "escalate_minutes",
                    .title_zh = "几分钟后上报",
                    .title_en = "Escalate after (min)",
                    .type = FieldType::integer,
                    .min = 1,
                    .max = 43'200}},
        .states =
            {{.name = "asked", .title_zh = "待说明", .title_en = "Waiting for a reason", .tone = Tone::waiting},
             {.name = "escalated", .title_zh = "已上报", .title_en = "Escalated", .tone = Tone::urgent},
             {.name = "answered",
              .title_zh = "已说明，待确认",
              .title_en = "Answered, to be confirmed",
              .tone = Tone::waiting},
             {.name = "confirmed", .title_zh = "已确认", .title_en = "Confirmed", .final = true, .tone = Tone::good},
             {.name = "unanswered",
              .title_zh = "无人说明",
              .title_en = "Never answered",
              .final = true,
              .tone = Tone::bad},
             {.name = "withdrawn", .title_zh = "已撤回", .title_en = "Withdrawn", .final = true, .tone = Tone::calm}},
        .parties = {{.is = Party::Is::assigned,
                     .name = "asked_ones",
                     .title_zh = "被问的人",
                     .title_en = "who is asked",
                     .role = Role::operator_},
                    {.is = Party::Is::anyone,
                     .name = "operators",
                     .title_zh = "操作员",
                     .title_en = "operators",
                     .role = Role::operator_},
                    {.is = Party::Is::anyone,
                     .name = "engineers",
                     .title_zh = "工程师",
                     .title_en = "engineers",
                     .role = Role::engineer}},
        .actions =
            {{.name = "open",
              .title_zh = "请求说明",
              .title_en = "Ask why",
              .to = "asked",
              .by = {"operators"},
              .takes = {"interval", "asset", "from", "to", "remind_minutes", "escalate_minutes"},
              .needs = {"asset", "from"},
              .assigns = true},
             {.name = "answer",
              .title_zh = "说明原因",
              .title_en = "Give the reason",
              .from = {"asked", "escalated"},
              .to = "answered",
              .by = {"asked_ones", "engineers"},
              .takes = {"category", "reason", "photos"},
              .needs = {"category"},
              .guard = R"(category != "other" or length(coalesce(reason, "")) > 0)",
              .guard_zh = "类别为「其他」时须写明原因",
              .guard_en = "with the category other, what happened has to be said"},
             {.name = "confirm",
              .title_zh = "确认",
              .title_en = "Confirm",
              .from = {"answered"},
              .to = "confirmed",
              .by = {"engineers"},
              .unlike = {"answer"}},
             {.name = "reject",
              .title_zh = "退回",
              .title_en = "Send back",
              .from = {"answered"},
              .to = "asked",
              .by = {"engineers"},
              .needs_note = true},
             {.name = "hand_over",
              .title_zh = "转给他人",
              .title_en = "Hand over",
              .from = {"asked", "escalated"},
              .to = "",
              .by = {"asked_ones", "engineers"},
              .assigns = true},
             {.name = "withdraw",
              .title_zh = "撤回",
              .title_en = "Withdraw",
              .from = {"asked", "escalated", "answered"},
              .to = "withdrawn",
              .by = {"engineers"},
              .needs_note = true},
             {.name = "remind", .title_zh = "提醒", .title_en = "Remind", .from = {"asked"}, .to = ""},
             {.name = "escalate", .title_zh = "上报", .title_en = "Escalate", .from = {"asked"}, .to = "escalated"},
             {.name = "accept",
              .title_zh = "到期视为确认",
              .title_en = "Taken as confirmed",
              .from = {"answered"},
              .to = "confirmed"},
             {.name = "give_up",
              .title_zh = "到期未说明",
              .title_en = "Given up",
              .from = {"escalated"},
              .to = "unanswered"}},
        .deadlines =
            {{.state = "asked", .after = 15 * kMinute, .after_field = "remind_minutes", .action = "remind"},
             {.state = "asked", .after = 60 * kMinute, .after_field = "escalate_minutes", .action = "escalate"},
             {.state = "escalated", .after = 7 * kDay, .action = "give_up"},
             {.state = "answered", .after = 16 * kHour, .working_time = true, .action = "accept"}},
    };
}

std::vector<CaseKind> own_kinds() { return {change_approval_kind(), downtime_reason_kind()}; }

namespace {

std::string text_of(const Fields& fields, std::string_view name) {
    const Json* value = fields.if_contains(name);
    return value == nullptr || !value->is_string() ? std::string{} : std::string(std::string_view(value->as_string()));
}

Result<IntervalId> interval_of(const std::string& text) {
    std::uint64_t id = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failed != std::errc{} || end != text.data() + text.size())
        return Error{Code::invalid, "interval: expected its number, found \"{}\"", text.substr(0, 40)};
    return IntervalId{id};
}

Result<void> prepare(const IntervalDoor& intervals, const Doer& doer, Opening& opening) {
    Fields& fields = opening.turn.fields;
    const std::string interval = text_of(fields, "interval");
    if (!interval.empty() && intervals.find) {
        const IntervalId id = TRY(interval_of(interval));
        const Interval about = TRY(intervals.find(doer.actor.tenant, id));
        // Not told which: whoever asks may not see it.
        if (fields.contains("asset") && text_of(fields, "asset") != about.path)
            return Error{Code::invalid, "asset: the interval {} is of another machine", interval};
        fields["asset"] = about.path;
        if (!fields.contains("from")) fields["from"] = format_time(about.from);
        if (!fields.contains("to") && about.to) fields["to"] = format_time(*about.to);
    }
    const std::string asset = text_of(fields, "asset");
    if (asset.empty()) return Error{Code::invalid, "{}: expected with {}", "asset", "open"};
    opening.place = asset;
    if (opening.subject.empty()) opening.subject = asset;
    return {};
}

Result<void> keep_answer(const IntervalDoor& intervals, const Case& next, const Step& step) {
    const std::string interval = text_of(next.fields, "interval");
    if (step.action != "answer" || interval.empty() || !intervals.find) return {};
    const IntervalId id = TRY(interval_of(interval));
    Interval about = TRY(intervals.find(next.tenant, id));
    if (about.withdrawn) return {};  // it does not count any more; the case still says what was said
    const auto before = about.attributes;
    about.attributes["case"] = next.id;
    about.attributes["category"] = text_of(next.fields, "category");
    about.attributes.erase("reason");
    if (const std::string reason = text_of(next.fields, "reason"); !reason.empty()) about.attributes["reason"] = reason;
    about.attributes.erase("photos");
    if (const Json* photos = next.fields.if_contains("photos"); photos != nullptr && photos->is_array())
        about.attributes["photos"] = static_cast<std::int64_t>(photos->as_array().size());
    if (about.attributes == before) return {};  // kept before the power went
    about.action = IntervalAction::corrected;
    about.by = step.who;
    about.reason = next.id + ": " + step.action;
    return intervals.correct(std::move(about));
}

}  // namespace

Hooks downtime_reason_hooks(IntervalDoor intervals) {
    const auto door = std::make_shared<IntervalDoor>(std::move(intervals));
    return {.prepare = [door](const Doer& doer, Opening& opening) { return prepare(*door, doer, opening); },
            .effect = [door](const Doer&, const Case&, Case& next,
                             const Step& step) { return keep_answer(*door, next, step); }};
}

}  // namespace gongshu::cases
