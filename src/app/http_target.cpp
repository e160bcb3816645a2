#include "app/http_target.h"

#include <algorithm>

#include "base/json_writer.h"
#include "io/loop.h"
#include "registry/json.h"

namespace gongshu::app {

// Those that were made stay made, so each try gets further.
Result<void> HttpTarget::post_tags(const std::string& body) {
    constexpr int kTriesMax = 40;
    constexpr DurationNs kWait = 5 * kSecond;
    for (int tries = 1;; ++tries) {
        const auto answer = fetch(server_, wire::HttpMethod::post, "/api/v1/imports:tags", body);
        if (answer) return take_kept(answer->body);
        if (answer.error().code() != Code::limit || tries == kTriesMax) return answer.error();
        const auto clock = io::make_system_clock();
        const auto loop = io::make_epoll_loop(*clock);
        loop->after(kWait, [&loop] { loop->stop(); });
        loop->run();
    }
}

// From when on the server keeps each of them; one of before does not say.
Result<void> HttpTarget::take_kept(const std::string& answer) {
    const Json json = TRY(registry::parse_json(answer).context("answer of imports:tags"));
    const Json* kept = json.is_object() ? json.as_object().if_contains("keeps_from") : nullptr;
    if (kept == nullptr || !kept->is_array()) return {};
    for (const Json& from : kept->as_array()) keeps_from_.push_back(from.is_int64() ? from.as_int64() : 0);
    return {};
}

// New ones only; the server keeps type and unit, which readings alone do not tell.
Result<void> HttpTarget::declare(std::span<const importer::Series> series) {
    constexpr std::size_t kTagsMax = 5000;  // a request
    while (heads_.size() < series.size()) {
        std::string body;
        JsonWriter json(body);
        json.begin_object().key("tags").begin_array();
        std::vector<std::string> heads;
        for (const importer::Series& one :
             series.subspan(heads_.size()).first(std::min(kTagsMax, series.size() - heads_.size()))) {
            json.begin_object()
                .key("tag")
                .text(one.path)
                .key("type")
                .text(to_string(one.type))
                .key("unit")
                .text(one.unit)
                .end_object();
            std::string head;
            JsonWriter(head).begin_object().key("tag").text(one.path).key("ts");
            heads.push_back(std::move(head));
            place_of_.emplace(one.path, place_of_.size());
        }
        json.end_array().end_object();
        TRY(post_tags(body));
        std::ranges::move(heads, std::back_inserter(heads_));
    }
    return {};
}

TimeNs HttpTarget::keeps_from(std::string_view path) const {
    const auto found = place_of_.find(path);
    return found != place_of_.end() && found->second < keeps_from_.size() ? keeps_from_[found->second] : 0;
}

Result<void> HttpTarget::send(std::string body) {
    body.back() = ']';  // instead of the last comma
    TRY(fetch(server_, wire::HttpMethod::post, "/api/v1/write/json?precision=ns&import=1", std::move(body)));
    return {};
}

Result<void> HttpTarget::write(std::span<const importer::Series> series, Rows rows) {
    TRY(declare(series));
    std::string body = "[";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        body += heads_[rows.tag(i).value - 1];
        fmt::format_to(std::back_inserter(body), "{},\"value\":", rows.time(i));
        const Value value = rows.value(i);
        if (const auto* number = std::get_if<double>(&value)) {
            const std::size_t begin = body.size();
            JsonWriter(body).number(*number);
            // A whole number must stay a number of the type it has: 1 would be an integer.
            if (body.find_first_of(".en", begin) == std::string::npos) body += ".0";
        } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
            fmt::format_to(std::back_inserter(body), "{}", *integer);
        } else if (const auto* boolean = std::get_if<bool>(&value)) {
            body += *boolean ? "true" : "false";
        } else {
            JsonWriter(body).text(std::get<std::string>(value));
        }
        if (!rows.quality(i).good()) {
            body += ",\"quality\":";
            JsonWriter(body).text(to_string(rows.quality(i)));
        }
        body += "},";
        if (body.size() < kBodyBytes) continue;
        TRY(send(std::move(body)));
        body = std::string{"["};
    }
    return body.size() > 1 ? send(std::move(body)) : Result<void>{};
}

}  // namespace gongshu::app
