#include "api/egress.h"

#include "base/log.h"

namespace gongshu::api {

Result<void> CountingEgress::decide(const Leaving& leaving) {
    Result<void> decided = rule_ ? rule_(leaving) : Result<void>{};
    {
        auto tenants = tenants_.lock();
        OfTenant& tenant = (*tenants)[leaving.tenant];
        const Counters& door = counters(tenant, leaving.tenant, leaving.door);
        (decided ? door.allowed : door.refused)->add();
        if (decided) door.rows->add(leaving.rows);
        note(tenant, leaving, decided);
    }
    if (!decided) {
        log_warning("egress", "tenant {} {} by {}: {} is refused: {}", leaving.tenant.value, leaving.who, leaving.door,
                    leaving.what, decided.error().text());
    } else {
        log_debug("egress", "tenant {} {} by {}: {} (level {}, {} rows)", leaving.tenant.value, leaving.who,
                  leaving.door, leaving.what, leaving.level, leaving.rows);
    }
    return decided;
}

void CountingEgress::left(TenantId tenant, std::string_view door, std::uint64_t rows, std::uint64_t bytes) {
    auto tenants = tenants_.lock();
    const Counters& counted = counters((*tenants)[tenant], tenant, door);
    counted.rows->add(rows);
    counted.bytes->add(bytes);
}

std::vector<Taken> CountingEgress::taken(TenantId tenant) const {
    auto tenants = tenants_.lock();
    const auto found = tenants->find(tenant);
    if (found == tenants->end()) return {};
    return {found->second.taken.begin(), found->second.taken.end()};
}

std::vector<DoorCounts> CountingEgress::doors(TenantId tenant) const {
    std::vector<DoorCounts> doors;
    auto tenants = tenants_.lock();
    const auto found = tenants->find(tenant);
    if (found == tenants->end()) return doors;
    for (const auto& [door, counted] : found->second.doors) {
        doors.push_back({door, counted.allowed->value(), counted.refused->value(), counted.rows->value(),
                         counted.bytes->value()});
    }
    return doors;
}

const CountingEgress::Counters& CountingEgress::counters(OfTenant& tenant, TenantId id, std::string_view door) {
    const auto found = tenant.doors.find(door);
    if (found != tenant.doors.end()) return found->second;
    const std::string labels = fmt::format("tenant=\"{}\",door=\"{}\"", id.value, door);
    const Counters fresh{
        &metrics_.counter("gongshu_egress_decisions_total", "Times that data was let out", labels),
        &metrics_.counter("gongshu_egress_refused_total", "Times that data was not let out", labels),
        &metrics_.counter("gongshu_egress_rows_total", "Rows that were let out", labels),
        &metrics_.counter("gongshu_egress_bytes_total", "Bytes that were let out, where known", labels)};
    return tenant.doors.emplace(door, fresh).first->second;
}

void CountingEgress::note(OfTenant& tenant, const Leaving& leaving, const Result<void>& decided) {
    const std::string_view what = leaving.what.substr(0, kTextMax);
    std::string key;
    key.reserve(leaving.who.size() + leaving.door.size() + what.size() + 2);
    key.append(leaving.who).append(1, '\n').append(leaving.door).append(1, '\n').append(what);
    const TimeNs now = clock_.now();
    auto known = tenant.found.find(key);
    if (known == tenant.found.end()) {
        if (tenant.found.size() >= kTakenMax) {
            const Taken& oldest = tenant.taken.back();
            tenant.found.erase(oldest.who + '\n' + oldest.door + '\n' + oldest.what);
            tenant.taken.pop_back();
        }
        Taken fresh;
        fresh.who = leaving.who;
        fresh.door = leaving.door;
        fresh.what = what;
        fresh.first = now;
        tenant.taken.push_front(std::move(fresh));
        known = tenant.found.emplace(std::move(key), tenant.taken.begin()).first;
    } else {
        tenant.taken.splice(tenant.taken.begin(), tenant.taken, known->second);
    }
    Taken& taken = *known->second;
    taken.last = now;
    taken.level = leaving.level;
    taken.purpose = leaving.purpose.substr(0, kTextMax);
    ++(decided ? taken.allowed : taken.refused);
    if (decided) taken.rows += leaving.rows;
    taken.refusal = decided ? "" : decided.error().text();
}

}  // namespace gongshu::api
