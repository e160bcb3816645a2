// This program itself, as it comes.
#include <bit>

#include "bench/http_rival.h"
#include "bench/peer.h"
#include "bench/served.h"
#include "wire/batch.h"

namespace gongshu::bench {
namespace {

class Ours final : public HttpRival {
public:
    Ours(const RivalParts& parts, Way way, std::unique_ptr<Served> served)
        : files_(parts.bench.files),
          folder_(parts.folder),
          version_(parts.bench.options.version),
          way_(way),
          served_(std::move(served)) {}

    std::string version() const override { return version_; }
    Result<HttpLoaded> load(const TsbsCpu& data) override {
        for (std::size_t host = 0; host < data.hosts(); ++host) {
            const std::string path = data.path(host, 0);
            devices_.push_back(path.substr(0, path.find('.')));
        }
        return HttpRival::load(data);
    }
    Result<void> settle() override {
        TRY(served_->ask(wire::HttpMethod::post, "/api/v1/admin/compact"));
        return {};
    }
    Result<std::uint64_t> disk_bytes() override { return bytes_below(files_, folder_ + "/data/history"); }
    Result<io::ProcessUse> use() override { return io::family_use(served_->id()); }
    bool can_answer(const Question&) const override { return true; }

protected:
    io::Address address() const override { return served_->http(); }
    std::vector<std::string> write_requests(const TsbsCpu& data) const override {
        return way_ == Way::lines ? line_requests(data, "/api/v1/write?precision=ns", served_->token())
                                  : batch_requests(data);
    }
    std::optional<LineDoor> line_door() const override {
        return LineDoor{"/api/v1/write?precision=ns", served_->token()};
    }
    std::string range_request(const RangeAsking& asking) const override {
        const RangeQuestion& question = *asking.question;
        std::string target = question.fold == Fold::last
                                 ? "/api/v1/last?"
                                 : fmt::format("/api/v1/read?from={}&to={}&", asking.from, asking.to);
        for (const std::string& tag : range_tags(asking)) target += "tag=" + wire::percent_encode(tag) + "&";
        if (question.fold == Fold::raw) target += "order=asc&limit=1000000";
        static constexpr const char* kFolds[] = {"max", "avg", "count"};
        if (question.fold < Fold::last)
            target += fmt::format("every={}s&agg={}", question.bucket / kSecond,
                                  kFolds[static_cast<std::size_t>(question.fold)]);
        return request_text(wire::HttpMethod::get, target, served_->token());
    }
    Result<Cells> range_cells(const RangeAsking& asking, const std::string& answer) const override {
        Cells found;
        const std::size_t level = asking.set->device_level(asking.question->measurement);
        const Json json = TRY(registry::parse_json(answer));
        for (const Json& series : json.at("series").as_array()) {
            const std::string_view tag = series.at("tag").as_string();
            const std::size_t dot = tag.rfind('.');
            std::string_view device = tag.substr(0, dot);
            for (std::size_t i = 0; i < level; ++i) device.remove_prefix(device.find('/') + 1);
            auto& values = found[cell_name(device.substr(0, device.find('/')), tag.substr(dot + 1))];
            for (const Json& row : series.at("rows").as_array())
                if (!row.at(1).is_null()) values.push_back(number_of(row.at(1)));
        }
        return found;
    }
    std::string question_request(const Asking& asking) const override {
        const Question& question = *asking.question;
        if (question.wanted == Wanted::last)
            return request_text(wire::HttpMethod::get, "/api/v1/last?tag=cpu/**", served_->token());
        if (question.by_sql) {
            JsonObject body{{"sql", sql(asking)}};
            return request_text(wire::HttpMethod::post, "/api/v1/query?format=csv", served_->token(),
                                registry::to_text(body));
        }
        std::string target = fmt::format("/api/v1/read?from={}&to={}", asking.from, asking.to);
        for (const std::string& tag : tags(asking)) target += "&tag=" + wire::percent_encode(tag);
        if (question.wanted == Wanted::high)
            target += fmt::format("&precision=s&where={}%3E{}", TsbsCpu::field_name(0), kHighOver);
        else
            target += fmt::format("&every={}s&agg={}", question.bucket / kSecond,
                                  question.wanted == Wanted::average ? "avg" : "max");
        if (question.wanted == Wanted::newest_minutes) target += fmt::format("&order=desc&limit={}", kNewestMinutes);
        return request_text(wire::HttpMethod::get, target, served_->token());
    }
    Result<Cells> cells(const Asking& asking, const std::string& answer) const override {
        if (asking.question->by_sql) return cells_of_csv(answer);
        const Json json = TRY(registry::parse_json(answer));
        if (asking.question->wanted == Wanted::high) return cells_of_devices(json);
        if (asking.question->wanted == Wanted::newest_minutes) return cells_of_minutes(json);
        Cells found;
        for (const Json& series : json.at("series").as_array()) {
            auto& values = found[name_of(std::string_view(series.at("tag").as_string()))];
            for (const Json& row : series.at("rows").as_array()) values.push_back(row.at(1).to_number<double>());
        }
        return found;
    }

private:
    // cpu/…/host_3/….usage_user as host_3.usage_user
    static std::string name_of(std::string_view path) {
        const std::size_t host = path.find("/host_") + 1;
        return cell_name(path.substr(host, path.find('/', host) - host), path.substr(path.rfind('.') + 1));
    }
    std::vector<std::string> tags(const Asking& asking) const {
        std::vector<std::string> tags;
        const bool all_fields = asking.fields.size() == TsbsCpu::kFields;
        if (asking.all_hosts && all_fields) return {"cpu/**"};
        if (all_fields) {
            for (const std::size_t host : asking.hosts) tags.push_back(devices_[host] + ".*");
            return tags;
        }
        for (const std::size_t field : asking.fields) {
            if (asking.all_hosts) tags.push_back("cpu/**." + TsbsCpu::field_name(field));
            for (const std::size_t host : asking.hosts)
                if (!asking.all_hosts) tags.push_back(devices_[host] + "." + TsbsCpu::field_name(field));
        }
        return tags;
    }
    static std::vector<std::string> range_tags(const RangeAsking& asking) {
        const GridSet& set = *asking.set;
        const std::size_t measurement = asking.question->measurement;
        std::vector<std::string> devices, tags;
        if (!asking.question->tag.empty())
            devices.push_back(set.glob(measurement, asking.question->tag, asking.tag_value));
        else if (asking.all_devices)
            devices.push_back(asking.measurement().name + "/**");
        else
            for (const std::size_t device : asking.devices) devices.push_back(set.path(measurement, device));
        for (const std::string& device : devices) {
            if (asking.all_fields) tags.push_back(device.ends_with("**") ? device : device + ".*");
            for (const std::size_t field : asking.fields)
                if (!asking.all_fields) tags.push_back(device + "." + asking.measurement().fields[field].name);
        }
        return tags;
    }
    std::string sql(const Asking& asking) const {
        const auto history = [&](const std::string& tags, const std::string& more) {
            return fmt::format(
                "history(tags := {}, since := make_timestamp_ns({}), until := make_timestamp_ns({}), {})", tags,
                asking.from, asking.to, more);
        };
        if (asking.question->wanted == Wanted::newest_minutes)
            return fmt::format("SELECT 'usage_user', max(\"max\") FROM {} GROUP BY ts ORDER BY ts DESC LIMIT {}",
                               history("'cpu/**.usage_user'", "every := '1m', agg := 'max'"), kNewestMinutes);
        const std::string all = asking.all_hosts ? "'cpu/**'" : fmt::format("'{}.*'", devices_[asking.hosts.at(0)]);
        return fmt::format("SELECT tag, value FROM {} ORDER BY tag, ts",
                           history(all, fmt::format("condition := '{} > {}'", TsbsCpu::field_name(0), kHighOver)));
    }
    // {"devices":[{"device":"cpu/…/host_3/…","columns":["ts","usage_user",…,"quality"],"rows":[[…]]}]}
    static Cells cells_of_devices(const Json& json) {
        Cells found;
        for (const Json& device : json.at("devices").as_array()) {
            const auto& columns = device.at("columns").as_array();
            for (std::size_t i = 1; i + 1 < columns.size(); ++i) {
                auto& values = found[name_of(fmt::format("{}.{}", std::string_view(device.at("device").as_string()),
                                                         std::string_view(columns[i].as_string())))];
                for (const Json& row : device.at("rows").as_array()) values.push_back(row.at(i).to_number<double>());
            }
        }
        return found;
    }
    // Each host's newest minutes; of those of all hosts the newest, and in each the greatest.
    static Cells cells_of_minutes(const Json& json) {
        std::map<std::int64_t, double, std::greater<>> minutes;
        for (const Json& series : json.at("series").as_array())
            for (const Json& row : series.at("rows").as_array()) {
                const auto value = row.at(1).to_number<double>();
                double& greatest = minutes.try_emplace(row.at(0).to_number<std::int64_t>(), value).first->second;
                greatest = std::max(greatest, value);
            }
        Cells found;
        auto& values = found[cell_name(kAllHosts, TsbsCpu::field_name(0))];
        for (const auto& [minute, greatest] : minutes)
            if (values.size() < kNewestMinutes) values.push_back(greatest);
        return found;
    }
    // tag,value
    static Result<Cells> cells_of_csv(std::string_view text) {
        Cells found;
        for (std::size_t begin = text.find('\n') + 1; begin > 0 && begin < text.size();) {
            const std::size_t end = std::min(text.find('\n', begin), text.size());
            const std::string_view row = text.substr(begin, end - begin);
            const std::size_t comma = row.rfind(',');
            if (comma == std::string_view::npos) return Error{Code::malformed, "no row of two: {}", row};
            const std::string value(row.substr(comma + 1));
            const std::string_view tag = row.substr(0, comma);  // of all hosts there is the field alone
            found[tag.contains('/') ? name_of(tag) : cell_name(kAllHosts, tag)].push_back(
                std::strtod(value.c_str(), nullptr));
            begin = end + 1;
        }
        return found;
    }
    // So many rows in each as rivals get that take columns.
    std::vector<std::string> batch_requests(const TsbsCpu& data) const {
        const std::size_t ticks = std::max<std::size_t>(1, 10'000 / data.hosts());
        std::vector<std::string> texts;
        for (std::size_t begin = 0; begin < data.ticks(); begin += ticks) {
            const std::size_t end = std::min(data.ticks(), begin + ticks);
            wire::BatchWriter writer;
            for (std::size_t host = 0; host < data.hosts(); ++host)
                for (std::size_t field = 0; field < TsbsCpu::kFields; ++field) {
                    const std::string path = data.path(host, field);
                    wire::BatchColumn column{.path = path, .type = ValueType::integer};
                    for (std::size_t tick = begin; tick < end; ++tick) {
                        column.times.push_back(data.time(tick));
                        column.bits.push_back(static_cast<std::uint64_t>(data.value(tick, host, field)));
                    }
                    column.qualities.resize(end - begin);
                    writer.add(column);
                }
            texts.push_back(request_text(wire::HttpMethod::post, "/api/v1/write/batch", served_->token(),
                                         writer.finish(), "application/octet-stream"));
        }
        return texts;
    }

    io::Files& files_;
    const std::string folder_, version_;
    const Way way_;
    const std::unique_ptr<Served> served_;
    std::vector<std::string> devices_;
};

}  // namespace

Result<std::unique_ptr<Rival>> start_ours(const RivalParts& parts, Way way) {
    auto served = TRY(Served::start(parts.bench.files, parts.bench.options.program, parts.folder));
    return std::unique_ptr<Rival>(std::make_unique<Ours>(parts, way, std::move(served)));
}

}  // namespace gongshu::bench
