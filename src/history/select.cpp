// Rows of several tags at the times when conditions on their values hold. The first tag with a condition is read a
// chunk at a time, where statistics do not rule it out; the others only at the times that are left, and where their
// chunk has the same times, no times are read or compared.
#include <algorithm>
#include <atomic>

#include "base/assert.h"
#include "history/append.h"
#include "history/fan_out.h"
#include "history/sources.h"
#include "history/store.h"
#include "history/value_filter.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kRowBytes = 8, kValueBytes = 10;  // of an answer in memory

// What all objects of a question share.
struct Common {
    const SelectRequest& request;
    Window window;
    RowBudget& rows;
    RowBudget& bytes;
    Patience patience;

    QualityFilter holding() const {
        return request.quality == QualityFilter::automatic ? QualityFilter::usable : request.quality;
    }
    QualityFilter coming() const {
        return request.quality == QualityFilter::automatic ? QualityFilter::all : request.quality;
    }
    // The least grade that satisfies a condition.
    unsigned least_grade() const {
        if (holding() == QualityFilter::all) return 0;
        return static_cast<unsigned>(holding() == QualityFilter::good ? Grade::good : Grade::uncertain);
    }
};

Window span_of(const Overlapping& group) {
    Window span{group.front().min_time, group.front().max_time};  // both inclusive
    for (const Source& source : group) span = {span.from, std::max(span.to, source.max_time)};
    return span;
}

// Those of `from` whose mark is 1, or all without marks.
template <class T>
void keep_marked(T& column, const std::vector<std::uint8_t>& marks) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < column.size(); ++i) {
        column[kept] = column[i];
        kept += marks[i];
    }
    column.resize(kept);
}

void push(Picked& picked, const Run& run, std::size_t row) {
    picked.qualities.push_back(run.qualities[row]);
    if (run.type != ValueType::text) {
        picked.bits.push_back(run.bits[row]);
        return;
    }
    const std::string_view text = run.text_at(row);
    picked.bits.push_back(static_cast<std::uint64_t>(picked.text.size()) << 32 | text.size());
    picked.text += text;
}

Error too_many(std::uint64_t rows_max) {
    return Error{
        Code::limit,
        "the answer has more than the {} rows that are allowed; shorten the window, ask for fewer devices or only "
        "for the first rows of each (order= with limit=), or for conditions that hold less often",
        rows_max};
}

void push_none(Picked& picked) {
    picked.qualities.push_back(kNoReading);
    picked.bits.push_back(0);
}

constexpr std::uint64_t kTextLengthMask = 0xffffffff;
constexpr std::uint64_t kRunBytesMax = 64 << 20;        // that the columns of an object keep read
constexpr std::uint64_t kPickedTextMax = 256ull << 20;  // of one column at the chosen rows of one group

std::uint64_t bytes_of(const Run& run) {
    return run.size() * (sizeof(TimeNs) + sizeof(std::uint64_t) + sizeof(std::uint16_t)) + run.text.size();
}

// Rows that still satisfy everything: when they are and, if they lie in one chunk alone, which rows of it.
struct Chosen {
    std::vector<TimeNs> times;
    std::vector<std::uint32_t> numbers;
    const Source* chunk = nullptr;
};

}  // namespace

// The rows of one object.
// Threads: one.
class Store::ObjectSelect {
public:
    ObjectSelect(const Store& store, const Common& common, const SelectRequest::Object& object)
        : store_(store), common_(common), object_(object) {}

    Result<void> open() {
        for (const ValueCondition& condition : object_.where) {
            auto column = std::ranges::find(columns_, condition.tag, &Column::tag);
            if (column == columns_.end()) column = columns_.insert(column, Column{.tag = condition.tag});
            column->type = TRY(store_.tag_type(condition.tag));
            column->filters.push_back(TRY(ValueFilter::create(column->type, condition.comparison, condition.bound)));
        }
        conditioned_ = columns_.size();
        for (const TagId tag : object_.tags) {
            auto column = std::ranges::find(columns_, tag, &Column::tag);
            if (column == columns_.end()) column = columns_.insert(column, Column{.tag = tag});
            places_.push_back(static_cast<std::size_t>(column - columns_.begin()));
            column->type = TRY(store_.tag_type(tag));
        }
        return {};
    }

