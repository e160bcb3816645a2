#include "edge/forwarder.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/log.h"
#include "base/rng.h"
#include "edge/forward_body.h"
#include "registry/json.h"
#include "wire/http.h"

namespace gongshu::edge {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 1 << 20;
constexpr DurationNs kStopMax = 2 * kSecond;
constexpr std::string_view kDoor = "forward";  // of Egress

// What is kept from one run to the next.
struct Noted {
    history::LogPosition at;
    std::uint64_t sent = 0, refused = 0, lost = 0;
};

// A piece of the log on its way.
struct Load {
    std::vector<ForwardBody> bodies;
    history::LogPosition next;
    std::uint64_t left_bytes = 0;
};

std::uint64_t member(const JsonObject& object, std::string_view name) {
    const Json* value = object.if_contains(name);
    if (value != nullptr && value->is_uint64()) return value->get_uint64();
    return value != nullptr && value->is_int64()
               ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, value->get_int64()))
               : 0;
}

// What the platform said of a request that it did not take as a whole.
struct Answer {
    std::string detail;
    std::optional<std::uint64_t> written;
};
Answer read_answer(const wire::HttpResponse& response) {
    Answer answer{response.body.substr(0, 300), std::nullopt};
    const auto json = registry::parse_json(response.body);
    if (!json || !json->is_object()) return answer;
    const auto& object = json->as_object();
    if (const Json* detail = object.if_contains("detail"); detail != nullptr && detail->is_string())
        answer.detail = std::string(std::string_view(detail->as_string()));
    if (object.contains("written")) answer.written = member(object, "written");
    return answer;
}

class Impl final : public Forwarder, public std::enable_shared_from_this<Impl> {
public:
    Impl(const ForwarderDeps& deps, ForwarderOptions options, connect::HttpUrl url)
        : deps_(deps),
          options_(std::move(options)),
          url_(std::move(url)),
          rng_(static_cast<std::uint64_t>(deps.clock.now())),
          sent_counter_(deps.metrics.counter("gongshu_forward_readings_total", "Readings that the platform has")),
          refused_counter_(
              deps.metrics.counter("gongshu_forward_refused_total", "Readings that the platform will never take")),
          lost_counter_(deps.metrics.counter("gongshu_forward_lost_total",
                                             "Readings that were dropped before they could be sent")),
          behind_gauge_(deps.metrics.gauge("gongshu_forward_behind_bytes", "Bytes of the log that wait to be sent")),
          up_gauge_(deps.metrics.gauge("gongshu_forward_up", "Whether the last request to the platform went well")) {
        status_.platform = options_.platform;
        status_.under = options_.under;
        status_.since = deps_.clock.now();
    }

    Result<void> open() { return read_noted(); }

    void start() override {
        deps_.loop.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->look();
        });
    }

    void stop() override {
        std::unique_lock lock{mutex_};
        if (std::exchange(stopped_, true)) return;
        settled_.wait_for(lock, std::chrono::nanoseconds{kStopMax}, [&] { return !busy_; });
        lock.unlock();
        if (const auto saved = save(); !saved) log_warning("edge", "{}", saved.error().text());
    }

    // Begins nothing any more.
    void close() {
        const std::lock_guard lock{mutex_};
        stopped_ = true;
    }

    ForwardStatus status() const override {
        const std::lock_guard lock{mutex_};
        return status_;
    }

private:
    Result<void> read_noted();
    Result<void> save();
    void look();
    void look_on_pool();
    Result<Load> next_load();
    void take_losses();
    void send();
    void send_body(const ForwardBody& body);
    void answered(Result<wire::HttpResponse> response, TimeNs asked);
    void body_done(std::uint64_t refused, const std::string& why);
    void all_done();
    void fail(const std::string& why, DurationNs at_least = 0);
    void later(DurationNs delay, void (Impl::*what)());
    // False once it was stopped; then nobody may begin anything.
    bool begin();
    void end();
    void set_state(ForwardState state, std::string problem = {}, TimeNs next_try = 0);

    const ForwarderDeps deps_;
    const ForwarderOptions options_;
    const connect::HttpUrl url_;
    Rng rng_;  // on the loop
    Counter &sent_counter_, &refused_counter_, &lost_counter_;
    Gauge &behind_gauge_, &up_gauge_;

    // On the loop, and on the pool while it is busy there.
    Load load_;
    std::size_t body_ = 0;    // of load_ that is to be sent
    int failures_ = 0;        // in a row
    bool has_taken_ = false;  // something, since the start
    DurationNs saved_at_ = 0;
    bool unsaved_ = false;
    bool has_released_ = false;

    mutable std::mutex mutex_;
    std::condition_variable settled_;
    Noted noted_;
    ForwardStatus status_;
    bool stopped_ = false, busy_ = false;
};

