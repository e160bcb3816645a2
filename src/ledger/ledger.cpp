#include "ledger/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <tuple>

#include "base/assert.h"
#include "base/log.h"
#include "ledger/record.h"

namespace gongshu::ledger {
namespace {

constexpr std::string_view kRedactedKind = "ledger.redacted";
constexpr std::uint64_t kFileBytesMax = std::uint64_t{4} << 30;
constexpr std::string_view kEntriesSuffix = ".entries";
constexpr std::size_t kMetaBytesMax = 4096;

void put_big_endian(Buffer& out, std::uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

bool is_kind(std::string_view kind) {
    const auto fine = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
    return !kind.empty() && kind.size() <= Ledger::kKindBytesMax && std::ranges::all_of(kind, fine);
}

// What stays of the heads: the newest `kept`, and of those before the last of each day. `older`: how many of the
// latter.
Buffer thinned(Bytes heads, std::size_t kept, std::size_t& older) {
    const auto day_of = [&](std::size_t i) {
        const auto head = decode_head(heads.subspan(i * kHeadBytes, kHeadBytes));
        return head ? head->head.time / kDay : INT64_MIN;
    };
    const std::size_t count = heads.size() / kHeadBytes;
    const std::size_t newest = count - std::min(count, kept);
    Buffer out;
    for (std::size_t i = 0; i < newest; ++i) {
        if (day_of(i) == day_of(i + 1)) continue;
        const Bytes head = heads.subspan(i * kHeadBytes, kHeadBytes);
        out.insert(out.end(), head.begin(), head.end());
    }
    older = out.size() / kHeadBytes;
    const Bytes rest = heads.subspan(newest * kHeadBytes);
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
}

// Whether a whole record begins anywhere from `at` on.
bool record_follows(Bytes file, std::size_t at) {
    for (; at + kRecordHeaderBytes <= file.size(); ++at) {
        if (file[at] != 'G') continue;
        const auto header = decode_record_header(file.subspan(at));
        if (header && at + header->length <= file.size()) return true;
    }
    return false;
}

}  // namespace

std::string head_text(std::string_view name, HashKind hash, const TreeHead& head) {
    return fmt::format("gongshu tree head 1\n{}\n{}\n{}\n{}\n{}\n", name, to_string(hash), head.size, to_hex(head.root),
                       head.time);
}

Digest commitment_of(HashKind hash, const Entry& entry) {
    Buffer bytes(entry.salt.begin(), entry.salt.end());
    put_big_endian(bytes, entry.number, 8);
    put_big_endian(bytes, static_cast<std::uint64_t>(entry.time), 8);
    put_big_endian(bytes, entry.redacts.value_or(kNothing), 8);
    put_big_endian(bytes, entry.kind.size(), 4);
    bytes.insert(bytes.end(), entry.kind.begin(), entry.kind.end());
    put_big_endian(bytes, entry.body.size(), 4);
    bytes.insert(bytes.end(), entry.body.begin(), entry.body.end());
    return hash_of(hash, bytes);
}

Ledger::Ledger(io::Files& files, const Clock& clock, const io::SigningKey& key, LedgerOptions options)
    : files_(files), clock_(clock), key_(key), options_(std::move(options)), tree_(options_.hash) {}

Ledger::~Ledger() {
    if (broken_ || !file_ || rows_.empty() || (head_ && head_->size == rows_.size())) return;
    if (const auto kept = keep_head(); !kept) log_warning("ledger", "{}", kept.error().text());
}

std::string Ledger::entries_path(std::uint32_t file) const {
    return fmt::format("{}/{:08x}{}", options_.folder, file, kEntriesSuffix);
}

Result<std::unique_ptr<Ledger>> Ledger::open(io::Files& files, const Clock& clock, const io::SigningKey& key,
                                             LedgerOptions options) {
    if (options.name.empty() || options.name.find('\n') != std::string::npos)
        return Error{Code::invalid, "name: expected one line, found \"{}\"", options.name};
    TRY(files.make_folder(options.folder));
    const std::string path = options.folder + "/LEDGER";
    if (TRY(files.exists(path))) {
        const Meta meta = TRY(decode_meta(TRY(io::read_whole(files, path, kMetaBytesMax)), path));
        if (meta.name != options.name)
            return Error{Code::corrupt, "{}: it is the ledger of \"{}\", not of \"{}\"", path, meta.name, options.name};
        options.hash = meta.hash;
    } else {
        TRY(io::write_whole(files, path, encode_meta({options.hash, options.name})));
    }
    auto made = std::unique_ptr<Ledger>(new Ledger(files, clock, key, std::move(options)));
    if (auto recovered = made->recover().context("cannot open the ledger of {}", made->options_.name); !recovered) {
        made->broken_ = recovered.error();
        return recovered.error();
    }
    return made;
}

// ---- opening

Result<void> Ledger::recover() {
    TRY(recover_heads());
    std::vector<std::uint32_t> numbers;
    for (const std::string& name : TRY(files_.list(options_.folder))) {
        if (!name.ends_with(kEntriesSuffix) || name.size() != 8 + kEntriesSuffix.size()) continue;
        numbers.push_back(static_cast<std::uint32_t>(std::strtoul(name.substr(0, 8).c_str(), nullptr, 16)));
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] != i) return Error{Code::corrupt, "{} is missing", entries_path(static_cast<std::uint32_t>(i))};
        TRY(recover_entries(numbers[i], i + 1 == numbers.size()));
    }
    if (!file_) TRY(begin_file(0));
    TRY(files_.sync_folder(options_.folder));  // of the last start it may have failed
    TRY(check_head());
    return finish_redactions();
}

