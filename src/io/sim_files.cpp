#include <algorithm>
#include <limits>
#include <map>
#include <mutex>

#include "base/assert.h"
#include "io/brief.h"
#include "io/detail/os_error.h"
#include "io/detail/paths.h"
#include "io/sim.h"

namespace gongshu::io {

namespace {

using detail::os_error;

constexpr std::uint64_t kSector = 512;  // what a disk writes whole or not at all
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

// A file or a folder: what programs see now, and what would be there after a power cut.
struct Node {
    bool is_folder = false;
    bool locked = false;

    Buffer now;
    Buffer durable;
    std::vector<Range> dirty;  // written since the last sync, in order

    using Names = std::map<std::string, std::shared_ptr<Node>, std::less<>>;
    Names names;
    Names durable_names;

    void write(std::uint64_t offset, Bytes bytes) {
        if (bytes.empty()) return;
        const auto end = offset + bytes.size();
        const auto begin = std::min<std::uint64_t>(offset, now.size());  // a gap reads as zeros and is written, too
        if (now.size() < end) now.resize(end);
        std::copy(bytes.begin(), bytes.end(), now.begin() + static_cast<std::ptrdiff_t>(offset));
        mark(begin, end);
    }

    void truncate(std::uint64_t bytes) {
        const auto before = now.size();
        now.resize(bytes);
        if (bytes > before) mark(before, bytes);
    }

    void mark(std::uint64_t begin, std::uint64_t end) {
        if (!dirty.empty() && dirty.back().end == begin) {
            dirty.back().end = end;
        } else {
            dirty.push_back({begin, end});
        }
    }

    void sync() {
        durable.resize(now.size());
        for (const auto& range : dirty) copy(durable, range.begin, range.end);
        dirty.clear();
    }

    std::uint64_t names_of(const Node& node) const {
        std::uint64_t count = 0;
        for (const auto& [name, one] : names) count += (one.get() == &node ? 1 : 0) + one->names_of(node);
        return count;
    }

    // As Linux does it: the pages count as clean after the error, so that a later sync does not bring them to the disk.
    void fail_sync() { dirty.clear(); }

    void crash(Rng* torn, bool names_survive) {
        locked = false;
        if (names_survive) durable_names = names;
        names = durable_names;
        for (auto& [name, node] : names) node->crash(torn, names_survive);
        if (torn != nullptr) tear(*torn);
        dirty.clear();
        now = durable;
    }

    // Some of what was not synced did reach the disk: any of the overwritten sectors, and a first part of the tail,
    // whose last sector may be there in length only (zeros).
    void tear(Rng& rng) {
        if (is_folder) return;
        const std::uint64_t synced = durable.size();
        if (now.size() < synced && rng.chance(0.5)) durable.resize(now.size());
        if (now.size() > synced) durable.resize(synced + rng.below(now.size() - synced + 1));
        const auto tail =
            durable.size() > synced && rng.chance(0.25) ? (durable.size() - 1) / kSector * kSector : kUnlimited;
        for (const auto& range : dirty) {
            for (auto at = range.begin; at < range.end;) {
                const auto next = std::min(range.end, (at / kSector + 1) * kSector);
                const bool kept = at >= synced ? at < tail : rng.chance(0.5);
                if (kept) copy(durable, at, next);
                at = next;
            }
        }
    }

    void copy(Buffer& to, std::uint64_t begin, std::uint64_t end) const {
        end = std::min<std::uint64_t>({end, now.size(), to.size()});
        if (begin >= end) return;
        std::copy(now.begin() + static_cast<std::ptrdiff_t>(begin), now.begin() + static_cast<std::ptrdiff_t>(end),
                  to.begin() + static_cast<std::ptrdiff_t>(begin));
    }
};

std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto part = path.substr(begin, end - begin);
        if (!part.empty() && part != ".") parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

}  // namespace

class SimFiles::Impl {
public:
    Impl() { root->is_folder = true; }

    // Counts the operation; true if it is the one that has to fail.
    bool fails() {
        ++operations;
        if (fail_in <= 0 || --fail_in > 0) return false;
        fired = true;
        return true;
    }

