#include "app/package.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "app/http_client.h"
#include "app/version.h"
#include "base/options.h"
#include "broker/mapping.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "io/crypto.h"
#include "io/files.h"
#include "package/trial.h"
#include "registry/yaml.h"

namespace gongshu::app {
namespace {

constexpr std::uint64_t kTextBytesMax = 1 << 20;
constexpr const char* kUsage =
    "usage: gongshu package keygen --name WHO --out FILE · build FOLDER --key FILE · inspect FILE · verify FILE · "
    "plan FILE · install FILE… · upgrade FILE · list · check NAME · rollback NAME · uninstall NAME";

struct PackageOptions {
    Server server;
    std::string password_file;
    std::string key, name, out, algorithm = "ed25519", unpack, conflicts;
    std::vector<std::string> set, with, trust;
    bool dry_run = false;
};

options::Table package_table(PackageOptions& o) {
    options::Table table;
    table.text("name", o.name, "keygen: who signs, as people will read it.")
        .text("algorithm", o.algorithm, "keygen: ed25519 or sm2.")
        .text("out", o.out,
              "keygen: where the key goes, OUT.key and OUT.trust.yaml. build: the file; default NAME-VERSION.gspkg.")
        .text(
            "key", o.key,
            "build: the private key that keygen made. Without it a folder that was unpacked is packed again as it was.")
        .text("unpack", o.unpack, "inspect: write what is inside into this folder, which must be missing or empty.")
        .list("with", o.with, "build, verify: a package that this one needs. May be given several times.")
        .list("trust", o.trust, "verify: OUT.trust.yaml of a signer who is trusted. May be given several times.")
        .list("set", o.set, "A parameter: --set limit=4.5. May be given several times.")
        .text("conflicts", o.conflicts,
              "What was changed by hand: keep it, or take the package's. Default: refuse and tell.")
        .toggle("dry_run", o.dry_run, "install, upgrade, uninstall: all checks, nothing is stored.")
        .text("server", o.server.url, "Address of the running server; else the environment's GONGSHU_URL.")
        .text("token", o.server.token, "API token; else the environment's GONGSHU_TOKEN.")
        .text("user", o.server.user, "User, with --password-file, instead of a token.")
        .text("password_file", o.password_file, "File whose first line is the user's password.")
        .text("ca", o.server.ca_file, "Certificate of the server's authority, for https.");
    return table;
}

Result<PackageOptions> parse(const std::vector<std::string>& arguments, std::vector<std::string>& rest) {
    PackageOptions options;
    if (const char* url = std::getenv("GONGSHU_URL")) options.server.url = url;
    if (const char* token = std::getenv("GONGSHU_TOKEN")) options.server.token = token;
    TRY(package_table(options).parse(arguments, rest));
    if (!options.server.user.empty()) options.server.token.clear();  // what was typed wins over the environment
    if (!options.password_file.empty()) {
        const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), options.password_file, 4096));
        options.server.password = std::string(as_text(bytes).substr(0, as_text(bytes).find_first_of("\r\n")));
    }
    return options;
}

void print(const std::string& line) { std::printf("%s\n", line.c_str()); }

Result<Buffer> read_file(const std::string& path) {
    return io::read_whole(*io::make_posix_files(), path, package::kArchiveBytesMax);
}

Result<package::Package> read_package(const std::string& path) {
    return package::open_package(TRY(read_file(path))).context("{}", path);
}

Result<registry::Parameters> parameters_of(const PackageOptions& options) {
    registry::Parameters parameters;
    for (const std::string& one : options.set) {
        const std::size_t equals = one.find('=');
        if (equals == one.npos || equals == 0)
            return Error{Code::invalid, "--set: expected name=value, found '{}'", one};
        parameters[one.substr(0, equals)] = Json(one.substr(equals + 1));
    }
    return parameters;
}

Result<std::unique_ptr<package::Trial>> make_trial() {
    std::vector<registry::Kind> kinds;
    kinds.push_back(flow::rule_kind());
    kinds.push_back(broker::mapping_kind());
    kinds.push_back(flow::virtual_tag_kind());
    return package::Trial::create(std::move(kinds));
}

