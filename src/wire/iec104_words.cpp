// Times of outstations, and addresses as people write them.
#include <charconv>
#include <chrono>

#include "wire/iec104.h"

namespace gongshu::wire::iec104 {

namespace {

constexpr int kCenturySplit = 70;  // years from here on are of the former century
constexpr std::uint32_t kCommonAddressMax = kBroadcast - 1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

// Goes over an address; spaces around its parts do not count.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    bool at_end() {
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
        return at_ == text_.size();
    }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool next_is_word() { return !at_end() && is_word(text_[at_]); }
    std::string_view word() {
        begin_ = at_end() ? text_.size() : at_;
        while (at_ < text_.size() && is_word(text_[at_])) ++at_;
        return text_.substr(begin_, at_ - begin_);
    }
    // Points to the last word, not behind it.
    template <class... Args>
    Error fault_at_word(fmt::format_string<Args...> format, Args&&... args) const {
        return fault_at(begin_, fmt::format(format, std::forward<Args>(args)...));
    }
    Error fault(std::string_view reason) const { return fault_at(at_, std::string(reason)); }

private:
    Error fault_at(std::size_t at, const std::string& reason) const {
        return Error{Code::invalid, "\"{}\", character {}: {}", text_, at + 1, reason};
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;
};

// Three bytes, the highest first: 0.64.1.
std::optional<std::uint32_t> bytes_in(std::string_view word) {
    std::uint32_t value = 0;
    for (int i = 0; i < 3; ++i) {
        std::uint32_t byte = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), byte);
        if (error != std::errc() || byte > 255) return std::nullopt;
        word.remove_prefix(static_cast<std::size_t>(end - word.data()));
        value = value << 8 | byte;
        const bool goes_on = word.starts_with('.');
        if (goes_on != (i < 2)) return std::nullopt;
        if (goes_on) word.remove_prefix(1);
    }
    return word.empty() ? std::optional(value) : std::nullopt;
}

// nullopt for what is no number or does not fit 32 bits.
std::optional<std::uint32_t> number_in(std::string_view word) {
    if (word.find('.') != word.npos) return bytes_in(word);
    int base = 10;
    if (word.starts_with("0x") || word.starts_with("0X")) {
        base = 16;
        word.remove_prefix(2);
    } else if (word.ends_with('H') || word.ends_with('h')) {
        base = 16;
        word.remove_suffix(1);
    }
    if (word.empty() || !is_hex_digit(word.front())) return std::nullopt;
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
    return value;
}

Result<std::uint32_t> number(const Reader& reader, std::string_view word, std::string_view what, std::uint32_t max) {
    const auto value = number_in(word);
    if (value && *value >= 1 && *value <= max) return *value;
    if (word.empty()) return reader.fault_at_word("{} is missing: expected 1 to {}", what, max);
    return reader.fault_at_word("{} is {}: expected 1 to {}, in hexadecimal as 0x4001 or 4001H", what, word, max);
}

}  // namespace

std::optional<TimeNs> time_of(const Time& time, const Zone& zone) {
    using namespace std::chrono;
    if (time.invalid || time.milliseconds > 59'999 || time.minute > 59 || time.hour > 23 || time.year > 99)
        return std::nullopt;
    const year_month_day date{year{(time.year < kCenturySplit ? 2000 : 1900) + time.year}, month{time.month},
                              day{time.day}};
    if (!date.ok()) return std::nullopt;
    const TimeNs local = sys_days{date}.time_since_epoch().count() * kDay + time.hour * kHour + time.minute * kMinute +
                         time.milliseconds * kMillisecond;
    const int offset = zone.offset_minutes + (time.summer && zone.heeds_summer ? 60 : 0);
    return local - offset * kMinute;
}

std::optional<Time> to_time(TimeNs time, const Zone& zone) {
    using namespace std::chrono;
    constexpr TimeNs kEnd = 3'155'760'000 * kSecond;  // 2070
    const TimeNs local = time + zone.offset_minutes * kMinute;
    if (time < 0 || time >= kEnd || local < 0 || local >= kEnd) return std::nullopt;
    const sys_days days{std::chrono::days{local / kDay}};
    const year_month_day date{days};
    const TimeNs of_day = local % kDay;
    Time told;
    told.milliseconds = static_cast<std::uint16_t>(of_day % kMinute / kMillisecond);
    told.minute = static_cast<std::uint8_t>(of_day % kHour / kMinute);
    told.hour = static_cast<std::uint8_t>(of_day / kHour);
    told.day = static_cast<std::uint8_t>(static_cast<unsigned>(date.day()));
    told.weekday = static_cast<std::uint8_t>(weekday{days}.iso_encoding());
    told.month = static_cast<std::uint8_t>(static_cast<unsigned>(date.month()));
    told.year = static_cast<std::uint8_t>(static_cast<int>(date.year()) % 100);
    return told;
}

Result<Address> parse_address(std::string_view text) {
    Reader reader(text);
    Address address;
    std::string_view word = reader.word();
    if (reader.take(':') || reader.next_is_word()) {
        address.type = parse_type(word);
        if (!address.type)
            return reader.fault_at_word(
                "{} is no type that is known here: write its name or number, such as C_SC_NA_1 or 45", word);
        word = reader.word();
    }
    const Reader at_first = reader;
    if (reader.take('/')) {
        const std::uint32_t common = TRY(number(at_first, word, "the common address", kCommonAddressMax));
        address.common_address = static_cast<std::uint16_t>(common);
        word = reader.word();
    }
    address.address = TRY(number(reader, word, "the object address", kAddressMax));
    if (!reader.at_end()) return reader.fault("the address should end here, as in 4001, 1/4001 or C_SC_NA_1 1/6001");
    return address;
}

std::string to_string(const Address& address) {
    std::string text = address.type ? to_string(*address.type) + " " : std::string();
    if (address.common_address) text += fmt::format("{}/", *address.common_address);
    return text + fmt::to_string(address.address);
}

}  // namespace gongshu::wire::iec104
