#include "package/manifest.h"

#include <algorithm>
#include <set>

#include "io/crypto.h"
#include "io/signer.h"
#include "package/archive.h"
#include "package/manifest_facts.h"
#include "registry/names.h"
#include "registry/template_parts.h"
#include "registry/yaml.h"

namespace gongshu::registry {

// As in registry/kinds/device_template.cpp, whose facts these are.
BOOST_DESCRIBE_ENUM(ParameterType, text, number, integer, boolean, choice)
BOOST_DESCRIBE_STRUCT(TemplateParameter, (),
                      (name, title_zh, title_en, type, unit, choices, min, max, preset, required, help))
std::vector<Fact> facts_of(const TemplateParameter*);

}  // namespace gongshu::registry

namespace gongshu::package {

BOOST_DESCRIBE_ENUM(SourceStatus, official, third_party, example)
BOOST_DESCRIBE_STRUCT(Source, (), (what, status, reference))
BOOST_DESCRIBE_STRUCT(Content, (), (name, bytes, sha256))
BOOST_DESCRIBE_STRUCT(SignedBy, (), (name, algorithm, key))
BOOST_DESCRIBE_STRUCT(Manifest, (),
                      (format, name, version, type, title_zh, title_en, about_zh, about_en, author, licence, platform,
                       needs, parameters, sources, contents, signed_by))

namespace {

using registry::Fact;

constexpr std::size_t kTitleBytesMax = 200;
constexpr std::size_t kNameBytesMax = 60;
constexpr std::size_t kNeedsMax = 50;
constexpr std::size_t kParametersMax = 100;

Result<void> check_package_name(std::string_view name) {
    const bool fits = !name.empty() && name.front() >= 'a' && name.front() <= 'z' && name.back() != '-' &&
                      std::ranges::all_of(name, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
                      });
    if (fits) return {};
    return Error{Code::invalid, "expected a name of a-z, 0-9, - and _ that begins with a letter, found \"{}\"", name};
}

Result<void> check_version(std::string_view text) {
    TRY(parse_version(text));
    return {};
}

Result<void> check_range(std::string_view text) {
    TRY(VersionRange::parse(text));
    return {};
}

// SPDX: "MIT", "Apache-2.0 OR MIT", "LicenseRef-Mine".
Result<void> check_licence(std::string_view text) {
    const bool fits = !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-.+ ()").find(c) != std::string_view::npos;
    });
    if (fits) return {};
    return Error{Code::invalid, "expected an SPDX expression such as MIT, Apache-2.0 or LicenseRef-Mine, found \"{}\"",
                 text};
}

Result<void> check_alone(const Manifest& manifest) {
    if (manifest.format != kFormat)
        return Error{Code::unsupported,
                     "format: this program reads packages of format {}, found {}; a newer program reads it", kFormat,
                     manifest.format};
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < manifest.parameters.size(); ++i) {
        const registry::TemplateParameter& parameter = manifest.parameters[i];
        if (!names.insert(parameter.name).second)
            return Error{Code::invalid, "parameters[{}].name: \"{}\" is there already", i, parameter.name};
        Json value;
        if (!parameter.preset) continue;
        if (const auto wrong = registry::take_value(parameter, *parameter.preset, value))
            return Error{Code::invalid, "parameters[{}].preset: expected {}, found {}", i, wrong->expected_en,
                         wrong->found};
    }
    names.clear();
    for (std::size_t i = 0; i < manifest.needs.size(); ++i) {
        if (manifest.needs[i].name == manifest.name)
            return Error{Code::invalid, "needs[{}].name: a package cannot need itself", i};
        if (!names.insert(manifest.needs[i].name).second)
            return Error{Code::invalid, "needs[{}].name: \"{}\" is there already", i, manifest.needs[i].name};
    }
    for (std::size_t i = 0; i < manifest.contents.size(); ++i) {
        TRY(check_entry_name(manifest.contents[i].name).context("contents[{}].name", i));
        if (i > 0 && manifest.contents[i].name <= manifest.contents[i - 1].name)
            return Error{Code::invalid,
                         "contents[{}].name: names go upwards and each stands once, found \"{}\" after \"{}\"", i,
                         manifest.contents[i].name, manifest.contents[i - 1].name};
    }
    return {};
}

Fact title(std::string_view field, std::string_view zh, std::string_view en) {
    return {.field = field, .title_zh = zh, .title_en = en, .length_max = kTitleBytesMax};
}

}  // namespace

Result<void> check_digest(std::string_view text) {
    const bool fits = text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
    if (fits) return {};
    return Error{Code::invalid, "expected 64 hexadecimal digits, found \"{}\"", text};
}

