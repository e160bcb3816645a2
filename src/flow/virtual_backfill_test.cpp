// Past values of virtual tags: what is made anew is of one expression, and what is cut short is told.
#include "flow/virtual_backfill.h"

#include <gtest/gtest.h>

#include "flow/rule.h"
#include "flow/virtual_backfill_event.h"
#include "history/history.h"
#include "io/sim.h"
#include "registry/json.h"
#include "registry/registry.h"

namespace gongshu::flow {
namespace {

using State = VirtualBackfill::State;

class VirtualBackfillTest : public testing::Test {
protected:
    void SetUp() override {
        up();
        tenant_ = *registry_->tenant_id("default");
        in_ = *history_->resolve({tenant_, "p:s/a.x", "x"}, "s/a.x", ValueType::number, "bar");
    }
    void TearDown() override { down(); }

    void up() {
        metrics_ = std::make_unique<Metrics>();
        pool_ = world_.make_pool();
        loop_ = world_.make_loop();
        registry_ = std::move(
            *registry::Registry::create(files_, world_.clock(), {.folder = "/data/registry", .key_folder = "/keys"}));
        registry_->add_kind(rule_kind());
        registry_->add_kind(virtual_tag_kind());
        ASSERT_TRUE(registry_->load());
        auto history = history::History::create(files_, world_.clock(), *metrics_, {loop_.get()}, *pool_,
                                                {.folder = "/data/history"});
        ASSERT_TRUE(history) << history.error().text();
        history_ = std::move(*history);
        auto flow = Flow::create({.registry = *registry_,
                                  .sink = *history_,
                                  .reader = *history_,
                                  .tags = *history_,
                                  .clock = world_.clock(),
                                  .lanes = {loop_.get()},
                                  .pool = *pool_,
                                  .metrics = *metrics_,
                                  .import = [this](const Rows& rows) { return history_->import(rows); },
                                  .cut = [this](const history::Cut& cut) -> Result<history::Removed> {
                                      cut_ = true;
                                      // So that the piece of work ends behind it.
                                      world_.clock().advance(kSecond);
                                      return history_->cut(cut);
                                  }});
        ASSERT_TRUE(flow);
        flow_ = std::move(*flow);
        history_->set_stage(flow_.get());
        ASSERT_TRUE(flow_->start());
        settle();
    }
    void down() {
        if (history_) history_->set_stage(nullptr);
        flow_.reset();
        history_.reset();
        registry_.reset();
        loop_.reset();
        pool_.reset();
    }
    void settle() {
        world_.run_until([this] { return flow_->ready(); }, kSecond);
        world_.run_for(0);
    }
    void pass(DurationNs time) {
        world_.run_for(time);
        settle();
    }
    registry::Actor actor() const { return {tenant_, "default", "test", registry::Role::admin, ""}; }
    void put(std::string_view kind, const std::string& name, const std::string& spec) {
        const auto done = registry_->put(actor(), kind, name, *registry::parse_json(spec), {});
        ASSERT_TRUE(done) << done.error().text();
        settle();
    }
    void feed(double value) {
        Rows rows;
        rows.add_number(in_, world_.clock().now(), value);
        history_->append(std::move(rows), Durability::sync, [](const Result<Appended>&) {});
        settle();
    }
    Result<VirtualBackfill> begin(DurationNs age = kHour) {
        const TimeNs now = world_.clock().now();
        return flow_->virtual_tags().backfill(tenant_, "s/a.v", {now - age, now}, "li");
    }
    VirtualBackfill newest() const {
        const auto list = flow_->virtual_tags().backfills(tenant_);
        return list.empty() ? VirtualBackfill{} : list.front();
    }
    VirtualBackfill make(DurationNs age = kHour) {
        const auto begun = begin(age);
        EXPECT_TRUE(begun) << begun.error().text();
        world_.run_until([this] { return newest().state != State::running; }, kMinute);
        pass(kSecond);
        return newest();
    }
    // All values of the virtual tag, as text.
    std::string values() const {
        const auto out = history_->find(tenant_, "s/a.v");
        if (!out) return "no tag";
        const auto series = history_->read({.tags = {out->id}, .window = {0, INT64_MAX}});
        if (!series) return series.error().text();
        std::string text;
        const Rows& rows = series->front().rows;
        for (std::size_t i = 0; i < rows.size(); ++i)
            text += (text.empty() ? "" : " ") + gongshu::to_string(rows.value(i));
        return text;
    }

    io::SimFiles files_;
    io::SimWorld world_{1};
    TenantId tenant_;
    TagId in_;
    bool cut_ = false;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<registry::Registry> registry_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<Flow> flow_;
};

// A window's expression gives values also where a reading leaves it; the plain one has none there.
TEST_F(VirtualBackfillTest, LeavesNothingOfTheExpressionBefore) {
    put("virtual_tag", "s/a.v", R"j({"expr":"avg(s/a.x, 8s)"})j");
    for (const double value : {10.0, 20.0, 30.0}) {
        feed(value);
        pass(20 * kSecond);
    }
    const std::string before = values();
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2"})");
    feed(40);
    pass(5 * kSecond);
    EXPECT_NE(values(), "20 40 60 80") << before;
    const VirtualBackfill job = make();
    EXPECT_EQ(job.state, State::done) << job.error;
    EXPECT_EQ(values(), "20 40 60 80");
    EXPECT_GE(job.removed, 4u);
    EXPECT_EQ(job.rows, 4u);
    EXPECT_EQ(job.left_before, 0);
    // What is not in the range stays.
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 3"})");
    pass(5 * kSecond);
    EXPECT_EQ(make(40 * kSecond).state, State::done);
    EXPECT_TRUE(values().starts_with("20 40 ")) << values();
    EXPECT_TRUE(values().find(" 120") != std::string::npos) << values();
}