// What it needs, in this order, then itself, in an empty registry; then its tests.
Result<std::vector<package::VectorOutcome>> try_package(const package::Package& package,
                                                        const PackageOptions& options) {
    const auto trial = TRY(make_trial());
    for (const std::string& path : options.with) TRY(trial->install(TRY(read_package(path)), {}).context("{}", path));
    const auto parameters = TRY(parameters_of(options));
    TRY(trial->install(package, parameters).context("it cannot be installed"));
    return trial->test(package, parameters);
}

std::size_t print_outcomes(const std::vector<package::VectorOutcome>& outcomes) {
    std::size_t failed = 0;
    for (const package::VectorOutcome& outcome : outcomes) {
        if (outcome.failure.empty()) continue;
        ++failed;
        print(fmt::format("  FAILED {}, \"{}\": {}", outcome.place, outcome.name, outcome.failure));
    }
    print(fmt::format("tests      {} passed, {} failed", outcomes.size() - failed, failed));
    return failed;
}

// keygen

Result<int> keygen(const PackageOptions& options) {
    if (options.name.empty() || options.out.empty())
        return Error{Code::invalid,
                     "keygen needs --name WHO and --out FILE: gongshu package keygen --name \"ACME\" --out acme"};
    const auto algorithm = io::parse_signer_algorithm(options.algorithm);
    if (!algorithm) return Error{Code::invalid, "--algorithm: expected ed25519 or sm2, found '{}'", options.algorithm};
    const auto files = io::make_posix_files();
    const std::string key_path = options.out + ".key", trust_path = options.out + ".trust.yaml";
    for (const std::string& path : {key_path, trust_path})
        if (TRY(files->exists(path)))
            return Error{Code::exists, "{} is there already; a key that is lost cannot be made again", path};
    const auto key = TRY(io::SignerKey::generate(*algorithm));
    const Buffer bytes = key.public_key();
    const std::string public_key = io::base64(bytes), pem = "Signer: " + options.name + "\n" + key.to_pem();
    std::string resource_name = "key-" + package::key_id(public_key).substr(0, 12);
    const std::string trust = registry::to_yaml(Json(JsonObject{
        {"kind", "trusted_signer"},
        {"name", resource_name},
        {"spec", JsonObject{{"title", options.name}, {"algorithm", options.algorithm}, {"key", public_key}}}}));
    TRY(io::write_whole(*files, key_path, as_bytes(pem), 0600));
    TRY(io::write_whole(*files, trust_path, as_bytes(trust), 0644));
    print(fmt::format("{} signs; keep it secret, and a copy of it.", key_path));
    print(fmt::format("{} is for those who shall trust {}: an administrator applies it with gongshu apply -f {}",
                      trust_path, options.name, trust_path));
    print(fmt::format("key id {}", package::key_id(public_key)));
    return 0;
}

struct SignerFile {
    io::SignerKey key;
    std::string name;
};

Result<SignerFile> read_key(const std::string& path) {
    const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), path, 1 << 16));
    const std::string_view text = as_text(bytes);
    auto key = TRY(io::SignerKey::from_pem(text).context("{}", path));
    constexpr std::string_view kBegin = "Signer: ";
    if (!text.starts_with(kBegin))
        return Error{Code::malformed,
                     "{}: expected a first line such as \"Signer: ACME\", as gongshu package keygen writes it", path};
    return SignerFile{std::move(key),
                      std::string(text.substr(kBegin.size(), text.find_first_of("\r\n") - kBegin.size()))};
}

// build

Result<int> build(const std::string& folder, const PackageOptions& options) {
    const auto files = io::make_posix_files();
    auto source = TRY(package::read_package_folder(*files, folder));
    std::optional<SignerFile> signer;
    if (!options.key.empty()) signer.emplace(TRY(read_key(options.key)));
    std::optional<package::Signing> signing;
    if (signer) signing.emplace(package::Signing{signer->key, signer->name});
    const Buffer file = TRY(package::build_package(std::move(source), signing).context("{}", folder));
    const package::Package package = TRY(package::open_package(file));
    const auto outcomes = TRY(try_package(package, options));
    const std::size_t failed = print_outcomes(outcomes);
    if (failed > 0) return Error{Code::invalid, "{} of its tests fail: nothing is written", failed};
    const std::string path = options.out.empty() ? package.manifest.file_name() : options.out;
    TRY(io::write_whole(*files, path, file, 0644));
    print(fmt::format("{}: {} bytes, {} resources, SHA-256 {}", path, file.size(), package.resources.size(),
                      package.sha256));
    return 0;
}

