#include "package/kinds.h"

#include "io/crypto.h"
#include "io/signer.h"
#include "package/manifest_facts.h"

namespace gongshu::package {

BOOST_DESCRIBE_STRUCT(TrustedSignerSpec, (), (title, algorithm, key, note))
BOOST_DESCRIBE_STRUCT(InstalledResource, (), (kind, name, made))
BOOST_DESCRIBE_STRUCT(EarlierVersion, (), (version, sha256, parameters))
BOOST_DESCRIBE_STRUCT(PackageSpec, (),
                      (version, type, title_zh, title_en, licence, sha256, signer, signer_key_id, parameters, needs,
                       resources, earlier))

namespace {

using registry::Fact;

constexpr std::size_t kTitleBytesMax = 200;

Result<void> check_signer(const TrustedSignerSpec& spec) {
    const auto key = io::from_base64(spec.key);
    if (!key || io::base64(*key) != spec.key)
        return Error{Code::invalid, "key: expected a public key in base64, as gongshu package keygen writes it"};
    const auto algorithm = TRY(io::algorithm_of(*key).context("key"));
    if (io::to_string(algorithm) != spec.algorithm)
        return Error{Code::invalid, "algorithm: the key is one of {}, found {}", io::to_string(algorithm),
                     spec.algorithm};
    return {};
}

Fact title(std::string_view field, std::string_view zh, std::string_view en) {
    return {.field = field, .title_zh = zh, .title_en = en, .length_max = kTitleBytesMax};
}

Fact digest() {
    return {.field = "sha256",
            .title_zh = "文件 SHA-256",
            .title_en = "SHA-256 of the file",
            .required = true,
            .check = check_digest};
}

}  // namespace

std::vector<Fact> facts_of(const TrustedSignerSpec*) {
    return {
        {.field = "title", .title_zh = "签名方", .title_en = "Signer", .required = true, .length_max = kTitleBytesMax},
        {.field = "algorithm",
         .title_zh = "算法",
         .title_en = "Algorithm",
         .help_zh = "ed25519 或 sm2",
         .help_en = "ed25519 or sm2",
         .required = true,
         .length_max = 20},
        {.field = "key",
         .title_zh = "公钥",
         .title_en = "Public key",
         .help_zh = "base64，由签名方另行给出；密钥编号须当面或电话核对",
         .help_en = "Base64, given by the signer by another way; compare the key id by telephone or in person",
         .required = true,
         .length_max = 400},
        {.field = "note", .title_zh = "说明", .title_en = "Note", .widget = "multiline"}};
}

std::vector<Fact> facts_of(const InstalledResource*) {
    return {title("kind", "资源种类", "Kind"),
            {.field = "name", .title_zh = "名称", .title_en = "Name"},
            {.field = "made", .title_zh = "由此包创建", .title_en = "Made by this package"}};
}

std::vector<Fact> facts_of(const EarlierVersion*) {
    return {title("version", "版本", "Version"),
            digest(),
            {.field = "parameters", .title_zh = "参数", .title_en = "Parameters"}};
}

std::vector<Fact> facts_of(const PackageSpec*) {
    return {{.field = "version", .title_zh = "版本", .title_en = "Version", .required = true, .length_max = 64},
            {.field = "type", .title_zh = "类型", .title_en = "Type"},
            title("title_zh", "中文名称", "Title (Chinese)"),
            title("title_en", "英文名称", "Title (English)"),
            title("licence", "许可", "Licence"),
            digest(),
            title("signer", "签名方", "Signer"),
            title("signer_key_id", "密钥编号", "Key id"),
            {.field = "parameters", .title_zh = "参数", .title_en = "Parameters"},
            {.field = "needs", .title_zh = "依赖", .title_en = "Needs"},
            {.field = "resources", .title_zh = "资源", .title_en = "Resources"},
            {.field = "earlier", .title_zh = "以前的版本", .title_en = "Earlier versions", .length_max = kEarlierMax}};
}

registry::Kind trusted_signer_kind() {
    return registry::make_kind<TrustedSignerSpec>({.name = "trusted_signer",
                                                   .plural = "trusted_signers",
                                                   .title_zh = "可信签名方",
                                                   .title_en = "Trusted signer",
                                                   .about_zh = "谁签名的方案包可以安装",
                                                   .about_en = "Whose packages may be installed",
                                                   .write_role = registry::Role::admin},
                                                  {.alone = check_signer});
}

registry::Kind package_kind() {
    return registry::make_kind<PackageSpec>({.name = "package",
                                             .plural = "packages",
                                             .title_zh = "方案包",
                                             .title_en = "Package",
                                             .about_zh = "已安装的方案包：版本、签名方、参数和它带来的资源",
                                             .about_en = "An installed package: version, signer, parameters and the "
                                                         "resources it brought"});
}

Json package_json(const PackageSpec& spec) { return registry::to_json(spec); }

}  // namespace gongshu::package

template gongshu::Result<gongshu::package::PackageSpec> gongshu::registry::spec_of<gongshu::package::PackageSpec>(
    const Resource&);
template gongshu::Result<gongshu::package::TrustedSignerSpec>
gongshu::registry::spec_of<gongshu::package::TrustedSignerSpec>(const Resource&);
