#include "app/client.h"

#include <cstdio>
#include <cstdlib>

#include "app/http_client.h"
#include "app/query.h"
#include "base/options.h"
#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"
#include "registry/json.h"
#include "registry/yaml.h"

namespace gongshu::app {
namespace {

struct ClientOptions {
    Server server;
    std::string password_file;
    std::string file;
    std::string output = "yaml";
    bool dry_run = false;
    bool csv = false, json = false, parquet = false;
};

options::Table client_table(ClientOptions& o) {
    options::Table table;
    table.text("server", o.server.url, "Address of the running server; else the environment's GONGSHU_URL.")
        .text("token", o.server.token, "API token; else the environment's GONGSHU_TOKEN.")
        .text("user", o.server.user, "User, with --password-file, instead of a token.")
        .text("password_file", o.password_file, "File whose first line is the user's password.")
        .text("ca", o.server.ca_file, "Certificate of the server's authority, for https.")
        .text("file", o.file, "apply: YAML file, or a folder whose *.yaml are taken in order. -f is the same.")
        .text("output", o.output, "get: yaml or json.")
        .toggle("dry_run", o.dry_run, "apply: check and show the differences, change nothing.")
        .toggle("csv", o.csv, "query: rows as CSV.")
        .toggle("json", o.json, "query: columns and rows as JSON.")
        .toggle("parquet", o.parquet, "query: rows as a Parquet file, to be led into one: > rows.parquet.");
    return table;
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find_first_of("\r\n"))); }

Result<ClientOptions> parse(std::vector<std::string> arguments, std::vector<std::string>& rest) {
    ClientOptions options;
    if (const char* url = std::getenv("GONGSHU_URL")) options.server.url = url;
    if (const char* token = std::getenv("GONGSHU_TOKEN")) options.server.token = token;
    for (std::string& argument : arguments)
        if (argument == "-f") argument = "--file";
    TRY(client_table(options).parse(arguments, rest));
    if (!options.server.user.empty()) options.server.token.clear();  // what was typed wins over the environment
    if (!options.password_file.empty())
        options.server.password =
            first_line(as_text(TRY(io::read_whole(*io::make_posix_files(), options.password_file, 4096))));
    return options;
}

Result<std::string> plural_of(const Server& server, const std::string& word) {
    const auto answer = TRY(fetch(server, wire::HttpMethod::get, "/api/v1/kinds"));
    const Json kinds = TRY(registry::parse_json(answer.body));
    std::vector<std::string> known;
    for (const Json& kind : kinds.at("kinds").as_array()) {
        const std::string name(std::string_view(kind.at("name").as_string())),
            plural(std::string_view(kind.at("plural").as_string()));
        if (word == name || word == plural) return plural;
        known.push_back(plural);
    }
    const std::string near = options::nearest(word, known);
    return Error{Code::invalid, "there is no kind '{}'{}", word,
                 near.empty() ? ": `gongshu get kinds` lists them" : ": did you mean " + near + "?"};
}

Result<std::string> read_documents(const std::string& path) {
    const auto files = io::make_posix_files();
    constexpr std::uint64_t kBytesMax = 16u << 20;
    const auto listed = files->list(path);
    if (!listed) {
        const Buffer bytes = TRY(io::read_whole(*files, path, kBytesMax));
        TRY(registry::parse_resources(as_text(bytes)).context("{}", path));
        return std::string(as_text(bytes));
    }
    std::string all;
    for (const std::string& name : *listed) {
        if (!name.ends_with(".yaml") && !name.ends_with(".yml")) continue;
        const Buffer bytes = TRY(io::read_whole(*files, path + "/" + name, kBytesMax));
        const std::string_view text = as_text(bytes);
        // Parsed alone first, so that an error names the file and its own line.
        TRY(registry::parse_resources(text).context("{}/{}", path, name));
        all += "---\n";
        all += text;
        all += '\n';
    }
    if (all.empty()) return Error{Code::not_found, "{} holds no .yaml file", path};
    return all;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (!text.ends_with('\n')) std::fputc('\n', stdout);
}

