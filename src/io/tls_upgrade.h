#pragma once

#include <functional>
#include <memory>

#include "io/loop.h"

namespace gongshu::io {

namespace detail {
class Handshakes;
}

// TlsUpgrades lets accepted streams go on with TLS after something was said in clear, for protocols that ask for it
// there (PostgreSQL's SSLRequest). What the peer sent behind that request is not part of the handshake: who calls must
// have taken nothing of it.
// Lives:   beside the listener, not longer than the loop; destroying it drops what is under way and calls nobody.
// Threads: the loop's.
// Bounds:  10 s a handshake; their number by the streams_max of the listener.
// Disk:    none.
class TlsUpgrades {
public:
    explicit TlsUpgrades(Loop& loop);
    TlsUpgrades(const TlsUpgrades&) = delete;
    TlsUpgrades& operator=(const TlsUpgrades&) = delete;
    ~TlsUpgrades();
    // `done` is called later, once, with the secure stream or why not.
    void accept(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsServer>& tls,
                std::function<void(Result<std::unique_ptr<Stream>>)> done);

private:
    Loop& loop_;
    std::shared_ptr<detail::Handshakes> handshakes_;
};

}  // namespace gongshu::io
