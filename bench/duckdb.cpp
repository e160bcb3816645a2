// DuckDB as a library in this process, over a file; rows by its appender, ten thousand in each transaction. It is no
// server: nothing goes through a socket, and its threads share the load's core.
#include <utility>

#include "bench/floors.h"
#include "bench/peer.h"
#include "bench/rival.h"
#include "bench/sql_question.h"
#include "io/library.h"
#include "io/process.h"

namespace gongshu::bench {
namespace {

constexpr Dialect kDialect{
    .minute = "date_trunc('minute', time)",
    .hour = "date_trunc('hour', time)",
    .at = "make_timestamp({}000000)",
    .last = "",  // newest_rows() instead
};
constexpr std::size_t kRowsPerTransaction = 10'000;

using Handle = void*;
// As duckdb.h has it.
struct ApiResult {
    std::uint64_t columns, rows, changed;
    void* data;
    char* error;
    void* inside;
};
enum class ApiType : int { integer = 4, bigint = 5, uinteger = 8, number = 11, timestamp = 12 };

// What is used of the library's C interface, by its names without the "duckdb_".
struct Api {
    const char* (*library_version)() = nullptr;
    int (*open)(const char*, Handle*) = nullptr;
    int (*connect)(Handle, Handle*) = nullptr;
    void (*disconnect)(Handle*) = nullptr;
    void (*close)(Handle*) = nullptr;
    int (*query)(Handle, const char*, ApiResult*) = nullptr;
    const char* (*result_error)(ApiResult*) = nullptr;
    void (*destroy_result)(ApiResult*) = nullptr;
    Handle (*fetch_chunk)(ApiResult) = nullptr;
    ApiType (*column_type)(ApiResult*, std::uint64_t) = nullptr;
    std::uint64_t (*column_count)(ApiResult*) = nullptr;
    Handle (*create_logical_type)(ApiType) = nullptr;
    void (*destroy_logical_type)(Handle*) = nullptr;
    Handle (*create_data_chunk)(Handle*, std::uint64_t) = nullptr;
    Handle (*data_chunk_get_vector)(Handle, std::uint64_t) = nullptr;
    void* (*vector_get_data)(Handle) = nullptr;
    std::uint64_t (*vector_size)() = nullptr;
    std::uint64_t (*data_chunk_get_size)(Handle) = nullptr;
    void (*data_chunk_set_size)(Handle, std::uint64_t) = nullptr;
    void (*data_chunk_reset)(Handle) = nullptr;
    void (*destroy_data_chunk)(Handle*) = nullptr;
    int (*appender_create)(Handle, const char*, const char*, Handle*) = nullptr;
    int (*append_data_chunk)(Handle, Handle) = nullptr;
    int (*appender_flush)(Handle) = nullptr;
    int (*appender_destroy)(Handle*) = nullptr;

