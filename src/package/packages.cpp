#include "package/packages.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "io/crypto.h"
#include "package/steps.h"
#include "registry/difference.h"

namespace gongshu::package {
namespace {

using registry::BulkWish;
using Key = std::pair<std::string, std::string>;  // kind, name

constexpr std::size_t kToldMax = 10;  // problems of one sort that are told one by one
constexpr std::string_view kKind = "package";

// Set while Packages changes the registry on this thread: only then a resource of kind package may be stored.
thread_local bool t_changing = false;

struct Changing {
    Changing() { t_changing = true; }
    ~Changing() { t_changing = false; }
};

bool is_file_name(std::string_view name) {
    return name.size() == 64 + kFileSuffix.size() && name.ends_with(kFileSuffix) &&
           name.substr(0, 64).find_first_not_of("0123456789abcdef") == name.npos;
}

const MadeResource* find_made(const std::vector<MadeResource>& made, std::string_view kind, std::string_view name) {
    const auto found =
        std::ranges::find_if(made, [&](const MadeResource& one) { return one.kind == kind && one.name == name; });
    return found == made.end() ? nullptr : &*found;
}

// Which packages have a resource, beside one.
std::map<Key, std::string> of_others(const registry::ResourceReader& reader, TenantId tenant, std::string_view but) {
    std::map<Key, std::string> found;
    for (const auto& record : reader.list_shared(tenant, kKind)) {
        if (record->name == but) continue;
        if (const auto spec = registry::spec_of<PackageSpec>(*record))
            for (const InstalledResource& one : spec->resources) found[{one.kind, one.name}] = record->name;
    }
    return found;
}

// What names a resource that goes, in words: what stands in the way.
class InTheWay {
public:
    InTheWay(const registry::ResourceReader& reader, TenantId tenant, const std::vector<BulkWish>& wishes)
        : reader_(reader), tenant_(tenant) {
        for (const BulkWish& wish : wishes)
            (wish.what == BulkWish::What::remove ? going_ : changed_)[{wish.kind, wish.name}] = &wish.spec;
    }

    void tell(std::vector<std::string>& problems) const {
        if (going_.empty()) return;
        std::size_t more = 0;
        for (const registry::Kind* kind : reader_.kinds()) {
            if (!kind->references || kind->name == kKind) continue;
            for (const auto& resource : reader_.list_shared(tenant_, kind->name)) {
                if (going_.contains({kind->name, resource->name})) continue;
                const auto changed = changed_.find({kind->name, resource->name});
                const Json& spec = changed == changed_.end() ? resource->spec : *changed->second;
                for (const Key& key : names_of(*kind, *resource, spec)) {
                    if (!going_.contains(key)) continue;
                    if (problems.size() < kToldMax)
                        problems.push_back(fmt::format("{} \"{}\" stays and names {} \"{}\", which would be removed",
                                                       kind->name, resource->name, key.first, key.second));
                    else
                        ++more;
                    break;
                }
            }
        }
        if (more > 0) problems.push_back(fmt::format("{} more resources name what would be removed", more));
    }

private:
    std::vector<Key> names_of(const registry::Kind& kind, const registry::Resource& resource, const Json& spec) const {
        std::vector<Key> keys;
        for (const registry::Reference& reference : kind.references(spec))
            if (const registry::Kind* const of = reader_.kind(reference.kind))
                keys.emplace_back(of->name, reference.name);
        if (kind.name == "device") keys.emplace_back("site", resource.name.substr(0, resource.name.find('/')));
        return keys;
    }

