#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "registry/database.h"
#include "registry/registry.h"

namespace gongshu::registry {

class RegistryImpl;
struct RegistryOptions;

// A case as it is now. What the kind of case means by state, subject and body is src/case's.
struct CaseRow {
    TenantId tenant;
    std::string kind;  // "change_approval"
    std::string id;    // "CA-12", once within the tenant
    std::uint64_t number = 0;
    std::uint64_t revision = 0;  // 1 when opened, one more with each step
    std::string state;
    bool closed = false;
    TimeNs opened = 0, since = 0, changed = 0;  // since: in this state
    std::optional<TimeNs> due;                  // when the case moves by itself
    std::string opener;                         // "user:li"
    std::string place;                          // what it is about lies there; "" = the whole tenant
    std::string subject;                        // one line for people
    std::string body;                           // JSON object
};

// What happened to a case, in order, from number 1 = opened.
struct CaseStep {
    std::uint64_t number = 0;
    TimeNs time = 0;
    std::string who, action, from, to;
    std::string detail;  // JSON object: what was given
};

// A step by its place among all steps of its tenant.
struct CaseMark {
    std::uint64_t sequence = 0;  // from 1, without gaps, in the order in which the steps became durable
    std::string id;              // "CA-12"
    std::uint64_t number = 0;    // of the step within the case
    TimeNs time = 0;
    std::string action;
    std::string kind, place;  // of the case
};

struct CaseQuery {
    TenantId tenant;
    std::string kind;            // "" = all
    std::string state;           // "" = all
    std::optional<bool> closed;  // not given: both
    std::string place;           // at it or beneath it; "" = all
    std::size_t rows_max = 100;
    // Goes on after this one, in the order of the answer.
    std::optional<std::pair<TimeNs, std::string>> after;  // changed, id
};

// Each case of a registry.db that nobody has open, with its steps in order; changes nothing.
using OnCase = std::function<void(CaseRow row, const std::vector<CaseStep>& steps)>;
Result<void> each_case(io::Files& files, const RegistryOptions& options, const OnCase& on_case);

// CaseTable keeps cases, their steps and the audit record of each step, which the tenant's ledger takes: all three or
// none.
// Lives:   after the registry is loaded; destroyed before it.
// Threads: any; one change at a time.
// Bounds:  none of its own: who asks limits the rows.
// Disk:    tables cases and case_steps of registry.db; a step is durable when store() returns.
class CaseTable {
public:
    explicit CaseTable(Registry& registry);

    // The number the next case of that kind gets; as long as nobody stores one in between.
    Result<std::uint64_t> next_number(TenantId tenant, std::string_view kind) const;
    // Stores `next` after `step`. Code::conflict unless the stored revision is next.revision - 1 (0 = there is none).
    Result<void> store(const Actor& actor, const CaseRow& next, const CaseStep& step);
    // Code::not_found if there is none.
    Result<CaseRow> get(TenantId tenant, std::string_view id) const;
    // The last changed first.
    Result<std::vector<CaseRow>> list(const CaseQuery& query) const;
    Result<std::vector<CaseStep>> steps(TenantId tenant, std::string_view id) const;
    // Those after `sequence`, in order.
    Result<std::vector<CaseMark>> marks(TenantId tenant, std::uint64_t sequence, std::size_t rows_max) const;
    // The sequence of the last step that was made until `time`; 0 = none was.
    Result<std::uint64_t> sequence_at(TenantId tenant, TimeNs time) const;
    // Open ones of all tenants that are due at `as_of`, the longest due first.
    Result<std::vector<CaseRow>> due(TimeNs as_of, std::size_t rows_max) const;
    // Open cases by kind and state.
    struct Count {
        std::string kind, state;
        std::uint64_t cases = 0;
    };
    Result<std::vector<Count>> counts(TenantId tenant) const;
    // The opened one of a kind whose subject is so; nullopt if there is none.
    Result<std::optional<CaseRow>> open_about(TenantId tenant, std::string_view kind, std::string_view subject) const;

private:
    Result<std::vector<CaseRow>> read(std::string_view where, std::vector<Cell> values) const;

    RegistryImpl& registry_;
    std::mutex changer_;
};

}  // namespace gongshu::registry