    std::shared_ptr<Node> find(const std::string& path) const {
        auto node = root;
        for (const auto& part : split(path)) {
            const auto found = node->names.find(part);
            if (found == node->names.end()) return nullptr;
            node = found->second;
        }
        return node;
    }

    std::shared_ptr<Node> folder_of(const std::string& path) const {
        const auto node = find(detail::parent_of(path));
        return node && node->is_folder ? node : nullptr;
    }

    // How many of `bytes` still fit; they are taken.
    std::uint64_t take_space(std::uint64_t bytes) {
        const auto taken = std::min(bytes, free_bytes);
        if (free_bytes != kUnlimited) free_bytes -= taken;
        return taken;
    }

    std::mutex mutex;
    std::shared_ptr<Node> root = std::make_shared<Node>();
    std::uint64_t free_bytes = kUnlimited;
    int operations = 0;
    int fail_in = 0;
    bool fired = false;
    bool links = true, exchanges = true;
    std::uint64_t life = 0;  // crashes so far
};

// Lives:   a handle; it outlives SimFiles and crash(), but is of no use after the latter.
// Threads: any; one lock for the whole disk.
// Bounds:  memory.
// Disk:    none.
class SimFile final : public File {
public:
    using Disk = std::shared_ptr<SimFiles::Impl>;
    SimFile(Disk disk, std::shared_ptr<Node> node, std::string path, bool writable, bool lock = false)
        : disk_(std::move(disk)),
          node_(std::move(node)),
          path_(std::move(path)),
          life_(disk_->life),
          writable_(writable),
          lock_(lock) {}
    SimFile(const SimFile&) = delete;
    SimFile& operator=(const SimFile&) = delete;
    ~SimFile() override {
        const std::lock_guard held(disk_->mutex);
        if (lock_ && life_ == disk_->life) node_->locked = false;
    }

    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        TRY(Brief::spend(into.size()));
        const std::lock_guard held(disk_->mutex);
        TRY(check("read"));
        const auto end = node_->now.size();
        if (offset > end || into.size() > end - offset) {
            return Error{Code::corrupt, "{} ends at byte {}, {} bytes were expected at byte {}",
                         path_,         end,
                         into.size(),   offset};
        }
        std::copy_n(node_->now.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
        return {};
    }

    Result<void> append(Bytes bytes) override {
        const std::lock_guard held(disk_->mutex);
        return write(node_->now.size(), bytes);
    }

    Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
        const std::lock_guard held(disk_->mutex);
        return write(offset, bytes);
    }

    Result<void> sync() override {
        const std::lock_guard held(disk_->mutex);
        if (auto checked = check("sync"); !checked) {
            if (life_ == disk_->life) node_->fail_sync();
            return checked;
        }
        node_->sync();
        return {};
    }

    Result<void> truncate(std::uint64_t bytes) override {
        const std::lock_guard held(disk_->mutex);
        TRY(check("truncate"));
        if (!writable_) return os_error(EBADF, "cannot truncate {} to {} bytes", path_, bytes);
        node_->truncate(bytes);
        return {};
    }

    Result<std::uint64_t> size() const override {
        const std::lock_guard held(disk_->mutex);
        TRY(check("tell the size of"));
        return node_->now.size();
    }

private:
    Result<void> check(const char* what) const {
        const bool fails = disk_->fails();
        if (fails || life_ != disk_->life) return os_error(EIO, "cannot {} {}", what, path_);
        return {};
    }

    // A write that fails leaves a first part of itself behind, as it may on a disk.
    Result<void> write(std::uint64_t offset, Bytes bytes) {
        if (auto checked = check("write"); !checked) {
            if (life_ == disk_->life && writable_) node_->write(offset, bytes.first(bytes.size() / 2));
            return checked;
        }
        if (!writable_) return os_error(EBADF, "cannot write {} at byte {}", path_, offset);
        const auto fits = disk_->take_space(bytes.size());
        node_->write(offset, bytes.first(fits));
        if (fits < bytes.size()) return os_error(ENOSPC, "cannot write {} at byte {}", path_, offset + fits);
        return {};
    }

