#pragma once

#include <string>

#include "io/files.h"

namespace gongshu::app {

// The table of units that was handed out with the program at this path, as in PREFIX/bin/gongshu and
// PREFIX/share/gongshu/units; "" if there is none, as in a build folder.
std::string bundled_units(io::Files& files, const std::string& program);

// Makes the libraries read what was handed out with the program rather than what the machine has or has not. Call it
// first of all in main.
void use_bundle();

}  // namespace gongshu::app
