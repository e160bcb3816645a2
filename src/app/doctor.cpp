#include "app/doctor.h"

#include <cstdio>

#include "app/http_client.h"
#include "app/version.h"
#include "base/options.h"
#include "doctor/gather.h"
#include "io/loop.h"
#include "io/process.h"
#include "registry/json.h"

namespace gongshu::app {
namespace {

struct DoctorOptions {
    std::string data, key_folder, backup_folder, log_folder;
    std::string http = "127.0.0.1:8080", mqtt = "127.0.0.1:1883";
    Server server{.url = ""};
    std::string password_file, language, bundle;
    bool json = false;
};

options::Table doctor_table(DoctorOptions& o) {
    options::Table table;
    table.text("data", o.data, "The data folder to look at.")
        .text("key_folder", o.key_folder, "Its folder of keys. Default: the data folder's name with .keys.")
        .text("backup_folder", o.backup_folder, "Its backups. Default: the data folder's name with .backups.")
        .text("log_folder", o.log_folder, "Its log files, for --bundle. Default: logs in the data folder.")
        .text("http", o.http, "Where the server would listen: looked at while none runs.")
        .text("mqtt", o.mqtt, "The same for MQTT.")
        .text("to", o.server.url,
              "Address of the running server, to ask for its connections; else the environment's GONGSHU_URL.")
        .text("token", o.server.token, "API token for that; else the environment's GONGSHU_TOKEN.")
        .text("user", o.server.user, "User, with --password-file, instead of a token.")
        .text("password_file", o.password_file, "File whose first line is the user's password.")
        .text("ca", o.server.ca_file, "Certificate of the server's authority, for https.")
        .text("language", o.language, "en or zh. Default: as LANG says.")
        .text("bundle", o.bundle,
              "Write a tar archive for who is asked for help: the report, names and sizes of files, the program's own "
              "log; no readings and no secrets.")
        .toggle("json", o.json, "Print the report as JSON.");
    return table;
}

Result<DoctorOptions> parse(const std::vector<std::string>& arguments) {
    DoctorOptions options;
    if (const auto url = io::environment("GONGSHU_URL")) options.server.url = *url;
    if (const auto token = io::environment("GONGSHU_TOKEN")) options.server.token = *token;
    std::vector<std::string> rest;
    TRY(doctor_table(options).parse(arguments, rest));
    if (!rest.empty()) return Error{Code::invalid, "'{}' is not expected here: options begin with --", rest[0]};
    if (options.data.empty()) return Error{Code::invalid, "option --data is missing: name the data folder to look at"};
    while (options.data.size() > 1 && options.data.ends_with('/')) options.data.pop_back();
    if (options.key_folder.empty()) options.key_folder = options.data + ".keys";
    if (options.backup_folder.empty()) options.backup_folder = options.data + ".backups";
    if (options.log_folder.empty()) options.log_folder = options.data + "/logs";
    if (!options.server.user.empty()) options.server.token.clear();
    if (!options.password_file.empty()) {
        const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), options.password_file, 4096));
        options.server.password = std::string(as_text(bytes).substr(0, as_text(bytes).find_first_of("\r\n")));
    }
    if (options.language.empty())
        options.language = io::environment("LANG").value_or("").starts_with("zh") ? "zh" : "en";
    if (options.language != "en" && options.language != "zh")
        return Error{Code::invalid, "option --language: expected en or zh, found '{}'", options.language};
    return options;
}

std::string member(const Json& json, const char* name) {
    const auto* object = json.if_object();
    const Json* value = object ? object->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(std::string_view(value->get_string())) : std::string{};
}

Result<std::vector<doctor::Link>> ask_for_links(const Server& server) {
    const Json json =
        TRY(registry::parse_json(TRY(fetch(server, wire::HttpMethod::get, "/api/v1/status/connections")).body));
    std::vector<doctor::Link> links;
    const auto* object = json.if_object();
    const Json* items = object ? object->if_contains("items") : nullptr;
    if (!items || !items->is_array()) return Error{Code::malformed, "{}: no list of connections", server.url};
    for (const Json& item : items->get_array())
        links.push_back({member(item, "name"), member(item, "state"), member(item, "last_error")});
    return links;
}

}  // namespace

std::string doctor_help() {
    DoctorOptions options;
    return doctor_table(options).help();
}

Result<int> run_doctor(const std::vector<std::string>& arguments) {
    const DoctorOptions options = TRY(parse(arguments));
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const doctor::Places places{options.data,
                                options.key_folder,
                                options.backup_folder,
                                kVersion,
                                {{"--http", options.http}, {"--mqtt", options.mqtt}}};
    doctor::Facts facts = doctor::gather(*files, *clock, places);
    if (facts.running && !options.server.url.empty()) {
        auto links = ask_for_links(options.server);
        if (links)
            facts.links = std::move(*links);
        else
            facts.links_problem = links.error().text();
    }
    const auto findings = doctor::check(facts);
    const std::string text =
        doctor::to_text(findings, options.language == "zh" ? doctor::Language::zh : doctor::Language::en);
    const std::string json = doctor::to_json(facts, findings) + "\n";
    std::fputs((options.json ? json : text).c_str(), stdout);
    if (!options.bundle.empty())
        TRY(doctor::write_bundle(*files, options.bundle, places, options.log_folder, text, json, facts.now));
    return static_cast<int>(doctor::worst_of(findings));
}

}  // namespace gongshu::app
