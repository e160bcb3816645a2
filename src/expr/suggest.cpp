#include "expr/suggest.h"

#include <algorithm>
#include <cctype>

namespace gongshu::expr {
namespace {

constexpr std::size_t kSuggestMax = 5;
constexpr std::size_t kComparedBytesMax = 128;

// Characters of UTF-8, ASCII letters small.
std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> list;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t bytes = 1;
        while (i + bytes < text.size() && (static_cast<unsigned char>(text[i + bytes]) & 0xc0) == 0x80) ++bytes;
        list.push_back(text.substr(i, bytes));
        i += bytes;
    }
    return list;
}

bool same(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return a == b || (a.size() == 1 && b.size() == 1 && lower(a[0]) == lower(b[0]));
}

// Edits (insert, delete, replace; case is free) from one to the other.
std::size_t distance(std::string_view one, std::string_view other) {
    const auto a = characters(one), b = characters(other);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (same(a[i - 1], b[j - 1]) ? 0 : 1)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string_view last_part(std::string_view path) {
    const auto at = path.find_last_of("./");
    return at == std::string_view::npos ? path : path.substr(at + 1);
}

// Whether `part` (at least two characters; a letter of Latin begins a word) stands in `name`: temp in cnc1.temperature,
// 温度 in 主轴温度.
bool stands_in(std::string_view part, std::string_view name) {
    const auto a = characters(part), b = characters(name);
    if (a.size() < 2) return false;
    for (std::size_t from = 0; from + a.size() <= b.size(); ++from) {
        const bool inside = from > 0 && b[from - 1].size() == 1 && b[from].size() == 1 &&
                            std::isalnum(static_cast<unsigned char>(b[from - 1][0]));
        if (!inside && std::equal(a.begin(), a.end(), b.begin() + static_cast<std::ptrdiff_t>(from), same)) return true;
    }
    return false;
}

}  // namespace

std::vector<std::string> nearest(std::string_view wrong, const std::vector<std::string>& names) {
    if (wrong.size() > kComparedBytesMax) return {};
    const std::size_t length = characters(wrong).size();
    const std::size_t edits_max = length < 2 ? 0 : std::max<std::size_t>(1, length / 3);
    std::vector<std::pair<std::size_t, std::string_view>> scored;
    for (const std::string& name : names) {
        if (name.size() > kComparedBytesMax) continue;
        std::size_t score = distance(wrong, name);
        const std::size_t of_part = distance(wrong, last_part(name));  // `temprature` for site/line/cnc1.temperature
        if (of_part <= edits_max) score = std::min(score, of_part + 1);
        if (score <= edits_max + 1 && (score <= edits_max || of_part <= edits_max))
            scored.emplace_back(score, name);
        else if (stands_in(wrong, name))
            scored.emplace_back(edits_max + 1 + name.size(), name);  // behind all edits, the shortest first
    }
    std::sort(scored.begin(), scored.end());
    std::vector<std::string> best;
    for (std::size_t i = 0; i < scored.size() && i < kSuggestMax; ++i) best.emplace_back(scored[i].second);
    return best;
}

}  // namespace gongshu::expr
