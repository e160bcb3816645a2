#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "base/rng.h"
#include "bench/sets.h"

namespace gongshu::bench {
namespace {

using Form = GridSet::Form;

// A uniform step either way, kept within limits, cut to so many decimals when it is told.
struct Walk {
    const char* name;
    int decimals;
    double step, least, most;
    double begin_least, begin_most;
};
constexpr Walk kReadings[] = {{"latitude", 5, 0.005, -90, 90, 0, 90},   {"longitude", 5, 0.005, -180, 180, 0, 180},
                              {"elevation", 0, 10, 0, 5000, 0, 500},    {"velocity", 0, 10, 0, 100, 0, 0},
                              {"heading", 0, 5, 0, 360, 0, 360},        {"grade", 0, 5, 0, 100, 0, 0},
                              {"fuel_consumption", 1, 5, 0, 50, 25, 25}};
struct Model {
    const char* name;
    double load, fuel, consumption;
};
constexpr Model kModels[] = {{"F-150", 2000, 200, 15}, {"G-2000", 5000, 300, 19}, {"H-2", 1500, 150, 12}};
constexpr const char* kFleets[] = {"East", "West", "North", "South"};
constexpr const char* kDrivers[] = {"Derek", "Rodney", "Albert", "Andy", "Seth", "Trish"};
constexpr const char* kVersions[] = {"v1.0", "v1.5", "v2.0", "v2.3"};
constexpr std::size_t kReadingsOwn = std::size(kReadings), kDiagnosticsOwn = 3;  // then come the model's

template <std::size_t N>
const char* one_of(const char* const (&choices)[N], Rng& rng) {
    return choices[rng.below(N)];
}

double cut(double value, int decimals) {
    const double unit = std::pow(10, decimals);
    return std::trunc(value * unit) / unit;
}

GridSet::Shape shape_of(std::size_t trucks, std::size_t ticks, TimeNs start, std::vector<Model>& models, Rng& rng) {
    GridSet::Measurement readings{"readings", {}},
        diagnostics{"diagnostics",
                    {{"fuel_state", Form::decimal, 1}, {"current_load", Form::decimal, 0}, {"status", Form::whole}}};
    for (const Walk& walk : kReadings) readings.fields.push_back({walk.name, Form::decimal, walk.decimals});
    for (GridSet::Measurement* one : {&readings, &diagnostics})
        for (const char* name : {"load_capacity", "fuel_capacity", "nominal_fuel_consumption"})
            one->fields.push_back({name, Form::decimal, 0});
    GridSet::Shape shape{"name", {std::move(readings), std::move(diagnostics)}, {}, start, 10 * kSecond, ticks};
    for (std::size_t i = 0; i < trucks; ++i) {
        models.push_back(kModels[rng.below(std::size(kModels))]);
        const GridSet::Tags tags{{"name", fmt::format("truck_{}", i)},
                                 {"fleet", one_of(kFleets, rng)},
                                 {"driver", one_of(kDrivers, rng)},
                                 {"model", models.back().name},
                                 {"device_version", one_of(kVersions, rng)}};
        shape.devices.push_back({tags.at("name"), {tags, tags}});
    }
    return shape;
}

void fill(GridSet& set, std::size_t truck, const Model& model, Rng& rng) {
    double walks[kReadingsOwn];
    for (std::size_t i = 0; i < kReadingsOwn; ++i)
        walks[i] = kReadings[i].begin_least + (kReadings[i].begin_most - kReadings[i].begin_least) * rng.uniform();
    double fuel = 1, load = 0, status = 0;
    for (std::size_t tick = 0; tick < set.shape().ticks; ++tick) {
        for (std::size_t i = 0; i < kReadingsOwn; ++i) {
            const Walk& walk = kReadings[i];
            set.value(tick, truck, 0, i) = cut(walks[i], walk.decimals);
            walks[i] = std::clamp(walks[i] + walk.step * (2 * rng.uniform() - 1), walk.least, walk.most);
        }
        const double diagnostics[] = {cut(fuel, 1), cut(load, 0), cut(status, 0)};
        for (std::size_t i = 0; i < kDiagnosticsOwn; ++i) set.value(tick, truck, 1, i) = diagnostics[i];
        fuel = std::max(0.0, fuel - 0.001 * rng.uniform());
        if (fuel == 0) fuel = 1;
        if (rng.chance(0.05)) load = 5000 * rng.uniform();
        status = std::clamp(status + rng.normal(), 0.0, 5.0);
        const double fixed[] = {model.load, model.fuel, model.consumption};
        for (std::size_t i = 0; i < std::size(fixed); ++i) {
            set.value(tick, truck, 0, kReadingsOwn + i) = fixed[i];
            set.value(tick, truck, 1, kDiagnosticsOwn + i) = fixed[i];
        }
    }
}

// The suite's rules of what is lost, held back and sent later, in batches of ten rows. A row goes out at most once.
class Disorder {
public:
    Disorder(GridSet& set, Rng& rng) : set_(set), rng_(rng) {}

