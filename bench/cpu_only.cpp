// The Time Series Benchmark Suite's cpu-only case, in by line protocol over HTTP with all its tags, and its questions
// that both sides can be asked; every answer is held against what was generated.
#include <algorithm>
#include <cmath>
#include <map>

#include "bench/floors.h"
#include "bench/http_load.h"
#include "bench/served.h"
#include "bench/tsbs.h"
#include "bench/victoria.h"
#include "bench/workloads.h"
#include "io/machine.h"

namespace gongshu::bench {
namespace {

constexpr const char* kOurGuarantee = "it is in the store's log, and that is synced to the disk; it is seen at once";
constexpr std::size_t kRowsPerRequest = 1000;

struct Size {
    std::size_t hosts, ticks, repeats;
};

// A question of the suite: the greatest or the average of some fields of some hosts over so long, by so long.
struct Question {
    const char* name;
    std::size_t fields, hosts;  // 0 = all of them
    DurationNs length, bucket;
    bool average;
};
constexpr Question kQuestions[] = {
    {"single_groupby_1_1_1", 1, 1, kHour, kMinute, false}, {"single_groupby_1_1_12", 1, 1, 12 * kHour, kMinute, false},
    {"single_groupby_1_8_1", 1, 8, kHour, kMinute, false}, {"single_groupby_5_1_1", 5, 1, kHour, kMinute, false},
    {"single_groupby_5_8_1", 5, 8, kHour, kMinute, false}, {"cpu_max_all_1", 0, 1, 8 * kHour, kHour, false},
    {"cpu_max_all_8", 0, 8, 8 * kHour, kHour, false},      {"double_groupby_1", 1, 0, 12 * kHour, kHour, true},
    {"double_groupby_5", 5, 0, 12 * kHour, kHour, true},   {"double_groupby_all", 0, 0, 12 * kHour, kHour, true},
};

// One asking of it: which hosts, which window.
struct Asking {
    std::vector<std::size_t> fields, hosts;
    TimeNs from = 0;
    DurationNs length = 0;
    std::map<std::string, std::vector<double>> want;  // by "host_3.usage_user"
};

Asking asking_of(const TsbsCpu& data, const Question& question, Rng& rng) {
    Asking asking;
    for (std::size_t field = 0; field < (question.fields > 0 ? question.fields : TsbsCpu::kFields); ++field)
        asking.fields.push_back(field);
    std::vector<std::size_t> hosts(data.hosts());
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        hosts[i] = i;
        std::swap(hosts[i], hosts[rng.below(i + 1)]);
    }
    if (question.hosts > 0) hosts.resize(std::min(question.hosts, hosts.size()));
    asking.hosts = hosts;
    asking.length = std::min(question.length, (data.end() - data.start()) / question.bucket * question.bucket);
    const auto room = static_cast<std::uint64_t>((data.end() - data.start() - asking.length) / question.bucket);
    asking.from = data.start() + static_cast<TimeNs>(rng.below(room + 1)) * question.bucket;
    for (const std::size_t host : asking.hosts)
        for (const std::size_t field : asking.fields)
            asking.want[fmt::format("host_{}.{}", host, TsbsCpu::field_name(field))] =
                question.average ? data.average(host, field, asking.from, asking.length, question.bucket)
                                 : data.greatest(host, field, asking.from, asking.length, question.bucket);
    return asking;
}

// How many values of an answer are those that were wanted.
std::size_t count_right(const Asking& asking, const std::map<std::string, std::vector<double>>& got) {
    std::size_t right = 0;
    for (const auto& [key, want] : asking.want) {
        const auto found = got.find(key);
        if (found == got.end() || found->second.size() != want.size()) continue;
        for (std::size_t i = 0; i < want.size(); ++i) right += std::abs(found->second[i] - want[i]) < 1e-9 ? 1 : 0;
    }
    return right;
}

// The two sides of the same work.
class Side {
public:
    virtual ~Side() = default;
    virtual io::Address address() const = 0;
    virtual int id() const = 0;
    virtual std::string write_target() const = 0;
    virtual std::string token() const = 0;
    virtual Result<double> stored_bytes() = 0;  // after all was merged
    virtual std::string target(const Question& question, const Asking& asking) const = 0;
    virtual std::map<std::string, std::vector<double>> values(const Json& answer) const = 0;
    virtual std::string last_target() const = 0;
    virtual std::size_t count_last(const Json& answer) const = 0;
};

class Ours final : public Side {
public:
    Ours(const Bench& bench, const TsbsCpu& data, Served& served) : bench_(bench), data_(data), served_(served) {}
    io::Address address() const override { return served_.http(); }
    int id() const override { return served_.id(); }
    std::string write_target() const override { return "/api/v1/write?precision=ns"; }
    std::string token() const override { return served_.token(); }
    Result<double> stored_bytes() override {
        TRY(served_.ask(wire::HttpMethod::post, "/api/v1/admin/compact"));
        return static_cast<double>(TRY(bytes_below(bench_.files, bench_.folder + "/data/history")));
    }
    std::string target(const Question& question, const Asking& asking) const override {
        std::string target = "/api/v1/read?";
        const bool all = asking.hosts.size() == data_.hosts();
        if (asking.fields.size() == TsbsCpu::kFields) {  // hostname is the third of the tags in order of their names
            if (all) target += "tag=cpu/**&";
            for (const std::size_t host : asking.hosts)
                if (!all) target += fmt::format("tag=cpu/*/*/host_{}/**&", host);
        } else {
            for (const std::size_t field : asking.fields) {
                if (all) target += "tag=cpu/**." + TsbsCpu::field_name(field) + "&";
                for (const std::size_t host : asking.hosts)
                    if (!all) target += "tag=" + wire::percent_encode(data_.path(host, field)) + "&";
            }
        }
        return target + fmt::format("from={}&to={}&every={}s&agg={}", asking.from, asking.from + asking.length,
                                    question.bucket / kSecond, question.average ? "avg" : "max");
    }
    std::map<std::string, std::vector<double>> values(const Json& answer) const override {
        std::map<std::string, std::vector<double>> found;
        for (const Json& series : answer.at("series").as_array()) {
            auto& values = found[key_of(std::string_view(series.at("tag").as_string()))];
            for (const Json& row : series.at("rows").as_array()) values.push_back(row.at(1).to_number<double>());
        }
        return found;
    }
    std::string last_target() const override { return "/api/v1/last?tag=cpu/**"; }
    std::size_t count_last(const Json& answer) const override { return answer.at("series").as_array().size(); }

private:
    // cpu/…/host_3/….usage_user as host_3.usage_user
    static std::string key_of(std::string_view path) {
        const std::size_t host = path.find("/host_") + 1;
        return std::string(path.substr(host, path.find('/', host) - host)) + std::string(path.substr(path.rfind('.')));
    }
    const Bench& bench_;
    const TsbsCpu& data_;
    Served& served_;
};

class Theirs final : public Side {
public:
    Theirs(const Bench& bench, const TsbsCpu& data, const Victoria& peer) : bench_(bench), data_(data), peer_(peer) {}
    io::Address address() const override { return peer_.address(); }
    int id() const override { return peer_.id(); }
    std::string write_target() const override { return "/write?db=tsbs"; }
    std::string token() const override { return {}; }
    Result<double> stored_bytes() override {
        TRY(peer_.settle());
        TRY(wait_until_seen());
        return static_cast<double>(TRY(peer_.disk_bytes(bench_.files)));
    }
    // A window there ends with its time and does not hold its begin; a millisecond less makes it ours.
    std::string target(const Question& question, const Asking& asking) const override {
        std::string names, hosts;
        for (const std::size_t field : asking.fields) names += (names.empty() ? "" : "|") + TsbsCpu::field_name(field);
        for (const std::size_t host : asking.hosts) hosts += fmt::format("{}host_{}", hosts.empty() ? "" : "|", host);
        const bool all = asking.hosts.size() == data_.hosts();
        const std::string hostname = all ? "" : fmt::format(",hostname=~\"{}\"", hosts);
        const std::string query =
            fmt::format("{}_over_time({{__name__=~\"cpu_({})\"{}}}[{}s]) keep_metric_names",
                        question.average ? "avg" : "max", names, hostname, question.bucket / kSecond);
        return fmt::format("/api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={}&nocache=1",
                           wire::percent_encode(query), seconds(asking.from + question.bucket) - 0.001,
                           seconds(asking.from + asking.length) - 0.001, question.bucket / kSecond);
    }
    std::map<std::string, std::vector<double>> values(const Json& answer) const override {
        std::map<std::string, std::vector<double>> found;
        for (const Json& series : answer.at("data").at("result").as_array()) {
            const Json& metric = series.at("metric");
            auto& values = found[fmt::format("{}.{}", std::string_view(metric.at("hostname").as_string()),
                                             std::string_view(metric.at("__name__").as_string()).substr(4))];
            for (const Json& row : series.at("values").as_array())
                values.push_back(std::strtod(row.at(1).as_string().c_str(), nullptr));
        }
        return found;
    }
    std::string last_target() const override {
        return fmt::format("/api/v1/query?query={}&time={:.3f}&nocache=1",
                           wire::percent_encode(R"(last_over_time({__name__=~"cpu_.*"}[1h]))"), seconds(data_.end()));
    }
    std::size_t count_last(const Json& answer) const override {
        return answer.at("data").at("result").as_array().size();
    }

private:
    // What it acknowledged is not searched at once.
    Result<void> wait_until_seen() const {
        const std::string query = R"(sum(count_over_time({__name__=~"cpu_.*"}[7d])))";
        const std::string request = request_text(wire::HttpMethod::get,
                                                 fmt::format("/api/v1/query?query={}&time={:.3f}&nocache=1",
                                                             wire::percent_encode(query), seconds(data_.end())),
                                                 "");
        const DurationNs give_up = bench_.clock.monotonic() + kMinute;
        double seen = 0;
        const auto count = [&](const wire::HttpResponse& answer) -> Result<void> {
            const Json json = TRY(registry::parse_json(answer.body));
            const auto& found = json.at("data").at("result").as_array();
            seen = found.empty() ? 0 : std::strtod(found[0].at("value").at(1).as_string().c_str(), nullptr);
            return {};
        };
        while (seen < static_cast<double>(data_.points())) {
            if (bench_.clock.monotonic() > give_up)
                return Error{Code::timeout, "{:.0f} of {} points are seen after a minute", seen, data_.points()};
            TRY(run({.address = peer_.address(),
                     .request = [&](std::size_t) { return std::string_view(request); },
                     .on_answer = count}));
        }
        return {};
    }

