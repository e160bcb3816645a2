#include "backup/backup.h"

#include <algorithm>
#include <set>

#include "backup/listing.h"
#include "backup/proof.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/time_text.h"
#include "io/crypto.h"

namespace gongshu::backup {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::uint64_t kSpareBytes = 64 << 20;  // what must stay free: a full disk stops the server that is copied
constexpr std::string_view kHalf = ".part";

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Reads a file piece by piece; the SHA-256 of it in the end. `use` null = only look.
Result<std::string> read_through(const io::File& file, std::uint64_t bytes, io::File* to, Progress& progress) {
    Buffer piece(std::min<std::uint64_t>(bytes, kPieceBytes));
    io::Sha256 sum;
    for (std::uint64_t at = 0; at < bytes;) {
        if (progress.cancelled) return Error{Code::conflict, "stopped because somebody asked for it"};
        const std::span part(piece.data(), std::min<std::uint64_t>(kPieceBytes, bytes - at));
        TRY(file.read_at(at, part));
        if (to != nullptr) TRY(to->append(part));
        sum.add(part);
        at += part.size();
        progress.bytes_done += part.size();
    }
    return to_hex(sum.finish());
}

Result<std::string> copy_file(const io::File& source, std::uint64_t bytes, const std::string& from, io::Files& files,
                              const std::string& to, Progress& progress) {
    const auto target = TRY(files.open(to, io::Open::create_new));
    std::string sum = TRY(read_through(source, bytes, target.get(), progress).context("copying {}", from));
    TRY(target->sync());
    ++progress.files_done;
    return sum;
}

Result<void> check_space(io::Files& files, const std::string& folder, std::uint64_t bytes) {
    const io::DiskSpace space = TRY(files.space(folder));
    if (space.free_bytes >= bytes + kSpareBytes) return {};
    return Error{Code::limit, "{} has room for {} MB; the copy has {} MB, and {} MB must stay free",
                 folder,      space.free_bytes >> 20,
                 bytes >> 20, kSpareBytes >> 20};
}

// Folders that got a file, synced in the end, the deepest first.
class Folders {
public:
    explicit Folders(io::Files& files) : files_(files) {}
    Result<void> make_for(const std::string& path) {
        const std::string folder = folder_of(path);
        if (made_.insert(folder).second) TRY(files_.make_folder(folder));
        return {};
    }
    Result<void> sync() {
        for (auto at = made_.rbegin(); at != made_.rend(); ++at) TRY(files_.sync_folder(*at));
        return {};
    }

private:
    io::Files& files_;
    std::set<std::string> made_;
};

// What history gives goes to <folder>/history/… and into the list.
class Writer final : public history::Copier {
public:
    Writer(io::Files& files, std::string folder, Progress& progress)
        : files_(files), folder_(std::move(folder)), progress_(progress), folders_(files) {}

    Result<void> expect(std::uint64_t files, std::uint64_t bytes) override {
        progress_.files += files;
        progress_.bytes += bytes;
        return check_space(files_, folder_, bytes);
    }

    Result<void> take(const std::string& name, const std::string& path, std::uint64_t bytes) override {
        return take_as("history/" + name, path, bytes);
    }

    Result<void> put(const std::string& name, Bytes content) override {
        const std::string to = TRY(place("history/" + name));
        const auto file = TRY(files_.open(to, io::Open::create_new));
        TRY(file->append(content));
        TRY(file->sync());
        note("history/" + name, to_hex(io::sha256(content)), content.size());
        progress_.bytes += content.size();
        progress_.bytes_done += content.size();
        ++progress_.files_done;
        return {};
    }

    Result<void> take_as(const std::string& name, const std::string& path, std::uint64_t bytes) {
        const std::string to = TRY(place(name));
        const auto source = TRY(files_.open(path, io::Open::read));
        note(name, TRY(copy_file(*source, bytes, path, files_, to, progress_)), bytes);
        return {};
    }

    // One that somebody else wrote into the folder.
    Result<void> add(const std::string& name) {
        const auto file = TRY(files_.open(folder_ + "/" + name, io::Open::read));
        const std::uint64_t bytes = TRY(file->size());
        ++progress_.files;
        progress_.bytes += bytes;
        note(name, TRY(read_through(*file, bytes, nullptr, progress_)), bytes);
        ++progress_.files_done;
        return {};
    }

