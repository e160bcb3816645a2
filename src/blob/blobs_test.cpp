#include "blob/blobs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/rng.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "registry/json.h"

namespace gongshu::blob {
namespace {

Json json(std::string_view text) { return registry::parse_json(text).value(); }

std::string seed(const std::string& name) {
    const auto files = io::make_posix_files();
    const auto bytes =
        io::read_whole(*files, std::string(GONGSHU_SOURCE_DIR) + "/src/blob/corpus/picture/" + name, 1 << 20);
    EXPECT_TRUE(bytes) << name;
    return std::string(as_text(*bytes));
}

constexpr TenantId kHome{1};

struct World {
    io::SimFiles files;
    SimClock clock;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<Blobs> blobs;
    std::set<std::string> cited;
    Verdict verdict{Verdict::Is::clean, ""};
    bool scans = false;

    World() {
        clock.advance(1'000 * kDay);
        EXPECT_TRUE(open());
        put("site", "east", R"({"title_en":"East","time_zone":"UTC"})");
        put("tenant", "other", "{}");
    }
    void close() {
        blobs.reset();
        registry.reset();
    }
    Result<void> open() {
        close();
        registry = TRY(registry::Registry::create(files, clock, {.folder = "/data/registry", .key_folder = "/keys"}));
        TRY(registry->load());
        BlobsOptions options{.folder = "/data/blobs", .file_bytes_max = 10'000, .tenant_bytes_max = 30'000};
        options.owner_files_max = 20;
        options.case_refers = [this](const Row& row) -> Result<bool> { return cited.contains(row.id); };
        if (scans) options.scan = [this](const std::string&, const std::string&) { return verdict; };
        blobs = TRY(Blobs::create(*registry, files, clock, std::move(options)));
        return {};
    }
    registry::Actor actor(TenantId tenant = kHome) const {
        return {tenant, "default", "user:wang", registry::Role::admin, "10.0.0.1"};
    }
    void put(const char* kind, const char* name, const char* spec) {
        const auto made = registry->put(actor(), kind, name, json(spec));
        EXPECT_TRUE(made) << (made ? "" : made.error().text());
    }
    Owner site(const char* name = "east") const { return {"site", registry->find(kHome, "site", name)->uid, name}; }
    static Owner one_case(const char* id = "DR-1") { return {"case", id, id}; }
    Result<Row> add(const Owner& owner, std::string_view bytes, std::string name = "a.txt",
                    TenantId tenant = kHome) const {
        return blobs->add({.actor = actor(tenant),
                           .owner = owner,
                           .name = std::move(name),
                           .declared = "",
                           .bytes = as_bytes(bytes)});
    }
    std::string content(const Row& row) const {
        const auto file = blobs->open(row);
        if (!file) return file.error().text();
        Buffer bytes(row.bytes);
        EXPECT_TRUE((*file)->read_at(0, bytes));
        return std::string(as_text(bytes));
    }
    std::string verified() {
        close();
        const auto report = verify_blobs(files, {.folder = "/data/registry", .key_folder = "/keys"}, "/data/blobs");
        std::string text = fmt::format("{} files", report.files);
        for (const std::string& problem : report.problems) text += "; " + problem;
        EXPECT_TRUE(open());
        return text;
    }
    std::string path(const Row& row) const { return "/data/blobs/" + Store::name_of(row.tenant, row.sha256); }
    std::vector<std::string> actions() const {
        std::vector<std::string> out;
        const auto records = registry->audit_records(kHome, 0, INT64_MAX, 1000).value();
        for (const auto& record : records)
            if (record.action.starts_with("blob.")) out.push_back(record.action);
        std::ranges::reverse(out);
        return out;
    }
};

TEST(Blobs, AreKeptByHashOnceATenant) {
    World world;
    const Row one = world.add(world.site(), "hello").value(),
              two = world.add(World::one_case(), "hello", "b.txt").value();
    EXPECT_EQ(one.sha256, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    EXPECT_EQ(world.path(one), "/data/blobs/1/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    EXPECT_EQ(one.type, "text/plain");
    EXPECT_EQ(world.path(one), world.path(two));
    EXPECT_EQ(world.blobs->usage(kHome)->bytes, 5u);
    EXPECT_EQ(world.content(two), "hello");
    const Row other = world.add(world.site(), "hello", "a.txt", TenantId{2}).value();
    EXPECT_NE(world.path(one), world.path(other));
    EXPECT_FALSE(world.blobs->get(TenantId{2}, one.id));
    ASSERT_TRUE(world.open());
    EXPECT_EQ(world.blobs->usage(kHome)->bytes, 5u);
    EXPECT_EQ(world.blobs->of_owner(kHome, world.site())->size(), 1u);
    EXPECT_EQ(world.verified(), "2 files");
}

TEST(Blobs, KeepToTheirLimits) {
    World world;
    const auto f = [&](std::size_t bytes, char fill, std::string_view want) {
        const auto row = world.add(world.site(), std::string(bytes, fill));
        EXPECT_EQ(row ? "" : row.error().text(), want);
    };
    f(0, 'a', "the file is empty");
    f(10'001, 'a', "the file has 0.0 MB, at most 0.0 MB are kept");
    f(10'000, 'a', "");
    f(10'000, 'a', "");  // the same bytes cost nothing
    f(10'000, 'b', "");
    f(10'000, 'c', "");
    f(1, 'd', "the files of this tenant take 0.0 MB of 0.0 MB: there is no room for 0.0 MB more");
    world.put("tenant", "default", R"({"files_mb":1})");
    for (int i = 0; i < 16; ++i) f(1, static_cast<char>('d' + i), "");
    f(1, 'z', "east has 20 files, more are not kept: remove some first");
}

TEST(Blobs, GoWhenNobodyRefersToThem) {
    World world;
    const Row kept = world.add(world.site(), "of the site").value();
    const Row cited = world.add(World::one_case(), "cited").value(),
              loose = world.add(World::one_case(), "loose").value();
    const Row removed = world.add(world.site(), "removed").value();
    world.cited.insert(cited.id);
    EXPECT_EQ(world.blobs->remove(world.actor(), cited).error().text(), "a.txt is evidence of DR-1: it stays with it");
    ASSERT_TRUE(world.blobs->remove(world.actor(), removed));
    EXPECT_FALSE(world.blobs->get(kHome, removed.id));
    auto swept = world.blobs->sweep(world.clock.now());
    EXPECT_EQ(swept->loose, 2u);
    EXPECT_EQ(swept->files, 0u);
    world.clock.advance(6 * kDay);
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->files, 0u);
    world.clock.advance(kDay);
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->files, 2u);
    EXPECT_FALSE(*world.files.exists(world.path(loose)));
    EXPECT_FALSE(world.blobs->get(kHome, loose.id));
    EXPECT_EQ(world.content(kept), "of the site");
    EXPECT_EQ(world.content(cited), "cited");
    // With its owner it goes too; that it got another name meanwhile means nothing.
    ASSERT_TRUE(world.registry->rename(world.actor(), "site", "east", "west"));
    world.clock.advance(8 * kDay);
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->loose, 0u);
    ASSERT_TRUE(world.registry->remove(world.actor(), "site", "west"));
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->loose, 1u);
    world.clock.advance(7 * kDay);
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->files, 1u);
    EXPECT_EQ(world.verified(), "1 files");
    EXPECT_EQ(fmt::format("{}", fmt::join(world.actions(), " ")),
              "blob.add blob.add blob.add blob.add blob.remove blob.gone blob.gone blob.gone");
}

TEST(Blobs, ThatSomebodyRefersToAgainStay) {
    World world;
    const Row row = world.add(World::one_case(), "late").value();
    ASSERT_TRUE(world.blobs->sweep(world.clock.now()));
    world.clock.advance(10 * kDay);
    EXPECT_EQ(world.blobs->use(kHome, row.id, World::one_case("DR-2")).error().code(), Code::not_found);
    ASSERT_TRUE(world.blobs->use(kHome, row.id, World::one_case()));  // the step is on its way
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->files, 0u);
    world.cited.insert(row.id);
    world.clock.advance(10 * kDay);
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->loose, 0u);
    EXPECT_EQ(world.content(row), "late");
}

TEST(Blobs, NothingGoesWhileABackupIsMade) {
    World world;
    const Row row = world.add(World::one_case(), "loose").value();
    ASSERT_TRUE(world.blobs->sweep(world.clock.now()));
    world.clock.advance(8 * kDay);
    const auto held = world.blobs->hold();
    EXPECT_EQ(world.blobs->sweep(world.clock.now()).error().code(), Code::conflict);
    std::string names;
    ASSERT_TRUE(world.blobs->each_file(
        [&](const std::string& name, const std::string& path, std::uint64_t bytes) -> Result<void> {
            names += fmt::format("{} {} {}", name, path == world.path(row), bytes);
            return {};
        }));
    EXPECT_EQ(names, Store::name_of(kHome, row.sha256) + " true 5");
}

TEST(Blobs, ThatTheScanDoesNotPassAreHeldOrRefused) {
    World world;
    world.scans = true;
    ASSERT_TRUE(world.open());
    world.verdict = {Verdict::Is::refused, "Eicar FOUND"};
    EXPECT_EQ(world.add(world.site(), "virus").error().text(), "the virus scan refused the file: Eicar FOUND");
    EXPECT_TRUE(world.blobs->of_owner(kHome, world.site())->empty());
    world.verdict = {Verdict::Is::unknown, "no database"};
    const Row row = world.add(world.site(), "whatever").value();
    EXPECT_EQ(row.state, "held");
    EXPECT_EQ(world.content(row), "a.txt is held until the virus scan passes it: no database");
    EXPECT_FALSE(world.blobs->use(kHome, row.id, world.site()));
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->held, 1u);
    world.verdict = {Verdict::Is::clean, ""};
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->let_through, 1u);
    EXPECT_EQ(world.content(world.blobs->get(kHome, row.id).value()), "whatever");
    // Nothing of the refused one is left.
    EXPECT_EQ(world.blobs->sweep(world.clock.now())->files, 0u);
    EXPECT_EQ(world.verified(), "1 files");
}

TEST(Blobs, ThumbnailsAreRemembered) {
    World world;
    const Row row = world.add(world.site(), seed("turned_position.jpg"), "p.jpg").value();
    EXPECT_EQ(row.width, 40u);
    EXPECT_EQ(row.height, 60u);
    const auto first = world.blobs->thumbnail(row), second = world.blobs->thumbnail(row);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(*first, *second);
    const Row broken = world.add(world.site(), "\xFF\xD8\xFF\xE0 no picture", "q.jpg").value();
    EXPECT_EQ(broken.width, 0u);
    EXPECT_NE(broken.note, "");
    EXPECT_FALSE(world.blobs->thumbnail(broken));
}

TEST(Blobs, OneFlippedByteIsFound) {
    World world;
    const Row row = world.add(world.site(), "hello").value();
    for (std::uint64_t at = 0; at < row.bytes; ++at) {
        world.files.corrupt(world.path(row), at);
        EXPECT_EQ(world.verified(),
                  "1 files; " + world.path(row) + ": is not as it was kept: its SHA-256 differs from its name");
        ASSERT_TRUE(world.add(world.site(), "hello"));  // the same bytes once more make it whole
        EXPECT_EQ(world.verified(), "1 files");
    }
    ASSERT_TRUE(world.files.remove(world.path(row)));
    EXPECT_NE(world.verified(), "1 files");
}

// Each operation on the disk fails once; what was answered is there, what was not is nothing or whole.
TEST(Blobs, EveryFailureOfTheDiskLeavesThemWhole) {
    for (int nth = 1;; ++nth) {
        World world;
        const Row before = world.add(world.site(), "before").value();
        const Row goes = world.add(World::one_case(), "goes").value();
        ASSERT_TRUE(world.blobs->sweep(world.clock.now()));
        world.clock.advance(8 * kDay);
        world.files.fail_nth(nth);
        const auto added = world.add(world.site(), "new");
        const auto swept = world.blobs->sweep(world.clock.now());
        const bool fired = world.files.fault_fired();
        if (world.open()) {
            EXPECT_EQ(world.content(before), "before");
            if (added) {
                EXPECT_EQ(world.content(*added), "new") << nth;
            } else {
                EXPECT_LE(world.blobs->of_owner(kHome, world.site())->size(), 2u) << nth;
            }
            ASSERT_TRUE(world.blobs->sweep(world.clock.now()));
            if (const auto still = world.blobs->get(kHome, goes.id)) {
                EXPECT_EQ(world.content(*still), "goes") << nth;
            }
        }
        const std::string found = world.verified();
        EXPECT_EQ(found.find(';'), std::string::npos) << nth << ": " << found;
        if (!fired) {
            EXPECT_TRUE(added && swept);
            break;
        }
        ASSERT_LT(nth, 2'000);
    }
}

// The power goes after any operation; torn writes included.
TEST(Blobs, APowerCutLeavesNothingOrTheWholeFile) {
    Rng rng{static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed()) + 7};
    for (int nth = 1;; ++nth) {
        World world;
        const Row before = world.add(world.site(), "before").value();
        const int begun = world.files.operations();
        world.files.fail_nth(nth);
        const auto added = world.add(world.site(), "new");
        const bool fired = world.files.fault_fired();
        world.files.crash(&rng);
        ASSERT_TRUE(world.open()) << nth;
        EXPECT_EQ(world.content(before), "before") << nth;
        const std::vector<Row> rows = world.blobs->of_owner(kHome, world.site()).value();
        for (const Row& row : rows) EXPECT_EQ(world.content(row), row.id == before.id ? "before" : "new") << nth;
        EXPECT_TRUE(!added || rows.size() == 2) << nth;
        const std::string found = world.verified();
        EXPECT_EQ(found.find(';'), std::string::npos) << nth << ": " << found;
        if (!fired) break;
        ASSERT_LT(nth, 2'000) << begun;
    }
}

// Random people put, take and refer; a dull model says what must be readable.
TEST(Blobs, FollowADullModel) {
    const auto base = static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed());
    for (std::uint64_t seed = base; seed < base + 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Rng rng{seed};
        World world;
        struct Known {
            Row row;
            std::string bytes;
            bool cited = false, removed = false;
            TimeNs loose = 0, used = 0;
        };
        std::vector<Known> model;
        for (int i = 0; i < 60; ++i) {
            const auto what = rng.below(6);
            if (what <= 1) {
                const std::string bytes = "file " + std::to_string(rng.below(8));
                const auto row = world.add(World::one_case(), bytes);
                if (!row) continue;  // too many
                model.push_back({*row, bytes, false, false, 0, world.clock.now()});
            } else if (what == 2 && !model.empty()) {
                Known& one = model[rng.below(model.size())];
                const bool removed = world.blobs->remove(world.actor(), one.row).has_value();
                ASSERT_EQ(removed, !one.cited && !one.removed);
                if (removed) one.removed = true, one.loose = world.clock.now();
            } else if (what == 3 && !model.empty()) {
                Known& one = model[rng.below(model.size())];
                const bool used = world.blobs->use(kHome, one.row.id, World::one_case()).has_value();
                ASSERT_EQ(used, !one.removed);
                if (!used) continue;
                one.used = world.clock.now();
                one.loose = 0;
                if (rng.chance(0.5)) one.cited = true, world.cited.insert(one.row.id);
            } else if (what == 4) {
                world.clock.advance(static_cast<DurationNs>(rng.below(5)) * kDay);
                ASSERT_TRUE(world.blobs->sweep(world.clock.now()));
                std::erase_if(model, [&](Known& one) {
                    if (one.cited) return false;
                    if (one.loose == 0) return one.loose = world.clock.now(), false;
                    return world.clock.now() - one.loose >= 7 * kDay && world.clock.now() - one.used >= 7 * kDay;
                });
            } else if (rng.chance(0.2)) {
                ASSERT_TRUE(world.open());
            }
            std::set<std::string> hashes;
            for (const Known& one : model) {
                hashes.insert(one.row.sha256);
                const auto row = world.blobs->get(kHome, one.row.id);
                ASSERT_EQ(row.has_value(), !one.removed);
                ASSERT_TRUE(!row || world.content(*row) == one.bytes);
            }
            ASSERT_EQ(world.blobs->usage(kHome)->files, hashes.size());
        }
        ASSERT_EQ(world.verified().find(';'), std::string::npos);
    }
}

}  // namespace
}  // namespace gongshu::blob