// Reads a file's records into rows_ and tree_. What was being written when the power went is cut: records of an
// append() whose others are not there as well.
Result<void> Ledger::recover_entries(std::uint32_t file, bool is_last) {
    const std::string path = entries_path(file);
    const Buffer bytes = TRY(io::read_whole(files_, path, kFileBytesMax));
    const auto first = decode_file_header(bytes);
    if (!first || *first != rows_.size()) {
        if (!is_last || record_follows(bytes, 0))
            return Error{Code::corrupt, "{}: its header is damaged; restore it from a backup", path};
        TRY(files_.remove(path));  // it was being made
        return file == 0 ? Result<void>{} : begin_file(file);
    }
    std::size_t at = kFileHeaderBytes, good = at, last_begins = 0, rows_good = rows_.size();
    while (at < bytes.size()) {
        const auto header = decode_record_header(Bytes(bytes).subspan(at));
        if (!header || at + header->length > bytes.size() || header->number != rows_.size()) break;
        const Bytes record = Bytes(bytes).subspan(at, header->length);
        const bool whole = decode_record(*header, record, false).has_value();
        // A payload that was not written whole: nothing follows it. A redacted one has a successor, and of one that was
        // damaged since the head tells.
        const bool known = head_ && header->number < head_->size;
        if (!whole && is_last && !known && !record_follows(bytes, at + header->length)) break;
        rows_.push_back({file, static_cast<std::uint32_t>(at), header->length});
        tree_.append(leaf_hash(options_.hash, header->commitment));
        if (header->redacts != kNothing) redactions_.emplace_back(header->number, header->redacts);
        at += header->length;
        if (header->left == 0) {
            last_begins = good == kFileHeaderBytes ? 0 : good;
            good = at;
            rows_good = rows_.size();
        }
    }
    if (good == bytes.size()) return is_last ? go_on_with(file, Bytes(bytes), last_begins) : Result<void>{};
    if (!is_last || record_follows(bytes, at + 1))
        return Error{Code::corrupt, "{}: the record at byte {} is damaged; restore the file from a backup", path, at};
    log_warning("ledger", "{}: what follows byte {} was not written completely before the last stop and is cut", path,
                good);
    if (rows_good < rows_.size()) {  // part of an append() is there: the tree grows only, so it is made again
        rows_.resize(rows_good);
        std::erase_if(redactions_, [&](const auto& redaction) { return redaction.first >= rows_good; });
        tree_ = MerkleTree{options_.hash};
        const ReadLeaves read = leaves();
        std::vector<Digest> block(std::min<std::size_t>(rows_good, MerkleTree::kBlockLeaves));
        for (std::size_t from = 0; from < rows_good; from += block.size()) {
            block.resize(std::min(block.size(), rows_good - from));
            TRY(read(from, block));
            for (const Digest& leaf : block) tree_.append(leaf);
        }
    }
    return go_on_with(file, Bytes(bytes).first(good), last_begins);
}

// A sync that failed leaves bytes that can be read and yet never reach the disk unless they are written again. Only the
// last append() can be one of those, because nothing is written after it.
Result<void> Ledger::go_on_with(std::uint32_t number, Bytes bytes, std::size_t last_begins) {
    auto file = TRY(files_.open(entries_path(number), io::Open::read_write));
    TRY(file->truncate(bytes.size()));
    TRY(file->write_at(last_begins, bytes.subspan(last_begins)));
    TRY(file->sync());
    file_ = TRY(files_.open(entries_path(number), io::Open::append));
    file_number_ = number;
    file_bytes_ = bytes.size();
    return {};
}

