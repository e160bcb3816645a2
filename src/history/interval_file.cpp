#include "history/interval_file.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/assert.h"
#include "base/checksum.h"
#include "history/codec.h"

namespace gongshu::history {
namespace {

constexpr std::string_view kMagic = "gsivl00\n";
constexpr std::string_view kOpenMagic = "gsivo00\n";
constexpr std::size_t kFooterBytes = 44;
constexpr std::size_t kBlockBytes = 32 << 10;  // a block is closed when it has so many
constexpr std::uint8_t kHasTo = 1, kWithdrawn = 2;

TimeNs end_of(const Interval& interval) { return interval.to.value_or(std::numeric_limits<TimeNs>::max()); }

auto place(const IntervalEntryPtr& entry) {
    const Interval& one = entry->newest();
    return std::tuple<TenantId, std::string_view, TimeNs, IntervalId>{one.tenant, one.subject, one.from, one.id};
}

Error malformed(const std::string& path) {
    return Error{Code::corrupt,
                 "{}: the checksum is right but the contents are not; was it written by a newer version?", path};
}

void put_value(Encoder& out, const Value& value) {
    out.u8(static_cast<std::uint8_t>(type_of(value)));
    switch (type_of(value)) {
        case ValueType::number:
            return out.f64(std::get<double>(value));
        case ValueType::integer:
            return out.signed_varint(std::get<std::int64_t>(value));
        case ValueType::boolean:
            return out.u8(std::get<bool>(value) ? 1 : 0);
        case ValueType::text:
            return out.text(std::get<std::string>(value));
    }
}

Value take_value(Decoder& in) {
    switch (static_cast<ValueType>(in.u8())) {
        case ValueType::number:
            return in.f64();
        case ValueType::integer:
            return in.signed_varint();
        case ValueType::boolean:
            return in.u8() != 0;
        case ValueType::text:
            return std::string(in.text());
    }
    in.fail();
    return false;
}

void put(Encoder& out, const Interval& one) {
    out.varint(one.id.value);
    out.varint(one.revision);
    out.varint(one.tenant.value);
    out.text(one.subject);
    out.varint(one.tag.value);
    out.text(one.path);
    out.text(one.kind);
    out.signed_varint(one.from);
    out.u8(static_cast<std::uint8_t>((one.to ? kHasTo : 0) | (one.withdrawn ? kWithdrawn : 0)));
    if (one.to) out.varint(static_cast<std::uint64_t>(wrapping_sub(*one.to, one.from)));
    out.varint(one.attributes.size());
    for (const auto& [name, value] : one.attributes) {
        out.text(name);
        put_value(out, value);
    }
    out.u8(static_cast<std::uint8_t>(one.source));
    out.text(one.source_name);
    out.f64(one.confidence);
    out.u8(static_cast<std::uint8_t>(one.action));
    out.text(one.by);
    out.signed_varint(one.at);
    out.text(one.reason);
}

Interval take(Decoder& in) {
    Interval one;
    one.id.value = in.varint();
    one.revision = static_cast<std::uint32_t>(in.varint());
    one.tenant.value = static_cast<std::uint32_t>(in.varint());
    one.subject = in.text();
    one.tag.value = in.varint();
    one.path = in.text();
    one.kind = in.text();
    one.from = in.signed_varint();
    const std::uint8_t flags = in.u8();
    one.withdrawn = (flags & kWithdrawn) != 0;
    if ((flags & kHasTo) != 0) one.to = wrapping_add(one.from, static_cast<std::int64_t>(in.varint()));
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        std::string name(in.text());
        one.attributes[std::move(name)] = take_value(in);
    }
    const std::uint8_t source = in.u8();
    one.source = static_cast<IntervalSource>(source);
    one.source_name = in.text();
    one.confidence = in.f64();
    const std::uint8_t action = in.u8();
    one.action = static_cast<IntervalAction>(action);
    one.by = in.text();
    one.at = in.signed_varint();
    one.reason = in.text();
    if (flags > 3 || source < 1 || source > 5 || action < 1 || action > 4 || one.id.value == 0 || one.revision == 0 ||
        (one.to && *one.to <= one.from))
        in.fail();
    return one;
}

void put(Encoder& out, const IntervalEntry& entry) {
    out.varint(entry.revisions.size());
    for (const Interval& revision : entry.revisions) put(out, revision);
}

IntervalEntry take_entry(Decoder& in) {
    IntervalEntry entry;
    const std::uint64_t count = in.varint();
    if (count == 0) in.fail();
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        entry.revisions.push_back(take(in));
        const Interval& one = entry.revisions.back();
        if (one.revision != i + 1 || one.id != entry.revisions.front().id) in.fail();
    }
    return entry;
}

