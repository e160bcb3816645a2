#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

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
    std::vector<std::string> paths;              // users and tokens: globs of what is seen; empty = all of the tenant
    TimeNs expires = 0;                          // tokens: the connection ends then; 0 = does not
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
// Of JetLinks' topics, /{product}/{its id}/…, Ingest decides, who knows the ids of devices.
// Users and tokens: a viewer subscribes to everything of the tenant but commands (devices/…), an operator to all, an
// engineer publishes too. Nobody publishes or subscribes to $….
// A user or token with paths publishes to, subscribes to and receives only what sees_topic() lets it: a filter without
// wildcards that lies outside is refused, of others only what lies within is delivered.
bool may_publish(const Principal& who, std::string_view topic);
bool may_subscribe(const Principal& who, std::string_view filter);
// A wildcard reaches further than its owner may see: asked for each message of a user or token.
bool may_receive(const Principal& who, std::string_view topic);

// Whether a topic lies within the paths of a role: gongshu/v1/<path> and devices/<path>/… lie where the path does, all
// others nowhere. No paths = everything.
bool sees_topic(const std::vector<std::string>& paths, std::string_view topic);

}  // namespace gongshu::broker
