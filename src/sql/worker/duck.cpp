#include "sql/worker/duck.h"

#include "io/library.h"

namespace gongshu::sql::duck {

Functions f;

gongshu::Result<void> load(const std::string& path) {
    const auto library = TRY(io::Library::open(path));
#define GONGSHU_DUCK_FIND(name, result, arguments) TRY(library.find("duckdb_" #name, f.name));
    GONGSHU_DUCK_FUNCTIONS(GONGSHU_DUCK_FIND)
#undef GONGSHU_DUCK_FIND
    return {};
}

}  // namespace gongshu::sql::duck