    const Bench& bench_;
    const TsbsCpu& data_;
    const Victoria& peer_;
};

struct Counted {
    double sent = 0, right = 0;
};

Result<void> load(const Bench& bench, const Floors& floors, const TsbsCpu& data, Side& side,
                  std::vector<Measure>& measures) {
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < data.rows(); row += kRowsPerRequest) {
        std::string body;
        data.lines(row, std::min(data.rows(), row + kRowsPerRequest), body);
        texts.push_back(
            request_text(wire::HttpMethod::post, side.write_target(), side.token(), std::move(body), "text/plain"));
    }
    const double before = TRY(io::process_use(side.id())).cpu_s;
    const HttpLoaded loaded =
        TRY(run({.address = side.address(), .connections = 2, .count = texts.size(), .request = [&](std::size_t i) {
                     return std::string_view(texts[i]);
                 }}));
    const auto points = static_cast<double>(data.points());
    const double stored = TRY(side.stored_bytes());
    const double cpu = TRY(io::process_use(side.id())).cpu_s - before;
    const ExchangeFloor exchange = TRY(measure_exchange(
        bench.clock,
        {.connections = 2, .count = texts.size(), .request_bytes = texts.front().size(), .answer_bytes = 100}));
    const double text_bytes = static_cast<double>(loaded.bytes_out) / points;
    measures.push_back({"points_per_s", points / loaded.seconds, "/s",
                        exchange.per_s * points / static_cast<double>(texts.size()), true,
                        fmt::format("{:.1f} bytes of text a point through loopback, unread", text_bytes)});
    // With the merging, which both do behind: else who merges later would seem to work less.
    measures.push_back({"points_per_core_s", points / std::max(cpu, 1e-2), "/s", floors.memory_bytes_per_s / text_bytes,
                        true, "one pass over the text by one core of the server"});
    measures.push_back({"bytes_per_point", stored / points, "B", data.step_bytes(), false, "the entropy of the steps"});
    return {};
}

