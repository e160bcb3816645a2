#include "connect/ua_driver.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/assert.h"
#include "connect/ua_client.h"
#include "io/crypto.h"
#include "io/tls.h"
#include "wire/ua_node_id.h"

namespace gongshu::connect {

namespace {

constexpr std::uint32_t kSync = 1;             // the only poll
constexpr DurationNs kSyncPeriod = 5 * kSecond;
constexpr int kRefusedWait = 12;               // polls before what was refused is tried again
constexpr std::size_t kPerCall = 500;          // where the server states no limit of its own
constexpr int kRequestsMax = 250;              // of one poll: the rest is the next one's
constexpr DurationNs kGreeting = 10 * kSecond;  // small controllers sign slowly
constexpr DurationNs kTick = kSecond;

constexpr std::string_view kPolicies[] = {"None", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"};
constexpr std::string_view kModes[] = {"None", "Sign", "SignAndEncrypt"};
constexpr std::string_view kPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#";
constexpr std::string_view kBinary = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary";

UA_NodeId node(UA_UInt32 number) { return UA_NODEID_NUMERIC(0, number); }

std::string_view name_of(std::string_view uri) {
    return uri.starts_with(kPolicyUri) ? uri.substr(kPolicyUri.size()) : uri;
}

// One certificate out of a chain: the first, as long as it says it is.
UA_ByteString leaf_of(const UA_ByteString& chain) {
    if (chain.length < 4 || chain.data[0] != 0x30 || chain.data[1] != 0x82) return chain;
    const std::size_t length = 4 + (std::size_t{chain.data[2]} << 8 | chain.data[3]);
    return {std::min(length, chain.length), chain.data};
}

std::string fingerprint_of(const UA_ByteString& certificate) {
    return to_hex(io::sha256({certificate.data, certificate.length}));
}

// What is followed: one point, or what was one.
struct Item {
    std::string uid, name;
    wire::ua::NodeId at;
    NamedPlace place;
    DurationNs period = kSecond;
    std::optional<std::size_t> point;  // of the current set
    UA_UInt32 followed = 0;            // the server's number for it; 0 = it is not
    bool refused = false, plain = false;  // plain: the server knows no dead band
    int wait = 0;                      // polls until it is tried again
    const UA_DataType* type = nullptr;
    bool is_array = false;
    // Of the value that was read, which the server tells a second time.
    bool fresh = false;
    UA_DateTime time = 0;
    UA_StatusCode status = UA_STATUSCODE_GOOD;
};

struct HeardValue {
    Item* item = nullptr;
    PropertyReading reading;
    TimeNs time = 0;
};

TimeNs time_of(const UA_DataValue& value) {
    if (value.hasSourceTimestamp) return connect::time_of(value.sourceTimestamp);
    return value.hasServerTimestamp ? connect::time_of(value.serverTimestamp) : 0;
}

UA_StatusCode status_of(const UA_DataValue& value) { return value.hasStatus ? value.status : UA_STATUSCODE_GOOD; }

// Nothing that will pass by itself.
bool is_refusal(UA_StatusCode status) {
    constexpr UA_StatusCode kRefusals[] = {
        UA_STATUSCODE_BADNODEIDUNKNOWN,     UA_STATUSCODE_BADNODEIDINVALID,
        UA_STATUSCODE_BADATTRIBUTEIDINVALID, UA_STATUSCODE_BADNOTREADABLE,
        UA_STATUSCODE_BADUSERACCESSDENIED,  UA_STATUSCODE_BADSECURITYMODEINSUFFICIENT,
        UA_STATUSCODE_BADTOOMANYMONITOREDITEMS};
    return std::ranges::find(kRefusals, status) != std::end(kRefusals);
}

bool is_too_much(UA_StatusCode status) {
    return status == UA_STATUSCODE_BADTOOMANYOPERATIONS || status == UA_STATUSCODE_BADREQUESTTOOLARGE ||
           status == UA_STATUSCODE_BADRESPONSETOOLARGE || status == UA_STATUSCODE_BADENCODINGLIMITSEXCEEDED;
}

class UaDriver final : public Driver {
public:
    explicit UaDriver(const LinkConfig& config) : config_(config) { config_.devices.clear(); }
    ~UaDriver() override { forget(); }

    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t /*poll*/) override { return {}; }
    std::string describe(std::uint32_t /*poll*/) const override;

    void begin_link() override;
    Buffer greet() override;
    DurationNs greeting_time(DurationNs timeout) const override { return std::max(timeout, kGreeting); }
    bool wants_new_link() const override { return wants_new_link_; }
    Error on_lost(const Error& error) const override {
        const bool may_be_trust = stage_ == Stage::signing_in && config_.opcua.mode != UaMode::none;
        return may_be_trust ? Error{Code::unavailable, "the OPC UA server refuses to let us in: {}",
                                    explain(UA_STATUSCODE_BADSECURITYCHECKSFAILED)}
                            : error;
    }
    Buffer bye() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return may_have_written_; }
    Result<Step> feed(Bytes bytes) override;
    void abandon() override;
    Error no_answer(std::int64_t milliseconds) const override {
        return Error{Code::timeout, "the OPC UA server has not answered within {} ms", milliseconds};
    }

