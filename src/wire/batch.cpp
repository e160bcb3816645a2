#include "wire/batch.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/assert.h"
#include "base/checksum.h"
#include "base/utf8.h"

namespace gongshu::wire {

namespace {

// frame := magic:"GSBT" version:u8 reserved:u8[3] bytes:u32 crc32c:u32 body   little-endian; crc covers version to
// bytes and body.
constexpr std::string_view kMagic = "GSBT";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeadBytes = 16;
enum class NumberForm : std::uint8_t { raw = 0, decimal = 1 };  // on the wire: never renumber
constexpr int kPlacesMax = 9;
constexpr double kTens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr double kExactMax = 9'007'199'254'740'992.0;  // 2^53
constexpr std::size_t kBitsOfByte = 8;
constexpr std::size_t kVarintBytesMax = 10;

std::uint64_t zigzag(std::int64_t number) {
    return static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
}
std::uint64_t unzigzag(std::uint64_t number) { return (number >> 1) ^ (~(number & 1) + 1); }

template <class Out>
Out write_varint(Out out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) *out++ = static_cast<std::uint8_t>(number | 0x80);
    *out++ = static_cast<std::uint8_t>(number);
    return out;
}

std::uint32_t load32(const std::uint8_t* at) {
    return at[0] | std::uint32_t{at[1]} << 8 | std::uint32_t{at[2]} << 16 | std::uint32_t{at[3]} << 24;
}

std::uint32_t frame_crc(Bytes frame) { return crc32c(frame.subspan(kHeadBytes), crc32c(frame.subspan(4, 8))); }

// What is left of the body of a frame.
class Reader {
public:
    Reader(Bytes bytes, const std::uint8_t* begin) : at_(bytes.data()), end_(at_ + bytes.size()), begin_(begin) {}

