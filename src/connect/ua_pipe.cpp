#include "connect/ua_pipe.h"

#include <algorithm>
#include <utility>

namespace gongshu::connect {

namespace {

constexpr int kTurnsMax = 100;

UA_DateTime now(UA_EventLoop* /*loop*/) { return UA_DateTime_now(); }
UA_DateTime now_monotonic(UA_EventLoop* /*loop*/) { return UA_DateTime_nowMonotonic(); }
UA_Int64 no_offset(UA_EventLoop* /*loop*/) { return 0; }
void no_lock(UA_EventLoop* /*loop*/) {}

DurationNs of_milliseconds(UA_Double ms) { return static_cast<DurationNs>(std::max(ms, 1.0) * kMillisecond); }

}  // namespace

UaPipe::UaPipe() : loop_{}, manager_{} {
    fill_loop();
    fill_manager();
    manager_.eventSource.eventLoop = &loop_;
    loop_.eventSources = &manager_.eventSource;
}

UaPipe::~UaPipe() = default;

// The field is constant to all but the loop itself.
void UaPipe::set_state(UA_EventLoop* loop, UA_EventLoopState state) {
    const_cast<UA_EventLoopState&>(const_cast<const UA_EventLoopState&>(loop->state)) = state;
}

void UaPipe::fill_loop() {
    loop_.pipe = this;
    loop_.start = [](UA_EventLoop* loop) {
        set_state(loop, UA_EVENTLOOPSTATE_STARTED);
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    loop_.stop = [](UA_EventLoop* loop) { set_state(loop, UA_EVENTLOOPSTATE_STOPPED); };
    // Nobody may wait here for what comes from the other end: who does is told that nothing will.
    loop_.run = [](UA_EventLoop* loop, UA_UInt32 /*timeout*/) {
        of(loop).turn();
        return UA_StatusCode{UA_STATUSCODE_BADSHUTDOWN};
    };
    // What was put off is mostly memory to be freed.
    loop_.free = [](UA_EventLoop* loop) {
        of(loop).turn();
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    loop_.dateTime_now = now;
    loop_.dateTime_nowMonotonic = now_monotonic;
    loop_.dateTime_localTimeUtcOffset = no_offset;
    loop_.lock = no_lock;
    loop_.unlock = no_lock;
    loop_.nextCyclicTime = [](UA_EventLoop* /*loop*/) { return UA_DateTime{UA_INT64_MAX}; };
    loop_.addCyclicCallback = [](UA_EventLoop* loop, UA_Callback callback, void* application, void* context,
                                 UA_Double interval_ms, UA_DateTime* /*base*/, UA_TimerPolicy /*policy*/,
                                 UA_UInt64* id) {
        const DurationNs interval = of_milliseconds(interval_ms);
        const UA_UInt64 made = of(loop).add_timer(callback, application, context, interval, interval);
        if (id != nullptr) *id = made;
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    loop_.modifyCyclicCallback = [](UA_EventLoop* loop, UA_UInt64 id, UA_Double interval_ms, UA_DateTime* /*base*/,
                                    UA_TimerPolicy /*policy*/) {
        UaPipe& self = of(loop);
        const auto timer = std::ranges::find(self.timers_, id, &Timer::id);
        if (timer == self.timers_.end()) return UA_StatusCode{UA_STATUSCODE_BADNOTFOUND};
        timer->interval = of_milliseconds(interval_ms);
        timer->due = self.now_ + timer->interval;
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    loop_.removeCyclicCallback = [](UA_EventLoop* loop, UA_UInt64 id) {
        std::erase_if(of(loop).timers_, [&](const Timer& timer) { return timer.id == id; });
    };
    loop_.addTimedCallback = [](UA_EventLoop* loop, UA_Callback callback, void* application, void* context,
                                UA_DateTime date, UA_UInt64* id) {
        const DurationNs left = std::max<DurationNs>(date - UA_DateTime_nowMonotonic(), 0) * 100;
        const UA_UInt64 made = of(loop).add_timer(callback, application, context, 0, left);
        if (id != nullptr) *id = made;
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    loop_.addDelayedCallback = [](UA_EventLoop* loop, UA_DelayedCallback* callback) {
        of(loop).delayed_.push_back(callback);
    };
    loop_.removeDelayedCallback = [](UA_EventLoop* loop, UA_DelayedCallback* callback) {
        std::erase(of(loop).delayed_, callback);
    };
    loop_.registerEventSource = [](UA_EventLoop* /*loop*/, UA_EventSource* /*source*/) {
        return UA_StatusCode{UA_STATUSCODE_BADNOTSUPPORTED};
    };
    loop_.deregisterEventSource = loop_.registerEventSource;
}

void UaPipe::fill_manager() {
    manager_.pipe = this;
    manager_.protocol = UA_STRING_STATIC("tcp");
    manager_.eventSource.name = UA_STRING_STATIC("pipe");
    manager_.eventSource.eventSourceType = UA_EVENTSOURCETYPE_CONNECTIONMANAGER;
    manager_.eventSource.state = UA_EVENTSOURCESTATE_STARTED;
    manager_.eventSource.start = [](UA_EventSource* /*source*/) { return UA_StatusCode{UA_STATUSCODE_GOOD}; };
    manager_.eventSource.stop = [](UA_EventSource* /*source*/) {};
    manager_.eventSource.free = [](UA_EventSource* /*source*/) { return UA_StatusCode{UA_STATUSCODE_GOOD}; };
    manager_.openConnection = [](UA_ConnectionManager* manager, const UA_KeyValueMap* params, void* application,
                                 void* context, UA_ConnectionManager_connectionCallback callback) {
        return of(manager).open(params, application, context, callback);
    };
    manager_.sendWithConnection = [](UA_ConnectionManager* manager, std::uintptr_t id, const UA_KeyValueMap* /*params*/,
                                     UA_ByteString* bytes) {
        const auto connection = of(manager).connections_.find(id);
        const bool open = connection != of(manager).connections_.end() && !connection->second.closing;
        if (open)
            connection->second.out.insert(connection->second.out.end(), bytes->data, bytes->data + bytes->length);
        UA_ByteString_clear(bytes);
        return UA_StatusCode{open ? UA_STATUSCODE_GOOD : UA_STATUSCODE_BADCONNECTIONCLOSED};
    };
    // It is told later, from turn().
    manager_.closeConnection = [](UA_ConnectionManager* manager, std::uintptr_t id) {
        const auto connection = of(manager).connections_.find(id);
        if (connection == of(manager).connections_.end()) return UA_StatusCode{UA_STATUSCODE_BADNOTFOUND};
        connection->second.closing = true;
        return UA_StatusCode{UA_STATUSCODE_GOOD};
    };
    manager_.allocNetworkBuffer = [](UA_ConnectionManager* /*manager*/, std::uintptr_t /*id*/, UA_ByteString* bytes,
                                     std::size_t size) { return UA_ByteString_allocBuffer(bytes, size); };
    manager_.freeNetworkBuffer = [](UA_ConnectionManager* /*manager*/, std::uintptr_t /*id*/, UA_ByteString* bytes) {
        UA_ByteString_clear(bytes);
    };
}

UA_StatusCode UaPipe::open(const UA_KeyValueMap* params, void* application, void* context,
                           UA_ConnectionManager_connectionCallback callback) {
    if (refuses_) return UA_STATUSCODE_BADCONNECTIONREJECTED;
    const Id id = ++last_id_;
    connections_[id] = {application, context, callback, {}, false};
    const void* const listen =
        UA_KeyValueMap_getScalar(params, UA_QUALIFIEDNAME(0, const_cast<char*>("listen")), &UA_TYPES[UA_TYPES_BOOLEAN]);
    (listen != nullptr ? listening_ : dialled_) = id;
    tell(id, listen != nullptr ? UA_CONNECTIONSTATE_ESTABLISHED : UA_CONNECTIONSTATE_OPENING, {});
    return UA_STATUSCODE_GOOD;
}

// The callback may open, close and send; what it does to its own connection is looked at afterwards.
void UaPipe::tell(Id id, UA_ConnectionState state, Bytes bytes) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    Connection& connection = found->second;  // stays where it is until it is told that it is closed
    UA_ByteString message = UA_BYTESTRING_NULL;
    if (!bytes.empty()) message = {bytes.size(), const_cast<UA_Byte*>(bytes.data())};
    connection.callback(&manager_, id, connection.application, &connection.context, state, &UA_KEYVALUEMAP_NULL,
                        message);
}

void UaPipe::stand() {
    standing_ = std::exchange(dialled_, 0);
    tell(standing_, UA_CONNECTIONSTATE_ESTABLISHED, {});
    turn();
}

UaPipe::Id UaPipe::accept() {
    const auto listener = connections_.find(listening_);
    if (listener == connections_.end()) return 0;
    const Id id = ++last_id_;
    connections_[id] = listener->second;
    connections_[id].out.clear();
    tell(id, UA_CONNECTIONSTATE_ESTABLISHED, {});
    turn();
    return id;
}

void UaPipe::feed(Id id, Bytes bytes) {
    const auto connection = connections_.find(id);
    if (connection == connections_.end() || connection->second.closing) return;
    tell(id, UA_CONNECTIONSTATE_ESTABLISHED, bytes);
    turn();
}

Buffer UaPipe::take(Id id) {
    const auto connection = connections_.find(id);
    if (connection != connections_.end()) return std::exchange(connection->second.out, {});
    const auto last = last_words_.extract(id);
    return last.empty() ? Buffer{} : std::move(last.mapped());
}

void UaPipe::cut(Id id) {
    const auto connection = connections_.find(id);
    if (connection == connections_.end()) return;
    connection->second.closing = true;
    turn();
}

UA_UInt64 UaPipe::add_timer(UA_Callback callback, void* application, void* context, DurationNs interval,
                            DurationNs due) {
    timers_.push_back({++last_timer_, callback, application, context, interval, now_ + due});
    return last_timer_;
}

void UaPipe::tick(DurationNs time) {
    now_ += time;
    std::vector<UA_UInt64> due;
    for (const Timer& timer : timers_)
        if (timer.due <= now_) due.push_back(timer.id);
    for (const UA_UInt64 id : due) {
        const auto timer = std::ranges::find(timers_, id, &Timer::id);
        if (timer == timers_.end()) continue;  // removed by one before
        const Timer now = *timer;
        if (now.interval == 0)
            timers_.erase(timer);
        else
            timer->due = now_ + now.interval;
        now.callback(now.application, now.context);
    }
    turn();
}

void UaPipe::turn() {
    for (int turns = 0; turns < kTurnsMax; ++turns) {
        for (UA_DelayedCallback* callback : std::exchange(delayed_, {}))
            callback->callback(callback->application, callback->context);
        const auto closing = std::ranges::find_if(connections_, [](const auto& one) { return one.second.closing; });
        if (closing == connections_.end()) {
            if (delayed_.empty()) return;
            continue;
        }
        const Id id = closing->first;
        // Out of the map first: what it does in answer may open the next one.
        auto last = connections_.extract(closing);
        if (id == standing_) standing_ = 0;
        if (id == dialled_) dialled_ = 0;
        if (id == listening_) listening_ = 0;
        Connection& connection = last.mapped();
        if (!connection.out.empty()) last_words_[id] = std::move(connection.out);
        connection.callback(&manager_, id, connection.application, &connection.context, UA_CONNECTIONSTATE_CLOSING,
                            &UA_KEYVALUEMAP_NULL, UA_BYTESTRING_NULL);
    }
}

}  // namespace gongshu::connect
