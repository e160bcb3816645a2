#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/registry.h"

namespace gongshu::registry {

struct YamlLimits {
    std::size_t bytes_max = 16u << 20;
    std::size_t depth_max = 32;
    std::size_t values_max = 2'000'000;  // after aliases are followed, so that a small file cannot grow
    std::size_t documents_max = 100'000;
};

// One document `kind: …  name: …  spec: {…}` and where it begins, for messages.
struct YamlDocument {
    Wanted wanted;
    std::size_t line = 0;  // from 1
};

// Any YAML value as JSON: plain scalars become null, booleans and numbers as in YAML 1.2's core schema, quoted ones
// stay texts. Code::malformed or Code::limit beginning "line 3, column 7: ". Duplicate keys are refused.
Result<Json> parse_yaml(std::string_view text, const YamlLimits& limits = {});
// Several documents; empty ones are skipped. A document may hold only kind, name, spec.
Result<std::vector<YamlDocument>> parse_resources(std::string_view text, const YamlLimits& limits = {});

// One document, keys in the order of the spec; a secret that is set reads {secret: true}, which keeps it when applied.
std::string to_yaml(const Resource& resource);
std::string to_yaml(const Json& json);

// Everything of a tenant as one text that apply() takes: kinds that are named by others first.
std::string export_yaml(const ResourceReader& reader, TenantId tenant);

// What `gongshu apply` prints: a line for each, its differences below, and a last line that counts.
std::string to_report(const std::vector<Applied>& applied, bool dry_run);

}  // namespace gongshu::registry