    Result<void> find(const io::Library& library) {
        TRY(library.find("duckdb_library_version", library_version));
        TRY(library.find("duckdb_open", open));
        TRY(library.find("duckdb_connect", connect));
        TRY(library.find("duckdb_disconnect", disconnect));
        TRY(library.find("duckdb_close", close));
        TRY(library.find("duckdb_query", query));
        TRY(library.find("duckdb_result_error", result_error));
        TRY(library.find("duckdb_destroy_result", destroy_result));
        TRY(library.find("duckdb_fetch_chunk", fetch_chunk));
        TRY(library.find("duckdb_column_type", column_type));
        TRY(library.find("duckdb_column_count", column_count));
        TRY(library.find("duckdb_create_logical_type", create_logical_type));
        TRY(library.find("duckdb_destroy_logical_type", destroy_logical_type));
        TRY(library.find("duckdb_create_data_chunk", create_data_chunk));
        TRY(library.find("duckdb_data_chunk_get_vector", data_chunk_get_vector));
        TRY(library.find("duckdb_vector_get_data", vector_get_data));
        TRY(library.find("duckdb_vector_size", vector_size));
        TRY(library.find("duckdb_data_chunk_get_size", data_chunk_get_size));
        TRY(library.find("duckdb_data_chunk_set_size", data_chunk_set_size));
        TRY(library.find("duckdb_data_chunk_reset", data_chunk_reset));
        TRY(library.find("duckdb_destroy_data_chunk", destroy_data_chunk));
        TRY(library.find("duckdb_appender_create", appender_create));
        TRY(library.find("duckdb_append_data_chunk", append_data_chunk));
        TRY(library.find("duckdb_appender_flush", appender_flush));
        return library.find("duckdb_appender_destroy", appender_destroy);
    }
};

// Where the build and the packages put it, beside this program.
Result<std::string> find_library(io::Files& files, const std::string& named) {
    if (!named.empty()) return named;
    const std::string program = TRY(io::own_program());
    const std::string folder = program.substr(0, program.rfind('/'));
    for (const std::string& path : {folder + "/libduckdb.so", folder + "/../lib/gongshu/libduckdb.so"})
        if (TRY(files.exists(path))) return path;
    return Error{Code::not_found, "libduckdb.so is not beside this program (tools/deps.sh build)"};
}

class Duckdb final : public Rival {
public:
    static Result<std::unique_ptr<Rival>> start(const RivalParts& parts) {
        std::unique_ptr<Duckdb> peer(new Duckdb(parts));
        const io::Library library = TRY(io::Library::open(TRY(find_library(parts.bench.files, parts.program))));
        TRY(peer->api_.find(library));
        const std::string file = peer->folder_ + "/cpu.duckdb";
        if (peer->api_.open(file.c_str(), &peer->database_) != 0 ||
            peer->api_.connect(peer->database_, &peer->connection_) != 0)
            return Error{Code::io, "DuckDB cannot open {}", file};
        TRY(peer->query(fmt::format("CREATE TABLE cpu(time TIMESTAMP, host UINTEGER, {})", field_list("{} BIGINT"))));
        return std::unique_ptr<Rival>(std::move(peer));
    }
    ~Duckdb() override {
        if (connection_ != nullptr) api_.disconnect(&connection_);
        if (database_ != nullptr) api_.close(&database_);
    }