    const registry::ResourceReader& reader_;
    const TenantId tenant_;
    std::map<Key, const Json*> going_, changed_;
};

std::string joined(const std::vector<std::string>& sentences) {
    std::string out;
    for (const std::string& one : sentences) out += (out.empty() ? "" : "; ") + one;
    return out;
}

}  // namespace

struct Packages::Work {
    Plan plan;
    std::optional<PackageSpec> record;   // of what is installed
    std::uint64_t revision = 0;          // of the record
    std::vector<MadeResource> base;      // resources of what is installed
    std::vector<MadeResource> next;      // of what comes
    std::optional<PackageSpec> becomes;  // the record after it
    Buffer file;                         // to be stored first
};

std::size_t Plan::conflicts() const {
    return static_cast<std::size_t>(std::ranges::count(steps, Step::What::conflict, &Step::what));
}

Packages::Packages(io::Files& files, registry::Registry& registry, PackagesOptions options)
    : files_(files), registry_(registry), options_(std::move(options)) {}

Result<std::unique_ptr<Packages>> Packages::create(io::Files& files, registry::Registry& registry,
                                                   PackagesOptions options) {
    std::unique_ptr<Packages> packages(new Packages(files, registry, std::move(options)));
    TRY(files.make_folder(packages->options_.folder));
    TRY(packages->tidy().context("cannot tidy {}", packages->options_.folder));
    return packages;
}

std::string Packages::path_of(std::string_view sha256) const {
    return fmt::format("{}/{}{}", options_.folder, sha256, kFileSuffix);
}

// Nobody installs yet.
Result<void> Packages::tidy() {
    std::set<std::string> named;
    for (const auto& [tenant, name] : registry_.tenants())
        for (const auto& record : registry_.list_shared(tenant, kKind)) {
            const auto spec = TRY(registry::spec_of<PackageSpec>(*record));
            named.insert(spec.sha256 + std::string(kFileSuffix));
            for (const EarlierVersion& earlier : spec.earlier) named.insert(earlier.sha256 + std::string(kFileSuffix));
        }
    for (const std::string& name : TRY(files_.list(options_.folder)))
        if (is_file_name(name) && !named.contains(name)) TRY(files_.remove(options_.folder + "/" + name));
    return {};
}

Result<Package> Packages::read_stored(std::string_view sha256) const {
    const Buffer file = TRY(io::read_whole(files_, path_of(sha256), kArchiveBytesMax));
    Package package = TRY(open_package(file).context("{}", path_of(sha256)));
    if (package.sha256 == sha256) return package;
    return Error{Code::corrupt, "{} holds another package than it is named after", path_of(sha256)};
}

Result<PackageSpec> Packages::record_of(TenantId tenant, std::string_view name) const {
    return registry::spec_of<PackageSpec>(TRY(registry_.get(tenant, kKind, name)));
}

Result<Package> Packages::stored(TenantId tenant, std::string_view name) {
    return read_stored(TRY(record_of(tenant, name)).sha256);
}

std::string Packages::trusted_as(TenantId tenant, const Package& package) const {
    for (const auto& resource : registry_.list_shared(tenant, "trusted_signer")) {
        const auto spec = registry::spec_of<TrustedSignerSpec>(*resource);
        if (spec && spec->key == package.signer().key) return resource->name;
    }
    return "";
}

void Packages::check_needs(TenantId tenant, const Manifest& manifest, Plan& plan) const {
    const auto platform = VersionRange::parse(manifest.platform);
    const auto program = parse_version(options_.program);
    if (platform && program && !platform->has(*program))
        plan.problems.push_back(
            fmt::format("it is for platforms of version {}, this one is {}", manifest.platform, options_.program));
    for (const Requirement& need : manifest.needs) {
        const auto range = VersionRange::parse(need.versions);
        const auto record = record_of(tenant, need.name);
        if (!record) {
            plan.problems.push_back(
                fmt::format("it needs the package \"{}\" {}, which is not installed: install that one first", need.name,
                            need.versions));
        } else if (const auto version = parse_version(record->version); range && version && !range->has(*version)) {
            plan.problems.push_back(fmt::format("it needs the package \"{}\" {}, but {} is installed", need.name,
                                                need.versions, record->version));
        }
    }
}

void Packages::check_needed(TenantId tenant, std::string_view name, const std::string& version, Plan& plan) const {
    for (const auto& record : registry_.list_shared(tenant, kKind)) {
        const auto spec = registry::spec_of<PackageSpec>(*record);
        if (!spec || record->name == name) continue;
        for (const Requirement& need : spec->needs) {
            if (need.name != name) continue;
            const auto range = VersionRange::parse(need.versions);
            const auto parsed = parse_version(version);
            if (range && parsed && range->has(*parsed)) continue;
            plan.problems.push_back(
                fmt::format("the package \"{}\" {} needs it at {}", record->name, spec->version, need.versions));
        }
    }
}

Result<void> Packages::take_base(TenantId tenant, Work& work) const {
    const auto resource = registry_.find(tenant, kKind, work.plan.name);
    if (!resource) return {};
    work.record = TRY(registry::spec_of<PackageSpec>(*resource));
    work.revision = resource->revision;
    work.plan.from = work.record->version;
    const Package installed =
        TRY(read_stored(work.record->sha256).context("the installed version {}", work.record->version));
    const auto bound = TRY(bind_parameters(installed.manifest, work.record->parameters));
    work.base = TRY(make_resources(registry_, installed, bound));
    return {};
}

Result<void> Packages::take_next(TenantId tenant, Package package, const registry::Parameters& given,
                                 Work& work) const {
    Plan& plan = work.plan;
    const registry::Parameters bound = TRY(bind_parameters(package.manifest, given));
    work.next = TRY(make_resources(registry_, package, bound));
    plan.to = package.manifest.version;
    plan.sha256 = package.sha256;
    plan.signer_key_id = package.signer_key_id();
    plan.trusted_as = trusted_as(tenant, package);
    if (plan.trusted_as.empty())
        plan.problems.push_back(
            fmt::format("the signer \"{}\" (key id {}) is not trusted here: once the key id was compared with the "
                        "signer by another way, an "
                        "administrator adds the key as a trusted signer",
                        package.signer().name, plan.signer_key_id));
    check_needs(tenant, package.manifest, plan);
    check_needed(tenant, plan.name, plan.to, plan);
    plan.tests = TRY(run_vectors(package, bound, registry_, tenant));
    const auto failed = std::ranges::find_if(plan.tests, [](const VectorOutcome& one) { return !one.failure.empty(); });
    if (failed != plan.tests.end())
        plan.problems.push_back(
            fmt::format("its test \"{}\" ({}) fails: {}", failed->name, failed->place, failed->failure));
    PackageSpec record{.version = plan.to,
                       .type = package.manifest.type,
                       .title_zh = package.manifest.title_zh,
                       .title_en = package.manifest.title_en,
                       .licence = package.manifest.licence,
                       .sha256 = package.sha256,
                       .signer = package.signer().name,
                       .signer_key_id = plan.signer_key_id,
                       .parameters = bound,
                       .needs = package.manifest.needs};
    if (work.record) record.earlier = work.record->earlier;
    work.becomes = std::move(record);
    plan.manifest = std::move(package.manifest);
    return {};
}

Result<Packages::Work> Packages::prepare_file(const registry::Actor& actor, Bytes file, const Request& request) const {
    Package package = TRY(open_package(file));
    Work work;
    work.plan.name = package.manifest.name;
    work.file.assign(file.begin(), file.end());
    TRY(take_base(actor.tenant, work));
    work.plan.action = work.record ? "upgrade" : "install";
    registry::Parameters given = request.parameters;
    if (work.record) {
        // What was bound before holds on, as far as the new version knows it.
        for (const registry::TemplateParameter& parameter : package.manifest.parameters)
            if (const auto before = work.record->parameters.find(parameter.name);
                before != work.record->parameters.end())
                given.try_emplace(parameter.name, before->second);
        const Version from = parse_version(work.record->version).value_or(Version{}),
                      to = package.manifest.parsed_version();
        if (to < from)
            work.plan.problems.push_back(
                fmt::format("version {} is older than {}, which is installed: a package goes back by rollback",
                            package.manifest.version, work.record->version));
        else if (to == from && package.sha256 != work.record->sha256)
            work.plan.problems.push_back(fmt::format(
                "version {} is installed with other contents: a change gets a new version", work.record->version));
    }
    TRY(take_next(actor.tenant, std::move(package), given, work));
    if (work.record && work.record->sha256 != work.plan.sha256) {
        auto& earlier = work.becomes->earlier;
        earlier.push_back({work.record->version, work.record->sha256, work.record->parameters});
        if (earlier.size() > kEarlierMax) earlier.erase(earlier.begin());
    }
    return work;
}

Result<Packages::Work> Packages::prepare_rollback(const registry::Actor& actor, std::string_view name) const {
    Work work;
    work.plan.name = name;
    work.plan.action = "rollback";
    TRY(record_of(actor.tenant, name));  // told as not found
    TRY(take_base(actor.tenant, work));
    if (work.record->earlier.empty())
        return Error{Code::conflict,
                     "package \"{}\" {} is the first version that was installed: there is none to go back to", name,
                     work.record->version};
    const EarlierVersion back = work.record->earlier.back();
    TRY(take_next(actor.tenant, TRY(read_stored(back.sha256)), back.parameters, work));
    work.becomes->earlier.pop_back();
    return work;
}

std::vector<BulkWish> Packages::plan_steps(const registry::Actor& actor, Work& work, OnConflict on_conflict) {
    const auto others = of_others(registry_, actor.tenant, work.plan.name);
    const auto subject = [&](const std::string& kind, const std::string& name) {
        Subject of{.kind = registry_.kind(kind), .name = name, .current = registry_.find(actor.tenant, kind, name)};
        if (const MadeResource* const base = find_made(work.base, kind, name)) of.base = &base->spec;
        if (const MadeResource* const next = find_made(work.next, kind, name)) of.next = &next->spec;
        if (work.record)
            for (const InstalledResource& one : work.record->resources)
                if (one.kind == kind && one.name == name) of.installed = &one;
        if (const auto other = others.find({kind, name}); other != others.end()) of.other_package = other->second;
        return of;
    };
    std::vector<BulkWish> wishes;
    const auto take = [&](Outcome outcome) {
        if (outcome.wish) wishes.push_back(std::move(*outcome.wish));
        if (outcome.stays && work.becomes) work.becomes->resources.push_back(std::move(*outcome.stays));
        work.plan.steps.push_back(std::move(outcome.step));
    };
    for (const MadeResource& one : work.next) take(outcome_of(subject(one.kind, one.name), on_conflict));
    // What goes, in the reverse order of how it was made, so that nothing is named by what is left.
    std::map<std::string, std::vector<Key>> inherited;  // package -> what is its own from now on
    for (auto one = work.base.rbegin(); one != work.base.rend(); ++one) {
        const Subject of = subject(one->kind, one->name);
        if (of.next != nullptr || of.installed == nullptr) continue;
        if (!of.other_package.empty() && of.installed->made)
            inherited[of.other_package].emplace_back(one->kind, one->name);
        take(outcome_of(of, on_conflict));
    }
    for (const auto& [package, keys] : inherited) {
        auto spec = record_of(actor.tenant, package);
        if (!spec) continue;
        for (InstalledResource& one : spec->resources)
            if (std::ranges::find(keys, Key{one.kind, one.name}) != keys.end()) one.made = true;
        wishes.push_back({BulkWish::What::put, std::string(kKind), package, package_json(*spec), {}, {}});
    }
    // With conflicts open nobody knows yet what goes.
    if (work.plan.conflicts() == 0) InTheWay{registry_, actor.tenant, wishes}.tell(work.plan.problems);
    if (work.becomes)
        wishes.push_back(
            {BulkWish::What::put, std::string(kKind), work.plan.name, package_json(*work.becomes), {}, work.revision});
    else
        wishes.push_back({BulkWish::What::remove, std::string(kKind), work.plan.name, {}, {}, work.revision});
    return wishes;
}

namespace {

// Why it is not done, as one error; the plan has it in full.
Error refusal(const Plan& plan) {
    std::vector<std::string> why = plan.problems;
    for (const Step& step : plan.steps)
        if (step.what == Step::What::conflict && why.size() < kToldMax)
            why.push_back(fmt::format("{} \"{}\": {}", step.kind, step.name, step.why));
    const bool untrusted = plan.trusted_as.empty() && plan.action != "uninstall";
    if (plan.conflicts() > 0)
        why.emplace_back("keep what people made (conflicts=keep) or take the package's (conflicts=take)");
    return Error{untrusted ? Code::denied : Code::conflict, "package \"{}\": {}", plan.name, joined(why)};
}

std::string audit_detail(const Plan& plan) {
    return registry::to_text(Json(JsonObject{
        {"from", plan.from}, {"to", plan.to}, {"sha256", plan.sha256}, {"signer_key_id", plan.signer_key_id}}));
}

}  // namespace

Result<Plan> Packages::carry_out(const registry::Actor& actor, Work work, const Request& request) {
    Plan& plan = work.plan;
    const std::size_t problems = plan.problems.size();
    const auto wishes = plan_steps(actor, work, request.on_conflict);
    const Changing changing;
    // What the registry has against it: rights, approvals, limits, names. Not while it would only say again what stands
    // in the way, or what a conflict leads to.
    const bool is_open = plan.conflicts() > 0 || plan.problems.size() > problems;
    std::size_t told = 0;
    for (const registry::Applied& applied :
         is_open ? std::vector<registry::Applied>{} : registry::change_all(registry_, actor, wishes, true)) {
        if (applied.change) continue;
        if (++told <= kToldMax)
            plan.problems.push_back(
                fmt::format("{} \"{}\": {}", applied.kind, applied.name, applied.change.error().text()));
    }
    if (request.dry_run) return std::move(plan);
    if (!plan.problems.empty() || plan.conflicts() > 0) {
        registry_.audit(actor, "refused", kKind, plan.name,
                        registry::to_text(Json(JsonObject{{"why", refusal(plan).text()}})), false);
        return refusal(plan);
    }
    if (!work.file.empty()) TRY(io::write_whole(files_, path_of(plan.sha256), work.file));
    for (const registry::Applied& applied : registry::change_all(registry_, actor, wishes, false))
        if (!applied.change) return Error(applied.change.error()).context("{} \"{}\"", applied.kind, applied.name);
    registry_.audit(actor, plan.action, kKind, plan.name, audit_detail(plan), true);
    plan.stored = true;
    return std::move(plan);
}

Result<Plan> Packages::plan(const registry::Actor& actor, Bytes file, const Request& request) {
    const std::lock_guard lock(changer_);
    Request dry = request;
    dry.dry_run = true;
    return carry_out(actor, TRY(prepare_file(actor, file, request)), dry);
}

Result<Plan> Packages::install(const registry::Actor& actor, Bytes file, const Request& request) {
    const std::lock_guard lock(changer_);
    Work work = TRY(prepare_file(actor, file, request));
    if (work.record)
        return Error{Code::exists, "package \"{}\" {} is installed already: upgrade it", work.plan.name,
                     work.plan.from};
    return carry_out(actor, std::move(work), request);
}

Result<Plan> Packages::upgrade(const registry::Actor& actor, std::string_view name, Bytes file,
                               const Request& request) {
    const std::lock_guard lock(changer_);
    Work work = TRY(prepare_file(actor, file, request));
    if (work.plan.name != name)
        return Error{Code::invalid, "the file is a package \"{}\", not \"{}\"", work.plan.name, name};
    if (!work.record) return Error{Code::not_found, "package \"{}\" is not installed: install it", name};
    return carry_out(actor, std::move(work), request);
}

Result<Plan> Packages::rollback(const registry::Actor& actor, std::string_view name, const Request& request) {
    const std::lock_guard lock(changer_);
    return carry_out(actor, TRY(prepare_rollback(actor, name)), request);
}

Result<Plan> Packages::uninstall(const registry::Actor& actor, std::string_view name, const Request& request) {
    const std::lock_guard lock(changer_);
    Work work;
    work.plan.name = name;
    work.plan.action = "uninstall";
    TRY(record_of(actor.tenant, name));
    TRY(take_base(actor.tenant, work));
    check_needed(actor.tenant, name, "", work.plan);
    return carry_out(actor, std::move(work), request);
}

Result<Examination> Packages::verify(TenantId tenant, std::string_view name) {
    const PackageSpec record = TRY(record_of(tenant, name));
    Examination out{.name = std::string(name), .version = record.version};
    const auto package = read_stored(record.sha256);
    if (!package) {
        out.problem = package.error().text();
        return out;
    }
    const auto bound = TRY(bind_parameters(package->manifest, record.parameters));
    for (const MadeResource& one : TRY(make_resources(registry_, *package, bound))) {
        Step step{.kind = one.kind, .name = one.name};
        const auto current = registry_.find(tenant, one.kind, one.name);
        step.what = current ? Step::What::unchanged : Step::What::remove;
        if (current) step.differences = registry::differences(one.spec, current->spec);
        if (!step.differences.empty()) step.what = Step::What::change;
        out.steps.push_back(std::move(step));
    }
    out.tests = TRY(run_vectors(*package, bound, registry_, tenant));
    return out;
}

Result<void> Packages::check_by_hand(const registry::Resource& next) {
    if (next.kind != kKind || t_changing) return {};
    return Error{Code::conflict,
                 "a package is installed, upgraded, rolled back and uninstalled, not written by hand"};
}

std::vector<std::pair<std::string, std::string>> Packages::backup_files() const {
    std::vector<std::pair<std::string, std::string>> out;
    if (const auto names = files_.list(options_.folder))
        for (const std::string& name : *names)
            if (is_file_name(name)) out.emplace_back("packages/" + name, options_.folder + "/" + name);
    return out;
}

PackagesReport verify_package_files(io::Files& files, const std::string& folder) {
    PackagesReport report;
    const auto there = files.exists(folder);
    if (!there || !*there) return report;
    const auto names = files.list(folder);
    if (!names) {
        report.problems.push_back(names.error().text());
        return report;
    }
    for (const std::string& name : *names) {
        if (!is_file_name(name)) continue;
        ++report.files;
        const std::string path = folder + "/" + name;
        const auto file = io::read_whole(files, path, kArchiveBytesMax);
        const auto package = file ? open_package(*file) : Result<Package>(file.error());
        if (!package)
            report.problems.push_back(fmt::format("{}: {}", path, package.error().text()));
        else if (package->sha256 != name.substr(0, 64))
            report.problems.push_back(fmt::format("{} holds another package than it is named after", path));
    }
    return report;
}

}  // namespace gongshu::package
