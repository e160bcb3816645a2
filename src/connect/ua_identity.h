#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "connect/link_config.h"
#include "io/files.h"

namespace gongshu::connect {

// Our own certificate for OPC UA servers, out of the key folder: opcua.der, which is given to servers that want to know
// it beforehand, and opcua.key, readable by its user alone. Made when it is asked for the first time; that takes the
// better part of a second. Self-signed, 2048 bits, for twenty years: nobody is there to renew it.
Result<std::shared_ptr<const UaIdentity>> ua_identity(io::Files& files, const std::string& folder);

}  // namespace gongshu::connect
