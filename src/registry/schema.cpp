#include "registry/schema.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "registry/migrations.h"
#include "registry/page_sums.h"
#include "registry/tables.h"

namespace gongshu::registry {
namespace {

constexpr std::string_view kKeptBegin = "before-step-", kKeptEnd = ".db";
constexpr std::uint64_t kRoomBytes = 16 << 20;  // beside the copy itself, so that the program can go on working

std::optional<std::int64_t> kept_step(std::string_view name) {
    if (!name.starts_with(kKeptBegin) || !name.ends_with(kKeptEnd)) return std::nullopt;
    name.remove_prefix(kKeptBegin.size());
    name.remove_suffix(kKeptEnd.size());
    std::int64_t next = 0;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), next);
    if (failed != std::errc{} || end != name.data() + name.size() || next < 2) return std::nullopt;
    return next - 1;
}

Result<std::uint64_t> size_of(io::Files& files, const std::string& path) {
    if (!TRY(files.exists(path))) return std::uint64_t{0};
    return TRY(files.open(path, io::Open::read))->size();
}

// Whole or not at all.
Result<void> copy(io::Files& files, const std::string& from, const std::string& to) {
    const std::string unfinished = to + ".tmp";
    if (TRY(files.exists(unfinished))) TRY(files.remove(unfinished));
    TRY(io::copy_file(files, from, unfinished, 0600));
    TRY(files.rename(unfinished, to));
    return files.sync_folder(to.substr(0, to.rfind('/')));
}

Result<std::int64_t> stored_step(io::Files& files, const std::string& path) {
    ReadOnlyFiles read_only{files};
    const auto tables = TRY(Tables::open(read_only, path));
    std::int64_t step = 0;
    TRY(tables->each("select step from schema_step", [&](const Tables& row) { step = row.integer(0); }));
    return step;
}

Result<std::vector<KeptTables>> kept_in(io::Files& files, const std::string& folder) {
    std::vector<KeptTables> kept;
    for (const std::string& name : TRY(files.list(folder))) {
        const auto step = kept_step(name);
        if (!step) continue;
        const std::string path = folder + "/" + name;
        const std::uint64_t bytes = TRY(size_of(files, path));
        kept.push_back({path, *step, bytes});
    }
    std::ranges::sort(kept, std::greater{}, &KeptTables::step);
    return kept;
}

}  // namespace

std::string kept_name(std::int64_t step) { return fmt::format("{}{}{}", kKeptBegin, step + 1, kKeptEnd); }

Result<Schema> schema_of(io::Files& files, const std::string& folder) {
    Schema schema;
    schema.known = static_cast<std::int64_t>(migrations().size());
    const std::string path = folder + "/registry.db";
    if (!TRY(files.exists(path))) return schema;
    schema.stored = TRY(stored_step(files, path).context("cannot read {}", path));
    const std::uint64_t in_file = TRY(size_of(files, path)), in_log = TRY(size_of(files, path + "-wal"));
    schema.bytes = in_file + in_log;
    for (std::int64_t step = schema.stored; step < schema.known; ++step)
        schema.to_come.push_back(about_migration(static_cast<std::size_t>(step)));
    schema.kept = TRY(kept_in(files, folder));
    return schema;
}

Result<void> check_room_for_copy(io::Files& files, const std::string& folder, std::uint64_t bytes) {
    const io::DiskSpace space = TRY(files.space(folder));
    // Twice: it is made compact beside the database first.
    if (space.free_bytes >= 2 * bytes + kRoomBytes) return {};
    return Error{Code::limit,
                 "a newer version changes the tables in {} and keeps a copy of before: {:.1f} MB of room are needed, "
                 "{:.1f} MB are free; make room, then start again: nothing was changed",
                 folder, static_cast<double>(2 * bytes + kRoomBytes) / 1e6,
                 static_cast<double>(space.free_bytes) / 1e6};
}

Result<void> forget_old_tables(io::Files& files, const std::string& folder) {
    const auto kept = TRY(kept_in(files, folder));
    for (std::size_t i = kKeptMax; i < kept.size(); ++i) TRY(files.remove(kept[i].path));
    return {};
}

Result<KeptTables> check_way_back(io::Files& files, const std::string& folder, std::optional<std::int64_t> wanted) {
    const std::string path = folder + "/registry.db";
    const std::int64_t stored = TRY(files.exists(path)) ? TRY(stored_step(files, path)) : 0;
    const auto kept = TRY(kept_in(files, folder));
    const auto older = std::ranges::find_if(
        kept, [&](const KeptTables& one) { return wanted ? one.step == *wanted : one.step < stored; });
    if (older == kept.end()) {
        return Error{Code::not_found,
                     "{} keeps no tables of before step {}: take a backup that the older version made, with gongshu "
                     "restore",
                     folder, wanted ? *wanted + 1 : stored};
    }
    const std::int64_t step = TRY(stored_step(files, older->path).context("cannot read {}", older->path));
    if (step != older->step)
        return Error{Code::corrupt, "{} holds tables of step {}, expected {}", older->path, step, older->step};
    const std::uint64_t in_file = TRY(size_of(files, path)), in_log = TRY(size_of(files, path + "-wal"));
    const std::uint64_t needed = in_file + in_log + older->bytes + kRoomBytes;
    const io::DiskSpace space = TRY(files.space(folder));
    if (space.free_bytes < needed)
        return Error{Code::limit, "going back in {} takes {:.1f} MB of room, {:.1f} MB are free; nothing was changed",
                     folder, static_cast<double>(needed) / 1e6, static_cast<double>(space.free_bytes) / 1e6};
    return *older;
}

Result<KeptTables> go_back(io::Files& files, const std::string& folder, std::optional<std::int64_t> wanted) {
    const std::string path = folder + "/registry.db";
    const KeptTables older = TRY(check_way_back(files, folder, wanted));
    const std::int64_t stored = TRY(files.exists(path)) ? TRY(stored_step(files, path)) : 0;
    const std::string aside = fmt::format("{}.step-{}", path, stored);
    TRY(copy(files, path, aside));
    // The log first: without it the database alone is an older state, not a torn one.
    if (TRY(files.exists(path + "-wal"))) {
        TRY(copy(files, path + "-wal", aside + "-wal"));
        TRY(files.remove(path + "-wal"));
        TRY(files.sync_folder(folder));
    }
    // Those of another database; the next start makes them anew.
    if (const std::string sums = PageSums::path_of(path); TRY(files.exists(sums))) {
        TRY(files.remove(sums));
        TRY(files.sync_folder(folder));
    }
    TRY(copy(files, older.path, path));
    return older;
}

}  // namespace gongshu::registry
