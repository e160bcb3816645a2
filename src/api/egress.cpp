#include "api/egress.h"

#include "base/log.h"

namespace gongshu::api {

Result<void> CountingEgress::decide(const Leaving& leaving) {
    const std::string labels = fmt::format("tenant=\"{}\",door=\"{}\"", leaving.tenant.value, leaving.door);
    Counters counters;
    {
        auto by_door = by_door_.lock();
        auto found = by_door->find(labels);
        if (found == by_door->end()) {
            const Counters fresh{
                &metrics_.counter("gongshu_egress_decisions_total", "Times that data was let out", labels),
                &metrics_.counter("gongshu_egress_rows_total", "Rows that were let out", labels),
                &metrics_.counter("gongshu_egress_bytes_total", "Bytes that were let out, where known", labels)};
            found = by_door->emplace(labels, fresh).first;
        }
        counters = found->second;
    }
    counters.decisions->add();
    counters.rows->add(leaving.rows);
    counters.bytes->add(leaving.bytes);
    log_debug("egress", "tenant {} {} by {}: {} (level {}, {} rows)", leaving.tenant.value, leaving.who, leaving.door,
              leaving.what, leaving.level, leaving.rows);
    return {};
}

}  // namespace gongshu::api
