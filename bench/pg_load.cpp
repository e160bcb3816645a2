#include "bench/pg_load.h"

#include <memory>
#include <optional>

namespace gongshu::bench {
namespace {

void put_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}
std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return number;
}
std::string message(char kind, std::string_view body) {
    std::string text(1, kind);
    put_number(text, static_cast<std::uint32_t>(body.size() + 4));
    return text.append(body);
}
std::string startup() {
    constexpr std::uint32_t kVersion = 3 << 16;
    const std::string_view names("user\0postgres\0database\0postgres\0\0", 33);
    std::string text;
    put_number(text, static_cast<std::uint32_t>(names.size() + 8));
    put_number(text, kVersion);
    return text.append(names);
}

class Loader {
public:
    Loader(io::Loop& loop, const PgLoad& load) : loop_(loop), load_(load) {}

    Result<HttpLoaded> run() {
        loop_.connect(load_.address, {}, [this](Result<std::unique_ptr<io::Stream>> made) {
            if (!made) return end(std::move(made).error());
            stream_ = std::move(*made);
            stream_->set_send_bytes_max(std::size_t{1} << 30);
            stream_->start({.on_data = [this](Bytes bytes) { take(bytes); },
                            .on_closed = [this](const Error& error) { end(Error(error).context("the server")); },
                            .on_drained = {}});
            stream_->send(as_bytes(startup()));
        });
        loop_.after(5 * kMinute, [this] { end(Error{Code::timeout, "not answered within five minutes"}); });
        loop_.run();
        if (error_) return std::move(*error_);
        loaded_.seconds = seconds_of(loop_.clock().monotonic() - begin_);
        return std::move(loaded_);
    }

private:
    static double seconds_of(DurationNs time) { return static_cast<double>(time) / static_cast<double>(kSecond); }

    void send(std::string_view bytes) {
        loaded_.bytes_out += bytes.size();
        stream_->send(as_bytes(bytes));
    }
    void take(Bytes bytes) {
        loaded_.bytes_in += bytes.size();
        received_.append(as_text(bytes));
        std::size_t at = 0;
        while (received_.size() >= at + 5 && received_.size() >= at + 1 + number_at(received_, at + 1)) {
            const std::size_t size = number_at(received_, at + 1) - 4;
            handle(received_[at], std::string_view(received_).substr(at + 5, size));
            at += 5 + size;
            if (error_) return;
        }
        received_.erase(0, at);
    }
    void handle(char kind, std::string_view body) {
        switch (kind) {
            case 'Z':
                return ready();
            case 'D':
                return row(body);
            case 'E':
                return refused(body);
            case 'G':
                send(message('d', load_.copy(sent_ - 1)));
                return send(message('c', ""));
            case 'R':
                if (number_at(body, 0) != 0) end(Error{Code::denied, "the server wants a password"});
                return;
            default:
                return;  // what it tells of columns, parameters and how many rows there were
        }
    }
    // It is ready for the next statement, also for the first.
    void ready() {
        const DurationNs now = loop_.clock().monotonic();
        if (sent_ == 0) begin_ = now;
        if (sent_ > 0) loaded_.latencies.push_back(now - sent_at_);
        if (sent_ == load_.count || (load_.enough > 0 && sent_ > 0 && now - begin_ > load_.enough)) {
            stream_->send(as_bytes(message('X', "")));
            return loop_.stop();
        }
        sent_at_ = now;
        std::string text = load_.statement(sent_++);
        text += '\0';
        send(message('Q', text));
    }
    void row(std::string_view body) {
        if (!load_.on_row) return;
        row_.clear();
        for (std::size_t at = 2; at + 4 <= body.size();) {
            const auto size = static_cast<std::int32_t>(number_at(body, at));
            at += 4;
            row_.push_back(size < 0 ? std::string_view() : body.substr(at, static_cast<std::size_t>(size)));
            at += size < 0 ? 0 : static_cast<std::size_t>(size);
        }
        load_.on_row(sent_ - 1, row_);
    }
    void refused(std::string_view body) {
        std::string text;
        for (const char c : body) text += c == '\0' ? ' ' : c;
        end(Error{Code::unavailable, "the server says: {}", text});
    }
    void end(Error error) {
        if (!error_) error_ = std::move(error);
        loop_.stop();
    }

    io::Loop& loop_;
    const PgLoad& load_;
    std::unique_ptr<io::Stream> stream_;
    std::string received_;
    std::vector<std::string_view> row_;
    HttpLoaded loaded_;
    std::size_t sent_ = 0;
    DurationNs begin_ = 0, sent_at_ = 0;
    std::optional<Error> error_;
};

}  // namespace

Result<HttpLoaded> run_statements(const PgLoad& load) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    return Loader(*loop, load).run();
}

}  // namespace gongshu::bench
