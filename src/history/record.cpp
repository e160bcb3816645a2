#include "history/record.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "data/stage.h"
#include "history/codec.h"
#include "history/interval_file.h"

namespace gongshu::history {
namespace {

constexpr std::uint8_t kHasQuality = 8;  // beside the type: two bytes of quality follow; without it the row is good
constexpr std::size_t kRowBytesMax = 3 * kVarintBytesMax + 3;

Record decode_rows(Decoder& in) {
    RowsRecord record;
    record.shard.value = in.u8();
    record.first_sequence = in.varint();
    const std::uint64_t count = in.varint();
    if (record.shard.value >= kShardCount || count > Rows::kRowsMax) in.fail();
    std::uint64_t tag = record.shard.value;
    TimeNs time = 0;
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        tag += static_cast<std::uint64_t>(in.signed_varint()) << 4;
        time = wrapping_add(time, in.signed_varint());
        const std::uint8_t head = in.u8();
        const Quality quality = (head & kHasQuality) != 0 ? unpack_quality(in.u16()) : kGood;
        switch (static_cast<ValueType>(head & 7)) {
            case ValueType::number:
                record.rows.add_number(TagId{tag}, time, in.f64(), quality);
                break;
            case ValueType::integer:
                record.rows.add_integer(TagId{tag}, time, in.signed_varint(), quality);
                break;
            case ValueType::boolean:
                record.rows.add_boolean(TagId{tag}, time, in.u8() != 0, quality);
                break;
            case ValueType::text: {
                const std::string_view text = in.text();
                if (record.rows.full(text.size()))
                    in.fail();
                else
                    record.rows.add_text(TagId{tag}, time, text, quality);
                break;
            }
            default:
                in.fail();
        }
        if (head > 15) in.fail();
    }
    return record;
}

// What the head of a tuple says of its qualities.
constexpr std::uint8_t kAllGood = 0, kOneQuality = 1, kEachQuality = 2;

TupleShapePtr decode_shape(Decoder& in, ShardId shard) {
    const std::uint64_t width = in.varint();
    if (width > in.left()) in.fail();
    std::vector<TagId> tags;
    std::vector<ValueType> types;
    std::uint64_t tag = shard.value;
    for (std::uint64_t i = 0; i < width && !in.failed(); ++i) {
        tag += static_cast<std::uint64_t>(in.signed_varint()) << 4;
        const std::uint8_t type = in.u8();
        if (type < 1 || type > 4) in.fail();
        tags.push_back(TagId{tag});
        types.push_back(static_cast<ValueType>(type));
    }
    if (in.failed() || !TupleShape::fits(tags)) {
        in.fail();
        return nullptr;
    }
    return std::make_shared<const TupleShape>(std::move(tags), std::move(types));
}

void decode_value(Decoder& in, ValueType type, Tuples& tuples, std::uint64_t& bits) {
    switch (type) {
        case ValueType::number:
            bits = in.u64();
            break;
        case ValueType::integer:
            bits = static_cast<std::uint64_t>(in.signed_varint());
            break;
        case ValueType::boolean:
            bits = in.u8() != 0 ? 1 : 0;
            break;
        case ValueType::text:
            const std::string_view text = in.text();
            if (tuples.full(0, text.size()))
                in.fail();
            else
                bits = tuples.keep_text(text);
            break;
    }
}

void decode_tuple(Decoder& in, const TupleShapePtr& shape, TimeNs time, Tuples& tuples) {
    const std::uint8_t head = in.u8();
    if (head > kEachQuality || tuples.full(shape->width()) || shape->width() > in.left()) return in.fail();
    const auto values = tuples.add(shape, time);
    if (head == kOneQuality)
        tuples.change_quality(tuples.size() - 1, [quality = unpack_quality(in.u16())](Quality) { return quality; });
    if (head == kEachQuality)
        for (std::size_t i = 0; i < values.size(); ++i) tuples.set_value_quality(i, unpack_quality(in.u16()));
    for (std::size_t i = 0; i < values.size() && !in.failed(); ++i)
        decode_value(in, shape->types()[i], tuples, values[i]);
}

Record decode_tuples(Decoder& in) {
    TuplesRecord record;
    record.shard.value = in.u8();
    record.first_sequence = in.varint();
    if (record.shard.value >= kShardCount) in.fail();
    const std::uint64_t shape_count = in.varint();
    std::vector<TupleShapePtr> shapes;
    for (std::uint64_t i = 0; i < shape_count && !in.failed(); ++i) shapes.push_back(decode_shape(in, record.shard));
    const std::uint64_t count = in.varint();
    TimeNs time = 0;
    for (std::uint64_t k = 0; k < count && !in.failed(); ++k) {
        const std::uint64_t shape = in.varint();
        time = wrapping_add(time, in.signed_varint());
        if (in.failed() || shape >= shapes.size())
            in.fail();
        else
            decode_tuple(in, shapes[shape], time, record.tuples);
    }
    return record;
}

// The first, the step to the second, then by how much each step differs from the one before.
void decode_times(Decoder& in, std::vector<TimeNs>& times) {
    TimeNs time = 0, step = 0;
    for (std::size_t row = 0; row < times.size() && !in.failed(); ++row) {
        if (row == 0) {
            time = in.signed_varint();
        } else {
            step = wrapping_add(step, in.signed_varint());
            const TimeNs before = std::exchange(time, wrapping_add(time, step));
            if (time <= before) in.fail();
        }
        times[row] = time;
    }
}

void decode_column(Decoder& in, ValueType type, std::span<std::uint64_t> bits) {
    std::uint64_t before = 0;
    for (std::uint64_t& one : bits) {
        if (type == ValueType::number)
            one = in.u64();
        else if (type == ValueType::integer)
            one = before += static_cast<std::uint64_t>(in.signed_varint());
        else
            one = in.u8() != 0 ? 1 : 0;
    }
}

void decode_block(Decoder& in, ShardId shard, Columns& columns) {
    ColumnBlock block;
    block.shape = decode_shape(in, shard);
    const std::uint64_t rows = in.varint();
    // Each time and each value is a byte at least: what claims more takes no memory.
    if (in.failed() || block.shape->has_text() || rows == 0 || rows > in.left() || block.width() > in.left() / rows ||
        columns.full(rows * block.width()))
        return in.fail();
    block.times.resize(rows);
    decode_times(in, block.times);
    const std::uint8_t head = in.u8();
    if (in.failed() || head > kEachQuality) return in.fail();
    block.bits.resize(rows * block.width());
    if (head == kOneQuality) block.qualities.assign(block.bits.size(), in.u16());
    if (head == kEachQuality) {
        block.spell_qualities();
        for (std::uint16_t& one : block.qualities) one = in.u16();
    }
    for (std::uint16_t& one : block.qualities) one = pack(unpack_quality(one));
    for (std::size_t i = 0; i < block.width() && !in.failed(); ++i)
        decode_column(in, block.shape->types()[i], std::span{block.bits}.subspan(i * rows, rows));
    if (!in.failed()) columns.add(std::move(block));
}

Record decode_columns(Decoder& in) {
    ColumnsRecord record;
    record.shard.value = in.u8();
    record.first_sequence = in.varint();
    if (record.shard.value >= kShardCount) in.fail();
    const std::uint64_t count = in.varint();
    for (std::uint64_t k = 0; k < count && !in.failed(); ++k) decode_block(in, record.shard, record.columns);
    return record;
}

Record decode_event(Decoder& in) {
    Event event;
    event.id.value = in.varint();
    event.tenant.value = static_cast<std::uint32_t>(in.varint());
    event.time = in.signed_varint();
    event.kind = in.text();
    event.subject = in.text();
    event.body = in.text();
    return event;
}

Record decode_tag(Decoder& in) {
    TagRecord record;
    record.change = in.varint();
    record.tag.id.value = in.varint();
    record.tag.key.tenant.value = static_cast<std::uint32_t>(in.varint());
    record.tag.key.source = in.text();
    record.tag.key.property = in.text();
    record.tag.path = in.text();
    const std::uint8_t type = in.u8();
    if (type < 1 || type > 4) in.fail();
    record.tag.type = static_cast<ValueType>(type);
    record.tag.unit = in.text();
    return record;
}

Record decode_move(Decoder& in) {
    MoveRecord record;
    record.change = in.varint();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && !in.failed(); ++i) {
        const TagId tag{in.varint()};
        record.paths.emplace_back(tag, in.text());
    }
    return record;
}

