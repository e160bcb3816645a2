#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>

#include "base/checksum.h"
#include "base/rng.h"
#include "history/buckets.h"
#include "history/catalogue.h"
#include "history/chunk.h"
#include "history/log.h"
#include "history/manifest.h"
#include "history/scan.h"
#include "history/segment.h"
#include "io/sim.h"

namespace gongshu::history {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// With WRITE_SEEDS=folder the inputs of these tests become the seeds of the fuzzers.
void seed(const std::string& fuzzer, const std::string& name, const Buffer& bytes) {
    const char* folder = std::getenv("WRITE_SEEDS");
    if (!folder) return;
    std::ofstream file(std::string(folder) + "/" + fuzzer + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

TEST(Codec, Varints) {
    for (const std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
        Buffer bytes;
        Encoder{bytes}.varint(value);
        Decoder in{bytes};
        EXPECT_EQ(in.varint(), value);
        EXPECT_TRUE(in.finished());
        Decoder cut{Bytes(bytes).first(bytes.size() - 1)};
        cut.varint();
        EXPECT_TRUE(cut.failed());
    }
    for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, kMin, kMax})
        EXPECT_EQ(unzigzag(zigzag(value)), value);
    Buffer long_one(10, 0xff);
    Decoder in{long_one};
    in.varint();
    EXPECT_TRUE(in.failed());
}

TEST(Segment, RoundTripAndStatistics) {
    io::SimFiles files;
    ASSERT_TRUE(files.make_folder("/s", 0750));
    SegmentInfo info;
    info.shard = 3;
    auto writer = SegmentWriter::create(files, "/s/a.seg", info);
    ASSERT_TRUE(writer);
    history::Run run;
    for (int i = 0; i < 5000; ++i)
        run.push(i * kSecond, std::bit_cast<std::uint64_t>(i * 0.5), pack(i % 10 ? kGood : bad(Reason::timeout)));
    ASSERT_TRUE(writer->add(TagId{16 + 3}, run, 0, 2500));
    ASSERT_TRUE(writer->add(TagId{16 + 3}, run, 2500, 5000));
    ASSERT_TRUE(writer->add(TagId{48 + 3}, run, 0, 1));
    const auto finished = writer->finish();
    ASSERT_TRUE(finished);
    EXPECT_EQ(finished->rows, 5001u);
    const auto open = OpenSegment::open(files, "/s/a.seg");
    ASSERT_TRUE(open) << open.error().text();
    const auto [begin, end] = (*open)->chunks_of(TagId{16 + 3});
    ASSERT_EQ(end - begin, 1u);
    Statistics all;
    history::Run read;
    for (std::size_t i = begin; i < end; ++i) {
        const ChunkInfo& chunk = (*open)->chunks()[i];
        all.add(chunk.statistics);
        const auto part = (*open)->read(chunk);
        ASSERT_TRUE(part);
        for (std::size_t row = 0; row < part->size(); ++row) read.push_row(*part, row);
    }
    EXPECT_EQ(read, run);
    Statistics want;
    for (std::size_t i = 0; i < run.size(); ++i) want.add(run, i);
    EXPECT_EQ(all, want);
    EXPECT_EQ((*open)->chunks_of(TagId{32 + 3}).first, (*open)->chunks_of(TagId{32 + 3}).second);
    const auto bytes = io::read_whole(files, "/s/a.seg", 1 << 20);
    ASSERT_TRUE(bytes);
    // Every byte is under a checksum, a grammar or both.
    const auto reads = [&] {
        const auto opened = OpenSegment::open(files, "/s/a.seg");
        if (!opened) return false;
        for (const ChunkInfo& chunk : (*opened)->chunks())
            if (!(*opened)->read(chunk)) return false;
        return true;
    };
    for (std::uint64_t at = 8; at < bytes->size(); at += 1 + at / 50) {
        files.corrupt("/s/a.seg", at);
        EXPECT_FALSE(reads()) << "byte " << at;
        files.corrupt("/s/a.seg", at);
        ASSERT_TRUE(reads()) << "byte " << at;
    }
    Buffer footer(bytes->end() - static_cast<std::ptrdiff_t>(kSegmentFooterBytes), bytes->end());
    const auto decoded = decode_footer(footer, bytes->size(), "x");
    ASSERT_TRUE(decoded);
    Buffer directory{0, static_cast<std::uint8_t>(decoded->directory_offset >> 8),
                     static_cast<std::uint8_t>(decoded->directory_offset)};
    directory.insert(directory.end(), bytes->begin() + static_cast<std::ptrdiff_t>(decoded->directory_offset),
                     bytes->end() - static_cast<std::ptrdiff_t>(kSegmentFooterBytes));
    seed("history_segment", "directory", directory);
}

TEST(Record, ColumnsRoundTrip) {
    const TagId a{16 | 3}, b{1 << 20 | 3}, c{32 | 3};
    Columns columns;
    ColumnBlock mixed{.shape = std::make_shared<const TupleShape>(
                          std::vector<TagId>{b, a, c},
                          std::vector<ValueType>{ValueType::number, ValueType::integer, ValueType::boolean}),
                      .times = {kMin, -1, 0, kMax},
                      .bits = {std::bit_cast<std::uint64_t>(0.5), std::bit_cast<std::uint64_t>(-0.0), 1, 2,  //
                               static_cast<std::uint64_t>(kMin), static_cast<std::uint64_t>(kMax), 0, 7,     //
                               1, 0, 0, 1},
                      .qualities = {}};
    columns.add(mixed);
    mixed.qualities.assign(12, pack(bad(Reason::timeout)));
    columns.add(mixed);
    mixed.qualities[5] = pack(kGood);
    columns.add(mixed);
    columns.add(
        {.shape = std::make_shared<const TupleShape>(std::vector<TagId>{c}, std::vector<ValueType>{ValueType::boolean}),
         .times = {5},
         .bits = {1},
         .qualities = {}});
    Buffer bytes;
    encode_columns(ShardId{3}, 77, columns, 0, columns.size(), bytes);
    const auto decoded = decode_record(8, bytes);
    ASSERT_TRUE(decoded) << decoded.error().text();
    const auto& record = std::get<ColumnsRecord>(*decoded);
    EXPECT_EQ(record.shard, ShardId{3});
    EXPECT_EQ(record.first_sequence, 77u);
    const Rows want = columns.rows(), rows = record.columns.rows();
    ASSERT_EQ(rows.size(), want.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows.tag(i), want.tag(i));
        EXPECT_EQ(rows.time(i), want.time(i));
        EXPECT_EQ(rows.bits(i), want.bits(i)) << i;
        EXPECT_EQ(rows.quality(i), want.quality(i)) << i;
    }
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_record(8, Bytes(bytes).first(cut)));
    Buffer with_kind = bytes;
    with_kind.insert(with_kind.begin(), 8);
    seed("history_log", "columns", with_kind);
}

