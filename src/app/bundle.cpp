#include "app/bundle.h"

#include "io/process.h"

namespace gongshu::app {

std::string bundled_units(io::Files& files, const std::string& program) {
    std::string prefix = program;
    for (int i = 0; i < 2; ++i) {
        const auto slash = prefix.rfind('/');
        if (slash == std::string::npos) return {};
        prefix.resize(slash);
    }
    std::string units = prefix + "/share/gongshu/units/udunits2.xml";
    const auto there = files.exists(units);
    return there && *there ? units : std::string{};
}

void use_bundle() {
    const auto program = io::own_program();
    if (!program) return;  // without /proc: then the table of the machine is tried
    if (const std::string units = bundled_units(*io::make_posix_files(), *program); !units.empty())
        io::set_environment_default("UDUNITS2_XML_PATH", units);
}

}  // namespace gongshu::app
