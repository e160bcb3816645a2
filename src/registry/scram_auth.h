#pragma once

#include <string>
#include <string_view>

#include "registry/auth.h"

namespace gongshu::registry {

// What API tokens begin with.
inline constexpr std::string_view kTokenPrefix = "gst_";

// What a client needs to prove by SCRAM-SHA-256 (RFC 5802, 7677) that it knows a token; the same for all tokens, which
// are 256 random bits each, so that nobody learns from it which there are.
struct ScramTerms {
    std::string salt;  // bytes
    std::uint32_t turns = 4'096;
};
struct ScramSignIn {
    Principal principal;
    std::string signature;  // ServerSignature, bytes: what proves the server
};

// The part of Auth for doors at which a token proves itself without being told (the PostgreSQL wire).
// Lives, threads: as Auth.   Bounds: check_scram takes about 2 us for each token there is: on a pool.
class ScramAuth {
public:
    virtual ~ScramAuth() = default;
    virtual ScramTerms scram_terms() const = 0;
    // `message` and `proof` are AuthMessage and ClientProof. Code::unauthorized says no more than "user or password is
    // wrong". Tokens issued before step 6 of the tables cannot prove themselves: issue them anew.
    virtual Result<ScramSignIn> check_scram(std::string_view message, std::string_view proof,
                                            std::string_view from) = 0;
};

// Of an Auth that create() made.
ScramAuth& scram_of(Auth& auth);

}  // namespace gongshu::registry
