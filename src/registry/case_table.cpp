#include "registry/case_table.h"

#include <fmt/format.h>

#include <map>

#include "base/json_writer.h"
#include "registry/registry_impl.h"
#include "registry/tables.h"

namespace gongshu::registry {
namespace {

std::int64_t as_cell(TenantId tenant) { return static_cast<std::int64_t>(tenant.value); }
constexpr TimeNs kNever = INT64_MAX;

constexpr std::string_view kColumns =
    "tenant, kind, id, number, revision, state, closed, opened, since, changed, due, opener, place, "
    "subject, body";

// The body of the ledger's entry of a step; with the one before it, it rebuilds the case.
std::string leaf_of(const CaseRow& next, const CaseStep& step) {
    std::string text;
    JsonWriter out{text};
    out.begin_object().key("step").integer(static_cast<std::int64_t>(step.number));
    out.key("from").text(step.from).key("to").text(step.to).key("subject").text(next.subject);
    out.key("given").raw(step.detail).end_object();
    return text;
}

Statement put_row(const CaseRow& next) {
    const auto integer = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    return {
        "insert or replace into cases (tenant, kind, id, number, revision, state, closed, opened, since, changed, due, "
        "opener, place, subject, body) values (:a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o)",
        {as_cell(next.tenant), next.kind, next.id, integer(next.number), integer(next.revision), next.state,
         std::int64_t{next.closed}, next.opened, next.since, next.changed, next.due.value_or(kNever), next.opener,
         next.place, next.subject, next.body}};
}

// A row of kColumns; `From` is a Row or the Tables of a check.
template <typename From>
CaseRow case_row(const From& row) {
    CaseRow one;
    one.tenant = TenantId{static_cast<std::uint32_t>(row.integer(0))};
    one.kind = row.text(1);
    one.id = row.text(2);
    one.number = static_cast<std::uint64_t>(row.integer(3));
    one.revision = static_cast<std::uint64_t>(row.integer(4));
    one.state = row.text(5);
    one.closed = row.integer(6) != 0;
    one.opened = row.integer(7);
    one.since = row.integer(8);
    one.changed = row.integer(9);
    if (const std::int64_t due = row.integer(10); due != kNever) one.due = due;
    one.opener = row.text(11);
    one.place = row.text(12);
    one.subject = row.text(13);
    one.body = row.text(14);
    return one;
}

// From column `at` on.
template <typename From>
CaseStep case_step(const From& row, int at) {
    CaseStep step;
    step.number = static_cast<std::uint64_t>(row.integer(at));
    step.time = row.integer(at + 1);
    step.who = row.text(at + 2);
    step.action = row.text(at + 3);
    step.from = row.text(at + 4);
    step.to = row.text(at + 5);
    step.detail = row.text(at + 6);
    return step;
}

}  // namespace

Result<void> each_case(io::Files& files, const RegistryOptions& options, const OnCase& on_case) {
    const std::string path = options.folder + "/registry.db";
    if (!TRY(files.exists(path))) return {};
    ReadOnlyFiles read_only{files};
    const auto tables = TRY(Tables::open(read_only, path));
    std::vector<CaseRow> rows;
    TRY(tables->each(fmt::format("select {} from cases order by tenant, id", kColumns).c_str(),
                     [&](const Tables& row) { rows.push_back(case_row(row)); }));
    std::size_t at = 0;
    std::vector<CaseStep> steps;
    const auto tell = [&] {
        if (at < rows.size()) on_case(std::move(rows[at]), steps);
        ++at;
        steps.clear();
    };
    TRY(tables->each("select tenant, id, number, time, who, action, origin, goal, detail from case_steps order by "
                     "tenant, id, number",
                     [&](const Tables& row) {
                         const std::pair key{TenantId{static_cast<std::uint32_t>(row.integer(0))}, row.text(1)};
                         while (at < rows.size() && std::pair{rows[at].tenant, rows[at].id} < key) tell();
                         if (at < rows.size() && std::pair{rows[at].tenant, rows[at].id} == key)
                             steps.push_back(case_step(row, 2));
                     }));
    while (at < rows.size()) tell();
    return {};
}

CaseTable::CaseTable(Registry& registry) : registry_(dynamic_cast<RegistryImpl&>(registry)) {}

Result<std::uint64_t> CaseTable::next_number(TenantId tenant, std::string_view kind) const {
    std::int64_t last = 0;
    TRY(registry_.database().read(
        {"select number from cases where tenant = :a and kind = :b order by number desc limit 1",
         {as_cell(tenant), std::string(kind)}},
        [&](const Row& row) { last = row.integer(0); }));
    return static_cast<std::uint64_t>(last) + 1;
}

Result<void> CaseTable::store(const Actor& actor, const CaseRow& next, const CaseStep& step) {
    const std::lock_guard lock{changer_};
    std::uint64_t revision = 0;
    TRY(registry_.database().read(
        {"select revision from cases where tenant = :a and id = :b", {as_cell(next.tenant), next.id}},
        [&](const Row& row) { revision = static_cast<std::uint64_t>(row.integer(0)); }));
    if (revision + 1 != next.revision)
        return Error{Code::conflict, "{} was changed meanwhile: it is at revision {}; look at it again", next.id,
                     revision};
    const std::uint64_t last = TRY(sequence_at(next.tenant, INT64_MAX));
    return registry_.database().change(
        {put_row(next),
         {"insert into case_steps (tenant, id, number, time, who, action, origin, goal, detail, sequence) values (:a, "
          ":b, :c, :d, :e, :f, :g, :h, :i, :j)",
          {as_cell(next.tenant), next.id, static_cast<std::int64_t>(step.number), step.time, step.who, step.action,
           step.from, step.to, step.detail, static_cast<std::int64_t>(last) + 1}},
         registry_.audit_of(actor, "case." + step.action, next.kind, next.id, leaf_of(next, step))});
}

Result<CaseRow> CaseTable::get(TenantId tenant, std::string_view id) const {
    auto rows = TRY(read("tenant = :a and id = :b", {as_cell(tenant), std::string(id)}));
    if (rows.empty()) return Error{Code::not_found, "there is no case {}", id.substr(0, 60)};
    return std::move(rows.front());
}

Result<std::vector<CaseRow>> CaseTable::list(const CaseQuery& query) const {
    std::string where = "tenant = :a";
    std::vector<Cell> values{as_cell(query.tenant)};
    const auto also = [&](std::string_view text, Cell value) {
        where += fmt::format(fmt::runtime(text), static_cast<char>('a' + values.size()));
        values.push_back(std::move(value));
    };
    if (!query.kind.empty()) also(" and kind = :{}", query.kind);
    if (!query.state.empty()) also(" and state = :{}", query.state);
    if (query.closed) also(" and closed = :{}", std::int64_t{*query.closed});
    if (!query.place.empty()) {
        also(" and (place = :{}", query.place);
        // Everything that begins with "place/": '0' comes after '/'.
        also(" or (place > :{}", query.place + "/");
        also(" and place < :{}))", query.place + "0");
    }
    if (query.after) {
        also(" and (changed < :{}", query.after->first);
        also(" or (changed = :{}", query.after->first);
        also(" and id < :{}))", query.after->second);
    }
    also(" order by changed desc, id desc limit :{}", static_cast<std::int64_t>(query.rows_max));
    return read(where, std::move(values));
}

Result<std::vector<CaseStep>> CaseTable::steps(TenantId tenant, std::string_view id) const {
    std::vector<CaseStep> out;
    TRY(registry_.database().read(
        {"select number, time, who, action, origin, goal, detail from case_steps where tenant = :a and id = :b order "
         "by number",
         {as_cell(tenant), std::string(id)}},
        [&](const Row& row) {
            out.push_back(case_step(row, 0));
        }));
    return out;
}

Result<std::vector<CaseMark>> CaseTable::marks(TenantId tenant, std::uint64_t sequence, std::size_t rows_max) const {
    std::vector<CaseMark> out;
    TRY(registry_.database().read(
        {"select s.sequence, s.id, s.number, s.time, s.action, c.kind, c.place from case_steps s join cases c on "
         "c.tenant = s.tenant and c.id = s.id where s.tenant = :a and s.sequence > :b order by s.sequence limit :c",
         {as_cell(tenant), static_cast<std::int64_t>(sequence), static_cast<std::int64_t>(rows_max)}},
        [&](const Row& row) {
            out.push_back({.sequence = static_cast<std::uint64_t>(row.integer(0)),
                           .id = row.text(1),
                           .number = static_cast<std::uint64_t>(row.integer(2)),
                           .time = row.integer(3),
                           .action = row.text(4),
                           .kind = row.text(5),
                           .place = row.text(6)});
        }));
    return out;
}

Result<std::uint64_t> CaseTable::sequence_at(TenantId tenant, TimeNs time) const {
    std::int64_t found = 0;
    TRY(registry_.database().read(
        {"select sequence from case_steps where tenant = :a and time <= :b order by sequence desc limit 1",
         {as_cell(tenant), time}},
        [&](const Row& row) { found = row.integer(0); }));
    return static_cast<std::uint64_t>(found);
}

Result<std::vector<CaseRow>> CaseTable::due(TimeNs as_of, std::size_t rows_max) const {
    return read("closed = 0 and due <= :a order by due, tenant, id limit :b",
                {as_of, static_cast<std::int64_t>(rows_max)});
}

Result<std::vector<CaseTable::Count>> CaseTable::counts(TenantId tenant) const {
    std::map<std::pair<std::string, std::string>, std::uint64_t> counted;
    TRY(registry_.database().read({"select kind, state from cases where tenant = :a and closed = 0", {as_cell(tenant)}},
                                  [&](const Row& row) {
                                      ++counted[{row.text(0), row.text(1)}];
                                  }));
    std::vector<Count> out;
    for (const auto& [key, cases] : counted) out.push_back({key.first, key.second, cases});
    return out;
}

Result<std::optional<CaseRow>> CaseTable::open_about(TenantId tenant, std::string_view kind,
                                                     std::string_view subject) const {
    auto rows = TRY(read("tenant = :a and kind = :b and closed = 0 and subject = :c order by number limit 1",
                         {as_cell(tenant), std::string(kind), std::string(subject)}));
    if (rows.empty()) return std::optional<CaseRow>{};
    return std::optional<CaseRow>(std::move(rows.front()));
}

Result<std::vector<CaseRow>> CaseTable::read(std::string_view where, std::vector<Cell> values) const {
    std::vector<CaseRow> out;
    TRY(registry_.database().read({fmt::format("select {} from cases where {}", kColumns, where), std::move(values)},
                                  [&](const Row& row) {
                                      out.push_back(case_row(row));
                                  }));
    return out;
}

}  // namespace gongshu::registry
