#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "expr/verdict.h"
#include "registry/registry.h"

// A case is something that people decide on in turns: a change to be approved, a reason to be given, later an order or
// a contract. Its kind says which turns there are; nobody moves it in another way.
namespace gongshu::cases {

using registry::Role;

// files: photos and other files that lie with the case, cited with their hashes.
enum class FieldType : std::uint8_t { text, number, integer, boolean, choice, time, json, files };

struct Choice {
    std::string name, title_zh, title_en;
};

inline constexpr std::size_t kFilesMax = 20;  // cited by one field

// What a case holds beside its state.
struct Field {
    std::string name, title_zh, title_en;
    FieldType type = FieldType::text;
    std::vector<Choice> choices = {};          // of FieldType::choice
    std::size_t bytes_max = 2'000;             // of texts and JSON
    std::optional<double> min = {}, max = {};  // of files: how many, at most kFilesMax
};

// How a state looks to people: its colour, not its meaning.
enum class Tone : std::uint8_t { waiting, urgent, good, bad, calm };

struct State {
    std::string name, title_zh, title_en;
    bool final = false;
    Tone tone = Tone::waiting;
};

// Who may act: of all with `role`, all, those the case is given to (all if it is given to nobody), or who opened it.
struct Party {
    enum class Is : std::uint8_t { anyone, assigned, opener } is = Is::anyone;
    std::string name, title_zh, title_en;
    Role role = Role::operator_;
};

// A turn. The one named "open" has no `from`.
struct Action {
    std::string name, title_zh, title_en;
    std::vector<std::string> from = {};   // states
    std::string to = {};                  // "" = the state stays, and its deadlines go on
    std::vector<std::string> by = {};     // parties; empty = the program alone
    std::vector<std::string> takes = {};  // fields that may be given with it
    std::vector<std::string> needs = {};  // fields that must be known after it
    bool needs_note = false;
    bool assigns = false;                      // may give the case to people
    std::string guard = {};                    // condition over the fields as they are after it; unknown is not met
    std::string guard_zh = {}, guard_en = {};  // what a guard that is not met means
    // Four eyes: who did one of these actions on the case may not do this one, and only people may, no tokens.
    std::vector<std::string> unlike = {};
};

// What the program does by itself when a case stays in a state.
struct Deadline {
    std::string state;
    DurationNs after = 0;          // since the state began
    std::string after_field = {};  // minutes, an integer field that is taken instead when it is known
    bool working_time = false;     // counts only hours of shifts of working days
    std::string action;            // by the program; may keep the state (a reminder)
};

// Declared in one place (src/case/kinds); checked by check_kind() when it is added.
struct CaseKind {
    std::string name, plural;  // "change_approval", "change_approvals"
    std::string prefix;        // of the names of its cases: "CA" gives CA-12
    std::string title_zh, title_en, about_zh, about_en;
    std::string start;  // the state after "open"
    std::vector<Field> fields;
    std::vector<State> states;
    std::vector<Party> parties;
    std::vector<Action> actions;
    std::vector<Deadline> deadlines = {};

    const Field* field(std::string_view name) const;
    const State* state(std::string_view name) const;
    const Party* party(std::string_view name) const;
    const Action* action(std::string_view name) const;
    // Of a state, the earliest first (those that take a field: by their own `after`).
    std::vector<const Deadline*> deadlines_of(std::string_view state) const;
};

// Code::invalid names the part and what is wrong: names that are not there or twice, guards that do not compile, a
// state that nothing leads to, or one that is not final and that nothing leads out of; limits.
Result<void> check_kind(const CaseKind& kind);

// The fields of a case. Canonical: no nulls.
using Fields = JsonObject;

// Files as they are cited: [{"id","sha256",…}].
bool is_citations(const Json& value);

// `given` over `before`, checked: types, choices, limits, and that `action` takes them. A null takes a field away.
Result<Fields> merge_fields(const CaseKind& kind, const Action& action, const Fields& before, const Fields& given);

// Whether the guard of `action` is met by `fields`; without a guard it is.
// An unknown is not: what is missing is named.
expr::Verdict guard_of(const CaseKind& kind, const Action& action, const Fields& fields, TimeNs now);
// The same as a reason to refuse: Code::conflict with what the guard means, and what it cannot be decided without.
Result<void> check_guard(const CaseKind& kind, const Action& action, const Fields& fields, TimeNs now);

}  // namespace gongshu::cases
