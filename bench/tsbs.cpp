#include "bench/tsbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>

namespace gongshu::bench {
namespace {

constexpr std::array<const char*, TsbsCpu::kFields> kFieldNames{
    "usage_user", "usage_system",  "usage_idle",  "usage_nice",  "usage_iowait",
    "usage_irq",  "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"};

struct Region {
    const char* name;
    const char* zones;
};
constexpr std::array<Region, 9> kRegions{{{"us-east-1", "abce"},
                                          {"us-west-1", "ab"},
                                          {"us-west-2", "abc"},
                                          {"eu-west-1", "abc"},
                                          {"eu-central-1", "ab"},
                                          {"ap-southeast-1", "ab"},
                                          {"ap-southeast-2", "ab"},
                                          {"ap-northeast-1", "ac"},
                                          {"sa-east-1", "abc"}}};

double uniform(Rng& rng) { return static_cast<double>(rng.next() >> 11) * 0x1p-53; }

// By the polar form's elder: Box and Muller, 1958.
double normal(Rng& rng) {
    return std::sqrt(-2 * std::log(1 - uniform(rng))) * std::cos(2 * std::numbers::pi * uniform(rng));
}

template <std::size_t N>
std::string one_of(Rng& rng, const std::array<const char*, N>& choices) {
    return choices[rng.below(N)];
}

}  // namespace

std::map<std::string, std::string> host_tags(std::size_t host, Rng& rng) {
    const Region& region = kRegions[rng.below(kRegions.size())];
    const std::string zones = region.zones;
    return {{"hostname", fmt::format("host_{}", host)},
            {"region", region.name},
            {"datacenter", fmt::format("{}{}", region.name, zones[rng.below(zones.size())])},
            {"rack", fmt::format("{}", rng.below(100))},
            {"os", one_of<3>(rng, {"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"})},
            {"arch", one_of<2>(rng, {"x64", "x86"})},
            {"team", one_of<4>(rng, {"SF", "NYC", "LON", "CHI"})},
            {"service", fmt::format("{}", rng.below(20))},
            {"service_version", fmt::format("{}", rng.below(2))},
            {"service_environment", one_of<3>(rng, {"production", "staging", "test"})}};
}

std::string TsbsCpu::field_name(std::size_t field) { return kFieldNames.at(field); }

TsbsCpu::TsbsCpu(std::size_t hosts, std::size_t ticks, TimeNs start, std::uint64_t seed)
    : ticks_(ticks), start_(start) {
    Rng rng{seed};
    for (std::size_t host = 0; host < hosts; ++host) {
        Host made{"cpu", "cpu"};
        for (const auto& [key, value] : host_tags(host, rng)) {
            made.line += fmt::format(",{}={}", key, value);
            made.path += "/" + value;
        }
        hosts_.push_back(std::move(made));
    }
    std::vector<double> state(hosts * kFields);
    for (double& one : state) one = 100 * uniform(rng);
    values_.resize(ticks * state.size());
    for (std::size_t i = 0; i < values_.size(); ++i) {
        double& one = state[i % state.size()];
        values_[i] = static_cast<std::uint8_t>(one);
        one = std::clamp(one + normal(rng), 0.0, 100.0);
    }
}

// A dot of a value is written as %2E where paths divide device and property by one.
std::string TsbsCpu::path(std::size_t host, std::size_t field) const {
    std::string path;
    for (const char c : hosts_[host].path) path += c == '.' ? std::string("%2E") : std::string(1, c);
    return path + "." + field_name(field);
}

void TsbsCpu::lines(std::size_t begin, std::size_t end, std::string& out) const {
    for (std::size_t row = begin; row < end; ++row) {
        out += hosts_[row % hosts()].line;
        for (std::size_t field = 0; field < kFields; ++field)
            fmt::format_to(std::back_inserter(out), "{}{}={}i", field == 0 ? ' ' : ',', kFieldNames[field],
                           values_[row * kFields + field]);
        fmt::format_to(std::back_inserter(out), " {}\n", start_ + static_cast<TimeNs>(row / hosts()) * kStep);
    }
}

template <class Fold>
std::vector<double> TsbsCpu::folded(std::size_t host, std::size_t field, TimeNs from, DurationNs length,
                                    DurationNs bucket, const Fold& fold) const {
    std::vector<double> buckets;
    const auto first = static_cast<std::size_t>((from - start_) / kStep);
    const auto per = static_cast<std::size_t>(bucket / kStep);
    const auto last = std::min(ticks_, first + static_cast<std::size_t>(length / kStep));
    for (std::size_t begin = first; begin < last; begin += per) {
        std::vector<double> values;
        for (std::size_t tick = begin; tick < std::min(last, begin + per); ++tick)
            values.push_back(value(tick, host, field));
        buckets.push_back(fold(values));
    }
    return buckets;
}

double TsbsCpu::step_bytes() const {
    std::map<int, double> counts;
    const std::size_t row = hosts() * kFields;
    for (std::size_t i = row; i < values_.size(); ++i) ++counts[values_[i] - values_[i - row]];
    double bits = 0;
    const auto all = static_cast<double>(values_.size() - row);
    for (const auto& [step, count] : counts) bits -= count / all * std::log2(count / all);
    return bits / 8;
}

std::vector<double> TsbsCpu::greatest(std::size_t host, std::size_t field, TimeNs from, DurationNs length,
                                      DurationNs bucket) const {
    return folded(host, field, from, length, bucket, [](const auto& values) { return std::ranges::max(values); });
}

std::vector<double> TsbsCpu::average(std::size_t host, std::size_t field, TimeNs from, DurationNs length,
                                     DurationNs bucket) const {
    return folded(host, field, from, length, bucket, [](const auto& values) {
        double sum = 0;
        for (const double one : values) sum += one;
        return sum / static_cast<double>(values.size());
    });
}

}  // namespace gongshu::bench
