#include <fmt/format.h>

#include <algorithm>

#include "base/json_writer.h"
#include "broker/hub.h"
#include "io/crypto.h"
#include "registry/paths.h"

// Messages that could not be used: how they are kept, and how they are tried again.
namespace gongshu::broker {

using wire::mqtt::ReasonCode;

namespace {

constexpr std::size_t kBeginBytes = 200;  // of a payload that is not kept whole

// The letter as docs/api.md has it; `kept` bytes of the payload are in it.
std::string letter_of(const Session& session, const Message& message, const std::string& problem, std::size_t kept) {
    const Bytes payload = Bytes{message.payload}.first(kept);
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("client").text(session.client_id).key("who").text(session.who.name);
    if (!session.who.device_path.empty())
        out.key("device").text(session.who.device_path).key("device_uid").text(session.who.device_uid);
    out.key("topic").text(message.topic).key("reason").text(problem).key("payload").text(as_text(payload));
    if (!wire::mqtt::valid_utf8(as_text(payload)) && kept == message.payload.size())
        out.key("base64").text(io::base64(payload));
    out.key("bytes").integer(static_cast<std::int64_t>(message.payload.size()));
    out.key("whole").boolean(kept == message.payload.size()).end_object();
    return body;
}

}  // namespace

bool Hub::Tenant::may_bury(DurationNs now, const BrokerOptions& options) {
    if (const std::int64_t minute = now / kMinute; minute != dead_letter_minute) {
        dead_letter_minute = minute;
        dead_letters_in_minute = 0;
        dead_letter_bytes_in_minute = 0;
    }
    return dead_letters_in_minute < options.dead_letters_per_minute;
}

void Hub::bury(Session& session, const Message& message, ReasonCode reason, const std::string& problem,
               PublishDone done) {
    Tenant& tenant = of(session.who.tenant);
    tenant.numbers.dead_letters.add();
    if (!tenant.may_bury(deps_.loop.clock().monotonic(), options_)) return done(reason, problem);
    ++tenant.dead_letters_in_minute;
    const std::size_t bytes = message.payload.size();
    const bool whole = bytes <= options_.dead_letter_bytes_max &&
                       tenant.dead_letter_bytes_in_minute + bytes <= options_.dead_letter_bytes_per_minute;
    tenant.dead_letter_bytes_in_minute += whole ? bytes : 0;
    Event event{.tenant = session.who.tenant,
                .time = deps_.loop.clock().now(),
                .kind = "dead_letter",
                .subject = session.client_id,
                .body = letter_of(session, message, problem, whole ? bytes : std::min(bytes, kBeginBytes))};
    const Durability durability = message.qos == 0 ? Durability::interval : Durability::sync;
    deps_.sink.append_event(
        std::move(event), durability,
        [hub = std::weak_ptr<Hub*>(self_), reason, problem, done = std::move(done)](Result<EventId> kept) {
            if (!hub.lock()) return;
            kept ? done(reason, problem) : done(ReasonCode::quota_exceeded, kept.error().text());
        });
}

void Hub::process(Letter letter, ProcessDone done) {
    deps_.loop.post([hub = std::weak_ptr<Hub*>(self_), letter = std::move(letter), done = std::move(done)]() mutable {
        const auto alive = hub.lock();
        if (!alive) return done(Error{Code::unavailable, "the broker stops"});
        (*alive)->process_now(letter, std::move(done));
    });
}

// By the rights of who asks for it; what the letter says of its sender is where the readings belong.
void Hub::process_now(const Letter& letter, ProcessDone done) {
    const Principal who{.tenant = letter.tenant,
                        .kind = PrincipalKind::user,
                        .name = letter.by,
                        .device_path = letter.device,
                        .device_uid = letter.device_uid,
                        .role = registry::Role::engineer,
                        .paths = letter.paths,
                        .expires = 0};
    LeadPtr lead = ingest_.lead_again(who, letter.topic);
    // A device spoke of itself, whoever else is called by that name.
    if (lead->door == Door::jetlinks && !letter.device.empty()) {
        Principal sender = who;
        sender.kind = PrincipalKind::device;
        lead = ingest_.lead_again(sender, letter.topic);
    }
    if (lead->door == Door::sparkplug)
        return done(Error{Code::invalid,
                          "topic {}: a message of Sparkplug cannot be taken again, because what it means depends on the "
                          "births before it; the edge node sends its values anew at its next birth",
                          letter.topic});
    if (!lead->has_readings())
        return done(Error{Code::invalid, "topic {}: no door and no mapping takes it yet; make a mapping for it first",
                          letter.topic});
    if (lead->door != Door::mapping && !registry::lies_within(who.paths, lead->path))
        return done(
            Error{Code::denied, "topic {}: its readings lie outside of the places of {}", letter.topic, letter.by});
    ingest_.take(who, letter.topic, *lead, letter.payload, Durability::sync, letter.time,
                 [done = std::move(done)](Ingest::Outcome outcome) {
                     const bool taken = outcome.reason == ReasonCode::success && outcome.problem.empty();
                     if (taken && outcome.readings > 0) return done(outcome.readings);
                     if (taken)
                         return done(Error{Code::invalid, "it holds no values, or no mapping says that it is for it"});
                     const Code code = outcome.reason == ReasonCode::quota_exceeded   ? Code::unavailable
                                       : outcome.reason == ReasonCode::not_authorized ? Code::denied
                                                                                      : Code::invalid;
                     done(Error{code, "{}{}", outcome.problem,
                                outcome.readings > 0 ? fmt::format(" ({} values were stored)", outcome.readings) : ""});
                 });
}

}  // namespace gongshu::broker
