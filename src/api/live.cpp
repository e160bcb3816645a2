#include "api/live.h"

#include "api/handlers.h"
#include "base/log.h"
#include "io/crypto.h"
#include "registry/tag_at.h"
#include "wire/websocket.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kRowsOfMessageMax = 2000;
constexpr std::size_t kSlowBytes = 256 << 10;     // more waiting: values are held back and only the newest is kept
constexpr std::size_t kUnsentBytesMax = 4 << 20;  // more waiting: it is closed, the page asks again
constexpr std::size_t kGlobsMax = 1000;
constexpr std::size_t kStrangersMax = 100'000;
constexpr int kConnectionTicks = 4;   // once a second
constexpr int kPingTicks = 80;        // every 20 s
constexpr int kSilentTicksMax = 240;  // a minute without a sign of the peer
constexpr std::uint64_t kMessageBytesMax = 256 << 10;

struct Wish {
    std::vector<std::string> globs;
    bool alarms = false;
    bool connections = false;
};

Result<Wish> parse_wish(std::string_view text) {
    const Json json = TRY(registry::parse_json(text));
    const Json* const subscribe = json.is_object() ? json.get_object().if_contains("subscribe") : nullptr;
    if (subscribe == nullptr || !subscribe->is_object())
        return Error{Code::invalid, "expected {{\"subscribe\":{{\"tags\":[…],\"alarms\":true,\"connections\":true}}}}"};
    Wish wish;
    for (const auto& member : subscribe->get_object()) {
        const std::string_view name{member.key().data(), member.key().size()};
        const Json& value = member.value();
        if (name == "tags" && value.is_array() && value.get_array().size() <= kGlobsMax) {
            for (const Json& glob : value.get_array()) {
                if (!glob.is_string()) return Error{Code::invalid, "subscribe.tags: expected texts"};
                wish.globs.emplace_back(glob.get_string().data(), glob.get_string().size());
            }
        } else if (name == "alarms" && value.is_bool()) {
            wish.alarms = value.get_bool();
        } else if (name == "connections" && value.is_bool()) {
            wish.connections = value.get_bool();
        } else {
            return Error{Code::invalid,
                         "subscribe.{}: expected tags (at most {} texts), alarms or connections (true or false)",
                         name.substr(0, 40), kGlobsMax};
        }
    }
    return wish;
}

// LiveSession is one WebSocket: it holds what its page asked for and which of that has a value that was not sent yet.
// Only the newest value of a tag is ever sent, so a slow page costs memory for its tags and nothing more.
// Lives:   in the Hub until the peer leaves, is silent or too slow, or loses its rights.
// Threads: the server's loop; matching globs runs on the pool and posts back.
// Bounds:  live_tags_max tags, kUnsentBytesMax waiting bytes.
// Disk:    none.
class LiveSession final : public LongSession, public std::enable_shared_from_this<LiveSession> {
public:
    LiveSession(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask)
        : hub_(hub),
          stream_(std::move(stream)),
          who_(ask.who),
          language_(language_of(ask)),
          decoder_(wire::WsSide::server, kMessageBytesMax) {}

    void begin(Bytes ahead) override {
        stream_->start({.on_data = [this](Bytes bytes) { on_data(bytes); },
                        .on_closed = [this](const Error&) { end(); },
                        .on_drained = {}});
        if (!ahead.empty()) on_data(ahead);
    }

    void close() override { close_with(wire::kWsGoingAway, "the server ends this session"); }
    void lose_rights(const std::string& why) override { close_with(wire::kWsPolicy, why); }
    const registry::Principal& who() const override { return who_; }

    void tick() override {
        ++ticks_;
        if (ticks_ - heard_ > kSilentTicksMax) return end();
        if (stream_->unsent_bytes() > kUnsentBytesMax) return close_with(wire::kWsTryLater, "too slow");
        if (ticks_ % kPingTicks == 0) send_frame(wire::WsOpcode::ping, "");
        if (stale_) match(std::exchange(stale_, false));
        send_values();
        if (wish_.connections && ticks_ % kConnectionTicks == 0) send_connections();
    }

    void on_dirty(const std::unordered_set<std::uint64_t>& dirty, bool all) override {
        if (all) {
            for (const auto& [tag, path] : tags_) note(tag);
            return;
        }
        for (const std::uint64_t tag : dirty) {
            if (tags_.contains(tag) || meet(tag)) note(tag);
        }
    }

    void on_change(const std::shared_ptr<const registry::Change>& change) override {
        if (change->resource.kind == "device" && change->resource.tenant == who_.actor.tenant)
            stale_ = true;  // paths may have changed
    }

