#include "bench/ranges.h"

#include <algorithm>
#include <numeric>

namespace gongshu::bench {
namespace {

void choose_devices(RangeAsking& asking, Rng& rng) {
    const GridSet& set = *asking.set;
    const RangeQuestion& question = *asking.question;
    const auto& devices = set.shape().devices;
    asking.devices.resize(devices.size());
    std::iota(asking.devices.begin(), asking.devices.end(), 0);
    const auto value_of = [&](std::size_t device) {
        return devices[device].tags[question.measurement].at(question.tag);
    };
    if (!question.tag.empty()) {
        asking.tag_value = value_of(rng.below(devices.size()));
        std::erase_if(asking.devices, [&](std::size_t device) { return value_of(device) != asking.tag_value; });
    } else if (question.devices > 0 && question.devices < devices.size()) {
        for (std::size_t i = 0; i < question.devices; ++i)
            std::swap(asking.devices[i], asking.devices[i + rng.below(devices.size() - i)]);
        asking.devices.resize(question.devices);
    }
    asking.all_devices = asking.devices.size() == devices.size();
}

void choose_fields(RangeAsking& asking) {
    const auto& fields = asking.measurement().fields;
    const auto& names = asking.question->fields;
    asking.all_fields = names.empty();
    for (std::size_t f = 0; f < fields.size(); ++f)
        if (names.empty() || std::ranges::find(names, fields[f].name) != names.end()) asking.fields.push_back(f);
}

// It begins at a bucket, or at a tick where there are none.
void choose_window(RangeAsking& asking, Rng& rng) {
    const GridSet& set = *asking.set;
    const RangeQuestion& question = *asking.question;
    asking.from = set.start();
    asking.to = set.end();
    const DurationNs unit = question.bucket > 0 ? question.bucket : set.shape().step;
    const DurationNs all = (set.end() - set.start()) / unit * unit;
    if (question.length == 0 || all <= question.length) return;
    asking.from +=
        static_cast<TimeNs>(rng.below(static_cast<std::uint64_t>((all - question.length) / unit) + 1)) * unit;
    asking.to = asking.from + question.length;
}

double folded(Fold fold, const std::vector<double>& values) {
    switch (fold) {
        case Fold::greatest:
            return *std::ranges::max_element(values);
        case Fold::average:
            return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
        case Fold::count:
            return static_cast<double>(values.size());
        case Fold::last:
        case Fold::raw:
            break;
    }
    return values.back();
}

std::vector<double> wanted(const RangeAsking& asking, std::size_t device, std::size_t field) {
    const GridSet& set = *asking.set;
    const RangeQuestion& question = *asking.question;
    const auto tick_of = [&](TimeNs time) { return static_cast<std::size_t>((time - set.start()) / set.shape().step); };
    std::vector<double> values, bucket;
    const auto close = [&] {
        if (!bucket.empty()) values.push_back(folded(question.fold, bucket));
        bucket.clear();
    };
    for (std::size_t tick = tick_of(asking.from); tick < tick_of(asking.to); ++tick) {
        const bool begins = question.bucket > 0 && (set.time(tick) - asking.from) % question.bucket == 0;
        if (question.fold == Fold::raw || begins) close();
        const double value = set.value(tick, device, question.measurement, field);
        if (!std::isnan(value)) bucket.push_back(value);
    }
    close();
    return values;
}

}  // namespace

RangeAsking asking_of(const GridSet& set, const RangeQuestion& question, Rng& rng) {
    RangeAsking asking{.set = &set, .question = &question, .fields = {}, .devices = {}, .tag_value = {}, .want = {}};
    choose_devices(asking, rng);
    choose_fields(asking);
    choose_window(asking, rng);
    for (const std::size_t device : asking.devices)
        for (const std::size_t field : asking.fields)
            if (auto values = wanted(asking, device, field); !values.empty())
                asking.want[cell_name(set.shape().devices[device].name, asking.measurement().fields[field].name)] =
                    std::move(values);
    return asking;
}

}  // namespace gongshu::bench
