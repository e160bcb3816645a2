#include "flow/alarm_event.h"

#include <algorithm>
#include <array>

#include "base/checksum.h"
#include "base/json_writer.h"
#include "flow/virtual_backfill_event.h"

namespace gongshu::flow {

using gongshu::to_string;  // of values and qualities, beside that of severities

namespace {

// For people: at most six digits, and the sign they know.
std::string shown(const Value& value, std::string_view unit) {
    const auto* number = std::get_if<double>(&value);
    std::string text = number ? fmt::format("{:.6g}", *number) : to_string(value);
    if (unit == "degC") return text + " ℃";
    if (unit == "degF") return text + " ℉";
    if (unit == "%") return text + "%";
    if (!unit.empty()) text += " " + std::string(unit);
    return text;
}

struct Language {
    bool zh;
    std::string_view no_value;
};
constexpr Language kZh{true, "无值"}, kEn{false, "no value"};

std::string shown(const WhyValue& value, const Language& language) {
    return value.value ? shown(*value.value, value.unit) : std::string(language.no_value);
}

std::string_view last_part(std::string_view path) {
    const auto dot = path.find('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

// The text with {name} filled in; a name that is nothing stays as it is.
std::string fill(std::string_view text, const RulePlan& plan, const std::vector<WhyValue>& values,
                 const Language& language) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        const auto close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) break;
        const std::string_view name = text.substr(open + 1, close - open - 1);
        out += text.substr(0, open);
        // A tag's own value is meant before a window's over it.
        const auto is = [&](const WhyValue& value) { return value.expression == name; };
        const auto ends = [&](const WhyValue& value) {
            return (value.tag == name || last_part(value.tag) == name) &&
                   value.expression.find('(') == std::string::npos;
        };
        auto found = name == "value" ? values.begin() : std::ranges::find_if(values, is);
        if (found == values.end()) found = std::ranges::find_if(values, ends);
        if (name == "device")
            out += language.zh ? plan.device_zh : plan.device_en;
        else if (name == "rule")
            out += plan.rule;
        else if (found != values.end())
            out += shown(*found, language);
        else
            out += text.substr(open, close - open + 1);
        text.remove_prefix(close + 1);
    }
    return out + std::string(text);
}

Why explain(const RulePlan& plan, const std::vector<expr::Observed>& observed) {
    Why why{.condition = plan.spec.condition};
    std::string list_zh, list_en;
    for (const expr::Observed& one : observed) {
        const std::string& path = plan.on->tags()[one.tag].path;
        const auto tag = std::ranges::find(plan.tags, path, &PlanTag::path);
        std::optional<Value> value;
        if (one.quality.grade != Grade::bad) value = one.value;
        why.values.push_back({path, one.expression, one.time, std::move(value), one.unit, one.quality,
                              tag == plan.tags.end() ? TagId{} : tag->id});
        const std::string quality = one.quality.good() ? "" : " (" + to_string(one.quality) + ")";
        const auto add = [&](std::string& list, const Language& language) {
            const std::string_view assumed = !one.assumed ? "" : language.zh ? "（替代值）" : " (a substitute)";
            list += fmt::format("{}{} = {}{}{}", list.empty() ? "" : ", ", one.expression,
                                shown(why.values.back(), language), assumed, quality);
        };
        add(list_zh, kZh);
        add(list_en, kEn);
    }
    // A hold written in the condition is part of its text already.
    const std::string delay = plan.on_delay > plan.on->outer_hold() ? duration_text(plan.on_delay) : "";
    why.text_zh =
        fmt::format("“{}”{}成立：{}", plan.spec.condition, delay.empty() ? "" : "连续 " + delay + " ", list_zh);
    why.text_en =
        fmt::format("\"{}\" was true{}: {}", plan.spec.condition, delay.empty() ? "" : " for " + delay, list_en);
    return why;
}

void write_value(JsonWriter& json, const Value& value) {
    switch (type_of(value)) {
        case ValueType::number:
            json.number(std::get<double>(value));
            break;
        case ValueType::integer:
            json.safe_integer(std::get<std::int64_t>(value));
            break;
        case ValueType::boolean:
            json.boolean(std::get<bool>(value));
            break;
        case ValueType::text:
            json.text(std::get<std::string>(value));
            break;
    }
}

void write_why(JsonWriter& json, const Why& why) {
    json.begin_object();
    json.key("condition").text(why.condition).key("text_zh").text(why.text_zh).key("text_en").text(why.text_en);
    json.key("values").begin_array();
    for (const WhyValue& value : why.values) {
        json.begin_object();
        json.key("tag")
            .text(value.tag)
            .key("expression")
            .text(value.expression)
            .key("ts")
            .integer(value.ts)
            .key("value");
        if (value.value) {
            write_value(json, *value.value);
            json.key("type").text(to_string(type_of(*value.value)));
        } else {
            json.null();
        }
        json.key("unit").text(value.unit);
        if (value.tag_id) json.key("tag_id").integer(static_cast<std::int64_t>(value.tag_id.value));
        json.key("quality").text(to_string(value.quality)).end_object();
    }
    json.end_array().end_object();
}

// The fields of the raised event that are plain texts, once for writing and reading.
constexpr std::array<std::pair<std::string_view, std::string Alarm::*>, 12> kTexts{{
    {"alarm", &Alarm::id},
    {"rule", &Alarm::rule},
    {"rule_uid", &Alarm::rule_uid},
    {"device", &Alarm::device},
    {"device_uid", &Alarm::device_uid},
    {"tag", &Alarm::tag},
    {"group", &Alarm::group},
    {"title_zh", &Alarm::title_zh},
    {"title_en", &Alarm::title_en},
    {"message_zh", &Alarm::message_zh},
    {"message_en", &Alarm::message_en},
    {"cleared_reason", &Alarm::cleared_reason},
}};

// The same of a shelf; an event that ends one has what it names of these.
constexpr std::array<std::pair<std::string_view, std::string Shelf::*>, 6> kShelfTexts{{
    {"rule", &Shelf::rule},
    {"rule_uid", &Shelf::rule_uid},
    {"device", &Shelf::device},
    {"device_uid", &Shelf::device_uid},
    {"who", &Shelf::by},
    {"comment", &Shelf::reason},
}};

// A body as an object that can be asked for fields; what is missing reads as empty.
class Body {
public:
    static Result<Body> parse(const Event& event) {
        auto json = registry::parse_json(event.body);
        if (!json) return std::move(json).error().context("event {} of kind {}", event.id.value, event.kind);
        if (!json->is_object())
            return Error{Code::corrupt, "event {} of kind {} is not an object", event.id.value, event.kind};
        return Body{std::move(json->get_object())};
    }
    explicit Body(JsonObject object) : object_(std::move(object)) {}

