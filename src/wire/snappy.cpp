#include "wire/snappy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/assert.h"

namespace gongshu::wire {

namespace {

// What the two low bits of an element's first byte say.
enum Element : std::uint8_t { kLiteral = 0, kCopyShort = 1, kCopyTwo = 2, kCopyFour = 3 };
constexpr std::size_t kLiteralInTag = 60;  // longer ones tell their length in 1 to 4 bytes
constexpr std::size_t kCopyMax = 64;
// The densest element, a copy of 64 bytes, takes three: more than this a block cannot open to.
constexpr std::uint64_t kExpansionMax = 22;

// What is left of a block. Functions give nullopt where it ends too early.
class Reader {
public:
    explicit Reader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
    bool empty() const { return at_ == end_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    const std::uint8_t* take(std::size_t bytes) { return std::exchange(at_, at_ + bytes); }

    // `count` of 1 to 4 bytes, little-endian.
    std::optional<std::uint32_t> number(std::size_t count) {
        if (left() < count) return std::nullopt;
        std::uint32_t number = 0;
        for (std::size_t i = 0; i < count; ++i) number |= std::uint32_t{at_[i]} << (8 * i);
        at_ += count;
        return number;
    }
    std::optional<std::uint32_t> length() {
        std::uint64_t length = 0;
        for (int shift = 0; shift < 35 && at_ != end_; shift += 7) {
            length |= std::uint64_t{*at_ & 0x7Fu} << shift;
            if ((*at_++ & 0x80) == 0)
                return length > UINT32_MAX ? std::nullopt : std::optional{static_cast<std::uint32_t>(length)};
        }
        return std::nullopt;
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* const end_;
};

// A copy may reach into what it writes itself: then what is there repeats.
void copy_within(char* out, std::size_t offset, std::size_t bytes) {
    if (offset >= bytes) {
        std::memcpy(out, out - offset, bytes);
        return;
    }
    for (std::size_t i = 0; i < bytes; ++i) out[i] = out[i - offset];
}

struct Copy {
    std::uint32_t bytes, offset;
};

std::optional<Copy> read_copy(Reader& in, std::uint8_t tag) {
    if ((tag & 3) == kCopyShort) {
        const auto low = in.number(1);
        if (!low) return std::nullopt;
        return Copy{4 + ((tag >> 2) & 7u), (static_cast<std::uint32_t>(tag >> 5) << 8) | *low};
    }
    const auto offset = in.number((tag & 3) == kCopyTwo ? 2 : 4);
    if (!offset) return std::nullopt;
    return Copy{1 + (tag >> 2) * 1u, *offset};
}

// Length of the literal that `tag` begins.
std::optional<std::uint64_t> read_literal(Reader& in, std::uint8_t tag) {
    const std::size_t in_tag = tag >> 2;
    if (in_tag < kLiteralInTag) return in_tag + 1;
    const auto length = in.number(in_tag - kLiteralInTag + 1);
    return length ? std::optional{std::uint64_t{*length} + 1} : std::nullopt;
}

}  // namespace

Result<std::string> snappy_decode(Bytes block, std::uint64_t bytes_max) {
    const auto broken = [&](const Reader& in) {
        return Error{Code::malformed, "the body is no snappy block, or ends too early (near byte {})",
                     block.size() - in.left()};
    };
    Reader in{block};
    const auto length = in.length();
    if (!length) return broken(in);
    if (*length > bytes_max)
        return Error{Code::limit, "the snappy body is more than {} bytes when opened: send it in parts", bytes_max};
    if (*length > block.size() * kExpansionMax) return broken(in);
    std::string out(*length, '\0');
    std::size_t at = 0;
    while (!in.empty()) {
        const auto tag = static_cast<std::uint8_t>(*in.number(1));
        const std::size_t room = out.size() - at;
        if ((tag & 3) == kLiteral) {
            const auto bytes = read_literal(in, tag);
            if (!bytes || *bytes > in.left() || *bytes > room) return broken(in);
            std::memcpy(out.data() + at, in.take(*bytes), *bytes);
            at += *bytes;
        } else {
            const auto copy = read_copy(in, tag);
            if (!copy || copy->offset == 0 || copy->offset > at || copy->bytes > room) return broken(in);
            copy_within(out.data() + at, copy->offset, copy->bytes);
            at += copy->bytes;
        }
    }
    if (at != out.size()) return broken(in);
    return out;
}

// ---- encoding -------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t kMatchMin = 4;
constexpr std::size_t kWindow = 1 << 16;  // copies reach back less far: their offset takes two bytes
constexpr std::size_t kHashBits = 14;

void append_length(std::string& out, std::uint64_t length) {
    for (; length >= 0x80; length >>= 7) out.push_back(static_cast<char>(length | 0x80));
    out.push_back(static_cast<char>(length));
}

void append_literal(std::string& out, std::string_view text) {
    if (text.empty()) return;
    const std::size_t last = text.size() - 1;
    if (last < kLiteralInTag) {
        out.push_back(static_cast<char>(last << 2));
    } else {
        const std::size_t bytes = last < (1 << 8) ? 1 : last < (1 << 16) ? 2 : last < (1 << 24) ? 3 : 4;
        out.push_back(static_cast<char>((kLiteralInTag - 1 + bytes) << 2));
        for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(last >> (8 * i)));
    }
    out.append(text);
}

void append_copy(std::string& out, std::size_t offset, std::size_t bytes) {
    while (bytes > 0) {
        const std::size_t part = std::min(bytes, kCopyMax);
        out.push_back(static_cast<char>(((part - 1) << 2) | kCopyTwo));
        out.push_back(static_cast<char>(offset));
        out.push_back(static_cast<char>(offset >> 8));
        bytes -= part;
    }
}

std::uint32_t load(const char* at) {
    std::uint32_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

}  // namespace

std::string snappy_encode(std::string_view text) {
    ASSERT(text.size() <= UINT32_MAX);
    std::string out;
    out.reserve(text.size() / 2 + 16);
    append_length(out, text.size());
    std::array<std::uint32_t, 1 << kHashBits> seen{};  // by hash: where these four bytes were last, plus one
    std::size_t literal = 0;
    for (std::size_t at = 0; at + kMatchMin <= text.size();) {
        const std::uint32_t word = load(text.data() + at);
        std::uint32_t& slot = seen[(word * 0x9E3779B1u) >> (32 - kHashBits)];
        const std::size_t before = std::exchange(slot, static_cast<std::uint32_t>(at + 1));
        if (before == 0 || at - (before - 1) >= kWindow || load(text.data() + before - 1) != word) {
            // What does not repeat for long is passed over in longer and longer steps.
            at += 1 + (at - literal) / 32;
            continue;
        }
        const std::size_t offset = at - (before - 1);
        std::size_t bytes = kMatchMin;
        while (at + bytes < text.size() && text[at + bytes] == text[at + bytes - offset]) ++bytes;
        append_literal(out, text.substr(literal, at - literal));
        append_copy(out, offset, bytes);
        at += bytes;
        literal = at;
    }
    append_literal(out, text.substr(literal));
    return out;
}

}  // namespace gongshu::wire
