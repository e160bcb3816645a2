#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "base/options.h"
#include "base/utf8.h"
#include "history/aggregates.h"
#include "history/select.h"
#include "history/where.h"
#include "registry/paths.h"
#include "registry/tag_at.h"
#include "sql/column_condition.h"
#include "sql/history_columns.h"
#include "sql/own_tables.h"
#include "sql/select_scan.h"

namespace gongshu::sql {

namespace {

constexpr std::size_t kTagsMax = 100'000;  // of one mention
constexpr std::uint64_t kReadRows = 50'000;
constexpr std::uint64_t kBucketsMax = 1'000'000;  // of one tag
constexpr std::size_t kWhatMax = 200;             // bytes of the tags, and of the conditions, that Egress is told
constexpr DurationNs kFirstSlice = kHour;

Result<std::optional<TimeNs>> time_argument(const ScanRequest& request, std::string_view name) {
    const Cell* const cell = request.find(name);
    if (cell == nullptr) return std::optional<TimeNs>{};
    if (const auto* time = std::get_if<Time>(cell)) return std::optional{time->ns};
    return Error{Code::invalid, "{}: expected a time", name};
}

Result<std::string> text_argument(const ScanRequest& request, std::string_view name, std::string_view absent) {
    const Cell* const cell = request.find(name);
    if (cell == nullptr) return std::string{absent};
    if (const auto* text = std::get_if<std::string>(cell)) return *text;
    return Error{Code::invalid, "{}: expected a text", name};
}

// Of what a worker says only what it may.
std::uint64_t newest_of(const ScanRequest& request) {
    const Cell* const cell = request.find(kNewestArgument);
    const auto* const count = cell == nullptr ? nullptr : std::get_if<std::int64_t>(cell);
    return count == nullptr || *count <= 0 || *count > static_cast<std::int64_t>(kReadRows)
               ? 0
               : static_cast<std::uint64_t>(*count);
}

// What of one tag is read next: a slice of time that gets longer where little is, and shorter where too much is.
class RawScan final : public Scan {
public:
    RawScan(const TableParts& parts, std::vector<TagInfo> tags, Window window, ScanRequest request)
        : parts_(parts),
          tags_(std::move(tags)),
          window_(window),
          request_(std::move(request)),
          newest_(newest_of(request_)) {}

    Result<bool> next(Page& page) override {
        RowWriter out{page, request_};
        while (tag_ < tags_.size()) {
            for (; row_ < rows_.size(); ++row_) {
                if (page.rows() >= kBatchRows || page.bytes() >= kBatchBytes) return true;
                write(out);
            }
            if (!TRY(fetch())) advance();
            // So that a statement that is cancelled need not wait for all tags.
            if (++looked_ % 64 == 0) return true;
        }
        return false;
    }

private:
    void advance() {
        ++tag_;
        begun_ = false;
        rows_.clear();
        row_ = 0;
    }

    // The next slice of the tag; false after its last.
    Result<bool> fetch() {
        rows_.clear();
        row_ = 0;
        const TagId tag = tags_[tag_].id;
        if (!begun_) {
            begun_ = true;
            const auto last = parts_.reader.last(tag);
            if (!last) return false;
            from_ = window_.from;
            to_ = last->time < window_.to ? last->time + 1 : window_.to;  // to is above the last one, so this fits
            slice_ = kFirstSlice;
        }
        if (newest_ > 0) {
            const auto fetched = fetch_newest();
            if (fetched || fetched.error().code() != Code::limit) return fetched;
            newest_ = 0;  // too much at once: all of them, part by part
        }
        while (from_ < to_) {
            TimeNs end = 0;
            if (__builtin_add_overflow(from_, slice_, &end) || end > to_) end = to_;
            ReadRequest read{.tags = {tag}, .window = {from_, end}, .rows_max = kReadRows};
            auto series = parts_.reader.read(read);
            if (!series && series.error().code() == Code::limit && slice_ > kMicrosecond) {
                slice_ /= 8;
                continue;
            }
            if (!series) return std::move(series.error());
            from_ = end;
            if (series->empty() || series->front().rows.size() < kReadRows / 8)
                slice_ = slice_ > INT64_MAX / 8 ? INT64_MAX : slice_ * 8;
            if (series->empty() || series->front().rows.empty()) continue;
            rows_ = std::move(series->front().rows);
            return true;
        }
        return false;
    }

    Result<bool> fetch_newest() {
        if (from_ >= to_) return false;
        auto series = TRY(parts_.reader.read(
            {.tags = {tags_[tag_].id}, .window = {from_, to_}, .newest_first = true, .rows_wanted = newest_}));
        from_ = to_;
        if (series.empty() || series.front().rows.empty()) return false;
        rows_ = std::move(series.front().rows);
        return true;
    }

    void write(RowWriter& out) const {
        write_reading(out, tags_[tag_].path, rows_.time(row_), rows_.type(row_), rows_.bits(row_),
                      rows_.type(row_) == ValueType::text ? rows_.text(row_) : std::string_view{},
                      rows_.quality_bits(row_));
    }

