// Stores that programs before this one wrote are read for ever: they answer as one that is made now of the same.
// WRITE_GOLDEN=folder writes one of today's format there.
#include <gtest/gtest.h>

#include <map>

#include "data/stage.h"
#include "history/log.h"
#include "history/select.h"
#include "history/store_test.h"

namespace gongshu::history {
namespace {

constexpr TenantId kTenant{1};

struct GoldenTags {
    TagId number, integer, boolean, text, moved;
    TupleShapePtr machine;  // of two numbers and a text that come together
};

GoldenTags make_tags(TestStore& store) {
    GoldenTags tags{store.tag("d:1", "温度"),
                    store.tag("d:1", "count", ValueType::integer),
                    store.tag("d:2", "running", ValueType::boolean),
                    store.tag("d:3", "order", ValueType::text, TenantId{2}),
                    store.tag("d:4", "speed"),
                    nullptr};
    // Tags of one source are of one shard.
    tags.machine = shape_of({store.tag("d:5", "a"), store.tag("d:5", "b"), store.tag("d:5", "c", ValueType::text)},
                            {ValueType::number, ValueType::number, ValueType::text});
    return tags;
}

// How readings came makes no difference to them.
enum class Way { rows, columns };

// What of the rows can be columns goes so, those of d:1 together. The others are given back.
Rows add_as_columns(TestStore& store, const GoldenTags& tags, const Rows& rows) {
    Rows others;
    std::map<TagId, ColumnBlock> blocks;
    std::vector<ColumnBlock> again;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const TagId tag = rows.tag(i);
        if (tag == tags.text || tag == tags.moved) {
            others.add_row(rows, i);
            continue;
        }
        ColumnBlock* block = &blocks[tag];
        if (!block->times.empty() && rows.time(i) <= block->times.back()) block = &again.emplace_back();
        block->shape = shape_of({tag}, {rows.type(i)});
        block->times.push_back(rows.time(i));
        block->bits.push_back(rows.bits(i));
        block->qualities.push_back(rows.quality_bits(i));
    }
    ColumnBlock both = blocks[tags.number];
    const ColumnBlock& second = blocks[tags.integer];
    both.shape = shape_of({tags.number, tags.integer}, {ValueType::number, ValueType::integer});
    both.bits.insert(both.bits.end(), second.bits.begin(), second.bits.end());
    both.qualities.insert(both.qualities.end(), second.qualities.begin(), second.qualities.end());
    Columns columns;
    columns.add(std::move(both));
    columns.add(blocks[tags.boolean]);
    for (ColumnBlock& block : again) columns.add(std::move(block));
    EXPECT_TRUE(store.append(std::move(columns)));
    return others;
}

// Readings of every type and quality, alone and together, from minute `from` on: repeated ones and late ones too.
void add_readings(TestStore& store, const GoldenTags& tags, TimeNs from, Way way) {
    Rows rows;
    Tuples tuples;
    for (int i = 0; i < 300; ++i) {
        const TimeNs time = from + i * kSecond;
        rows.add_number(tags.number, time, 20 + i % 7 * 0.5, i % 50 == 9 ? bad(Reason::timeout) : kGood);
        rows.add_integer(tags.integer, time, i * i, i % 60 == 7 ? uncertain(Reason::clock) : kGood);
        rows.add_boolean(tags.boolean, time + i % 3, i % 20 < 10);
        rows.add_text(tags.text, time, i % 2 ? "工单 " + std::to_string(i) : "");
        rows.add_number(tags.moved, from + (i * 7 % 300) * kSecond, i);
        const auto cells = tuples.add(tags.machine, i % 40 == 39 ? time - 20 * kSecond + 1 : time);
        cells[0] = std::bit_cast<std::uint64_t>(i / 4.0);
        cells[1] = std::bit_cast<std::uint64_t>(-1e300 / (i + 1));
        cells[2] = tuples.keep_text(i % 5 ? "run" : "停机");
        if (i % 70 == 3) tuples.set_value_quality(1, bad(Reason::range));
    }
    rows.add_number(tags.number, from + 5 * kSecond, 99);
    if (way == Way::columns) rows = add_as_columns(store, tags, rows);
    ASSERT_TRUE(store.append(std::move(rows)));
    ASSERT_TRUE(store.append(std::move(tuples)));
}

void add_facts(TestStore& store, TimeNs from, const std::string& name) {
    ASSERT_TRUE(store.append_event({{}, kTenant, from, "alarm.raised", "rule " + name, R"({"温度":92})"}));
    Interval stop;
    stop.tenant = kTenant;
    stop.subject = "d:1";
    stop.path = "hall/one";
    stop.kind = "downtime";
    stop.from = from;
    stop.by = stop.source_name = "user:li";
    stop.attributes["cause"] = std::string("换刀 " + name);
    stop.attributes["parts"] = std::int64_t{3};
    stop.confidence = 0.75;
    std::optional<Result<Interval>> answer;
    const auto keep = [&](Result<Interval> one) { answer = std::move(one); };
    const auto wait = [&] { return store.world().run_until([&] { return answer.has_value(); }, kMinute); };
    store->add_interval(stop, Durability::sync, keep);
    ASSERT_TRUE(wait() && *answer) << (answer ? answer->error().text() : "");
    Interval next = **answer;
    next.to = from + kMinute;
    next.action = IntervalAction::closed;
    answer.reset();
    store->revise_interval(next, Durability::sync, keep);
    ASSERT_TRUE(wait() && *answer);
    answer.reset();
    store->add_interval(stop, Durability::sync, keep);  // one that stays open
    ASSERT_TRUE(wait() && *answer);
}

// A part of it in segments, snapshots and files of a day, the rest in the log only.
void fill(TestStore& store, Way way = Way::rows) {
    const GoldenTags tags = make_tags(store);
    const TimeNs now = store.clock().now();
    add_readings(store, tags, now - 2 * kDay, way);
    add_facts(store, now - 2 * kDay, "one");
    ASSERT_TRUE(store->move_source(kTenant, "d:4", "hall/four"));
    ASSERT_TRUE(store->compact());
    add_readings(store, tags, now - kHour, way);
    add_facts(store, now - kHour, "two");
    (void)store.tag("d:6", "later", ValueType::integer);
    ASSERT_TRUE(store->move_source(kTenant, "d:5", "hall/five"));
    ASSERT_TRUE(store->set_unit(tags.integer, "件"));
    ASSERT_TRUE(store.append(one_row(tags.number, now, 1)));  // what came before is on the disk with it
}

void copy_tree(io::Files& from, const std::string& source, io::Files& to, const std::string& target) {
    ASSERT_TRUE(to.make_folder(target));
    const auto names = from.list(source);
    ASSERT_TRUE(names) << names.error().text();
    for (const std::string& name : *names) {
        const std::string there = source + "/" + name;
        if (from.list(there)) {
            copy_tree(from, there, to, target + "/" + name);
            continue;
        }
        const auto bytes = io::read_whole(from, there, 1 << 24);
        ASSERT_TRUE(bytes) << bytes.error().text();
        ASSERT_TRUE(io::write_whole(to, target + "/" + name, *bytes));
    }
}

using Plain = std::tuple<TimeNs, Value, std::uint16_t>;

// All of a tag, and its last one once more.
std::vector<Plain> readings_of(TestStore& store, TagId tag) {
    std::vector<Plain> plain;
    for (const Reading& one : store.raw(tag, kAllTime)) plain.emplace_back(one.time, one.value, pack(one.quality));
    if (const auto last = store->last(tag)) plain.emplace_back(last->time, last->value, pack(last->quality));
    return plain;
}

// Of the machine's readings those of a time when the first is above 10 and the third is no stop, as texts.
std::vector<std::string> chosen_of(TestStore& store) {
    SelectRequest request;
    request.window = kAllTime;
    SelectRequest::Object& machine = request.objects.emplace_back();
    for (const TagInfo& tag : store->match(kTenant, "hall/five*", 10)) machine.tags.push_back(tag.id);
    EXPECT_EQ(machine.tags.size(), 3u);
    if (machine.tags.size() != 3) return {};
    machine.where = {{machine.tags[0], Comparison::greater, 10.0},
                     {machine.tags[2], Comparison::unequal, std::string("停机")}};
    const auto answer = select(*store, request);
    EXPECT_TRUE(answer) << answer.error().text();
    if (!answer) return {};
    const SelectedRows& rows = answer->at(0);
    std::vector<std::string> chosen;
    for (std::size_t i = 0; i < rows.times.size(); ++i) {
        const auto& range = rows.columns[1];
        chosen.push_back(std::to_string(rows.times[i]) + " " + std::to_string(rows.columns[0].bits[i]) + " " +
                         std::to_string(range.bits[i]) + " " +
                         std::to_string(range.qualities.empty() ? pack(kGood) : range.qualities[i]) + " " +
                         std::string(rows.columns[2].text_at(i)));
    }
    return chosen;
}

void expect_same(TestStore& old, TestStore& fresh) {
    EXPECT_FALSE(chosen_of(fresh).empty());
    EXPECT_EQ(chosen_of(old), chosen_of(fresh));
    for (const TenantId tenant : {kTenant, TenantId{2}}) {
        const auto tags = fresh->match(tenant, "**", 1000);
        const auto kept = old->match(tenant, "**", 1000);
        ASSERT_EQ(kept.size(), tags.size());
        for (std::size_t i = 0; i < tags.size(); ++i) {
            SCOPED_TRACE(tags[i].path);
            EXPECT_EQ(kept[i].id, tags[i].id);
            EXPECT_EQ(kept[i].path, tags[i].path);
            EXPECT_EQ(kept[i].type, tags[i].type);
            EXPECT_EQ(kept[i].unit, tags[i].unit);
            EXPECT_EQ(readings_of(old, tags[i].id), readings_of(fresh, tags[i].id));
        }
    }
    const auto events = [](TestStore& store) {
        std::vector<std::vector<std::string>> all;
        const auto found = store->read_events(kTenant, kAllTime, "", 100);
        EXPECT_TRUE(found);
        if (found)
            for (const Event& one : *found)
                all.push_back(
                    {std::to_string(one.id.value), std::to_string(one.time), one.kind, one.subject, one.body});
        return all;
    };
    EXPECT_EQ(events(old), events(fresh));
    const auto intervals = [](TestStore& store) {
        std::vector<std::vector<Interval>> all;
        const auto page = store->find_intervals(kTenant, {.window = kAllTime});
        EXPECT_TRUE(page);
        if (!page) return all;
        for (const Interval& one : page->intervals) {
            auto revisions = store->interval_revisions(kTenant, one.id);
            EXPECT_TRUE(revisions);
            for (Interval& revision : *revisions) revision.at = 0;
            all.push_back(std::move(*revisions));
        }
        return all;
    };
    EXPECT_EQ(intervals(old).size(), 4u);
    EXPECT_EQ(intervals(old), intervals(fresh));
}

// How many records of each kind the log of a store holds.
std::map<std::size_t, int> log_kinds(io::Files& files) {
    std::map<std::size_t, int> kinds;
    const auto names = files.list("/store/log");
    EXPECT_TRUE(names);
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
        const auto bytes = io::read_whole(files, "/store/log/" + name, 1 << 24);
        EXPECT_TRUE(bytes);
        if (!bytes) continue;
        EXPECT_TRUE(read_log_file(*bytes, name, [&](const Record& record) -> Result<void> {
            ++kinds[record.index()];
            return {};
        }));
    }
    return kinds;
}

