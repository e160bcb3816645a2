#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/files.h"
#include "io/signer.h"
#include "package/archive.h"
#include "package/manifest.h"
#include "package/vectors.h"
#include "registry/registry.h"
#include "registry/template_parts.h"

// A package as a file: made from a folder, opened, checked. docs/format/package.md.
namespace gongshu::package {

// A resource as it stands in resources/*.yaml, with its placeholders.
struct PackedResource {
    std::string kind, name;
    Json spec;
    std::string place;  // "resources/rules.yaml, line 3"
};

// A package that is whole: every byte is as its signer left it. Whether the signer is trusted is another question.
struct Package {
    Manifest manifest;
    std::string sha256;  // of the file, hexadecimal
    std::uint64_t bytes = 0;
    std::vector<ArchiveEntry> entries;
    std::vector<PackedResource> resources;
    std::vector<TestVector> tests;

    const SignedBy& signer() const { return *manifest.signed_by; }
    std::string signer_key_id() const { return key_id(signer().key); }
};

// Checks archive, contents against the manifest, and the signature, in this order. Code::malformed names the entry that
// is wrong.
Result<Package> open_package(Bytes file);

// What of a folder belongs to a package: manifest.yaml, LICENSE, README.md, and what lies beneath resources, tests and
// docs; manifest.sig too, if it is there. Code::invalid names a file that does not belong there.
Result<std::vector<ArchiveEntry>> read_package_folder(io::Files& files, const std::string& folder);
// `folder` must be missing or empty.
Result<void> write_package_folder(io::Files& files, const std::string& folder,
                                  const std::vector<ArchiveEntry>& entries);

struct Signing {
    const io::SignerKey& key;
    std::string name;  // of the signer
};
// The file of what read_package_folder() gave. Without `signing` the folder holds the manifest and the signature of a
// built package, and nothing was changed since: the same bytes come out.
Result<Buffer> build_package(std::vector<ArchiveEntry> source, const std::optional<Signing>& signing);

// Values for the parameters of a manifest: what is given, else the default. Code::invalid naming the parameter.
Result<registry::Parameters> bind_parameters(const Manifest& manifest, const registry::Parameters& given);

// Kinds that never travel: who may come in, and whom to trust.
bool may_travel(const registry::Kind& kind);

// The resources of a package as they are to be here, canonical; what is named comes first. Errors begin with the place.
Result<std::vector<MadeResource>> make_resources(const registry::ResourceReader& reader, const Package& package,
                                                 const registry::Parameters& parameters);

// Runs all test vectors, each with its own parameters over the defaults; `parameters` fill what has neither.
Result<std::vector<VectorOutcome>> run_vectors(const Package& package, const registry::Parameters& parameters,
                                               const registry::ResourceReader& reader, TenantId tenant);

}  // namespace gongshu::package
