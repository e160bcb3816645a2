// A proof of any bytes: refused, or read and written again as one that reads the same.
#include <cstdlib>

#include "backup/proof.h"
#include "base/bytes.h"
#include "io/crypto.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    std::string text(as_text({data, bytes}));
    (void)backup::decode_proof(text, "fuzz");
    // Past the sum, which random bytes do not meet.
    text = "# gongshu proof 0\n" + text;
    text += "# sum " + to_hex(io::sha256(as_bytes(text))) + "\n";
    const auto proof = backup::decode_proof(text, "fuzz");
    if (!proof) return 0;
    const auto again = backup::decode_proof(backup::encode_proof(*proof), "fuzz");
    if (!again || again->rows != proof->rows || again->problems.size() != proof->problems.size()) std::abort();
    return 0;
}
