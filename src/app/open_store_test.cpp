#include "app/open_store.h"

#include <gtest/gtest.h>

#include "io/sim.h"

namespace gongshu::app {
namespace {

TEST(OpenStore, SaysWhatToDoWhenTheDiskIsTooFullToBegin) {
    io::SimFiles files;
    ASSERT_TRUE(files.make_folder("/data", 0750));
    EXPECT_TRUE(check_room(files, "/data"));
    files.set_free_bytes(8'000'000);
    EXPECT_TRUE(check_room(files, "/data"));
    files.set_free_bytes(120'000);
    const auto full = check_room(files, "/data");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().text(),
              "the disk of /data has 0.1 MB free, and 8 MB are needed to start; make room on it (old backups, other "
              "files), then start again: nothing that was stored is lost");
}

}  // namespace
}  // namespace gongshu::app