void print_resource(const Json& resource, const std::string& output) {
    if (output == "json") return print(registry::to_text(resource));
    JsonObject document;
    document["kind"] = resource.at("kind");
    document["name"] = resource.at("name");
    document["spec"] = resource.at("spec");
    print("---\n" + registry::to_yaml(Json(std::move(document))));
}

}  // namespace

std::string client_help() {
    ClientOptions options;
    return client_table(options).help();
}

Result<int> run_apply(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    ClientOptions options = TRY(parse(arguments, rest));
    if (options.file.empty() && rest.size() == 1) options.file = rest[0];
    if (options.file.empty()) return Error{Code::invalid, "apply needs a file: gongshu apply -f factory.yaml"};
    std::string documents = TRY(read_documents(options.file));
    const auto answer =
        TRY(fetch(options.server, wire::HttpMethod::post, options.dry_run ? "/api/v1/apply?dry_run=1" : "/api/v1/apply",
                  std::move(documents), "application/yaml"));
    const Json applied = TRY(registry::parse_json(answer.body));
    print(std::string_view(applied.at("report").as_string()));
    for (const Json& one : applied.at("applied").as_array())
        if (one.at("what").as_string() == "failed") return 1;
    return 0;
}

Result<int> run_get(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const ClientOptions options = TRY(parse(arguments, rest));
    if (rest.empty() || rest.size() > 2)
        return Error{Code::invalid, "usage: gongshu get KIND [NAME], gongshu get kinds"};
    if (rest[0] == "kinds") {
        const auto answer = TRY(fetch(options.server, wire::HttpMethod::get, "/api/v1/kinds"));
        const Json kinds = TRY(registry::parse_json(answer.body));
        for (const Json& kind : kinds.at("kinds").as_array())
            print(fmt::format("{:<16} {}", std::string_view(kind.at("plural").as_string()),
                              std::string_view(kind.at("about").at("en").as_string())));
        return 0;
    }
    std::string path = "/api/v1/" + TRY(plural_of(options.server, rest[0]));
    if (rest.size() == 2) path += "/" + wire::percent_encode(rest[1]);
    const auto answer = TRY(fetch(options.server, wire::HttpMethod::get, path));
    const Json found = TRY(registry::parse_json(answer.body));
    if (rest.size() == 2) {
        print_resource(found, options.output);
    } else {
        for (const Json& resource : found.at("items").as_array()) print_resource(resource, options.output);
    }
    return 0;
}

Result<int> run_export(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const ClientOptions options = TRY(parse(arguments, rest));
    print(TRY(fetch(options.server, wire::HttpMethod::get, "/api/v1/export")).body);
    return 0;
}

Result<int> run_query(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const ClientOptions options = TRY(parse(arguments, rest));
    if (rest.size() != 1) return Error{Code::invalid, "usage: gongshu query \"SELECT …\" [--csv|--json|--parquet]"};
    if (options.parquet && io::is_terminal(1))
        return Error{Code::invalid, "--parquet writes bytes that are not for a terminal: > rows.parquet"};
    const std::string body = registry::to_text(Json(JsonObject{{"sql", rest[0]}}));
    const char* const format = options.csv ? "csv" : options.parquet ? "parquet" : "json";
    const auto answer =
        TRY(fetch(options.server, wire::HttpMethod::post, std::string{"/api/v1/query?format="} + format, body));
    if (options.parquet) {
        if (std::fwrite(answer.body.data(), 1, answer.body.size(), stdout) != answer.body.size() ||
            std::fflush(stdout) != 0)
            return Error{Code::io, "cannot write the file: is the disk full?"};
        return 0;
    }
    if (options.csv || options.json) {
        print(answer.body);
        return 0;
    }
    print(TRY(query_table(TRY(registry::parse_json(answer.body)))));
    return 0;
}

