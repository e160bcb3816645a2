#include "wire/free_frame.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/utf8.h"

namespace gongshu::wire::free_frame {
namespace {

constexpr std::string_view kEscapes = "rnt0e\\", kMeant{"\r\n\t\0\x1b\\", 6};

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    const char low = static_cast<char>(c | 0x20);
    if (low >= 'a' && low <= 'f') return static_cast<unsigned>(low - 'a' + 10);
    return std::nullopt;
}

std::optional<std::uint8_t> hex_byte(std::string_view text) {
    const auto high = text.size() >= 2 ? hex_digit(text[0]) : std::nullopt;
    const auto low = high ? hex_digit(text[1]) : std::nullopt;
    if (!low) return std::nullopt;
    return static_cast<std::uint8_t>(*high << 4 | *low);
}

std::uint16_t reflected(std::uint16_t bits) {
    std::uint16_t out = 0;
    for (int i = 0; i < 16; ++i) out = static_cast<std::uint16_t>(out | (bits >> i & 1) << (15 - i));
    return out;
}

std::uint8_t reflected_byte(std::uint8_t bits) { return static_cast<std::uint8_t>(reflected(bits) >> 8); }

std::uint16_t crc16(const Checksum& of, Bytes bytes) {
    std::uint16_t crc = of.init;
    for (const std::uint8_t byte : bytes) {
        crc = static_cast<std::uint16_t>(crc ^ (of.reflect ? reflected_byte(byte) : byte) << 8);
        for (int i = 0; i < 8; ++i)
            crc = static_cast<std::uint16_t>((crc & 0x8000) != 0 ? crc << 1 ^ of.poly : crc << 1);
    }
    return static_cast<std::uint16_t>((of.reflect ? reflected(crc) : crc) ^ of.xor_out);
}

// A place as a template says it, in a frame of so many bytes.
std::optional<std::size_t> place_in(std::size_t bytes, std::int32_t place) {
    const std::int64_t at = place < 0 ? static_cast<std::int64_t>(bytes) + place : place;
    if (at < 0 || at > static_cast<std::int64_t>(bytes)) return std::nullopt;
    return static_cast<std::size_t>(at);
}

struct Span {
    std::size_t at, from, to;
};
// Where a checksum lies and what it sums; nullopt: not in a frame of so many bytes.
std::optional<Span> span_of(const Checksum& checksum, std::size_t bytes) {
    const auto at = place_in(bytes, checksum.at), from = place_in(bytes, checksum.from),
               to = place_in(bytes, checksum.to.value_or(checksum.at));
    if (!at || !from || !to || *from > *to || *at + checksum.bytes() > bytes) return std::nullopt;
    if (*at < *to && *at + checksum.bytes() > *from) return std::nullopt;  // a sum cannot be over itself
    return Span{*at, *from, *to};
}

// What is wrong with a frame's checksum; "" = nothing.
std::string wrong_checksum(const Checksum& checksum, Bytes frame) {
    if (checksum.kind == Checksum::Kind::none) return "";
    const auto span = span_of(checksum, frame.size());
    if (!span) return fmt::format("a frame of {} bytes does not hold its checksum", frame.size());
    const Buffer want = checksum.written(checksum.over(checksum.summed(frame)));
    const Bytes found = frame.subspan(span->at, want.size());
    bool same = true;
    for (std::size_t i = 0; i < want.size(); ++i) {
        const bool is_letter = checksum.is_hex && (want[i] | 0x20) >= 'a';
        same = same && (found[i] == want[i] || (is_letter && (found[i] | 0x20) == (want[i] | 0x20)));
    }
    return same ? ""
                : fmt::format("the checksum is {}, expected {}", checksum.is_hex ? escape(found) : to_hex(found),
                              checksum.is_hex ? escape(want) : to_hex(want));
}

std::optional<std::size_t> find_mark(Bytes bytes, const Buffer& mark, std::size_t from) {
    const auto found = std::search(bytes.begin() + static_cast<std::ptrdiff_t>(std::min(from, bytes.size())),
                                   bytes.end(), mark.begin(), mark.end());
    if (found == bytes.end() && !mark.empty()) return std::nullopt;
    return static_cast<std::size_t>(found - bytes.begin());
}

bool begins_with(Bytes bytes, const Buffer& mark) {
    return bytes.size() >= mark.size() && std::equal(mark.begin(), mark.end(), bytes.begin());
}

bool ends_with(Bytes bytes, const Buffer& mark) {
    return bytes.size() >= mark.size() && std::equal(mark.rbegin(), mark.rend(), bytes.rbegin());
}

// How long the frame says that it is; nullopt when it says no number.
std::optional<std::int64_t> stated_length(const Cut::Length& length, Bytes frame) {
    const Bytes field = frame.subspan(length.at, length.size);
    std::int64_t number = 0;
    if (length.as == Cut::Length::As::binary) {
        for (std::size_t i = 0; i < field.size(); ++i)
            number = number << 8 | field[length.is_big ? i : field.size() - 1 - i];
        return number + length.add;
    }
    const std::string_view text = as_text(field);
    const int base = length.as == Cut::Length::As::hex ? 16 : 10;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
    return number + length.add;
}

}  // namespace