    std::string text(std::string_view name) const {
        const Json* field = object_.if_contains(name);
        return field && field->is_string() ? std::string(field->get_string()) : "";
    }
    std::int64_t integer(std::string_view name) const {
        const Json* field = object_.if_contains(name);
        return field && field->is_int64() ? field->get_int64() : 0;
    }
    const Json* find(std::string_view name) const { return object_.if_contains(name); }

private:
    JsonObject object_;
};

Value read_value(const Json& json, std::string_view type) {
    if (type == "text") return json.is_string() ? std::string(json.get_string()) : std::string();
    if (type == "boolean") return json.is_bool() && json.get_bool();
    if (type == "integer") {
        if (json.is_string()) return static_cast<std::int64_t>(std::strtoll(json.get_string().c_str(), nullptr, 10));
        return json.is_int64() ? json.get_int64() : 0;
    }
    if (json.is_double()) return json.get_double();
    if (json.is_int64()) return static_cast<double>(json.get_int64());
    if (json.is_uint64()) return static_cast<double>(json.get_uint64());
    return 0.0;
}

Why read_why(const Json& json) {
    Why why;
    if (!json.is_object()) return why;
    const Body body{json.get_object()};
    why.condition = body.text("condition");
    why.text_zh = body.text("text_zh");
    why.text_en = body.text("text_en");
    const Json* values = body.find("values");
    if (!values || !values->is_array()) return why;
    for (const Json& item : values->get_array()) {
        if (!item.is_object()) continue;
        const Body one{item.get_object()};
        WhyValue value{.tag = one.text("tag"),
                       .expression = one.text("expression"),
                       .ts = one.integer("ts"),
                       .unit = one.text("unit")};
        value.tag_id = TagId{static_cast<std::uint64_t>(one.integer("tag_id"))};
        value.quality = parse_quality(one.text("quality")).value_or(Quality{});
        const Json* number = one.find("value");
        if (number && value.quality.grade != Grade::bad) value.value = read_value(*number, one.text("type"));
        why.values.push_back(std::move(value));
    }
    return why;
}

}  // namespace