    const Disk disk_;
    const std::shared_ptr<Node> node_;
    const std::string path_;
    const std::uint64_t life_;
    const bool writable_;
    const bool lock_;
};

SimFiles::SimFiles() : impl_(std::make_shared<Impl>()) {}
SimFiles::~SimFiles() = default;

void SimFiles::fail_nth(int operation) {
    const std::lock_guard held(impl_->mutex);
    impl_->fail_in = operation;
    impl_->fired = false;
}

bool SimFiles::fault_fired() const {
    const std::lock_guard held(impl_->mutex);
    return impl_->fired;
}

void SimFiles::set_free_bytes(std::uint64_t bytes) {
    const std::lock_guard held(impl_->mutex);
    impl_->free_bytes = bytes;
}

void SimFiles::crash(Rng* torn) {
    const std::lock_guard held(impl_->mutex);
    ++impl_->life;
    // The journal of a file system brings all names of one moment or none, never a rename by half.
    const bool names_survive = torn != nullptr && torn->chance(0.5);
    impl_->root->crash(torn, names_survive);
}

int SimFiles::operations() const {
    const std::lock_guard held(impl_->mutex);
    return impl_->operations;
}

void SimFiles::corrupt(const std::string& path, std::uint64_t offset) {
    const std::lock_guard held(impl_->mutex);
    const auto node = impl_->find(path);
    ASSERT(node && offset < node->now.size());
    node->now[offset] ^= 0xff;
    if (offset < node->durable.size()) node->durable[offset] ^= 0xff;
}

Result<std::unique_ptr<File>> SimFiles::open(const std::string& path, Open how) {
    TRY(Brief::refuse());
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot open {}", path);
    auto node = impl_->find(path);
    if (node && node->is_folder) return os_error(EISDIR, "cannot open {}", path);
    if (node && how == Open::create_new) return os_error(EEXIST, "cannot open {}", path);
    if (!node) {
        const auto folder = impl_->folder_of(path);
        if (how == Open::read || !folder) return os_error(ENOENT, "cannot open {}", path);
        node = std::make_shared<Node>();
        folder->names[split(path).back()] = node;
    }
    return std::make_unique<SimFile>(impl_, std::move(node), path, how != Open::read);
}

Result<void> SimFiles::rename(const std::string& from, const std::string& to) {
    const std::lock_guard held(impl_->mutex);
    const auto fail = [&](int number) -> Result<void> { return os_error(number, "cannot rename {} to {}", from, to); };
    if (impl_->fails()) return fail(EIO);
    const auto node = impl_->find(from);
    const auto to_folder = impl_->folder_of(to);
    if (!node || node == impl_->root || !to_folder) return fail(ENOENT);
    if (const auto old = impl_->find(to); old && old != node) {
        if (old->is_folder && !node->is_folder) return fail(EISDIR);
        if (!old->is_folder && node->is_folder) return fail(ENOTDIR);
        if (!old->names.empty()) return fail(ENOTEMPTY);
    }
    impl_->folder_of(from)->names.erase(split(from).back());
    to_folder->names[split(to).back()] = node;
    return {};
}

Result<void> SimFiles::remove(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot remove {}", path);
    const auto node = impl_->find(path);
    if (!node || node == impl_->root) return os_error(ENOENT, "cannot remove {}", path);
    if (!node->names.empty()) return os_error(ENOTEMPTY, "cannot remove {}", path);
    impl_->folder_of(path)->names.erase(split(path).back());
    return {};
}

Result<bool> SimFiles::exists(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot look for {}", path);
    return impl_->find(path) != nullptr;
}

Result<std::vector<std::string>> SimFiles::list(const std::string& folder) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot list {}", folder);
    const auto node = impl_->find(folder);
    if (!node) return os_error(ENOENT, "cannot list {}", folder);
    if (!node->is_folder) return os_error(ENOTDIR, "cannot list {}", folder);
    std::vector<std::string> names;
    for (const auto& [name, child] : node->names) names.push_back(name);
    return names;
}

