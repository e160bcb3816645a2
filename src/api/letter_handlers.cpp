#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "api/handlers.h"
#include "base/checksum.h"
#include "base/log.h"
#include "io/crypto.h"
#include "registry/json.h"

// Messages that could not be used: an event each, and an event for what people did with them.
namespace gongshu::api {

namespace {

constexpr std::string_view kLetter = "dead_letter";
constexpr std::string_view kDone = "dead_letter.done";  // {"what":"processed|discarded","by","ids":[…]}
constexpr std::size_t kLettersMax = 5000;               // looked at, the newest ones
constexpr std::size_t kAtOnceMax = 1000;                // processed or discarded by one request
constexpr std::size_t kPayloadShown = 200;
constexpr std::size_t kFailuresShown = 50;

struct Letter {
    EventId id;
    TimeNs time = 0;
    JsonObject body;
    std::string state = "open";  // open, processed, discarded
    std::string by;              // who did that

    std::string_view text(std::string_view name) const {
        const Json* const found = body.if_contains({name.data(), name.size()});
        if (found == nullptr || !found->is_string()) return {};
        return {found->get_string().data(), found->get_string().size()};
    }
    bool whole() const {
        const Json* const found = body.if_contains("whole");
        return found != nullptr && found->is_bool() && found->get_bool();
    }
    std::int64_t bytes() const {
        const Json* const found = body.if_contains("bytes");
        return found != nullptr && found->is_int64() ? found->get_int64()
                                                     : static_cast<std::int64_t>(text("payload").size());
    }
};

// It lies where its topic says, or where the device lies that sent it; a topic that is no device's lies nowhere.
bool sees_letter(const registry::Principal& who, const Letter& letter) {
    constexpr std::string_view kDevice = "device:";
    const std::string_view sender = letter.text("who");
    if (sender.starts_with(kDevice)) return sees(who, sender.substr(kDevice.size()));
    return broker::sees_topic(who.paths, letter.text("topic"));
}

// What is the same trouble: the topic, and the reason without what differs from message to message.
std::string group_of(const Letter& letter) {
    std::string key{letter.text("topic")};
    key.push_back('\n');
    bool quoted = false, digits = false;
    for (const char c : letter.text("reason")) {
        if (c == '"') quoted = !quoted;
        const bool digit = c >= '0' && c <= '9';
        if (!quoted && (!digit || !digits)) key.push_back(digit ? '#' : c);
        digits = digit;
    }
    return fmt::format("{:08x}", crc32c(as_bytes(key)));
}

void take_done(const Event& event, std::map<std::uint64_t, std::pair<std::string, std::string>>& done) {
    const auto json = registry::parse_json(event.body);
    if (!json || !json->is_object()) return;
    const JsonObject& body = json->get_object();
    const Json* const ids = body.if_contains("ids");
    const Json* const what = body.if_contains("what");
    const Json* const by = body.if_contains("by");
    if (ids == nullptr || !ids->is_array() || what == nullptr || !what->is_string()) return;
    for (const Json& id : ids->get_array()) {
        if (!id.is_int64()) continue;
        done[static_cast<std::uint64_t>(id.get_int64())] = {
            std::string(std::string_view{what->get_string()}),
            by != nullptr && by->is_string() ? std::string(std::string_view{by->get_string()}) : ""};
    }
}

// Those that `ask` sees, the newest first, with what became of them.
Result<std::vector<Letter>> letters_of(Core& core, const Ask& ask) {
    const TimeNs now = core.clock().now() + kSecond;
    const Window window = TRY(parse_window(ask, now, 30 * kDay));
    std::map<std::uint64_t, std::pair<std::string, std::string>> done;
    // What became of a letter may be newer than what is asked for.
    if (window.to < now)
        for (const Event& later : TRY(core.deps.reader.read_events(ask.tenant(), {window.to, now}, kDone, kLettersMax)))
            take_done(later, done);
    const auto events = TRY(core.deps.reader.read_events(ask.tenant(), window, kLetter, kLettersMax));
    std::vector<Letter> letters;
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
        if (event->kind == kDone) {
            take_done(*event, done);
            continue;
        }
        auto json = registry::parse_json(event->body);
        if (event->kind != kLetter || !json || !json->is_object()) continue;
        Letter letter{event->id, event->time, std::move(json->get_object())};
        if (!ask.who.paths.empty() && !sees_letter(ask.who, letter)) continue;
        if (const auto found = done.find(letter.id.value); found != done.end())
            std::tie(letter.state, letter.by) = found->second;
        letters.push_back(std::move(letter));
    }
    return letters;
}

void write_letter(JsonWriter& out, const Ask& ask, const Letter& letter, Units units, std::size_t payload_max) {
    out.begin_object().key("id").text(std::to_string(letter.id.value)).key("time").integer(units.time(letter.time));
    for (const std::string_view name : {"client", "who", "device", "topic"}) out.key(name).text(letter.text(name));
    out.key("reason").text(told(ask, letter.text("reason")));
    std::string_view payload = letter.text("payload").substr(0, payload_max);
    while (payload.size() == payload_max && !payload.empty() && (payload.back() & 0x80) != 0) payload.remove_suffix(1);
    out.key("payload").text(payload).key("bytes").integer(letter.bytes()).key("whole").boolean(letter.whole());
    out.key("group").text(group_of(letter)).key("state").text(letter.state).key("by").text(letter.by).end_object();
}

// Whom a request is about: {"ids":["7"]}, {"group":"0a1b2c3d"}, of those that are open.
Result<std::vector<Letter>> chosen_letters(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string group = TRY(fields.text_or("group", ""));
    const Json* const ids = fields.find("ids");
    TRY(fields.done());
    if (group.empty() == (ids == nullptr)) return Error{Code::invalid, "expected either \"ids\" or \"group\""};
    std::set<std::string> wanted;
    if (ids != nullptr) {
        if (!ids->is_array()) return Error{Code::invalid, "ids: expected a list of texts"};
        for (const Json& id : ids->get_array()) {
            if (!id.is_string()) return Error{Code::invalid, "ids: expected a list of texts"};
            wanted.emplace(std::string_view{id.get_string()});
        }
        if (wanted.size() > kAtOnceMax)
            return Error{Code::invalid, "ids: at most {} at once, found {}", kAtOnceMax, wanted.size()};
    }
    auto letters = TRY(letters_of(core, ask));
    for (const Letter& letter : letters) wanted.erase(std::to_string(letter.id.value));
    if (ids != nullptr && !wanted.empty())
        return Error{Code::not_found, "there is no dead letter {} among the newest {}", wanted.begin()->substr(0, 40),
                     kLettersMax};
    if (ids == nullptr && std::ranges::none_of(letters, [&](const Letter& one) { return group_of(one) == group; }))
        return Error{Code::not_found, "there is no group {} among the newest {} dead letters", group.substr(0, 40),
                     kLettersMax};
    std::set<std::string> chosen;
    if (ids != nullptr) {
        for (const Json& id : ids->get_array()) chosen.emplace(std::string_view{id.get_string()});
    }
    std::erase_if(letters, [&](const Letter& one) {
        if (one.state == "processed") return true;
        if (ids != nullptr) return !chosen.contains(std::to_string(one.id.value));
        return one.state != "open" || group_of(one) != group;
    });
    // The oldest first, so that what is newest of a tag is stored last.
    std::ranges::reverse(letters);
    if (letters.size() > kAtOnceMax) letters.resize(kAtOnceMax);
    return letters;
}

void audit(Core& core, const Ask& ask, std::string_view action, std::size_t letters) {
    core.deps.registry.audit(ask.who.actor, action, "dead_letter", "", fmt::format("{{\"letters\":{}}}", letters),
                             true);
}

// Keeps what became of them, then answers.
void keep_done(const std::shared_ptr<Core>& core, const AskPtr& ask, std::string_view what,
               const std::vector<std::uint64_t>& ids, std::string answer, const Done& done) {
    Event event{.id = {},
                .tenant = ask->tenant(),
                .time = core->clock().now(),
                .kind = std::string(kDone),
                .subject = "",
                .body = ""};
    JsonWriter out{event.body};
    out.begin_object().key("what").text(what).key("by").text(ask->who.actor.who).key("ids").begin_array();
    for (const std::uint64_t id : ids) out.integer(static_cast<std::int64_t>(id));
    out.end_array().end_object();
    core->deps.sink.append_event(
        std::move(event), Durability::sync,
        [core, ask, done, answer = std::move(answer), what = std::string(what),
         count = ids.size()](Result<EventId> kept) {
            if (!kept) return done(kept.error());
            const bool taken = core->deps.pool.submit([core, ask, done, answer, what, count] {
                audit(*core, *ask, "dead_letters_" + what, count);
                done(json_answer(answer));
            });
            if (taken) return;
            log_error("api", "that {} dead letters were {} is not in the audit: too much to do", count, what);
            done(json_answer(answer));
        });
}

// One request to process letters, while it runs.
struct Work {
    std::shared_ptr<Core> core;
    AskPtr ask;
    Done done;
    std::vector<Letter> letters;
    std::size_t next = 0;
    std::vector<std::uint64_t> processed;
    std::uint64_t readings = 0;
    std::vector<std::pair<std::uint64_t, std::string>> failures;
    std::size_t failed = 0;

