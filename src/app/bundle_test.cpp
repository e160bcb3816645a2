#include "app/bundle.h"

#include <gtest/gtest.h>

#include "io/sim.h"

namespace gongshu::app {
namespace {

TEST(Bundle, IsFoundBesideTheProgramThatItCameWith) {
    io::SimFiles files;
    const std::string table = "/opt/gongshu/share/gongshu/units/udunits2.xml";
    ASSERT_TRUE(files.make_folder("/opt/gongshu/share/gongshu/units", 0755));
    ASSERT_TRUE(io::write_whole(files, table, as_bytes("<unit-system/>")));
    auto f = [&](const std::string& program, const std::string& want) {
        EXPECT_EQ(bundled_units(files, program), want) << program;
    };
    f("/opt/gongshu/bin/gongshu", table);
    f("/opt/gongshu/other/gongshu", table);
    f("/opt/bin/gongshu", "");
    f("/work/build/release/gongshu", "");
    f("/gongshu", "");
    f("gongshu", "");
    f("", "");
}

}  // namespace
}  // namespace gongshu::app
