#pragma once

#include <open62541/nodeids.h>
#include <open62541/plugin/accesscontrol_default.h>
#include <open62541/plugin/pki_default.h>
#include <open62541/server.h>
#include <open62541/server_config_default.h>

#include <cstdarg>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/assert.h"
#include "connect/ua_identity.h"
#include "connect/ua_pipe.h"
#include "connect/ua_value.h"
#include "io/loop.h"

namespace gongshu::connect {

// An OPC UA server of open62541 on a loop, for tests. Its namespace 1 holds what value() and text() make.
class SimUaServer {
public:
    struct Options {
        bool secure = false;  // all policies, signed and encrypted; else None alone
        std::shared_ptr<const UaIdentity> identity;
        std::string user, password;  // "" = nobody has to sign in
        UA_UInt32 read_max = 0, follow_max = 0;
        std::string called;  // the host that it says it has
    };

    SimUaServer(io::Loop& loop, const io::Address& address, Options options)
        : loop_(loop), address_(address), options_(std::move(options)) {
        power_on();
    }
    ~SimUaServer() { power_off(); }

    void power_on() {
        pipe_ = std::make_unique<UaPipe>();
        logger_ = {log, this, nullptr};
        UA_ServerConfig config{};
        config.logging = &logger_;
        config.eventLoop = pipe_->loop();
        config.externalEventLoop = false;  // it is stopped with the server, which waits for its end
        set_up(config);
        server_ = UA_Server_newWithConfig(&config);
        ASSERT(server_ != nullptr && UA_Server_run_startup(server_) == UA_STATUSCODE_GOOD);
        for (const auto& [name, value] : held_) add(name, value, loop_.clock().now());
        for (const auto& [name, value] : texts_) add_text(name, value);
        auto listener =
            loop_.listen(address_, {}, [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); });
        listener_ = std::move(listener.value());
        tick();
    }
    void power_off() {
        if (server_ == nullptr) return;
        loop_.cancel(timer_);
        listener_.reset();
        links_.clear();
        UA_Server_run_shutdown(server_);
        ASSERT(UA_Server_delete(server_) == UA_STATUSCODE_GOOD);
        server_ = nullptr;
        pipe_.reset();
    }

    // ns=1;s=name, a Double.
    void value(const std::string& name, double value, TimeNs time = 0, UA_StatusCode status = UA_STATUSCODE_GOOD) {
        const bool known = held_.contains(name);
        held_[name] = value;
        if (!known) return add(name, value, time);
        UA_DataValue data = data_of(time, status);
        UA_Variant_setScalar(&data.value, &value, &UA_TYPES[UA_TYPES_DOUBLE]);
        ASSERT(UA_Server_writeDataValue(server_, id(name), data) == UA_STATUSCODE_GOOD);
    }
    void text(const std::string& name, const std::string& value) {
        texts_[name] = value;
        add_text(name, value);
    }
    double held(const std::string& name) {
        UA_Variant out;
        ASSERT(UA_Server_readValue(server_, id(name), &out) == UA_STATUSCODE_GOOD);
        const double value = *static_cast<const double*>(out.data);
        UA_Variant_clear(&out);
        return value;
    }
    std::size_t sessions() {
        const UA_ServerStatistics statistics = UA_Server_getStatistics(server_);
        return statistics.ss.currentSessionCount;
    }
    UA_Server* server() { return server_; }
    // All links break off; the server stays.
    void cut() {
        for (const auto& link : std::exchange(links_, {})) {
            pipe_->cut(link->id);
            link->stream->close();
        }
    }
    // ns=1;s=name, an array of bytes.
    void bytes(const std::string& name, const std::string& value) {
        UA_VariableAttributes attributes = UA_VariableAttributes_default;
        UA_ByteString of = ua_string(value);
        UA_Variant_setScalar(&attributes.value, &of, &UA_TYPES[UA_TYPES_BYTESTRING]);
        attributes.dataType = UA_TYPES[UA_TYPES_BYTESTRING].typeId;
        add(name, attributes);
    }
    // The next bytes are held back for ever, as if the machine hung.
    bool silent = false;
    // What is asked is looked at later.
    bool slow = false;
    // Each request that comes, by the number of its encoding, before it is looked at.
    using Message = std::span<std::uint8_t>;
    std::function<void(std::uint32_t type, Message message)> on_request;
    // It becomes one that the server does not know.
    static void spoil(Message message) { set_type(message, UA_NS0ID_QUERYFIRSTREQUEST_ENCODING_DEFAULTBINARY); }
    int accepted = 0;
    std::vector<std::string> complaints;