TEST_F(VirtualBackfillTest, WhatAHoldIsOverIsNotMadeAnew) {
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2"})");
    feed(10);
    pass(5 * kSecond);
    put("hold", "accident", R"({"tags":["s/**"],"reason":"the accident of May"})");
    const auto refused = begin();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::conflict);
    EXPECT_NE(refused.error().text().find("the hold accident"), std::string::npos) << refused.error().text();
    EXPECT_EQ(values(), "20");
    ASSERT_TRUE(registry_->remove(actor(), "hold", "accident", {}));
    // One that comes after it was begun.
    ASSERT_TRUE(begin());
    put("hold", "late", R"({"tags":["s/a.v"],"to":"2200-01-01T00:00:00Z","reason":"x"})");
    world_.run_until([this] { return newest().state != State::running; }, kMinute);
    EXPECT_EQ(values(), "20");
    put("hold", "late", R"({"tags":["s/a.v"],"to":"1990-01-01T00:00:00Z","reason":"x"})");
    EXPECT_EQ(make().state, State::done);
    EXPECT_EQ(values(), "20");
}

// Old values whose readings are not stored any more cannot be made again: they stay.
TEST_F(VirtualBackfillTest, LeavesWhatCannotBeMadeAgain) {
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2"})");
    feed(10);
    pass(10 * kMinute);
    feed(20);
    pass(10 * kMinute);
    const TimeNs now = world_.clock().now();
    ASSERT_TRUE(history_->cut({.windows = {{in_, {0, now - 15 * kMinute}}}}));
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 3"})");
    pass(5 * kSecond);
    const VirtualBackfill job = make();
    EXPECT_EQ(job.state, State::done) << job.error;
    EXPECT_TRUE(values().starts_with("20 60")) << values();
    EXPECT_GT(job.left_before, now - 15 * kMinute);
    EXPECT_LT(job.left_before, now);
}

// The program is killed when the old rows are gone and the new ones are not made.
TEST_F(VirtualBackfillTest, TellsWhatACrashCut) {
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2"})");
    for (const double value : {10.0, 20.0, 30.0}) {
        feed(value);
        pass(5 * kSecond);
    }
    // Changed after the values were made: a restart alone makes none of before.
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2","title_en":"twice"})");
    pass(5 * kSecond);
    EXPECT_EQ(values(), "20 40 60");
    cut_ = false;
    ASSERT_TRUE(begin());
    ASSERT_TRUE(world_.run_until([this] { return cut_; }, kMinute));
    EXPECT_EQ(newest().state, State::running);
    files_.crash();
    down();
    up();
    const VirtualBackfill told = newest();
    EXPECT_EQ(told.state, State::interrupted);
    EXPECT_EQ(told.name, "s/a.v");
    EXPECT_EQ(told.by, "li");
    EXPECT_NE(told.error.find("make it again"), std::string::npos) << told.error;
    EXPECT_NE(values(), "20 40 60");
    EXPECT_EQ(make().state, State::done);
    EXPECT_EQ(values(), "20 40 60");
    // Both are told by the next one, and it is told once that it was cut.
    files_.crash();
    down();
    up();
    const auto list = flow_->virtual_tags().backfills(tenant_);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0].state, State::done);
    EXPECT_EQ(list[0].rows, 3u);
    EXPECT_EQ(list[0].progress, 1);
    EXPECT_EQ(list[1].state, State::interrupted);
    EXPECT_NE(list[0].id, list[1].id);
}

// Whatever fails: the values are those of before or those of one expression, or it is told that it did not end well.
TEST_F(VirtualBackfillTest, EveryOperationFailsOnce) {
    put("virtual_tag", "s/a.v", R"j({"expr":"avg(s/a.x, 8s)"})j");
    for (const double value : {10.0, 20.0, 30.0}) {
        feed(value);
        pass(20 * kSecond);
    }
    put("virtual_tag", "s/a.v", R"({"expr":"s/a.x * 2"})");
    pass(5 * kSecond);
    for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        const std::string before = values();
        files_.fail_nth(n);
        const auto begun = begin();
        world_.run_until([this] { return newest().state != State::running; }, kMinute);
        const bool hit = files_.fault_fired();
        files_.fail_nth(1 << 30);
        const bool done = begun && newest().state == State::done;
        files_.crash();
        down();
        up();
        ASSERT_TRUE(done || values() == before || newest().state != State::done) << values();
        if (done) {
            EXPECT_EQ(values().find("20 40 60"), 0u) << values();
        }
        if (!hit) {
            EXPECT_TRUE(done);
            EXPECT_GT(n, 10);
            break;
        }
        ASSERT_LT(n, 300);
    }
}

TEST(VirtualBackfillEvent, IsReadBackAsItWas) {
    const VirtualBackfill job{.id = "7",
                              .tenant = TenantId{3},
                              .name = "s/a.v",
                              .window = {5, 9},
                              .state = State::failed,
                              .error = "the disk is \"full\"",
                              .progress = 0.25,
                              .readings = 11,
                              .rows = 12,
                              .removed = 13,
                              .left_before = 6,
                              .places = 4,
                              .places_done = 1,
                              .started = 100,
                              .finished = 200,
                              .by = "li"};
    const auto read = read_backfill(backfill_event(job));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(backfill_event(*read).body, backfill_event(job).body);
    EXPECT_EQ(backfill_event(job).time, 200);
    EXPECT_FALSE(read_backfill({.kind = "virtual.past", .body = "[]"}));
    EXPECT_FALSE(read_backfill({.kind = "virtual.past", .body = "{}"}));
}

}  // namespace
}  // namespace gongshu::flow
