#include "backup/backup.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "backup/backups.h"
#include "backup/listing.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "io/crypto.h"
#include "io/sim.h"
#include "registry/json.h"
#include "registry/kinds/connection.h"

namespace gongshu::backup {
namespace {

constexpr const char* kBackups = "/backups";
constexpr TimeNs kStartOfAll = 1000;
constexpr Window kAllTime{0, 4'000'000'000 * kSecond};

// History and registry of one folder, over simulated files.
class Plant {
public:
    explicit Plant(io::SimFiles& files, io::SimWorld& world, std::string data)
        : files_(files), world_(world), data_(std::move(data)), pool_(world.make_pool()), lane_(world.make_loop()) {}
    ~Plant() { close(); }

    Result<void> open() {
        history_ = TRY(history::History::create(files_, world_.clock(), metrics_, {lane_.get()}, *pool_,
                                                {.folder = data_ + "/history"}));
        registry_ = TRY(
            registry::Registry::create(files_, world_.clock(), {.folder = data_ + "/registry", .key_folder = "/keys"}));
        return registry_->load();
    }
    void close() {
        history_.reset();
        registry_.reset();
        world_.run_for(0);
    }

    history::History& history() { return *history_; }
    registry::Registry& registry() { return *registry_; }

    bool append(double value) {
        const auto tag = history_->resolve({TenantId{1}, "d:1", "x"}, "site/m.x", ValueType::number, "");
        if (!tag) return false;
        Rows rows;
        rows.add_number(*tag, world_.clock().now(), value);
        world_.clock().advance(kSecond);
        std::optional<Result<Appended>> answer;
        history_->append(std::move(rows), Durability::sync,
                         [&](Result<Appended> result) { answer = std::move(result); });
        world_.run_until([&] { return answer.has_value(); }, kMinute);
        return answer && answer->has_value();
    }

    std::vector<double> values() {
        std::vector<double> values;
        const auto tag = history_->find(TenantId{1}, "site/m.x");
        if (!tag) return values;
        ReadRequest request;
        request.tags = {tag->id};
        request.window = kAllTime;
        const auto series = history_->read(request);
        if (!series) return values;
        for (std::size_t i = 0; i < series->at(0).rows.size(); ++i)
            values.push_back(std::get<double>(series->at(0).rows.reading(i).value));
        return values;
    }

    bool mark(std::optional<TimeNs> to) {
        Interval interval;
        interval.tenant = TenantId{1};
        interval.subject = "p:site/m";
        interval.kind = "batch";
        interval.from = kStartOfAll;
        interval.to = to;
        bool kept = false;
        history_->add_interval(interval, Durability::sync,
                               [&](const Result<Interval>& one) { kept = one.has_value(); });
        world_.run_until([&] { return kept; }, kMinute);
        return kept;
    }
    // Open ones are negative.
    std::vector<TimeNs> intervals() {
        std::vector<TimeNs> ends;
        const auto page = history_->find_intervals(TenantId{1}, {});
        if (page)
            for (const Interval& one : page->intervals) ends.push_back(one.to.value_or(-1));
        std::ranges::sort(ends);
        return ends;
    }

    bool put_site(const std::string& name) {
        const registry::Actor admin{TenantId{1}, "default", "user:admin", registry::Role::admin, ""};
        return registry_->put(admin, "site", name, *registry::parse_json(R"({"time_zone":"Asia/Shanghai"})"))
            .has_value();
    }
    bool has_site(const std::string& name) { return registry_->find(TenantId{1}, "site", name) != nullptr; }

    BackupParts parts() {
        return {
            files_, world_.clock(), *history_, *registry_, {{"broker/retained.log", data_ + "/broker/retained.log"}},
            "test"};
    }

private:
    io::SimFiles& files_;
    io::SimWorld& world_;
    const std::string data_;
    Metrics metrics_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<io::Loop> lane_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<registry::Registry> registry_;
};

struct Stand {
    io::SimFiles files;
    io::SimWorld world{1};
    Plant plant{files, world, "/data"};
    Progress progress;

    // Segments, an event file and a log with more in it.
    void fill() {
        ASSERT_TRUE(plant.open());
        for (int i = 0; i < 5; ++i) ASSERT_TRUE(plant.append(i));
        ASSERT_TRUE(plant.mark(kStartOfAll + 1));
        ASSERT_TRUE(plant.mark(std::nullopt));
        ASSERT_TRUE(plant.history().compact());
        for (int i = 5; i < 8; ++i) ASSERT_TRUE(plant.append(i));
        ASSERT_TRUE(plant.mark(kStartOfAll + 2));
        ASSERT_TRUE(plant.put_site("site"));
        ASSERT_TRUE(files.make_folder("/data/broker", 0750));
        ASSERT_TRUE(io::write_whole(files, "/data/broker/retained.log", as_bytes("retained")));
    }
};

const std::vector<double> kFilled{0, 1, 2, 3, 4, 5, 6, 7};

TEST(Backup, TellsOfALedgerThatCouldNotBeOpened) {
    Stand stand;
    stand.fill();
    const auto open = [&] {
        return registry::AuditLedger::create(stand.plant.registry(), stand.files, stand.world.clock(), "/data/ledger");
    };
    {
        ASSERT_TRUE(open().value()->feed());
    }
    stand.files.corrupt("/data/ledger/1/00000000.entries", 30);
    const auto ledgers = open().value();
    BackupParts parts = stand.plant.parts();
    parts.ledgers = ledgers.get();
    const auto made = make_backup(parts, kBackups, stand.progress);
    ASSERT_TRUE(made) << made.error().text();
    const BackupInfo info = list_backups(stand.files, kBackups)->at(0);
    EXPECT_EQ(info.problem, "");
    EXPECT_NE(info.note.find("the ledger of default could not be opened"), std::string::npos) << info.note;
    EXPECT_EQ(made->note, info.note);
    EXPECT_TRUE(stand.files.exists(std::string(kBackups) + "/" + info.name + "/ledger/1/00000000.entries").value());
    Progress checking;
    EXPECT_TRUE(check_backup(stand.files, std::string(kBackups) + "/" + info.name, checking));
}

// Files of which one is opened for the first time when something else happens.
class Interrupted final : public io::Files {
public:
    Interrupted(io::Files& files, std::string end, std::function<void()> then)
        : files_(files), end_(std::move(end)), then_(std::move(then)) {}
    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override {
        if (then_ && path.ends_with(end_)) std::exchange(then_, nullptr)();
        return files_.open(path, how);
    }
    Result<void> rename(const std::string& from, const std::string& to) override { return files_.rename(from, to); }
    Result<void> remove(const std::string& path) override { return files_.remove(path); }
    Result<bool> exists(const std::string& path) override { return files_.exists(path); }
    Result<std::vector<std::string>> list(const std::string& folder) override { return files_.list(folder); }
    Result<void> make_folder(const std::string& path, unsigned mode) override { return files_.make_folder(path, mode); }
    Result<void> sync_folder(const std::string& path) override { return files_.sync_folder(path); }
    Result<io::DiskSpace> space(const std::string& path) override { return files_.space(path); }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string& path) override { return files_.lock_folder(path); }
    Result<void> set_mode(const std::string& path, unsigned mode) override { return files_.set_mode(path, mode); }

private:
    io::Files& files_;
    const std::string end_;
    std::function<void()> then_;
};

TEST(Backup, HoldsLedgersAndRegistryOfOneMoment) {
    Stand stand;
    stand.fill();
    const auto ledgers =
        registry::AuditLedger::create(stand.plant.registry(), stand.files, stand.world.clock(), "/data/ledger").value();
    ASSERT_TRUE(ledgers->feed());
    bool happened = false;
    Interrupted files{stand.files, "/ledger/1/00000000.entries", [&] {
                          happened = true;
                          std::thread{[&] {
                              EXPECT_TRUE(stand.plant.put_site("meanwhile"));
                              EXPECT_TRUE(ledgers->feed());
                          }}.join();
                      }};
    const BackupParts of = stand.plant.parts();
    BackupParts parts{files, of.clock, of.history, of.registry, of.others, of.program};
    parts.ledgers = ledgers.get();
    const auto made = make_backup(parts, kBackups, stand.progress);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_TRUE(happened);
    const std::string folder = std::string(kBackups) + "/" + made->name;
    const auto found = registry::verify_ledgers(stand.files, {.folder = folder + "/registry", .key_folder = "/keys"},
                                                folder + "/ledger");
    EXPECT_EQ(found.problems, std::vector<std::string>{});
    EXPECT_GT(found.entries, 0u);
    EXPECT_GT(ledgers->feed().value(), 0u);
}

TEST(Backup, IsTheServerAsItWas) {
    Stand stand;
    stand.fill();
    const auto made = make_backup(stand.plant.parts(), kBackups, stand.progress);
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(stand.progress.bytes_done, stand.progress.bytes);
    EXPECT_EQ(stand.progress.files_done, stand.progress.files);
    EXPECT_EQ(made->bytes, stand.progress.bytes);
    EXPECT_EQ(made->files, stand.progress.files);
    // The server goes on, and its backup stays as it was.
    ASSERT_TRUE(stand.plant.append(8));
    ASSERT_TRUE(stand.plant.put_site("site2"));
    ASSERT_TRUE(stand.plant.history().compact());

    Progress checking;
    ASSERT_TRUE(check_backup(stand.files, std::string(kBackups) + "/" + made->name, checking));
    EXPECT_EQ(checking.files_done, made->files);
    const auto list = list_backups(stand.files, kBackups).value();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].name, made->name);
    EXPECT_EQ(list[0].problem, "");

