#include "sheets/plan.h"

#include <algorithm>

namespace gongshu::sheets {

namespace {

using What = registry::BulkWish::What;

// What became of a line, from what became of its wishes; the device's weighs most.
std::string word_of(const Plan& plan, const PlanLine& line) {
    if (!line.faults.empty()) return "refused";
    std::string word = line.changes.empty() ? "unchanged" : "changed";
    for (const Part& part : line.parts) {
        const registry::Applied& applied = plan.applied[part.wish];
        const registry::BulkWish& wish = plan.wishes[part.wish];
        if (!applied.change) return "refused";
        if (wish.what == What::remove) return "deleted";
        if (wish.what == What::rename) {
            word = "moved";
        } else if (applied.change->what == registry::Change::What::created && wish.kind == "device") {
            word = "created";
        } else if (word == "unchanged" && !told(*applied.change).empty()) {
            word = "changed";
        }
    }
    return word;
}

}  // namespace

std::string_view place_of(const Error& error) {
    const std::string_view text = error.text();
    const std::size_t end = text.find(": ");
    if (end == text.npos || end == 0 || text.substr(0, end).find_first_of(" \"'") != text.npos) return {};
    return text.substr(0, end);
}

std::size_t Plan::add(std::size_t line, registry::BulkWish wish) {
    wishes.push_back(std::move(wish));
    line_of.push_back(line);
    lines[line].parts.push_back({wishes.size() - 1, {}});
    return wishes.size() - 1;
}

bool Plan::faulty() const {
    return std::ranges::any_of(lines, [](const PlanLine& line) { return !line.faults.empty(); });
}

bool carry_out(registry::Registry& registry, const registry::Actor& actor, Plan& plan, bool dry_run) {
    const bool only_look = dry_run || plan.faulty();
    plan.applied = change_all(registry, actor, plan.wishes, only_look);
    bool stored = !only_look;
    for (std::size_t i = 0; i < plan.applied.size(); ++i) {
        const auto& change = plan.applied[i].change;
        if (change) continue;
        stored = false;
        const Place at = plan.locate ? plan.locate(i, place_of(change.error())) : Place{plan.line_of[i], ""};
        plan.lines[at.line].faults.push_back({at.column, "", "", "", change.error().text()});
    }
    for (PlanLine& line : plan.lines) line.what = word_of(plan, line);
    return stored;
}

Counts count(const Plan& plan) {
    Counts counts;
    for (const PlanLine& line : plan.lines) {
        ++(line.what == "created"     ? counts.created
           : line.what == "changed"   ? counts.changed
           : line.what == "deleted"   ? counts.deleted
           : line.what == "moved"     ? counts.moved
           : line.what == "unchanged" ? counts.unchanged
                                      : counts.refused);
    }
    return counts;
}

std::vector<registry::Difference> told(const registry::Change& change) {
    auto list = change.differences;
    std::erase_if(list, [](const registry::Difference& one) { return one.path == "from_template.revision"; });
    return list;
}

}  // namespace gongshu::sheets
