#include "bench/place.h"

#include "base/log.h"
#include "io/crypto.h"

namespace gongshu::bench {
namespace {

// What cannot be listed is taken for a file.
Result<void> remove_all(io::Files& files, const std::string& path) {
    if (const auto names = files.list(path))
        for (const std::string& name : *names) TRY(remove_all(files, path + "/" + name));
    return files.remove(path);
}

}  // namespace

Result<std::unique_ptr<Place>> Place::create(io::Files& files, const std::string& parent) {
    for (const char* sign : {"/history", "/registry"})
        if (TRY(files.exists(parent + sign)))
            return Error{Code::conflict,
                         "{} is a data folder: a bench writes millions of readings, and only into a folder of its own; "
                         "name another with --folder, on the disk that is to be measured",
                         parent};
    std::string path = parent + "/gongshu-bench-" + io::random_token().substr(0, 10);
    TRY(files.make_folder(path, 0700));
    return std::unique_ptr<Place>(new Place(files, std::move(path)));
}

Place::~Place() {
    if (auto removed = remove_all(files_, path_); !removed)
        log_warning("bench", "{} could not be removed: {}", path_, removed.error().text());
}

}  // namespace gongshu::bench
