#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::io {

// Ed25519 (RFC 8032), or SM2 over SM3 (GB/T 32918.2-2016) with the usual user id 1234567812345678.
enum class SignerAlgorithm : std::uint8_t { ed25519, sm2 };
std::string_view to_string(SignerAlgorithm algorithm);
std::optional<SignerAlgorithm> parse_signer_algorithm(std::string_view name);

// A private key that signs files for others, who know its public half.
// Threads: any; constant after construction.
class SignerKey {
public:
    static Result<SignerKey> generate(SignerAlgorithm algorithm);
    // PKCS#8, not encrypted; text before it is skipped.
    static Result<SignerKey> from_pem(std::string_view pem);

    SignerAlgorithm algorithm() const { return algorithm_; }
    std::string to_pem() const;
    Buffer public_key() const;  // SubjectPublicKeyInfo, DER
    Result<Buffer> sign(Bytes message) const;

private:
    SignerKey(SignerAlgorithm algorithm, std::shared_ptr<void> key) : algorithm_(algorithm), key_(std::move(key)) {}
    SignerAlgorithm algorithm_;
    std::shared_ptr<void> key_;  // EVP_PKEY
};

// Of a public key as public_key() gives it; Code::malformed for anything else, another encoding of a key too.
Result<SignerAlgorithm> algorithm_of(Bytes public_key);
// Whether the owner of that key signed exactly this message.
bool is_signed_by(Bytes public_key, Bytes message, Bytes signature);

}  // namespace gongshu::io