TEST(Record, ColumnsThatCannotBeAreRefused) {
    // shard 3, sequence 0, one block of one tag (the difference 1, a boolean) with two rows at 5 and 7, all good.
    const Buffer good{3, 0, 1, 1, 2, 3, 2, 10, 4, 0, 1, 0};
    ASSERT_TRUE(decode_record(8, good));
    const auto with = [&](std::size_t at, std::uint8_t byte) {
        Buffer bytes = good;
        bytes[at] = byte;
        return bytes;
    };
    for (const auto& [bytes, why] : {std::pair{with(0, 16), "no such shard"},
                                     {with(2, 2), "a block that is not there"},
                                     {with(3, 0), "a block of no tag"},
                                     {with(5, 4), "texts"},
                                     {with(5, 5), "no type"},
                                     {with(6, 0), "no row"},
                                     {with(6, 3), "rows that are not there"},
                                     {with(8, 0), "one time twice"},
                                     {with(8, 3), "times that fall"},
                                     {with(9, 3), "no way to write qualities"}})
        EXPECT_FALSE(decode_record(8, bytes)) << why;
}

TEST(Record, TuplesRoundTrip) {
    const auto one = std::make_shared<const TupleShape>(
        std::vector<TagId>{TagId{0x13}, TagId{0x33}, TagId{0x23}, TagId{0x43}},
        std::vector<ValueType>{ValueType::number, ValueType::integer, ValueType::boolean, ValueType::text});
    const auto other = std::make_shared<const TupleShape>(std::vector<TagId>{TagId{std::uint64_t{1} << 60 | 3}},
                                                          std::vector<ValueType>{ValueType::integer});
    Tuples tuples;
    const auto add = [&](TimeNs time, double number, std::int64_t integer, const char* text) {
        const auto cells = tuples.add(one, time);
        cells[0] = std::bit_cast<std::uint64_t>(number);
        cells[1] = static_cast<std::uint64_t>(integer);
        cells[2] = 1;
        cells[3] = tuples.keep_text(text);
    };
    add(5, 1.5, kMin, "枢");
    tuples.add(other, kMax)[0] = 7;
    tuples.change_quality(1, [](Quality) { return bad(Reason::type); });
    for (const bool each : {false, true}) {
        if (each) {
            add(kMin + 1, -0.0, kMax, "");
            tuples.set_value_quality(2, uncertain(Reason::clock));
        }
        Buffer bytes;
        encode_tuples(ShardId{3}, 77, tuples, 0, tuples.size(), bytes);
        const auto decoded = decode_record(7, bytes);
        ASSERT_TRUE(decoded) << decoded.error().text();
        const auto& record = std::get<TuplesRecord>(*decoded);
        EXPECT_EQ(record.shard, ShardId{3});
        EXPECT_EQ(record.first_sequence, 77u);
        const Rows want = tuples.rows(), rows = record.tuples.rows();
        ASSERT_EQ(rows.size(), want.size());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            EXPECT_EQ(rows.tag(i), want.tag(i));
            EXPECT_EQ(rows.time(i), want.time(i));
            EXPECT_EQ(rows.value(i), want.value(i));
            EXPECT_EQ(to_string(rows.quality(i)), to_string(want.quality(i)));
        }
        for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_record(7, Bytes(bytes).first(cut)));
        seed("history_log", each ? "tuples_each_quality" : "tuples", [&] {
            Buffer input{7};
            input.insert(input.end(), bytes.begin(), bytes.end());
            return input;
        }());
    }
}

