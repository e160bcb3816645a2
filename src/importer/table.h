#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "importer/map.h"
#include "importer/record_reader.h"
#include "importer/sheet_records.h"
#include "importer/text_decoder.h"
#include "io/files.h"

namespace gongshu::importer {

// Code::unsupported or what is wrong with it for a file that is neither text nor a workbook, by its beginning and its
// directory.
Result<void> check_can_be_read(Bytes file);

struct TableLimits {
    RecordLimits record;
    std::uint64_t transposed_bytes_max = 256 << 20;  // a transposed file is read whole
    std::uint64_t workbook_bytes_max = 256 << 20;    // so is a workbook
};

// Table is one file as records: opened, its encoding and dialect found out, the header taken off. A workbook is one
// too, of its chosen sheet. Lives:   one per import or preview of a file. Threads: one at a time. Bounds:  some MB,
// whatever the file's size; a transposed file and a sheet are held whole (TableLimits). Disk:    reads only.
class Table {
public:
    static Result<Table> open(io::Files& files, const std::string& path, const Layout& layout, TableLimits limits = {});
    // The same of a file that is open; `name` is for messages and for {file} in maps.
    static Result<Table> open(std::unique_ptr<io::File> file, const std::string& name, const Layout& layout,
                              TableLimits limits = {});
    ~Table();
    Table(Table&&) noexcept;

    // A record, a fault (its line in the record, its text in fault()) or the end. An Error is the disk's.
    enum class Next : std::uint8_t { record, fault, end };
    Result<Next> next(Record& record);
    const std::string& fault() const { return fault_; }

    const std::string& name() const { return name_; }
    const std::vector<std::string>& names() const { return names_; }  // of the columns; empty without a header
    const std::vector<std::string>& units() const { return units_; }  // the second header row, if there is one
    // Of a workbook; nullptr for text.
    const SheetRecords* sheet() const { return sheet_.get(); }
    Encoding encoding() const { return encoding_; }
    const Dialect& dialect() const { return dialect_; }
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t bytes_read() const;
    std::uint64_t replaced_characters() const { return decoder_.replaced(); }

private:
    Table(TextDecoder decoder, const Dialect& dialect, TableLimits limits);
    static Result<Table> open_workbook(std::unique_ptr<io::File> file, const std::string& name, const Layout& layout,
                                       TableLimits limits, bool any);
    Result<RecordReader::Next> next_in_file(Record& record);
    Result<void> begin(const Layout& layout);
    Result<void> read_header(const Layout& layout);
    Result<void> transpose();

    struct Turned;  // a transposed file

    std::string name_;
    std::unique_ptr<io::File> file_;
    std::uint64_t bytes_ = 0, offset_ = 0;
    Encoding encoding_ = Encoding::utf8;
    Dialect dialect_;
    TableLimits limits_;
    TextDecoder decoder_;
    std::unique_ptr<RecordReader> reader_;
    std::unique_ptr<Turned> turned_;
    std::unique_ptr<SheetRecords> sheet_;
    Buffer block_;
    bool at_end_ = false;
    std::vector<std::string> names_, units_;
    std::string fault_;
};

}  // namespace gongshu::importer
