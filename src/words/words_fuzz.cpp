// Any bytes as a reason: turned or left, never longer than stated, and UTF-8 if they were.
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "base/utf8.h"
#include "words/words.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const std::string_view text = as_text(Bytes(data, bytes));
    const std::string said = words::in_chinese(text);
    if (said.size() > 4 * text.size() + 64) std::abort();
    constexpr auto kWhole = std::string_view::npos;
    if (find_broken_utf8(text) == kWhole && find_broken_utf8(said) != kWhole) std::abort();
    return 0;
}