    Result<Heard> hear(Bytes bytes) override;
    Heard take_heard() override;
    bool says_once() const override { return true; }
    DurationNs say_every() const override { return stage_ == Stage::ready ? kTick : 0; }
    Result<Buffer> say() override;

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override {
        return same_value(property, a, b);
    }

private:
    enum class Stage { idle, asking, signing_in, ready };
    using Key = std::pair<std::string, std::string>;  // uid of the device, name of the property
    // A poll that is being answered.
    struct Sync {
        std::vector<Item*> read, follow;
        std::size_t next_read = 0, next_follow = 0;
        int requests = 0;  // that were sent
        Outcome outcome;
    };

    void forget();
    Result<void> start(const UaEndpoint* endpoint);
    // Of the greeting.
    void ask_endpoints();
    void on_endpoints(const UA_GetEndpointsResponse& response);
    Result<const UA_EndpointDescription*> choose(const UA_GetEndpointsResponse& response) const;
    Result<void> check_user(const UA_EndpointDescription& endpoint) const;
    Result<void> check_certificate(const UA_EndpointDescription& endpoint) const;
    void ask_limits();
    void on_limits(const UA_ReadResponse& response);
    void subscribe();

    // Exchanges. `end` ends the one that runs, if it is that one.
    std::uint32_t begin();
    void end(std::uint32_t exchange, Result<Outcome> outcome);
    Result<Buffer> first_bytes();
    std::optional<Error> broken();

    void go_on_syncing(std::uint32_t exchange);
    bool unfollow(std::uint32_t exchange);
    void read_batch(std::uint32_t exchange);
    void on_read(std::uint32_t exchange, const std::vector<Item*>& items, const UA_ReadResponse& response);
    void take_value(Item& item, const UA_DataValue& value);
    void follow_batch(std::uint32_t exchange);
    void on_followed(std::uint32_t exchange, const std::vector<Item*>& items,
                     const UA_CreateMonitoredItemsResponse& response);
    void ask_state(std::uint32_t exchange);
    void refuse(Item& item, const std::string& why);
    void on_change(Item& item, const UA_DataValue& value);
    static void on_value(UA_Client* client, UA_UInt32 subscription, void* self, UA_UInt32 id, void* item,
                         UA_DataValue* value);
    static void on_status(UA_Client* client, UA_UInt32 subscription, void* self, UA_StatusChangeNotification* change);
    static void on_silence(UA_Client* client, UA_UInt32 subscription, void* self);

    Result<UA_NodeId> node_of(const Item& item) const;  // to be cleared
    Item* item_of(const DeviceConfig& device, const PropertyConfig& property);
    const PropertyConfig& property_of(const Item& item) const { return *set_->points[*item.point].property; }
    std::vector<PointReading> heard_readings();