    Result<SelectedRows> select(Window window);
    // On which there may be rows, in order.
    std::vector<Day> days() {
        const auto& days = sources(columns_.front()).days();
        return {days.begin(), days.end()};
    }

private:
    struct Column {
        TagId tag;
        ValueType type = ValueType::number;
        std::vector<ValueFilter> filters = {};
        std::unique_ptr<TagSources> sources = nullptr;
        // Of the day that is looked at.
        std::vector<Overlapping> groups = {};
        std::vector<Window> spans = {};  // of the groups: in order, both ends inclusive, none meets another
        std::optional<Day> day = std::nullopt;
        // Rows of one of the groups, as far as they were read.
        std::shared_ptr<const Run> run = nullptr;
        std::size_t run_group = 0;
        Window run_window = {};
        Picked picked = {};  // at the chosen times
    };

    TagSources& sources(Column& column) {
        if (!column.sources)
            column.sources = std::make_unique<TagSources>(store_.sources_of(column.tag, common_.window));
        return *column.sources;
    }
    Result<void> look_at(Column& column, Day day) {
        if (column.day == day) return {};
        column.groups = group_sources(TRY(sources(column).of(day)));
        column.spans.clear();
        for (const Overlapping& group : column.groups) column.spans.push_back(span_of(group));
        column.day = day;
        column.run = nullptr;
        return {};
    }
    // The groups of the column from this place on end no sooner than that.
    static std::size_t first_group(const Column& column, TimeNs time) {
        const auto found = std::ranges::lower_bound(column.spans, time, {}, &Window::to);
        return static_cast<std::size_t>(found - column.spans.begin());
    }
    Result<void> go_on() const;
    Result<bool> may_hold(Column& column, Window span, Day day);
    Result<Chosen> choose(const Overlapping& group, Day day);
    std::vector<std::uint8_t> marks_of(const Column& column, std::span<const std::uint64_t> bits,
                                       std::span<const std::uint16_t> qualities, std::string_view text) const;
    Result<void> take_group(const Overlapping& group, Day day);
    Result<void> pick(Column& column, const Chosen& chosen, Day day);
    Result<void> pick_from(Column& column, std::size_t group, const Chosen& chosen, std::size_t begin, std::size_t end);
    Result<void> keep(Column& column, std::size_t i, Chosen& chosen);
    Result<std::size_t> take_room(const Chosen& chosen);
    Error too_large() const;
    void let_go_of_runs(const Column& but);
    Result<void> append(Chosen& chosen, std::size_t taken);
    void append_column(const Column& column, std::size_t begin, std::size_t end, SelectedColumn& to) const;
    bool is_full() const { return answer_.more; }

    const Store& store_;
    const Common& common_;
    const SelectRequest::Object& object_;
    Window window_;
    std::vector<Column> columns_;  // those with conditions first
    std::size_t conditioned_ = 0;
    std::vector<std::size_t> places_;  // of the object's tags, in columns_
    std::uint64_t run_bytes_ = 0;      // of the columns' runs, at the most
    SelectedRows answer_;
};

Result<ValueType> Store::tag_type(TagId tag) const {
    if (!knows(tag)) return Error{Code::not_found, "there is no tag {}", tag.value};
    auto& shard = const_cast<Shard&>(shards_[shard_of(tag).value]);
    const std::lock_guard lock{shard.mutex};
    return shard.tags[local_index(tag)].type;
}

// Rows of `window`, which is that of the question or a part of it.
Result<SelectedRows> Store::ObjectSelect::select(Window window) {
    window_ = window;
    answer_ = {};
    answer_.columns.resize(places_.size());
    for (std::size_t i = 0; i < places_.size(); ++i) answer_.columns[i].type = columns_[places_[i]].type;
    const bool falling = common_.request.newest_first;
    std::vector<Day> days = this->days();
    if (falling) std::ranges::reverse(days);
    for (const Day day : days) {
        if (window.empty() || day_start(day + 1) <= window.from || day_start(day) >= window.to) continue;
        TRY(go_on());
        Column& first = columns_.front();
        TRY(look_at(first, day));
        for (std::size_t k = 0; k < first.groups.size() && !is_full(); ++k) {
            TRY(go_on());
            TRY(take_group(first.groups[falling ? first.groups.size() - 1 - k : k], day));
        }
        if (is_full()) break;
    }
    return std::move(answer_);
}

