// Sink::append of batches of 100 rows of one device, acknowledged after the sync, on real files. The floor: about 12
// bytes a row go to the log, one sync a group; everything else is ours. Then questions over a month of one tag each
// second, each the best of some tries. --small for the tests, --lanes=N, --batches=N, --reads: hardly anything else;
// --codec: columns instead, see codec_bench.h.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <latch>
#include <thread>

#include "base/checksum.h"
#include "base/log.h"
#include "history/codec_bench.h"
#include "history/history.h"

namespace gongshu::history {
namespace {

constexpr int kRowsPerBatch = 100;
constexpr int kDevices = 1000;
constexpr int kTagsPerDevice = 10;
constexpr int kInFlight = 64;  // batches of one lane that wait for their sync

struct Parameters {
    std::uint64_t batches_per_lane = 40'000;
    std::size_t lanes = 1;
    bool small = false;
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// Keeps kInFlight batches under way on one lane until all are acknowledged.
class Sender {
public:
    Sender(History& history, io::Loop& loop, std::vector<std::vector<TagId>> devices, std::uint64_t batches,
           TimeNs start)
        : history_(history), loop_(loop), devices_(std::move(devices)), batches_(batches), time_(start) {}
    void start(std::latch& finished) {
        finished_ = &finished;
        loop_.post([this] {
            for (int i = 0; i < kInFlight; ++i) send();
        });
    }
    std::uint64_t failed() const { return failed_; }

private:
    void send() {
        if (sent_ == batches_) return;
        const auto& tags = devices_[sent_++ % devices_.size()];
        if (sent_ % devices_.size() == 0) time_ += kRowsPerBatch / kTagsPerDevice * kMillisecond;
        Rows rows;
        rows.reserve(kRowsPerBatch);
        for (int i = 0; i < kRowsPerBatch; ++i)
            rows.add_number(tags[static_cast<std::size_t>(i) % tags.size()], time_ + i / kTagsPerDevice * kMillisecond,
                            20 + 0.1 * static_cast<double>((sent_ + static_cast<std::uint64_t>(i)) % 50));
        history_.append(std::move(rows), Durability::sync, [this](Result<Appended> appended) {
            if (!appended) ++failed_;
            if (++done_ == batches_) finished_->count_down();
            send();
        });
    }

