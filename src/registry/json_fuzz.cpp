// Any text is read as JSON or refused with its line and column; what was read is written and read back the same, and no
// kind's check falls over it.
#include <boost/json.hpp>

#include "base/assert.h"
#include "base/bytes.h"
#include "registry/difference.h"
#include "registry/kinds/access.h"
#include "registry/kinds/calendar.h"
#include "registry/kinds/connection.h"
#include "registry/kinds/dashboard.h"
#include "registry/kinds/device.h"
#include "registry/kinds/saved_view.h"
#include "registry/kinds/site.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    using namespace gongshu::registry;
    static const std::vector<Kind> kinds = {tenant_kind(),    role_kind(),       user_kind(),        token_kind(),
                                            site_kind(),      connection_kind(), device_type_kind(), device_kind(),
                                            dashboard_kind(), saved_view_kind(), calendar_kind()};
    const auto value = parse_json(as_text({data, bytes}));
    if (!value) {
        ASSERT(value.error().text().starts_with("line ") || value.error().text().starts_with("cannot read"));
        return 0;
    }
    const auto again = parse_json(to_text(*value));
    ASSERT(again && to_text(*again) == to_text(*value));
    for (const Kind& kind : kinds) {
        const auto canonical = kind.normalize(*value);
        if (!canonical) {
            ASSERT(canonical.error().text().find(": ") != std::string::npos);
            continue;
        }
        const auto twice = kind.normalize(*canonical);
        ASSERT(twice && *twice == *canonical);
        ASSERT(differences(*canonical, *twice).empty());
        if (kind.references) (void)kind.references(*canonical);
    }
    return 0;
}
