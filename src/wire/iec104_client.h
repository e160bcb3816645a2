#pragma once

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "wire/iec104.h"

// The side of IEC 60870-5-104 that asks and orders (controlling station), as a state machine that is fed bytes and
// time.
namespace gongshu::wire::iec104 {

inline constexpr DurationNs kConnectTimeout = 30 * kSecond;  // t0: for who makes the connection

// Defaults are those of the standard; both ends must be set alike.
struct ClientOptions {
    DurationNs t1 = 15 * kSecond;  // what was sent is acknowledged or answered within this, or the link is given up
    DurationNs t2 = 10 * kSecond;  // what came is acknowledged within this; less than t1
    DurationNs t3 = 20 * kSecond;  // after so long without anything TESTFR is sent
    std::uint16_t k = 12;          // so many I frames at most wait for their acknowledgement; 1 … 32767
    std::uint16_t w = 8;           // so many at most came without ours; not more than the k of the other end
    std::uint8_t originator = 0;   // told in every message; 0 = not used
    std::size_t requests_max = 256;
    DurationNs confirm_timeout = 10 * kSecond;  // from a request to its confirmation, for select and execute each
    DurationNs finish_timeout = 60 * kSecond;   // from the confirmation to the termination
    friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

// An order to an outstation.
struct Command {
    Type type = Type::c_sc_na_1;  // 45 … 64
    std::uint16_t common_address = 1;
    Object object;                   // `select` is ours
    bool select_first = false;       // select before operate; not for bitstrings, which cannot be selected
    bool awaits_end = true;          // ended when the outstation tells its termination, else when it has confirmed
    DurationNs confirm_timeout = 0;  // 0 = as the options have it
    DurationNs finish_timeout = 0;
};

using RequestId = std::uint32_t;

enum class Stage : std::uint8_t {
    selected,   // of a command with select_first; the execution is on its way
    confirmed,  // the outstation carries it out
    ended,      // done; nothing more comes of this request
    failed,     // refused or not answered; nothing more comes of this request
};

struct Up {};  // data transfer has started: requests are taken
struct Down {  // the link must be closed; requests have failed before
    Error reason;
};
// A point, or the end of an outstation's initialisation. One with `test` set must change nothing.
struct Told {
    Asdu asdu;
};
struct Progress {
    RequestId request = 0;
    Stage stage = Stage::ended;
    std::optional<Error>
        error;  // of failed: Code::denied when refused, Code::timeout, Code::unavailable, Code::malformed
};
using Event = std::variant<Up, Down, Told, Progress>;

struct Turn {
    Buffer send;                // to the outstation, at once
    std::vector<Event> events;  // in order
};

// What went wrong without an end of the link.
struct Counts {
    std::uint64_t unknown_types = 0;  // messages that were skipped whole
    std::uint64_t malformed = 0;      // messages of a known type whose lengths do not add up; skipped
    std::uint64_t unexpected = 0;     // answers to nothing, and control frames that an outstation does not send
    friend bool operator==(const Counts&, const Counts&) = default;
};

// One conversation after another with one outstation or gateway, over a link that someone else opens and closes. Call
// begin() when a link is open, feed() with what came, tick() at due() at the latest and after every request, lose()
// when the link ends by itself; send what they give.
//
// After Down everything is ignored until the next begin(). What a Down tells: numbers that do not follow (I frames were
// lost or made up), an acknowledgement of what was never sent, no acknowledgement or answer within t1, bytes that are
// no frames, the end that stop() asked for. Lives:   one per link, for as long as its owner wants. Threads: its
// owner's. Bounds:  ClientOptions::requests_max requests, k frames that wait, less than one frame that came; what a
// turn tells is
//          bounded by what was fed. Disk: none.
class Client {
public:
    // Code::invalid names what contradicts.
    static Result<void> check(const ClientOptions& options);
    // Options that do not pass check() are our own bug (ASSERT).
    explicit Client(const ClientOptions& options = {});

    // `now` is monotonic time in all of them. begin() only while there is no link, or after Down.
    Turn begin(DurationNs now);
    Turn feed(Bytes received, DurationNs now);
    Turn tick(DurationNs now);
    // The link was lost, with its reason: what waits fails, and Down says the same.
    Turn lose(const Error& reason);
    // Ends data transfer as the standard wants it; Down comes when the outstation has confirmed, or after t1.
    Turn stop(DurationNs now);
    // When tick() has something to do; nullopt while there is no link.
    std::optional<DurationNs> due() const;
    bool is_up() const { return state_ == State::up; }
    const Counts& counts() const { return counts_; }
    // Why the last message was skipped.
    const std::optional<Error>& last_fault() const { return last_fault_; }

