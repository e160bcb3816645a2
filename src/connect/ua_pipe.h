#pragma once

#include <open62541/plugin/eventloop.h>

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace gongshu::connect {

// UaPipe is the world that open62541 runs in here: an event loop whose time is told and a network that is bytes in and
// bytes out, so that the library opens no socket, waits for nothing and has no thread. Who uses it has the sockets: no
// address that a server names is ever connected to.
// Lives:   longer than the client or server that is given loop(). Threads: one.
// Bounds:  what the library writes between two take().
class UaPipe {
public:
    using Id = std::uintptr_t;

    UaPipe();
    ~UaPipe();
    UaPipe(const UaPipe&) = delete;

    UA_EventLoop* loop() { return &loop_; }

    // ---- of a client: its connection, which is 0 while there is none ----
    Id dialled() const { return dialled_; }  // it asked for one, which does not stand yet
    Id standing() const { return standing_; }
    // It stands now.
    void stand();
    // From now on none is opened any more.
    void refuse() { refuses_ = true; }

    // ---- of a server ----
    Id accept();

    void feed(Id id, Bytes bytes);
    Buffer take(Id id);  // also what it said last before it closed
    // The other end is gone.
    void cut(Id id);
    // The library has closed it, or never had it.
    bool gone(Id id) const { return !connections_.contains(id); }

    // So much time went by.
    void tick(DurationNs time);
    // What the library has put off.
    void turn();

private:
    struct Connection {
        void* application = nullptr;
        void* context = nullptr;
        UA_ConnectionManager_connectionCallback callback = nullptr;
        Buffer out;
        bool closing = false;
    };
    struct Timer {
        UA_UInt64 id = 0;
        UA_Callback callback = nullptr;
        void* application = nullptr;
        void* context = nullptr;
        DurationNs interval = 0;  // 0 = once
        DurationNs due = 0;
    };
    struct Manager : UA_ConnectionManager {
        UaPipe* pipe = nullptr;
    };
    struct Loop : UA_EventLoop {
        UaPipe* pipe = nullptr;
    };

    static UaPipe& of(UA_EventLoop* loop) { return *static_cast<Loop*>(loop)->pipe; }
    static UaPipe& of(UA_ConnectionManager* manager) { return *static_cast<Manager*>(manager)->pipe; }
    static void set_state(UA_EventLoop* loop, UA_EventLoopState state);

    void fill_loop();
    void fill_manager();
    UA_StatusCode open(const UA_KeyValueMap* params, void* application, void* context,
                       UA_ConnectionManager_connectionCallback callback);
    void tell(Id id, UA_ConnectionState state, Bytes bytes);
    UA_UInt64 add_timer(UA_Callback callback, void* application, void* context, DurationNs interval, DurationNs due);

    Loop loop_;
    Manager manager_;
    std::map<Id, Connection> connections_;
    std::map<Id, Buffer> last_words_;  // of connections that are gone
    std::vector<Timer> timers_;
    std::vector<UA_DelayedCallback*> delayed_;
    Id last_id_ = 0, dialled_ = 0, standing_ = 0, listening_ = 0;
    UA_UInt64 last_timer_ = 0;
    DurationNs now_ = 0;
    bool refuses_ = false;
};

}  // namespace gongshu::connect
