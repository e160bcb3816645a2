#include "flow/virtual_preview.h"

#include <algorithm>

#include "flow/past.h"
#include "flow/scope.h"
#include "flow/virtual_past.h"

namespace gongshu::flow {
namespace {

// Of the devices of a type the one that is asked for, else the first that may be seen.
std::optional<VirtualPlace> place_of(const FlowParts& parts, const VirtualPreviewQuestion& question,
                                     const VirtualTagSpec& spec) {
    for (const VirtualPlace& place : virtual_places(parts.registry, question.tag.tenant, question.tag.name, spec)) {
        if (!question.device.empty() && place.device != question.device) continue;
        if (question.sees && !place.device.empty() && !question.sees(place.device)) continue;
        return place;
    }
    return std::nullopt;
}

// Keeps the last `rows_max` of what comes.
class LastRows {
public:
    explicit LastRows(VirtualPreview& answer, std::size_t rows_max) : answer_(answer), rows_max_(rows_max) {}

    void take(const Rows& rows) {
        answer_.count += rows.size();
        const std::size_t first = rows.size() > rows_max_ ? rows.size() - rows_max_ : 0;
        Rows kept;
        const std::size_t room = rows_max_ - (rows.size() - first);
        const std::size_t old = answer_.rows.size() > room ? answer_.rows.size() - room : 0;
        for (std::size_t i = old; i < answer_.rows.size(); ++i) kept.add_row(answer_.rows, i);
        for (std::size_t i = first; i < rows.size(); ++i) kept.add_row(rows, i);
        answer_.rows = std::move(kept);
    }

private:
    VirtualPreview& answer_;
    const std::size_t rows_max_;
};

Result<void> run_window(const FlowParts& parts, const VirtualPreviewQuestion& question,
                        std::shared_ptr<const VirtualPlan> plan, VirtualPreview& answer) {
    const Window& window = question.window;
    VirtualRun run{plan, window.from - 1};
    LastRows last{answer, question.rows_max};
    Replay replay{parts.reader, run, {window.from, window.to - 1, window.to}, [&](Rows& rows) -> Result<void> {
                      last.take(rows);
                      return {};
                  }};
    const DurationNs deadline = parts.clock.monotonic() + question.time_max;
    while (!TRY(replay.step())) {
        if (parts.clock.monotonic() <= deadline && replay.readings() <= question.readings_max) continue;
        answer.complete = false;
        answer.until = replay.at();
        break;
    }
    answer.readings = replay.readings();
    return {};
}

}  // namespace

Result<VirtualPreview> preview_virtual_tag(const FlowParts& parts, const VirtualPreviewQuestion& question) {
    const TenantId tenant = question.tag.tenant;
    const auto spec = TRY(registry::spec_of<VirtualTagSpec>(question.tag));
    VirtualPreview answer{.until = question.window.to};
    const auto at = place_of(parts, question, spec);
    const VirtualPlace place = at.value_or(VirtualPlace{question.tag.name, "", ""});
    const LiveScope scope{parts.registry,  parts.tags,   tenant, place.device, at ? "" : spec.device_type.value_or(""),
                          Unfound::refuse, question.sees};
    VirtualWrong wrong;
    auto draft = draft_virtual_plan(parts.registry, parts.tags, question.tag, spec, place, scope, &wrong);
    if (!draft) {
        answer.error = std::move(wrong.error);
        answer.problem_en = draft.error().text();
        answer.problem_zh = wrong.zh.empty() ? answer.problem_en : wrong.zh;
        return answer;
    }
    if (at) answer.path = place.path;
    answer.unit = draft->plan->unit;
    answer.type = draft->type;
    for (const VirtualInput& input : draft->plan->inputs)
        answer.inputs.push_back(
            {input.path, bool(input.id), input.id ? parts.reader.last(input.id) : std::optional<Reading>{}});
    draft->plan->out = TagId{1};  // stands for the tag that is not made
    if (at) TRY(run_window(parts, question, std::move(draft->plan), answer));
    return answer;
}

}  // namespace gongshu::flow