    void on_alarm(const std::shared_ptr<const flow::Alarm>& alarm) override {
        if (!wish_.alarms || alarm->tenant != who_.actor.tenant) return;
        if (!sees(who_, alarm->device.empty() ? alarm->tag : alarm->device)) return;
        std::string text;
        JsonWriter out{text};
        out.begin_object().key("type").text("alarm").key("alarm");
        write_alarm(out, seen_part(who_, *alarm), Units{kMillisecond}, language_, false);
        out.end_object();
        send_frame(wire::WsOpcode::text, text);
    }

private:
    using Tags = std::unordered_map<std::uint64_t, std::string>;

    void on_data(Bytes bytes) {
        const auto self = shared_from_this();
        heard_ = ticks_;
        auto fed = decoder_.feed(bytes, [this](wire::WsMessage message) { on_message(std::move(message)); });
        if (!fed && !ended_) close_with(decoder_.error_close_code(), fed.error().text());
    }

    void on_message(wire::WsMessage message) {
        if (ended_) return;
        switch (message.opcode) {
            case wire::WsOpcode::ping:
                return send_frame(wire::WsOpcode::pong, message.payload);
            case wire::WsOpcode::close:
                return close_with(wire::kWsNormal, "");
            case wire::WsOpcode::text:
                return subscribe(message.payload);
            case wire::WsOpcode::binary:
                return close_with(wire::kWsPolicy, "expected text");
            default:
                return;
        }
    }

    void subscribe(std::string_view text) {
        auto wish = parse_wish(text);
        if (!wish) {
            std::string answer;
            JsonWriter{answer}
                .begin_object()
                .key("type")
                .text("error")
                .key("detail")
                .text(told(language_, wish.error().text()))
                .end_object();
            return send_frame(wire::WsOpcode::text, answer);
        }
        if (const auto allowed = let_out(*wish); !allowed)
            return close_with(wire::kWsPolicy, told(language_, allowed.error().text()));
        wish_ = std::move(*wish);
        connections_sent_.clear();
        match(true);
        if (wish_.connections) send_connections();
    }

    // Decided once for what is wished for, not for each value that then comes.
    Result<void> let_out(const Wish& wish) const {
        const auto ask = [this](std::string_view what) {
            return hub_.core->deps.egress.decide(
                {.tenant = who_.actor.tenant, .who = who_.actor.who, .door = "websocket", .what = what});
        };
        for (const std::string& glob : wish.globs) TRY(ask(glob));
        if (wish.alarms) TRY(ask("alarms"));
        if (wish.connections) TRY(ask("connections"));
        return {};
    }

    // Finds the tags of the globs on the pool.
    void match(bool wanted) {
        if (!wanted) return;
        const std::uint64_t number = ++matching_;
        const auto job = [core = hub_.core, loop = &hub_.core->deps.loop, weak = weak_from_this(), hub = hub_.weak(),
                          number, globs = wish_.globs, who = who_] {
            auto found = std::make_shared<Tags>();
            const std::size_t tags_max = core->options.live_tags_max;
            const auto add = [&](const TagInfo& info) {
                if (found->size() < tags_max && sees(who, info.path)) found->emplace(info.id.value, info.path);
            };
            for (const std::string& glob : globs) {
                // An alias, or an address of before.
                if (!is_glob(glob)) {
                    const auto info = registry::tag_at(core->deps.registry, core->deps.tags, who.actor.tenant, glob);
                    if (info) add(*info);
                    continue;
                }
                for (const TagInfo& info : core->deps.tags.match(who.actor.tenant, glob, tags_max + 1)) add(info);
            }
            loop->post([weak, hub, number, found, tenant = who.actor.tenant] {
                if (const auto alive = hub.lock()) alive->end_job(tenant);
                const auto self = weak.lock();
                if (self && !self->ended_ && self->matching_ == number) self->on_matched(std::move(*found));
            });
        };
        if (const auto started = hub_.start_job(who_.actor.tenant, job); !started) {
            log_debug("api", "live: {}", started.error().text());
            stale_ = true;  // again at the next tick
        }
    }

    void on_matched(Tags tags) {
        tags_ = std::move(tags);
        strangers_.clear();
        pending_.clear();
        for (const auto& [tag, path] : tags_) pending_.insert(tag);
        if (pending_.empty()) return send_frame(wire::WsOpcode::text, R"({"type":"last","rows":[]})");
        send_values();
    }

