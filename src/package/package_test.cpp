#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>

#include "base/rng.h"
#include "flow/flow.h"
#include "flow/virtual_tag.h"
#include "io/sim.h"
#include "package/trial.h"

namespace gongshu::package {
namespace {

Buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string error_of(const auto& result) { return result ? std::string("no error") : result.error().text(); }

TEST(Version, ParsesAndRefuses) {
    const auto f = [](const char* text, bool want) { EXPECT_EQ(parse_version(text).has_value(), want) << text; };
    f("1.2.0", true);
    f("0.0.1", true);
    f("2.0.0-rc.1", true);
    f("1.2", false);
    f("1.2.0.0", false);
    f("01.2.0", false);
    f("1.2.0-", false);
    f("1.2.0-01", false);
    f("1.2.0-a..b", false);
    f("1.2.x", false);
    f("", false);
    f("9999999999.0.0", false);
}

// The order of semver.org, §11.
TEST(Version, OrdersAsTheStandardSays) {
    const char* const kOrder[] = {
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
        "1.0.0",       "1.0.1",         "1.10.0",           "2.0.0"};
    for (std::size_t i = 0; i < std::size(kOrder); ++i)
        for (std::size_t j = 0; j < std::size(kOrder); ++j) {
            const auto a = parse_version(kOrder[i]).value(), b = parse_version(kOrder[j]).value();
            EXPECT_EQ(compare(a, b) < 0, i < j) << kOrder[i] << " " << kOrder[j];
            EXPECT_EQ(to_string(a), kOrder[i]);
        }
}

TEST(VersionRange, HasAndHasNot) {
    const auto f = [](const char* range, const char* version, bool want) {
        const auto parsed = VersionRange::parse(range);
        ASSERT_TRUE(parsed) << range;
        EXPECT_EQ(parsed->has(parse_version(version).value()), want) << range << " has " << version;
    };
    f("*", "0.0.1", true);
    f("1.2.0", "1.2.0", true);
    f("1.2.0", "1.2.1", false);
    f(">=1.2.0 <2.0.0", "1.9.9", true);
    f(">=1.2.0 <2.0.0", "2.0.0", false);
    f("^1.2.0", "1.9.0", true);
    f("^1.2.0", "1.1.9", false);
    f("^1.2.0", "2.0.0", false);
    f("^1.2.0", "2.0.0-rc.1", false);
    f("^0.2.0", "0.2.9", true);
    f("^0.2.0", "0.3.0", false);
    f("~1.2.3", "1.2.9", true);
    f("~1.2.3", "1.3.0", false);
    f(">1.0.0", "1.0.0", false);
    f("<=1.0.0", "1.0.0", true);
    for (const char* bad : {"", "1", ">=", "^", "a", "1.2.0 ", " 1.2.0", "1.2.0  1.3.0", "^^1.0.0"})
        EXPECT_FALSE(VersionRange::parse(bad)) << bad;
}

TEST(Archive, NamesThatLeadNowhereElse) {
    const auto f = [](std::string_view name, bool want) {
        EXPECT_EQ(check_entry_name(name).has_value(), want) << name;
    };
    f("manifest.yaml", true);
    f("resources/a-b_c.yaml", true);
    f("docs/a/b/c.md", true);
    f("docs/a/b/c/d.md", false);
    f("/etc/passwd", false);
    f("../x", false);
    f("a/../b", false);
    f("a/./b", false);
    f("a//b", false);
    f("a/", false);
    f(".hidden", false);
    f("a b", false);
    f("a\\b", false);
    f("文件", false);
    f("", false);
    f(std::string(101, 'a'), false);
}

TEST(Archive, RefusesWhatIsTooMuch) {
    EXPECT_NE(error_of(encode_archive({{"a", Buffer(kEntryBytesMax + 1)}})).find("\"a\" has"), std::string::npos);
    EXPECT_NE(error_of(encode_archive({{"a", {}}, {"a", {}}})).find("twice"), std::string::npos);
    std::vector<ArchiveEntry> many;
    for (std::size_t i = 0; i <= kEntriesMax; ++i) many.push_back({"a" + std::to_string(i), {}});
    EXPECT_FALSE(encode_archive(many));
    EXPECT_FALSE(encode_archive({{"a", Buffer(kEntryBytesMax)}, {"b", Buffer(kEntryBytesMax)}}));
}

constexpr const char* kManifest = R"(name: fan-monitor
version: 1.2.0
type: rule_set
title_zh: 风机监测
title_en: Fan monitor
licence: MIT
parameters:
  - {name: limit, type: number, unit: mm/s, preset: 4.5, title_zh: 振动限值, title_en: Vibration limit}
sources:
  - {what: vibration limit, status: example}
)";
constexpr const char* kResources = R"(kind: device_type
name: fan
spec:
  title_zh: 风机
  title_en: Fan
  properties:
    - {name: vibration, type: number, unit: mm/s}
    - {name: power, type: number, unit: kW}
---
kind: rule
name: fan-vibration
spec:
  device_type: fan
  condition: vibration > ${limit} mm/s for 10s
  message_zh: 振动过高
  message_en: vibration over ${limit} mm/s
  title_en: costs $${5}
)";
constexpr const char* kTests = R"(tests:
  - name: raises after ten seconds over the limit
    rule: fan-vibration
    given:
      - {at: 0s, vibration: 1}
      - {at: 5s, vibration: 5}
    want:
      - {at: 4s, is: false}
      - {at: 14s, is: false}
      - {at: 15s, is: true}
  - name: another limit
    rule: fan-vibration
    parameters: {limit: 6}
    given: [{at: 0s, vibration: 5}]
    want: [{at: 20s, is: false}]
  - name: a bad reading says nothing
    rule: fan-vibration
    given: [{at: 0s, vibration: null}]
    want: [{at: 20s, is: unknown}]
  - name: energy
    expr: max(p, 10s) * 2
    units: {p: kW}
    given: [{at: 0s, p: 2}, {at: 5s, p: 4}]
    want: [{at: 10s, is: 8.004, tolerance: 0.01}]
)";

