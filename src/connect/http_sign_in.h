#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "connect/link_config.h"
#include "wire/http.h"

namespace gongshu::connect {

// HttpSignIn makes the requests of one connection by HTTP, and signs in where the machine wants it: by Digest with
// SHA-256 or MD5 (RFC 7616, qop auth or none), else by Basic (RFC 7617). Nothing is said of the password before the
// machine asked for it.
// Lives: in a driver. Threads: its lane. Bounds: one challenge. Disk: none.
class HttpSignIn {
public:
    explicit HttpSignIn(const LinkConfig& config);

    std::string get(std::string_view target, std::string_view accept);
    // What came is an answer with 401 to what get() made: true where it is worth to be asked once more.
    bool learn(const wire::HttpResponse& answer);
    // Why nobody is let in, behind "is answered with 401 Unauthorized"; "" for other answers.
    std::string_view why_not(int status) const;
    // The question was answered otherwise, or given up.
    void settle() { has_tried_ = false; }

private:
    enum class Way : std::uint8_t { none, basic, digest };
    bool take(const wire::HttpResponse& answer);
    std::string authorization(std::string_view target);
    std::string digest(std::string_view target);

    const std::string host_, user_, password_;
    Way way_ = Way::none;
    bool is_sha256_ = false, has_qop_ = false, has_tried_ = false, is_unknown_ = false;
    std::string realm_, nonce_, opaque_, algorithm_;
    std::uint32_t count_ = 0;  // of the nonce
};

}  // namespace gongshu::connect
