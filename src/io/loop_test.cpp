#include "io/loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <set>
#include <thread>

#include "io/detail/sockets.h"
#include "io/detail/test_place.h"
#include "io/files.h"
#include "io/process.h"

namespace gongshu::io {
namespace {

// The behaviours that the real and the simulated loop share.
class BothLoops : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (GetParam()) {
            place = std::make_unique<RealPlace>();
        } else {
            place = std::make_unique<SimPlace>();
        }
    }
    void TearDown() override {
        place->in([this] {
            client.reset();
            server.reset();
            listener.reset();
        });
    }

    Loop& loop() { return place->loop(); }

    // Listens, connects to it, and waits for both ends.
    void join(const ListenOptions& options = {}) {
        place->in([&] {
            auto listening = loop().listen({"127.0.0.1", 0}, options, [this](auto stream) {
                server = std::move(stream);
                server->start(server_events);
            });
            ASSERT_TRUE(listening) << listening.error().text();
            listener = std::move(*listening);
            loop().connect(listener->address(), {}, [this](auto stream) {
                ASSERT_TRUE(stream) << stream.error().text();
                client = std::move(*stream);
                client->start(client_events);
            });
        });
        ASSERT_TRUE(place->until([this] { return client && server; }));
    }

    std::unique_ptr<Place> place;
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
    Stream::Events client_events;
    Stream::Events server_events;
};

INSTANTIATE_TEST_SUITE_P(Loops, BothLoops, testing::Bool(),
                         [](const auto& info) { return info.param ? "epoll" : "simulated"; });

std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 131 >> 3);
    return text;
}

TEST_P(BothLoops, TimersRunInOrderAndOnce) {
    std::string order;
    place->in([&] {
        loop().after(3 * kMillisecond, [&] { order += 'c'; });
        loop().after(0, [&] {
            order += 'a';
            loop().after(0, [&] { order += 'A'; });
        });
        loop().after(0, [&] { order += 'b'; });
        const auto never = loop().after(kMillisecond, [&] { order += 'x'; });
        loop().cancel(never);
        loop().cancel(never);
        loop().cancel(TimerId{});
    });
    ASSERT_TRUE(place->until([&] { return order.size() >= 4; }));
    // When the real machine takes longer than 3 ms for the first two, the third is due together with what they set.
    place->in([&] { EXPECT_TRUE(order == "abAc" || (GetParam() && order == "abcA")) << order; });
}

TEST_P(BothLoops, ATimerMayCancelAnotherThatIsDue) {
    bool ran = false, done = false;
    place->in([&] {
        const auto target = std::make_shared<TimerId>();
        loop().after(0, [&, target] { loop().cancel(*target); });
        *target = loop().after(0, [&] { ran = true; });
        loop().after(0, [&] { done = true; });
    });
    ASSERT_TRUE(place->until([&] { return done; }));
    EXPECT_FALSE(ran);
}