    Progress restoring;
    const auto restored = restore_backup(stand.files, std::string(kBackups) + "/" + made->name, "/data2", restoring);
    ASSERT_TRUE(restored) << restored.error().text();
    stand.plant.close();
    Plant other(stand.files, stand.world, "/data2");
    const auto opened = other.open();
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(other.values(), kFilled);
    EXPECT_EQ(other.intervals(), (std::vector<TimeNs>{-1, kStartOfAll + 1, kStartOfAll + 2}));
    EXPECT_TRUE(other.has_site("site"));
    EXPECT_FALSE(other.has_site("site2"));
    EXPECT_TRUE(other.history().verify()->problems.empty());
    EXPECT_TRUE(other.append(9));
    EXPECT_EQ(as_text(*io::read_whole(stand.files, "/data2/broker/retained.log", 100)), "retained");
}

TEST(Backup, IsRestoredOnlyIntoANewFolderAndOnlyWhole) {
    Stand stand;
    stand.fill();
    const auto made = make_backup(stand.plant.parts(), kBackups, stand.progress).value();
    const std::string path = std::string(kBackups) + "/" + made.name;
    Progress progress;
    EXPECT_EQ(restore_backup(stand.files, path, "/data", progress).error().code(), Code::exists);
    EXPECT_EQ(restore_backup(stand.files, "/nowhere", "/data2", progress).error().code(), Code::not_found);
    const auto listing =
        decode_listing(as_text(*io::read_whole(stand.files, path + "/" + kListName, kListBytesMax)), "list").value();
    ASSERT_GT(listing.files.size(), 4u);
    for (const Entry& entry : listing.files) {
        stand.files.corrupt(path + "/" + entry.name, 3);
        for (const auto& refused :
             {check_backup(stand.files, path, progress), restore_backup(stand.files, path, "/data2", progress)}) {
            ASSERT_FALSE(refused) << entry.name;
            EXPECT_EQ(refused.error().code(), Code::corrupt);
            EXPECT_NE(refused.error().text().find(entry.name), std::string::npos) << refused.error().text();
        }
        EXPECT_FALSE(*stand.files.exists("/data2"));
        stand.files.corrupt(path + "/" + entry.name, 3);  // flips it back
    }
    ASSERT_TRUE(restore_backup(stand.files, path, "/data2", progress));
    stand.files.corrupt(path + "/" + kListName, 30);
    EXPECT_EQ(check_backup(stand.files, path, progress).error().code(), Code::corrupt);
    EXPECT_NE(list_backups(stand.files, kBackups)->at(0).problem, "");
    ASSERT_TRUE(remove_backup(stand.files, kBackups, made.name));
    EXPECT_TRUE(list_backups(stand.files, kBackups)->empty());
    EXPECT_EQ(remove_backup(stand.files, kBackups, "../data").error().code(), Code::not_found);
    EXPECT_TRUE(*stand.files.exists("/data/history/MANIFEST"));
}

