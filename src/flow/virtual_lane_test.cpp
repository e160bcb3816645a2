#include "flow/virtual_lane.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "base/rng.h"
#include "data/columns.h"
#include "expr/columns.h"
#include "io/sim.h"

namespace gongshu::flow {
namespace {

using gongshu::to_string;

constexpr TagId kIn{33}, kOther{49}, kOut{17};

class TwoTags final : public expr::Scope {
public:
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (name != "a" && name != "b") return std::nullopt;
        return expr::ScopeTag{.path = std::string(name)};
    }
};

std::shared_ptr<VirtualPlan> plan_of(std::string_view text, DurationNs min_interval = 0) {
    auto plan = std::make_shared<VirtualPlan>();
    plan->path = "v";
    plan->out = kOut;
    plan->lateness = kSecond;
    plan->min_interval = min_interval;
    plan->program = *expr::compile(text, TwoTags{});
    for (const expr::ProgramTag& tag : plan->program->tags())
        plan->inputs.push_back({tag.path == "a" ? kIn : kOther, tag.path});
    return plan;
}

// Keeps rows in the order of appends, or refuses them.
class FakeSink final : public Sink {
public:
    explicit FakeSink(io::Loop& loop) : loop_(loop) {}
    void append(Rows rows, Durability, Done done) override {
        ++asked;
        if (refuses == 0)
            for (std::size_t i = 0; i < rows.size(); ++i) kept.push_back(rows.reading(i));
        const bool no = refuses > 0 && refuses--;
        loop_.post([done = std::move(done), no, count = rows.size()] {
            if (no)
                done(Error{Code::unavailable, "not now"});
            else
                done(Appended{count, 0});
        });
    }
    void append_event(Event, Durability, std::function<void(Result<EventId>)>) override {}

    std::vector<Reading> kept;
    int refuses = 0, asked = 0;

private:
    io::Loop& loop_;
};

class VirtualLaneTest : public testing::Test {
protected:
    void run(std::shared_ptr<const VirtualPlan> plan) {
        on([&] {
            lane_.prepare(InstanceId{1}, plan);
            lane_.adopt(InstanceId{1}, std::make_unique<VirtualRun>(plan, INT64_MIN / 2), {});
        });
    }
    void on(const std::function<void()>& job) {
        bool done = false;
        loop_->post([&] {
            job();
            done = true;
        });
        ASSERT_TRUE(world_.run_until([&] { return done; }, kSecond));
    }
    void feed(TagId tag, double value, DurationNs ago = 0) {
        Rows rows;
        rows.add_number(tag, world_.clock().now() - ago, value);
        on([&] { lane_.take(rows); });
    }

    io::SimWorld world_{1};
    const std::unique_ptr<io::Loop> loop_ = world_.make_loop();
    FakeSink sink_{*loop_};
    Counter rows_, late_, lost_;
    std::vector<std::pair<InstanceId, TimeNs>> began_;
    std::vector<std::pair<InstanceId, TimeNs>> marks_, wants_;
    VirtualLane lane_{
        *loop_,
        world_.clock(),
        sink_,
        {rows_, late_, lost_},
        {[](std::size_t, Rows) {}, [this](std::size_t, InstanceId of, TimeNs time) { wants_.emplace_back(of, time); },
         [this](std::size_t, InstanceId, InstanceId of, TimeNs mark) { marks_.emplace_back(of, mark); },
         [this](InstanceId of, TimeNs given) { began_.emplace_back(of, given); }, [] {}}};
};

TEST_F(VirtualLaneTest, KeepsWhatTheStoreRefusesAndGivesItInOrder) {
    run(plan_of("a * 2"));
    world_.run_for(kSecond);
    EXPECT_EQ(began_.size(), 1u);
    sink_.refuses = 3;
    for (int i = 0; i < 20; ++i) {
        feed(kIn, i);
        world_.run_for(kSecond);
    }
    world_.run_for(5 * kSecond);
    ASSERT_EQ(sink_.kept.size(), 20u);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(std::get<double>(sink_.kept[static_cast<std::size_t>(i)].value), 2.0 * i);
        EXPECT_EQ(sink_.kept[static_cast<std::size_t>(i)].tag, kOut);
    }
    EXPECT_EQ(lost_.value(), 0u);
    EXPECT_GE(sink_.asked, 4);
}

TEST_F(VirtualLaneTest, CountsWhatComesTooLate) {
    run(plan_of("a + b"));
    feed(kIn, 1);
    feed(kOther, 1);
    world_.run_for(3 * kSecond);
    feed(kOther, 1);  // all up to a second ago is decided
    feed(kIn, 5, 2 * kSecond);
    EXPECT_EQ(late_.value(), 1u);
    feed(kIn, 6, kSecond / 2);
    world_.run_for(3 * kSecond);
    EXPECT_EQ(std::get<double>(sink_.kept.back().value), 7);
}

// Of columns only the blocks in which it reads a tag are looked at, and of those all readings in the order of time.
TEST_F(VirtualLaneTest, TakesBlocksOfColumns) {
    const TimeNs begin = world_.clock().now();
    const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
    const auto take = [&](std::vector<TagId> tags, std::vector<std::uint64_t> values) {
        const std::vector<ValueType> types(tags.size(), ValueType::number);
        Columns columns;
        columns.add({.shape = std::make_shared<const TupleShape>(std::move(tags), types),
                     .times = {begin, begin + kSecond},
                     .bits = std::move(values),
                     .qualities = {}});
        on([&] { lane_.take_columns(columns, 0, 1); });
    };
    take({kIn}, {bits(1), bits(2)});  // nobody reads anything yet
    run(plan_of("a + b"));
    take({TagId{65}}, {bits(8), bits(9)});
    take({kIn, TagId{65}, kOther}, {bits(1), bits(2), bits(8), bits(9), bits(10), bits(20)});
    world_.run_for(5 * kSecond);
    ASSERT_EQ(sink_.kept.size(), 2u);
    EXPECT_EQ(std::get<double>(sink_.kept[0].value), 11);
    EXPECT_EQ(sink_.kept[0].time, begin);
    EXPECT_EQ(std::get<double>(sink_.kept[1].value), 22);
    EXPECT_EQ(sink_.kept[1].time, begin + kSecond);
    EXPECT_EQ(late_.value(), 0u);
}

