#pragma once

#include <memory>
#include <string>

#include "io/files.h"

namespace gongshu::importer {

// Bytes in memory as a file that can only be read.
std::unique_ptr<io::File> make_memory_file(std::shared_ptr<const std::string> bytes);

}  // namespace gongshu::importer