std::vector<ArchiveEntry> sample_source() {
    return {{"manifest.yaml", bytes_of(kManifest)},
            {"resources/fan.yaml", bytes_of(kResources)},
            {"tests/fan.yaml", bytes_of(kTests)},
            {"docs/README.md", bytes_of("# Fan\n")}};
}

io::SignerKey key_of(io::SignerAlgorithm algorithm) { return io::SignerKey::generate(algorithm).value(); }

Buffer build_sample(const io::SignerKey& key) {
    auto built = build_package(sample_source(), Signing{key, "ACME"});
    EXPECT_TRUE(built) << error_of(built);
    return built.value_or(Buffer{});
}

class BothAlgorithms : public testing::TestWithParam<io::SignerAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Package, BothAlgorithms,
                         testing::Values(io::SignerAlgorithm::ed25519, io::SignerAlgorithm::sm2),
                         [](const auto& info) { return std::string(io::to_string(info.param)); });

TEST_P(BothAlgorithms, BuildsWhatOpens) {
    const auto key = key_of(GetParam());
    const Buffer file = build_sample(key);
    const auto package = open_package(file);
    ASSERT_TRUE(package) << error_of(package);
    EXPECT_EQ(package->manifest.file_name(), "fan-monitor-1.2.0.gspkg");
    EXPECT_EQ(package->signer().name, "ACME");
    EXPECT_EQ(package->signer().algorithm, io::to_string(GetParam()));
    EXPECT_EQ(package->resources.size(), 2u);
    EXPECT_EQ(package->tests.size(), 4u);
    EXPECT_EQ(package->signer_key_id().size(), 32u);
}

