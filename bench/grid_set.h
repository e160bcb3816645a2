#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "bench/lines.h"

namespace gongshu::bench {

// Devices of one or several measurements that say all their fields at each tick, but for readings that are left out;
// sent in the order of the Time Series Benchmark Suite, of each tick each measurement, of each of them each device, or
// in one that is given.
// Bounds:  holds every value, 8 bytes each.
class GridSet final : public Lines {
public:
    enum class Form : std::uint8_t { whole, decimal, boolean };
    struct Field {
        std::string name;
        Form form = Form::decimal;
        int decimals = 0;  // of a decimal; < 0 = it is computed from others
    };
    struct Measurement {
        std::string name;
        std::vector<Field> fields;
    };
    using Tags = std::map<std::string, std::string>;
    struct Device {
        std::string name;
        std::vector<Tags> tags;  // in each measurement; device_tag is among them
    };
    struct Shape {
        std::string device_tag;
        std::vector<Measurement> measurements;
        std::vector<Device> devices;
        TimeNs start = 0;
        DurationNs step = kSecond;
        std::size_t ticks = 0;
    };
    static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // no reading

    explicit GridSet(Shape shape);

    const Shape& shape() const { return shape_; }
    double& value(std::size_t tick, std::size_t device, std::size_t measurement, std::size_t field) {
        return values_[at(tick, device, measurement, field)];
    }
    double value(std::size_t tick, std::size_t device, std::size_t measurement, std::size_t field) const {
        return values_[at(tick, device, measurement, field)];
    }
    // Rows by their number in the order of the suite; what is not among them is not sent, and must hold kNone.
    void set_order(std::vector<std::uint32_t> rows) { order_ = std::move(rows); }
    std::size_t grid_rows() const { return shape_.ticks * shape_.measurements.size() * shape_.devices.size(); }
    struct Place {
        std::size_t tick, measurement, device;
    };
    Place place(std::size_t grid_row) const;
    // Of the rows that are sent, the part that lies before one of the same device and measurement that was sent before.
    double late_part() const;

    std::size_t rows() const override { return order_.empty() ? grid_rows() : order_.size(); }
    std::size_t points() const override;
    TimeNs start() const override { return shape_.start; }
    TimeNs end() const override { return time(shape_.ticks); }
    TimeNs time(std::size_t tick) const { return shape_.start + static_cast<TimeNs>(tick) * shape_.step; }
    void lines(std::size_t begin, std::size_t end, std::string& out) const override;

    // Where this program puts a device: the measurement and the values of its tags in the order of their keys.
    std::string path(std::size_t measurement, std::size_t device) const;
    // The same for all devices with this value of a tag.
    std::string glob(std::size_t measurement, const std::string& tag, const std::string& value) const;
    // Which level of path() is the device's name.
    std::size_t device_level(std::size_t measurement) const;
    // Bytes a point takes at the least if each step of a field is written by itself: the entropy of the steps.
    double step_bytes() const;

private:
    std::size_t at(std::size_t tick, std::size_t device, std::size_t measurement, std::size_t field) const {
        return (tick * shape_.devices.size() + device) * width_ + firsts_[measurement] + field;
    }
    double field_bits(std::size_t measurement, std::size_t field) const;

    const Shape shape_;
    std::vector<std::size_t> firsts_;  // where the fields of a measurement begin in a row of all
    std::size_t width_ = 0;
    std::vector<std::vector<std::string>> heads_;  // of a line, by measurement and device
    std::vector<double> values_;
    std::vector<std::uint32_t> order_;
};

}  // namespace gongshu::bench
