#include "io/pbkdf2.h"

#include <openssl/evp.h>

#include "base/assert.h"

namespace gongshu::io {

Digest256 pbkdf2_sha256(Bytes secret, Bytes salt, std::uint32_t turns) {
    Digest256 out;
    ASSERT(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(secret.data()), static_cast<int>(secret.size()), salt.data(),
                             static_cast<int>(salt.size()), static_cast<int>(turns), EVP_sha256(),
                             static_cast<int>(out.size()), out.data()) == 1);
    return out;
}

}  // namespace gongshu::io
