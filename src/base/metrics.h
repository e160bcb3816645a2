#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace gongshu {

// One number that only grows. Adding is one relaxed atomic; any thread.
class Counter {
public:
    void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
    std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

// One number that goes up and down. Any thread.
class Gauge {
public:
    void set(double to) { value_.store(to, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_ = 0;
};

// Metrics is the set of numbers that /metrics shows, in the Prometheus text format 0.0.4.
// Lives:   one per process, outlives everything that counts.
// Threads: all calls from any thread; counter() and gauge() lock, so keep the reference they return.
// Bounds:  kSeriesMax series; past that a shared series named gongshu_metrics_overflow is handed out.
class Metrics {
public:
    static constexpr std::size_t kSeriesMax = 20'000;

    // `labels` is the ready text between the braces (`tenant="demo",door="mqtt"`) or empty. The same name and labels
    // give the same counter. Names follow Prometheus: gongshu_<area>_<what>_total, unit in the name.
    Counter& counter(std::string_view name, std::string_view help, std::string_view labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, std::string_view labels = {});

    std::string render() const;

private:
    struct Series {
        std::string labels;
        std::unique_ptr<Counter> counter;
        std::unique_ptr<Gauge> gauge;
    };
    struct Family {
        std::string help;
        bool is_counter = false;
        std::map<std::string, Series, std::less<>> series;
    };

    Series& find(std::string_view name, std::string_view help, std::string_view labels, bool is_counter);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
    std::size_t series_count_ = 0;
};

}  // namespace gongshu
