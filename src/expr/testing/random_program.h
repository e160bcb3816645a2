#pragma once

// Random programs and readings, for the tests and the fuzzer; no part of the library.

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "base/rng.h"
#include "expr/calendar.h"
#include "expr/columns.h"
#include "expr/expr.h"
#include "expr/stream.h"

namespace gongshu::expr::testing {

// Monday to Friday, but for the 1st of each month; sure up to 2027.
class Weekdays final : public WorkingDays {
public:
    const std::string& identity() const override {
        static const std::string kName = "weekdays";
        return kName;
    }
    Day at(std::int64_t day) const override {
        const std::int64_t weekday = ((day + 3) % 7 + 7) % 7;  // 1970-01-01 was a Thursday
        return {weekday < 5 && start_of_month(day) != day, day < *read_date("2027-01-01")};
    }
    std::optional<Count> add(std::int64_t day, std::int64_t count) const override {
        if (std::abs(count) > 1000) return std::nullopt;
        Count found{day};
        for (std::int64_t left = std::abs(count); left > 0;) {
            found.count += count > 0 ? 1 : -1;
            found.sure = found.sure && at(found.count).sure;
            left -= at(found.count).working;
        }
        return found;
    }
    std::optional<Count> between(std::int64_t from, std::int64_t to) const override {
        if (std::abs(to - from) > 10'000) return std::nullopt;
        Count found;
        for (std::int64_t day = std::min(from, to) + 1; day <= std::max(from, to); ++day) {
            found.count += at(day).working ? (from < to ? 1 : -1) : 0;
            found.sure = found.sure && at(day).sure;
        }
        return found;
    }
};

// The tags of random expressions: a, b plain numbers; t in degC; l in mm; n an integer; w an integer in count; r a
// truth; s a text; u is not known beforehand; m is in CNY, p in CNY/kWh, e in kWh.
class RandomTags final : public Scope {
public:
    std::optional<ScopeTag> find(std::string_view name) const override;
    std::shared_ptr<const WorkingDays> working_days() const override { return std::make_shared<const Weekdays>(); }
};

// An expression that most often compiles, made of everything the language has.
// `exact`: of money and dates too.
std::string random_expression(Rng& rng, int depth, bool exact = false);

struct Fed {
    std::size_t tag;
    TimeNs time;
    Value value;
    Quality quality;
    TimeNs came;
};

// Readings of the program's tags as they come: gaps, bad quality, two of one time, some up to `lateness` late and a few
// later than that.
std::vector<Fed> random_readings(Rng& rng, const Program& program, std::size_t count, DurationNs lateness);

// What a stream gives that is fed these, and what run() gives for those that the stream took: "" if they are the same
// bit for bit, else where they differ.
std::string difference(const std::shared_ptr<const Program>& program, const std::vector<Fed>& readings,
                       DurationNs lateness, Rng& rng, std::size_t& rows);

inline constexpr TimeNs kStart = 1'772'352'000 * kSecond;  // 2026-03-01 08:00 UTC

struct Maker {
    Rng& rng;
    bool exact = false;

    template <std::size_t n>
    std::string_view one_of(const std::string_view (&list)[n]) {
        return list[rng.below(n)];
    }

    std::string duration() {
        static constexpr std::string_view kSome[] = {"1s",     "2s",  "3s", "5s",   "10s",
                                                     "1500ms", "30s", "1m", "200s", "5m"};
        return std::string(one_of(kSome));
    }

    std::string literal() {
        switch (rng.below(4)) {
            case 0:
                return fmt::format("{}", rng.below(10));
            case 1:
                return fmt::format("-{}", rng.below(5));
            default:
                return fmt::format("{}.{}", rng.below(9), rng.below(100));
        }
    }

    std::string tag() {
        static constexpr std::string_view kTags[] = {"a", "b", "a", "b", "n", "u"};
        return std::string(one_of(kTags));
    }

    std::string windowed(int depth) {
        static constexpr std::string_view kPlain[] = {"avg",  "sum",   "min",    "max",    "first", "last",    "delta",
                                                      "rate", "count", "stddev", "median", "twa",   "increase"};
        const std::string of = rng.chance(0.6) ? tag() : number(depth - 1);
        std::string more;
        std::string name{one_of(kPlain)};
        if (rng.chance(0.1)) {
            name = "percentile";
            more = fmt::format(", {}", rng.below(101));
        } else if (name == "increase" && rng.chance(0.4)) {
            more = ", 16";
        }
        if (rng.chance(0.2)) more += ", " + duration();
        return fmt::format("{}({}, {}{})", name, of, duration(), more);
    }

