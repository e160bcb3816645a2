#pragma once

#include <map>
#include <string>

#include "registry/database.h"
#include "registry/registry.h"

namespace gongshu::registry {

class RegistryImpl;

// How far a message hook has come through the steps of its tenant's cases.
struct MessageCursor {
    std::uint64_t done = 0;      // CaseMark::sequence up to which nothing is left to be told
    TimeNs trouble = 0;          // when the next message failed for the first time; 0 = it did not
    std::uint64_t sent = 0;      // messages that were taken
    TimeNs sent_at = 0;          // the last of them; 0 = none
    std::string sent_what;       // its id, "CA-12/3"
    std::uint64_t given_up = 0;  // messages that nobody took
};

// MessageTable keeps the cursors of message hooks by the uid of the hook.
// Lives:   after the registry is loaded; destroyed before it.
// Threads: any.
// Bounds:  one row a hook.
// Disk:    table message_cursors of registry.db; durable when a call returns.
class MessageTable {
public:
    explicit MessageTable(Registry& registry);

    Result<std::map<std::string, MessageCursor>> all(TenantId tenant) const;  // by uid
    Result<void> store(TenantId tenant, const std::string& uid, const MessageCursor& cursor);
    Result<void> forget(TenantId tenant, const std::string& uid);

private:
    RegistryImpl& registry_;
};

}  // namespace gongshu::registry
