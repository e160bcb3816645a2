#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::io {

struct CertificateFacts {
    std::string subject;  // its common name
    TimeNs begins = 0, ends = 0;
};
// Of the first certificate of `pem`; Code::malformed if there is none.
Result<CertificateFacts> certificate_facts(const std::string& pem);

}  // namespace gongshu::io
