#include "history/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <tuple>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/log.h"
#include "history/codec.h"

namespace gongshu::history {
namespace {

// See docs/format/log.md.
constexpr std::string_view kFileMagic = "gslog00\n";
constexpr std::size_t kFileHeaderBytes = kLogHeaderBytes;  // magic, first group, crc
constexpr std::uint32_t kGroupMagic = 0x50524753;  // "SGRP"
constexpr std::size_t kGroupHeaderBytes = kLogGroupHeaderBytes;  // magic, crc, number, length
constexpr std::uint64_t kLogFileBytesMax = std::uint64_t{4} << 30;
constexpr std::size_t kKickBytes = 1 << 20;  // that much is written even if nobody waits for it

// The checksum covers number, length and records, and begins with the group's place in its file, so that bytes which
// look like a group but lie elsewhere (in a text value, say) are not taken for one.
std::uint32_t group_crc(Bytes number_and_rest, std::uint64_t offset) {
    return crc32c(number_and_rest, static_cast<std::uint32_t>(offset * 2654435761u));
}

struct Group {
    std::uint64_t number = 0;
    Bytes records;
};

// The group at `offset`; nullopt if there is no good one.
std::optional<Group> group_at(Bytes file, std::uint64_t offset) {
    if (file.size() - offset < kGroupHeaderBytes) return std::nullopt;
    Decoder in{file.subspan(offset)};
    if (in.u32() != kGroupMagic) return std::nullopt;
    const std::uint32_t crc = in.u32();
    Group group;
    group.number = in.u64();
    const std::uint32_t length = in.u32();
    group.records = in.bytes(length);
    if (in.failed() || group_crc(file.subspan(offset + 8, 12 + length), offset) != crc) return std::nullopt;
    return group;
}

bool good_group_after(Bytes file, std::uint64_t offset) {
    for (; offset + kGroupHeaderBytes <= file.size(); ++offset)
        if (file[offset] == (kGroupMagic & 0xff) && group_at(file, offset)) return true;
    return false;
}

Result<void> read_group(const Group& group, const std::string& path, std::uint64_t offset,
                        const std::function<Result<void>(Record)>& apply) {
    Decoder in{group.records};
    while (in.left() > 0) {
        const std::uint8_t kind = in.u8();
        const std::uint64_t length = in.varint();
        const Bytes payload = in.bytes(length);
        if (in.failed())
            return Error{Code::corrupt, "{}: a record of the group at {} is longer than its group", path, offset};
        auto record = decode_record(kind, payload).context("{}: group at {}", path, offset);
        if (!record) return std::move(record).error();
        TRY(apply(std::move(*record)).context("{}: group at {}", path, offset));
    }
    return {};
}

}  // namespace

std::string log_file_name(std::uint64_t number) { return fmt::format("{:016x}.log", number); }

std::optional<std::uint64_t> log_file_number(std::string_view name) {
    if (name.size() != 20 || name.substr(16) != ".log") return std::nullopt;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + 16, number, 16);
    if (error != std::errc{} || end != name.data() + 16) return std::nullopt;
    return number;
}

Log::Log(io::Files& files, std::string folder, io::Pool& pool, Metrics& metrics)
    : files_(files),
      folder_(std::move(folder)),
      pool_(pool),
      groups_counter_(metrics.counter("gongshu_history_log_groups_total", "Groups of records written and synced")),
      bytes_counter_(metrics.counter("gongshu_history_log_bytes_total", "Bytes written to the log")),
      buffer_(kGroupHeaderBytes) {}

Result<std::unique_ptr<io::File>> Log::make_file(std::uint64_t number, std::uint64_t group) {
    const std::string path = folder_ + "/" + log_file_name(number);
    auto file = TRY(files_.open(path, io::Open::create_new));
    Buffer header;
    Encoder out{header};
    out.bytes(as_bytes(kFileMagic));
    out.u64(group);
    out.u32(crc32c(header));
    TRY(file->append(header));
    TRY(file->sync());
    TRY(files_.sync_folder(folder_));
    return file;
}

Result<void> Log::start(std::uint64_t file_number, std::uint64_t group) {
    const std::lock_guard disk{disk_mutex_};
    file_ = TRY(make_file(file_number, group));
    file_number_ = file_number;
    next_file_number_ = file_number + 1;
    next_group_ = group;
    next_synced_group_.store(group, std::memory_order_release);
    file_bytes_ = kFileHeaderBytes;
    bytes_ += kFileHeaderBytes;
    return {};
}

