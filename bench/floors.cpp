#include "bench/floors.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <thread>

#include "io/machine.h"

namespace gongshu::bench {

double seconds(DurationNs duration) { return static_cast<double>(duration) / static_cast<double>(kSecond); }

DurationNs quantile(std::vector<DurationNs>& samples, double q) {
    if (samples.empty()) return 0;
    std::ranges::sort(samples);
    return samples[static_cast<std::size_t>(q * static_cast<double>(samples.size() - 1))];
}

std::string machine_text(const std::string& folder) {
    const io::MachineFacts facts = io::machine_facts();
    return fmt::format("{} cores{}{}, {:.1f} GB, {}", facts.cores, facts.processor.empty() ? "" : " of ",
                       facts.processor, static_cast<double>(facts.memory_bytes) / 1e9,
                       io::file_system(folder).value_or("unknown file system"));
}

namespace {

double measure_memory(const Clock& clock, bool small) {
    const std::size_t bytes = small ? 4 << 20 : 256 << 20;
    std::vector<std::uint8_t> from(bytes, 1), to(bytes, 2);
    DurationNs best = kDay;
    for (std::uint8_t round = 0; round < 3; ++round) {
        from[round] = round;
        const DurationNs begin = clock.monotonic();
        std::memcpy(to.data(), from.data(), bytes);
        best = std::min(best, std::max<DurationNs>(clock.monotonic() - begin, 1));
    }
    // Used, so that nobody leaves the copy out.
    return to[1] == from[1] ? static_cast<double>(bytes) / seconds(best) : 0;
}

}  // namespace

Result<Floors> measure_floors(io::Files& files, const Clock& clock, const std::string& folder, bool small) {
    Floors floors;
    floors.memory_bytes_per_s = measure_memory(clock, small);
    const std::string path = folder + "/floor.tmp";
    const auto file = TRY(files.open(path, io::Open::create_new));
    const Buffer block(1 << 20, 0x5a);
    const int blocks = small ? 2 : 256;
    DurationNs begin = clock.monotonic();
    for (int i = 0; i < blocks; ++i) TRY(file->append(block));
    TRY(file->sync());
    floors.disk_bytes_per_s = static_cast<double>(blocks) * static_cast<double>(block.size()) /
                              seconds(std::max<DurationNs>(clock.monotonic() - begin, 1));
    std::vector<DurationNs> samples;
    for (int i = 0; i < (small ? 5 : 500); ++i) {
        begin = clock.monotonic();
        TRY(file->append(Bytes(block).first(4096)));
        TRY(file->sync());
        samples.push_back(clock.monotonic() - begin);
    }
    floors.sync_s = seconds(quantile(samples, 0.5));
    floors.sync_p99_s = seconds(quantile(samples, 0.99));
    TRY(files.remove(path));
    return floors;
}

std::vector<Number> numbers_of(const Floors& floors) {
    return {{"memory", floors.memory_bytes_per_s, "B/s", "copied by one core"},
            {"disk", floors.disk_bytes_per_s, "B/s", "appended, one fdatasync at the end"},
            {"fdatasync", floors.sync_s * 1e3, "ms", "median of 4 KiB appended and synced"},
            {"fdatasync_p99", floors.sync_p99_s * 1e3, "ms", ""}};
}

namespace {

// Both ends count bytes and look at none.
class Answerer {
public:
    Answerer(io::Loop& loop, const Exchange& exchange) : loop_(loop), exchange_(exchange) {}
    Result<io::Address> listen() {
        listener_ = TRY(loop_.listen({"127.0.0.1", 0}, {}, [this](std::unique_ptr<io::Stream> stream) {
            streams_.push_back(std::make_unique<One>(One{std::move(stream), 0}));
            One& one = *streams_.back();
            one.stream->set_send_bytes_max(std::size_t{1} << 30);
            one.stream->start(
                {.on_data = [this, &one](Bytes bytes) { take(one, bytes.size()); }, .on_closed = {}, .on_drained = {}});
        }));
        return listener_->address();
    }

private:
    struct One {
        std::unique_ptr<io::Stream> stream;
        std::size_t received = 0;
    };
    void take(One& one, std::size_t bytes) {
        for (one.received += bytes; one.received >= exchange_.request_bytes; one.received -= exchange_.request_bytes)
            one.stream->send(answer_);
    }