    bool empty() const { return at_ == end_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    Error broken(std::string_view what) const {
        return Error{Code::malformed, "the batch is broken near byte {}: {}", at_ - begin_, what};
    }
    bool varint(std::uint64_t& number) {
        if (at_ != end_ && *at_ < 0x80) {
            number = *at_++;
            return true;
        }
        number = 0;
        for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
            number |= std::uint64_t{*at_ & 0x7Fu} << shift;
            if ((*at_++ & 0x80) == 0) return true;
        }
        return false;
    }
    const std::uint8_t* here() const { return at_; }
    bool begins_with(Bytes bytes) const {
        return bytes.size() <= left() && std::memcmp(at_, bytes.data(), bytes.size()) == 0;
    }
    // `bytes` must be there.
    const std::uint8_t* take(std::size_t bytes) {
        ASSERT(bytes <= left());
        return std::exchange(at_, at_ + bytes);
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* const end_;
    const std::uint8_t* const begin_;  // of all frames, for messages
};

Result<std::string_view> read_text(Reader& in, std::size_t bytes_max, std::string_view what) {
    std::uint64_t bytes = 0;
    if (!in.varint(bytes) || bytes > in.left()) return in.broken(what);
    if (bytes > bytes_max) return in.broken(what);
    const std::string_view text{reinterpret_cast<const char*>(in.take(bytes)), static_cast<std::size_t>(bytes)};
    if (find_broken_utf8(text) != text.npos) return in.broken("a text that is not UTF-8");
    return text;
}

// A first number, then steps to it, whose sums wrap: hostile ones do no harm.
Result<void> read_steps(Reader& in, std::vector<std::uint64_t>& numbers) {
    std::uint64_t number = 0, step = 0;
    for (std::uint64_t& one : numbers) {
        if (!in.varint(step)) return in.broken("values that end too early");
        number += unzigzag(step);
        one = number;
    }
    return {};
}

// The first, the step to the second, then by how much each step differs from the one before.
Result<void> read_times(Reader& in, std::vector<TimeNs>& times) {
    std::uint64_t time = 0, step = 0, change = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        if (!in.varint(change)) return in.broken("times that end too early");
        if (i == 0) {
            time = unzigzag(change);
        } else {
            step += unzigzag(change);
            time += step;
        }
        times[i] = static_cast<TimeNs>(time);
    }
    return {};
}

Result<void> read_qualities(Reader& in, std::size_t rows, BatchColumn& column) {
    std::vector<Quality>& qualities = column.qualities;
    std::uint8_t all_good[2 * kVarintBytesMax];
    std::uint8_t* const end = write_varint(write_varint(all_good, rows), pack(kGood));
    if (const Bytes bytes{all_good, end}; in.begins_with(bytes)) {
        in.take(bytes.size());
        if (!column.all_good || qualities.size() != rows) qualities.assign(rows, kGood);
        column.all_good = true;
        return {};
    }
    column.all_good = false;
    qualities.clear();
    while (qualities.size() < rows) {
        std::uint64_t run = 0, bits = 0;
        if (!in.varint(run) || !in.varint(bits) || run == 0 || run > rows - qualities.size() || bits > UINT16_MAX)
            return in.broken("runs of qualities that are none");
        const Quality quality = unpack_quality(static_cast<std::uint16_t>(bits));
        if (pack(quality) != bits || quality.grade > Grade::good || quality.reason > Reason::unstable)
            return in.broken("a quality that is none");
        qualities.insert(qualities.end(), run, quality);
    }
    return {};
}

Result<void> read_numbers(Reader& in, std::vector<std::uint64_t>& bits) {
    std::uint64_t form = 0, places = 0;
    if (!in.varint(form)) return in.broken("numbers without their form");
    if (form == static_cast<std::uint64_t>(NumberForm::raw)) {
        const std::size_t bytes = bits.size() * sizeof(std::uint64_t);
        if (bytes > in.left()) return in.broken("values that end too early");
        static_assert(std::endian::native == std::endian::little);
        std::memcpy(bits.data(), in.take(bytes), bytes);
        for (const std::uint64_t one : bits)
            if (!std::isfinite(std::bit_cast<double>(one))) return in.broken("a value that is no number");
        return {};
    }
    if (form != static_cast<std::uint64_t>(NumberForm::decimal) || !in.varint(places) || places > kPlacesMax)
        return in.broken("numbers of a form that is not known");
    TRY(read_steps(in, bits));
    const double ten = kTens[places];
    for (std::uint64_t& one : bits)
        one = std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<std::int64_t>(one)) / ten);
    return {};
}

Result<void> read_booleans(Reader& in, std::vector<std::uint64_t>& bits) {
    const std::size_t bytes = (bits.size() + kBitsOfByte - 1) / kBitsOfByte;
    if (bytes > in.left()) return in.broken("values that end too early");
    const std::uint8_t* const map = in.take(bytes);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = map[i / kBitsOfByte] >> (i % kBitsOfByte) & 1u;
    return {};
}

Result<void> read_values(Reader& in, std::size_t rows, BatchColumn& column) {
    column.texts.clear();
    column.bits.clear();
    if (column.type != ValueType::text) column.bits.resize(rows);
    switch (column.type) {
        case ValueType::number:
            return read_numbers(in, column.bits);
        case ValueType::integer:
            return read_steps(in, column.bits);
        case ValueType::boolean:
            return read_booleans(in, column.bits);
        case ValueType::text:
            break;
    }
    for (std::size_t i = 0; i < rows; ++i)
        column.texts.push_back(TRY(read_text(in, in.left(), "texts that end too early")));
    return {};
}

