#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "importer/number.h"

// How people write numbers, words and notes into tables.
namespace gongshu::importer {

// Wide digits, signs and blanks as the plain ones: "８５０．５" becomes "850.5".
std::string narrowed(std::string_view text);

// A number with what people write around it: 1,250 and ￥1,250.5 (unless the style has other marks), 1.2万, 3亿, 95.3%,
// 5‰, wide digits, its own unit behind it. nullopt for all else.
struct LooseNumber {
    enum class Share : std::uint8_t { none, percent, permille };
    double value = 0;
    Share share = Share::none;  // `value` is what stands before the sign
    bool is_doubtful = false;   // 1,250 may also be 1.25 as others write it
};
std::optional<LooseNumber> parse_loose_number(std::string_view text, NumberStyle style, std::string_view unit = {});

// "", NA, -, —, /, 无, 停机 and their like.
const std::vector<std::string>& usual_missing_words();
bool is_usual_missing(std::string_view text);

// Why a row is none of the table: "a sum", "a note", "a signature"; "" = it is one. Told by its first cell that is
// filled, within the first four: 合计, 注：…, 审核：….
std::string_view leftover_of(std::span<const std::string_view> fields);

}  // namespace gongshu::importer
