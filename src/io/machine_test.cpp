#include "io/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/certificate.h"
#include "io/files.h"
#include "io/process.h"
#include "io/tls.h"

namespace gongshu::io {
namespace {

TEST(Machine, TellsOfItself) {
    const auto facts = machine_facts();
    EXPECT_GT(facts.cores, 0u);
    EXPECT_GT(facts.memory_bytes, facts.memory_available_bytes);
    EXPECT_GT(open_files_max(), 0u);
    EXPECT_GE(clock_facts().error_s, 0);
    EXPECT_FALSE(file_system("/proc")->empty());
    EXPECT_FALSE(file_system("/no/such/place"));
    EXPECT_GT(process_use()->memory_bytes, 0u);
    EXPECT_FALSE(process_use(1 << 30));
}

TEST(Machine, CountsWhatAProgramAndItsChildrenUse) {
    ASSERT_TRUE(stay_on_core(0));
    EXPECT_EQ(stay_on_core(1 << 20).error().code(), Code::io);
    const double before = family_use(::getpid())->cpu_s;
    const auto child = spawn({"/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"});
    ASSERT_TRUE(child);
    EXPECT_EQ((*child)->wait(), 0);
    EXPECT_GT(family_use(::getpid())->cpu_s, before + 0.005);
    EXPECT_FALSE(family_use(1 << 30));
    ASSERT_TRUE(stay_on_core(-1));
}

TEST(Machine, TellsOfFilesAndWhoHoldsThem) {
    const auto files = make_posix_files();
    const std::string folder = ::testing::TempDir() + "/gongshu-machine";
    ASSERT_TRUE(files->make_folder(folder, 0700));
    EXPECT_FALSE(is_folder_held(folder));
    EXPECT_FALSE(is_mount_point(folder));
    EXPECT_FALSE(is_mount_point(folder + "/missing"));
    EXPECT_TRUE(is_mount_point("/proc"));
    ASSERT_TRUE(write_whole(*files, folder + "/a", as_bytes("four"), 0600));
    const auto facts = file_facts(folder + "/a");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->mode, 0600u);
    EXPECT_EQ(facts->bytes, 4u);
    EXPECT_EQ(facts->owner, user_id());
    EXPECT_FALSE(facts->is_folder);
    EXPECT_TRUE(file_facts(folder)->is_folder);
    EXPECT_EQ(file_facts(folder + "/b").error().code(), Code::not_found);
    EXPECT_TRUE(may_write_in(folder));
    auto lock = files->lock_folder(folder);
    ASSERT_TRUE(lock);
    EXPECT_TRUE(is_folder_held(folder));
    lock->reset();
    EXPECT_FALSE(is_folder_held(folder));
    for (const char* name : {"/a", "/lock", ""}) ASSERT_TRUE(files->remove(folder + name));
}

TEST(Machine, TellsItsTimeZone) {
    namespace fs = std::filesystem;
    const std::string etc =
        ::testing::TempDir() + "/gongshu-etc-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed());
    const char* const before = std::getenv("TZ");
    const std::string kept = before != nullptr ? before : "";
    ::unsetenv("TZ");
    fs::create_directories(etc);
    EXPECT_EQ(time_zone_name(etc), "UTC");
    std::ofstream(etc + "/timezone") << "Asia/Shanghai\n";
    EXPECT_EQ(time_zone_name(etc), "Asia/Shanghai");
    fs::create_symlink("/usr/share/zoneinfo/Europe/Berlin", etc + "/localtime");
    EXPECT_EQ(time_zone_name(etc), "Europe/Berlin");
    for (const auto& [set, want] : {std::pair{":Asia/Tokyo", "Asia/Tokyo"}, std::pair{"UTC", "UTC"},
                                    std::pair{"/usr/share/zoneinfo/Asia/Seoul", "Asia/Seoul"},
                                    std::pair{"", "Europe/Berlin"}, std::pair{"/no/zone", "Europe/Berlin"}}) {
        ::setenv("TZ", set, 1);
        EXPECT_EQ(time_zone_name(etc), want) << set;
    }
    ::unsetenv("TZ");
    if (before != nullptr) ::setenv("TZ", kept.c_str(), 1);
    fs::remove_all(etc);
}

TEST(Machine, ReadsCertificates) {
    constexpr TimeNs kNow = 1'700'000'000 * kSecond;
    const auto authority = make_certificate_authority("Gongshu test", kNow).value();
    const auto leaf = issue_server_certificate(authority, {"plant.lan"}, kNow, 30).value();
    EXPECT_EQ(certificate_facts(authority.certificate_pem)->subject, "Gongshu test");
    const auto facts = certificate_facts(leaf.certificate_pem);
    ASSERT_TRUE(facts);
    EXPECT_LE(facts->begins, kNow);
    EXPECT_NEAR(static_cast<double>(facts->ends - kNow), static_cast<double>(30 * kDay), static_cast<double>(2 * kDay));
    EXPECT_FALSE(certificate_facts("nothing"));
}

}  // namespace
}  // namespace gongshu::io
