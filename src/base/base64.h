#pragma once

#include <string>

#include "base/bytes.h"

namespace gongshu {

// RFC 4648 §4, with padding, without line breaks. Reading it, and the alphabet of addresses: io/crypto.h.
std::string encode_base64(Bytes bytes);

}  // namespace gongshu
