// What the decision about whatever leaves costs, beside its floor: looking a text up in a map under a mutex. It is paid
// once for each question, subscription or topic, never for each row.
//   api_bench [--small]

#include <fmt/format.h>

#include <mutex>

#include "api/egress.h"
#include "io/loop.h"

namespace gongshu::api {
namespace {

double nanoseconds_each(const Clock& clock, int times, const auto& work) {
    const DurationNs begin = clock.monotonic();
    for (int i = 0; i < times; ++i) work(i);
    return static_cast<double>(clock.monotonic() - begin) / times;
}

void bench(int times) {
    const auto clock = io::make_system_clock();
    Metrics metrics;
    CountingEgress egress{metrics, *clock};
    std::vector<std::string> tags;
    for (int i = 0; i < 200; ++i) tags.push_back(fmt::format("plant/line{}/mill{}.temperature", i % 5, i));
    std::map<std::string, int, std::less<>> known;
    for (const std::string& tag : tags) known.emplace(tag, 0);
    std::mutex mutex;
    const double floor = nanoseconds_each(*clock, times, [&](int i) {
        const std::lock_guard lock{mutex};
        ++known.find(tags[static_cast<std::size_t>(i) % tags.size()])->second;
    });
    const double decision = nanoseconds_each(*clock, times, [&](int i) {
        const std::string& what = tags[static_cast<std::size_t>(i) % tags.size()];
        if (!egress.decide({.tenant = TenantId{1}, .who = "user:li", .door = "rest", .what = what, .rows = 100}))
            fmt::print("refused\n");
    });
    fmt::print("egress: floor {:.0f} ns, a decision {:.0f} ns ({:.1f} times)\n", floor, decision, decision / floor);
}

}  // namespace
}  // namespace gongshu::api

int main(int argc, char** argv) {
    const bool small = argc > 1 && std::string_view{argv[1]} == "--small";
    gongshu::api::bench(small ? 2'000 : 1'000'000);
    return 0;
}