// `times_before`: the bytes that column.times were read from.
Result<void> read_column(Reader& in, const BatchLimits& limits, std::size_t& rows_left, Bytes& times_before,
                         BatchColumn& column) {
    column.path = TRY(read_text(in, limits.path_bytes_max, "a path that is none"));
    std::uint64_t type = 0, rows = 0;
    if (column.path.empty()) return in.broken("a path that is none");
    if (!in.varint(type) || type < 1 || type > 4) return in.broken("a type that is none");
    // Each row has a time of at least one byte: what claims more than is left takes no memory.
    if (!in.varint(rows) || rows == 0 || rows > in.left()) return in.broken("a number of rows that cannot be");
    if (rows > rows_left)
        return Error{Code::limit, "more than {} readings in one request: send it in parts", limits.rows_max};
    rows_left -= rows;
    column.type = static_cast<ValueType>(type);
    // The columns of a device mostly have the same times, to the last byte.
    column.same_times = column.index > 0 && rows == column.times.size() && in.begins_with(times_before);
    if (column.same_times) {
        in.take(times_before.size());
    } else {
        const std::uint8_t* const begin = in.here();
        column.times.resize(rows);
        TRY(read_times(in, column.times));
        times_before = Bytes{begin, in.here()};
    }
    TRY(read_qualities(in, rows, column));
    return read_values(in, rows, column);
}

// Cuts the body into the bodies of its frames.
Result<std::vector<Bytes>> split_frames(Bytes body) {
    std::vector<Bytes> frames;
    const std::uint8_t* const begin = body.data();
    while (!body.empty()) {
        const Reader in{body, begin};
        if (body.size() < kHeadBytes || as_text(body.first(kMagic.size())) != kMagic)
            return in.broken("expected a frame, which begins with GSBT");
        if (body[4] != kVersion)
            return Error{Code::unsupported, "a batch of version {}; this server knows version {}", body[4], kVersion};
        const std::uint32_t bytes = load32(body.data() + 8);
        if (bytes > body.size() - kHeadBytes) return in.broken("a frame that ends too early");
        const Bytes frame = body.first(kHeadBytes + bytes);
        if (frame_crc(frame) != load32(body.data() + 12)) return in.broken("the checksum of a frame does not fit");
        frames.push_back(frame.subspan(kHeadBytes));
        body = body.subspan(frame.size());
    }
    if (frames.empty()) return Error{Code::malformed, "the body is empty; expected a batch"};
    return frames;
}

}  // namespace

Result<void> decode_batch(Bytes body, const BatchLimits& limits,
                          const std::function<void(const BatchColumn&)>& on_column) {
    BatchColumn column;
    std::size_t rows_left = limits.rows_max;
    Bytes times_before;
    const auto frames = TRY(split_frames(body));
    for (const Bytes frame : frames) {
        Reader in{frame, body.data()};
        std::uint64_t columns = 0;
        if (!in.varint(columns) || columns > frame.size()) return in.broken("a number of columns that cannot be");
        for (; columns > 0; --columns, ++column.index) {
            if (column.index >= limits.columns_max)
                return Error{Code::limit, "more than {} columns in one request: send it in parts", limits.columns_max};
            TRY(read_column(in, limits, rows_left, times_before, column));
            on_column(column);
        }
        if (!in.empty()) return in.broken("bytes behind the last column");
    }
    return {};
}

// ---- encoding -------------------------------------------------------------------------------------------------------

namespace {

void append_varint(std::string& out, std::uint64_t number) { write_varint(std::back_inserter(out), number); }

void append_text(std::string& out, std::string_view text) {
    append_varint(out, text.size());
    out.append(text);
}

void append_step(std::string& out, std::uint64_t step) { append_varint(out, zigzag(static_cast<std::int64_t>(step))); }

void append_steps(std::string& out, const std::vector<std::uint64_t>& numbers) {
    std::uint64_t before = 0;
    for (const std::uint64_t number : numbers) append_step(out, number - std::exchange(before, number));
}

void append_times(std::string& out, const std::vector<TimeNs>& times) {
    std::uint64_t before = 0, step_before = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
        const auto time = static_cast<std::uint64_t>(times[i]);
        const std::uint64_t step = time - std::exchange(before, time);
        append_step(out, i == 0 ? step : step - std::exchange(step_before, step));
    }
}

void append_qualities(std::string& out, const std::vector<Quality>& qualities) {
    for (std::size_t i = 0, end = 0; i < qualities.size(); i = end) {
        for (end = i; end < qualities.size() && qualities[end] == qualities[i];) ++end;
        append_varint(out, end - i);
        append_varint(out, pack(qualities[i]));
    }
}

