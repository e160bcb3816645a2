// The parts of a workbook, each ending with a zero byte: sheet, texts, styles, workbook.xml. They are put into an
// archive, for mutations of a whole file would fail at its checksums; zip_fuzz looks at those.
#include <cstdint>

#include "base/assert.h"
#include "wire/stored_zip.h"
#include "workbook/workbook.h"

namespace {

std::string take_part(std::string_view& rest) {
    const std::size_t end = rest.find('\0');
    const std::string part(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    std::string_view rest = as_text(Bytes{data, bytes});
    const std::string sheet = take_part(rest), texts = take_part(rest), styles = take_part(rest);
    std::string book = take_part(rest);
    if (book.empty()) book = "<workbook><sheets><sheet name='a' r:id='r1' xmlns:r='r'/></sheets></workbook>";
    const std::string zip =
        wire::stored_zip({{"xl/workbook.xml", book},
                          {"xl/_rels/workbook.xml.rels",
                           "<Relationships><Relationship Id='r1' Type='x/worksheet' Target='s.xml'/>"
                           "<Relationship Id='r2' Type='x/sharedStrings' Target='/xl/t.xml'/>"
                           "<Relationship Id='r3' Type='x/styles' Target='../xl/y.xml'/></Relationships>"},
                          {"xl/s.xml", sheet},
                          {"xl/t.xml", texts},
                          {"xl/y.xml", styles}});
    auto reader = workbook::Workbook::open(as_bytes(zip));
    if (!reader) {
        ASSERT(!reader.error().text().empty());
        return 0;
    }
    const auto read = reader->read(0, {.cells_max = 20'000, .text_bytes_max = 1 << 20});
    if (!read) {
        ASSERT(!read.error().text().empty());
        return 0;
    }
    for (const auto& row : read->rows())
        for (const auto& cell : read->cells(row)) {
            ASSERT(cell.column < read->width());
            ASSERT(!read->shown(cell).empty());
        }
    return 0;
}
