#pragma once

#include <memory>
#include <string>

#include "io/files.h"

namespace gongshu::bench {

// A fresh folder for one run.
// Lives:   on the stack of a run; the folder and all in it go with it.
// Threads: one.
// Disk:    <parent>/gongshu-bench-<random>.
class Place {
public:
    // Code::conflict if `parent` holds data of this program: a load does not belong beside somebody's readings.
    static Result<std::unique_ptr<Place>> create(io::Files& files, const std::string& parent);
    ~Place();
    const std::string& path() const { return path_; }

private:
    Place(io::Files& files, std::string path) : files_(files), path_(std::move(path)) {}

    io::Files& files_;
    const std::string path_;
};

}  // namespace gongshu::bench
