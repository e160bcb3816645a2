#pragma once

#include <memory>
#include <unordered_map>

#include "io/tls_upgrade.h"
#include "pg/door.h"

namespace gongshu::pg {

class Session;

// Hub is what the sessions share on the loop. Lives inside the door.   Threads: the loop's.   Bounds: DoorOptions.
class Hub : public std::enable_shared_from_this<Hub> {
public:
    Hub(const DoorDeps& door_deps, DoorOptions door_options);

    const DoorDeps deps;
    const DoorOptions options;
    Counter &statements, &failures;
    Gauge& open;
    io::TlsUpgrades upgrades;

    void accept(std::unique_ptr<io::Stream> stream);
    void remove(std::uint32_t process);
    // Whom `process` belongs to and whose secret this is, or null.
    std::shared_ptr<Session> find(std::uint32_t process, std::uint32_t key) const;
    // How many of this user or token are signed in.
    std::size_t count_of(TenantId tenant, const std::string& who) const;
    // How many connections of this address have not signed in.
    std::size_t unsigned_of(const std::string& address) const;
    std::size_t sessions() const { return sessions_.size(); }
    void check_deadlines();
    void on_revoked(TenantId tenant, const std::string& who);
    void close_all();

private:
    std::unordered_map<std::uint32_t, std::shared_ptr<Session>> sessions_;  // by process
    std::uint32_t last_ = 0;
};

}  // namespace gongshu::pg
