#include "io/tls.h"

#include <gtest/gtest.h>

#include <optional>

#include "io/detail/test_place.h"

namespace gongshu::io {
namespace {

constexpr TimeNs kNow = 1'700'000'000 * kSecond;  // where simulated time begins

// TLS is the same code on both loops; each case runs on both.
class BothTls : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (GetParam()) {
            const auto clock = make_system_clock();
            now = clock->now();
            place = std::make_unique<RealPlace>();
        } else {
            now = kNow;
            place = std::make_unique<SimPlace>();
        }
        authority = make_certificate_authority("Gongshu test", now).value();
    }
    void TearDown() override {
        place->in([this] {
            client.reset();
            server.reset();
            listener.reset();
        });
    }

    // The server's certificate is made as of `made_at`.
    void listen(const std::vector<std::string>& names, TimeNs made_at, int days = 30) {
        const auto identity = issue_server_certificate(authority, names, made_at, days);
        ASSERT_TRUE(identity) << identity.error().text();
        certificate_pem = identity->certificate_pem;
        ListenOptions options;
        options.tls = make_tls_server(*identity).value();
        place->in([&] {
            listener = place->loop()
                           .listen({"127.0.0.1", 0}, options,
                                   [this](auto stream) {
                                       server = std::move(stream);
                                       server->start(server_events);
                                   })
                           .value();
        });
    }

    // Connects; the error if it fails.
    std::optional<Error> connect(const std::string& host, const std::string& trusted) {
        return connect(host, make_tls_client(trusted).value());
    }
    std::optional<Error> connect(const std::string& host, std::shared_ptr<const TlsClient> trusted) {
        std::optional<Error> error;
        bool done = false;
        ConnectOptions options;
        options.tls = std::move(trusted);
        place->in([&] {
            place->loop().connect({host, listener->address().port}, options, [&](auto stream) {
                done = true;
                if (!stream) {
                    error = stream.error();
                    return;
                }
                client = std::move(*stream);
                client->start(client_events);
            });
        });
        EXPECT_TRUE(place->until([&] { return done && (error || server); }));
        return error;
    }

    TimeNs now = 0;
    std::string certificate_pem;  // of the listener
    std::unique_ptr<Place> place;
    Identity authority;
    std::unique_ptr<Listener> listener;
    std::unique_ptr<Stream> client;
    std::unique_ptr<Stream> server;
    Stream::Events client_events;
    Stream::Events server_events;
};

INSTANTIATE_TEST_SUITE_P(Tls, BothTls, testing::Bool(),
                         [](const auto& info) { return info.param ? "epoll" : "simulated"; });

TEST_P(BothTls, EchoesBothWays) {
    std::string sent(2'000'000, '\0'), echoed;
    for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 4);
    bool closed = false;
    server_events.on_data = [&](Bytes bytes) { server->send(bytes); };
    client_events.on_data = [&](Bytes bytes) {
        echoed += as_text(bytes);
        client->pause_reading(true);
        place->loop().after(0, [&] {
            if (client) client->pause_reading(false);
        });
    };
    server_events.on_closed = [&](const Error& error) {
        EXPECT_EQ(error.text(), "closed by peer");
        closed = true;
    };
    listen({"localhost", "127.0.0.1"}, now);
    ASSERT_FALSE(connect("localhost", authority.certificate_pem));
    place->in([&] {
        EXPECT_TRUE(client->secure() && server->secure());
        client->send(as_bytes(sent));
    });
    ASSERT_TRUE(place->until([&] { return echoed.size() >= sent.size(); }));
    EXPECT_TRUE(echoed == sent);
    place->in([&] { client.reset(); });
    EXPECT_TRUE(place->until([&] { return closed; }));
}

TEST_P(BothTls, TheHostMustBeInTheCertificate) {
    listen({"127.0.0.1", "plc.example"}, now);
    const auto error = connect("localhost", authority.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::unauthorized);
    EXPECT_NE(error->text().find("the peer's certificate is refused: hostname mismatch"), std::string::npos)
        << error->text();
    EXPECT_FALSE(connect("127.0.0.1", authority.certificate_pem));
}

TEST_P(BothTls, AnotherAuthorityIsRefused) {
    const auto other = make_certificate_authority("somebody else", now).value();
    listen({"127.0.0.1"}, now);
    const auto error = connect("127.0.0.1", other.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::unauthorized);
    EXPECT_TRUE(error->text().starts_with("cannot connect to 127.0.0.1:")) << error->text();
    EXPECT_NE(error->text().find("certificate is refused"), std::string::npos) << error->text();
}

