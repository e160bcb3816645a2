#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "data/rows.h"
#include "importer/map.h"
#include "importer/report.h"
#include "importer/seen_times.h"

namespace gongshu::importer {

struct MapperLimits {
    std::size_t series_max = 100'000;        // a record that would need more is a fault
    std::size_t seen_bytes_max = 256 << 20;  // for finding duplicates; past it only neighbours are found
    std::size_t text_bytes_max = 64 << 10;   // a longer text is a wrong value
};

// Mapper makes rows of records, by a map. The TagId of a row is 1 + its place in report().series, which grows.
// Lives:   one per file.
// Threads: one at a time.
// Bounds:  MapperLimits, Report::kToldMax.
// Disk:    none.
class Mapper {
public:
    // `names` are the header's, empty without one. Code::invalid for columns that are not there.
    static Result<std::unique_ptr<Mapper>> create(const Map& map, const std::string& file,
                                                  const std::vector<std::string>& names, MapperLimits limits = {});
    // Appends to `rows`, which must have room for kColumnsMax more. What cannot be used goes into the report.
    void take(const Record& record, Rows& rows);
    void take_fault(std::uint64_t line, std::string text);
    // Counts a record without using it: what was imported before.
    void pass_over() { ++record_number_; }
    std::size_t columns() const { return columns_.size(); }

    const Report& report() const { return report_; }
    Report& report() { return report_; }
    std::uint64_t repeated_times() const { return time_reader_ ? time_reader_->repeated_times() : 0; }

private:
    struct Piece {
        std::string text;
        int column = -1;  // >= 0: its value instead of the text
        bool raw = false;
    };
    using Template = std::vector<Piece>;
    struct Column {
        std::size_t index = 0;
        std::string name;
        Template property;
        ValueType type = ValueType::number;
        std::string unit;
        double scale = 1, offset = 0;
        bool scaled = false;
        std::vector<std::string> missing;
        std::vector<double> missing_numbers;
        bool seen_share = false, seen_plain = false;  // values with % or ‰, and without
    };
    // The tags of one path.
    struct Group {
        std::vector<TagId> tags;  // of each column; none until its first value
        SeenTimes seen;
        std::optional<TimeNs> before;
    };

    Mapper(const Map& map, std::string file, MapperLimits limits);
    Result<void> bind(const std::vector<std::string>& names);
    Result<int> find_column(std::string_view name, const std::vector<std::string>& names, std::string_view place);
    Result<Template> parse_template(std::string_view text, const std::vector<std::string>& names,
                                    std::string_view place);
    bool leave_out(const Record& record);
    Result<double> read_loosely(const Record& record, Column& column, std::string_view text);
    void note_missing(std::string_view text);
    Result<void> check_width(const Record& record);
    Result<TimeNs> time_of(const Record& record, const Group& group);
    Result<Group*> group_of(const Record& record);
    void note_time(const Record& record, Group& group, TimeNs time);
    void take_value(const Record& record, Column& column, std::string_view text, Group& group, TimeNs time,
                    std::size_t number, Rows& rows);
    Result<TagId> tag_of(const Record& record, const Column& column, Group& group, std::size_t number);
    Result<std::string> render(const Template& pieces, const Record& record) const;
    bool is_missing(const Column& column, std::string_view text) const;
    void wrong_value(const Record& record, const Column& column, std::string text, TagId tag, TimeNs time, Rows& rows);
    void note_value(TagId tag, TimeNs time, std::uint64_t bits);

    const Map map_;
    const std::string file_;
    const MapperLimits limits_;
    std::vector<Column> columns_;
    Template path_;
    std::vector<std::size_t> key_columns_;  // all that stand in templates
    std::vector<std::size_t> time_columns_;
    std::size_t cycle_column_ = 0;
    TimeNs start_ = 0;
    std::optional<TimeReader> time_reader_;
    std::vector<std::string> names_;
    std::size_t width_ = 0;  // fields of a record; 0 = as the first one has
    std::uint64_t record_number_ = 0;

    std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
    std::unordered_map<std::string, TagId> tags_;  // by path
    Group* last_group_ = nullptr;
    std::string last_key_, key_, joined_;
    std::size_t seen_bytes_ = 0;
    bool forgetting_ = false;
    Report report_;
};

inline constexpr std::size_t kColumnsMax = 20'000;

}  // namespace gongshu::importer