// ---- checksums ----

std::size_t Checksum::bytes() const {
    const std::size_t binary = kind == Kind::none ? 0 : kind < Kind::sum16 ? 1 : 2;
    return is_hex ? 2 * binary : binary;
}

std::uint16_t Checksum::over(Bytes bytes) const {
    const unsigned mask = bits == 7 ? 0x7f : 0xff;
    unsigned sum = add;
    switch (kind) {
        case Kind::none:
            return 0;
        case Kind::xor8:
            for (const std::uint8_t byte : bytes) sum ^= byte;
            return static_cast<std::uint16_t>(sum & mask);
        case Kind::crc16:
            return crc16(*this, bytes);
        case Kind::words16:
            for (std::size_t i = 0; i < bytes.size(); ++i) sum += static_cast<unsigned>(bytes[i]) << (i % 2 * 8);
            return static_cast<std::uint16_t>(sum);
        default:
            break;
    }
    for (const std::uint8_t byte : bytes) sum += byte;
    if (kind == Kind::lrc) sum = 0u - sum;
    return static_cast<std::uint16_t>(kind == Kind::sum16 ? sum : sum & mask);
}

bool Checksum::fits(std::size_t frame_bytes) const { return span_of(*this, frame_bytes).has_value(); }

Bytes Checksum::summed(Bytes frame) const {
    const auto span = span_of(*this, frame.size() + (at == static_cast<std::int64_t>(frame.size()) ? bytes() : 0));
    ASSERT(span.has_value());
    return frame.subspan(span->from, span->to - span->from);
}

Buffer Checksum::written(std::uint16_t sum) const {
    Buffer binary{static_cast<std::uint8_t>(sum)};
    if (kind >= Kind::sum16) binary.insert(is_big ? binary.begin() : binary.end(), static_cast<std::uint8_t>(sum >> 8));
    if (!is_hex) return binary;
    Buffer text;
    for (const std::uint8_t byte : binary)
        for (const char c : fmt::format("{:02X}", byte)) text.push_back(static_cast<std::uint8_t>(c));
    return text;
}

// ---- cutting ----

// After some in a row that were none, `whole` bytes are left out instead of `bytes`: a flood must not cost its length
// times that of a frame. Neither may depend on how the bytes came in pieces.
Cutter::Measure Cutter::noise(std::size_t bytes, std::string why, std::size_t whole) {
    last_fault_ = std::move(why);
    if (++failures_ > kFailuresMax) bytes = std::max(bytes, whole);
    return {Measure::What::skip, bytes};
}