template <class Kind>
std::size_t index_of() {
    return Record{Kind{}}.index();
}

TEST(Golden, StoresOfEveryFormatAreRead) {
    const auto disk = io::make_posix_files();
    TestStore fresh;
    ASSERT_TRUE(fresh.open());
    fill(fresh);
    if (const char* write = std::getenv("WRITE_GOLDEN")) {
        TestStore written;
        ASSERT_TRUE(written.open());
        fill(written, Way::columns);
        copy_tree(written.files(), "/store", *disk, write);
    }
    // The second has units of cells that stand once, the third columns in its log.
    for (const std::string name : {"store_0", "store_1", "store_2"}) {
        SCOPED_TRACE(name);
        io::SimFiles files;
        copy_tree(*disk, GONGSHU_SOURCE_DIR "/src/history/golden/" + name, files, "/store");
        // Each format's store has what came with it where it is read from: an old log, not only segments.
        auto kinds = log_kinds(files);
        EXPECT_GT(kinds[index_of<RowsRecord>()], 0);
        EXPECT_EQ(kinds[index_of<ColumnsRecord>()] > 0, name == "store_2");
        TestStore old(1, {}, "/store", &files);
        const auto opened = old.open();
        ASSERT_TRUE(opened) << opened.error().text();
        const auto verified = old->verify();
        ASSERT_TRUE(verified) << verified.error().text();
        EXPECT_TRUE(verified->problems.empty() && verified->event_problems.empty());
        expect_same(old, fresh);
        // Today's files of it, too.
        ASSERT_TRUE(old->compact());
        old.reopen();
        expect_same(old, fresh);
    }
}

}  // namespace
}  // namespace gongshu::history
