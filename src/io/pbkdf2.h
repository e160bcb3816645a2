#pragma once

#include "io/crypto.h"

namespace gongshu::io {

// PBKDF2 (RFC 8018) over HMAC-SHA-256, 32 bytes; about 0.3 us a turn.
Digest256 pbkdf2_sha256(Bytes secret, Bytes salt, std::uint32_t turns);

}  // namespace gongshu::io
