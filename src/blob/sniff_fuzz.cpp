// Any bytes under any name: what is shown by browsers is a picture, and a name stays a name.
#include <cstdint>

#include "base/assert.h"
#include "base/utf8.h"
#include "blob/sniff.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gongshu;
    const Bytes bytes{data, size};
    const std::string_view text = as_text(bytes);
    const std::string_view name = text.substr(0, text.find('\n'));
    const std::string tidy = blob::tidy_name(name);
    ASSERT(!tidy.empty() && tidy.size() <= 210 && tidy.find('/') == std::string::npos);
    ASSERT(find_broken_utf8(tidy) == std::string_view::npos);
    const std::string_view type = blob::sniff(bytes);
    for (const char* declared : {"", "image/jpeg", "text/plain", "application/pdf"}) {
        const auto settled = blob::settle_type(bytes, declared, tidy);
        if (!settled) continue;
        ASSERT(!blob::is_shown(settled->type) || settled->type == type);
        ASSERT((settled->type == "text/html") == (type == "text/html"));
    }
    return 0;
}
