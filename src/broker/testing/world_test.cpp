#include "broker/testing/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace gongshu::broker::testing {

using namespace wire::mqtt;

void FakeSink::answer(std::function<void()> work) {
    held_.push_back(std::move(work));
    if (!hold) release();
}

void FakeSink::release(std::size_t n) {
    for (; n > 0 && !held_.empty(); --n) {
        loop_.post(std::move(held_.front()));
        held_.pop_front();
    }
}

void FakeSink::append(Rows rows, Durability durability, Done done) {
    durabilities.push_back(durability);
    if (read_only)
        return answer([done = std::move(done)] { done(Error{Code::unavailable, "store is read-only: disk full"}); });
    for (std::size_t i = 0; i < rows.size(); ++i) readings.push_back(rows.reading(i));
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (Reading& last = newest[rows.tag(i).value]; rows.time(i) >= last.time) last = rows.reading(i);
    answer([done = std::move(done), n = rows.size()] { done(Appended{n, 0}); });
}

void FakeSink::append_event(Event event, Durability, std::function<void(Result<EventId>)> done) {
    if (read_only)
        return answer([done = std::move(done)] { done(Error{Code::unavailable, "store is read-only: disk full"}); });
    events.push_back(std::move(event));
    answer([done = std::move(done), n = events.size()] { done(EventId{n}); });
}

Result<TagId> FakeTags::resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit) {
    for (const TagInfo& one : tags) {
        if (one.key == key) return one.id;
    }
    if (tags.size() >= tags_max) return Error{Code::limit, "more than {} new tags this minute", tags_max};
    tags.push_back({TagId{tags.size() + 1}, key, std::string(path), type, std::string(unit)});
    return tags.back().id;
}

std::optional<TagInfo> FakeTags::info(TagId tag) const {
    return tag.value == 0 || tag.value > tags.size() ? std::nullopt : std::optional(tags[tag.value - 1]);
}

std::optional<TagInfo> FakeTags::find(TenantId tenant, std::string_view path) const {
    for (const TagInfo& one : tags) {
        if (one.key.tenant == tenant && one.path == path) return one;
    }
    return std::nullopt;
}

void FakeAuthenticator::authenticate(Credentials credentials, Done done) {
    const auto answer = [credentials, all = anonymous, uid = uid, paths = paths,
                         expires = expires]() -> Result<Principal> {
        if (all)
            return Principal{.tenant = TenantId{1},
                             .kind = PrincipalKind::user,
                             .name = "user:admin",
                             .role = registry::Role::admin};
        if (credentials.password != "secret") return Error{Code::unauthorized, "user or password is wrong"};
        const auto at = credentials.username.find('@');
        const std::string name = credentials.username.substr(0, at);
        Principal who{.tenant = TenantId{at == std::string::npos ? 1u : 2u}, .kind = PrincipalKind::user, .name = name};
        if (name.starts_with("device:")) {
            who.kind = PrincipalKind::device;
            who.device_path = name.substr(7);
            who.device_uid = uid.empty() ? "uid-" + who.device_path : uid;
        } else {
            static const std::map<std::string, registry::Role> kRoles = {{"user:viewer", registry::Role::viewer},
                                                                         {"user:operator", registry::Role::operator_},
                                                                         {"user:engineer", registry::Role::engineer},
                                                                         {"user:admin", registry::Role::admin}};
            const auto role = kRoles.find(name);
            if (role == kRoles.end()) return Error{Code::unauthorized, "user or password is wrong"};
            who.role = role->second;
            who.paths = paths;
            who.expires = expires;
        }
        return who;
    };
    if (!slow) return done(answer());
    loop_.post([answer, done = std::move(done)] { done(answer()); });
}

World::World(std::uint64_t seed, BrokerOptions with)
    : sim(seed),
      loop(sim.make_loop()),
      client_loop(sim.make_loop()),
      pool(sim.make_pool()),
      sink(*loop),
      authenticator(*loop),
      options(with) {
    if (options.folder.empty()) options.folder = "/data/broker";
    restart();
}

World::~World() { broker.reset(); }

void World::restart() {
    broker.reset();
    const BrokerDeps deps{
        .loop = *loop,
        .files = files,
        .pool = *pool,
        .metrics = metrics,
        .sink = sink,
        .tags = tags,
        .authenticator = authenticator,
        .instance = "x",
        .tenant_name = {},
        .device_uid =
            [this](TenantId, std::string_view path) {
                const auto found = uids.find(std::string(path));
                return found == uids.end() ? std::string{} : found->second;
            },
        .device_by_id = [this](TenantId, std::string_view product, std::string_view device) -> Result<std::string> {
            const auto found = ids.find(fmt::format("{}/{}", product, device));
            if (found != ids.end()) return found->second;
            return Error{Code::not_found, "no device has the ID {}", device};
        },
        .mappings_of =
            [this](TenantId tenant) {
                return tenant == TenantId{1} ? mappings : std::vector<std::shared_ptr<Mapping>>{};
            },
        .egress = &egress,
        .device_by_external_id =
            [this](TenantId, std::string_view id) {
                const auto found = external_ids.find(std::string(id));
                return found == external_ids.end() ? std::string{} : found->second;
            },
        .last = [this](TagId tag) -> std::optional<Reading> {
            const auto found = sink.newest.find(tag.value);
            return found == sink.newest.end() ? std::nullopt : std::optional{found->second};
        }};
    auto made = Broker::create(deps, options);
    if (!made) fmt::print("broker: {}\n", made.error().text());
    broker = std::move(*made);
    address = *broker->listen({"127.0.0.1", 0}, {});
}

