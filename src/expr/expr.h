#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "data/quality.h"
#include "data/value.h"
#include "expr/error.h"

namespace gongshu::expr {

inline constexpr std::size_t kTextBytesMax = 4096;      // of one expression
inline constexpr std::size_t kDepthMax = 64;            // of nesting
inline constexpr std::size_t kNodesMax = 500;           // operations of one program
inline constexpr std::size_t kTagsMax = 64;             // different tags of one program
inline constexpr std::size_t kWindowsMax = 32;          // windows, lags and changed() of one program
inline constexpr DurationNs kWindowMax = 31 * kDay;     // of a window or a hold
inline constexpr DurationNs kLookbackMax = 366 * kDay;  // of all that is nested in each other
// Readings a window holds (at most 60 bytes each); past it the oldest go and the answer is uncertain:computed until the
// window is whole again. A lag forgets its oldest, which are missing then.
inline constexpr std::size_t kWindowPointsMax = 100'000;
inline constexpr std::size_t kLagTextBytesMax = 4 << 20;  // of the texts of one lag, which forgets likewise

// Days that are worked. This folder lies below calendars: who knows one puts it behind this. Days count from
// 1970-01-01. Constant; any thread.
class WorkingDays {
public:
    struct Day {
        bool working = true;
        bool sure = true;  // false: the authority's word for this day is not known yet; the value is uncertain
    };
    struct Count {
        std::int64_t count = 0;  // days, or the day that was found
        bool sure = true;
    };
    virtual ~WorkingDays() = default;
    // Changes whenever an answer may: part of what tells one plan from another.
    virtual const std::string& identity() const = 0;
    virtual Day at(std::int64_t day) const = 0;
    // The count-th working day after `day` (before, if negative); nullopt past its reach.
    virtual std::optional<Count> add(std::int64_t day, std::int64_t count) const = 0;
    // How many d with from < d <= to are worked; negative if to < from.
    virtual std::optional<Count> between(std::int64_t from, std::int64_t to) const = 0;
};

// What a name stands for.
struct ScopeTag {
    std::string path;  // of the tag
    std::string unit;  // UDUNITS text, "" = none
    ValueType type = ValueType::number;
    bool known = true;  // false: nothing is known of it yet; fits everywhere and is not checked
};

// Who knows names. A rule bound to a device resolves `temperature` to the device's own tag.
class Scope {
public:
    virtual ~Scope() = default;
    virtual std::optional<ScopeTag> find(std::string_view name) const = 0;
    // Names to suggest, of which the nearest are taken; at most 1000.
    virtual std::vector<std::string> names() const { return {}; }
    // The time zone of the place, IANA name, for calendar functions that name none.
    virtual std::string zone() const { return "UTC"; }
    // The working days of the place; null: none are known, and what asks for them is refused. The program keeps it.
    virtual std::shared_ptr<const WorkingDays> working_days() const { return nullptr; }
};

// A tag that a program reads. Its place in Program::tags() is the index that Evaluator::feed() takes.
struct ProgramTag {
    std::string path;
    std::string unit;
    ValueType type = ValueType::number;
    bool known = true;
};

// A duration is a number in a unit of time. An integer is exact in +, -, * and comparisons, and a number in all else.
// Money, prices and dates are whole numbers that nothing turns into doubles: fen (the smallest unit of the currency),
// 10^-9 of the currency for one of a unit, and days since 1970-01-01.
enum class Kind : std::uint8_t { any, number, truth, text, quality, integer, time, money, price, date };

inline bool is_money(Kind kind) { return kind == Kind::money || kind == Kind::price; }
inline bool is_exact(Kind kind) { return is_money(kind) || kind == Kind::date; }

// Program is a compiled expression. Constant; shared by all who evaluate it.
class Program {
public:
    virtual ~Program() = default;
    virtual const std::string& text() const = 0;
    virtual Kind kind() const = 0;
    virtual const std::string& unit() const = 0;  // of a number; of money "CNY", of a price "CNY/kWh"
    virtual bool is_difference() const = 0;  // a difference of such: 9 degF of it are 5 K, wherever their zeros lie
    virtual std::span<const ProgramTag> tags() const = 0;
    // Functions used, in order of name.
    virtual const std::vector<std::string>& uses() const = 0;
    // How far back readings matter: the longest window plus all holds. 0 = only the newest reading of each tag.
    virtual DurationNs lookback() const = 0;
    // The condition of `condition for 30s` written last and outermost, else 0. See CompileOptions::strip_hold.
    virtual DurationNs outer_hold() const = 0;
    // The zone of the scope, if a calendar function took it; "" = it makes no difference.
    virtual const std::string& zone() const = 0;
    // WorkingDays::identity() of those it asks; "" = none.
    virtual const std::string& calendar() const = 0;
};

struct CompileOptions {
    bool want_condition = false;  // anything but a truth is an error
    bool strip_hold = false;      // leave an outermost `for 30s` out of the program: the caller does it (outer_hold())
    // Dead band: each < <= > >= that decides is moved by so much to the side where it stays true longer, in the unit of
    // its left side. More than 0 and nothing to move is an error.
    double relax = 0;
};

Checked<std::shared_ptr<const Program>> compile(std::string_view text, const Scope& scope,
                                                const CompileOptions& options = {});

enum class Truth : std::uint8_t { no, yes, unknown };

// The value of an expression at one time.
struct Answer {
    Kind kind = Kind::any;
    bool known = false;        // false: an input is bad or missing and the rest does not decide
    bool missing = false;      // !known because a tag had no reading or a window is empty, not because of bad quality
    double number = 0;         // kind number and integer, in Program::unit()
    std::int64_t integer = 0;  // kind integer; time: ns; money, price, date: as Kind says
    bool truth = false;        // kind truth
    std::string text;          // kind text and quality
    Quality quality;           // the worst of what was used; bad when !known