    LinkConfig config_;  // without its devices
    // Of the link.
    std::unique_ptr<UaClient> client_;
    std::unique_ptr<UaEndpoint> endpoint_;
    Stage stage_ = Stage::idle;
    bool wants_new_link_ = false;
    std::map<std::string, std::uint16_t> namespaces_;
    std::size_t read_max_ = kPerCall, follow_max_ = kPerCall;
    UA_UInt32 subscription_ = 0;
    DurationNs publishing_ = 0;  // as the server has revised it
    std::vector<UA_UInt32> to_unfollow_;
    bool stale_ = false;  // something may have been lost: all is read again
    std::vector<HeardValue> heard_;
    std::string fault_;
    // Of the exchange.
    std::uint32_t exchange_ = 0, exchanges_ = 0;  // 0 = none runs
    std::optional<Result<Outcome>> outcome_;
    std::optional<Sync> sync_;
    bool may_have_written_ = false;
    // Of the plan.
    std::shared_ptr<const PointSet> set_;
    std::map<Key, std::shared_ptr<Item>> items_;
    std::vector<std::shared_ptr<Item>> former_;  // the library still has pointers to them
};

// ---- plan ----

PollPlan UaDriver::plan(std::shared_ptr<const PointSet> points) {
    set_ = std::move(points);
    sync_.reset();
    PollPlan plan;
    Poll poll{kSync, 0, kSyncPeriod, {}};
    std::map<Key, std::shared_ptr<Item>> former = std::exchange(items_, {});
    for (std::size_t i = 0; i < set_->points.size(); ++i) {
        const auto& [device, property] = set_->points[i];
        auto at = wire::ua::parse_node_id(property->place.at);
        const auto element = wire::ua::parse_element(property->place.as);
        if (!at || !element) {
            plan.faults.push_back({i, !at ? at.error() : element.error()});
            continue;
        }
        poll.points.push_back(i);
        const Key key{device->uid, property->name};
        const auto known = former.find(key);
        const bool same = known != former.end() && known->second->place == property->place &&
                          known->second->period == property->period;
        if (same) {
            known->second->point = i;
            items_[key] = known->second;
            former.erase(known);
            continue;
        }
        const auto item = std::make_shared<Item>();
        item->uid = device->uid;
        item->name = property->name;
        item->at = std::move(*at);
        item->place = property->place;
        item->period = property->period;
        item->point = i;
        items_[key] = item;
    }
    for (auto& [key, item] : former) {
        item->point.reset();
        if (item->followed != 0) to_unfollow_.push_back(item->followed);
        former_.push_back(std::move(item));
    }
    plan.heard = poll.points;
    plan.polls.push_back(std::move(poll));
    return plan;
}

std::string UaDriver::describe(std::uint32_t /*poll*/) const {
    std::size_t followed = 0;
    for (const auto& [key, item] : items_) followed += item->followed != 0;
    return fmt::format("follow {} of {} variables, published every {} ms", followed, items_.size(),
                       publishing_ / kMillisecond);
}

// ---- the link ----

void UaDriver::forget() {
    exchange_ = 0;
    outcome_.reset();
    sync_.reset();
    client_.reset();
    endpoint_.reset();
    heard_.clear();
    fault_.clear();
    to_unfollow_.clear();
    former_.clear();
    for (auto& [key, item] : items_) {
        item->followed = 0;
        item->refused = item->plain = item->fresh = false;
        item->wait = 0;
    }
    subscription_ = 0;
    stage_ = Stage::idle;
    wants_new_link_ = stale_ = false;
    read_max_ = follow_max_ = kPerCall;
}

void UaDriver::begin_link() {
    if (std::exchange(wants_new_link_, false)) return;  // the client that asked for it goes on
    forget();
    stage_ = Stage::asking;
    if (auto started = start(nullptr); !started) outcome_ = std::move(started).error();
}

Result<void> UaDriver::start(const UaEndpoint* endpoint) {
    client_ = TRY(UaClient::create(config_, endpoint, [this] {
        if (stage_ == Stage::asking)
            ask_endpoints();
        else
            ask_limits();
    }));
    return {};
}

Buffer UaDriver::greet() {
    exchange_ = ++exchanges_;
    if (client_ != nullptr) client_->pipe().stand();
    Buffer bytes = client_ == nullptr ? Buffer{} : client_->take();
    if (bytes.empty()) bytes = {0};  // the answer to it is what went wrong
    return bytes;
}

void UaDriver::ask_endpoints() {
    UA_GetEndpointsRequest request;
    UA_GetEndpointsRequest_init(&request);
    request.endpointUrl = ua_string(config_.opcua.url);
    client_->ask(
        request, UA_TYPES[UA_TYPES_GETENDPOINTSREQUEST], UA_TYPES[UA_TYPES_GETENDPOINTSRESPONSE],
        [this](const void* response) { on_endpoints(*static_cast<const UA_GetEndpointsResponse*>(response)); });
}

void UaDriver::on_endpoints(const UA_GetEndpointsResponse& response) {
    const UA_StatusCode status = response.responseHeader.serviceResult;
    if (status == UA_STATUSCODE_BADSECURECHANNELCLOSED) return;  // it goes on by another link
    if (status != UA_STATUSCODE_GOOD)
        return end(exchange_,
                   Error{Code::unavailable, "the OPC UA server does not say what it offers: {}", explain(status)});
    const auto chosen = choose(response);
    if (!chosen) return end(exchange_, chosen.error());
    endpoint_ = std::make_unique<UaEndpoint>();
    UA_EndpointDescription_copy(*chosen, &endpoint_->of);
    // The library compares it with the one certificate that the channel is opened with.
    const UA_ByteString leaf = leaf_of((*chosen)->serverCertificate);
    UA_ByteString_clear(&endpoint_->of.serverCertificate);
    UA_ByteString_copy(&leaf, &endpoint_->of.serverCertificate);
    wants_new_link_ = true;
    end(exchange_, Outcome{});
}

Result<const UA_EndpointDescription*> UaDriver::choose(const UA_GetEndpointsResponse& response) const {
    const std::string policy(kPolicies[static_cast<std::size_t>(config_.opcua.policy)]);
    const auto mode = static_cast<std::size_t>(config_.opcua.mode);
    std::string offers;
    const UA_EndpointDescription* best = nullptr;
    for (std::size_t i = 0; i < response.endpointsSize; ++i) {
        const UA_EndpointDescription& one = response.endpoints[i];
        const std::string transport = text_of(one.transportProfileUri);
        const auto of_mode = static_cast<std::size_t>(one.securityMode) - 1;
        if ((!transport.empty() && transport != kBinary) || of_mode > 2) continue;
        const std::string uri = text_of(one.securityPolicyUri);
        const std::string offer =
            of_mode == 0 ? "None" : fmt::format("{} {}", name_of(std::string_view(uri)), kModes[of_mode]);
        if (offers.find(offer) == offers.npos && offers.size() < 500) offers += (offers.empty() ? "" : ", ") + offer;
        if (uri == std::string(kPolicyUri) + policy && of_mode == mode && (best == nullptr || !check_user(*best)))
            best = &one;
    }
    if (best == nullptr)
        return Error{Code::unavailable, "the OPC UA server does not offer {}{}, but: {}", policy,
                     mode == 0 ? "" : fmt::format(" {}", kModes[mode]), offers.empty() ? "nothing" : offers};
    TRY(check_certificate(*best));
    TRY(check_user(*best));
    if (config_.opcua.identity == nullptr && (mode != 0 || !config_.opcua.user.empty()))
        return Error{Code::unavailable, "this program has no certificate of its own for OPC UA: its log says why"};
    return best;
}

Result<void> UaDriver::check_user(const UA_EndpointDescription& endpoint) const {
    const bool signs_in = !config_.opcua.user.empty();
    const UA_UserTokenType wanted = signs_in ? UA_USERTOKENTYPE_USERNAME : UA_USERTOKENTYPE_ANONYMOUS;
    for (std::size_t i = 0; i < endpoint.userIdentityTokensSize; ++i)
        if (endpoint.userIdentityTokens[i].tokenType == wanted) return {};
    if (signs_in) return Error{Code::denied, "the OPC UA server takes no user names here: leave user out"};
    return Error{Code::denied, "the OPC UA server lets nobody in without a user name: set user and password"};
}

Result<void> UaDriver::check_certificate(const UA_EndpointDescription& endpoint) const {
    const std::string& accepted = config_.opcua.fingerprint;
    if (config_.opcua.mode == UaMode::none && accepted.empty()) return {};
    const UA_ByteString certificate = leaf_of(endpoint.serverCertificate);
    if (certificate.length == 0) return Error{Code::denied, "the OPC UA server has no certificate"};
    const std::string shown = fingerprint_of(certificate);
    if (shown == accepted) return {};
    if (accepted.empty())
        return Error{Code::denied,
                     "the server's certificate is not accepted yet: compare its SHA-256 fingerprint with the one that "
                     "the server shows itself, and enter it as server_fingerprint: {}",
                     io::fingerprint_text(shown)};
    return Error{Code::denied,
                 "the server shows another certificate than the accepted one, so nothing was sent: where its "
                 "certificate was renewed, enter the new fingerprint as server_fingerprint: {}",
                 io::fingerprint_text(shown)};
}

// What the server can do at once, and the namespaces that node ids by URI need.
void UaDriver::ask_limits() {
    constexpr UA_UInt32 kNodes[] = {UA_NS0ID_SERVER_NAMESPACEARRAY,
                                    UA_NS0ID_SERVER_SERVERCAPABILITIES_OPERATIONLIMITS_MAXNODESPERREAD,
                                    UA_NS0ID_SERVER_SERVERCAPABILITIES_OPERATIONLIMITS_MAXMONITOREDITEMSPERCALL};
    UaArray<UA_ReadValueId> nodes(std::size(kNodes), UA_TYPES[UA_TYPES_READVALUEID]);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].nodeId = node(kNodes[i]);
        nodes[i].attributeId = UA_ATTRIBUTEID_VALUE;
    }
    UA_ReadRequest request;
    UA_ReadRequest_init(&request);
    request.nodesToRead = nodes.data();
    request.nodesToReadSize = nodes.size();
    request.timestampsToReturn = UA_TIMESTAMPSTORETURN_NEITHER;
    client_->ask(request, UA_TYPES[UA_TYPES_READREQUEST], UA_TYPES[UA_TYPES_READRESPONSE],
                 [this](const void* response) { on_limits(*static_cast<const UA_ReadResponse*>(response)); });
}

