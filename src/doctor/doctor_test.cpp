#include <gtest/gtest.h>

#include <algorithm>

#include "base/metrics.h"
#include "doctor/gather.h"
#include "history/history.h"
#include "io/loop.h"
#include "io/machine.h"

namespace gongshu::doctor {
namespace {

Facts healthy() {
    Facts f;
    f.version = "1";
    f.now = 1'700'000'000 * kSecond;
    f.user = 7;
    f.data = {"/data", true, 0750, 7, true, "ext4"};
    f.keys = {"/data.keys", true, 0700, 7, true, "ext4"};
    f.key_mode = 0600;
    f.has_data = true;
    f.disk_free_bytes = 500'000'000'000;
    f.disk_total_bytes = 1'000'000'000'000;
    f.bytes_a_day = 1e9;
    f.sync_s = 0.001;
    f.disks = {{.device = "/dev/sda", .passed = true, .reallocated = 0, .celsius = 41}};
    f.clock_synchronised = true;
    f.newest_reading = f.now;
    f.has_zones = true;
    f.open_files_max = 65'536;
    f.ports = {{"--http", "127.0.0.1:8080", true}};
    f.authority_ends = f.now + 1000 * kDay;
    f.segments_sampled = 16;
    f.backups = {{"20231114T000000Z", f.now - kDay, ""}};
    f.proved = Proved{"20231114T000000Z", f.now - 3 * kDay, 4'600'000, 312, 0, ""};
    f.backup_target = "/mnt/nas";
    f.links = std::vector<Link>{{"plc1", "up", "an old error"}, {"plc2", "off", ""}};
    f.cores = 2;
    f.memory_bytes = 8'000'000'000;
    f.memory_available_bytes = 4'000'000'000;
    return f;
}

TEST(Doctor, FindsNothingWhereNothingIsWrong) {
    const auto findings = check(healthy());
    for (const Finding& one : findings) {
        EXPECT_EQ(one.grade, Grade::good) << one.en;
        EXPECT_TRUE(one.fix_en.empty() && one.fix_zh.empty()) << one.en;
        EXPECT_FALSE(one.zh.empty());
    }
    EXPECT_GE(findings.size(), 15u);
    EXPECT_EQ(worst_of(findings), Grade::good);
}

TEST(Doctor, EachCheckFailsOnce) {
    const auto f = [](const char* id, Grade want, const char* text, auto spoil) {
        Facts facts = healthy();
        spoil(facts);
        const auto findings = check(facts);
        const auto found = std::ranges::find_if(
            findings, [&](const Finding& one) { return one.id == id && one.grade != Grade::good; });
        ASSERT_TRUE(found != findings.end()) << id << " was not found: " << text;
        EXPECT_EQ(found->grade, want) << found->en;
        EXPECT_NE(found->en.find(text), std::string::npos) << found->en;
        EXPECT_FALSE(found->zh.empty() || found->fix_en.empty() || found->fix_zh.empty()) << found->en;
        EXPECT_EQ(std::ranges::count_if(findings, [](const Finding& one) { return one.grade != Grade::good; }), 1)
            << id;
        EXPECT_EQ(worst_of(findings), want);
    };
    const Grade bad = Grade::bad, warning = Grade::warning;
    f("data_folder", bad, "not there", [](Facts& x) { x.data.is_there = false; });
    f("data_folder", bad, "may not write", [](Facts& x) { x.data.may_write = false; });
    f("data_folder", warning, "belongs to user 8", [](Facts& x) { x.data.owner = 8; });
    f("data_folder", bad, "Everybody", [](Facts& x) { x.data.mode = 0777; });
    f("file_system", bad, "in memory", [](Facts& x) { x.data.file_system = "tmpfs"; });
    f("file_system", warning, "network", [](Facts& x) { x.data.file_system = "nfs"; });
    f("file_system", warning, "no rights", [](Facts& x) { x.data.file_system = "vfat"; });
    f("file_system", warning, "container", [](Facts& x) { x.data.file_system = "overlay"; });
    f("disk_space", bad, "nearly nothing", [](Facts& x) { x.disk_free_bytes = 1000; });
    f("disk_space", warning, "about 10 days (an estimate)", [](Facts& x) { x.bytes_a_day = 5e10; });
    f("disk_space", bad, "about 1 days", [](Facts& x) { x.bytes_a_day = 4e11; });
    f("disk_space", warning, "are free", [](Facts& x) { x.disk_free_bytes = 40'000'000'000; });
    f("sync", warning, "could not be measured", [](Facts& x) { x.sync_s.reset(); });
    f("sync", warning, "every acknowledgement waits", [](Facts& x) { x.sync_s = 0.2; });
    f("sync", warning, "a hint, no proof", [](Facts& x) { x.sync_s = 5e-6; });
    f("disk_health", bad, "/dev/sda (Kept 1T) says of itself that it fails", [](Facts& x) {
        x.disks[0].passed = false;
        x.disks[0].model = "Kept 1T";
    });
    f("disk_health", warning, "replaced 8 worn-out", [](Facts& x) { x.disks[0].reallocated = 8; });
    f("disk_health", warning, "3 sectors that it cannot read", [](Facts& x) { x.disks[0].pending = 3; });
    f("disk_health", warning, "1 errors that it could not", [](Facts& x) { x.disks[0].uncorrectable = 1; });
    f("disk_health", warning, "lost data 2 times", [](Facts& x) { x.disks[0].media_errors = 2; });
    f("disk_health", warning, "used 90 %", [](Facts& x) { x.disks[0].used_percent = 90; });
    f("disk_health", warning, "has 4 % of its spare blocks left, its maker wants 10 %", [](Facts& x) {
        x.disks[0].spare_percent = 4;
        x.disks[0].spare_least_percent = 10;
    });
    f("disk_health", warning, "is 70 °C hot", [](Facts& x) { x.disks[0].celsius = 70; });
    f("keys", bad, "is missing", [](Facts& x) { x.key_mode.reset(); });
    f("keys", bad, "Others than its owner", [](Facts& x) { x.key_mode = 0644; });
    f("keys", warning, "in the data folder", [](Facts& x) { x.keys.path = "/data/keys"; });
    f("store", bad, "cannot be read: newer", [](Facts& x) { x.format_problem = "newer"; });
    f("store", bad, "1 of 16 segments", [](Facts& x) { x.damage = {"a.seg: checksum"}; });
    f("last_stop", warning, "What was acknowledged is kept", [](Facts& x) { x.stopped_cleanly = false; });
    f("temporary_files", warning, "/data/a.tmp", [](Facts& x) { x.temporaries = {"/data/a.tmp"}; });
    f("backups", warning, "There is no backup", [](Facts& x) { x.backups.clear(); });
    f("backups", warning, "No backup is whole: torn", [](Facts& x) { x.backups[0].problem = "torn"; });
    f("backups", warning, "is 20 days old", [](Facts& x) { x.backups[0].made = x.now - 20 * kDay; });
    f("backup_proof", warning, "proved by reading yet", [](Facts& x) { x.proved.reset(); });
    f("backup_proof", warning, "for 40 days", [](Facts& x) { x.proved->at = x.now - 40 * kDay; });
    f("backup_proof", bad, "2 problems, the first: torn", [](Facts& x) {
        x.proved->problem_count = 2;
        x.proved->problem = "torn";
    });
    f("backup_target", warning, "/mnt/nas: no mount", [](Facts& x) { x.target_problem = "no mount"; });
    f("backup_target", warning, "not in sftp://b@nas/x: no answer", [](Facts& x) {
        x.backup_target = "sftp://b@nas/x";
        x.target_problem = "no answer";
    });
    f("clock", warning, "No time service", [](Facts& x) { x.clock_synchronised = false; });
    f("clock", warning, "off by up to 2.0 s", [](Facts& x) { x.clock_error_s = 2; });
    f("clock", bad, "was set back", [](Facts& x) { x.newest_reading = x.now + 400 * kDay; });
    f("time_zones", bad, "no time zones", [](Facts& x) { x.has_zones = false; });
    f("open_files", warning, "Only 4096", [](Facts& x) { x.open_files_max = 4096; });
    f("open_files", bad, "Only 256", [](Facts& x) { x.open_files_max = 256; });
    f("certificate", warning, "in 5 days", [](Facts& x) { x.authority_ends = x.now + 5 * kDay; });
    f("certificate", bad, "ends in", [](Facts& x) { x.authority_ends = x.now - kDay; });
    f("port", bad, "is taken", [](Facts& x) { x.ports[0].is_free = false; });
    f("connections", warning, "plc1 is down: an old error", [](Facts& x) { x.links->at(0).state = "backing_off"; });
    f("connections", warning, "could not be asked for: refused", [](Facts& x) { x.links_problem = "refused"; });
    f("machine", warning, "That is little", [](Facts& x) { x.memory_available_bytes = 1 << 20; });
    f("machine", warning, "no instruction", [](Facts& x) { x.has_crc_instruction = false; });
}

TEST(Doctor, SaysItInBothLanguagesAndAsJson) {
    Facts facts = healthy();
    facts.backups.clear();
    const auto findings = check(facts);
    const std::string en = to_text(findings, Language::en), zh = to_text(findings, Language::zh),
                      json = to_json(facts, findings);
    EXPECT_NE(en.find("! There is no backup.\n    → Make one: gongshu backup"), std::string::npos) << en;
    EXPECT_NE(en.find("1 warnings, 0 errors"), std::string::npos) << en;
    EXPECT_NE(zh.find("! 没有备份。\n    → 请备份"), std::string::npos) << zh;
    EXPECT_NE(zh.find("，1 项警告，0 项错误"), std::string::npos) << zh;
    facts.links->at(0) = {"plc1", "backing_off", "cannot connect to 10.0.0.5:502: Connection refused"};
    EXPECT_NE(to_text(check(facts), Language::zh).find("连接 plc1 断开：无法连接 10.0.0.5:502：对方拒绝连接"),
              std::string::npos);
    facts.links_problem = "the server says 401: name and password are wrong";
    EXPECT_NE(to_text(check(facts), Language::zh).find("未能查询连接：服务器答复 401："), std::string::npos);
    EXPECT_NE(json.find(R"("worst":"warning")"), std::string::npos) << json;
    EXPECT_NE(json.find(R"({"id":"backups","grade":"warning","text_en":"There is no backup.")"), std::string::npos)
        << json;
}

class Real : public ::testing::Test {
protected:
    void SetUp() override {
        places = {folder + "/data", folder + "/keys", folder + "/backups", "1", {}, ""};
        ASSERT_TRUE(files->make_folder(places.data + "/history"));
        ASSERT_TRUE(files->make_folder(places.key_folder, 0700));
    }
    void TearDown() override { remove_all(folder); }
    void remove_all(const std::string& path) {
        if (const auto names = files->list(path))
            for (const std::string& name : *names) remove_all(path + "/" + name);
        (void)files->remove(path);
    }

    const std::string folder =
        ::testing::TempDir() + "/gongshu-doctor-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed());
    const std::unique_ptr<io::Files> files = io::make_posix_files();
    const std::unique_ptr<Clock> clock = io::make_system_clock();
    Places places;
};

TEST_F(Real, ChangesNothingAndSeesWhatIsThere) {
    {
        const auto pool = io::make_thread_pool(2, 100);
        const auto lane = io::make_epoll_loop(*clock);
        Metrics metrics;
        auto history = history::History::create(*files, *clock, metrics, {lane.get()}, *pool,
                                                {.folder = places.data + "/history"});
        ASSERT_TRUE(history) << history.error().text();
        EXPECT_TRUE(gather(*files, *clock, places).running);
        const auto tag = (*history)->resolve({TenantId{1}, "p:a", "x"}, "a.x", ValueType::number, "");
        ASSERT_TRUE(tag);
        Rows rows;
        for (int day = 1; day < 5; ++day) rows.add_number(*tag, clock->now() - day * kDay, day);
        ASSERT_TRUE((*history)->import(rows));
        ASSERT_TRUE((*history)->compact());
        (*history)->stop();
    }
    const auto before = files->list(places.data).value();
    Facts facts = gather(*files, *clock, places);
    EXPECT_EQ(files->list(places.data).value(), before);
    EXPECT_FALSE(facts.running);
    EXPECT_TRUE(facts.has_data);
    EXPECT_EQ(facts.segments_sampled, 4u);
    EXPECT_TRUE(facts.damage.empty());
    EXPECT_TRUE(facts.bytes_a_day);
    EXPECT_TRUE(facts.sync_s);
    EXPECT_FALSE(facts.stopped_cleanly);
    EXPECT_FALSE(facts.key_mode);
    ASSERT_TRUE(io::write_whole(*files, places.key_folder + "/registry.key", as_bytes("k"), 0640));
    ASSERT_TRUE(io::write_whole(*files, places.data + "/" + kStoppedName, as_bytes("x")));
    const auto days = files->list(places.data + "/history/seg").value();
    const std::string day = places.data + "/history/seg/" + days[0];
    const std::string segment = day + "/" + files->list(day)->at(0);
    auto bytes = io::read_whole(*files, segment, 1 << 20).value();
    bytes[9] ^= 1;
    ASSERT_TRUE(io::write_whole(*files, segment, bytes));
    facts = gather(*files, *clock, places);
    EXPECT_EQ(facts.damage.size(), 1u);
    EXPECT_EQ(facts.key_mode, 0640u);
    EXPECT_TRUE(facts.stopped_cleanly);
    ASSERT_TRUE(io::write_whole(*files, places.data + "/history/MANIFEST", as_bytes("junk")));
    EXPECT_FALSE(gather(*files, *clock, places).format_problem.empty());
}

TEST_F(Real, SeesAPortThatIsTaken) {
    const auto loop = io::make_epoll_loop(*clock);
    const auto listener = loop->listen({"127.0.0.1", 0}, {}, [](std::unique_ptr<io::Stream>) {});
    ASSERT_TRUE(listener);
    places.doors = {{"--http", to_string((*listener)->address())}, {"--mqtt", "127.0.0.1:0"}};
    const Facts facts = gather(*files, *clock, places);
    ASSERT_EQ(facts.ports.size(), 1u);
    EXPECT_FALSE(facts.ports[0].is_free);
}

TEST_F(Real, BundlesNoSecretAndNoReading) {
    ASSERT_TRUE(files->make_folder(places.data + "/logs"));
    ASSERT_TRUE(io::write_whole(*files, places.data + "/logs/gongshu.log", as_bytes("a line of the log\n")));
    ASSERT_TRUE(io::write_whole(*files, places.data + "/history/secret-reading", as_bytes("21.75")));
    ASSERT_TRUE(io::write_whole(*files, places.key_folder + "/registry.key", as_bytes("topsecret"), 0600));
    const std::string path = folder + "/bundle.tar";
    ASSERT_TRUE(write_bundle(*files, path, places, places.data + "/logs", "the report", "{}", clock->now()));
    const auto bytes = io::read_whole(*files, path, 1 << 20).value();
    const std::string_view text = as_text(bytes);
    for (const char* part : {"the report", "a line of the log", "history/secret-reading", "gongshu/report.json"})
        EXPECT_NE(text.find(part), std::string_view::npos) << part;
    for (const char* part : {"21.75", "topsecret"}) EXPECT_EQ(text.find(part), std::string_view::npos) << part;
    EXPECT_EQ(bytes.size() % 512, 0u);
    EXPECT_EQ(io::file_facts(path)->mode, 0600u);
}

}  // namespace
}  // namespace gongshu::doctor
