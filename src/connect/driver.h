#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "connect/link_config.h"
#include "connect/property_value.h"

namespace gongshu::connect {

// One property of one device that is polled. Both live in the LinkConfig of its PointSet.
struct Point {
    const DeviceConfig* device = nullptr;
    const PropertyConfig* property = nullptr;
};

// All that is polled on one link, and what it stands in. Constant once made; a driver may keep it for as long as an
// answer to an older set is under way.
struct PointSet {
    std::shared_ptr<const LinkConfig> config;
    std::vector<Point> points;
};

// What is asked for at once: one or more messages that end in one outcome.
struct Poll {
    std::uint32_t id = 0;    // the driver's own; never used again for something else
    std::uint32_t unit = 0;  // who answers: those of one unit fall silent together
    DurationNs period = kSecond;
    std::vector<std::size_t> points;  // indexes into PointSet::points
};

// A point that cannot be asked for: its address cannot be read, or is not of this machine.
struct PointFault {
    std::size_t point = 0;
    Error error;
};

struct PollPlan {
    std::vector<Poll> polls;
    std::vector<std::size_t> heard;  // points that the machine sends without being asked
    std::vector<PointFault> faults;
};

struct PointReading {
    std::size_t point = 0;
    PropertyReading reading;
    TimeNs time = 0;  // when it was so, by the machine's clock; 0 = now
};

// What became of a poll, a write or a reading back.
struct Outcome {
    std::vector<PointReading> readings;  // of a poll; of a reading back one, whose point means nothing
    std::vector<PointFault> refused;     // the machine answered, but not with these
    std::vector<Error> errors;           // a write that the machine refused: one
    // One bad address may have spoiled its neighbours: Driver::split() says what to ask instead from now on. Only with
    // something refused.
    bool may_split = false;
};

// How an exchange goes on after bytes came.
struct More {};
struct Send {
    Buffer bytes;
};
// Code::malformed: an answer that does not fit what was asked; the link stays.
struct Done {
    Result<Outcome> outcome;
};
using Step = std::variant<More, Send, Done>;

// What came while nothing was asked.
struct Heard {
    std::vector<PointReading> readings;
    Buffer send;                // what has to be said to it; may be empty
    std::size_t malformed = 0;  // frames or runs of bytes that mean nothing
    std::string fault;          // what was wrong with the last of them; may be empty
};

// How one protocol is spoken: what to ask for, the bytes of it, and what the bytes that come back mean. It has no
// socket and no clock; PollSession and PollLink have them.
//
// Who needs the time is told it by at(). A machine that speaks whenever it likes, also between a question and its answer,
// is heard by take_heard() then.
//
// An exchange is begun by greet(), read(), write() or read_back(), which give the first bytes to send, and goes on by
// feed() until that says Done. One exchange at a time. What has not ended by the time-out is left by abandon(); where
// late() says so, one more time-out after that.
// Lives:   one per link; made by make_driver(). Threads: its lane's; check_write() any.
// Bounds:  less than one message of the protocol, and what plan() was given. Disk: none.
class Driver {
public:
    virtual ~Driver() = default;

    // ---- what to ask ----

    // What to ask for these from now on. May be called while an exchange runs: its outcome is then of the former set,
    // and nobody looks at it.
    virtual PollPlan plan(std::shared_ptr<const PointSet> points) = 0;
    // What to ask instead of `poll`, after an outcome of it with may_split. The former id is forgotten.
    virtual std::vector<Poll> split(std::uint32_t poll) = 0;
    // For people: "read unit 1 holding registers 0 to 9".
    virtual std::string describe(std::uint32_t poll) const = 0;

    // ---- an exchange ----