TEST(Record, RoundTrip) {
    RowsRecord record;
    record.rows.add_number(TagId{0x13}, kMin + 1, 1.5, bad(Reason::type));
    record.rows.add_integer(TagId{0x23}, kMax, kMin);
    record.rows.add_boolean(TagId{0x13}, 0, true);
    record.rows.add_text(TagId{std::uint64_t{1} << 60 | 3}, 5, "枢", uncertain(Reason::clock));
    Buffer bytes;
    encode_rows(ShardId{3}, 77, record.rows, bytes);
    const auto decoded = decode_record(1, bytes);
    ASSERT_TRUE(decoded) << decoded.error().text();
    const auto& rows = std::get<RowsRecord>(*decoded);
    EXPECT_EQ(rows.shard, ShardId{3});
    EXPECT_EQ(rows.first_sequence, 77u);
    ASSERT_EQ(rows.rows.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(rows.rows.tag(i), record.rows.tag(i));
        EXPECT_EQ(rows.rows.time(i), record.rows.time(i));
        EXPECT_EQ(rows.rows.value(i), record.rows.value(i));
        EXPECT_EQ(rows.rows.quality(i), record.rows.quality(i));
    }
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_record(1, Bytes(bytes).first(cut)));
    EXPECT_FALSE(decode_record(99, bytes));
    const auto with_kind = [](std::uint8_t kind, Buffer payload) {
        payload.insert(payload.begin(), kind);
        return payload;
    };
    seed("history_log", "rows", with_kind(1, bytes));
    bytes.clear();
    encode_event({EventId{9}, TenantId{2}, -5, "k", "s", "{}"}, bytes);
    EXPECT_EQ(std::get<Event>(*decode_record(2, bytes)).body, "{}");
    seed("history_log", "event", with_kind(2, bytes));
    bytes.clear();
    encode_tag({4, {TagId{16}, {TenantId{1}, "d:1", "x"}, "a/b.x", ValueType::text, "K"}}, bytes);
    EXPECT_EQ(std::get<TagRecord>(*decode_record(3, bytes)).tag.path, "a/b.x");
    seed("history_log", "tag", with_kind(3, bytes));
    bytes.clear();
    encode_move({4, {{TagId{16}, "c.x"}}}, bytes);
    EXPECT_EQ(std::get<MoveRecord>(*decode_record(4, bytes)).paths.at(0).second, "c.x");
    seed("history_log", "move", with_kind(4, bytes));
    bytes.clear();
    encode_unit({4, TagId{16}, "Pa"}, bytes);
    EXPECT_EQ(std::get<UnitRecord>(*decode_record(5, bytes)).unit, "Pa");
    seed("history_log", "unit", with_kind(5, bytes));
}

