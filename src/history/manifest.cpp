#include "history/manifest.h"

#include <tuple>

#include "history/codec.h"
#include "history/record.h"

namespace gongshu::history {
namespace {

constexpr std::string_view kManifestMagic = "gsman00\n";
constexpr std::string_view kEventsMagic = "gsevt00\n";
constexpr std::string_view kLastMagic = "gslst01\n", kLastMagic0 = "gslst00\n";
constexpr std::uint8_t kHasQuality = 8;  // beside the type of a last row

Error malformed(const std::string& path) {
    return Error{Code::corrupt,
                 "{}: the checksum is right but the contents are not; was it written by a newer version?", path};
}

}  // namespace

Buffer encode_manifest(const Manifest& manifest) {
    Buffer body;
    Encoder out{body};
    out.u16(kShardCount);
    for (const std::uint64_t value :
         {manifest.log_first, manifest.next_number, manifest.next_event, manifest.catalogue, manifest.last})
        out.varint(value);
    for (const std::uint64_t sequence : manifest.next_sequence) out.varint(sequence);
    out.varint(manifest.segments.size());
    for (const SegmentInfo& segment : manifest.segments) {
        out.signed_varint(segment.day);
        out.varint(segment.shard);
        for (const std::uint64_t value : {segment.number, segment.order, segment.rows, segment.bytes})
            out.varint(value);
        out.signed_varint(segment.min_time);
        out.signed_varint(segment.max_time);
    }
    out.varint(manifest.events.size());
    for (const EventFileInfo& file : manifest.events) {
        for (const std::uint64_t value : {file.number, file.events, file.bytes}) out.varint(value);
        out.signed_varint(file.min_time);
        out.signed_varint(file.max_time);
    }
    out.varint(manifest.next_interval);
    out.varint(manifest.open_intervals);
    out.varint(manifest.intervals.size());
    for (const IntervalFileInfo& file : manifest.intervals) {
        for (const std::uint64_t value : {file.number, file.intervals, file.bytes, file.min_id, file.max_id})
            out.varint(value);
        for (const TimeNs time : {file.min_from, file.max_from, file.max_to}) out.signed_varint(time);
    }
    return seal_file(kManifestMagic, body);
}

Result<Manifest> decode_manifest(Bytes file, const std::string& path) {
    Decoder in{TRY(open_file(kManifestMagic, file, path))};
    Manifest manifest;
    const std::uint16_t shards = in.u16();
    if (shards != kShardCount) return Error{Code::corrupt, "{}: {} shards, expected {}", path, shards, kShardCount};
    for (std::uint64_t* value :
         {&manifest.log_first, &manifest.next_number, &manifest.next_event, &manifest.catalogue, &manifest.last})
        *value = in.varint();
    for (std::uint64_t& sequence : manifest.next_sequence) sequence = in.varint();
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        SegmentInfo segment;
        segment.day = static_cast<Day>(in.signed_varint());
        segment.shard = static_cast<std::uint16_t>(in.varint());
        for (std::uint64_t* value : {&segment.number, &segment.order, &segment.rows, &segment.bytes})
            *value = in.varint();
        segment.min_time = in.signed_varint();
        segment.max_time = in.signed_varint();
        const auto key = [](const SegmentInfo& info) { return std::tuple{info.day, info.shard, info.order}; };
        if (segment.shard >= kShardCount ||
            (!manifest.segments.empty() && key(segment) <= key(manifest.segments.back())))
            return malformed(path);
        manifest.segments.push_back(segment);
    }
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        EventFileInfo events;
        for (std::uint64_t* value : {&events.number, &events.events, &events.bytes}) *value = in.varint();
        events.min_time = in.signed_varint();
        events.max_time = in.signed_varint();
        manifest.events.push_back(events);
    }
    if (in.finished()) return manifest;  // written before there were intervals
    manifest.next_interval = in.varint();
    manifest.open_intervals = in.varint();
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        IntervalFileInfo file;
        for (std::uint64_t* value : {&file.number, &file.intervals, &file.bytes, &file.min_id, &file.max_id})
            *value = in.varint();
        for (TimeNs* time : {&file.min_from, &file.max_from, &file.max_to}) *time = in.signed_varint();
        manifest.intervals.push_back(file);
    }
    if (!in.finished()) return malformed(path);
    return manifest;
}

