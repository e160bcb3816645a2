// ClickHouse with a MergeTree in order of host and time, compressed as it comes (Debian's version chooses no codec for
// a column); a query may use two threads.
#include <bit>

#include "bench/http_rival.h"
#include "bench/peer.h"
#include "bench/sql_question.h"

namespace gongshu::bench {
namespace {

constexpr Dialect kDialect{
    .minute = "toStartOfMinute(time)",
    .hour = "toStartOfHour(time)",
    .at = "toDateTime({})",
    .last = "SELECT host, time, {} FROM cpu ORDER BY host, time DESC LIMIT 1 BY host",
};

// Versions call the element that holds all differently.
constexpr const char* kSettings = R"(<?xml version="1.0"?>
<yandex>
<logger><level>error</level><log>{folder}/log.txt</log><errorlog>{folder}/errors.txt</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<mark_cache_size>536870912</mark_cache_size><path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>
<users_config>{folder}/users.xml</users_config><default_profile>default</default_profile>
<default_database>default</default_database><timezone>UTC</timezone>
</yandex>
)";
constexpr const char* kUsers = R"(<?xml version="1.0"?>
<yandex>
<profiles><default><max_threads>2</max_threads></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile>
<quota>default</quota></default></users>
<quotas><default><interval><duration>3600</duration><queries>0</queries><errors>0</errors><result_rows>0</result_rows>
<read_rows>0</read_rows><execution_time>0</execution_time></interval></default></quotas>
</yandex>
)";

template <class Number>
void put(std::string& out, Number number) {
    static_assert(std::endian::native == std::endian::little);
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

class ClickHouse final : public HttpRival {
public:
    static Result<std::unique_ptr<Rival>> start(const RivalParts& parts) {
        io::Files& files = parts.bench.files;
        const std::string program = TRY(find_program(
            files, parts.program, {"/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server"}, "clickhouse-server"));
        std::unique_ptr<ClickHouse> peer(new ClickHouse(parts));
        peer->address_ = TRY(free_address());
        const io::Address tcp = TRY(free_address());
        const std::string settings = parts.folder + "/config.xml";
        for (const char* folder : {"/data", "/tmp"}) TRY(files.make_folder(parts.folder + folder));
        TRY(io::write_whole(files, settings,
                            as_bytes(fmt::format(fmt::runtime(kSettings), fmt::arg("folder", parts.folder),
                                                 fmt::arg("http", peer->address_.port), fmt::arg("tcp", tcp.port))),
                            0600));
        TRY(io::write_whole(files, parts.folder + "/users.xml", as_bytes(kUsers), 0600));
        peer->process_ = TRY(io::spawn({program, "--config-file=" + settings}, parts.folder + "/out.txt"));
        TRY(wait_until_it_answers(peer->address_, *peer->process_, "clickhouse-server"));
        peer->version_ = TRY(peer->query("SELECT version()"));
        while (peer->version_.ends_with('\n')) peer->version_.pop_back();
        TRY(peer->query(
            fmt::format("CREATE TABLE cpu(time DateTime, host UInt32, {}) ENGINE = MergeTree ORDER BY (host, time)",
                        field_list("{} Int64"))));
        return std::unique_ptr<Rival>(std::move(peer));
    }

    std::string version() const override { return version_; }
    Result<void> settle() override {
        TRY(query("OPTIMIZE TABLE cpu FINAL"));
        return {};
    }
    Result<std::uint64_t> disk_bytes() override {
        const std::string text =
            TRY(query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'cpu'"));
        return std::strtoull(text.c_str(), nullptr, 10);
    }
    Result<io::ProcessUse> use() override { return io::family_use(process_->id()); }
    bool can_answer(const Question&) const override { return true; }

protected:
    io::Address address() const override { return address_; }
    std::vector<std::string> write_requests(const TsbsCpu& data) const override {
        constexpr std::size_t kRowsPerRequest = 10'000;
        std::vector<std::string> texts;
        for (std::size_t row = 0; row < data.rows();) {
            std::string body;
            for (const std::size_t end = std::min(data.rows(), row + kRowsPerRequest); row < end; ++row) {
                const std::size_t tick = row / data.hosts(), host = row % data.hosts();
                put(body, static_cast<std::uint32_t>(data.time(tick) / kSecond));
                put(body, static_cast<std::uint32_t>(host));
                for (std::size_t field = 0; field < TsbsCpu::kFields; ++field)
                    put(body, static_cast<std::int64_t>(data.value(tick, host, field)));
            }
            texts.push_back(request_text(wire::HttpMethod::post,
                                         "/?query=" + wire::percent_encode("INSERT INTO cpu FORMAT RowBinary"), "",
                                         std::move(body), "application/octet-stream"));
        }
        return texts;
    }
    std::string question_request(const Asking& asking) const override {
        return request_text(wire::HttpMethod::post, "/", "", sql_of(kDialect, asking), "text/plain");
    }
    Result<Cells> cells(const Asking& asking, const std::string& answer) const override {
        return cells_of_tabs(asking, answer);
    }

private:
    explicit ClickHouse(const RivalParts& parts) : folder_(parts.folder) {}
    Result<std::string> query(const std::string& sql) const { return send(wire::HttpMethod::post, "/", sql); }

    const std::string folder_;
    std::unique_ptr<io::Process> process_;
    io::Address address_;
    std::string version_;
};

}  // namespace

Result<std::unique_ptr<Rival>> start_clickhouse(const RivalParts& parts) { return ClickHouse::start(parts); }

}  // namespace gongshu::bench