void UaDriver::on_limits(const UA_ReadResponse& response) {
    const UA_StatusCode status = response.responseHeader.serviceResult;
    if (status != UA_STATUSCODE_GOOD || response.resultsSize != 3)
        return end(exchange_, Error{Code::unavailable, "the OPC UA server does not let us read: {}", explain(status)});
    const UA_Variant& names = response.results[0].value;
    namespaces_.clear();
    if (UA_Variant_hasArrayType(&names, &UA_TYPES[UA_TYPES_STRING]))
        for (std::size_t i = 0; i < names.arrayLength && i <= UA_UINT16_MAX; ++i)
            namespaces_.emplace(text_of(static_cast<const UA_String*>(names.data)[i]), static_cast<std::uint16_t>(i));
    const auto limit = [&](std::size_t i) {
        const UA_Variant& value = response.results[i].value;
        const bool stated = UA_Variant_hasScalarType(&value, &UA_TYPES[UA_TYPES_UINT32]);
        const std::size_t most = stated ? *static_cast<const UA_UInt32*>(value.data) : 0;
        return most == 0 ? kPerCall : std::min(most, kPerCall);
    };
    read_max_ = limit(1);
    follow_max_ = limit(2);
    subscribe();
}

void UaDriver::subscribe() {
    UA_CreateSubscriptionRequest request = UA_CreateSubscriptionRequest_default();
    request.requestedPublishingInterval = static_cast<double>(config_.opcua.publishing) / kMillisecond;
    // It says that it is alive every ten seconds or so, and goes away a minute after us.
    const DurationNs interval = std::max(config_.opcua.publishing, kMillisecond);
    request.requestedMaxKeepAliveCount = static_cast<UA_UInt32>(std::max<DurationNs>(10 * kSecond / interval, 1));
    request.requestedLifetimeCount =
        std::max(static_cast<UA_UInt32>(kMinute / interval), 3 * request.requestedMaxKeepAliveCount);
    void* const call = client_->new_call([this](const void* data) {
        const auto& response = *static_cast<const UA_CreateSubscriptionResponse*>(data);
        const UA_StatusCode status = response.responseHeader.serviceResult;
        if (status != UA_STATUSCODE_GOOD)
            return end(exchange_,
                       Error{Code::unavailable, "the OPC UA server makes no subscription: {}", explain(status)});
        subscription_ = response.subscriptionId;
        publishing_ = static_cast<DurationNs>(response.revisedPublishingInterval * kMillisecond);
        stage_ = Stage::ready;
        end(exchange_, Outcome{});
    });
    UA_Client_getConfig(client_->get())->subscriptionInactivityCallback = on_silence;
    client_->on_sent(UA_Client_Subscriptions_create_async(client_->get(), request, this, on_status, nullptr,
                                                          UaClient::on_answer, call, nullptr),
                     call);
}

