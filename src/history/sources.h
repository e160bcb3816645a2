#pragma once

#include <memory>
#include <set>
#include <vector>

#include "history/scan.h"
#include "history/store.h"

namespace gongshu::history {

// The part of it in which there can be rows.
Window storable(Window window);

// What a question sees of one tag: its rows in memory, copied, and the segments of one version. Asked twice it tells
// the same rows. Any thread, once made.
class TagSources {
public:
    TagSources(TagId tag, Window window, std::shared_ptr<const Version> version, std::vector<Source> memory);

    // On which there may be rows, in order.
    const std::set<Day>& days() const { return days_; }
    // Opens the day's segments.
    Result<std::vector<Source>> of(Day day) const;

private:
    const TagId tag_;
    const Window window_;
    const std::uint16_t shard_;
    const std::shared_ptr<const Version> version_;
    const std::vector<Source> memory_;
    std::set<Day> days_;
};

}  // namespace gongshu::history
