#include "registry/units.h"

#include "expr/units.h"

namespace gongshu::registry {

Result<void> check_unit_text(std::string_view unit) {
    TRY(expr::check_unit(unit));
    return {};
}

}  // namespace gongshu::registry
