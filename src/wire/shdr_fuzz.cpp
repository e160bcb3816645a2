// Whatever comes in: no crash, less than a line kept, the same lines whatever the pieces; what is read is read again as
// it is written.
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/shdr.h"

using namespace gongshu;
using namespace gongshu::wire::shdr;

namespace {

void check_line(const Line& line) {
    ASSERT(line.fields.size() <= kFieldsMax);
    if (const auto beat = heartbeat_of(line)) ASSERT(*beat >= kHeartbeatMin && *beat <= kHeartbeatMax);
    for (const std::string& field : line.fields) {
        (void)split_key(field);
        (void)run_word(field);
        (void)parse_number(field);
        (void)parse_integer(field);
        if (const auto numbers = parse_numbers(field)) ASSERT(numbers->size() <= kSamplesMax);
    }
    const auto again = parse_line(write_line(line));
    ASSERT(again && again->kind == line.kind && again->fields == line.fields && again->name == line.name);
    ASSERT(again->value == line.value && again->time == line.time && again->duration_s == line.duration_s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    Cutter whole, pieces;
    std::vector<std::string> of_whole, of_pieces;
    whole.feed(input, [&](std::string_view line) { of_whole.emplace_back(line); });
    for (const std::uint8_t byte : input) {
        pieces.feed({&byte, 1}, [&](std::string_view line) { of_pieces.emplace_back(line); });
        ASSERT(pieces.buffered_bytes() <= kLineBytesMax);
    }
    ASSERT(of_whole == of_pieces && whole.broken() == pieces.broken());
    for (const std::string& text : of_whole) {
        ASSERT(!text.empty() && text.size() <= kLineBytesMax);
        const auto line = parse_line(text);
        if (line)
            check_line(*line);
        else
            ASSERT(find_broken_utf8(line.error().text()) == std::string_view::npos);
    }
    return 0;
}
