#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/rng.h"
#include "history/history.h"
#include "history/power_test.h"
#include "io/sim.h"

namespace gongshu::history {

// A seed of its own for each run, or SEED=… to repeat one.
inline std::uint64_t test_seed() {
    if (const char* given = std::getenv("SEED")) return std::strtoull(given, nullptr, 10);
    std::uint64_t salt = 0;
    return static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()) * 7919 +
           reinterpret_cast<std::uintptr_t>(&salt);
}

// A store in a simulated world that can be crashed and opened again over the same files.
class TestStore {
public:
    // `shared`: somebody else's files, or null for its own.
    explicit TestStore(std::uint64_t seed = 1, HistoryOptions options = {}, std::string folder = "/store",
                       io::SimFiles* shared = nullptr)
        : files_(shared != nullptr ? *shared : own_files_), world_(seed), options_(std::move(options)) {
        options_.folder = std::move(folder);
        pool_ = world_.make_pool();
        for (int i = 0; i < 2; ++i) lanes_.push_back(world_.make_loop());
    }

    io::SimFiles& files() { return files_; }
    PowerFiles& power() { return power_; }
    SimClock& clock() { return world_.clock(); }
    Metrics& metrics() { return *metrics_; }
    io::SimWorld& world() { return world_; }
    History& operator*() { return *history_; }
    History* operator->() { return history_.get(); }
    bool is_open() const { return history_ != nullptr; }

    Result<void> open() {
        metrics_ = std::make_unique<Metrics>();
        auto made =
            History::create(power_, world_.clock(), *metrics_, {lanes_[0].get(), lanes_[1].get()}, *pool_, options_);
        if (!made) return made.error();
        history_ = std::move(*made);
        return {};
    }
    void close() {
        if (history_) history_->stop();
        history_.reset();
        world_.run_for(0);
    }
    // Power cut: what was not synced is gone. The store is not open afterwards.
    void crash(Rng* torn = nullptr) {
        files_.crash(torn);
        drop();
    }
    // Lets go of a store without stopping it.
    void drop() {
        history_.reset();
        // What was posted before finds the store closed; its answers are of no interest any more.
        world_.run_for(0);
    }
    void reopen() {
        close();
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().text();
    }

    Result<Appended> append(Rows rows, Durability durability = Durability::sync) {
        std::optional<Result<Appended>> answer;
        history_->append(std::move(rows), durability, [&](Result<Appended> result) { answer = std::move(result); });
        EXPECT_FALSE(answer.has_value()) << "done was called from inside append()";
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kMinute));
        return answer ? *answer : Error{Code::timeout, "no answer"};
    }
    Result<Appended> append(Tuples tuples, Durability durability = Durability::sync) {
        std::optional<Result<Appended>> answer;
        history_->append_tuples(std::move(tuples), durability,
                                [&](Result<Appended> result) { answer = std::move(result); });
        EXPECT_FALSE(answer.has_value()) << "done was called from inside append_tuples()";
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kMinute));
        return answer ? *answer : Error{Code::timeout, "no answer"};
    }
    Result<Appended> append(Columns columns, Durability durability = Durability::sync) {
        std::optional<Result<Appended>> answer;
        history_->append_columns(std::move(columns), durability,
                                 [&](Result<Appended> result) { answer = std::move(result); });
        EXPECT_FALSE(answer.has_value()) << "done was called from inside append_columns()";
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kMinute));
        return answer ? *answer : Error{Code::timeout, "no answer"};
    }
    Result<EventId> append_event(Event event, Durability durability = Durability::sync) {
        std::optional<Result<EventId>> answer;
        history_->append_event(std::move(event), durability, [&](Result<EventId> result) { answer = result; });
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kMinute));
        return answer ? *answer : Error{Code::timeout, "no answer"};
    }
    TagId tag(std::string source, std::string property = "x", ValueType type = ValueType::number,
              TenantId tenant = TenantId{1}) {
        auto made = history_->resolve({tenant, source, property}, source + "." + property, type, "");
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
        return made ? *made : TagId{};
    }
    std::vector<Reading> raw(TagId tag, Window window) {
        ReadRequest request;
        request.tags = {tag};
        request.window = window;
        auto series = history_->read(request);
        EXPECT_TRUE(series) << (series ? "" : series.error().text());
        std::vector<Reading> readings;
        if (series)
            for (std::size_t i = 0; i < series->at(0).rows.size(); ++i)
                readings.push_back(series->at(0).rows.reading(i));
        return readings;
    }

private:
    io::SimFiles own_files_;
    io::SimFiles& files_;
    PowerFiles power_{files_};
    io::SimWorld world_;
    HistoryOptions options_;
    std::unique_ptr<io::Pool> pool_;
    std::vector<std::unique_ptr<io::Loop>> lanes_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<History> history_;
};

inline constexpr Window kAllTime{0, 4'000'000'000 * kSecond};

inline TupleShapePtr shape_of(std::vector<TagId> tags, std::vector<ValueType> types = {}) {
    if (types.empty()) types.assign(tags.size(), ValueType::number);
    return std::make_shared<const TupleShape>(std::move(tags), std::move(types));
}

// Of numbers.
inline void add_tuple(Tuples& tuples, const TupleShapePtr& shape, TimeNs time, const std::vector<double>& values) {
    const auto cells = tuples.add(shape, time);
    for (std::size_t i = 0; i < values.size(); ++i) cells[i] = std::bit_cast<std::uint64_t>(values[i]);
}

// Of numbers; the values of a tag follow those of the tag before.
inline ColumnBlock block_of(TupleShapePtr shape, std::vector<TimeNs> times, const std::vector<double>& values) {
    ColumnBlock block{.shape = std::move(shape), .times = std::move(times), .bits = {}, .qualities = {}};
    for (const double value : values) block.bits.push_back(std::bit_cast<std::uint64_t>(value));
    return block;
}

inline Rows one_row(TagId tag, TimeNs time, double value) {
    Rows rows;
    rows.add_number(tag, time, value);
    return rows;
}

}  // namespace gongshu::history
