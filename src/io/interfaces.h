#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gongshu::io {

// The addresses of this machine that belong to private networks (RFC 1918, RFC 4193, not loopback, not link-local), as
// text without brackets, sorted. Empty if there are none.
Result<std::vector<std::string>> private_addresses();

// Is it such an address? Text as above.
bool is_private_address(const std::string& address);

}  // namespace gongshu::io
