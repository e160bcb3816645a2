#include "data/rows.h"

#include <bit>

#include "base/assert.h"

namespace gongshu {

void Rows::add_bits(TagId tag, TimeNs time, ValueType type, std::uint64_t bits, std::uint16_t quality) {
    ASSERT(tags_.size() < kRowsMax);
    tags_.push_back(tag);
    times_.push_back(time);
    types_.push_back(type);
    bits_.push_back(bits);
    qualities_.push_back(quality);
}

void Rows::add_number(TagId tag, TimeNs time, double value, Quality quality) {
    add_bits(tag, time, ValueType::number, std::bit_cast<std::uint64_t>(value), pack(quality));
}

void Rows::add_integer(TagId tag, TimeNs time, std::int64_t value, Quality quality) {
    add_bits(tag, time, ValueType::integer, std::bit_cast<std::uint64_t>(value), pack(quality));
}

void Rows::add_boolean(TagId tag, TimeNs time, bool value, Quality quality) {
    add_bits(tag, time, ValueType::boolean, value ? 1 : 0, pack(quality));
}

void Rows::add_text(TagId tag, TimeNs time, std::string_view value, Quality quality) {
    ASSERT(text_.size() + value.size() <= kTextBytesMax);
    const std::uint64_t offset = text_.size();
    text_ += value;
    add_bits(tag, time, ValueType::text, offset << 32 | value.size(), pack(quality));
}

void Rows::add(const Reading& reading) {
    const auto& [tag, time, value, quality] = reading;
    switch (type_of(value)) {
        case ValueType::number:
            return add_number(tag, time, std::get<double>(value), quality);
        case ValueType::integer:
            return add_integer(tag, time, std::get<std::int64_t>(value), quality);
        case ValueType::boolean:
            return add_boolean(tag, time, std::get<bool>(value), quality);
        case ValueType::text:
            return add_text(tag, time, std::get<std::string>(value), quality);
    }
}

void Rows::add_row(const Rows& from, std::size_t i) {
    if (from.types_[i] == ValueType::text)
        add_text(from.tags_[i], from.times_[i], from.text(i), from.quality(i));
    else
        add_bits(from.tags_[i], from.times_[i], from.types_[i], from.bits_[i], from.qualities_[i]);
}

void Rows::clear() {
    tags_.clear();
    times_.clear();
    bits_.clear();
    qualities_.clear();
    types_.clear();
    text_.clear();
}

void Rows::reserve(std::size_t rows) {
    tags_.reserve(rows);
    times_.reserve(rows);
    bits_.reserve(rows);
    qualities_.reserve(rows);
    types_.reserve(rows);
}

std::string_view Rows::text(std::size_t i) const {
    ASSERT(types_[i] == ValueType::text);
    return std::string_view(text_).substr(bits_[i] >> 32, bits_[i] & 0xffffffff);
}

Value Rows::value(std::size_t i) const {
    switch (types_[i]) {
        case ValueType::number:
            return std::bit_cast<double>(bits_[i]);
        case ValueType::integer:
            return std::bit_cast<std::int64_t>(bits_[i]);
        case ValueType::boolean:
            return bits_[i] != 0;
        case ValueType::text:
            return std::string(text(i));
    }
    ASSERT(false);
    return {};
}

}  // namespace gongshu