// Of rows as they are there is nothing to make longer or fewer.
Result<void> Store::ObjectSelect::go_on() const {
    auto waits = common_.patience.check();
    if (waits || waits.error().code() != Code::timeout) return waits;
    return Error{
        Code::timeout,
        "the question took longer than it may; shorten the window, ask for fewer devices or only for the first "
        "rows of each (order= with limit=), or give it more time (timeout=)"};
}

// Whether rows of the column's in `span`, whose ends are inclusive, may satisfy its conditions.
Result<bool> Store::ObjectSelect::may_hold(Column& column, Window span, Day day) {
    TRY(look_at(column, day));
    const bool bad_too = common_.holding() == QualityFilter::all;
    for (std::size_t i = first_group(column, span.from); i < column.groups.size() && column.spans[i].from <= span.to;
         ++i)
        for (const Source& source : column.groups[i]) {
            store_.metrics_.blocks_weighed.add(1);
            if (source.max_time < span.from || source.min_time > span.to) continue;
            if (!source.chunk || std::ranges::all_of(column.filters, [&](const ValueFilter& filter) {
                    return filter.may_hold(source.chunk->statistics, bad_too);
                }))
                return true;
        }
    return false;
}

std::vector<std::uint8_t> Store::ObjectSelect::marks_of(const Column& column, std::span<const std::uint64_t> bits,
                                                        std::span<const std::uint16_t> qualities,
                                                        std::string_view text) const {
    std::vector<std::uint8_t> marks(bits.size()), others;
    for (const ValueFilter& filter : column.filters) {
        if (&filter == &column.filters.front()) {
            filter.mark(bits, text, marks.data());
            continue;
        }
        others.resize(bits.size());
        filter.mark(bits, text, others.data());
        unmark_other(others.data(), others.size(), marks.data());
    }
    unmark_worse(qualities.data(), qualities.size(), common_.least_grade(), marks.data());
    return marks;
}

// The rows of a group of the first column that satisfy its conditions.
Result<Chosen> Store::ObjectSelect::choose(const Overlapping& group, Day day) {
    Chosen chosen;
    const Window span = span_of(group);
    for (std::size_t i = 0; i < conditioned_; ++i)
        if (!TRY(may_hold(columns_[i], span, day))) return chosen;
    std::shared_ptr<const Run> run;
    std::size_t first = 0;
    const Source& lone = group.front();
    if (group.size() == 1 && lone.chunk && lone.segment->can_pick()) {
        ChunkPart part = TRY(lone.segment->read_part(*lone.chunk, window_));
        run = std::make_shared<const Run>(std::move(part.run));
        first = part.first;
        chosen.chunk = &lone;
    } else {
        run = TRY(merged_rows(group, window_));
    }
    store_.metrics_.chunks_read.add(
        static_cast<std::uint64_t>(std::ranges::count_if(group, [](const Source& one) { return one.chunk; })));
    const std::size_t from = run->lower_bound(window_.from), to = run->lower_bound(window_.to);
    if (from >= to) return chosen;
    const auto marks = marks_of(columns_.front(), std::span(run->bits).subspan(from, to - from),
                                std::span(run->qualities).subspan(from, to - from), run->text);
    chosen.numbers.resize(marks.size());
    chosen.numbers.resize(marked(marks.data(), marks.size(), chosen.numbers.data()));
    chosen.times.reserve(chosen.numbers.size());
    Picked& picked = columns_.front().picked;
    picked = {.type = run->type, .bits = {}, .qualities = {}, .text = {}};
    for (std::uint32_t& number : chosen.numbers) {
        const std::size_t row = from + number;
        chosen.times.push_back(run->times[row]);
        push(picked, *run, row);
        number = static_cast<std::uint32_t>(first + row);
    }
    return chosen;
}