Result<void> Ledger::recover_heads() {
    const std::string path = options_.folder + "/heads";
    // Of a thinning that was cut.
    if (TRY(files_.exists(path + ".tmp"))) TRY(files_.remove(path + ".tmp"));
    if (!TRY(files_.exists(path))) {
        heads_ = TRY(files_.open(path, io::Open::create_new));
        return heads_->sync();
    }
    const Buffer bytes = TRY(io::read_whole(files_, path, kFileBytesMax));
    std::size_t good = 0;
    while (good + kHeadBytes <= bytes.size()) {
        const auto kept = decode_head(Bytes(bytes).subspan(good, kHeadBytes));
        if (!kept) break;
        head_ = kept->head;
        good += kHeadBytes;
    }
    if (bytes.size() - good >= 2 * kHeadBytes)
        return Error{Code::corrupt, "{}: the head at byte {} is damaged; restore the file from a backup", path, good};
    // Written again as in go_on_with().
    const std::size_t last = good < kHeadBytes ? 0 : good - kHeadBytes;
    auto file = TRY(files_.open(path, io::Open::read_write));
    TRY(file->truncate(good));
    TRY(file->write_at(last, Bytes(bytes).subspan(last, good - last)));
    TRY(file->sync());
    heads_ = TRY(files_.open(path, io::Open::append));
    heads_count_ = good / kHeadBytes;
    thinned(Bytes(bytes).first(good), options_.heads_kept, heads_older_);
    return {};
}

Result<void> Ledger::check_head() const {
    if (!head_) return {};
    if (head_->size > rows_.size())
        return Error{Code::corrupt,
                     "{}: a head was signed over {} entries, and only {} are there; restore it from a "
                     "backup",
                     options_.folder, head_->size, rows_.size()};
    if (TRY(tree_.root_at(head_->size, leaves())) != head_->root)
        return Error{Code::corrupt,
                     "{}: the first {} entries are not those that a head was signed over; restore them "
                     "from a backup",
                     options_.folder, head_->size};
    return {};
}

Result<void> Ledger::finish_redactions() {
    for (const auto& [by, number] : redactions_) {
        if (number >= by) return Error{Code::corrupt, "entry {} redacts entry {}, which did not exist yet", by, number};
        const Row row = rows_[number];
        auto file = TRY(files_.open(entries_path(row.file), io::Open::read));
        Buffer record(row.length);
        TRY(file->read_at(row.offset, record));
        const auto header = decode_record_header(record);
        // The last one may look done and not be on the disk.
        const bool is_last = by == redactions_.back().first;
        if (header && (is_last || !decode_record(*header, record, true))) TRY(wipe(number));
    }
    return {};
}

Result<void> Ledger::begin_file(std::uint32_t number) {
    auto file = TRY(files_.open(entries_path(number), io::Open::create_new));
    Buffer header;
    encode_file_header(rows_.size(), header);
    TRY(file->append(header));
    TRY(file->sync());
    TRY(files_.sync_folder(options_.folder));
    file_ = std::move(file);
    file_number_ = number;
    file_bytes_ = header.size();
    return {};
}

// ---- writing

Result<void> Ledger::broken(Error error) {
    broken_ = Error{Code::unavailable, "the ledger of {} is read-only: {}; see to the disk, then restart",
                    options_.name, error.text()};
    log_error("ledger", "{}", broken_->text());
    return *broken_;
}

Result<std::uint64_t> Ledger::append(const std::vector<NewEntry>& entries) {
    const std::lock_guard lock{mutex_};
    return append_locked(entries, std::nullopt);
}

