#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "data/ids.h"
#include "registry/registry.h"

namespace gongshu::broker {

enum class PrincipalKind : std::uint8_t { device, user, token };

// Who a client proved to be. Constant for the life of its connection.
struct Principal {
    TenantId tenant;
    PrincipalKind kind = PrincipalKind::device;
    std::string name;  // "device:site/line1/cnc1", "user:li", "token:gateway": shown, logged, and what drop() names
    std::string device_path;                     // devices only: its place, "site/line1/cnc1"
    std::string device_uid;                      // devices only
    registry::Role role = registry::Role::none;  // users and tokens
};

struct Credentials {
    std::string client_id;
    std::string username;
    std::string password;
    std::string from;  // address of the client, for the log and for counting failed tries
    bool secure = false;
};

// Who checks a CONNECT; app implements it over registry.
class Authenticator {
public:
    using Done = std::function<void(Result<Principal>)>;
    virtual ~Authenticator() = default;
    // Called on the broker's lane and must not block it. `done` is called exactly once, on that lane, at once or later.
    // Code::unauthorized for unknown names and wrong secrets alike, Code::limit for too many tries, Code::unavailable
    // when it cannot be told now.
    virtual void authenticate(Credentials credentials, Done done) = 0;
};

// What a principal may do with a topic. A device publishes beneath itself only: gongshu/v1/<its path>,
// v1/devices/me/telemetry and devices/<its path>/…; it subscribes to gongshu/v1/<its path> and devices/<its path>/….
// Users and tokens: a viewer subscribes to everything of the tenant but commands (devices/…), an operator to all, an
// engineer publishes too. Nobody publishes or subscribes to $….
bool may_publish(const Principal& who, std::string_view topic);
bool may_subscribe(const Principal& who, std::string_view filter);
// A wildcard reaches further than its owner may see: asked for each message of a user or token.
bool may_receive(const Principal& who, std::string_view topic);

}  // namespace gongshu::broker
