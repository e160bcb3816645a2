#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

// The two codings of the MC protocol, so that what is above them is written once: numbers in binary lie with their low
// byte first, in ASCII as hexadecimal digits with the high one first. For the files of mc alone.
namespace gongshu::wire::mc {

class Writer {
public:
    explicit Writer(bool ascii) : ascii_(ascii) {}
    void number(std::uint32_t value, unsigned bytes) {
        if (ascii_) return digits(value, bytes * 2);
        for (unsigned i = 0; i < bytes; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    // Hexadecimal whatever the coding.
    void digits(std::uint32_t value, unsigned count) {
        for (unsigned i = count; i-- > 0;) out_.push_back("0123456789ABCDEF"[value >> (4 * i) & 0xf]);
    }
    void text(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }
    // One character each in ASCII, in binary four bits each with the first one high.
    template <class Bits>
    void bits(const Bits& bits) {
        for (std::size_t i = 0; i < bits.size(); ++i) {
            if (ascii_)
                out_.push_back(bits[i] != 0 ? '1' : '0');
            else if (i % 2 == 0)
                out_.push_back(bits[i] != 0 ? 0x10 : 0x00);
            else
                out_.back() |= static_cast<std::uint8_t>(bits[i] != 0 ? 1 : 0);
        }
    }
    bool ascii() const { return ascii_; }
    std::size_t size() const { return out_.size(); }
    Buffer take() { return std::move(out_); }

private:
    const bool ascii_;
    Buffer out_;
};

// Small letters too: clients of others write them, and PLCs take them. A space stands for a leading 0.
inline int digit_of(std::uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c == ' ' ? 0 : -1;
}

// Reading past the end or a character that is no digit makes it bad(); then every number is 0.
class Reader {
public:
    Reader(bool ascii, Bytes bytes) : ascii_(ascii), bytes_(bytes) {}
    std::uint32_t number(unsigned bytes) {
        if (ascii_) return digits(bytes * 2, 16);
        const Bytes raw = take(bytes);
        std::uint32_t value = 0;
        for (unsigned i = 0; i < raw.size(); ++i) value |= std::uint32_t{raw[i]} << (8 * i);
        return value;
    }
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t digits(unsigned count, unsigned radix) {
        std::uint32_t value = 0;
        for (const std::uint8_t c : take(count)) {
            const int digit = digit_of(c);
            if (digit < 0 || digit >= static_cast<int>(radix)) bad_ = true;
            value = value * radix + static_cast<unsigned>(digit < 0 ? 0 : digit);
        }
        return bad_ ? 0 : value;
    }
    std::string_view text(std::size_t count) { return as_text(take(count)); }
    template <class Bits>
    void bits(Bits& bits, std::size_t count) {
        const Bytes raw = take(ascii_ ? count : (count + 1) / 2);
        for (std::size_t i = 0; i < count && !bad_; ++i) {
            const unsigned value = ascii_ ? raw[i] - '0' : raw[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xf;
            if (value > 1) bad_ = true;
            bits.push_back(static_cast<std::uint8_t>(value & 1));
        }
    }
    bool bad() const { return bad_; }
    std::size_t left() const { return bytes_.size(); }

private:
    Bytes take(std::size_t count) {
        if (count > bytes_.size()) bad_ = true;
        if (bad_) return {};
        const Bytes taken = bytes_.first(count);
        bytes_ = bytes_.subspan(count);
        return taken;
    }

    const bool ascii_;
    Bytes bytes_;
    bool bad_ = false;
};

}  // namespace gongshu::wire::mc
