#include "io/signer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>

#include "base/assert.h"

namespace gongshu::io {
namespace {

constexpr char kUserId[] = "1234567812345678";
constexpr std::size_t kKeyBytesMax = 1'000;

std::shared_ptr<void> shared(EVP_PKEY* key) {
    return {key, [](void* of) { EVP_PKEY_free(static_cast<EVP_PKEY*>(of)); }};
}
EVP_PKEY* raw(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Digest = std::unique_ptr<EVP_MD_CTX, FreeDigest>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::optional<SignerAlgorithm> algorithm_in(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "ED25519") == 1) return SignerAlgorithm::ed25519;
    if (EVP_PKEY_is_a(key, "SM2") == 1) return SignerAlgorithm::sm2;
    return std::nullopt;
}

const char* digest_of(SignerAlgorithm algorithm) { return algorithm == SignerAlgorithm::sm2 ? "SM3" : nullptr; }

// SM2 signs a hash of who signs before the message (GB/T 32918.2, 5.5). The name is given after the start:
// OpenSSL 3.0.19 refuses it at the start, without an error, where later ones take it at both.
bool name_signer(EVP_PKEY_CTX* context, SignerAlgorithm algorithm) {
    if (algorithm != SignerAlgorithm::sm2) return true;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_DIST_ID, const_cast<char*>(kUserId), sizeof kUserId - 1),
        OSSL_PARAM_construct_end()};
    return EVP_PKEY_CTX_set_params(context, parameters) == 1;
}

std::shared_ptr<void> read_public(Bytes der) {
    if (der.empty() || der.size() > kKeyBytesMax) return nullptr;
    const unsigned char* at = der.data();
    EVP_PKEY* const key = d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size()));
    if (key == nullptr) return nullptr;
    auto owned = shared(key);
    return at == der.data() + der.size() ? owned : nullptr;
}

Buffer write_public(EVP_PKEY* key) {
    unsigned char* bytes = nullptr;
    const int length = i2d_PUBKEY(key, &bytes);
    ASSERT(length > 0);
    Buffer out(bytes, bytes + length);
    OPENSSL_free(bytes);
    return out;
}

}  // namespace

std::string_view to_string(SignerAlgorithm algorithm) {
    return algorithm == SignerAlgorithm::ed25519 ? "ed25519" : "sm2";
}

std::optional<SignerAlgorithm> parse_signer_algorithm(std::string_view name) {
    for (const SignerAlgorithm algorithm : {SignerAlgorithm::ed25519, SignerAlgorithm::sm2})
        if (to_string(algorithm) == name) return algorithm;
    return std::nullopt;
}

Result<SignerKey> SignerKey::generate(SignerAlgorithm algorithm) {
    EVP_PKEY* const key = EVP_PKEY_Q_keygen(nullptr, nullptr, algorithm == SignerAlgorithm::sm2 ? "SM2" : "ED25519");
    if (key == nullptr) return Error{Code::unsupported, "this OpenSSL makes no keys of {}", to_string(algorithm)};
    return SignerKey{algorithm, shared(key)};
}

Result<SignerKey> SignerKey::from_pem(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    // An encrypted key is refused rather than asked for on a terminal.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr);
    if (key == nullptr) return Error{Code::malformed, "expected a private key in PEM without a password, found none"};
    auto owned = shared(key);
    const auto algorithm = algorithm_in(key);
    if (!algorithm)
        return Error{Code::unsupported, "expected a key of Ed25519 or SM2, found {}", EVP_PKEY_get0_type_name(key)};
    return SignerKey{*algorithm, std::move(owned)};
}

std::string SignerKey::to_pem() const {
    const Bio bio(BIO_new(BIO_s_mem()), BIO_free);
    ASSERT(PEM_write_bio_PKCS8PrivateKey(bio.get(), raw(key_), nullptr, nullptr, 0, nullptr, nullptr) == 1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

Buffer SignerKey::public_key() const { return write_public(raw(key_)); }

Result<Buffer> SignerKey::sign(Bytes message) const {
    const Digest context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* key_context = nullptr;  // belongs to `context`
    std::size_t length = 0;
    Buffer signature;
    const bool ready = EVP_DigestSignInit_ex(context.get(), &key_context, digest_of(algorithm_), nullptr, nullptr,
                                             raw(key_), nullptr) == 1 &&
                       name_signer(key_context, algorithm_) &&
                       EVP_DigestSign(context.get(), nullptr, &length, message.data(), message.size()) == 1;
    if (ready) signature.resize(length);
    if (!ready || EVP_DigestSign(context.get(), signature.data(), &length, message.data(), message.size()) != 1)
        return Error{Code::unsupported, "this OpenSSL does not sign with {}", to_string(algorithm_)};
    signature.resize(length);
    return signature;
}

Result<SignerAlgorithm> algorithm_of(Bytes public_key) {
    const auto key = read_public(public_key);
    const auto algorithm = key ? algorithm_in(raw(key)) : std::nullopt;
    if (!algorithm || !std::ranges::equal(write_public(raw(key)), public_key))
        return Error{Code::malformed,
                     "expected a public key of Ed25519 or SM2 (SubjectPublicKeyInfo, DER), found {} other bytes",
                     public_key.size()};
    return *algorithm;
}

bool is_signed_by(Bytes public_key, Bytes message, Bytes signature) {
    const auto key = read_public(public_key);
    const auto algorithm = key ? algorithm_in(raw(key)) : std::nullopt;
    if (!algorithm) return false;
    const Digest context{EVP_MD_CTX_new()};
    EVP_PKEY_CTX* key_context = nullptr;  // belongs to `context`
    if (EVP_DigestVerifyInit_ex(context.get(), &key_context, digest_of(*algorithm), nullptr, nullptr, raw(key),
                                nullptr) != 1 ||
        !name_signer(key_context, *algorithm))
        return false;
    return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

}  // namespace gongshu::io
