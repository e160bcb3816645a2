// Every byte of a ledger's folder, checked without changing any.
#include <algorithm>
#include <map>
#include <set>

#include "ledger/record.h"

namespace gongshu::ledger {
namespace {

constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;

// One check of a folder. Lives for one call.
class Check {
public:
    Check(io::Files& files, const std::string& folder, const Meta& meta, const io::PublicKey& key,
          const std::function<void(const Entry&)>& on_entry)
        : files_(files), folder_(folder), meta_(meta), key_(key), on_entry_(on_entry), tree_(meta.hash) {}

    Result<LedgerReport> run(const std::vector<std::string>& names) {
        TRY(read_heads());
        check_heads();
        std::uint32_t number = 0;
        for (const std::string& name : names) {
            if (name == "LEDGER" || name == "heads" || name == "heads.tmp") continue;  // the last: a thinning was cut
            const std::string path = folder_ + "/" + name;
            if (name != fmt::format("{:08x}.entries", number)) {
                problem(fmt::format("{}: it does not belong here, or a file before it is missing", path));
                continue;
            }
            ++number;
            const Buffer bytes = TRY(io::read_whole(files_, path, kFileBytesMax));
            entries(path, bytes);
        }
        for (const auto& [entry, place] : wiped_)
            if (!redacted_.contains(entry))
                problem(fmt::format("{}: entry {} is empty, and no entry says that it was redacted", place, entry));
        for (const std::uint64_t entry : redacted_)
            if (!wiped_.contains(entry))
                problem(fmt::format("{}: entry {} was redacted, and yet something is left of it", folder_, entry));
        if (next_ != heads_.size())
            problem(fmt::format("{}/heads: a head was signed over {} entries, and only {} are there", folder_,
                                heads_.back().head.size, tree_.size()));
        report_.entries = tree_.size();
        report_.redacted = wiped_.size();
        report_.heads = heads_.size();
        return report_;
    }

private:
    void problem(std::string text) { report_.problems.push_back(std::move(text)); }

    Result<void> read_heads() {
        const std::string path = folder_ + "/heads";
        const Buffer bytes = TRY(io::read_whole(files_, path, kFileBytesMax));
        for (std::size_t at = 0; at < bytes.size(); at += kHeadBytes) {
            const auto kept = decode_head(Bytes(bytes).subspan(at, std::min(kHeadBytes, bytes.size() - at)));
            if (!kept) {
                problem(fmt::format("{}: the head at byte {} is damaged", path, at));
            } else if (!heads_.empty() && kept->head.size < heads_.back().head.size) {
                problem(fmt::format("{}: the head at byte {} is over fewer entries than the one before", path, at));
            } else {
                heads_.push_back(*kept);
            }
        }
        return {};
    }

    // Those that were signed when so many entries were there as have been read now.
    void check_heads() {
        for (; next_ < heads_.size() && heads_[next_].head.size == tree_.size(); ++next_) {
            const KeptHead& kept = heads_[next_];
            const std::string what = fmt::format("{}/heads: the head over {} entries", folder_, tree_.size());
            if (kept.head.root != tree_.root()) problem(what + " is not the root of those that are there");
            if (kept.key != key_) problem(what + " is signed by another key than the platform's");
            if (!io::is_signed(kept.key, as_bytes(head_text(meta_.name, meta_.hash, kept.head)), kept.head.signature))
                problem(what + " has a signature that does not hold");
        }
    }

    void entries(const std::string& path, Bytes bytes) {
        if (decode_file_header(bytes) != tree_.size()) problem(fmt::format("{}: its header is damaged", path));
        std::uint32_t left = 0;
        std::size_t at = kFileHeaderBytes;
        while (at < bytes.size()) {
            const auto header = decode_record_header(bytes.subspan(at));
            if (!header || header->length > bytes.size() - at || header->number != tree_.size())
                return problem(
                    fmt::format("{}: nothing good from byte {} on; either the file was changed, or the machine went "
                                "down while this was being written: then the next start cuts it off",
                                path, at));
            entry(path, at, *header, bytes.subspan(at, header->length));
            tree_.append(leaf_hash(meta_.hash, header->commitment));
            check_heads();
            left = header->left;
            at += header->length;
        }
        if (left > 0) problem(fmt::format("{}: {} entries that belong to the last ones are missing", path, left));
    }

    void entry(const std::string& path, std::size_t at, const RecordHeader& header, Bytes record) {
        if (header.redacts != kNothing) redacted_.insert(header.redacts);
        if (decode_record(header, record, true)) {
            wiped_[header.number] = fmt::format("{} at byte {}", path, at);
            Entry gone;
            gone.number = header.number;
            gone.commitment = header.commitment;
            if (on_entry_) on_entry_(gone);
            return;
        }
        const auto found = decode_record(header, record, false);
        const bool committed = found && commitment_of(meta_.hash, *found) == header.commitment;
        if (!committed && !redacted_.contains(header.number))
            problem(fmt::format("{}: entry {} at byte {}: {}", path, header.number, at,
                                found ? "it is not what its leaf commits to" : found.error().text()));
        if (committed && on_entry_) on_entry_(*found);
    }

    io::Files& files_;
    const std::string& folder_;
    const Meta& meta_;
    const io::PublicKey& key_;
    const std::function<void(const Entry&)>& on_entry_;
    MerkleTree tree_;
    std::vector<KeptHead> heads_;
    std::size_t next_ = 0;
    std::set<std::uint64_t> redacted_;
    std::map<std::uint64_t, std::string> wiped_;
    LedgerReport report_;
};

Result<Meta> meta_in(io::Files& files, const std::string& folder) {
    const std::string path = folder + "/LEDGER";
    return decode_meta(TRY(io::read_whole(files, path, 4096)), path);
}

}  // namespace

Result<HashKind> hash_kind_of(io::Files& files, const std::string& folder) { return TRY(meta_in(files, folder)).hash; }

Result<LedgerReport> verify_ledger(io::Files& files, const std::string& folder, const std::string& name,
                                   const io::PublicKey& key, const std::function<void(const Entry&)>& on_entry) {
    const std::string path = folder + "/LEDGER";
    const auto meta = meta_in(files, folder);
    if (!meta) return LedgerReport{.problems = {meta.error().text()}};
    if (meta->name != name)
        return LedgerReport{
            .problems = {fmt::format("{}: it is the ledger of \"{}\", not of \"{}\"", path, meta->name, name)}};
    const std::vector<std::string> names = TRY(files.list(folder));
    return Check{files, folder, *meta, key, on_entry}.run(names);
}

}  // namespace gongshu::ledger