    // What the time is, monotonic and by the wall clock: said before every other call from the link.
    virtual void at(DurationNs /*monotonic*/, TimeNs /*now*/) {}
    // A link was opened: nothing that came before counts.
    virtual void begin_link() = 0;
    // What has to be said before anything else; empty: nothing. Its outcome is empty, or an error: then the link
    // closes.
    virtual Buffer greet() { return {}; }
    // How long an answer to what greet() says may take, where others may take `timeout`.
    virtual DurationNs greeting_time(DurationNs timeout) const { return timeout; }
    // After the greeting: it has to go on over another link to the same machine, on which greet() is called again.
    virtual bool wants_new_link() const { return false; }
    // The link was lost because of `error`: the same, or more.
    virtual Error on_lost(const Error& error) const { return error; }
    // The link is about to be closed by us: what is said last. No exchange may run on it.
    virtual Buffer bye() { return {}; }
    virtual Result<Buffer> read(std::uint32_t poll) = 0;
    // `value` has passed check_write(). The outcome has errors, or is empty: the machine has acknowledged.
    virtual Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) = 0;
    virtual Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) = 0;
    // Whether the message that changes the machine was given out in this exchange, or in the last one after its end.
    virtual bool may_have_written() const = 0;
    // Bytes that came, in any split. Code::malformed: nothing that follows can be understood, the link has to be
    // closed.
    virtual Result<Step> feed(Bytes bytes) = 0;
    virtual void abandon() = 0;
    // Code::timeout in words: what was asked has not been answered after so many ms. Before abandon().
    virtual Error no_answer(std::int64_t milliseconds) const = 0;
    // In words: the machine closed the link instead of greeting back, for which `error` has no reason.
    virtual Error closed_while_greeting(const Error& error) const { return error; }
    // It watches the time of its exchanges itself: the link has no time-out for them. feed() is called without bytes every
    // say_every() while one runs, and say() else. Every exchange must end by feed().
    virtual bool keeps_time() const { return false; }
    // What came besides an answer, and what has to be said besides a question, since the last call. Asked for after
    // whatever gives bytes or takes them.
    virtual Heard take_heard() { return {}; }
    // Frames that were none of ours or nothing at all, since the last call.
    virtual std::size_t take_malformed() { return 0; }

    // Nothing in an answer says what it answers. After a time-out the exchange goes on until the late answer is Done,
    // or for one more time-out, so that it is never taken for the answer of the next; abandon() comes then.
    virtual bool late() const { return false; }
    // How long the answer to the last message can be: what a slow line is given besides the time-out.
    virtual std::size_t answer_bytes() const { return 256; }

    // Bytes that came while no exchange ran. Code::malformed as of feed().
    virtual Result<Heard> hear(Bytes bytes) {
        Heard heard;
        heard.malformed = bytes.empty() ? 0 : 1;
        return heard;
    }

    // A link that the machine closes between two messages is no outage: it is opened anew for the next one. A message that
    // finds it closed before a byte of the answer came is sent once more over a new link, so it must change nothing.
    // After a time-out the link is opened anew, so that a late answer goes nowhere.
    virtual bool reopens() const { return false; }
    // The machine closed the link while an exchange runs: Done where that ends the answer.
    virtual Result<Step> closed(const Error& error) { return error; }

    // It leaves out by itself what a DTU says between two exchanges; else the link does before hear().
    virtual bool knows_idle_texts() const { return false; }

    // What is heard is said when it changes, and all of it anew over a new link.
    virtual bool says_once() const { return false; }

    // Where frames end only by silence: after so many ms without a byte quiet() or hear_quiet() is called; 0 = never.
    virtual std::uint32_t silence_ms() const { return 0; }
    // The line became quiet while an exchange runs.
    virtual Result<Step> quiet() { return More{}; }
    // The same while none does.
    virtual Heard hear_quiet() { return {}; }

    // How often a machine that is listened to wants to hear of us; 0 = never. It may change with what it says: the time
    // runs anew then. At most kHour.
    virtual DurationNs say_every() const { return 0; }
    // What has to be said now: once when the link was opened and then every say_every(), while no exchange runs. Empty:
    // nothing. An error in words: the machine has not answered, and the link has to be closed.
    virtual Result<Buffer> say() { return Buffer{}; }

    // Who answers for this device, as in Poll::unit.
    virtual std::uint32_t unit_of(const DeviceConfig& /*device*/) const { return 0; }

    // ---- values ----

    // Code::unsupported: machines that speak like this are only read.
    virtual Result<void> check_writes() const { return {}; }
    // Whether the machine can hold `value`, which has the property's type and is within its limits.
    virtual Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                                     const Value& value) const = 0;
    // Whether both are the same once they are in the machine: a scale may round.
    virtual bool same(const PropertyConfig& property, const Value& a, const Value& b) const = 0;
};

// How `config` speaks. The settings of the protocol are those of the registry, which has checked them.
std::unique_ptr<Driver> make_driver(const LinkConfig& config);

}  // namespace gongshu::connect
