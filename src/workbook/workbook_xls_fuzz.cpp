// Any bytes as an old Excel workbook: every sheet is read, and every cell can be shown.
#include <cstdint>

#include "base/assert.h"
#include "workbook/workbook.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    using namespace gongshu;
    auto reader = workbook::open_xls({data, bytes});
    if (!reader) {
        ASSERT(!reader.error().text().empty());
        return 0;
    }
    for (std::size_t i = 0; i < std::min<std::size_t>((*reader)->sheets().size(), 4); ++i) {
        const auto sheet = (*reader)->read(i, {.cells_max = 20'000, .text_bytes_max = 1 << 20});
        if (!sheet) {
            ASSERT(!sheet.error().text().empty());
            continue;
        }
        for (const auto& row : sheet->rows())
            for (const auto& cell : sheet->cells(row)) {
                ASSERT(cell.column < sheet->width());
                const std::string shown = sheet->shown(cell);
                ASSERT(!shown.empty() || cell.kind == workbook::CellKind::text);
            }
    }
    return 0;
}
