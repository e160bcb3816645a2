#include "expr/error.h"

namespace gongshu::expr {

Error ExprError::to_error() const {
    std::string full = fmt::format("column {}: {}", column, text);
    if (!suggest.empty()) {
        full += "; did you mean ";
        for (std::size_t i = 0; i < suggest.size(); ++i) full += (i == 0 ? "" : ", ") + suggest[i];
        full += '?';
    }
    return Error{Code::invalid, "{}", full};
}

}  // namespace gongshu::expr
