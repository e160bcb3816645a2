#include "package/package.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/utf8.h"
#include "io/crypto.h"
#include "registry/shape.h"
#include "registry/yaml.h"

namespace gongshu::package {
namespace {

constexpr std::string_view kFolders[] = {"docs", "resources", "tests"};
constexpr std::string_view kLooseFiles[] = {"LICENSE", "README.md"};
constexpr std::string_view kStaying[] = {"tenant", "user", "role", "token", "trusted_signer", "package"};
constexpr std::string_view kWithOwnPlaceholders[] = {"device_template", "dashboard"};
constexpr std::size_t kResourcesMax = 5'000;

bool is_yaml_in(std::string_view name, std::string_view folder) {
    return name.starts_with(folder) && name.substr(folder.size()).starts_with('/') && name.ends_with(".yaml");
}

Result<void> check_place(std::string_view name) {
    if (name == kManifestName || name == kSignatureName ||
        std::ranges::find(kLooseFiles, name) != std::end(kLooseFiles))
        return {};
    if (is_yaml_in(name, "resources") || is_yaml_in(name, "tests") || name.starts_with("docs/")) return {};
    return Error{Code::invalid,
                 "\"{}\" has no place in a package: it holds manifest.yaml, LICENSE, README.md, resources/*.yaml, "
                 "tests/*.yaml and docs/",
                 name};
}

const ArchiveEntry* find_entry(const std::vector<ArchiveEntry>& entries, std::string_view name) {
    const auto found = std::ranges::find(entries, name, &ArchiveEntry::name);
    return found == entries.end() ? nullptr : &*found;
}

Result<std::string_view> text_in(const ArchiveEntry& entry) {
    const std::string_view text = as_text(entry.bytes);
    if (const std::size_t at = find_broken_utf8(text); at != text.npos)
        return Error{Code::malformed, "entry \"{}\": byte {} is no UTF-8", entry.name, at};
    return text;
}

bool is_content(const ArchiveEntry& entry) { return entry.name != kManifestName && entry.name != kSignatureName; }

Content content_of(const ArchiveEntry& entry) {
    return {entry.name, entry.bytes.size(), to_hex(io::sha256(entry.bytes))};
}

// Every file is in the manifest as it is, and nothing else is.
Result<void> check_contents(const Manifest& manifest, const std::vector<ArchiveEntry>& entries) {
    std::map<std::string_view, const Content*> listed;
    for (const Content& content : manifest.contents) listed[content.name] = &content;
    for (const ArchiveEntry& entry : entries) {
        if (!is_content(entry)) continue;
        const auto found = listed.find(entry.name);
        if (found == listed.end())
            return Error{Code::malformed,
                         "entry \"{}\" is not in the manifest: it was added after the package was built", entry.name};
        if (found->second->sha256 != content_of(entry).sha256 || found->second->bytes != entry.bytes.size())
            return Error{
                Code::malformed,
                "entry \"{}\" was changed after the package was built: its SHA-256 is not that of the manifest",
                entry.name};
        listed.erase(found);
    }
    if (!listed.empty())
        return Error{Code::malformed,
                     "entry \"{}\" of the manifest is missing: it was taken out after the package was built",
                     listed.begin()->first};
    return {};
}

std::string signature_text(Bytes signature) { return io::base64(signature) + "\n"; }

Result<void> check_signature(const Manifest& manifest, Bytes manifest_bytes, const ArchiveEntry* signature) {
    if (!manifest.signed_by || signature == nullptr)
        return Error{Code::malformed, "the package is not signed: build it with gongshu package build --key FILE"};
    const SignedBy& by = *manifest.signed_by;
    const auto key = io::from_base64(by.key);
    const auto algorithm = key ? io::algorithm_of(*key) : Result<io::SignerAlgorithm>(key.error());
    if (!algorithm)
        return Error{Code::malformed, "entry \"{}\": signed_by.key: {}", kManifestName, algorithm.error().text()};
    if (io::to_string(*algorithm) != by.algorithm || io::base64(*key) != by.key)
        return Error{Code::malformed, "entry \"{}\": signed_by.algorithm is {}, but the key is one of {}",
                     kManifestName, by.algorithm, io::to_string(*algorithm)};
    const auto bytes =
        io::from_base64(std::string_view(as_text(signature->bytes)).substr(0, as_text(signature->bytes).find('\n')));
    if (!bytes || signature_text(*bytes) != as_text(signature->bytes))
        return Error{Code::malformed, "entry \"{}\" is no signature in base64 with a line end", kSignatureName};
    if (io::is_signed_by(*key, manifest_bytes, *bytes)) return {};
    return Error{Code::malformed,
                 "entry \"{}\" or \"{}\" was changed after the package was built: the signature does not fit",
                 kManifestName, kSignatureName};
}

Result<void> read_resources(Package& package) {
    for (const ArchiveEntry& entry : package.entries) {
        if (!is_yaml_in(entry.name, "resources")) continue;
        for (auto& document : TRY(registry::parse_resources(TRY(text_in(entry))).context("{}", entry.name))) {
            PackedResource one{document.wanted.kind, document.wanted.name, std::move(document.wanted.spec),
                               fmt::format("{}, line {}", entry.name, document.line)};
            const auto twice = std::ranges::find_if(package.resources, [&](const PackedResource& other) {
                return other.kind == one.kind && other.name == one.name;
            });
            if (twice != package.resources.end())
                return Error{Code::invalid, "{}: {} \"{}\" is there already at {}", one.place, one.kind, one.name,
                             twice->place};
            package.resources.push_back(std::move(one));
            if (package.resources.size() > kResourcesMax)
                return Error{Code::limit, "a package holds at most {} resources", kResourcesMax};
        }
    }
    return {};
}

Result<void> read_tests(Package& package) {
    for (const ArchiveEntry& entry : package.entries) {
        if (!is_yaml_in(entry.name, "tests")) continue;
        auto vectors = TRY(parse_vectors(TRY(text_in(entry)), entry.name));
        std::ranges::move(vectors, std::back_inserter(package.tests));
    }
    if (package.tests.size() <= kVectorsMax) return {};
    return Error{Code::limit, "a package holds at most {} tests, found {}", kVectorsMax, package.tests.size()};
}

Result<void> read_folder(io::Files& files, const std::string& folder, const std::string& prefix,
                         std::vector<ArchiveEntry>& entries) {
    for (const std::string& name : TRY(files.list(folder))) {
        const std::string path = folder + "/" + name, inner = prefix + name;
        if (files.list(path)) {
            if (std::ranges::count(inner, '/') + 1 >= static_cast<std::ptrdiff_t>(kEntryDepthMax))
                return Error{Code::limit, "{} lies deeper than {} levels", inner, kEntryDepthMax};
            TRY(read_folder(files, path, inner + "/", entries));
            continue;
        }
        TRY(check_entry_name(inner));
        TRY(check_place(inner));
        if (entries.size() >= kEntriesMax) return Error{Code::limit, "a package holds at most {} files", kEntriesMax};
        entries.push_back({inner, TRY(io::read_whole(files, path, kEntryBytesMax))});
    }
    return {};
}

}  // namespace

Result<Package> open_package(Bytes file) {
    Package package;
    package.entries = TRY(decode_archive(file));
    package.sha256 = to_hex(io::sha256(file));
    package.bytes = file.size();
    const ArchiveEntry* const manifest = find_entry(package.entries, kManifestName);
    if (manifest == nullptr) return Error{Code::malformed, "there is no entry \"{}\": it is no package", kManifestName};
    for (const ArchiveEntry& entry : package.entries)
        if (auto right = check_place(entry.name); !right) return Error{Code::malformed, "{}", right.error().text()};
    auto parsed = parse_manifest(TRY(text_in(*manifest)));
    if (!parsed) return Error{parsed.error().code(), "entry \"{}\": {}", kManifestName, parsed.error().text()};
    package.manifest = std::move(*parsed);
    if (manifest_text(package.manifest) != as_text(manifest->bytes))
        return Error{Code::malformed,
                     "entry \"{}\" is not as a build writes it: it was changed after the package was built",
                     kManifestName};
    TRY(check_contents(package.manifest, package.entries));
    TRY(check_signature(package.manifest, manifest->bytes, find_entry(package.entries, kSignatureName)));
    TRY(read_resources(package));
    TRY(read_tests(package));
    return package;
}

Result<std::vector<ArchiveEntry>> read_package_folder(io::Files& files, const std::string& folder) {
    std::vector<ArchiveEntry> entries;
    if (!TRY(files.exists(folder + "/" + std::string(kManifestName))))
        return Error{Code::not_found, "{} holds no {}", folder, kManifestName};
    TRY(read_folder(files, folder, "", entries));
    return entries;
}

Result<void> write_package_folder(io::Files& files, const std::string& folder,
                                  const std::vector<ArchiveEntry>& entries) {
    TRY(files.make_folder(folder));
    if (!TRY(files.list(folder)).empty()) return Error{Code::exists, "{} is not empty", folder};
    for (const ArchiveEntry& entry : entries) {
        if (const std::size_t slash = entry.name.rfind('/'); slash != entry.name.npos)
            TRY(files.make_folder(folder + "/" + entry.name.substr(0, slash)));
        TRY(io::write_whole(files, folder + "/" + entry.name, entry.bytes));
    }
    return {};
}

Result<Buffer> build_package(std::vector<ArchiveEntry> source, const std::optional<Signing>& signing) {
    std::ranges::sort(source, {}, &ArchiveEntry::name);
    const ArchiveEntry* const written = find_entry(source, kManifestName);
    if (written == nullptr) return Error{Code::not_found, "a package has a manifest.yaml: it is missing"};
    Manifest manifest = TRY(parse_manifest(TRY(text_in(*written))).context("{}", kManifestName));
    const ArchiveEntry* const signature = find_entry(source, kSignatureName);
    Buffer signature_bytes = signature == nullptr ? Buffer{} : signature->bytes;
    manifest.contents.clear();
    for (const ArchiveEntry& entry : source) {
        TRY(check_place(entry.name));
        if (is_content(entry)) manifest.contents.push_back(content_of(entry));
    }
    if (signing) {
        const Buffer key = signing->key.public_key();
        manifest.signed_by =
            SignedBy{signing->name, std::string(io::to_string(signing->key.algorithm())), io::base64(key)};
        signature_bytes.clear();
    }
    const std::string text = manifest_text(manifest);
    if (signing) {
        const std::string made = signature_text(TRY(signing->key.sign(as_bytes(text))));
        signature_bytes.assign(made.begin(), made.end());
    } else if (signature_bytes.empty()) {
        return Error{Code::invalid, "a package is signed: give --key FILE, which gongshu package keygen makes"};
    }
    std::erase_if(source, [](const ArchiveEntry& entry) { return !is_content(entry); });
    source.push_back({std::string(kManifestName), Buffer(text.begin(), text.end())});
    source.push_back({std::string(kSignatureName), std::move(signature_bytes)});
    Buffer file = TRY(encode_archive(std::move(source)));
    // What nobody could open is not made.
    auto opened = open_package(file);
    if (opened) return file;
    return signing ? std::move(opened).error()
                   : std::move(opened).error().context("without --key it is only packed again as it was built");
}

Result<registry::Parameters> bind_parameters(const Manifest& manifest, const registry::Parameters& given) {
    registry::Parameters bound;
    std::vector<std::string> names;
    for (const registry::TemplateParameter& parameter : manifest.parameters) {
        names.push_back(parameter.name);
        const auto found = given.find(parameter.name);
        Json value;
        const auto wrong = registry::take_value(parameter, found == given.end() ? Json(nullptr) : found->second, value);
        if (wrong && wrong->found.empty())
            return Error{Code::invalid, "the package \"{}\" needs a value for the parameter \"{}\"", manifest.name,
                         parameter.name};
        if (wrong)
            return Error{Code::invalid, "parameter \"{}\": expected {}, found {}", parameter.name, wrong->expected_en,
                         wrong->found};
        if (!value.is_null()) bound[parameter.name] = std::move(value);
    }
    for (const auto& [name, value] : given) {
        if (std::ranges::find(names, name) != names.end()) continue;
        const std::string near = registry::nearest(name, names);
        return Error{Code::invalid, "the package \"{}\" has no parameter \"{}\"{}", manifest.name, name,
                     near.empty() ? "" : "; did you mean \"" + near + "\"?"};
    }
    return bound;
}

bool may_travel(const registry::Kind& kind) {
    return kind.kind_class == registry::KindClass::config && !kind.of_system &&
           std::ranges::find(kStaying, kind.name) == std::end(kStaying);
}

namespace {

Result<MadeResource> make_one(const registry::ResourceReader& reader, const Manifest& manifest,
                              const PackedResource& packed, const registry::Parameters& parameters) {
    const registry::Kind* const kind = reader.kind(packed.kind);
    if (kind == nullptr) return Error{Code::invalid, "this program knows no kind \"{}\"", packed.kind};
    if (!may_travel(*kind)) return Error{Code::invalid, "a {} does not travel in packages", kind->name};
    if (!packed.spec.is_object())
        return Error{Code::invalid, "spec: expected an object, found {}", registry::describe(packed.spec)};
    for (const std::string& secret : kind->secret_fields)
        if (packed.spec.get_object().contains(secret))
            return Error{Code::invalid, "spec.{}: a package holds no secrets; set it after installing", secret};
    MadeResource made{kind->name, packed.name, packed.spec, packed.place};
    if (std::ranges::find(kWithOwnPlaceholders, kind->name) == std::end(kWithOwnPlaceholders)) {
        for (const std::string& name :
             TRY(registry::parameters_in(Json(JsonObject{{"name", packed.name}, {"spec", packed.spec}}), "")))
            if (std::ranges::find(manifest.parameters, name, &registry::TemplateParameter::name) ==
                manifest.parameters.end())
                return Error{Code::invalid,
                             "${{{}}} names no parameter of this package; for these characters themselves write $${{",
                             name};
        const Json name = TRY(registry::fill_parameters(Json(packed.name), nullptr, parameters, "name"));
        made.name = name.is_string() ? std::string(name.get_string()) : registry::to_text(name);
        made.spec = TRY(registry::fill_parameters(packed.spec, &kind->schema, parameters, "spec"));
    }
    auto canonical = kind->normalize(made.spec);
    if (!canonical) return Error{canonical.error().code(), "spec.{}", canonical.error().text()};
    made.spec = std::move(*canonical);
    return made;
}

// Which of the others a resource names, or lies in: a device belongs to the site its path begins with.
std::vector<std::pair<std::string, std::string>> named_by(const registry::ResourceReader& reader,
                                                          const MadeResource& made) {
    std::vector<std::pair<std::string, std::string>> names;
    const registry::Kind* const kind = reader.kind(made.kind);
    if (kind->references)
        for (const registry::Reference& reference : kind->references(made.spec))
            if (const registry::Kind* const of = reader.kind(reference.kind))
                names.emplace_back(of->name, reference.name);
    if (made.kind == "device") names.emplace_back("site", made.name.substr(0, made.name.find('/')));
    return names;
}

std::vector<MadeResource> sorted(const registry::ResourceReader& reader, std::vector<MadeResource> made) {
    std::map<std::pair<std::string, std::string>, std::size_t> index;
    for (std::size_t i = 0; i < made.size(); ++i) index[{made[i].kind, made[i].name}] = i;
    std::vector<bool> seen(made.size());
    std::vector<MadeResource> out;
    const std::function<void(std::size_t)> visit = [&](std::size_t i) {
        if (seen[i]) return;
        seen[i] = true;
        for (const auto& name : named_by(reader, made[i]))
            if (const auto found = index.find(name); found != index.end()) visit(found->second);
        out.push_back(std::move(made[i]));
    };
    for (std::size_t i = 0; i < made.size(); ++i) visit(i);
    return out;
}

}  // namespace

Result<std::vector<MadeResource>> make_resources(const registry::ResourceReader& reader, const Package& package,
                                                 const registry::Parameters& parameters) {
    std::vector<MadeResource> made;
    for (const PackedResource& packed : package.resources) {
        made.push_back(TRY(make_one(reader, package.manifest, packed, parameters)
                               .context("{}, {} \"{}\"", packed.place, packed.kind, packed.name)));
        for (std::size_t i = 0; i + 1 < made.size(); ++i)
            if (made[i].kind == made.back().kind && made[i].name == made.back().name)
                return Error{Code::invalid, "{}: with these parameters {} \"{}\" is made twice", packed.place,
                             made.back().kind, made.back().name};
    }
    return sorted(reader, std::move(made));
}

Result<std::vector<VectorOutcome>> run_vectors(const Package& package, const registry::Parameters& parameters,
                                               const registry::ResourceReader& reader, TenantId tenant) {
    std::vector<VectorOutcome> outcomes;
    for (const TestVector& vector : package.tests) {
        // What was bound here says nothing of what the test is about; it only fills what has no default.
        registry::Parameters given = vector.parameters;
        for (const registry::TemplateParameter& parameter : package.manifest.parameters)
            if (const auto bound = parameters.find(parameter.name); !parameter.preset && bound != parameters.end())
                given.try_emplace(parameter.name, bound->second);
        const auto bound = bind_parameters(package.manifest, given);
        const auto made =
            bound ? make_resources(reader, package, *bound) : Result<std::vector<MadeResource>>(bound.error());
        outcomes.push_back(made ? run_vector(vector, *made, reader, tenant)
                                : VectorOutcome{vector.place, vector.name, made.error().text()});
    }
    return outcomes;
}

}  // namespace gongshu::package
