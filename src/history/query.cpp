// How questions are answered: memory first, then the segments, a day at a time.
#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "history/fan_out.h"
#include "history/parts.h"
#include "history/sources.h"
#include "history/store.h"
#include "io/brief.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kFrozenLayer = std::uint64_t{1} << 62;
constexpr std::uint64_t kActiveLayer = kFrozenLayer + 1;
constexpr std::uint64_t kEventFileBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kPiecesAhead = 32;        // decoded at the same time, if there is help
constexpr std::uint64_t kBriefBytesDay = 1024;  // of a Brief, for a day that is looked at
constexpr std::uint64_t kStretchMax = 10'000;   // buckets that are looked for from the newest back

// Stops at one row: the first that counts, or the last when runs come in falling order.
class OneRow final : public SeriesBuilder {
public:
    OneRow(TagId tag, QualityFilter filter, bool last) : tag_(tag), filter_(filter), last_(last) {}
    Result<void> take_rows(const Run& run, std::size_t begin, std::size_t end) override {
        for (std::size_t k = begin; k < end && !found_; ++k) {
            const std::size_t i = last_ ? end - 1 - (k - begin) : k;
            if (!counts(filter_, run.qualities[i])) continue;
            Rows row;
            run.add_to(row, tag_, i);
            found_ = row.reading(0);
        }
        return {};
    }
    bool satisfied() const override { return found_.has_value(); }
    Result<Series> finish() override { return Series{}; }
    const std::optional<Reading>& found() const { return found_; }

private:
    const TagId tag_;
    const QualityFilter filter_;
    const bool last_;
    std::optional<Reading> found_;
};

bool is_raw(const ReadRequest& request) { return request.every == 0 && !request.periods; }

QualityFilter raw_filter(const ReadRequest& request) {
    return request.quality == QualityFilter::automatic ? QualityFilter::all : request.quality;
}

Result<void> check(const ReadRequest& request) {
    if (request.every < 0)
        return Error{Code::invalid, "every={} ns: buckets must be longer than nothing", request.every};
    if (request.every > 0 && request.periods)
        return Error{Code::invalid, "buckets are given one by one or by every=, not both"};
    if (is_raw(request) && !request.aggregates.empty())
        return Error{Code::invalid, "aggregates need buckets: give every= as well, for example every=1m"};
    return {};
}

DurationNs multiplied(DurationNs length, DurationNs by) {
    DurationNs product = 0;
    return __builtin_mul_overflow(length, by, &product) ? std::numeric_limits<DurationNs>::max() : product;
}

// Buckets before those of `all`, the newest of them first.
void append_falling(Series& all, Series before) {
    const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.rbegin(), from.rend()); };
    if (all.columns.empty()) {
        all.tag = before.tag;
        all.columns = before.columns;
        all.values.resize(before.values.size());
        all.times.resize(before.times.size());
    }
    append(all.buckets, before.buckets);
    append(all.filled, before.filled);
    for (std::size_t i = 0; i < before.values.size(); ++i) append(all.values[i], before.values[i]);
    for (std::size_t i = 0; i < before.times.size(); ++i) append(all.times[i], before.times[i]);
}

// To the first `wanted` buckets; 0 = all.
void cut_to(Series& series, std::uint64_t wanted) {
    const std::size_t count = series.buckets.size();
    if (wanted == 0 || count <= wanted) return;
    const auto cut = [&](auto& column) {
        if (column.size() == count) column.resize(static_cast<std::size_t>(wanted));
    };
    cut(series.filled);
    for (auto& column : series.values) cut(column);
    for (auto& column : series.times) cut(column);
    series.buckets.resize(static_cast<std::size_t>(wanted));
    series.more = true;
}

}  // namespace

// One question under way.
struct Store::Question {
    const ReadRequest& request;
    Window window;
    TimeNs as_of = 0;
    RowBudget& budget;
    Patience patience;
    io::Pool* pool = nullptr;
    std::size_t helpers = 0;  // for one tag
};

