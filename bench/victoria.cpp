// VictoriaMetrics, as it comes, but for its retention and that answers are not cached.
#include "bench/victoria.h"

#include "bench/floors.h"
#include "bench/http_rival.h"
#include "bench/peer.h"
#include "registry/json.h"

namespace gongshu::bench {
namespace {

class Victoria final : public HttpRival {
public:
    static Result<std::unique_ptr<Rival>> start(const RivalParts& parts) {
        std::unique_ptr<Victoria> peer(new Victoria(parts));
        peer->server_ =
            TRY(start_victoria_server(parts.bench, parts.folder, parts.program, {"-search.latencyOffset=1s"}));
        return std::unique_ptr<Rival>(std::move(peer));
    }

    std::string version() const override { return server_.version; }
    Result<HttpLoaded> load(const TsbsCpu& data) override { return load_lines(data); }
    Result<HttpLoaded> load_lines(const Lines& lines) override {
        points_ = lines.points();
        end_ = lines.end();
        return HttpRival::load_lines(lines);
    }
    Result<void> settle() override {
        for (const char* target : {"/internal/force_flush", "/internal/force_merge", "/internal/force_flush"})
            TRY(send(wire::HttpMethod::get, target));
        wait_until_still([&] { return stored_bytes(); });
        return unasked_ ? Result<void>{} : wait_until_seen();
    }
    Result<std::uint64_t> disk_bytes() override { return stored_bytes(); }
    Result<io::ProcessUse> use() override { return io::family_use(server_.process->id()); }
    bool can_answer(const Question& question) const override {
        return question.wanted == Wanted::greatest || question.wanted == Wanted::average ||
               question.wanted == Wanted::last;
    }

protected:
    io::Address address() const override { return server_.address; }
    std::vector<std::string> write_requests(const TsbsCpu& data) const override {
        return line_requests(data, "/write?db=tsbs", "");
    }
    std::optional<LineDoor> line_door() const override { return LineDoor{"/write?db=tsbs", ""}; }
    std::string question_request(const Asking& asking) const override {
        std::string names, hosts;
        for (const std::size_t field : asking.fields) names += (names.empty() ? "" : "|") + TsbsCpu::field_name(field);
        for (const std::size_t host : asking.hosts) hosts += (hosts.empty() ? "" : "|") + host_name(host);
        const Question& question = *asking.question;
        const std::string hostname = asking.all_hosts ? "" : fmt::format(",hostname=~\"{}\"", hosts);
        const std::string series = fmt::format("{{__name__=~\"cpu_({})\"{}}}", names, hostname);
        if (question.wanted == Wanted::last) return instant(fmt::format("last_over_time({}[1h])", series), asking.to);
        return over_time(question.wanted == Wanted::average ? "avg" : "max", series, question.bucket, asking.from,
                         asking.to);
    }
    std::string range_request(const RangeAsking& asking) const override {
        const RangeQuestion& question = *asking.question;
        std::string names, devices;
        for (const std::size_t field : asking.fields)
            names += (names.empty() ? "" : "|") + asking.measurement().fields[field].name;
        const auto& shape = asking.set->shape();
        for (const std::size_t device : asking.devices)
            devices += (devices.empty() ? "" : "|") + shape.devices[device].name;
        std::string chosen;
        if (!question.tag.empty())
            chosen = fmt::format(",{}=\"{}\"", question.tag, asking.tag_value);
        else if (!asking.all_devices)
            chosen = fmt::format(",{}=~\"{}\"", shape.device_tag, devices);
        const std::string series = fmt::format("{{__name__=~\"{}_({})\"{}}}", asking.measurement().name, names, chosen);
        if (question.fold == Fold::last) return instant(fmt::format("last_over_time({}[1h])", series), asking.to);
        if (question.fold == Fold::raw)
            return instant(fmt::format("{}[{}s]", series, (asking.to - asking.from) / kSecond),
                           asking.to - kMillisecond);
        const char* const fold = question.fold == Fold::average ? "avg"
                                 : question.fold == Fold::count ? "count"
                                                                : "max";
        return over_time(fold, series, question.bucket, asking.from, asking.to);
    }
    Result<Cells> range_cells(const RangeAsking& asking, const std::string& answer) const override {
        Cells found;
        const Json json = TRY(registry::parse_json(answer));
        const std::size_t field_at = asking.measurement().name.size() + 1;
        for (const Json& series : json.at("data").at("result").as_array()) {
            const Json& metric = series.at("metric");
            auto& values = found[cell_name(std::string_view(metric.at(asking.set->shape().device_tag).as_string()),
                                           std::string_view(metric.at("__name__").as_string()).substr(field_at))];
            if (asking.question->fold == Fold::last) {
                values.push_back(value_in(series.at("value")));
                continue;
            }
            for (const Json& row : series.at("values").as_array()) values.push_back(value_in(row));
        }
        return found;
    }
    Result<Cells> cells(const Asking& asking, const std::string& answer) const override {
        Cells found;
        const Json json = TRY(registry::parse_json(answer));
        const bool one = asking.question->wanted == Wanted::last;
        for (const Json& series : json.at("data").at("result").as_array()) {
            const Json& metric = series.at("metric");
            auto& values = found[cell_name(std::string_view(metric.at("hostname").as_string()), field_of(metric))];
            if (one) {
                values.push_back(value_in(series.at("value")));
                continue;
            }
            for (const Json& row : series.at("values").as_array()) values.push_back(value_in(row));
        }
        return found;
    }

private:
    explicit Victoria(const RivalParts& parts)
        : files_(parts.bench.files), clock_(parts.bench.clock), folder_(parts.folder), unasked_(parts.unasked) {}
    static std::string instant(const std::string& query, TimeNs at) {
        return request_text(
            wire::HttpMethod::get,
            fmt::format("/api/v1/query?query={}&time={:.3f}&nocache=1", wire::percent_encode(query), seconds(at)), "");
    }
    // A window there ends with its time and does not hold its begin; a millisecond less makes it ours.
    static std::string over_time(const char* fold, const std::string& series, DurationNs bucket, TimeNs from,
                                 TimeNs to) {
        const std::string query =
            fmt::format("{}_over_time({}[{}s]) keep_metric_names", fold, series, bucket / kSecond);
        return request_text(wire::HttpMethod::get,
                            fmt::format("/api/v1/query_range?query={}&start={:.3f}&end={:.3f}&step={}&nocache=1",
                                        wire::percent_encode(query), seconds(from + bucket) - 0.001,
                                        seconds(to) - 0.001, bucket / kSecond),
                            "");
    }
    static double value_in(const Json& pair) { return std::strtod(pair.at(1).as_string().c_str(), nullptr); }
    // last_over_time() keeps the name as it is, the others are told to.
    static std::string_view field_of(const Json& metric) {
        return std::string_view(metric.at("__name__").as_string()).substr(4);
    }
    std::uint64_t stored_bytes() const {
        return bytes_below(files_, folder_ + "/data/data") + bytes_below(files_, folder_ + "/data/indexdb");
    }
    // What it acknowledged is not searched at once.
    Result<void> wait_until_seen() const {
        const std::string target =
            fmt::format("/api/v1/query?query={}&time={:.3f}&nocache=1",
                        wire::percent_encode(R"(sum(count_over_time({db="tsbs"}[7d])))"), seconds(end_));
        const DurationNs give_up = clock_.monotonic() + kMinute;
        double seen = 0;
        while (seen < static_cast<double>(points_)) {
            if (clock_.monotonic() > give_up)
                return Error{Code::timeout, "{:.0f} of {} points are seen after a minute", seen, points_};
            const Json json = TRY(registry::parse_json(TRY(send(wire::HttpMethod::get, target))));
            const auto& found = json.at("data").at("result").as_array();
            seen = found.empty() ? 0 : value_in(found[0].at("value"));
        }
        return {};
    }