// What lies before a start; what was wrong with the frame before tells more.
Cutter::Measure Cutter::before_start(std::size_t bytes) {
    if (last_fault_.empty()) last_fault_ = "bytes came before the start of a frame";
    return {Measure::What::skip, bytes};
}

// A frame if its checksum is right; else `step` bytes of it are left out and the next is looked for.
Cutter::Measure Cutter::whole(std::size_t bytes, std::size_t step) {
    std::string wrong = wrong_checksum(template_->checksum(), Bytes(buffer_).first(bytes));
    if (wrong.empty()) return {Measure::What::frame, bytes};
    ++wrong_checksums_;
    return noise(step, std::move(wrong), bytes);
}

// Up to the end, which is looked for from `begin` on.
Cutter::Measure Cutter::measure_end(std::size_t begin) {
    const Cut& cut = template_->cut();
    const bool has_start = !cut.start.empty();
    const auto end = find_mark(buffer_, cut.end, begin);
    const std::size_t bytes = end ? *end + cut.end.size() + cut.trailer : buffer_.size() + 1;
    if (bytes > cut.max_bytes) {
        std::string why = fmt::format("{} bytes came without an end", cut.max_bytes);
        if (has_start) return noise(1, std::move(why), end ? *end + cut.end.size() : cut.max_bytes);
        // What is left of it is no frame of its own; the last bytes may be the beginning of an end.
        is_overlong_ = !end;
        return noise(end ? *end + cut.end.size() : buffer_.size() - (cut.end.size() - 1), std::move(why));
    }
    if (is_overlong_ && end) {
        is_overlong_ = false;
        return noise(*end + cut.end.size(), last_fault_);
    }
    if (bytes > buffer_.size()) return {};
    return whole(bytes, has_start ? 1 : bytes);
}

Cutter::Measure Cutter::measure_length() {
    const Cut& cut = template_->cut();
    const std::size_t head = std::max(cut.length.at + cut.length.size, cut.start.size());
    if (buffer_.size() < head) return {};
    const auto bytes = stated_length(cut.length, buffer_);
    if (!bytes || *bytes < static_cast<std::int64_t>(head) || *bytes > static_cast<std::int64_t>(cut.max_bytes))
        return noise(1, "the length that a frame says cannot be");
    if (static_cast<std::size_t>(*bytes) > buffer_.size()) return {};
    const auto size = static_cast<std::size_t>(*bytes);
    if (!ends_with(Bytes(buffer_).first(size - std::min(size, cut.trailer)), cut.end))
        return noise(1, "a frame does not end as it should", size);
    return whole(size, 1);
}

Cutter::Measure Cutter::measure() {
    const Cut& cut = template_->cut();
    if (cut.by == Cut::By::silence)
        return buffer_.size() < cut.max_bytes
                   ? Measure{}
                   : noise(buffer_.size(), fmt::format("{} bytes came without a silence", cut.max_bytes));
    if (!cut.start.empty() && !begins_with(buffer_, cut.start)) {
        const auto next = find_mark(buffer_, cut.start, 0);
        if (next) return before_start(*next);
        // Its last bytes may be the beginning of a start.
        const std::size_t kept = std::min(buffer_.size(), cut.start.size() - 1);
        std::size_t drop = buffer_.size() - kept;
        while (drop < buffer_.size() &&
               !std::equal(buffer_.begin() + static_cast<std::ptrdiff_t>(drop), buffer_.end(), cut.start.begin()))
            ++drop;
        return drop == 0 ? Measure{} : before_start(drop);
    }
    switch (cut.by) {
        case Cut::By::end:
        case Cut::By::start_end:
            return measure_end(cut.start.size());
        case Cut::By::length:
            return measure_length();
        default:
            break;
    }
    if (buffer_.size() < cut.bytes) return {};
    if (!ends_with(Bytes(buffer_).first(cut.bytes - cut.trailer), cut.end))
        return noise(1, "a frame does not end as it should");
    return whole(cut.bytes, 1);
}