void UaDriver::on_status(UA_Client* /*client*/, UA_UInt32 /*subscription*/, void* self,
                         UA_StatusChangeNotification* change) {
    auto& driver = *static_cast<UaDriver*>(self);
    driver.client_->fail(
        Error{Code::unavailable, "the OPC UA server has ended the subscription: {}", explain(change->status)});
}

void UaDriver::on_silence(UA_Client* /*client*/, UA_UInt32 /*subscription*/, void* self) {
    auto& driver = *static_cast<UaDriver*>(self);
    driver.client_->fail(
        Error{Code::timeout, "the OPC UA server has sent nothing for the subscription for too long"});
}

// Else it would keep the session for another minute, and small controllers have few.
Buffer UaDriver::bye() {
    if (stage_ != Stage::ready || client_ == nullptr || !client_->state()) return {};
    UA_CloseSessionRequest request;
    UA_CloseSessionRequest_init(&request);
    request.deleteSubscriptions = true;
    client_->ask(request, UA_TYPES[UA_TYPES_CLOSESESSIONREQUEST], UA_TYPES[UA_TYPES_CLOSESESSIONRESPONSE],
                 [](const void*) {});
    return client_->take();
}

// ---- exchanges ----

std::uint32_t UaDriver::begin() {
    exchange_ = ++exchanges_;
    outcome_.reset();
    return exchange_;
}

void UaDriver::end(std::uint32_t exchange, Result<Outcome> outcome) {
    if (exchange == 0 || exchange != exchange_ || outcome_) return;
    outcome_ = std::move(outcome);
}

void UaDriver::abandon() {
    if (exchange_ != 0 && stage_ == Stage::ready) stale_ = true;
    exchange_ = 0;
    wants_new_link_ = false;
    outcome_.reset();
    sync_.reset();
}

std::optional<Error> UaDriver::broken() {
    if (client_ == nullptr) return Error{Code::unavailable, "cannot set up OPC UA"};
    if (auto state = client_->state(); !state) return state.error();
    const bool lost = stage_ == Stage::ready && client_->pipe().standing() == 0;
    if (lost) return Error{Code::unavailable, "the OPC UA server has closed the session"};
    return std::nullopt;
}

Result<Buffer> UaDriver::first_bytes() {
    if (outcome_) {
        auto failed = std::exchange(outcome_, std::nullopt);
        exchange_ = 0;
        if (!*failed) return failed->error();
    }
    if (auto error = broken()) return *error;
    return client_->take();
}

Result<Step> UaDriver::feed(Bytes bytes) {
    if (client_ != nullptr) client_->feed(bytes);
    const bool greeting = stage_ != Stage::ready;
    // What it says of an endpoint ends one client, and begins the next.
    if (outcome_ && *outcome_ && wants_new_link_) {
        stage_ = Stage::signing_in;
        if (auto started = start(endpoint_.get()); !started) {
            wants_new_link_ = false;
            outcome_ = std::move(started).error();
        }
    } else if (greeting && !outcome_ && client_ != nullptr && client_->pipe().dialled() != 0) {
        wants_new_link_ = true;  // under another name of the server's, says the library
        outcome_ = Outcome{};
    }
    if (outcome_) {
        exchange_ = 0;
        Done done{std::move(*std::exchange(outcome_, std::nullopt))};
        return Step{std::move(done)};
    }
    if (auto error = broken()) {
        if (!greeting) return *error;
        exchange_ = 0;
        return Step{Done{std::move(*error)}};
    }
    if (!greeting && !sync_) return Step{More{}};
    Buffer out = client_->take();
    if (out.empty()) return Step{More{}};
    return Step{Send{std::move(out)}};
}

std::vector<PointReading> UaDriver::heard_readings() {
    std::vector<PointReading> readings;
    for (HeardValue& heard : std::exchange(heard_, {}))
        if (heard.item->point) readings.push_back({*heard.item->point, std::move(heard.reading), heard.time});
    return readings;
}

Heard UaDriver::take_heard() {
    Heard heard;
    if (stage_ != Stage::ready) return heard;
    heard.readings = heard_readings();
    heard.send = client_->take();
    heard.fault = std::exchange(fault_, {});
    return heard;
}

Result<Heard> UaDriver::hear(Bytes bytes) {
    if (client_ == nullptr) return Error{Code::malformed, "nothing was expected"};
    client_->feed(bytes);
    if (auto error = broken()) return *error;
    return take_heard();
}

Result<Buffer> UaDriver::say() {
    client_->pipe().tick(kTick);
    if (auto error = broken()) return *error;
    return client_->take();
}

// ---- what is followed ----

Result<UA_NodeId> UaDriver::node_of(const Item& item) const {
    std::uint16_t index = item.at.index;
    if (!item.at.uri.empty()) {
        const auto found = namespaces_.find(item.at.uri);
        if (found == namespaces_.end())
            return Error{Code::invalid, "the server has no namespace {}", item.at.uri};
        index = found->second;
    }
    const std::string text = to_text(item.at, index);
    UA_NodeId id;
    UA_NodeId_init(&id);
    if (UA_NodeId_parse(&id, ua_string(text)) != UA_STATUSCODE_GOOD)
        return Error{Code::invalid, "the OPC UA server cannot be asked for {}", text};
    return id;
}