    std::string version() const override { return api_.library_version(); }
    Result<HttpLoaded> load(const TsbsCpu& data) override {
        Handle time = api_.create_logical_type(ApiType::timestamp), host = api_.create_logical_type(ApiType::uinteger),
               value = api_.create_logical_type(ApiType::bigint);
        std::vector<Handle> types{time, host};
        types.resize(2 + TsbsCpu::kFields, value);
        const Handle chunk = api_.create_data_chunk(types.data(), types.size());
        for (Handle* type : {&time, &host, &value}) api_.destroy_logical_type(type);
        Handle appender = nullptr;
        if (api_.appender_create(connection_, nullptr, "cpu", &appender) != 0)
            return Error{Code::unavailable, "DuckDB gives no appender"};
        HttpLoaded loaded;
        const DurationNs begin = clock_.monotonic();
        bool good = true;
        for (std::size_t row = 0; row < data.rows() && good;) {
            const DurationNs sent = clock_.monotonic();
            for (const std::size_t end = std::min(data.rows(), row + kRowsPerTransaction); row < end && good;) {
                const std::size_t count = std::min<std::size_t>(end - row, api_.vector_size());
                fill(chunk, data, row, count);
                good = api_.append_data_chunk(appender, chunk) == 0;
                row += count;
            }
            good = good && api_.appender_flush(appender) == 0;
            loaded.latencies.push_back(clock_.monotonic() - sent);
        }
        loaded.seconds = seconds(clock_.monotonic() - begin);
        loaded.bytes_out = data.rows() * (8 + 4 + 8 * TsbsCpu::kFields);
        Handle done = chunk;
        api_.destroy_data_chunk(&done);
        if (api_.appender_destroy(&appender) != 0 || !good) return Error{Code::unavailable, "DuckDB refuses rows"};
        return loaded;
    }
    Result<void> settle() override { return query("CHECKPOINT"); }
    Result<std::uint64_t> disk_bytes() override { return bytes_below(files_, folder_); }
    Result<io::ProcessUse> use() override { return io::process_use(); }
    bool can_answer(const Question&) const override { return true; }
    Result<HttpLoaded> load_lines(const Lines&) override { return Error{Code::unsupported, "it takes no lines"}; }
    Result<HttpLoaded> ask_ranges(const std::vector<RangeAsking>&, DurationNs, const Look&) override {
        return Error{Code::unsupported, "it takes no lines"};
    }
    Result<HttpLoaded> ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) override {
        HttpLoaded loaded;
        const DurationNs begin = clock_.monotonic();
        for (std::size_t i = 0; i < askings.size(); ++i) {
            const DurationNs sent = clock_.monotonic();
            if (i > 0 && enough > 0 && sent - begin > enough) break;
            ApiResult result{};
            const std::string sql =
                askings[i].question->wanted == Wanted::last ? newest_rows(askings[i]) : sql_of(kDialect, askings[i]);
            const int failed = api_.query(connection_, sql.c_str(), &result);
            loaded.latencies.push_back(clock_.monotonic() - sent);
            if (failed == 0) look(i, cells(askings[i], result));
            const std::string why = failed == 0 ? "" : api_.result_error(&result);
            api_.destroy_result(&result);
            if (failed != 0) return Error{Code::unavailable, "DuckDB says: {}", why};
        }
        loaded.seconds = seconds(clock_.monotonic() - begin);
        return loaded;
    }

private:
    explicit Duckdb(const RivalParts& parts)
        : files_(parts.bench.files), clock_(parts.bench.clock), folder_(parts.folder) {}
    Result<void> query(const std::string& sql) {
        ApiResult result{};
        const int failed = api_.query(connection_, sql.c_str(), &result);
        const std::string why = failed == 0 ? "" : api_.result_error(&result);
        api_.destroy_result(&result);
        if (failed != 0) return Error{Code::unavailable, "DuckDB says: {}", why};
        return {};
    }
    static std::string newest_rows(const Asking& asking) {
        return fmt::format("SELECT host, max(time), {} FROM cpu GROUP BY host ORDER BY host",
                           field_list(asking.fields, "arg_max({0}, time) AS {0}"));
    }
    template <class Value>
    Value* column(Handle chunk, std::size_t index) const {
        return static_cast<Value*>(api_.vector_get_data(api_.data_chunk_get_vector(chunk, index)));
    }
    void fill(Handle chunk, const TsbsCpu& data, std::size_t row, std::size_t count) const {
        api_.data_chunk_reset(chunk);
        auto* const times = column<std::int64_t>(chunk, 0);
        auto* const hosts = column<std::uint32_t>(chunk, 1);
        for (std::size_t i = 0; i < count; ++i) {
            times[i] = data.time((row + i) / data.hosts()) / kMicrosecond;
            hosts[i] = static_cast<std::uint32_t>((row + i) % data.hosts());
        }
        for (std::size_t field = 0; field < TsbsCpu::kFields; ++field) {
            auto* const values = column<std::int64_t>(chunk, 2 + field);
            for (std::size_t i = 0; i < count; ++i)
                values[i] =
                    static_cast<std::int64_t>(data.value((row + i) / data.hosts(), (row + i) % data.hosts(), field));
        }
        api_.data_chunk_set_size(chunk, count);
    }
    // One row as text, so that it is read as every other's is.
    Cells cells(const Asking& asking, ApiResult& result) const {
        Cells found;
        const std::uint64_t columns = api_.column_count(&result);
        while (Handle chunk = api_.fetch_chunk(result)) {
            for (std::uint64_t row = 0; row < api_.data_chunk_get_size(chunk); ++row) {
                std::vector<std::string> texts;
                for (std::uint64_t i = 0; i < columns; ++i)
                    texts.push_back(text(chunk, i, row, api_.column_type(&result, i)));
                add_row(found, asking, {texts.begin(), texts.end()});
            }
            api_.destroy_data_chunk(&chunk);
        }
        return found;
    }
    std::string text(Handle chunk, std::uint64_t index, std::uint64_t row, ApiType type) const {
        switch (type) {
            case ApiType::integer:
                return fmt::format("{}", column<std::int32_t>(chunk, index)[row]);
            case ApiType::uinteger:
                return fmt::format("{}", column<std::uint32_t>(chunk, index)[row]);
            case ApiType::number:
                return fmt::format("{}", column<double>(chunk, index)[row]);
            case ApiType::bigint:
            case ApiType::timestamp:
                break;
        }
        return fmt::format("{}", column<std::int64_t>(chunk, index)[row]);
    }

    io::Files& files_;
    const Clock& clock_;
    const std::string folder_;
    Api api_;
    Handle database_ = nullptr, connection_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Rival>> start_duckdb(const RivalParts& parts) { return Duckdb::start(parts); }

}  // namespace gongshu::bench