std::vector<Fact> facts_of(const Requirement*) {
    return {{.field = "name",
             .title_zh = "方案包",
             .title_en = "Package",
             .required = true,
             .length_max = kNameBytesMax,
             .check = check_package_name},
            {.field = "versions", .title_zh = "版本范围", .title_en = "Versions", .check = check_range}};
}

std::vector<Fact> facts_of(const Source*) {
    return {{.field = "what", .title_zh = "内容", .title_en = "What", .required = true, .length_max = kTitleBytesMax},
            {.field = "status",
             .title_zh = "依据",
             .title_en = "Status",
             .choices = {{"official", "厂家资料", "From the maker's document"},
                         {"third_party", "第三方资料", "From somebody else"},
                         {"example", "示例", "An example"}}},
            {.field = "reference", .title_zh = "出处", .title_en = "Reference", .length_max = 500}};
}

std::vector<Fact> facts_of(const Content*) {
    return {
        {.field = "name", .title_zh = "文件", .title_en = "File", .required = true, .length_max = kEntryNameBytesMax},
        {.field = "bytes", .title_zh = "字节数", .title_en = "Bytes", .max = kEntryBytesMax},
        {.field = "sha256", .title_zh = "SHA-256", .title_en = "SHA-256", .required = true, .check = check_digest}};
}

std::vector<Fact> facts_of(const SignedBy*) {
    return {
        {.field = "name", .title_zh = "签名方", .title_en = "Signer", .required = true, .length_max = kTitleBytesMax},
        {.field = "algorithm", .title_zh = "算法", .title_en = "Algorithm", .required = true, .length_max = 20},
        {.field = "key", .title_zh = "公钥", .title_en = "Public key", .required = true, .length_max = 400}};
}

std::vector<Fact> facts_of(const Manifest*) {
    return {{.field = "format", .title_zh = "格式", .title_en = "Format", .min = 1},
            {.field = "name",
             .title_zh = "名称",
             .title_en = "Name",
             .required = true,
             .length_max = kNameBytesMax,
             .check = check_package_name},
            {.field = "version", .title_zh = "版本", .title_en = "Version", .required = true, .check = check_version},
            {.field = "type", .title_zh = "类型", .title_en = "Type"},
            title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)"),
            {.field = "about_zh", .title_zh = "中文说明", .title_en = "About (Chinese)"},
            {.field = "about_en", .title_zh = "英文说明", .title_en = "About (English)"},
            title("author", "作者", "Author"),
            {.field = "licence",
             .title_zh = "许可",
             .title_en = "Licence",
             .required = true,
             .length_max = kTitleBytesMax,
             .check = check_licence},
            {.field = "platform", .title_zh = "平台版本", .title_en = "Platform", .check = check_range},
            {.field = "needs", .title_zh = "依赖", .title_en = "Needs", .length_max = kNeedsMax},
            {.field = "parameters", .title_zh = "参数", .title_en = "Parameters", .length_max = kParametersMax},
            {.field = "sources", .title_zh = "资料来源", .title_en = "Sources", .length_max = 100},
            {.field = "contents", .title_zh = "内容", .title_en = "Contents", .length_max = kEntriesMax},
            {.field = "signed_by", .title_zh = "签名", .title_en = "Signed by"}};
}

namespace {

// Not a kind of the registry: only its checks are used.
const registry::Kind& manifest_kind() {
    static const registry::Kind kind = registry::make_kind<Manifest>(
        {.name = "manifest", .plural = "manifests", .title_zh = "清单", .title_en = "Manifest"},
        {.alone = check_alone});
    return kind;
}

}  // namespace

Version Manifest::parsed_version() const { return parse_version(version).value_or(Version{}); }

std::string Manifest::file_name() const { return fmt::format("{}-{}{}", name, version, kFileSuffix); }

Result<Manifest> parse_manifest(std::string_view text) {
    const Json json = TRY(registry::parse_yaml(text, {.bytes_max = 1 << 20, .documents_max = 2}));
    registry::Resource resource;
    resource.kind = "manifest";
    resource.spec = TRY(manifest_kind().normalize(json));
    return registry::spec_of<Manifest>(resource);
}

Json manifest_json(const Manifest& manifest) { return registry::to_json(manifest); }

std::string manifest_text(const Manifest& manifest) {
    std::string text = registry::to_pretty_text(manifest_json(manifest));
    if (!text.ends_with('\n')) text += '\n';
    return text;
}

std::string key_id(std::string_view key_base64) {
    const auto key = io::from_base64(key_base64);
    return key ? to_hex(io::sha256(*key)).substr(0, 32) : std::string{};
}

}  // namespace gongshu::package

template gongshu::Result<gongshu::package::Manifest> gongshu::registry::spec_of<gongshu::package::Manifest>(
    const Resource&);