// Blocks of a file that is being written.
class BlockWriter {
public:
    explicit BlockWriter(Buffer& out) : out_(out) {}

    void add(const IntervalEntry& entry) {
        const Interval& one = entry.newest();
        if (!blocks_.empty() &&
            (out_.size() - blocks_.back().offset >= kBlockBytes || one.tenant != blocks_.back().tenant))
            close();
        if (!is_open_) {
            blocks_.push_back({one.tenant, one.subject, one.subject, one.from, one.from, end_of(one), 0, out_.size()});
            is_open_ = true;
        }
        IntervalBlock& block = blocks_.back();
        Encoder encoder{out_};
        put(encoder, entry);
        ++block.entries;
        block.last = one.subject;
        block.min_from = std::min(block.min_from, one.from);
        block.max_from = std::max(block.max_from, one.from);
        block.max_to = std::max(block.max_to, end_of(one));
        ids.emplace_back(one.id.value, blocks_.size() - 1);
        if (entry.filed) replaced.push_back(one.id.value);
    }
    void close() {
        if (!is_open_) return;
        IntervalBlock& block = blocks_.back();
        block.bytes = static_cast<std::uint32_t>(out_.size() - block.offset);
        block.crc = crc32c(Bytes{out_}.subspan(block.offset));
        is_open_ = false;
    }
    const std::vector<IntervalBlock>& blocks() const { return blocks_; }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ids;
    std::vector<std::uint64_t> replaced;

private:
    Buffer& out_;
    std::vector<IntervalBlock> blocks_;
    bool is_open_ = false;
};

void put_directory(Encoder& out, const std::vector<IntervalBlock>& blocks, const std::vector<std::uint64_t>& replaced) {
    out.varint(blocks.size());
    for (const IntervalBlock& block : blocks) {
        out.varint(block.tenant.value);
        out.text(block.first);
        out.text(block.last);
        for (const TimeNs time : {block.min_from, block.max_from, block.max_to}) out.signed_varint(time);
        out.varint(block.entries);
        out.varint(block.bytes);
        out.u32(block.crc);
    }
    out.varint(replaced.size());
    std::uint64_t before = 0;
    for (const std::uint64_t id : replaced) {
        out.varint(id - before);
        before = id;
    }
}

}  // namespace

void encode_interval(const Interval& interval, Buffer& bytes) {
    Encoder out{bytes};
    put(out, interval);
}

Result<Interval> decode_interval(Bytes bytes) {
    Decoder in{bytes};
    Interval one = take(in);
    if (!in.finished())
        return Error{Code::corrupt, "an interval does not follow its grammar in its {} bytes", bytes.size()};
    return one;
}

Buffer encode_interval_file(std::vector<IntervalEntryPtr> entries, IntervalFileInfo& info) {
    ASSERT(!entries.empty());
    std::ranges::sort(entries, {}, place);
    Buffer file;
    Encoder out{file};
    out.bytes(as_bytes(kMagic));
    BlockWriter writer{file};
    const Interval& first = entries.front()->newest();
    info.intervals = entries.size();
    info.min_id = info.max_id = first.id.value;
    info.min_from = info.max_from = first.from;
    info.max_to = end_of(first);
    for (const IntervalEntryPtr& entry : entries) {
        const Interval& one = entry->newest();
        writer.add(*entry);
        info.min_id = std::min(info.min_id, one.id.value);
        info.max_id = std::max(info.max_id, one.id.value);
        info.min_from = std::min(info.min_from, one.from);
        info.max_from = std::max(info.max_from, one.from);
        info.max_to = std::max(info.max_to, end_of(one));
    }
    writer.close();
    const std::uint64_t directory_offset = file.size();
    std::ranges::sort(writer.replaced);
    put_directory(out, writer.blocks(), writer.replaced);
    const std::uint64_t ids_offset = file.size();
    std::ranges::sort(writer.ids);
    out.varint(writer.ids.size());
    std::uint64_t before = 0;
    for (const auto& [id, block] : writer.ids) {
        out.varint(id - before);
        out.varint(block);
        before = id;
    }
    const std::uint64_t end = file.size();
    const std::uint32_t directory_crc = crc32c(Bytes{file}.subspan(directory_offset, ids_offset - directory_offset));
    const std::uint32_t ids_crc = crc32c(Bytes{file}.subspan(ids_offset, end - ids_offset));
    out.u64(directory_offset);
    out.u32(static_cast<std::uint32_t>(ids_offset - directory_offset));
    out.u32(directory_crc);
    out.u64(ids_offset);
    out.u32(static_cast<std::uint32_t>(end - ids_offset));
    out.u32(ids_crc);
    out.u32(crc32c(Bytes{file}.subspan(end, 32)));
    out.bytes(as_bytes(kMagic));
    info.bytes = file.size();
    return file;
}