// inspect, verify

void print_package(const package::Package& package) {
    const package::Manifest& manifest = package.manifest;
    print(fmt::format("package    {} {}", manifest.name, manifest.version));
    if (!manifest.title_zh.empty() || !manifest.title_en.empty())
        print(fmt::format("title      {}{}{}", manifest.title_zh,
                          manifest.title_zh.empty() || manifest.title_en.empty() ? "" : " / ", manifest.title_en));
    print(fmt::format("licence    {}", manifest.licence));
    print(fmt::format("signer     \"{}\", {}, key id {}", package.signer().name, package.signer().algorithm,
                      package.signer_key_id()));
    print(fmt::format("platform   {}", manifest.platform));
    for (const package::Requirement& need : manifest.needs)
        print(fmt::format("needs      {} {}", need.name, need.versions));
    for (const registry::TemplateParameter& parameter : manifest.parameters)
        print(fmt::format("parameter  {}{}{}", parameter.name,
                          parameter.unit.empty() ? "" : " [" + parameter.unit + "]",
                          parameter.preset ? " = " + registry::to_text(*parameter.preset) : ""));
    constexpr const char* kStatus[] = {"from the maker's document", "from somebody else", "an example"};
    for (const package::Source& source : manifest.sources)
        print(fmt::format("source     {}: {}{}", source.what, kStatus[static_cast<std::size_t>(source.status)],
                          source.reference.empty() ? "" : ", " + source.reference));
    for (const package::PackedResource& resource : package.resources)
        print(fmt::format("resource   {} \"{}\"", resource.kind, resource.name));
    print(fmt::format("file       {} bytes, {} entries, {} tests, SHA-256 {}", package.bytes, package.entries.size(),
                      package.tests.size(), package.sha256));
}

Result<int> inspect(const std::string& path, const PackageOptions& options) {
    const package::Package package = TRY(read_package(path));
    print_package(package);
    if (options.unpack.empty()) return 0;
    TRY(package::write_package_folder(*io::make_posix_files(), options.unpack, package.entries));
    print(fmt::format("unpacked to {}", options.unpack));
    return 0;
}

// Whether one of the files of --trust names the key.
Result<bool> is_trusted(const package::Package& package, const PackageOptions& options) {
    for (const std::string& path : options.trust) {
        const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), path, kTextBytesMax));
        for (const auto& document : TRY(registry::parse_resources(as_text(bytes)).context("{}", path))) {
            const Json* const key =
                document.wanted.spec.is_object() ? document.wanted.spec.get_object().if_contains("key") : nullptr;
            if (document.wanted.kind == "trusted_signer" && key && key->is_string() &&
                std::string_view(key->get_string()) == package.signer().key)
                return true;
        }
    }
    return false;
}

Result<int> verify(const std::string& path, const PackageOptions& options) {
    const package::Package package = TRY(read_package(path));
    print(fmt::format("whole      {} {}: every byte is as its signer left it", package.manifest.name,
                      package.manifest.version));
    const bool trusted = TRY(is_trusted(package, options));
    print(fmt::format("signer     \"{}\", key id {}: {}", package.signer().name, package.signer_key_id(),
                      trusted                 ? "trusted"
                      : options.trust.empty() ? "not asked, --trust FILE says who is trusted"
                                              : "NOT TRUSTED by the files given"));
    const auto platform = TRY(package::VersionRange::parse(package.manifest.platform));
    const bool fits = platform.has(TRY(package::parse_version(kVersion)));
    if (!fits) print(fmt::format("platform   it is for {}, this is {}", package.manifest.platform, kVersion));
    const auto outcomes = TRY(try_package(package, options));
    const std::size_t failed = print_outcomes(outcomes);
    return failed == 0 && fits && (trusted || options.trust.empty()) ? 0 : 1;
}