Item* UaDriver::item_of(const DeviceConfig& device, const PropertyConfig& property) {
    const auto found = items_.find({device.uid, property.name});
    return found == items_.end() ? nullptr : found->second.get();
}

Result<Buffer> UaDriver::read(std::uint32_t /*poll*/) {
    const std::uint32_t exchange = begin();
    sync_.emplace();
    for (const auto& [key, item] : items_) {
        const bool waits = item->refused && --item->wait > 0;
        if (!waits && (item->followed == 0 || stale_)) sync_->read.push_back(item.get());
    }
    stale_ = false;
    go_on_syncing(exchange);
    return first_bytes();
}

void UaDriver::go_on_syncing(std::uint32_t exchange) {
    if (exchange != exchange_) return;
    if (!sync_) return end(exchange, Outcome{});  // something else is wanted by now
    const bool may = sync_->requests < kRequestsMax;
    if (unfollow(exchange)) return;
    if (may && sync_->next_read < sync_->read.size()) return read_batch(exchange);
    if (may && sync_->next_follow < sync_->follow.size()) return follow_batch(exchange);
    if (sync_->requests == 0) return ask_state(exchange);
    Outcome outcome = std::move(sync_->outcome);
    sync_.reset();
    end(exchange, std::move(outcome));
}

bool UaDriver::unfollow(std::uint32_t exchange) {
    if (to_unfollow_.empty()) return false;
    ++sync_->requests;
    const std::size_t left = to_unfollow_.size() - std::min(to_unfollow_.size(), follow_max_);
    std::vector<UA_UInt32> ids(to_unfollow_.begin() + static_cast<std::ptrdiff_t>(left), to_unfollow_.end());
    to_unfollow_.resize(left);
    UA_DeleteMonitoredItemsRequest request;
    UA_DeleteMonitoredItemsRequest_init(&request);
    request.subscriptionId = subscription_;
    request.monitoredItemIds = ids.data();
    request.monitoredItemIdsSize = ids.size();
    void* const call = client_->new_call([this, exchange](const void* /*response*/) { go_on_syncing(exchange); });
    client_->on_sent(
        UA_Client_MonitoredItems_delete_async(client_->get(), request, UaClient::on_answer, call, nullptr), call);
    return true;
}

void UaDriver::refuse(Item& item, const std::string& why) {
    item.refused = true;
    item.wait = kRefusedWait;
    if (item.point) sync_->outcome.refused.push_back({*item.point, Error{Code::invalid, "{}: {}", item.place.at, why}});
}

void UaDriver::read_batch(std::uint32_t exchange) {
    std::vector<Item*> items;
    const std::size_t most = std::min(sync_->read.size() - sync_->next_read, read_max_);
    UaArray<UA_ReadValueId> nodes(most, UA_TYPES[UA_TYPES_READVALUEID]);
    while (items.size() < most && sync_->next_read < sync_->read.size()) {
        Item* const item = sync_->read[sync_->next_read++];
        auto id = node_of(*item);
        if (!id) {
            refuse(*item, id.error().text());
            continue;
        }
        nodes[items.size()].nodeId = *id;
        nodes[items.size()].attributeId = UA_ATTRIBUTEID_VALUE;
        items.push_back(item);
    }
    if (items.empty()) return go_on_syncing(exchange);
    ++sync_->requests;
    UA_ReadRequest request;
    UA_ReadRequest_init(&request);
    request.nodesToRead = nodes.data();
    request.nodesToReadSize = items.size();
    request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
    client_->ask(request, UA_TYPES[UA_TYPES_READREQUEST], UA_TYPES[UA_TYPES_READRESPONSE],
                 [this, exchange, items](const void* response) {
                     on_read(exchange, items, *static_cast<const UA_ReadResponse*>(response));
                 });
}

void UaDriver::on_read(std::uint32_t exchange, const std::vector<Item*>& items, const UA_ReadResponse& response) {
    if (exchange != exchange_ || !sync_) return go_on_syncing(exchange);
    const UA_StatusCode status = response.responseHeader.serviceResult;
    if (is_too_much(status) && read_max_ > 1) {
        read_max_ = std::max<std::size_t>(items.size() / 2, 1);
        sync_->read.insert(sync_->read.end(), items.begin(), items.end());
        return go_on_syncing(exchange);
    }
    if (status != UA_STATUSCODE_GOOD)
        return end(exchange, Error{Code::unavailable, "the OPC UA server does not let us read: {}", explain(status)});
    if (response.resultsSize != items.size())
        return end(exchange, Error{Code::malformed, "asked for {} values, the OPC UA server sent {}", items.size(),
                                   response.resultsSize});
    for (std::size_t i = 0; i < items.size(); ++i)
        if (items[i]->point) take_value(*items[i], response.results[i]);
    go_on_syncing(exchange);
}

void UaDriver::take_value(Item& item, const UA_DataValue& value) {
    const UA_StatusCode status = status_of(value);
    if (is_refusal(status)) return refuse(item, explain(status));
    item.refused = false;
    if (value.hasValue && value.value.type != nullptr) {
        item.type = value.value.type;
        item.is_array = !UA_Variant_isScalar(&value.value);
    }
    item.fresh = true;
    item.time = value.hasSourceTimestamp ? value.sourceTimestamp : 0;
    item.status = status;
    sync_->outcome.readings.push_back({*item.point, reading_of(property_of(item), value), time_of(value)});
    if (item.followed == 0) sync_->follow.push_back(&item);
}

