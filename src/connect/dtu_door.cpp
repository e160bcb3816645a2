#include "connect/dtu_door.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "registry/staging.h"

namespace gongshu::connect {

namespace {

bool begins_with(Bytes bytes, const Buffer& text) {
    return !text.empty() && bytes.size() >= text.size() && std::ranges::equal(bytes.first(text.size()), text);
}

Bytes without(Bytes bytes, const Buffer& text) {
    while (begins_with(bytes, text)) bytes = bytes.subspan(text.size());
    return bytes;
}

// Whether a packet is the registration of a DTU. Many end it with a line's end, and some say their heartbeat before or
// behind it in the same breath.
bool registers(const DtuConfig& dtu, Bytes packet) {
    // Some say one text for both.
    if (!begins_with(packet, dtu.registration)) packet = without(packet, dtu.heartbeat);
    if (!begins_with(packet, dtu.registration)) return false;
    if (dtu.prefix) return true;
    for (;;) {
        const std::size_t before = packet.size();
        packet = without(without(packet, dtu.registration), dtu.heartbeat);
        while (!packet.empty() && (packet[0] == '\r' || packet[0] == '\n' || packet[0] == 0))
            packet = packet.subspan(1);
        if (packet.empty()) return true;
        if (packet.size() == before) return false;
    }
}

bool may_still_register(const DtuConfig& dtu, Bytes packet) {
    return packet.size() < dtu.registration.size() &&
           std::equal(packet.begin(), packet.end(), dtu.registration.begin());
}

bool overlap(const DtuClaim& a, const DtuClaim& b) {
    const DtuConfig &x = a.dtu, &y = b.dtu;
    return a.tenant == b.tenant && (x.port == y.port || x.port == 0 || y.port == 0) &&
           x.registration == y.registration && x.prefix == y.prefix;
}

// Who has one address of IPv6 has a network of them.
std::string network_of(std::string host) {
    if (host.starts_with("::ffff:")) host.erase(0, 7);
    if (host.find(':') == std::string::npos) return host;
    std::size_t end = 0;
    for (int group = 0; group < 4 && end < host.size(); ++group) {
        const std::size_t colon = host.find(':', end);
        if (colon == std::string::npos || colon == end) break;  // "::" stands for zeros
        end = colon + 1;
    }
    return host.substr(0, end);
}

}  // namespace

DtuDoor::DtuDoor(io::Loop& lane, Metrics& metrics)
    : lane_(lane),
      dialled_(metrics.counter("gongshu_dtu_dialled_total", "DTUs that dialled in and were known.")),
      unknown_(metrics.counter("gongshu_dtu_unknown_total", "Registration packets that no connection has.")),
      refused_(metrics.counter("gongshu_dtu_refused_total",
                               "Sockets closed because they said nothing known in time, "
                               "too much, or were too many.")) {}

Result<io::Address> DtuDoor::listen(const io::Address& address, const std::string& tenant) {
    io::ListenOptions options;
    options.streams_max = 10'000;
    options.keep_alive = kKeepAlive;
    // The port that is picked is known only afterwards.
    const auto port = std::make_shared<std::uint16_t>(address.port);
    auto listener =
        TRY(lane_.listen(address, options, [weak = weak_from_this(), port, tenant](std::unique_ptr<io::Stream> stream) {
            if (const auto self = weak.lock()) self->accept(*port, tenant, std::move(stream));
        }));
    const io::Address picked = listener->address();
    *port = picked.port;
    doors_.push_back({std::move(listener), picked, tenant});
    status_.lock()->listens.push_back(io::to_string(picked));
    return picked;
}

Result<void> DtuDoor::claim(DtuClaim claim) {
    const DtuConfig& dtu = claim.dtu;
    const std::string whose = claim.tenant == registry::kDefaultTenant ? "" : claim.tenant + "=";
    const auto is_ours = [&](const Door& door) {
        return door.tenant == claim.tenant && (dtu.port == 0 || door.address.port == dtu.port);
    };
    if (std::ranges::none_of(doors_, is_ours)) {
        if (dtu.port != 0)
            return Error{Code::not_found,
                         "port {} is not listened on for DTUs: an administrator opens it with --dtu {}ADDR:{}",
                         dtu.port,
                         whose,
                         dtu.port};
        return Error{Code::not_found,
                     "this server listens for no DTU: an administrator starts it with --dtu {}ADDR:PORT", whose};
    }
    for (const auto& [owner, other] : claims_)
        if (owner != claim.owner && overlap(other, claim))
            return Error{Code::exists, "another connection has the same registration packet: each DTU needs its own"};
    forget_unknown(claim);
    std::vector<std::uint64_t> waiting;
    for (const auto& [id, pending] : pending_)
        if (is_meant(claim, pending) && registers(claim.dtu, pending.packet)) waiting.push_back(id);
    claims_[claim.owner] = std::move(claim);
    if (waiting.empty()) return {};
    lane_.post([weak = weak_from_this(), waiting = std::move(waiting)] {
        if (const auto self = weak.lock())
            for (const std::uint64_t id : waiting) self->look(id);
    });
    return {};
}

bool DtuDoor::is_meant(const DtuClaim& claim, const Pending& pending) {
    return claim.tenant == pending.tenant && (claim.dtu.port == 0 || claim.dtu.port == pending.port);
}

// What somebody has adopted is not unknown any more.
void DtuDoor::forget_unknown(const DtuClaim& claim) {
    auto status = status_.lock();
    std::erase_if(status->packets, [&](const UnknownDtu& known) {
        return claim.tenant == known.tenant && (claim.dtu.port == 0 || claim.dtu.port == known.port) && registers(claim.dtu, known.packet);
    });
}

void DtuDoor::begin() {
    begun_ = true;
    std::vector<std::uint64_t> waiting;
    for (const auto& [id, pending] : pending_) waiting.push_back(id);
    for (const std::uint64_t id : waiting) look(id);
}

void DtuDoor::release(const std::string& owner) { claims_.erase(owner); }

void DtuDoor::stop() {
    doors_.clear();
    claims_.clear();
    for (auto& [id, pending] : pending_) {
        lane_.cancel(pending.quiet);
        lane_.cancel(pending.end);
    }
    pending_.clear();
}

DtuStatus DtuDoor::status() const { return *status_.lock(); }

// One that said nothing yet, or nothing known, makes room for a new one: the oldest of the same network, if that has too
// many, else of all.
bool DtuDoor::make_room(const std::string& host, const std::string& tenant) {
    const std::string network = network_of(host);
    const auto is_neighbour = [&](const Pending& pending) {
        return pending.tenant == tenant && network_of(pending.stream->peer().host) == network;
    };
    const auto neighbours = static_cast<std::size_t>(
        std::ranges::count_if(pending_, [&](const auto& item) { return is_neighbour(item.second); }));
    const auto of_tenant = static_cast<std::size_t>(
        std::ranges::count_if(pending_, [&](const auto& item) { return item.second.tenant == tenant; }));
    const bool crowded = neighbours >= kPendingOfHostMax;
    if (!crowded && of_tenant < kPendingMax) return true;
    const auto victim = std::ranges::find_if(pending_, [&](const auto& item) {
        const Pending& pending = item.second;
        return (pending.noted || pending.packet.empty()) &&
               (crowded ? is_neighbour(pending) : pending.tenant == tenant);
    });
    if (victim == pending_.end()) return false;
    refuse(victim->first);
    return true;
}

void DtuDoor::refuse(std::uint64_t id) {
    refused_.add(1);
    ++status_.lock()->refused;
    drop(id);
}

void DtuDoor::accept(std::uint16_t port, const std::string& tenant, std::unique_ptr<io::Stream> stream) {
    if (!make_room(stream->peer().host, tenant)) {
        refused_.add(1);
        ++status_.lock()->refused;
        return;  // closes as it goes out of scope
    }
    const std::uint64_t id = ++last_id_;
    Pending& pending = pending_[id];
    pending.stream = std::move(stream);
    pending.port = port;
    pending.tenant = tenant;
    const auto weak = weak_from_this();
    pending.end = lane_.after(kPendingTime, [weak, id] {
        if (const auto self = weak.lock()) self->refuse(id);
    });
    io::Stream::Events events;
    events.on_data = [weak, id](Bytes bytes) {
        if (const auto self = weak.lock()) self->on_data(id, bytes);
    };
    events.on_closed = [weak, id](const Error&) {
        if (const auto self = weak.lock()) self->drop(id);
    };
    pending.stream->start(std::move(events));
    count_pending();
}

void DtuDoor::on_data(std::uint64_t id, Bytes bytes) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    Pending& pending = found->second;
    const std::size_t room = kPacketMax - pending.packet.size();
    pending.packet.insert(pending.packet.end(), bytes.begin(),
                          bytes.begin() + static_cast<std::ptrdiff_t>(std::min(room, bytes.size())));
    if (bytes.size() > room) {
        note_unknown(pending);
        return refuse(id);
    }
    pending.waited = false;
    wait_for_more(id, kQuiet);
}

