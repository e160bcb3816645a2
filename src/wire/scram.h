#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu::wire {

// What a client proves itself with: what is signed, and the 32 bytes of its proof.
struct ScramProof {
    std::string message;  // AuthMessage of RFC 5802
    std::string proof;    // ClientProof
};

// ScramServer holds the texts of one SCRAM-SHA-256 exchange (RFC 5802, 7677) on the server's side, without its
// cryptography. Channel binding is not offered; a client that could have it and knows so ("y") is taken.
// Lives: for one sign-in.   Threads: one at a time.   Bounds: kMessageBytesMax a message.   Disk: none.
class ScramServer {
public:
    static constexpr std::size_t kMessageBytesMax = 1'024;

    // `nonce`: printable and fresh. Gives the server's first message.
    Result<std::string> first(std::string_view client_first, std::string_view nonce, std::string_view salt,
                              std::uint32_t iterations);
    Result<ScramProof> final(std::string_view client_final) const;

private:
    std::string header_;        // "n,,"
    std::string bare_, first_;  // client-first-message-bare, server-first-message
    std::string nonce_;
};

// The last message: "v=…".
std::string scram_final(std::string_view signature);

}  // namespace gongshu::wire
