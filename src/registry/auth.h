#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "registry/registry.h"

namespace gongshu::registry {

// A person or an API token that was recognised.
struct Principal {
    Actor actor;       // who = "user:li" or "token:grafana"
    std::string name;  // "li", "grafana"
    bool is_token = false;
    std::vector<std::string> paths;     // globs of what is seen; empty = all of the tenant
    std::string csrf;                   // of a session, else ""
    bool must_change_password = false;  // the pages ask for another one
    bool password_of_another = false;   // an administrator set it and knows it: nothing else may be done before
    TimeNs expires = 0;                 // 0 = does not
};

// A device that was recognised: it publishes beneath its path and nowhere else.
struct DevicePrincipal {
    TenantId tenant;
    std::string tenant_name;
    std::string device;  // path: the name of the resource
    std::string uid;
};

// What a sign-in gives. `token` is told once; the registry keeps only its HMAC.
struct Session {
    std::string token, csrf;
    Principal principal;
};

struct DeviceCredential {
    std::string username, password;  // "default/01J…" and 43 characters
};

// What on_revoked() says of one session that was signed out: this and its csrf.
inline constexpr std::string_view kRevokedSession = "session:";

// Told once a start, until somebody has come in and chosen a password.
struct FirstSignIn {
    std::string user = "admin";
    std::string password;  // of the very first start, and good until it is changed; else ""
    std::string one_time;  // for a link that signs in once
};

struct AuthOptions {
    std::string admin_password;  // --admin-password-file: of the first admin, need not be changed then
    std::uint32_t argon2_memory_kib = 19'456;
    std::uint32_t argon2_passes = 2;
    std::uint32_t hashes_at_once_max = 2;  // more wait; past 16 waiting: Code::limit
    std::uint32_t sessions_max = 10'000;   // of all tenants; the one unused longest is ended
    std::uint32_t sessions_of_user_max = 50;
    DurationNs idle_max = 12 * kHour;
    DurationNs age_max = 7 * kDay;
    std::uint32_t tries_max = 8;  // failed, per user and per address
    DurationNs tries_window = 15 * kMinute;
    DurationNs cache = 5 * kMinute;  // of passwords that were right (basic auth, MQTT)
};

// Auth recognises people, API tokens and devices.
// Lives:   one per process, after the Registry is loaded, destroyed before it.
// Threads: any. What takes a password computes Argon2id (~40 ms) or syncs the disk: on a pool, not on a lane.
//          check_session, check_token, and check_mqtt of devices and tokens only look in memory.
// Bounds:  AuthOptions; counts of failed tries for 20 000 users and addresses, the oldest forgotten first.
// Disk:    tables auth_* in registry.db: Argon2id of passwords, HMAC-SHA256 of all other secrets.
// A deleted or disabled user, token or device is refused from the moment its change is durable.
class Auth {
public:
    static Result<std::unique_ptr<Auth>> create(Registry& registry, const Clock& clock, AuthOptions options = {});
    virtual ~Auth() = default;

    // Only while nobody has chosen the first administrator's password, and once; not when admin_password was given.
    virtual std::optional<FirstSignIn> take_first_sign_in() = 0;

    // `user` is "li" (tenant default) or "li@plant2". Code::unauthorized says no more than "user or password is wrong";
    // Code::limit after too many failed tries, see retry_after().
    virtual Result<Session> sign_in(std::string_view user, std::string_view password, std::string_view from) = 0;
    virtual Result<Session> sign_in_once(std::string_view one_time, std::string_view from) = 0;
    virtual void sign_out(std::string_view session_token) = 0;
    // How long sign_in() from there will be refused; 0 = it will not.
    virtual DurationNs retry_after(std::string_view user, std::string_view from) const = 0;

    virtual Result<Principal> check_session(std::string_view token, std::string_view from) = 0;
    virtual Result<Principal> check_token(std::string_view token, std::string_view from) = 0;
    // Whatever follows "Bearer ": a session's or an API token.
    virtual Result<Principal> check_bearer(std::string_view token, std::string_view from) = 0;
    // Basic auth and other doors that send the password each time; right ones are remembered for `cache`.
    virtual Result<Principal> check_password(std::string_view user, std::string_view password,
                                             std::string_view from) = 0;

    // `old` is not looked at while must_change_password. At least 10 characters and not the user's name, else
    // Code::invalid. Ends all other sessions of the user.
    virtual Result<void> change_password(const Principal& who, std::string_view old, std::string_view fresh,
                                         std::string_view keep_session = {}) = 0;
    // By an administrator of the user's tenant; the user must change it before anything else.
    virtual Result<void> set_password(const Actor& actor, std::string_view user, std::string_view password) = 0;

    // The secret of the resource `token`, told once; a second issue() ends the first one.
    virtual Result<std::string> issue_token(const Actor& actor, std::string_view name) = 0;
    virtual Result<DeviceCredential> issue_device(const Actor& actor, std::string_view device) = 0;

    // MQTT CONNECT. Devices: as issued, or "tenant/path" as user name, or as ThingsBoard does (user name = the
    // password, no password). People: user and password. API tokens: any user name, or none, and the token as password.
    using MqttPrincipal = std::variant<DevicePrincipal, Principal>;
    virtual Result<MqttPrincipal> check_mqtt(std::string_view username, std::string_view password,
                                             std::string_view from) = 0;
    // True if check_mqtt() would have to compute Argon2id: then call it on a pool.
    virtual bool mqtt_check_is_slow(std::string_view username, std::string_view password) const = 0;

    // Called when what was granted before ended (deleted, disabled, new role or credential): end its connections. The
    // argument is "user:…", "token:…", "device:uid", "session:csrf" or "*" for all of the tenant. On the thread that
    // changed it.
    virtual std::uint64_t on_revoked(std::function<void(TenantId, const std::string& who)> callback) = 0;
    virtual void forget(std::uint64_t subscription) = 0;

    // Once a minute from a pool: writes when sessions were last used and removes those that ended.
    virtual void tidy() = 0;
};

}  // namespace gongshu::registry