std::unique_ptr<Client> World::dial(Version version) {
    auto client = std::make_unique<Client>(*this, version);
    bool done = false;
    client_loop->connect(address, {}, [&](Result<std::unique_ptr<io::Stream>> stream) {
        done = true;
        if (stream) client->attach(std::move(*stream));
    });
    sim.run_until([&] { return done; }, kSecond);
    return client;
}

std::unique_ptr<Client> World::join(Version version, const std::string& username, const std::string& client_id) {
    auto client = dial(version);
    client->connect(client->make_connect(username, client_id));
    run();
    const std::string answer = client->take();
    EXPECT_TRUE(answer == "CONNACK 0 00" || answer.starts_with("CONNACK 1 00")) << username << ": " << answer;
    return client;
}

Client::Client(World& world, Version version)
    : world_(world), version_(version), decoder_(End::client, 10'000'000, version) {}

void Client::attach(std::unique_ptr<io::Stream> stream) {
    stream_ = std::move(stream);
    stream_->start({.on_data =
                        [this](Bytes bytes) {
                            const auto fed = decoder_.feed(bytes, [this](const Packet& packet) {
                                on_packet(packet);
                                return true;
                            });
                            if (!fed) say("BROKEN " + fed.error().text);
                        },
                    .on_closed =
                        [this](const Error&) {
                            closed_ = true;
                            say("closed");
                        },
                    .on_drained = {}});
}

Connect Client::make_connect(const std::string& username, const std::string& client_id) const {
    return {.version = version_,
            .client_id = client_id,
            .clean_start = true,
            .keep_alive_s = 60,
            .username = username,
            .password = "secret"};
}

void Client::connect(Connect connect) { send(connect); }

void Client::send(const Packet& packet) {
    Buffer bytes;
    encode(packet, version_, bytes);
    send_bytes(bytes);
}

void Client::send_bytes(Bytes bytes) {
    if (stream_ && !closed_) stream_->send(bytes);
}

void Client::publish(std::string_view topic, std::string_view payload, std::uint8_t qos, std::uint16_t id, bool retain,
                     Properties properties) {
    Publish publish{.topic = topic,
                    .payload = as_bytes(payload),
                    .qos = qos,
                    .retain = retain,
                    .packet_id = id,
                    .properties = std::move(properties)};
    Buffer bytes;
    encode(publish, version_, bytes);
    send_bytes(bytes);
}

void Client::subscribe(std::string filter, std::uint8_t qos, std::uint16_t id) {
    send(Subscribe{.packet_id = id, .subscriptions = {{.filter = std::move(filter), .qos = qos}}});
}

std::string Client::take() { return std::exchange(seen_, {}); }

void Client::vanish() {
    stream_.reset();
    closed_ = true;
}

void Client::say(std::string text) {
    if (!seen_.empty()) seen_ += "; ";
    seen_ += text;
}

void Client::say_one(const Publish& p) {
    ++publishes;
    std::string ids;
    for (const auto id : p.properties.subscription_ids) ids += fmt::format(" s{}", id);
    say(fmt::format("PUBLISH {} q{}{}{}{}{} {}", p.topic, p.qos, p.packet_id ? fmt::format(" #{}", p.packet_id) : "",
                    p.retain ? " retained" : "", p.duplicate ? " dup" : "", ids, as_text(p.payload)));
    if (!acknowledges || p.qos == 0) return;
    send(Ack{.type = p.qos == 1 ? PacketType::puback : PacketType::pubrec, .packet_id = p.packet_id});
}

void Client::say_one(const Ack& a) {
    static constexpr std::string_view kNames[] = {"PUBACK", "PUBREC", "PUBREL", "PUBCOMP"};
    const auto name = kNames[static_cast<int>(a.type) - static_cast<int>(PacketType::puback)];
    say(fmt::format("{} {}{}", name, a.packet_id,
                    a.reason == ReasonCode::success ? "" : fmt::format(" {:02X}", static_cast<int>(a.reason))));
    if (acknowledges && a.type == PacketType::pubrel) send(Ack{.type = PacketType::pubcomp, .packet_id = a.packet_id});
    if (acknowledges && a.type == PacketType::pubrec && static_cast<int>(a.reason) < 0x80) {
        send(Ack{.type = PacketType::pubrel, .packet_id = a.packet_id});
    }
}

void Client::on_packet(const Packet& packet) {
    const auto codes = [](const std::vector<ReasonCode>& reasons) {
        std::string text;
        for (const auto reason : reasons) text += fmt::format(" {:02X}", static_cast<int>(reason));
        return text;
    };
    if (const auto* p = std::get_if<Publish>(&packet)) return say_one(*p);
    last_packet = packet;
    if (const auto* c = std::get_if<Connack>(&packet))
        say(fmt::format("CONNACK {} {:02X}", c->session_present ? 1 : 0, static_cast<int>(c->reason)));
    if (const auto* a = std::get_if<Ack>(&packet)) say_one(*a);
    if (const auto* s = std::get_if<Suback>(&packet)) say(fmt::format("SUBACK {}{}", s->packet_id, codes(s->reasons)));
    if (const auto* u = std::get_if<Unsuback>(&packet))
        say(fmt::format("UNSUBACK {}{}", u->packet_id, codes(u->reasons)));
    if (std::holds_alternative<Pingresp>(packet)) say("PINGRESP");
    if (const auto* d = std::get_if<Disconnect>(&packet))
        say(fmt::format("DISCONNECT {:02X}", static_cast<int>(d->reason)));
}

}  // namespace gongshu::broker::testing
