#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/metrics.h"
#include "data/sink.h"
#include "flow/alarm_event.h"
#include "flow/alarms.h"

namespace gongshu::flow {

// Alarms as durable events left them: each event that is durable is applied here, then told to listeners.
class AlarmBook final : public Alarms {
public:
    AlarmBook(Sink& sink, const Clock& clock) : sink_(sink), clock_(clock) {}

    // All events of one tenant from the beginning, in order; nobody is told.
    void rebuild(const std::vector<Event>& events);
    // What an event did, once it is durable. Events of one alarm come in their order. Repeats do nothing.
    void apply(const Event& event);
    std::vector<Alarm> active() const;

    std::vector<Alarm> list(TenantId tenant, const AlarmQuery& query) const override;
    Result<Alarm> get(TenantId tenant, std::string_view id) const override;
    AlarmCounts counts(TenantId tenant) const override;
    void acknowledge(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                     Done done) override;
    void comment(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                 Done done) override;
    std::uint64_t subscribe(Listener listener) override;
    void unsubscribe(std::uint64_t subscription) override;

private:
    struct Page {
        std::map<std::string, Alarm, std::less<>> alarms;
        std::deque<std::string> cleared;  // ids in the order they were cleared
    };
    struct Told {
        Alarm alarm;
        std::string what;
    };

    // With the lock held.
    Result<std::optional<Told>> change(const Event& event);
    std::optional<Told> follow(const Event& event, const Follow& follow);
    void forget_old(Page& page);
    void write(Event event, std::string id, Done done);

    Sink& sink_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::map<TenantId, Page> pages_;
    std::mutex listeners_mutex_;  // held while listeners run, so that unsubscribe() waits for them
    std::map<std::uint64_t, Listener> listeners_;
    std::uint64_t next_listener_ = 1;
};

}  // namespace gongshu::flow
