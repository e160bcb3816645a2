#include <string>
#include <vector>

#include "app/cli.h"

int main(int argc, char** argv) { return gongshu::app::run_command(std::vector<std::string>(argv + 1, argv + argc)); }
