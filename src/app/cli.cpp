#include "app/cli.h"

#include <cstdio>
#include <functional>

#include "app/bench.h"
#include "app/client.h"
#include "app/doctor.h"
#include "app/import.h"
#include "app/package.h"
#include "app/restore.h"
#include "app/serve.h"
#include "app/upgrade.h"
#include "app/version.h"
#include "app/worker.h"
#include "base/options.h"
#include "base/result.h"

namespace gongshu::app {
namespace {

struct Command {
    const char* name;
    const char* about;
    Result<int> (*run)(const std::vector<std::string>&);
    std::string (*help)();
};

constexpr Command kCommands[] = {
    {"serve", "the platform over a folder of data", run_serve, serve_help},
    {"edge", "a platform beside the machines that sends its readings on: edge --data FOLDER --forward-to https://…",
     run_edge, edge_help},
    {"demo", "the platform with a simulated plant and 30 days of past, offline", run_demo, demo_help},
    {"plant", "the simulated plant alone: Modbus TCP and MQTT", run_plant, plant_help},
    {"apply", "put resources from YAML files into a running server: apply -f factory.yaml [--dry-run]", run_apply,
     client_help},
    {"get", "show resources of a running server: get devices [NAME], get kinds", run_get, client_help},
    {"export", "all resources of a running server as YAML, as apply takes them", run_export, client_help},
    {"query", "ask a running server in SQL: query \"SELECT * FROM last\" [--csv|--json|--parquet]", run_query,
     client_help},
    {"delete", "remove a resource of a running server: delete rule overheat", run_delete, client_help},
    {"import", "files of readings into the history: import FILE --propose, import FILE… --map MAP.yaml [--dry-run]",
     run_import, import_help},
    {"package",
     "signed files of resources: package keygen|build|inspect|verify, "
     "plan|install|upgrade|list|check|rollback|uninstall",
     run_package, package_help},
    {"backup", "copy all data of a running server into its backup folder; prove one: backup drill [NAME]", run_backup,
     client_help},
    {"restore", "make a data folder from a backup, or check one: restore BACKUP --data FOLDER", run_restore,
     restore_help},
    {"upgrade", "what a newer program changes in a data folder, or do it: upgrade --check --data FOLDER", run_upgrade,
     upgrade_help},
    {"downgrade", "back to what the older program left, with a copy kept: downgrade --data FOLDER", run_downgrade,
     downgrade_help},
    {"verify", "check every file of a data folder that is not in use, and change none", run_verify, serve_help},
    {"doctor",
     "look at a data folder, its machine and its server, and say what is wrong: doctor --data FOLDER [--json]",
     run_doctor, doctor_help},
    {"bench", "how fast it is here, beside what this machine allows: bench NAME [--vs RIVAL] [--json]",
     run_bench, bench_help},
};

void print_usage(std::FILE* to) {
    std::fprintf(to,
                 "Gongshu 工枢 %s: an industrial internet platform in one program.\n\n  gongshu COMMAND [options]\n\n",
                 kVersion);
    for (const Command& command : kCommands) std::fprintf(to, "  %-9s %s\n", command.name, command.about);
    std::fprintf(to, "\n  gongshu help COMMAND shows its options; gongshu version\n");
}

int help(const std::vector<std::string>& arguments) {
    if (arguments.size() > 1 && arguments[1] == "options") {
        std::fputs(options_markdown().c_str(), stdout);
        return 0;
    }
    for (const Command& command : kCommands) {
        if (arguments.size() > 1 && arguments[1] == command.name) {
            std::printf("gongshu %s: %s\n\n%s", command.name, command.about, command.help().c_str());
            return 0;
        }
    }
    print_usage(stdout);
    return 0;
}

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
    if (arguments.empty()) {
        print_usage(stderr);
        return 2;
    }
    const std::string& name = arguments[0];
    if (name == "help" || name == "--help" || name == "-h") return help(arguments);
    if (name == "version" || name == "--version") {
        std::printf("gongshu %s\n", kVersion);
        return 0;
    }
    // Of the program for itself: in no list.
    if (name == "worker") {
        const auto code = run_worker({arguments.begin() + 1, arguments.end()});
        if (!code) std::fprintf(stderr, "gongshu worker: %s\n", code.error().text().c_str());
        return code ? *code : 2;
    }
    std::vector<std::string> known;
    for (const Command& command : kCommands) {
        known.emplace_back(command.name);
        if (name != command.name) continue;
        const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
        if (!rest.empty() && (rest[0] == "--help" || rest[0] == "-h")) return help({"help", name});
        const auto code = command.run(rest);
        if (code) return *code;
        std::fprintf(stderr, "gongshu %s: %s\n", command.name, code.error().text().c_str());
        const Code why = code.error().code();
        return why == Code::invalid || why == Code::malformed ? 2 : 1;
    }
    const std::string near = options::nearest(name, known);
    std::fprintf(stderr, "gongshu: there is no command '%s'%s\n", name.c_str(),
                 near.empty() ? ": gongshu help lists them" : (": did you mean " + near + "?").c_str());
    return 2;
}

}  // namespace gongshu::app
