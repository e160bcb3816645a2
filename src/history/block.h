#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "history/codec.h"

namespace gongshu::history {

// A head and vectors, each under a checksum of its own, so that a damaged byte costs one vector:
//   block := head_bytes:varint head crc32c:u32 (vector crc32c:u32)*      head := bytes:varint (of each vector) own
void encode_block(const Buffer& own, const std::vector<Buffer>& vectors, Buffer& out);

class Block {
public:
    // The head of a block of `vectors` vectors; Code::corrupt if its checksum or its lengths do not fit.
    static Result<Block> open(Bytes bytes, std::size_t vectors);
    // What the writer put into the head.
    Decoder own() const { return Decoder{own_}; }
    // Code::corrupt, naming the vector, if its checksum does not fit.
    Result<Bytes> vector(std::size_t index) const;

private:
    Bytes own_;
    std::vector<Bytes> vectors_;  // with their checksums
};

}  // namespace gongshu::history
