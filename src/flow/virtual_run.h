#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/rows.h"
#include "data/tag.h"
#include "expr/stream.h"
#include "flow/plan.h"
#include "flow/virtual_tag.h"

namespace gongshu::flow {

// A tag that a virtual tag reads; its place in the list is its index in the program.
struct VirtualInput {
    TagId id;  // 0 = there is no such tag yet
    std::string path;
    bool is_elsewhere = false;  // `path` is one of before: another tag may come there
};

// Everything that computing one virtual tag at one place needs. Constant, shared between threads.
struct VirtualPlan {
    PlanKey key;  // rule_uid is the uid of the virtual tag
    std::string name, path;
    VirtualTagSpec spec;
    TagId out;
    ValueType type = ValueType::number;
    std::string unit;
    double factor = 1, offset = 0;
    double minor = 0;  // VirtualProgram::minor
    DurationNs lateness = 0, min_interval = 0;
    std::shared_ptr<const expr::Program> program;
    std::vector<VirtualInput> inputs;

    // Plans with the same logic give the same values.
    std::string logic() const;
};

// VirtualRun is one virtual tag that is being computed: readings in, rows of its tag out, in order of time.
// Threads: one at a time: built and filled on the pool, then its lane's.
// Bounds:  those of expr::Stream.
class VirtualRun {
public:
    // What is not after `skip` is there already and is not given again.
    VirtualRun(std::shared_ptr<const VirtualPlan> plan, TimeNs skip);

    const VirtualPlan& plan() const { return *plan_; }
    void set_plan(std::shared_ptr<const VirtualPlan> plan) { plan_ = std::move(plan); }  // of the same logic

    // False: it came too late.
    bool feed(std::size_t input, TimeNs time, const Value& value, Quality quality) {
        return stream_->feed(input, time, value, quality);
    }
    // Decides all up to now - lateness; values go to `rows`.
    void advance(TimeNs now, Rows& rows);
    // Decides all up to `time`.
    void decide(TimeNs time, Rows& rows) { advance(time + plan_->lateness, rows); }
    // The earliest now at which advance() has something to do.
    std::optional<TimeNs> next_due() const;
    TimeNs decided() const { return stream_->decided(); }
    // All rows up to here have been given; what follows this one carries on behind it.
    TimeNs given() const { return held_ ? std::min(held_->time - 1, decided()) : decided(); }
    std::uint64_t dropped() const { return stream_->dropped(); }
    std::uint64_t lost() const { return lost_; }  // rows that `rows` had no room for
    // The newest one that was skipped, taken once.
    std::optional<Reading> take_skipped() { return std::exchange(skipped_, std::nullopt); }

private:
    void take(const expr::Output& output, Rows& rows);
    void add(Rows& rows, const Reading& reading);
    Reading reading_of(const expr::Output& output) const;
    TimeNs end_of(TimeNs time) const;  // of the min_interval that it lies in, exclusive

    std::shared_ptr<const VirtualPlan> plan_;
    const TimeNs skip_;
    const std::unique_ptr<expr::Stream> stream_;
    std::optional<Reading> held_;  // the last of its min_interval so far
    std::optional<Reading> skipped_;
    std::uint64_t lost_ = 0;
};

// Compiles a virtual tag for a place, without its tag. `scope` knows its names. A type that is not known before the
// first reading of a tag is left open.
struct VirtualDraft {
    std::shared_ptr<VirtualPlan> plan;
    std::optional<ValueType> type;
    std::string waits_for;  // the tag whose first reading tells the type
};
Result<VirtualDraft> draft_virtual_plan(const registry::ResourceReader& registry, const Tags& tags,
                                        const registry::Resource& resource, const VirtualTagSpec& spec,
                                        const VirtualPlace& place, const expr::Scope& scope,
                                        VirtualWrong* wrong = nullptr);

// The same with its tag, which is made if it is new and brought to its place. `why_zh` becomes the error in Chinese, if
// there is one. Code::unavailable: it waits for a tag's first reading.
Result<std::shared_ptr<const VirtualPlan>> make_virtual_plan(const registry::ResourceReader& registry, Tags& tags,
                                                             const registry::Resource& resource,
                                                             const VirtualTagSpec& spec, const VirtualPlace& place,
                                                             std::string& why_zh);

}  // namespace gongshu::flow
