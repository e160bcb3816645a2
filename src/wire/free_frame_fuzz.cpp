// Any bytes as a template and as what came, with a line of three dashes between: what is refused says why, what is cut
// is the same whatever the pieces, and nothing more than a frame is kept.
#include "base/assert.h"
#include "wire/free_frame.h"

using namespace gongshu;
using namespace gongshu::wire::free_frame;

namespace {

void check_frame(const Template& of, Bytes frame) {
    ASSERT(!frame.empty() && frame.size() <= of.cut().max_bytes);
    const auto body = of.read(frame);
    if (!body) {
        ASSERT(!body.error().text().empty());
        return;
    }
    ASSERT(body->rows.size() + body->faults.size() <= of.fields().size());
    for (const Row& row : body->rows) ASSERT(row.field < of.fields().size() && (row.value || !row.quality.usable()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    static constexpr std::string_view kBetween = "\n---\n";
    const std::string_view input = as_text(Bytes{data, std::min<std::size_t>(bytes, 6000)});
    const std::size_t end = std::min(input.find(kBetween), input.size());
    const Bytes received = as_bytes(input.substr(std::min(end + kBetween.size(), input.size())));
    const auto escaped = unescape(escape(received));
    ASSERT(escaped && std::equal(escaped->begin(), escaped->end(), received.begin(), received.end()));
    (void)parse_bytes(as_text(received), true);
    const auto of = Template::create(input.substr(0, end));
    if (!of) {
        ASSERT(!of.error().text().empty());
        return 0;
    }
    Cutter whole{*of}, pieces{*of};
    std::vector<Buffer> of_whole, of_pieces;
    whole.feed(received, [&](Bytes frame) { of_whole.emplace_back(frame.begin(), frame.end()); });
    for (const std::uint8_t byte : received) {
        pieces.feed({&byte, 1}, [&](Bytes frame) { of_pieces.emplace_back(frame.begin(), frame.end()); });
        ASSERT(pieces.buffered_bytes() <= (*of)->cut().max_bytes);
    }
    ASSERT(of_whole == of_pieces && whole.skipped_bytes() == pieces.skipped_bytes());
    for (const Buffer& frame : of_whole) check_frame(**of, frame);
    (void)try_bytes(*of, received);
    const auto made = (*of)->make_frame(received.first(std::min<std::size_t>(received.size(), 40)));
    if (!made || made->empty()) return 0;
    check_frame(**of, *made);
    if ((*of)->cut().by != Cut::By::fixed || !(*of)->cut().start.empty()) return 0;
    Cutter again{*of};
    std::size_t found = 0;
    again.feed(*made, [&](Bytes) { ++found; });
    ASSERT(found <= 1);
    return 0;
}
