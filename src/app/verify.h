#pragma once

#include <string>

#include "backup/backup.h"

namespace gongshu::app {

// What reading a whole data folder of this program takes; `gongshu verify` and the drills of backups share it.
backup::VerifyParts verify_parts(const std::string& key_folder);

}  // namespace gongshu::app
