#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "broker/broker.h"

namespace gongshu::broker {

// The numbers of one session that api may look at while the lane counts on. Texts are constant.
struct SessionStatus {
    std::string client, who, device;
    std::atomic<std::uint64_t> in = 0, out = 0, dropped = 0;
    std::atomic<std::uint32_t> subscriptions = 0;
    // What changes with a connection.
    struct Link {
        std::string version, address;
        TimeNs since = 0;
        bool connected = false;
    };
    Guarded<Link> link;
};

struct DeviceStatus {
    std::string device;
    std::atomic<TimeNs> last_seen = 0;
    std::atomic<std::uint64_t> readings = 0;
    std::atomic<std::uint32_t> connections = 0;  // signed in as this device
    std::atomic<TimeNs> since = 0;
    struct Words {
        std::string uid, last_error;
        TimeNs last_error_at = 0;
    };
    Guarded<Words> words;
};

// Directory is where other threads see the broker's sessions and devices.
// Lives:   in the broker.
// Threads: any; the lane adds and removes.
// Bounds:  sessions as the broker's; kDevicesMax devices, further ones are not shown.
// Disk:    none.
class Directory {
public:
    static constexpr std::size_t kDevicesMax = 100'000;

    std::shared_ptr<SessionStatus> add_session(TenantId tenant, std::string client, const Principal& who);
    void remove_session(TenantId tenant, const std::string& client);
    // The device of that path, made if new; null when there are too many or `path` is "".
    std::shared_ptr<DeviceStatus> device(TenantId tenant, const std::string& path);

    std::vector<SessionInfo> sessions(TenantId tenant) const;
    std::vector<DeviceSeen> devices(TenantId tenant) const;

private:
    using Key = std::pair<TenantId, std::string>;
    mutable Guarded<std::map<Key, std::shared_ptr<SessionStatus>>> sessions_;
    mutable Guarded<std::map<Key, std::shared_ptr<DeviceStatus>>> devices_;
};

}  // namespace gongshu::broker
