#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gongshu::importer {

// How a table is written down as text.
struct Dialect {
    char delimiter = ',';
    bool spaces = false;  // fields are parted by runs of blanks and tabs; `delimiter` means nothing then
    char quote = '"';     // '\0' = none
    std::string comment;  // lines that begin with it are passed over; "" = none
    friend bool operator==(const Dialect&, const Dialect&) = default;
};
// The delimiter that parts most of the first lines into the same number of fields; the quote is '"'.
Dialect detect_dialect(std::string_view head);
std::string delimiter_name(const Dialect& dialect);  // "tab", "spaces", ";"

struct RecordLimits {
    std::size_t record_bytes_max = 4 << 20;  // a longer one is a fault and passed over
    std::size_t fields_max = 20'000;
};

// One row of the table. Views are valid until the next call of the reader.
struct Record {
    std::uint64_t line = 0;  // where it begins in the file, from 1
    std::vector<std::string_view> fields;
};

// RecordReader parts UTF-8 text into records, in any split. Quotes as in RFC 4180: a field that begins with a quote
// ends at the next single one and may hold delimiters and line breaks. Blank lines are passed over. Lives:   one per
// file: feed(), then next() until it says more, and so on; finish() after the last text. Threads: one at a time.
// Bounds:  RecordLimits; keeps one block and one unfinished record.
// Disk:    none.
class RecordReader {
public:
    enum class Next : std::uint8_t { record, fault, more };

    explicit RecordReader(const Dialect& dialect, RecordLimits limits = {});
    // Only after next() said more (or at first).
    void feed(std::string_view text);
    std::string& room();  // the same without copying: append to it
    void finish() { finished_ = true; }
    // A fault's text is in fault(); its line in the record. After finish() `more` is the end.
    Next next(Record& record);
    // Passes over this many whole lines, before the first next().
    void skip_lines(std::uint64_t lines) { skip_ = lines; }

    const std::string& fault() const { return fault_; }
    std::uint64_t consumed_bytes() const { return consumed_; }  // of text, for progress

private:
    Next fail(Record& record, std::string text);
    Next next_quoted(Record& record);
    void split(std::string_view line, std::vector<std::string_view>& fields) const;
    bool is_passed_over(std::string_view line) const;

    const Dialect dialect_;
    const RecordLimits limits_;
    std::string text_;  // what is not consumed begins at at_
    std::size_t at_ = 0;
    std::size_t searched_ = 0;  // no line break before this
    bool finished_ = false;
    bool dropping_ = false;  // the rest of a line that was too long
    std::uint64_t line_ = 1;
    std::uint64_t skip_ = 0;
    std::uint64_t consumed_ = 0;
    std::string unquoted_;  // fields of a quoted record
    std::vector<std::pair<std::size_t, std::size_t>> spans_;
    std::string fault_;
};

}  // namespace gongshu::importer
