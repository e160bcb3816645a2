#include "io/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/assert.h"
#include "base/base64.h"

namespace gongshu::io {

namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

int int_size(Bytes bytes) { return static_cast<int>(bytes.size()); }

int digit_of(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

}  // namespace

void random_bytes(std::span<std::uint8_t> into) { ASSERT(RAND_bytes(into.data(), int_size(into)) == 1); }

std::string random_token() {
    Digest256 bytes;
    random_bytes(bytes);
    return base64url(bytes);
}

Digest256 sha256(Bytes bytes) {
    Digest256 digest;
    ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
    return digest;
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    ASSERT(context_ != nullptr);
    ASSERT(EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }

void Sha256::add(Bytes part) {
    ASSERT(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), part.data(), part.size()) == 1);
}

Digest256 Sha256::finish() {
    Digest256 digest;
    ASSERT(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), nullptr) == 1);
    return digest;
}

std::array<std::uint8_t, 16> md5(Bytes bytes) {
    std::array<std::uint8_t, 16> digest;
    ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_md5(), nullptr) == 1);
    return digest;
}

std::array<std::uint8_t, 20> sha1(Bytes bytes) {
    std::array<std::uint8_t, 20> digest;
    ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1);
    return digest;
}

namespace {

struct FreeMac {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// To find out by name what HMAC and SHA-256 are takes ten times as long as to compute a short one.
Mac make_mac() {
    EVP_MAC* const kind = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    ASSERT(kind != nullptr);
    Mac mac{EVP_MAC_CTX_new(kind)};
    EVP_MAC_free(kind);
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 2> parameters{OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                                               OSSL_PARAM_construct_end()};
    ASSERT(mac && EVP_MAC_CTX_set_params(mac.get(), parameters.data()) == 1);
    return mac;
}

}  // namespace

Digest256 hmac_sha256(Bytes key, Bytes bytes) {
    static constexpr std::uint8_t kNothing = 0;  // a null key would mean "the one of before"
    thread_local const Mac mac = make_mac();
    Digest256 digest;
    std::size_t size = 0;
    ASSERT(EVP_MAC_init(mac.get(), key.empty() ? &kNothing : key.data(), key.size(), nullptr) == 1);
    ASSERT(bytes.empty() || EVP_MAC_update(mac.get(), bytes.data(), bytes.size()) == 1);
    ASSERT(EVP_MAC_final(mac.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
    return digest;
}

bool equal_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

Buffer seal(const Digest256& key, Bytes plain, std::string_view context) {
    const Bytes extra = as_bytes(context);
    Buffer sealed(kNonceBytes + kTagBytes + plain.size());
    random_bytes(std::span(sealed).first(kNonceBytes));
    const Cipher cipher(EVP_CIPHER_CTX_new());
    ASSERT(cipher);
    int count = 0;
    ASSERT(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), sealed.data()) == 1);
    ASSERT(extra.empty() || EVP_EncryptUpdate(cipher.get(), nullptr, &count, extra.data(), int_size(extra)) == 1);
    std::uint8_t* const out = sealed.data() + kNonceBytes + kTagBytes;
    ASSERT(plain.empty() || EVP_EncryptUpdate(cipher.get(), out, &count, plain.data(), int_size(plain)) == 1);
    std::uint8_t rest[16];  // GCM leaves nothing over
    ASSERT(EVP_EncryptFinal_ex(cipher.get(), rest, &count) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, sealed.data() + kNonceBytes) == 1);
    return sealed;
}

Result<Buffer> open_sealed(const Digest256& key, Bytes sealed, std::string_view context) {
    if (sealed.size() < kNonceBytes + kTagBytes) {
        return Error{Code::corrupt, "a sealed secret has {} bytes, at least {} were expected", sealed.size(),
                     kNonceBytes + kTagBytes};
    }
    const Bytes extra = as_bytes(context);
    const Bytes hidden = sealed.subspan(kNonceBytes + kTagBytes);
    Buffer tag(sealed.begin() + kNonceBytes, sealed.begin() + kNonceBytes + kTagBytes);
    Buffer plain(hidden.size());
    const Cipher cipher(EVP_CIPHER_CTX_new());
    ASSERT(cipher);
    int count = 0;
    std::uint8_t rest[16];
    const bool opened =
        EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.data(), sealed.data()) == 1 &&
        (extra.empty() || EVP_DecryptUpdate(cipher.get(), nullptr, &count, extra.data(), int_size(extra)) == 1) &&
        (hidden.empty() ||
         EVP_DecryptUpdate(cipher.get(), plain.data(), &count, hidden.data(), int_size(hidden)) == 1) &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), rest, &count) == 1;
    if (!opened) {
        return Error{Code::corrupt,
                     "a sealed secret cannot be opened for \"{}\": the key is another one or it was changed", context};
    }
    return plain;
}

std::string base64(Bytes bytes) { return encode_base64(bytes); }

std::string base64url(Bytes bytes) {
    std::string text = encode_base64(bytes);
    text.resize(std::min(text.find('='), text.size()));
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

Result<Buffer> from_base64(std::string_view text) {
    const auto end = text.find_last_not_of('=');
    const auto digits = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    const auto padding = text.size() - digits.size();
    if (digits.size() % 4 == 1 || padding > 2 || (padding > 0 && text.size() % 4 != 0)) {
        return Error{Code::malformed, "base64 of {} characters is cut short or padded wrongly", text.size()};
    }
    Buffer bytes;
    bytes.reserve(digits.size() * 3 / 4);
    std::uint32_t group = 0;
    int bits = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int digit = digit_of(digits[i]);
        if (digit < 0)
            return Error{Code::malformed, "base64 has a byte 0x{:02x} at {}", static_cast<std::uint8_t>(digits[i]), i};
        group = (group << 6 | static_cast<std::uint32_t>(digit)) & 0xffffff;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes.push_back(static_cast<std::uint8_t>(group >> bits));
    }
    if ((group & ((1u << bits) - 1)) != 0) return Error{Code::malformed, "base64 ends in bits that mean nothing"};
    return bytes;
}

}  // namespace gongshu::io