TEST(Backup, StopsWhenAskedAndWhenThereIsNoRoom) {
    Stand stand;
    stand.fill();
    stand.progress.cancelled = true;
    EXPECT_EQ(make_backup(stand.plant.parts(), kBackups, stand.progress).error().code(), Code::conflict);
    const auto list = list_backups(stand.files, kBackups).value();
    ASSERT_EQ(list.size(), 1u);
    EXPECT_EQ(list[0].problem, "not finished");
    ASSERT_TRUE(remove_backup(stand.files, kBackups, list[0].name));
    stand.files.set_free_bytes(10 << 20);
    stand.world.clock().advance(kSecond);
    Progress progress;
    const auto full = make_backup(stand.plant.parts(), kBackups, progress);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), Code::limit) << full.error().text();
    EXPECT_TRUE(stand.plant.append(8));
}

// Jobs of it run on the simulated pool.
struct Keeper {
    explicit Keeper(Stand& stand, BackupsOptions options)
        : pool(stand.world.make_pool()), backups(stand.plant.parts(), *pool, std::move(options)) {}
    std::unique_ptr<io::Pool> pool;
    Backups backups;
};

TEST(Backups, KeepTheNewestAndWhatAWrongClockMade) {
    Stand stand;
    stand.fill();
    Keeper keeper(stand, {.folder = kBackups, .every = kHour, .keep = 2});
    const auto names = [&] {
        std::vector<std::string> names;
        const auto all = keeper.backups.list().value();
        for (const BackupInfo& info : all) names.push_back(info.problem.empty() ? info.name : info.name + "!");
        return names;
    };
    stand.world.clock().jump(4000 * kDay);
    ASSERT_TRUE(keeper.backups.start());
    stand.world.run_for(0);
    stand.world.clock().jump(-4000 * kDay);
    ASSERT_EQ(names().size(), 1u);
    const std::string future = names()[0];
    EXPECT_TRUE(future.ends_with("!"));
    std::vector<std::string> made;
    for (int hour = 0; hour < 4; ++hour) {
        keeper.backups.tend();
        stand.world.run_for(0);
        made.push_back(keeper.backups.state().last_name);
        EXPECT_EQ(keeper.backups.state().last_error, "");
        stand.world.clock().advance(10 * kMinute);
        keeper.backups.tend();  // too early for the next
        stand.world.run_for(0);
        EXPECT_EQ(keeper.backups.state().last_name, made.back());
        stand.world.clock().advance(kHour);
    }
    EXPECT_EQ(names(), (std::vector<std::string>{future, made[3], made[2]}));
}