TEST_P(BothTls, OneCertificateIsTrustedByItsFingerprint) {
    listen({"plc.example"}, now - 40 * kDay);
    const std::string shown = certificate_fingerprint(certificate_pem).value();
    const auto error = connect("127.0.0.1", authority.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_TRUE(error->text().ends_with("; its SHA-256 fingerprint is " + shown)) << error->text();
    std::string digits;
    for (const char c : shown)
        if (c != ':') digits += static_cast<char>(c >= 'A' ? c - 'A' + 'a' : c);
    const auto other = connect("127.0.0.1", make_pinned_tls_client(std::string(64, '0')));
    ASSERT_TRUE(other);
    EXPECT_EQ(other->code(), Code::unauthorized);
    EXPECT_TRUE(other->text().ends_with("not the one that is trusted: its SHA-256 fingerprint is " + shown)) << other->text();
    // Neither its name nor its time count.
    EXPECT_FALSE(connect("127.0.0.1", make_pinned_tls_client(digits)));
}

TEST_P(BothTls, AnExpiredCertificateIsRefused) {
    listen({"127.0.0.1"}, now - 40 * kDay);
    const auto error = connect("127.0.0.1", authority.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_NE(error->text().find("certificate has expired"), std::string::npos) << error->text();
}

TEST_P(BothTls, ACertificateOfTheFutureIsRefused) {
    listen({"127.0.0.1"}, now + 10 * kDay);
    const auto error = connect("127.0.0.1", authority.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_NE(error->text().find("not yet valid"), std::string::npos) << error->text();
}

TEST_P(BothTls, PlainBytesOnATlsPortAreRefused) {
    listen({"127.0.0.1"}, now);
    bool closed = false;
    client_events.on_closed = [&](const Error&) { closed = true; };
    place->in([&] {
        place->loop().connect(listener->address(), {}, [&](auto stream) {
            client = std::move(*stream);
            client->start(client_events);
            client->send(as_bytes("GET / HTTP/1.1\r\n\r\n"));
        });
    });
    EXPECT_TRUE(place->until([&] { return closed; }));
    EXPECT_FALSE(server);
    place->in([&] { client.reset(); });
    EXPECT_FALSE(connect("127.0.0.1", authority.certificate_pem));  // others are not disturbed
}

TEST_P(BothTls, TlsToAPlainPortSaysSo) {
    place->in([&] {
        listener = place->loop()
                       .listen({"127.0.0.1", 0}, {},
                               [this](auto stream) {
                                   server = std::move(stream);
                                   server->start({.on_data = [this](Bytes) {
                                       server->send(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
                                   }});
                               })
                       .value();
    });
    const auto error = connect("127.0.0.1", authority.certificate_pem);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::malformed);
    EXPECT_NE(error->text().find("the peer does not speak TLS here: its first byte is 0x48"), std::string::npos);
}

TEST_P(BothTls, ASecureStreamMayBeDestroyedInItsCallbacks) {
    bool gone = false;
    server_events.on_data = [&](Bytes) {
        server->send(as_bytes("bye"));
        server.reset();
        gone = true;
    };
    std::string got;
    client_events.on_data = [&](Bytes bytes) { got += as_text(bytes); };
    client_events.on_closed = [&](const Error&) { client.reset(); };
    listen({"127.0.0.1"}, now);
    ASSERT_FALSE(connect("127.0.0.1", authority.certificate_pem));
    place->in([&] { client->send(as_bytes("hello")); });
    EXPECT_TRUE(place->until([&] { return gone && !client; }));
    EXPECT_EQ(got, "bye");
}

TEST(Tls, TellsAFingerprintAsPhonesDo) {
    // Of `openssl req -x509 -newkey ed25519`, told by `openssl x509 -fingerprint -sha256`.
    constexpr const char* kPem = R"PEM(-----BEGIN CERTIFICATE-----
MIIBMjCB5aADAgECAhR/sz2O2jYAvbv51NVLr5Z/+hoR5DAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAeFw0yNjExMjEwNjMxMDdaFw0zNjExMTgwNjMxMDdaMA8xDTAL
BgNVBAMMBHRlc3QwKjAFBgMrZXADIQD9w53arUWHmmZhhrnrRaGgsoxVrRwu44P2
0+ZIqvn466NTMFEwHQYDVR0OBBYEFCU4CokROyOUkpAOl+GoAiXdq8T2MB8GA1Ud
IwQYMBaAFCU4CokROyOUkpAOl+GoAiXdq8T2MA8GA1UdEwEB/wQFMAMBAf8wBQYD
K2VwA0EAj3+aCV/mT0UGCm+nzUF3Q4D4QBNOPnYfo2RQUmi54GT3n/DurDLuK3kc
8YWK6NIm73iljx66cNa013lNggnBDA==
-----END CERTIFICATE-----
)PEM";
    EXPECT_EQ(certificate_fingerprint(kPem).value(),
              "25:AB:18:63:D9:39:AF:F8:D3:D6:6E:7F:A8:77:74:09:"
              "34:DE:DE:B6:BF:14:D8:41:24:00:EE:B3:6D:13:95:84");
    EXPECT_EQ(certificate_fingerprint("no PEM").error().code(), Code::invalid);
}

TEST(Tls, AHandshakeThatDoesNotEndTimesOut) {
    SimPlace place;
    const auto authority = make_certificate_authority("test", kNow).value();
    ListenOptions options;
    options.tls = make_tls_server(issue_server_certificate(authority, {"a"}, kNow, 1).value()).value();
    const auto secure = place.loop().listen({"a", 1}, options, [](auto) { FAIL(); }).value();
    const auto silent = place.loop()
                            .listen({"a", 2}, {},
                                    [](auto stream) {
                                        static std::unique_ptr<Stream> kept;
                                        kept = std::move(stream);
                                        kept->start({.on_closed = [](const Error&) { kept.reset(); }});
                                    })
                            .value();
    std::unique_ptr<Stream> mute;
    bool closed = false;
    place.loop().connect({"a", 1}, {}, [&](auto stream) {
        mute = std::move(*stream);
        mute->start({.on_closed = [&](const Error&) { closed = true; }});
        mute->send(as_bytes("\x16\x03"));
    });
    std::optional<Error> error;
    ConnectOptions connect;
    connect.tls = make_tls_client(authority.certificate_pem).value();
    place.loop().connect({"a", 2}, connect, [&](auto stream) { error = stream.error(); });
    place.world().run_for(9 * kSecond);
    EXPECT_FALSE(closed);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), Code::timeout);
    place.world().run_for(2 * kSecond);
    EXPECT_TRUE(closed);
}

