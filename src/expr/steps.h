#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "expr/cell.h"

namespace gongshu::expr {

using Times = std::shared_ptr<const std::vector<TimeNs>>;

// A value over all of time: what it is from each time on. The first time is the same for all steps of a run.
struct Steps {
    Times times;
    // Plain: numbers or truths that are all known and good; else every value is a cell.
    bool plain = true;
    Kind kind = Kind::number;  // plain
    std::vector<double> numbers;
    std::vector<Cell> cells;

    std::size_t size() const { return times->size(); }
    Cell at(std::size_t i) const {
        if (!plain) return cells[i];
        return {.kind = kind, .known = true, .number = numbers[i]};
    }
    bool constant() const { return times->size() == 1; }
};

// Texts of cells live as long as it; their addresses stay.
class Texts {
public:
    std::string_view keep(std::string_view text);

private:
    std::deque<std::string> texts_;
};

// Makes steps one after the other, in order of time; of two with one time the later wins.
class StepsBuilder {
public:
    explicit StepsBuilder(Texts& texts) : texts_(texts) {}
    void reserve(std::size_t steps);
    void push(TimeNs time, const Cell& cell);
    Steps take();

private:
    void spread();  // from plain to cells

    Texts& texts_;
    std::vector<TimeNs> times_;
    Steps steps_;
};

// All times of any, ascending, once each; the same object if all are alike.
Times united(std::span<const Times> all);

// Walks steps along times that ascend.
class StepsCursor {
public:
    explicit StepsCursor(const Steps& steps) : steps_(steps) {}
    // The index of the step that holds at `time`, which is not before the first.
    std::size_t seek(TimeNs time) {
        const std::vector<TimeNs>& times = *steps_.times;
        while (at_ + 1 < times.size() && times[at_ + 1] <= time) ++at_;
        return at_;
    }
    Cell at(TimeNs time) { return steps_.at(seek(time)); }

private:
    const Steps& steps_;
    std::size_t at_ = 0;
};

// A pure operation over all of time. Numbers that are plain go by the column, all else row by row.
Steps apply_steps(const ProgramImpl& program, const Node& node, const Steps& a, const Steps* b, const Steps* c,
                  Texts& texts);

}  // namespace gongshu::expr