Result<std::uint64_t> Log::append(RecordKind kind, Bytes payload) {
    std::uint8_t head[1 + kVarintBytesMax];
    head[0] = static_cast<std::uint8_t>(kind);
    const auto head_bytes = static_cast<std::size_t>(write_varint(head + 1, payload.size()) - head);
    std::uint64_t position = 0;
    bool kick = false;
    {
        const std::lock_guard state{state_mutex_};
        if (broken_) return *broken_;
        if (buffer_.size() + head_bytes + payload.size() > kBufferBytesMax)
            return Error{Code::limit,
                         "the log has {} MiB that are not on disk yet: the disk is slower than what comes in; send "
                         "less or later",
                         buffer_.size() >> 20};
        buffer_.insert(buffer_.end(), head, head + head_bytes);
        buffer_.insert(buffer_.end(), payload.begin(), payload.end());
        position = position_ += head_bytes + payload.size();
        appended_.fetch_add(head_bytes + payload.size(), std::memory_order_relaxed);
        kick = buffer_.size() > kKickBytes && !sync_under_way_;
    }
    if (kick) (void)start_sync();
    return position;
}

std::pair<std::uint64_t, std::uint64_t> Log::behind() const {
    const std::lock_guard state{state_mutex_};
    return {position_ - synced_, waiters_.size()};
}

void Log::when_synced(std::uint64_t position, io::Loop& loop, std::function<void(const Result<void>&)> then) {
    std::optional<Result<void>> already;
    {
        const std::lock_guard state{state_mutex_};
        if (synced_ >= position)
            already = Result<void>{};
        else if (broken_)
            already = Result<void>{*broken_};
        else
            waiters_.push_back({position, &loop, std::move(then)});
    }
    if (already) return loop.post([then = std::move(then), result = *already] { then(result); });
    if (!start_sync()) retry_sync(loop);
}

// The pool was full: tries again from a loop, where there are timers, until somebody syncs.
void Log::retry_sync(io::Loop& loop) {
    loop.post([weak = weak_from_this(), &loop] {
        loop.after(kMillisecond, [weak, &loop] {
            if (const auto log = weak.lock(); log && !log->start_sync()) log->retry_sync(loop);
        });
    });
}

bool Log::start_sync() {
    {
        const std::lock_guard state{state_mutex_};
        if (sync_under_way_ || broken_ || (waiters_.empty() && synced_ == position_)) return true;
        sync_under_way_ = true;
    }
    if (pool_.submit([log = shared_from_this()] { log->sync_until_idle(); })) return true;
    const std::lock_guard state{state_mutex_};
    sync_under_way_ = false;
    return false;
}

void Log::sync_until_idle() {
    for (;;) {
        (void)flush();  // a failure is remembered in broken_ and told to those who wait
        const std::lock_guard state{state_mutex_};
        if (!waiters_.empty() && !broken_) continue;
        sync_under_way_ = false;
        return;
    }
}

Result<void> Log::flush() {
    const std::lock_guard disk{disk_mutex_};
    return flush_locked();
}

Result<void> Log::flush_locked() {
    std::uint64_t position = 0;
    Buffer group = std::move(spare_);
    group.assign(kGroupHeaderBytes, 0);
    {
        const std::lock_guard state{state_mutex_};
        if (broken_) return *broken_;
        position = position_;
        std::swap(group, buffer_);
    }
    Result<void> result;
    if (group.size() > kGroupHeaderBytes) {
        const auto length = static_cast<std::uint32_t>(group.size() - kGroupHeaderBytes);
        std::memcpy(group.data(), &kGroupMagic, 4);
        std::memcpy(group.data() + 8, &next_group_, 8);
        std::memcpy(group.data() + 16, &length, 4);
        const std::uint32_t crc = group_crc(Bytes(group).subspan(8), file_bytes_);
        std::memcpy(group.data() + 4, &crc, 4);
        ++next_group_;
        result = file_->append(group);
        if (result)
            result = file_->sync();
        else  // Half a group is of no use to anybody and looks like damage; nothing is written behind it any more.
            std::ignore = file_->truncate(file_bytes_);
        if (result) next_synced_group_.store(next_group_, std::memory_order_release);
        file_bytes_ += group.size();
        bytes_ += group.size();
        groups_counter_.add();
        bytes_counter_.add(group.size());
    }
    spare_ = std::move(group);
    if (!result) {
        const std::string path = folder_ + "/" + log_file_name(file_number_);
        result = Error{Code::unavailable, "store is read-only: writing {} failed ({}); see to the disk, then restart",
                       path, result.error().text()};
        log_error("history", "{}", result.error().text());
    }
    finish_waiters(result, position);
    return result;
}