// A part of what is scanned: cells, or rows that overlap.
struct Store::Piece {
    Window window;
    std::vector<Cell> cells;  // told by them, …
    DurationNs cell_length = 0;
    Overlapping sources;                                     // … or by these:
    bool whole = false;                                      // taken by its statistics
    std::optional<Result<std::shared_ptr<const Run>>> rows;  // … else these, once they were read
};

// Memory is asked before the version: what is sealed in between is then seen twice, never not at all. Without what is
// too much for a Brief: its owner asks in the end.
void Store::memory_rows(TagId tag, Window window, std::vector<Source>& sources) const {
    auto& shard = const_cast<Shard&>(shards_[shard_of(tag).value]);
    std::shared_ptr<const FrozenShard> frozen;
    std::shared_ptr<const Run> active;
    {
        const std::lock_guard lock{shard.mutex};
        frozen = shard.frozen;
        const auto rows = active_rows(shard, tag);
        if (rows && io::Brief::spend(rows->rows() * kBriefBytesRow))
            active = std::make_shared<const Run>(rows->rows_in(window));
    }
    const MemRows* const rows = frozen ? frozen->find(tag) : nullptr;
    if (rows != nullptr && io::Brief::spend(rows->rows() * kBriefBytesRow)) {
        auto run = std::make_shared<const Run>(rows->rows_in(window));
        if (!run->empty())
            sources.push_back({run->times.front(), run->times.back(), kFrozenLayer, nullptr, nullptr, std::move(run)});
    }
    if (active && !active->empty())
        sources.push_back(
            {active->times.front(), active->times.back(), kActiveLayer, nullptr, nullptr, std::move(active)});
}

TagSources Store::sources_of(TagId tag, Window window) const {
    std::vector<Source> memory;
    memory_rows(tag, window, memory);
    return TagSources{tag, window, version(), std::move(memory)};
}

Result<void> Store::take_pieces(std::vector<Piece>& pieces, const Question& question, SeriesBuilder& builder) const {
    std::vector<Piece*> unread;
    for (Piece& piece : pieces)
        if (!piece.whole && !piece.sources.empty()) unread.push_back(&piece);
    fan_out(
        question.pool, question.helpers, unread.size(),
        [&](std::size_t i) {
            const auto chunks = std::ranges::count_if(unread[i]->sources, [](const Source& one) { return one.chunk; });
            metrics_.chunks_read.add(static_cast<std::uint64_t>(chunks));
            unread[i]->rows = merged_rows(unread[i]->sources, unread[i]->window);
        },
        &clock_);
    for (const Piece& piece : pieces) {
        TRY(question.patience.check());
        if (builder.satisfied()) break;
        for (const Cell& cell : piece.cells) TRY(builder.take_cell(cell, piece.cell_length));
        if (piece.whole) TRY(builder.take_chunk(*piece.sources.front().chunk));
        if (!piece.rows) continue;
        if (!*piece.rows) return piece.rows->error();
        const Run& run = ***piece.rows;
        const std::size_t from = run.lower_bound(piece.window.from);
        const std::size_t to = run.lower_bound(piece.window.to);
        if (from < to) TRY(builder.take_rows(run, from, to));
    }
    pieces.clear();
    return {};
}

void Store::add_pieces(std::vector<Piece>& pieces, Part part, SeriesBuilder& builder) {
    if (!part.cells.empty()) pieces.push_back({part.window, std::move(part.cells), part.cell_length, {}, false, {}});
    for (Overlapping& group : group_sources(std::move(part.sources))) {
        const bool whole = is_lone_chunk(group, part.window) && builder.takes_whole(*group.front().chunk);
        pieces.push_back({part.window, {}, 0, std::move(group), whole, {}});
    }
}