TEST(Backups, AreMadeAtATimeOfTheDay) {
    Stand stand;
    stand.world.clock().jump(1'774'656'000 * kSecond - stand.world.clock().now());  // 2026-03-28T00:00:00Z
    stand.fill();
    Keeper keeper(
        stand,
        {.folder = kBackups, .every = kDay, .at = parse_time_of_day("02:30 Europe/Berlin", "").value(), .keep = 0});
    const auto names = [&] {
        std::vector<std::string> names;
        const auto all = keeper.backups.list().value();
        for (const BackupInfo& info : all) names.push_back(info.name.substr(0, 13));  // to the minute
        std::ranges::reverse(names);
        return names;
    };
    const auto run = [&](DurationNs time) {
        for (DurationNs gone = 0; gone < time; gone += 5 * kMinute) {
            keeper.backups.tend();
            stand.world.run_for(0);
            stand.world.clock().advance(5 * kMinute);
        }
    };
    // The first at once; in the second night clocks are put forward over 02:30.
    run(2 * kDay + kHour);
    EXPECT_EQ(names(), (std::vector<std::string>{"20260328T0000", "20260328T0130", "20260329T0100", "20260330T0030"}));
    // Off for a day and a half, over one time: soon after the start, and then at the time again.
    stand.world.clock().advance(36 * kHour);
    run(kDay);
    auto made = names();
    ASSERT_EQ(made.size(), 6u);
    EXPECT_EQ(made[4], "20260331T1300");
    EXPECT_EQ(made[5], "20260401T0030");
    // Off at the time, with one made by hand a little before: that grows old first, and not older than a day and a bit.
    ASSERT_TRUE(keeper.backups.start());
    stand.world.run_for(0);
    stand.world.clock().advance(14 * kHour);
    run(24 * kHour);
    made = names();
    ASSERT_EQ(made.size(), 9u);
    EXPECT_EQ(made[6], "20260401T1300");
    EXPECT_EQ(made[7], "20260402T1505");
    EXPECT_EQ(made[8], "20260403T0030");
}

TEST(Backups, ThatFailLeaveNothingBehindAndTryAgainLater) {
    Stand stand;
    stand.fill();
    Keeper keeper(stand, {.folder = kBackups, .every = kHour, .keep = 2});
    stand.files.set_free_bytes(10 << 20);
    int tries = 0;
    TimeNs last = 0;
    for (int minute = 0; minute < 60; ++minute) {
        keeper.backups.tend();
        stand.world.run_for(0);
        const auto state = keeper.backups.state();
        EXPECT_NE(state.last_error, "");
        if (state.last_end != std::exchange(last, state.last_end)) ++tries;
        EXPECT_TRUE(stand.files.list(kBackups)->empty());
        stand.world.clock().advance(kMinute);
    }
    EXPECT_LE(tries, 6);  // after 1, 2, 4, 8, 16 and 32 minutes
    EXPECT_GE(tries, 4);
}

// Whatever fails while it is made: what is listed as whole is whole, and everything acknowledged is still there.
TEST(Backup, EveryOperationFailsOnce) {
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        Stand stand;
        stand.fill();
        if (::testing::Test::HasFatalFailure()) return;
        stand.files.fail_nth(n);
        const auto made = make_backup(stand.plant.parts(), kBackups, stand.progress);
        if (!stand.files.fault_fired()) {
            ASSERT_TRUE(made) << made.error().text();
            break;
        }
        const auto list = list_backups(stand.files, kBackups).value();
        for (const BackupInfo& info : list) {
            Progress progress;
            if (!info.problem.empty()) continue;
            EXPECT_TRUE(check_backup(stand.files, std::string(kBackups) + "/" + info.name, progress));
        }
        // A disk of backups that fails is no reason to refuse changes; only a log that cannot be synced is.
        if (!made && made.error().text().find(kBackups) != std::string::npos) {
            EXPECT_EQ(stand.plant.registry().read_only(), "");
            EXPECT_TRUE(stand.plant.put_site("later"));
        }
        stand.plant.close();
        ASSERT_TRUE(stand.plant.open());
        EXPECT_EQ(stand.plant.values(), kFilled);
        EXPECT_TRUE(stand.plant.has_site("site"));
    }
    EXPECT_GT(n, 50);
}

