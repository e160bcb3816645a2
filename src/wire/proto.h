#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

// As much of Protocol Buffers' encoding as the messages of Prometheus and Sparkplug need: fields one after another,
// unknown ones passed over. Inline, because a sample is two fields and there are millions of them.
namespace gongshu::wire {

// Reads the fields of one message.
//   while (reader.next()) switch (reader.field()) …
// Every length is held against what is left; after next() gave false, failed() tells whether that was the end.
class ProtoReader {
public:
    enum class Kind : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

    explicit ProtoReader(Bytes message) : at_(message.data()), end_(message.data() + message.size()) {}

    bool next() {
        if (at_ == end_ || failed_) return false;
        std::uint64_t tag = 0;
        if (!varint(tag) || (tag >> 3) == 0 || (tag >> 3) > UINT32_MAX) return fail();
        field_ = static_cast<std::uint32_t>(tag >> 3);
        kind_ = static_cast<Kind>(tag & 7);
        switch (kind_) {
            case Kind::varint:
                return varint(number_) || fail();
            case Kind::fixed64:
                return fixed(8);
            case Kind::fixed32:
                return fixed(4);
            case Kind::bytes:
                if (!varint(number_) || number_ > static_cast<std::uint64_t>(end_ - at_)) return fail();
                bytes_ = {at_, static_cast<std::size_t>(number_)};
                at_ += number_;
                return true;
        }
        return fail();
    }

    std::uint32_t field() const { return field_; }
    Kind kind() const { return kind_; }
    // Of the field that next() came to, by its kind.
    std::uint64_t number() const { return number_; }
    double real() const { return std::bit_cast<double>(number_); }
    Bytes bytes() const { return bytes_; }
    std::string_view text() const { return as_text(bytes_); }
    bool failed() const { return failed_; }
    // Where it stands: behind the field that next() came to, or where that failed.
    const std::uint8_t* at() const { return at_; }

private:
    bool fail() {
        failed_ = true;
        return false;
    }
    bool varint(std::uint64_t& number) {
        number = 0;
        for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
            number |= std::uint64_t{*at_ & 0x7Fu} << shift;
            if ((*at_++ & 0x80) == 0) return true;
        }
        return false;
    }
    bool fixed(std::size_t count) {
        if (static_cast<std::size_t>(end_ - at_) < count) return fail();
        number_ = 0;
        for (std::size_t i = 0; i < count; ++i) number_ |= std::uint64_t{at_[i]} << (8 * i);
        at_ += count;
        return true;
    }

    const std::uint8_t* at_;
    const std::uint8_t* const end_;
    std::uint32_t field_ = 0;
    Kind kind_ = Kind::varint;
    std::uint64_t number_ = 0;
    Bytes bytes_;
    bool failed_ = false;
};

inline void proto_varint(std::string& out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
    out.push_back(static_cast<char>(number));
}
inline void proto_number(std::string& out, std::uint32_t field, std::uint64_t number) {
    proto_varint(out, std::uint64_t{field} << 3);
    proto_varint(out, number);
}
inline void proto_real(std::string& out, std::uint32_t field, double real) {
    proto_varint(out, std::uint64_t{field} << 3 | 1);
    const auto bits = std::bit_cast<std::uint64_t>(real);
    for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(bits >> shift));
}
inline void proto_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
    proto_varint(out, std::uint64_t{field} << 3 | 2);
    proto_varint(out, bytes.size());
    out.append(bytes);
}

}  // namespace gongshu::wire
