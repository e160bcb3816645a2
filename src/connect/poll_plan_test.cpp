#include "connect/poll_plan.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "connect/connections.h"

namespace gongshu::connect {
namespace {

PollItem item(int unit, Table table, int address, int count, DurationNs period = kSecond) {
    PollItem out;
    out.unit = static_cast<std::uint8_t>(unit);
    out.table = table;
    out.address = static_cast<std::uint16_t>(address);
    out.count = static_cast<std::uint16_t>(count);
    out.period = period;
    return out;
}

std::string text_of(const std::vector<PollRequest>& requests) {
    std::string text;
    for (const PollRequest& request : requests)
        text += fmt::format("{}u{}t{} {}+{}x{}", text.empty() ? "" : ", ", request.unit,
                            static_cast<int>(request.table), request.address, request.count, request.items.size());
    return text;
}

TEST(PollPlan, Merges) {
    constexpr auto H = Table::holding_registers, I = Table::input_registers, C = Table::coils;
    auto f = [](std::vector<PollItem> items, PlanLimits limits, const std::string& want) {
        EXPECT_EQ(text_of(plan_polls(std::move(items), limits)), want);
    };
    f({}, {}, "");
    f({item(1, H, 5, 2)}, {}, "u1t2 5+2x1");
    f({item(1, H, 0, 2), item(1, H, 2, 2)}, {}, "u1t2 0+4x2");
    f({item(1, H, 2, 2), item(1, H, 0, 2)}, {}, "u1t2 0+4x2");                       // any order
    f({item(1, H, 0, 1), item(1, H, 9, 1)}, {100, 8}, "u1t2 0+10x2");                // a gap of 8
    f({item(1, H, 0, 1), item(1, H, 10, 1)}, {100, 8}, "u1t2 0+1x1, u1t2 10+1x1");   // a gap of 9
    f({item(1, H, 0, 1), item(1, H, 1, 1)}, {100, 0}, "u1t2 0+2x2");                 // no gap at all
    f({item(1, H, 0, 2), item(1, H, 2, 2)}, {3, 8}, "u1t2 0+2x1, u1t2 2+2x1");       // a value is never cut
    f({item(1, H, 0, 20), item(1, H, 20, 2)}, {10, 8}, "u1t2 0+20x1, u1t2 20+2x1");  // longer than the limit: alone
    f({item(1, H, 0, 1), item(2, H, 1, 1)}, {}, "u1t2 0+1x1, u2t2 1+1x1");           // another unit
    f({item(1, H, 0, 1), item(1, I, 1, 1)}, {}, "u1t2 0+1x1, u1t3 1+1x1");           // another table
    f({item(1, H, 0, 1), item(1, H, 1, 1, kMinute)}, {}, "u1t2 0+1x1, u1t2 1+1x1");  // another period
    f({item(1, H, 0, 4), item(1, H, 1, 1), item(1, H, 3, 2)}, {}, "u1t2 0+5x3");     // overlapping
    f({item(1, H, 7, 1), item(1, H, 7, 1)}, {}, "u1t2 7+1x2");                       // two bits of one register
    f({item(1, H, 65535, 1), item(1, H, 65530, 2)}, {}, "u1t2 65530+6x2");           // the end of the table
    f({item(1, C, 0, 1), item(1, C, 128, 1)}, {100, 8}, "u1t0 0+129x2");             // bits: 16 times the gap
    f({item(1, C, 0, 1), item(1, C, 130, 1)}, {100, 8}, "u1t0 0+1x1, u1t0 130+1x1");
}

// What lies beyond the end of an area is something else, or nothing.
TEST(PollPlan, StaysWithinAreas) {
    constexpr auto H = Table::holding_registers;
    auto f = [](std::vector<PollItem> items, const std::string& want) {
        EXPECT_EQ(text_of(plan_polls(std::move(items), {})), want);
    };
    const auto in = [](int first, int end, int address, int count) {
        PollItem out = item(1, H, address, count);
        out.area_first = static_cast<std::uint32_t>(first), out.area_end = static_cast<std::uint32_t>(end);
        return out;
    };
    f({in(0, 10, 8, 1), in(0, 10, 9, 1), in(10, 20, 10, 1)}, "u1t2 8+2x2, u1t2 10+1x1");
    f({in(0, 10, 9, 1), in(12, 20, 12, 1)}, "u1t2 9+1x1, u1t2 12+1x1");
    f({item(1, H, 9, 1), in(10, 20, 10, 1), item(1, H, 11, 1)}, "u1t2 9+1x1, u1t2 10+2x2");
    f({in(0, 10, 9, 1), item(1, H, 10, 1)}, "u1t2 9+1x1, u1t2 10+1x1");
    f({item(1, H, 9, 1), item(1, H, 10, 1)}, "u1t2 9+2x2");
}

TEST(PollPlan, SplitsARefusedRequestFirstAtItsGapsThenIntoSingles) {
    constexpr auto H = Table::holding_registers;
    const auto plan = plan_polls({item(1, H, 0, 1), item(1, H, 1, 2), item(1, H, 6, 1)}, {});
    ASSERT_EQ(text_of(plan), "u1t2 0+7x3");
    const auto runs = split_request(plan[0]);
    EXPECT_EQ(text_of(runs), "u1t2 0+3x2, u1t2 6+1x1");
    EXPECT_EQ(text_of(split_request(runs[0])), "u1t2 0+1x1, u1t2 1+2x1");
    EXPECT_EQ(text_of(split_request(runs[1])), "u1t2 6+1x1");
}

// Whatever the items: each is in exactly one request, wholly, and no limit is passed.
TEST(PollPlan, HoldsItsLimitsForRandomItems) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        Rng rng{seed};
        const PlanLimits limits{static_cast<std::uint16_t>(1 + rng.below(125)),
                                static_cast<std::uint16_t>(rng.below(20))};
        std::vector<PollItem> items;
        for (std::size_t i = 0; i < 60; ++i) {
            items.push_back(item(1 + static_cast<int>(rng.below(2)), static_cast<Table>(rng.below(4)),
                                 static_cast<int>(rng.below(300)), 1, rng.chance(0.5) ? kSecond : kMinute));
            if (!is_bits(items.back().table)) items.back().count = static_cast<std::uint16_t>(1 + rng.below(4));
            items.back().index = i;
        }
        std::vector<int> seen(items.size(), 0);
        for (const PollRequest& request : plan_polls(items, limits)) {
            for (const PollItem& one : request.items) {
                ++seen[one.index];
                EXPECT_GE(one.address, request.address);
                EXPECT_LE(one.address + one.count, request.address + request.count);
            }
            if (request.items.size() > 1) {
                EXPECT_LE(request.count, is_bits(request.table) ? 2000 : limits.registers_max) << "seed " << seed;
            }
        }
        EXPECT_EQ(seen, std::vector<int>(items.size(), 1)) << "seed " << seed;
    }
}

