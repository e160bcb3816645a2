#include "base/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/assert.h"

namespace gongshu {

Metrics::Series& Metrics::find(std::string_view name, std::string_view help, std::string_view labels, bool is_counter) {
    auto family = families_.find(name);
    if (family == families_.end())
        family = families_.emplace(std::string(name), Family{std::string(help), is_counter, {}}).first;
    ASSERT(family->second.is_counter == is_counter);
    auto& all = family->second.series;
    if (const auto found = all.find(labels); found != all.end()) return found->second;
    if (series_count_ >= kSeriesMax && name != "gongshu_metrics_overflow" && name != "gongshu_metrics_overflow_total")
        return find(is_counter ? "gongshu_metrics_overflow_total" : "gongshu_metrics_overflow",
                    "Stands for all series past the limit.", "", is_counter);
    ++series_count_;
    Series& made = all[std::string(labels)];
    made.labels = labels;
    if (is_counter)
        made.counter = std::make_unique<Counter>();
    else
        made.gauge = std::make_unique<Gauge>();
    return made;
}

Counter& Metrics::counter(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(mutex_);
    return *find(name, help, labels, true).counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, std::string_view labels) {
    const std::lock_guard lock(mutex_);
    return *find(name, help, labels, false).gauge;
}

std::string Metrics::render() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [name, family] : families_) {
        fmt::format_to(std::back_inserter(text), "# HELP {} {}\n# TYPE {} {}\n", name, family.help, name,
                       family.is_counter ? "counter" : "gauge");
        for (const auto& [labels, series] : family.series) {
            text += name;
            if (!labels.empty()) fmt::format_to(std::back_inserter(text), "{{{}}}", labels);
            if (series.counter)
                fmt::format_to(std::back_inserter(text), " {}\n", series.counter->value());
            else
                fmt::format_to(std::back_inserter(text), " {}\n", series.gauge->value());
        }
    }
    return text;
}

}  // namespace gongshu