Result<void> SimFiles::make_folder(const std::string& path, unsigned) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot make the folder {}", path);
    auto node = impl_->root;
    for (const auto& part : split(path)) {
        auto& child = node->names[part];
        if (!child) {
            child = std::make_shared<Node>();
            child->is_folder = true;
        }
        if (!child->is_folder) return os_error(EEXIST, "cannot make the folder {}", path);
        node->durable_names[part] = child;  // as the real one, which syncs what it makes
        node = child;
    }
    return {};
}

Result<void> SimFiles::sync_folder(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot sync the folder {}", path);
    const auto node = impl_->find(path);
    if (!node) return os_error(ENOENT, "cannot sync the folder {}", path);
    if (!node->is_folder) return os_error(ENOTDIR, "cannot sync the folder {}", path);
    node->durable_names = node->names;
    return {};
}

Result<DiskSpace> SimFiles::space(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot tell the free space of {}", path);
    if (!impl_->find(path)) return os_error(ENOENT, "cannot tell the free space of {}", path);
    constexpr std::uint64_t kTotal = 1ull << 40;
    return DiskSpace{std::min(impl_->free_bytes, kTotal), kTotal};
}

Result<std::unique_ptr<File>> SimFiles::lock_folder(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot lock the folder {}", path);
    const auto folder = impl_->find(path);
    if (!folder || !folder->is_folder) return os_error(ENOENT, "cannot lock the folder {}", path);
    auto& node = folder->names[detail::kLockName];
    if (!node) node = std::make_shared<Node>();
    if (node->locked) {
        return Error{Code::unavailable, "the folder {} is in use by process {}; stop it or name another folder", path,
                     1};
    }
    node->locked = true;
    return std::make_unique<SimFile>(impl_, node, path + "/" + detail::kLockName, true, true);
}

Result<void> SimFiles::set_mode(const std::string& path, unsigned mode) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot set the mode of {} to {:o}", path, mode);
    if (!impl_->find(path)) return os_error(ENOENT, "cannot set the mode of {} to {:o}", path, mode);
    return {};
}

Result<void> SimFiles::link(const std::string& from, const std::string& to) {
    const std::lock_guard held(impl_->mutex);
    const auto fail = [&](int number) -> Result<void> { return os_error(number, "cannot link {} as {}", from, to); };
    if (impl_->fails()) return fail(EIO);
    if (!impl_->links) return Files::link(from, to);
    const auto node = impl_->find(from);
    const auto to_folder = impl_->folder_of(to);
    if (!node || !to_folder) return fail(ENOENT);
    if (node->is_folder) return Files::link(from, to);
    if (impl_->find(to)) return fail(EEXIST);
    to_folder->names[split(to).back()] = node;
    return {};
}

Result<void> SimFiles::exchange(const std::string& one, const std::string& other) {
    const std::lock_guard held(impl_->mutex);
    const auto fail = [&](int number) -> Result<void> {
        return os_error(number, "cannot exchange {} and {}", one, other);
    };
    if (impl_->fails()) return fail(EIO);
    if (!impl_->exchanges) return Files::exchange(one, other);
    const auto node = impl_->find(one), with = impl_->find(other);
    if (!node || !with || node == impl_->root || with == impl_->root) return fail(ENOENT);
    impl_->folder_of(one)->names[split(one).back()] = with;
    impl_->folder_of(other)->names[split(other).back()] = node;
    return {};
}

Result<std::uint64_t> SimFiles::names_of(const std::string& path) {
    const std::lock_guard held(impl_->mutex);
    if (impl_->fails()) return os_error(EIO, "cannot look for {}", path);
    const auto node = impl_->find(path);
    if (!node) return os_error(ENOENT, "cannot look for {}", path);
    return impl_->root->names_of(*node);
}

void SimFiles::forbid_links() {
    const std::lock_guard held(impl_->mutex);
    impl_->links = false;
}

void SimFiles::forbid_exchange() {
    const std::lock_guard held(impl_->mutex);
    impl_->exchanges = false;
}

}  // namespace gongshu::io
