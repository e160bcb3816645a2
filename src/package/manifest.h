#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "package/version.h"
#include "registry/kinds/device_template.h"
#include "registry/registry.h"

// What a package says of itself: its file manifest.yaml. docs/format/package.md.
namespace gongshu::package {

inline constexpr std::string_view kManifestName = "manifest.yaml";
inline constexpr std::string_view kSignatureName = "manifest.sig";
inline constexpr std::string_view kFileSuffix = ".gspkg";
inline constexpr std::int64_t kFormat = 1;

enum class PackageType : std::uint8_t { device_type, solution, rule_set, model, application, data };
// official: as its maker's own document says; example: made up to show how, fits no particular thing.
enum class SourceStatus : std::uint8_t { official, third_party, example };

struct Requirement {
    std::string name;
    std::string versions = "*";
};

// Where a part of the content comes from.
struct Source {
    std::string what;  // "register map"
    SourceStatus status = SourceStatus::example;
    std::string reference;  // title and edition, or address; "" = none
};

struct Content {
    std::string name;
    std::uint64_t bytes = 0;
    std::string sha256;  // hexadecimal
};

struct SignedBy {
    std::string name;
    std::string algorithm;  // "ed25519", "sm2"
    std::string key;        // public key, DER, base64
};

struct Manifest {
    std::int64_t format = kFormat;
    std::string name;
    std::string version;
    PackageType type = PackageType::solution;
    std::string title_zh, title_en, about_zh, about_en;
    std::string author;
    std::string licence;         // SPDX: "MIT", "LicenseRef-Proprietary"
    std::string platform = "*";  // versions of the program it is for
    std::vector<Requirement> needs;
    std::vector<registry::TemplateParameter> parameters;
    std::vector<Source> sources;
    // Made by the build, not written by hand.
    std::vector<Content> contents;
    std::optional<SignedBy> signed_by;

    Version parsed_version() const;  // of a checked manifest
    std::string file_name() const;   // "name-1.2.0.gspkg"
};

// Of a person's manifest.yaml or a built one: every field checked, defaults filled. Code::invalid beginning with the
// path.
Result<Manifest> parse_manifest(std::string_view text);
// The bytes that are signed: JSON (so YAML too), fields in the order of the struct, indented by two.
std::string manifest_text(const Manifest& manifest);
// As the API tells it.
Json manifest_json(const Manifest& manifest);

// The first 32 hexadecimal digits of the SHA-256 of the public key: what people compare.
std::string key_id(std::string_view key_base64);

}  // namespace gongshu::package
