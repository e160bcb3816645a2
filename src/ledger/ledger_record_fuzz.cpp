// Bytes of a ledger's files, of any kind: decoded or refused, and what is decoded is encoded to the same bytes.
#include <cstdint>

#include "base/assert.h"
#include "ledger/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gongshu::ledger;
    const gongshu::Bytes bytes{data, size};
    std::ignore = decode_file_header(bytes);
    std::ignore = decode_meta(bytes, "LEDGER");
    if (const auto head = decode_head(bytes)) {
        gongshu::Buffer again;
        encode_head(*head, again);
        ASSERT(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
    }
    const auto header = decode_record_header(bytes);
    if (!header || header->length > size) return 0;
    const auto record = bytes.first(header->length);
    std::ignore = decode_record(*header, record, true);
    if (const auto entry = decode_record(*header, record, false)) {
        gongshu::Buffer again;
        encode_record(*entry, header->left, again);
        // Four bytes that are always zero are not read.
        ASSERT(again.size() == record.size());
    }
    return 0;
}
