// Intervals: what lasted. A revision goes into the log, then into memory; a seal writes what is closed into a file and
// all that is open into a small file of its own, so that an interval comes into a file once, with all of its revisions,
// unless it is corrected later: then the newer file has it whole again and says that it replaces the older state.
#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/assert.h"
#include "base/log.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

constexpr std::uint64_t kSmallIntervalFile = 2 << 20;  // so small ones are merged
constexpr std::size_t kEntryBytes = 400;               // about what one costs in memory beside its texts

// How a query narrows down what is read.
class Wanted {
public:
    Wanted(TenantId tenant, const IntervalQuery& query) : tenant_(tenant), query_(query) {}

    bool in_time(TimeNs min_from, TimeNs max_to) const {
        return min_from < query_.window.to && max_to > query_.window.from && min_from <= query_.before.from;
    }
    bool in_block(const IntervalBlock& block) const {
        if (block.tenant != tenant_ || !in_time(block.min_from, block.max_to)) return false;
        if (query_.subjects.empty() && query_.beginnings.empty()) return true;
        const auto found = std::ranges::lower_bound(query_.subjects, block.first);
        if (found != query_.subjects.end() && *found <= block.last) return true;
        return std::ranges::any_of(query_.beginnings, [&](const std::string& beginning) {
            return beginning <= block.last && block.first.compare(0, beginning.size(), beginning) <= 0;
        });
    }
    bool takes(const Interval& one) const {
        if (one.tenant != tenant_ || (one.withdrawn && !query_.with_withdrawn) || (query_.open_only && !one.open()))
            return false;
        if (!one.overlaps(query_.window)) return false;
        if (std::pair{one.from, one.id} >= std::pair{query_.before.from, query_.before.id}) return false;
        if (!query_.kinds.empty() && std::ranges::find(query_.kinds, one.kind) == query_.kinds.end()) return false;
        return is_about(one.subject) && (!query_.takes || query_.takes(one));
    }

private:
    bool is_about(const std::string& subject) const {
        if (query_.subjects.empty() && query_.beginnings.empty()) return true;
        return std::ranges::binary_search(query_.subjects, subject) ||
               std::ranges::any_of(query_.beginnings,
                                   [&](const std::string& beginning) { return subject.starts_with(beginning); });
    }
    const TenantId tenant_;
    const IntervalQuery& query_;
};

// The newest so many of what was found, in order.
class Page {
public:
    explicit Page(std::size_t intervals_max) : max_(intervals_max + 1) {}  // one more tells that there are more

    bool full() const { return found_.size() >= max_; }
    // Could one that begins then still come into it?
    bool wants(TimeNs from) const { return !full() || from >= found_.rbegin()->first.first; }
    void add(const Interval& one) {
        if (!wants(one.from)) return;
        found_.emplace(std::pair{one.from, one.id}, one);
        if (found_.size() > max_) found_.erase(std::prev(found_.end()));
    }
    IntervalPage take() {
        IntervalPage page;
        page.more = full();
        if (page.more) found_.erase(std::prev(found_.end()));
        for (auto& [place, one] : found_) page.intervals.push_back(std::move(one));
        return page;
    }

private:
    const std::size_t max_;
    std::map<std::pair<TimeNs, IntervalId>, Interval, std::greater<>> found_;
};

std::optional<Error> refusal_of(const Interval& interval) {
    if (auto fault = interval_fault(interval)) return Error{Code::invalid, "{}", *fault};
    for (const auto& [name, time] : {std::pair{"from", std::optional{interval.from}}, std::pair{"to", interval.to}})
        if (time && !is_storable(*time))
            return Error{Code::invalid, "{}: {} is outside of what can be stored (1677-09-22 to 2262-04-10)", name,
                         *time};
    return std::nullopt;
}

}  // namespace

IntervalFile::~IntervalFile() {
    if (!obsolete) return;
    if (const auto removed = files_.remove(path_); !removed)
        log_warning("history", "{} is left behind: {}", path_, removed.error().text());
}

Result<std::shared_ptr<const std::vector<std::uint64_t>>> IntervalFile::replaced() const {
    const std::lock_guard lock{mutex_};
    if (!replaced_) replaced_ = std::make_shared<const std::vector<std::uint64_t>>(TRY(open()).directory().replaced);
    return replaced_;
}

const IntervalEntryPtr* IntervalMemory::find(std::uint64_t id) const {
    for (const Entries* entries : {&open, &active, frozen.get()}) {
        if (!entries) continue;
        if (const auto found = entries->find(id); found != entries->end()) return &found->second;
    }
    return nullptr;
}