    // The rows as they go out; those that do not lose their readings.
    void run() {
        while (next_ < set_.grid_rows()) batch();
        for (const Batch& held : held_batches_) send(held);
        for (const std::uint32_t row : held_rows_) sent_.push_back(row);
        std::vector<bool> there(set_.grid_rows());
        for (const std::uint32_t row : sent_) there[row] = true;
        for (std::size_t row = 0; row < there.size(); ++row)
            if (!there[row]) forget(row);
        set_.set_order(std::move(sent_));
    }

private:
    static constexpr std::size_t kBatch = 10;
    using Batch = std::vector<std::uint32_t>;
    struct Plan {
        bool earlier[kBatch] = {}, missing[kBatch] = {}, held[kBatch] = {};
        bool empty_field[kBatch] = {};
    };

    void batch() {
        if (rng_.chance(0.01)) {
            next_ += kBatch;  // all of it is lost
            return;
        }
        const bool hold = rng_.chance(0.05);
        const bool earlier = !held_batches_.empty() && rng_.chance(0.5);
        const Plan plan = draw();
        if (earlier) {
            send(held_batches_.front());
            held_batches_.pop_front();
            return;
        }
        Batch made = make(plan);
        if (hold)
            held_batches_.push_back(std::move(made));
        else
            send(made);
    }
    Plan draw() {
        Plan plan;
        std::size_t held = held_rows_.size();
        for (std::size_t i = 0; i < kBatch; ++i) {
            if (held > 0 && rng_.chance(0.5)) {
                plan.earlier[i] = true;
                --held;
            }
            plan.missing[i] = rng_.chance(0.1);
            if (plan.missing[i]) continue;
            plan.empty_field[i] = rng_.chance(0.1);
            plan.held[i] = rng_.chance(0.3);
        }
        return plan;
    }
    // The plan is of entries that are looked at, more than those that go out.
    Batch make(const Plan& plan) {
        Batch made;
        std::size_t looked_at = 0;
        for (std::size_t i = 0; i < kBatch; ++i) {
            for (;; ++looked_at) {
                const bool planned = looked_at < kBatch;
                std::uint32_t row = 0;
                if (planned && plan.earlier[looked_at]) {
                    row = held_rows_.front();
                    held_rows_.pop_front();
                } else if (next_ < set_.grid_rows()) {
                    row = static_cast<std::uint32_t>(next_++);
                } else {
                    return made;
                }
                if (planned && plan.missing[looked_at]) continue;
                if (planned && plan.held[looked_at]) {
                    held_rows_.push_back(row);
                    continue;
                }
                if (plan.empty_field[i]) empty_a_field(row);
                made.push_back(row);
                ++looked_at;
                break;
            }
        }
        return made;
    }
    void send(const Batch& batch) { sent_.insert(sent_.end(), batch.begin(), batch.end()); }
    void empty_a_field(std::uint32_t row) {
        const auto where = set_.place(row);
        const std::size_t own = where.measurement == 0 ? kReadingsOwn : kDiagnosticsOwn;
        set_.value(where.tick, where.device, where.measurement, rng_.below(own)) = GridSet::kNone;
    }
    void forget(std::size_t row) {
        const auto where = set_.place(row);
        for (std::size_t field = 0; field < set_.shape().measurements[where.measurement].fields.size(); ++field)
            set_.value(where.tick, where.device, where.measurement, field) = GridSet::kNone;
    }

    GridSet& set_;
    Rng& rng_;
    std::size_t next_ = 0;
    std::deque<Batch> held_batches_;
    std::deque<std::uint32_t> held_rows_;
    std::vector<std::uint32_t> sent_;
};

}  // namespace

GridSet make_iot_set(std::size_t trucks, std::size_t ticks, TimeNs start, std::uint64_t seed) {
    Rng rng{seed};
    std::vector<Model> models;
    GridSet set(shape_of(trucks, ticks, start, models, rng));
    for (std::size_t truck = 0; truck < trucks; ++truck) fill(set, truck, models[truck], rng);
    Disorder(set, rng).run();
    return set;
}

}  // namespace gongshu::bench
