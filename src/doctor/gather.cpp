#include "doctor/gather.h"

#include <algorithm>
#include <array>
#include <functional>

#include "backup/backup.h"
#include "backup/proof.h"
#include "expr/calendar.h"
#include "history/manifest.h"
#include "history/segment.h"
#include "io/certificate.h"
#include "io/crypto.h"
#include "io/disks.h"
#include "io/loop.h"
#include "io/machine.h"

namespace gongshu::doctor {
namespace {

constexpr std::size_t kSegmentsSampled = 16;
constexpr std::uint64_t kManifestBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kNamesMax = 100'000;
constexpr TimeNs kTemporaryOld = kHour;
constexpr std::int32_t kGrowthDays = 7;

Folder look_at(const std::string& path) {
    Folder folder{.path = path};
    const auto facts = io::file_facts(path);
    folder.is_there = facts && facts->is_folder;
    if (!folder.is_there) return folder;
    folder.mode = facts->mode;
    folder.owner = facts->owner;
    folder.may_write = io::may_write_in(path);
    folder.file_system = io::file_system(path).value_or("");
    return folder;
}

// Every file beneath a folder, with its path; at most kNamesMax.
void walk(io::Files& files, const std::string& path,
          const std::function<void(const std::string&, const io::FileFacts&)>& visit, std::size_t& left) {
    const auto names = files.list(path);
    if (!names) return;
    for (const std::string& name : *names) {
        if (left == 0) return;
        --left;
        const std::string inner = path + "/" + name;
        const auto facts = io::file_facts(inner);
        if (!facts) continue;
        if (facts->is_folder)
            walk(files, inner, visit, left);
        else
            visit(inner, *facts);
    }
}

std::optional<double> measure_sync(io::Files& files, const Clock& clock, const std::string& folder) {
    constexpr int kTimes = 21;
    const std::string path = folder + "/doctor-" + io::random_token().substr(0, 8) + ".tmp";
    const auto file = files.open(path, io::Open::create_new);
    if (!file) return std::nullopt;
    std::vector<DurationNs> times;
    const Buffer block(4096, 0x64);
    for (int i = 0; i < kTimes; ++i) {
        const DurationNs begin = clock.monotonic();
        if (!(*file)->append(block) || !(*file)->sync()) break;
        times.push_back(clock.monotonic() - begin);
    }
    (void)files.remove(path);  // a file of ours that holds nothing
    if (times.size() < kTimes) return std::nullopt;
    std::ranges::sort(times);
    return static_cast<double>(times[kTimes / 2]) / static_cast<double>(kSecond);
}

// Reads some segments, evenly over all of them. One that is gone meanwhile was merged or removed by a server that runs.
void sample(io::Files& files, const std::string& history, const history::Manifest& manifest, Facts& facts) {
    const auto& all = manifest.segments;
    const std::size_t count = std::min(kSegmentsSampled, all.size());
    for (std::size_t i = 0; i < count; ++i) {
        const history::SegmentInfo& info = all[i * all.size() / count];
        const std::string path = history::segment_path(history + "/seg", info);
        const auto open = history::OpenSegment::open(files, path);
        if (!open && open.error().code() == Code::not_found && facts.running) continue;
        ++facts.segments_sampled;
        if (!open) {
            facts.damage.push_back(open.error().text());
            continue;
        }
        for (const history::ChunkInfo& chunk : (*open)->chunks()) {
            const auto run = (*open)->read(chunk);
            if (run) continue;
            facts.damage.push_back(run.error().text());
            break;
        }
    }
}

void look_at_store(io::Files& files, const std::string& history, Facts& facts) {
    const std::string path = history + "/MANIFEST";
    const auto bytes = io::read_whole(files, path, kManifestBytesMax);
    if (!bytes) {
        if (bytes.error().code() != Code::not_found) facts.format_problem = bytes.error().text();
        return;
    }
    facts.has_data = true;
    const auto manifest = history::decode_manifest(*bytes, path);
    if (!manifest) {
        facts.format_problem = manifest.error().text();
        return;
    }
    const auto today = static_cast<std::int32_t>(facts.now / kDay);
    std::int32_t first = today;
    double grown = 0;
    for (const history::SegmentInfo& info : manifest->segments) {
        facts.newest_reading = std::max(facts.newest_reading, info.max_time);
        if (info.day >= today || info.day < today - kGrowthDays) continue;
        first = std::min(first, info.day);
        grown += static_cast<double>(info.bytes);
    }
    if (first < today) facts.bytes_a_day = grown / (today - first);
    sample(files, history, *manifest, facts);
}

void look_at_ports(const Clock& clock, const Places& places, Facts& facts) {
    const auto loop = io::make_epoll_loop(clock);
    for (const auto& [option, text] : places.doors) {
        const auto address = io::parse_address(text);
        if (!address || address->port == 0) continue;
        facts.ports.push_back(
            {option, text, loop->listen(*address, {}, [](std::unique_ptr<io::Stream>) {}).has_value()});
    }
}

void look_at_machine(Facts& facts) {
    const io::MachineFacts machine = io::machine_facts();
    facts.cores = machine.cores;
    facts.memory_bytes = machine.memory_bytes;
    facts.memory_available_bytes = machine.memory_available_bytes;
#if defined(__x86_64__)
    facts.has_crc_instruction = __builtin_cpu_supports("sse4.2") != 0;
#endif
    const io::ClockFacts clock = io::clock_facts();
    facts.clock_synchronised = clock.synchronised;
    facts.clock_error_s = clock.error_s;
    facts.has_zones = !expr::zone_names().empty();
    facts.open_files_max = io::open_files_max();
}

}  // namespace

Facts gather(io::Files& files, const Clock& clock, const Places& places) {
    Facts facts{.version = places.version, .now = clock.now()};
    look_at_machine(facts);
    facts.user = io::user_id();
    facts.data = look_at(places.data);
    facts.keys = look_at(places.key_folder);
    if (const auto key = io::file_facts(places.key_folder + "/registry.key")) facts.key_mode = key->mode;
    if (const auto ca = io::read_whole(files, places.key_folder + "/ca.crt", 1 << 20))
        if (const auto certificate = io::certificate_facts(std::string(as_text(*ca))))
            facts.authority_ends = certificate->ends;
    if (!facts.data.is_there) {
        look_at_ports(clock, places, facts);
        return facts;
    }
    const std::string history = places.data + "/history";
    facts.running = io::is_folder_held(history);
    // Without a lock it was never served: a restored one, for instance.
    facts.stopped_cleanly = files.exists(places.data + "/" + kStoppedName).value_or(false) ||
                            !files.exists(history + "/lock").value_or(true);
    if (const auto space = files.space(places.data)) {
        facts.disk_free_bytes = space->free_bytes;
        facts.disk_total_bytes = space->total_bytes;
    }
    look_at_store(files, history, facts);
    facts.sync_s = measure_sync(files, clock, places.data);
    facts.disks = look_at_disks(io::disks_below(places.data), places.smartctl);
    std::size_t left = kNamesMax;
    walk(
        files, places.data,
        [&](const std::string& path, const io::FileFacts& file) {
            if (path.ends_with(".tmp") && facts.now - file.changed > kTemporaryOld) facts.temporaries.push_back(path);
        },
        left);
    facts.has_backup_folder = files.exists(places.backup_folder).value_or(false);
    if (facts.has_backup_folder)
        if (const auto backups = backup::list_backups(files, places.backup_folder))
            for (const backup::BackupInfo& one : *backups) facts.backups.push_back({one.name, one.made, one.problem});
    if (facts.has_backup_folder)
        if (const auto proof = backup::read_proof(files, places.backup_folder); proof && *proof)
            facts.proved = Proved{(*proof)->backup,        (*proof)->at,
                                  (*proof)->rows,          (*proof)->resources,
                                  (*proof)->problem_count, (*proof)->problems.empty() ? "" : (*proof)->problems[0]};
    if (!facts.running) look_at_ports(clock, places, facts);
    return facts;
}

namespace {

// One file of a tar archive (POSIX ustar).
void add_entry(Buffer& out, const std::string& name, std::string_view content, TimeNs now) {
    std::array<char, 512> head{};
    const auto put = [&](std::size_t at, std::string_view text) {
        std::ranges::copy(text, head.begin() + static_cast<std::ptrdiff_t>(at));
    };
    put(0, name.substr(0, 99));
    put(100, "0000640");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", content.size()));
    put(136, fmt::format("{:011o}", now / kSecond));
    put(148, "        ");
    put(156, "0");
    put(257, std::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const char byte : head) sum += static_cast<unsigned char>(byte);
    put(148, fmt::format("{:06o}", sum));
    head[154] = '\0';
    head[155] = ' ';
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), content.begin(), content.end());
    out.resize((out.size() + 511) / 512 * 512);
}

}  // namespace

Result<void> write_bundle(io::Files& files, const std::string& path, const Places& places,
                          const std::string& log_folder, const std::string& text, const std::string& json, TimeNs now) {
    constexpr std::uint64_t kLogBytesMax = 32 << 20;  // of one file
    Buffer out;
    add_entry(out, "gongshu/report.txt", text, now);
    add_entry(out, "gongshu/report.json", json, now);
    std::string names;
    std::size_t left = kNamesMax;
    walk(
        files, places.data,
        [&](const std::string& file, const io::FileFacts& facts) {
            names += fmt::format("{:>14} {:>5o} {}\n", facts.bytes, facts.mode, file.substr(places.data.size() + 1));
        },
        left);
    add_entry(out, "gongshu/files.txt", names, now);
    if (const auto logs = files.list(log_folder))
        for (const std::string& name : *logs)
            if (name.starts_with("gongshu.log"))
                if (const auto bytes = io::read_whole(files, log_folder + "/" + name, kLogBytesMax))
                    add_entry(out, "gongshu/logs/" + name, as_text(*bytes), now);
    out.resize(out.size() + 1024);  // two empty blocks end it
    return io::write_whole(files, path, out, 0600);
}

}  // namespace gongshu::doctor