// Under intervals_mutex_, or before anybody else is there.
void Store::put_interval(IntervalEntry entry) {
    const Interval& one = entry.newest();
    const std::uint64_t id = one.id.value;
    const TenantId tenant = one.tenant;
    std::size_t bytes = kEntryBytes;
    for (const Interval& revision : entry.revisions) {
        bytes += sizeof(Interval) + revision.reason.size() + revision.subject.size() + revision.path.size();
        for (const auto& [name, value] : revision.attributes)
            bytes += name.size() + 80 + (type_of(value) == ValueType::text ? std::get<std::string>(value).size() : 0);
    }
    active_bytes_ += bytes;
    intervals_.kinds[tenant].insert(one.kind);
    if (intervals_.open.erase(id) > 0) --intervals_.open_counts[tenant];
    intervals_.active.erase(id);
    const bool is_open = one.open();
    auto kept = std::make_shared<const IntervalEntry>(std::move(entry));
    if (is_open) {
        intervals_.open[id] = std::move(kept);
        ++intervals_.open_counts[tenant];
    } else {
        intervals_.active[id] = std::move(kept);
    }
}

// Under intervals_mutex_. `entry` ends with `interval`.
Result<std::uint64_t> Store::log_interval(const Interval& interval, IntervalEntry entry) {
    auto& kinds = intervals_.kinds[interval.tenant];
    if (!kinds.contains(interval.kind) && kinds.size() >= Interval::kKindsMax)
        return Error{Code::limit,
                     "kind: \"{}\" would be one more than {} kinds of intervals; use one of those there are",
                     interval.kind, Interval::kKindsMax};
    const auto* before = intervals_.find(interval.id.value);
    const bool was_open = before && (*before)->newest().open();
    if (interval.open() && !was_open && intervals_.open_counts[interval.tenant] >= Interval::kOpenMax)
        return Error{Code::limit, "{} intervals are open already; close some first", Interval::kOpenMax};
    Buffer payload;
    encode_interval_record({intervals_.next_change, interval}, payload);
    const std::uint64_t position = TRY(log_->append(RecordKind::interval, payload));
    ++intervals_.next_change;
    put_interval(std::move(entry));
    metrics_.intervals.add();
    if (oldest_at_ < 0) oldest_at_ = clock_.monotonic();
    return position;
}

Result<Store::LoggedInterval> Store::log_new_interval(Interval interval) {
    interval.revision = 1;
    interval.action = IntervalAction::opened;
    interval.withdrawn = false;
    interval.at = clock_.now();
    if (auto error = refusal_of(interval)) return *error;
    const std::lock_guard lock{intervals_mutex_};
    interval.id.value = intervals_.next_change;
    const std::uint64_t position = TRY(log_interval(interval, {{interval}, false}));
    return LoggedInterval{std::move(interval), position};
}

// Null if it is in no file.
Result<IntervalEntryPtr> Store::filed_interval(std::uint64_t id) const {
    const auto now = version();
    for (auto file = now->intervals.rbegin(); file != now->intervals.rend(); ++file) {
        if (id < (*file)->info.min_id || id > (*file)->info.max_id) continue;
        if (auto found = TRY(TRY((*file)->open()).find(id))) return found;
    }
    return IntervalEntryPtr{};
}

Result<Store::LoggedInterval> Store::log_revision(Interval next) {
    const std::uint64_t id = next.id.value;
    const auto nothing = [&] { return Error{Code::not_found, "there is no interval {}", id}; };
    IntervalEntryPtr filed;
    {
        std::unique_lock lock{intervals_mutex_};
        if (id >= intervals_.next_change) return nothing();
        if (!intervals_.find(id)) {
            lock.unlock();
            filed = TRY(filed_interval(id));
        }
    }
    const std::lock_guard lock{intervals_mutex_};
    const auto* known = intervals_.find(id);
    IntervalEntry entry;
    if (known) {
        entry = **known;
        // What is frozen will be in a file before this one is.
        if (intervals_.frozen && intervals_.frozen->contains(id)) entry.filed = true;
    } else if (filed) {
        entry = *filed;
        entry.filed = true;
    }
    if (entry.revisions.empty() || entry.newest().tenant != next.tenant) return nothing();
    const Interval& before = entry.newest();
    if (before.revision != next.revision)
        return Error{Code::conflict, "interval {} is at revision {}, not {}: somebody changed it; look at it again", id,
                     before.revision, next.revision};
    if (before.withdrawn) return Error{Code::conflict, "interval {} is withdrawn; make a new one", id};
    if (next.action == IntervalAction::closed && before.to)
        return Error{Code::conflict, "interval {} is closed already; correct it if that is wrong", id};
    if (entry.revisions.size() >= Interval::kRevisionsMax)
        return Error{Code::limit, "interval {} has {} revisions; withdraw it and make a new one", id,
                     entry.revisions.size()};
    next.subject = before.subject;
    next.tag = before.tag;
    next.source = before.source;
    next.source_name = before.source_name;
    next.withdrawn = next.action == IntervalAction::withdrawn;
    next.revision = before.revision + 1;
    next.at = clock_.now();
    if (auto error = refusal_of(next)) return *error;
    entry.revisions.push_back(next);
    const std::uint64_t position = TRY(log_interval(next, std::move(entry)));
    return LoggedInterval{std::move(next), position};
}

