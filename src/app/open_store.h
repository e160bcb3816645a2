#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "history/history.h"
#include "io/files.h"
#include "io/loop.h"
#include "registry/registry.h"

namespace gongshu::app {

// Code::limit, saying what to do, if the disk of the folder `data` is too full to begin on.
Result<void> check_room(io::Files& files, const std::string& data);

// OpenStore is a data folder opened by a command, with no doors, rules or links.
// Lives:   on the stack of a command; the folder is locked while it lives.
// Threads: made and ended by one; its lanes run in threads of their own.
// Bounds:  as the store's.
// Disk:    DATA/history and DATA/registry; seals what is in memory at the end.
class OpenStore {
public:
    // Code::unavailable if a server has the folder.
    static Result<std::unique_ptr<OpenStore>> open(const std::string& data, const std::string& key_folder);
    ~OpenStore();

    history::History& history() { return *history_; }
    registry::Registry& registry() { return *registry_; }
    Result<TenantId> tenant(const std::string& name) const;

private:
    OpenStore() = default;

    std::unique_ptr<Clock> clock_;
    std::unique_ptr<io::Files> files_;
    Metrics metrics_;
    std::unique_ptr<io::Loop> lane_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<registry::Registry> registry_;
    std::unique_ptr<history::History> history_;
    std::thread thread_;
};

}  // namespace gongshu::app
