// Whatever a program calls its report on a disk: read as far as it is known, and never more than it says.
#include <cstdlib>

#include "base/bytes.h"
#include "doctor/smart.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const doctor::Smart smart = doctor::read_smart(as_text({data, bytes}), "/dev/sda");
    if (smart.model.size() > 100) std::abort();
    if ((smart.seen == doctor::Smart::Seen::no_answer) == smart.problem.empty()) std::abort();
    if (smart.seen != doctor::Smart::Seen::read && smart.passed) std::abort();
    return 0;
}