Result<int> run_delete(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const ClientOptions options = TRY(parse(arguments, rest));
    if (rest.size() != 2) return Error{Code::invalid, "usage: gongshu delete KIND NAME"};
    const std::string path = "/api/v1/" + TRY(plural_of(options.server, rest[0])) + "/" + wire::percent_encode(rest[1]);
    TRY(fetch(options.server, wire::HttpMethod::delete_, path));
    print(fmt::format("deleted {} {}", rest[0], rest[1]));
    return 0;
}

namespace {

void pause(DurationNs time) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    loop->after(time, [&loop] { loop->stop(); });
    loop->run();
}

std::uint64_t whole(const Json& json, const char* name) {
    const Json& value = json.at(name);
    return value.is_int64() ? static_cast<std::uint64_t>(value.as_int64()) : 0;
}

std::string member(const Json& json, const char* name) {
    return std::string(std::string_view(json.at(name).as_string()));
}

// The state when the job that runs has ended.
Result<Json> follow_backup(const ClientOptions& options, const char* path) {
    const bool terminal = io::is_terminal(2);
    for (;;) {
        const Json state = TRY(registry::parse_json(TRY(fetch(options.server, wire::HttpMethod::get, path)).body));
        if (const Json& running = state.at("running"); !running.is_null()) {
            if (terminal)
                std::fprintf(stderr, "\r\033[K%llu of %llu MB",
                             static_cast<unsigned long long>(whole(running, "bytes_done") >> 20),
                             static_cast<unsigned long long>(whole(running, "bytes") >> 20));
            pause(200 * kMillisecond);
            continue;
        }
        if (terminal) std::fprintf(stderr, "\r\033[K");
        if (const std::string error = member(state.at("last"), "error"); !error.empty())
            return Error{Code::io, "{}", error};
        return state;
    }
}

constexpr const char* kBackupsPath = "/api/v1/admin/backups";

// The newest whole one, if `name` is empty.
Result<int> drill_backup(const ClientOptions& options, std::string name) {
    if (name.empty()) {
        const Json state =
            TRY(registry::parse_json(TRY(fetch(options.server, wire::HttpMethod::get, kBackupsPath)).body));
        for (const Json& backup : state.at("backups").as_array())
            if (name.empty() && member(backup, "problem").empty()) name = member(backup, "name");
        if (name.empty()) return Error{Code::not_found, "there is no whole backup; make one: gongshu backup"};
    }
    TRY(fetch(options.server, wire::HttpMethod::post,
              fmt::format("{}/{}:drill", kBackupsPath, wire::percent_encode(name))));
    const Json state = TRY(follow_backup(options, kBackupsPath));
    const Json& proof = state.at("proved");
    if (proof.is_null()) return Error{Code::io, "the drill ended, but what it found was not kept; look at the log"};
    print(fmt::format("{} is proved by reading: {} rows, {} events, {} resources, {} secrets, {} audit records", name,
                      whole(proof, "rows"), whole(proof, "events"), whole(proof, "resources"), whole(proof, "secrets"),
                      whole(proof, "audit_records")));
    return 0;
}

}  // namespace

Result<int> run_backup(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const ClientOptions options = TRY(parse(arguments, rest));
    if (!rest.empty() && rest[0] == "drill" && rest.size() <= 2)
        return drill_backup(options, rest.size() == 2 ? rest[1] : "");
    if (!rest.empty())
        return Error{Code::invalid,
                     "'{}' is not expected here: usage: gongshu backup [options], or gongshu backup drill [NAME] "
                     "[options]",
                     rest[0]};
    TRY(fetch(options.server, wire::HttpMethod::post, kBackupsPath));
    const Json state = TRY(follow_backup(options, kBackupsPath));
    print(
        fmt::format("{}/{} is whole, on the server's machine. Keep its key folder too, elsewhere: without registry.key "
                    "nothing of it can be used.",
                    member(state, "folder"), member(state.at("last"), "name")));
    return 0;
}

}  // namespace gongshu::app
