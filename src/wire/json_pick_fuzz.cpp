// Any bytes as a place and a text, "place \n text": there is a value of it, or a reason.
#include <cstdint>

#include "base/assert.h"
#include "wire/json_pick.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    const std::string_view input = as_text(Bytes{data, bytes});
    const std::size_t end = input.find('\n');
    const auto place = wire::parse_json_place(input.substr(0, end));
    if (!place) {
        ASSERT(!place.error().text().empty());
        return 0;
    }
    ASSERT(place->wildcards() == 0);
    static wire::JsonPicker picker{4096};
    const std::string_view text = end == input.npos ? std::string_view() : input.substr(end + 1);
    const auto values = picker.pick(as_bytes(text), std::span(&*place, 1));
    if (!values) {
        ASSERT(!values.error().text().empty());
        return 0;
    }
    ASSERT(values->size() == 1);
    if (!values->front()) ASSERT(!values->front().error().text().empty());
    return 0;
}