// plan, install, upgrade, list, rollback, uninstall, check: on a running server

std::string text_in(const Json& json, std::string_view name) {
    const Json* const found = json.is_object() ? json.get_object().if_contains(name) : nullptr;
    return found && found->is_string() ? std::string(found->get_string()) : std::string{};
}

const JsonArray& list_in(const Json& json, std::string_view name) {
    static const JsonArray kNone;
    const Json* const found = json.is_object() ? json.get_object().if_contains(name) : nullptr;
    return found && found->is_array() ? found->get_array() : kNone;
}

std::string query_of(const PackageOptions& options) {
    std::string query;
    const auto add = [&](std::string_view name, const std::string& value) {
        query += (query.empty() ? "?" : "&") + std::string(name) + "=" + wire::percent_encode(value);
    };
    for (const std::string& one : options.set) add("set", one);
    if (!options.conflicts.empty()) add("conflicts", options.conflicts);
    if (options.dry_run) add("dry_run", "1");
    return query;
}

void print_differences(const JsonArray& differences, const char* what) {
    for (const Json& one : differences)
        print(fmt::format("             {}{}: {} -> {}", what, text_in(one, "path"),
                          registry::to_text(one.at("before")), registry::to_text(one.at("after"))));
}

void print_steps(const Json& plan) {
    for (const Json& step : list_in(plan, "steps")) {
        const std::string why = text_in(step, "why"), what = text_in(step, "what");
        print(fmt::format("  {:<10} {} \"{}\"{}", what, text_in(step, "kind"), text_in(step, "name"),
                          why.empty() ? "" : ": " + why));
        if (what != "create") print_differences(list_in(step, "differences"), "");
        print_differences(list_in(step, "kept"), what == "conflict" ? "here, and in the package: " : "stays: ");
    }
}

std::size_t print_tests(const Json& plan) {
    std::size_t failed = 0;
    for (const Json& test : list_in(plan, "tests")) {
        if (test.at("passed").as_bool()) continue;
        ++failed;
        print(fmt::format("  FAILED {}, \"{}\": {}", text_in(test, "place"), text_in(test, "name"),
                          text_in(test, "failure")));
    }
    if (!list_in(plan, "tests").empty())
        print(fmt::format("tests      {} passed, {} failed", list_in(plan, "tests").size() - failed, failed));
    return failed;
}

Result<int> print_plan(const std::string& body) {
    const Json plan = TRY(registry::parse_json(body));
    const std::string from = text_in(plan, "from"), to = text_in(plan, "to");
    print(fmt::format("{} {} {}{}{}", text_in(plan, "action"), text_in(plan, "name"), from,
                      from.empty() || to.empty() ? "" : " -> ", to));
    if (!to.empty())
        print(fmt::format(
            "signer     key id {}: {}", text_in(plan, "signer_key_id"),
            text_in(plan, "trusted_as").empty() ? "NOT TRUSTED" : "trusted as " + text_in(plan, "trusted_as")));
    print_steps(plan);
    print_tests(plan);
    for (const Json& problem : list_in(plan, "problems")) print("  PROBLEM " + std::string(problem.as_string()));
    const bool stored = plan.at("stored").as_bool();
    const bool open = plan.at("conflicts").as_int64() > 0;
    if (open) print("conflicts: --conflicts keep leaves what people made, --conflicts take takes the package's");
    print(stored ? "done" : "nothing was stored");
    return stored || (!open && list_in(plan, "problems").empty()) ? 0 : 1;
}

Result<wire::HttpResponse> post(const PackageOptions& options, const std::string& path, std::string body = {}) {
    return fetch(options.server, wire::HttpMethod::post, path + query_of(options), std::move(body),
                 "application/octet-stream");
}

Result<int> bring(const std::string& what, const std::string& path, const PackageOptions& options) {
    const package::Package package = TRY(read_package(path));
    const Buffer file = TRY(read_file(path));
    const std::string target =
        what == "upgrade" ? "/api/v1/packages/" + package.manifest.name + ":upgrade" : "/api/v1/packages:" + what;
    return print_plan(TRY(post(options, target, std::string(as_text(file)))).body);
}

