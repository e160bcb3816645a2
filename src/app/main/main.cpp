#include <string>
#include <vector>

#include "app/bundle.h"
#include "app/cli.h"

int main(int argc, char** argv) {
    gongshu::app::use_bundle();
    return gongshu::app::run_command(std::vector<std::string>(argv + 1, argv + argc));
}
