// The ledger on a disk that fails, tears and lies: what was acknowledged is there, what was redacted is gone, and every
// byte that somebody changes is found.
#include "ledger/ledger.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "base/log.h"
#include "base/rng.h"
#include "io/sim.h"
#include "ledger/record.h"

namespace gongshu::ledger {
namespace {

constexpr const char* kFolder = "/data/ledger/1";

std::uint64_t test_seed() {
    if (const char* given = std::getenv("SEED")) return std::strtoull(given, nullptr, 10);
    return static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()) * 7919 + 3;
}

// A ledger that can be closed and opened over the same files.
class Desk {
public:
    explicit Desk(HashKind hash = HashKind::sha256) {
        options.folder = kFolder;
        options.name = "default";
        options.hash = hash;
        options.file_bytes_max = 2'000;
        options.heads_kept = 3;  // thinned often
    }
    Result<void> open() {
        ledger.reset();
        auto made = Ledger::open(files, world.clock(), key, options);
        if (!made) return made.error();
        ledger = std::move(*made);
        return {};
    }
    void crash(Rng* torn = nullptr) {
        files.crash(torn);
        ledger.reset();
    }

    io::SimWorld world{1};
    io::SimFiles files;
    io::SigningKey key = io::SigningKey::from_secret({7});
    LedgerOptions options;
    std::unique_ptr<Ledger> ledger;
};

class Ledgers : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::off); }
    void TearDown() override { set_log_level(LogLevel::info); }
};

TEST_F(Ledgers, KeepsWhatHappenedAndProvesIt) {
    for (const HashKind hash : {HashKind::sha256, HashKind::sm3}) {
        Desk desk{hash};
        ASSERT_TRUE(desk.open());
        EXPECT_EQ(desk.ledger->append({{"audit", R"({"who":"li","what":"put rule hot"})"}}).value(), 0u);
        EXPECT_EQ(desk.ledger->append({{"audit", "{}"}, {"contract.signed", "{\"与\":\"甲\"}"}}).value(), 1u);
        const TreeHead old_head = desk.ledger->sign_head().value();
        for (int i = 0; i < 500; ++i) ASSERT_TRUE(desk.ledger->append({{"audit", fmt::format("{{\"n\":{}}}", i)}}));
        ASSERT_TRUE(desk.open());
        EXPECT_EQ(desk.ledger->size(), 503u);
        EXPECT_EQ(desk.ledger->hash(), hash);
        const Entry entry = desk.ledger->get(2).value();
        EXPECT_EQ(entry.kind, "contract.signed");
        EXPECT_EQ(entry.body, "{\"与\":\"甲\"}");
        EXPECT_EQ(entry.commitment, commitment_of(hash, entry));
        // What an outsider does with a proof and two heads.
        const TreeHead head = desk.ledger->sign_head().value();
        EXPECT_TRUE(
            io::is_signed(desk.ledger->public_key(), as_bytes(head_text("default", hash, head)), head.signature));
        const auto path = desk.ledger->inclusion(2, head.size).value();
        EXPECT_TRUE(verify_inclusion(hash, leaf_hash(hash, entry.commitment), 2, head.size, path, head.root));
        const auto shown = desk.ledger->consistency(old_head.size, head.size).value();
        EXPECT_TRUE(verify_consistency(hash, old_head.size, head.size, shown, old_head.root, head.root));
        EXPECT_EQ(desk.ledger->root_at(3).value(), old_head.root);
        const LedgerReport report = desk.ledger->verify().value();
        EXPECT_TRUE(report.problems.empty()) << report.problems.at(0);
        EXPECT_EQ(report.entries, 503u);
        EXPECT_GE(report.heads, 3u);
        EXPECT_GT(desk.files.list(kFolder)->size(), 10u);  // it went on in new files
    }
}

TEST_F(Ledgers, TheTextOfAHeadIsWhatTheScriptMakes) {
    TreeHead head{.size = 3, .root = {0xab}, .time = 5};
    EXPECT_EQ(
        head_text("default", HashKind::sm3, head),
        "gongshu tree head 1\ndefault\nsm3\n3\nab00000000000000000000000000000000000000000000000000000000000000\n5\n");
}