    History& history_;
    io::Loop& loop_;
    const std::vector<std::vector<TagId>> devices_;
    const std::uint64_t batches_;
    TimeNs time_;
    std::uint64_t sent_ = 0, done_ = 0, failed_ = 0;
    std::latch* finished_ = nullptr;
};

// Devices of lane `lane`: those whose shard it owns, as a broker would find after a while.
std::vector<std::vector<TagId>> devices_of(History& history, std::size_t lane, std::size_t lanes) {
    std::vector<std::vector<TagId>> devices;
    for (int device = 0; device < kDevices; ++device) {
        std::vector<TagId> tags;
        for (int property = 0; property < kTagsPerDevice; ++property) {
            const std::string source = fmt::format("d:{}", device), name = fmt::format("p{}", property);
            const auto tag = history.resolve({TenantId{1}, source, name}, source + "." + name, ValueType::number, "");
            if (!tag) std::abort();
            tags.push_back(*tag);
        }
        if (shard_of(tags[0]).value % lanes == lane) devices.push_back(std::move(tags));
    }
    return devices;
}

std::uint64_t hash_of(History& history, TagId tag) {
    ReadRequest request;
    request.tags = {tag};
    request.window = {0, 4'000'000'000 * kSecond};
    const auto series = history.read(request);
    if (!series) std::abort();
    std::uint64_t hash = 0;
    const Rows& rows = series->at(0).rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::uint64_t row[2] = {rows.bits(i), static_cast<std::uint64_t>(rows.time(i) - rows.reading(0).time)};
        hash = crc32c({reinterpret_cast<const std::uint8_t*>(row), sizeof row}, static_cast<std::uint32_t>(hash));
    }
    return hash << 32 | rows.size();
}

struct Question {
    const char* name;
    DurationNs every;
    std::vector<std::string> aggregates;
    std::uint32_t points_max = 0;
};

// A row a second with two decimals, one of a thousand bad.
TagId fill_month(History& history, TimeNs from, std::int64_t seconds) {
    const auto tag = history.resolve({TenantId{1}, "d:month", "x"}, "month.x", ValueType::number, "");
    if (!tag) std::abort();
    for (std::int64_t at = 0; at < seconds;) {
        Rows rows;
        for (; at < seconds && rows.size() < 200'000; ++at)
            rows.add_number(*tag, from + at * kSecond, static_cast<double>((at * 7919) % 10'007) / 100,
                            at % 1000 == 7 ? bad(Reason::timeout) : kGood);
        if (!history.import(rows)) std::abort();
    }
    return *tag;
}

int run_reads(History& history, const Clock& clock, bool small) {
    const std::int64_t seconds = small ? 86'400 : 30 * 86'400;
    const TimeNs from = clock.now() / kDay * kDay - seconds * kSecond - kDay;
    const TagId tag = fill_month(history, from, seconds);
    if (!history.compact()) return 1;
    const Question questions[] = {{"month_1h", kHour, {"avg", "min", "max"}},
                                  {"month_1m", kMinute, {"avg", "min", "max", "count"}},
                                  {"month_points", 0, {}, 800}};
    int failures = 0;
    for (const Question& question : questions) {
        ReadRequest request;
        request.tags = {tag};
        request.window = {from + 1, from + seconds * kSecond};
        request.every = question.every;
        request.aggregates = question.aggregates;
        request.points_max = question.points_max;
        DurationNs best = INT64_MAX;
        std::size_t rows = 0;
        for (int i = 0; i < (small ? 2 : 10); ++i) {
            const DurationNs begin = clock.monotonic();
            const auto series = history.read(request);
            best = std::min(best, clock.monotonic() - begin);
            if (!series)
                ++failures;
            else
                rows = series->at(0).rows.size() + series->at(0).buckets.size();
        }
        fmt::print("{:<12} {:.1f} ms  {:.0f} M rows/s  {} rows of answer\n", question.name,
                   static_cast<double>(best) / 1e6, static_cast<double>(seconds) * 1e3 / static_cast<double>(best),
                   rows);
    }
    return failures;
}

int run(const Parameters& parameters) {
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const auto folder =
        std::filesystem::temp_directory_path() / fmt::format("gongshu_history_bench_{:x}", clock->now());
    std::vector<std::unique_ptr<io::Loop>> loops;
    std::vector<io::Loop*> lanes;
    for (std::size_t i = 0; i < parameters.lanes; ++i)
        lanes.push_back(loops.emplace_back(io::make_epoll_loop(*clock)).get());
    int failures = 0;
    {
        const auto pool = io::make_thread_pool(2, 100);
        Metrics metrics;
        HistoryOptions options;
        options.folder = folder.string();
        options.new_tags_per_minute = 100'000;
        auto history = History::create(*files, *clock, metrics, lanes, *pool, options);
        if (!history) {
            fmt::print(stderr, "{}\n", history.error().text());
            return 1;
        }
        std::vector<std::unique_ptr<Sender>> senders;
        TagId sample;
        for (std::size_t i = 0; i < lanes.size(); ++i) {
            auto devices = devices_of(**history, i, lanes.size());
            sample = devices[0][0];
            senders.push_back(std::make_unique<Sender>(**history, *lanes[i], std::move(devices),
                                                       parameters.batches_per_lane, clock->now() - kMinute));
        }
        std::vector<std::jthread> threads;
        for (io::Loop* lane : lanes) threads.emplace_back([lane] { lane->run(); });
        std::latch finished{static_cast<std::ptrdiff_t>(lanes.size())};
        const DurationNs begin = clock->monotonic();
        const double cpu_begin = cpu_seconds();
        for (auto& sender : senders) sender->start(finished);
        finished.wait();
        const double seconds = static_cast<double>(clock->monotonic() - begin) / 1e9;
        const double cpu = cpu_seconds() - cpu_begin;
        const double rows = static_cast<double>(parameters.batches_per_lane * kRowsPerBatch * lanes.size());
        const auto& bytes = metrics.counter("gongshu_history_log_bytes_total", "");
        const auto& groups = metrics.counter("gongshu_history_log_groups_total", "");
        for (auto& sender : senders) failures += static_cast<int>(sender->failed());
        fmt::print(
            "append_sync  {:.2f} M readings/s wall  {:.2f} M readings/cpu-s  {} lanes  {:.0f} rows in {:.2f} s  {:.1f} "
            "log B/row  {} syncs "
            "({:.0f} rows each)  seals {}  failed {}  hash {:016x}\n",
            rows / seconds / 1e6, rows / cpu / 1e6, lanes.size(), rows, seconds,
            static_cast<double>(bytes.value()) / rows, groups.value(), rows / static_cast<double>(groups.value()),
            metrics.counter("gongshu_history_seals_total", "").value(), failures, hash_of(**history, sample));
        const DurationNs compact_begin = clock->monotonic();
        if (auto compacted = (*history)->compact(); !compacted) ++failures;
        const auto stats = (*history)->stats();
        fmt::print("compact      {:.2f} s  {} segments  {:.2f} B/row  hash {:016x}\n",
                   static_cast<double>(clock->monotonic() - compact_begin) / 1e9, stats.segments,
                   static_cast<double>(stats.segment_bytes) / rows, hash_of(**history, sample));
        failures += run_reads(**history, *clock, parameters.small);
        for (io::Loop* lane : lanes) lane->stop();
        threads.clear();
        (*history)->stop();
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace gongshu::history

int main(int argc, char** argv) {
    gongshu::history::Parameters parameters;
    bool codec_only = false;
    bool small = false;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--small") == 0) parameters.batches_per_lane = 500, parameters.small = small = true;
        if (std::strcmp(argv[i], "--codec") == 0) codec_only = true;
        if (std::strcmp(argv[i], "--reads") == 0) parameters.batches_per_lane = 100;
        if (std::strncmp(argv[i], "--lanes=", 8) == 0) parameters.lanes = std::strtoull(argv[i] + 8, nullptr, 10);
        if (std::strncmp(argv[i], "--batches=", 10) == 0)
            parameters.batches_per_lane = std::strtoull(argv[i] + 10, nullptr, 10);
    }
    gongshu::set_log_level(gongshu::LogLevel::warning);
    if (const int failed = codec_only || small ? gongshu::history::bench_codec(small) : 0; failed || codec_only)
        return failed;
    return gongshu::history::run(parameters);
}