Result<void> Impl::read_noted() {
    if (!TRY(deps_.files.exists(options_.file))) return {};
    const auto bytes = TRY(io::read_whole(deps_.files, options_.file, 1 << 16));
    const auto json = registry::parse_json(as_text(bytes));
    const auto* object = json ? json->if_object() : nullptr;
    if (object == nullptr || !object->contains("group")) {
        log_error("edge", "{} is damaged: all that the log still has is sent again", options_.file);
        return {};
    }
    const Json* platform = object->if_contains("platform");
    if (platform == nullptr || !platform->is_string() || std::string_view(platform->as_string()) != options_.platform) {
        log_warning("edge", "what the log still has is sent to {}, which is another platform than before",
                    options_.platform);
        return {};
    }
    noted_.at.group = member(*object, "group");
    noted_.at.crc = static_cast<std::uint32_t>(member(*object, "crc"));
    noted_.sent = member(*object, "sent");
    noted_.refused = member(*object, "refused");
    noted_.lost = member(*object, "lost");
    status_.sent = noted_.sent;
    status_.refused = noted_.refused;
    status_.lost = noted_.lost;
    return {};
}

Result<void> Impl::save() {
    Noted noted;
    {
        const std::lock_guard lock{mutex_};
        noted = noted_;
    }
    std::string text;
    JsonWriter out{text};
    out.begin_object().key("platform").text(options_.platform);
    out.key("group").integer(static_cast<std::int64_t>(noted.at.group)).key("crc").integer(noted.at.crc);
    out.key("sent").integer(static_cast<std::int64_t>(noted.sent));
    out.key("refused").integer(static_cast<std::int64_t>(noted.refused));
    out.key("lost").integer(static_cast<std::int64_t>(noted.lost)).end_object();
    text += '\n';
    TRY(io::write_whole(deps_.files, options_.file, as_bytes(text)));
    deps_.history.release_log(noted.at.group);
    return {};
}

bool Impl::begin() {
    const std::lock_guard lock{mutex_};
    if (stopped_) return false;
    busy_ = true;
    return true;
}

void Impl::end() {
    const std::lock_guard lock{mutex_};
    busy_ = false;
    settled_.notify_all();
}

void Impl::set_state(ForwardState state, std::string problem, TimeNs next_try) {
    const std::lock_guard lock{mutex_};
    if (status_.state != state) status_.since = deps_.clock.now();
    status_.state = state;
    status_.problem = std::move(problem);
    status_.next_try = next_try;
}

void Impl::later(DurationNs delay, void (Impl::*what)()) {
    deps_.loop.after(delay, [weak = weak_from_this(), what] {
        if (const auto self = weak.lock()) (self.get()->*what)();
    });
}

void Impl::look() {
    if (!begin()) return;
    const bool taken = deps_.pool.submit([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->look_on_pool();
    });
    if (taken) return;
    end();
    later(options_.every, &Impl::look);
}

void Impl::look_on_pool() {
    take_losses();
    if (unsaved_ && deps_.clock.monotonic() - saved_at_ >= options_.save_every) {
        const auto saved = save();
        if (!saved) log_warning("edge", "{}", saved.error().text());
        unsaved_ = !saved;
        saved_at_ = deps_.clock.monotonic();
    }
    auto load = std::make_shared<Result<Load>>(next_load());
    deps_.loop.post([weak = weak_from_this(), load] {
        const auto self = weak.lock();
        if (!self) return;
        self->end();
        if (!*load) {
            self->fail(load->error().text());
            return;
        }
        self->load_ = std::move(**load);
        self->body_ = 0;
        self->send();
    });
}