// One that reads another goes no further than its mark, and asks for more when it has something to do.
TEST_F(VirtualLaneTest, WaitsForWhatItReads) {
    const auto plan = plan_of("a + b");
    on([&] {
        lane_.prepare(InstanceId{1}, plan);
        lane_.set_gate(InstanceId{1}, kOther, {.lane = 3, .of = InstanceId{9}});
        lane_.adopt(InstanceId{1}, std::make_unique<VirtualRun>(plan, INT64_MIN / 2), {});
    });
    const TimeNs begin = world_.clock().now();
    feed(kIn, 1);
    feed(kOther, 10);
    world_.run_for(5 * kSecond);
    EXPECT_TRUE(sink_.kept.empty());
    ASSERT_FALSE(wants_.empty());
    EXPECT_EQ(wants_.front().first, InstanceId{9});
    EXPECT_GE(wants_.front().second, begin);
    EXPECT_EQ(wants_.size(), 1u) << "it asks once";
    on([&] { lane_.mark(InstanceId{1}, InstanceId{9}, world_.clock().now() - kSecond); });
    world_.run_for(kSecond);
    ASSERT_FALSE(sink_.kept.empty());
    EXPECT_EQ(std::get<double>(sink_.kept.back().value), 11);
    // Without the other it goes on alone.
    feed(kIn, 2);
    on([&] { lane_.drop_gate(InstanceId{1}, kOther); });
    world_.run_for(3 * kSecond);
    EXPECT_EQ(std::get<double>(sink_.kept.back().value), 12);
}

// A mark is told only when all up to it is in the store.
TEST_F(VirtualLaneTest, TellsMarksBehindTheStore) {
    run(plan_of("a * 2"));
    on([&] { lane_.add_dependent(InstanceId{1}, 0, InstanceId{2}); });
    world_.run_for(kSecond);
    marks_.clear();
    sink_.refuses = 2;
    feed(kIn, 1);
    const TimeNs time = world_.clock().now();
    on([&] { lane_.want(InstanceId{1}, time); });
    world_.run_for(1500 * kMillisecond);
    EXPECT_TRUE(marks_.empty() || marks_.back().second < time) << "nothing is stored yet";
    EXPECT_TRUE(sink_.kept.empty());
    world_.run_for(3 * kSecond);
    EXPECT_EQ(sink_.kept.size(), 1u);
    ASSERT_FALSE(marks_.empty());
    EXPECT_GE(marks_.back().second, time);
}

// The last value of each span of time, whatever comes when.
TEST(VirtualRun, KeepsTheLastOfEachInterval) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        Rng rng{seed};
        const auto plan = plan_of("a * 2", 5 * kSecond);
        VirtualRun run{plan, INT64_MIN / 2};
        Rows rows;
        std::map<std::int64_t, std::pair<TimeNs, double>> want;  // by interval
        TimeNs now = 1000 * kSecond;
        for (int i = 0; i < 200; ++i) {
            now += static_cast<TimeNs>(rng.below(4 * kSecond));
            const double value = static_cast<double>(rng.below(100));
            ASSERT_TRUE(run.feed(0, now, value, kGood));
            want[now / (5 * kSecond)] = {now, 2 * value};
            if (rng.chance(0.5)) run.advance(now, rows);
            if (const auto due = run.next_due(); due && rng.chance(0.3)) run.advance(*due - 1, rows);
        }
        run.advance(now + kMinute, rows);
        EXPECT_FALSE(run.next_due());
        ASSERT_EQ(rows.size(), want.size()) << "seed " << seed;
        std::size_t i = 0;
        for (const auto& [interval, last] : want) {
            EXPECT_EQ(rows.time(i), last.first);
            EXPECT_EQ(std::get<double>(rows.value(i)), last.second);
            ++i;
        }
    }
}

TEST(VirtualRun, ConvertsRoundsAndKeepsToItsType) {
    const auto f = [](const std::shared_ptr<VirtualPlan>& plan, double in, const std::string& want) {
        VirtualRun run{plan, INT64_MIN / 2};
        Rows rows;
        run.feed(0, kSecond, in, kGood);
        run.decide(kSecond, rows);
        ASSERT_EQ(rows.size(), 1u);
        EXPECT_EQ(to_string(rows.value(0)) + (rows.quality(0).good() ? "" : " " + to_string(rows.quality(0))), want);
    };
    auto plan = plan_of("a * 2");
    f(plan, 1.25, "2.5");
    plan->factor = 0.001;
    plan->offset = 1;
    f(plan, 500, "2");
    plan->spec.decimals = 2;
    f(plan, 1.234e3, "3.47");
    plan = plan_of("a * 2");
    plan->type = ValueType::integer;
    f(plan, 4, "8");
    f(plan, 4.25, "0 bad:type");
    plan->type = ValueType::number;
    plan->factor = 1e300;
    f(plan, 1e300, "nan bad:range");
}

}  // namespace
}  // namespace gongshu::flow
