#pragma once

#include "doctor/check.h"

namespace gongshu::doctor {

// What the disks below the data tell of themselves: a line for each thing that is not well, or one for the disk. What
// was not looked at is said calmly: it is no sign of anything.
void check_disks(const Facts& facts, std::vector<Finding>& out);

}  // namespace gongshu::doctor
