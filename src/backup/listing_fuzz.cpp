// A list of any bytes: refused, or read and written again as one that reads the same.
#include <cstdlib>

#include "backup/listing.h"
#include "base/bytes.h"
#include "io/crypto.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    std::string text(as_text({data, bytes}));
    (void)backup::decode_listing(text, "fuzz");
    // Past the sum, which random bytes do not meet.
    text = "# gongshu backup 0\n" + text;
    text += "# sum " + to_hex(io::sha256(as_bytes(text))) + "\n";
    const auto listing = backup::decode_listing(text, "fuzz");
    if (!listing) return 0;
    const auto again = backup::decode_listing(backup::encode_listing(*listing), "fuzz");
    if (!again || again->files.size() != listing->files.size()) std::abort();
    for (const backup::Entry& entry : listing->files)
        if (entry.name.starts_with('/') || entry.name.find("..") == 0) std::abort();
    return 0;
}
