// Any bytes as a sheet: what was read is written, and must be read as the same.
#include <cstdint>
#include <string>

#include "sheets/sheet_file.h"

using namespace gongshu;
using namespace gongshu::sheets;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = read_sheet({reinterpret_cast<const char*>(data), size}, {.rows_max = 50, .columns_max = 20});
    if (!file) return 0;
    std::string out{kByteOrderMark};
    std::vector<SheetCell> header;
    for (std::size_t i = 0; i < file->names.size(); ++i) header.push_back({"c" + std::to_string(i)});
    write_row(out, header);
    for (const SheetRow& row : file->rows) {
        std::vector<SheetCell> cells;
        for (const std::string& cell : row.cells) cells.push_back({cell});
        write_row(out, cells);
    }
    const auto again = read_sheet(out);
    if (!again || again->rows.size() != file->rows.size()) __builtin_trap();
    for (std::size_t i = 0; i < again->rows.size(); ++i)
        if (again->rows[i].cells != file->rows[i].cells) __builtin_trap();
    return 0;
}