    std::string number(int depth) {
        static constexpr std::string_view kOne[] = {"abs", "sqrt", "round", "floor", "ceil",  "trunc", "sign",
                                                    "exp", "ln",   "sin",   "atan",  "log10", "cos",   "-"};
        static constexpr std::string_view kTwo[] = {"min", "max", "pow", "hypot", "mod", "atan2", "coalesce"};
        static constexpr std::string_view kOps[] = {"+", "-", "*", "/", "%"};
        if (depth <= 0) return rng.chance(0.7) ? tag() : literal();
        if (exact && rng.chance(0.08)) return exact_number(depth - 1);
        switch (rng.below(14)) {
            case 0:
                return fmt::format("{}({})", one_of(kOne), number(depth - 1));
            case 1:
                return fmt::format("{}({}, {})", one_of(kTwo), number(depth - 1), number(depth - 1));
            case 2:
                return fmt::format("clamp({}, {}, {})", number(depth - 1), literal(), literal());
            case 3:
            case 4:
            case 5:
                return windowed(depth);
            case 6:
                return fmt::format("lag({}, {})", number(depth - 1), duration());
            case 7:
                return fmt::format("(({}) @ -{})", number(depth - 1), duration());
            case 8:
                return fmt::format("if({}, {}, {})", truth(depth - 1), number(depth - 1), number(depth - 1));
            case 9:
                return integer(depth - 1);
            case 10:
                return seconds(depth - 1);
            default:
                return fmt::format("({} {} {})", number(depth - 1), one_of(kOps), number(depth - 1));
        }
    }

    std::string seconds(int depth) {
        static constexpr std::string_view kTags[] = {"a", "r", "s", "n"};
        switch (rng.below(5)) {
            case 0:
                return fmt::format("(since({}) / 1s)", one_of(kTags));
            case 1:
                return fmt::format("((time({}) - time({})) / 1s)", one_of(kTags), one_of(kTags));
            case 2:
                return fmt::format("(duration_true({}, {}) / 1s)", truth(depth), duration());
            case 3:
                return fmt::format("((now() - time({})) / 1 min)", one_of(kTags));
            default:
                return fmt::format("count_true({}, {})", truth(depth), duration());
        }
    }

    std::string integer(int depth) {
        static constexpr std::string_view kBits[] = {"band", "bor", "bxor", "shift"};
        static constexpr std::string_view kFields[] = {"minute", "hour", "weekday", "day", "month", "year"};
        static constexpr std::string_view kZones[] = {"", "'Asia/Shanghai'", "'America/New_York'", "'Asia/Kathmandu'"};
        switch (rng.below(5)) {
            case 0:
                return fmt::format("{}(n, {})", one_of(kBits), rng.below(6));
            case 1:
                return fmt::format("{}({})", one_of(kFields), one_of(kZones));
            case 2:
                return fmt::format("minute(time(a) + {})", duration());
            case 3:
                return fmt::format("length({})", text(depth));
            default:
                return fmt::format("(n {} {})", rng.chance(0.5) ? "+" : "*", rng.below(9));
        }
    }

    std::string text(int depth) {
        if (depth <= 0) return rng.chance(0.7) ? "s" : "'RUN'";
        switch (rng.below(6)) {
            case 0:
                return fmt::format("upper({})", text(depth - 1));
            case 1:
                return fmt::format("concat({}, '-', {})", text(depth - 1), number(depth - 1));
            case 2:
                return fmt::format("lag(s, {})", duration());
            case 3:
                return fmt::format("if {} then {} else {}", truth(depth - 1), text(depth - 1), text(depth - 1));
            case 4:
                return fmt::format("coalesce(s, {})", text(depth - 1));
            default:
                return "lower(s)";
        }
    }