    io::Loop& loop_;
    const Exchange exchange_;
    const Buffer answer_ = Buffer(exchange_.answer_bytes, 0x41);
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::unique_ptr<One>> streams_;
};

class Asker {
public:
    Asker(io::Loop& loop, const Exchange& exchange) : loop_(loop), exchange_(exchange) {}

    Result<ExchangeFloor> run(const io::Address& address) {
        for (std::size_t i = 0; i < exchange_.connections; ++i)
            loop_.connect(address, {},
                          [this](Result<std::unique_ptr<io::Stream>> made) { connected(std::move(made)); });
        loop_.after(5 * kMinute, [this] { loop_.stop(); });
        loop_.run();
        if (done_ < exchange_.count) return Error{Code::unavailable, "the floor of the network could not be measured"};
        return ExchangeFloor{static_cast<double>(exchange_.count) / seconds(loop_.clock().monotonic() - begin_),
                             seconds(quantile(samples_, 0.5))};
    }

private:
    struct One {
        std::unique_ptr<io::Stream> stream;
        std::size_t received = 0;
        std::vector<DurationNs> sent;  // a ring of in_flight
        std::size_t next = 0, oldest = 0;
    };
    void connected(Result<std::unique_ptr<io::Stream>> made) {
        if (!made) return loop_.stop();
        ones_.push_back(std::make_unique<One>());
        One& one = *ones_.back();
        one.stream = std::move(*made);
        one.sent.resize(exchange_.in_flight);
        one.stream->set_send_bytes_max(std::size_t{1} << 30);
        one.stream->start({.on_data = [this, &one](Bytes bytes) { take(one, bytes.size()); },
                           .on_closed = [this](const Error&) { loop_.stop(); },
                           .on_drained = {}});
        if (ones_.size() < exchange_.connections) return;
        begin_ = loop_.clock().monotonic();
        for (const auto& each : ones_)
            for (std::size_t i = 0; i < exchange_.in_flight; ++i) send(*each);
    }
    void send(One& one) {
        if (sent_ == exchange_.count) return;
        ++sent_;
        one.sent[one.next++ % one.sent.size()] = loop_.clock().monotonic();
        one.stream->send(request_);
    }
    void take(One& one, std::size_t bytes) {
        for (one.received += bytes; one.received >= exchange_.answer_bytes; one.received -= exchange_.answer_bytes) {
            samples_.push_back(loop_.clock().monotonic() - one.sent[one.oldest++ % one.sent.size()]);
            if (++done_ == exchange_.count) return loop_.stop();
            send(one);
        }
    }

    io::Loop& loop_;
    const Exchange exchange_;
    const Buffer request_ = Buffer(exchange_.request_bytes, 0x51);
    std::vector<std::unique_ptr<One>> ones_;
    std::vector<DurationNs> samples_;
    std::size_t sent_ = 0, done_ = 0;
    DurationNs begin_ = 0;
};

}  // namespace

Result<ExchangeFloor> measure_exchange(const Clock& clock, const Exchange& exchange) {
    const auto server_loop = io::make_epoll_loop(clock), client_loop = io::make_epoll_loop(clock);
    Answerer answerer(*server_loop, exchange);
    const io::Address address = TRY(answerer.listen());
    const std::jthread thread([&] { server_loop->run(); });
    auto floor = Asker(*client_loop, exchange).run(address);
    server_loop->stop();
    return floor;
}

}  // namespace gongshu::bench
