#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// states: when each tag was in which of its states, a row a tag.
enum class WidgetKind : std::uint8_t { chart, tile, table, alarms, text, states };
enum class ChartStyle : std::uint8_t { line, area, bars };
// auto_: readings over short ranges, averages with the band of the smallest and largest over long ones.
enum class ChartAggregate : std::uint8_t {
    auto_,
    avg,
    min,
    max,
    sum,
    count,
    last,
    median,
    p95,
    stddev,
    range,
    delta,
    increase,
    twa
};
enum class WidgetSeverity : std::uint8_t { critical, major, minor, warning };

// From this value on (of a `below` one: down from it) a tile and the line of a chart say so.
struct Threshold {
    double value = 0;
    bool below = false;
    WidgetSeverity severity = WidgetSeverity::warning;
    std::string title_zh, title_en;
};

// One field of the grid. Which of the fields below a kind has: check_widget() in dashboard.cpp.
struct Widget {
    WidgetKind kind = WidgetKind::tile;
    std::string title_zh, title_en;  // "": named after its tags
    int x = 0, y = 0, w = 6, h = 4;  // of 24 columns; a row is 40 px
    // Tags or globs; ${device} stands for the device that is looked at.
    std::vector<std::string> tags;
    ChartAggregate aggregate = ChartAggregate::auto_;
    ChartStyle style = ChartStyle::line;
    std::string range;  // "6h"; "" = that of the dashboard
    std::optional<double> y_min, y_max;
    std::vector<Threshold> thresholds;
    std::string unit;  // shown where the tag itself has none
    std::optional<int> decimals;
    std::optional<double> target;
    bool trend = true;
    std::string place, group;                // of alarms
    std::optional<WidgetSeverity> severity;  // of alarms: this one and worse ones
    std::string text;                        // plain text; *strong*, _soft_, "# " begins a head, "- " a list
};

// A picture of the plant that people put together: widgets on a grid of 24 columns.
struct DashboardSpec {
    std::string title_zh, title_en, about;
    std::string range = "1h";
    // With it the dashboard serves all devices of that type: ${device} in tags stands for the one that is looked at.
    std::optional<std::string> device_type;
    std::optional<std::string> device;  // the one that it begins with
    std::vector<Widget> widgets;
};

Kind dashboard_kind();

// What a dashboard is about, for who may see it: globs of tags and places without ${device}; those with it are of any
// device of the type.
struct DashboardPlaces {
    std::vector<std::string> paths;
    std::string device_type;
};
DashboardPlaces places_of_dashboard(const DashboardSpec& spec);

extern template Result<DashboardSpec> spec_of<DashboardSpec>(const Resource&);

}  // namespace gongshu::registry