// Whether the first byte is of what the line before ended with and this one does not: "\n" of "\r\n".
bool Cutter::is_left_over() const {
    const Buffer& end = template_->cut().end;
    const std::size_t known = std::min(end.size(), buffer_.size());
    if (std::equal(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(known), end.begin())) return false;
    return buffer_[0] == '\r' || buffer_[0] == '\n' || buffer_[0] == 0;
}

void Cutter::drop(std::size_t bytes, bool is_noise) {
    if (is_noise) skipped_ += bytes;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void Cutter::feed(Bytes received, const OnFrame& on_frame) {
    const Cut& cut = template_->cut();
    while (!received.empty()) {
        const std::size_t taken =
            std::min(received.size(), cut.max_bytes - std::min(buffer_.size(), cut.max_bytes - 1));
        buffer_.insert(buffer_.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(taken));
        received = received.subspan(taken);
        while (!buffer_.empty()) {
            if (cut.by == Cut::By::end && is_left_over()) {
                drop(1, false);
                continue;
            }
            const Measure found = measure();
            if (found.what == Measure::What::more) break;
            if (found.what == Measure::What::skip) {
                drop(found.bytes, true);
                continue;
            }
            const bool is_empty = cut.by == Cut::By::end && found.bytes == cut.end.size() + cut.trailer;
            const Buffer frame{buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(found.bytes)};
            drop(found.bytes, false);
            failures_ = 0;
            if (!is_empty) on_frame(frame);
        }
    }
}

void Cutter::quiet(const OnFrame& on_frame) {
    if (buffer_.empty()) return;
    const Buffer rest = std::move(buffer_);
    reset();
    if (template_->cut().by != Cut::By::silence) {
        skipped_ += rest.size();
        last_fault_ = fmt::format("{} bytes came and then nothing more", rest.size());
        return;
    }
    std::string wrong = wrong_checksum(template_->checksum(), rest);
    if (wrong.empty()) return on_frame(rest);
    ++wrong_checksums_;
    skipped_ += rest.size();
    last_fault_ = std::move(wrong);
}

// ---- the device's side ----

std::string_view Template::text_of(Bytes frame) const {
    if (!cut_.start.empty() && begins_with(frame, cut_.start)) frame = frame.subspan(cut_.start.size());
    if (cut_.trailer <= frame.size() && ends_with(frame.first(frame.size() - cut_.trailer), cut_.end))
        frame = frame.first(frame.size() - cut_.trailer - cut_.end.size());
    return as_text(frame);
}

Result<Buffer> Template::make_frame(Bytes payload) const {
    Buffer frame = cut_.start;
    frame.insert(frame.end(), payload.begin(), payload.end());
    frame.insert(frame.end(), cut_.end.begin(), cut_.end.end());
    frame.insert(frame.end(), cut_.trailer, 0);
    if (frame.size() > cut_.max_bytes || (cut_.by == Cut::By::fixed && frame.size() != cut_.bytes))
        return Error{Code::invalid, "a frame of {} bytes; {} has {}", frame.size(),
                     cut_.by == Cut::By::fixed ? "each of this template" : "the longest of this template",
                     cut_.by == Cut::By::fixed ? cut_.bytes : cut_.max_bytes};
    if (cut_.by == Cut::By::length) {
        const Cut::Length& length = cut_.length;
        if (frame.size() < length.at + length.size)
            return Error{Code::invalid, "a frame of {} bytes does not hold its length", frame.size()};
        const std::int64_t said = static_cast<std::int64_t>(frame.size()) - length.add;
        std::string text = length.as == Cut::Length::As::hex ? fmt::format("{:0{}X}", said, length.size)
                                                             : fmt::format("{:0{}}", said, length.size);
        if (length.as == Cut::Length::As::binary) {
            text.clear();
            for (std::size_t i = 0; i < length.size; ++i)
                text += static_cast<char>(said >> (8 * (length.is_big ? length.size - 1 - i : i)));
        }
        std::copy_n(text.begin(), std::min(text.size(), length.size),
                    frame.begin() + static_cast<std::ptrdiff_t>(length.at));
        if (said < 0 || stated_length(length, frame) != static_cast<std::int64_t>(frame.size()))
            return Error{Code::invalid, "the length {} does not fit its field", said};
    }
    if (checksum_.kind == Checksum::Kind::none) return frame;
    const auto span = span_of(checksum_, frame.size());
    if (!span) return Error{Code::invalid, "a frame of {} bytes does not hold its checksum", frame.size()};
    const Buffer sum = checksum_.written(checksum_.over(checksum_.summed(frame)));
    std::ranges::copy(sum, frame.begin() + static_cast<std::ptrdiff_t>(span->at));
    return frame;
}

// ---- trying ----

Trial try_bytes(const std::shared_ptr<const Template>& of, Bytes received) {
    Trial trial;
    Cutter cutter{of};
    const auto take = [&](Bytes frame) {
        if (trial.frames.size() >= kFaultsMax) {
            ++trial.more_frames;
            return;
        }
        trial.frames.push_back({to_hex(frame), escape(frame), of->read(frame)});
    };
    cutter.feed(received, take);
    if (of->cut().by == Cut::By::silence) cutter.quiet(take);
    trial.skipped_bytes = cutter.skipped_bytes();
    trial.wrong_checksums = cutter.wrong_checksums();
    trial.last_fault = cutter.last_fault();
    trial.left = escape(Bytes(received).last(std::min(cutter.buffered_bytes(), received.size())));
    trial.poll = escape(of->poll());
    return trial;
}

Result<Buffer> parse_bytes(std::string_view text, bool is_hex) {
    if (!is_hex) return unescape(text);
    Buffer bytes;
    for (std::size_t at = 0; at < text.size();) {
        if (std::string_view(" ,;:-\t\r\n").find(text[at]) != std::string_view::npos) {
            ++at;
            continue;
        }
        if (text.substr(at, 2) == "0x" || text.substr(at, 2) == "0X") at += 2;
        const auto byte = hex_byte(text.substr(std::min(at, text.size())));
        if (!byte)
            return Error{Code::invalid, "character {}: expected two hexadecimal digits a byte, found \"{}\"", at + 1,
                         cut_utf8(text.substr(std::min(at, text.size())), 10)};
        bytes.push_back(*byte);
        at += 2;
    }
    return bytes;
}

Result<Buffer> unescape(std::string_view text) {
    Buffer bytes;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            bytes.push_back(static_cast<std::uint8_t>(text[at]));
            continue;
        }
        const char c = at + 1 < text.size() ? text[at + 1] : ' ';
        const std::size_t found = kEscapes.find(c);
        const auto byte = c == 'x' ? hex_byte(text.substr(at + 2)) : std::nullopt;
        if (found == std::string_view::npos && !byte)
            return Error{
                Code::invalid,
                "character {}: expected \\r \\n \\t \\0 \\e \\\\ or \\x and two hexadecimal digits, found \"{}\"",
                at + 1, cut_utf8(text.substr(at), 8)};
        bytes.push_back(byte ? *byte : static_cast<std::uint8_t>(kMeant[found]));
        at += byte ? 3 : 1;
    }
    return bytes;
}

std::string escape(Bytes bytes) {
    std::string text;
    const std::size_t broken = find_broken_utf8(as_text(bytes));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto c = static_cast<char>(bytes[i]);
        if (const std::size_t found = kMeant.find(c); found != std::string_view::npos && c != 0)
            text.append(1, '\\').append(1, kEscapes[found]);
        else if (bytes[i] < 0x20 || bytes[i] == 0x7f || (bytes[i] >= 0x80 && broken != std::string_view::npos))
            text.append(fmt::format("\\x{:02x}", bytes[i]));
        else
            text += c;
    }
    return text;
}

}  // namespace gongshu::wire::free_frame
