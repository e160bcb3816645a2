#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/answer.h"
#include "api/core.h"
#include "api/gzip.h"
#include "api/hub.h"
#include "io/loop.h"
#include "wire/http.h"

namespace gongshu::api {

// Connection serves one HTTP connection: one request after another, each read whole, checked, handed to its handler and
// answered before the next one is looked at.
// Lives:   in the Hub, until the peer or a time-out ends it, or a long session takes its stream.
// Threads: the server's loop only.
// Bounds:  ApiOptions; what came beyond the request at work is kept up to kAheadBytesMax and reading is paused.
// Disk:    none.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(Hub& hub, std::unique_ptr<io::Stream> stream);
    ~Connection();

    void start();
    // Ends it if it has been silent or slow for too long.
    void check_deadline(DurationNs now);
    void close();
    // For whom an answer goes out piece by piece, which may take long; null if none does.
    const registry::Principal* reader_of_pieces() const {
        return state_ == State::sending && pieces_ && ask_ ? &ask_->who : nullptr;
    }

private:
    enum class State : std::uint8_t { reading, working, sending, cutting, closed };
    static constexpr std::size_t kAheadBytesMax = 1 << 20;
    static constexpr std::size_t kUnsentBytes = 512 << 10;  // more is not given to the stream at once
    static constexpr DurationNs kSendMax = 2 * kMinute;     // for the peer to take anything of an answer
    static constexpr DurationNs kCutDelay = kSecond;        // from the reason of a cut to the cut

    void on_data(Bytes bytes);
    void parse(Bytes bytes);
    // Whether the head tells who calls without computing a password; a token or session that is none is an error.
    Result<bool> is_known(const wire::HttpRequest& head) const;
    void forget_body();
    Result<std::uint64_t> on_head(const wire::HttpRequest& head, bool expects_continue);
    wire::HttpNext on_request(wire::HttpRequest request);

    Result<void> check_host(const wire::HttpRequest& request) const;
    Result<void> check_origin(const wire::HttpRequest& request) const;
    // What can be told of the caller without computing a password: false if that is needed.
    Result<bool> recognise(Ask& ask) const;
    // ?tenant=NAME: an administrator of the tenant default acts in another one.
    Result<void> enter_tenant(Ask& ask) const;
    Result<void> check_access(const Ask& ask) const;
    void check_basic(const AskPtr& ask);
    void check_password(const AskPtr& ask, std::string user, std::string password);
    void refuse_basic(const Error& error, const std::string& user);
    void dispatch(const AskPtr& ask);
    void run(const AskPtr& ask);
    bool answer_at_once(const AskPtr& ask);
    Result<void> let_out_path(const Ask& ask) const;
    void count_left(std::size_t bytes) const;
    void record_refusal(const AskPtr& ask);
    void take_over(const AskPtr& ask);
    std::function<void(Result<Answer>)> later(bool of_pool, TenantId tenant);

    void answer(Result<Answer> result);
    void refuse(const Error& error, int status);  // what the parser refused: answered, then closed
    void send(Answer answer);
    Answer static_answer(const Ask& ask);
    void encode(Answer& answer);
    void send_head(const Answer& answer, std::optional<std::uint64_t> length, bool chunked);
    void pump();
    void ask_for_piece();
    void on_piece(std::string piece, bool more, bool failed);
    void cut_off(const std::string& reason);
    void finish();

    // Constant.
    Hub& hub_;
    const std::string from_;
    const bool loopback_;
    const bool secure_;
    // The request that is coming in or at work.
    std::unique_ptr<io::Stream> stream_;
    wire::HttpRequestParser parser_;
    State state_ = State::reading;
    Buffer ahead_;
    std::uint64_t serial_ = 0;  // of the request; an answer to an older one is dropped
    Match match_;
    std::uint64_t promised_bytes_ = 0;
    bool promised_to_stranger_ = false;
    AskPtr ask_;
    DurationNs deadline_;
    // The answer that goes out.
    std::string body_;
    std::size_t body_sent_ = 0;
    std::shared_ptr<Pieces> pieces_;
    bool piece_wanted_ = false;
    std::string_view door_;  // of Egress, under which its bytes are counted; "" = it tells nothing of a tenant
    bool keep_alive_ = true;
};

}  // namespace gongshu::api
