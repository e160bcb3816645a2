#include "base/options.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <numeric>

#include "base/assert.h"

namespace gongshu::options {
namespace {

struct UnitOf {
    std::string_view name;
    std::int64_t size;
};
constexpr UnitOf kDurations[] = {{"d", kDay},    {"h", kHour},         {"m", kMinute},
                                 {"s", kSecond}, {"ms", kMillisecond}, {"us", kMicrosecond}};
constexpr UnitOf kSizes[] = {{"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};
// Understood, not said: as disks are sold.
constexpr UnitOf kDecimalSizes[] = {{"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1'000}};

std::string canonical(std::string_view name) {
    std::string text(name);
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
}

std::string flag_of(std::string_view name) {
    std::string text = "--" + std::string(name);
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

// Digits at the front of `text`, which is advanced past them.
Result<std::int64_t> take_whole(std::string_view& text, std::string_view all) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0) return Error{Code::invalid, "expected a number in '{}'", all};
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

}  // namespace

namespace detail {

Result<std::int64_t> parse_whole(std::string_view text, std::int64_t min, std::int64_t max) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return Error{Code::invalid, "expected a whole number, found '{}'", text};
    if (number < min || number > max) return Error{Code::invalid, "{} is outside {} … {}", number, min, max};
    return number;
}

Result<bool> parse_switch(std::string_view text) {
    if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
    if (text == "false" || text == "no" || text == "off" || text == "0") return false;
    return Error{Code::invalid, "expected true or false, found '{}'", text};
}

}  // namespace detail

Result<DurationNs> parse_duration(std::string_view text) {
    const std::string_view all = text;
    DurationNs total = 0;
    do {
        const std::int64_t number = TRY(take_whole(text, all));
        const std::size_t length = std::min(text.find_first_of("0123456789"), text.size());
        const std::string_view unit = text.substr(0, length);
        const auto found =
            std::find_if(std::begin(kDurations), std::end(kDurations), [&](auto& u) { return u.name == unit; });
        if (found == std::end(kDurations))
            return Error{Code::invalid, "'{}' has the unit '{}': use us, ms, s, m, h or d, as in 1h30m", all, unit};
        DurationNs part = 0;
        if (__builtin_mul_overflow(number, found->size, &part) || __builtin_add_overflow(total, part, &total))
            return Error{Code::invalid, "'{}' is too long a time", all};
        text.remove_prefix(length);
    } while (!text.empty());
    return total;
}

std::string duration_text(DurationNs duration) {
    if (duration == 0) return "0s";
    std::string text;
    for (const auto& unit : kDurations) {
        if (duration >= unit.size) fmt::format_to(std::back_inserter(text), "{}{}", duration / unit.size, unit.name);
        duration %= unit.size;
    }
    return text;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
    const std::string_view all = text;
    const std::int64_t number = TRY(take_whole(text, all));
    std::int64_t size = 0;
    for (const auto& unit : kSizes)
        if (unit.name == text) size = unit.size;
    for (const auto& unit : kDecimalSizes)
        if (unit.name == text) size = unit.size;
    if (size == 0)
        return Error{Code::invalid, "'{}' has the unit '{}': use KiB, MiB, GiB, kB, MB, GB or TB, or none for bytes",
                     all, text};
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(number, size, &bytes)) return Error{Code::invalid, "'{}' is too large", all};
    return static_cast<std::uint64_t>(bytes);
}

std::string bytes_text(std::uint64_t bytes) {
    for (const auto& unit : kSizes)
        if (bytes % static_cast<std::uint64_t>(unit.size) == 0 && bytes >= static_cast<std::uint64_t>(unit.size))
            return fmt::format("{}{}", bytes / static_cast<std::uint64_t>(unit.size), unit.name);
    return "0";
}

Table& Table::add(Option option) {
    for (const Option& other : options_) ASSERT(other.name != option.name);
    options_.push_back(std::move(option));
    return *this;
}

Table& Table::duration(std::string name, DurationNs& target, DurationNs min, DurationNs max, std::string help) {
    return add(
        {std::move(name), std::move(help), duration_text(target), duration_text(min) + " … " + duration_text(max),
         false, [&target, min, max](std::string_view text) -> Result<void> {
             const DurationNs value = TRY(parse_duration(text));
             if (value < min || value > max)
                 return Error{Code::invalid, "{} is outside {} … {}", text, duration_text(min), duration_text(max)};
             target = value;
             return {};
         }});
}

Table& Table::bytes(std::string name, std::uint64_t& target, std::uint64_t min, std::uint64_t max, std::string help) {
    return add({std::move(name), std::move(help), bytes_text(target), bytes_text(min) + " … " + bytes_text(max), false,
                [&target, min, max](std::string_view text) -> Result<void> {
                    const std::uint64_t value = TRY(parse_bytes(text));
                    if (value < min || value > max)
                        return Error{Code::invalid, "{} is outside {} … {}", text, bytes_text(min), bytes_text(max)};
                    target = value;
                    return {};
                }});
}

Table& Table::text(std::string name, std::string& target, std::string help) {
    return add({std::move(name), std::move(help), target, "", false, [&target](std::string_view text) -> Result<void> {
                    target = text;
                    return {};
                }});
}

Table& Table::toggle(std::string name, bool& target, std::string help) {
    return add({std::move(name), std::move(help), target ? "true" : "false", "", true,
                [&target](std::string_view text) -> Result<void> {
                    target = TRY(detail::parse_switch(text));
                    return {};
                }});
}

Table& Table::list(std::string name, std::vector<std::string>& target, std::string help) {
    return add({std::move(name), std::move(help), "", "may be given several times", false,
                [&target](std::string_view text) -> Result<void> {
                    target.emplace_back(text);
                    return {};
                },
                true});
}

bool Table::takes_list(std::string_view name) const {
    const std::string wanted = canonical(name);
    return std::any_of(options_.begin(), options_.end(),
                       [&](const Option& option) { return option.name == wanted && option.is_list; });
}

Result<void> Table::set(std::string_view name, std::string_view value) {
    const std::string wanted = canonical(name);
    for (const Option& option : options_)
        if (option.name == wanted) return option.set(value).context("option {}", flag_of(option.name));
    std::vector<std::string> known;
    for (const Option& option : options_) known.push_back(option.name);
    const std::string near = nearest(wanted, known);
    if (near.empty()) return Error{Code::invalid, "there is no option {}", flag_of(wanted)};
    return Error{Code::invalid, "there is no option {}: did you mean {}?", flag_of(wanted), flag_of(near)};
}

Result<void> Table::parse(const std::vector<std::string>& arguments, std::vector<std::string>& rest) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with("--")) {
            rest.emplace_back(argument);
            continue;
        }
        const auto equals = argument.find('=');
        const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
        const auto option =
            std::find_if(options_.begin(), options_.end(), [&](auto& o) { return o.name == canonical(name); });
        if (equals != std::string_view::npos) {
            TRY(set(name, argument.substr(equals + 1)));
        } else if (option != options_.end() && option->is_switch) {
            TRY(set(name, "true"));
        } else if (option == options_.end() || i + 1 < arguments.size()) {
            TRY(set(name, option == options_.end() ? "" : arguments[++i]));
        } else {
            return Error{Code::invalid, "option {} needs a value: {}", flag_of(name), option->help};
        }
    }
    return {};
}

std::string Table::help() const {
    std::string text;
    for (const Option& option : options_) {
        fmt::format_to(std::back_inserter(text), "  {:<28} {}", flag_of(option.name), option.help);
        if (!option.default_text.empty()) fmt::format_to(std::back_inserter(text), " [{}]", option.default_text);
        if (!option.range_text.empty()) fmt::format_to(std::back_inserter(text), " ({})", option.range_text);
        text += '\n';
    }
    return text;
}

std::string Table::markdown() const {
    std::string text = "| option | default | range | what it does |\n|---|---|---|---|\n";
    for (const Option& option : options_)
        fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} |\n", flag_of(option.name), option.default_text,
                       option.range_text, option.help);
    return text;
}

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
    for (const std::string& candidate : known) {
        std::vector<std::size_t> row(candidate.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 1; i <= name.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= candidate.size(); ++j) {
                const std::size_t replaced = diagonal + (name[i - 1] == candidate[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
            }
        }
        if (row.back() < best_distance) {
            best_distance = row.back();
            best = candidate;
        }
    }
    return best;
}

}  // namespace gongshu::options
