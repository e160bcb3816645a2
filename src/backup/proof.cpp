// Proving a backup: it is restored beside the backups and read to the last byte, as a server on it would.
#include "backup/proof.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/log.h"
#include "history/manifest.h"
#include "io/crypto.h"

namespace gongshu::backup {
namespace {

constexpr std::string_view kFirst = "# gongshu proof 0\n";
constexpr std::string_view kSum = "# sum ";
constexpr std::uint64_t kProofBytesMax = 1 << 20;
constexpr std::uint64_t kManifestBytesMax = 256 << 20;

// A file whose reads are counted and end when somebody cancels.
class WatchedFile final : public io::File {
public:
    WatchedFile(std::unique_ptr<io::File> file, Progress& progress, std::uint64_t most)
        : file_(std::move(file)), progress_(progress), most_(most) {}
    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        if (progress_.cancelled) return Error{Code::conflict, "stopped because somebody asked for it"};
        TRY(file_->read_at(offset, into));
        // Some bytes are read twice; who looks at the progress shall not see more than all.
        progress_.bytes_done = std::min<std::uint64_t>(most_, progress_.bytes_done + into.size());
        return {};
    }
    Result<void> append(Bytes bytes) override { return file_->append(bytes); }
    Result<void> write_at(std::uint64_t offset, Bytes bytes) override { return file_->write_at(offset, bytes); }
    Result<void> sync() override { return file_->sync(); }
    Result<void> truncate(std::uint64_t bytes) override { return file_->truncate(bytes); }
    Result<std::uint64_t> size() const override { return file_->size(); }

private:
    std::unique_ptr<io::File> file_;
    Progress& progress_;
    const std::uint64_t most_;
};

// The files of one reading.
class WatchedFiles final : public io::Files {
public:
    WatchedFiles(io::Files& files, Progress& progress) : files_(files), progress_(progress), most_(progress.bytes) {}
    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override {
        if (progress_.cancelled) return Error{Code::conflict, "stopped because somebody asked for it"};
        auto file = TRY(files_.open(path, how));
        return std::unique_ptr<io::File>(std::make_unique<WatchedFile>(std::move(file), progress_, most_));
    }
    Result<void> rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
    Result<void> remove(const std::string& path) override { return files_.remove(path); }
    Result<bool> exists(const std::string& path) override { return files_.exists(path); }
    Result<std::vector<std::string>> list(const std::string& folder) override { return files_.list(folder); }
    Result<void> make_folder(const std::string& path, unsigned mode) override { return files_.make_folder(path, mode); }
    Result<void> sync_folder(const std::string& path) override { return files_.sync_folder(path); }
    Result<io::DiskSpace> space(const std::string& path) override { return files_.space(path); }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string& path) override { return files_.lock_folder(path); }
    Result<void> set_mode(const std::string& path, unsigned mode) override { return files_.set_mode(path, mode); }

private:
    io::Files& files_;
    Progress& progress_;
    const std::uint64_t most_;
};

TimeNs newest_sealed(io::Files& files, const std::string& history) {
    const std::string path = history + "/MANIFEST";
    const auto bytes = io::read_whole(files, path, kManifestBytesMax);
    if (!bytes) return 0;  // what is wrong with it is among the problems
    const auto manifest = history::decode_manifest(*bytes, path);
    if (!manifest) return 0;
    TimeNs newest = 0;
    for (const history::SegmentInfo& info : manifest->segments) newest = std::max(newest, info.max_time);
    return newest;
}

// Name, and where it is, of every number of a proof.
template <class P>
auto numbers_of(P& proof) {
    return std::to_array({std::pair{"files", &proof.files}, std::pair{"bytes", &proof.bytes},
                          std::pair{"rows", &proof.rows}, std::pair{"intervals", &proof.intervals},
                          std::pair{"events", &proof.events}, std::pair{"resources", &proof.resources},
                          std::pair{"revisions", &proof.revisions}, std::pair{"secrets", &proof.secrets},
                          std::pair{"ledgers", &proof.ledgers}, std::pair{"entries", &proof.entries},
                          std::pair{"audit_records", &proof.audit_records},
                          std::pair{"problems", &proof.problem_count}});
}