    std::string money(int depth) {
        if (depth <= 0) return rng.chance(0.6) ? "m" : fmt::format("{}.{:02} CNY", rng.below(9), rng.below(100));
        switch (rng.below(11)) {
            case 0:
                return fmt::format("({} {} {})", money(depth - 1), rng.chance(0.5) ? "+" : "-", money(depth - 1));
            case 1:
                return fmt::format("({} * {})", money(depth - 1), number(depth - 1));
            case 2:
                return fmt::format("half_up({} / {})", money(depth - 1), number(depth - 1));
            case 3:
                return fmt::format("(p * e)");
            case 4:
                return fmt::format("({} * share({}%))", money(depth - 1), rng.below(110));
            case 5:
                return fmt::format("split({}, {}, {}, {}, 2.5)", money(depth - 1), 1 + rng.below(3), tag(), tag());
            case 6:
                return fmt::format("({} ?? {})", money(depth - 1), money(depth - 1));
            case 7:
                return fmt::format("if({}, {}, {})", truth(depth - 1), money(depth - 1), money(depth - 1));
            case 8:
                return fmt::format("lag({}, {})", money(depth - 1), duration());
            case 9:
                return fmt::format("money(a, 'CNY')");
            default:
                return fmt::format("{}({}, {})", rng.chance(0.5) ? "min" : "max", money(depth - 1), money(depth - 1));
        }
    }

    std::string date(int depth) {
        if (depth <= 0) return rng.chance(0.5) ? "date(time(a))" : "date('2026-02-27')";
        switch (rng.below(7)) {
            case 0:
                return fmt::format("({} {} {}d)", date(depth - 1), rng.chance(0.5) ? "+" : "-", rng.below(20));
            case 1:
                return fmt::format("add_months({}, n)", date(depth - 1));
            case 2:
                return fmt::format("add_working_days({}, n)", date(depth - 1));
            case 3:
                return fmt::format("{}_of_month({})", rng.chance(0.5) ? "start" : "end", date(depth - 1));
            case 4:
                return fmt::format("date({})", rng.chance(0.5) ? "" : "'Asia/Shanghai'");
            case 5:
                return fmt::format("({} ?? {})", date(depth - 1), date(depth - 1));
            default:
                return "date(s)";
        }
    }

    std::string exact_number(int depth) {
        switch (rng.below(5)) {
            case 0:
                return fmt::format("({} / 0.01 CNY)", money(depth));
            case 1:
                return fmt::format("(({} - {}) / 1 d)", date(depth), date(depth));
            case 2:
                return fmt::format("weekday({})", date(depth));
            case 3:
                return fmt::format("working_days_between({}, {})", date(depth), date(depth));
            default:
                return fmt::format("({} / (m + 1 CNY))", money(depth));
        }
    }

    std::string exact_truth(int depth) {
        static constexpr std::string_view kOps[] = {"<", "<=", ">", ">=", "==", "!="};
        switch (rng.below(4)) {
            case 0:
                return fmt::format("working_day({})", date(depth));
            case 1:
                return fmt::format("{} {} {}", date(depth), one_of(kOps), date(depth));
            case 2:
                return fmt::format("({} and unknown)", truth(depth - 1));
            default:
                return fmt::format("{} {} {}", money(depth), one_of(kOps), money(depth));
        }
    }

    std::string comparison(int depth) {
        static constexpr std::string_view kOps[] = {"<", "<=", ">", ">=", "==", "!="};
        if (exact && rng.chance(0.15)) return exact_truth(depth - 1);
        switch (rng.below(9)) {
            case 0:
                return fmt::format("{} in ('RUN', 'stop', 'A')", text(depth - 1));
            case 1:
                return fmt::format("{} between {} and {}", number(depth - 1), literal(), literal());
            case 2:
                return fmt::format("t {} {}", one_of(kOps), rng.chance(0.5) ? "40 degF" : "280 K");
            case 3:
                return fmt::format("{}({}, {}) {} {} degC", rng.chance(0.5) ? "avg" : "twa", "t", duration(),
                                   one_of(kOps), rng.below(12));
            case 4:
                return fmt::format("since({}) {} {}", rng.chance(0.5) ? "a" : "s", one_of(kOps), duration());
            case 5:
                return fmt::format("contains({}, 'U')", text(depth - 1));
            default:
                return fmt::format("{} {} {}", number(depth - 1), one_of(kOps), number(depth - 1));
        }
    }

