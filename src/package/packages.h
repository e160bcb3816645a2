#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/files.h"
#include "package/kinds.h"
#include "package/package.h"
#include "registry/bulk.h"
#include "registry/registry.h"

namespace gongshu::package {

// What becomes of a resource that somebody changed by hand in places that the package changes too, or that was there
// before the package: refused and told, theirs stays, or the package's is taken.
enum class OnConflict : std::uint8_t { refuse, keep, take };

struct Request {
    registry::Parameters parameters;
    OnConflict on_conflict = OnConflict::refuse;
    bool dry_run = false;
};

// What a change does to one resource.
struct Step {
    enum class What : std::uint8_t { create, change, adopt, keep, remove, leave, unchanged, conflict };
    std::string kind, name;
    What what = What::unchanged;
    std::string why;                                // a sentence; "" = nothing to say
    std::vector<registry::Difference> differences;  // what is stored
    std::vector<registry::Difference> kept;         // what people changed and stays
};
std::string_view to_string(Step::What what);

struct Plan {
    std::string action;                // "install", "upgrade", "rollback", "uninstall"
    std::string name, from, to;        // versions, "" = none
    std::optional<Manifest> manifest;  // of the version that comes
    std::string sha256, signer_key_id;
    std::string trusted_as;  // name of the trusted signer; "" = it is not trusted
    std::vector<Step> steps;
    std::vector<std::string> problems;  // why it cannot be done
    std::vector<VectorOutcome> tests;   // of the version that comes
    bool stored = false;

    std::size_t conflicts() const;
};

// How an installed package is.
struct Examination {
    std::string name, version;
    std::vector<Step> steps;  // unchanged, change (by hand), remove (is missing)
    std::vector<VectorOutcome> tests;
    std::string problem;  // of its stored file; "" = it is whole
};

struct PackagesOptions {
    std::string folder;   // of the files of installed packages
    std::string program;  // version of the program
};

// Packages installs signed packages into the registry, all or nothing, and takes them back.
// Lives:   after the registry.
// Threads: any; one change at a time. Blocks for the disk: not from a lane.
// Bounds:  a file of kArchiveBytesMax; kEarlierMax earlier versions of each package; the registry's limits.
// Disk:    folder/<sha256>.gspkg, written before the registry's transaction and removed at a start when nothing names
// it
//          any more, so that a cut at any moment leaves the state of before or after.
class Packages {
public:
    // After the registry was loaded; removes files that no installed package names.
    static Result<std::unique_ptr<Packages>> create(io::Files& files, registry::Registry& registry,
                                                    PackagesOptions options);

    // What install() or upgrade() would do; nothing is stored.
    Result<Plan> plan(const registry::Actor& actor, Bytes file, const Request& request);
    // Code::denied for a signer who is not trusted, Code::exists if it is installed already.
    Result<Plan> install(const registry::Actor& actor, Bytes file, const Request& request);
    // A three-way difference between the version that is installed, what people made of it, and the new one.
    Result<Plan> upgrade(const registry::Actor& actor, std::string_view name, Bytes file, const Request& request);
    // To the version before.
    Result<Plan> rollback(const registry::Actor& actor, std::string_view name, const Request& request);
    Result<Plan> uninstall(const registry::Actor& actor, std::string_view name, const Request& request);
    // Compares the resources with the package and runs its tests again.
    Result<Examination> verify(TenantId tenant, std::string_view name);
    // The stored file of an installed package.
    Result<Package> stored(TenantId tenant, std::string_view name);

    // For Registry::set_last_check(): refuses a resource of kind package that comes from elsewhere.
    static Result<void> check_by_hand(const registry::Resource& next);
    // Files for a backup: name in it, path.
    std::vector<std::pair<std::string, std::string>> backup_files() const;

private:
    struct Work;

    Packages(io::Files& files, registry::Registry& registry, PackagesOptions options);
    Result<void> tidy();
    std::string path_of(std::string_view sha256) const;
    Result<Package> read_stored(std::string_view sha256) const;
    Result<PackageSpec> record_of(TenantId tenant, std::string_view name) const;
    std::string trusted_as(TenantId tenant, const Package& package) const;
    void check_needs(TenantId tenant, const Manifest& manifest, Plan& plan) const;
    // Other packages that need this one at a version that `version` is not; "" = it goes.
    void check_needed(TenantId tenant, std::string_view name, const std::string& version, Plan& plan) const;
    // The version that is installed, as the base of a three-way difference.
    Result<void> take_base(TenantId tenant, Work& work) const;
    Result<void> take_next(TenantId tenant, Package package, const registry::Parameters& given, Work& work) const;
    Result<Work> prepare_file(const registry::Actor& actor, Bytes file, const Request& request) const;
    Result<Work> prepare_rollback(const registry::Actor& actor, std::string_view name) const;
    // Fills the plan's steps and problems; gives the changes.
    std::vector<registry::BulkWish> plan_steps(const registry::Actor& actor, Work& work, OnConflict on_conflict);
    Result<Plan> carry_out(const registry::Actor& actor, Work work, const Request& request);

    // Constant after construction.
    io::Files& files_;
    registry::Registry& registry_;
    const PackagesOptions options_;
    // One change at a time, so that a plan holds until it is stored.
    std::mutex changer_;
};

// Files of installed packages in a folder that nobody uses: each is whole and has the name of its SHA-256.
struct PackagesReport {
    std::uint64_t files = 0;
    std::vector<std::string> problems;
};
PackagesReport verify_package_files(io::Files& files, const std::string& folder);

}  // namespace gongshu::package
