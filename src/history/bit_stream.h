#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"

namespace gongshu::history {

// Streams of bits, the first in the lowest bit of the first byte. Threads: plain values.
class BitReader {
public:
    explicit BitReader(Bytes bytes) : bytes_(bytes) {}

    // Then at least 56 bits are held; behind the end of the stream they are 0.
    [[gnu::always_inline]] void refill() {
        std::uint64_t next = 0;
        if (at_ + sizeof next <= bytes_.size())
            std::memcpy(&next, bytes_.data() + at_, sizeof next);
        else if (at_ < bytes_.size())
            std::memcpy(&next, bytes_.data() + at_, bytes_.size() - at_);
        bits_ |= next << held_;
        at_ += (63 - held_) >> 3;
        held_ |= 56;
    }
    std::uint64_t bits() const { return bits_; }
    [[gnu::always_inline]] void drop(unsigned count) {
        bits_ >>= count;
        held_ -= count;
    }
    [[gnu::always_inline]] std::uint64_t take(unsigned count) {  // at most 56, of those that are held
        const std::uint64_t taken = bits_ & ((std::uint64_t{1} << count) - 1);
        drop(count);
        return taken;
    }
    // At most 64, of which the first 32 may be held already.
    std::uint64_t take_long(unsigned count) {
        if (count <= 32) return take(count);
        const std::uint64_t low = take(32);
        refill();
        return low | take(count - 32) << 32;
    }
    // Whether just the bytes of the stream were used, but for less than one byte.
    bool ended() const { return (at_ * 8 - held_ + 7) / 8 == bytes_.size(); }

private:
    Bytes bytes_;
    std::size_t at_ = 0;
    std::uint64_t bits_ = 0;
    unsigned held_ = 0;
};

// Appends to a buffer.
class BitWriter {
public:
    explicit BitWriter(Buffer& out) : out_(out) {}
    void put(std::uint64_t bits, unsigned count) {  // `bits` has no more than `count`
        held_ |= bits << count_;
        if (count_ + count < 64) {
            count_ += count;
            return;
        }
        write(sizeof held_);
        held_ = count_ == 0 ? 0 : bits >> (64 - count_);
        count_ = count_ + count - 64;
    }
    void end() { write((count_ + 7) / 8); }

private:
    void write(std::size_t bytes) {
        const std::size_t at = out_.size();
        out_.resize(at + bytes);
        std::memcpy(out_.data() + at, &held_, bytes);
    }

    Buffer& out_;
    std::uint64_t held_ = 0;
    unsigned count_ = 0;  // of bits in it, below 64
};

}  // namespace gongshu::history