void UaDriver::follow_batch(std::uint32_t exchange) {
    ++sync_->requests;
    const std::size_t count = std::min(sync_->follow.size() - sync_->next_follow, follow_max_);
    const auto first = sync_->follow.begin() + static_cast<std::ptrdiff_t>(sync_->next_follow);
    const std::vector<Item*> items(first, first + static_cast<std::ptrdiff_t>(count));
    sync_->next_follow += count;
    UaArray<UA_MonitoredItemCreateRequest> wanted(count, UA_TYPES[UA_TYPES_MONITOREDITEMCREATEREQUEST]);
    std::vector<UA_DataChangeFilter> filters(count);
    std::vector<void*> contexts(items.begin(), items.end());
    std::vector<UA_Client_DataChangeNotificationCallback> callbacks(count, on_value);
    for (std::size_t i = 0; i < count; ++i) {
        const Item& item = *items[i];
        auto id = node_of(item);
        if (id) wanted[i].itemToMonitor.nodeId = *id;
        wanted[i].itemToMonitor.attributeId = UA_ATTRIBUTEID_VALUE;
        wanted[i].monitoringMode = UA_MONITORINGMODE_REPORTING;
        UA_MonitoringParameters& parameters = wanted[i].requestedParameters;
        parameters.samplingInterval = static_cast<double>(item.period) / kMillisecond;
        parameters.queueSize = config_.opcua.queue;
        parameters.discardOldest = true;
        const bool is_number = item.type != nullptr && item.type->typeKind >= UA_DATATYPEKIND_SBYTE &&
                               item.type->typeKind <= UA_DATATYPEKIND_DOUBLE;
        if (item.place.dead_band <= 0 || item.plain || !is_number) continue;
        UA_DataChangeFilter_init(&filters[i]);
        filters[i].trigger = UA_DATACHANGETRIGGER_STATUSVALUE;
        filters[i].deadbandType = UA_DEADBANDTYPE_ABSOLUTE;
        filters[i].deadbandValue = item.place.dead_band / std::abs(item.place.scale);
        UA_ExtensionObject_setValueNoDelete(&parameters.filter, &filters[i], &UA_TYPES[UA_TYPES_DATACHANGEFILTER]);
    }
    UA_CreateMonitoredItemsRequest request;
    UA_CreateMonitoredItemsRequest_init(&request);
    request.subscriptionId = subscription_;
    request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
    request.itemsToCreate = wanted.data();
    request.itemsToCreateSize = count;
    void* const call = client_->new_call([this, exchange, items](const void* response) {
        on_followed(exchange, items, *static_cast<const UA_CreateMonitoredItemsResponse*>(response));
    });
    client_->on_sent(UA_Client_MonitoredItems_createDataChanges_async(client_->get(), request, contexts.data(),
                                                                      callbacks.data(), nullptr, UaClient::on_answer,
                                                                      call, nullptr),
                     call);
}

void UaDriver::on_followed(std::uint32_t exchange, const std::vector<Item*>& items,
                           const UA_CreateMonitoredItemsResponse& response) {
    const UA_StatusCode status = response.responseHeader.serviceResult;
    const bool counted = status == UA_STATUSCODE_GOOD && response.resultsSize == items.size();
    // Also when nobody waits for it any more: the server follows them.
    for (std::size_t i = 0; counted && i < items.size(); ++i) {
        if (response.results[i].statusCode != UA_STATUSCODE_GOOD) continue;
        items[i]->followed = response.results[i].monitoredItemId;
        if (!items[i]->point) to_unfollow_.push_back(items[i]->followed);
    }
    if (exchange != exchange_ || !sync_) return go_on_syncing(exchange);
    if (is_too_much(status) && follow_max_ > 1) {
        follow_max_ = std::max<std::size_t>(items.size() / 2, 1);
        sync_->follow.insert(sync_->follow.end(), items.begin(), items.end());
        return go_on_syncing(exchange);
    }
    if (!counted)
        return end(exchange, Error{Code::unavailable, "the OPC UA server follows no variables: {}", explain(status)});
    for (std::size_t i = 0; i < items.size(); ++i) {
        const UA_StatusCode of_item = response.results[i].statusCode;
        if (of_item == UA_STATUSCODE_GOOD || !items[i]->point) continue;
        const bool no_filter = of_item == UA_STATUSCODE_BADFILTERNOTALLOWED ||
                               of_item == UA_STATUSCODE_BADMONITOREDITEMFILTERUNSUPPORTED ||
                               of_item == UA_STATUSCODE_BADMONITOREDITEMFILTERINVALID ||
                               of_item == UA_STATUSCODE_BADDEADBANDFILTERINVALID;
        if (no_filter && !items[i]->plain) {
            items[i]->plain = true;
            fault_ = fmt::format("the OPC UA server knows no dead band for {}: every change is taken",
                                 items[i]->place.at);
            sync_->follow.push_back(items[i]);
            continue;
        }
        refuse(*items[i], explain(of_item));
    }
    go_on_syncing(exchange);
}