Record decode_unit(Decoder& in) {
    UnitRecord record;
    record.change = in.varint();
    record.tag.value = in.varint();
    record.unit = in.text();
    return record;
}

}  // namespace

void encode_rows(ShardId shard, std::uint64_t first_sequence, const Rows& rows, Buffer& bytes) {
    const std::size_t begin = bytes.size();
    std::size_t text_bytes = 0;
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.type(i) == ValueType::text) text_bytes += rows.text(i).size();
    bytes.resize(begin + 1 + 2 * kVarintBytesMax + rows.size() * kRowBytesMax + text_bytes);
    std::uint8_t* out = bytes.data() + begin;
    *out++ = static_cast<std::uint8_t>(shard.value);
    out = write_varint(out, first_sequence);
    out = write_varint(out, rows.size());
    std::uint64_t tag_before = shard.value;
    TimeNs time_before = 0;
    const std::uint16_t good = pack(kGood);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::uint64_t tag = rows.tag(i).value;
        out = write_varint(out, zigzag(static_cast<std::int64_t>(tag - tag_before) >> 4));
        tag_before = tag;
        out = write_varint(out, zigzag(wrapping_sub(rows.time(i), time_before)));
        time_before = rows.time(i);
        const std::uint16_t quality = rows.quality_bits(i);
        *out++ = static_cast<std::uint8_t>(static_cast<unsigned>(rows.type(i)) | (quality == good ? 0u : kHasQuality));
        if (quality != good) {
            std::memcpy(out, &quality, 2);
            out += 2;
        }
        const std::uint64_t bits = rows.bits(i);
        switch (rows.type(i)) {
            case ValueType::number:
                std::memcpy(out, &bits, 8);
                out += 8;
                break;
            case ValueType::integer:
                out = write_varint(out, zigzag(static_cast<std::int64_t>(bits)));
                break;
            case ValueType::boolean:
                *out++ = bits != 0 ? 1 : 0;
                break;
            case ValueType::text: {
                const std::string_view text = rows.text(i);
                out = write_varint(out, text.size());
                if (!text.empty()) std::memcpy(out, text.data(), text.size());
                out += text.size();
            }
        }
    }
    bytes.resize(static_cast<std::size_t>(out - bytes.data()));
}

