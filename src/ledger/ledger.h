#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/files.h"
#include "io/signing.h"
#include "ledger/merkle.h"

namespace gongshu::ledger {

// What is kept of something that happened.
struct Entry {
    std::uint64_t number = 0;  // from 0, without gaps
    TimeNs time = 0;
    std::string kind;  // "audit", "contract.signed" … [a-z0-9_.], at most kKindBytesMax
    std::string body;  // JSON by convention; kind, body and salt are empty if redacted
    std::array<std::uint8_t, 16> salt{};
    Digest commitment{};                       // H(salt | number | time | kind | body): the data of the leaf
    std::optional<std::uint64_t> redacts;      // of kind "ledger.redacted": which entry lost its body
    std::optional<std::uint64_t> redacted_by;  // the entry that says so
};

struct NewEntry {
    std::string kind;
    std::string body;
};

// The root of the first `size` leaves at a time, signed by the platform's key.
struct TreeHead {
    std::uint64_t size = 0;
    Digest root{};
    TimeNs time = 0;
    io::Signature signature{};
};

// The text that is signed: five lines, each ended by \n: "gongshu tree head 1", name, hash, size, root in hex, time in
// ns.
std::string head_text(std::string_view name, HashKind hash, const TreeHead& head);
// What a leaf commits to; tools/verify_proof.py makes the same. Numbers are 8 bytes (lengths 4), most significant
// first.
Digest commitment_of(HashKind hash, const Entry& entry);

struct LedgerOptions {
    std::string folder;
    std::string
        name;  // of the tenant; part of what is signed, so that a head of one cannot be passed off for another's
    HashKind hash = HashKind::sha256;  // of a new ledger; an old one keeps its own
    std::size_t body_bytes_max = 1 << 20;
    std::uint64_t file_bytes_max = 64 << 20;  // entries go into a new file past it
    DurationNs heads_every = 10 * kSecond;    // a head is signed and kept at most so often while entries come
    std::size_t heads_kept = 20'000;          // the newest; of older ones the last of each UTC day
};

struct LedgerReport {
    std::uint64_t entries = 0, redacted = 0, heads = 0;
    std::vector<std::string> problems;  // file, place and what is wrong
};

// Reads every byte of a ledger that nobody has open, and changes none: entries, what they commit to, the tree, the
// heads and their signatures by `key`. `on_entry` is given each entry that is whole, in their order; of one that was
// redacted only number and commitment. An Error only when the files cannot be
// read.
Result<LedgerReport> verify_ledger(io::Files& files, const std::string& folder, const std::string& name,
                                   const io::PublicKey& key, const std::function<void(const Entry&)>& on_entry = {});

// Of the ledger in a folder. Code::corrupt when its description cannot be read.
Result<HashKind> hash_kind_of(io::Files& files, const std::string& folder);

// An append-only list of entries under a Merkle tree (RFC 6962). Anybody who has a signed head can be shown that an
// entry is in it and that a later head only added to it; whoever changes, removes or inserts anything is found. Leaves
// commit to salted hashes, so that the body of an entry can be deleted for good (a person's right) while all proofs
// still hold.
// Lives:   after the files, before whoever appends.
// Threads: any. Appends go one after another; each call is synced before it returns, so give many entries at once.
// Bounds:  memory 12 bytes an entry, 8 more for each redaction; bodies of body_bytes_max. Twice heads_kept heads and
// one
//          a day on the disk.
// Disk:    docs/format/ledger.md. After a failed write or sync everything that writes is Code::unavailable until the
//          ledger is opened again.
class Ledger {
public:
    static constexpr std::size_t kKindBytesMax = 60;

    // Opens what is there or begins anew; cuts a torn tail. Code::corrupt names file and place when something that was
    // acknowledged is damaged or missing. `key` and the others outlive it.
    static Result<std::unique_ptr<Ledger>> open(io::Files& files, const Clock& clock, const io::SigningKey& key,
                                                LedgerOptions options);
    ~Ledger();

    // Durable when it returns; gives the number of the first. All or none. Code::invalid for a bad kind or too long a
    // body.
    Result<std::uint64_t> append(const std::vector<NewEntry>& entries);
    // Appends an entry of kind ledger.redacted with `body`, then overwrites kind, salt and body of `number` on the
    // disk. Gives the new entry's number. Code::conflict if it was done already or `number` is itself a redaction.
    Result<std::uint64_t> redact(std::uint64_t number, std::string body);

    std::uint64_t size() const;
    std::vector<std::uint64_t> redacted() const;  // numbers of the entries whose text is gone
    HashKind hash() const { return options_.hash; }
    const std::string& name() const { return options_.name; }
    io::PublicKey public_key() const { return key_.public_key(); }
    // Code::not_found past the end.
    Result<Entry> get(std::uint64_t number) const;
    // Signs the tree of now, and keeps that head.
    Result<TreeHead> sign_head();
    std::optional<TreeHead> last_head() const;
    // The newest head that was signed over exactly so many entries; if none is kept (any more), one signed now over the
    // first of them. Code::not_found past the end.
    Result<TreeHead> head_at(std::uint64_t size) const;
    // Every file with its length of one moment, so that a copy of so much of each is whole: while it runs files only
    // grow.
    using OnFile = std::function<Result<void>(const std::string& name, const std::string& path, std::uint64_t bytes)>;
    Result<void> each_file(const OnFile& on_file) const;
    Result<Digest> root_at(std::uint64_t size) const;
    Result<std::vector<Digest>> inclusion(std::uint64_t number, std::uint64_t size) const;
    Result<std::vector<Digest>> consistency(std::uint64_t from, std::uint64_t to) const;

    // verify_ledger() while nobody appends.
    Result<LedgerReport> verify() const;

private:
    struct Row {  // where an entry lies
        std::uint32_t file;
        std::uint32_t offset;
        std::uint32_t length;  // of the whole record
    };
    struct Found;
    struct Scan;

    Ledger(io::Files& files, const Clock& clock, const io::SigningKey& key, LedgerOptions options);
    std::string entries_path(std::uint32_t file) const;
    Result<void> recover();
    Result<void> recover_entries(std::uint32_t file, bool is_last);
    Result<void> go_on_with(std::uint32_t number, Bytes bytes, std::size_t last_begins);
    Result<void> recover_heads();
    Result<void> check_head() const;
    Result<void> finish_redactions();
    Result<void> begin_file(std::uint32_t file);
    Result<std::uint64_t> append_locked(const std::vector<NewEntry>& entries, std::optional<std::uint64_t> redacts);
    Result<void> wipe(std::uint64_t number);
    Result<TreeHead> keep_head();
    Result<void> thin_heads();
    ReadLeaves leaves() const;
    Result<void> broken(Error error);

    // Constant after construction.
    io::Files& files_;
    const Clock& clock_;
    const io::SigningKey& key_;
    LedgerOptions options_;

    // Under mutex_: shared for reading, alone for appending.
    mutable std::shared_mutex mutex_;
    std::vector<Row> rows_;
    MerkleTree tree_;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> redactions_;  // entry, and which it redacts; in that order
    std::unique_ptr<io::File> file_;                                   // the last one, for appending
    std::uint32_t file_number_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::unique_ptr<io::File> heads_;
    std::size_t heads_count_ = 0;
    std::size_t heads_older_ = 0;          // of them the last ones of older days
    mutable std::atomic<int> copies_ = 0;  // under way
    std::optional<TreeHead> head_;
    std::optional<Error> broken_;
};

}  // namespace gongshu::ledger