// Those that another one of them needs come before it, so that all are there when they are asked for.
Result<int> install_all(const std::vector<std::string>& paths, const PackageOptions& options) {
    std::vector<std::pair<std::string, package::Manifest>> left;
    for (const std::string& path : paths) left.emplace_back(path, TRY(read_package(path)).manifest);
    while (!left.empty()) {
        const auto waits = [&](const package::Manifest& manifest) {
            return std::ranges::any_of(manifest.needs, [&](const package::Requirement& need) {
                return std::ranges::any_of(left, [&](const auto& other) { return other.second.name == need.name; });
            });
        };
        auto next = std::ranges::find_if(left, [&](const auto& one) { return !waits(one.second); });
        if (next == left.end())
            return Error{Code::invalid, "the packages {} and others need each other in a circle",
                         left.front().second.name};
        if (const int code = TRY(bring("install", next->first, options)); code != 0) return code;
        left.erase(next);
    }
    return 0;
}

Result<int> list(const PackageOptions& options) {
    const Json found =
        TRY(registry::parse_json(TRY(fetch(options.server, wire::HttpMethod::get, "/api/v1/packages")).body));
    for (const Json& one : list_in(found, "items")) {
        const Json& spec = one.at("spec");
        std::string earlier;
        for (const Json& version : list_in(spec, "earlier")) earlier += " " + text_in(version, "version");
        print(fmt::format("{:<24} {:<10} {} resources, signed by \"{}\"{}", text_in(one, "name"),
                          text_in(spec, "version"), list_in(spec, "resources").size(), text_in(spec, "signer"),
                          earlier.empty() ? "" : ", before:" + earlier));
    }
    return 0;
}

Result<int> check(const std::string& name, const PackageOptions& options) {
    const Json found = TRY(
        registry::parse_json(TRY(post(options, "/api/v1/packages/" + wire::percent_encode(name) + ":verify")).body));
    print(fmt::format("{} {}", text_in(found, "name"), text_in(found, "version")));
    if (const std::string problem = text_in(found, "problem"); !problem.empty()) print("  DAMAGED " + problem);
    bool same = text_in(found, "problem").empty();
    for (const Json& step : list_in(found, "steps")) {
        const std::string what = text_in(step, "what");
        same = same && what == "unchanged";
        print(fmt::format("  {:<10} {} \"{}\"",
                          what == "change"   ? "changed"
                          : what == "remove" ? "missing"
                                             : "same",
                          text_in(step, "kind"), text_in(step, "name")));
        print_differences(list_in(step, "differences"), "");
    }
    return print_tests(found) == 0 && same ? 0 : 1;
}

Result<int> on_server(const std::string& what, const std::string& of, const PackageOptions& options) {
    if (what == "plan" || what == "install" || what == "upgrade") return bring(what, of, options);
    if (what == "check") return check(of, options);
    return print_plan(TRY(post(options, "/api/v1/packages/" + wire::percent_encode(of) + ":" + what)).body);
}

}  // namespace

std::string package_help() {
    PackageOptions options;
    return std::string(kUsage) + "\n\n" + package_table(options).help();
}

Result<int> run_package(const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    const PackageOptions options = TRY(parse(arguments, rest));
    const std::string what = rest.empty() ? "" : rest[0];
    const bool alone = what == "keygen" || what == "list";
    if (what == "install" && rest.size() > 2) return install_all({rest.begin() + 1, rest.end()}, options);
    if (rest.size() != (alone ? 1u : 2u)) return Error{Code::invalid, "{}", kUsage};
    if (what == "keygen") return keygen(options);
    if (what == "build") return build(rest[1], options);
    if (what == "inspect") return inspect(rest[1], options);
    if (what == "verify") return verify(rest[1], options);
    if (what == "list") return list(options);
    for (const char* known : {"plan", "install", "upgrade", "check", "rollback", "uninstall"})
        if (what == known) return on_server(what, rest[1], options);
    return Error{Code::invalid, "{}", kUsage};
}

}  // namespace gongshu::app
