#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "base/metrics.h"
#include "data/sink.h"
#include "data/tag.h"
#include "flow/alarm_event.h"
#include "flow/alarms.h"
#include "flow/shelf.h"

namespace gongshu::flow {

// Alarms as durable events left them: each event that is durable is applied here, then told to listeners. What it
// gives to the outside has the present names of devices and paths of tags; the events keep those of their time.
class AlarmBook final : public Alarms {
public:
    AlarmBook(Sink& sink, const Tags& tags, const Clock& clock) : sink_(sink), tags_(tags), clock_(clock) {}

    // All events of one tenant from the beginning, in order; nobody is told.
    void rebuild(const std::vector<Event>& events);
    // What an event did, once it is durable. Events of one alarm come in their order. Repeats do nothing.
    void apply(const Event& event);
    std::vector<Alarm> alive() const;
    // An id that no alarm has yet: by readings of one time a rule may be raised, cleared and raised again.
    std::string new_id(const Alarm& alarm);
    // A device, or the rule of a shelf, is called so from now on; deleted ones keep their last name.
    void name(TenantId tenant, const std::string& uid, const std::string& name);

    // What a lane does and does not raise.
    bool is_out_of_service(const PlanKey& key) const;
    // Of an alarm as a lane knows it: what people did with it meanwhile.
    bool is_acknowledged(const Alarm& alarm) const;
    bool is_over(const Alarm& alarm) const;
    // Called when a latched alarm was cleared because somebody acknowledged it; set before anybody may.
    void on_over(std::function<void(const Alarm&)> heard) { heard_over_ = std::move(heard); }
    // Called after a shelf came or went, on the thread that heard of it; set before anybody may shelve.
    void on_shelf(std::function<void(const Shelf&)> heard) { heard_ = std::move(heard); }
    std::optional<TimeNs> next_shelf_end() const;
    std::vector<Shelf> take_ended_shelves(TimeNs now);

    std::vector<Alarm> list(TenantId tenant, const AlarmQuery& query) const override;
    Result<Alarm> get(TenantId tenant, std::string_view id) const override;
    AlarmCounts counts(TenantId tenant) const override;
    std::map<std::string, AlarmCounts> counts_by_group(TenantId tenant) const override;
    void acknowledge(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                     Done done) override;
    void comment(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                 Done done) override;
    void shelve(Shelf shelf, ShelfDone done) override;
    void unshelve(const Shelf& shelf, std::string_view who, std::string_view comment, ShelfDone done) override;
    std::vector<Shelf> shelves(TenantId tenant) const override;
    std::uint64_t subscribe(Listener listener) override;
    void unsubscribe(std::uint64_t subscription) override;

private:
    struct Page {
        std::map<std::string, Alarm, std::less<>> alarms;
        std::deque<std::string> cleared;  // ids in the order they were cleared
    };
    using Names = std::map<std::pair<TenantId, std::string>, std::string>;
    struct Told {
        Alarm alarm;
        std::string what;
    };

    // With the lock held.
    Result<std::vector<Told>> change(const Event& event);
    std::vector<Told> follow(const Event& event, const Follow& follow);
    std::vector<Told> change_shelf(const Event& event, const Shelf& shelf);
    void forget_old(Page& page);
    void bring_up_to_date(TenantId tenant, const std::string& uid, std::string& name) const;
    void bring_up_to_date(Alarm& alarm) const;
    const Alarm* find(const Alarm& alarm) const;
    const Shelf* shelf_over(const Alarm& alarm) const;
    AlarmState state_of(const Alarm& alarm) const;
    Alarm seen(const Alarm& alarm) const;  // with what it lies on
    // Without the lock.
    void bring_paths_up_to_date(Alarm& alarm) const;
    void write(Event event, std::string id, Done done);
    void write_shelf(Event event, Shelf shelf, ShelfDone done);

    static constexpr std::size_t kPromisedMax = 100'000;  // events of so many new alarms at once are not under way

    Sink& sink_;
    const Tags& tags_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::map<TenantId, Page> pages_;
    std::set<std::pair<TenantId, std::string>> promised_;  // ids given to alarms whose event is not durable yet
    Names names_;                                          // of devices and rules by uid
    Shelves shelves_;
    std::function<void(const Shelf&)> heard_;
    std::function<void(const Alarm&)> heard_over_;
    std::mutex listeners_mutex_;  // held while listeners run, so that unsubscribe() waits for them
    std::map<std::uint64_t, Listener> listeners_;
    std::uint64_t next_listener_ = 1;
};

}  // namespace gongshu::flow