    Truth as_truth() const { return !known ? Truth::unknown : truth ? Truth::yes : Truth::no; }
};

// One input as it was when the answer was given, for people who ask why.
struct Observed {
    std::size_t tag = 0;     // index in Program::tags()
    std::string expression;  // "temperature", "avg(temperature, 5m)"
    TimeNs time = 0;         // of the reading; of a window that is not one reading: of the answer
    Value value;             // as stored, in `unit`
    std::string unit;
    Quality quality;
    bool assumed = false;  // a substitute stood for what was not known: coalesce(x, 0), x ?? 0
};

// Why an answer is not known: an input, or an operation that has no result for what it was given.
struct Doubt {
    enum class Why : std::uint8_t {
        missing,       // no reading ever came, or a window is empty
        bad,           // of bad quality, which `quality` tells
        out_of_range,  // outside what the asker said it can be, or no finite number
        no_result,     // a division by zero, past what can be held, not of the type it was compiled for
        said,          // the word `unknown`
    };
    std::string name;  // of an input: the tag's path; of an operation: as written
    bool is_input = true;
    Why why = Why::missing;
    Quality quality;
    std::uint32_t column = 0, length = 0;  // of an operation: where it stands
    friend bool operator==(const Doubt&, const Doubt&) = default;
};

// Evaluator gives a program's answer over a stream of readings.
// Lives:   with its program, which it keeps alive.
// Threads: one at a time.
// Bounds:  the newest reading of each tag, kWindowPointsMax readings a window. feed() costs O(windows of that tag) on
//          the average, answer() O(operations).
// Time:    has its own, which only advance() moves, never back. Late readings go to their place in windows and do not
//          replace a newer value; of two with one time the later wins. Unknown neither starts nor ends a hold.
class Evaluator {
public:
    virtual ~Evaluator() = default;
    static std::unique_ptr<Evaluator> create(std::shared_ptr<const Program> program);

    virtual const Program& program() const = 0;
    // A reading; counts at once, whatever its time.
    virtual void feed(std::size_t tag, TimeNs time, const Value& value, Quality quality) = 0;
    // Moves time to `now`; going back is ignored. To see every change of a hold or a window go there step by step, by
    // next_time().
    virtual void advance(TimeNs now) = 0;
    virtual TimeNs time() const = 0;
    // The answer now. Holds begin and end when this is called.
    virtual const Answer& answer() = 0;
    // The earliest time after now at which the answer may change without a reading; nullopt = never. After answer().
    virtual std::optional<TimeNs> next_time() const = 0;
    // Somebody set the clock: everything kept is `by` later, so that all ages stay as they were.
    virtual void shift(DurationNs by) = 0;
    // Counts silence, since(), from `now` on for every tag that was heard before: nobody listened until then.
    virtual void hear(TimeNs now) = 0;
    // What the last answer was made from, in the order written.
    virtual std::vector<Observed> observed() const = 0;
    // What made the last answer unknown, in the order written, each once; empty if it is known.
    virtual std::vector<Doubt> doubts() const = 0;
    // Substitutes that the last answer rests on, as written: "x ?? 0", "coalesce(x, y, 0)".
    virtual std::vector<std::string> assumed() const = 0;
};

enum class FunctionGroup : std::uint8_t { choose, math, least_most, text, bits, window, time, date, money };

// One function of the language, declared once; the reference, the editor's completion and the compiler use it.
struct FunctionInfo {
    std::string_view name;
    std::string_view signature;
    std::string_view help_zh, help_en;
    std::string_view example;
    FunctionGroup group;
    std::string_view given;   // readings, such as "x=1 +60s x=2"
    std::string_view result;  // of the example after them, with its unit
};
std::span<const FunctionInfo> functions();
// good, uncertain, bad and unknown: names that mean something by themselves where no tag has them.
bool is_own_name(std::string_view name);
// The words of the language that are no functions: and, or, for, between…
std::span<const std::string_view> words();

// The reference of the language as Markdown, "zh" or "en".
std::string reference(std::string_view language);

}  // namespace gongshu::expr