    void fail(const Letter& letter, std::string why) {
        ++failed;
        if (failures.size() < kFailuresShown) failures.emplace_back(letter.id.value, std::move(why));
    }
};

Result<Buffer> payload_of(const Letter& letter) {
    if (!letter.whole())
        return Error{Code::invalid, "only the begin of its payload was kept: {} bytes of {}",
                     letter.text("payload").size(), letter.bytes()};
    if (const std::string_view binary = letter.text("base64"); !binary.empty()) return io::from_base64(binary);
    const Bytes bytes = as_bytes(letter.text("payload"));
    return Buffer(bytes.begin(), bytes.end());
}

void finish(Work& work) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("processed").integer(static_cast<std::int64_t>(work.processed.size()));
    out.key("readings")
        .integer(static_cast<std::int64_t>(work.readings))
        .key("failed")
        .integer(static_cast<std::int64_t>(work.failed));
    out.key("failures").begin_array();
    for (const auto& [id, why] : work.failures)
        out.begin_object().key("id").text(std::to_string(id)).key("reason").text(told(*work.ask, why)).end_object();
    out.end_array().end_object();
    if (work.processed.empty()) return work.done(json_answer(std::move(body)));
    keep_done(work.core, work.ask, "processed", work.processed, std::move(body), work.done);
}