void UaDriver::ask_state(std::uint32_t exchange) {
    ++sync_->requests;
    UaArray<UA_ReadValueId> nodes(1, UA_TYPES[UA_TYPES_READVALUEID]);
    nodes[0].nodeId = node(UA_NS0ID_SERVER_SERVERSTATUS_STATE);
    nodes[0].attributeId = UA_ATTRIBUTEID_VALUE;
    UA_ReadRequest request;
    UA_ReadRequest_init(&request);
    request.nodesToRead = nodes.data();
    request.nodesToReadSize = 1;
    client_->ask(request, UA_TYPES[UA_TYPES_READREQUEST], UA_TYPES[UA_TYPES_READRESPONSE],
                 [this, exchange](const void* /*response*/) { go_on_syncing(exchange); });
}

void UaDriver::on_value(UA_Client* /*client*/, UA_UInt32 /*subscription*/, void* self, UA_UInt32 /*id*/, void* item,
                        UA_DataValue* value) {
    static_cast<UaDriver*>(self)->on_change(*static_cast<Item*>(item), *value);
}

void UaDriver::on_change(Item& item, const UA_DataValue& value) {
    if (!item.point) return;
    const UA_StatusCode status = status_of(value);
    // The first one is what was read already.
    const bool again = std::exchange(item.fresh, false) && value.hasSourceTimestamp &&
                       value.sourceTimestamp == item.time && status == item.status;
    if (again) return;
    if (value.hasValue && value.value.type != nullptr) item.type = value.value.type;
    constexpr UA_StatusCode kOverflow = 0x480;
    if ((status & kOverflow) == kOverflow)
        fault_ = fmt::format(
            "values of {} were lost: the server's queue of {} is too short for what it takes between two messages",
            item.place.at, config_.opcua.queue);
    heard_.push_back({&item, reading_of(property_of(item), value), time_of(value)});
}

// ---- commands ----

Result<void> UaDriver::check_write(const DeviceConfig& /*device*/, const PropertyConfig& property,
                                   const Value& /*value*/) const {
    TRY(wire::ua::parse_node_id(property.place.at));
    if (property.place.as.empty()) return {};
    return Error{Code::denied, "{} is an element of an array, which is only read", property.name};
}

Result<Buffer> UaDriver::write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) {
    may_have_written_ = false;
    const Item* const item = item_of(device, property);
    if (item == nullptr || item->type == nullptr)
        return Error{Code::unavailable, "{} has not been read yet, so its type is not known: nothing was written",
                     property.name};
    if (item->is_array) return Error{Code::denied, "{} is an array, which is only read", property.name};
    UaArray<UA_WriteValue> values(1, UA_TYPES[UA_TYPES_WRITEVALUE]);
    values[0].attributeId = UA_ATTRIBUTEID_VALUE;
    TRY(to_variant(property, value, *item->type, values[0].value.value));
    values[0].value.hasValue = true;
    values[0].nodeId = TRY(node_of(*item));
    const std::uint32_t exchange = begin();
    UA_WriteRequest request;
    UA_WriteRequest_init(&request);
    request.nodesToWrite = values.data();
    request.nodesToWriteSize = 1;
    may_have_written_ = true;
    client_->ask(request, UA_TYPES[UA_TYPES_WRITEREQUEST], UA_TYPES[UA_TYPES_WRITERESPONSE],
                 [this, exchange](const void* data) {
                     const auto& response = *static_cast<const UA_WriteResponse*>(data);
                     UA_StatusCode status = response.responseHeader.serviceResult;
                     if (status == UA_STATUSCODE_GOOD && response.resultsSize == 1) status = response.results[0];
                     Outcome outcome;
                     if (UA_StatusCode_isBad(status))
                         outcome.errors.push_back(Error{Code::denied, "{}", explain(status)});
                     end(exchange, std::move(outcome));
                 });
    return first_bytes();
}

Result<Buffer> UaDriver::read_back(const DeviceConfig& device, const PropertyConfig& property) {
    const Item* const item = item_of(device, property);
    if (item == nullptr) return Error{Code::unavailable, "{} is not read from the OPC UA server", property.name};
    UaArray<UA_ReadValueId> nodes(1, UA_TYPES[UA_TYPES_READVALUEID]);
    nodes[0].nodeId = TRY(node_of(*item));
    nodes[0].attributeId = UA_ATTRIBUTEID_VALUE;
    const std::uint32_t exchange = begin();
    UA_ReadRequest request;
    UA_ReadRequest_init(&request);
    request.nodesToRead = nodes.data();
    request.nodesToReadSize = 1;
    request.timestampsToReturn = UA_TIMESTAMPSTORETURN_BOTH;
    client_->ask(request, UA_TYPES[UA_TYPES_READREQUEST], UA_TYPES[UA_TYPES_READRESPONSE],
                 [this, exchange, property](const void* data) {
                     const auto& response = *static_cast<const UA_ReadResponse*>(data);
                     const UA_StatusCode status = response.responseHeader.serviceResult;
                     Outcome outcome;
                     if (status != UA_STATUSCODE_GOOD || response.resultsSize != 1)
                         outcome.errors.push_back(Error{Code::unavailable, "{}", explain(status)});
                     else
                         outcome.readings.push_back({0, reading_of(property, response.results[0]), 0});
                     end(exchange, std::move(outcome));
                 });
    return first_bytes();
}

}  // namespace

std::unique_ptr<Driver> make_opcua_driver(const LinkConfig& config) { return std::make_unique<UaDriver>(config); }

}  // namespace gongshu::connect