void Impl::take_losses() {
    const history::LogLoss loss = deps_.history.take_log_loss();
    if (loss.readings == 0 && loss.files == 0) return;
    lost_counter_.add(loss.readings);
    unsaved_ = true;
    const std::lock_guard lock{mutex_};
    noted_.lost += loss.readings;
    status_.lost = noted_.lost;
    status_.lessened_at = deps_.clock.now();
}

Result<Load> Impl::next_load() {
    history::LogPosition at;
    {
        const std::lock_guard lock{mutex_};
        at = noted_.at;
    }
    auto read = deps_.history.read_log(at, options_.piece_bytes);
    if (!read && read.error().code() == Code::conflict) {
        log_warning("edge",
                    "the readings here are not those that were sent on before ({}): all that the log has is sent",
                    read.error().text());
        read = deps_.history.read_log({}, options_.piece_bytes);
    }
    const history::LogPiece piece = TRY(std::move(read));
    // What the platform had before the start. Not before it is known that the position is of this log.
    if (!std::exchange(has_released_, true)) deps_.history.release_log(std::min(at.group, piece.begin));
    Load load;
    load.next = piece.next;
    load.left_bytes = piece.left_bytes;
    const auto path_of = [this](TagId tag) -> std::string {
        const auto info = deps_.history.info(tag);
        if (!info || info->key.tenant != options_.tenant) return {};
        return options_.under.empty() ? info->path : options_.under + "/" + info->path;
    };
    load.bodies = forward_bodies(piece.rows, path_of, options_.body_readings);
    {
        const std::lock_guard lock{mutex_};
        status_.behind_bytes = load.left_bytes + (load.bodies.empty() ? 0 : piece.bytes);
        behind_gauge_.set(static_cast<double>(status_.behind_bytes));
    }
    return load;
}

void Impl::send() {
    if (body_ >= load_.bodies.size()) return all_done();
    if (!begin()) return;
    if (failures_ == 0) set_state(ForwardState::sending);
    send_body(load_.bodies[body_]);
}

void Impl::send_body(const ForwardBody& body) {
    const auto allowed = deps_.egress.decide({.tenant = options_.tenant,
                                              .who = "edge",
                                              .door = kDoor,
                                              .what = "**",
                                              .purpose = options_.platform,
                                              .bytes = body.bytes.size(),
                                              .rows = body.readings});
    if (!allowed) {
        end();
        return fail(allowed.error().text(), options_.again_max);
    }
    wire::HttpRequest request;
    request.method = wire::HttpMethod::post;
    request.target = "/api/v1/write/batch";
    request.headers.push_back({"content-type", "application/octet-stream"});
    request.headers.push_back({"authorization", "Bearer " + options_.token});
    request.body = body.bytes;
    connect::HttpCall call;
    call.tenant = options_.tenant;
    call.address = url_.address;
    call.tls = options_.tls;
    call.timeout = options_.call_max;
    call.body_bytes_max = kAnswerBytesMax;
    call.cut_body = true;
    wire::write_request(call.request, request, url_.host);
    connect::http_call(deps_.loop, std::move(call),
                       [weak = weak_from_this(), asked = deps_.clock.monotonic()](Result<wire::HttpResponse> response) {
                           if (const auto self = weak.lock()) self->answered(std::move(response), asked);
                       });
}

void Impl::answered(Result<wire::HttpResponse> response, TimeNs asked) {
    end();
    if (!response) return fail(response.error().text());
    {
        const std::lock_guard lock{mutex_};
        status_.round_trip = deps_.clock.monotonic() - asked;
    }
    if (response->status >= 200 && response->status < 300) return body_done(0, {});
    const Answer answer = read_answer(*response);
    const std::uint64_t readings = load_.bodies[body_].readings;
    // Some of it was stored, and of the rest the platform will never take anything. Where it has taken nothing at all
    // yet, not the readings are wrong but the way they are sent, such as a token that may not write there.
    if (response->status == 400 && answer.written && (*answer.written > 0 || has_taken_))
        return body_done(readings - std::min(readings, *answer.written), answer.detail);
    const bool is_final = response->status == 400 || response->status == 401 || response->status == 403 ||
                          response->status == 404 || response->status == 413;
    fail(fmt::format("the platform says {}: {}", response->status, answer.detail), is_final ? options_.again_max : 0);
}

