#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "expr/expr.h"

namespace gongshu::expr {

// What a rule says of a subject. `unknown` is never a pass, and no fail either: somebody has to find out.
enum class Outcome : std::uint8_t { fail, pass, unknown };
std::string_view to_string(Outcome outcome);

// One input of a verdict, in the order of Program::tags().
struct VerdictInput {
    std::optional<Value> value;  // nullopt: not given
    Quality quality = kGood;
    std::optional<TimeNs> time;  // absent: as_of
    // What it can be at all, in the tag's unit; a number outside is no better than none.
    std::optional<double> least, most;
};

struct Verdict {
    Outcome outcome = Outcome::unknown;
    std::vector<Doubt> doubts;         // of unknown: what made it so, in the order written; never empty then
    std::vector<std::string> assumed;  // substitutes it rests on, as written: "x ?? 0"
    Quality quality;                   // the worst of what decided; uncertain also of a day that is not sure

    // "unknown: temperature is missing", "未知：缺少 temperature".
    std::string text_in(std::string_view language) const;
};

// What is wrong with one input, said to people: "temperature is missing".
std::string text_in(std::string_view language, const Doubt& doubt);

// The verdict of a condition over inputs as they are at `as_of`; nothing asks a clock. Code::invalid if the program is
// no condition or the inputs are not those of its tags.
Result<Verdict> evaluate_verdict(const std::shared_ptr<const Program>& program, std::span<const VerdictInput> inputs,
                                 TimeNs as_of);

// The same of an evaluator's last answer, for conditions over streams.
Verdict verdict_of(Evaluator& evaluator);

}  // namespace gongshu::expr