// One after the other; each calls this again from the broker's lane.
void go_on(const std::shared_ptr<Work>& work) {
    while (work->next < work->letters.size()) {
        const Letter& letter = work->letters[work->next++];
        auto payload = payload_of(letter);
        if (!payload) {
            work->fail(letter, payload.error().text());
            continue;
        }
        broker::Letter again{.tenant = work->ask->tenant(),
                             .topic = std::string(letter.text("topic")),
                             .payload = std::move(*payload),
                             .time = letter.time,
                             .device = std::string(letter.text("device")),
                             .device_uid = std::string(letter.text("device_uid")),
                             .by = work->ask->who.actor.who,
                             .paths = work->ask->who.paths};
        return work->core->deps.broker->process(std::move(again), [work, &letter](Result<std::uint64_t> readings) {
            if (readings) {
                work->readings += *readings;
                work->processed.push_back(letter.id.value);
            } else {
                work->fail(letter, readings.error().text());
            }
            // The stack does not grow with the letters: the store answers on a later turn, an error at once.
            if (work->core->deps.pool.submit([work] { go_on(work); })) return;
            work->done(Error{Code::unavailable, "too much to do: try again in a few seconds"});
        });
    }
    finish(*work);
}

}  // namespace

Result<Answer> get_dead_letters(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const auto limit = TRY(parse_number(ask, "limit", 100, 1, 1000));
    const std::string_view state = ask.value("state"), group = ask.value("group");
    if (!state.empty() && state != "open" && state != "processed" && state != "discarded" && state != "all")
        return Error{Code::invalid, "state: expected open, processed, discarded or all, found \"{}\"",
                     state.substr(0, 40)};
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    std::size_t shown = 0;
    for (const Letter& letter : TRY(letters_of(core, ask))) {
        const bool wanted = state == "all" || letter.state == (state.empty() ? "open" : state);
        if (!wanted || (!group.empty() && group_of(letter) != group)) continue;
        if (++shown > limit) break;
        write_letter(out, ask, letter, units, kPayloadShown);
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_dead_letter(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    for (const Letter& letter : TRY(letters_of(core, ask))) {
        if (std::to_string(letter.id.value) != ask.names.at(0)) continue;
        std::string body;
        JsonWriter out{body};
        write_letter(out, ask, letter, units, std::string_view::npos);
        return json_answer(std::move(body));
    }
    return Error{Code::not_found, "there is no dead letter {} among the newest {}", ask.names.at(0).substr(0, 40),
                 kLettersMax};
}

Result<Answer> get_dead_letter_groups(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    struct Group {
        const Letter* newest;
        TimeNs first = 0;
        std::int64_t count = 0, whole = 0;
    };
    std::map<std::string, Group> groups;
    const auto letters = TRY(letters_of(core, ask));
    for (const Letter& letter : letters) {
        if (letter.state != "open") continue;
        Group& group = groups.try_emplace(group_of(letter), Group{&letter}).first->second;
        group.first = letter.time;
        ++group.count;
        group.whole += letter.whole() ? 1 : 0;
    }
    std::vector<std::pair<std::string, Group>> sorted(groups.begin(), groups.end());
    std::ranges::sort(sorted,
                      [](const auto& a, const auto& b) { return a.second.newest->time > b.second.newest->time; });
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("groups").begin_array();
    for (const auto& [key, group] : sorted) {
        out.begin_object().key("group").text(key).key("topic").text(group.newest->text("topic"));
        out.key("reason")
            .text(told(ask, group.newest->text("reason")))
            .key("count")
            .integer(group.count)
            .key("whole")
            .integer(group.whole);
        out.key("first").integer(units.time(group.first)).key("last").integer(units.time(group.newest->time));
        out.key("newest").text(std::to_string(group.newest->id.value)).end_object();
    }
    out.end_array().key("looked_at").integer(static_cast<std::int64_t>(letters.size())).end_object();
    return json_answer(std::move(body));
}

void process_dead_letters(Core& core, const AskPtr& ask, Done done) {
    auto letters = chosen_letters(core, *ask);
    if (!letters) return done(letters.error());
    if (core.deps.broker == nullptr) return done(Error{Code::unavailable, "this server has no broker"});
    go_on(std::make_shared<Work>(
        Work{.core = core.shared_from_this(), .ask = ask, .done = std::move(done), .letters = std::move(*letters)}));
}

void discard_dead_letters(Core& core, const AskPtr& ask, Done done) {
    auto letters = chosen_letters(core, *ask);
    if (!letters) return done(letters.error());
    std::erase_if(*letters, [](const Letter& letter) { return letter.state != "open"; });
    std::vector<std::uint64_t> ids;
    for (const Letter& letter : *letters) ids.push_back(letter.id.value);
    std::string answer = fmt::format("{{\"discarded\":{}}}", ids.size());
    if (ids.empty()) return done(json_answer(std::move(answer)));
    keep_done(core.shared_from_this(), ask, "discarded", ids, std::move(answer), done);
}

}  // namespace gongshu::api
