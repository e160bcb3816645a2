#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "case/kind.h"
#include "registry/case_table.h"

namespace gongshu::cases {

// Who does something.
struct Doer {
    registry::Actor actor;
    bool is_person = true;  // signed in as a user; not a token, not the program
};

// A case as it is now.
struct Case {
    TenantId tenant;
    const CaseKind* kind = nullptr;
    std::string id;  // "CA-12"
    std::uint64_t number = 0, revision = 0;
    std::string state;
    TimeNs opened = 0, since = 0, changed = 0;
    std::optional<TimeNs> due;
    std::string opener;
    std::string place;    // path of what it is about, "" = the whole tenant
    std::string subject;  // one line
    Fields fields;
    std::vector<std::string> assigned;  // "user:li"; empty = nobody in particular
    std::uint64_t passed = 0;           // deadlines of this state that were kept

    bool is_closed() const { return kind->state(state)->final; }
};

struct Step {
    std::uint64_t number = 0;  // from 1; the case's revision after it
    TimeNs time = 0;
    std::string who, action, from, to, note;
    Fields changed;  // null = taken away
    std::optional<std::vector<std::string>> assigned;
};

// What is given with an action.
struct Turn {
    Fields fields;
    std::string note;
    std::optional<std::uint64_t> revision;             // Code::conflict unless the case is at it
    std::optional<std::vector<std::string>> assigned;  // with open, and with actions that assign
};

struct Opening {
    std::string kind;
    std::string subject;
    std::string place;
    Turn turn;
};

// What a kind does in the world; either may be empty.
struct Hooks {
    // Before anything else: checks that the kind alone cannot know, and may fill subject, place and fields.
    std::function<Result<void>(const Doer&, Opening&)> prepare;
    // After all checks and before the step is stored; may change next.fields. The power may go right after it: done a
    // second time it must come to the same. An error refuses the step.
    std::function<Result<void>(const Doer&, const Case& before, Case& next, const Step&)> effect;
};

// An action as somebody finds it at a case.
struct Offer {
    const Action* action = nullptr;
    std::optional<Error> why_not;  // empty: may be done, if what it needs is given
};

struct CasesOptions {
    std::size_t open_max = 100'000;  // cases of a tenant that are not closed
    std::size_t steps_max = 1'000;   // of one case, by people
    // The time when `working` hours have passed since `from`, by the calendar of a place. Empty: by the clock alone.
    std::function<TimeNs(TenantId, std::string_view place, TimeNs from, DurationNs working)> working_time;
    // What is cited of a file that lies with the case: {"id","sha256",…}; an error refuses the step. Empty: there are
    // none.
    std::function<Result<Json>(TenantId, const std::string& id, const std::string& file)> evidence = {};
};

struct CasesReport {
    std::uint64_t cases = 0, steps = 0;
    std::vector<std::string> problems;  // each names the case
};

// Every case of a registry.db that nobody has open, replayed from its steps as its kind allows; changes nothing.
CasesReport verify_cases(io::Files& files, const registry::RegistryOptions& options, const std::vector<CaseKind>& kinds);

// Cases moves every case of every tenant as its kind allows and in no other way. Each step is an audit record and with
// it an entry of the tenant's ledger.
// Lives:   after the registry is loaded; kinds are added before the first call; destroyed before the registry.
// Threads: any; one change at a time. Calls block for a disk sync: not from a lane.
// Bounds:  CasesOptions; each refusal names the limit.
// Disk:    registry::CaseTable's; what was answered is durable.
class Cases {
public:
    Cases(registry::Registry& registry, const Clock& clock, CasesOptions options = {});

    // Code::invalid as check_kind() says, or when there is such a kind already.
    Result<void> add_kind(CaseKind kind, Hooks hooks = {});
    const CaseKind* kind(std::string_view name_or_plural) const;
    std::vector<const CaseKind*> kinds() const;

    Result<Case> open(const Doer& doer, Opening opening);
    // Code::denied when the doer may not, Code::conflict when the state or a guard forbids it.
    Result<Case> act(const Doer& doer, std::string_view id, std::string_view action, const Turn& turn);

    Result<Case> get(TenantId tenant, std::string_view id) const;
    Result<std::vector<Step>> steps(TenantId tenant, std::string_view id) const;
    // Whether a step of the case cites that file. A case that is not there cites nothing.
    Result<bool> cites(TenantId tenant, std::string_view id, std::string_view file) const;
    Result<std::vector<Case>> list(const registry::CaseQuery& query) const;
    Result<std::vector<registry::CaseTable::Count>> counts(TenantId tenant) const { return table_.counts(tenant); }
    Result<std::optional<Case>> open_about(TenantId tenant, std::string_view kind, std::string_view subject) const;
    // The actions of people from its state.
    Result<std::vector<Offer>> offers(const Doer& doer, const Case& one) const;

    // Does what is due at `as_of`, at most `steps_max` steps; how many were done. Ask again while it is not 0.
    Result<std::size_t> tick(TimeNs as_of, std::size_t steps_max = 1'000);

    // Called after each step is durable, on the thread that made it: keep it short, and do not act from inside.
    void subscribe(std::function<void(const Case&, const Step&)> on_step);

    // Every case of the tenant against what its steps lead to.
    Result<CasesReport> verify(TenantId tenant) const;

private:
    struct Known {
        CaseKind kind;
        Hooks hooks;
    };

    Result<const Known*> known(std::string_view name) const;
    Result<Case> from_row(registry::CaseRow row) const;
    Result<void> may(const Doer& doer, const Case& one, const Action& action, const std::vector<Step>& steps) const;
    Result<Case> move(const Doer& doer, const Known& known, const std::optional<Case>& before, Case next,
                      const Action& action, const Turn& turn, TimeNs now);
    Result<Fields> with_evidence(const Case& one, const Action& action, Fields given) const;
    std::optional<TimeNs> due_of(const Case& one) const;
    Result<std::size_t> open_count(TenantId tenant);

    const Clock& clock_;
    const CasesOptions options_;
    registry::CaseTable table_;
    std::map<std::string, Known, std::less<>> kinds_;
    std::vector<std::function<void(const Case&, const Step&)>> subscribers_;

    std::mutex changer_;
    std::map<TenantId, std::size_t> open_;  // under changer_
};

}  // namespace gongshu::cases