Result<void> Store::ObjectSelect::take_group(const Overlapping& group, Day day) {
    Chosen chosen = TRY(choose(group, day));
    for (std::size_t i = 1; i < conditioned_ && !chosen.times.empty(); ++i) {
        TRY(pick(columns_[i], chosen, day));
        TRY(keep(columns_[i], i, chosen));
    }
    if (chosen.times.empty()) return {};
    // No more than will be answered, and one by which it is told that there are more.
    const std::uint64_t wanted = common_.request.rows_wanted;
    if (wanted > 0 && chosen.times.size() > wanted - answer_.times.size() + 1) {
        const std::size_t most = static_cast<std::size_t>(wanted - answer_.times.size() + 1);
        const std::size_t begin = common_.request.newest_first ? chosen.times.size() - most : 0;
        const auto cut = [&](auto& column) {
            if (column.empty()) return;
            std::move(column.begin() + static_cast<std::ptrdiff_t>(begin),
                      column.begin() + static_cast<std::ptrdiff_t>(begin + most), column.begin());
            column.resize(most);
        };
        cut(chosen.times);
        cut(chosen.numbers);
        for (std::size_t i = 0; i < conditioned_; ++i) {
            cut(columns_[i].picked.bits);
            cut(columns_[i].picked.qualities);
        }
    }
    // Before they are read: a wide object must not fill memory with what is refused then.
    const std::size_t taken = TRY(take_room(chosen));
    for (std::size_t i = conditioned_; i < columns_.size(); ++i) TRY(pick(columns_[i], chosen, day));
    return append(chosen, taken);
}

// How many of the chosen rows are answered; they are taken off what may be answered, without texts.
Result<std::size_t> Store::ObjectSelect::take_room(const Chosen& chosen) {
    const std::uint64_t wanted = common_.request.rows_wanted;
    const std::size_t found = chosen.times.size();
    std::size_t taken = found;
    if (wanted > 0) taken = static_cast<std::size_t>(std::min<std::uint64_t>(found, wanted - answer_.times.size()));
    if (!common_.rows.take(taken)) return too_many(common_.rows.rows_max());
    if (!common_.bytes.take(taken * (kRowBytes + kValueBytes * places_.size()))) return too_large();
    return taken;
}

Error Store::ObjectSelect::too_large() const {
    return Error{Code::limit, "the answer is larger than {} MiB; shorten the window or ask for fewer tags",
                 common_.bytes.rows_max() >> 20};
}

// Leaves of the chosen rows those that satisfy the conditions of column i, and so of what was picked before.
Result<void> Store::ObjectSelect::keep(Column& column, std::size_t i, Chosen& chosen) {
    auto marks = marks_of(column, column.picked.bits, column.picked.qualities, column.picked.text);
    for (std::size_t row = 0; row < marks.size(); ++row)
        if (column.picked.qualities[row] == kNoReading) marks[row] = 0;
    keep_marked(chosen.times, marks);
    keep_marked(chosen.numbers, marks);
    for (std::size_t k = 0; k <= i; ++k) {
        keep_marked(columns_[k].picked.bits, marks);
        keep_marked(columns_[k].picked.qualities, marks);
    }
    return {};
}

// The readings of the column at the chosen times.
Result<void> Store::ObjectSelect::pick(Column& column, const Chosen& chosen, Day day) {
    TRY(go_on());
    TRY(look_at(column, day));
    column.picked = {.type = column.type, .bits = {}, .qualities = {}, .text = {}};
    std::size_t at = 0;
    const auto skip_to = [&](std::size_t end) {
        for (; at < end; ++at) push_none(column.picked);
    };
    const auto place_of = [&](auto found) { return static_cast<std::size_t>(found - chosen.times.begin()); };
    const std::size_t first = chosen.times.empty() ? 0 : first_group(column, chosen.times.front());
    for (std::size_t group = first; group < column.groups.size() && at < chosen.times.size(); ++group) {
        const Window span = column.spans[group];
        if (span.from > chosen.times.back()) break;
        skip_to(std::max(at, place_of(std::ranges::lower_bound(chosen.times, span.from))));
        const std::size_t end = std::max(at, place_of(std::ranges::upper_bound(chosen.times, span.to)));
        if (at < end) TRY(pick_from(column, group, chosen, at, end));
        at = end;
    }
    skip_to(chosen.times.size());
    return {};
}

