// Whatever is typed as a place: no crash; what is read is printed and read back as the same, lies within its area, and
// so do its values. The first byte chooses the dialect and what is wanted; behind a line's end stands how it lies.
#include "base/assert.h"
#include "wire/modbus_dialect.h"

using namespace gongshu;
using namespace gongshu::wire::modbus;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    if (bytes == 0) return 0;
    const auto dialect = static_cast<Dialect>(data[0] % kDialects);
    const auto wanted = data[0] >= 128 ? Wanted::bit : Wanted::value;
    const std::string_view text = as_text(Bytes{data + 1, bytes - 1});
    const std::size_t end = text.find('\n');
    const auto place = parse_place(dialect, text.substr(0, end), wanted);
    const auto form = parse_form(end == text.npos ? std::string_view() : text.substr(end + 1));
    if (!place) {
        ASSERT(!place.error().text().empty());
        return 0;
    }
    ASSERT(place->room >= 1 && place->address + place->room <= 0x10000 && place->address >= place->area_first);
    const auto again = parse_place(dialect, to_text(dialect, *place), wanted);
    ASSERT(again && *again == *place);
    if (!form) return 0;
    const auto layout = layout_of(dialect, *place, *form, usual_order(dialect), wanted == Wanted::bit);
    ASSERT(!layout || layout->count <= place->room);
    return 0;
}
