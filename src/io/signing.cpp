#include "io/signing.h"

#include <openssl/evp.h>

#include <memory>

#include "base/assert.h"

namespace gongshu::io {
namespace {

struct FreeKey {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;

}  // namespace

Digest256 sm3(Bytes bytes) {
    // Fetched once: looking an algorithm up costs more than hashing a short text.
    static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SM3", nullptr);
    ASSERT(algorithm != nullptr);
    Digest256 digest;
    unsigned length = 0;
    ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm, nullptr) == 1);
    ASSERT(length == digest.size());
    return digest;
}

SigningKey::SigningKey(const Digest256& secret) : secret_(secret) {
    const Key key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret.data(), secret.size())};
    ASSERT(key != nullptr);
    std::size_t length = public_.size();
    ASSERT(EVP_PKEY_get_raw_public_key(key.get(), public_.data(), &length) == 1);
    ASSERT(length == public_.size());
}

SigningKey SigningKey::generate() {
    Digest256 secret;
    random_bytes(secret);
    return SigningKey{secret};
}

SigningKey SigningKey::from_secret(const Digest256& secret) { return SigningKey{secret}; }

Signature SigningKey::sign(Bytes message) const {
    const Key key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret_.data(), secret_.size())};
    const Digest context{EVP_MD_CTX_new()};
    ASSERT(key != nullptr && context != nullptr);
    ASSERT(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
    Signature signature;
    std::size_t length = signature.size();
    ASSERT(EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) == 1);
    ASSERT(length == signature.size());
    return signature;
}

bool is_signed(const PublicKey& public_key, Bytes message, const Signature& signature) {
    const Key key{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size())};
    const Digest context{EVP_MD_CTX_new()};
    if (key == nullptr || context == nullptr) return false;
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1) return false;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace gongshu::io