// As STARTTLS does: some bytes in clear on both sides, then the same link goes on with TLS; the wrong name is noticed.
TEST(Tls, APlainStreamGoesOnWithTls) {
    for (const auto& [name, want] : {std::pair{"mail.lan", true}, std::pair{"other.lan", false}}) {
        SimPlace place;
        const auto authority = make_certificate_authority("test", kNow).value();
        const auto server = make_tls_server(issue_server_certificate(authority, {"mail.lan"}, kNow, 30).value()).value();
        const auto secure = place.loop().listen({"a", 2}, {.tls = server}, [](auto) {}).value();
        // What is sent to the plain port comes to the secure one after the first word.
        std::unique_ptr<Stream> near, far;
        const auto plain = place.loop()
                               .listen({"a", 1}, {},
                                       [&](auto stream) {
                                           near = std::move(stream);
                                           near->start({.on_data = [&](Bytes bytes) {
                                               if (far) return far->send(bytes);
                                               EXPECT_EQ(as_text(bytes).substr(0, 1), "g");
                                               if (!as_text(bytes).ends_with('\n')) return;
                                               place.loop().connect({"a", 2}, {}, [&](auto made) {
                                                   far = std::move(*made);
                                                   far->start({.on_data = [&](Bytes answer) { near->send(answer); }});
                                                   near->send(as_bytes("r"));
                                               });
                                           }});
                                       })
                               .value();
        std::unique_ptr<Stream> mine;
        std::optional<Result<void>> shaken;
        place.loop().connect({"a", 1}, {}, [&](auto made) {
            mine = std::move(*made);
            mine->start({.on_data = [&](Bytes) {
                place.loop().secure(std::move(mine), make_tls_client(authority.certificate_pem).value(), name, 5 * kSecond,
                                    [&](auto made_secure) {
                                        shaken = made_secure ? Result<void>{} : Result<void>(made_secure.error());
                                        if (made_secure) mine = std::move(*made_secure);
                                    });
            }});
            mine->send(as_bytes("g\n"));
        });
        place.world().run_for(10 * kSecond);
        ASSERT_TRUE(shaken) << name;
        EXPECT_EQ(shaken->has_value(), want) << name;
        if (want) {
            EXPECT_TRUE(mine->secure());
        }
    }
}

TEST(Tls, BadCertificatesAndNamesAreErrors) {
    const auto authority = make_certificate_authority("test", kNow).value();
    const auto other = make_certificate_authority("test", kNow).value();
    EXPECT_FALSE(make_tls_server({"", ""}));
    EXPECT_FALSE(make_tls_server({authority.certificate_pem, "nonsense"}));
    EXPECT_FALSE(make_tls_server({authority.certificate_pem, other.key_pem}));
    EXPECT_FALSE(make_tls_client("nonsense"));
    EXPECT_FALSE(issue_server_certificate(authority, {}, kNow, 30));
    EXPECT_FALSE(issue_server_certificate(authority, {"a,DNS:b"}, kNow, 30));
    EXPECT_FALSE(issue_server_certificate(authority, {"a"}, kNow, 826));
    EXPECT_FALSE(issue_server_certificate({"x", "y"}, {"a"}, kNow, 30));
    EXPECT_TRUE(issue_server_certificate(authority, {"a", "::1", "10.0.0.1", "*.b.c"}, kNow, 825));
    EXPECT_EQ(make_tls_server({"", ""}).error().text().find("the certificate cannot be read"), 0u);
}

}  // namespace
}  // namespace gongshu::io
