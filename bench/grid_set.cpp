#include "bench/grid_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace gongshu::bench {
namespace {

// As a level of a path: a dot there divides device and property.
std::string level_of(const std::string& value) {
    std::string level;
    for (const char c : value) level += c == '.' ? std::string("%2E") : std::string(1, c);
    return level;
}

void put_value(std::string& out, GridSet::Form form, double value) {
    switch (form) {
        case GridSet::Form::whole:
            fmt::format_to(std::back_inserter(out), "{}i", static_cast<std::int64_t>(value));
            return;
        case GridSet::Form::boolean:
            out += value > 0 ? 't' : 'f';
            return;
        case GridSet::Form::decimal:
            fmt::format_to(std::back_inserter(out), "{}", value);
            return;
    }
}

}  // namespace

GridSet::GridSet(Shape shape) : shape_(std::move(shape)) {
    for (std::size_t m = 0; m < shape_.measurements.size(); ++m) {
        firsts_.push_back(width_);
        width_ += shape_.measurements[m].fields.size();
        auto& heads = heads_.emplace_back();
        for (const Device& device : shape_.devices) {
            std::string head = shape_.measurements[m].name;
            for (const auto& [key, value] : device.tags.at(m)) head += fmt::format(",{}={}", key, value);
            heads.push_back(std::move(head));
        }
    }
    values_.resize(shape_.ticks * shape_.devices.size() * width_, kNone);
}

GridSet::Place GridSet::place(std::size_t grid_row) const {
    const std::size_t devices = shape_.devices.size(), rows = devices * shape_.measurements.size();
    return {grid_row / rows, grid_row % rows / devices, grid_row % devices};
}

double GridSet::late_part() const {
    std::vector<std::size_t> newest(shape_.measurements.size() * shape_.devices.size());
    double late = 0;
    for (const std::uint32_t row : order_) {
        const Place where = place(row);
        std::size_t& tick = newest[where.measurement * shape_.devices.size() + where.device];
        late += where.tick < tick ? 1 : 0;
        tick = std::max(tick, where.tick);
    }
    return order_.empty() ? 0 : late / static_cast<double>(order_.size());
}

std::size_t GridSet::points() const {
    return static_cast<std::size_t>(std::ranges::count_if(values_, [](double one) { return !std::isnan(one); }));
}

void GridSet::lines(std::size_t begin, std::size_t end, std::string& out) const {
    for (std::size_t row = begin; row < end; ++row) {
        const Place where = place(order_.empty() ? row : order_[row]);
        const auto& fields = shape_.measurements[where.measurement].fields;
        const std::size_t line = out.size();
        out += heads_[where.measurement][where.device];
        char before = ' ';
        for (std::size_t f = 0; f < fields.size(); ++f) {
            const double one = value(where.tick, where.device, where.measurement, f);
            if (std::isnan(one)) continue;
            out += before;
            out += fields[f].name;
            out += '=';
            put_value(out, fields[f].form, one);
            before = ',';
        }
        if (before == ' ') {
            out.resize(line);  // it has nothing to say
            continue;
        }
        fmt::format_to(std::back_inserter(out), " {}\n", time(where.tick));
    }
}

std::string GridSet::path(std::size_t measurement, std::size_t device) const {
    std::string path = shape_.measurements[measurement].name;
    for (const auto& [key, value] : shape_.devices[device].tags[measurement]) path += "/" + level_of(value);
    return path;
}

std::string GridSet::glob(std::size_t measurement, const std::string& tag, const std::string& value) const {
    std::string path = shape_.measurements[measurement].name;
    for (const auto& [key, any] : shape_.devices.front().tags[measurement])
        path += "/" + (key == tag ? level_of(value) : "*");
    return path;
}

std::size_t GridSet::device_level(std::size_t measurement) const {
    const Tags& tags = shape_.devices.front().tags[measurement];
    return 1 + static_cast<std::size_t>(std::distance(tags.begin(), tags.find(shape_.device_tag)));
}

double GridSet::field_bits(std::size_t measurement, std::size_t field) const {
    const Field& facts = shape_.measurements[measurement].fields[field];
    if (facts.form == Form::decimal && facts.decimals < 0) return 0;
    const double unit = facts.form == Form::decimal ? std::pow(10, facts.decimals) : 1;
    std::unordered_map<std::int64_t, double> counts;
    double steps = 0, bits = 0;
    for (std::size_t device = 0; device < shape_.devices.size(); ++device) {
        double before = kNone;
        for (std::size_t tick = 0; tick < shape_.ticks; ++tick) {
            const double now = value(tick, device, measurement, field);
            if (std::isnan(now)) continue;
            if (!std::isnan(before)) {
                ++counts[std::llround((now - before) * unit)];
                ++steps;
            }
            before = now;
        }
    }
    for (const auto& [step, count] : counts) bits -= count * std::log2(count / steps);
    return bits;
}

double GridSet::step_bytes() const {
    double bits = 0;
    for (std::size_t m = 0; m < shape_.measurements.size(); ++m)
        for (std::size_t f = 0; f < shape_.measurements[m].fields.size(); ++f) bits += field_bits(m, f);
    return bits / 8 / static_cast<double>(points());
}

}  // namespace gongshu::bench
