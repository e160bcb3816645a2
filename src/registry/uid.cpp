#include "registry/uid.h"

#include <array>
#include <cstdint>

#include "io/crypto.h"

namespace gongshu::registry {

std::string make_uid(TimeNs now) {
    static constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    std::string out(26, '0');
    auto milliseconds = static_cast<std::uint64_t>(now > 0 ? now / kMillisecond : 0);
    for (int i = 9; i >= 0; --i, milliseconds >>= 5) out[static_cast<std::size_t>(i)] = kDigits[milliseconds & 31];
    std::array<std::uint8_t, 16> chance{};
    io::random_bytes(chance);
    for (std::size_t i = 0; i < 16; ++i) out[10 + i] = kDigits[chance[i] & 31];
    return out;
}

}  // namespace gongshu::registry
