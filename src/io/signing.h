#pragma once

#include <array>

#include "base/bytes.h"
#include "base/result.h"
#include "io/crypto.h"

namespace gongshu::io {

// SM3 (GB/T 32905-2016), which Chinese law asks for where SHA-256 stands elsewhere. The same length.
Digest256 sm3(Bytes bytes);

using PublicKey = std::array<std::uint8_t, 32>;
using Signature = std::array<std::uint8_t, 64>;

// A key of Ed25519 (RFC 8032).
// Threads: any; constant after construction.
class SigningKey {
public:
    // From the operating system's random numbers.
    static SigningKey generate();
    // The 32 bytes that secret() gave.
    static SigningKey from_secret(const Digest256& secret);

    const Digest256& secret() const { return secret_; }
    const PublicKey& public_key() const { return public_; }
    Signature sign(Bytes message) const;

private:
    explicit SigningKey(const Digest256& secret);
    Digest256 secret_;
    PublicKey public_;
};

// Whether the owner of `key` signed exactly this message.
bool is_signed(const PublicKey& key, Bytes message, const Signature& signature);

}  // namespace gongshu::io
