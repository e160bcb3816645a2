#include "connect/outbound.h"

#include <gtest/gtest.h>

#include <optional>

#include "io/sim.h"

namespace gongshu::connect {
namespace {

TEST(Outbound, AddressesOfServers) {
    auto f = [](const char* text, const char* address, bool secure, const char* host, const char* target) {
        const auto url = parse_http_url(text);
        ASSERT_TRUE(url) << text;
        EXPECT_EQ(io::to_string(url->address), address);
        EXPECT_EQ(url->secure, secure) << text;
        EXPECT_EQ(url->host, host) << text;
        EXPECT_EQ(url->target, target) << text;
    };
    f("http://plant.lan", "plant.lan:80", false, "plant.lan", "/");
    f("https://plant.lan", "plant.lan:443", true, "plant.lan", "/");
    f("https://plant.lan:8443/a/b?c=d#e", "plant.lan:8443", true, "plant.lan:8443", "/a/b?c=d");
    f("http://plant.lan:443?x", "plant.lan:443", false, "plant.lan:443", "/?x");
    f("http://[::1]", "[::1]:80", false, "[::1]", "/");
    f("http://[fe80::1]:81/", "[fe80::1]:81", false, "[fe80::1]:81", "/");
    for (const char* text :
         {"", "plant.lan", "ftp://plant.lan", "http://", "http:///x", "https://u@plant.lan", "http://plant.lan:0",
          "http://plant.lan:70000", "http://a b", "http://a/\r\nx: y", "HTTP://a", "http://:80"})
        EXPECT_FALSE(parse_http_url(text)) << text;
}

struct Far {
    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::vector<std::unique_ptr<io::Stream>> peers;
    std::string received, answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    bool hangs_up = false;
    std::unique_ptr<io::Listener> listener =
        loop->listen({"10.0.0.9", 80}, {}, [this](auto stream) { take(std::move(stream)); }).value();

    void take(std::unique_ptr<io::Stream> stream) {
        io::Stream* const one = stream.get();
        peers.push_back(std::move(stream));
        one->start({.on_data =
                        [this, one](Bytes bytes) {
                            const bool first = received.empty();
                            received += as_text(bytes);
                            if (!first) return;
                            one->send(as_bytes(answer));
                            if (hangs_up) one->close();
                        },
                    .on_closed = [](const Error&) {},
                    .on_drained = {}});
    }

    // "200 ok", or why not.
    std::string call(HttpCall call) {
        std::optional<std::string> said;
        call.request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        if (call.address.host.empty()) call.address = {"10.0.0.9", 80};
        http_call(*loop, std::move(call), [&](Result<wire::HttpResponse> result) {
            EXPECT_FALSE(said) << "called twice";
            said = result ? fmt::format("{} {}", result->status, result->body) : result.error().text();
        });
        sim.run_for(2 * kMinute);
        return said.value_or("never called");
    }
};

TEST(Outbound, OneRequestAndItsAnswer) {
    Far far;
    EXPECT_EQ(far.call({}), "200 ok");
    EXPECT_EQ(far.received, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    far.received.clear();
    far.answer = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
    far.hangs_up = true;
    EXPECT_EQ(far.call({}), "200 until the end");
    far.received.clear();
    far.answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok";
    EXPECT_EQ(far.call({}), "the connection ended early: closed by peer");
    far.hangs_up = false;
    far.received.clear();
    EXPECT_EQ(far.call({.timeout = 30 * kSecond}), "no answer within 30 s");
    far.received.clear();
    far.answer = "220 mail ESMTP\r\n\r\n";
    EXPECT_TRUE(far.call({}).starts_with("cannot understand the answer"));
    EXPECT_TRUE(far.call({.address = {"10.0.0.8", 80}}).starts_with("cannot connect to 10.0.0.8:80"));
}

TEST(Outbound, AnAnswerThatIsTooLongIsAnErrorOrCut) {
    Far far;
    far.answer = "HTTP/1.1 500 No\r\ncontent-length: 5000\r\n\r\n" + std::string(5'000, 'x');
    EXPECT_FALSE(far.call({.body_bytes_max = 1'000}).starts_with("500"));
    far.received.clear();
    EXPECT_TRUE(far.call({.body_bytes_max = 1'000, .cut_body = true}).starts_with("500"));
}

TEST(Outbound, ThePolicyIsAskedForTheNameAndForWhatItLedTo) {
    Far far;
    std::vector<std::string> asked;
    const auto policy = [&](std::size_t refuse) {
        asked.clear();
        return [&asked, refuse](TenantId, const io::Address& target) -> Result<void> {
            asked.push_back(io::to_string(target));
            if (asked.size() == refuse) return Error{Code::denied, "not there"};
            return {};
        };
    };
    // TLS has not begun when the second question is answered: no byte has gone out.
    const auto tls = io::make_tls_client("").value();
    EXPECT_EQ(far.call({.tls = tls, .may_connect = policy(1)}), "not there");
    EXPECT_EQ(asked, std::vector<std::string>{"10.0.0.9:80"});
    EXPECT_EQ(far.call({.tls = tls, .may_connect = policy(2)}), "not there");
    EXPECT_EQ(asked, (std::vector<std::string>{"10.0.0.9:80", "10.0.0.9:80"}));
    EXPECT_EQ(far.received, "");
    EXPECT_EQ(far.call({.may_connect = policy(3)}), "200 ok");
}

}  // namespace
}  // namespace gongshu::connect