    // What follows is sent by the next tick(). All give Code::unavailable while the link is not up, Code::limit when
    // too many wait, Code::conflict when the same is asked for already, Code::invalid for what cannot be sent.

    // All points of an outstation (20) or of one of its groups 1 to 16 (21 … 36). They are told between confirmed and
    // ended.
    Result<RequestId> interrogate(std::uint16_t common_address, std::uint8_t group = 20);
    // Totals: group 1 … 4, 5 = all, with what becomes of them in bits 6-7.
    Result<RequestId> interrogate_counters(std::uint16_t common_address, std::uint8_t qualifier = 5);
    // One point; told before ended.
    Result<RequestId> read(std::uint16_t common_address, std::uint32_t address);
    // Ended when confirmed. kBroadcast: of all outstations, ended by the first of them.
    Result<RequestId> set_clock(std::uint16_t common_address, const Time& time);
    // Asks for an echo of `counter`. Ended when confirmed.
    Result<RequestId> test(std::uint16_t common_address, std::uint16_t counter, const Time& time);
    // Selected (where select_first says so), confirmed and ended. A selection that is not confirmed in time is taken
    // back. One command to an object at a time.
    Result<RequestId> command(const Command& command);
    // Forgets a request; one that was sent is deactivated.
    void cancel(RequestId request);

private:
    enum class State : std::uint8_t { down, starting, up, stopping };
    // Of a selected one the execution waits.
    enum class Phase : std::uint8_t { waiting, selecting, selected, asked, finishing };
    struct Request {
        RequestId id = 0;
        Asdu asdu;
        Phase phase = Phase::waiting;
        bool selects = false;
        bool awaits_end = false;
        DurationNs confirm_timeout = 0;
        DurationNs finish_timeout = 0;
        DurationNs deadline = 0;  // not while it waits
    };
    struct Outgoing {
        RequestId request = 0;  // 0 = nobody waits for an answer
        Buffer asdu;
    };

    static bool is_sent(const Request& request) {
        return request.phase != Phase::waiting && request.phase != Phase::selected;
    }
    Turn take_turn() { return std::exchange(turn_, {}); }
    void down(Error reason);
    void fail_requests(const Error& reason);
    void send_control(Function function);
    void send_acknowledgement();
    void send_waiting(DurationNs now);

    void on_frame(const Frame& frame, DurationNs now);
    void on_information(const Information& frame, DurationNs now);
    void on_control(Function function);
    Result<void> acknowledge(std::uint16_t number);
    void on_message(const Asdu& asdu, DurationNs now);
    void on_told(const Asdu& asdu);
    static bool ends(const Request& request, const Asdu& asdu);
    void on_answer(std::size_t index, const Asdu& asdu, DurationNs now);
    void on_confirmation(std::size_t index, const Asdu& asdu, DurationNs now);
    void expire(DurationNs now);
    void expire_request(std::size_t index);

    Result<RequestId> ask(Request request);
    std::optional<std::size_t> find(const Asdu& asdu) const;
    void progress(const Request& request, Stage stage, std::optional<Error> error = {});
    void finish(std::size_t index, Stage stage, std::optional<Error> error = {});
    void deactivate(const Request& request);

    const ClientOptions options_;
    State state_ = State::down;
    FrameDecoder decoder_;
    Turn turn_;
    Counts counts_;
    std::optional<Error> last_fault_;

    std::uint16_t send_ = 0;                 // V(S)
    std::uint16_t receive_ = 0;              // V(R)
    std::uint16_t acknowledged_ = 0;         // the other end has all before this
    std::deque<DurationNs> unacknowledged_;  // when each was sent
    std::uint16_t owed_ = 0;                 // I frames that we have not acknowledged
    DurationNs owed_since_ = 0;
    DurationNs heard_ = 0;
    std::optional<DurationNs> control_sent_;  // STARTDT or STOPDT waits for its answer
    std::optional<DurationNs> test_sent_;

    RequestId last_id_ = 0;
    std::vector<Request> requests_;
    std::deque<Outgoing> waiting_;
};

}  // namespace gongshu::wire::iec104
