#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/testing/world_test.h"
#include "io/loop.h"

namespace gongshu::api {
namespace {

// One client of many: sends one request after another and counts the answers.
class Client {
public:
    Client(io::Loop& loop, const io::Address& server, std::vector<std::string> requests, std::function<void()> done)
        : loop_(loop), requests_(std::move(requests)), done_(std::move(done)) {
        loop_.connect(server, {}, [this](Result<std::unique_ptr<io::Stream>> made) {
            if (!made) return done_();
            stream_ = std::move(*made);
            stream_->start({.on_data = [this](Bytes bytes) { take(bytes); },
                            .on_closed = [this](const Error&) { end(); },
                            .on_drained = {}});
            stream_->send(as_bytes(requests_[0]));
        });
    }
    int answered = 0;
    int refused = 0;

private:
    void take(Bytes bytes) {
        while (!bytes.empty()) {
            const auto taken = parser_.feed(bytes);
            if (!taken) return end();
            bytes = bytes.subspan(*taken);
            if (!parser_.done()) continue;
            parser_.response().status < 300 ? ++answered : ++refused;
            parser_.reset();
            if (++next_ == requests_.size()) return end();
            stream_->send(as_bytes(requests_[next_]));
        }
    }
    void end() {
        if (!std::exchange(ended_, true)) done_();
    }

    io::Loop& loop_;
    const std::vector<std::string> requests_;
    const std::function<void()> done_;
    std::unique_ptr<io::Stream> stream_;
    wire::HttpResponseParser parser_;
    std::size_t next_ = 0;
    bool ended_ = false;
};

std::string request(std::string_view line, const std::string& token, std::string_view body = {}) {
    return fmt::format(
        "{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nAccept-Encoding: gzip\r\nContent-Length: "
        "{}\r\n\r\n{}",
        line, token, body.size(), body);
}

std::vector<std::string> requests_of(int client, const std::string& token) {
    std::vector<std::string> requests;
    for (int i = 0; i < 20; ++i) {
        std::string lines;
        for (int row = 0; row < 50; ++row) lines += fmt::format("m,client=c{} x={},y={}i\n", client, i, row);
        requests.push_back(request("POST /api/v1/write", token, lines));
        requests.push_back(request(fmt::format("GET /api/v1/read?tag=m/c{}.x", client), token));
        requests.push_back(request("GET /api/v1/last?tag=m/**", token));
        requests.push_back(
            request(fmt::format("PUT /api/v1/sites/s{}", client), token, R"({"spec":{"time_zone":"UTC"}})"));
        requests.push_back(request("GET /api/v1/sites", token));
        requests.push_back(request("GET /api/v1/overview", token));
        requests.push_back(request("GET /metrics", token));
    }
    return requests;
}

// The same server on the loops and threads of the operating system, several clients at once, and then a stop in the
// middle of their work.
TEST(Threads, ServeManyClientsAtOnceAndStopInTheirMidst) {
    constexpr int kClients = 6;
    const auto clock = io::make_system_clock();
    const auto lane = io::make_epoll_loop(*clock), server_loop = io::make_epoll_loop(*clock),
               client_loop = io::make_epoll_loop(*clock);
    io::SimFiles files;
    Metrics metrics;
    auto pool = io::make_thread_pool(3, 1000);
    auto registry =
        registry::Registry::create(files, *clock, {.folder = "/data/registry", .key_folder = "/keys"}).value();
    ASSERT_TRUE(registry->load());
    registry::AuthOptions auth_options;
    auth_options.admin_password = test::kPassword;
    auth_options.argon2_memory_kib = 64;
    auth_options.argon2_passes = 1;
    auto auth = registry::Auth::create(*registry, *clock, auth_options).value();
    auto history =
        history::History::create(files, *clock, metrics, {lane.get()}, *pool, {.folder = "/data/history"}).value();
    test::FakeFlow flow;
    test::FakeConnections connections;
    LiveTap live{&flow};
    history->set_stage(&live);
    CountingEgress egress{metrics, *clock};
    auto server = Server::create({*registry, *auth, *history, *history, *history, *history, flow, connections, nullptr,
                                  metrics, egress, live, *server_loop, *pool},
                                 {})
                      .value();
    const auto address = server->listen({"127.0.0.1", 0}, {}).value();
    const std::string token = auth->sign_in("admin", test::kPassword, "test").value().token;
    std::thread lane_thread{[&] { lane->run(); }}, server_thread{[&] { server_loop->run(); }},
        client_thread{[&] { client_loop->run(); }};

    std::mutex mutex;
    std::condition_variable changed;
    int ended = 0;
    bool stopped = false;
    std::vector<std::unique_ptr<Client>> clients, cut;
    const auto on_end = [&] {
        const std::lock_guard lock{mutex};
        ++ended;
        changed.notify_all();
    };
    const auto open = [&](std::vector<std::unique_ptr<Client>>& into) {
        for (int i = 0; i < kClients; ++i)
            into.push_back(std::make_unique<Client>(*client_loop, address, requests_of(i, token), on_end));
    };
    const auto wait_for = [&](auto condition) {
        std::unique_lock lock{mutex};
        changed.wait(lock, condition);
    };
    client_loop->post([&] { open(clients); });
    wait_for([&] { return ended == kClients; });
    for (const auto& client : clients) {
        EXPECT_EQ(client->answered, 140);
        EXPECT_EQ(client->refused, 0);
    }

    client_loop->post([&] {
        open(cut);
        server_loop->post([&] {
            server->stop();
            const std::lock_guard lock{mutex};
            stopped = true;
            changed.notify_all();
        });
    });
    wait_for([&] { return stopped; });
    history->stop();
    for (const auto& loop : {lane.get(), server_loop.get(), client_loop.get()}) loop->stop();
    lane_thread.join();
    server_thread.join();
    client_thread.join();
    clients.clear();
    cut.clear();
    pool.reset();
    server.reset();
}

}  // namespace
}  // namespace gongshu::api