    static UA_NodeId id(const std::string& name) {
        return UA_NODEID_STRING(1, const_cast<char*>(name.c_str()));
    }

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        UaPipe::Id id = 0;
        Buffer in;
    };

    // Behind the headers of the message and of the channel, in a channel that is not encrypted.
    static constexpr std::size_t kTypeAt = 26;
    static void set_type(Message message, std::uint32_t type) {
        message[kTypeAt] = static_cast<std::uint8_t>(type);
        message[kTypeAt + 1] = static_cast<std::uint8_t>(type >> 8);
    }

    static void log(void* context, UA_LogLevel level, UA_LogCategory, const char* text, va_list args) {
        char line[400];
        std::vsnprintf(line, sizeof line, text, args);
        if (level >= UA_LOGLEVEL_WARNING) static_cast<SimUaServer*>(context)->complaints.emplace_back(line);
    }

    void set_up(UA_ServerConfig& config) {
        const auto bytes = [](const Buffer& of) { return UA_ByteString{of.size(), const_cast<UA_Byte*>(of.data())}; };
        UA_StatusCode status = UA_STATUSCODE_GOOD;
        if (options_.secure) {
            UA_ByteString certificate = bytes(options_.identity->certificate), key = bytes(options_.identity->key);
            status = UA_ServerConfig_setDefaultWithSecurityPolicies(&config, address_.port, &certificate, &key, nullptr,
                                                                    0, nullptr, 0, nullptr, 0);
        } else {
            status = UA_ServerConfig_setMinimal(&config, address_.port, nullptr);
        }
        ASSERT(status == UA_STATUSCODE_GOOD);
        config.secureChannelPKI.clear(&config.secureChannelPKI);
        config.sessionPKI.clear(&config.sessionPKI);
        UA_CertificateVerification_AcceptAll(&config.secureChannelPKI);
        UA_CertificateVerification_AcceptAll(&config.sessionPKI);
        if (options_.identity != nullptr) {
            UA_String_clear(&config.applicationDescription.applicationUri);
            const UA_String uri = ua_string(options_.identity->uri);
            UA_String_copy(&uri, &config.applicationDescription.applicationUri);
        }
        if (!options_.user.empty()) {
            UA_UsernamePasswordLogin login{ua_string(options_.user), ua_string(options_.password)};
            config.accessControl.clear(&config.accessControl);
            status = UA_AccessControl_default(&config, false, nullptr, 1, &login);
            ASSERT(status == UA_STATUSCODE_GOOD);
        }
        config.maxNodesPerRead = options_.read_max;
        config.maxMonitoredItemsPerCall = options_.follow_max;
        config.samplingIntervalLimits.min = 10;
        config.publishingIntervalLimits.min = 10;
        const std::string host = options_.called.empty() ? address_.host : options_.called;
        const std::string url = fmt::format("opc.tcp://{}:{}", host, address_.port);
        UA_Array_delete(config.serverUrls, config.serverUrlsSize, &UA_TYPES[UA_TYPES_STRING]);
        const UA_String text = ua_string(url);
        status = UA_Array_copy(&text, 1, reinterpret_cast<void**>(&config.serverUrls), &UA_TYPES[UA_TYPES_STRING]);
        ASSERT(status == UA_STATUSCODE_GOOD);
        config.serverUrlsSize = 1;
    }

    static UA_DataValue data_of(TimeNs time, UA_StatusCode status) {
        UA_DataValue data;
        UA_DataValue_init(&data);
        data.hasValue = true;
        data.hasStatus = status != UA_STATUSCODE_GOOD;
        data.status = status;
        data.hasSourceTimestamp = time != 0;
        data.sourceTimestamp = ua_time(time);
        return data;
    }

    void add(const std::string& name, double value, TimeNs time) {
        UA_VariableAttributes attributes = UA_VariableAttributes_default;
        UA_Variant_setScalar(&attributes.value, &value, &UA_TYPES[UA_TYPES_DOUBLE]);
        attributes.dataType = UA_TYPES[UA_TYPES_DOUBLE].typeId;
        add(name, attributes);
        // Else the time would be the machine's, not that of the simulated world.
        UA_DataValue data = data_of(time, UA_STATUSCODE_GOOD);
        UA_Variant_setScalar(&data.value, &value, &UA_TYPES[UA_TYPES_DOUBLE]);
        ASSERT(UA_Server_writeDataValue(server_, id(name), data) == UA_STATUSCODE_GOOD);
    }
    void add_text(const std::string& name, const std::string& value) {
        UA_VariableAttributes attributes = UA_VariableAttributes_default;
        UA_String text = ua_string(value);
        UA_Variant_setScalar(&attributes.value, &text, &UA_TYPES[UA_TYPES_STRING]);
        attributes.dataType = UA_TYPES[UA_TYPES_STRING].typeId;
        add(name, attributes);
    }
    void add(const std::string& name, UA_VariableAttributes attributes) {
        attributes.accessLevel = UA_ACCESSLEVELMASK_READ | UA_ACCESSLEVELMASK_WRITE;
        ASSERT(UA_Server_addVariableNode(server_, id(name), UA_NODEID_NUMERIC(0, UA_NS0ID_OBJECTSFOLDER),
                                         UA_NODEID_NUMERIC(0, UA_NS0ID_ORGANIZES),
                                         UA_QUALIFIEDNAME(1, const_cast<char*>(name.c_str())),
                                         UA_NODEID_NUMERIC(0, UA_NS0ID_BASEDATAVARIABLETYPE), attributes, nullptr,
                                         nullptr) == UA_STATUSCODE_GOOD);
    }

    void tick() {
        timer_ = loop_.after(10 * kMillisecond, [this] {
            pipe_->tick(10 * kMillisecond);
            flush();
            const auto links = links_;
            for (const auto& link : links) take_in(*link);
            tick();
        });
    }

    void accept(std::unique_ptr<io::Stream> stream) {
        ++accepted;
        auto link = std::make_shared<Link>();
        link->stream = std::move(stream);
        link->id = pipe_->accept();
        links_.push_back(link);
        std::weak_ptr<Link> weak = link;
        io::Stream::Events events;
        events.on_data = [this, weak](Bytes bytes) {
            const auto self = weak.lock();
            if (!self || silent) return;
            self->in.insert(self->in.end(), bytes.begin(), bytes.end());
            take_in(*self);
        };
        events.on_closed = [this, weak](const Error&) {
            const auto self = weak.lock();
            if (!self) return;
            pipe_->cut(self->id);
            std::erase(links_, self);
        };
        link->stream->start(std::move(events));
    }

    // Message by message.
    void take_in(Link& link) {
        while (!slow && link.in.size() >= 8) {
            const auto byte = [&](std::size_t i) { return std::uint32_t{link.in[i]}; };
            const std::size_t size = byte(4) | byte(5) << 8 | byte(6) << 16 | byte(7) << 24;
            if (size < 8 || size > link.in.size()) return;
            Buffer message(link.in.begin(), link.in.begin() + static_cast<std::ptrdiff_t>(size));
            link.in.erase(link.in.begin(), link.in.begin() + static_cast<std::ptrdiff_t>(size));
            const bool is_request = size > kTypeAt + 1 && message[0] == 'M' && message[1] == 'S' && message[2] == 'G';
            if (is_request && on_request)
                on_request(message[kTypeAt] | std::uint32_t{message[kTypeAt + 1]} << 8, message);
            pipe_->feed(link.id, message);
            flush();
        }
    }

    void flush() {
        const auto links = links_;
        for (const auto& link : links) {
            if (const Buffer bytes = pipe_->take(link->id); !bytes.empty() && !silent) link->stream->send(bytes);
            if (!pipe_->gone(link->id)) continue;
            link->stream->close();
            std::erase(links_, link);
        }
    }

    io::Loop& loop_;
    const io::Address address_;
    const Options options_;
    UA_Logger logger_{};
    std::unique_ptr<UaPipe> pipe_;
    UA_Server* server_ = nullptr;
    std::map<std::string, double> held_;
    std::map<std::string, std::string> texts_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Link>> links_;
    io::TimerId timer_;
};

}  // namespace gongshu::connect
