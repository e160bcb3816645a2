#include "bench/http_rival.h"

#include "bench/floors.h"

namespace gongshu::bench {

Result<HttpLoaded> HttpRival::load(const TsbsCpu& data) {
    const std::vector<std::string> texts = write_requests(data);
    return run({.address = address(), .connections = 2, .count = texts.size(), .request = [&](std::size_t i) {
                    return std::string_view(texts[i]);
                }});
}

Result<HttpLoaded> HttpRival::ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) {
    std::vector<std::string> texts;
    for (const Asking& asking : askings) texts.push_back(question_request(asking));
    std::size_t answered = 0;
    return run({.address = address(),
                .count = texts.size(),
                .enough = enough,
                .request = [&](std::size_t i) { return std::string_view(texts[i]); },
                .on_answer = [&](const wire::HttpResponse& answer) -> Result<void> {
                    look(answered, TRY(cells(askings[answered], answer.body)));
                    ++answered;
                    return {};
                }});
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

std::vector<std::string> line_requests(const TsbsCpu& data, const std::string& target, const std::string& token) {
    constexpr std::size_t kRowsPerRequest = 1000;
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < data.rows(); row += kRowsPerRequest) {
        std::string body;
        data.lines(row, std::min(data.rows(), row + kRowsPerRequest), body);
        texts.push_back(request_text(wire::HttpMethod::post, target, token, std::move(body), "text/plain"));
    }
    return texts;
}

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
