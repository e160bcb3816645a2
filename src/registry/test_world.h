#pragma once

// What the tests of this folder share: a registry over simulated files and a clock that stands still.

#include <memory>
#include <string>

#include "base/clock.h"
#include "io/sim.h"
#include "registry/auth.h"
#include "registry/kinds/connection.h"
#include "registry/registry.h"

namespace gongshu::registry::test {

inline const RegistryOptions kOptions{.folder = "/data/registry", .key_folder = "/keys"};

inline Json json(std::string_view text) {
    auto parsed = parse_json(text);
    if (!parsed) throw std::runtime_error(parsed.error().text() + " in " + std::string(text));
    return *parsed;
}

// Every byte of every file that the registry keeps.
inline std::string all_bytes(io::SimFiles& files, const std::string& folder) {
    std::string out;
    const auto names = files.list(folder);
    if (!names) return out;
    for (const std::string& name : *names) {
        const auto bytes = io::read_whole(files, folder + "/" + name, 64 << 20);
        if (bytes) out += as_text(*bytes);
    }
    return out;
}

// A kind with secrets, because none of the first ones has any.
Kind webhook_kind();

struct World {
    io::SimFiles own_files;
    io::SimFiles& files = own_files;
    SimClock clock;
    std::unique_ptr<Registry> registry;
    std::unique_ptr<Auth> auth;
    Actor admin{TenantId{1}, "default", "user:admin", Role::admin, "127.0.0.1"};

    // Opens, or closes and opens again, as a restart does.
    Result<void> open(const RegistryOptions& options = kOptions, bool with_auth = false,
                      AuthOptions auth_options = {}) {
        close();
        registry = TRY(Registry::create(files, clock, options));
        registry->add_kind(webhook_kind());
        TRY(registry->load());
        if (!with_auth) return {};
        auth_options.argon2_memory_kib = 64;
        auth_options.argon2_passes = 1;
        auth = TRY(Auth::create(*registry, clock, auth_options));
        return {};
    }
    void close() {
        auth.reset();
        registry.reset();
    }
    Actor actor(TenantId tenant, Role role) const {
        return {tenant, registry->tenant_name(tenant), "user:test", role, "127.0.0.1"};
    }
    Result<Change> put(const char* kind, const char* name, const char* spec) {
        return registry->put(admin, kind, name, json(spec));
    }
};

}  // namespace gongshu::registry::test