void Impl::body_done(std::uint64_t refused, const std::string& why) {
    const ForwardBody& body = load_.bodies[body_];
    sent_counter_.add(body.readings - refused);
    refused_counter_.add(refused);
    deps_.egress.left(options_.tenant, kDoor, body.readings - refused, body.bytes.size());
    if (failures_ > 0) log_info("edge", "{} takes readings again", options_.platform);
    failures_ = 0;
    has_taken_ = true;
    up_gauge_.set(1);
    if (refused > 0) log_warning("edge", "the platform refuses {} readings for good: {}", refused, why);
    {
        const std::lock_guard lock{mutex_};
        noted_.sent += body.readings - refused;
        noted_.refused += refused;
        status_.sent = noted_.sent;
        status_.refused = noted_.refused;
        if (refused > 0) status_.refusal = why;
        if (refused > 0) status_.lessened_at = deps_.clock.now();
        status_.sent_at = deps_.clock.now();
        status_.newest = body.newest;
    }
    unsaved_ = true;
    ++body_;
    send();
}

void Impl::all_done() {
    const bool any = !load_.bodies.empty();
    {
        const std::lock_guard lock{mutex_};
        unsaved_ = unsaved_ || noted_.at.group != load_.next.group;
        noted_.at = load_.next;
        if (load_.left_bytes == 0) status_.behind_bytes = 0;
    }
    if (load_.left_bytes == 0) behind_gauge_.set(0);
    const bool more = load_.left_bytes > 0;
    load_ = {};
    body_ = 0;
    if (!any) failures_ = 0;  // it was the log that could not be read, and now it can
    if (!more) set_state(ForwardState::idle);
    later(more ? 0 : options_.every, &Impl::look);
}

// What was read stays and is sent again.
void Impl::fail(const std::string& why, DurationNs at_least) {
    if (failures_ == 0) log_warning("edge", "{} takes no readings: {}", options_.platform, why);
    up_gauge_.set(0);
    const int doublings = std::min(failures_++, 20);
    const DurationNs step = std::max(at_least, std::min(options_.again_max, options_.again_min << doublings));
    const auto pause = static_cast<DurationNs>(static_cast<double>(step) * (0.5 + rng_.uniform() / 2));
    set_state(ForwardState::waiting, why, deps_.clock.now() + pause);
    later(pause, load_.bodies.empty() ? &Impl::look : &Impl::send);
}

}  // namespace

std::string_view to_string(ForwardState state) {
    switch (state) {
        case ForwardState::idle:
            return "idle";
        case ForwardState::sending:
            return "sending";
        case ForwardState::waiting:
            return "waiting";
    }
    return "";
}

Result<std::unique_ptr<Forwarder>> Forwarder::create(const ForwarderDeps& deps, ForwarderOptions options) {
    const connect::HttpUrl url = TRY(connect::parse_http_url(options.platform));
    if (url.target != "/")
        return Error{Code::invalid, "{}: the address of a platform ends behind its port; leave \"{}\" away",
                     options.platform, url.target};
    // The handle that the program holds; what was posted holds the other half.
    class Handle final : public Forwarder {
    public:
        explicit Handle(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
        ~Handle() override { impl_->close(); }
        void start() override { impl_->start(); }
        void stop() override { impl_->stop(); }
        ForwardStatus status() const override { return impl_->status(); }

    private:
        const std::shared_ptr<Impl> impl_;
    };
    auto impl = std::make_shared<Impl>(deps, std::move(options), url);
    TRY(impl->open());
    return std::unique_ptr<Forwarder>(std::make_unique<Handle>(std::move(impl)));
}

}  // namespace gongshu::edge
