#include "bench/served.h"

#include <functional>

#include "bench/http_load.h"
#include "io/crypto.h"

namespace gongshu::bench {

namespace {

// Until `there` says true, the process ended or a minute is over; errors name `what`.
Result<void> wait_until(io::Process& process, const char* what, const std::function<bool()>& there) {
    constexpr DurationNs kGiveUp = kMinute;
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    const DurationNs end = clock->monotonic() + kGiveUp;
    Result<void> outcome;
    std::function<void()> look = [&] {
        if (there()) return loop->stop();
        if (process.ended())
            outcome = Error{Code::unavailable, "{} ended before it served", what};
        else if (clock->monotonic() > end)
            outcome = Error{Code::timeout, "{} does not serve after {} s", what, kGiveUp / kSecond};
        else
            return void(loop->after(5 * kMillisecond, look));
        loop->stop();
    };
    loop->after(0, look);
    loop->run();
    return outcome;
}

Result<io::Address> address_of(const Json& ready, const char* door) {
    const std::string url(std::string_view(ready.at(door).as_string()));
    return io::parse_address(url.substr(url.find("//") + 2));
}

}  // namespace

Result<std::unique_ptr<Served>> Served::start(io::Files& files, const std::string& program, const std::string& folder,
                                              const std::vector<std::string>& options) {
    std::unique_ptr<Served> served(new Served);
    const std::string ready = folder + "/ready.json", log = folder + "/log.txt", kept = folder + "/password";
    if (TRY(files.exists(ready))) {
        TRY(files.remove(ready));  // of the server that was here before
    } else {
        TRY(io::write_whole(files, kept, as_bytes(io::random_token()), 0600));
    }
    const Buffer secret = TRY(io::read_whole(files, kept, 4096));
    const std::string password(as_text(secret));
    std::vector<std::string> command{program,           "serve",   "--data",      folder + "/data",
                                     "--http",          "127.0.0.1:0", "--mqtt",  "127.0.0.1:0",
                                     "--ready-json",    ready,     "--admin-password-file", kept,
                                     "--log-level",     "warning"};
    command.insert(command.end(), options.begin(), options.end());
    served->process_ = TRY(io::spawn(command, log));
    auto waited = wait_until(*served->process_, "gongshu serve", [&] { return files.exists(ready).value_or(false); });
    if (!waited) {
        const auto lines = io::read_whole(files, log, 1 << 20);
        return std::move(waited).context("{}", lines ? as_text(*lines) : "").error();
    }
    const Buffer bytes = TRY(io::read_whole(files, ready, 1 << 16));
    const Json doors = TRY(registry::parse_json(as_text(bytes)));
    served->http_ = TRY(address_of(doors, "http"));
    served->mqtt_ = TRY(address_of(doors, "mqtt"));
    TRY(served->sign_in(password).context("cannot sign in to the server that was just started"));
    return served;
}

Result<void> Served::sign_in(const std::string& password) {
    const Json answer = TRY(
        ask(wire::HttpMethod::post, "/api/v1/session", fmt::format(R"({{"user":"admin","password":"{}"}})", password)));
    token_ = std::string_view(answer.at("token").as_string());
    return {};
}

Result<Json> Served::ask(wire::HttpMethod method, const std::string& target, std::string body,
                         const std::string& content_type) {
    const std::string request = request_text(method, target, token_, std::move(body), content_type);
    std::string text;
    TRY(run({.address = http_,
             .request = [&](std::size_t) { return std::string_view(request); },
             .on_answer = [&](const wire::HttpResponse& answer) -> Result<void> {
                 text = answer.body;
                 return {};
             }}));
    return text.empty() ? Json(nullptr) : registry::parse_json(text);
}

Result<double> count_readings(Served& served, const std::string& glob, TimeNs from, TimeNs to) {
    const Json answer =
        TRY(served.ask(wire::HttpMethod::get, fmt::format("/api/v1/read?tag={}&from={}&to={}&every=1d&agg=count",
                                                          wire::percent_encode(glob), from, to)));
    double count = 0;
    for (const Json& series : answer.at("series").as_array())
        for (const Json& row : series.at("rows").as_array()) count += row.at(1).to_number<double>();
    return count;
}

}  // namespace gongshu::bench