// Every byte is under the signature, the manifest's hashes or the one form there is of an archive.
TEST_P(BothAlgorithms, OneFlippedByteAnywhereIsRefused) {
    const auto key = key_of(GetParam());
    const Buffer file = build_sample(key);
    for (std::size_t at = 0; at < file.size(); ++at) {
        Buffer changed = file;
        changed[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
        const auto opened = open_package(changed);
        ASSERT_FALSE(opened) << "byte " << at;
        EXPECT_NE(error_of(opened).find("entry"), std::string::npos) << "byte " << at << ": " << error_of(opened);
    }
}

TEST(Package, ShortenedFilesAreRefused) {
    const Buffer file = build_sample(key_of(io::SignerAlgorithm::ed25519));
    for (std::size_t bytes = 0; bytes < file.size(); bytes += 64)
        EXPECT_FALSE(open_package(Bytes(file).first(bytes))) << bytes;
    Buffer longer = file;
    longer.resize(file.size() + 512);
    EXPECT_FALSE(open_package(longer));
}

TEST(Package, WhatWasAddedTakenOutOrReplacedIsNamed) {
    const auto entries = decode_archive(build_sample(key_of(io::SignerAlgorithm::ed25519))).value();
    auto more = entries;
    more.push_back({"docs/extra.md", bytes_of("x")});
    EXPECT_NE(error_of(open_package(encode_archive(more).value())).find("\"docs/extra.md\" is not in the manifest"),
              std::string::npos);
    auto less = entries;
    std::erase_if(less, [](const ArchiveEntry& entry) { return entry.name == "tests/fan.yaml"; });
    EXPECT_NE(
        error_of(open_package(encode_archive(less).value())).find("\"tests/fan.yaml\" of the manifest is missing"),
        std::string::npos);
    auto unsigned_one = entries;
    std::erase_if(unsigned_one, [](const ArchiveEntry& entry) { return entry.name == "manifest.sig"; });
    EXPECT_NE(error_of(open_package(encode_archive(unsigned_one).value())).find("not signed"), std::string::npos);
    auto program = entries;
    program.push_back({"bin/run", bytes_of("x")});
    EXPECT_NE(error_of(open_package(encode_archive(program).value())).find("has no place"), std::string::npos);
}

// Somebody else's signature over the same contents is a whole package, by another signer.
TEST(Package, AnotherSignerIsAnotherSigner) {
    const auto a = key_of(io::SignerAlgorithm::ed25519), b = key_of(io::SignerAlgorithm::ed25519);
    const auto first = open_package(build_sample(a)).value(), second = open_package(build_sample(b)).value();
    EXPECT_NE(first.signer_key_id(), second.signer_key_id());
}

// A random package of files and a manifest, as somebody may write one.
std::vector<ArchiveEntry> random_source(Rng& rng) {
    std::vector<ArchiveEntry> source;
    std::string manifest = fmt::format("name: p{}\nversion: {}.{}.{}\nlicence: MIT\n", rng.below(1000), rng.below(20),
                                       rng.below(20), rng.below(20));
    if (rng.chance(0.5))
        manifest += fmt::format("title_zh: 标题{}\nabout_en: 'quoted \"{}\"'\n", rng.below(9), rng.below(9));
    if (rng.chance(0.5)) manifest += "parameters: [{name: a, type: number, preset: 0.1}, {name: b, required: false}]\n";
    if (rng.chance(0.3)) manifest += "needs: [{name: other, versions: '>=1.0.0 <2.0.0'}]\nplatform: ^0.1.0\n";
    source.push_back({"manifest.yaml", bytes_of(manifest)});
    for (std::uint64_t i = rng.below(6); i > 0; --i) {
        Buffer bytes(rng.below(3) == 0 ? rng.below(2000) : rng.below(4) * 512);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
        const std::string folder = rng.chance(0.3) ? "docs/sub/" : "docs/";
        source.push_back({folder + std::to_string(i) + (rng.chance(0.5) ? ".bin" : "-x_y.md"), std::move(bytes)});
    }
    if (rng.chance(0.5)) source.push_back({"LICENSE", bytes_of("MIT\n")});
    if (rng.chance(0.5))
        source.push_back({"resources/r.yaml", bytes_of("kind: site\nname: s${a}\nspec: {time_zone: UTC}\n")});
    return source;
}

int sequences() {
    const char* text = std::getenv("PACKAGE_SEQUENCES");
    int count = 60;
    if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), count);
    return count;
}