Result<std::uint64_t> Ledger::append_locked(const std::vector<NewEntry>& entries,
                                            std::optional<std::uint64_t> redacts) {
    if (broken_) return *broken_;
    for (const NewEntry& entry : entries) {
        if (!is_kind(entry.kind) || (entry.kind == kRedactedKind) != redacts.has_value())
            return Error{Code::invalid, "kind: expected up to {} of a-z 0-9 _ and dots, and not {}, found \"{}\"",
                         kKindBytesMax, kRedactedKind, entry.kind.substr(0, 80)};
        if (entry.body.size() > options_.body_bytes_max)
            return Error{Code::limit, "body: it has {} bytes, more than {}", entry.body.size(),
                         options_.body_bytes_max};
    }
    const std::uint64_t first = rows_.size();
    if (entries.empty()) return first;
    if (file_bytes_ >= options_.file_bytes_max)
        if (auto begun = begin_file(file_number_ + 1); !begun) return broken(begun.error()).error();
    Buffer bytes;
    std::vector<Row> rows;
    std::vector<Digest> leaves;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Entry entry{.number = first + i, .time = clock_.now(), .kind = entries[i].kind, .body = entries[i].body};
        entry.redacts = redacts;
        io::random_bytes(entry.salt);
        entry.commitment = commitment_of(options_.hash, entry);
        const std::size_t begin = bytes.size();
        encode_record(entry, static_cast<std::uint32_t>(entries.size() - 1 - i), bytes);
        rows.push_back({file_number_, static_cast<std::uint32_t>(file_bytes_ + begin),
                        static_cast<std::uint32_t>(bytes.size() - begin)});
        leaves.push_back(leaf_hash(options_.hash, entry.commitment));
    }
    auto written = file_->append(bytes);
    if (!written) std::ignore = file_->truncate(file_bytes_);
    if (written) written = file_->sync();
    if (!written) return broken(written.error()).error();
    file_bytes_ += bytes.size();
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    for (const Digest& leaf : leaves) tree_.append(leaf);
    if (redacts) redactions_.emplace_back(first, *redacts);
    if (!head_ || clock_.now() - head_->time >= options_.heads_every || clock_.now() < head_->time) TRY(keep_head());
    return first;
}

Result<std::uint64_t> Ledger::redact(std::uint64_t number, std::string body) {
    const std::lock_guard lock{mutex_};
    if (number >= rows_.size()) return Error{Code::not_found, "there is no entry {} in {}", number, options_.name};
    for (const auto& [by, of] : redactions_) {
        if (of == number) return Error{Code::conflict, "entry {} was redacted by entry {} already", number, by};
        if (by == number) return Error{Code::conflict, "entry {} says what was redacted, and stays", number};
    }
    const std::uint64_t by = TRY(append_locked({{std::string(kRedactedKind), std::move(body)}}, number));
    if (auto wiped = wipe(number); !wiped) return broken(wiped.error()).error();
    return by;
}

std::vector<std::uint64_t> Ledger::redacted() const {
    const std::shared_lock lock{mutex_};
    std::vector<std::uint64_t> numbers;
    for (const auto& [by, number] : redactions_) numbers.push_back(number);
    return numbers;
}

Result<void> Ledger::wipe(std::uint64_t number) {
    const Row row = rows_[number];
    auto file = TRY(files_.open(entries_path(row.file), io::Open::read_write));
    TRY(file->write_at(row.offset + kRecordHeaderBytes, Buffer(row.length - kRecordHeaderBytes, 0)));
    return file->sync();
}

Result<TreeHead> Ledger::sign_head() {
    const std::lock_guard lock{mutex_};
    if (broken_) return *broken_;
    return keep_head();
}

Result<TreeHead> Ledger::keep_head() {
    TreeHead head{.size = rows_.size(), .root = tree_.root(), .time = clock_.now()};
    head.signature = key_.sign(as_bytes(head_text(options_.name, options_.hash, head)));
    Buffer bytes;
    encode_head({head, key_.public_key()}, bytes);
    auto written = heads_->append(bytes);
    if (written) written = heads_->sync();
    if (!written) return broken(written.error()).error();
    head_ = head;
    ++heads_count_;
    if (heads_count_ >= heads_older_ + 2 * options_.heads_kept && copies_ == 0)
        if (auto thin = thin_heads(); !thin) return broken(thin.error()).error();
    return head;
}

// The file is replaced whole, so that a crash leaves the one or the other.
Result<void> Ledger::thin_heads() {
    const std::string path = options_.folder + "/heads";
    const Buffer bytes = TRY(io::read_whole(files_, path, kFileBytesMax));
    const Buffer left = thinned(bytes, options_.heads_kept, heads_older_);
    TRY(io::write_whole(files_, path, left));
    heads_ = TRY(files_.open(path, io::Open::append));
    heads_count_ = left.size() / kHeadBytes;
    return {};
}

// ---- reading

std::uint64_t Ledger::size() const {
    const std::shared_lock lock{mutex_};
    return rows_.size();
}

