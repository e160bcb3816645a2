#include "connect/shdr_driver.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "connect/cnc_points.h"
#include "wire/shdr.h"

namespace gongshu::connect {

namespace {

namespace shdr = wire::shdr;
using shdr::As;
using shdr::Line;
using Fields = CncPoints::Fields;
using Listener = CncPoints::Listener;

// Until an adapter says how often it wants to hear us.
constexpr DurationNs kFirstHeartbeat = 10 * kSecond;
constexpr int kPingsUnanswered = 3;  // then it has no heartbeat
constexpr int kPingsMissed = 2;

// ---- the driver ----

class ShdrDriver final : public Driver {
public:
    PollPlan plan(std::shared_ptr<const PointSet> points) override { return points_.plan(std::move(points)); }
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t) const override { return ""; }

    void begin_link() override;
    Result<Buffer> read(std::uint32_t) override { return only_heard(); }
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return only_heard(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return only_heard(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes) override { return More{}; }
    void abandon() override {}
    Error no_answer(std::int64_t milliseconds) const override;
    Result<Heard> hear(Bytes bytes) override;

    bool says_once() const override { return true; }
    DurationNs say_every() const override { return heartbeat_.value_or(earlier_heartbeat_.value_or(kFirstHeartbeat)); }
    Result<Buffer> say() override;

    Result<void> check_writes() const override { return only_heard(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return only_heard();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    static Error only_heard() { return Error{Code::unsupported, "an adapter of MTConnect is only listened to"}; }

    void on_line(std::string_view text, Heard& heard);
    void on_command(const Line& command);
    void on_values(const Line& line, Heard& heard);
    std::size_t width_of(const std::vector<Listener>& listeners, Fields after_key) const;
    void fault(Heard& heard, std::string why);

    // Lane only.
    CncPoints points_;
    shdr::Cutter cutter_;
    int version_ = 1;  // of SHDR
    std::optional<DurationNs> heartbeat_;
    std::optional<DurationNs> earlier_heartbeat_;  // of the link before, until this one says otherwise
    int pings_ = 0;  // since something came, or since the link was opened if there is no heartbeat
    // For people: what came since the link was opened.
    std::uint64_t lines_ = 0;
    std::string last_fault_;
};

void ShdrDriver::begin_link() {
    points_.forget();
    cutter_.reset();
    version_ = 1;
    if (heartbeat_) earlier_heartbeat_ = heartbeat_;
    heartbeat_.reset();
    pings_ = 0;
    lines_ = 0;
    last_fault_.clear();
}

// How many fields stand behind a key. Who is not known has one, as in the first version; the second goes on by trying
// each field as a key.
std::size_t ShdrDriver::width_of(const std::vector<Listener>& listeners, Fields after_key) const {
    std::size_t width = listeners.empty() && version_ > 1 ? 0 : 1;
    const bool unavailable = !after_key.empty() && shdr::is_unavailable(after_key[0]) &&
                             (after_key.size() < 2 || !after_key[1].empty());
    for (const Listener& listener : listeners) {
        // The second version says the level of a condition, and all that belongs to it, on a line with other keys.
        const bool is_condition = listener.as == As::run_state && version_ > 1 && !after_key.empty() &&
                                  shdr::is_condition_level(after_key[0]);
        // A message or series that is not there has one field.
        const bool is_one = unavailable && (listener.as == As::message || listener.as == As::series);
        width = std::max(width, is_condition ? shdr::fields_of(As::level) : is_one ? 1 : shdr::fields_of(listener.as));
    }
    if (width <= 1 && shdr::looks_like_condition(after_key)) width = shdr::fields_of(As::level);
    return std::min(width, after_key.size());
}

// ---- what comes ----

Result<Heard> ShdrDriver::hear(Bytes bytes) {
    Heard heard;
    const std::uint64_t broken = cutter_.broken();
    cutter_.feed(bytes, [&](std::string_view line) { on_line(line, heard); });
    if (cutter_.broken() == broken) return heard;
    heard.malformed += cutter_.broken() - broken;
    heard.fault = last_fault_ = cutter_.last_fault();
    return heard;
}

void ShdrDriver::fault(Heard& heard, std::string why) {
    ++heard.malformed;
    heard.fault = last_fault_ = std::move(why);
}

void ShdrDriver::on_line(std::string_view text, Heard& heard) {
    ++lines_;
    if (heartbeat_) pings_ = 0;
    const auto line = shdr::parse_line(text);
    if (!line) return fault(heard, fmt::format("a line of the adapter cannot be read: {}", line.error().text()));
    if (line->kind == Line::Kind::command) on_command(*line);
    if (line->kind == Line::Kind::values) on_values(*line, heard);
}

void ShdrDriver::on_command(const Line& command) {
    if (const auto beat = shdr::heartbeat_of(command)) {
        heartbeat_ = *beat;
        pings_ = 0;
    }
    if (command.name == "device") points_.set_own_device(command.value);
    if (command.name == "shdrversion") version_ = command.value.starts_with('1') ? 1 : 2;
}

void ShdrDriver::on_values(const Line& line, Heard& heard) {
    if (!points_.is_planned()) return;
    const Fields fields(line.fields);
    for (std::size_t i = 0; i < fields.size();) {
        const std::string& key = fields[i];
        const Fields after = fields.subspan(i + 1);
        const auto listeners = points_.listeners_of(key);
        if (listeners.empty()) points_.note_unknown(key);
        const std::size_t width = width_of(listeners, after);
        if (!listeners.empty() && width == 0) return fault(heard, fmt::format("key \"{}\" has no value", key));
        for (const Listener& listener : listeners)
            points_.tell(listener, key, after.first(width), line.time, heard.readings);
        i += 1 + width;
        // In the first version what has several fields ends its line: a bar in a text was not marked.
        if (version_ == 1 && width > 1) return;
    }
}

// ---- the heartbeat ----

Result<Buffer> ShdrDriver::say() {
    constexpr std::string_view kPing = "* PING\n";
    if (heartbeat_ && pings_ >= kPingsMissed)
        return Error{Code::timeout, "the adapter has said nothing for {} ms, though it wants a heartbeat every {} ms",
                     kPingsMissed * *heartbeat_ / kMillisecond, *heartbeat_ / kMillisecond};
    if (!heartbeat_ && pings_ >= kPingsUnanswered) {
        // A link that broke before the first answer looks like an adapter without a heartbeat; whether it has none any
        // more the next link tells.
        if (std::exchange(earlier_heartbeat_, std::nullopt))
            return Error{Code::timeout, "the adapter has answered none of {} pings, though it did before",
                         kPingsUnanswered};
        return Buffer{};
    }
    ++pings_;
    return Buffer(kPing.begin(), kPing.end());
}

Error ShdrDriver::no_answer(std::int64_t milliseconds) const {
    const std::string keys = points_.unknown();
    if (!last_fault_.empty())
        return Error{Code::timeout, "nothing that is asked for came within {} ms: {}", milliseconds, last_fault_};
    if (!keys.empty())
        return Error{Code::timeout, "nothing that is asked for came within {} ms, but keys that no property names: {}",
                     milliseconds, keys};
    if (lines_ > 0) return Error{Code::timeout, "within {} ms not all came that is asked for", milliseconds};
    return Error{Code::timeout, "the adapter said nothing within {} ms: is it the port of the adapter, usually 7878?",
                 milliseconds};
}

}  // namespace

std::unique_ptr<Driver> make_shdr_driver(const LinkConfig&) { return std::make_unique<ShdrDriver>(); }

}  // namespace gongshu::connect