void Log::finish_waiters(const Result<void>& result, std::uint64_t position) {
    std::vector<Waiter> finished;
    {
        const std::lock_guard state{state_mutex_};
        if (result) {
            synced_ = position;
        } else if (!broken_) {
            broken_ = result.error();
            is_broken_.store(true, std::memory_order_release);
        }
        const auto keep = [&](const Waiter& waiter) { return result.has_value() && waiter.position > position; };
        const auto kept = std::stable_partition(waiters_.begin(), waiters_.end(), keep);
        finished.assign(std::make_move_iterator(kept), std::make_move_iterator(waiters_.end()));
        waiters_.erase(kept, waiters_.end());
    }
    // One post a loop, not one a waiter.
    std::stable_sort(finished.begin(), finished.end(),
                     [](const Waiter& a, const Waiter& b) { return std::less<>{}(a.loop, b.loop); });
    for (std::size_t i = 0; i < finished.size();) {
        std::size_t next = i;
        while (next < finished.size() && finished[next].loop == finished[i].loop) ++next;
        io::Loop* loop = finished[i].loop;
        auto batch = std::make_shared<std::vector<Waiter>>(
            std::make_move_iterator(finished.begin() + static_cast<std::ptrdiff_t>(i)),
            std::make_move_iterator(finished.begin() + static_cast<std::ptrdiff_t>(next)));
        loop->post([batch, result] {
            for (const Waiter& waiter : *batch) waiter.then(result);
        });
        i = next;
    }
}

Result<std::uint64_t> Log::rotate() {
    const std::lock_guard disk{disk_mutex_};
    const std::uint64_t before = appended_.load(std::memory_order_relaxed);
    TRY(flush_locked());
    // The number is used up even if this fails: a file of that name may be there.
    const std::uint64_t number = next_file_number_++;
    auto file = TRY(make_file(number, next_group_).context("cannot begin log file {}", number));
    file_ = std::move(file);
    file_number_ = number;
    file_bytes_ = kFileHeaderBytes;
    bytes_ += kFileHeaderBytes;
    unsealed_from_.store(before, std::memory_order_relaxed);
    return number;
}

void Log::close(const Error& why) {
    {
        const std::lock_guard state{state_mutex_};
        if (broken_) return;
        broken_ = why;
        is_broken_.store(true, std::memory_order_release);
    }
    finish_waiters(Result<void>{why}, 0);
}

void Log::release() {
    const std::lock_guard disk{disk_mutex_};
    file_.reset();
}

std::optional<Error> Log::broken() const {
    const std::lock_guard state{state_mutex_};
    return broken_;
}

Result<LogFile> read_log_file(Bytes file, const std::string& path, const std::function<Result<void>(Record)>& apply) {
    LogFile found;
    const bool header = file.size() >= kFileHeaderBytes && as_text(file.first(8)) == kFileMagic;
    std::uint32_t crc = 0;
    if (header) {
        std::memcpy(&found.first_group, file.data() + 8, 8);
        std::memcpy(&crc, file.data() + 16, 4);
    }
    if (!header || crc32c(file.first(16)) != crc) {
        found.problem = "the header is not that of a log file";
        found.good_group_follows = good_group_after(file, 0);
        return found;
    }
    found.next_group = found.first_group;
    found.good_bytes = kFileHeaderBytes;
    while (found.good_bytes < file.size()) {
        const auto group = group_at(file, found.good_bytes);
        if (!group) {
            found.problem = "no good group here";
            found.good_group_follows = good_group_after(file, found.good_bytes + 1);
            return found;
        }
        if (group->number != found.next_group)
            return Error{Code::corrupt,   "{}: group {} at {}, expected {}", path, group->number, found.good_bytes,
                         found.next_group};
        TRY(read_group(*group, path, found.good_bytes, apply));
        ++found.next_group;
        found.good_bytes += kGroupHeaderBytes + group->records.size();
    }
    return found;
}