TEST_F(Ledgers, RefusesWhatItCannotKeep) {
    Desk desk;
    desk.options.body_bytes_max = 10;
    ASSERT_TRUE(desk.open());
    const auto f = [&](std::string kind, std::string body, Code code, std::string_view text) {
        const auto made = desk.ledger->append({{"audit", "{}"}, {std::move(kind), std::move(body)}});
        ASSERT_FALSE(made);
        EXPECT_EQ(made.error().code(), code);
        EXPECT_NE(made.error().text().find(text), std::string::npos) << made.error().text();
    };
    f("", "", Code::invalid, "kind: expected up to 60 of a-z 0-9 _ and dots");
    f("Audit", "", Code::invalid, "found \"Audit\"");
    f(std::string(61, 'a'), "", Code::invalid, "kind");
    f("ledger.redacted", "", Code::invalid, "and not ledger.redacted");
    f("audit", "12345678901", Code::limit, "body: it has 11 bytes, more than 10");
    EXPECT_EQ(desk.ledger->size(), 0u);  // all or none
    EXPECT_EQ(desk.ledger->get(0).error().text(), "there is no entry 0 in default");
    EXPECT_EQ(desk.ledger->redact(0, "{}").error().code(), Code::not_found);
    desk.options.name = "a\nb";
    EXPECT_EQ(desk.open().error().code(), Code::invalid);
    desk.options.name = "other";
    EXPECT_NE(desk.open().error().text().find("it is the ledger of \"default\", not of \"other\""), std::string::npos);
}

TEST_F(Ledgers, ARedactedEntryIsGoneAndItsProofHolds) {
    Desk desk;
    ASSERT_TRUE(desk.open());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(desk.ledger->append({{"audit", fmt::format("secret-name-{}", i)}}));
    const TreeHead before = desk.ledger->sign_head().value();
    EXPECT_EQ(desk.ledger->redact(3, R"({"why":"asked for"})").value(), 20u);
    const auto check = [&] {
        const Entry gone = desk.ledger->get(3).value();
        EXPECT_EQ(gone.body, "");
        EXPECT_EQ(gone.kind, "");
        EXPECT_EQ(gone.redacted_by, 20u);
        EXPECT_EQ(desk.ledger->get(20)->redacts, 3u);
        EXPECT_EQ(desk.ledger->get(4)->body, "secret-name-4");
        const HashKind hash = desk.ledger->hash();
        const auto path = desk.ledger->inclusion(3, before.size).value();
        EXPECT_TRUE(verify_inclusion(hash, leaf_hash(hash, gone.commitment), 3, before.size, path, before.root));
        const LedgerReport report = desk.ledger->verify().value();
        EXPECT_TRUE(report.problems.empty()) << report.problems.at(0);
        EXPECT_EQ(report.redacted, 1u);
        const std::vector<std::string> names = desk.files.list(kFolder).value();
        for (const std::string& name : names) {
            const Buffer bytes = io::read_whole(desk.files, std::string(kFolder) + "/" + name, 1 << 20).value();
            EXPECT_EQ(as_text(bytes).find("secret-name-3"), std::string_view::npos) << name;
        }
    };
    check();
    EXPECT_EQ(desk.ledger->redact(3, "{}").error().text(), "entry 3 was redacted by entry 20 already");
    EXPECT_EQ(desk.ledger->redact(20, "{}").error().code(), Code::conflict);
    ASSERT_TRUE(desk.open());
    check();
}