    const TableParts parts_;
    const std::vector<TagInfo> tags_;
    const Window window_;
    const ScanRequest request_;
    std::uint64_t newest_;  // rows of each tag; 0 = all
    std::size_t tag_ = 0;
    bool begun_ = false;
    TimeNs from_ = 0, to_ = 0;
    DurationNs slice_ = kFirstSlice;
    Rows rows_;
    std::size_t row_ = 0, looked_ = 0;
};

class BucketScan final : public Scan {
public:
    BucketScan(const TableParts& parts, std::vector<TagInfo> tags, ReadRequest read, ScanRequest request)
        : parts_(parts), tags_(std::move(tags)), read_(std::move(read)), request_(std::move(request)) {}

    Result<bool> next(Page& page) override {
        RowWriter out{page, request_};
        while (tag_ < tags_.size()) {
            for (; row_ < series_.buckets.size(); ++row_) {
                if (page.rows() >= kBatchRows || page.bytes() >= kBatchBytes) return true;
                out.text(tag_column, tags_[tag_].path);
                out.integer(ts_column, series_.buckets[row_]);
                for (std::size_t i = 0; i < series_.values.size(); ++i) write(out, i);
                out.end();
            }
            if (fetched_) {
                fetched_ = false;
                ++tag_;
                continue;
            }
            TRY(fetch());
            return true;
        }
        return false;
    }

private:
    // Value i of the row; of times only those that there are.
    void write(RowWriter& out, std::size_t i) const {
        const double value = series_.values[i][row_];
        if (request_.all[2 + i].type != CellType::time) return out.number(2 + i, value);
        std::isnan(value) ? out.null(2 + i) : out.integer(2 + i, series_.times[i][row_]);
    }

    Result<void> fetch() {
        fetched_ = true;
        row_ = 0;
        series_ = {};
        const TagInfo& info = tags_[tag_];
        const auto last = parts_.reader.last(info.id);
        if (!last) return {};
        read_.tags = {info.id};
        ReadRequest read = read_;
        // The last value holds for a while, which counts in means over time.
        if (TimeNs held = 0; !__builtin_add_overflow(last->time, history::kGapDefault + 1, &held))
            read.window.to = std::min(read.window.to, held);
        if (read.window.empty()) return {};
        auto series = TRY(parts_.reader.read(read).context("{}", info.path));
        if (!series.empty()) series_ = std::move(series.front());
        if (!series_.buckets.empty() && series_.values.size() + 2 != request_.all.size())
            return Error{Code::invalid, "{}: its type has no such aggregates", info.path};
        return {};
    }

    const TableParts parts_;
    const std::vector<TagInfo> tags_;
    ReadRequest read_;
    const ScanRequest request_;
    Series series_;
    std::size_t tag_ = 0, row_ = 0;
    bool fetched_ = false;
};

class HistoryTable final : public Table {
public:
    HistoryTable(const TableParts& parts, bool plain) : parts_(parts), plain_(plain) {
        shape_.name = plain ? "readings" : "history";
        shape_.columns = *history_columns({});
        if (!plain) shape_.arguments = {"tags", "since", "until", "condition", "every", "agg", "zone"};
    }

    const TableShape& shape() const override { return shape_; }

    Result<std::unique_ptr<Scan>> open(const Asker& asker, ScanRequest request) override {
        const auto since = TRY(time_argument(request, "since"));
        const auto until = TRY(time_argument(request, "until"));
        if (!since) return Error{Code::invalid, "since: is missing; say from when on"};
        const Window window{*since, until.value_or(INT64_MAX)};
        std::string what;
        auto tags = TRY(find_tags(asker, request, what));
        const auto where = TRY(conditions_in(request, what));
        if (asker.let_out) TRY(asker.let_out(what));
        if (!where.empty()) return scan_where(asker, std::move(tags), where, window, std::move(request));
        const std::string every = TRY(text_argument(request, "every", ""));
        if (every.empty()) return scan_rows(std::move(tags), window, std::move(request));
        ReadRequest read{.window = window, .rows_max = kBucketsMax};
        read.every = TRY(options::parse_duration(every).context("every"));
        if (read.every <= 0) return Error{Code::invalid, "every: has to be more than nothing, as in '1m'"};
        read.zone = TRY(text_argument(request, "zone", request.zone));
        read.aggregates = TRY(aggregates_of(request.arguments));
        read.rows_wanted = newest_of(request);
        read.newest_first = read.rows_wanted > 0;
        return std::make_unique<BucketScan>(parts_, std::move(tags), std::move(read), std::move(request));
    }

private:
    // condition := 'temperature > 80', or a list of them; `what` names them too.
    static Result<std::vector<history::WhereText>> conditions_in(const ScanRequest& request, std::string& what) {
        std::vector<std::string> texts;
        std::string told;
        for (const auto& [name, cell] : request.arguments) {
            if (name != "condition") continue;
            const auto* const text = std::get_if<std::string>(&cell);
            if (text == nullptr) return Error{Code::invalid, "condition: expected a text or a list of texts"};
            if (told.size() < kWhatMax) told += (texts.empty() ? " where " : ", ") + std::string{cut_utf8(*text, 100)};
            texts.push_back(*text);
        }
        what += told;
        return history::parse_conditions(texts).context("condition");
    }

