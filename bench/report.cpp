#include "bench/report.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json_writer.h"

namespace gongshu::bench {
namespace {

// Three digits that count, and k, M, G for what is large.
std::string number_text(double value, const std::string& unit) {
    static constexpr const char* kSteps[] = {"", "k", "M", "G", "T"};
    std::size_t step = 0;
    if (unit == "/s" || unit == "B/s" || unit == "B" || unit == "rows" || unit.empty())
        while (std::abs(value) >= 9'999.5 && step + 1 < std::size(kSteps)) {
            value /= 1000;
            ++step;
        }
    const int digits = std::abs(value) >= 99.95 ? 0 : std::abs(value) >= 9.995 ? 1 : std::abs(value) >= 0.995 ? 2 : 4;
    return fmt::format("{:.{}f} {}{}", value, digits, kSteps[step], unit);
}

void add_numbers(std::string& out, const std::vector<Number>& numbers) {
    for (const Number& one : numbers)
        out += fmt::format("  {:<28} {:>14}   {}\n", one.name, number_text(one.value, one.unit), one.about);
}

void add_json(JsonWriter& json, const std::vector<Number>& numbers) {
    json.begin_array();
    for (const Number& one : numbers)
        json.begin_object()
            .key("name")
            .text(one.name)
            .key("value")
            .number(one.value)
            .key("unit")
            .text(one.unit)
            .key("about")
            .text(one.about)
            .end_object();
    json.end_array();
}

void add_json(JsonWriter& json, const std::vector<Measure>& measures) {
    json.begin_array();
    for (const Measure& one : measures) {
        json.begin_object().key("name").text(one.name).key("value").number(one.value).key("unit").text(one.unit);
        json.key("more_is_better").boolean(one.more_is_better);
        if (!one.runs.empty()) {
            json.key("runs").begin_array();
            for (const double run : one.runs) json.number(run);
            json.end_array();
        }
        if (one.floor > 0)
            json.key("floor").number(one.floor).key("floor_about").text(one.floor_about).key("off").number(one.off());
        json.end_object();
    }
    json.end_array();
}

const Measure* find(const std::vector<Measure>& measures, const std::string& name) {
    for (const Measure& one : measures)
        if (one.name == name) return &one;
    return nullptr;
}

double ratio(const Measure& ours, const Measure& theirs) {
    return ours.more_is_better ? ours.value / theirs.value : theirs.value / ours.value;
}

void add_peer(std::string& out, const Report& report, const Peer& peer) {
    out += fmt::format("beside {} {}, the same work in the same run{:>17}   ours is so many times better\n", peer.name,
                       peer.version, "");
    for (const Measure& theirs : peer.measures)
        if (const Measure* ours = find(report.measures, theirs.name))
            out += fmt::format("  {:<30} {:>14}   {:.2f}\n", theirs.name, number_text(theirs.value, theirs.unit),
                               ratio(*ours, theirs));
    out += fmt::format("  an acknowledgement of ours means: {}\n  one of {} means: {}\n", peer.our_guarantee, peer.name,
                       peer.guarantee);
    if (!peer.durability.empty()) out += fmt::format("  made equal: {}\n", peer.durability);
}

void add_json(JsonWriter& json, const Report& report, const Peer& peer) {
    json.begin_object().key("name").text(peer.name).key("version").text(peer.version);
    json.key("guarantee").text(peer.guarantee).key("our_guarantee").text(peer.our_guarantee);
    json.key("durability").text(peer.durability).key("measures");
    add_json(json, peer.measures);
    json.key("ratios").begin_object();
    for (const Measure& theirs : peer.measures)
        if (const Measure* ours = find(report.measures, theirs.name))
            json.key(theirs.name).number(ratio(*ours, theirs));
    json.end_object().end_object();
}

}  // namespace

std::string to_text(const Report& report) {
    std::string out = fmt::format("gongshu bench {}   version {}, {}, load {:.1f}\n", report.name, report.version,
                                  report.machine, report.load);
    if (report.small) out += "small: only the counts mean anything, not the times\n";
    out += "the floor, measured now\n";
    add_numbers(out, report.floors);
    out += fmt::format("{:<32}{:>13}{:>17}   times off, and what the floor is\n", "measured", "", "floor");
    for (const Measure& one : report.measures)
        out += one.floor > 0
                   ? fmt::format("  {:<30} {:>14} {:>14}   {:.2f}   {}\n", one.name, number_text(one.value, one.unit),
                                 number_text(one.floor, one.unit), one.off(), one.floor_about)
                   : fmt::format("  {:<30} {:>14}\n", one.name, number_text(one.value, one.unit));
    if (!report.costs.empty()) out += "what it took\n";
    add_numbers(out, report.costs);
    out += fmt::format("sent {:.0f} values, read back {:.0f}: {}\n", report.sent, report.read_back,
                       report.equal() ? "equal" : "NOT EQUAL");
    for (const Peer& peer : report.peers) add_peer(out, report, peer);
    for (const std::string& one : report.absent) out += one + "\n";
    return out;
}

std::string to_json(const Report& report) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().key("bench").text(report.name).key("version").text(report.version);
    json.key("machine").text(report.machine).key("small").boolean(report.small);
    json.key("begun_ms").number(static_cast<double>(report.begun / kMillisecond)).key("load").number(report.load);
    json.key("floors");
    add_json(json, report.floors);
    json.key("measures");
    add_json(json, report.measures);
    json.key("costs");
    add_json(json, report.costs);
    json.key("sent").number(report.sent).key("read_back").number(report.read_back);
    json.key("equal").boolean(report.equal());
    json.key("peers").begin_array();
    for (const Peer& peer : report.peers) add_json(json, report, peer);
    json.end_array().key("absent").begin_array();
    for (const std::string& one : report.absent) json.text(one);
    json.end_array();
    json.end_object();
    return out + "\n";
}

}  // namespace gongshu::bench