Alarm make_alarm(const RulePlan& plan, TimeNs raised, const std::vector<expr::Observed>& observed) {
    Alarm alarm{.tenant = plan.key.tenant,
                .rule = plan.rule,
                .rule_uid = plan.key.rule_uid,
                .device = plan.device,
                .device_uid = plan.key.device_uid};
    if (!plan.tags.empty()) {
        alarm.tag = plan.tags.front().path;
        alarm.tag_id = plan.tags.front().id;
    }
    alarm.severity = plan.spec.severity;
    alarm.group = plan.spec.group;
    alarm.title_zh = plan.spec.title_zh.empty() ? plan.rule : plan.spec.title_zh;
    alarm.title_en = plan.spec.title_en.empty() ? plan.rule : plan.spec.title_en;
    alarm.raised = raised;
    alarm.why = explain(plan, observed);
    const auto message = [&](const std::string& own, const std::string& other, const std::string& title,
                             const Language& language) {
        const std::string& text = own.empty() ? other : own;
        return text.empty() ? title : fill(text, plan, alarm.why.values, language);
    };
    alarm.message_zh = message(plan.spec.message_zh, plan.spec.message_en, alarm.title_zh, kZh);
    alarm.message_en = message(plan.spec.message_en, plan.spec.message_zh, alarm.title_en, kEn);
    return alarm;
}

std::string alarm_id(const Alarm& alarm, unsigned again) {
    std::string identity =
        fmt::format("{} {} {} {}", alarm.tenant.value, alarm.rule_uid, alarm.device_uid, alarm.raised);
    if (again > 0) identity += fmt::format(" {}", again);
    return fmt::format("{:016x}", hash64(as_bytes(identity)));
}

Event raised_event(const Alarm& alarm) {
    std::string body;
    JsonWriter json{body};
    json.begin_object();
    for (const auto& [name, field] : kTexts)
        if (!(alarm.*field).empty()) json.key(name).text(alarm.*field);
    if (alarm.tag_id) json.key("tag_id").integer(static_cast<std::int64_t>(alarm.tag_id.value));
    if (alarm.suppressed) json.key("suppressed").integer(*alarm.suppressed);
    json.key("severity").text(to_string(alarm.severity)).key("raised").integer(alarm.raised).key("why");
    write_why(json, alarm.why);
    json.end_object();
    return {.tenant = alarm.tenant,
            .time = alarm.raised,
            .kind = std::string(kRaised),
            .subject = alarm.rule,
            .body = std::move(body)};
}

Event follow_event(const Alarm& alarm, std::string_view what, TimeNs time, std::string_view who,
                   std::string_view comment) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("alarm").text(alarm.id);
    if (!who.empty()) json.key("who").text(who);
    if (!comment.empty()) json.key("comment").text(comment);
    json.end_object();
    return {.tenant = alarm.tenant,
            .time = time,
            .kind = std::string(what),
            .subject = alarm.rule,
            .body = std::move(body)};
}

Event pending_event(const RulePlan& plan, TimeNs since) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("rule_uid").text(plan.key.rule_uid).key("device_uid").text(plan.key.device_uid);
    json.key("since").integer(since).end_object();
    return {.tenant = plan.key.tenant,
            .time = since,
            .kind = std::string(kPending),
            .subject = plan.rule,
            .body = std::move(body)};
}

