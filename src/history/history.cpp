#include "history/history.h"

#include "base/assert.h"
#include "history/select.h"
#include "history/storage_desk.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

// The handle that the program holds. What the store posted may outlive it; the store is closed then and does nothing.
class StoreHistory final : public History, public TagFinder, public Storage, public Selector {
public:
    StoreHistory(std::shared_ptr<Store> store, const Clock& clock) : store_(std::move(store)), clock_(clock) {}
    // Without stop() before it this is like a crash: what was not synced is lost.
    ~StoreHistory() override {
        check_->close();
        store_->close();
    }

    void append(Rows rows, Durability durability, Done done) override {
        store_->append(std::move(rows), durability, std::move(done));
    }
    void append_columns(Columns columns, Durability durability, Done done) override {
        store_->append_columns(std::move(columns), durability, std::move(done));
    }
    void append_tuples(Tuples tuples, Durability durability, Done done) override {
        store_->append_tuples(std::move(tuples), durability, std::move(done));
    }
    void append_event(Event event, Durability durability, std::function<void(Result<EventId>)> done) override {
        store_->append_event(std::move(event), durability, std::move(done));
    }

    Result<std::vector<Series>> read(const ReadRequest& request) const override { return store_->read(request); }
    Result<std::vector<SelectedRows>> select(const SelectRequest& request) const override {
        return store_->select(request);
    }
    std::optional<Reading> last(TagId tag) const override { return store_->last(tag); }
    Result<std::vector<Event>> read_events(TenantId tenant, Window window, std::string_view kind_prefix,
                                           std::size_t events_max) const override {
        return store_->read_events(tenant, window, kind_prefix, events_max);
    }

    Result<TagId> resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit) override {
        return store_->catalogue().resolve(key, path, type, unit);
    }
    Result<TagId> resolve_declared(const TagKey& key, std::string_view path, ValueType type,
                                   std::string_view unit) override {
        return store_->catalogue().resolve(key, path, type, unit, true);
    }
    std::optional<TagInfo> info(TagId tag) const override { return store_->catalogue().info(tag); }
    std::optional<TagInfo> find(TenantId tenant, std::string_view path) const override {
        return store_->catalogue().find(tenant, path);
    }
    std::vector<TagInfo> match(TenantId tenant, std::string_view glob, std::size_t tags_max) const override {
        return store_->catalogue().match(tenant, glob, tags_max);
    }
    TagPtr find_shared(TenantId tenant, std::string_view path) const override {
        return store_->catalogue().find_shared(tenant, path);
    }
    std::shared_ptr<const TagList> match_shared(TenantId tenant, std::string_view glob,
                                                std::size_t tags_max) const override {
        return store_->catalogue().match_shared(tenant, glob, tags_max);
    }
    Result<void> move_source(TenantId tenant, std::string_view source, std::string_view new_prefix) override {
        TRY(store_->catalogue().move_source(tenant, source, new_prefix));
        return store_->flush();
    }
    Result<void> set_unit(TagId tag, std::string_view unit) override { return store_->catalogue().set_unit(tag, unit); }

    void add_interval(Interval interval, Durability durability, IntervalDone done) override {
        store_->add_interval(std::move(interval), durability, std::move(done));
    }
    void revise_interval(Interval next, Durability durability, IntervalDone done) override {
        store_->revise_interval(std::move(next), durability, std::move(done));
    }
    Result<IntervalPage> find_intervals(TenantId tenant, const IntervalQuery& query) const override {
        return store_->find_intervals(tenant, query);
    }
    Result<std::vector<Interval>> interval_revisions(TenantId tenant, IntervalId id) const override {
        return store_->interval_revisions(tenant, id);
    }
    std::vector<std::string> interval_kinds(TenantId tenant) const override { return store_->interval_kinds(tenant); }
    std::vector<Interval> open_intervals(TenantId tenant, IntervalSource source,
                                         std::string_view source_name) const override {
        return store_->open_intervals(tenant, source, source_name);
    }

    void set_stage(Stage* stage) override { store_->set_stage(stage); }
    void set_readers(io::Pool* pool, std::size_t helpers) override { store_->set_readers(pool, helpers); }
    Result<Appended> import(const Rows& rows) override { return store_->import(rows); }
    Result<void> compact() override { return store_->compact(); }
    Result<VerifyReport> verify() const override { return store_->verify(nullptr); }
    Result<void> copy_to(Copier& copier) override { return store_->copy_to(copier); }
    Result<std::uint64_t> apply_retention() override { return store_->apply_retention(); }
    Result<Removed> remove(const Removal& removal) override { return store_->remove(removal); }
    Result<Removed> cut(const Cut& cut) override { return store_->cut(cut); }
    std::vector<DayUse> days() const override { return store_->days(); }
    Result<void> visit_tag_days(const std::function<void(const TagDayUse&)>& visit) const override {
        return store_->visit_tag_days(visit, {});
    }
    HistoryStats stats() const override { return store_->stats(); }
    Result<LogPiece> read_log(LogPosition from, std::uint64_t bytes_max) const override {
        return store_->read_log(from, bytes_max);
    }
    void release_log(std::uint64_t group) override { store_->kept_logs().release(group); }
    LogLoss take_log_loss() override { return store_->kept_logs().take_loss(); }
    void stop() override { store_->stop(); }

    StorageStats storage_stats() const override { return store_->storage_stats(); }
    Result<Formats> formats() const override { return store_->formats(); }
    RateLog rates() const override { return store_->rates(); }
    Result<Usage> usage(const TagDays& which) const override { return survey_usage(*store_, which); }
    Result<std::shared_ptr<const Usage>> recent_usage(std::uint32_t days) override {
        return usage_.get(*store_, clock_, days);
    }
    Result<void> start_check(io::Pool& pool) override { return check_->start(store_, clock_, pool); }
    void cancel_check() override { check_->cancel(); }
    void close_checks() override { check_->close(); }
    CheckState check_state() const override { return check_->state(); }

private:
    const std::shared_ptr<Store> store_;
    const Clock& clock_;
    UsageCache usage_;
    const std::shared_ptr<StorageCheck> check_ = std::make_shared<StorageCheck>();
};

}  // namespace

Storage& storage_of(History& history) {
    auto* const own = dynamic_cast<StoreHistory*>(&history);
    ASSERT(own);
    return *own;
}

bool can_select(const Reader& reader) { return dynamic_cast<const Selector*>(&reader) != nullptr; }
Result<std::vector<SelectedRows>> select(const Reader& reader, const SelectRequest& request) {
    if (const auto* selector = dynamic_cast<const Selector*>(&reader)) return selector->select(request);
    return Error{Code::unsupported, "this store knows no conditions on values"};
}

Result<std::unique_ptr<History>> History::create(io::Files& files, const Clock& clock, Metrics& metrics,
                                                 std::vector<io::Loop*> lanes, io::Pool& pool, HistoryOptions options) {
    if (lanes.empty()) return Error{Code::invalid, "history needs at least one lane"};
    auto store = std::make_shared<Store>(files, clock, metrics, std::move(lanes), pool, std::move(options));
    TRY(store->recover());
    store->start_timer();
    return std::unique_ptr<History>{std::make_unique<StoreHistory>(std::move(store), clock)};
}

}  // namespace gongshu::history
