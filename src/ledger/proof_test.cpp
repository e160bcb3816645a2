// What is handed out, checked by the script that outsiders use.
#include "ledger/proof.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/sim.h"

namespace gongshu::ledger {
namespace {

// A folder of its own that goes with the test.
struct Scratch {
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "gongshu-proof-XXXXXX").string();
        EXPECT_NE(mkdtemp(name.data()), nullptr);
        folder = name;
    }
    ~Scratch() { std::filesystem::remove_all(folder); }
    std::filesystem::path folder;
};

struct Said {
    int status;
    std::string text;
};

Said verify(const Scratch& scratch, const std::string& proof, const std::string& more = "") {
    std::ofstream(scratch.folder / "proof.json") << proof;
    const std::string command = fmt::format("python3 {}/tools/verify_proof.py {}/proof.json {} 2>&1",
                                            GONGSHU_SOURCE_DIR, scratch.folder.string(), more);
    Said said{-1, {}};
    FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return said;
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) said.text += buffer;
    said.status = WEXITSTATUS(pclose(pipe));
    return said;
}

class Proofs : public ::testing::TestWithParam<HashKind> {
protected:
    void SetUp() override {
        auto made =
            Ledger::open(files, world.clock(), key, {.folder = "/ledger", .name = "工厂 \"A\"", .hash = GetParam()});
        ASSERT_TRUE(made) << made.error().text();
        ledger = std::move(*made);
        for (int i = 0; i < 300; ++i)
            ASSERT_TRUE(ledger->append({{"audit", fmt::format("{{\"n\":{},\"who\":\"李\"}}", i)}}));
    }
    io::SimWorld world{1};
    io::SimFiles files;
    io::SigningKey key = io::SigningKey::from_secret({9});
    std::unique_ptr<Ledger> ledger;
    Scratch scratch;
};

TEST_P(Proofs, AreWhatTheScriptAccepts) {
    const TreeHead old_head = ledger->sign_head().value();
    for (int i = 0; i < 23; ++i) ASSERT_TRUE(ledger->append({{"audit", "{}"}}));
    ASSERT_TRUE(ledger->redact(7, R"({"why":"asked for"})"));
    const TreeHead head = ledger->sign_head().value();
    const std::string key_hex = to_hex(ledger->public_key());
    for (const std::uint64_t number : {0, 255, 256, 299, 322, 323}) {
        const Said said = verify(scratch, inclusion_proof(*ledger, number, head).value(), "--key " + key_hex);
        EXPECT_EQ(said.status, 0) << said.text;
        EXPECT_NE(said.text.find(fmt::format("proved: entry {} (", number)), std::string::npos) << said.text;
    }
    EXPECT_NE(
        verify(scratch, inclusion_proof(*ledger, 7, head).value()).text.find("its text was deleted, as entry 323"),
        std::string::npos);
    std::ofstream(scratch.folder / "head.json") << head_json(*ledger, old_head);
    const std::string kept = "--head " + (scratch.folder / "head.json").string();
    const Said grown = verify(scratch, consistency_proof(*ledger, old_head, head).value(), kept);
    EXPECT_EQ(grown.status, 0) << grown.text;
    EXPECT_NE(grown.text.find("all 300 entries of the older head are unchanged among the 324"), std::string::npos);
    EXPECT_NE(grown.text.find("signed by " + key_hex), std::string::npos) << grown.text;
    EXPECT_EQ(verify(scratch, inclusion_proof(*ledger, 7, old_head).value(), kept).status, 0);
    EXPECT_EQ(verify(scratch, inclusion_proof(*ledger, 7, head).value(), kept).status, 1);  // of another head
}

TEST_P(Proofs, AreRefusedWhenAnythingIsChanged) {
    const TreeHead head = ledger->sign_head().value();
    const std::string proof = inclusion_proof(*ledger, 42, head).value();
    const auto f = [&](const std::string& from, const std::string& to, const std::string& want) {
        std::string forged = proof;
        const auto at = forged.find(from);
        ASSERT_NE(at, std::string::npos) << from << " in " << proof;
        forged.replace(at, from.size(), to);
        const Said said = verify(scratch, forged);
        EXPECT_EQ(said.status, 1) << said.text;
        EXPECT_NE(said.text.find("NOT proved: " + want), std::string::npos) << said.text;
    };
    f("\\\"n\\\":42", "\\\"n\\\":43", "the entry is not in the tree of this head");
    f("\"number\":42", "\"number\":43", "the entry is not in the tree");
    f("\"kind\":\"audit\"", "\"kind\":\"audia\"", "the entry is not in the tree");
    for (const auto& [text, want] : {std::pair{R"({"status":404,"detail":"there is no entry 9"})", "there is no entry 9"},
                                     {"<html>", "'<html>'"}, {"7", "7"}, {"", "''"}}) {
        const Said said = verify(scratch, text);
        EXPECT_EQ(said.status, 1) << said.text;
        EXPECT_EQ(said.text, fmt::format("NOT proved: this is not a proof: {}\n", want));
    }
    f("\"redacts\":null", "\"redacts\":1", "the entry is not in the tree");
    f("\"size\":300", "\"size\":301", "the signature of the head over 301 entries does not hold");
    f("工厂", "工场", "the signature of the head");
    f("gongshu-proof-1", "gongshu-proof-2", "the format \"gongshu-proof-2\" is not known here");
    f("\"hash\":\"", "\"hash\":\"x", "the hash \"x");
    const Said other = verify(scratch, proof, "--key " + std::string(64, 'a'));
    EXPECT_NE(other.text.find("another key than the one you gave"), std::string::npos) << other.text;
    EXPECT_NE(verify(scratch, "{").text.find("NOT proved"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Hashes, Proofs, ::testing::Values(HashKind::sha256, HashKind::sm3),
                         [](const auto& info) { return std::string(to_string(info.param)); });

}  // namespace
}  // namespace gongshu::ledger
