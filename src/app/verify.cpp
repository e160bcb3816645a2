#include "registry/verify.h"

#include <cstdio>

#include "app/serve.h"
#include "app/serve_options.h"
#include "blob/blobs.h"
#include "broker/mapping.h"
#include "case/cases.h"
#include "case/kinds/kinds.h"
#include "flow/alarm_event.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "history/history.h"
#include "io/interfaces.h"
#include "package/packages.h"
#include "registry/audit_ledger.h"

namespace gongshu::app {
namespace {

void print(const char* part, const std::string& what, const std::vector<std::string>& problems) {
    std::printf("%-9s %-8s %s\n", part, problems.empty() ? "ok" : "DAMAGED", what.c_str());
    for (const std::string& problem : problems) std::printf("    %s\n", problem.c_str());
}

}  // namespace

Result<int> run_verify(const std::vector<std::string>& arguments) {
    ServeOptions options;
    TRY(read_serve_options(options, arguments));
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const std::string history = options.data + "/history", registry = options.data + "/registry";
    if (!TRY(files->exists(history)) && !TRY(files->exists(registry)))
        return Error{Code::not_found, "{} holds no data of this program", options.data};
    // Held to the end, so that nobody starts on it meanwhile. A folder without a lock was never served, such as a
    // backup; on a disk that cannot be written nobody can start.
    std::vector<std::unique_ptr<io::File>> held;
    for (const std::string& folder : {history, registry}) {
        if (!TRY(files->exists(folder + "/lock"))) continue;
        auto lock = files->lock_folder(folder);
        if (lock)
            held.push_back(std::move(*lock));
        else if (lock.error().code() == Code::unavailable)
            return std::move(lock.error()).context("stop the program that uses {} first", options.data);
    }

    const auto kept = history::verify_folder(*files, *clock, history, flow::check_event);
    print("history", fmt::format("{} files, {} rows, {} intervals", kept.files, kept.rows, kept.intervals), kept.problems);
    print("events", fmt::format("{} files, {} events, the alarms' among them", kept.event_files, kept.events),
          kept.event_problems);
    const auto known = registry::verify_registry(*files, {.folder = registry, .key_folder = options.key_folder},
                                                 {flow::rule_kind(), broker::mapping_kind(), flow::virtual_tag_kind(),
                                                  package::trusted_signer_kind(), package::package_kind()});
    print("registry",
          fmt::format("{} resources, {} revisions, {} secrets", known.resources, known.revisions, known.secrets),
          known.problems);
    const auto ledgers = registry::verify_ledgers(*files, {.folder = registry, .key_folder = options.key_folder},
                                                  options.data + "/ledger");
    print("ledger",
          fmt::format("{} ledgers, {} entries, {} signed heads, {} audit records", ledgers.ledgers, ledgers.entries,
                      ledgers.heads, ledgers.records),
          ledgers.problems);
    const auto packages = package::verify_package_files(*files, options.data + "/packages");
    print("packages", fmt::format("{} files of installed packages", packages.files), packages.problems);
    const auto blobs =
        blob::verify_blobs(*files, {.folder = registry, .key_folder = options.key_folder}, options.data + "/blobs");
    print("files", fmt::format("{} files, {} bytes, {} names", blobs.files, blobs.bytes, blobs.rows), blobs.problems);
    const auto cases = cases::verify_cases(*files, {.folder = registry, .key_folder = options.key_folder},
                                           {cases::change_approval_kind(), cases::downtime_reason_kind()});
    print("cases", fmt::format("{} cases, {} steps, each replayed", cases.cases, cases.steps), cases.problems);
    std::size_t problems = 0;
    for (const auto* part : {&kept.problems, &kept.event_problems, &known.problems, &ledgers.problems,
                             &packages.problems, &blobs.problems, &cases.problems})
        problems += part->size();
    std::printf("%zu problems\n", problems);
    return problems == 0 ? 0 : 1;
}

}  // namespace gongshu::app
