#include "workbook/workbook.h"

namespace gongshu::workbook {
namespace {

bool is_zip(Bytes head) { return as_text(head).starts_with("PK\x03\x04"); }
bool is_compound(Bytes head) { return as_text(head).starts_with("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"); }

}  // namespace

bool Workbook::is_one(Bytes head) { return is_zip(head) || is_compound(head); }

Result<Workbook> Workbook::open(Bytes file) {
    if (is_zip(file)) return Workbook{"xlsx", TRY(open_xlsx(file))};
    if (is_compound(file)) return Workbook{"xls", TRY(open_xls(file))};
    return Error{Code::unsupported, "the file is no Excel workbook (.xlsx, .xls)"};
}

Result<Sheet> Workbook::read(std::size_t index, const SheetLimits& limits) {
    if (index >= sheets().size())
        return Error{Code::not_found, "the workbook has {} sheets, there is no sheet {}", sheets().size(), index + 1};
    return reader_->read(index, limits).context("sheet '{}'", sheets()[index].name);
}

}  // namespace gongshu::workbook
