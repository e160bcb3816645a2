#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "registry/registry_impl.h"

namespace gongshu::registry {

// Whose a secret is: a user, a token or a device by its uid.
struct Owner {
    TenantId tenant;
    std::string uid;
    friend auto operator<=>(const Owner&, const Owner&) = default;
};

struct StoredSession {
    Owner owner;
    std::string csrf;
    TimeNs created = 0, used = 0, used_stored = 0;
};

// Who should change a password, as it is stored. `first`: made by the program at the very first start, so nobody but
// who started it knows it; scripts may go on with it. `other`: given by an administrator.
enum class MustChange : std::uint8_t { no = 0, first = 1, other = 2 };

struct StoredPassword {
    Owner owner;
    std::string hash;
    MustChange must_change = MustChange::no;
};

struct StoredOneTime {
    Owner owner;
    TimeNs expires = 0;
};

// What proves a token by SCRAM, as it is stored.
struct StoredScram {
    Owner owner;
    std::string sealed;  // base64
};

// The auth_* tables in memory, by the HMAC of the secret (hexadecimal). Passwords by uid.
struct AuthTables {
    std::unordered_map<std::string, StoredSession> sessions;
    std::unordered_map<std::string, StoredPassword> passwords;
    std::unordered_map<std::string, Owner> tokens, devices;
    std::unordered_map<std::string, StoredOneTime> one_time;
    std::vector<StoredScram> scram;
};

Result<AuthTables> load_auth_tables(Database& database);

// Everything that one owner has, gone: for a deleted user, token or device.
std::vector<Statement> forget_owner(const std::string& uid);

}  // namespace gongshu::registry
