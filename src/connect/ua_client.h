#pragma once

#include <open62541/client.h>
#include <open62541/client_subscriptions.h>

#include <functional>
#include <memory>
#include <string>

#include "connect/link_config.h"
#include "connect/ua_pipe.h"
#include "connect/ua_value.h"

namespace gongshu::connect {

// An array of the library's that is made, given to a request and freed again.
template <class T>
class UaArray {
public:
    UaArray(std::size_t size, const UA_DataType& type)
        : data_(static_cast<T*>(UA_Array_new(size, &type))), size_(size), type_(type) {}
    ~UaArray() { UA_Array_delete(data_, size_, &type_); }
    UaArray(const UaArray&) = delete;
    T& operator[](std::size_t i) { return data_[i]; }
    T* data() { return data_; }
    std::size_t size() const { return size_; }

private:
    T* data_;
    std::size_t size_;
    const UA_DataType& type_;
};

// What a server offers at one address, and which of it is taken.
struct UaEndpoint {
    UaEndpoint() { UA_EndpointDescription_init(&of); }
    ~UaEndpoint() { UA_EndpointDescription_clear(&of); }
    UaEndpoint(const UaEndpoint&) = delete;
    UA_EndpointDescription of;
};

// One client of the library over a pipe. First without an endpoint: it opens a channel that is neither signed nor
// encrypted, to ask for those that there are. Then with one: it signs in.
// Lives:   owned by a driver, replaced by the next. Threads: one.
// Bounds:  what the library keeps: requests that were not answered, items that are followed.
class UaClient {
public:
    // `on_open`: the channel or, with an endpoint, the session stands.
    static Result<std::unique_ptr<UaClient>> create(const LinkConfig& config, const UaEndpoint* endpoint,
                                                    std::function<void()> on_open);
    explicit UaClient(std::function<void()> on_open);  // for create()
    ~UaClient();
    UaClient(const UaClient&) = delete;

    UA_Client* get() { return client_; }
    UaPipe& pipe() { return pipe_; }

    // Bytes to be sent.
    Buffer take();
    void feed(Bytes bytes);
    // Why it cannot go on; Code::invalid is never used.
    Result<void> state() const;
    void fail(Error error);

    // `done` gets the response, in which a status says why there is none. Not after the end of this.
    using Done = std::function<void(const void* response)>;
    template <class Request>
    void ask(const Request& request, const UA_DataType& request_type, const UA_DataType& response_type, Done done) {
        auto* const call = new_call(std::move(done));
        on_sent(__UA_Client_AsyncService(client_, &request, &request_type, on_answer, &response_type, call, nullptr),
                call);
    }
    // For those of the library's requests that have functions of their own.
    static void on_answer(UA_Client* client, void* userdata, UA_UInt32 id, void* response);
    void* new_call(Done done);
    void on_sent(UA_StatusCode status, void* call);

private:
    struct Call;
    Result<void> set_up(const LinkConfig& config, const UaEndpoint* endpoint);
    static void on_log(void* context, UA_LogLevel level, UA_LogCategory category, const char* text, va_list args);
    static void on_state(UA_Client* client, UA_SecureChannelState channel, UA_SessionState session,
                         UA_StatusCode status);
    Error broken(UA_StatusCode status) const;

    UaPipe pipe_;
    UA_Logger logger_{};
    UA_Client* client_ = nullptr;
    const std::function<void()> on_open_;
    bool with_session_ = false, secured_ = false, open_ = false, was_open_ = false, ending_ = false;
    std::string complaint_;  // what the library said last
    std::optional<Error> failure_;
    std::vector<std::unique_ptr<Call>> calls_;
};

}  // namespace gongshu::connect
