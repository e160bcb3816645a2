#include "registry/auth_tables.h"

namespace gongshu::registry {

namespace {

TenantId tenant_of(const Row& row, std::size_t column) {
    return TenantId{static_cast<std::uint32_t>(row.integer(column))};
}

}  // namespace

Result<AuthTables> load_auth_tables(Database& database) {
    AuthTables out;
    TRY(database.read({"select hmac, tenant, uid, csrf, created, used from auth_sessions", {}}, [&](const Row& row) {
        out.sessions[row.text(0)] = {
            {tenant_of(row, 1), row.text(2)}, row.text(3), row.integer(4), row.integer(5), row.integer(5)};
    }));
    TRY(database.read({"select uid, tenant, hash, must_change from auth_passwords", {}}, [&](const Row& row) {
        const std::int64_t must_change = row.integer(3);
        out.passwords[row.text(0)] = {{tenant_of(row, 1), row.text(0)},
                                      row.text(2),
                                      must_change == 0   ? MustChange::no
                                      : must_change == 1 ? MustChange::first
                                                         : MustChange::other};
    }));
    TRY(database.read({"select hmac, tenant, uid from auth_tokens", {}},
                      [&](const Row& row) { out.tokens[row.text(0)] = {tenant_of(row, 1), row.text(2)}; }));
    TRY(database.read({"select hmac, tenant, uid from auth_devices", {}},
                      [&](const Row& row) { out.devices[row.text(0)] = {tenant_of(row, 1), row.text(2)}; }));
    TRY(database.read({"select hmac, tenant, uid, expires from auth_one_time", {}}, [&](const Row& row) {
        out.one_time[row.text(0)] = {{tenant_of(row, 1), row.text(2)}, row.integer(3)};
    }));
    TRY(database.read({"select uid, tenant, sealed from auth_scram", {}}, [&](const Row& row) {
        out.scram.push_back({{tenant_of(row, 1), row.text(0)}, row.text(2)});
    }));
    return out;
}

std::vector<Statement> forget_owner(const std::string& uid) {
    std::vector<Statement> out;
    for (const char* table : {"auth_passwords", "auth_sessions", "auth_tokens", "auth_devices", "auth_one_time",
                              "auth_scram"}) {
        out.push_back({fmt::format("delete from {} where uid = :a", table), {uid}});
    }
    return out;
}

}  // namespace gongshu::registry
