// Any bytes as a package: refused, or the one file there is of what was read.
#include <algorithm>
#include <cstdlib>

#include "package/package.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes file{data, bytes};
    (void)package::open_package(file);
    const auto entries = package::decode_archive(file);
    if (!entries) return 0;
    for (const package::ArchiveEntry& entry : *entries)
        if (entry.name.starts_with('/') || entry.name.find("..") != std::string::npos) std::abort();
    const auto again = package::encode_archive(*entries);
    if (!again || !std::ranges::equal(*again, file)) std::abort();
    return 0;
}
