#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "io/loop.h"

namespace gongshu::io::detail {

class TlsConnection;

using StreamDone = std::function<void(Result<std::unique_ptr<Stream>>)>;

inline constexpr DurationNs kHandshakeTimeout = 10 * kSecond;

// The TLS handshakes of one loop that are under way: a plain stream goes in, a secure one (or why not) comes out.
// Lives:   inside a loop, which calls clear() before it goes.
// Threads: the loop's.
// Bounds:  kHandshakeTimeout or less each; their number by the streams_max of the listeners.
// Disk:    none.
class Handshakes {
public:
    explicit Handshakes(Loop& loop);
    ~Handshakes();

    void accept(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsServer>& tls, StreamDone done);
    // `host` is the name that the certificate has to have.
    void connect(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsClient>& tls, const std::string& host,
                 DurationNs timeout, StreamDone done);
    // Drops all without calling anybody.
    void clear();

private:
    struct Waiting {
        std::shared_ptr<TlsConnection> connection;
        TimerId timer;
        StreamDone done;
    };
    void add(std::shared_ptr<TlsConnection> connection, DurationNs timeout, StreamDone done);
    void finish(std::uint64_t id, Result<void> result);

    Loop& loop_;
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_ = 0;
};

}  // namespace gongshu::io::detail
