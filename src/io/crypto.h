#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::io {

using Digest256 = std::array<std::uint8_t, 32>;

// From the operating system's generator; aborts if there is none.
void random_bytes(std::span<std::uint8_t> into);
// 256 random bits as 43 characters of base64url without padding: tokens, device secrets, one-time passwords.
std::string random_token();

Digest256 sha256(Bytes bytes);
// The same over parts, in order. After finish() it is of no more use.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void add(Bytes part);
    Digest256 finish();

private:
    void* context_;  // EVP_MD_CTX
};
Digest256 hmac_sha256(Bytes key, Bytes bytes);
// In time that does not depend on the contents.
bool equal_constant_time(Bytes a, Bytes b);

// AES-256-GCM with a random nonce: nonce(12) | tag(16) | ciphertext. `context` is authenticated, not stored: opening
// with another context fails.
Buffer seal(const Digest256& key, Bytes plain, std::string_view context);
Result<Buffer> open_sealed(const Digest256& key, Bytes sealed, std::string_view context);

std::string base64(Bytes bytes);
std::string base64url(Bytes bytes);                 // without padding
Result<Buffer> from_base64(std::string_view text);  // either alphabet, padding optional
std::array<std::uint8_t, 16> md5(Bytes bytes);      // only to sign in where a machine knows nothing else (RFC 7616)
std::array<std::uint8_t, 20> sha1(Bytes bytes);     // only for the WebSocket handshake (RFC 6455 §4.2.2)

}  // namespace gongshu::io