TEST(Log, FindsItsEndAndTellsATornTailFromCorruption) {
    io::SimFiles files;
    io::SimWorld world{1};
    const auto pool = world.make_pool();
    Metrics metrics;
    ASSERT_TRUE(files.make_folder("/log", 0750));
    const auto log = std::make_shared<Log>(files, "/log", *pool, metrics);
    ASSERT_TRUE(log->start(1, 1));
    Buffer event;
    encode_event({EventId{1}, TenantId{1}, 1, "kind", "subject", "{}"}, event);
    std::vector<std::uint64_t> ends;
    for (int group = 0; group < 3; ++group) {
        ASSERT_TRUE(log->append(RecordKind::event, event));
        ASSERT_TRUE(log->append(RecordKind::event, event));
        ASSERT_TRUE(log->flush());
        ends.push_back(log->bytes());
    }
    const std::string path = "/log/" + log_file_name(1);
    const auto bytes = io::read_whole(files, path, 1 << 20);
    ASSERT_TRUE(bytes);
    seed("history_log", "file", *bytes);
    int records = 0;
    const auto count = [&](const Record&) -> Result<void> { return ++records, Result<void>{}; };
    for (std::size_t cut = 0; cut <= bytes->size(); ++cut) {
        records = 0;
        const auto file = read_log_file(Bytes(*bytes).first(cut), path, count);
        ASSERT_TRUE(file);
        const auto whole = static_cast<int>(std::ranges::count_if(ends, [&](std::uint64_t end) { return end <= cut; }));
        EXPECT_EQ(records, 2 * whole) << cut;
        EXPECT_FALSE(file->good_group_follows);
        EXPECT_LE(file->good_bytes, cut);
    }
    for (std::size_t at = 0; at < bytes->size(); ++at) {
        Buffer broken = *bytes;
        broken[at] ^= 0x10;
        const auto file = read_log_file(broken, path, count);
        ASSERT_TRUE(file);
        EXPECT_NE(file->good_bytes, bytes->size()) << at;
        EXPECT_EQ(file->good_group_follows, at < ends[1]) << at;  // in the last group it looks like a torn tail
    }
    ASSERT_EQ(*log->rotate(), 2u);
    ASSERT_TRUE(log->append(RecordKind::event, event));
    ASSERT_TRUE(log->flush());
    const auto end = replay_log(files, "/log", 1, count);
    ASSERT_TRUE(end) << end.error().text();
    EXPECT_EQ(end->next_group, 5u);
    EXPECT_EQ(end->records, 7u);
    EXPECT_FALSE(end->torn);
    EXPECT_EQ(replay_log(files, "/log", 2, count)->records, 1u);
    files.corrupt(path, ends[1] + 3);  // the last group of a file that is not the last
    EXPECT_FALSE(replay_log(files, "/log", 1, count));
    ASSERT_TRUE(files.remove(path));
    EXPECT_FALSE(replay_log(files, "/log", 1, count));
    log->close(Error{Code::unavailable, "closed"});
    EXPECT_FALSE(log->append(RecordKind::event, event));
}