template <class T>
bool parse_whole(std::string_view text, T& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string sum_of(std::string_view text) { return to_hex(io::sha256(as_bytes(text))); }

// One line without its end; false if it does not belong here.
bool take_line(std::string_view line, Proof& proof) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return false;
    const std::string_view word = line.substr(0, space), rest = line.substr(space + 1);
    if (word == "backup") proof.backup = rest;
    if (word == "program") proof.program = rest;
    if (word == "backup" || word == "program") return true;
    if (word == "problem") {
        if (proof.problems.size() >= kProofProblemsMax) return false;
        proof.problems.emplace_back(rest);
        return true;
    }
    for (const auto& [name, to] :
         {std::pair{"at", &proof.at}, std::pair{"took", &proof.took}, std::pair{"newest", &proof.newest}})
        if (word == name) return parse_whole(rest, *to);
    for (const auto& [name, to] : numbers_of(proof))
        if (word == name) return parse_whole(rest, *to);
    return false;
}

void keep_problems(Proof& proof, std::vector<std::string> problems) {
    proof.problem_count = problems.size();
    problems.resize(std::min(problems.size(), kProofProblemsMax));
    proof.problems = std::move(problems);
}

// What is wrong with the backup itself belongs into its proof; what is wrong with the disk or the wish does not.
bool is_of_the_backup(Code code) { return code == Code::corrupt || code == Code::not_found || code == Code::malformed; }

Result<void> read_back(const BackupParts& parts, const std::string& data, Progress& progress, Proof& proof) {
    WatchedFiles watched(parts.files, progress);
    const DataReport found = verify_data(watched, parts.clock, data, parts.verify);
    if (progress.cancelled) return Error{Code::conflict, "stopped because somebody asked for it"};
    proof.rows = found.history.rows;
    proof.intervals = found.history.intervals;
    proof.events = found.history.events;
    proof.resources = found.registry.resources;
    proof.revisions = found.registry.revisions;
    proof.secrets = found.registry.secrets;
    proof.ledgers = found.ledgers.ledgers;
    proof.entries = found.ledgers.entries;
    proof.audit_records = found.ledgers.records;
    proof.newest = found.newest_sealed;
    keep_problems(proof, found.problems());
    progress.bytes_done = progress.bytes.load();
    return {};
}

// A backup never changes: what was read of it once is what it must hold for good.
void compare(const std::optional<Proof>& former, Proof& proof) {
    if (!former || former->problem_count > 0 || proof.problem_count > 0) return;
    const auto now = numbers_of(proof);
    const auto before = numbers_of(*former);
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < now.size(); ++i)
        if (*now[i].second != *before[i].second)
            problems.push_back(fmt::format("{} {} were read, {} at the last reading", *now[i].second, now[i].first,
                                           *before[i].second));
    keep_problems(proof, std::move(problems));
}

Result<Proof> read_restored(const BackupParts& parts, const std::string& path, const std::string& data,
                            Progress& progress) {
    Proof proof{.program = parts.program};
    const auto restored = restore_backup(parts.files, path, data, progress);
    if (!restored) {
        if (!is_of_the_backup(restored.error().code())) return restored.error();
        keep_problems(proof, {restored.error().text()});
        return proof;
    }
    proof.files = restored->files;
    proof.bytes = restored->bytes;
    progress.bytes += restored->bytes;  // each byte is read once more
    TRY(read_back(parts, data, progress, proof));
    return proof;
}

}  // namespace

std::vector<std::string> DataReport::problems() const {
    std::vector<std::string> all;
    for (const auto* some : {&history.problems, &history.event_problems, &registry.problems, &ledgers.problems})
        all.insert(all.end(), some->begin(), some->end());
    for (const PartReport& part : more) all.insert(all.end(), part.problems.begin(), part.problems.end());
    return all;
}

