#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::history {

static_assert(std::endian::native == std::endian::little,
              "files are little-endian and are written as memory holds them");

constexpr std::uint64_t zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t bits) {
    return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
}

// a - b and a + b that wrap, for deltas of any two 64-bit numbers.
constexpr std::int64_t wrapping_sub(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

inline constexpr std::size_t kVarintBytesMax = 10;

// LEB128 at `out`; returns the byte after.
inline std::uint8_t* write_varint(std::uint8_t* out, std::uint64_t value) {
    while (value >= 0x80) {
        *out++ = static_cast<std::uint8_t>(value | 0x80);
        value >>= 7;
    }
    *out++ = static_cast<std::uint8_t>(value);
    return out;
}

// Appends numbers and texts to a buffer; the grammar of every file of this folder is made of these.
class Encoder {
public:
    explicit Encoder(Buffer& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { fixed(value); }
    void u32(std::uint32_t value) { fixed(value); }
    void u64(std::uint64_t value) { fixed(value); }
    void f64(double value) { fixed(value); }
    void varint(std::uint64_t value) {
        std::uint8_t bytes[kVarintBytesMax];
        out_.insert(out_.end(), bytes, write_varint(bytes, value));
    }
    void signed_varint(std::int64_t value) { varint(zigzag(value)); }
    void bytes(Bytes value) { out_.insert(out_.end(), value.begin(), value.end()); }
    // varint length, then the bytes.
    void text(std::string_view value) {
        varint(value.size());
        bytes(as_bytes(value));
    }

private:
    template <class T>
    void fixed(T value) {
        const std::size_t at = out_.size();
        out_.resize(at + sizeof value);
        std::memcpy(out_.data() + at, &value, sizeof value);
    }

    Buffer& out_;
};

// Reads what Encoder wrote. The first read past the end or malformed number makes it failed() for good and every later
// read gives 0, so that a reader checks once, at the end of a structure, before it trusts anything or allocates.
class Decoder {
public:
    explicit Decoder(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    std::uint8_t u8() { return fixed<std::uint8_t>(); }
    std::uint16_t u16() { return fixed<std::uint16_t>(); }
    std::uint32_t u32() { return fixed<std::uint32_t>(); }
    std::uint64_t u64() { return fixed<std::uint64_t>(); }
    double f64() { return fixed<double>(); }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
            const std::uint8_t byte = *at_++;
            if (shift == 63 && byte > 1) break;
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
        fail();
        return 0;
    }
    std::int64_t signed_varint() { return unzigzag(varint()); }
    Bytes bytes(std::uint64_t count) {
        if (count > left()) {
            fail();
            return {};
        }
        const Bytes value{at_, static_cast<std::size_t>(count)};
        at_ += count;
        return value;
    }
    std::string_view text() { return as_text(bytes(varint())); }

    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    bool failed() const { return failed_; }
    // True when everything was read and nothing failed.
    bool finished() const { return !failed_ && at_ == end_; }
    void fail() {
        failed_ = true;
        at_ = end_;
    }

private:
    template <class T>
    T fixed() {
        T value{};
        if (left() < sizeof value) {
            fail();
            return value;
        }
        std::memcpy(&value, at_, sizeof value);
        at_ += sizeof value;
        return value;
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool failed_ = false;
};

// A whole small file: magic(8) | body | crc32c:u32 of all before.
Buffer seal_file(std::string_view magic, const Buffer& body);
// The body, or Code::corrupt naming `path` and what is wrong.
Result<Bytes> open_file(std::string_view magic, Bytes file, const std::string& path);

}  // namespace gongshu::history
