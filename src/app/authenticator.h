#pragma once

#include "broker/auth.h"
#include "io/loop.h"
#include "registry/auth.h"

namespace gongshu::app {

// Lets the broker ask registry who a client is. Passwords of people take an Argon2 computation and go to the pool;
// devices and tokens are looked up in memory at once. Threads: authenticate() on the broker's lane. Outlives the
// broker.
class Authenticator final : public broker::Authenticator {
public:
    Authenticator(registry::Auth& auth, io::Loop& lane, io::Pool& pool) : auth_(auth), lane_(lane), pool_(pool) {}
    void authenticate(broker::Credentials credentials, Done done) override;

private:
    Result<broker::Principal> check(const broker::Credentials& credentials);
    Result<broker::Principal> once_more(const broker::Credentials& credentials, Result<broker::Principal> found);

    registry::Auth& auth_;
    io::Loop& lane_;
    io::Pool& pool_;
};

}  // namespace gongshu::app
