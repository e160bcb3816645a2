// Any bytes as a zip archive: every entry is read. What comes out stays within the limits and has the stated length.
#include <cstdint>

#include "base/assert.h"
#include "wire/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    static constexpr wire::ZipLimits kLimits{
        .entries_max = 20, .inflated_bytes_max = 1 << 20, .ratio_max = 50, .ratio_from_bytes = 64 << 10};
    auto zip = wire::Zip::open({data, bytes}, kLimits);
    if (!zip) {
        ASSERT(!zip.error().text().empty());
        return 0;
    }
    ASSERT(zip->entries().size() <= kLimits.entries_max);
    std::uint64_t all = 0;
    for (const wire::ZipEntry& entry : zip->entries()) {
        ASSERT(zip->find(entry.name) != nullptr);
        std::uint64_t count = 0;
        const auto read = zip->read(entry, [&](Bytes piece) -> Result<bool> {
            count += piece.size();
            return true;
        });
        all += count;
        if (read) ASSERT(count == entry.bytes);
        if (!read) ASSERT(!read.error().text().empty());
    }
    ASSERT(all <= kLimits.inflated_bytes_max);
    return 0;
}
