#include "expr/stream.h"

#include <algorithm>
#include <bit>
#include <deque>

#include "base/assert.h"
#include "expr/program.h"

namespace gongshu::expr {
namespace {

constexpr TimeNs kNever = INT64_MIN / 2;

Value value_of(const Answer& answer) {
    switch (answer.kind) {
        case Kind::truth:
            return answer.truth;
        case Kind::integer:
        case Kind::time:
        case Kind::money:
        case Kind::price:
        case Kind::date:
            return answer.integer;
        case Kind::text:
        case Kind::quality:
            return answer.text;
        default:
            return answer.number;
    }
}

class EventStream final : public Stream {
public:
    EventStream(std::shared_ptr<const Program> program, StreamOptions options)
        : program_(std::move(program)),
          options_(options),
          evaluator_(Evaluator::create(program_)),
          last_(program_->tags().size()) {}

    const Program& program() const override { return *program_; }
    TimeNs decided() const override { return decided_; }
    std::uint64_t dropped() const override { return dropped_; }

    bool feed(std::size_t tag, TimeNs time, const Value& value, Quality quality) override {
        ASSERT(tag < last_.size());
        if (time <= decided_) {
            ++dropped_;
            return false;
        }
        Pending reading{time, tag, value, quality};
        if (pending_.empty() || time >= pending_.back().time) {
            pending_.push_back(std::move(reading));
        } else {
            const auto after = std::upper_bound(pending_.begin(), pending_.end(), time,
                                                [](TimeNs t, const Pending& p) { return t < p.time; });
            pending_.insert(after, std::move(reading));
        }
        return true;
    }

    void advance(TimeNs now, const Emit& emit) override {
        const TimeNs until = now - options_.lateness;
        while (!pending_.empty() && (pending_.front().time <= until || pending_.size() > kStreamPendingMax))
            decide_front(emit);
        if (until <= decided_) return;
        if (began_) go_to(until, true, emit);
        decided_ = until;
    }

    std::optional<TimeNs> next_due() const override {
        std::optional<TimeNs> due;
        if (!pending_.empty()) due = pending_.front().time;
        if (const auto next = began_ ? evaluator_->next_time() : std::nullopt; next && (!due || *next < *due))
            due = next;
        if (due) *due += options_.lateness;
        return due;
    }

private:
    struct Pending {
        TimeNs time;
        std::size_t tag;
        Value value;
        Quality quality;
    };

    // All readings of the oldest time that waits: one output.
    void decide_front(const Emit& emit) {
        const TimeNs time = pending_.front().time;
        if (began_) go_to(time, false, emit);
        began_ = true;
        evaluator_->advance(time);
        std::size_t count = 0;
        for (; count < pending_.size() && pending_[count].time == time; ++count) last_[pending_[count].tag] = count;
        for (std::size_t i = 0; i < count; ++i) {
            const Pending& reading = pending_[i];
            if (last_[reading.tag] != i) continue;  // a later one has its time
            evaluator_->feed(reading.tag, time, reading.value, reading.quality);
        }
        pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
        decided_ = time;
        tell(time, true, emit);
    }

    // What time alone changes up to `time`, which itself counts only if `with_it`.
    void go_to(TimeNs time, bool with_it, const Emit& emit) {
        for (auto next = evaluator_->next_time(); next && (*next < time || (with_it && *next == time));
             next = evaluator_->next_time()) {
            evaluator_->advance(*next);
            tell(*next, false, emit);
        }
    }

    void tell(TimeNs time, bool always, const Emit& emit) {
        const Answer& answer = evaluator_->answer();
        Output output{.time = time,
                      .kind = answer.kind,
                      .known = answer.known,
                      .missing = answer.missing,
                      .quality = answer.quality};
        if (answer.known) output.value = value_of(answer);
        if (!always && output.same(told_)) return;
        told_ = std::move(output);
        emit(told_);
    }

    const std::shared_ptr<const Program> program_;
    const StreamOptions options_;
    const std::unique_ptr<Evaluator> evaluator_;
    std::deque<Pending> pending_;    // by time, then as they came
    std::vector<std::size_t> last_;  // of each tag, while one time is decided
    bool began_ = false;
    TimeNs decided_ = kNever;
    std::uint64_t dropped_ = 0;
    Output told_;
};

}  // namespace

bool Output::same(const Output& other) const {
    if (known != other.known || missing != other.missing || quality != other.quality) return false;
    if (!known) return true;
    if (kind != other.kind || value.index() != other.value.index()) return false;
    if (const double* number = std::get_if<double>(&value))
        return std::bit_cast<std::uint64_t>(*number) == std::bit_cast<std::uint64_t>(std::get<double>(other.value));
    return value == other.value;
}

std::unique_ptr<Stream> Stream::create(std::shared_ptr<const Program> program, StreamOptions options) {
    return std::make_unique<EventStream>(std::move(program), options);
}

}  // namespace gongshu::expr