Result<std::optional<std::uint64_t>> first_group_of(io::Files& files, const std::string& path) {
    const auto file = TRY(files.open(path, io::Open::read));
    if (TRY(file->size()) <= kFileHeaderBytes) return std::optional<std::uint64_t>{};
    Buffer header(kFileHeaderBytes);
    TRY(file->read_at(0, header));
    std::uint64_t group = 0;
    std::uint32_t crc = 0;
    std::memcpy(&group, header.data() + 8, 8);
    std::memcpy(&crc, header.data() + 16, 4);
    if (as_text(Bytes(header).first(8)) != kFileMagic || crc32c(Bytes(header).first(16)) != crc)
        return Error{Code::corrupt, "{}: the header is not that of a log file", path};
    return std::optional{group};
}

Result<LogGroup> read_group_head(const io::File& file, const std::string& path, std::uint64_t offset) {
    std::array<std::uint8_t, kGroupHeaderBytes> header{};
    TRY(file.read_at(offset, header));
    Decoder in{header};
    const bool is_one = in.u32() == kGroupMagic;
    LogGroup group;
    group.crc = in.u32();
    group.number = in.u64();
    group.length = in.u32();
    if (!is_one) return Error{Code::corrupt, "{}: no group of records at {}", path, offset};
    return group;
}

Result<void> read_log_group(Bytes group, const std::string& path, std::uint64_t offset,
                            const std::function<Result<void>(Record)>& apply) {
    std::uint32_t crc = 0;
    std::memcpy(&crc, group.data() + 4, 4);
    if (group_crc(group.subspan(8), offset) != crc)
        return Error{Code::corrupt, "{}: the group at {} does not have its checksum", path, offset};
    return read_group({0, group.subspan(kGroupHeaderBytes)}, path, offset, apply);
}

Result<LogEnd> replay_log(io::Files& files, const std::string& folder, std::uint64_t first_file,
                          const std::function<Result<void>(Record)>& apply) {
    LogEnd end;
    bool first = true;
    std::string torn_text;
    bool torn_is_bare = false;  // the torn file holds no good group
    for (const std::string& name : TRY(files.list(folder))) {
        const auto number = log_file_number(name);
        if (!number) continue;
        end.last_file = *number;
        if (*number < first_file) continue;
        if (first && *number != first_file) break;
        const std::string path = folder + "/" + name;
        const Buffer bytes = TRY(io::read_whole(files, path, kLogFileBytesMax));
        std::uint64_t records = 0;
        const auto count = [&](Record record) {
            ++records;
            return apply(std::move(record));
        };
        // After a torn group nothing may follow; what does is only looked at, not applied.
        const auto refuse = [&](Record) -> Result<void> {
            return Error{Code::corrupt, "{}: bad, yet groups follow", torn_text};
        };
        const bool must_be_last = end.torn && !torn_is_bare;
        const LogFile file =
            TRY(read_log_file(bytes, path, must_be_last ? std::function<Result<void>(Record)>(refuse) : count));
        if (file.good_group_follows)
            return Error{
                Code::corrupt,
                "{}: {} at byte {}, but a good one follows, so this is no torn tail; restore the file from a backup",
                path, file.problem, file.good_bytes};
        // A file without groups may be left from a rotation that failed half-way; its number may be behind.
        const bool has_groups = file.next_group > file.first_group;
        // One that never got a group may be empty after a power cut; that none is missing tell the numbers of what
        // follows.
        if (has_groups && torn_is_bare) end.torn.reset();
        if (end.torn) {
            if (has_groups) return Error{Code::corrupt, "{}: bad, yet groups follow in {}", torn_text, path};
        } else if (file.good_bytes > 0 && !first &&
                   (file.first_group > end.next_group || (has_groups && file.first_group != end.next_group))) {
            return Error{Code::corrupt, "{}: begins with group {}, expected {}; a log file is missing", path,
                         file.first_group, end.next_group};
        }
        if (!end.torn && (first || has_groups)) end.next_group = file.next_group;
        if (!end.torn && has_groups) end.tail_file = *number;
        if (!end.torn && file.good_bytes < bytes.size()) {
            end.torn = {*number, file.good_bytes};
            torn_text = fmt::format("{}: {} at byte {}", path, file.problem, file.good_bytes);
            torn_is_bare = !has_groups && !first;
        }
        if (!end.torn && bytes.empty()) {
            end.torn = {*number, 0};
            torn_text = path + ": empty";
            torn_is_bare = !first;
        }
        first = false;
        end.records += records;
        end.bytes += file.good_bytes;
    }
    if (first)
        return Error{Code::corrupt, "{}/{}: missing, the manifest says the log begins there; restore it from a backup",
                     folder, log_file_name(first_file)};
    return end;
}

}  // namespace gongshu::history