namespace {

void encode_shape(const TupleShape& shape, Encoder& out) {
    out.varint(shape.width());
    std::uint64_t before = shape.shard().value;
    for (std::size_t i = 0; i < shape.width(); ++i) {
        const std::uint64_t tag = shape.tags()[i].value;
        out.signed_varint(static_cast<std::int64_t>(tag - before) >> 4);
        out.u8(static_cast<std::uint8_t>(shape.types()[i]));
        before = tag;
    }
}

std::uint8_t* write_qualities(std::uint8_t* out, const Tuples& tuples, std::size_t k, std::size_t width) {
    const std::uint16_t good = pack(kGood);
    const auto each = tuples.value_qualities(k);
    const std::uint16_t first = each.empty() ? tuples.quality_bits(k) : each.front();
    const bool same = each.empty() || std::ranges::all_of(each, [&](std::uint16_t one) { return one == first; });
    *out++ = !same ? kEachQuality : first == good ? kAllGood : kOneQuality;
    if (same && first == good) return out;
    for (std::size_t i = 0; i < (same ? 1 : width); ++i, out += 2) {
        const std::uint16_t bits = same ? first : each[i];
        std::memcpy(out, &bits, 2);
    }
    return out;
}

std::uint8_t* write_values(std::uint8_t* out, const Tuples& tuples, std::size_t k) {
    const auto types = tuples.shape(k).types();
    const auto bits = tuples.bits(k);
    for (std::size_t i = 0; i < bits.size(); ++i) {
        switch (types[i]) {
            case ValueType::integer:
                out = write_varint(out, zigzag(static_cast<std::int64_t>(bits[i])));
                break;
            case ValueType::number:
                std::memcpy(out, &bits[i], 8);
                out += 8;
                break;
            case ValueType::boolean:
                *out++ = bits[i] != 0 ? 1 : 0;
                break;
            case ValueType::text: {
                const std::string_view text = tuples.text_of(bits[i]);
                out = write_varint(out, text.size());
                if (!text.empty()) std::memcpy(out, text.data(), text.size());
                out += text.size();
            }
        }
    }
    return out;
}

}  // namespace

