#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "data/sink.h"
#include "data/window.h"
#include "expr/error.h"
#include "flow/virtual_tag.h"

namespace gongshu::flow {

// One virtual tag at one place, as it is now.
struct VirtualState {
    std::string name, device, path;
    bool runs = false;
    std::string why_en, why_zh;  // when it does not
    TimeNs since = 0;            // likewise
    bool waits = false;          // for the first reading of a tag: nothing is wrong
    std::uint64_t rows = 0;      // given since the start
    std::uint64_t late = 0;      // readings that came too late to count
};

// A question of the editor: what would it give?
struct VirtualPreviewQuestion {
    registry::Resource tag;  // canonical; it need not be stored
    std::string device;      // which device of a type; "" = the first one
    Window window;
    std::size_t rows_max = 500;
    DurationNs time_max = 10 * kSecond;
    std::uint64_t readings_max = 20'000'000;
    // Whether who asks may see a tag or device. Empty: everything may be seen.
    std::function<bool(std::string_view)> sees;
};

struct VirtualPreview {
    std::optional<expr::ExprError> error;  // of the expression
    std::string problem_en, problem_zh;    // what else is wrong, beginning with the field; "" = nothing
    std::string path, unit;
    std::optional<ValueType> type;  // nullopt: not known before the first reading of a tag
    struct Input {
        std::string path;
        bool there = false;
        std::optional<Reading> last;
    };
    std::vector<Input> inputs;
    Rows rows;                // the last ones of the window, by time
    std::uint64_t count = 0;  // of all of the window
    std::uint64_t readings = 0;
    bool complete = true;  // false: it stopped at `until`, for time or readings
    TimeNs until = 0;
};

// Past values that are being made.
struct VirtualBackfill {
    // interrupted: the program ended while it ran.
    enum class State : std::uint8_t { running, done, failed, cancelled, interrupted };
    std::string id;
    TenantId tenant;
    std::string name;
    Window window;
    State state = State::running;
    std::string error;
    double progress = 0;  // 0 … 1
    std::uint64_t readings = 0, rows = 0;
    std::uint64_t removed = 0;  // old rows that were taken away before
    // At some place nothing that it reads is stored of before this: its old values of before stay. 0 = there is none.
    TimeNs left_before = 0;
    std::size_t places = 0, places_done = 0;
    TimeNs started = 0, finished = 0;
    std::string by;
};
std::string_view to_string(VirtualBackfill::State state);

// VirtualTags is what there is of virtual tags besides their values, which are readings like all others.
// Lives:   inside Flow. Threads: any. preview() blocks: not from a lane.
// Bounds:  kPlacesMax virtual tags times devices run; kBackfillsMax fill at once, the newest kBackfillsKept are told.
class VirtualTags {
public:
    static constexpr std::size_t kPlacesMax = 50'000;
    static constexpr std::size_t kBackfillsMax = 2;
    static constexpr std::size_t kBackfillsKept = 50;
    static constexpr DurationNs kBackfillMax = 3660 * kDay;
    static constexpr int kPreviewsMax = 4;

    virtual ~VirtualTags() = default;
    // By name, then path. What is switched off is not in it.
    virtual std::vector<VirtualState> states(TenantId tenant) const = 0;
    // For POST /api/v1/virtual_tags:preview.
    virtual Result<VirtualPreview> preview(const VirtualPreviewQuestion& question) = 0;

    // Makes the values of `window` anew from what is stored, in the background: first the rows that are there go, but
    // for those of before all that is stored of what it reads. The end is cut to what is decided by now. It is
    // remembered before anything is changed, so that one that the end of the program cut is told as interrupted.
    // Code::limit if kBackfillsMax are under way, Code::conflict if one of this virtual tag is, or a hold is over some
    // of the rows; Code::invalid for a window that is empty or too long.
    virtual Result<VirtualBackfill> backfill(TenantId tenant, std::string_view name, const Window& window,
                                             std::string_view by) = 0;
    virtual std::vector<VirtualBackfill> backfills(TenantId tenant) const = 0;  // the newest first
    virtual Result<VirtualBackfill> cancel_backfill(TenantId tenant, std::string_view id) = 0;
};

}  // namespace gongshu::flow