    std::string truth(int depth) {
        if (depth <= 0) return rng.chance(0.5) ? "r" : fmt::format("a > {}", rng.below(9));
        switch (rng.below(14)) {
            case 0:
                return fmt::format("(({}) for {})", truth(depth - 1), duration());
            case 1:
                return fmt::format("(({}) for {})", comparison(depth), duration());
            case 2:
                return fmt::format("not ({})", truth(depth - 1));
            case 3:
            case 4:
                return fmt::format("(({}) {} ({}))", truth(depth - 1), rng.chance(0.5) ? "and" : "or",
                                   truth(depth - 1));
            case 5:
                return rng.chance(0.5) ? fmt::format("changed({})", number(depth - 1))
                                       : fmt::format("changed({}, {})", rng.chance(0.5) ? "s" : "r", duration());
            case 6:
                return fmt::format("stale({}, {})", rng.chance(0.5) ? "a" : "r", duration());
            case 7:
                return fmt::format("bit(n, {})", rng.below(5));
            case 8:
                return fmt::format("known({})", number(depth - 1));
            case 9:
                return fmt::format("a.quality {} {}",
                                   rng.chance(0.5) ? "==" : ">=", rng.chance(0.5) ? "good" : "uncertain");
            case 10:
                return fmt::format("coalesce({}, r, false)", truth(depth - 1));
            default:
                return fmt::format("({})", comparison(depth));
        }
    }
};

inline Value random_value(Rng& rng, const ProgramTag& tag) {
    static constexpr std::string_view kTexts[] = {"RUN", "stop", "A", "", "故障-3"};
    if (!tag.known) return rng.chance(0.7) ? Value{static_cast<double>(rng.below(10))} : Value{std::int64_t{3}};
    switch (tag.type) {
        case ValueType::text:
            return std::string(kTexts[rng.below(5)]);
        case ValueType::boolean:
            return rng.chance(0.5);
        case ValueType::integer:
            return rng.chance(0.02) ? std::int64_t{1} << 62 : static_cast<std::int64_t>(rng.below(16));
        case ValueType::number:
            break;
    }
    switch (rng.below(40)) {
        case 0:
            return 1e300;
        case 1:
            return std::numeric_limits<double>::quiet_NaN();
        case 2:
            return std::int64_t{7};
        case 3:
            return std::string("not a number");
        default:
            // Decimal fractions, whose sums round.
            return static_cast<double>(rng.below(100)) / 10.0 * (rng.chance(0.1) ? 1e9 : 1);
    }
}

inline Quality random_quality(Rng& rng) {
    switch (rng.below(20)) {
        case 0:
            return bad(Reason::timeout);
        case 1:
            return bad(Reason::silent);
        case 2:
            return uncertain(Reason::clock);
        default:
            return kGood;
    }
}

// One output as text, with every bit.
inline std::string shown(TimeNs time, bool known, bool missing, Kind kind, double number, std::int64_t integer,
                         std::string_view text, Quality quality) {
    if (!known) return fmt::format("+{} {} {}", time - kStart, missing ? "missing" : "unknown", to_string(quality));
    return fmt::format("+{} kind {} {} ({:016x}) {} \"{}\" {}", time - kStart, static_cast<int>(kind), number,
                       std::bit_cast<std::uint64_t>(number), integer, text, to_string(quality));
}

inline std::string shown(const Output& output) {
    double number = 0;
    std::int64_t integer = 0;
    std::string_view text;
    if (const auto* value = std::get_if<double>(&output.value)) number = *value;
    if (const auto* value = std::get_if<bool>(&output.value)) number = *value ? 1 : 0;
    if (const auto* value = std::get_if<std::int64_t>(&output.value)) {
        integer = *value;
        if (output.kind == Kind::integer) number = static_cast<double>(integer);
    }
    if (const auto* value = std::get_if<std::string>(&output.value)) text = *value;
    return shown(output.time, output.known, output.missing, output.kind, number, integer, text, output.quality);
}

inline std::string shown(const Column& column, std::size_t i) {
    const Kind kind = column.kind == Kind::any ? column.kinds[i] : column.kind;
    const bool known = column.states[i] == row_known;
    const bool text = kind == Kind::text || kind == Kind::quality;
    return shown(column.times[i], known, column.states[i] == row_missing, kind, text ? 0 : column.numbers[i],
                 column.integers.empty() ? 0 : column.integers[i], column.texts.empty() ? "" : column.texts[i],
                 column.qualities[i]);
}

// The readings of one tag as one column of the type that its values mostly have; others are not in it.
struct TagColumns {
    ValueType type = ValueType::number;
    std::vector<TimeNs> times;
    std::vector<double> numbers;
    std::vector<std::int64_t> integers;
    std::vector<std::string> texts;
    std::vector<Quality> qualities;

