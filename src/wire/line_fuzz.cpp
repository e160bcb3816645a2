#include <algorithm>
#include <tuple>

#include "base/assert.h"
#include "wire/line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const std::string_view text{reinterpret_cast<const char*>(data), bytes};
    const auto breaks = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    wire::LineParser parser{{.line_bytes_max = 4096, .labels_max = 20, .fields_max = 100}};
    std::size_t last_line = 0;
    parser.parse(
        text, 1000,
        [&](const wire::LinePoint& point) {
            ASSERT(point.line > last_line && point.line <= breaks + 1);
            last_line = point.line;
            ASSERT(!point.fields.empty() && !point.measurement.empty());
            ASSERT(wire::line_identity(point).starts_with("l:"));
            ASSERT(!wire::line_source_path(point).empty());
        },
        [&](const wire::LineError& error) {
            ASSERT(error.line > last_line && error.line <= breaks + 1);
            last_line = error.line;
            ASSERT(error.column >= 1 && error.column <= bytes + 1 && !error.text.empty());
        });
    return 0;
}
