// The parts of a file of intervals of any bytes: directory, ids and blocks; and one of a log record.
#include <cstdlib>

#include "history/interval_file.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes < 2) return 0;
    const Bytes input = Bytes{data, bytes}.subspan(2);
    if (const auto one = history::decode_interval(input)) {
        Buffer again;
        history::encode_interval(*one, again);
        const auto same = history::decode_interval(again);
        Buffer third;
        if (same) history::encode_interval(*same, third);
        if (!same || third != again) std::abort();
    }
    (void)history::decode_interval_directory(input, std::uint64_t{data[1]} << 8 | data[0], "fuzz");
    (void)history::decode_interval_ids(input, data[0], "fuzz");
    history::IntervalBlock block;
    block.tenant.value = 1;
    block.last = "\xff";
    block.min_from = INT64_MIN;
    block.max_from = block.max_to = INT64_MAX;
    block.entries = data[1] % 4;
    (void)history::decode_interval_block(input, block, "fuzz");
    (void)history::decode_open_intervals(input, "fuzz");
    return 0;
}
