#include "history/block.h"

#include "base/assert.h"
#include "base/checksum.h"

namespace gongshu::history {
namespace {

constexpr std::size_t kCrcBytes = 4;

// The number is the seed, so that a vector is not taken for another.
std::uint32_t vector_crc(Bytes bytes, std::size_t index) { return crc32c(bytes, static_cast<std::uint32_t>(index)); }

}  // namespace

void encode_block(const Buffer& own, const std::vector<Buffer>& vectors, Buffer& bytes) {
    Buffer head;
    Encoder head_out{head};
    for (const Buffer& vector : vectors) head_out.varint(vector.size());
    head_out.bytes(own);
    Encoder out{bytes};
    const std::size_t begin = bytes.size();
    out.varint(head.size());
    out.bytes(head);
    out.u32(crc32c(Bytes{bytes}.subspan(begin)));
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        out.bytes(vectors[i]);
        out.u32(vector_crc(vectors[i], i));
    }
}

Result<Block> Block::open(Bytes bytes, std::size_t vectors) {
    Decoder in{bytes};
    const std::uint64_t head_bytes = in.varint();
    const Bytes head = in.bytes(head_bytes);
    const std::size_t checked = bytes.size() - in.left();
    const std::uint32_t crc = in.u32();
    if (in.failed() || crc32c(bytes.first(checked)) != crc)
        return Error{Code::corrupt, "the head of the block fails its checksum; restore the file from a backup"};
    Decoder lengths{head};
    Block block;
    block.vectors_.reserve(vectors);
    for (std::size_t i = 0; i < vectors; ++i) block.vectors_.push_back(in.bytes(lengths.varint() + kCrcBytes));
    if (lengths.failed() || !in.finished())
        return Error{Code::corrupt, "the block's {} bytes do not fit its {} vectors", bytes.size(), vectors};
    block.own_ = lengths.bytes(lengths.left());
    return block;
}

Result<Bytes> Block::vector(std::size_t index) const {
    ASSERT(index < vectors_.size());
    const Bytes all = vectors_[index];
    const Bytes bytes = all.first(all.size() - kCrcBytes);
    if (Decoder{all.last(kCrcBytes)}.u32() != vector_crc(bytes, index))
        return Error{Code::corrupt, "vector {} fails its checksum; restore the file from a backup", index};
    return bytes;
}

}  // namespace gongshu::history