std::optional<TreeHead> Ledger::last_head() const {
    const std::shared_lock lock{mutex_};
    return head_;
}

Result<TreeHead> Ledger::head_at(std::uint64_t size) const {
    const std::shared_lock lock{mutex_};
    const Buffer bytes = TRY(io::read_whole(files_, options_.folder + "/heads", kFileBytesMax));
    for (std::size_t at = bytes.size() / kHeadBytes; at > 0; --at) {
        const auto kept = decode_head(Bytes(bytes).subspan((at - 1) * kHeadBytes, kHeadBytes));
        if (kept && kept->head.size == size) return kept->head;
    }
    if (size > rows_.size())
        return Error{Code::not_found, "there are no {} entries of {}, only {}", size, options_.name, rows_.size()};
    TreeHead head{.size = size, .root = TRY(tree_.root_at(size, leaves())), .time = clock_.now()};
    head.signature = key_.sign(as_bytes(head_text(options_.name, options_.hash, head)));
    return head;
}

Result<void> Ledger::each_file(const OnFile& on_file) const {
    std::vector<std::pair<std::string, std::uint64_t>> found;
    {
        const std::shared_lock lock{mutex_};
        ++copies_;  // no file is replaced until the end
    }
    struct Ended {
        std::atomic<int>& copies;
        ~Ended() { --copies; }
    };
    const Ended ended{copies_};
    {
        const std::shared_lock lock{mutex_};
        for (std::string& name : TRY(files_.list(options_.folder))) {
            const std::uint64_t bytes = TRY(TRY(files_.open(options_.folder + "/" + name, io::Open::read))->size());
            found.emplace_back(std::move(name), bytes);
        }
    }
    for (const auto& [name, bytes] : found) TRY(on_file(name, options_.folder + "/" + name, bytes));
    return {};
}

Result<Entry> Ledger::get(std::uint64_t number) const {
    const std::shared_lock lock{mutex_};
    if (number >= rows_.size()) return Error{Code::not_found, "there is no entry {} in {}", number, options_.name};
    const Row row = rows_[number];
    const auto file = TRY(files_.open(entries_path(row.file), io::Open::read));
    Buffer record(row.length);
    TRY(file->read_at(row.offset, record));
    const auto header = decode_record_header(record);
    if (!header || header->length != record.size() || header->number != number)
        return Error{Code::corrupt, "{}: the record at byte {} is damaged", entries_path(row.file), row.offset};
    const auto redaction = std::ranges::find(redactions_, number, &std::pair<std::uint64_t, std::uint64_t>::second);
    const bool redacted = redaction != redactions_.end();
    Entry entry = TRY(decode_record(*header, record, redacted).context("entry {} in {}", number, options_.name));
    if (redacted) entry.redacted_by = redaction->first;
    return entry;
}

ReadLeaves Ledger::leaves() const {
    struct Open {
        std::uint32_t number = UINT32_MAX;
        std::unique_ptr<io::File> file;
    };
    return [this, open = std::make_shared<Open>()](std::uint64_t first, std::span<Digest> into) -> Result<void> {
        for (Digest& leaf : into) {
            const Row row = rows_[first++];
            if (open->number != row.file) {
                open->file = TRY(files_.open(entries_path(row.file), io::Open::read));
                open->number = row.file;
            }
            std::array<std::uint8_t, kRecordHeaderBytes> bytes;
            TRY(open->file->read_at(row.offset, bytes));
            const auto header = decode_record_header(bytes);
            if (!header)
                return Error{Code::corrupt, "{}: the record at byte {} is damaged", entries_path(row.file), row.offset};
            leaf = leaf_hash(options_.hash, header->commitment);
        }
        return {};
    };
}

Result<Digest> Ledger::root_at(std::uint64_t size) const {
    const std::shared_lock lock{mutex_};
    return tree_.root_at(size, leaves());
}

Result<std::vector<Digest>> Ledger::inclusion(std::uint64_t number, std::uint64_t size) const {
    const std::shared_lock lock{mutex_};
    return tree_.inclusion(number, size, leaves());
}

Result<std::vector<Digest>> Ledger::consistency(std::uint64_t from, std::uint64_t to) const {
    const std::shared_lock lock{mutex_};
    return tree_.consistency(from, to, leaves());
}

Result<LedgerReport> Ledger::verify() const {
    const std::shared_lock lock{mutex_};
    return verify_ledger(files_, options_.folder, options_.name, key_.public_key());
}

}  // namespace gongshu::ledger
