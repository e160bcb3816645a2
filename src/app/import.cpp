#include "app/import.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>

#include "app/http_target.h"
#include "app/open_store.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/options.h"
#include "importer/history_target.h"
#include "importer/job.h"
#include "importer/memory_file.h"
#include "importer/propose.h"
#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"
#include "sql/engine.h"
#include "sql/parquet.h"

namespace gongshu::app {
namespace {

struct ImportOptions {
    Server server;
    std::string password_file;
    std::string map;
    std::string data, key_folder;
    std::string tenant = "default";
    bool propose = false;
    bool dry_run = false;
    bool json = false;
    std::uint64_t from_line = 0;
};

options::Table import_table(ImportOptions& o) {
    options::Table table;
    table.text("map", o.map, "YAML file that says what the columns are; --propose makes one.")
        .toggle("propose", o.propose, "Look at the file and print a map for it, to be checked and corrected.")
        .toggle("dry_run", o.dry_run, "Read and map everything, show the first readings and the report, store nothing.")
        .text("to", o.server.url, "Address of the running server; else the environment's GONGSHU_URL.")
        .text("token", o.server.token, "API token; else the environment's GONGSHU_TOKEN.")
        .text("user", o.server.user, "User, with --password-file, instead of a token.")
        .text("password_file", o.password_file, "File whose first line is the user's password.")
        .text("ca", o.server.ca_file, "Certificate of the server's authority, for https.")
        .text("data", o.data, "Data folder to write into directly, while no server runs on it; instead of --to.")
        .text("key_folder", o.key_folder,
              "With --data: folder of the secret keys. Default: the data folder's name with .keys.")
        .text("tenant", o.tenant, "With --data: whose readings they are.")
        .number("from_line", o.from_line, 0, std::int64_t{1} << 53,
                "Go on from this line of the file: what was before it is stored already.")
        .toggle("json", o.json, "Print the report as JSON.");
    return table;
}

constexpr std::size_t kParquetBytesMax = 512 << 20;
std::atomic<bool> stop_noted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may touch nothing else
extern "C" void note_stop_of_import(int) { stop_noted = true; }

Result<ImportOptions> parse(const std::vector<std::string>& arguments, std::vector<std::string>& files) {
    ImportOptions options;
    if (const auto url = io::environment("GONGSHU_URL")) options.server.url = *url;
    if (const auto token = io::environment("GONGSHU_TOKEN")) options.server.token = *token;
    TRY(import_table(options).parse(arguments, files));
    if (files.empty())
        return Error{
            Code::invalid,
            "import needs a file: gongshu import FILE --propose > MAP.yaml, then gongshu import FILE --map MAP.yaml"};
    if (options.propose && files.size() != 1) return Error{Code::invalid, "--propose looks at one file"};
    if (options.map.empty() && !options.propose)
        return Error{Code::invalid, "--map is missing: gongshu import {} --propose > MAP.yaml makes a first one",
                     files.front()};
    if (options.from_line > 0 && files.size() != 1) return Error{Code::invalid, "--from-line is for one file"};
    if (!options.server.user.empty()) options.server.token.clear();  // what was typed wins over the environment
    if (!options.password_file.empty()) {
        const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), options.password_file, 4096));
        options.server.password = std::string(as_text(bytes).substr(0, as_text(bytes).find_first_of("\r\n")));
    }
    if (options.key_folder.empty()) options.key_folder = options.data + ".keys";
    return options;
}

// Shows the first readings and keeps none.
class DryTarget final : public importer::Target {
public:
    explicit DryTarget(bool shows) : left_(shows ? 20 : 0) {}
    Result<void> write(std::span<const importer::Series> series, Rows rows) override {
        for (std::size_t i = 0; i < rows.size() && left_ > 0; ++i, --left_) {
            const importer::Series& one = series[rows.tag(i).value - 1];
            std::string line = fmt::format("{}  {}  {}", importer::time_text(rows.time(i)), one.path,
                                           gongshu::to_string(rows.value(i)));
            if (!one.unit.empty()) line += " " + one.unit;
            if (!rows.quality(i).good()) line += "  " + to_string(rows.quality(i));
            std::puts(line.c_str());
        }
        return {};
    }

private:
    std::size_t left_;
};