Result<void> Store::scan_tag(const TagSources& sources, const Question& question, Window window, bool newest_first,
                             SeriesBuilder& builder) const {
    std::vector<Day> days(sources.days().begin(), sources.days().end());
    if (newest_first) std::ranges::reverse(days);
    // Who may stop early is not read ahead for.
    const bool ahead = question.helpers > 0 && question.request.rows_wanted == 0 && !newest_first;
    std::vector<Piece> pieces;
    for (const Day day : days) {
        TRY(question.patience.check());
        TRY(io::Brief::spend(kBriefBytesDay));
        const Window of_day{std::max(window.from, day_start(day)), std::min(window.to, day_start(day + 1))};
        std::vector<Piece> of_it;
        for (Part& part : parts_of(TRY(sources.of(day)), of_day, builder)) add_pieces(of_it, std::move(part), builder);
        if (newest_first) std::ranges::reverse(of_it);
        for (Piece& piece : of_it) {
            pieces.push_back(std::move(piece));
            if (pieces.size() >= (ahead ? kPiecesAhead : 1)) TRY(take_pieces(pieces, question, builder));
            if (builder.satisfied()) return {};
        }
    }
    return take_pieces(pieces, question, builder);
}

// The last row in the window that counts, or the first.
Result<std::optional<Reading>> Store::row_in(const Question& question, TagId tag, Window window, QualityFilter filter,
                                             bool last) const {
    window = storable(window);
    OneRow row{tag, filter, last};
    Question alone{question.request, window, question.as_of, question.budget, question.patience};
    TRY(scan_tag(sources_of(tag, window), alone, window, last, row));
    return row.found();
}

Result<std::optional<Reading>> Store::newest_before(TagId tag, TimeNs time) const {
    const ReadRequest request;
    RowBudget budget{1};
    const Question question{request, {}, 0, budget, Patience{clock_}};
    return row_in(question, tag, {day_start(-kDayMax), time}, QualityFilter::all, true);
}

Result<Neighbours> Store::neighbours_of(const Question& question, TagId tag, const BucketBuilder& builder) const {
    Neighbours found;
    const Window window = question.window;
    const auto minus = [](TimeNs time, DurationNs by) {
        return time < day_start(-kDayMax) + by ? INT64_MIN : time - by;
    };
    const auto plus = [](TimeNs time, DurationNs by) { return time > day_start(kDayMax) - by ? INT64_MAX : time + by; };
    if (window.empty()) return found;
    if (const DurationNs back = builder.looks_before(); back > 0) {
        const Window before{minus(window.from, back), window.from};
        found.before = TRY(row_in(question, tag, before, QualityFilter::all, true));
        found.counted_before = found.before;
        if (found.before && builder.wants_counted_before() && !counts(builder.filter(), pack(found.before->quality)))
            found.counted_before = TRY(row_in(question, tag, before, builder.filter(), true));
    }
    if (const DurationNs ahead = builder.looks_after(); ahead > 0)
        found.after = TRY(row_in(question, tag, {window.to, plus(window.to, ahead)}, QualityFilter::all, false));
    return found;
}

// Whether the window holds more rows than `most`, as far as directories tell.
Result<bool> Store::has_more_rows(const TagSources& all, Window window, std::uint64_t most) {
    std::uint64_t rows = 0;
    for (auto day = all.days().begin(); day != all.days().end() && rows <= most; ++day) {
        TRY(io::Brief::spend(kBriefBytesDay));
        for (const Overlapping& group : group_sources(TRY(all.of(*day))))
            if (is_lone_chunk(group, window)) rows += group.front().chunk->statistics.rows;
    }
    return rows > most;
}

// From the first row to the last one.
Result<Window> Store::extent_of(const TagSources& all, const Question& question, TagId tag) const {
    const Question alone{question.request, question.window, question.as_of, question.budget, question.patience};
    OneRow first{tag, QualityFilter::all, false}, last{tag, QualityFilter::all, true};
    TRY(scan_tag(all, alone, question.window, false, first));
    TRY(scan_tag(all, alone, question.window, true, last));
    if (!first.found() || !last.found()) return Window{};
    return Window{first.found()->time, last.found()->time + 1};
}

