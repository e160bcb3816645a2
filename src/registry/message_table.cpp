#include "registry/message_table.h"

#include "registry/registry_impl.h"

namespace gongshu::registry {
namespace {

std::int64_t as_cell(TenantId tenant) { return static_cast<std::int64_t>(tenant.value); }

}  // namespace

MessageTable::MessageTable(Registry& registry) : registry_(dynamic_cast<RegistryImpl&>(registry)) {}

Result<std::map<std::string, MessageCursor>> MessageTable::all(TenantId tenant) const {
    std::map<std::string, MessageCursor> out;
    TRY(registry_.database().read(
        {"select uid, done, trouble, sent, sent_at, sent_what, given_up from message_cursors where tenant = :a",
         {as_cell(tenant)}},
        [&](const Row& row) {
            out[row.text(0)] = {.done = static_cast<std::uint64_t>(row.integer(1)),
                                .trouble = row.integer(2),
                                .sent = static_cast<std::uint64_t>(row.integer(3)),
                                .sent_at = row.integer(4),
                                .sent_what = row.text(5),
                                .given_up = static_cast<std::uint64_t>(row.integer(6))};
        }));
    return out;
}

Result<void> MessageTable::store(TenantId tenant, const std::string& uid, const MessageCursor& cursor) {
    const auto integer = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    return registry_.database().change(
        {{"insert or replace into message_cursors (tenant, uid, done, trouble, sent, sent_at, sent_what, given_up) "
          "values (:a, :b, :c, :d, :e, :f, :g, :h)",
          {as_cell(tenant), uid, integer(cursor.done), cursor.trouble, integer(cursor.sent), cursor.sent_at,
           cursor.sent_what, integer(cursor.given_up)}}});
}

Result<void> MessageTable::forget(TenantId tenant, const std::string& uid) {
    return registry_.database().change(
        {{"delete from message_cursors where tenant = :a and uid = :b", {as_cell(tenant), uid}}});
}

}  // namespace gongshu::registry
