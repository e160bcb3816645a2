// The directory at the end of a segment: docs/format/segment.md.
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "history/chunk_0.h"
#include "history/segment.h"

namespace gongshu::history {
namespace {

constexpr std::size_t kHeaderBytes = 8;  // of the file, before the first chunk

// The first byte of an entry, from the lowest bit on: the type (3), how its numbers are written (2), and whether more
// follows.
constexpr unsigned kTypeMask = 7, kNumbersShift = 3, kNumbersMask = 3;
constexpr unsigned kHasQualities = 32, kHasSections = 64, kUnknown = 128;

// On disk: never renumber.
enum class NumbersAs : std::uint8_t {
    doubles = 0,   // the bits of all
    wholes = 1,    // all are whole numbers
    decimals = 2,  // all but the sum are whole numbers divided by a power of ten
};

// An entry's times: below 4 in which unit (10^3k ns) they follow, else those of the entry so many minus 3 before.
constexpr std::array<std::int64_t, 4> kUnits{1, kMicrosecond, kMillisecond, kSecond};
constexpr std::uint64_t kSpanBack = kUnits.size() - 1;
constexpr std::array<double, 7> kPowers{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
constexpr double kWholeMax = 9e15;  // below 2^53, so that each is a double

// Text has no numbers to keep.
bool has_numbers(const ChunkInfo& chunk) { return chunk.type != ValueType::text && chunk.statistics.usable > 0; }

// The whole number that, divided by `power`, gives back every bit.
std::optional<std::int64_t> whole_of(double value, double power) {
    const double scaled = value * power;
    if (!(scaled >= -kWholeMax && scaled <= kWholeMax)) return std::nullopt;
    const auto whole = static_cast<std::int64_t>(std::nearbyint(scaled));
    const double back = static_cast<double>(whole) / power;
    if (std::bit_cast<std::uint64_t>(back) != std::bit_cast<std::uint64_t>(value)) return std::nullopt;
    return whole;
}

// How the numbers of a chunk are written shortest.
struct Numbers {
    NumbersAs as = NumbersAs::doubles;
    std::uint8_t decimals = 0;
    std::int64_t sum = 0, min = 0, max = 0, first = 0, last = 0;
};
Numbers numbers_of(const Statistics& statistics) {
    for (std::size_t k = 0; k < kPowers.size(); ++k) {
        const auto min = whole_of(statistics.min, kPowers[k]), max = whole_of(statistics.max, kPowers[k]);
        const auto first = whole_of(statistics.first, kPowers[k]), last = whole_of(statistics.last, kPowers[k]);
        if (!min || !max || !first || !last) continue;
        const auto sum = whole_of(statistics.sum, 1);
        const bool wholes = k == 0 && sum;
        return {wholes ? NumbersAs::wholes : NumbersAs::decimals,
                static_cast<std::uint8_t>(k),
                sum.value_or(0),
                *min,
                *max,
                *first,
                *last};
    }
    return {};
}

class EntryWriter {
public:
    EntryWriter(Encoder& out, const SegmentDirectory& directory) : out_(out), directory_(directory) {}

    void write(std::size_t index) {
        const ChunkInfo& chunk = directory_.chunks[index];
        const Numbers numbers = has_numbers(chunk) ? numbers_of(chunk.statistics) : Numbers{};
        out_.varint(chunk.tag.value - tag_before_);
        tag_before_ = chunk.tag.value;
        out_.u8(static_cast<std::uint8_t>(
            static_cast<unsigned>(chunk.type) | static_cast<unsigned>(numbers.as) << kNumbersShift |
            (chunk.qualities_bytes > 0 ? kHasQualities : 0) | (chunk.sections_bytes > 0 ? kHasSections : 0)));
        write_span(chunk, index);
        if (chunk.qualities_bytes > 0) write_qualities(chunk, index);
        if (has_numbers(chunk)) write_numbers(chunk.statistics, numbers);
        out_.varint(chunk.bytes);
        if (chunk.sections_bytes > 0) out_.varint(chunk.sections_bytes);
    }

private:
    void write_span(const ChunkInfo& chunk, std::size_t index) {
        const auto key = std::tuple{chunk.min_time, chunk.max_time, chunk.statistics.rows, chunk.times_offset};
        const auto [known, is_new] = spans_.try_emplace(key, index);
        if (!is_new) {
            out_.varint(kSpanBack + (index - known->second));
            known->second = index;
            return;
        }
        const TimeNs start = chunk.min_time - day_start(directory_.day);
        const TimeNs length = chunk.max_time - chunk.min_time;
        std::size_t unit = kUnits.size() - 1;
        while (start % kUnits[unit] != 0 || length % kUnits[unit] != 0) --unit;
        out_.varint(unit);
        out_.varint(static_cast<std::uint64_t>(start / kUnits[unit]));
        out_.varint(static_cast<std::uint64_t>(length / kUnits[unit]));
        out_.varint(chunk.statistics.rows);
        out_.varint(chunk.times_bytes);
    }
    void write_qualities(const ChunkInfo& chunk, std::size_t index) {
        out_.varint(chunk.statistics.rows - chunk.statistics.usable);
        out_.varint(chunk.statistics.usable - chunk.statistics.good);
        const std::size_t back = chunk.owns_qualities ? 0 : index - qualities_.at(chunk.qualities_offset);
        qualities_[chunk.qualities_offset] = index;
        out_.varint(back);
        if (back == 0) out_.varint(chunk.qualities_bytes);
    }
    void write_numbers(const Statistics& statistics, const Numbers& numbers) {
        if (numbers.as == NumbersAs::doubles) {
            for (const double value :
                 {statistics.sum, statistics.min, statistics.max, statistics.first, statistics.last})
                out_.f64(value);
            return;
        }
        if (numbers.as == NumbersAs::wholes) {
            out_.signed_varint(numbers.sum);
        } else {
            out_.u8(numbers.decimals);
            out_.f64(statistics.sum);
        }
        out_.signed_varint(numbers.min);
        for (const std::int64_t above : {numbers.max, numbers.first, numbers.last})
            out_.signed_varint(above - numbers.min);
    }

    Encoder& out_;
    const SegmentDirectory& directory_;
    std::uint64_t tag_before_ = 0;
    // The latest entry with these.
    std::map<std::tuple<TimeNs, TimeNs, std::uint64_t, std::uint64_t>, std::size_t> spans_;
    std::map<std::uint64_t, std::size_t> qualities_;
};

// The bytes before the directory: the parts of the chunks lie one after the other.
struct Extent {
    std::uint64_t offset = kHeaderBytes;
    std::uint64_t left = 0;

    bool take(std::uint64_t bytes, std::uint64_t& at, std::uint32_t& length) {
        if (bytes > left || bytes > std::numeric_limits<std::uint32_t>::max()) return false;
        at = offset;
        length = static_cast<std::uint32_t>(bytes);
        offset += bytes;
        left -= bytes;
        return true;
    }
};

// Reads the entries of a directory one by one; offsets follow from the lengths.
class EntryReader {
public:
    EntryReader(Decoder& in, Day day, Extent& extent) : in_(in), day_(day), extent_(extent) {}

    // False if the entry is out of order or out of range.
    bool read(std::vector<ChunkInfo>& chunks) {
        const ChunkInfo before = chunks.empty() ? ChunkInfo{} : chunks.back();
        ChunkInfo chunk;
        chunk.tag.value = before.tag.value + in_.varint();
        const unsigned what = in_.u8();
        const unsigned type = what & kTypeMask;
        if (type < 1 || type > 4 || (what & kUnknown) != 0 || !read_span(chunks, chunk)) return false;
        chunk.type = static_cast<ValueType>(type);
        if (!(chunk.tag > before.tag || (chunk.tag == before.tag && chunk.min_time > before.max_time))) return false;
        Statistics& statistics = chunk.statistics;
        statistics.usable = statistics.good = statistics.rows;
        if ((what & kHasQualities) != 0 && !read_qualities(chunks, chunk)) return false;
        if (has_numbers(chunk)) {
            if (!read_numbers(static_cast<NumbersAs>(what >> kNumbersShift & kNumbersMask), statistics)) return false;
        } else if (statistics.usable > 0) {
            statistics.sum = statistics.first = statistics.last = std::numeric_limits<double>::quiet_NaN();
        }
        if (!extent_.take(in_.varint(), chunk.offset, chunk.bytes)) return false;
        std::uint64_t sections = 0;  // where they lie is known: behind the values
        if ((what & kHasSections) != 0 && !extent_.take(in_.varint(), sections, chunk.sections_bytes)) return false;
        chunks.push_back(chunk);
        return !in_.failed();
    }

private:
    bool read_span(const std::vector<ChunkInfo>& chunks, ChunkInfo& chunk) {
        const std::uint64_t span = in_.varint();
        if (span > kSpanBack) {
            const std::uint64_t back = span - kSpanBack;
            if (back > chunks.size()) return false;
            const ChunkInfo& same = chunks[chunks.size() - back];
            chunk.min_time = same.min_time;
            chunk.max_time = same.max_time;
            chunk.statistics.rows = same.statistics.rows;
            chunk.times_offset = same.times_offset;
            chunk.times_bytes = same.times_bytes;
            return true;
        }
        const std::uint64_t start = in_.varint(), length = in_.varint();
        chunk.statistics.rows = in_.varint();
        const auto most = static_cast<std::uint64_t>(kDay / kUnits[span]);
        if (in_.failed() || start > most || length > most) return false;
        chunk.min_time = day_start(day_) + static_cast<TimeNs>(start) * kUnits[span];
        chunk.max_time = chunk.min_time + static_cast<TimeNs>(length) * kUnits[span];
        if (chunk.statistics.rows < 1 || chunk.statistics.rows > kChunkRows || day_of(chunk.max_time) != day_)
            return false;
        const std::uint64_t times = in_.varint();
        chunk.owns_times = times > 0;
        return times == 0 || extent_.take(times, chunk.times_offset, chunk.times_bytes);
    }
    bool read_qualities(const std::vector<ChunkInfo>& chunks, ChunkInfo& chunk) {
        Statistics& statistics = chunk.statistics;
        const std::uint64_t bad = in_.varint(), uncertain = in_.varint();
        if (bad > statistics.rows || uncertain > statistics.rows - bad) return false;
        statistics.usable = statistics.rows - bad;
        statistics.good = statistics.usable - uncertain;
        const std::uint64_t back = in_.varint();
        if (back == 0) {
            chunk.owns_qualities = true;
            return extent_.take(in_.varint(), chunk.qualities_offset, chunk.qualities_bytes) &&
                   chunk.qualities_bytes > 0;
        }
        if (back > chunks.size()) return false;
        const ChunkInfo& same = chunks[chunks.size() - back];
        chunk.qualities_offset = same.qualities_offset;
        chunk.qualities_bytes = same.qualities_bytes;
        return same.qualities_bytes > 0 && same.statistics.rows == statistics.rows &&
               same.statistics.usable == statistics.usable && same.statistics.good == statistics.good;
    }
    bool read_numbers(NumbersAs as, Statistics& statistics) {
        if (as == NumbersAs::doubles) {
            for (double* value :
                 {&statistics.sum, &statistics.min, &statistics.max, &statistics.first, &statistics.last})
                *value = in_.f64();
            return true;
        }
        double power = 1;
        if (as == NumbersAs::wholes) {
            statistics.sum = static_cast<double>(in_.signed_varint());
        } else if (as == NumbersAs::decimals) {
            const std::size_t k = in_.u8();
            if (k >= kPowers.size()) return false;
            power = kPowers[k];
            statistics.sum = in_.f64();
        } else {
            return false;
        }
        const std::int64_t min = in_.signed_varint();
        statistics.min = static_cast<double>(min) / power;
        for (double* value : {&statistics.max, &statistics.first, &statistics.last})
            *value = static_cast<double>(wrapping_add(min, in_.signed_varint())) / power;
        return true;
    }

    Decoder& in_;
    const Day day_;
    Extent& extent_;
};

// How an entry of format 1 tells of its times; larger numbers share those of the entry so many minus one before.
enum TimesAt : std::uint64_t { even = 0, own = 1 };

// The same of formats 0 and 1.
class EntryReader1 {
public:
    EntryReader1(Decoder& in, std::uint8_t format, Day day, Extent& extent)
        : in_(in), format_(format), day_(day), extent_(extent) {}

    // False if the entry is out of order or out of range.
    bool read(std::vector<ChunkInfo>& chunks) {
        const ChunkInfo before = chunks.empty() ? ChunkInfo{} : chunks.back();
        ChunkInfo chunk;
        chunk.tag.value = before.tag.value + in_.varint();
        const std::uint8_t type = in_.u8();
        chunk.type = static_cast<ValueType>(type);
        chunk.min_time = wrapping_add(day_start(day_), in_.signed_varint());
        chunk.max_time = wrapping_add(chunk.min_time, static_cast<std::int64_t>(in_.varint()));
        const bool counts_fit = read_statistics(chunk);
        const bool in_order = chunk.tag > before.tag || (chunk.tag == before.tag && chunk.min_time > before.max_time);
        if (in_.failed() || !in_order || type < 1 || type > 4 || !counts_fit || chunk.min_time > chunk.max_time ||
            day_of(chunk.min_time) != day_ || day_of(chunk.max_time) != day_)
            return false;
        if (format_ > 0 && !read_times(chunks, chunk)) return false;
        const std::uint64_t bytes = in_.varint();
        if (format_ == 0) chunk.crc = in_.u32();
        if (!extent_.take(bytes, chunk.offset, chunk.bytes)) return false;
        chunks.push_back(chunk);
        return !in_.failed();
    }

private:
    bool read_statistics(ChunkInfo& chunk) {
        Statistics& statistics = chunk.statistics;
        statistics.rows = in_.varint();
        const std::uint64_t usable = in_.varint();
        const std::uint64_t good = in_.varint();
        if (statistics.rows < 1 || statistics.rows > (format_ == 0 ? kChunkRows0 : kChunkRows)) return false;
        if (usable > statistics.rows) return false;
        statistics.usable = format_ == 0 ? usable : statistics.rows - usable;
        if (good > statistics.usable) return false;
        statistics.good = format_ == 0 ? good : statistics.usable - good;
        if (format_ == 0 ? statistics.usable > 0 : has_numbers(chunk)) {
            for (double* value :
                 {&statistics.sum, &statistics.min, &statistics.max, &statistics.first, &statistics.last})
                *value = in_.f64();
        } else if (statistics.usable > 0) {
            statistics.sum = statistics.first = statistics.last = std::numeric_limits<double>::quiet_NaN();
        }
        return true;
    }
    bool read_times(const std::vector<ChunkInfo>& chunks, ChunkInfo& chunk) {
        const std::uint64_t at = in_.varint();
        if (at == TimesAt::even) return true;
        if (at == TimesAt::own) {
            chunk.owns_times = true;
            return extent_.take(in_.varint(), chunk.times_offset, chunk.times_bytes) && chunk.times_bytes > 0;
        }
        const std::uint64_t back = at - TimesAt::own;
        if (back > chunks.size()) return false;
        const ChunkInfo& owner = chunks[chunks.size() - back];
        chunk.times_offset = owner.times_offset;
        chunk.times_bytes = owner.times_bytes;
        return owner.owns_times && owner.statistics.rows == chunk.statistics.rows && owner.min_time == chunk.min_time &&
               owner.max_time == chunk.max_time;
    }
    Decoder& in_;
    const std::uint8_t format_;
    const Day day_;
    Extent& extent_;
};

}  // namespace

void encode_directory(const SegmentDirectory& directory, Buffer& bytes) {
    Encoder out{bytes};
    out.u16(directory.shard);
    out.signed_varint(directory.day);
    out.u8(static_cast<std::uint8_t>(directory.tier));
    out.varint(directory.chunks.size());
    EntryWriter entries{out, directory};
    for (std::size_t i = 0; i < directory.chunks.size(); ++i) entries.write(i);
}

Result<SegmentDirectory> decode_directory(Bytes bytes, std::uint8_t format, std::uint64_t chunk_bytes,
                                          const std::string& path) {
    Decoder in{bytes};
    SegmentDirectory directory;
    directory.shard = in.u16();
    const std::int64_t day = in.signed_varint();
    const std::uint8_t tier = format == 0 ? 0 : in.u8();
    const std::uint64_t count = in.varint();
    // The range of days that nanoseconds cover, so that the times below cannot overflow.
    if (in.failed() || directory.shard >= kShardCount || day < -kDayMax || day > kDayMax || tier > 1 ||
        chunk_bytes < kHeaderBytes)
        return Error{Code::corrupt, "{}: the directory begins with shard {} and day {}", path, directory.shard, day};
    directory.day = static_cast<Day>(day);
    directory.tier = static_cast<Tier>(tier);
    Extent extent{kHeaderBytes, chunk_bytes - kHeaderBytes};
    EntryReader entries{in, directory.day, extent};
    EntryReader1 entries_1{in, format, directory.day, extent};
    for (std::uint64_t i = 0; i < count; ++i)
        if (!(format > 1 ? entries.read(directory.chunks) : entries_1.read(directory.chunks)))
            return Error{Code::corrupt, "{}: entry {} of the directory is out of order or out of range", path, i};
    if (!in.finished() || extent.left != 0)
        return Error{Code::corrupt, "{}: the directory does not fit its {} entries", path, count};
    return directory;
}

}  // namespace gongshu::history