Result<Series> Store::read_thin(const Question& question, TagId tag) const {
    const Window window = question.window;
    const std::uint32_t points_max = question.request.points_max;
    const QualityFilter filter = raw_filter(question.request);
    const TagSources all = sources_of(tag, window);
    if (filter != QualityFilter::all || !TRY(has_more_rows(all, window, points_max))) {
        RowBudget few{points_max};
        const auto raw = make_raw_builder(tag, {.filter = filter}, few);
        auto scanned = scan_tag(all, question, window, false, *raw);
        if (scanned) return raw->finish();
        if (scanned.error().code() != Code::limit) return std::move(scanned).error();
    }
    // More rows than points: pixels are laid over where the tag has rows, not over an empty margin of the window.
    const Window extent = TRY(extent_of(all, question, tag));
    const auto thin = make_thin_builder(tag, extent, points_max, question.request.sampling, filter);
    for (const Day day : all.days()) {
        TRY(io::Brief::spend(kBriefBytesDay));
        for (const Overlapping& group : group_sources(TRY(all.of(day))))
            if (is_lone_chunk(group, extent)) thin->look_at(*group.front().chunk);
    }
    TRY(scan_tag(all, question, extent, false, *thin));
    if (thin->two_passes()) {
        thin->begin_second_pass();
        TRY(scan_tag(all, question, extent, false, *thin));
    }
    return thin->finish();
}

Result<Series> Store::read_buckets(const Question& question, TagId tag) const {
    const auto builder = TRY(make_bucket_builder(tag, question.request, question.as_of, question.budget));
    builder->set_neighbours(TRY(neighbours_of(question, tag, *builder)));
    TRY(scan_tag(sources_of(tag, question.window), question, question.window, false, *builder));
    Series series = TRY(builder->finish());
    cut_to(series, question.request.rows_wanted);
    return series;
}

// From the end of the window back, a stretch of whole buckets at a time, until there are enough.
Result<Series> Store::read_newest_buckets(const Question& question, TagId tag) const {
    const ReadRequest& request = question.request;
    const Window window = question.window;
    const std::uint64_t wanted = request.rows_wanted;
    ReadRequest part = request;
    part.rows_wanted = 0;
    const auto read_part = [&](Window of_part) -> Result<Series> {
        part.window = of_part;
        return read_buckets(
            {part, of_part, question.as_of, question.budget, question.patience, question.pool, question.helpers}, tag);
    };
    Series all;
    // What is filled, and how far a counter went, may follow from buckets long before.
    if (wanted == 0 || wanted > kStretchMax || request.periods || request.fill != Fill::none || window.empty() ||
        std::ranges::find(request.aggregates, "increase") != request.aggregates.end()) {
        append_falling(all, TRY(read_part(window)));
        cut_to(all, wanted);
        return all;
    }
    Buckets buckets = TRY(Buckets::create(request.every, request.zone));
    // One bucket more tells that there are more.
    DurationNs length = multiplied(request.every, static_cast<DurationNs>(wanted + 1));
    for (TimeNs to = window.to; to > window.from && all.buckets.size() <= wanted;) {
        // A window of all time has no length in 63 bits.
        const std::uint64_t left = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(window.from);
        const TimeNs from = left > static_cast<std::uint64_t>(length)
                                ? std::max(buckets.at(to - length).from, window.from)
                                : window.from;
        Series found = TRY(read_part({from, to}));
        const bool none = found.buckets.empty();
        append_falling(all, std::move(found));
        to = from;
        length = multiplied(length, 4);
        if (!none || to <= window.from) continue;
        // Rather than through years without a row, on where there is one.
        const auto before = TRY(row_in(question, tag, {window.from, to}, QualityFilter::all, true));
        if (!before) break;
        to = std::min(to, buckets.at(before->time).to);
    }
    cut_to(all, wanted);
    return all;
}