    io::Files& files_;
    const Clock& clock_;
    const std::string folder_;
    const bool unasked_;
    VictoriaServer server_;
    std::size_t points_ = 0;
    TimeNs end_ = 0;
};

}  // namespace

Result<VictoriaServer> start_victoria_server(const Bench& bench, const std::string& folder, const std::string& program,
                                             const std::vector<std::string>& more) {
    const std::string path = TRY(find_program(
        bench.files, program, {"/usr/bin/victoria-metrics", "/usr/local/bin/victoria-metrics"}, "victoria-metrics"));
    VictoriaServer server;
    server.version = program.empty() ? package_version(bench.files, "victoria-metrics", folder) : program;
    server.address = TRY(free_address());
    std::vector<std::string> arguments{path, "-storageDataPath=" + folder + "/data",
                                       fmt::format("-httpListenAddr=127.0.0.1:{}", server.address.port),
                                       "-retentionPeriod=100y", "-loggerLevel=ERROR"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server.process = TRY(io::spawn(arguments, folder + "/log.txt"));
    TRY(wait_until_it_answers(server.address, *server.process, "victoria-metrics"));
    return server;
}

Result<std::unique_ptr<Rival>> start_victoria(const RivalParts& parts) { return Victoria::start(parts); }

}  // namespace gongshu::bench
