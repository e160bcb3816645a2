#include "wire/line_forms.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

namespace gongshu::wire {

namespace {

constexpr std::size_t kSeriesBytesMax = 4096;
constexpr std::size_t kFieldsMax = 1000;
constexpr std::size_t kLineBytesMax = 1 << 20;  // LineLimits' own: longer ones are the parser's to refuse
constexpr unsigned kOthersMax = 4;              // forms of one series that are tried
constexpr int kDigitsMax = 18;                  // a whole number of so many fits 64 bits
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;

// 10^0 … 10^18, which doubles hold exactly.
constexpr std::uint64_t kTens[] = {1,
                                   10,
                                   100,
                                   1'000,
                                   10'000,
                                   100'000,
                                   1'000'000,
                                   10'000'000,
                                   100'000'000,
                                   1'000'000'000,
                                   10'000'000'000,
                                   100'000'000'000,
                                   1'000'000'000'000,
                                   10'000'000'000'000,
                                   100'000'000'000'000,
                                   1'000'000'000'000'000,
                                   10'000'000'000'000'000,
                                   100'000'000'000'000'000,
                                   1'000'000'000'000'000'000};

std::uint64_t load(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits at `at` as a number, eight at a time without a look at each; how many there are goes to `count`. With more
// than kDigitsMax of them the number is of no use.
std::uint64_t read_digits(const char*& at, const char* end, int& count) {
    std::uint64_t whole = 0;
    count = 0;
    while (end - at >= 8) {
        const std::uint64_t digits = load(at) ^ 0x3030303030303030;
        // A byte above 9 carries into its highest bit; what it carries further meets only bytes behind it.
        const std::uint64_t others = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
        const int found = std::countr_zero(others) / 8;  // 8 if all are digits
        if (found == 0) return whole;
        std::uint64_t pairs = digits << (64 - 8 * found);
        pairs = pairs * 10 + (pairs >> 8);
        pairs = ((pairs & 0x000000FF000000FF) * 0x000F424000000064 +
                 ((pairs >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
                32;
        whole = whole * kTens[found] + pairs;
        at += found;
        count += found;
        if (found < 8 || count > kDigitsMax) return whole;
    }
    for (; at != end && is_digit(*at) && count <= kDigitsMax; ++at, ++count)
        whole = whole * 10 + static_cast<std::uint64_t>(*at - '0');
    return whole;
}

bool ends_value(const char* at, const char* end) {
    return at == end || *at == ',' || *at == ' ' || *at == '\n' || *at == '\r';
}

// Numbers with more digits than a double holds, or with an exponent.
bool read_long_number(const char*& at, const char* end, LineValue& value) {
    double number = 0;
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc{} || !std::isfinite(number) || !ends_value(after, end)) return false;
    value.type = ValueType::number;
    value.bits = std::bit_cast<std::uint64_t>(number);
    at = after;
    return true;
}

// Digits as a whole number and the power of ten are exact as doubles, so that one division rounds as reading the text
// would.
bool read_number(const char*& at, const char* end, LineValue& value) {
    const char* next = at;
    const bool minus = *next == '-';
    next += minus;
    int count = 0;
    std::uint64_t whole = read_digits(next, end, count);
    if (count == 0 || next == end) return false;
    if (*next == 'i') {
        if (count > kDigitsMax || !ends_value(next + 1, end)) return false;
        value.type = ValueType::integer;
        value.bits = minus ? std::uint64_t{0} - whole : whole;
        at = next + 1;
        return true;
    }
    int places = 0;
    if (*next == '.') {
        ++next;
        const std::uint64_t part = read_digits(next, end, places);
        if (count + places > kDigitsMax) return read_long_number(at, end, value);
        whole = whole * kTens[places] + part;
    }
    if (count + places > kDigitsMax || whole > kExactMax || !ends_value(next, end))
        return read_long_number(at, end, value);
    const double number = static_cast<double>(whole) / static_cast<double>(kTens[places]);
    value.type = ValueType::number;
    value.bits = std::bit_cast<std::uint64_t>(minus ? -number : number);
    at = next;
    return true;
}

// Texts without escapes, line breaks and anything that is not ASCII.
bool read_text(const char*& at, const char* end, LineValue& value) {
    const char* const begin = ++at;
    for (; at != end && *at != '"'; ++at)
        if (*at == '\\' || *at == '\n' || static_cast<unsigned char>(*at) >= 0x80) return false;
    if (at == end) return false;
    value.type = ValueType::text;
    value.bits = 0;
    value.text = {begin, static_cast<std::size_t>(at - begin)};
    ++at;
    return ends_value(at, end);
}

bool read_truth(const char*& at, const char* end, LineValue& value) {
    constexpr std::string_view kTrue[] = {"t", "T", "true", "True", "TRUE"};
    constexpr std::string_view kFalse[] = {"f", "F", "false", "False", "FALSE"};
    const char* next = at;
    while (!ends_value(next, end)) ++next;
    const std::string_view word{at, static_cast<std::size_t>(next - at)};
    const bool yes = std::ranges::find(kTrue, word) != std::end(kTrue);
    if (!yes && std::ranges::find(kFalse, word) == std::end(kFalse)) return false;
    value.type = ValueType::boolean;
    value.bits = yes ? 1 : 0;
    at = next;
    return true;
}

bool read_value(const char*& at, const char* end, LineValue& value) {
    if (at == end) return false;
    if (is_digit(*at) || *at == '-') return read_number(at, end, value);
    return *at == '"' ? read_text(at, end, value) : read_truth(at, end, value);
}

bool ends_line(const char* at, const char* end) {
    return at == end || *at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'));
}

bool read_time(const char*& at, const char* end, std::int64_t unit_ns, std::optional<std::int64_t>& time_ns) {
    std::int64_t time = 0, ns = 0;
    const char* next = at;
    int count = 0;
    if (is_digit(*next)) time = static_cast<std::int64_t>(read_digits(next, end, count));
    if (count > kDigitsMax || count == 0) {
        const auto [after, error] = std::from_chars(at, end, time);
        if (error != std::errc{}) return false;
        next = after;
    }
    if (__builtin_mul_overflow(time, unit_ns, &ns) || !ends_line(next, end)) return false;
    time_ns = ns;
    at = next;
    return true;
}

}  // namespace

// Sixteen bytes a step, two of 64 bits multiplied to 128 and folded.
std::size_t LineForms::Hash::operator()(std::string_view text) const {
    const auto mixed = [](std::uint64_t a, std::uint64_t b) {
        const auto product = static_cast<unsigned __int128>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    std::uint64_t hash = text.size() * 0x9E3779B97F4A7C15;
    const char* at = text.data();
    std::size_t left = text.size();
    for (; left >= 16; left -= 16, at += 16)
        hash = mixed(load(at) ^ 0xA0761D6478BD642F, load(at + 8) ^ hash ^ 0xE7037ED1A0B428DB);
    std::uint64_t tail[2] = {};
    std::memcpy(tail, at, left);
    return mixed(tail[0] ^ 0x8EBC6AF09C88C6E3, tail[1] ^ hash ^ 0x589965CC75374CC3);
}

LineForms::Form* LineForms::find(const char* at, const char* end) const {
    const auto room = static_cast<std::size_t>(end - at);
    if (last_ != nullptr && last_->next != nullptr) {
        const std::string& series = last_->next->series;
        if (room > series.size() && at[series.size()] == ' ' && std::memcmp(at, series.data(), series.size()) == 0)
            return last_->next;
    }
    const char* const limit = at + std::min(room, kSeriesBytesMax + 1);
    const char* space = at;
    do {  // `\ ` is a part of a name
        space = static_cast<const char*>(std::memchr(space + 1, ' ', static_cast<std::size_t>(limit - space - 1)));
    } while (space != nullptr && space[-1] == '\\' && space + 1 != limit);
    if (space == nullptr) return nullptr;
    const auto found = by_series_.find(std::string_view{at, static_cast<std::size_t>(space - at)});
    return found == by_series_.end() ? nullptr : found->second;
}

const char* LineForms::take_fields(const Names& names, const char* at, const char* end) {
    values_.resize(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const Name& name = names[i];
        const std::size_t bytes = name.text.size();
        if (static_cast<std::size_t>(end - at) < std::max<std::size_t>(bytes, 16)) return nullptr;
        if (((load(at) ^ name.words[0]) & name.masks[0]) != 0 || ((load(at + 8) ^ name.words[1]) & name.masks[1]) != 0)
            return nullptr;
        if (bytes > 16 && std::memcmp(at + 16, name.text.data() + 16, bytes - 16) != 0) return nullptr;
        at += bytes;
        if (!read_value(at, end, values_[i])) return nullptr;
        if (i + 1 == names.size()) return at;
        if (at == end || *at++ != ',') return nullptr;
    }
    return nullptr;
}

const char* LineForms::take(const char* at, const char* end, std::int64_t unit_ns, Known& known) {
    if (forms_.empty() || at == end) return nullptr;
    end = at + std::min<std::size_t>(static_cast<std::size_t>(end - at), kLineBytesMax);
    Form* form = find(at, end);
    const char* after = nullptr;
    for (unsigned tried = 0; form != nullptr && tried < kOthersMax; form = form->other, ++tried) {
        after = take_fields(*form->names, at + form->series.size() + 1, end);
        if (after != nullptr) break;
    }
    if (after == nullptr) return nullptr;
    known.time_ns.reset();
    if (after != end && *after == ' ') {
        ++after;
        if (after == end || !read_time(after, end, unit_ns, known.time_ns)) return nullptr;
    } else if (!ends_line(after, end)) {
        return nullptr;
    }
    known.form = form->number;
    known.values = values_;
    if (last_ != nullptr) last_->next = form->first;
    last_ = form;
    return after;
}

std::shared_ptr<const LineForms::Names> LineForms::names_of(const LinePoint& point) {
    std::string all;
    for (const LineField& field : point.fields) all.append(field.name).push_back('=');
    auto& known = names_[all];
    if (known != nullptr) return known;
    auto names = std::make_shared<Names>();
    for (const LineField& field : point.fields) {
        Name& name = names->emplace_back();
        name.text = std::string{field.name} + "=";
        char bytes[16] = {}, mask[16] = {};
        const std::size_t first = std::min<std::size_t>(name.text.size(), 16);
        std::memcpy(bytes, name.text.data(), first);
        std::memset(mask, 0xFF, first);
        std::memcpy(name.words, bytes, sizeof bytes);
        std::memcpy(name.masks, mask, sizeof mask);
    }
    bytes_ += all.size() + names->size() * (sizeof(Name) + 16);
    known = std::move(names);
    return known;
}

std::optional<std::uint32_t> LineForms::learn(const LinePoint& point) {
    if (!point.plain_names || full() || point.series_text.size() > kSeriesBytesMax || point.fields.size() > kFieldsMax)
        return std::nullopt;
    auto form = std::make_unique<Form>();
    form->number = static_cast<std::uint32_t>(forms_.size());
    form->series = point.series_text;
    form->names = names_of(point);
    if (const auto before = by_series_.find(form->series); before != by_series_.end()) {
        unsigned others = 1;
        for (Form* one = before->second; one != nullptr; one = one->other, ++others)
            if (one->names == form->names || others >= kOthersMax) return std::nullopt;
        form->first = before->second;
        form->other = std::exchange(form->first->other, form.get());
    } else {
        form->first = form.get();
        by_series_.emplace(form->series, form.get());
    }
    bytes_ += sizeof(Form) + form->series.size() + 64;
    forms_.push_back(std::move(form));
    return forms_.back()->number;
}

void LineForms::clear() {
    by_series_.clear();
    names_.clear();
    forms_.clear();
    last_ = nullptr;
    bytes_ = 0;
}

}  // namespace gongshu::wire