// Those of the times [begin, end), all of which lie between the first and the last of the group.
Result<void> Store::ObjectSelect::pick_from(Column& column, std::size_t group, const Chosen& chosen, std::size_t begin,
                                            std::size_t end) {
    const Overlapping& sources = column.groups[group];
    const Source& lone = sources.front();
    if (sources.size() == 1 && lone.chunk && chosen.chunk && lone.segment == chosen.chunk->segment &&
        have_same_times(*lone.chunk, *chosen.chunk->chunk)) {
        store_.metrics_.chunks_read.add(1);
        return lone.segment->pick(*lone.chunk, std::span(chosen.numbers).subspan(begin, end - begin), column.picked);
    }
    const Window wanted{chosen.times[begin], chosen.times[end - 1] + 1};
    if (!column.run || column.run_group != group || column.run_window.from > wanted.from ||
        column.run_window.to < wanted.to) {
        // And what may be asked for after it.
        column.run_window =
            common_.request.newest_first ? Window{window_.from, wanted.to} : Window{wanted.from, window_.to};
        column.run = TRY(merged_rows(sources, column.run_window));
        column.run_group = group;
        run_bytes_ += bytes_of(*column.run);
        if (run_bytes_ > kRunBytesMax) let_go_of_runs(column);
        store_.metrics_.chunks_read.add(
            static_cast<std::uint64_t>(std::ranges::count_if(sources, [](const Source& one) { return one.chunk; })));
    }
    const Run& run = *column.run;
    std::size_t row = run.lower_bound(wanted.from);
    for (std::size_t i = begin; i < end; ++i) {
        while (row < run.size() && run.times[row] < chosen.times[i]) ++row;
        if (row < run.size() && run.times[row] == chosen.times[i])
            push(column.picked, run, row);
        else
            push_none(column.picked);
        if (column.picked.text.size() > kPickedTextMax) return too_large();
    }
    return {};
}

// Those of other columns are read again when they are needed.
void Store::ObjectSelect::let_go_of_runs(const Column& but) {
    for (Column& column : columns_)
        if (&column != &but) column.run = nullptr;
    run_bytes_ = bytes_of(*but.run);
}

// Puts what was picked into the answer, as much as is still wanted.
Result<void> Store::ObjectSelect::append(Chosen& chosen, std::size_t taken) {
    const bool falling = common_.request.newest_first;
    const std::size_t found = chosen.times.size();
    answer_.more = taken < found;
    const std::size_t begin = falling ? found - taken : 0, end = begin + taken;
    std::uint64_t text = 0;
    for (const std::size_t place : places_)
        if (columns_[place].type == ValueType::text)
            for (std::size_t i = begin; i < end; ++i) text += columns_[place].picked.bits[i] & kTextLengthMask;
    if (!common_.bytes.take(text)) return too_large();
    if (falling)
        for (std::size_t i = end; i-- > begin;) answer_.times.push_back(chosen.times[i]);
    else
        answer_.times.insert(answer_.times.end(), chosen.times.begin(),
                             chosen.times.begin() + static_cast<std::ptrdiff_t>(end));
    for (std::size_t i = 0; i < places_.size(); ++i)
        append_column(columns_[places_[i]], begin, end, answer_.columns[i]);
    return {};
}

void Store::ObjectSelect::append_column(const Column& column, std::size_t begin, std::size_t end,
                                        SelectedColumn& to) const {
    const Picked& picked = column.picked;
    const bool falling = common_.request.newest_first;
    const std::size_t before = to.bits.size(), count = end - begin;
    to.bits.resize(before + count);
    for (std::size_t i = 0; i < count; ++i) to.bits[before + i] = picked.bits[falling ? end - 1 - i : begin + i];
    if (column.type == ValueType::text) {
        // Of what was picked only what is answered.
        for (std::size_t i = before; i < before + count; ++i) {
            const std::uint64_t bits = to.bits[i], length = bits & kTextLengthMask;
            to.bits[i] = static_cast<std::uint64_t>(to.text.size()) << 32 | length;
            to.text.append(picked.text, bits >> 32, length);
        }
    }
    const std::uint16_t good = pack(kGood);
    const auto qualities = std::span(picked.qualities).subspan(begin, count);
    if (to.qualities.empty() && std::ranges::count(qualities, good) == static_cast<std::ptrdiff_t>(count)) return;
    to.qualities.resize(before, good);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t quality = picked.qualities[falling ? end - 1 - i : begin + i];
        const bool comes = quality != kNoReading && counts(common_.coming(), quality);
        to.qualities.push_back(comes ? quality : kNoReading);
    }
}