Result<void> ask(const Bench& bench, const TsbsCpu& data, Side& side, const Size& size, Counted& counted,
                 std::vector<Measure>& measures) {
    const auto measure = [&](const char* name, const std::vector<std::string>& texts,
                             const std::function<void(std::size_t, const Json&)>& look) -> Result<void> {
        std::size_t answered = 0;
        HttpLoaded loaded = TRY(run({.address = side.address(),
                                     .count = texts.size(),
                                     .request = [&](std::size_t i) { return std::string_view(texts[i]); },
                                     .on_answer = [&](const wire::HttpResponse& answer) -> Result<void> {
                                         look(answered++, TRY(registry::parse_json(answer.body)));
                                         return {};
                                     }}));
        const auto answer_bytes = static_cast<std::size_t>(loaded.bytes_in) / texts.size();
        const ExchangeFloor exchange = TRY(measure_exchange(
            bench.clock, {.count = texts.size(), .request_bytes = texts.front().size(), .answer_bytes = answer_bytes}));
        measures.push_back({fmt::format("{}_p50_ms", name), seconds(quantile(loaded.latencies, 0.5)) * 1e3, "ms",
                            exchange.p50_s * 1e3, false,
                            fmt::format("{} bytes of answer through loopback", answer_bytes)});
        return {};
    };
    Rng rng{7};
    for (const Question& question : kQuestions) {
        std::vector<Asking> askings;
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < size.repeats; ++i) {
            askings.push_back(asking_of(data, question, rng));
            texts.push_back(request_text(wire::HttpMethod::get, side.target(question, askings.back()), side.token()));
        }
        TRY(measure(question.name, texts, [&](std::size_t i, const Json& answer) {
                for (const auto& [key, want] : askings[i].want) counted.sent += static_cast<double>(want.size());
                counted.right += static_cast<double>(count_right(askings[i], side.values(answer)));
            }).context("{}", question.name));
    }
    const std::vector<std::string> texts(size.repeats,
                                         request_text(wire::HttpMethod::get, side.last_target(), side.token()));
    return measure("lastpoint", texts, [&](std::size_t, const Json& answer) {
        counted.sent += static_cast<double>(data.hosts() * TsbsCpu::kFields);
        counted.right += static_cast<double>(side.count_last(answer));
    });
}

}  // namespace

