#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace gongshu::io {

// A certificate with its key, PEM. The key is secret: never logged, files 0600.
struct Identity {
    std::string certificate_pem;  // leaf first, then its issuers
    std::string key_pem;
};

// A local certificate authority (EC P-256, ten years), made at the first start.
Result<Identity> make_certificate_authority(const std::string& common_name, TimeNs now);
// A server certificate signed by it, for host names and IP addresses, `days` long (at most 825).
Result<Identity> issue_server_certificate(const Identity& authority, const std::vector<std::string>& names, TimeNs now,
                                          int days);

// "AB:CD:…" of SHA-256 over the first certificate of `pem`, as browsers and phones show it.
Result<std::string> certificate_fingerprint(const std::string& pem);

// 64 small hexadecimal digits as people read them: "AB:CD:…".
std::string fingerprint_text(std::string_view hex);

// TLS 1.2/1.3 settings for accepted streams; shared by listeners, constant.
class TlsServer;
Result<std::shared_ptr<const TlsServer>> make_tls_server(const Identity& identity);
// For outgoing streams: trusts `authority_pem` (empty = the system's) and checks the host name. Who is refused is told with
// the fingerprint of the certificate.
class TlsClient;
Result<std::shared_ptr<const TlsClient>> make_tls_client(const std::string& authority_pem);
// The same for a machine with a certificate of its own making: trusts the one whose SHA-256 is `fingerprint`, 64 small
// hexadecimal digits, whatever names and times stand in it, and no other.
std::shared_ptr<const TlsClient> make_pinned_tls_client(std::string fingerprint);

}  // namespace gongshu::io
