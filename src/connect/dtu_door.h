#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/metrics.h"
#include "connect/connections.h"
#include "connect/link_config.h"
#include "io/loop.h"

namespace gongshu::connect {

// A connection that waits for its DTU.
struct DtuClaim {
    std::string owner;   // of this claim alone: tenant and uid of the connection
    std::string tenant;  // its name: only who dials in at a port of this tenant is meant
    DtuConfig dtu;
    // A socket that said the registration packet; again each time one does.
    std::function<void(std::unique_ptr<io::Stream>)> on_dialled;
};

// DtuDoor listens for DTUs, gateways that dial in over 4G, and tells each from the others by its registration packet:
// what it says first. Whose packet nobody claims is noted, so that somebody can adopt it.
// A port belongs to one tenant, so that nobody can claim what dials in at another's.
//
// A packet has no end of its own: it is what came until the socket is silent for kQuiet; for kMore where another claim
// may still fit.
// Lives:   shared by the sessions of its connections; stop() closes everything.
// Threads: its lane's, except status(): any. listen() also while the lane does not run.
// Bounds:  kPendingMax sockets of a tenant that are not known yet, kPendingOfHostMax of one network, each kPacketMax bytes and
//          kPendingTime; kUnknownMax packets that nobody claims. For a new one too many the oldest that said
//          nothing, or nothing known, is closed and counted.
// Disk:    none.
class DtuDoor : public std::enable_shared_from_this<DtuDoor> {
public:
    static constexpr std::size_t kPendingMax = 256;
    static constexpr std::size_t kPendingOfHostMax = 32;
    static constexpr std::size_t kPacketMax = 256;
    static constexpr std::size_t kUnknownMax = 20;
    static constexpr DurationNs kQuiet = 300 * kMillisecond;
    static constexpr DurationNs kMore = 2 * kSecond;
    static constexpr DurationNs kPendingTime = kMinute;

    DtuDoor(io::Loop& lane, Metrics& metrics);

    Result<io::Address> listen(const io::Address& address, const std::string& tenant);
    // From now on DTUs are handed over: all claims of the start are made.
    void begin();
    // Replaces the claim of the same owner. A socket that is there already is handed over in the next turn.
    // Code::not_found when no port of the tenant is listened on, Code::exists when another connection of it has the same
    // packet.
    Result<void> claim(DtuClaim claim);
    void release(const std::string& owner);
    void stop();
    DtuStatus status() const;

private:
    struct Pending {
        std::unique_ptr<io::Stream> stream;
        std::uint16_t port = 0;
        std::string tenant;
        Buffer packet;
        io::TimerId quiet, end;
        bool noted = false;   // as unknown
        bool waited = false;  // kMore
    };
    struct Door {
        std::unique_ptr<io::Listener> listener;
        io::Address address;
        std::string tenant;
    };

    void accept(std::uint16_t port, const std::string& tenant, std::unique_ptr<io::Stream> stream);
    bool make_room(const std::string& host, const std::string& tenant);
    void refuse(std::uint64_t id);
    void wait_for_more(std::uint64_t id, DurationNs time);
    void forget_unknown(const DtuClaim& claim);
    void on_data(std::uint64_t id, Bytes bytes);
    void look(std::uint64_t id);
    static bool is_meant(const DtuClaim& claim, const Pending& pending);
    const DtuClaim* find_claim(const Pending& pending) const;
    void note_unknown(Pending& pending);
    void drop(std::uint64_t id);
    void count_pending();

    // Constant after construction.
    io::Loop& lane_;
    Counter &dialled_, &unknown_, &refused_;
    // Lane only.
    std::vector<Door> doors_;
    std::map<std::string, DtuClaim> claims_;
    std::map<std::uint64_t, Pending> pending_;
    std::uint64_t last_id_ = 0;
    bool begun_ = false;
    // Read from any thread.
    mutable Guarded<DtuStatus> status_;
};

}  // namespace gongshu::connect