DataReport verify_data(io::Files& files, const Clock& clock, const std::string& data, const VerifyParts& parts) {
    const std::string history = data + "/history";
    const registry::RegistryOptions registry{.folder = data + "/registry", .key_folder = parts.key_folder};
    DataReport report;
    report.history = history::verify_folder(files, clock, history, parts.on_event);
    report.newest_sealed = newest_sealed(files, history);
    report.registry =
        registry::verify_registry(files, registry, parts.kinds ? parts.kinds() : std::vector<registry::Kind>{});
    report.ledgers = registry::verify_ledgers(files, registry, data + "/ledger");
    if (parts.more) report.more = parts.more(files, data, registry);
    return report;
}

std::string encode_proof(const Proof& proof) {
    std::string text = fmt::format("{}backup {}\nat {}\ntook {}\nprogram {}\nnewest {}\n", kFirst, proof.backup,
                                   proof.at, proof.took, proof.program, proof.newest);
    for (const auto& [name, number] : numbers_of(proof)) text += fmt::format("{} {}\n", name, *number);
    for (std::string problem : proof.problems) {
        std::ranges::replace_if(problem, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
        text += fmt::format("problem {}\n", problem);
    }
    return text + fmt::format("{}{}\n", kSum, sum_of(text));
}

Result<Proof> decode_proof(std::string_view text, const std::string& path) {
    const std::size_t last = text.rfind(kSum);
    if (!text.starts_with(kFirst) || last == std::string_view::npos ||
        text.substr(last + kSum.size()) != sum_of(text.substr(0, last)) + "\n")
        return Error{Code::corrupt, "{}: is no proof of a backup, or damaged; the next drill writes it anew", path};
    Proof proof;
    std::size_t number = 2;
    for (std::size_t at = kFirst.size(); at < last; ++number) {
        const std::size_t end = text.find('\n', at);
        if (!take_line(text.substr(at, end - at), proof))
            return Error{Code::corrupt, "{}: line {} does not belong into a proof of a backup", path, number};
        at = end + 1;
    }
    return proof;
}

Result<std::optional<Proof>> read_proof(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/" + kProofName;
    if (!TRY(files.exists(path))) return std::optional<Proof>{};
    const Buffer bytes = TRY(io::read_whole(files, path, kProofBytesMax));
    Proof proof = TRY(decode_proof(as_text(bytes), path));
    return std::optional<Proof>{std::move(proof)};
}

Result<void> clean_drill(io::Files& files, const std::string& folder) {
    const std::string data = folder + "/" + kDrillName;
    for (const std::string& path : {data, data + ".part"})
        if (TRY(files.exists(path))) TRY(io::remove_tree(files, path));
    return {};
}

Result<Proof> drill(const BackupParts& parts, const std::string& folder, const std::string& name, Progress& progress) {
    if (parts.verify.key_folder.empty())
        return Error{Code::unsupported, "this server cannot prove backups: it was given no key folder for that"};
    const std::string path = folder + "/" + name, data = folder + "/" + kDrillName;
    TRY(clean_drill(parts.files, folder).context("what a former drill left cannot be removed"));
    const auto former = read_proof(parts.files, path);
    const DurationNs begun = parts.clock.monotonic();
    auto proof = read_restored(parts, path, data, progress);
    if (const auto cleaned = clean_drill(parts.files, folder); !cleaned)
        log_error("backup", "what the drill restored is still there and goes before the next: {}",
                  cleaned.error().text());
    if (!proof) return std::move(proof.error()).context("the backup {} could not be read", path);
    proof->backup = name;
    proof->at = parts.clock.now();
    proof->took = parts.clock.monotonic() - begun;
    if (former) compare(*former, *proof);
    const std::string text = encode_proof(*proof);
    // The folder's own first: it is the one that tells when the next is due.
    for (const std::string& to : {folder, path})
        TRY(io::write_whole(parts.files, to + "/" + kProofName, as_bytes(text)));
    return proof;
}

}  // namespace gongshu::backup