TEST_P(BothLoops, PostedWorkRunsInOrder) {
    std::vector<int> order;
    place->in([&] {
        for (int i = 0; i < 100; ++i) loop().post([&, i] { order.push_back(i); });
        EXPECT_TRUE(order.empty());  // never within post()
    });
    ASSERT_TRUE(place->until([&] { return order.size() == 100; }));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(BothLoops, EchoesLargeAmountsBothWays) {
    const auto sent = pattern(3 << 20);
    std::string echoed;
    server_events.on_data = [&](Bytes bytes) { server->send(bytes); };
    client_events.on_data = [&](Bytes bytes) { echoed += as_text(bytes); };
    join();
    place->in([&] {
        EXPECT_EQ(to_string(client->peer()), to_string(listener->address()));
        EXPECT_EQ(server->peer().host, "127.0.0.1");
        EXPECT_FALSE(client->secure());
        for (std::size_t i = 0; i < sent.size(); i += 100'000)
            client->send(as_bytes(std::string_view(sent).substr(i, 100'000)));
    });
    ASSERT_TRUE(place->until([&] { return echoed.size() >= sent.size(); }));
    EXPECT_TRUE(echoed == sent);
}

TEST_P(BothLoops, ClosingSendsWhatIsQueuedFirst) {
    const auto sent = pattern(2 << 20);
    std::string got;
    std::optional<Error> closed;
    client_events.on_data = [&](Bytes bytes) { got += as_text(bytes); };
    client_events.on_closed = [&](const Error& error) { closed = error; };
    join();
    place->in([&] {
        server->send(as_bytes(sent));
        server->close();
        server->send(as_bytes("too late"));
        server.reset();
    });
    ASSERT_TRUE(place->until([&] { return closed.has_value(); }));
    EXPECT_TRUE(got == sent);
    EXPECT_EQ(closed->code(), Code::unavailable);
    EXPECT_EQ(closed->text(), "closed by peer");
}

TEST_P(BothLoops, TheRefusedSeeTheReasonEvenWhileTheyTalk) {
    std::string got;
    bool closed = false;
    server_events.on_data = [&](Bytes) {
        server->send(as_bytes("refused"));
        server.reset();  // within its own callback, with more coming in
    };
    client_events.on_data = [&](Bytes bytes) { got += as_text(bytes); };
    client_events.on_closed = [&](const Error&) { closed = true; };
    join();
    place->in([&] { client->send(as_bytes(pattern(1 << 20))); });
    ASSERT_TRUE(place->until([&] { return closed; }));
    EXPECT_EQ(got, "refused");
}

TEST_P(BothLoops, AStreamMayBeDestroyedInAnyOfItsCallbacks) {
    for (int which = 0; which < 3; ++which) {
        SCOPED_TRACE(which);
        bool gone = false;
        const auto destroy = [&] {
            client.reset();
            gone = true;
        };
        client_events = {};
        if (which == 0) client_events.on_data = [&](Bytes) { destroy(); };
        if (which == 1) client_events.on_closed = [&](const Error&) { destroy(); };
        if (which == 2) client_events.on_drained = [&] { destroy(); };
        join();
        place->in([&] {
            if (which == 0) server->send(as_bytes("x"));
            if (which == 1) server->close();
            if (which == 2) client->send(as_bytes("x"));
        });
        EXPECT_TRUE(place->until([&] { return gone; }));
        place->in([&] {
            server.reset();
            listener.reset();
        });
    }
}

TEST_P(BothLoops, AStreamMayBeHandedToAnother) {
    std::string first, second;
    client_events.on_data = [&](Bytes bytes) {
        first += as_text(bytes.first(1));
        second += as_text(bytes.subspan(1));
        client->start({.on_data = [&](Bytes more) { second += as_text(more); }});
    };
    join();
    place->in([&] { server->send(as_bytes("abc")); });
    ASSERT_TRUE(place->until([&] { return second == "bc"; }));
    EXPECT_EQ(first, "a");
}

TEST_P(BothLoops, ASlowReaderIsClosedAtTheLimit) {
    std::optional<Error> closed;
    bool within = false;
    server_events.on_closed = [&](const Error& error) {
        EXPECT_FALSE(within);
        closed = error;
    };
    join();
    place->in([&] {
        client->pause_reading(true);
        server->set_send_bytes_max(1 << 20);
    });
    const Buffer piece(64 << 10);
    ASSERT_TRUE(place->until([&] {
        within = true;
        if (!closed) server->send(piece);
        EXPECT_LE(server->unsent_bytes(), std::size_t{1} << 20);
        within = false;
        return closed.has_value();
    }));
    EXPECT_EQ(closed->code(), Code::limit);
}

TEST_P(BothLoops, PausedReadingLosesNothing) {
    const auto sent = pattern(1 << 20);
    std::string got;
    bool drained = false;
    client_events.on_data = [&](Bytes bytes) {
        got += as_text(bytes);
        client->pause_reading(true);
        loop().after(0, [&] {
            if (client) client->pause_reading(false);
        });
    };
    server_events.on_drained = [&] { drained = true; };
    join();
    place->in([&] { server->send(as_bytes(sent)); });
    ASSERT_TRUE(place->until([&] { return got.size() == sent.size(); }));
    EXPECT_TRUE(got == sent);
    EXPECT_TRUE(drained);
}

TEST_P(BothLoops, NoMoreStreamsThanAllowed) {
    std::vector<std::unique_ptr<Stream>> accepted;
    std::vector<std::unique_ptr<Stream>> clients;
    int closed = 0;
    place->in([&] {
        ListenOptions options;
        options.streams_max = 3;
        listener = loop()
                       .listen({"127.0.0.1", 0}, options,
                               [&](auto stream) {
                                   stream->start({.on_closed = [](const Error&) {}});
                                   accepted.push_back(std::move(stream));
                               })
                       .value();
        for (int i = 0; i < 5; ++i) {
            loop().connect(listener->address(), {}, [&](auto stream) {
                (*stream)->start({.on_closed = [&](const Error&) { ++closed; }});
                clients.push_back(std::move(*stream));
            });
        }
    });
    ASSERT_TRUE(place->until([&] { return clients.size() == 5 && closed == 2; }));
    place->in([&] {
        EXPECT_EQ(accepted.size(), 3u);
        accepted.clear();
    });
    ASSERT_TRUE(place->until([&] { return closed == 5; }));
    place->in(
        [&] { loop().connect(listener->address(), {}, [&](auto stream) { clients.push_back(std::move(*stream)); }); });
    ASSERT_TRUE(place->until([&] { return accepted.size() == 1; }));  // there is room again
    place->in([&] {
        accepted.clear();
        clients.clear();
    });
}

TEST_P(BothLoops, ARefusedConnectionSaysSo) {
    std::optional<Error> refused;
    Address address;
    place->in([&] {
        auto gone = loop().listen({"127.0.0.1", 0}, {}, [](auto) {});
        address = (*gone)->address();
    });
    place->in([&] {
        loop().connect(address, {}, [&](auto stream) { refused = stream.error(); });
        EXPECT_FALSE(refused);  // never within connect()
    });
    ASSERT_TRUE(place->until([&] { return refused.has_value(); }));
    EXPECT_EQ(refused->code(), Code::unavailable);
    EXPECT_EQ(refused->text(), "cannot connect to " + to_string(address) + ": Connection refused");
}

TEST_P(BothLoops, TwoCannotListenOnOnePort) {
    place->in([&] {
        listener = loop().listen({"127.0.0.1", 0}, {}, [](auto) {}).value();
        const auto second = loop().listen(listener->address(), {}, [](auto) {});
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().text(),
                  "cannot listen on " + to_string(listener->address()) + ": Address already in use");
    });
}

TEST_P(BothLoops, AListenerMayGoInItsCallback) {
    place->in([&] {
        listener = loop()
                       .listen({"127.0.0.1", 0}, {},
                               [this](auto stream) {
                                   server = std::move(stream);
                                   listener.reset();
                               })
                       .value();
        loop().connect({"localhost", listener->address().port}, {},
                       [this](auto stream) { client = std::move(*stream); });
    });
    EXPECT_TRUE(place->until([this] { return client && server && !listener; }));
}

TEST_P(BothLoops, WhatOutlivesTheLoopIsClosed) {
    join();
    place->in([this] { loop().after(kHour, [stream = std::shared_ptr<Stream>(std::move(server))] {}); });
    auto kept = std::move(client);
    auto listening = std::move(listener);
    place.reset();
    kept->send(as_bytes("nobody is there"));
    kept->close();
    SetUp();
}

TEST(EpollLoop, AConnectionThatNobodyAnswersTimesOut) {
    // A listener whose queue is full leaves further connections without an answer.
    const int full = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto any = detail::resolve({"127.0.0.1", 0}, true).value().front();
    ASSERT_EQ(::bind(full, any.get(), any.size), 0);
    ASSERT_EQ(::listen(full, 0), 0);
    const auto address = detail::local_address(full);
    const auto target = detail::resolve(address, true).value().front();
    std::vector<int> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(detail::make_socket(AF_INET).value());
        (void)::connect(waiting.back(), target.get(), target.size);
    }
    RealPlace place;
    std::optional<Error> error;
    place.in([&] {
        ConnectOptions options;
        options.timeout = 50 * kMillisecond;
        place.loop().connect(address, options, [&](auto stream) {
            error = stream ? Error{Code::invalid, "it answered"} : stream.error();
        });
    });
    ASSERT_TRUE(place.until([&] { return error.has_value(); }));
    EXPECT_EQ(error->text(), "cannot connect to " + to_string(address) + ": no answer within 50 ms");
    EXPECT_EQ(error->code(), Code::timeout);
    for (const int descriptor : waiting) ::close(descriptor);
    ::close(full);
}

TEST(EpollLoop, AnUnknownHostIsAnError) {
    RealPlace place;
    std::optional<Error> error;
    place.in([&] { place.loop().connect({"no such host", 1}, {}, [&](auto stream) { error = stream.error(); }); });
    ASSERT_TRUE(place.until([&] { return error.has_value(); }));
    EXPECT_TRUE(error->text().starts_with("cannot find the host no such host: ")) << error->text();
}

TEST(EpollLoop, ManyThreadsPost) {
    RealPlace place;
    std::vector<std::vector<int>> got(4);
    std::vector<std::thread> threads;
    for (std::size_t who = 0; who < got.size(); ++who) {
        threads.emplace_back([&, who] {
            for (int i = 0; i < 5'000; ++i) place.loop().post([&, who, i] { got[who].push_back(i); });
        });
    }
    for (auto& thread : threads) thread.join();
    bool whole = false;
    place.in([&] {
        whole = true;
        for (const auto& each : got) whole = whole && each.size() == 5'000 && std::is_sorted(each.begin(), each.end());
        EXPECT_TRUE(place.loop().in_loop());
    });
    EXPECT_TRUE(whole);
    EXPECT_FALSE(place.loop().in_loop());
}

TEST(EpollLoop, AThreadThatRunsOneLoopIsNotInAnotherThatHasNotBegun) {
    const auto clock = make_system_clock();
    const auto one = make_epoll_loop(*clock);
    const auto other = make_epoll_loop(*clock);
    EXPECT_TRUE(one->in_loop() && other->in_loop());
    std::thread runs([&] { one->run(); });
    std::promise<std::pair<bool, bool>> inside;
    one->post([&] { inside.set_value({one->in_loop(), other->in_loop()}); });
    EXPECT_EQ(inside.get_future().get(), (std::pair{true, false}));
    EXPECT_FALSE(one->in_loop());
    EXPECT_TRUE(other->in_loop());
    one->stop();
    runs.join();
    EXPECT_TRUE(one->in_loop());
}

TEST(EpollLoop, StopRunsWhatWasPostedBeforeAndNothingAfter) {
    const auto clock = make_system_clock();
    const auto loop = make_epoll_loop(*clock);
    int before = 0, after = 0;
    loop->post([&] { ++before; });
    loop->stop();
    loop->post([&] { ++after; });
    loop->run();
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 0);
}

TEST(EpollLoop, SignalsComeAsCalls) {
    const auto clock = make_system_clock();
    const auto loop = make_epoll_loop(*clock);
    std::vector<int> got;
    loop->on_signal([&](int number) {
        got.push_back(number);
        if (number == SIGTERM) loop->stop();
    });
    loop->after(0, [] { ::raise(SIGHUP); });
    loop->after(kMillisecond, [] { ::raise(SIGTERM); });
    loop->run();
    EXPECT_EQ(got, (std::vector<int>{SIGHUP, SIGTERM}));
}

TEST(SimWorld, SilentCutsAreSeenByNobody) {
    SimWorld world(7);
    const auto here = world.make_loop();
    const auto there = world.make_loop();
    std::unique_ptr<Stream> client, server;
    std::string got;
    int closed = 0;
    const auto listener = there
                              ->listen({"10.0.0.1", 502}, {},
                                       [&](auto stream) {
                                           server = std::move(stream);
                                           server->start({.on_data = [&](Bytes bytes) { got += as_text(bytes); },
                                                          .on_closed = [&](auto&) { ++closed; }});
                                       })
                              .value();
    const auto connect = [&] {
        here->connect({"10.0.0.1", 502}, {}, [&](auto stream) {
            if (!stream) return;
            client = std::move(*stream);
            client->start({.on_closed = [&](auto&) { ++closed; }});
        });
        world.run_for(10 * kSecond);
    };
    connect();
    ASSERT_TRUE(client && server);
    client->send(as_bytes("a"));
    world.run_for(kSecond);
    world.cut({"10.0.0.1", 502}, true);
    client->send(as_bytes("b"));
    world.run_for(kMinute);
    EXPECT_EQ(got, "a");
    EXPECT_EQ(closed, 0);
    client.reset();
    connect();
    EXPECT_FALSE(client);
    world.heal({"10.0.0.1", 502});
    connect();
    ASSERT_TRUE(client);
    closed = 0;
    world.cut({"10.0.0.1", 0}, false);
    world.run_for(kSecond);
    EXPECT_EQ(closed, 2);
}

TEST(SimWorld, SameSeedSameRun) {
    const auto run = [](std::uint64_t seed) {
        SimPlace place(seed);
        std::string trace;
        std::unique_ptr<Stream> client, server;
        const auto listener =
            place.loop()
                .listen({"a", 1}, {},
                        [&](auto stream) {
                            server = std::move(stream);
                            server->start({.on_data = [&](Bytes bytes) { trace += fmt::format("{} ", bytes.size()); }});
                        })
                .value();
        place.loop().connect({"a", 1}, {}, [&](auto stream) {
            client = std::move(*stream);
            client->send(as_bytes(pattern(10'000)));
        });
        place.world().run_for(kSecond);
        return trace;
    };
    EXPECT_EQ(run(5), run(5));
    EXPECT_NE(run(5), run(6));
}

TEST(SimWorld, BytesArriveInOrderWhateverTheSeed) {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        SimPlace place(seed);
        const auto other = place.world().make_loop();
        Rng rng{seed};
        std::unique_ptr<Stream> client, server;
        std::string sent, got;
        bool closed = false;
        const auto listener =
            other
                ->listen({"a", 1}, {},
                         [&](auto stream) {
                             server = std::move(stream);
                             server->start({.on_data =
                                                [&](Bytes bytes) {
                                                    got += as_text(bytes);
                                                    if (!rng.chance(0.1)) return;
                                                    server->pause_reading(true);
                                                    other->after(static_cast<DurationNs>(rng.below(kMillisecond)), [&] {
                                                        if (server) server->pause_reading(false);
                                                    });
                                                },
                                            .on_closed = [&](const Error&) { closed = true; }});
                         })
                .value();
        std::function<void()> more = [&] {
            const auto piece = pattern(rng.below(30'000));
            sent += piece;
            client->send(as_bytes(piece));
            if (sent.size() > 300'000) return client.reset();
            place.loop().after(static_cast<DurationNs>(rng.below(kMillisecond)), more);
        };
        place.loop().connect({"a", 1}, {}, [&](auto stream) {
            client = std::move(*stream);
            more();
        });
        ASSERT_TRUE(place.until([&] { return closed; }));
        EXPECT_TRUE(got == sent);
    }
}

TEST(SimWorld, PoolJobsAreTurns) {
    SimPlace place;
    const auto pool = place.world().make_pool();
    int done = 0;
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(pool->submit([&] {
            EXPECT_FALSE(place.loop().in_loop());
            place.loop().post([&] { ++done; });
        }));
    }
    EXPECT_EQ(done, 0);
    EXPECT_TRUE(place.until([&] { return done == 3; }));
}

TEST(ThreadPool, RunsAllAndRefusesWhenFull) {
    std::atomic<int> done = 0;
    std::promise<void> started, gate;
    auto open = gate.get_future().share();
    {
        const auto pool = make_thread_pool(1, 2);
        ASSERT_TRUE(pool->submit([&, open] {
            started.set_value();
            open.wait();
            ++done;
        }));
        started.get_future().wait();
        EXPECT_TRUE(pool->submit([&] { ++done; }));
        std::promise<void> last;
        EXPECT_TRUE(pool->submit([&] {
            ++done;
            last.set_value();
        }));
        EXPECT_FALSE(pool->submit([&] { ++done; }));
        gate.set_value();
        last.get_future().wait();
    }
    EXPECT_EQ(done, 3);
}

TEST(Address, ParsesAndPrints) {
    const auto f = [](std::string_view text, std::string_view host, int port) {
        const auto address = parse_address(text);
        ASSERT_TRUE(address) << address.error().text();
        EXPECT_EQ(address->host, host);
        EXPECT_EQ(address->port, port);
        EXPECT_EQ(to_string(*address), text);
    };
    f("127.0.0.1:1883", "127.0.0.1", 1883);
    f("[::1]:0", "::1", 0);
    f("plc7.lan:65535", "plc7.lan", 65535);
    for (const auto* text :
         {"", "host", ":1", "::1:5", "host:", "host:65536", "host:-1", "host:1x", "[]:1", "a b:1", "[a:1"}) {
        EXPECT_FALSE(parse_address(text)) << text;
    }
}

TEST(Process, StartsWaitsAndTerminates) {
    EXPECT_EQ(spawn({"sh", "-c", "exit 7"}).value()->wait(), 7);
    const auto missing = spawn({"/no/such/program"});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().text(), "cannot start /no/such/program: No such file or directory");
    const auto sleeper = spawn({"sleep", "1000"}).value();
    EXPECT_GT(sleeper->id(), 0);
    EXPECT_FALSE(sleeper->ended());
    sleeper->terminate();
    EXPECT_EQ(sleeper->wait(), 128 + SIGTERM);
    EXPECT_EQ(sleeper->ended(), 128 + SIGTERM);
    sleeper->terminate();
}

TEST(Process, WritesWhereItIsTold) {
    const auto folder = ::testing::TempDir();
    const std::string output = folder + "/gongshu-process-" + std::to_string(::getpid());
    for (const char* text : {"echo out; echo err >&2", "echo again"})
        EXPECT_EQ(spawn({"sh", "-c", text}, output).value()->wait(), 0);
    const auto files = make_posix_files();
    EXPECT_EQ(as_text(read_whole(*files, output, 100).value()), "out\nerr\nagain\n");
    EXPECT_TRUE(files->remove(output));
    EXPECT_FALSE(spawn({"true"}, "/no/such/folder/file"));
}

TEST(Process, KnowsItself) {
    EXPECT_NE(own_program().value().find("io_test"), std::string::npos);
    EXPECT_FALSE(environment("GONGSHU_NOBODY_SETS_THIS"));
    EXPECT_TRUE(environment("PATH"));
    EXPECT_FALSE(host_name().empty());
}

}  // namespace
}  // namespace gongshu::io
