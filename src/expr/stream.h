#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "expr/expr.h"

namespace gongshu::expr {

// The value of an expression from `time` on, until the next one.
struct Output {
    TimeNs time = 0;
    Kind kind = Kind::any;
    bool known = false;    // false: `value` says nothing and quality is bad
    bool missing = false;  // as Answer::missing
    Value value;  // number; integer: whole number, and of time, money, price and date as Kind says; boolean of a truth;
                  // text also of a quality
    Quality quality;

    // Bit for bit, but for the time.
    bool same(const Output& other) const;
};

struct StreamOptions {
    DurationNs lateness = 0;  // how long after its time a reading may come and still count
};

// Stream turns readings into what a virtual tag would be: one output for every time at which a tag of the program has a
// reading, and one whenever time alone changes the value (a window that a reading leaves, a hold that ends, an hour
// that turns). Outputs come in order of time and are never taken back; they depend on what was read and its times, not
// on when or in what order it came, and are what run() over the same readings gives, bit for bit.
//
// Time:    event time. The caller says by advance(now) what time it is; what is older than now - lateness is decided.
//          A reading that comes later than that is dropped and counted. Of two of a tag with one time the later wins.
//          Time of the program begins with the first reading.
// Lives:   with its program, which it keeps alive.
// Threads: one at a time.
// Bounds:  kStreamPendingMax readings wait for being decided; past it the oldest are decided early. Windows as
// Evaluator.
//          Costs O(operations) for each output; since() and now() in calculations make one step each second.
// Disk:    none; after a restart feed it what came during Program::lookback() and, of each tag, the newest usable
// reading
//          before, and skip outputs up to where it was. Only a hold or count_true() that unknown values interrupted for
//          longer than that begins anew.
//
//     auto stream = Stream::create(program, {.lateness = 2 * kSecond});
//     stream->feed(0, time, value, quality);                       // 0: program->tags()[0]
//     stream->advance(clock.now(), [&](const Output& out) { rows.add(tag, out); });
//     wake_at(stream->next_due());                                 // then advance() again
inline constexpr std::size_t kStreamPendingMax = 100'000;

class Stream {
public:
    using Emit = std::function<void(const Output&)>;

    virtual ~Stream() = default;
    static std::unique_ptr<Stream> create(std::shared_ptr<const Program> program, StreamOptions options = {});

    virtual const Program& program() const = 0;
    // `tag` is the index in Program::tags(). False: it came too late and is dropped.
    virtual bool feed(std::size_t tag, TimeNs time, const Value& value, Quality quality) = 0;
    // Decides all up to now - lateness; going back is ignored.
    virtual void advance(TimeNs now, const Emit& emit) = 0;
    // The earliest now at which advance() has something to do, if nothing else is fed; nullopt: never.
    virtual std::optional<TimeNs> next_due() const = 0;
    // The newest time that is decided.
    virtual TimeNs decided() const = 0;
    virtual std::uint64_t dropped() const = 0;
};

}  // namespace gongshu::expr
