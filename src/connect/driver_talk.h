#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/time_text.h"
#include "connect/driver.h"

namespace gongshu::connect {

// How a driver is tried without a link: what a machine made of our own codec says goes straight into feed().

// All properties of all devices, in order.
inline std::shared_ptr<const PointSet> point_set(LinkConfig config) {
    PointSet set;
    set.config = std::make_shared<const LinkConfig>(std::move(config));
    for (const DeviceConfig& device : set.config->devices)
        for (const PropertyConfig& property : device.properties) set.points.push_back({&device, &property});
    return std::make_shared<const PointSet>(std::move(set));
}

// "energy=12.5; voltage=- bad:sensor (the reason)", with a device's name in front where there are several, and with the
// machine's time behind it where there is one.
inline std::string name_of(const PointSet& set, std::size_t point) {
    const Point& of = set.points.at(point);
    return set.config->devices.size() > 1 ? of.device->path + "." + of.property->name : of.property->name;
}
inline std::string shown(const PointSet& set, const std::vector<PointReading>& readings) {
    std::string out;
    for (const auto& [point, reading, time] : readings)
        out += fmt::format("{}{}={}{}{}{}", out.empty() ? "" : "; ", name_of(set, point),
                           reading.quality.usable() ? gongshu::to_string(reading.value) : "-",
                           reading.quality == kGood ? "" : " " + gongshu::to_string(reading.quality),
                           reading.error.empty() ? "" : " (" + reading.error + ")",
                           time == 0 ? "" : " @" + format_time(time));
    return out;
}
inline std::string shown(const PointSet& set, const std::vector<PointFault>& faults) {
    std::string out;
    for (const auto& [point, error] : faults)
        out += fmt::format("{}{}! {}", out.empty() ? "" : "; ", name_of(set, point), error.text());
    return out;
}
inline std::string shown(const PointSet& set, const Result<Outcome>& outcome) {
    if (!outcome) return "! " + outcome.error().text();
    std::string out = shown(set, outcome->readings) + shown(set, outcome->refused);
    for (const Error& error : outcome->errors) out += "! " + error.text();
    return out + (outcome->may_split ? " [may split]" : "");
}

// One exchange: `machine` says what comes after what was sent; it comes in pieces of so many bytes. What a time-out of
// a second would say, if the driver goes on waiting.
inline std::string talk(Driver& driver, const PointSet& set, Result<Buffer> first,
                        const std::function<Buffer(Bytes)>& machine, std::size_t piece_bytes) {
    if (!first) return "!! " + first.error().text();
    Buffer sent = std::move(*first);
    for (bool goes_on = true; goes_on;) {
        const Buffer came = machine(sent);
        goes_on = false;
        for (std::size_t at = 0; at < came.size() && !goes_on; at += piece_bytes) {
            auto step = driver.feed(Bytes(came).subspan(at, std::min(piece_bytes, came.size() - at)));
            if (!step) return "!! " + step.error().text();
            if (const auto* done = std::get_if<Done>(&*step)) return shown(set, done->outcome);
            if (auto* send = std::get_if<Send>(&*step)) sent = std::move(send->bytes), goes_on = true;
        }
    }
    std::string late = driver.no_answer(1000).text();
    driver.abandon();
    return late;
}

}  // namespace gongshu::connect
