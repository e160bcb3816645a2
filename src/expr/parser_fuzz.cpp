// Any text either compiles, and then runs over any readings, as a stream and over columns with the same answers, or is
// refused with a place that lies within it.
#include <cmath>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "expr/expr.h"
#include "expr/testing/random_program.h"

namespace {

using namespace gongshu;
using namespace gongshu::expr;

// Every name is a tag; its kind and unit follow from its first letter.
class AnyName final : public Scope {
public:
    std::optional<ScopeTag> find(std::string_view name) const override {
        static constexpr const char* kUnits[] = {"", "degC", "bar", "mm", "%"};
        const auto first = static_cast<unsigned char>(name.front());
        if (is_own_name(name) || first == 'z') return std::nullopt;
        static constexpr std::pair<char, const char*> kMoney[] = {{'m', "CNY"}, {'p', "CNY/kWh"}, {'e', "kWh"}};
        for (const auto& [letter, unit] : kMoney)
            if (first == static_cast<unsigned char>(letter)) return ScopeTag{std::string(name), unit};
        const ValueType type = first == 'r'   ? ValueType::boolean
                               : first == 's' ? ValueType::text
                               : first == 'n' ? ValueType::integer
                                              : ValueType::number;
        return ScopeTag{std::string(name), type == ValueType::number ? kUnits[first % 5] : "", type, first % 7 != 0};
    }
    std::vector<std::string> names() const override { return {"temperature", "pressure", "温度"}; }
    std::shared_ptr<const WorkingDays> working_days() const override {
        return std::make_shared<const expr::testing::Weekdays>();
    }
};

std::size_t characters(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return count;
}

// The same expression as a stream and over columns.
void run_both(const std::shared_ptr<const Program>& program, std::string_view text) {
    Rng rng{crc32c(as_bytes(text))};
    const DurationNs lateness = static_cast<DurationNs>(rng.below(3)) * 3 * kSecond;
    const auto readings = expr::testing::random_readings(rng, *program, 20, lateness);
    std::size_t rows = 0;
    const std::string wrong = expr::testing::difference(program, readings, lateness, rng, rows);
    if (!wrong.empty()) fmt::print(stderr, "{}\n", wrong);
    ASSERT(wrong.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const std::string_view text = as_text({data, bytes});
    const AnyName scope;
    for (const double relax : {0.0, 2.0}) {
        const auto program = compile(text, scope, {.strip_hold = relax > 0, .relax = relax});
        if (!program) {
            const ExprError& error = program.error();
            ASSERT(error.column >= 1 && error.column <= characters(text) + 1);
            ASSERT(!error.text.empty() && !error.expected.empty() && error.suggest.size() <= 5);
            ASSERT(!error.code.empty() && !error.text_in("zh").empty());
            continue;
        }
        if (relax == 0) run_both(*program, text);
        const auto evaluator = Evaluator::create(*program);
        TimeNs now = 1'700'000'000 * kSecond;
        for (int step = 0; step < 6; ++step) {
            evaluator->advance(now += kSecond);
            for (std::size_t i = 0; i < (*program)->tags().size(); ++i) {
                const Value values[] = {-1.5, std::int64_t{1} << 60, true, std::string("RUN"), NAN, 1e308};
                evaluator->feed(i, now - step % 2, values[(i + static_cast<std::size_t>(step)) % 6],
                                step == 3 ? bad(Reason::timeout) : kGood);
            }
            const Answer& answer = evaluator->answer();
            ASSERT(answer.known == evaluator->doubts().empty());
            evaluator->assumed();
            evaluator->observed();
            const auto next = evaluator->next_time();
            ASSERT(!next || *next > now);
        }
    }
    return 0;
}

// The library of units forgets the name of a unit that it cannot read.
extern "C" const char* __lsan_default_suppressions() { return "leak:libudunits2"; }
