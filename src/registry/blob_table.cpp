#include "registry/blob_table.h"

#include <fmt/format.h>

#include "base/json_writer.h"
#include "registry/registry_impl.h"

namespace gongshu::registry {
namespace {

constexpr std::string_view kColumns =
    "tenant, id, sha256, bytes, type, name, who, time, owner_kind, owner_uid, owner_name, state, note, width, height, "
    "used, loose";

std::int64_t as_cell(TenantId tenant) { return static_cast<std::int64_t>(tenant.value); }

Statement put_row(const BlobRow& row) {
    const auto integer = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    return {fmt::format("insert or replace into blobs ({}) values (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, "
                        ":n, :o, :p, :q)",
                        kColumns),
            {as_cell(row.tenant), row.id, row.sha256, integer(row.bytes), row.type, row.name, row.who, row.time,
             row.owner_kind, row.owner_uid, row.owner_name, row.state, row.note, integer(row.width),
             integer(row.height), row.used, row.loose}};
}

}  // namespace

BlobTable::BlobTable(Registry& registry) : registry_(dynamic_cast<RegistryImpl&>(registry)) {}

Result<void> BlobTable::store(const Actor& actor, const BlobRow& row, std::string_view action,
                              std::string_view detail) {
    return registry_.database().change({put_row(row), registry_.audit_of(actor, action, "blob", row.id, detail)});
}

Result<void> BlobTable::mark(const BlobRow& row) {
    return registry_.database().change({{"update blobs set used = :a, loose = :b where tenant = :c and id = :d",
                                         {row.used, row.loose, as_cell(row.tenant), row.id}}});
}

Result<void> BlobTable::forget(const Actor& actor, const BlobRow& row, std::string_view action,
                               std::string_view detail) {
    return registry_.database().change(
        {{"delete from blobs where tenant = :a and id = :b", {as_cell(row.tenant), row.id}},
         registry_.audit_of(actor, action, "blob", row.id, detail)});
}

Result<BlobRow> BlobTable::get(TenantId tenant, std::string_view id) const {
    auto rows = TRY(read("tenant = :a and id = :b", {as_cell(tenant), std::string(id)}));
    if (rows.empty()) return Error{Code::not_found, "there is no file {}", id.substr(0, 60)};
    return std::move(rows.front());
}

Result<std::vector<BlobRow>> BlobTable::of_owner(TenantId tenant, std::string_view kind, std::string_view uid,
                                                 std::size_t rows_max) const {
    return read("tenant = :a and owner_kind = :b and owner_uid = :c and state <> 'removed' order by id limit :d",
                {as_cell(tenant), std::string(kind), std::string(uid), static_cast<std::int64_t>(rows_max)});
}

Result<std::vector<BlobRow>> BlobTable::page(TenantId tenant, std::string_view after_id, std::size_t rows_max) const {
    return read("tenant > :a or (tenant = :b and id > :c) order by tenant, id limit :d",
                {as_cell(tenant), as_cell(tenant), std::string(after_id), static_cast<std::int64_t>(rows_max)});
}

Result<bool> BlobTable::has_bytes(TenantId tenant, std::string_view sha256) const {
    bool found = false;
    TRY(registry_.database().read(
        {"select id from blobs where tenant = :a and sha256 = :b limit 1", {as_cell(tenant), std::string(sha256)}},
        [&](const Row&) { found = true; }));
    return found;
}

Result<std::map<TenantId, std::map<std::string, std::uint64_t>>> BlobTable::sizes() const {
    std::map<TenantId, std::map<std::string, std::uint64_t>> out;
    TRY(registry_.database().read({"select tenant, sha256, bytes from blobs", {}}, [&](const Row& row) {
        out[TenantId{static_cast<std::uint32_t>(row.integer(0))}][row.text(1)] =
            static_cast<std::uint64_t>(row.integer(2));
    }));
    return out;
}

Result<std::vector<BlobRow>> BlobTable::read(std::string_view where, std::vector<Cell> values) const {
    std::vector<BlobRow> out;
    TRY(registry_.database().read({fmt::format("select {} from blobs where {}", kColumns, where), std::move(values)},
                                  [&](const Row& row) {
                                      BlobRow& one = out.emplace_back();
                                      one.tenant = TenantId{static_cast<std::uint32_t>(row.integer(0))};
                                      one.id = row.text(1);
                                      one.sha256 = row.text(2);
                                      one.bytes = static_cast<std::uint64_t>(row.integer(3));
                                      one.type = row.text(4);
                                      one.name = row.text(5);
                                      one.who = row.text(6);
                                      one.time = row.integer(7);
                                      one.owner_kind = row.text(8);
                                      one.owner_uid = row.text(9);
                                      one.owner_name = row.text(10);
                                      one.state = row.text(11);
                                      one.note = row.text(12);
                                      one.width = static_cast<std::uint32_t>(row.integer(13));
                                      one.height = static_cast<std::uint32_t>(row.integer(14));
                                      one.used = row.integer(15);
                                      one.loose = row.integer(16);
                                  }));
    return out;
}

}  // namespace gongshu::registry
