#include "base/checksum.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace gongshu {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
        table[i] = crc;
    }
    return table;
}
constexpr auto kTable = make_table();

std::uint32_t crc_by_table(Bytes bytes, std::uint32_t crc) {
    for (const std::uint8_t byte : bytes) crc = kTable[(crc ^ byte) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_by_hardware(Bytes bytes, std::uint32_t crc) {
    const std::uint8_t* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t wide = crc;
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = static_cast<std::uint32_t>(wide);
    for (; left > 0; --left, ++at) crc = _mm_crc32_u8(crc, *at);
    return crc;
}
#endif

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t seed) {
#if defined(__x86_64__)
    static const bool hardware = __builtin_cpu_supports("sse4.2");
    if (hardware) return ~crc_by_hardware(bytes, ~seed);
#endif
    return ~crc_by_table(bytes, ~seed);
}

std::uint64_t hash64(Bytes bytes, std::uint64_t seed) {
    std::uint64_t hash = seed ^ 0xa0761d6478bd642f;
    std::size_t left = bytes.size();
    const std::uint8_t* at = bytes.data();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        hash = mix(hash ^ word, 0xe7037ed1a0b428db);
    }
    std::uint64_t tail = 0;
    if (left > 0) std::memcpy(&tail, at, left);
    return mix(hash ^ tail, 0x8ebc6af09c88c6e3 ^ bytes.size());
}

}  // namespace gongshu
