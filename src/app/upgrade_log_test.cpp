#include "app/upgrade_log.h"

#include <gtest/gtest.h>

#include "io/sim.h"

namespace gongshu::app {
namespace {

constexpr TimeNs kTime = 1'790'000'000 * kSecond;

Upgrade of(std::int64_t tables_from, std::int64_t tables_to, int formats_from, int formats_to) {
    return {kTime, "0.1.0", tables_from, tables_to, formats_from, formats_to};
}

TEST(UpgradeLog, IsReadAsItWasWritten) {
    io::SimFiles files;
    ASSERT_TRUE(files.make_folder("/data", 0750));
    EXPECT_EQ(read_upgrades(files, "/data").value(), std::vector<Upgrade>{});
    std::vector<Upgrade> upgrades{of(0, 0, 0, 1), of(40, 41, 1, 2)};
    ASSERT_TRUE(write_upgrades(files, "/data", upgrades));
    EXPECT_EQ(read_upgrades(files, "/data").value(), upgrades);
    for (std::size_t i = 0; i < kUpgradesMax; ++i) upgrades.push_back(of(41, 42, 2, 2));
    ASSERT_TRUE(write_upgrades(files, "/data", upgrades));
    EXPECT_EQ(read_upgrades(files, "/data").value(), (std::vector<Upgrade>{upgrades.begin() + 2, upgrades.end()}));
}

TEST(UpgradeLog, AnyWrongByteIsFoundWithItsLine) {
    const std::string good = encode_upgrades({of(40, 41, 0, 1), of(41, 42, 1, 1)});
    const std::size_t first = good.find('\n');
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const int bit : {1, 4, 32}) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ bit);
            const auto read = decode_upgrades(bad, "/data/UPGRADES");
            ASSERT_FALSE(read) << bad;
            const std::string line = at <= first ? "/data/UPGRADES line 1:" : "/data/UPGRADES line 2:";
            EXPECT_TRUE(read.error().text().starts_with(line)) << at << read.error().text();
        }
    }
    for (std::size_t size = first + 2; size < good.size(); ++size)
        EXPECT_FALSE(decode_upgrades(good.substr(0, size), "x")) << size;
}

TEST(UpgradeLog, TheWayBackIsTheNewestOfWhichSomethingStands) {
    struct Case {
        std::vector<Upgrade> upgrades;
        std::int64_t tables;
        int formats;
        std::string want;  // which of them, and what of it
    };
    for (const Case& c : {Case{{}, 41, 1, "none"}, Case{{of(40, 41, 0, 1)}, 41, 1, "0 tables history"},
                          Case{{of(40, 41, 0, 1)}, 40, 1, "0 history"},  // cut off after the tables
                          Case{{of(40, 41, 0, 1)}, 41, 0, "0 tables"},   // cut off after the history
                          Case{{of(40, 41, 0, 1)}, 40, 0, "none"}, Case{{of(40, 40, 0, 1)}, 40, 1, "0 history"},
                          Case{{of(40, 41, 0, 1), of(41, 42, 1, 1)}, 42, 1, "1 tables"},
                          Case{{of(40, 41, 0, 1), of(41, 42, 1, 1)}, 41, 1, "0 tables history"},
                          Case{{of(38, 41, 1, 1)}, 39, 1, "0 tables"},  // cut off between two steps
                          // Noted, but stopped before anything was done.
                          Case{{of(40, 41, 0, 1), of(41, 42, 1, 2)}, 41, 1, "0 tables history"}}) {
        auto upgrades = c.upgrades;
        const auto way = way_back(upgrades, c.tables, c.formats);
        std::string got = "none";
        if (way) {
            EXPECT_EQ(way->of, upgrades.back());
            got =
                std::to_string(upgrades.size() - 1) + (way->tables ? " tables" : "") + (way->history ? " history" : "");
        }
        EXPECT_EQ(got, c.want) << encode_upgrades(c.upgrades);
    }
}

}  // namespace
}  // namespace gongshu::app
