#pragma once

#include <gtest/gtest.h>

#include "connect/driver_talk.h"
#include "connect/iec104_driver.h"
#include "wire/iec104_point.h"
#include "wire/sim_iec104.h"

namespace gongshu::connect {

// What the tests of outstations share.

namespace iec104 = wire::iec104;
using iec104::Cause;
using iec104::Object;
using iec104::SimOutstation;
using iec104::Type;
using Mood = SimOutstation::Mood;

inline constexpr ValueType kNumber = ValueType::number, kInteger = ValueType::integer, kBoolean = ValueType::boolean;
inline constexpr TimeNs kWall = 1'795'696'485'678 * kMillisecond;  // 2026-11-26T12:34:45.678Z

inline PropertyConfig property(std::string name, std::string at, ValueType type = kNumber, std::string write = "") {
    PropertyConfig config;
    config.name = std::move(name);
    config.type = type;
    config.place.at = std::move(at);
    config.place.write = std::move(write);
    return config;
}

inline LinkConfig link(std::vector<PropertyConfig> properties, const Iec104Settings& settings = {}) {
    LinkConfig config;
    config.language = Language::iec104;
    config.iec104 = settings;
    config.devices = {{.uid = "d1", .path = "bay", .properties = std::move(properties)}};
    return config;
}

inline Object at(std::uint32_t address, std::int64_t number = 0, std::uint8_t flags = 0, float real = 0) {
    Object object;
    object.address = address;
    object.number = number;
    object.flags = flags;
    object.real = real;
    return object;
}

inline Object stamped(Object object, TimeNs time = kWall) {
    object.time = iec104::to_time(time);
    return object;
}

// A driver and an outstation with an ideal line between them.
struct Talk {
    explicit Talk(LinkConfig config)
        : set(point_set(std::move(config))), driver(make_iec104_driver(*set->config)), plan(driver->plan(set)) {
        station.orders_known = {6001, 6002, 6201};
    }
    void replan(LinkConfig config) {
        set = point_set(std::move(config));
        plan = driver->plan(set);
    }
    void tell_time() { driver->at(now, kWall); }
    void tell(Type type, Object object) { station.points[{type, object.address}] = std::move(object); }

    // What is heard until nobody has anything to say; behind it what was wrong.
    std::string take(Heard heard) {
        std::string out = shown(*set, heard.readings);
        if (!heard.fault.empty()) out += fmt::format(" [{}: {}]", heard.malformed, heard.fault);
        const Buffer came = station.feed(heard.send);
        return came.empty() ? out : out + (out.empty() ? "" : "; ") + hear(came);
    }
    std::string hear(Bytes came) {
        tell_time();
        auto heard = driver->hear(came);
        return heard ? take(std::move(*heard)) : "!! " + heard.error().text();
    }
    std::string hear(Type type, std::vector<Object> objects, Cause cause = Cause::spontaneous) {
        return hear(station.tell(station.message(type, cause, std::move(objects))));
    }
    std::string say(DurationNs later = 0) {
        now += later;
        tell_time();
        auto said = driver->say();
        if (!said) return "!! " + said.error().text();
        Heard heard = driver->take_heard();
        heard.send.insert(heard.send.begin(), said->begin(), said->end());
        return take(std::move(heard));
    }
    // An exchange to its end, as time goes by; what was heard besides it in front.
    std::string run(Result<Buffer> first) {
        if (!first) return "!! " + first.error().text();
        Buffer sent = std::move(*first);
        std::string out;
        for (int i = 0; i < 100; ++i) {
            const Buffer came = station.feed(sent);
            if (came.empty()) now += driver->say_every();
            tell_time();
            auto step = driver->feed(came);
            Heard heard = driver->take_heard();
            if (!heard.readings.empty()) out += shown(*set, heard.readings) + "; ";
            if (!step) return out + "!! " + step.error().text();
            sent = std::move(heard.send);
            if (const auto* done = std::get_if<Done>(&*step)) {
                out += "done" + (done->outcome && done->outcome->readings.empty() && done->outcome->errors.empty()
                                     ? std::string()
                                     : " " + shown(*set, done->outcome));
                Heard rest;
                rest.send = std::move(sent);
                const std::string after = take(std::move(rest));
                return after.empty() ? out : out + "; " + after;
            }
        }
        return out + "no end";
    }
    std::string open() {
        station.begin();
        tell_time();
        driver->begin_link();
        return run(driver->greet());
    }
    std::string write(std::size_t point, const Value& value) {
        const auto& [device, property] = set->points.at(point);
        if (auto checked = driver->check_write(*device, *property, value); !checked) return "? " + checked.error().text();
        tell_time();
        return run(driver->write(*device, *property, value));
    }
    std::string read_back(std::size_t point) {
        const auto& [device, property] = set->points.at(point);
        tell_time();
        return run(driver->read_back(*device, *property));
    }
    // What was asked and ordered since the last call: "C_IC_NA_1 activation 0=0".
    std::string asked() {
        std::string out;
        for (const auto& asdu : std::exchange(station.asked, {}))
            out += fmt::format("{}{} {}/{}{}{}", out.empty() ? "" : "; ", to_string(asdu.type), asdu.common_address,
                               asdu.objects[0].address,
                               iec104::is_command(asdu.type) ? fmt::format("={}", number_of(asdu.type, asdu.objects[0])) : "",
                               asdu.objects[0].select ? " select" : "");
        return out;
    }

    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;
    SimOutstation station{1};
    DurationNs now = 1000 * kSecond;
};

}  // namespace gongshu::connect
