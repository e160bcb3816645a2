#include "connect/ua_client.h"

#include <open62541/client_config_default.h>
#include <open62541/plugin/log.h>
#include <open62541/plugin/pki_default.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "base/assert.h"
#include "base/log.h"

namespace gongshu::connect {

namespace {

constexpr UA_UInt32 kAnswerMs = 60'000;  // the link itself gives up long before
// Small servers have few sessions, and each link that breaks leaves one behind for so long. What is polled keeps ours.
constexpr UA_UInt32 kSessionMs = 20'000;
constexpr UA_UInt32 kMessageBytesMax = 32 * 1024 * 1024;
constexpr UA_UInt16 kPublishRequests = 3;

UA_ByteString bytes_of(const Buffer& bytes) { return {bytes.size(), const_cast<UA_Byte*>(bytes.data())}; }

UA_String copy_of(std::string_view text) {
    UA_String out = UA_STRING_NULL;
    const UA_String from = ua_string(text);
    UA_String_copy(&from, &out);
    return out;
}

constexpr std::string_view kNoPolicy = "http://opcfoundation.org/UA/SecurityPolicy#None";

}  // namespace

struct UaClient::Call {
    UaClient* client = nullptr;
    Done done;
};

UaClient::UaClient(std::function<void()> on_open) : on_open_(std::move(on_open)) {
    logger_.log = on_log;
    logger_.context = this;
}

Result<std::unique_ptr<UaClient>> UaClient::create(const LinkConfig& config, const UaEndpoint* endpoint,
                                                   std::function<void()> on_open) {
    auto client = std::make_unique<UaClient>(std::move(on_open));
    TRY(client->set_up(config, endpoint));
    return client;
}

// The session is not closed here: who waits for an answer would wait for ever.
UaClient::~UaClient() {
    if (client_ == nullptr) return;
    ending_ = true;
    pipe_.refuse();
    pipe_.cut(pipe_.dialled());
    pipe_.cut(pipe_.standing());
    UA_Client_delete(client_);
}

Result<void> UaClient::set_up(const LinkConfig& config, const UaEndpoint* endpoint) {
    const OpcuaSettings& settings = config.opcua;
    with_session_ = endpoint != nullptr;
    secured_ = settings.mode != UaMode::none;
    UA_ClientConfig made;
    std::memset(&made, 0, sizeof made);
    made.clientContext = this;
    made.logging = &logger_;
    made.eventLoop = pipe_.loop();
    made.externalEventLoop = true;
    made.timeout = kAnswerMs;
    made.requestedSessionTimeout = kSessionMs;
    made.outStandingPublishRequests = kPublishRequests;
    made.stateCallback = on_state;
    made.noNewSession = true;
    made.noSession = !with_session_;
    made.clientDescription.applicationUri =
        copy_of(settings.identity == nullptr ? std::string_view("urn:gongshu") : settings.identity->uri);
    made.clientDescription.applicationName = UA_LOCALIZEDTEXT_ALLOC("en", "Gongshu");
    // The server's certificate is that of the endpoint, which the driver has looked at; the library refuses any other.
    UA_StatusCode status = UA_STATUSCODE_GOOD;
    if (with_session_ && settings.identity != nullptr)
        status = UA_ClientConfig_setDefaultEncryption(&made, bytes_of(settings.identity->certificate),
                                                      bytes_of(settings.identity->key), nullptr, 0, nullptr, 0);
    else
        status = UA_ClientConfig_setDefault(&made);
    if (status == UA_STATUSCODE_GOOD) {
        if (made.certificateVerification.clear != nullptr)
            made.certificateVerification.clear(&made.certificateVerification);
        UA_CertificateVerification_AcceptAll(&made.certificateVerification);
        made.certificateVerification.logging = &logger_;
    }
    made.localConnectionConfig.localMaxMessageSize = kMessageBytesMax;
    std::string url = settings.url;
    if (with_session_) {
        made.sessionName = copy_of(config.name);
        UA_EndpointDescription_copy(&endpoint->of, &made.endpoint);
        UA_String host = UA_STRING_NULL, path = UA_STRING_NULL;
        UA_UInt16 port = 0;
        if (UA_parseEndpointUrl(&endpoint->of.endpointUrl, &host, &port, &path) == UA_STATUSCODE_GOOD)
            url = text_of(endpoint->of.endpointUrl);
        if (!settings.user.empty())
            UA_ClientConfig_setAuthenticationUsername(&made, settings.user.c_str(), settings.password.c_str());
    } else {
        made.endpoint.securityMode = UA_MESSAGESECURITYMODE_NONE;
        made.endpoint.securityPolicyUri = copy_of(kNoPolicy);
        made.endpoint.endpointUrl = copy_of(url);
    }
    made.endpointUrl = copy_of(url);
    if (status == UA_STATUSCODE_GOOD) client_ = UA_Client_newWithConfig(&made);
    if (client_ == nullptr) {
        UA_ClientConfig_clear(&made);
        return Error{Code::unavailable, "cannot set up OPC UA: {} {}", name_of(status), complaint_};
    }
    __UA_Client_connect(client_, true);
    return state();
}

// ---- what the library says ----

void UaClient::on_log(void* context, UA_LogLevel level, UA_LogCategory /*category*/, const char* text, va_list args) {
    if (level < UA_LOGLEVEL_WARNING) return;
    char line[400];
    std::vsnprintf(line, sizeof line, text, args);
    static_cast<UaClient*>(context)->complaint_ = line;
    log_debug("opcua", "{}", line);
}

void UaClient::on_state(UA_Client* client, UA_SecureChannelState channel, UA_SessionState session,
                        UA_StatusCode status) {
    auto* const self = static_cast<UaClient*>(UA_Client_getContext(client));
    if (self == nullptr || self->ending_ || status != UA_STATUSCODE_GOOD) return;
    const bool open = channel == UA_SECURECHANNELSTATE_OPEN &&
                      (!self->with_session_ || session == UA_SESSIONSTATE_ACTIVATED);
    const bool opened = open && !self->open_;
    self->open_ = open;
    self->was_open_ |= open;
    if (opened) self->on_open_();
}

Error UaClient::broken(UA_StatusCode status) const {
    if (with_session_ && !was_open_) {
        const bool by_user = status == UA_STATUSCODE_BADUSERACCESSDENIED ||
                             status == UA_STATUSCODE_BADIDENTITYTOKENREJECTED ||
                             status == UA_STATUSCODE_BADIDENTITYTOKENINVALID;
        if (by_user)
            return Error{Code::denied, "the OPC UA server refuses this user name or password ({})", name_of(status)};
        // Some servers say it in a message of their own making, whose number means nothing.
        const bool is_strange = secured_ && status >> 16 == 0;
        return Error{Code::unavailable, "the OPC UA server refuses to let us in: {}",
                     explain(is_strange ? UA_STATUSCODE_BADSECURITYCHECKSFAILED : status)};
    }
    return Error{Code::unavailable, "the OPC UA server or the link to it broke off: {}", explain(status)};
}

Result<void> UaClient::state() const {
    if (failure_) return *failure_;
    UA_StatusCode status = UA_STATUSCODE_GOOD;
    if (client_ != nullptr) UA_Client_getState(client_, nullptr, nullptr, &status);
    if (status != UA_STATUSCODE_GOOD) return broken(status);
    return {};
}

void UaClient::fail(Error error) {
    if (!failure_) failure_ = std::move(error);
}

Buffer UaClient::take() { return pipe_.take(pipe_.standing()); }

void UaClient::feed(Bytes bytes) { pipe_.feed(pipe_.standing(), bytes); }

// ---- requests ----

void* UaClient::new_call(Done done) {
    calls_.push_back(std::make_unique<Call>(Call{this, std::move(done)}));
    return calls_.back().get();
}

void UaClient::on_sent(UA_StatusCode status, void* call) {
    if (status == UA_STATUSCODE_GOOD) return;
    std::erase_if(calls_, [&](const auto& one) { return one.get() == call; });
    fail(broken(status));
}

void UaClient::on_answer(UA_Client* /*client*/, void* userdata, UA_UInt32 /*id*/, void* response) {
    auto* const call = static_cast<Call*>(userdata);
    UaClient& self = *call->client;
    const Done done = std::move(call->done);
    std::erase_if(self.calls_, [&](const auto& one) { return one.get() == call; });
    if (!self.ending_) done(response);
}

}  // namespace gongshu::connect
