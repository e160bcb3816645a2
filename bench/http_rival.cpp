#include "bench/http_rival.h"

#include "bench/floors.h"

namespace gongshu::bench {

namespace {

Result<HttpLoaded> send_all(const io::Address& address, const std::vector<std::string>& texts) {
    return run({.address = address, .connections = 2, .count = texts.size(), .request = [&](std::size_t i) {
                    return std::string_view(texts[i]);
                }});
}

// `cells` of the answer to each asking.
template <class Request, class CellsOf>
Result<HttpLoaded> ask_all(const io::Address& address, std::size_t count, DurationNs enough, const Request& request,
                           const CellsOf& cells, const Rival::Look& look) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(request(i));
    std::size_t answered = 0;
    return run({.address = address,
                .count = count,
                .enough = enough,
                .request = [&](std::size_t i) { return std::string_view(texts[i]); },
                .on_answer = [&](const wire::HttpResponse& answer) -> Result<void> {
                    look(answered, TRY(cells(answered, answer.body)));
                    ++answered;
                    return {};
                }});
}

}  // namespace

Result<HttpLoaded> HttpRival::load(const TsbsCpu& data) { return send_all(address(), write_requests(data)); }

Result<HttpLoaded> HttpRival::load_lines(const Lines& lines) {
    const auto door = line_door();
    if (!door) return Error{Code::unsupported, "it takes no lines"};
    return send_all(address(), line_requests(lines, door->target, door->token));
}

Result<HttpLoaded> HttpRival::ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) {
    return ask_all(
        address(), askings.size(), enough, [&](std::size_t i) { return question_request(askings[i]); },
        [&](std::size_t i, const std::string& answer) { return cells(askings[i], answer); }, look);
}

Result<HttpLoaded> HttpRival::ask_ranges(const std::vector<RangeAsking>& askings, DurationNs enough, const Look& look) {
    return ask_all(
        address(), askings.size(), enough, [&](std::size_t i) { return range_request(askings[i]); },
        [&](std::size_t i, const std::string& answer) { return range_cells(askings[i], answer); }, look);
}

Result<std::string> HttpRival::send(wire::HttpMethod method, const std::string& target, std::string body) const {
    const std::string request = request_text(method, target, "", std::move(body), "text/plain");
    std::string answer;
    TRY(run({.address = address(),
             .request = [&](std::size_t) { return std::string_view(request); },
             .on_answer = [&](const wire::HttpResponse& got) -> Result<void> {
                 answer = got.body;
                 return {};
             }}));
    return answer;
}

std::vector<std::string> line_requests(const Lines& lines, const std::string& target, const std::string& token) {
    constexpr std::size_t kRowsPerRequest = 1000;
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < lines.rows(); row += kRowsPerRequest) {
        std::string body;
        lines.lines(row, std::min(lines.rows(), row + kRowsPerRequest), body);
        texts.push_back(request_text(wire::HttpMethod::post, target, token, std::move(body), "text/plain"));
    }
    return texts;
}

double number_of(const Json& value) { return value.is_bool() ? value.as_bool() ? 1 : 0 : value.to_number<double>(); }

void wait_until_still(const std::function<std::uint64_t()>& bytes) {
    constexpr int kTimesTheSame = 4;
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    std::uint64_t before = 0;
    int same = 0;
    std::function<void()> look = [&] {
        const std::uint64_t now = bytes();
        same = now != 0 && now == before ? same + 1 : 0;
        before = now;
        if (same == kTimesTheSame) return loop->stop();
        loop->after(kSecond / 2, look);
    };
    loop->after(kSecond, look);
    loop->after(kMinute, [&] { loop->stop(); });
    loop->run();
}

}  // namespace gongshu::bench