TEST(Manifest, RoundTrip) {
    Manifest manifest;
    manifest.log_first = 7;
    manifest.next_sequence[3] = 12;
    manifest.segments.push_back({-1, 2, 3, 3, 5, 6, -kDay, -1});
    manifest.events.push_back({1, 2, 3, 4, 5});
    const Buffer bytes = encode_manifest(manifest);
    EXPECT_EQ(*decode_manifest(bytes, "x"), manifest);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_manifest(Bytes(bytes).first(cut), "x"));
    seed("history_catalogue", "manifest", Buffer(bytes.begin() + 8, bytes.end() - 4));
    const std::vector<LastRow> last{{TagId{16}, ValueType::text, 5, 0, 2, "t"},
                                    {TagId{32}, ValueType::number, 6, 7, 2, ""}};
    EXPECT_EQ(*decode_last(encode_last(last), "x"), last);
    const std::vector<LastRow> more{{TagId{48}, ValueType::integer, kMin, static_cast<std::uint64_t>(kMin), 2, ""},
                                    {TagId{17}, ValueType::boolean, kMax, 1, 0x1234, ""}};
    EXPECT_EQ(*decode_last(encode_last(more), "x"), more);
    Buffer old;  // as early programs wrote it
    Encoder out{old};
    out.varint(2);
    for (const LastRow& row : last) {
        out.varint(row.tag.value);
        out.u8(static_cast<std::uint8_t>(row.type));
        out.signed_varint(row.time);
        out.u16(row.quality);
        row.type == ValueType::text ? out.text(row.text) : out.u64(row.bits);
    }
    EXPECT_EQ(*decode_last(seal_file("gslst00\n", old), "x"), last);
    const Buffer last_bytes = encode_last(last);
    seed("history_catalogue", "last", Buffer(last_bytes.begin() + 8, last_bytes.end() - 4));
    const Buffer events =
        encode_events({{EventId{1}, TenantId{1}, 5, "k", "s", "{}"}, {EventId{2}, TenantId{1}, 5, "k", "s", "{}"}});
    EXPECT_EQ(decode_events(events, "x")->size(), 2u);
    seed("history_catalogue", "events", Buffer(events.begin() + 8, events.end() - 4));
}

TEST(Catalogue, GlobMatches) {
    const auto f = [](const char* glob, const char* path, bool want) {
        EXPECT_EQ(glob_matches(glob, path), want) << glob << " ~ " << path;
    };
    f("a/b.c", "a/b.c", true);
    f("a/*.c", "a/b.c", true);
    f("a/*", "a/b.c", true);
    f("a/*", "a/b/d.c", false);
    f("a/**", "a/b/d.c", true);
    f("**", "", true);
    f("**.c", "a/b/d.c", true);
    f("**.d", "a/b/d.c", false);
    f("a/?.c", "a/b.c", true);
    f("a?b.c", "a/b.c", false);
    f("*/x/**/y", "a/x/b/c/y", true);
    f("*/x/**/y", "a/z/b/c/y", false);
    f("**/a*/b", "x/a1/c/a2/b", true);
    f("", "a", false);
    f("*", "", true);
}