    // A tag that was not there when the globs were matched.
    bool meet(std::uint64_t tag) {
        if (wish_.globs.empty() || strangers_.contains(tag)) return false;
        const TagInfo* const info = hub_.tag_info(TagId{tag});
        const bool mine = info != nullptr && info->key.tenant == who_.actor.tenant && sees(who_, info->path) &&
                          tags_.size() < hub_.core->options.live_tags_max &&
                          std::any_of(
                              wish_.globs.begin(), wish_.globs.end(),
                              [&](const std::string& glob) { return glob_matches(glob, info->path); });
        if (mine) return tags_.emplace(tag, info->path).second;
        if (strangers_.size() >= kStrangersMax) strangers_.clear();
        strangers_.insert(tag);
        return false;
    }

    void note(std::uint64_t tag) {
        if (!pending_.insert(tag).second && stream_->unsent_bytes() > kSlowBytes) superseded_.insert(tag);
    }

    void send_values() {
        if (pending_.empty() || stream_->unsent_bytes() > kSlowBytes) return;
        if (!superseded_.empty()) {
            send_frame(wire::WsOpcode::text, fmt::format(R"({{"type":"dropped","tags":{}}})", superseded_.size()));
            superseded_.clear();
        }
        std::string text;
        JsonWriter out{text};
        out.begin_object().key("type").text("last").key("rows").begin_array();
        std::size_t rows = 0;
        for (auto tag = pending_.begin(); tag != pending_.end() && rows < kRowsOfMessageMax;
             tag = pending_.erase(tag)) {
            const auto path = tags_.find(*tag);
            if (path == tags_.end()) continue;
            // It may have moved away from what is seen while the globs are matched anew.
            if (!who_.paths.empty()) {
                const auto info = hub_.core->deps.tags.info(TagId{*tag});
                if (!info || !sees(who_, info->path)) continue;
            }
            const auto last = hub_.core->deps.reader.last(TagId{*tag});
            if (!last) continue;
            ++rows;
            out.begin_array().text(path->second).integer(Units{kMillisecond}.time(last->time));
            write_value(out, last->value);
            out.text(to_string(last->quality)).end_array();
        }
        out.end_array().end_object();
        if (rows == 0) return;
        hub_.core->deps.egress.left(who_.actor.tenant, "websocket", rows, text.size());
        send_frame(wire::WsOpcode::text, text);
    }

    void send_connections() {
        const std::string items = who_.paths.empty() ? hub_.connections_json(who_.actor.tenant, language_) : seen_connections();
        if (items == connections_sent_) return;
        connections_sent_ = items;
        send_frame(wire::WsOpcode::text, fmt::format(R"({{"type":"connections","items":{}}})", items));
    }

    std::string seen_connections() const {
        std::string json;
        JsonWriter out{json};
        write_connections(out, connections_of(*hub_.core, who_), Units{kMillisecond}, language_);
        return json;
    }

    void send_frame(wire::WsOpcode opcode, std::string_view payload) {
        if (ended_) return;
        std::string frame;
        wire::write_frame(frame, opcode, payload);
        stream_->send(as_bytes(frame));
    }

    void close_with(std::uint16_t code, std::string_view reason) {
        if (ended_) return;
        send_frame(wire::WsOpcode::close, wire::close_payload(code, reason));
        end();
    }

    void end() {
        if (std::exchange(ended_, true)) return;
        stream_->close();
        hub_.remove(this);
    }

    // Constant.
    Hub& hub_;
    const std::unique_ptr<io::Stream> stream_;
    const registry::Principal who_;
    const std::string language_;
    // What was asked for.
    wire::WsDecoder decoder_;
    Wish wish_;
    Tags tags_;
    std::unordered_set<std::uint64_t> strangers_;  // tags that were looked at and are not asked for
    std::uint64_t matching_ = 0;
    bool stale_ = false;
    // What is to be sent.
    std::unordered_set<std::uint64_t> pending_;
    std::unordered_set<std::uint64_t> superseded_;  // had a value that was never sent
    std::string connections_sent_;
    int ticks_ = 0;
    int heard_ = 0;
    bool ended_ = false;
};

}  // namespace

Result<std::string> live_opening(const wire::HttpRequest& request) {
    const std::string key = TRY(wire::check_ws_handshake(request));
    const auto accept = io::sha1(as_bytes(wire::ws_accept_input(key)));
    wire::HttpResponse response;
    response.status = 101;
    response.headers = {
        {"upgrade", "websocket"}, {"connection", "Upgrade"}, {"sec-websocket-accept", io::base64(accept)}};
    std::string head;
    wire::write_response_head(head, response, {}, std::nullopt);
    return head;
}

std::shared_ptr<LongSession> make_live_session(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask) {
    return std::make_shared<LiveSession>(hub, std::move(stream), ask);
}

}  // namespace gongshu::api
