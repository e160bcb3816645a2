#include <fmt/format.h>

#include <algorithm>

#include "base/rng.h"
#include "bench/sets.h"
#include "bench/tsbs.h"

namespace gongshu::bench {
namespace {

using Form = GridSet::Form;

// How the suite moves a value: by a normal step, kept within limits (clamped), only up (counted), or as it comes.
enum class Move : std::uint8_t { clamped, counted, free };
struct Walk {
    const char* name;
    Move move;
    double mean, deviation;
    double most = 0;   // of a clamped one; the least is 0
    double begin = 0;  // < 0 = anywhere up to `most`
};
constexpr double kHalfTera = 0x1p39, kSixteenGiga = 0x1p34;

// A measurement whose fields each walk by themselves.
struct Walks {
    const char* measurement;
    std::vector<Walk> walks;
};
Walk counted(const char* name, double mean) { return {name, Move::counted, mean, 1}; }
Walk clamped(const char* name, double mean, double most, double begin = 0) {
    return {name, Move::clamped, mean, 1, most, begin};
}

std::vector<Walk> all_clamped(const std::vector<const char*>& names, double mean, double most) {
    std::vector<Walk> walks;
    for (const char* name : names) walks.push_back(clamped(name, mean, most));
    return walks;
}

Walks cpu_walks() {
    Walks walks{"cpu", {}};
    static const std::vector<std::string> names = [] {
        std::vector<std::string> made;
        for (std::size_t field = 0; field < TsbsCpu::kFields; ++field) made.push_back(TsbsCpu::field_name(field));
        return made;
    }();
    for (const std::string& name : names) walks.walks.push_back({name.c_str(), Move::clamped, 0, 1, 100, -1});
    return walks;
}

Walks redis_walks() {
    Walks walks{"redis", {counted("total_connections_received", 5)}};
    for (const char* name : {"expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses"})
        walks.walks.push_back(counted(name, 50));
    for (const char* name : {"instantaneous_ops_per_sec", "instantaneous_input_kbps", "instantaneous_output_kbps"})
        walks.walks.push_back({name, Move::free, 1, 1});
    walks.walks.push_back(clamped("connected_clients", 50, 10'000));
    for (const char* name : {"used_memory", "used_memory_rss", "used_memory_peak", "used_memory_lua"})
        walks.walks.push_back(clamped(name, 50, kSixteenGiga, kSixteenGiga / 2));
    walks.walks.push_back(clamped("rdb_changes_since_last_save", 50, 10'000));
    for (Walk& walk :
         all_clamped({"sync_full", "sync_partial_ok", "sync_partial_err", "pubsub_channels", "pubsub_patterns",
                      "latest_fork_usec", "connected_slaves", "master_repl_offset", "repl_backlog_active",
                      "repl_backlog_size", "repl_backlog_histlen", "mem_fragmentation_ratio", "used_cpu_sys",
                      "used_cpu_user", "used_cpu_sys_children", "used_cpu_user_children"},
                     5, 1'000))
        walks.walks.push_back(walk);
    const auto ratio = std::ranges::find(walks.walks, std::string_view("mem_fragmentation_ratio"),
                                         [](const Walk& walk) { return std::string_view(walk.name); });
    ratio->most = 100;
    return walks;
}

// What moves; what is computed from it follows in computed().
std::vector<Walks> all_walks() {
    std::vector<Walks> all{cpu_walks()};
    all.push_back(
        {"diskio",
         {counted("reads", 50), counted("writes", 50), counted("read_bytes", 100), counted("write_bytes", 100),
          counted("read_time", 5), counted("write_time", 5), counted("io_time", 5)}});
    all.push_back({"disk", {clamped("free", 50, 2 * kHalfTera, kHalfTera)}});
    all.push_back({"kernel",
                   {counted("interrupts", 5), counted("context_switches", 5), counted("processes_forked", 5),
                    counted("disk_pages_in", 5), counted("disk_pages_out", 5)}});
    all.push_back({"mem", {}});  // by the machine's size
    all.push_back({"net",
                   {counted("bytes_sent", 50), counted("bytes_recv", 50), counted("packets_sent", 50),
                    counted("packets_recv", 50), counted("err_in", 5), counted("err_out", 5), counted("drop_in", 5),
                    counted("drop_out", 5)}});
    all.push_back({"nginx",
                   {counted("accepts", 5), clamped("active", 5, 100), counted("handled", 5), clamped("reading", 5, 100),
                    counted("requests", 5), clamped("waiting", 5, 100), clamped("writing", 5, 100)}});
    all.push_back({"postgresl",  // as the suite spells it
                   all_clamped({"numbackends", "xact_commit", "xact_rollback", "blks_read", "blks_hit", "tup_returned",
                                "tup_fetched", "tup_inserted", "tup_updated", "tup_deleted", "conflicts", "temp_files"},
                               5, 1'000)});
    all.back().walks.push_back(clamped("temp_bytes", 1'024, 0x1p30));
    for (const Walk& walk : all_clamped({"deadlocks", "blk_read_time", "blk_write_time"}, 5, 1'000))
        all.back().walks.push_back(walk);
    all.push_back(redis_walks());
    return all;
}

// In front of those that walk, or in their place.
std::vector<GridSet::Field> computed_fields(const std::string& measurement) {
    if (measurement == "disk")
        return {{"total", Form::whole},        {"used", Form::whole},        {"used_percent", Form::whole},
                {"inodes_total", Form::whole}, {"inodes_free", Form::whole}, {"inodes_used", Form::whole}};
    if (measurement == "kernel") return {{"boot_time", Form::whole}};
    if (measurement == "redis") return {{"uptime_in_seconds", Form::whole}};
    if (measurement != "mem") return {};
    return {{"total", Form::whole},
            {"available", Form::whole},
            {"used", Form::whole},
            {"free", Form::whole},
            {"cached", Form::whole},
            {"buffered", Form::whole},
            {"used_percent", Form::decimal, -1},
            {"available_percent", Form::decimal, -1},
            {"buffered_percent", Form::decimal, -1}};
}

GridSet::Tags more_tags(const std::string& measurement, Rng& rng) {
    const auto number = [&](std::uint64_t bound) { return fmt::format("{}", rng.below(bound)); };
    if (measurement == "diskio")
        return {{"serial", fmt::format("{:03}-{:03}-{:03}", rng.below(1000), rng.below(1000), rng.below(1000))}};
    if (measurement == "disk") {
        static constexpr const char* kTypes[] = {"ext3", "ext4", "btrfs"};
        return {{"path", "/dev/sda" + number(10)}, {"fstype", kTypes[rng.below(3)]}};
    }
    if (measurement == "net") return {{"interface", "eth" + number(4)}};
    if (measurement == "nginx" || measurement == "redis")
        return {{"port", fmt::format("{}", 1024 + rng.below(20'000))}, {"server", measurement + "_" + number(100'000)}};
    return {};
}

GridSet::Shape shape_of(std::size_t hosts, std::size_t ticks, TimeNs start, const std::vector<Walks>& all, Rng& rng) {
    GridSet::Shape shape{"hostname", {}, {}, start, TsbsCpu::kStep, ticks};
    for (const Walks& one : all) {
        GridSet::Measurement measurement{one.measurement, computed_fields(one.measurement)};
        for (const Walk& walk : one.walks) measurement.fields.push_back({walk.name, Form::whole});
        shape.measurements.push_back(std::move(measurement));
    }
    for (std::size_t host = 0; host < hosts; ++host) {
        const GridSet::Tags tags = host_tags(host, rng);
        GridSet::Device device{tags.at("hostname"), {}};
        for (const Walks& one : all) {
            device.tags.push_back(more_tags(one.measurement, rng));
            device.tags.back().insert(tags.begin(), tags.end());
        }
        shape.devices.push_back(std::move(device));
    }
    return shape;
}

double first_of(const Walk& walk, Rng& rng) { return walk.begin < 0 ? walk.most * rng.uniform() : walk.begin; }

double next_of(const Walk& walk, double now, Rng& rng) {
    const double step = walk.mean + walk.deviation * rng.normal();
    switch (walk.move) {
        case Move::clamped:
            return std::clamp(now + step, 0.0, walk.most);
        case Move::counted:
            return now + std::abs(step);
        case Move::free:
            break;
    }
    return now + step;
}

// One host's values of one measurement, at each tick.
void fill_memory(GridSet& set, std::size_t host, std::size_t measurement, Rng& rng) {
    static constexpr double kSizes[] = {0x1p33, 0x3p32, 0x1p34};
    const double total = kSizes[rng.below(3)];
    const Walk walk{"", Move::clamped, 0, total / 64, total, -1};
    double used = first_of(walk, rng), cached = first_of(walk, rng), buffered = first_of(walk, rng);
    for (std::size_t tick = 0; tick < set.shape().ticks; ++tick) {
        const double available = total - std::trunc(used);
        const double values[] = {total,
                                 available,
                                 std::trunc(used),
                                 available,
                                 std::trunc(cached),
                                 std::trunc(buffered),
                                 100 * (std::trunc(used) / total),
                                 100 * (available / total),
                                 100 * std::trunc(buffered) / total};
        for (std::size_t field = 0; field < std::size(values); ++field)
            set.value(tick, host, measurement, field) = values[field];
        for (double* one : {&used, &cached, &buffered}) *one = next_of(walk, *one, rng);
    }
}

void fill_disk(GridSet& set, std::size_t host, std::size_t measurement, std::size_t tick, double free) {
    constexpr double kTotal = 2 * kHalfTera, kInode = 4096;
    const double used = kTotal - free, inodes = std::trunc(free / kInode);
    const double values[] = {kTotal,          used,   std::trunc(100 * (used / kTotal)),
                             kTotal / kInode, inodes, kTotal / kInode - inodes};
    for (std::size_t field = 0; field < std::size(values); ++field)
        set.value(tick, host, measurement, field) = values[field];
}

void fill(GridSet& set, std::size_t host, std::size_t measurement, const Walks& walks, Rng& rng) {
    const std::string name = walks.measurement;
    const std::size_t computed = computed_fields(name).size();
    const auto boot = static_cast<double>(rng.below(240));
    std::vector<double> state;
    for (const Walk& walk : walks.walks) state.push_back(first_of(walk, rng));
    for (std::size_t tick = 0; tick < set.shape().ticks; ++tick) {
        if (name == "kernel") set.value(tick, host, measurement, 0) = boot;
        if (name == "redis") set.value(tick, host, measurement, 0) = static_cast<double>(10 * tick);
        if (name == "disk") fill_disk(set, host, measurement, tick, std::trunc(state[0]));
        for (std::size_t i = 0; i < state.size(); ++i) {
            set.value(tick, host, measurement, computed + i) = std::trunc(state[i]);
            state[i] = next_of(walks.walks[i], state[i], rng);
        }
    }
}

}  // namespace

GridSet make_devops_set(std::size_t hosts, std::size_t ticks, TimeNs start, std::uint64_t seed) {
    const std::vector<Walks> all = all_walks();
    Rng rng{seed};
    GridSet set(shape_of(hosts, ticks, start, all, rng));
    for (std::size_t host = 0; host < hosts; ++host)
        for (std::size_t m = 0; m < all.size(); ++m) {
            if (std::string_view(all[m].measurement) == "mem")
                fill_memory(set, host, m, rng);
            else
                fill(set, host, m, all[m], rng);
        }
    return set;
}

}  // namespace gongshu::bench
