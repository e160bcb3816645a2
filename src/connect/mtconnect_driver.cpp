#include "connect/mtconnect_driver.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "connect/cnc_points.h"
#include "connect/http_sign_in.h"
#include "connect/named_place.h"
#include "wire/http.h"
#include "wire/mtconnect.h"

namespace gongshu::connect {

namespace {

namespace mtconnect = wire::mtconnect;

constexpr std::string_view kAccept = "text/xml,application/xml";
constexpr std::size_t kCount = 1000;  // observations asked for at once

class MtconnectDriver final : public Driver {
public:
    explicit MtconnectDriver(const LinkConfig& config) : sign_in_(config), device_(config.mtconnect.device) {}

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t) override { return {}; }
    std::string describe(std::uint32_t) const override { return "GET " + next_target(); }

    void begin_link() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return only_read(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return only_read(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override;
    bool reopens() const override { return true; }
    Result<Step> closed(const Error& error) override;
    std::size_t answer_bytes() const override { return 64 * 1024; }

    Result<void> check_writes() const override { return only_read(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return only_read();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }

private:
    static Error only_read() { return Error{Code::unsupported, "an agent of MTConnect is only asked"}; }
    std::string next_target() const;
    Buffer ask();
    bool asks_for_all() const;
    void forget();
    Step on_answer();
    Step on_streams(const mtconnect::Streams& streams);
    void tell(const mtconnect::Observation& one);

    HttpSignIn sign_in_;
    const std::string device_;
    CncPoints points_;
    std::vector<std::size_t> polled_;  // points of the poll
    std::uint32_t poll_ = 0;
    // What the agent has told.
    std::uint64_t instance_ = 0;
    std::uint64_t next_ = 0;  // 0 = nothing yet
    bool wants_all_ = true;
    // Of the exchange.
    bool is_asked_ = false;
    bool is_sample_ = false;       // what was asked for last; else all that is known
    bool caught_up_ = false;       // what was observed meanwhile has come
    bool has_begun_anew_ = false;  // after the agent did
    std::optional<std::uint64_t> told_from_;  // numbers from here on were told in this exchange
    std::string asked_target_;
    Outcome outcome_;
    wire::HttpResponseParser parser_{mtconnect::kBytesMax};
};

// Who is not observed anew is not told anew: such points count as heard.
PollPlan MtconnectDriver::plan(std::shared_ptr<const PointSet> points) {
    DurationNs period = std::numeric_limits<DurationNs>::max();
    for (const Point& point : points->points) period = std::min(period, point.property->period);
    PollPlan plan = points_.plan(std::move(points));
    polled_ = plan.heard;
    wants_all_ = true;  // what a new point is, is said only among all that is known
    if (!polled_.empty()) plan.polls.push_back({++poll_, 0, period, polled_});
    return plan;
}

// What was observed during an outage is asked for first, and then all that holds, since it stands behind a gap now.
void MtconnectDriver::begin_link() {
    abandon();
    wants_all_ = true;
}

void MtconnectDriver::forget() {
    points_.forget();
    instance_ = 0;
    next_ = 0;
    told_from_.reset();
    wants_all_ = true;
}

bool MtconnectDriver::asks_for_all() const { return next_ == 0 || (wants_all_ && caught_up_); }

std::string MtconnectDriver::next_target() const {
    return asks_for_all() ? mtconnect::current_target(device_) : mtconnect::sample_target(device_, next_, kCount);
}

Buffer MtconnectDriver::ask() {
    parser_.reset();
    is_sample_ = !asks_for_all();
    asked_target_ = next_target();
    const std::string text = sign_in_.get(asked_target_, kAccept);
    return Buffer(text.begin(), text.end());
}

Result<Buffer> MtconnectDriver::read(std::uint32_t poll) {
    abandon();
    if (poll != poll_) return replaced_poll();
    is_asked_ = true;
    if (next_ != 0) told_from_ = next_;
    return ask();
}

// What was not told to its end is asked for again, and all that holds, since it may stand behind a gap.
void MtconnectDriver::abandon() {
    if (is_asked_) {
        wants_all_ = true;
        if (told_from_) next_ = *told_from_;
    }
    is_asked_ = has_begun_anew_ = caught_up_ = false;
    told_from_.reset();
    outcome_ = {};
    parser_.reset();
    sign_in_.settle();
}

Result<Step> MtconnectDriver::feed(Bytes bytes) {
    const auto taken = parser_.feed(bytes);
    if (!taken)
        return Error{Code::malformed, "the answer to GET {} cannot be read: {}", asked_target_, taken.error().text()};
    if (!parser_.done()) return More{};
    return on_answer();
}

// Without a length the answer ends with the link.
Result<Step> MtconnectDriver::closed(const Error& error) {
    if (!is_asked_ || !parser_.head_done() || !parser_.finish())
        return Error{error.code(), "the link was closed before the answer to GET {} was whole: {}", asked_target_,
                     error.text()};
    return on_answer();
}

Step MtconnectDriver::on_answer() {
    if (sign_in_.learn(parser_.response())) {
        parser_.reset();
        const std::string text = sign_in_.get(asked_target_, kAccept);
        return Send{Buffer(text.begin(), text.end())};
    }
    sign_in_.settle();
    const int status = parser_.response().status;
    const auto streams = mtconnect::parse_streams(parser_.response().body);
    const bool is_other = streams && instance_ != 0 && streams->instance != instance_;
    // It was started anew, or no longer has what is asked for.
    const bool is_lost = is_other || (!streams && streams.error().code() == Code::unsupported && is_sample_);
    if (is_lost && !has_begun_anew_) {
        has_begun_anew_ = true;
        forget();
        return Send{ask()};
    }
    if (streams && !is_other) return on_streams(*streams);
    const bool is_page = !streams && streams.error().code() == Code::malformed && (status < 200 || status > 299);
    Error error = is_page    ? Error{Code::unavailable, "GET {} is answered with {} {}{}", asked_target_, status,
                                  wire::reason_phrase(status), sign_in_.why_not(status)}
                  : is_other ? Error{Code::unavailable, "the agent is started again and again"}
                             : Error{Code::malformed, "the answer to GET {}: {}", asked_target_, streams.error().text()};
    forget();
    abandon();
    return Done{std::move(error)};
}

Step MtconnectDriver::on_streams(const mtconnect::Streams& streams) {
    instance_ = streams.instance;
    auto observations = streams.observations;
    std::ranges::stable_sort(observations, {}, &mtconnect::Observation::sequence);
    for (const mtconnect::Observation& one : observations) {
        const bool is_told = !is_sample_ && told_from_ && one.sequence >= *told_from_ && one.sequence < next_;
        if (!is_told) tell(one);
    }
    const bool goes_on = is_sample_ && streams.next > next_ && streams.next <= streams.last;
    next_ = std::max(streams.next, next_);
    if (!is_sample_) wants_all_ = false;
    if (goes_on || wants_all_) {
        caught_up_ = !goes_on;
        return Send{ask()};
    }
    Outcome outcome = std::exchange(outcome_, {});
    is_asked_ = false;
    abandon();
    return Done{std::move(outcome)};
}

void MtconnectDriver::tell(const mtconnect::Observation& one) {
    bool is_known = false;
    const std::string* const names[] = {&one.id, &one.name};
    for (std::size_t i = 0; i < (one.name == one.id || one.name.empty() ? 1 : 2); ++i) {
        for (const std::string& key : {*names[i], one.device + ":" + *names[i]})
            for (const auto& listener : points_.listeners_of(key)) {
                points_.tell(listener, key, one.fields, one.time, outcome_.readings);
                is_known = true;
            }
    }
    if (!is_known) points_.note_unknown(one.name.empty() ? one.id : one.name);
}

Error MtconnectDriver::no_answer(std::int64_t milliseconds) const {
    if (is_asked_) return Error{Code::timeout, "no answer to GET {} within {} ms", asked_target_, milliseconds};
    const std::string keys = points_.unknown();
    if (keys.empty()) return Error{Code::timeout, "within {} ms not all came that is asked for", milliseconds};
    return Error{Code::timeout, "nothing that is asked for came within {} ms, but keys that no property names: {}",
                 milliseconds, keys};
}

}  // namespace

std::unique_ptr<Driver> make_mtconnect_driver(const LinkConfig& config) {
    return std::make_unique<MtconnectDriver>(config);
}

}  // namespace gongshu::connect