Result<Report> run_cpu_only(const Bench& bench) {
    const Size size = bench.options.small ? Size{9, 720, 2} : Size{100, 8'640, 200};
    const TimeNs start = (bench.clock.now() / kDay - 2) * kDay;
    const TsbsCpu data{size.hosts, size.ticks, start, 123};
    Report report;
    const Floors floors = TRY(measure_floors(bench.files, bench.clock, bench.folder, bench.options.small));
    report.floors = numbers_of(floors);
    Counted ours;
    {
        const auto served = TRY(Served::start(bench.files, bench.options.program, bench.folder));
        Ours side{bench, data, *served};
        TRY(load(bench, floors, data, side, report.measures));
        TRY(ask(bench, data, side, size, ours, report.measures));
        report.costs.push_back({"memory_peak",
                                static_cast<double>(TRY(io::process_use(served->id())).memory_peak_bytes) / 1e6, "MB",
                                "of the server"});
    }
    report.sent = ours.sent;
    report.read_back = ours.right;
    if (bench.options.vs.empty()) return report;
    const auto peer = TRY(Victoria::start(bench.files, bench.folder, bench.options.peer));
    report.peer = Peer{"victoria-metrics", peer->version(), Victoria::kGuarantee, kOurGuarantee, {}};
    Theirs side{bench, data, *peer};
    Counted theirs;
    TRY(load(bench, floors, data, side, report.peer->measures).context("victoria-metrics"));
    TRY(ask(bench, data, side, size, theirs, report.peer->measures).context("victoria-metrics"));
    report.sent += theirs.sent;
    report.read_back += theirs.right;
    return report;
}

}  // namespace gongshu::bench
