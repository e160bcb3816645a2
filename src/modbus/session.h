#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/guarded.h"
#include "modbus/build.h"

namespace gongshu::modbus {

// What the sessions of one server share. Loop only, but for `told`.
struct ServerWorld {
    const ServersDeps& deps;
    const ServersOptions& options;
    BuiltServer built;
    std::unordered_map<std::uint64_t, Value> last_usable;  // by tag, of entries with when_bad last
    Counter &requests, &exceptions;
    std::shared_ptr<Guarded<ServerStatus>> told = std::make_shared<Guarded<ServerStatus>>();
    std::uint64_t rows_out = 0, bytes_out = 0;  // not told to Egress yet
    // What masters wrote and the machine has confirmed, by tag: shown until a reading comes after it. At most kServedEntriesMax.
    struct Written {
        Value value;
        TimeNs time = 0;
        std::optional<TimeNs> reading;  // the newest one's time at that moment
    };
    std::unordered_map<std::uint64_t, Written> written = {};

    Seen look(std::size_t entry);
    void keep_written(const MapEntry& entry, const Value& value);
};

Seen look_at(const ServersDeps& deps, const MapEntry& entry, TimeNs now);

// Session answers one master, request after request; while a write is under way the others wait.
// Lives:   shared by its server and its callbacks. Threads: the loop's. Bounds: ServersOptions.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<ServerWorld> world, std::unique_ptr<io::Stream> stream);

    void start(std::function<void()> on_end);
    void close();
    const std::string& host() const { return host_; }
    // Since the last request, or the beginning; 0 while a write is under way.
    DurationNs idle() const;
    MasterStatus status() const { return status_; }

private:
    struct Job {  // what still has to be written for the request at the head
        std::shared_ptr<const ServedMap> map;  // that `writes` are of: another one may take its place meanwhile
        std::vector<MapWrite> writes;
        std::size_t next = 0;
        Buffer reply;             // when all is done
        std::optional<wire::modbus::Request> then;  // of function 23: read after that
    };
    struct Waiting {
        std::uint16_t transaction = 0;
        std::uint8_t unit = 0;
        Buffer pdu;
        TimeNs arrived = 0;
    };

    void on_frame(const wire::modbus::Frame& frame);
    void work();
    void answer(const Waiting& asked);
    void read(const Waiting& asked, const wire::modbus::Request& request, bool after_write);
    void begin_write(const Waiting& asked, ServedMap::Answer<std::vector<MapWrite>> plan, Job job);
    void go_on_writing(const Waiting& asked, const std::shared_ptr<Job>& job);
    void refuse(const Waiting& asked, wire::modbus::Exception exception, const std::string& why = "");
    void reply(const Waiting& asked, const Buffer& pdu);
    std::uint8_t unit_of(const Waiting& asked) const;

    const std::shared_ptr<ServerWorld> world_;
    std::unique_ptr<io::Stream> stream_;
    const std::string host_;
    wire::modbus::FrameDecoder decoder_;
    std::deque<Waiting> waiting_;
    std::size_t in_a_row_ = 0;  // answered since others had their turn, or before
    bool writing_ = false, posted_ = false, closed_ = false;
    DurationNs heard_ = 0;  // monotonic
    MasterStatus status_;
    std::function<void()> on_end_;
};

}  // namespace gongshu::modbus
