#include "notify/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/time_text.h"
#include "calendar/day.h"
#include "io/crypto.h"
#include "registry/json.h"
#include "registry/names.h"
#include "wire/http.h"

namespace gongshu::notify {
namespace {

constexpr std::size_t kWecomBytesMax = 4'000;  // of 4096 that it takes
constexpr std::size_t kRobotBytesMax = 16'000;
constexpr std::size_t kLinesMax = 30;
constexpr std::size_t kAnswerTold = 200;

std::string_view pick(Language language, std::string_view zh, std::string_view en) {
    return language == Language::zh ? zh : en;
}

std::string_view colon(Language language) { return pick(language, "：", ": "); }

// At most `bytes`, of whole characters.
std::string cut(std::string_view text, std::size_t bytes) {
    if (text.size() <= bytes) return std::string(text);
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
    return std::string(text.substr(0, bytes)) + "…";
}

std::string one_line(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
    return out;
}

// "2026-03-01 16:15" on the wall clock.
std::string local_text(const calendar::Zone& zone, TimeNs time) {
    const std::int64_t seconds = zone.local_seconds(time);
    std::int64_t day = seconds / 86'400, rest = seconds % 86'400;
    if (rest < 0) {
        rest += 86'400;
        --day;
    }
    return calendar::day_text(static_cast<calendar::Day>(day)) + " " +
           calendar::minute_text(static_cast<int>(rest / 60));
}

std::string who_text(std::string_view who, Language language) {
    if (who == "system") return std::string(pick(language, "程序", "the program"));
    if (who.starts_with("user:")) return std::string(who.substr(5));
    if (who.starts_with("token:")) return fmt::format("{} {}", pick(language, "令牌", "token"), who.substr(6));
    return std::string(who);
}

std::string text_of(const Json& value) {
    return value.is_string() ? std::string(std::string_view(value.get_string())) : registry::to_text(value);
}

// "2026-03-01T08:00:00Z" of a field as the wall clock shows it; what cannot be read stays.
std::string local_field(const calendar::Zone& zone, const std::string& text) {
    const auto time = registry::parse_rfc3339(text);
    return time ? local_text(zone, *time) : text;
}

std::string value_text(const cases::Field& field, const Json& value, const calendar::Zone& zone, Language language) {
    if (field.type == cases::FieldType::choice)
        for (const cases::Choice& choice : field.choices)
            if (choice.name == text_of(value)) return std::string(pick(language, choice.title_zh, choice.title_en));
    if (field.type == cases::FieldType::files) {
        const std::size_t count = value.is_array() ? value.get_array().size() : 0;
        return language == Language::zh ? fmt::format("{} 个文件", count) : fmt::format("{} files", count);
    }
    if (field.type == cases::FieldType::boolean && value.is_bool())
        return std::string(value.get_bool() ? pick(language, "是", "yes") : pick(language, "否", "no"));
    if (field.type == cases::FieldType::time) return local_field(zone, text_of(value));
    return one_line(text_of(value));
}

// The fields as they were after that step.
cases::Fields fields_after(const std::vector<cases::Step>& steps, std::uint64_t number) {
    cases::Fields fields;
    for (const cases::Step& step : steps) {
        if (step.number > number) break;
        for (const auto& item : step.changed) {
            if (item.value().is_null())
                fields.erase(item.key());
            else
                fields[item.key()] = item.value();
        }
    }
    return fields;
}

std::string link_of(const std::string& pages, const std::string& id) {
    if (pages.empty()) return "";
    std::string link = pages;
    while (link.ends_with('/')) link.pop_back();
    return link + "/#/cases/" + id;
}

// Robots read <…> as colours and mentions and […](…) as links: what people wrote shall be neither.
std::string harmless(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '<':
                out += "＜";
                break;
            case '>':
                out += "＞";
                break;
            case '[':
                out += "［";
                break;
            case ']':
                out += "］";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string markdown(const Message& message, Language language, std::size_t bytes_max) {
    const std::string end =
        message.link.empty() ? "" : fmt::format("\n\n[{}]({})", pick(language, "打开", "Open"), message.link);
    std::string text = fmt::format("**{}**\n\n{}", harmless(message.title), harmless(message.text));
    for (const auto& [label, value] : message.lines)
        text += fmt::format("\n\n> {}{}{}", label, colon(language), harmless(value));
    return cut(text, bytes_max - end.size() - 3) + end;
}

}  // namespace

Message compose(const MessageHookSpec& spec, const std::string& hook, const cases::Case& one,
                const std::vector<cases::Step>& steps, std::uint64_t number, const calendar::Zone& zone,
                const std::string& link) {
    const Language language = spec.language;
    const cases::Step& step = steps.at(number - 1);
    const cases::CaseKind& kind = *one.kind;
    const cases::Action* const action = kind.action(step.action);
    const cases::State* const from = kind.state(step.from);
    const cases::State* const to = kind.state(step.to);
    const auto title = [&](const auto* named, const std::string& name) {
        return named == nullptr ? name : std::string(pick(language, named->title_zh, named->title_en));
    };
    Message out{.id = fmt::format("{}/{}", one.id, number), .hook = hook, .link = link_of(link, one.id)};
    out.title = fmt::format("{} {}{}{}", pick(language, kind.title_zh, kind.title_en), one.id, colon(language),
                            cut(one_line(one.subject), kValueBytesMax));
    const std::string who = who_text(step.who, language), done = title(action, step.action), state = title(to, step.to);
    // When the case has gone on, what is due is told with the later step.
    const std::optional<TimeNs> due = one.revision == number ? one.due : std::nullopt;
    out.text = language == Language::zh ? fmt::format("{}。{}：{}，现为“{}”", out.title, who, done, state)
                                        : fmt::format("{}. {}: {}; now \"{}\"", out.title, who, done, state);
    if (due)
        out.text += language == Language::zh ? fmt::format("，期限 {}", local_text(zone, *due))
                                             : fmt::format(", due {}", local_text(zone, *due));
    out.text += pick(language, "。", ".");

    const cases::Fields fields = fields_after(steps, number);
    JsonObject told;
    for (const cases::Field& field : kind.fields) {
        const Json* const value = fields.if_contains(field.name);
        if (value == nullptr || field.type == cases::FieldType::json) continue;  // long: the page of the case shows it
        told[field.name] = *value;
        if (out.lines.size() < kLinesMax)
            out.lines.emplace_back(pick(language, field.title_zh, field.title_en),
                                   cut(value_text(field, *value, zone, language), kValueBytesMax));
    }
    if (!one.place.empty()) out.lines.emplace_back(pick(language, "位置", "Place"), one.place);
    if (!step.note.empty())
        out.lines.emplace_back(pick(language, "说明", "Note"), cut(one_line(step.note), kValueBytesMax));
    out.lines.emplace_back(pick(language, "时间", "Time"), local_text(zone, step.time));

    JsonObject facts;
    facts["id"] = out.id;
    facts["hook"] = hook;
    facts["kind"] = kind.name;
    facts["kind_title"] = pick(language, kind.title_zh, kind.title_en);
    facts["case"] = one.id;
    facts["step"] = number;
    facts["action"] = step.action;
    facts["action_title"] = done;
    facts["from"] = step.from;
    facts["from_title"] = title(from, step.from);
    facts["to"] = step.to;
    facts["to_title"] = state;
    facts["subject"] = one.subject;
    facts["place"] = one.place;
    facts["who"] = step.who;
    facts["time"] = format_time(step.time);
    facts["due"] = nullptr;
    if (due) facts["due"] = format_time(*due);
    facts["note"] = step.note;
    facts["fields"] = std::move(told);
    facts["link"] = out.link;
    facts["text"] = out.text;
    out.facts = std::move(facts);
    return out;
}

Message test_message(const MessageHookSpec& spec, const std::string& hook, TimeNs now, const std::string& link) {
    Message out{.id = fmt::format("test/{}", now / kMillisecond), .hook = hook, .link = link};
    out.title = pick(spec.language, "工枢测试消息", "Gongshu test message");
    out.text = spec.language == Language::zh
                   ? fmt::format("工枢测试消息：消息通知“{}”能够送达。", hook)
                   : fmt::format("Gongshu test message: the message hook \"{}\" gets through.", hook);
    JsonObject facts;
    facts["id"] = out.id;
    facts["hook"] = hook;
    facts["test"] = true;
    facts["time"] = format_time(now);
    facts["link"] = link;
    facts["text"] = out.text;
    out.facts = std::move(facts);
    return out;
}

std::string plain_text(const Message& message, Language language) {
    std::string out = message.text + "\n";
    if (!message.lines.empty()) out += "\n";
    for (const auto& [label, value] : message.lines) out += fmt::format("{}{}{}\n", label, colon(language), value);
    if (!message.link.empty()) out += "\n" + message.link + "\n";
    return out;
}

WebhookBody webhook_body(const Message& message, const MessageHookSpec& spec, const std::string& secret, TimeNs sent) {
    JsonObject body;
    WebhookBody out;
    switch (spec.format) {
        case Format::json:
            return {registry::to_text(message.facts), ""};
        case Format::wecom:
            body["msgtype"] = "markdown";
            body["markdown"] = JsonObject{{"content", markdown(message, spec.language, kWecomBytesMax)}};
            break;
        case Format::dingtalk: {
            body["msgtype"] = "markdown";
            body["markdown"] = JsonObject{{"title", harmless(message.title)},
                                          {"text", markdown(message, spec.language, kRobotBytesMax)}};
            if (secret.empty()) break;
            const std::string time = std::to_string(sent / kMillisecond);
            const auto sign = io::hmac_sha256(as_bytes(secret), as_bytes(time + "\n" + secret));
            out.query = fmt::format("timestamp={}&sign={}", time, wire::percent_encode(encode_base64(sign)));
            break;
        }
        case Format::feishu: {
            body["msg_type"] = "text";
            body["content"] = JsonObject{{"text", cut(harmless(plain_text(message, spec.language)), kRobotBytesMax)}};
            if (secret.empty()) break;
            const std::string time = std::to_string(sent / kSecond);
            body["timestamp"] = time;
            body["sign"] = encode_base64(io::hmac_sha256(as_bytes(time + "\n" + secret), {}));
            break;
        }
    }
    out.body = registry::to_text(Json(std::move(body)));
    return out;
}

// Codes by which a robot refuses one message and would take another; all others (rates, keys, signing) hit each.
// wecom: "全局错误码"; dingtalk: "自定义机器人" error codes; feishu: "自定义机器人使用指南".
static bool is_of_content(Format format, std::int64_t code, std::string_view said) {
    if (format == Format::wecom) return code == 40008 || code == 40058 || code == 44004 || code == 45002;
    if (format == Format::dingtalk)
        return code == 40035 || (code >= 430101 && code <= 430104) || code == 460101 ||
               (code == 310000 && said.find("keyword") != std::string_view::npos);
    return code == 9499 || code == 19024;
}

// Addresses and keys that are wrong, and what passes by itself, hit every message.
static bool is_of_message(int status) {
    constexpr std::array kOfAll{401, 403, 404, 405, 407, 408, 410, 429};
    return status >= 400 && status <= 499 && std::ranges::count(kOfAll, status) == 0;
}

Result<void> judge_answer(Format format, int status, const std::string& body) {
    const std::string said = cut(one_line(body), kAnswerTold);
    if (status < 200 || status > 299)
        return Error{is_of_message(status) ? Code::invalid : Code::unavailable, "the receiver answered {}: {}", status,
                     said};
    if (format == Format::json) return {};
    const auto json = registry::parse_json(body);
    const JsonObject* const object = json ? json->if_object() : nullptr;
    const Json* const code =
        object == nullptr ? nullptr : object->if_contains(format == Format::feishu ? "code" : "errcode");
    const bool numbered = code != nullptr && code->is_int64();
    if (numbered && code->get_int64() == 0) return {};
    if (const Json* const old = object == nullptr ? nullptr : object->if_contains("StatusCode");
        format == Format::feishu && code == nullptr && old != nullptr && old->is_int64() && old->get_int64() == 0)
        return {};
    const bool refused = numbered && is_of_content(format, code->get_int64(), said);
    return Error{refused ? Code::invalid : Code::unavailable, "the robot did not take it: {}", said};
}

}  // namespace gongshu::notify
