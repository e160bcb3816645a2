#include "app/serve.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "app/demo.h"
#include "app/platform.h"
#include "app/qr.h"
#include "app/serve_options.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "io/log_files.h"
#include "io/process.h"
#include "plant/plant.h"
#include "registry/json.h"
#include "registry/yaml.h"

namespace gongshu::app {
namespace {

// A value of the configuration file as the command line would have it.
Result<std::string> option_text(const Json& value) {
    if (value.is_string()) return std::string(std::string_view(value.as_string()));
    if (value.is_bool() || value.is_number()) return registry::to_text(value);
    return Error{Code::invalid, "expected one value, found {}", registry::to_text(value)};
}

Result<void> apply_config(options::Table& table, const std::string& path) {
    const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), path, 1 << 20));
    const Json config = TRY(registry::parse_yaml(as_text(bytes)));
    if (!config.is_object()) return Error{Code::invalid, "expected names with values, as in 'data: /var/lib/gongshu'"};
    for (const auto& [key, value] : config.as_object()) {
        if (!value.is_array()) {
            TRY(table.set(key, TRY(option_text(value).context("{}", std::string_view(key)))));
            continue;
        }
        if (!table.takes_list(key))
            return Error{Code::invalid, "{} takes one value, not a list", std::string_view(key)};
        for (const Json& one : value.as_array())
            TRY(table.set(key, TRY(option_text(one).context("{}", std::string_view(key)))));
    }
    return {};
}

// Values of --config FILE first, then the command line's on top.
Result<void> parse(options::Table (*table_of)(ServeOptions&), ServeOptions& options,
                   const std::vector<std::string>& arguments) {
    std::vector<std::string> rest;
    ServeOptions typed;  // only to learn where the file is
    TRY(table_of(typed).parse(arguments, rest));
    if (!rest.empty()) return Error{Code::invalid, "'{}' is not expected here: options begin with --", rest[0]};
    options::Table table = table_of(options);
    if (!typed.config.empty()) TRY(apply_config(table, typed.config).context("{}", typed.config));
    return table.parse(arguments, rest);
}

Result<void> write_ready(Platform& platform, const ServeOptions& options,
                         const std::optional<registry::FirstSignIn>& first) {
    if (options.ready_json.empty()) return {};
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("http").text(platform.doors().http).key("mqtt").text(platform.doors().mqtt);
    if (!platform.doors().pg.empty()) json.key("pg").text(platform.doors().pg);
    if (!platform.doors().dtu.empty()) {
        json.key("dtu").begin_array();
        for (const std::string& door : platform.doors().dtu) json.text(door);
        json.end_array();
    }
    json.key("lan").begin_array();
    for (const std::string& door : platform.doors().lan) json.text(door);
    json.end_array().key("user").text("admin");
    if (first && !first->password.empty()) json.key("password").text(first->password);
    if (first) json.key("one_time").text(first->one_time);
    json.end_object();
    text += '\n';
    return io::write_whole(platform.files(), options.ready_json, as_bytes(text), 0600);
}

void greet(const Platform& platform, const std::optional<registry::FirstSignIn>& first, bool demo) {
    std::printf("\n  Gongshu 工枢%s\n\n", demo ? " · demo: the plant is simulated 演示工厂(仿真)" : "");
    std::printf("  pages 页面    %s\n  MQTT          %s\n", platform.doors().http.c_str(),
                platform.doors().mqtt.c_str());
    if (!platform.doors().pg.empty()) std::printf("  PostgreSQL    %s\n", platform.doors().pg.c_str());
    for (const std::string& door : platform.doors().dtu) std::printf("  DTU           %s\n", door.c_str());
    for (const std::string& door : platform.doors().lan) std::printf("  LAN           %s\n", door.c_str());
    if (!platform.doors().authority.empty()) {
        std::printf("\n  Phones: scan, install, compare 手机扫码安装证书并核对:\n    %s\n    SHA-256 %s\n\n%s",
                    platform.doors().authority.c_str(), platform.doors().fingerprint.c_str(),
                    qr_text(platform.doors().authority, io::is_terminal(1)).c_str());
    }
    if (first) {
        std::printf("\n  First sign-in 首次登录 (works once):\n    %s/#/welcome?one_time=%s\n",
                    platform.doors().http.c_str(), first->one_time.c_str());
        if (first->password.empty())
            std::printf("    or user admin with the password of the first start 或用首次启动时给出的密码\n");
        else
            std::printf("    or user admin, password %s\n", first->password.c_str());
    }
    if (io::environment("SSH_CONNECTION").has_value()) {
        const std::string address = platform.doors().http.substr(platform.doors().http.find("//") + 2);
        std::printf("\n  Over SSH, from your own machine:\n    ssh -L %s:%s %s\n",
                    address.substr(address.rfind(':') + 1).c_str(), address.c_str(), io::host_name().c_str());
    }
    std::printf("\n  Ctrl-C stops it.\n\n");
    std::fflush(stdout);
}

