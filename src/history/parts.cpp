#include "history/parts.h"

#include <algorithm>

namespace gongshu::history {
namespace {

// The one segment that has cells of the tag, and where they are: behind the tag's last chunk.
struct Owner {
    const OpenSegment* segment = nullptr;
    const ChunkInfo* last = nullptr;
    bool may_have_minutes = false;
};

Owner owner_of(const std::vector<Source>& sources) {
    Owner owner;
    const OpenSegment* seen = nullptr;
    for (const Source& source : sources) {
        if (!source.chunk || source.segment.get() == seen) continue;
        seen = source.segment.get();
        const auto [begin, end] = seen->chunks_of(source.chunk->tag);
        const ChunkInfo& last = seen->chunks()[end - 1];
        if (last.sections_bytes == 0) continue;
        if (owner.segment != nullptr) return {};  // which of them overlap is not worth to be found out
        owner = {seen, &last, false};
        for (std::size_t i = begin; i < end; ++i) {
            const ChunkInfo& chunk = seen->chunks()[i];
            owner.may_have_minutes |= may_have_minutes(chunk.statistics.rows, chunk.min_time, chunk.max_time);
        }
    }
    return owner;
}

bool touches(const Source& source, Window window) {
    if (source.chunk) return source.min_time < window.to && source.max_time >= window.from;
    return source.rows->lower_bound(window.from) < source.rows->lower_bound(window.to);
}

// Lives for one day of one tag.
class PartMaker {
public:
    PartMaker(std::vector<Source> sources, Owner owner, SeriesBuilder& builder)
        : sources_(std::move(sources)), owner_(owner), builder_(builder) {}

    std::vector<Part> make(Window window) {
        const CellsWanted wanted = builder_.cells_wanted();
        if (wanted.minutes && owner_.may_have_minutes)
            minutes_ = read_cells(*owner_.segment, *owner_.last, SectionType::minutes);
        if (!wanted.hours) {
            minutes(window);
        } else {
            const auto hours = read_cells(*owner_.segment, *owner_.last, SectionType::hours);
            cut(hours, kHour, window, [this](Window rest) { minutes(rest); });
        }
        return std::move(parts_);
    }

private:
    void minutes(Window window) {
        cut(minutes_, kMinute, window, [this](Window rest) { rows(rest); });
    }
    void rows(Window window) {
        Part part{window, {}, 0, {}};
        for (const Source& source : sources_)
            if (touches(source, window)) part.sources.push_back(source);
        if (!part.sources.empty()) parts_.push_back(std::move(part));
    }
    bool is_usable(const Cell& cell, DurationNs length) {
        const Window window{cell.from, cell.from + length};
        const auto hides = [&](const Source& one) {
            return one.segment.get() != owner_.segment && touches(one, window);
        };
        return builder_.takes_cell(cell, length) && std::ranges::none_of(sources_, hides);
    }
    // Cells as far as they can be used, and `rest` for the time between them.
    template <class Rest>
    void cut(const std::vector<Cell>& cells, DurationNs length, Window window, const Rest& rest) {
        TimeNs done = window.from;
        Part part;  // window: not looked at
        const auto end_cells = [&] {
            if (!part.cells.empty()) parts_.push_back(std::move(part));
            part = {};
        };
        for (auto cell = std::ranges::lower_bound(cells, window.from, {}, &Cell::from);
             cell != cells.end() && cell->from + length <= window.to; ++cell) {
            if (!is_usable(*cell, length)) continue;
            if (cell->from > done) {
                end_cells();
                rest({done, cell->from});
            }
            part.cell_length = length;
            part.cells.push_back(*cell);
            done = cell->from + length;
        }
        end_cells();
        if (done < window.to) rest({done, window.to});
    }

    const std::vector<Source> sources_;
    const Owner owner_;
    SeriesBuilder& builder_;
    std::vector<Cell> minutes_;
    std::vector<Part> parts_;
};

}  // namespace

std::vector<Part> parts_of(std::vector<Source> sources, Window window, SeriesBuilder& builder) {
    const CellsWanted wanted = builder.cells_wanted();
    const Owner owner = wanted.hours || wanted.minutes ? owner_of(sources) : Owner{};
    if (owner.segment == nullptr || (!wanted.hours && !owner.may_have_minutes)) {
        std::vector<Part> whole;
        if (!sources.empty()) whole.push_back({window, {}, 0, std::move(sources)});
        return whole;
    }
    return PartMaker{std::move(sources), owner, builder}.make(window);
}

}  // namespace gongshu::history
