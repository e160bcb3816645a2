#include "app/verify.h"

#include <cstdio>

#include "app/serve.h"
#include "app/serve_options.h"
#include "backup/proof.h"
#include "blob/blobs.h"
#include "broker/mapping.h"
#include "case/cases.h"
#include "case/kinds/kinds.h"
#include "flow/alarm_event.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "io/interfaces.h"
#include "notify/message_hook.h"
#include "package/packages.h"

namespace gongshu::app {
namespace {

void print(const char* part, const std::string& what, const std::vector<std::string>& problems) {
    std::printf("%-9s %-8s %s\n", part, problems.empty() ? "ok" : "DAMAGED", what.c_str());
    for (const std::string& problem : problems) std::printf("    %s\n", problem.c_str());
}

}  // namespace

backup::VerifyParts verify_parts(const std::string& key_folder) {
    backup::VerifyParts parts;
    parts.key_folder = key_folder;
    parts.on_event = flow::check_event;
    parts.kinds = [] {
        return std::vector{flow::rule_kind(), broker::mapping_kind(), flow::virtual_tag_kind(),
                           package::trusted_signer_kind(), package::package_kind(), notify::message_hook_kind()};
    };
    parts.more = [](io::Files& files, const std::string& data, const registry::RegistryOptions& options) {
        std::vector<backup::PartReport> reports;
        auto packages = package::verify_package_files(files, data + "/packages");
        reports.push_back({"packages", fmt::format("{} files of installed packages", packages.files),
                           std::move(packages.problems)});
        auto blobs = blob::verify_blobs(files, options, data + "/blobs");
        reports.push_back({"files", fmt::format("{} files, {} bytes, {} names", blobs.files, blobs.bytes, blobs.rows),
                           std::move(blobs.problems)});
        auto cases =
            cases::verify_cases(files, options, cases::own_kinds());
        reports.push_back({"cases", fmt::format("{} cases, {} steps, each replayed", cases.cases, cases.steps),
                           std::move(cases.problems)});
        return reports;
    };
    return parts;
}

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

    const backup::DataReport found =
        backup::verify_data(*files, *clock, options.data, verify_parts(options.key_folder));
    const auto& kept = found.history;
    print("history", fmt::format("{} files, {} rows, {} intervals", kept.files, kept.rows, kept.intervals),
          kept.problems);
    print("events", fmt::format("{} files, {} events, the alarms' among them", kept.event_files, kept.events),
          kept.event_problems);
    const auto& known = found.registry;
    print("registry",
          fmt::format("{} resources, {} revisions, {} secrets", known.resources, known.revisions, known.secrets),
          known.problems);
    const auto& ledgers = found.ledgers;
    print("ledger",
          fmt::format("{} ledgers, {} entries, {} signed heads, {} audit records", ledgers.ledgers, ledgers.entries,
                      ledgers.heads, ledgers.records),
          ledgers.problems);
    for (const backup::PartReport& part : found.more) print(part.name.c_str(), part.what, part.problems);
    const std::size_t problems = found.problems().size();
    std::printf("%zu problems\n", problems);
    return problems == 0 ? 0 : 1;
}

}  // namespace gongshu::app