    Result<std::string> place(const std::string& name) {
        std::string path = folder_ + "/" + name;
        TRY(folders_.make_for(path));
        return path;
    }

    Result<void> finish(Listing& listing) {
        TRY(folders_.sync());
        listing.files = std::move(entries_);
        listing.bytes = bytes_;
        return io::write_whole(files_, folder_ + "/" + kListName, as_bytes(encode_listing(listing)));
    }

private:
    void note(const std::string& name, std::string sum, std::uint64_t bytes) {
        entries_.push_back({name, std::move(sum)});
        bytes_ += bytes;
    }

    io::Files& files_;
    const std::string folder_;
    Progress& progress_;
    Folders folders_;
    std::vector<Entry> entries_;
    std::uint64_t bytes_ = 0;
};

BackupInfo info_of(std::string name, const Listing& listing) {
    return {std::move(name),
            listing.made,
            listing.program,
            listing.files.size(),
            listing.bytes,
            "",
            fmt::format("{}", fmt::join(listing.notes, "; "))};
}

Result<Listing> read_listing(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/" + kListName;
    if (!TRY(files.exists(path)))
        return Error{Code::not_found, "{} is no backup, or one that was not finished: it has no {}", folder, kListName};
    return decode_listing(as_text(TRY(io::read_whole(files, path, kListBytesMax))), path);
}

Result<void> write_blobs(const BackupParts& parts, Writer& writer, const std::string& folder, Progress& progress,
                         Listing& listing) {
    return parts.blobs->each_file([&](const std::string& name, const std::string& path, std::uint64_t) -> Result<void> {
        // All else is worth a backup, too; verify and the note tell of the one that is not there.
        if (!TRY(parts.files.exists(path))) {
            listing.notes.push_back(fmt::format("{}: is missing", path));
            log_warning("backup", "{}", listing.notes.back());
            return {};
        }
        const std::uint64_t bytes = TRY(TRY(parts.files.open(path, io::Open::read))->size());
        TRY(check_space(parts.files, folder, bytes));
        ++progress.files;
        progress.bytes += bytes;
        return writer.take_as("blobs/" + name, path, bytes);
    });
}

Result<void> write_parts(const BackupParts& parts, const std::string& folder, Progress& progress, Listing& listing) {
    Writer writer(parts.files, folder, progress);
    TRY(parts.history.copy_to(writer));
    // An entry that came between the two copies would stand in the registry's and not in the ledger's.
    std::unique_lock<std::mutex> records;
    if (parts.ledgers != nullptr) {
        records = parts.ledgers->hold();
        listing.notes =
            TRY(parts.ledgers->each_file([&](const std::string& name, const std::string& path, std::uint64_t bytes) {
                ++progress.files;
                progress.bytes += bytes;
                return writer.take_as("ledger/" + name, path, bytes);
            }));
    }
    for (const std::string& note : listing.notes) log_warning("backup", "{}", note);
    // What its rows name when it is copied is still there afterwards.
    std::unique_lock<std::mutex> held;
    if (parts.blobs != nullptr) held = parts.blobs->hold();
    // Its copy is compact, so it needs at most what the file has now.
    TRY(check_space(parts.files, folder, TRY(parts.registry.bytes())));
    TRY(parts.registry.copy_to(TRY(writer.place("registry/registry.db"))));
    if (records) records.unlock();
    TRY(writer.add("registry/registry.db"));
    if (parts.blobs != nullptr) TRY(write_blobs(parts, writer, folder, progress, listing));
    auto others = parts.others;
    if (parts.more) std::ranges::copy(parts.more(), std::back_inserter(others));
    for (const auto& [name, path] : others) {
        if (!TRY(parts.files.exists(path))) continue;
        const std::uint64_t bytes = TRY(TRY(parts.files.open(path, io::Open::read))->size());
        ++progress.files;
        progress.bytes += bytes;
        TRY(writer.take_as(name, path, bytes));
    }
    return writer.finish(listing);
}

}  // namespace

