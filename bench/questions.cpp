#include "bench/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gongshu::bench {
namespace {

std::vector<std::size_t> some_hosts(const TsbsCpu& data, std::size_t count, Rng& rng) {
    std::vector<std::size_t> hosts(data.hosts());
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        hosts[i] = i;
        std::swap(hosts[i], hosts[rng.below(i + 1)]);
    }
    if (count > 0) hosts.resize(std::min(count, hosts.size()));
    return hosts;
}

void set_window(const TsbsCpu& data, Asking& asking, Rng& rng) {
    const Question& question = *asking.question;
    asking.from = data.start();
    asking.to = data.end();
    if (question.wanted == Wanted::newest_minutes)
        asking.to -= static_cast<TimeNs>(rng.below(data.ticks() / 2)) * TsbsCpu::kStep;
    if (question.length == 0) return;
    const DurationNs bucket = question.bucket > 0 ? question.bucket : TsbsCpu::kStep;
    const DurationNs length = std::min(question.length, (data.end() - data.start()) / bucket * bucket);
    const auto room = static_cast<std::uint64_t>((data.end() - data.start() - length) / bucket);
    asking.from += static_cast<TimeNs>(rng.below(room + 1)) * bucket;
    asking.to = asking.from + length;
}

std::vector<double> newest_minutes(const TsbsCpu& data, TimeNs to) {
    std::map<TimeNs, double, std::greater<>> minutes;
    for (std::size_t tick = 0; data.start() + static_cast<TimeNs>(tick) * TsbsCpu::kStep < to; ++tick)
        for (std::size_t host = 0; host < data.hosts(); ++host) {
            const TimeNs minute = (data.start() + static_cast<TimeNs>(tick) * TsbsCpu::kStep) / kMinute;
            double& greatest = minutes.try_emplace(minute, 0).first->second;
            greatest = std::max(greatest, data.value(tick, host, 0));
        }
    std::vector<double> values;
    for (const auto& [minute, greatest] : minutes)
        if (values.size() < kNewestMinutes) values.push_back(greatest);
    return values;
}

std::vector<double> wanted_values(const TsbsCpu& data, const Asking& asking, std::size_t host, std::size_t field) {
    const Question& question = *asking.question;
    const DurationNs length = asking.to - asking.from;
    switch (question.wanted) {
        case Wanted::greatest:
            return data.greatest(host, field, asking.from, length, question.bucket);
        case Wanted::average:
            return data.average(host, field, asking.from, length, question.bucket);
        case Wanted::last:
            return {data.value(data.ticks() - 1, host, field)};
        case Wanted::high:
            break;
        case Wanted::newest_minutes:
            return {};
    }
    std::vector<double> values;
    const auto first = static_cast<std::size_t>((asking.from - data.start()) / TsbsCpu::kStep);
    for (std::size_t tick = first; tick < first + static_cast<std::size_t>(length / TsbsCpu::kStep); ++tick)
        if (data.value(tick, host, 0) > kHighOver) values.push_back(data.value(tick, host, field));
    return values;
}

// As far as an average says it.
bool is_same(double want, double got) { return std::abs(got - want) < 1e-9 * std::max(1.0, std::abs(want)); }

}  // namespace

std::string cell_name(std::string_view host, std::string_view field) { return fmt::format("{}.{}", host, field); }
std::string host_name(std::size_t host) { return fmt::format("host_{}", host); }

Asking asking_of(const TsbsCpu& data, const Question& question, Rng& rng) {
    Asking asking{.question = &question, .fields = {}, .hosts = some_hosts(data, question.hosts, rng), .want = {}};
    asking.all_hosts = asking.hosts.size() == data.hosts();
    for (std::size_t field = 0; field < (question.fields > 0 ? question.fields : TsbsCpu::kFields); ++field)
        asking.fields.push_back(field);
    set_window(data, asking, rng);
    if (question.wanted == Wanted::newest_minutes) {
        asking.want[cell_name(kAllHosts, TsbsCpu::field_name(0))] = newest_minutes(data, asking.to);
        return asking;
    }
    for (const std::size_t host : asking.hosts)
        for (const std::size_t field : asking.fields)
            if (auto values = wanted_values(data, asking, host, field); !values.empty())
                asking.want[cell_name(host_name(host), TsbsCpu::field_name(field))] = std::move(values);
    return asking;
}

std::size_t count_values(const Cells& cells) {
    std::size_t count = 0;
    for (const auto& [name, values] : cells) count += values.size();
    return count;
}

std::size_t count_right(const Cells& want, const Cells& got) {
    if (count_values(got) > count_values(want)) return 0;
    std::size_t right = 0;
    for (const auto& [name, values] : want) {
        const auto found = got.find(name);
        if (found == got.end() || found->second.size() != values.size()) continue;
        for (std::size_t i = 0; i < values.size(); ++i) right += is_same(values[i], found->second[i]) ? 1 : 0;
    }
    return right;
}

}  // namespace gongshu::bench