Buffer encode_events(const std::vector<Event>& events) {
    Buffer body;
    Encoder out{body};
    out.varint(events.size());
    Buffer one;
    for (const Event& event : events) {
        one.clear();
        encode_event(event, one);
        out.text(as_text(one));
    }
    return seal_file(kEventsMagic, body);
}

Result<std::vector<Event>> decode_events(Bytes file, const std::string& path) {
    Decoder in{TRY(open_file(kEventsMagic, file, path))};
    std::vector<Event> events;
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        const std::string_view one = in.text();
        if (in.failed()) break;
        auto record =
            TRY(decode_record(static_cast<std::uint8_t>(RecordKind::event), as_bytes(one)).context("{}", path));
        Event event = std::move(std::get<Event>(record));
        if (!events.empty() && std::tuple{event.time, event.id} <= std::tuple{events.back().time, events.back().id})
            return Error{Code::corrupt, "{}: event {} is out of order", path, event.id.value};
        events.push_back(std::move(event));
    }
    if (!in.finished()) return malformed(path);
    return events;
}

Buffer encode_last(const std::vector<LastRow>& rows) {
    Buffer body;
    Encoder out{body};
    out.varint(rows.size());
    LastRow before;
    for (const LastRow& row : rows) {
        const bool good = row.quality == pack(kGood);
        out.signed_varint(static_cast<std::int64_t>(row.tag.value - before.tag.value));
        out.signed_varint(wrapping_sub(row.time, before.time));
        out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(row.type) | (good ? 0 : kHasQuality)));
        if (!good) out.u16(row.quality);
        if (row.type == ValueType::text)
            out.text(row.text);
        else if (row.type == ValueType::number)
            out.u64(row.bits);
        else
            out.signed_varint(static_cast<std::int64_t>(row.bits));
        before.tag = row.tag;
        before.time = row.time;
    }
    return seal_file(kLastMagic, body);
}

namespace {

LastRow next_last(Decoder& in, const LastRow& before) {
    LastRow row;
    row.tag.value = before.tag.value + static_cast<std::uint64_t>(in.signed_varint());
    row.time = wrapping_add(before.time, in.signed_varint());
    const std::uint8_t head = in.u8();
    row.type = static_cast<ValueType>(head & ~kHasQuality);
    row.quality = (head & kHasQuality) != 0 ? in.u16() : pack(kGood);
    if (row.type == ValueType::text)
        row.text = in.text();
    else
        row.bits = row.type == ValueType::number ? in.u64() : static_cast<std::uint64_t>(in.signed_varint());
    return row;
}

LastRow next_last_0(Decoder& in) {
    LastRow row;
    row.tag.value = in.varint();
    row.type = static_cast<ValueType>(in.u8());
    row.time = in.signed_varint();
    row.quality = in.u16();
    if (row.type == ValueType::text)
        row.text = in.text();
    else
        row.bits = in.u64();
    return row;
}

}  // namespace

Result<std::vector<LastRow>> decode_last(Bytes file, const std::string& path) {
    const bool old = as_text(file).starts_with(kLastMagic0);
    Decoder in{TRY(open_file(old ? kLastMagic0 : kLastMagic, file, path))};
    std::vector<LastRow> rows;
    LastRow before;
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        LastRow row = old ? next_last_0(in) : next_last(in, before);
        if (row.type < ValueType::number || row.type > ValueType::text) return malformed(path);
        before.tag = row.tag;
        before.time = row.time;
        rows.push_back(std::move(row));
    }
    if (!in.finished()) return malformed(path);
    return rows;
}

}  // namespace gongshu::history
