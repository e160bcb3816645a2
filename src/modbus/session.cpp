#include "modbus/session.h"

#include "connect/audited_write.h"
#include "io/crypto.h"

namespace gongshu::modbus {

using namespace wire::modbus;

namespace {

constexpr const char* kWritesOff = "writes are off for this server: an administrator can set writes_enabled";

// No value there to be had, or one that is bad by itself?
Exception exception_of(Reason reason) {
    switch (reason) {
        case Reason::refused:
        case Reason::config:
        case Reason::type:
        case Reason::range:
        case Reason::sensor:
        case Reason::computed:
            return Exception::device_failure;
        default:
            return Exception::gateway_target;
    }
}

Exception exception_of(Code code) {
    switch (code) {
        case Code::invalid:
            return Exception::illegal_value;
        case Code::denied:
        case Code::not_found:
            return Exception::illegal_address;
        case Code::limit:
            return Exception::busy;
        case Code::timeout:
        case Code::unavailable:
            return Exception::gateway_target;
        default:
            return Exception::device_failure;
    }
}

}  // namespace

Seen look_at(const ServersDeps& deps, const MapEntry& entry, TimeNs now) {
    Seen seen;
    if (!entry.tag || !entry.refusal.empty()) return seen;
    auto reading = deps.reader.last(*entry.tag);
    if (!reading) return seen;
    const bool is_stale = entry.stale_after != 0 && now - reading->time > entry.stale_after;
    seen.usable = reading->quality.usable() && !is_stale;
    if (!reading->quality.usable()) seen.why = exception_of(reading->quality.reason);
    seen.value = std::move(reading->value);
    return seen;
}

Seen ServerWorld::look(std::size_t entry) {
    const MapEntry& of = built.map->entries()[entry];
    const TimeNs now = deps.loop.clock().now();
    Seen seen = look_at(deps, of, now);
    if (const auto own = of.tag ? written.find(of.tag->value) : written.end(); own != written.end()) {
        const auto reading = deps.reader.last(*of.tag);
        // Not by which time is later: that of a reading may be of the machine's own clock.
        if ((reading ? std::optional{reading->time} : std::nullopt) != own->second.reading)
            written.erase(own);
        else if (of.refusal.empty() && (of.stale_after == 0 || now - own->second.time <= of.stale_after))
            seen = {.usable = true, .value = own->second.value, .last = {}};
    }
    if (of.when_bad != registry::WhenBad::last || !of.tag) return seen;
    if (seen.usable) last_usable[of.tag->value] = seen.value;
    if (const auto known = last_usable.find(of.tag->value); known != last_usable.end()) seen.last = known->second;
    return seen;
}

void ServerWorld::keep_written(const MapEntry& entry, const Value& value) {
    if (!entry.tag) return;
    if (written.size() >= registry::kServedEntriesMax) written.clear();
    const auto reading = deps.reader.last(*entry.tag);
    written[entry.tag->value] = {value, deps.loop.clock().now(), reading ? std::optional{reading->time} : std::nullopt};
}

Session::Session(std::shared_ptr<ServerWorld> world, std::unique_ptr<io::Stream> stream)
    : world_(std::move(world)), stream_(std::move(stream)), host_(stream_->peer().host) {
    heard_ = world_->deps.loop.clock().monotonic();
    status_.address = io::to_string(stream_->peer());
    status_.since = world_->deps.loop.clock().now();
}

void Session::start(std::function<void()> on_end) {
    on_end_ = std::move(on_end);
    stream_->set_send_bytes_max(256 << 10);
    io::Stream::Events events;
    events.on_data = [weak = weak_from_this()](Bytes bytes) {
        const auto self = weak.lock();
        if (!self || self->closed_) return;
        const auto fed = self->decoder_.feed(bytes, [&](const Frame& frame) { return self->on_frame(frame), !self->closed_; });
        if (!fed) {
            auto told = self->world_->told->lock();
            told->last_error = fed.error().text();
            told->last_error_at = self->world_->deps.loop.clock().now();
        }
        if (!fed) self->close();
    };
    events.on_closed = [weak = weak_from_this()](const Error&) {
        if (const auto self = weak.lock()) self->close();
    };
    stream_->start(std::move(events));
}

void Session::close() {
    if (std::exchange(closed_, true)) return;
    stream_->close();
    // Its stream may be what is calling.
    world_->deps.loop.post([end = std::exchange(on_end_, nullptr), self = shared_from_this()] {
        if (end) end();
    });
}

void Session::on_frame(const Frame& frame) {
    heard_ = world_->deps.loop.clock().monotonic();
    status_.last_request = world_->deps.loop.clock().now();
    Waiting asked{frame.transaction, frame.unit, Buffer(frame.pdu.begin(), frame.pdu.end()), status_.last_request};
    if (waiting_.size() >= world_->options.requests_waiting_max) {
        refuse(asked, Exception::busy, "more requests at once than are taken");
        return;
    }
    waiting_.push_back(std::move(asked));
    work();
}

void Session::work() {
    if (posted_) return;
    while (!waiting_.empty() && !writing_ && !closed_) {
        if (in_a_row_ == world_->options.requests_per_turn) {
            posted_ = true;
            world_->deps.loop.post([weak = weak_from_this()] {
                const auto self = weak.lock();
                if (!self) return;
                self->posted_ = false;
                self->in_a_row_ = 0;
                self->work();
            });
            return;
        }
        ++in_a_row_;
        const Waiting asked = std::move(waiting_.front());
        waiting_.pop_front();
        answer(asked);
    }
}

DurationNs Session::idle() const { return writing_ ? 0 : world_->deps.loop.clock().monotonic() - heard_; }

std::uint8_t Session::unit_of(const Waiting& asked) const {
    return asked.unit == 0 || asked.unit == 255 ? world_->built.spec.unit : asked.unit;
}

void Session::answer(const Waiting& asked) {
    const auto& map = *world_->built.map;
    const std::uint8_t unit = unit_of(asked);
    if (unit != world_->built.spec.unit && !map.has_unit(unit))
        return refuse(asked, Exception::gateway_target, fmt::format("there is no unit {}", unit));
    const auto what = decode_asked(asked.pdu);
    if (!what) return refuse(asked, what.error());
    const auto look = [this](std::size_t entry) { return world_->look(entry); };
    if (const auto* request = std::get_if<Request>(&*what)) {
        if (is_read(request->function)) return read(asked, *request, false);
        Reply echo{request->function, {}, request->address, request->count, request->bits, request->registers};
        Job job;
        job.reply = wire::modbus::encode_reply_pdu(echo);
        return begin_write(asked, map.plan_write(unit, *request), std::move(job));
    }
    if (const auto* mask = std::get_if<MaskWrite>(&*what)) {
        Job job;
        job.reply = wire::modbus::encode_reply_pdu(*mask);
        return begin_write(asked, map.plan_mask(unit, *mask, look), std::move(job));
    }
    if (const auto* both = std::get_if<ReadWrite>(&*what)) {
        Job job;
        job.then = both->read;
        // What cannot be read is told before anything is written.
        if (const auto now = map.read(unit, both->read, look); !now) return refuse(asked, now.error());
        return begin_write(asked, map.plan_write(unit, both->write), std::move(job));
    }
    const Identity identity{{0, "Gongshu"}, {1, "gongshu"}, {2, world_->deps.version}, {4, "Gongshu industrial platform"},
                            {5, world_->built.name}, {6, world_->built.title}};
    const auto told = encode_identity_pdu(identity, std::get<AskIdentity>(*what));
    if (!told) return refuse(asked, told.error());
    reply(asked, *told);
}

void Session::read(const Waiting& asked, const Request& request, bool after_write) {
    const auto shown =
        world_->built.map->read(unit_of(asked), request, [this](std::size_t entry) { return world_->look(entry); });
    if (!shown) return refuse(asked, shown.error());
    world_->rows_out += request.count;
    reply(asked, after_write ? encode_read_write_reply_pdu(shown->registers) : wire::modbus::encode_reply_pdu(*shown));
}

void Session::begin_write(const Waiting& asked, ServedMap::Answer<std::vector<MapWrite>> plan, Job job) {
    if (!world_->built.spec.writes_enabled)
        return refuse(asked, Exception::illegal_function, kWritesOff);
    if (!plan) return refuse(asked, plan.error());
    for (const MapWrite& write : *plan) {
        if (write.fault.empty()) continue;
        // Who wanted too much is in the audit as well.
        const MapEntry& entry = world_->built.map->entries()[write.entry];
        Command command{.id = io::random_token(), .tenant = world_->built.tenant, .device = entry.device, .property = entry.property,
                        .value = write.value, .who = "modbus_server:" + world_->built.name, .reason = "Modbus master " + host_};
        const registry::Actor actor{world_->built.tenant, world_->built.tenant_name, command.who, registry::Role::operator_, host_};
        std::ignore = world_->deps.pool.submit([&registry = world_->deps.registry, actor, command, fault = write.fault] {
            const Result<CommandResult> refused = Error{Code::invalid, "{}", fault};
            registry.audit(actor, "write", "device", command.device, connect::command_detail(command, &refused), false);
        });
        return refuse(asked, Exception::illegal_value, write.fault);
    }
    job.map = world_->built.map;
    job.writes = std::move(*plan);
    writing_ = true;
    go_on_writing(asked, std::make_shared<Job>(std::move(job)));
}

void Session::go_on_writing(const Waiting& asked, const std::shared_ptr<Job>& job) {
    if (job->next == job->writes.size()) {
        writing_ = false;
        if (job->then)
            read(asked, *job->then, true);
        else
            reply(asked, job->reply);
        return work();
    }
    if (!world_->built.spec.writes_enabled) {  // since the last one
        writing_ = false;
        refuse(asked, Exception::illegal_function, kWritesOff);
        return work();
    }
    const MapWrite& write = job->writes[job->next++];
    const MapEntry& entry = job->map->entries()[write.entry];
    const TimeNs now = world_->deps.loop.clock().now();
    // The master gave it up while it waited for those before it.
    const TimeNs expires = asked.arrived + world_->options.command_age;
    if (now > expires) {
        writing_ = false;
        refuse(asked, Exception::gateway_target,
               job->next == 1 ? "the command expired before it could be sent: nothing was written" : "");
        return work();
    }
    Command command{.id = io::random_token(), .tenant = world_->built.tenant, .device = entry.device, .property = entry.property,
                    .value = write.value, .who = "modbus_server:" + world_->built.name, .reason = "Modbus master " + host_,
                    .asked = now, .expires = expires};
    const registry::Actor actor{world_->built.tenant, world_->built.tenant_name, command.who, registry::Role::operator_, host_};
    const auto finish = [weak = weak_from_this(), shared = std::weak_ptr(world_), asked, job,
                         at = write.entry](const Result<CommandResult>& result) {
        // Also of a master that is gone: others read it too.
        if (const auto world = shared.lock(); world && result && result->done)
            world->keep_written(job->map->entries()[at], result->read_back);
        const auto self = weak.lock();
        if (!self) return;
        if (result && result->done) {
            ++self->world_->told->lock()->writes;
            return self->go_on_writing(asked, job);
        }
        self->writing_ = false;
        self->refuse(asked, result ? Exception::device_failure : exception_of(result.error().code()),
                     result ? result->error : result.error().text());
        self->work();
    };
    const bool taken = world_->deps.pool.submit([&deps = world_->deps, actor, command, finish] {
        const auto on_loop = [&deps, finish](const Result<CommandResult>& result) {
            deps.loop.post([finish, result] { finish(result); });
        };
        connect::audited_write(deps.registry, deps.connections, deps.pool, actor, command, on_loop);
    });
    if (taken) return;
    writing_ = false;
    refuse(asked, Exception::busy, "too much to do");
}

void Session::refuse(const Waiting& asked, Exception exception, const std::string& why) {
    ++status_.exceptions;
    world_->exceptions.add();
    {
        auto told = world_->told->lock();
        ++told->exceptions;
        told->last_error = fmt::format("function {} of {}: {}{}{}", asked.pdu[0], host_, wire::modbus::to_string(exception),
                                       why.empty() ? "" : ": ", why);
        told->last_error_at = world_->deps.loop.clock().now();
    }
    reply(asked, encode_refusal_pdu(asked.pdu, exception));
}

void Session::reply(const Waiting& asked, const Buffer& pdu) {
    ++status_.requests;
    world_->requests.add();
    {
        auto told = world_->told->lock();
        ++told->requests;
        told->last_master = host_;
        told->last_master_at = status_.last_request;
    }
    if (closed_) return;
    const Buffer frame = encode_frame(asked.transaction, asked.unit, pdu);
    world_->bytes_out += frame.size();
    stream_->send(frame);
}

}  // namespace gongshu::modbus