void Store::answer_interval(Result<LoggedInterval> logged, Durability durability, Intervals::IntervalDone done) {
    io::Loop& home = home_lane();
    if (!logged) return home.post([done = std::move(done), error = logged.error()] { done(error); });
    auto kept = std::make_shared<Interval>(std::move(logged->first));
    if (unsealed_bytes() >= options_.seal_bytes) seal_soon();
    if (durability == Durability::sync)
        return log_->when_synced(logged->second, home, [kept, done = std::move(done)](const Result<void>& synced) {
            if (synced)
                done(std::move(*kept));
            else
                done(synced.error());
        });
    home.post([weak = weak_from_this(), &home, durability, kept, done = std::move(done)] {
        if (const auto self = weak.lock(); self && durability == Durability::interval) self->sync_soon(home);
        done(std::move(*kept));
    });
}

void Store::add_interval(Interval interval, Durability durability, Intervals::IntervalDone done) {
    answer_interval(log_new_interval(std::move(interval)), durability, std::move(done));
}

void Store::revise_interval(Interval next, Durability durability, Intervals::IntervalDone done) {
    answer_interval(log_revision(std::move(next)), durability, std::move(done));
}

Result<IntervalPage> Store::find_intervals(TenantId tenant, const IntervalQuery& query) const {
    const Wanted wanted{tenant, query};
    Page page{std::clamp<std::size_t>(query.intervals_max, 1, 100'000)};
    std::vector<IntervalEntryPtr> entries;
    std::unordered_set<std::uint64_t> seen;
    {
        // Memory before files: what a seal moves in between is seen twice, not never.
        const std::lock_guard lock{intervals_mutex_};
        for (const auto* part : {&intervals_.open, &intervals_.active, intervals_.frozen.get()}) {
            if (!part) continue;
            for (const auto& [id, entry] : *part)
                if (seen.insert(id).second && entry->newest().tenant == tenant) entries.push_back(entry);
        }
    }
    for (const IntervalEntryPtr& entry : entries)
        if (wanted.takes(entry->newest())) page.add(entry->newest());
    std::uint64_t looked = 0;
    const auto now = version();
    std::vector<std::size_t> order(now->intervals.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return now->intervals[i]->info.max_from; });
    const auto is_replaced = [&](std::size_t file, std::uint64_t id) -> Result<bool> {
        for (std::size_t later = file + 1; later < now->intervals.size(); ++later)
            if (std::ranges::binary_search(*TRY(now->intervals[later]->replaced()), id)) return true;
        return false;
    };
    for (const std::size_t i : order) {
        const IntervalFileInfo& info = now->intervals[i]->info;
        if (!page.wants(info.max_from)) break;
        if (!wanted.in_time(info.min_from, info.max_to)) continue;
        const IntervalReader reader = TRY(now->intervals[i]->open());
        for (const IntervalBlock& block : reader.directory().blocks) {
            if (!wanted.in_block(block) || !page.wants(block.max_from)) continue;
            looked += block.entries;
            if (looked > query.looked_max)
                return Error{
                    Code::limit,
                    "more than {} intervals would have to be looked at: narrow the time, the kind or the asset",
                    query.looked_max};
            for (const IntervalEntryPtr& entry : TRY(reader.block(block))) {
                const Interval& one = entry->newest();
                if (seen.contains(one.id.value) || !page.wants(one.from) || !wanted.takes(one)) continue;
                if (!TRY(is_replaced(i, one.id.value))) page.add(one);
            }
        }
    }
    return page.take();
}

Result<std::vector<Interval>> Store::interval_revisions(TenantId tenant, IntervalId id) const {
    IntervalEntryPtr entry;
    {
        const std::lock_guard lock{intervals_mutex_};
        if (const auto* known = intervals_.find(id.value)) entry = *known;
    }
    if (!entry) entry = TRY(filed_interval(id.value));
    if (!entry || entry->newest().tenant != tenant) return Error{Code::not_found, "there is no interval {}", id.value};
    return entry->revisions;
}

std::vector<std::string> Store::interval_kinds(TenantId tenant) const {
    const std::lock_guard lock{intervals_mutex_};
    const auto found = intervals_.kinds.find(tenant);
    if (found == intervals_.kinds.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<Interval> Store::open_intervals(TenantId tenant, IntervalSource source,
                                            std::string_view source_name) const {
    const std::lock_guard lock{intervals_mutex_};
    std::vector<Interval> found;
    for (const auto& [id, entry] : intervals_.open) {
        const Interval& one = entry->newest();
        if (one.tenant == tenant && one.source == source && one.source_name == source_name) found.push_back(one);
    }
    return found;
}

// A record of the log, after the manifest's.
Result<void> Store::apply_interval(IntervalRecord record) {
    Interval& one = record.interval;
    if (record.change != intervals_.next_change)
        return Error{Code::corrupt, "revision {} of intervals follows revision {}", record.change,
                     intervals_.next_change - 1};
    IntervalEntry entry;
    if (one.revision == 1) {
        if (one.id.value != record.change)
            return Error{Code::corrupt, "interval {} begins in revision {}", one.id.value, record.change};
    } else {
        if (const auto* known = intervals_.find(one.id.value)) {
            entry = **known;
        } else if (const auto filed = TRY(filed_interval(one.id.value))) {
            entry = *filed;
            entry.filed = true;
        }
        if (entry.revisions.empty() || entry.newest().revision + 1 != one.revision ||
            entry.newest().tenant != one.tenant || entry.newest().subject != one.subject)
            return Error{Code::corrupt, "revision {} of interval {} does not follow what is known of it", one.revision,
                         one.id.value};
    }
    if (!is_storable(one.from) || (one.to && !is_storable(*one.to)))
        return Error{Code::corrupt, "interval {} has times that cannot be stored", one.id.value};
    ++intervals_.next_change;
    entry.revisions.push_back(std::move(one));
    put_interval(std::move(entry));
    return {};
}

void Store::freeze_intervals() {
    const std::lock_guard lock{intervals_mutex_};
    intervals_.frozen = std::make_shared<const IntervalMemory::Entries>(std::exchange(intervals_.active, {}));
    intervals_.frozen_next_change = intervals_.next_change;
    intervals_.frozen_open = {};
    for (const auto& [id, entry] : intervals_.open) intervals_.frozen_open.entries.push_back(entry);
    for (const auto& [tenant, kinds] : intervals_.kinds)
        intervals_.frozen_open.kinds[tenant].assign(kinds.begin(), kinds.end());
}

Result<void> Store::write_intervals(Manifest& manifest) {
    std::shared_ptr<const IntervalMemory::Entries> frozen;
    OpenIntervals open;
    {
        const std::lock_guard lock{intervals_mutex_};
        if (intervals_.frozen_next_change == manifest.next_interval) return {};
        frozen = intervals_.frozen;
        open = intervals_.frozen_open;
        manifest.next_interval = intervals_.frozen_next_change;
    }
    if (!frozen->empty()) {
        std::vector<IntervalEntryPtr> entries;
        for (const auto& [id, entry] : *frozen) entries.push_back(entry);
        IntervalFileInfo info;
        const Buffer bytes = encode_interval_file(std::move(entries), info);
        info.number = next_number_++;
        TRY(io::write_whole(files_, numbered("ival", info.number, "iv"), bytes));
        manifest.intervals.push_back(info);
    }
    manifest.open_intervals = next_number_++;
    return io::write_whole(files_, numbered("ival", manifest.open_intervals, "open"), encode_open_intervals(open));
}

// The newest files, as long as they are small, become one. They are side by side, so that of two that know an interval
// none comes between.
Result<void> Store::merge_intervals(std::size_t files_min) {
    const auto now = version();
    std::size_t first = now->intervals.size();
    while (first > 0 && now->intervals[first - 1]->info.bytes < kSmallIntervalFile) --first;
    if (now->intervals.size() - first < files_min) return {};
    struct Found {
        IntervalEntryPtr entry;
        bool original = false;  // its oldest state is in one of these files
    };
    std::map<std::uint64_t, Found> found;
    for (std::size_t i = first; i < now->intervals.size(); ++i) {
        const IntervalReader reader = TRY(now->intervals[i]->open());
        for (IntervalEntryPtr& entry : TRY(reader.all())) {
            Found& one = found[entry->newest().id.value];
            if (!std::ranges::binary_search(reader.directory().replaced, entry->newest().id.value)) one.original = true;
            one.entry = std::move(entry);
        }
    }
    std::vector<IntervalEntryPtr> entries;
    for (auto& [id, one] : found) {
        if (one.original == one.entry->filed) {
            IntervalEntry entry = *one.entry;
            entry.filed = !one.original;
            one.entry = std::make_shared<const IntervalEntry>(std::move(entry));
        }
        entries.push_back(std::move(one.entry));
    }
    IntervalFileInfo info;
    const Buffer bytes = encode_interval_file(std::move(entries), info);
    info.number = next_number_++;
    TRY(io::write_whole(files_, numbered("ival", info.number, "iv"), bytes));
    Manifest manifest = now->manifest;
    manifest.intervals.resize(first);
    manifest.intervals.push_back(info);
    return install(std::move(manifest));
}

}  // namespace gongshu::history