void DtuDoor::wait_for_more(std::uint64_t id, DurationNs time) {
    Pending& pending = pending_.at(id);
    lane_.cancel(pending.quiet);
    pending.quiet = lane_.after(time, [weak = weak_from_this(), id] {
        if (const auto self = weak.lock()) self->look(id);
    });
}

// The longest packet that fits wins, one that fits as a whole before one that only begins so.
const DtuClaim* DtuDoor::find_claim(const Pending& pending) const {
    const DtuClaim* best = nullptr;
    const auto rank = [](const DtuClaim& claim) { return std::pair(!claim.dtu.prefix, claim.dtu.registration.size()); };
    for (const auto& [owner, claim] : claims_) {
        if (!is_meant(claim, pending)) continue;
        if (!registers(claim.dtu, pending.packet)) continue;
        if (best == nullptr || rank(claim) > rank(*best)) best = &claim;
    }
    return best;
}

void DtuDoor::look(std::uint64_t id) {
    const auto found = pending_.find(id);
    if (!begun_ || found == pending_.end() || found->second.packet.empty()) return;
    Pending& pending = found->second;
    const DtuClaim* claim = find_claim(pending);
    const bool goes_on = std::ranges::any_of(claims_, [&](const auto& item) {
        return is_meant(item.second, pending) && may_still_register(item.second.dtu, pending.packet);
    });
    if (goes_on && !std::exchange(pending.waited, true)) return wait_for_more(id, kMore);
    if (claim == nullptr) return note_unknown(pending);
    // The claim may go with what its owner does now.
    const auto on_dialled = claim->on_dialled;
    const auto stream = std::make_shared<std::unique_ptr<io::Stream>>(std::move(found->second.stream));
    dialled_.add(1);
    ++status_.lock()->dialled;
    drop(id);
    on_dialled(std::move(*stream));
}

void DtuDoor::note_unknown(Pending& pending) {
    if (std::exchange(pending.noted, true)) return;
    const TimeNs now = lane_.clock().now();
    const std::string address = io::to_string(pending.stream->peer());
    unknown_.add(1);
    auto status = status_.lock();
    ++status->unknown;
    auto& packets = status->packets;
    const auto same = std::ranges::find_if(
        packets, [&](const UnknownDtu& known) { return known.port == pending.port && known.packet == pending.packet; });
    UnknownDtu noted{pending.port, pending.tenant, address, pending.packet, 0, now, now};
    if (same != packets.end()) {
        noted.times = same->times, noted.first = same->first;
        packets.erase(same);
    }
    ++noted.times;
    packets.insert(packets.begin(), std::move(noted));  // the newest first
    if (packets.size() > kUnknownMax) packets.pop_back();
}

void DtuDoor::drop(std::uint64_t id) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    lane_.cancel(found->second.quiet);
    lane_.cancel(found->second.end);
    // It may be its stream that is calling.
    const auto node = pending_.extract(found);
    count_pending();
}

void DtuDoor::count_pending() { status_.lock()->waiting = static_cast<std::uint32_t>(pending_.size()); }

}  // namespace gongshu::connect
