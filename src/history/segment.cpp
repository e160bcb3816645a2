#include "history/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/log.h"
#include "data/stage.h"
#include "history/chunk_0.h"
#include "history/section.h"
#include "io/brief.h"

namespace gongshu::history {
namespace {

constexpr std::string_view kMagic = "gsseg02\n";
// By format; the earlier ones were written by early programs and are read for ever.
constexpr std::array<std::string_view, 3> kMagics{"gsseg00\n", "gsseg01\n", kMagic};
constexpr std::size_t kFlushBytes = 1 << 20;
constexpr std::uint64_t kDirectoryBytesMax = 1 << 30;
constexpr std::size_t kLatelyMax = 32;  // so many chunks' times and qualities are compared with a new one's

// Of the format that begins and ends with this; nullopt if it is none.
std::optional<std::uint8_t> format_of(std::string_view magic) {
    const auto found = std::ranges::find(kMagics, magic);
    if (found == kMagics.end()) return std::nullopt;
    return static_cast<std::uint8_t>(found - kMagics.begin());
}

// About how many of its rows are decoded for a window: whole vectors.
std::uint64_t rows_within(const ChunkInfo& chunk, Window window) {
    const auto from = static_cast<double>(std::max(window.from, chunk.min_time));
    const auto to = static_cast<double>(std::min(window.to, chunk.max_time));
    const auto length = static_cast<double>(chunk.max_time) - static_cast<double>(chunk.min_time) + 1;
    const auto rows = static_cast<double>(chunk.statistics.rows);
    return static_cast<std::uint64_t>(std::clamp((to - from) / length * rows + 1024, 0.0, rows));
}

}  // namespace

std::string day_name(Day day) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    return fmt::format("{:04}{:02}{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::string segment_path(const std::string& folder, const SegmentInfo& info) {
    return fmt::format("{}/{}/{:02}-{:x}.seg", folder, day_name(info.day), info.shard, info.number);
}

Result<void> check_segment_header(io::Files& files, const std::string& path) {
    std::array<std::uint8_t, kMagic.size()> bytes{};
    TRY(TRY(files.open(path, io::Open::read))->read_at(0, bytes));
    if (format_of(as_text(bytes))) return {};
    return Error{Code::corrupt, "{}: byte 0: the header is not that of a segment", path};
}

SegmentWriter::SegmentWriter(io::Files& files, std::string path, SegmentInfo info, Tier tier,
                             WriteSections write_sections, std::unique_ptr<io::File> file)
    : files_(&files),
      path_(std::move(path)),
      info_(info),
      tier_(tier),
      write_sections_(write_sections),
      file_(std::move(file)) {
    Encoder{buffer_}.bytes(as_bytes(kMagic));
}

SegmentWriter::~SegmentWriter() {
    if (!file_) return;
    file_.reset();
    // Left behind it only wastes space: the next start removes it.
    if (auto removed = files_->remove(path_ + ".tmp"); !removed) log_warning("history", "{}", removed.error().text());
}

Result<SegmentWriter> SegmentWriter::create(io::Files& files, std::string path, SegmentInfo info, Tier tier,
                                            WriteSections write_sections) {
    const std::string temporary = path + ".tmp";
    auto file = TRY(files.open(temporary, io::Open::create_new).context("cannot begin segment"));
    info.rows = 0;
    return SegmentWriter{files, std::move(path), info, tier, write_sections, std::move(file)};
}

Result<void> SegmentWriter::add(TagId tag, const Run& run, std::size_t begin, std::size_t end) {
    ASSERT(!(tag < tag_));
    if (tag != tag_) {
        TRY(write_pending(Follows::nothing));
        tag_ = tag;
        pending_.type = run.type;
    }
    ASSERT(begin == end || pending_.empty() || pending_.times.back() < run.times[begin]);
    ASSERT(first_not_growing(run.times.data() + begin, end - begin) == 0);
    while (begin < end) {
        // Long texts make short chunks, so that none is larger than can be read at once.
        if (pending_.size() == kChunkRows || pending_.text.size() > kFlushBytes) TRY(write_pending(Follows::more));
        const std::size_t most = run.type == ValueType::text ? 1 : kChunkRows - pending_.size();
        const std::size_t count = std::min(most, end - begin);
        pending_.push_rows(run, begin, begin + count);
        begin += count;
    }
    return {};
}

void SegmentWriter::write_qualities(ChunkInfo& chunk) {
    if (all_good(pending_)) return;
    for (const WrittenQualities& written : lately_qualities_) {
        if (written.qualities != pending_.qualities) continue;
        chunk.qualities_offset = directory_[written.chunk].qualities_offset;
        chunk.qualities_bytes = directory_[written.chunk].qualities_bytes;
        return;
    }
    const std::size_t begin = buffer_.size();
    encode_qualities(pending_, buffer_);
    chunk.qualities_offset = written_ + begin;
    chunk.qualities_bytes = static_cast<std::uint32_t>(buffer_.size() - begin);
    chunk.owns_qualities = true;
    lately_qualities_.push_front({directory_.size(), pending_.qualities});
    if (lately_qualities_.size() > kLatelyMax) lately_qualities_.pop_back();
}

void SegmentWriter::write_times(ChunkInfo& chunk) {
    if (is_even(pending_, 0, pending_.size())) return;
    for (const WrittenTimes& written : lately_) {
        if (written.times != pending_.times) continue;
        chunk.times_offset = directory_[written.chunk].times_offset;
        chunk.times_bytes = directory_[written.chunk].times_bytes;
        return;
    }
    const std::size_t begin = buffer_.size();
    encode_times(pending_, 0, pending_.size(), tier_, buffer_);
    chunk.times_offset = written_ + begin;
    chunk.times_bytes = static_cast<std::uint32_t>(buffer_.size() - begin);
    chunk.owns_times = true;
    lately_.push_front({directory_.size(), pending_.times});
    if (lately_.size() > kLatelyMax) lately_.pop_back();
}

Result<void> SegmentWriter::write_pending(Follows follows) {
    if (pending_.empty()) return {};
    ChunkInfo chunk;
    chunk.tag = tag_;
    chunk.type = pending_.type;
    chunk.min_time = pending_.times.front();
    chunk.max_time = pending_.times.back();
    chunk.statistics.add(pending_, 0, pending_.size());
    write_times(chunk);
    write_qualities(chunk);
    const std::size_t begin = buffer_.size();
    encode_values(pending_, 0, pending_.size(), tier_, buffer_);
    chunk.offset = written_ + begin;
    chunk.bytes = static_cast<std::uint32_t>(buffer_.size() - begin);
    if (write_sections_) write_sections_(pending_, buffer_);
    // Fresh segments are merged soon, and mostly tell of less than an hour.
    if (tier_ == Tier::cold) cells_.add(pending_);
    if (follows == Follows::nothing) cells_.encode(buffer_);
    chunk.sections_bytes = static_cast<std::uint32_t>(buffer_.size() - begin) - chunk.bytes;
    info_.min_time = info_.rows == 0 ? chunk.min_time : std::min(info_.min_time, chunk.min_time);
    info_.max_time = info_.rows == 0 ? chunk.max_time : std::max(info_.max_time, chunk.max_time);
    info_.rows += pending_.size();
    directory_.push_back(chunk);
    pending_.clear();
    if (buffer_.size() < kFlushBytes) return {};
    written_ += buffer_.size();
    auto result = file_->append(buffer_);
    buffer_.clear();
    return result;
}

Result<SegmentInfo> SegmentWriter::finish() {
    TRY(write_pending(Follows::nothing));
    ASSERT(info_.rows > 0);
    const std::uint64_t offset = written_ + buffer_.size();
    const std::size_t begin = buffer_.size();
    encode_directory({info_.shard, info_.day, tier_, directory_}, buffer_);
    const auto bytes = static_cast<std::uint32_t>(buffer_.size() - begin);
    const std::uint32_t crc = crc32c(Bytes(buffer_).subspan(begin));
    Encoder out{buffer_};
    out.u64(offset);
    out.u32(bytes);
    out.u32(crc);
    out.bytes(as_bytes(kMagic));
    info_.bytes = written_ + buffer_.size();
    TRY(file_->append(buffer_).context("cannot write segment {}", path_));
    TRY(file_->sync().context("cannot sync segment {}", path_));
    file_.reset();
    TRY(files_->rename(path_ + ".tmp", path_));
    return info_;
}

Result<SegmentFooter> decode_footer(Bytes last, std::uint64_t file_bytes, const std::string& path) {
    Decoder in{last};
    SegmentFooter footer;
    footer.directory_offset = in.u64();
    footer.directory_bytes = in.u32();
    footer.directory_crc = in.u32();
    const auto format = format_of(as_text(in.bytes(8)));
    if (!format || !in.finished())
        return Error{Code::corrupt, "{}: does not end like a segment of format 0 to 2", path};
    footer.format = *format;
    if (footer.directory_offset < 8 || footer.directory_offset > file_bytes ||
        footer.directory_offset + footer.directory_bytes + kSegmentFooterBytes != file_bytes)
        return Error{Code::corrupt,
                     "{}: the directory is said to be {} bytes at {}, in a file of {}",
                     path,
                     footer.directory_bytes,
                     footer.directory_offset,
                     file_bytes};
    return footer;
}

Result<std::shared_ptr<const OpenSegment>> OpenSegment::open(io::Files& files, const std::string& path) {
    auto segment = std::make_shared<OpenSegment>();
    segment->path_ = path;
    segment->file_ = TRY(files.open(path, io::Open::read).context("cannot open segment"));
    const std::uint64_t bytes = TRY(segment->file_->size());
    if (bytes < 8 + kSegmentFooterBytes)
        return Error{Code::corrupt, "{}: {} bytes are too few for a segment", path, bytes};
    Buffer footer_bytes(kSegmentFooterBytes);
    TRY(segment->file_->read_at(bytes - kSegmentFooterBytes, footer_bytes));
    const SegmentFooter footer = TRY(decode_footer(footer_bytes, bytes, path));
    if (footer.directory_bytes > kDirectoryBytesMax)
        return Error{Code::corrupt, "{}: a directory of {} bytes", path, footer.directory_bytes};
    Buffer directory_bytes(footer.directory_bytes);
    TRY(segment->file_->read_at(footer.directory_offset, directory_bytes));
    if (crc32c(directory_bytes) != footer.directory_crc)
        return Error{Code::corrupt, "{}: the directory at {} fails its checksum; restore the file from a backup", path,
                     footer.directory_offset};
    SegmentDirectory directory = TRY(decode_directory(directory_bytes, footer.format, footer.directory_offset, path));
    segment->format_ = footer.format;
    segment->tier_ = directory.tier;
    segment->shard_ = directory.shard;
    segment->day_ = directory.day;
    segment->directory_ = std::move(directory.chunks);
    return segment;
}

std::pair<std::size_t, std::size_t> OpenSegment::chunks_of(TagId tag) const {
    const auto range = std::ranges::equal_range(directory_, tag, {}, &ChunkInfo::tag);
    return {static_cast<std::size_t>(range.begin() - directory_.begin()),
            static_cast<std::size_t>(range.end() - directory_.begin())};
}

Result<Run> OpenSegment::read(const ChunkInfo& chunk, Window window) const {
    ChunkPart part = TRY(read_part(chunk, window));
    return std::move(part.run);
}

Result<ChunkPart> OpenSegment::read_part(const ChunkInfo& chunk, Window window) const {
    TRY(io::Brief::spend(rows_within(chunk, window) * kBriefBytesRow));
    // Times and qualities of its own lie before its values: one read gets all.
    const std::uint32_t times = chunk.owns_times ? chunk.times_bytes : 0;
    const std::uint32_t qualities = chunk.owns_qualities ? chunk.qualities_bytes : 0;
    Buffer bytes(times + qualities + chunk.bytes);
    TRY(file_->read_at(chunk.offset - qualities - times, bytes).context("{}", path_));
    if (format_ == 0) {
        ChunkPart part;
        part.run = TRY(read_0(chunk, bytes));
        return part;
    }
    ChunkBytes parts{Bytes{bytes}.first(times), Bytes{bytes}.subspan(times, qualities),
                     Bytes{bytes}.subspan(times + qualities), format_ == 1};
    Buffer shared_times, shared_qualities;
    if (times != chunk.times_bytes) {
        shared_times.resize(chunk.times_bytes);
        TRY(file_->read_at(chunk.times_offset, shared_times).context("{}", path_));
        parts.times = shared_times;
    }
    if (qualities != chunk.qualities_bytes) {
        shared_qualities.resize(chunk.qualities_bytes);
        TRY(file_->read_at(chunk.qualities_offset, shared_qualities).context("{}", path_));
        parts.qualities = shared_qualities;
    }
    auto part = TRY(decode_part(chunk, parts, window).context("{}: the chunk at {}", path_, chunk.offset));
    // Rows that do not lie evenly.
    const std::uint64_t expected = rows_within(chunk, window), rows = part.run.size();
    if (rows > expected) TRY(io::Brief::spend((rows - expected) * kBriefBytesRow));
    return part;
}

Result<void> OpenSegment::pick(const ChunkInfo& chunk, std::span<const std::uint32_t> numbers, Picked& picked) const {
    ASSERT(can_pick());
    const std::uint32_t qualities = chunk.owns_qualities ? chunk.qualities_bytes : 0;
    Buffer bytes(qualities + chunk.bytes);
    TRY(file_->read_at(chunk.offset - qualities, bytes).context("{}", path_));
    ChunkBytes parts{{}, Bytes{bytes}.first(qualities), Bytes{bytes}.subspan(qualities), format_ == 1};
    Buffer shared_qualities;
    if (qualities != chunk.qualities_bytes) {
        shared_qualities.resize(chunk.qualities_bytes);
        TRY(file_->read_at(chunk.qualities_offset, shared_qualities).context("{}", path_));
        parts.qualities = shared_qualities;
    }
    return pick_rows(chunk, parts, numbers, picked).context("{}: the chunk at {}", path_, chunk.offset);
}

Result<Buffer> OpenSegment::sections(const ChunkInfo& chunk, std::uint32_t bytes_max) const {
    Buffer bytes(std::min(chunk.sections_bytes, bytes_max));
    if (!bytes.empty()) TRY(file_->read_at(chunk.offset + chunk.bytes, bytes).context("{}", path_));
    return bytes;
}

Result<Run> OpenSegment::check(const ChunkInfo& chunk) const {
    Run run = TRY(read(chunk));
    TRY(check_sections(TRY(sections(chunk))).context("{}: the chunk at {}", path_, chunk.offset));
    return run;
}

Result<Run> OpenSegment::read_0(const ChunkInfo& chunk, Bytes bytes) const {
    if (crc32c(bytes) != chunk.crc)
        return Error{Code::corrupt, "{}: the chunk at {} fails its checksum; restore the file from a backup", path_,
                     chunk.offset};
    Run run =
        TRY(decode_chunk_0(bytes, chunk.type, chunk.statistics.rows).context("{}: chunk at {}", path_, chunk.offset));
    if (run.times.front() != chunk.min_time || run.times.back() != chunk.max_time)
        return Error{Code::corrupt, "{}: the chunk at {} is not what the directory says", path_, chunk.offset};
    return run;
}

Result<std::shared_ptr<const OpenSegment>> SegmentCache::get(std::uint64_t number, const std::string& path) {
    {
        const std::lock_guard lock{mutex_};
        if (const auto found = by_number_.find(number); found != by_number_.end()) {
            entries_.splice(entries_.begin(), entries_, found->second);
            return entries_.front().segment;
        }
    }
    auto segment = TRY(OpenSegment::open(files_, path));
    const std::lock_guard lock{mutex_};
    if (by_number_.contains(number)) return segment;
    entries_.push_front({number, segment});
    by_number_[number] = entries_.begin();
    memory_bytes_ += segment->memory_bytes();
    while (entries_.size() > 1 && (entries_.size() > kOpenMax || memory_bytes_ > kMemoryMax)) {
        memory_bytes_ -= entries_.back().segment->memory_bytes();
        by_number_.erase(entries_.back().number);
        entries_.pop_back();
    }
    return segment;
}

void SegmentCache::drop(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) return;
    memory_bytes_ -= found->second->segment->memory_bytes();
    entries_.erase(found->second);
    by_number_.erase(found);
}

Segment::~Segment() {
    if (!obsolete_) return;
    cache_.drop(info_.number);
    // Left behind it only wastes space: the manifest does not name it, and the next start removes it.
    if (auto removed = files_.remove(path_); !removed) log_warning("history", "{}", removed.error().text());
}

}  // namespace gongshu::history
