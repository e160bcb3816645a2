#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::options {

// One option as the command line, the configuration file, --help and the documentation see it.
struct Option {
    std::string name;          // "retention_days"; on the command line --retention-days
    std::string help;          // one or two sentences with advice
    std::string default_text;  // "3650"
    std::string range_text;    // "1 … 36500", "" = any
    bool is_switch = false;    // takes no value on the command line
    std::function<Result<void>(std::string_view)> set;
    bool is_list = false;  // may be given several times
};

// "500ms", "30s", "5m", "2h", "1d" and sums of them; Code::invalid names what was found.
Result<DurationNs> parse_duration(std::string_view text);
std::string duration_text(DurationNs duration);
// "64", "64KiB", "64MiB", "1GiB".
Result<std::uint64_t> parse_bytes(std::string_view text);
std::string bytes_text(std::uint64_t bytes);

namespace detail {
Result<std::int64_t> parse_whole(std::string_view text, std::int64_t min, std::int64_t max);
Result<bool> parse_switch(std::string_view text);
}  // namespace detail

// The options of one struct, each declared once; what is parsed lands in the struct, which must outlive the table.
class Table {
public:
    template <class Number>
        requires(std::is_integral_v<Number> && !std::is_same_v<Number, bool>)
    Table& number(std::string name, Number& target, std::int64_t min, std::int64_t max, std::string help) {
        return add({std::move(name), std::move(help), std::to_string(target), fmt::format("{} … {}", min, max), false,
                    [&target, min, max](std::string_view text) -> Result<void> {
                        target = static_cast<Number>(TRY(detail::parse_whole(text, min, max)));
                        return {};
                    }});
    }
    Table& duration(std::string name, DurationNs& target, DurationNs min, DurationNs max, std::string help);
    Table& bytes(std::string name, std::uint64_t& target, std::uint64_t min, std::uint64_t max, std::string help);
    Table& text(std::string name, std::string& target, std::string help);
    Table& toggle(std::string name, bool& target, std::string help);
    // May be given several times.
    Table& list(std::string name, std::vector<std::string>& target, std::string help);

    const std::vector<Option>& all() const { return options_; }
    // Code::invalid naming the option and, for an unknown one, the nearest that exists.
    Result<void> set(std::string_view name, std::string_view value);
    bool takes_list(std::string_view name) const;
    // Command line: --name value, --name=value, --switch. What does not begin with "--" goes to `rest`. Underscore and
    // dash in names are the same.
    Result<void> parse(const std::vector<std::string>& arguments, std::vector<std::string>& rest);

    std::string help() const;      // for --help
    std::string markdown() const;  // a table for the documentation

private:
    Table& add(Option option);

    std::vector<Option> options_;
};

// The name in `known` that differs least from `name` (Levenshtein), or "" when none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

}  // namespace gongshu::options