// 1,000 heads over three days with room for 20: the newest stay, and the last of each day; proofs hold for all sizes.
TEST_F(Ledgers, HeadsDoNotGrowWithoutEnd) {
    Desk desk;
    desk.options.heads_kept = 20;
    ASSERT_TRUE(desk.open());
    std::map<std::uint64_t, Digest> roots;
    std::uint64_t longest = 0;
    const auto heads = [&] { return io::read_whole(desk.files, std::string(kFolder) + "/heads", 1 << 20).value(); };
    for (int i = 0; i < 1'000; ++i) {
        ASSERT_TRUE(desk.ledger->append({{"audit", "x"}}));
        const auto head = desk.ledger->sign_head();
        ASSERT_TRUE(head);
        roots[head->size] = head->root;
        longest = std::max<std::uint64_t>(longest, heads().size());
        desk.world.run_for(250 * kSecond);
        if (i % 100 == 99) {
            ASSERT_TRUE(desk.open());
        }
    }
    EXPECT_LE(longest, 148u * (2 * 20 + 5));
    std::set<std::int64_t> days;
    std::uint64_t newest = 0;
    const Buffer bytes = heads();
    for (std::size_t at = 0; at < bytes.size(); at += kHeadBytes) {
        const auto kept = decode_head(Bytes(bytes).subspan(at, kHeadBytes));
        ASSERT_TRUE(kept);
        EXPECT_GE(kept->head.size, newest);
        newest = kept->head.size;
        days.insert(kept->head.time / kDay);
    }
    EXPECT_EQ(newest, 1'000u);
    EXPECT_GE(days.size(), 3u);
    EXPECT_TRUE(desk.ledger->verify()->problems.empty());
    for (const auto& [size, root] : roots) {
        const auto then = desk.ledger->head_at(size);
        ASSERT_TRUE(then) << then.error().text();
        EXPECT_EQ(then->root, root);
        EXPECT_TRUE(io::is_signed(desk.key.public_key(), as_bytes(head_text("default", HashKind::sha256, *then)),
                                  then->signature));
    }
    EXPECT_EQ(desk.ledger->head_at(1'001).error().code(), Code::not_found);
    // A thinning that was cut is no damage.
    ASSERT_TRUE(io::write_whole(desk.files, std::string(kFolder) + "/heads.tmp", Buffer(100, 7)));
    EXPECT_TRUE(desk.ledger->verify()->problems.empty());
    ASSERT_TRUE(desk.open());
    EXPECT_FALSE(desk.files.exists(std::string(kFolder) + "/heads.tmp").value());
}

// While files are copied none is replaced.
TEST_F(Ledgers, ACopyFindsTheHeadsThatItWasTold) {
    Desk desk;
    desk.options.heads_kept = 2;
    ASSERT_TRUE(desk.open());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(desk.ledger->sign_head());
    const auto copied =
        desk.ledger->each_file([&](const std::string& name, const std::string& path, std::uint64_t bytes) {
            const Buffer was = io::read_whole(desk.files, path, 1 << 20).value();
            for (int i = 0; i < 30; ++i) EXPECT_TRUE(desk.ledger->sign_head());
            const Buffer now = io::read_whole(desk.files, path, 1 << 20).value();
            EXPECT_GE(now.size(), bytes) << name;
            EXPECT_TRUE(std::equal(was.begin(), was.begin() + static_cast<std::ptrdiff_t>(bytes), now.begin())) << name;
            return Result<void>{};
        });
    ASSERT_TRUE(copied);
    ASSERT_TRUE(desk.ledger->sign_head());
    EXPECT_LE(io::read_whole(desk.files, std::string(kFolder) + "/heads", 1 << 20)->size(), 148u * 4);
}

// Appends, heads, redactions and restarts; keeps what was promised.
struct Promised {
    std::map<std::uint64_t, std::string> bodies;    // "" = redacted
    std::map<std::uint64_t, std::string> in_doubt;  // redact() failed: gone or not
    std::vector<std::pair<std::uint64_t, Digest>> heads;
};

void work(Desk& desk, Promised& promised, Rng& rng, int steps) {
    for (int step = 0; step < steps; ++step) {
        if (!desk.ledger && !desk.open()) return;
        const std::uint64_t what = rng.below(10);
        if (what < 6) {
            std::vector<NewEntry> entries;
            for (std::uint64_t i = 0; i <= rng.below(3); ++i)
                entries.push_back({"audit", std::string(1 + rng.below(300), static_cast<char>('a' + rng.below(26)))});
            const auto first = desk.ledger->append(entries);
            if (!first) return;
            for (std::size_t i = 0; i < entries.size(); ++i) promised.bodies[*first + i] = entries[i].body;
        } else if (what < 7) {
            const auto head = desk.ledger->sign_head();
            if (!head) return;
            promised.heads.emplace_back(head->size, head->root);
        } else if (what < 9 && !promised.bodies.empty()) {
            const std::uint64_t number = rng.below(promised.bodies.size());
            const auto by = desk.ledger->redact(number, "why");
            if (by) {
                promised.bodies[number] = "";
                promised.bodies[*by] = "why";
            } else if (by.error().code() != Code::conflict) {
                promised.in_doubt[number] = promised.bodies[number];
                return;
            }
        } else {
            desk.world.run_for(kMinute);
            desk.ledger.reset();
        }
    }
}

void check(Desk& desk, const Promised& promised, const std::string& what) {
    const auto opened = desk.open();
    ASSERT_TRUE(opened) << what << ": " << opened.error().text();
    ASSERT_GE(desk.ledger->size(), promised.bodies.size()) << what;
    for (const auto& [number, body] : promised.bodies) {
        const auto entry = desk.ledger->get(number);
        ASSERT_TRUE(entry) << what << ": " << entry.error().text();
        if (promised.in_doubt.contains(number) && entry->redacted_by) continue;
        ASSERT_EQ(entry->body, body) << what << ": entry " << number;
        ASSERT_EQ(entry->redacted_by.has_value(), body.empty()) << what << ": entry " << number;
    }
    for (const auto& [size, root] : promised.heads) {
        const auto then = desk.ledger->root_at(size);
        ASSERT_TRUE(then) << what;
        ASSERT_EQ(*then, root) << what << ": head over " << size;
    }
    const auto report = desk.ledger->verify();
    ASSERT_TRUE(report) << what;
    ASSERT_TRUE(report->problems.empty()) << what << ": " << report->problems.front();
    // It goes on.
    ASSERT_TRUE(desk.ledger->append({{"audit", "after"}})) << what;
}

TEST_F(Ledgers, EveryOperationOnFilesFailsOnce) {
    const std::uint64_t seed = test_seed();
    for (int n = 1;; ++n) {
        const std::string what = fmt::format("operation {} fails, SEED={}", n, seed);
        Desk desk;
        Promised promised;
        Rng rng{seed};
        desk.files.fail_nth(n);
        work(desk, promised, rng, 25);
        const bool fired = desk.files.fault_fired();
        if (!fired) desk.files.fail_nth(1 << 30);
        desk.crash();
        check(desk, promised, what);
        if (HasFatalFailure() || (!fired && n > 100)) break;
    }
}

TEST_F(Ledgers, ThePowerGoesAtAnyMoment) {
    const std::uint64_t seed = test_seed();
    for (int round = 0; round < 400; ++round) {
        const std::string what = fmt::format("round {}, SEED={}", round, seed);
        Desk desk;
        Promised promised;
        Rng rng{seed + static_cast<std::uint64_t>(round)};
        for (int life = 0; life < 3; ++life) {
            // It dies in the midst of something: an operation fails and the power goes at that moment.
            desk.files.fail_nth(1 + static_cast<int>(rng.below(120)));
            work(desk, promised, rng, 20);
            desk.files.fail_nth(1 << 30);
            desk.crash(rng.chance(0.7) ? &rng : nullptr);
        }
        check(desk, promised, what);
        if (HasFatalFailure()) return;
    }
}

TEST_F(Ledgers, EachFlippedByteIsFound) {
    Desk desk;
    ASSERT_TRUE(desk.open());
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(desk.ledger->append({{"audit", std::string(60, 'x')}}));
    ASSERT_TRUE(desk.ledger->redact(2, "why"));
    desk.ledger.reset();  // an orderly stop signs a head over all
    std::uint64_t bytes = 0;
    const std::vector<std::string> names = desk.files.list(kFolder).value();
    for (const std::string& name : names) {
        const std::string path = std::string(kFolder) + "/" + name;
        const Buffer was = io::read_whole(desk.files, path, 1 << 20).value();
        for (std::size_t at = 0; at < was.size(); ++at, ++bytes) {
            desk.files.corrupt(path, at);
            const auto report = verify_ledger(desk.files, kFolder, "default", desk.key.public_key());
            EXPECT_TRUE(!report || !report->problems.empty()) << name << " at " << at;
            ASSERT_TRUE(io::write_whole(desk.files, path, was));
            if (HasFailure()) return;
        }
    }
    EXPECT_GT(bytes, 2'000u);
    ASSERT_TRUE(desk.open());
    EXPECT_TRUE(desk.ledger->verify()->problems.empty());
}

TEST_F(Ledgers, WhoRewritesTheFilesWithoutTheKeyIsFound) {
    Desk desk;
    ASSERT_TRUE(desk.open());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(desk.ledger->append({{"audit", "true"}}));
    desk.ledger.reset();
    // The same history with one word changed, checksums and all, by somebody with another key.
    Desk forger;
    forger.key = io::SigningKey::from_secret({8});
    ASSERT_TRUE(forger.open());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(forger.ledger->append({{"audit", i == 3 ? "false" : "true"}}));
    forger.ledger.reset();
    const auto swap = [&](const std::string& name) {
        const std::string path = std::string(kFolder) + "/" + name;
        ASSERT_TRUE(io::write_whole(desk.files, path, io::read_whole(forger.files, path, 1 << 20).value()));
    };
    swap("00000000.entries");
    EXPECT_NE(desk.open().error().text().find("entries are not those that a head was signed over"), std::string::npos)
        << desk.open().error().text();
    swap("heads");
    ASSERT_TRUE(desk.open());
    const LedgerReport report = desk.ledger->verify().value();
    ASSERT_FALSE(report.problems.empty());
    EXPECT_NE(report.problems[0].find("is signed by another key than the platform's"), std::string::npos)
        << report.problems[0];
}

}  // namespace
}  // namespace gongshu::ledger
