// Batches of columns at their door: what becomes a block, what does not, and that neither is told from the other.
#include "wire/batch.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "api/column_memory.h"
#include "api/testing/world_test.h"
#include "data/columns.h"
#include "data/stage.h"
#include "registry/json.h"

namespace gongshu::api {
namespace {

using test::Reply;
using test::World;

constexpr TimeNs kTime = 1'700'000'000 * kSecond - 8 * kSecond;  // what comes again is not late yet
constexpr TimeNs kAges = 10 * 365 * kDay / kMillisecond;         // no clock is so far ahead

using Milliseconds = std::vector<TimeNs>;  // after kTime

wire::BatchColumn bare_column(std::string_view path, ValueType type, const Milliseconds& times) {
    wire::BatchColumn column{.path = path, .type = type};
    for (const TimeNs one : times) column.times.push_back(kTime + one * kMillisecond);
    column.qualities.resize(times.size());
    return column;
}
wire::BatchColumn numbers(std::string_view path, const Milliseconds& times, const std::vector<double>& values) {
    wire::BatchColumn column = bare_column(path, ValueType::number, times);
    for (const double value : values) column.bits.push_back(std::bit_cast<std::uint64_t>(value));
    return column;
}
wire::BatchColumn integers(std::string_view path, const Milliseconds& times, const std::vector<std::int64_t>& values) {
    wire::BatchColumn column = bare_column(path, ValueType::integer, times);
    for (const std::int64_t value : values) column.bits.push_back(static_cast<std::uint64_t>(value));
    return column;
}
wire::BatchColumn booleans(std::string_view path, const Milliseconds& times, const std::vector<bool>& values) {
    wire::BatchColumn column = bare_column(path, ValueType::boolean, times);
    for (const bool value : values) column.bits.push_back(value ? 1 : 0);
    return column;
}
wire::BatchColumn texts(std::string_view path, const Milliseconds& times, std::vector<std::string_view> values) {
    wire::BatchColumn column = bare_column(path, ValueType::text, times);
    column.texts = std::move(values);
    return column;
}

std::string frame(const std::vector<wire::BatchColumn>& columns) {
    wire::BatchWriter writer;
    for (const auto& one : columns) writer.add(one);
    return writer.finish();
}

Reply send(World& world, const std::string& token, const std::vector<wire::BatchColumn>& columns) {
    return world.as(token, "POST", "/api/v1/write/batch", frame(columns));
}

// Times and values of a tag, and the qualities that are not good.
std::string readings_of(history::History& history, std::string_view path) {
    const auto tag = history.find(TenantId{1}, path);
    if (!tag) return "none";
    ReadRequest request;
    request.tags = {tag->id};
    request.window = {0, kTime + kDay};
    const auto series = history.read(request);
    EXPECT_TRUE(series) << (series ? "" : series.error().text());
    std::string text;
    for (std::size_t i = 0; series && i < series->at(0).rows.size(); ++i) {
        const Reading one = series->at(0).rows.reading(i);
        const bool is_now = one.quality.reason == Reason::clock;  // the sender's time could not be used
        text += fmt::format("{}={}{} ", is_now ? "now" : fmt::format("{}", (one.time - kTime) / kMillisecond),
                            to_string(one.value), one.quality.good() ? "" : " " + to_string(one.quality));
    }
    return text;
}

void put(World& world, std::string_view kind, std::string_view name, std::string_view spec) {
    const registry::Actor admin{TenantId{1}, "default", "system", registry::Role::admin, ""};
    const auto done = world.registry->put(admin, kind, name, registry::parse_json(spec).value());
    ASSERT_TRUE(done) << done.error().text();
}

// How readings come past the log.
class Watcher final : public Stage {
public:
    void on_rows(ShardId, const Rows& rows) override { alone += rows.size(); }
    void on_columns(ShardId, const Columns& columns, std::size_t begin, std::size_t end) override {
        for (std::size_t k = begin; k < end; ++k) in_blocks += columns.block(k).readings();
    }
    std::size_t alone = 0, in_blocks = 0;
};

void copy_folder(io::Files& from, const std::string& folder, io::Files& to) {
    ASSERT_TRUE(to.make_folder(folder));
    const auto names = from.list(folder);
    ASSERT_TRUE(names) << names.error().text();
    for (const std::string& name : *names) {
        const std::string path = folder + "/" + name;
        if (from.list(path)) {
            copy_folder(from, path, to);
            continue;
        }
        const auto bytes = io::read_whole(from, path, 1 << 28);
        ASSERT_TRUE(bytes) << bytes.error().text();
        ASSERT_TRUE(io::write_whole(to, path, *bytes));
    }
}

// A store that is opened over the files as they are now, as after a stop.
class Reopened {
public:
    explicit Reopened(World& world) : lane_(world.sim.make_loop()), pool_(world.sim.make_pool()) {
        EXPECT_TRUE(files_.make_folder("/data", 0750));
        copy_folder(world.files, "/data/history", files_);
        auto made = history::History::create(files_, world.sim.clock(), metrics_, {lane_.get()}, *pool_,
                                             {.folder = "/data/history"});
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        if (made) history_ = std::move(*made);
    }
    ~Reopened() {
        if (history_) history_->stop();
    }
    history::History* get() { return history_.get(); }

private:
    io::SimFiles files_;
    Metrics metrics_;
    std::unique_ptr<io::Loop> lane_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<history::History> history_;
};

// What is acknowledged is there, after a stop and in a segment as well.
void expect_kept(World& world, const std::map<std::string, std::string>& want) {
    for (const auto& [path, text] : want) EXPECT_EQ(readings_of(*world.history, path), text) << path;
    Reopened reopened{world};
    ASSERT_NE(reopened.get(), nullptr);
    for (const auto& [path, text] : want) EXPECT_EQ(readings_of(*reopened.get(), path), text) << path << ", reopened";
    ASSERT_TRUE(reopened.get()->compact());
    for (const auto& [path, text] : want) EXPECT_EQ(readings_of(*reopened.get(), path), text) << path << ", sealed";
    const auto report = reopened.get()->verify();
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->problems.empty()) << report->problems.at(0);
    ASSERT_TRUE(world.history->compact());
    for (const auto& [path, text] : want) EXPECT_EQ(readings_of(*world.history, path), text) << path << ", compacted";
}

// The times of a column stand once in a body when those of the next one are the same. Whatever became of the first,
// nobody has looked at those times then.
TEST(BatchDoor, TimesOfAColumnThatWasNotTakenAreLookedAt) {
    World world;
    put(world, "role", "of-p", R"({"base":"engineer","paths":["p/**"]})");
    const std::string all = world.token("engineer"), limited = world.token("of-p");
    struct Times {
        std::string name;
        Milliseconds times;
        std::string want;  // of the values 1, 2, 3; the far one is put to when it came
    };
    const std::vector<Times> shapes = {
        {"falling", {30, 20, 10}, "10=3 20=2 30=1 "},
        {"repeated", {10, 10, 10}, "10=3 "},
        {"ahead", {10, kAges, 30}, "10=1 30=3 now=2 uncertain:clock "},
    };
    std::map<std::string, std::string> want;
    for (const std::string first : {"text", "refused", "denied", "misfit", "put_off"}) {
        for (const Times& shape : shapes) {
            const std::string place = fmt::format("p/{}-{}", first, shape.name);
            ASSERT_EQ(send(world, all,
                           {numbers(place + ".x", {0}, {0}), numbers(place + ".y", {0}, {0}),
                            texts(place + ".t", {0}, {"a"})})
                          .status,
                      204);
            want[place + ".x"] = want[place + ".y"] = "0=0 " + shape.want;
        }
    }
    for (const Times& shape : shapes) {
        const auto f = [&](const std::string& first, const wire::BatchColumn& column, const std::string& token,
                           int status) {
            SCOPED_TRACE(first + " " + shape.name);
            const std::string place = fmt::format("p/{}-{}", first, shape.name);
            const std::string x = place + ".x", y = place + ".y";
            const auto reply =
                send(world, token, {column, numbers(x, shape.times, {1, 2, 3}), numbers(y, shape.times, {1, 2, 3})});
            EXPECT_EQ(reply.status, status) << reply.body;
        };
        const std::string text = fmt::format("p/text-{}.t", shape.name);
        const std::string misfit = fmt::format("p/misfit-{}.t", shape.name);
        f("text", texts(text, shape.times, {"a", "b", "c"}), all, 204);
        f("refused", numbers("a*b.x", shape.times, {1, 2, 3}), all, 400);
        f("denied", numbers("q/a.x", shape.times, {1, 2, 3}), limited, 400);
        f("misfit", numbers(misfit, shape.times, {1, 2, 3}), all, 400);
    }
    std::string lines;
    for (int i = 0; i < 10'050; ++i) lines += fmt::format("m,n=n{} x={} {}\n", i, i, kTime);
    ASSERT_EQ(world.as(all, "POST", "/api/v1/write", lines).status, 429);
    for (const Times& shape : shapes) {
        const std::string place = fmt::format("p/put_off-{}", shape.name);
        const std::string x = place + ".x", y = place + ".y";
        const auto reply = send(world, all,
                                {numbers("p/new.x", shape.times, {1, 2, 3}), numbers(x, shape.times, {1, 2, 3}),
                                 numbers(y, shape.times, {1, 2, 3})});
        EXPECT_EQ(reply.status, 429) << reply.body;
    }
    expect_kept(world, want);
}

// The same when the columns before were taken: one that falls comes after blocks, or has the times of the block before.
TEST(BatchDoor, TimesThatDoNotGrowMakeAllOfTheBodySingleReadings) {
    World world;
    const std::string token = world.token("engineer");
    Watcher watcher;
    world.history->set_stage(&watcher);
    EXPECT_EQ(send(world, token, {numbers("p/m.x", {1, 2}, {1, 2}), numbers("p/m.y", {1, 2}, {3, 4})}).status, 204);
    EXPECT_EQ(watcher.in_blocks, 4u);
    EXPECT_EQ(send(world, token,
                   {numbers("p/m.x", {3, 4}, {1, 2}), numbers("p/m.y", {3, 4}, {3, 4}),
                    numbers("p/n.x", {4, 3}, {5, 6}), numbers("p/n.y", {4, 3}, {7, 8})})
                  .status,
              204);
    EXPECT_EQ(watcher.in_blocks, 4u);
    EXPECT_EQ(watcher.alone, 8u);
    EXPECT_EQ(send(world, token, {numbers("p/m.x", {5, 6}, {1, 2}), numbers("p/m.y", {5, 6}, {3, 4})}).status, 204);
    EXPECT_EQ(watcher.in_blocks, 8u) << "what one body was is nothing to the next";
    expect_kept(world, {{"p/m.x", "1=1 2=2 3=1 4=2 5=1 6=2 "},
                        {"p/m.y", "1=3 2=4 3=3 4=4 5=3 6=4 "},
                        {"p/n.x", "3=6 4=5 "},
                        {"p/n.y", "3=8 4=7 "}});
    world.history->set_stage(world.live.get());
}

// An edge that counts in whole numbers where the tag has numbers is no reason to take all of its body apart.
TEST(BatchDoor, ColumnsOfAnotherTypeThatFitAreConverted) {
    World world;
    const std::string token = world.token("engineer");
    ASSERT_EQ(
        send(world, token, {numbers("p/m.x", {0}, {0.5}), integers("p/m.i", {0}, {7}), booleans("p/m.b", {0}, {true})})
            .status,
        204);
    Watcher watcher;
    world.history->set_stage(&watcher);
    EXPECT_EQ(
        send(world, token,
             {integers("p/m.x", {1, 2}, {1, -2}), numbers("p/m.i", {1, 2}, {3, 4}), integers("p/m.b", {1, 2}, {1, 0})})
            .status,
        204);
    EXPECT_EQ(watcher.in_blocks, 6u);
    EXPECT_EQ(send(world, token, {booleans("p/m.x", {3, 4}, {true, false}), integers("p/m.i", {3, 4}, {5, 6})}).status,
              204);
    EXPECT_EQ(watcher.in_blocks, 10u);
    EXPECT_EQ(watcher.alone, 0u);
    // One that does not fit, and what it says of it.
    const auto reply = send(world, token, {numbers("p/m.x", {5, 6}, {8, 9}), numbers("p/m.i", {5, 6}, {10, 10.5})});
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(reply.body.find(R"("written":3)"), std::string::npos) << reply.body;
    EXPECT_EQ(watcher.in_blocks, 10u);
    // Past 2^53 a whole number is no number.
    const std::int64_t odd = (std::int64_t{1} << 53) + 1;
    EXPECT_EQ(send(world, token, {integers("p/m.x", {7, 8}, {odd, 2})}).status, 400);
    expect_kept(world, {{"p/m.x", "0=0.5 1=1 2=-2 3=1 4=0 5=8 6=9 8=2 "},
                        {"p/m.i", "0=7 1=3 2=4 3=5 4=6 5=10 "},
                        {"p/m.b", "0=true 1=true 2=false "}});
    world.history->set_stage(world.live.get());
}

// What is outside of its limits is told so, in a block as alone; on and off have none.
TEST(BatchDoor, LimitsAreTheSameInABlockAndAlone) {
    World world;
    const std::string token = world.token("engineer");
    put(world, "device_type", "mill", R"({"properties":[{"name":"speed","type":"integer","min":0,"max":100},
                                                        {"name":"load","type":"number","max":5},
                                                        {"name":"free","type":"number"}]})");
    for (const char* name : {"p/block", "p/alone"}) put(world, "device", name, R"({"type":"mill"})");
    Watcher watcher;
    world.history->set_stage(&watcher);
    for (const std::string place : {"p/block", "p/alone"}) {
        const std::string speed = place + ".speed", load = place + ".load", free = place + ".free";
        std::vector<wire::BatchColumn> columns = {
            integers(speed, {1, 2, 3}, {-1, 100, 101}), numbers(free, {1, 2, 3}, {1, 2, 1000}),
            integers(load, {1, 2, 3}, {5, 6, 7}), booleans(load, {4, 5}, {true, false})};
        columns[2].qualities[2] = bad(Reason::timeout);
        if (place == "p/alone") columns.push_back(numbers("p/other.x", {2, 1}, {0, 0}));
        EXPECT_EQ(send(world, token, columns).status, 204);
    }
    EXPECT_EQ(watcher.in_blocks, 11u);
    EXPECT_EQ(watcher.alone, 13u);
    std::map<std::string, std::string> want;
    for (const std::string place : {"p/block", "p/alone"}) {
        want[place + ".speed"] = "1=-1 uncertain:range 2=100 3=101 uncertain:range ";
        want[place + ".free"] = "1=1 2=2 3=1000 ";
        want[place + ".load"] = "1=5 2=6 uncertain:range 3=7 bad:timeout 4=1 5=0 ";
    }
    expect_kept(world, want);
    world.history->set_stage(world.live.get());
}

// Each column is held against the paths of who sends it, also when it was sent by somebody who may a moment before.
TEST(BatchDoor, CallersWithPathsWriteOnlyThere) {
    World world;
    put(world, "role", "of-p", R"({"base":"engineer","paths":["p/**"]})");
    const std::string all = world.token("engineer"), limited = world.token("of-p");
    for (int round = 0; round < 2; ++round) {
        const TimeNs at = 10 * round;
        EXPECT_EQ(send(world, all, {numbers("p/m.x", {at}, {1}), numbers("q/m.x", {at}, {2})}).status, 204);
        const auto reply = send(world, limited,
                                {numbers("p/m.x", {at + 1, at + 2}, {3, 4}), numbers("q/m.x", {at + 1, at + 2}, {5, 6}),
                                 numbers("p/m.y", {at + 1, at + 2}, {7, 8})});
        EXPECT_EQ(reply.status, 400);
        EXPECT_NE(reply.body.find(R"("column":1)"), std::string::npos) << reply.body;
        EXPECT_EQ(reply.body.find(R"("column":2)"), std::string::npos) << reply.body;
        EXPECT_NE(reply.body.find(R"("written":4)"), std::string::npos) << reply.body;
    }
    expect_kept(world,
                {{"p/m.x", "0=1 1=3 2=4 10=1 11=3 12=4 "}, {"p/m.y", "1=7 2=8 11=7 12=8 "}, {"q/m.x", "0=2 10=2 "}});
}

// Takes no single readings, as a store does that is full.
class RefusingSink final : public Sink {
public:
    explicit RefusingSink(io::Loop& loop) : loop_(loop) {}
    void append(Rows, Durability, Done done) override {
        loop_.post([done = std::move(done)] { done(Error{Code::limit, "the disk is slower than what comes in"}); });
    }
    void append_event(Event, Durability, std::function<void(Result<EventId>)>) override {}

private:
    io::Loop& loop_;
};

// Texts go beside the blocks of their body: its answer tells of both, whichever of them fails.
TEST(BatchDoor, AnErrorOfTheTextsAloneIsTold) {
    World world;
    const std::string token = world.token("engineer");
    RefusingSink refusing{*world.lane};
    auto server = Server::create({*world.registry, *world.auth, refusing, *world.history, *world.history,
                                  *world.history, world.flow, world.connections, nullptr, world.metrics, *world.egress,
                                  *world.live, *world.lane, *world.pool},
                                 {})
                      .value();
    const io::Address before = std::exchange(world.address, server->listen({"127.0.0.1", 0}, {}).value());
    const std::vector<wire::BatchColumn> columns = {numbers("p/m.x", {1, 2}, {1, 2}), texts("p/m.t", {1}, {"a"})};
    const auto reply = send(world, token, columns);
    EXPECT_EQ(reply.status, 429) << reply.body;
    EXPECT_NE(reply.body.find("the disk is slower"), std::string::npos) << reply.body;
    EXPECT_EQ(readings_of(*world.history, "p/m.x"), "1=1 2=2 ") << "the blocks were taken; again is no harm";
    world.address = before;
    server.reset();
    EXPECT_EQ(send(world, token, columns).status, 204);
    expect_kept(world, {{"p/m.x", "1=1 2=2 "}, {"p/m.t", "1=a "}});
}

TEST(BatchDoor, AnErrorOfTheDiskIsTold) {
    World world;
    const std::string token = world.token("engineer");
    const std::vector<wire::BatchColumn> columns = {numbers("p/m.x", {1, 2}, {1, 2}), texts("p/m.t", {1}, {"a"})};
    ASSERT_EQ(send(world, token, columns).status, 204);
    world.files.fail_nth(1);
    EXPECT_EQ(send(world, token, columns).status, 503);
}

// ---- what is remembered of columns ----------------------------------------------------------------------------------

Target target(std::uint64_t number) { return {.tag = TagId{number << 4}, .min = {}, .max = {}}; }

TEST(ColumnMemory, FindsInAnyOrderWhatItLearned) {
    ColumnMemory memory;
    EXPECT_EQ(memory.find("a.x"), nullptr);
    for (std::uint64_t i = 1; i <= 3; ++i) memory.learn(fmt::format("a.{}", i), target(i));
    Target passing = target(4);
    passing.keep = false;
    memory.learn("a.4", passing);
    EXPECT_EQ(memory.find("a.4"), nullptr);
    for (const std::uint64_t i : {1, 2, 3, 1, 3, 3, 2}) {
        const Target* const found = memory.find(fmt::format("a.{}", i));
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->tag, target(i).tag);
    }
    const std::vector<TagId> tags{TagId{16}, TagId{32}}, turned{TagId{32}, TagId{16}}, one{TagId{16}};
    const std::vector<ValueType> types(2, ValueType::number), of_one(1, ValueType::number);
    const TupleShapePtr shape = memory.shape(tags, types);
    EXPECT_EQ(memory.shape(tags, types), shape);
    EXPECT_NE(memory.shape(turned, types), shape);
    EXPECT_EQ(memory.shape(tags, types), shape) << "of another first tag";
    EXPECT_EQ(memory.shape(one, of_one)->width(), 1u);
    EXPECT_NE(memory.shape(tags, types), shape) << "one for each first tag is remembered";
}

TEST(ColumnMemory, IsBoundedByBytes) {
    ColumnMemory paths;
    std::uint64_t most = 0;
    for (std::uint64_t i = 1; i <= 6'000; ++i) {  // 48 MB of paths
        paths.learn(fmt::format("{}{}", std::string(4000, 'p'), i), target(i));
        most = std::max(most, paths.bytes());
        ASSERT_NE(paths.find(fmt::format("{}{}", std::string(4000, 'p'), i)), nullptr);
    }
    EXPECT_LE(most, ColumnMemory::kBytesMax + 16'384);
    EXPECT_GT(most, ColumnMemory::kBytesMax / 2);
    ColumnMemory shapes;
    for (std::uint64_t i = 1; i <= 20'000; ++i) {
        std::vector<TagId> tags;
        for (std::uint64_t k = 0; k < 100; ++k) tags.push_back(TagId{(i * 100 + k) << 4});
        EXPECT_EQ(shapes.shape(tags, std::vector<ValueType>(100, ValueType::number))->width(), 100u);
        ASSERT_LE(shapes.bytes(), ColumnMemory::kBytesMax + 16'384);
    }
    // The same tag first, with others after it: only the last is remembered.
    const std::uint64_t before = shapes.bytes();
    const std::vector<TagId> again{TagId{(20'000 * 100) << 4}};
    EXPECT_EQ(shapes.shape(again, {ValueType::number})->width(), 1u);
    EXPECT_LT(shapes.bytes(), before);
}

}  // namespace
}  // namespace gongshu::api