// The program's own log while it serves: limited, and in files if that was asked for.
class OwnLog {
public:
    OwnLog(const Clock& clock, io::Files& files) : clock_(clock), files_(files) { limit_log(clock); }
    OwnLog(const OwnLog&) = delete;
    OwnLog& operator=(const OwnLog&) = delete;
    ~OwnLog() {
        flush_log();
        log_to({});
    }
    Result<void> open(const ServeOptions& options) {
        if (options.log_files == 0) return {};
        TRY(files_.make_folder(options.data));
        into_ = TRY(io::LogFiles::create(
            files_, clock_, {options.log_folder, options.log_file_bytes, options.log_files, options.log_file_age}));
        log_to([this](std::string_view line) { into_->write(line); });
        return {};
    }
    // True if there is something to open anew.
    bool reopen() {
        if (into_) into_->reopen();
        return into_ != nullptr;
    }

private:
    const Clock& clock_;
    io::Files& files_;
    std::unique_ptr<io::LogFiles> into_;
};

Result<int> run(ServeOptions options, bool demo) {
    TRY(finish(options, demo));
    // First of all threads and loops: the others inherit that signals come here.
    const auto clock = io::make_system_clock();
    const auto files = io::make_posix_files();
    OwnLog log(*clock, *files);
    TRY(log.open(options).context("option --log-files"));
    const auto control = io::make_epoll_loop(*clock);
    control->on_signal([&](int signal) {
        if (signal != SIGHUP || !log.reopen()) control->stop();
    });
    auto platform = TRY(Platform::create(options, demo));
    TRY(platform->open());
    std::unique_ptr<Demo> plant;
    if (demo) plant = TRY(Demo::create(*platform, options));
    TRY(platform->begin_work());
    const auto first = platform->first_sign_in();
    TRY(write_ready(*platform, options, first));
    greet(*platform, first, demo);

    platform->tend(*control);
    control->run();
    log_info("app", "stopping");
    plant.reset();
    platform->stop();
    return 0;
}

std::atomic<bool> stop_noted = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may touch nothing else
extern "C" void note_stop(int) { stop_noted = true; }

struct PlantFlags {
    plant::PlantOptions options;
    std::string modbus = "127.0.0.1:15020";
    std::string control = "127.0.0.1:15029";
    std::string logins;
    std::string speed = "1";
    std::string log_level = "info";
};

options::Table plant_table(PlantFlags& f) {
    options::Table table;
    table
        .number("seed", f.options.seed, 0, std::int64_t{1} << 53,
                "Seed of all chance: the same seed gives the same plant.")
        .text("speed", f.speed, "Simulated seconds a second, 0.1 … 1000.")
        .text("modbus", f.modbus,
              "First of four Modbus TCP servers (cnc1, cnc2, cooling, meters); port 0: the system picks each.")
        .text("control", f.control, "Line protocol for faults and power: help, list, fault, power, speed.")
        .text("mqtt", f.options.mqtt, "Broker for the other half of the machines; empty: they stay silent.")
        .text("logins", f.logins,
              "JSON file with the MQTT sign-in of each machine: {\"cnc3\":{\"username\",\"password\"}, …}.")
        .text("site", f.options.site, "First level of the topics.")
        .text("faults", f.options.faults, "demo: a schedule from 20 s after the start; none.")
        .text("ready_json", f.options.ready_json, "File that gets the addresses once it serves.")
        .text("log_level", f.log_level, "debug, info, warning or error.");
    return table;
}

