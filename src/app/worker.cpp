#include "app/worker.h"

#include "io/channel.h"
#include "sql/worker.h"

namespace gongshu::app {

Result<int> run_worker(const std::vector<std::string>& arguments) {
    if (arguments.size() != 1 || arguments[0] != "sql")
        return Error{Code::invalid, "the server starts its workers itself"};
    const auto channel = TRY(io::inherited_channel());
    return sql::run_worker(*channel);
}

}  // namespace gongshu::app