TEST(Restore, EveryOperationFailsOnce) {
    Stand stand;
    stand.fill();
    const std::string path =
        std::string(kBackups) + "/" + make_backup(stand.plant.parts(), kBackups, stand.progress).value().name;
    stand.plant.close();
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        stand.files.fail_nth(n);
        Progress progress;
        const auto restored = restore_backup(stand.files, path, "/data2", progress);
        const bool fired = stand.files.fault_fired();
        stand.files.fail_nth(1 << 30);
        if (!restored && *stand.files.exists("/data2")) {
            // Only the sync of its name failed: it is there, whole, and a second try says so.
            EXPECT_EQ(restore_backup(stand.files, path, "/data2", progress).error().code(), Code::exists);
        }
        if (*stand.files.exists("/data2")) {
            Plant other(stand.files, stand.world, "/data2");
            const auto opened = other.open();
            ASSERT_TRUE(opened) << opened.error().text();
            EXPECT_EQ(other.values(), kFilled);
            other.close();
            ASSERT_TRUE(stand.files.rename("/data2", fmt::format("/old{}", n)));
        }
        if (!fired) break;
    }
    EXPECT_GT(n, 50);
}

TEST(Listing, IsWhatSha256sumChecks) {
    Listing listing{.made = 5, .program = "0.1.0", .bytes = 3};
    listing.files.push_back({"history/MANIFEST", to_hex(io::sha256(as_bytes("abc")))});
    const std::string text = encode_listing(listing);
    EXPECT_NE(text.find("\nba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  history/MANIFEST\n"),
              std::string::npos);
    const Listing again = decode_listing(text, "list").value();
    EXPECT_EQ(again.made, 5);
    EXPECT_EQ(again.program, "0.1.0");
    EXPECT_EQ(again.files.at(0).name, "history/MANIFEST");
    EXPECT_EQ(encode_listing(again), text);
}

TEST(Listing, RefusesWhatIsNone) {
    const std::string hash(64, 'a');
    // Whole but for the line that is wrong.
    auto f = [&](const std::string& line, std::string_view want) {
        Listing listing;
        std::string text = encode_listing(listing);
        text = text.substr(0, text.rfind("# sum ")) + line + "\n";
        text += "# sum " + to_hex(io::sha256(as_bytes(text))) + "\n";
        const auto refused = decode_listing(text, "list");
        EXPECT_EQ(refused.has_value(), want.empty()) << line;
        if (refused) return;
        EXPECT_EQ(refused.error().code(), Code::corrupt);
        EXPECT_NE(refused.error().text().find(want), std::string::npos) << refused.error().text();
    };
    f(hash + "  history/a", "");
    f(hash + " history/a", "line 5");
    f(hash + "  ../a", "line 5");
    f(hash + "  /etc/passwd", "line 5");
    f(hash + "  a/../../b", "line 5");
    f(hash + "  a\\b", "line 5");
    f(hash + "  c:d", "line 5");
    f(hash + "  ", "line 5");
    f("# made soon", "line 5");
    f("", "line 5");
    f(std::string(64, 'A') + "  a", "line 5");
    EXPECT_EQ(decode_listing("", "list").error().code(), Code::corrupt);
    EXPECT_EQ(decode_listing("# gongshu backup 0\n# sum 12\n", "list").error().code(), Code::corrupt);
    EXPECT_EQ(decode_listing("# gongshu backup 9\n", "list").error().code(), Code::corrupt);
}

}  // namespace
}  // namespace gongshu::backup
