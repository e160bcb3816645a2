#include <algorithm>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "base/checksum.h"
#include "wire/batch.h"

namespace {

using namespace gongshu;

void read(Bytes body) {
    std::size_t next = 0;
    wire::BatchWriter writer;
    std::vector<TimeNs> times_before;
    const auto decoded = wire::decode_batch(
        body, {.columns_max = 50, .rows_max = 10'000, .path_bytes_max = 100}, [&](const wire::BatchColumn& column) {
            ASSERT(column.index == next++ && !column.path.empty() && column.path.size() <= 100);
            ASSERT(!column.times.empty() && column.times.size() == column.qualities.size());
            // Who trusts it does not look at the times again. Not the other way round: one time may be written longer.
            ASSERT(!column.same_times || (column.index > 0 && column.times == times_before));
            const auto is_good = [](Quality quality) { return quality == kGood; };
            ASSERT(!column.all_good || std::ranges::all_of(column.qualities, is_good));
            times_before = column.times;
            writer.add(column);
        });
    if (!decoded || next == 0) return;
    // What was understood can be said again, and means the same.
    const std::string once = writer.finish();
    const auto again =
        wire::decode_batch(as_bytes(once), {}, [&](const wire::BatchColumn& column) { writer.add(column); });
    ASSERT(again && writer.finish() == once);
}

}  // namespace

// As it is, and as the body of a frame whose checksum is right: else hardly anything comes past it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    read({data, bytes});
    std::vector<std::uint8_t> frame = {'G', 'S', 'B', 'T', 1, 0, 0, 0};
    const auto add = [&](std::uint32_t number) {
        for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<std::uint8_t>(number >> shift));
    };
    const Bytes body =
        bytes > 16 && std::memcmp(data, "GSBT", 4) == 0 ? Bytes{data + 16, bytes - 16} : Bytes{data, bytes};
    add(static_cast<std::uint32_t>(body.size()));
    add(crc32c(body, crc32c(Bytes{frame}.subspan(4))));
    frame.insert(frame.end(), body.begin(), body.end());
    read(frame);
    return 0;
}
