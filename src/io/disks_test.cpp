#include "io/disks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "io/run.h"

namespace gongshu::io {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class Sys : public ::testing::Test {
protected:
    void SetUp() override { fs::create_directories(root + "/dev/block"); }
    void TearDown() override { fs::remove_all(root); }

    // A device at its place below /devices, as /dev/block/`number` names it.
    void device(const std::string& number, const std::string& path, bool partition = false) {
        fs::create_directories(root + "/devices/" + path + "/slaves");
        fs::create_directory_symlink("../../devices/" + path, root + "/dev/block/" + number);
        if (partition) std::ofstream(root + "/devices/" + path + "/partition") << "1\n";
    }
    void lies_on(const std::string& path, const std::string& below) {
        const auto slash = below.rfind('/');
        fs::create_directory_symlink(root + "/devices/" + below,
                                     root + "/devices/" + path + "/slaves/" + below.substr(slash + 1));
    }

    const std::string root =
        ::testing::TempDir() + "/gongshu-sys-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed());
};

TEST_F(Sys, GoesDownToTheDisks) {
    device("8:0", "pci/ata1/block/sda");
    device("8:1", "pci/ata1/block/sda/sda1", true);
    device("8:2", "pci/ata1/block/sda/sda2", true);
    device("8:16", "pci/ata2/block/sdb");
    device("8:17", "pci/ata2/block/sdb/sdb1", true);
    device("9:0", "virtual/block/md0");
    device("253:0", "virtual/block/dm-0");
    device("253:1", "virtual/block/dm-1");
    device("259:0", "pci/nvme/nvme0/nvme0n1");
    device("259:1", "pci/nvme/nvme0/nvme0n1/nvme0n1p1", true);
    lies_on("virtual/block/md0", "pci/ata1/block/sda/sda2");
    lies_on("virtual/block/md0", "pci/ata2/block/sdb/sdb1");
    lies_on("virtual/block/dm-0", "virtual/block/md0");   // LUKS on a mirror
    lies_on("virtual/block/dm-1", "virtual/block/dm-0");  // and LVM on that
    lies_on("virtual/block/dm-1", "pci/nvme/nvme0/nvme0n1/nvme0n1p1");
    const auto f = [&](const char* number, const Names& want) { EXPECT_EQ(disks_of(root, number), want) << number; };
    f("8:0", {"sda"});
    f("8:1", {"sda"});
    f("9:0", {"sda", "sdb"});
    f("253:0", {"sda", "sdb"});
    f("253:1", {"nvme0n1", "sda", "sdb"});
    f("259:1", {"nvme0n1"});
    f("1:1", {});
}

TEST_F(Sys, EndsInACircle) {
    device("253:0", "virtual/block/dm-0");
    device("253:1", "virtual/block/dm-1");
    lies_on("virtual/block/dm-0", "virtual/block/dm-1");
    lies_on("virtual/block/dm-1", "virtual/block/dm-0");
    EXPECT_EQ(disks_of(root, "253:0"), Names{});
}

TEST(Disks, FindWhatIsMounted) {
    const char* const mounts =
        "22 1 0:21 / / rw,relatime shared:1 - btrfs /dev/sda2 rw,subvol=/\n"
        "30 22 0:44 /sub /var/lib rw master:1 shared:2 - btrfs /dev/mapper/data rw\n"
        "31 22 0:45 / /mnt/with\\040blank rw - nfs4 nas:/x rw\n"
        "32 22 0:46 / /mnt/with\\040blank rw - nfs4 nas:/above rw\n"
        "torn\n";
    const auto f = [&](const char* path, const char* want) { EXPECT_EQ(mount_source(mounts, path), want) << path; };
    f("/", "/dev/sda2");
    f("/home/x", "/dev/sda2");
    f("/var/lib", "/dev/mapper/data");
    f("/var/lib/gongshu", "/dev/mapper/data");
    f("/var/library", "/dev/sda2");
    f("/mnt/with blank/y", "nas:/above");
    EXPECT_EQ(mount_source("", "/x"), "");
    (void)disks_below("/");  // whatever this machine has
    EXPECT_EQ(disks_below("/proc"), Names{});
    EXPECT_EQ(disks_below("/no/such/folder"), Names{});
}

TEST(Run, TellsTheEndAndWhatWasSaid) {
    const auto good = run_program({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
    ASSERT_TRUE(good) << good.error().text();
    EXPECT_EQ(good->code, 3);
    EXPECT_EQ(good->output, "out\nerr\n");
    EXPECT_EQ(run_program({"/no/such/program"}).error().code(), Code::not_found);
    const auto late = run_program({"/bin/sh", "-c", "exec sleep 600"}, {.time = kSecond / 20});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code(), Code::unavailable);
    const auto loud = run_program({"/bin/sh", "-c", "while :; do echo loud; done"}, {.output_bytes = 1000});
    ASSERT_FALSE(loud);
    EXPECT_EQ(loud.error().code(), Code::limit);
}

}  // namespace
}  // namespace gongshu::io
