#include "sql/select_scan.h"

#include <algorithm>

#include "history/select.h"
#include "sql/history_columns.h"

namespace gongshu::sql {

namespace {

constexpr std::uint64_t kRowsMax = 50'000, kBytesMax = 32 << 20;  // of a step
constexpr std::size_t kObjectsMax = 64, kTagsMax = 1024;          // that are read at once, unless one alone has more
constexpr DurationNs kFirstSlice = 32 * kDay;                     // of all of them

class SelectScan final : public Scan {
public:
    SelectScan(const Reader& reader, std::vector<SelectPart> parts, Window window, QualityFilter quality,
               ScanRequest request)
        : reader_(reader), parts_(std::move(parts)), window_(window), quality_(quality), request_(std::move(request)) {}

    Result<bool> next(Page& page) override {
        // One slice at the most, so that a statement that is cancelled need not wait for all of them.
        if (object_ == rows_.size()) TRY(fetch());
        RowWriter out{page, request_};
        write_rows(page, out);
        return object_ < rows_.size() || from_ < to_ || end_ < parts_.size();
    }

private:
    // As many as the page takes.
    void write_rows(const Page& page, RowWriter& out) {
        for (; object_ < rows_.size(); ++object_, column_ = 0) {
            const SelectedRows& rows = rows_[object_];
            for (; column_ < rows.columns.size(); ++column_, row_ = 0)
                for (; row_ < rows.times.size(); ++row_) {
                    if (page.rows() >= kBatchRows || page.bytes() >= kBatchBytes) return;
                    write(out, rows.columns[column_], rows.times[row_]);
                }
        }
    }

    void write(RowWriter& out, const SelectedColumn& column, TimeNs time) const {
        const std::uint16_t quality = column.qualities.empty() ? pack(kGood) : column.qualities[row_];
        if (quality == kNoReading) return;
        const std::string_view text = column.type == ValueType::text ? column.text_at(row_) : std::string_view{};
        write_reading(out, parts_[begin_ + object_].paths[column_], time, column.type, column.bits[row_], text,
                      quality);
    }

    // The next slice of the objects that are looked at, or of the next ones.
    Result<void> fetch() {
        rows_.clear();
        object_ = column_ = row_ = 0;
        if (from_ >= to_) TRY(look_at_next());
        if (from_ >= to_) return {};
        TimeNs end = 0;
        if (__builtin_add_overflow(from_, slice_, &end) || end > to_) end = to_;
        SelectRequest asked{.window = {from_, end}, .quality = quality_, .rows_max = kRowsMax};
        asked.bytes_max = kBytesMax;
        for (std::size_t i = begin_; i < end_; ++i) asked.objects.push_back(parts_[i].object);
        auto found = history::select(reader_, asked);
        if (!found && found.error().code() == Code::limit && slice_ > kMicrosecond) {
            slice_ = std::max<DurationNs>(1, (end - from_) / 8);
            return {};
        }
        rows_ = TRY(std::move(found));
        from_ = end;
        std::uint64_t count = 0;
        for (const SelectedRows& rows : rows_) count += rows.times.size();
        if (count < kRowsMax / 8) slice_ = slice_ > INT64_MAX / 8 ? INT64_MAX : slice_ * 8;
        return {};
    }

    // As many as are read together, and from when to when any of them may have rows.
    Result<void> look_at_next() {
        begin_ = end_;
        std::size_t tags = 0;
        std::vector<TagId> conditioned;  // one of each
        for (; end_ < parts_.size() && end_ - begin_ < kObjectsMax; ++end_) {
            tags += parts_[end_].paths.size();
            if (end_ > begin_ && tags > kTagsMax) break;
            conditioned.push_back(parts_[end_].object.where.at(0).tag);
        }
        slice_ = kFirstSlice;
        from_ = to_ = window_.from;
        for (const TagId tag : conditioned)
            if (const auto last = reader_.last(tag))
                to_ = std::max(to_, last->time < window_.to ? last->time + 1 : window_.to);
        // A window of years, to be sure: nothing is looked for before there was anything.
        if (from_ >= to_ || to_ < INT64_MIN + 2 * kFirstSlice || from_ > to_ - 2 * kFirstSlice) return {};
        ReadRequest first{.tags = std::move(conditioned), .window = {from_, to_}, .rows_wanted = 1};
        TimeNs least = to_;
        for (const Series& series : TRY(reader_.read(first)))
            if (!series.rows.empty()) least = std::min(least, series.rows.reading(0).time);
        from_ = least;
        return {};
    }

    const Reader& reader_;
    const std::vector<SelectPart> parts_;
    const Window window_;
    const QualityFilter quality_;
    const ScanRequest request_;
    std::size_t begin_ = 0, end_ = 0;  // of the parts that are looked at
    TimeNs from_ = 0, to_ = 0;         // what is left of their time
    DurationNs slice_ = kFirstSlice;
    std::vector<SelectedRows> rows_;  // of them
    std::size_t object_ = 0, column_ = 0, row_ = 0;
};

class Chain final : public Scan {
public:
    explicit Chain(std::vector<std::unique_ptr<Scan>> scans) : scans_(std::move(scans)) {}

    Result<bool> next(Page& page) override {
        if (at_ < scans_.size() && !TRY(scans_[at_]->next(page))) ++at_;
        return at_ < scans_.size();
    }

private:
    const std::vector<std::unique_ptr<Scan>> scans_;
    std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<Scan> select_scan(const Reader& reader, std::vector<SelectPart> parts, Window window,
                                  QualityFilter quality, ScanRequest request) {
    return std::make_unique<SelectScan>(reader, std::move(parts), window, quality, std::move(request));
}

std::unique_ptr<Scan> chain(std::vector<std::unique_ptr<Scan>> scans) {
    return std::make_unique<Chain>(std::move(scans));
}

}  // namespace gongshu::sql
