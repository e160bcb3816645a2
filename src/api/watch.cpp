#include "api/watch.h"

#include "api/handlers.h"
#include "api/sight.h"
#include "api/static_files.h"

namespace gongshu::api {

namespace {

constexpr int kHeartbeatTicks = 60;  // 15 s
constexpr std::size_t kUnsentBytesMax = 1 << 20;

// WatchSession is one open stream of server-sent events.
// Lives:   in the Hub until the peer leaves, is too slow, or loses its rights.
// Threads: the server's loop.   Bounds: kUnsentBytesMax, then it is closed.   Disk: none.
class WatchSession final : public LongSession {
public:
    WatchSession(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask)
        : hub_(hub), stream_(std::move(stream)), who_(ask.who), kind_(*hub.core->deps.registry.kind(ask.names.at(0))) {
        if (const auto units = parse_units(ask)) units_ = *units;
    }

    void begin(Bytes) override {
        stream_->start({.on_data = [](Bytes) {}, .on_closed = [this](const Error&) { close(); }, .on_drained = {}});
    }

    void close() override {
        stream_->close();
        hub_.remove(this);
    }

    void tick() override {
        if (++ticks_ % kHeartbeatTicks == 0) send(":\n\n");
    }

    void on_change(const std::shared_ptr<const registry::Change>& change) override {
        const registry::Resource& resource = change->resource;
        if (resource.kind != kind_.name || change->what == registry::Change::What::unchanged) return;
        if (!kind_.of_system && resource.tenant != who_.actor.tenant) return;
        if (!Sight(*hub_.core, who_).sees(resource)) return;
        std::string data;
        JsonWriter out{data};
        const bool created = change->what == registry::Change::What::created;
        const bool deleted = change->what == registry::Change::What::deleted;
        out.begin_object().key("what").text(created ? "created" : deleted ? "deleted" : "updated").key("resource");
        write_resource(out, resource, units_);
        out.end_object();
        send(fmt::format("event: change\ndata: {}\n\n", data));
    }

    const registry::Principal& who() const override { return who_; }

private:
    void send(std::string_view text) {
        if (stream_->unsent_bytes() > kUnsentBytesMax) return close();
        stream_->send(as_bytes(text));
    }

    Hub& hub_;
    std::unique_ptr<io::Stream> stream_;
    const registry::Principal who_;
    const registry::Kind& kind_;
    Units units_;
    int ticks_ = 0;
};

}  // namespace

std::string watch_opening(Core& core) {
    wire::HttpResponse response;
    response.headers = {{"content-type", "text/event-stream"}, {"cache-control", "no-store"}};
    add_security_headers(response.headers);
    std::string head;
    wire::write_response_head(head, response, {.keep_alive = false, .now = core.clock().now()}, std::nullopt);
    return head + "retry: 3000\n\n";
}

std::shared_ptr<LongSession> make_watch_session(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask) {
    return std::make_shared<WatchSession>(hub, std::move(stream), ask);
}

}  // namespace gongshu::api