Event shelved_event(const Shelf& shelf) {
    std::string body;
    JsonWriter json{body};
    json.begin_object();
    for (const auto& [name, field] : kShelfTexts)
        if (!(shelf.*field).empty()) json.key(name).text(shelf.*field);
    if (shelf.until) json.key("until").integer(*shelf.until);
    json.end_object();
    return {.tenant = shelf.tenant,
            .time = shelf.since,
            .kind = std::string(shelf.kind == ShelfKind::shelved ? kShelved : kOutOfService),
            .subject = shelf.rule,
            .body = std::move(body)};
}

Event unshelved_event(const Shelf& shelf, TimeNs time, std::string_view who, std::string_view comment) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("rule_uid").text(shelf.rule_uid).key("device_uid").text(shelf.device_uid);
    json.key("since").integer(shelf.since);
    if (!who.empty()) json.key("who").text(who);
    if (!comment.empty()) json.key("comment").text(comment);
    json.end_object();
    return {.tenant = shelf.tenant,
            .time = time,
            .kind = std::string(shelf.kind == ShelfKind::shelved ? kUnshelved : kInService),
            .subject = shelf.rule,
            .body = std::move(body)};
}

bool is_of_shelf(const Event& event) {
    return event.kind == kShelved || event.kind == kUnshelved || event.kind == kOutOfService ||
           event.kind == kInService;
}

Result<Shelf> read_shelf(const Event& event) {
    const Body body = TRY(Body::parse(event));
    Shelf shelf{.tenant = event.tenant, .since = event.time};
    for (const auto& [name, field] : kShelfTexts) shelf.*field = body.text(name);
    if (event.kind == kOutOfService || event.kind == kInService) shelf.kind = ShelfKind::out_of_service;
    if (event.kind == kUnshelved || event.kind == kInService) shelf.since = body.integer("since");
    if (event.kind == kShelved) shelf.until = body.integer("until");
    if (shelf.rule_uid.empty())
        return Error{Code::corrupt, "event {} of kind {} names no rule", event.id.value, event.kind};
    return shelf;
}

Result<Alarm> read_raised(const Event& event) {
    const Body body = TRY(Body::parse(event));
    Alarm alarm{.tenant = event.tenant};
    for (const auto& [name, field] : kTexts) alarm.*field = body.text(name);
    alarm.severity = parse_severity(body.text("severity")).value_or(Severity::major);
    alarm.tag_id = TagId{static_cast<std::uint64_t>(body.integer("tag_id"))};
    alarm.raised = body.integer("raised");
    if (body.find("suppressed")) alarm.suppressed = body.integer("suppressed");
    if (const Json* why = body.find("why")) alarm.why = read_why(*why);
    if (alarm.id.empty()) return Error{Code::corrupt, "event {} of kind {} names no alarm", event.id.value, event.kind};
    return alarm;
}

Result<Follow> read_follow(const Event& event) {
    const Body body = TRY(Body::parse(event));
    return Follow{body.text("alarm"), body.text("who"), body.text("comment")};
}

Result<Pending> read_pending(const Event& event) {
    const Body body = TRY(Body::parse(event));
    return Pending{{event.tenant, body.text("rule_uid"), body.text("device_uid")}, body.integer("since")};
}

Result<void> check_event(const Event& event) {
    if (event.kind == kRaised) {
        TRY(read_raised(event));
    } else if (event.kind == kPending) {
        TRY(read_pending(event));
    } else if (is_of_shelf(event)) {
        TRY(read_shelf(event));
    } else if (event.kind == kVirtualPast) {
        TRY(read_backfill(event));
    } else if (event.kind.starts_with("alarm.")) {
        if (TRY(read_follow(event)).alarm.empty())
            return Error{Code::corrupt, "event {} of kind {} names no alarm", event.id.value, event.kind};
    }
    return {};
}

}  // namespace gongshu::flow