// 2.7.2 of the invariants: export → import → export differs by 0 bytes. PACKAGE_SEQUENCES=10000 for the long run.
TEST(Package, BuildUnpackBuildGivesTheSameBytes) {
    const auto ed25519 = key_of(io::SignerAlgorithm::ed25519), sm2 = key_of(io::SignerAlgorithm::sm2);
    for (int seed = 0; seed < sequences(); ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{static_cast<std::uint64_t>(seed)};
        const auto& key = rng.chance(0.5) ? ed25519 : sm2;
        const auto source = random_source(rng);
        const auto built = build_package(source, Signing{key, "签名者 \"A\""});
        ASSERT_TRUE(built) << error_of(built);
        io::SimFiles files;
        ASSERT_TRUE(write_package_folder(files, "/out", open_package(*built).value().entries));
        const auto unpacked = read_package_folder(files, "/out");
        ASSERT_TRUE(unpacked) << error_of(unpacked);
        const auto again = build_package(*unpacked, std::nullopt);
        ASSERT_TRUE(again) << error_of(again);
        EXPECT_EQ(*again, *built);
        if (key.algorithm() == io::SignerAlgorithm::ed25519) {
            EXPECT_EQ(build_package(source, Signing{key, "签名者 \"A\""}).value(), *built);
        }
        // One byte of it, anywhere.
        Buffer changed = *built;
        changed[rng.below(changed.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
        EXPECT_FALSE(open_package(changed));
    }
}

TEST(Package, AFolderThatWasChangedIsNotPackedWithoutAKey) {
    const auto key = key_of(io::SignerAlgorithm::ed25519);
    auto entries = decode_archive(build_sample(key)).value();
    for (ArchiveEntry& entry : entries)
        if (entry.name == "docs/README.md") entry.bytes = bytes_of("# Other\n");
    EXPECT_NE(error_of(build_package(entries, std::nullopt)).find("signature does not fit"), std::string::npos);
    EXPECT_TRUE(build_package(entries, Signing{key, "ACME"}));
    EXPECT_NE(error_of(build_package(sample_source(), std::nullopt)).find("--key"), std::string::npos);
}

TEST(Manifest, SaysWhatIsWrongAndWhere) {
    const auto f = [](std::string_view text, const char* want) {
        EXPECT_NE(error_of(parse_manifest(text)).find(want), std::string::npos) << error_of(parse_manifest(text));
    };
    f("version: 1.0.0\nlicence: MIT", "name");
    f("name: A b\nversion: 1.0.0\nlicence: MIT", "a-z");
    f("name: a\nversion: 1.0\nlicence: MIT", "version");
    f("name: a\nversion: 1.0.0\nlicence: 'x;y'", "SPDX");
    f("name: a\nversion: 1.0.0\nlicence: MIT\nplatform: newest", "platform");
    f("name: a\nversion: 1.0.0\nlicence: MIT\nneeds: [{name: a}]", "itself");
    f("name: a\nversion: 1.0.0\nlicence: MIT\nformat: 2", "newer program");
    f("name: a\nversion: 1.0.0\nlicence: MIT\nparameters: [{name: x, type: number, preset: abc}]",
      "parameters[0].preset");
    f("name: a\nversion: 1.0.0\nlicence: MIT\ncolour: red", "colour");
    f("name: [", "line 1");
}

std::vector<registry::Kind> more_kinds() { return {flow::rule_kind(), flow::virtual_tag_kind()}; }

TEST(Trial, InstallsAndTests) {
    const auto package = open_package(build_sample(key_of(io::SignerAlgorithm::ed25519))).value();
    const auto trial = Trial::create(more_kinds()).value();
    const auto installed = trial->install(package, {});
    ASSERT_TRUE(installed) << error_of(installed);
    const auto rule = trial->registry().get(TenantId{1}, "rule", "fan-vibration").value();
    EXPECT_EQ(std::string_view(rule.spec.at("condition").as_string()), "vibration > 4.5 mm/s for 10s");
    EXPECT_EQ(std::string_view(rule.spec.at("message_en").as_string()), "vibration over 4.5 mm/s");
    EXPECT_EQ(std::string_view(rule.spec.at("title_en").as_string()), "costs ${5}");
    const auto outcomes = trial->test(package, {}).value();
    ASSERT_EQ(outcomes.size(), 4u);
    for (const VectorOutcome& outcome : outcomes) EXPECT_EQ(outcome.failure, "") << outcome.name;
    // Another limit is bound, but the tests are about theirs.
    const auto bound = trial->test(package, {{"limit", Json(9)}}).value();
    for (const VectorOutcome& outcome : bound) EXPECT_EQ(outcome.failure, "") << outcome.name;
}

Result<void> try_resources(std::string_view resources, std::string_view tests = "") {
    static const auto key = key_of(io::SignerAlgorithm::ed25519);
    std::vector<ArchiveEntry> source{{"manifest.yaml", bytes_of(kManifest)}, {"resources/r.yaml", bytes_of(resources)}};
    if (!tests.empty()) source.push_back({"tests/t.yaml", bytes_of(tests)});
    const Buffer file = TRY(build_package(source, Signing{key, "ACME"}));
    const Package package = TRY(open_package(file));
    const auto trial = TRY(Trial::create(more_kinds()));
    TRY(trial->install(package, {}));
    for (const VectorOutcome& outcome : TRY(trial->test(package, {})))
        if (!outcome.failure.empty())
            return Error{Code::invalid, "{}, \"{}\": {}", outcome.place, outcome.name, outcome.failure};
    return {};
}

TEST(Trial, SaysWhatIsWrongAndWhere) {
    const auto f = [](std::string_view resources, std::string_view tests, const char* want) {
        const auto tried = try_resources(resources, tests);
        EXPECT_NE(error_of(tried).find(want), std::string::npos) << error_of(tried);
    };
    f("kind: user\nname: mallory\nspec: {}", "", "a user does not travel");
    f("kind: token\nname: t\nspec: {}", "", "does not travel");
    f("kind: ship\nname: t\nspec: {}", "", "knows no kind \"ship\"");
    f("kind: rule\nname: r\nspec: {condition: 'x > ${limt}'}", "", "${limt} names no parameter");
    f("kind: rule\nname: r\nspec: {device_type: none, condition: 'x > 1'}", "", "resources/r.yaml, line 1");
    f("kind: site\nname: s\nspec: {time_zone: UTC, colour: red}", "", "colour");
    f("kind: site\nname: s\nspec: {time_zone: UTC}\n---\nkind: site\nname: s\nspec: {time_zone: UTC}", "",
      "is there already at resources/r.yaml, line 1");
    constexpr const char* kSite = "kind: site\nname: s\nspec: {time_zone: UTC}";
    f(kSite, "tests: [{name: a, expr: 'x + 1', given: [{at: 0s, x: 1}], units: {x: ''}, want: [{at: 1s, is: 3}]}]",
      "tests/t.yaml, test 1, \"a\": after 1 s expected 3, found 2");
    f(kSite, "tests: [{name: a, rule: none, want: [{at: 1s, is: 3}]}]", "there is no rule \"none\"");
    f(kSite, "tests: [{name: a, expr: 'x +', units: {x: ''}, want: [{at: 1s, is: 3}]}]", "column");
    f(kSite, "tests: [{name: a, expr: 'x', rul: b, want: [{at: 1s, is: 3}]}]", "did you mean \"rule\"");
    f(kSite, "tests: [{name: a, expr: 'x', given: [{at: soon, x: 1}], want: [{at: 1s, is: 3}]}]", "given[0].at");
    f(kSite, "tests: [{name: a, want: [{at: 1s, is: 3}]}]", "one of rule, virtual_tag and expr");
    EXPECT_TRUE(try_resources(kSite));
}

TEST(Parameters, AreBoundOrAskedFor) {
    const auto manifest = parse_manifest(
                              "name: a\nversion: 1.0.0\nlicence: MIT\nparameters: [{name: host}, {name: port, "
                              "type: integer, preset: 502, min: 1, max: 65535}]")
                              .value();
    EXPECT_NE(error_of(bind_parameters(manifest, {})).find("needs a value for the parameter \"host\""),
              std::string::npos);
    const auto bound = bind_parameters(manifest, {{"host", Json("10.0.0.5")}, {"port", Json("503")}}).value();
    EXPECT_EQ(bound.at("port"), Json(503));
    EXPECT_EQ(bind_parameters(manifest, {{"host", Json("x")}}).value().at("port"), Json(502));
    EXPECT_NE(
        error_of(bind_parameters(manifest, {{"host", Json("x")}, {"port", Json(70000)}})).find("parameter \"port\""),
        std::string::npos);
    EXPECT_NE(
        error_of(bind_parameters(manifest, {{"host", Json("x")}, {"prt", Json(1)}})).find("did you mean \"port\""),
        std::string::npos);
}

}  // namespace
}  // namespace gongshu::package