Result<Series> Store::read_tag(const Question& question, TagId tag) const {
    const ReadRequest& request = question.request;
    const Window window = question.window;
    if (!is_raw(request))
        return request.newest_first ? read_newest_buckets(question, tag) : read_buckets(question, tag);
    if (request.points_max > 0) {
        Series series = TRY(read_thin(question, tag));
        if (!question.budget.take(series.rows.size())) return too_many_rows(request.rows_max);
        return series;
    }
    const auto builder = make_raw_builder(
        tag, {.filter = raw_filter(request), .newest_first = request.newest_first, .rows_wanted = request.rows_wanted},
        question.budget);
    TRY(scan_tag(sources_of(tag, window), question, window, request.newest_first, *builder));
    return builder->finish();
}

void Store::set_readers(io::Pool* pool, std::size_t helpers) {
    read_pool_ = pool;
    read_helpers_ = pool == nullptr ? 0 : helpers;
}

Result<std::vector<Series>> Store::read(const ReadRequest& request) const {
    TRY(check(request));
    if (const auto unknown = catalogue_.first_unknown(request.tags))
        return Error{Code::not_found, "there is no tag {}", unknown->value};
    RowBudget budget{request.rows_max};
    // With several tags each has one thread, with one tag its chunks are read by several.
    const bool alone = io::Brief::stands();  // helpers would not be brief
    io::Pool* const pool = alone ? nullptr : read_pool_.load();
    const std::size_t helpers = alone ? 0 : read_helpers_.load(), tags = request.tags.size();
    // What is asked of each tag.
    ReadRequest of_each = request;
    of_each.tags.clear();
    of_each.window = storable(request.window);
    const Question question{of_each,
                            of_each.window,
                            request.as_of.value_or(clock_.now()),
                            budget,
                            Patience{clock_, request.patience.cancelled.get(), request.patience.deadline},
                            pool,
                            tags > 1 ? 0 : helpers};
    std::vector<std::optional<Result<Series>>> found(tags);
    std::atomic<bool> failed = false;
    const auto read_one = [&](std::size_t i) {
        if (failed.load(std::memory_order_relaxed)) return;
        found[i] = read_tag(question, request.tags[i]);
        if (!*found[i]) failed = true;
    };
    const bool is_short = of_each.window.to - kDay <= of_each.window.from;  // a window of all time has no length
    fan_out(pool, helpers, tags, read_one, is_short ? &clock_ : nullptr);
    std::vector<Series> answer;
    for (auto& series : found) {
        if (series && !*series) return std::move(*series).error();
        if (series && !failed) answer.push_back(std::move(**series));
    }
    TRY(io::Brief::check());
    return answer;
}

Result<std::vector<Event>> Store::read_events(TenantId tenant, Window window, std::string_view kind_prefix,
                                              std::size_t events_max) const {
    std::vector<Event> found;
    std::set<std::uint64_t> seen;
    const auto take = [&](const Event& event) {
        if (event.tenant != tenant || !window.contains(event.time) || !event.kind.starts_with(kind_prefix)) return;
        if (seen.insert(event.id.value).second) found.push_back(event);
    };
    {
        std::unique_lock lock{events_mutex_};
        for (const Event& event : events_.active) take(event);
        const auto frozen = events_.frozen;
        lock.unlock();
        if (frozen) std::ranges::for_each(*frozen, take);
    }
    const auto by_time = [](const Event& event) { return std::tuple{event.time, event.id}; };
    for (const auto now = version(); const auto& file : now->events) {
        if (file->info.max_time < window.from || file->info.min_time >= window.to) continue;
        const Buffer bytes = TRY(io::read_whole(files_, file->path, kEventFileBytesMax));
        std::ranges::for_each(TRY(decode_events(bytes, file->path)), take);
    }
    std::ranges::sort(found, {}, by_time);
    if (found.size() > events_max) found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(events_max));
    return found;
}

}  // namespace gongshu::history
