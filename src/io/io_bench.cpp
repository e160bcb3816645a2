// Measures the floor everything else stands on: what this disk and this kernel give, without any of our formats.
//   io_bench [--small] [folder]

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/checksum.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::io {
namespace {

struct Options {
    bool small = false;
    std::string folder = ".";
};

// Microseconds at a quantile of the samples, which get sorted.
double quantile_us(std::vector<DurationNs>& samples, double q) {
    std::sort(samples.begin(), samples.end());
    const auto index = static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1));
    return static_cast<double>(samples[index]) / kMicrosecond;
}

// The floor: one write and one fdatasync of the record's size, in place, in a file that is there already.
Result<void> bench_sync(const Clock& clock, Files& files, const Options& options, std::size_t bytes, bool in_place) {
    const auto path = options.folder + "/io_bench.tmp";
    const auto file = TRY(files.open(path, Open::read_write));
    const int rounds = options.small ? 20 : 2'000;
    const Buffer record(bytes, 0x5a);
    TRY(file->append(record));
    TRY(file->sync());
    std::vector<DurationNs> samples;
    for (int i = 0; i < rounds; ++i) {
        const auto begin = clock.monotonic();
        TRY(in_place ? file->write_at(0, record) : file->append(record));
        TRY(file->sync());
        samples.push_back(clock.monotonic() - begin);
    }
    fmt::print("{:8} + sync of {:6} B   median {:8.1f} us   p99 {:8.1f} us   hash {:08x}\n",
               in_place ? "floor: write" : "append", bytes, quantile_us(samples, 0.5), quantile_us(samples, 0.99),
               crc32c(record));
    return files.remove(path);
}

// One stream sends `window` messages at a time to an echo on the same loop and the next for each that comes back.
class Echo {
public:
    Echo(Loop& loop, int messages, std::size_t bytes, std::size_t window)
        : loop_(loop), left_(messages), message_(bytes, 0x31), window_(window) {}

    void begin() {
        listener_ = loop_
                        .listen({"127.0.0.1", 0}, {},
                                [this](auto stream) {
                                    server_ = std::move(stream);
                                    server_->start({.on_data = [this](Bytes bytes) { server_->send(bytes); }});
                                })
                        .value();
        loop_.connect(listener_->address(), {}, [this](auto stream) {
            client_ = std::move(stream).value();
            client_->start({.on_data = [this](Bytes bytes) { take(bytes.size()); }});
            for (std::size_t i = 0; i < window_; ++i) client_->send(message_);
        });
    }

private:
    void take(std::size_t bytes) {
        received_ += bytes;
        for (; received_ >= message_.size(); received_ -= message_.size()) {
            if (--left_ <= 0) return loop_.stop();
            client_->send(message_);
        }
    }

    Loop& loop_;
    int left_;
    const Buffer message_;
    const std::size_t window_;
    std::size_t received_ = 0;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<Stream> client_;
    std::unique_ptr<Stream> server_;
};

void bench_echo(const Clock& clock, const Options& options, std::size_t bytes, std::size_t window) {
    const int messages = options.small ? 2'000 : window == 1 ? 100'000 : 2'000'000;
    const auto loop = make_epoll_loop(clock);
    Echo echo(*loop, messages, bytes, window);
    echo.begin();
    const auto begin = clock.monotonic();
    loop->run();
    const auto seconds = static_cast<double>(clock.monotonic() - begin) / kSecond;
    fmt::print("{} {:4} B, {:4} under way   {:10.0f} messages/s   {:6.2f} us each\n",
               window == 1 ? "floor: echo" : "echo       ", bytes, window, messages / seconds,
               seconds * 1e6 / messages);
}

void bench_post(const Clock& clock, const Options& options) {
    const int rounds = options.small ? 1'000 : 1'000'000;
    const auto loop = make_epoll_loop(clock);
    int left = rounds;
    std::function<void()> again = [&] {
        if (--left > 0) return loop->post(again);
        loop->stop();
    };
    loop->post(again);
    const auto begin = clock.monotonic();
    loop->run();
    fmt::print("one turn of the loop        {:8.0f} ns\n", static_cast<double>(clock.monotonic() - begin) / rounds);
}

int run(const Options& options) {
    const auto clock = make_system_clock();
    const auto files = make_posix_files();
    for (const bool in_place : {true, false}) {
        for (const std::size_t bytes : {std::size_t{512}, std::size_t{64} << 10}) {
            const auto done = bench_sync(*clock, *files, options, bytes, in_place);
            if (done) continue;
            fmt::print(stderr, "io_bench: {}\n", done.error().text());
            return 1;
        }
    }
    bench_post(*clock, options);
    bench_echo(*clock, options, 64, 1);
    bench_echo(*clock, options, 64, 100);
    bench_echo(*clock, options, 1'024, 100);
    return 0;
}

}  // namespace
}  // namespace gongshu::io

int main(int count, char** arguments) {
    gongshu::io::Options options;
    for (int i = 1; i < count; ++i) {
        const std::string argument = arguments[i];
        if (argument == "--small") {
            options.small = true;
        } else {
            options.folder = argument;
        }
    }
    return gongshu::io::run(options);
}