Result<void> read_logins(PlantFlags& flags) {
    if (flags.logins.empty()) return {};
    const Buffer bytes = TRY(io::read_whole(*io::make_posix_files(), flags.logins, 1 << 20));
    const Json logins = TRY(registry::parse_json(as_text(bytes)).context("{}", flags.logins));
    if (!logins.is_object()) return Error{Code::invalid, "{}: expected an object of sign-ins by machine", flags.logins};
    for (const auto& [name, login] : logins.as_object()) {
        const auto* object = login.if_object();
        const auto text = [&](const char* key) -> Result<std::string> {
            const Json* value = object ? object->if_contains(key) : nullptr;
            if (!value || !value->is_string())
                return Error{Code::invalid, "{}: {}: '{}' is missing or no text", flags.logins, std::string_view(name),
                             key};
            return std::string(std::string_view(value->as_string()));
        };
        flags.options.mqtt_logins[std::string(name)] = {TRY(text("username")), TRY(text("password"))};
    }
    return {};
}

}  // namespace

Result<int> run_serve(const std::vector<std::string>& arguments) {
    ServeOptions options;
    TRY(parse(serve_table, options, arguments));
    return run(std::move(options), false);
}

Result<int> run_edge(const std::vector<std::string>& arguments) {
    ServeOptions options = edge_defaults();
    TRY(parse(serve_table, options, arguments));
    if (options.forward_to.empty())
        return Error{Code::invalid,
                     "option --forward-to is missing: name the platform that gets the readings, as in --forward-to "
                     "https://platform:8443 (without one, 'gongshu serve' is the same)"};
    return run(std::move(options), false);
}

Result<int> run_demo(const std::vector<std::string>& arguments) {
    ServeOptions options;
    TRY(parse(demo_table, options, arguments));
    return run(std::move(options), true);
}

Result<int> run_plant(const std::vector<std::string>& arguments) {
    PlantFlags flags;
    std::vector<std::string> rest;
    TRY(plant_table(flags).parse(arguments, rest));
    if (!rest.empty()) return Error{Code::invalid, "'{}' is not expected here: options begin with --", rest[0]};
    char* end = nullptr;
    flags.options.speed = std::strtod(flags.speed.c_str(), &end);
    if (*end != '\0' || !(flags.options.speed >= 0.1 && flags.options.speed <= 1000))
        return Error{Code::invalid, "option --speed: '{}' is not a number in 0.1 … 1000", flags.speed};
    flags.options.modbus = TRY(io::parse_address(flags.modbus).context("option --modbus"));
    flags.options.control = TRY(io::parse_address(flags.control).context("option --control"));
    TRY(read_logins(flags));
    std::signal(SIGINT, note_stop);
    std::signal(SIGTERM, note_stop);
    return plant::run(flags.options, [] { return stop_noted.load(); });
}

Result<void> read_serve_options(ServeOptions& options, const std::vector<std::string>& arguments) {
    TRY(parse(serve_table, options, arguments));
    return finish(options, false);
}

std::string serve_help() {
    ServeOptions options;
    return serve_table(options).help();
}

std::string edge_help() {
    ServeOptions options = edge_defaults();
    return serve_table(options).help();
}

std::string demo_help() {
    ServeOptions options;
    return demo_table(options).help();
}

std::string plant_help() {
    PlantFlags flags;
    return plant_table(flags).help();
}

std::string options_markdown() {
    ServeOptions options;
    PlantFlags flags;
    return "# Options\n\nMade by `gongshu help options` from the tables that parse them.\n\n## serve, demo\n\n" +
           demo_table(options).markdown() + "\n## plant\n\n" + plant_table(flags).markdown();
}

}  // namespace gongshu::app
