// Any text as a map: refused or understood, never more.
#include <cstdint>

#include "importer/mapper.h"

// The units library forgets some bytes of a text that is no unit.
extern "C" const char* __lsan_default_suppressions() { return "leak:utlex\n"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const auto map = importer::parse_map(as_text(Bytes(data, bytes)));
    if (!map) return 0;
    (void)importer::Mapper::create(*map, "f.csv", {"t", "a", "b"});
    (void)importer::Mapper::create(*map, "f.csv", {});
    return 0;
}