Result<BackupInfo> make_backup(const BackupParts& parts, const std::string& folder, Progress& progress) {
    Listing listing{.made = parts.clock.now(), .program = parts.program};
    const std::string name = format_stamp(listing.made), whole = folder + "/" + name, half = whole + std::string(kHalf);
    TRY(parts.files.make_folder(folder, 0700));
    for (const std::string& there : {whole, half})
        if (TRY(parts.files.exists(there)))
            return Error{Code::exists, "{} is there already: a backup was made in this very second", there};
    TRY(parts.files.make_folder(half, 0700));
    TRY(write_parts(parts, half, progress, listing).context("the backup {} is not finished", whole));
    TRY(parts.files.rename(half, whole));
    TRY(parts.files.sync_folder(folder));
    return info_of(name, listing);
}

Result<std::vector<BackupInfo>> list_backups(io::Files& files, const std::string& folder) {
    std::vector<BackupInfo> list;
    if (!TRY(files.exists(folder))) return list;
    for (const std::string& name : TRY(files.list(folder))) {
        if (name.size() < 16 || name.find_first_not_of("0123456789TZ.part") != std::string::npos) continue;
        if (name.ends_with(kHalf)) {
            list.push_back({.name = name, .problem = "not finished"});
            continue;
        }
        auto listing = read_listing(files, folder + "/" + name);
        if (listing) {
            list.push_back(info_of(name, *listing));
            // One that cannot be read is as good as none: the next drill writes it anew.
            if (auto proof = read_proof(files, folder + "/" + name)) list.back().proof = std::move(*proof);
        } else {
            list.push_back({.name = name, .problem = listing.error().text()});
        }
    }
    std::ranges::reverse(list);
    return list;
}

Result<BackupInfo> check_backup(io::Files& files, const std::string& path, Progress& progress) {
    const Listing listing = TRY(read_listing(files, path));
    progress.files += listing.files.size();
    progress.bytes += listing.bytes;
    for (const Entry& entry : listing.files) {
        const std::string at = path + "/" + entry.name;
        const auto file = TRY(files.open(at, io::Open::read));
        if (TRY(read_through(*file, TRY(file->size()), nullptr, progress)) != entry.sha256)
            return Error{Code::corrupt, "{}: is not as it was written: its SHA-256 differs from {}", at, kListName};
        ++progress.files_done;
    }
    return info_of(path.substr(path.rfind('/') + 1), listing);
}

Result<BackupInfo> copy_backup(io::Files& source, const std::string& path, io::Files& files, const std::string& data,
                               Progress& progress) {
    const Listing listing = TRY(read_listing(source, path));
    if (TRY(files.exists(data)) && !TRY(files.list(data)).empty())
        return Error{Code::exists, "{} is not empty; a backup is only restored into a new folder", data};
    const std::string half = data + std::string(kHalf);
    if (TRY(files.exists(half))) TRY(io::remove_tree(files, half));
    TRY(files.make_folder(half));
    TRY(check_space(files, half, listing.bytes));
    progress.files += listing.files.size();
    progress.bytes += listing.bytes;
    Folders folders(files);
    for (const Entry& entry : listing.files) {
        const std::string from = path + "/" + entry.name, to = half + "/" + entry.name;
        const auto file = TRY(source.open(from, io::Open::read));
        const std::uint64_t bytes = TRY(file->size());
        TRY(folders.make_for(to));
        if (TRY(copy_file(*file, bytes, from, files, to, progress)) != entry.sha256)
            return Error{Code::corrupt,
                         "{}: is not as it was written: its SHA-256 differs from {}; nothing was restored", from,
                         kListName};
    }
    TRY(folders.sync());
    TRY(files.sync_folder(half));
    TRY(files.rename(half, data));
    TRY(files.sync_folder(folder_of(data)));
    return info_of(path.substr(path.rfind('/') + 1), listing);
}

Result<BackupInfo> restore_backup(io::Files& files, const std::string& path, const std::string& data,
                                  Progress& progress) {
    return copy_backup(files, path, files, data, progress);
}

Result<void> remove_backup(io::Files& files, const std::string& folder, const std::string& name) {
    for (const BackupInfo& info : TRY(list_backups(files, folder))) {
        if (info.name != name) continue;
        // Its list goes first: from then on nobody takes what is left for a backup.
        const std::string path = folder + "/" + name, list = path + "/" + kListName;
        if (TRY(files.exists(list))) TRY(files.remove(list));
        TRY(io::remove_tree(files, path));
        return files.sync_folder(folder);
    }
    return Error{Code::not_found, "there is no backup \"{}\" in {}", name.substr(0, 100), folder};
}

}  // namespace gongshu::backup