TEST(TargetPolicy, RefusesWhatIsNotListed) {
    auto f = [](std::vector<std::string> allowed, const char* host, std::uint16_t port, bool want) {
        const auto answer = make_target_policy(std::move(allowed))(TenantId{1}, {host, port});
        EXPECT_EQ(answer.has_value(), want) << host;
    };
    EXPECT_FALSE(make_target_policy({})(TenantId{2}, {"/dev/ttyUSB0", 0})) << "the ports are the tenant default's";
    EXPECT_TRUE(make_target_policy({"/dev/ttyUSB0"})(TenantId{2}, {"/dev/ttyUSB0", 0}));
    f({}, "192.168.1.7", 502, true);
    f({}, "plc7.lan", 502, true);
    f({}, "127.0.0.1", 502, false);
    f({}, "127.9.9.9", 502, false);
    f({}, "localhost", 502, false);
    f({}, "LocalHost", 502, false);
    f({}, "0.0.0.0", 502, false);
    f({}, "169.254.169.254", 80, false);
    f({}, "224.0.0.1", 502, false);
    f({}, "::1", 502, false);
    f({}, "0:0:0:0:0:0:0:1", 502, false);
    f({}, "::", 502, false);
    f({}, "::ffff:127.0.0.1", 502, false);
    f({}, "fe80::1", 502, false);
    f({}, "2001:db8::1", 502, true);
    f({"127.0.0.1"}, "127.0.0.1", 502, true);
    f({"127.0.0.1:502"}, "127.0.0.1", 502, true);
    f({"127.0.0.1:502"}, "127.0.0.1", 503, false);
    f({"localhost"}, "127.0.0.1", 502, true);
    f({"[::1]:502"}, "::1", 502, true);
    f({"127.0.0.1"}, "169.254.1.1", 502, false);
    f({}, "/dev/ttyUSB0", 0, true);
    f({}, "/dev/ttyS12", 0, true);
    f({}, "/dev/ttyACM1", 0, true);
    f({}, "/dev/serial/by-id/usb-FTDI_FT232R-if00-port0", 0, true);
    f({}, "/dev/ttyS", 0, false);
    f({}, "/dev/ttyS0x", 0, false);
    f({}, "/dev/tty1", 0, false);
    f({}, "/dev/ttymxc1", 0, false);
    f({}, "/dev/pts/3", 0, false);
    f({}, "/dev/serial/by-id/", 0, false);
    f({}, "/dev/serial/by-id/a/b", 0, false);
    f({}, "/dev/sda", 0, false);
    f({}, "/etc/passwd", 0, false);
    f({"/dev/ttymxc1"}, "/dev/ttymxc1", 0, true);
    f({"/dev/ttymxc1"}, "/dev/ttymxc11", 0, false);
    f({"/dev/pts/*"}, "/dev/pts/3", 0, true);
    f({"/dev/pts/*"}, "/dev/ttymxc1", 0, false);
    f({"/etc/*"}, "/etc/passwd", 0, false);
}

}  // namespace
}  // namespace gongshu::connect