Result<IntervalDirectory> decode_interval_directory(Bytes bytes, std::uint64_t blocks_bytes, const std::string& path) {
    Decoder in{bytes};
    IntervalDirectory directory;
    std::uint64_t offset = kMagic.size();
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        IntervalBlock block;
        block.tenant.value = static_cast<std::uint32_t>(in.varint());
        block.first = in.text();
        block.last = in.text();
        for (TimeNs* time : {&block.min_from, &block.max_from, &block.max_to}) *time = in.signed_varint();
        block.entries = in.varint();
        block.bytes = static_cast<std::uint32_t>(in.varint());
        block.crc = in.u32();
        block.offset = offset;
        offset += block.bytes;
        if (offset > blocks_bytes || block.bytes == 0) return malformed(path);
        directory.blocks.push_back(std::move(block));
    }
    std::uint64_t id = 0;
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        id += in.varint();
        directory.replaced.push_back(id);
    }
    if (!in.finished() || offset != blocks_bytes || !std::ranges::is_sorted(directory.replaced)) return malformed(path);
    return directory;
}

Result<std::vector<IntervalEntryPtr>> decode_interval_block(Bytes bytes, const IntervalBlock& block,
                                                            const std::string& path) {
    Decoder in{bytes};
    std::vector<IntervalEntryPtr> entries;
    for (std::uint64_t i = 0; i < block.entries && !in.failed(); ++i) {
        IntervalEntry entry = take_entry(in);
        if (in.failed()) break;
        const Interval& one = entry.newest();
        if (one.tenant != block.tenant || one.subject < block.first || one.subject > block.last ||
            one.from < block.min_from || one.from > block.max_from || end_of(one) > block.max_to)
            return malformed(path);
        entries.push_back(std::make_shared<const IntervalEntry>(std::move(entry)));
        if (i > 0 && place(entries[i - 1]) >= place(entries[i])) return malformed(path);
    }
    if (!in.finished()) return malformed(path);
    return entries;
}

Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> decode_interval_ids(Bytes bytes, std::size_t blocks,
                                                                                 const std::string& path) {
    Decoder in{bytes};
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ids;
    std::uint64_t id = 0;
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        const std::uint64_t step = in.varint();
        const std::uint64_t block = in.varint();
        if (in.failed() || step == 0 || block >= blocks) return malformed(path);
        id += step;
        ids.emplace_back(id, block);
    }
    if (!in.finished()) return malformed(path);
    return ids;
}

Result<IntervalReader> IntervalReader::open(io::Files& files, const std::string& path) {
    std::shared_ptr<io::File> file = TRY(files.open(path, io::Open::read));
    const std::uint64_t bytes = TRY(file->size());
    if (bytes < kMagic.size() + kFooterBytes)
        return Error{Code::corrupt, "{}: {} bytes, at least {} expected", path, bytes, kMagic.size() + kFooterBytes};
    Buffer head(kMagic.size()), foot(kFooterBytes);
    TRY(file->read_at(0, head));
    TRY(file->read_at(bytes - kFooterBytes, foot));
    Decoder in{foot};
    const std::uint64_t directory_offset = in.u64();
    const std::uint32_t directory_bytes = in.u32();
    const std::uint32_t directory_crc = in.u32();
    const std::uint64_t ids_offset = in.u64();
    const std::uint32_t ids_bytes = in.u32();
    const std::uint32_t ids_crc = in.u32();
    const std::uint32_t crc = in.u32();
    if (as_text(head) != kMagic || as_text(in.bytes(kMagic.size())) != kMagic || crc != crc32c(Bytes{foot}.first(32)) ||
        directory_offset > bytes || directory_offset + directory_bytes != ids_offset ||
        ids_offset + ids_bytes + kFooterBytes != bytes)
        return Error{Code::corrupt, "{}: is no whole file of intervals; restore it from a backup", path};
    Buffer content(directory_bytes);
    TRY(file->read_at(directory_offset, content));
    if (crc32c(content) != directory_crc)
        return Error{Code::corrupt, "{}: the checksum of the directory is wrong; restore the file from a backup", path};
    IntervalDirectory directory = TRY(decode_interval_directory(content, directory_offset, path));
    directory.ids_offset = ids_offset;
    directory.ids_bytes = ids_bytes;
    directory.ids_crc = ids_crc;
    return IntervalReader{std::move(file), path, std::move(directory)};
}

