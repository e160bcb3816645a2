// Any text as a manifest and as test vectors: refused, or written so that it reads the same.
#include <cstdlib>

#include "base/bytes.h"
#include "package/manifest.h"
#include "package/vectors.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const std::string_view text = as_text({data, bytes});
    (void)package::parse_vectors(text, "fuzz");
    const auto manifest = package::parse_manifest(text);
    if (!manifest) return 0;
    const std::string written = package::manifest_text(*manifest);
    const auto again = package::parse_manifest(written);
    if (!again || package::manifest_text(*again) != written) std::abort();
    return 0;
}