// The number times 10^places as a whole one, if that one over 10^places is the number again, to the last bit.
std::optional<std::uint64_t> as_decimal(std::uint64_t bits, int places) {
    const double scaled = std::nearbyint(std::bit_cast<double>(bits) * kTens[places]);
    if (!(std::abs(scaled) <= kExactMax)) return std::nullopt;
    const auto whole = static_cast<std::int64_t>(scaled);
    if (std::bit_cast<std::uint64_t>(static_cast<double>(whole) / kTens[places]) != bits) return std::nullopt;
    return static_cast<std::uint64_t>(whole);
}

// The fewest places with which all numbers are exact; nullopt if there are none.
std::optional<int> common_places(const std::vector<std::uint64_t>& bits) {
    int places = 0;
    for (const std::uint64_t one : bits) {
        while (places <= kPlacesMax && !as_decimal(one, places)) ++places;
        if (places > kPlacesMax) return std::nullopt;
    }
    // What was exact with fewer places need not be so with more: 2^53 has no room for them.
    for (const std::uint64_t one : bits)
        if (!as_decimal(one, places)) return std::nullopt;
    return places;
}

void append_numbers(std::string& out, const std::vector<std::uint64_t>& bits) {
    const auto places = common_places(bits);
    if (!places) {
        append_varint(out, static_cast<std::uint64_t>(NumberForm::raw));
        out.append(reinterpret_cast<const char*>(bits.data()), bits.size() * sizeof(std::uint64_t));
        return;
    }
    append_varint(out, static_cast<std::uint64_t>(NumberForm::decimal));
    append_varint(out, static_cast<std::uint64_t>(*places));
    std::vector<std::uint64_t> whole;
    whole.reserve(bits.size());
    for (const std::uint64_t one : bits) whole.push_back(*as_decimal(one, *places));
    append_steps(out, whole);
}

void append_booleans(std::string& out, const std::vector<std::uint64_t>& bits) {
    std::string map((bits.size() + kBitsOfByte - 1) / kBitsOfByte, '\0');
    for (std::size_t i = 0; i < bits.size(); ++i)
        map[i / kBitsOfByte] = static_cast<char>(map[i / kBitsOfByte] | (bits[i] & 1) << (i % kBitsOfByte));
    out.append(map);
}

}  // namespace

void BatchWriter::add(const BatchColumn& column) {
    const std::size_t rows = column.times.size();
    ASSERT(rows > 0 && column.qualities.size() == rows);
    ASSERT((column.type == ValueType::text ? column.texts.size() : column.bits.size()) == rows);
    append_text(body_, column.path);
    append_varint(body_, static_cast<std::uint64_t>(column.type));
    append_varint(body_, rows);
    append_times(body_, column.times);
    append_qualities(body_, column.qualities);
    switch (column.type) {
        case ValueType::number:
            append_numbers(body_, column.bits);
            break;
        case ValueType::integer:
            append_steps(body_, column.bits);
            break;
        case ValueType::boolean:
            append_booleans(body_, column.bits);
            break;
        case ValueType::text:
            for (const std::string_view text : column.texts) append_text(body_, text);
            break;
    }
    ++columns_;
}

std::string BatchWriter::finish() {
    std::string columns;
    append_varint(columns, columns_);
    const std::size_t bytes = columns.size() + body_.size();
    ASSERT(bytes <= UINT32_MAX);
    std::string frame{kMagic};
    frame.push_back(static_cast<char>(kVersion));
    frame.append(3, '\0');
    for (int shift = 0; shift < 32; shift += 8) frame.push_back(static_cast<char>(bytes >> shift));
    frame.append(4, '\0');
    frame.append(columns).append(body_);
    const std::uint32_t crc = frame_crc(as_bytes(frame));
    for (std::size_t i = 0; i < 4; ++i) frame[12 + i] = static_cast<char>(crc >> (8 * i));
    body_.clear();
    columns_ = 0;
    return frame;
}

}  // namespace gongshu::wire