TEST(Catalogue, FoldersThatAreLeaptOverHoldNothing) {
    const SimClock clock;
    Catalogue catalogue{clock, 1'000'000};
    catalogue.connect([](RecordKind, const Buffer&) -> Result<void> { return {}; }, [](TagId, ValueType) {});
    Rng rng{31};
    static constexpr const char* kLevels[] = {"a", "b", "ab", "a-b", "a0", "a.b", "c"};
    static constexpr const char* kGlobs[] = {"a", "b", "a-b", "a0", "*", "a*", "?", "?b", "**", "**b", "c", "a.*"};
    const auto some = [&](const auto& of, std::size_t most) {
        std::string path{of[rng.below(std::size(of))]};
        for (std::size_t more = rng.below(most); more > 0; --more)
            path.append("/").append(of[rng.below(std::size(of))]);
        return path;
    };
    std::set<std::string> paths;
    for (int i = 0; i < 2'000; ++i) {
        const TenantId tenant{static_cast<std::uint32_t>(1 + rng.below(2))};
        const std::string path = some(kLevels, 5);
        if (tenant.value == 1) paths.insert(path);
        ASSERT_TRUE(catalogue.resolve({tenant, path, "x"}, path, ValueType::number, ""));
    }
    for (int i = 0; i < 3'000; ++i) {
        const std::string glob = some(kGlobs, 5);
        std::vector<std::string> want, found;
        std::ranges::copy_if(paths, std::back_inserter(want),
                             [&](const auto& path) { return glob_matches(glob, path); });
        for (const TagInfo& tag : catalogue.match(TenantId{1}, glob, 10'000)) found.push_back(tag.path);
        ASSERT_EQ(found, want) << glob;
    }
}

TEST(Catalogue, LabelsFollowFromTheSource) {
    const auto f = [](const char* source, std::map<std::string, std::string> want) {
        EXPECT_EQ(labels_of(source), want) << source;
    };
    f("l:cpu,host=h1,region=eu", {{"host", "h1"}, {"region", "eu"}});
    f("l:cpu", {});
    f("d:cpu,host=h1", {});
    f("l:c\\,pu,a\\=b=c\\,d", {{"a=b", "c,d"}});
    f("l:cpu,host=a=b", {{"host", "a=b"}});
}

TEST(Catalogue, CollisionsMovesAndSnapshot) {
    const SimClock clock;
    Catalogue catalogue{clock, 100};
    int changes = 0;
    catalogue.connect([&](RecordKind, const Buffer&) -> Result<void> { return ++changes, Result<void>{}; },
                      [](TagId, ValueType) {});
    const TenantId tenant{1};
    const TagId a = *catalogue.resolve({tenant, "d:a", "x"}, "hall/a.x", ValueType::number, "K");
    EXPECT_EQ(*catalogue.resolve({tenant, "d:a", "x"}, "elsewhere", ValueType::text, ""), a);
    const TagId b = *catalogue.resolve({tenant, "d:b", "x"}, "hall/a.x", ValueType::number, "");
    EXPECT_NE(a, b);
    const std::string path = catalogue.info(b)->path;
    EXPECT_EQ(path.size(), std::string("hall/a.x").size() + 9);
    EXPECT_TRUE(path.starts_with("hall/a.x~"));
    ASSERT_TRUE(catalogue.move_source(tenant, "d:a", "hall/new"));
    EXPECT_EQ(catalogue.find(tenant, "hall/new.x")->id, a);
    EXPECT_EQ(catalogue.find(tenant, "hall/a.x")->id, a);  // the old path is an alias
    ASSERT_TRUE(catalogue.move_source(tenant, "d:b", "hall/a"));
    EXPECT_EQ(catalogue.find(tenant, "hall/a.x")->id, b);           // until somebody lives there
    ASSERT_TRUE(catalogue.move_source(tenant, "d:b", "hall/new"));  // who was there makes room
    EXPECT_EQ(catalogue.info(b)->path, "hall/new.x");
    EXPECT_TRUE(catalogue.info(a)->path.starts_with("hall/new.x~"));
    EXPECT_EQ(catalogue.find(tenant, catalogue.info(a)->path)->id, a);
    ASSERT_TRUE(catalogue.set_unit(b, "degC"));
    EXPECT_FALSE(catalogue.set_unit(TagId{1 << 20}, "degC"));
    EXPECT_FALSE(catalogue.resolve({tenant, "", "x"}, "p", ValueType::number, ""));
    EXPECT_EQ(catalogue.match(tenant, "hall/*", 1).size(), 1u);
    EXPECT_EQ(catalogue.match(tenant, "hall/*", 9).size(), 2u);
    EXPECT_EQ(changes, 6);
    const Buffer bytes = catalogue.encode();
    Catalogue again{clock, 100};
    ASSERT_TRUE(again.decode(bytes, "x"));
    EXPECT_EQ(again.encode(), bytes);
    EXPECT_EQ(again.find(tenant, "hall/a.x")->id, b);
    EXPECT_EQ(again.info(b)->unit, "degC");
    seed("history_catalogue", "catalogue1", Buffer(bytes.begin() + 8, bytes.end() - 4));
    // What an early program wrote of such tags.
    const auto files = io::make_posix_files();
    const auto body = io::read_whole(*files, GONGSHU_SOURCE_DIR "/src/history/golden/catalogue_0.body", 1 << 20);
    ASSERT_TRUE(body) << body.error().text();
    Catalogue early{clock, 100};
    const auto read = early.decode(seal_file("gscat00\n", *body), "x");
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(early.size(), 2u);
    for (const TagId tag : {a, b}) EXPECT_EQ(early.info(tag)->key, again.info(tag)->key);
    EXPECT_EQ(early.info(b)->unit, "degC");
    Catalogue later{clock, 100};
    ASSERT_TRUE(later.decode(early.encode(), "x"));
    EXPECT_EQ(later.encode(), early.encode());
}

TEST(Catalogue, TheTagsOfASeriesTakeFewBytes) {
    const SimClock clock;
    Catalogue catalogue{clock, 10'000};
    catalogue.connect([](RecordKind, const Buffer&) -> Result<void> { return {}; }, [](TagId, ValueType) {});
    for (int host = 0; host < 10; ++host)
        for (int field = 0; field < 100; ++field) {
            const std::string source = "cpu,arch=x64,datacenter=eu-central-1a,hostname=host_" + std::to_string(host);
            const std::string property = "usage_" + std::to_string(field);
            ASSERT_TRUE(catalogue.resolve({TenantId{1}, "l:" + source, property}, source + "." + property,
                                          ValueType::integer, "%"));
        }
    const Buffer bytes = catalogue.encode();
    EXPECT_LT(bytes.size(), 20'000u);
    Catalogue again{clock, 100};
    ASSERT_TRUE(again.decode(bytes, "x"));
    EXPECT_EQ(again.encode(), bytes);
    EXPECT_EQ(again.find(TenantId{1}, "cpu,arch=x64,datacenter=eu-central-1a,hostname=host_7.usage_42")->unit, "%");
    for (std::size_t cut = 12; cut < bytes.size() - 4; cut += 97) {
        Catalogue part{clock, 100};
        EXPECT_FALSE(part.decode(
            seal_file("gscat01\n", Buffer(bytes.begin() + 8, bytes.begin() + static_cast<std::ptrdiff_t>(cut))), "x"));
    }
}

TEST(Catalogue, ADeviceHasItsPlaceToItself) {
    const SimClock clock;
    Catalogue catalogue{clock, 100};
    std::vector<std::pair<RecordKind, Buffer>> log;
    catalogue.connect(
        [&](RecordKind kind, const Buffer& payload) -> Result<void> {
            return log.emplace_back(kind, payload), Result<void>{};
        },
        [](TagId, ValueType) {});
    const TenantId tenant{1};
    const auto make = [&](const char* source, const char* property, const char* path) {
        return catalogue.resolve({tenant, source, property}, path, ValueType::number, "").value();
    };
    const auto path_of = [&](TagId tag) { return catalogue.info(tag)->path; };
    const TagId dead = make("d:1", "x", "k/b.x"), written = make("p:k/b", "y", "k/b.y");
    const TagId other = make("d:3", "x", "k/b2.x"), deeper = make("d:4", "c.x", "k/b.c.c.x");
    // The new device has no tags yet; what is at its place goes all the same, and leaves no address of before.
    ASSERT_TRUE(catalogue.move_source(tenant, "d:2", "k/b"));
    EXPECT_TRUE(path_of(dead).starts_with("k/b.x~"));
    EXPECT_TRUE(path_of(written).starts_with("k/b.y~"));
    EXPECT_EQ(path_of(other), "k/b2.x");
    EXPECT_EQ(path_of(deeper), "k/b.c.c.x");
    EXPECT_FALSE(catalogue.find(tenant, "k/b.x"));
    const TagId own = make("d:2", "x", "k/b.x");
    EXPECT_EQ(path_of(own), "k/b.x");
    EXPECT_EQ(catalogue.find(tenant, path_of(dead))->id, dead);
    // Moved away, and another device at the old name.
    ASSERT_TRUE(catalogue.move_source(tenant, "d:2", "k/c"));
    EXPECT_EQ(catalogue.find(tenant, "k/b.x")->id, own);
    ASSERT_TRUE(catalogue.move_source(tenant, "d:5", "k/b"));
    EXPECT_FALSE(catalogue.find(tenant, "k/b.x"));
    // Once more changes nothing: no tag gets another name at each start.
    const std::size_t before = log.size();
    for (int start = 0; start < 3; ++start) {
        ASSERT_TRUE(catalogue.move_source(tenant, "d:2", "k/c"));
        ASSERT_TRUE(catalogue.move_source(tenant, "d:5", "k/b"));
    }
    EXPECT_EQ(log.size(), before);
    // Nobody is at k/b now: who wrote there by path has the place again.
    EXPECT_EQ(make("p:k/b", "y", "k/b.y"), written);
    EXPECT_EQ(path_of(written), "k/b.y");
    EXPECT_EQ(log.size(), before + 1);
    // The log alone leads to the same paths.
    Catalogue again{clock, 100};
    for (const auto& [kind, payload] : log) {
        const auto record = decode_record(static_cast<std::uint8_t>(kind), payload);
        ASSERT_TRUE(record);
        const auto* tag = std::get_if<TagRecord>(&*record);
        ASSERT_TRUE(tag ? again.apply(*tag) : again.apply(std::get<MoveRecord>(*record)));
    }
    for (const TagId tag : {dead, written, other, deeper, own}) EXPECT_EQ(again.info(tag)->path, path_of(tag));
}

TEST(Catalogue, TagsUnderOtherNamesGoToTheirOwnAtTheNextMove) {
    const SimClock clock;
    Catalogue catalogue{clock, 100};
    catalogue.connect([](RecordKind, const Buffer&) -> Result<void> { return {}; }, [](TagId, ValueType) {});
    const TenantId tenant{1};
    const TagId dead = *catalogue.resolve({tenant, "d:1", "x"}, "k/b.x", ValueType::number, "");
    const TagId own = *catalogue.resolve({tenant, "d:2", "x"}, "k/b.x", ValueType::number, "");
    const std::string before = catalogue.info(own)->path;
    EXPECT_NE(before, "k/b.x");
    ASSERT_TRUE(catalogue.move_source(tenant, "d:2", "k/b"));
    EXPECT_EQ(catalogue.info(own)->path, "k/b.x");
    EXPECT_NE(catalogue.info(dead)->path, "k/b.x");
    EXPECT_EQ(catalogue.find(tenant, before)->id, own);  // an address of before
}

TEST(Buckets, AlignToUtcOrToLocalDays) {
    const auto f = [](DurationNs every, const char* zone, std::int64_t time_s, std::int64_t from_s,
                      std::int64_t hours) {
        auto buckets = Buckets::create(every, zone);
        ASSERT_TRUE(buckets);
        const Window bucket = buckets->at(time_s * kSecond);
        EXPECT_EQ(bucket.from, from_s * kSecond) << zone << " " << time_s;
        EXPECT_EQ(bucket.to - bucket.from, hours * kHour) << zone << " " << time_s;
    };
    f(kHour, "", 3601, 3600, 1);
    f(kHour, "", -1, -3600, 1);
    f(kDay, "", 1'700'000'000, 1'699'920'000, 24);
    f(kDay, "Asia/Shanghai", 1'700'000'000, 1'699'977'600, 24);
    f(kHour, "Asia/Shanghai", 1'700'000'000, 1'699'999'200, 1);
    f(kDay, "Europe/Berlin", 1'711'846'800, 1'711'839'600, 23);            // 2024-03-31
    f(kDay, "Europe/Berlin", 1'729'998'000, 1'729'980'000, 25);            // 2024-10-27
    f(kDay, "America/Santiago", 1'725'768'000 + 7200, 1'725'768'000, 23);  // 2024-09-08 has no midnight
    EXPECT_FALSE(Buckets::create(0, ""));
    EXPECT_FALSE(Buckets::create(kDay, "Mars/Olympus"));
    EXPECT_FALSE(Buckets::create(kHour, "Mars/Olympus"));
}

TEST(Scan, ThinningKeepsPeaksAndBadRows) {
    history::Run run;
    for (int i = 0; i < 100'000; ++i)
        run.push(i * kSecond, std::bit_cast<std::uint64_t>(static_cast<double>(i % 100)), pack(kGood));
    run.bits[54'321] = std::bit_cast<std::uint64_t>(1e9);
    run.bits[54'322] = std::bit_cast<std::uint64_t>(-1e9);
    run.qualities[70'000] = pack(bad(Reason::timeout));
    const auto builder = make_thin_builder(TagId{16}, {0, 100'000 * kSecond}, 300);
    ASSERT_TRUE(builder->take_rows(run, 0, 50'000));
    ASSERT_TRUE(builder->take_rows(run, 50'000, run.size()));
    const auto series = builder->finish();
    ASSERT_TRUE(series);
    EXPECT_TRUE(series->sampled);
    EXPECT_LE(series->rows.size(), 300u);
    EXPECT_GE(series->rows.size(), 200u);
    bool high = false, low = false, broken = false;
    for (std::size_t i = 0; i < series->rows.size(); ++i) {
        if (i > 0) {
            EXPECT_LT(series->rows.time(i - 1), series->rows.time(i));
        }
        high = high || series->rows.value(i) == Value{1e9};
        low = low || series->rows.value(i) == Value{-1e9};
        broken = broken || !series->rows.quality(i).usable();
    }
    EXPECT_TRUE(high && low && broken);
    for (const std::uint32_t points : {1u, 2u, 3u, 4u}) {
        const auto few = make_thin_builder(TagId{16}, {0, 100'000 * kSecond}, points);
        ASSERT_TRUE(few->take_rows(run, 0, run.size()));
        EXPECT_LE(few->finish()->rows.size(), points);
    }
}

}  // namespace
}  // namespace gongshu::history
