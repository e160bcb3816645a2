#include "app/open_store.h"

#include "app/upgrade_log.h"
#include "broker/mapping.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"

namespace gongshu::app {
namespace {

constexpr std::uint64_t kStartBytes = 8'000'000;  // the first files of a run, with room for an answer to what is wrong

}  // namespace

Result<void> check_room(io::Files& files, const std::string& data) {
    const io::DiskSpace space = TRY(files.space(data));
    if (space.free_bytes >= kStartBytes) return {};
    return Error{
        Code::limit,
        "the disk of {} has {:.1f} MB free, and {} MB are needed to start; make room on it (old backups, other "
        "files), then start again: nothing that was stored is lost",
        data, static_cast<double>(space.free_bytes) / 1e6, kStartBytes / 1'000'000};
}

Result<std::unique_ptr<OpenStore>> OpenStore::open(const std::string& data, const std::string& key_folder) {
    std::unique_ptr<OpenStore> store(new OpenStore);
    store->clock_ = io::make_system_clock();
    store->files_ = io::make_posix_files();
    io::Files& files = *store->files_;
    TRY(files.make_folder(data));
    make_room(files, *store->clock_, data);
    TRY(check_room(files, data));
    TRY(files.make_folder(key_folder, 0700));
    store->lane_ = io::make_epoll_loop(*store->clock_);
    store->pool_ = io::make_thread_pool(2, 10'000);
    TRY(begin_upgrade(files, *store->clock_, data));
    store->registry_ = TRY(
        registry::Registry::create(files, *store->clock_, {.folder = data + "/registry", .key_folder = key_folder}));
    store->registry_->add_kind(flow::rule_kind());
    store->registry_->add_kind(broker::mapping_kind());
    store->registry_->add_kind(flow::virtual_tag_kind());
    TRY(store->registry_->load());
    // Whoever imports from the machine itself may make as many tags as the files have.
    store->history_ = TRY(history::History::create(
        files, *store->clock_, store->metrics_, {store->lane_.get()}, *store->pool_,
        {.folder = data + "/history", .retention_days = 36'500, .new_tags_per_minute = 100'000'000}));
    store->thread_ = std::thread([lane = store->lane_.get()] { lane->run(); });
    return store;
}

OpenStore::~OpenStore() {
    if (history_) history_->stop();
    if (lane_) lane_->stop();
    if (thread_.joinable()) thread_.join();
    history_.reset();
    pool_.reset();
}

Result<TenantId> OpenStore::tenant(const std::string& name) const {
    if (const auto found = registry_->tenant_id(name)) return *found;
    return Error{Code::not_found, "there is no tenant '{}' in this data folder", name};
}

}  // namespace gongshu::app