    Input input() const { return {type, times, numbers, integers, texts, qualities}; }
};

// A column has one type: a value of another is a bad one here and there.
inline Fed as_of_type(Fed fed, ValueType type) {
    if (type_of(fed.value) == type) return fed;
    const auto converted = convert_exactly(fed.value, type);
    if (converted) {
        fed.value = *converted;
        return fed;
    }
    fed.quality = bad(Reason::type);
    fed.value = type == ValueType::text      ? Value{std::string{}}
                : type == ValueType::integer ? Value{std::int64_t{0}}
                : type == ValueType::boolean ? Value{false}
                                             : Value{0.0};
    return fed;
}

inline void add(TagColumns& columns, const Fed& fed) {
    columns.times.push_back(fed.time);
    columns.qualities.push_back(fed.quality);
    switch (columns.type) {
        case ValueType::text:
            columns.texts.push_back(std::get<std::string>(fed.value));
            break;
        case ValueType::integer:
            columns.integers.push_back(std::get<std::int64_t>(fed.value));
            break;
        case ValueType::boolean:
            columns.numbers.push_back(std::get<bool>(fed.value) ? 1 : 0);
            break;
        case ValueType::number:
            columns.numbers.push_back(std::get<double>(fed.value));
            break;
    }
}

inline std::optional<ScopeTag> RandomTags::find(std::string_view name) const {
    if (name == "a" || name == "b") return ScopeTag{std::string(name), "", ValueType::number, true};
    if (name == "t") return ScopeTag{"t", "degC", ValueType::number, true};
    if (name == "l") return ScopeTag{"l", "mm", ValueType::number, true};
    if (name == "n") return ScopeTag{"n", "", ValueType::integer, true};
    if (name == "r") return ScopeTag{"r", "", ValueType::boolean, true};
    if (name == "s") return ScopeTag{"s", "", ValueType::text, true};
    if (name == "m") return ScopeTag{"m", "CNY", ValueType::number, true};
    if (name == "p") return ScopeTag{"p", "CNY/kWh", ValueType::number, true};
    if (name == "e") return ScopeTag{"e", "kWh", ValueType::number, true};
    if (name == "u") return ScopeTag{"u", "", ValueType::number, false};
    return std::nullopt;
}

inline std::string random_expression(Rng& rng, int depth, bool exact) {
    Maker maker{rng, exact};
    switch (rng.below(exact ? 7 : 5)) {
        case 0:
        case 1:
            return maker.number(depth);
        case 5:
            return maker.money(depth);
        case 6:
            return maker.date(depth);
        case 2:
            return maker.text(depth);
        default:
            return maker.truth(depth);
    }
}

inline std::vector<Fed> random_readings(Rng& rng, const Program& program, std::size_t count, DurationNs lateness) {
    std::vector<Fed> list;
    TimeNs now = kStart + (rng.chance(0.5) ? 0 : static_cast<TimeNs>(rng.below(kSecond)));
    const bool whole = rng.chance(0.6);  // whole seconds, where much comes together
    for (std::size_t i = 0; i < count && !program.tags().empty(); ++i) {
        if (rng.chance(0.03)) now += static_cast<TimeNs>(rng.below(400)) * kSecond;
        if (rng.chance(0.8))
            now += whole ? static_cast<TimeNs>(rng.below(4)) * kSecond : static_cast<TimeNs>(rng.below(5 * kSecond));
        const std::size_t tag = rng.below(program.tags().size());
        Fed fed{tag, now, random_value(rng, program.tags()[tag]), random_quality(rng), now};
        if (rng.chance(0.2) && lateness > 0)
            fed.time -= static_cast<TimeNs>(rng.below(static_cast<std::uint64_t>(lateness) / kSecond + 1)) * kSecond;
        if (rng.chance(0.03)) fed.time -= lateness + static_cast<TimeNs>(rng.below(20)) * kSecond;
        const ProgramTag& of = program.tags()[tag];
        list.push_back(as_of_type(std::move(fed), of.known ? of.type : ValueType::number));
    }
    return list;
}

inline std::string difference(const std::shared_ptr<const Program>& program, const std::vector<Fed>& readings,
                              DurationNs lateness, Rng& rng, std::size_t& rows) {
    const auto stream = Stream::create(program, {.lateness = lateness});
    std::vector<std::string> streamed;
    const auto emit = [&](const Output& output) { streamed.push_back(shown(output)); };
    std::vector<TagColumns> columns(program->tags().size());
    for (std::size_t i = 0; i < columns.size(); ++i)
        columns[i].type = program->tags()[i].known ? program->tags()[i].type : ValueType::number;
    TimeNs until = kStart;
    for (const Fed& fed : readings) {
        if (rng.chance(0.7)) stream->advance(fed.came, emit);
        if (stream->feed(fed.tag, fed.time, fed.value, fed.quality)) add(columns[fed.tag], fed);
        until = std::max({until, fed.came, fed.time});
    }
    until += static_cast<TimeNs>(rng.below(100)) * kSecond;
    stream->advance(until + lateness, emit);
    std::vector<Input> inputs;
    for (const TagColumns& one : columns) inputs.push_back(one.input());
    const Column column = run(*program, inputs, {.until = until});
    std::vector<TimeNs> asked;
    for (std::size_t i = 0; i < std::max(streamed.size(), column.size()); ++i) {
        const std::string batch = i < column.size() ? shown(column, i) : "nothing";
        const std::string one = i < streamed.size() ? streamed[i] : "nothing";
        if (batch != one) return fmt::format("row {}: columns give {}\nand the stream {}", i, batch, one);
        if (rng.chance(0.3)) asked.push_back(column.times[i]);
    }
    rows += column.size();
    // The same at given times.
    const Column at = run_at(*program, inputs, asked);
    std::size_t row = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
        while (column.times[row] != asked[i]) ++row;
        if (shown(at, i) != shown(column, row))
            return fmt::format("at given times: {} is not {}", shown(at, i), shown(column, row));
    }
    return "";
}

// What run() gives after a random moment for all readings, and for those alone that Program::lookback() asks for: "" if
// they are the same.
inline std::string restart_difference(const Program& program, std::vector<Fed> readings, Rng& rng) {
    if (readings.empty()) return "";
    std::ranges::stable_sort(readings, {}, [](const Fed& fed) { return std::pair{fed.time, fed.tag}; });
    std::vector<Fed> last;  // of each tag and time
    for (Fed& fed : readings) {
        if (!last.empty() && last.back().time == fed.time && last.back().tag == fed.tag) last.pop_back();
        last.push_back(std::move(fed));
    }
    readings = std::move(last);
    const TimeNs moment = readings[rng.below(readings.size())].time, from = moment - program.lookback();
    std::vector<TagColumns> whole(program.tags().size()), restarted(program.tags().size());
    for (std::size_t tag = 0; tag < whole.size(); ++tag) {
        whole[tag].type = restarted[tag].type =
            program.tags()[tag].known ? program.tags()[tag].type : ValueType::number;
        TimeNs newest = INT64_MIN;  // usable one of those before
        for (const Fed& fed : readings) {
            const auto* number = std::get_if<double>(&fed.value);
            const bool usable = fed.quality.usable() && (!number || *number == *number);
            if (fed.tag == tag && fed.time <= from && usable) newest = fed.time;
        }
        for (const Fed& fed : readings) {
            if (fed.tag != tag) continue;
            add(whole[tag], fed);
            if (fed.time >= newest) add(restarted[tag], fed);
        }
    }
    std::vector<Input> all, some;
    for (std::size_t tag = 0; tag < whole.size(); ++tag) {
        all.push_back(whole[tag].input());
        some.push_back(restarted[tag].input());
    }
    const RunOptions options{.from = moment, .until = readings.back().time + 50 * kSecond};
    const Column one = run(program, all, options), other = run(program, some, options);
    // The first rows tell what is; time alone may have told it before.
    std::size_t i = 0, k = 0;
    while (i < one.size() || k < other.size()) {
        const std::string a = i < one.size() ? shown(one, i) : "nothing",
                          b = k < other.size() ? shown(other, k) : "nothing";
        if (a != b)
            return fmt::format("from +{} on: all readings give {}\nand those of the lookback {}", moment - kStart, a,
                               b);
        ++i, ++k;
    }
    return "";
}

}  // namespace gongshu::expr::testing
