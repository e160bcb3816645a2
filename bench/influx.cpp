// InfluxDB 1.x, as it comes, but that it compacts after seconds and not hours, and that its requests may be of any
// size.
#include "bench/http_rival.h"
#include "bench/peer.h"
#include "registry/json.h"

namespace gongshu::bench {
namespace {

constexpr const char* kSettings = R"(reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  cache-snapshot-write-cold-duration = "2s"
  compact-full-write-cold-duration = "4s"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
  max-body-size = 0
[logging]
  level = "error"
)";

class Influx final : public HttpRival {
public:
    static Result<std::unique_ptr<Rival>> start(const RivalParts& parts) {
        io::Files& files = parts.bench.files;
        const std::string program =
            TRY(find_program(files, parts.program, {"/usr/bin/influxd", "/usr/local/bin/influxd"}, "influxdb"));
        std::unique_ptr<Influx> peer(new Influx(parts));
        peer->version_ = parts.program.empty() ? package_version(files, "influxdb", parts.folder) : parts.program;
        peer->address_ = TRY(free_address());
        const io::Address rpc = TRY(free_address());
        const std::string settings = parts.folder + "/influx.conf";
        TRY(io::write_whole(files, settings,
                            as_bytes(fmt::format(fmt::runtime(kSettings), fmt::arg("folder", parts.folder),
                                                 fmt::arg("rpc", rpc.port), fmt::arg("http", peer->address_.port))),
                            0600));
        peer->process_ = TRY(io::spawn({program, "-config", settings}, parts.folder + "/log.txt"));
        TRY(wait_until_it_answers(peer->address_, *peer->process_, "influxd"));
        TRY(peer->send(wire::HttpMethod::post, "/query?q=CREATE%20DATABASE%20tsbs", " "));
        return std::unique_ptr<Rival>(std::move(peer));
    }