Result<std::vector<IntervalEntryPtr>> IntervalReader::block(const IntervalBlock& block) const {
    Buffer content(block.bytes);
    TRY(file_->read_at(block.offset, content));
    if (crc32c(content) != block.crc)
        return Error{Code::corrupt, "{}: the checksum of the block at byte {} is wrong; restore the file from a backup",
                     path_, block.offset};
    return decode_interval_block(content, block, path_);
}

Result<IntervalEntryPtr> IntervalReader::find(std::uint64_t id) const {
    Buffer content(directory_.ids_bytes);
    TRY(file_->read_at(directory_.ids_offset, content));
    if (crc32c(content) != directory_.ids_crc)
        return Error{Code::corrupt, "{}: the checksum of the ids is wrong; restore the file from a backup", path_};
    const auto ids = TRY(decode_interval_ids(content, directory_.blocks.size(), path_));
    const auto found = std::ranges::lower_bound(ids, id, {}, &std::pair<std::uint64_t, std::uint64_t>::first);
    if (found == ids.end() || found->first != id) return IntervalEntryPtr{};
    for (IntervalEntryPtr& entry : TRY(block(directory_.blocks[found->second])))
        if (entry->newest().id.value == id) return std::move(entry);
    return malformed(path_);
}

Result<std::vector<IntervalEntryPtr>> IntervalReader::all() const {
    std::vector<IntervalEntryPtr> entries;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> found;
    for (std::size_t i = 0; i < directory_.blocks.size(); ++i)
        for (IntervalEntryPtr& entry : TRY(block(directory_.blocks[i]))) {
            if (!entries.empty() && place(entries.back()) >= place(entry)) return malformed(path_);
            found.emplace_back(entry->newest().id.value, i);
            entries.push_back(std::move(entry));
        }
    Buffer content(directory_.ids_bytes);
    TRY(file_->read_at(directory_.ids_offset, content));
    std::ranges::sort(found);
    if (crc32c(content) != directory_.ids_crc ||
        found != TRY(decode_interval_ids(content, directory_.blocks.size(), path_)))
        return Error{Code::corrupt, "{}: the list of ids does not fit the blocks; restore the file from a backup",
                     path_};
    return entries;
}

Buffer encode_open_intervals(const OpenIntervals& open) {
    Buffer body;
    Encoder out{body};
    out.varint(open.entries.size());
    for (const IntervalEntryPtr& entry : open.entries) {
        out.u8(entry->filed ? 1 : 0);
        put(out, *entry);
    }
    out.varint(open.kinds.size());
    for (const auto& [tenant, kinds] : open.kinds) {
        out.varint(tenant.value);
        out.varint(kinds.size());
        for (const std::string& kind : kinds) out.text(kind);
    }
    return seal_file(kOpenMagic, body);
}

Result<OpenIntervals> decode_open_intervals(Bytes file, const std::string& path) {
    Decoder in{TRY(open_file(kOpenMagic, file, path))};
    OpenIntervals open;
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        const std::uint8_t filed = in.u8();
        IntervalEntry entry = take_entry(in);
        if (in.failed() || filed > 1) return malformed(path);
        entry.filed = filed != 0;
        if (!open.entries.empty() && open.entries.back()->newest().id >= entry.newest().id) return malformed(path);
        open.entries.push_back(std::make_shared<const IntervalEntry>(std::move(entry)));
    }
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        auto& kinds = open.kinds[TenantId{static_cast<std::uint32_t>(in.varint())}];
        for (std::uint64_t count = in.varint(); count > 0 && !in.failed(); --count) kinds.emplace_back(in.text());
    }
    if (!in.finished()) return malformed(path);
    return open;
}

}  // namespace gongshu::history