// One line that is written over, on a terminal only.
void show_progress(const importer::Progress& at) {
    const double seconds = static_cast<double>(at.elapsed) / static_cast<double>(kSecond);
    const double share = at.bytes_total > 0 ? static_cast<double>(at.bytes) / static_cast<double>(at.bytes_total) : 1;
    const double left = share > 0 ? seconds / share - seconds : 0;
    std::fprintf(stderr, "\r\033[K%3.0f %%  %llu rows, %.0f rows/s, about %.0f s left", share * 100,
                 static_cast<unsigned long long>(at.rows), seconds > 0 ? static_cast<double>(at.rows) / seconds : 0,
                 left);
    std::fflush(stderr);
}

// A Parquet file is read as the CSV that it is worth.
Result<importer::Table> open_file(const std::string& file, const importer::Layout& layout) {
    const auto files = io::make_posix_files();
    auto opened = TRY(files->open(file, io::Open::read));
    Buffer head(std::min<std::uint64_t>(TRY(opened->size()), 4));
    TRY(opened->read_at(0, head));
    if (!sql::is_parquet(head)) return importer::Table::open(std::move(opened), file, layout);
    const Buffer bytes = TRY(io::read_whole(*files, file, kParquetBytesMax));
    auto csv = TRY(sql::parquet_to_csv(sql::find_library(), *io::make_system_clock(), bytes).context("{}", file));
    return importer::Table::open(importer::make_memory_file(std::make_shared<const std::string>(std::move(csv))), file,
                                 layout);
}

Result<importer::Report> import_one(const std::string& file, const importer::Map& map, importer::Target& target,
                                    const ImportOptions& options) {
    const auto clock = io::make_system_clock();
    const bool terminal = io::is_terminal(2);
    DurationNs shown = 0;
    auto report = importer::import_table(TRY(open_file(file, map.layout)), *clock, map, target,
                                         {.from_line = options.from_line}, [&](const importer::Progress& progress) {
                                             if (terminal && progress.elapsed - shown > 200 * kMillisecond) {
                                                 show_progress(progress);
                                                 shown = progress.elapsed;
                                             }
                                             return !stop_noted.load();
                                         });
    if (terminal && shown > 0) std::fprintf(stderr, "\r\033[K");
    return report;
}

// A target remembers the tags of one file's report, so each file has its own.
using MakeTarget = std::function<std::unique_ptr<importer::Target>()>;

Result<int> import_all(const std::vector<std::string>& files, const importer::Map& map, const MakeTarget& make_target,
                       const ImportOptions& options) {
    bool all_used = true;
    std::string json = "[";
    for (const std::string& file : files) {
        const auto report = TRY(import_one(file, map, *make_target(), options));
        if (options.json)
            json += (json.size() > 1 ? ",\n" : "") + importer::to_json(report);
        else
            std::fputs(importer::to_text(report).c_str(), stdout);
        all_used = all_used && report.bad_rows + report.wrong_values == 0 && !report.cancelled;
        if (report.cancelled) break;
    }
    if (options.json) std::printf("%s]\n", json.c_str());
    return all_used ? 0 : 1;
}

}  // namespace

std::string import_help() {
    ImportOptions options;
    return import_table(options).help();
}

Result<int> run_import(const std::vector<std::string>& arguments) {
    std::vector<std::string> files;
    const ImportOptions options = TRY(parse(arguments, files));
    if (options.propose) {
        std::fputs(TRY(importer::propose_map(TRY(open_file(files.front(), importer::layout_for_proposal())))).c_str(),
                   stdout);
        return 0;
    }
    const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), options.map, 4 << 20));
    const importer::Map map = TRY(importer::parse_map(as_text(bytes)).context("{}", options.map));
    set_log_level(LogLevel::warning);
    std::signal(SIGINT, note_stop_of_import);
    std::signal(SIGTERM, note_stop_of_import);
    if (options.dry_run)
        return import_all(files, map, [&] { return std::make_unique<DryTarget>(!options.json); }, options);
    if (options.data.empty())
        return import_all(files, map, [&] { return std::make_unique<HttpTarget>(options.server); }, options);
    const auto store = TRY(OpenStore::open(options.data, options.key_folder));
    const TenantId tenant = TRY(store->tenant(options.tenant));
    const auto make = [&] {
        return std::make_unique<importer::HistoryTarget>(store->history(), store->registry(), tenant);
    };
    return import_all(files, map, make, options);
}

}  // namespace gongshu::app