    std::string version() const override { return version_; }
    // The cache goes into files, and these into larger ones, when nothing is written for some seconds.
    Result<void> settle() override {
        constexpr std::uint64_t kEmptyLog = 1 << 20;
        const DurationNs give_up = clock_.monotonic() + kMinute;
        do wait_until_still([&] { return stored_bytes(); });
        while (bytes_below(files_, folder_ + "/wal") > kEmptyLog && clock_.monotonic() < give_up);
        return {};
    }
    Result<std::uint64_t> disk_bytes() override { return stored_bytes(); }
    Result<io::ProcessUse> use() override { return io::family_use(process_->id()); }
    bool can_answer(const Question&) const override { return true; }

protected:
    io::Address address() const override { return address_; }
    std::vector<std::string> write_requests(const TsbsCpu& data) const override {
        return line_requests(data, "/write?db=tsbs", "");
    }
    std::optional<LineDoor> line_door() const override { return LineDoor{"/write?db=tsbs", ""}; }
    std::string question_request(const Asking& asking) const override {
        return request_text(wire::HttpMethod::get, "/query?db=tsbs&epoch=ns&q=" + wire::percent_encode(query(asking)),
                            "");
    }
    std::string range_request(const RangeAsking& asking) const override {
        return request_text(wire::HttpMethod::get,
                            "/query?db=tsbs&epoch=ns&q=" + wire::percent_encode(range_query(asking)), "");
    }
    Result<Cells> cells(const Asking&, const std::string& answer) const override {
        return cells_by("hostname", answer);
    }
    Result<Cells> range_cells(const RangeAsking& asking, const std::string& answer) const override {
        return cells_by(asking.set->shape().device_tag, answer);
    }

private:
    explicit Influx(const RivalParts& parts)
        : files_(parts.bench.files), clock_(parts.bench.clock), folder_(parts.folder) {}
    std::uint64_t stored_bytes() const {
        std::uint64_t bytes = 0;  // without the series file, which takes its room before it is used
        for (const char* part : {"/data/tsbs/autogen", "/wal"}) bytes += bytes_below(files_, folder_ + part);
        return bytes;
    }
    static Result<Cells> cells_by(const std::string& tag, const std::string& answer) {
        Cells found;
        const Json json = TRY(registry::parse_json(answer));
        const Json& result = json.at("results").at(0);
        if (const Json* error = result.as_object().if_contains("error"))
            return Error{Code::unavailable, "{}", std::string_view(error->as_string())};
        const Json* all = result.as_object().if_contains("series");
        if (all == nullptr) return found;
        for (const Json& series : all->as_array()) {
            const Json* tags = series.as_object().if_contains("tags");
            const std::string_view host = tags != nullptr ? std::string_view(tags->at(tag).as_string()) : kAllHosts;
            const auto& columns = series.at("columns").as_array();
            for (std::size_t i = 1; i < columns.size(); ++i) {
                auto& values = found[cell_name(host, std::string_view(columns[i].as_string()))];
                for (const Json& row : series.at("values").as_array())
                    if (!row.at(i).is_null()) values.push_back(number_of(row.at(i)));
            }
        }
        return found;
    }
    // Some names are words of the language there.
    static std::string quoted(const std::string& name) { return "\"" + name + "\""; }
    static std::string range_query(const RangeAsking& asking) {
        const RangeQuestion& question = *asking.question;
        const auto& shape = asking.set->shape();
        static constexpr const char* kFolds[] = {"max", "mean", "count", "last", ""};
        const std::string fold = kFolds[static_cast<std::size_t>(question.fold)];
        std::string fields, devices;
        for (const std::size_t field : asking.fields) {
            const std::string& name = asking.measurement().fields[field].name;
            fields += fields.empty() ? "" : ",";
            fields += fold.empty() ? quoted(name) : fmt::format("{}({}) AS {}", fold, quoted(name), quoted(name));
        }
        for (const std::size_t device : asking.devices)
            devices += fmt::format("{}{}='{}'", devices.empty() ? "" : " OR ", quoted(shape.device_tag),
                                   shape.devices[device].name);
        if (!question.tag.empty()) devices = fmt::format("{}='{}'", quoted(question.tag), asking.tag_value);
        std::string text = fmt::format("SELECT {} FROM {} WHERE time >= {} AND time < {}", fields,
                                       quoted(asking.measurement().name), asking.from, asking.to);
        if (!asking.all_devices || !question.tag.empty()) text += fmt::format(" AND ({})", devices);
        if (question.bucket == 0) return text + " GROUP BY " + quoted(shape.device_tag);
        return text + fmt::format(" GROUP BY time({}s),{}", question.bucket / kSecond, quoted(shape.device_tag));
    }
    static std::string query(const Asking& asking) {
        const Question& question = *asking.question;
        const bool average = question.wanted == Wanted::average, raw = question.bucket == 0;
        std::string fields, hosts;
        for (const std::size_t field : asking.fields) {
            const std::string name = TsbsCpu::field_name(field);
            fields += fields.empty() ? "" : ",";
            fields += raw ? name : fmt::format("{}({}) AS {}", average ? "mean" : "max", name, name);
        }
        for (const std::size_t host : asking.hosts)
            hosts += fmt::format("{}hostname='{}'", hosts.empty() ? "" : " OR ", host_name(host));
        std::string text = fmt::format("SELECT {} FROM cpu", fields);
        if (question.wanted == Wanted::last) return text + " GROUP BY hostname ORDER BY time DESC LIMIT 1";
        text += fmt::format(" WHERE time >= {} AND time < {}", asking.from, asking.to);
        if (!asking.all_hosts) text += fmt::format(" AND ({})", hosts);
        if (question.wanted == Wanted::high)
            return text + fmt::format(" AND usage_user > {} GROUP BY hostname", kHighOver);
        text += fmt::format(" GROUP BY time({}s)", question.bucket / kSecond);
        if (question.wanted == Wanted::newest_minutes)
            return text + fmt::format(" ORDER BY time DESC LIMIT {}", kNewestMinutes);
        return text + ",hostname";
    }

    io::Files& files_;
    const Clock& clock_;
    const std::string folder_;
    std::unique_ptr<io::Process> process_;
    io::Address address_;
    std::string version_;
};

}  // namespace

Result<std::unique_ptr<Rival>> start_influx(const RivalParts& parts) { return Influx::start(parts); }

}  // namespace gongshu::bench