void encode_tuples(ShardId shard, std::uint64_t first_sequence, const Tuples& tuples, std::size_t begin,
                   std::size_t end, Buffer& bytes) {
    // The record numbers the shapes that it holds by themselves.
    thread_local std::vector<std::uint32_t> number_of, shapes;
    number_of.assign(tuples.shapes().size(), UINT32_MAX);
    shapes.clear();
    std::size_t bytes_max = 0;
    for (std::size_t k = begin; k < end; ++k) {
        const TupleShape& shape = tuples.shape(k);
        std::uint32_t& number = number_of[tuples.shape_index(k)];
        if (number == UINT32_MAX) {
            number = static_cast<std::uint32_t>(shapes.size());
            shapes.push_back(tuples.shape_index(k));
        }
        bytes_max += 2 * kVarintBytesMax + 1 + shape.width() * (kVarintBytesMax + 2);
        if (!shape.has_text()) continue;
        for (std::size_t i = 0; i < shape.width(); ++i)
            if (shape.types()[i] == ValueType::text) bytes_max += tuples.text_of(tuples.bits(k)[i]).size();
    }
    Encoder head{bytes};
    head.u8(static_cast<std::uint8_t>(shard.value));
    head.varint(first_sequence);
    head.varint(shapes.size());
    for (const std::uint32_t shape : shapes) encode_shape(*tuples.shapes()[shape], head);
    head.varint(end - begin);
    const std::size_t at = bytes.size();
    bytes.resize(at + bytes_max);
    std::uint8_t* out = bytes.data() + at;
    TimeNs time_before = 0;
    for (std::size_t k = begin; k < end; ++k) {
        out = write_varint(out, number_of[tuples.shape_index(k)]);
        out = write_varint(out, zigzag(wrapping_sub(tuples.time(k), time_before)));
        time_before = tuples.time(k);
        out = write_qualities(out, tuples, k, tuples.shape(k).width());
        out = write_values(out, tuples, k);
    }
    bytes.resize(static_cast<std::size_t>(out - bytes.data()));
}

namespace {

std::uint8_t* write_times(std::uint8_t* out, const std::vector<TimeNs>& times) {
    TimeNs before = 0, step_before = 0;
    for (std::size_t row = 0; row < times.size(); ++row) {
        const TimeNs step = wrapping_sub(times[row], std::exchange(before, times[row]));
        out = write_varint(out, zigzag(row == 0 ? step : wrapping_sub(step, std::exchange(step_before, step))));
    }
    return out;
}

std::uint8_t* write_column(std::uint8_t* out, ValueType type, std::span<const std::uint64_t> bits) {
    if (type == ValueType::number) {
        std::memcpy(out, bits.data(), bits.size_bytes());
        return out + bits.size_bytes();
    }
    std::uint64_t before = 0;
    for (const std::uint64_t one : bits) {
        if (type == ValueType::integer)
            out = write_varint(out, zigzag(static_cast<std::int64_t>(one - std::exchange(before, one))));
        else
            *out++ = one != 0 ? 1 : 0;
    }
    return out;
}

void encode_block(const ColumnBlock& block, Buffer& bytes) {
    Encoder head{bytes};
    encode_shape(*block.shape, head);
    head.varint(block.rows());
    const std::size_t at = bytes.size();
    bytes.resize(at + block.rows() * kVarintBytesMax + 3 + block.readings() * (kVarintBytesMax + 2));
    std::uint8_t* out = write_times(bytes.data() + at, block.times);
    const auto& qualities = block.qualities;
    const bool same =
        qualities.empty() || std::ranges::adjacent_find(qualities, std::not_equal_to{}) == qualities.end();
    const bool good = same && (qualities.empty() || qualities.front() == pack(kGood));
    *out++ = good ? kAllGood : same ? kOneQuality : kEachQuality;
    const std::size_t quality_bytes = (good ? 0 : same ? 1 : qualities.size()) * sizeof(std::uint16_t);
    if (!good) std::memcpy(out, qualities.data(), quality_bytes);
    out += quality_bytes;
    for (std::size_t i = 0; i < block.width(); ++i) out = write_column(out, block.shape->types()[i], block.column(i));
    bytes.resize(static_cast<std::size_t>(out - bytes.data()));
}

}  // namespace

