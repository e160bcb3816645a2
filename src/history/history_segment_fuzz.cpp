// The parts of a segment of any bytes: directory, footer and chunks.
#include <cstdlib>

#include "history/segment.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes < 3) return 0;
    const Bytes input = Bytes{data, bytes}.subspan(3);
    (void)history::decode_directory(input, std::uint64_t{data[1]} << 8 | data[2], "fuzz");
    (void)history::decode_footer(input.first(std::min(input.size(), history::kSegmentFooterBytes)), 1000, "fuzz");
    const auto type = static_cast<ValueType>(1 + data[0] % 4);
    const auto run = history::decode_chunk(input, type, std::uint64_t{data[1]} << 8 | data[2]);
    if (!run) return 0;
    Buffer again;
    history::encode_chunk(*run, 0, run->size(), again);
    const auto same = history::decode_chunk(again, type, run->size());
    if (!same || !(*same == *run)) std::abort();
    return 0;
}
