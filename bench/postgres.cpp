// PostgreSQL, as it comes, but for 1 GB of buffers and checkpoints that come by size: a table with an index of host and
// time, COPY by ten thousand rows, each of them a transaction.
#include <fmt/chrono.h>
#include <fmt/ranges.h>

#include "bench/peer.h"
#include "bench/pg_load.h"
#include "bench/rival.h"
#include "bench/sql_question.h"
#include "io/process.h"

namespace gongshu::bench {
namespace {

constexpr Dialect kDialect{
    .minute = "date_trunc('minute', time)",
    .hour = "date_trunc('hour', time)",
    .at = "to_timestamp({})",
    .last =
        "SELECT h.host, c.time, {} FROM hosts h, LATERAL (SELECT * FROM cpu WHERE cpu.host = h.host "
        "ORDER BY time DESC LIMIT 1) c ORDER BY h.host",
};
constexpr std::size_t kRowsPerCopy = 10'000;

class Postgres final : public Rival {
public:
    static Result<std::unique_ptr<Rival>> start(const RivalParts& parts) {
        io::Files& files = parts.bench.files;
        const std::string program = TRY(find_program(
            files, parts.program, {"/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/17/bin/postgres"},
            "postgresql-15"));
        std::unique_ptr<Postgres> peer(new Postgres(parts));
        peer->folder_ = parts.folder + "/pg";
        TRY(files.make_folder(peer->folder_));
        // It refuses to run as the administrator of the machine, so it runs as who its package made.
        if (io::user_id() == 0) {
            peer->as_ = {"setpriv",  "--pdeathsig", "keep",     "--reuid",
                         "postgres", "--regid",     "postgres", "--clear-groups"};
            TRY(peer->call({"chown", "postgres", peer->folder_}, false));
            for (const std::string& folder : {parts.bench.folder, parts.folder})
                TRY(peer->call({"chmod", "o+x", folder}, false));
        }
        const std::string initdb = program.substr(0, program.rfind('/')) + "/initdb", data = peer->folder_ + "/data";
        TRY(peer->call({initdb, "-D", data, "-A", "trust", "-U", "postgres", "--locale", "C.UTF-8", "-E", "UTF8"},
                       true));
        peer->address_ = TRY(free_address());
        std::vector<std::string> command = peer->as_;
        command.insert(command.end(), {program, "-D", data});
        for (const std::string& setting :
             {fmt::format("port={}", peer->address_.port), std::string("listen_addresses=127.0.0.1"),
              "unix_socket_directories=" + peer->folder_, std::string("shared_buffers=1GB"),
              std::string("max_wal_size=8GB"), std::string("checkpoint_timeout=30min"), std::string("work_mem=64MB"),
              std::string("jit=off"), std::string("timezone=UTC")})
            command.insert(command.end(), {"-c", setting});
        peer->process_ = TRY(io::spawn(command, parts.folder + "/log.txt"));
        TRY(wait_until_it_answers(peer->address_, *peer->process_, "postgres"));
        TRY(peer->make_tables());
        return std::unique_ptr<Rival>(std::move(peer));
    }

    std::string version() const override { return version_; }
    Result<HttpLoaded> load(const TsbsCpu& data) override {
        std::vector<std::string> texts;
        for (std::size_t row = 0; row < data.rows();) {
            std::string& text = texts.emplace_back();
            for (const std::size_t end = std::min(data.rows(), row + kRowsPerCopy); row < end; ++row) {
                const std::size_t tick = row / data.hosts(), host = row % data.hosts();
                fmt::format_to(std::back_inserter(text), "{}\t{:%F %T}+00", host,
                               fmt::gmtime(data.time(tick) / kSecond));
                for (std::size_t field = 0; field < TsbsCpu::kFields; ++field)
                    fmt::format_to(std::back_inserter(text), "\t{:.0f}", data.value(tick, host, field));
                text += '\n';
            }
        }
        TRY(one(fmt::format("INSERT INTO hosts SELECT generate_series(0, {})", data.hosts() - 1)));
        return run_statements({.address = address_,
                               .count = texts.size(),
                               .statement = [](std::size_t) { return std::string("COPY cpu FROM STDIN"); },
                               .copy = [&](std::size_t i) { return std::string_view(texts[i]); }});
    }
    Result<void> settle() override {
        for (const char* statement : {"VACUUM ANALYZE cpu", "CHECKPOINT"}) TRY(one(statement));
        return {};
    }
    Result<std::uint64_t> disk_bytes() override {
        const std::string text = TRY(one("SELECT pg_total_relation_size('cpu')"));
        return std::strtoull(text.c_str(), nullptr, 10);
    }
    Result<io::ProcessUse> use() override { return io::family_use(process_->id()); }
    bool can_answer(const Question&) const override { return true; }
    Result<HttpLoaded> load_lines(const Lines&) override { return Error{Code::unsupported, "it takes no lines"}; }
    Result<HttpLoaded> ask_ranges(const std::vector<RangeAsking>&, DurationNs, const Look&) override {
        return Error{Code::unsupported, "it takes no lines"};
    }
    Result<HttpLoaded> ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) override {
        std::vector<Cells> answers(askings.size());
        const HttpLoaded loaded = TRY(
            run_statements({.address = address_,
                            .count = askings.size(),
                            .enough = enough,
                            .statement = [&](std::size_t i) { return sql_of(kDialect, askings[i]); },
                            .on_row = [&](std::size_t i, const auto& row) { add_row(answers[i], askings[i], row); }}));
        for (std::size_t i = 0; i < loaded.latencies.size(); ++i) look(i, answers[i]);
        return loaded;
    }

private:
    explicit Postgres(const RivalParts& parts) : log_(parts.folder + "/init.txt") {}
    Result<void> call(std::vector<std::string> command, bool as_postgres) const {
        if (as_postgres) command.insert(command.begin(), as_.begin(), as_.end());
        const int code = TRY(io::spawn(command, log_))->wait();
        if (code != 0)
            return Error{Code::unavailable, "{} ends with {}; the user postgres has to reach the folder",
                         fmt::join(command, " "), code};
        return {};
    }
    // The first value of the answer.
    Result<std::string> one(const std::string& statement) const {
        std::string value;
        TRY(run_statements({.address = address_,
                            .statement = [&](std::size_t) { return statement; },
                            .on_row = [&](std::size_t, const auto& row) { value = row.at(0); }})
                .context("{}", statement));
        return value;
    }
    // It listens a moment before it serves.
    Result<void> make_tables() {
        const auto clock = io::make_system_clock();
        const DurationNs give_up = clock->monotonic() + 20 * kSecond;
        auto version = one("SHOW server_version");
        while (!version && clock->monotonic() < give_up) version = one("SHOW server_version");
        version_ = TRY(std::move(version));
        TRY(one("CREATE TABLE hosts(host int4 PRIMARY KEY)"));
        TRY(one(
            fmt::format("CREATE TABLE cpu(host int4 NOT NULL, time timestamptz NOT NULL, {})", field_list("{} int8"))));
        TRY(one("CREATE INDEX ON cpu(host, time DESC)"));
        return {};
    }

    const std::string log_;
    std::vector<std::string> as_;
    std::string folder_, version_;
    io::Address address_;
    std::unique_ptr<io::Process> process_;
};

}  // namespace

Result<std::unique_ptr<Rival>> start_postgres(const RivalParts& parts) { return Postgres::start(parts); }

}  // namespace gongshu::bench