void encode_columns(ShardId shard, std::uint64_t first_sequence, const Columns& columns, std::size_t begin,
                    std::size_t end, Buffer& bytes) {
    Encoder head{bytes};
    head.u8(static_cast<std::uint8_t>(shard.value));
    head.varint(first_sequence);
    head.varint(end - begin);
    for (std::size_t k = begin; k < end; ++k) encode_block(columns.block(k), bytes);
}

void encode_event(const Event& event, Buffer& bytes) {
    Encoder out{bytes};
    out.varint(event.id.value);
    out.varint(event.tenant.value);
    out.signed_varint(event.time);
    out.text(event.kind);
    out.text(event.subject);
    out.text(event.body);
}

void encode_tag(const TagRecord& record, Buffer& bytes) {
    Encoder out{bytes};
    out.varint(record.change);
    out.varint(record.tag.id.value);
    out.varint(record.tag.key.tenant.value);
    out.text(record.tag.key.source);
    out.text(record.tag.key.property);
    out.text(record.tag.path);
    out.u8(static_cast<std::uint8_t>(record.tag.type));
    out.text(record.tag.unit);
}

void encode_move(const MoveRecord& record, Buffer& bytes) {
    Encoder out{bytes};
    out.varint(record.change);
    out.varint(record.paths.size());
    for (const auto& [tag, path] : record.paths) {
        out.varint(tag.value);
        out.text(path);
    }
}

void encode_unit(const UnitRecord& record, Buffer& bytes) {
    Encoder out{bytes};
    out.varint(record.change);
    out.varint(record.tag.value);
    out.text(record.unit);
}

void encode_interval_record(const IntervalRecord& record, Buffer& bytes) {
    Encoder out{bytes};
    out.varint(record.change);
    encode_interval(record.interval, bytes);
}

Result<Record> decode_record(std::uint8_t kind, Bytes payload) {
    Decoder in{payload};
    Record record;
    switch (static_cast<RecordKind>(kind)) {
        case RecordKind::rows:
            record = decode_rows(in);
            break;
        case RecordKind::event:
            record = decode_event(in);
            break;
        case RecordKind::tag:
            record = decode_tag(in);
            break;
        case RecordKind::move:
            record = decode_move(in);
            break;
        case RecordKind::unit:
            record = decode_unit(in);
            break;
        case RecordKind::tuples:
            record = decode_tuples(in);
            break;
        case RecordKind::columns:
            record = decode_columns(in);
            break;
        case RecordKind::interval: {
            const std::uint64_t change = in.varint();
            return Record{IntervalRecord{change, TRY(decode_interval(in.bytes(in.left())))}};
        }
        default:
            return Error{Code::corrupt, "record of unknown kind {}; was the folder written by a newer version?", kind};
    }
    if (!in.finished())
        return Error{Code::corrupt, "record of kind {} does not follow its grammar in its {} bytes", kind,
                     payload.size()};
    return record;
}

}  // namespace gongshu::history