namespace {

void append_rows(SelectedRows& all, SelectedRows more) {
    if (all.times.empty()) {
        all = std::move(more);
        return;
    }
    const std::size_t before = all.times.size(), count = more.times.size();
    all.times.insert(all.times.end(), more.times.begin(), more.times.end());
    for (std::size_t i = 0; i < all.columns.size(); ++i) {
        SelectedColumn& to = all.columns[i];
        const SelectedColumn& from = more.columns[i];
        const std::uint64_t shift =
            to.type == ValueType::text ? static_cast<std::uint64_t>(to.text.size()) << 32 : std::uint64_t{0};
        for (const std::uint64_t bits : from.bits) to.bits.push_back(bits + shift);
        to.text += from.text;
        if (to.qualities.empty() && from.qualities.empty()) continue;
        to.qualities.resize(before, pack(kGood));
        to.qualities.insert(to.qualities.end(), from.qualities.begin(), from.qualities.end());
        to.qualities.resize(before + count, pack(kGood));
    }
}

}  // namespace

Result<std::vector<SelectedRows>> Store::select(const SelectRequest& request) const {
    RowBudget rows{request.rows_max}, bytes{request.bytes_max};
    const Common common{request, storable(request.window), rows, bytes,
                        Patience{clock_, request.patience.cancelled.get(), request.patience.deadline}};
    io::Pool* const pool = read_pool_.load();
    const std::size_t helpers = read_helpers_.load();
    // Each object has one thread; of one object alone each day has.
    std::vector<std::pair<std::size_t, Window>> parts;
    for (std::size_t i = 0; i < request.objects.size(); ++i) {
        if (request.objects[i].where.empty()) return Error{Code::invalid, "where: is missing; say what has to hold"};
        if (request.objects.size() > 1 || helpers == 0 || request.rows_wanted > 0) {
            parts.emplace_back(i, common.window);
            continue;
        }
        ObjectSelect object{*this, common, request.objects[i]};
        TRY(object.open());
        for (const Day day : object.days())
            parts.emplace_back(i, Window{std::max(common.window.from, day_start(day)),
                                         std::min(common.window.to, day_start(day + 1))});
        if (request.newest_first) std::ranges::reverse(parts);
    }
    std::vector<std::optional<Result<SelectedRows>>> found(parts.size());
    std::atomic<bool> failed = false;
    const auto read_one = [&](std::size_t part) {
        if (failed.load(std::memory_order_relaxed)) return;
        const auto& [i, window] = parts[part];
        Common of_part{request, window, rows, bytes, common.patience};
        ObjectSelect object{*this, of_part, request.objects[i]};
        const auto opened = object.open();
        found[part] = opened ? object.select(window) : Result<SelectedRows>{opened.error()};
        if (!*found[part]) failed = true;
    };
    const bool is_short = common.window.to - kDay <= common.window.from;  // a window of all time has no length
    fan_out(pool, helpers, parts.size(), read_one, is_short ? &clock_ : nullptr);
    std::vector<SelectedRows> answer(request.objects.size());
    for (std::size_t part = 0; part < parts.size(); ++part) {
        if (!found[part]) continue;
        if (!*found[part]) return std::move(*found[part]).error();
        if (!failed) append_rows(answer[parts[part].first], std::move(**found[part]));
    }
    for (std::size_t i = 0; i < answer.size(); ++i) {
        if (!answer[i].columns.empty()) continue;  // else there is no day with rows
        for (const TagId tag : request.objects[i].tags) answer[i].columns.emplace_back().type = TRY(tag_type(tag));
    }
    return answer;
}

}  // namespace gongshu::history
