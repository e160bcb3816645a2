#include "doctor/smart.h"

#include <gtest/gtest.h>

#include "doctor/check.h"
#include "doctor/check_disks.h"
#include "io/files.h"

namespace gongshu::doctor {
namespace {

using Seen = Smart::Seen;

// Reports with the shape that smartctl 7.3 gives them lie in corpus/smart.
std::string report(const std::string& name) {
    const auto files = io::make_posix_files();
    const auto bytes = io::read_whole(*files, GONGSHU_SOURCE_DIR "/src/doctor/corpus/smart/" + name + ".json", 1 << 20);
    EXPECT_TRUE(bytes) << bytes.error().text();
    return bytes ? std::string(as_text(*bytes)) : std::string{};
}

std::string in_words(const Smart& smart) {
    Facts facts;
    facts.disks = {smart};
    std::vector<Finding> findings;
    check_disks(facts, findings);
    std::string out;
    for (const Finding& one : findings) {
        EXPECT_FALSE(one.zh.empty());
        EXPECT_EQ(one.fix_en.empty(), one.fix_zh.empty());
        out += (one.grade == Grade::good ? "" : one.grade == Grade::bad ? "BAD " : "WARN ") + one.en + "\n";
    }
    return out;
}

TEST(SmartReport, IsReadAsDisksWriteIt) {
    const auto f = [](const char* name, const char* want) {
        EXPECT_EQ(in_words(read_smart(report(name), "/dev/x")), want);
    };
    f("ata", "The disk /dev/x (WDC WD40EFRX-68N32N0) says that it is well (SMART, 34 °C).\n");
    f("worn",
      "BAD The disk /dev/x (WDC WD40EFRX-68N32N0) says of itself that it fails (SMART).\n"
      "WARN The disk /dev/x (WDC WD40EFRX-68N32N0) has replaced 24 worn-out sectors.\n"
      "WARN The disk /dev/x (WDC WD40EFRX-68N32N0) has 3 sectors that it cannot read now.\n"
      "WARN The disk /dev/x (WDC WD40EFRX-68N32N0) has had 1 errors that it could not correct.\n");
    f("nvme",
      "WARN The disk /dev/x (Samsung SSD 980 PRO 1TB) has lost data 2 times (media errors).\n"
      "WARN The disk /dev/x (Samsung SSD 980 PRO 1TB) has used 93 % of the writing it is made for.\n"
      "WARN The disk /dev/x (Samsung SSD 980 PRO 1TB) has 4 % of its spare blocks left, its maker wants 10 %.\n"
      "WARN The disk /dev/x (Samsung SSD 980 PRO 1TB) is 72 °C hot.\n");
    f("scsi",
      "WARN The disk /dev/x (ST1200MM0099) has replaced 5 worn-out sectors.\n"
      "WARN The disk /dev/x (ST1200MM0099) has had 3 errors that it could not correct.\n");
    f("denied", "The health of the disk /dev/x (SMART) was not looked at: this user may not open it.\n");
    f("gone", "The health of the disk /dev/x (SMART) was not looked at: this user may not open it.\n");
    f("virtual",
      "The health of the disk /dev/x (SMART) was not looked at: it tells nothing of itself, as virtual disks and "
      "cards do.\n");
    f("hidden",
      "The health of the disk /dev/x (QEMU HARDDISK) (SMART) was not looked at: it tells nothing of itself, as virtual "
      "disks and cards do.\n");
    f("odd",
      "The health of the disk /dev/x (SMART) was not looked at: Smartctl open device: /dev/sda failed: Input/output "
      "error.\n");
}

TEST(SmartReport, OfAnyShapeIsNoAlarm) {
    const auto f = [](std::string_view text, Seen want) {
        const Smart smart = read_smart(text, "/dev/x");
        EXPECT_EQ(smart.seen, want) << text;
        EXPECT_EQ(in_words(smart).find("WARN"), std::string::npos) << text;
        EXPECT_EQ(in_words(smart).find("BAD"), std::string::npos) << text;
    };
    f("", Seen::no_answer);
    f("smartctl 6.6 2017-11-05\n", Seen::no_answer);
    f("[]", Seen::no_answer);
    f("{}", Seen::no_answer);
    f(R"({"smartctl":7})", Seen::no_answer);
    f(R"({"smartctl":{"exit_status":"2"}})", Seen::no_answer);
    f(R"({"smartctl":{"exit_status":2,"messages":[]}})", Seen::no_answer);
    f(R"({"smartctl":{"exit_status":2,"messages":["x"]}})", Seen::no_answer);
    f(R"({"smartctl":{"exit_status":0}})", Seen::no_smart);
    f(R"({"smartctl":{"exit_status":0},"smart_status":{"passed":"yes"},"ata_smart_attributes":{"table":{}}})",
      Seen::no_smart);
    f(R"({"smartctl":{"exit_status":0},"ata_smart_attributes":{"table":[7,{"id":5},{"id":5,"raw":{"string":"x"}}]}})",
      Seen::no_smart);
    f(R"({"smartctl":{"exit_status":0},"nvme_smart_health_information_log":{"percentage_used":-5,"media_errors":-1}})",
      Seen::read);
    f(std::string(2 << 20, ' '), Seen::no_answer);
    EXPECT_EQ(read_smart("{\"smartctl\":{\"exit_status\":0},\"model_name\":\"a\\nb\"}", "/dev/x").model, "a b");
}

class Asked : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(files->make_folder(folder));
        ASSERT_TRUE(io::write_whole(
            *files, program,
            as_bytes("#!/bin/sh\n"
                     "for last; do :; done\n"  // the device
                     "case $last in\n"
                     "/dev/sda) cat " GONGSHU_SOURCE_DIR "/src/doctor/corpus/smart/ata.json;;\n"
                     "/dev/sdb) cat " GONGSHU_SOURCE_DIR "/src/doctor/corpus/smart/worn.json; exit 8;;\n"
                     "*) while :; do echo junk; done;;\n"
                     "esac\n"),
            0755));
    }
    void TearDown() override {
        (void)files->remove(program);
        (void)files->remove(folder);
    }
    const std::string folder =
        ::testing::TempDir() + "/gongshu-smart-" + std::to_string(::testing::UnitTest::GetInstance()->random_seed());
    const std::string program = folder + "/smartctl";
    const std::unique_ptr<io::Files> files = io::make_posix_files();
};

TEST_F(Asked, EachDiskTellsOfItself) {
    const auto disks = look_at_disks({"sda", "sdb", "sdc"}, program);
    ASSERT_EQ(disks.size(), 3u);
    EXPECT_EQ(disks[0].device, "/dev/sda");
    EXPECT_EQ(disks[0].passed, true);
    EXPECT_EQ(disks[1].reallocated, 24);
    EXPECT_EQ(disks[2].seen, Seen::no_answer);
    EXPECT_NE(disks[2].problem.find("said more than"), std::string::npos) << disks[2].problem;
    const auto without = look_at_disks({"sda"}, "");
    ASSERT_EQ(without.size(), 1u);
    EXPECT_EQ(in_words(without[0]),
              "The health of the disk /dev/sda (SMART) was not looked at: smartctl is not installed.\n");
    EXPECT_EQ(look_at_disks({"sda"}, folder + "/gone")[0].seen, Seen::no_answer);
    EXPECT_EQ(look_at_disks(std::vector<std::string>(100, "sda"), "").size(), 16u);
    EXPECT_TRUE(look_at_disks({}, program).empty());
}

}  // namespace
}  // namespace gongshu::doctor
