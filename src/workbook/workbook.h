#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "workbook/sheet.h"

namespace gongshu::workbook {

struct SheetInfo {
    std::string name;
    bool hidden = false;
};

// One kind of workbook file. The bytes outlive it.
class Reader {
public:
    virtual ~Reader() = default;
    virtual const std::vector<SheetInfo>& sheets() const = 0;
    virtual Result<Sheet> read(std::size_t index, const SheetLimits& limits) = 0;
};

// Workbook is an Excel file: .xlsx (Office Open XML, also strict) or .xls (BIFF8, Excel 97 and later).
// Lives:   one per file; the bytes it was opened from must outlive it.
// Threads: one at a time.
// Bounds:  SheetLimits for a sheet, wire::ZipLimits for the file, kSheetsMax.
// Disk:    none.
class Workbook {
public:
    static constexpr std::size_t kSheetsMax = 1'000;
    // By the first bytes: PK (zip) or the old compound file.
    static bool is_one(Bytes head);
    // Code::unsupported for what is no such file or protected by a password: the text says how it can be saved instead.
    // Code::malformed for what is damaged, Code::limit.
    static Result<Workbook> open(Bytes file);

    std::string_view format() const { return format_; }  // "xlsx", "xls"
    const std::vector<SheetInfo>& sheets() const { return reader_->sheets(); }
    Result<Sheet> read(std::size_t index, const SheetLimits& limits = {});

private:
    Workbook(std::string_view format, std::unique_ptr<Reader> reader) : format_(format), reader_(std::move(reader)) {}
    std::string_view format_;
    std::unique_ptr<Reader> reader_;
};

Result<std::unique_ptr<Reader>> open_xlsx(Bytes file);
Result<std::unique_ptr<Reader>> open_xls(Bytes file);

}  // namespace gongshu::workbook