    // Of each device the times at which its properties are as asked, and what its tags said then.
    Result<std::unique_ptr<Scan>> scan_where(const Asker& asker, std::vector<TagInfo> tags,
                                             std::span<const history::WhereText> where, Window window,
                                             ScanRequest request) const {
        history::TagList list;
        for (TagInfo& tag : tags) list.push_back(std::make_shared<const TagInfo>(std::move(tag)));
        auto devices = history::devices_of(list);
        const auto find = [&](const std::string& path) -> history::TagPtr {
            auto info = registry::tag_at(parts_.resources, parts_.tags, asker.who.actor.tenant, path);
            const bool sees = info && registry::lies_within(asker.who.paths, path) &&
                              registry::lies_within(asker.who.paths, info->path);
            return sees ? std::make_shared<const TagInfo>(std::move(*info)) : nullptr;
        };
        TRY(history::set_conditions(where, find, devices).context("condition"));
        std::vector<SelectPart> parts;
        for (history::DeviceTags& device : devices) {
            std::vector<std::string> paths;
            for (const history::TagPtr& tag : device.tags) paths.push_back(tag->path);
            parts.push_back({std::move(device.object), std::move(paths)});
        }
        return select_scan(parts_.reader, std::move(parts), window, QualityFilter::automatic, std::move(request));
    }

    // Of tags whose rows may be left out where conditions do not hold only those where they do.
    Result<std::unique_ptr<Scan>> scan_rows(std::vector<TagInfo> tags, Window window, ScanRequest request) const {
        const auto conditions = TRY(conditions_of(request.arguments));
        if (conditions.empty() || !history::can_select(parts_.reader))
            return std::make_unique<RawScan>(parts_, std::move(tags), window, std::move(request));
        std::vector<TagInfo> whole;
        std::vector<SelectPart> parts;
        for (TagInfo& tag : tags) {
            auto where = conditions_on(tag.id, tag.type, conditions);
            if (!where) continue;
            if (where->empty())
                whole.push_back(std::move(tag));
            else
                parts.push_back({{{tag.id}, std::move(*where)}, {std::move(tag.path)}});
        }
        std::vector<std::unique_ptr<Scan>> scans;
        if (!whole.empty()) scans.push_back(std::make_unique<RawScan>(parts_, std::move(whole), window, request));
        scans.push_back(select_scan(parts_.reader, std::move(parts), window, QualityFilter::all, std::move(request)));
        return chain(std::move(scans));
    }

    // Those that who asks may see. Of readings a tag that is none has no rows; history() says so.
    Result<std::vector<TagInfo>> find_tags(const Asker& asker, const ScanRequest& request, std::string& what) const {
        const TenantId tenant = asker.who.actor.tenant;
        std::vector<TagInfo> tags;
        std::unordered_set<std::uint64_t> seen;
        bool any = false;
        const auto add = [&](TagInfo info) {
            if (registry::lies_within(asker.who.paths, info.path) && seen.insert(info.id.value).second)
                tags.push_back(std::move(info));
        };
        const auto add_glob = [&](const std::string& glob) {
            for (TagInfo& match : parts_.tags.match(tenant, glob, kTagsMax + 1)) add(std::move(match));
        };
        for (const auto& [name, cell] : request.arguments) {
            if (name != "tags") continue;
            any = true;
            const auto* const path = std::get_if<std::string>(&cell);
            if (path == nullptr) return Error{Code::invalid, "tags: expected a text or a list of texts"};
            if (what.size() < kWhatMax) what += (what.empty() ? "" : ", ") + *path;
            if (registry::is_glob(*path)) {
                add_glob(*path);
            } else if (auto info = registry::tag_at(parts_.resources, parts_.tags, tenant, *path);
                       info && registry::lies_within(asker.who.paths, info->path)) {
                add(std::move(*info));
            } else if (!plain_) {
                return Error{Code::not_found, "there is no tag \"{}\"", cut_utf8(*path, 300)};
            }
            if (tags.size() > kTagsMax) break;
        }
        if (!any && !plain_)
            return Error{Code::invalid, "tags: is missing; give the path of a tag, a glob or a list of them"};
        if (!any) {
            what = "**";
            add_glob("**");
        }
        if (tags.size() > kTagsMax)
            return Error{Code::limit, "more than {} tags in one question: ask for fewer", kTagsMax};
        return tags;
    }

    const TableParts parts_;
    const bool plain_;
    TableShape shape_;
};

}  // namespace

std::unique_ptr<Table> history_table(const TableParts& parts) { return std::make_unique<HistoryTable>(parts, false); }
std::unique_ptr<Table> readings_table(const TableParts& parts) { return std::make_unique<HistoryTable>(parts, true); }

}  // namespace gongshu::sql
