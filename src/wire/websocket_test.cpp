#include "wire/websocket.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::wire {
namespace {

struct Heard {
    std::vector<std::string> messages;
    std::uint16_t error_code = 0;
};

Heard feed(WsDecoder& decoder, std::string_view bytes, std::size_t piece) {
    Heard heard;
    while (!bytes.empty() && heard.error_code == 0) {
        const std::string_view part = bytes.substr(0, piece);
        const auto fed = decoder.feed(as_bytes(part), [&](WsMessage message) {
            heard.messages.push_back(
                fmt::format("{}:{}:{}", static_cast<int>(message.opcode), message.close_code, message.payload));
        });
        if (!fed) heard.error_code = decoder.error_close_code();
        bytes.remove_prefix(part.size());
    }
    return heard;
}

std::string frame(WsOpcode opcode, std::string_view payload, bool final = true,
                  std::optional<std::uint32_t> mask = 0x11223344) {
    std::string out;
    write_frame(out, opcode, payload, mask, final);
    return out;
}

TEST(WsDecoder, PutsFramesTogetherWhateverTheSplit) {
    const std::string long_text(70'000, 'x');
    auto f = [](const std::string& bytes, const std::vector<std::string>& want) {
        for (const std::size_t piece :
             {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}, bytes.size()}) {
            WsDecoder decoder{WsSide::server};
            const Heard heard = feed(decoder, bytes, piece);
            EXPECT_EQ(heard.error_code, 0);
            EXPECT_EQ(heard.messages, want) << "pieces of " << piece;
        }
    };
    f(frame(WsOpcode::text, "hello"), {"1:0:hello"});
    f(frame(WsOpcode::text, "") + frame(WsOpcode::binary, "\xff"), {"1:0:", "2:0:\xff"});
    f(frame(WsOpcode::text, long_text), {"1:0:" + long_text});
    f(frame(WsOpcode::text, std::string(200, 'y')), {"1:0:" + std::string(200, 'y')});
    f(frame(WsOpcode::text, "a\xe4", false) + frame(WsOpcode::ping, "p") +
          frame(WsOpcode::continuation, "\xb8\xad", false) + frame(WsOpcode::continuation, "z"),
      {"9:0:p", "1:0:a\xe4\xb8\xadz"});
    f(frame(WsOpcode::close, close_payload(1000, "bye")) + frame(WsOpcode::text, "late"), {"8:1000:bye"});
    f(frame(WsOpcode::close, ""), {"8:1005:"});
}

TEST(WsDecoder, EndsTheSessionWithTheRightCode) {
    auto f = [](const std::string& bytes, std::uint16_t want) {
        for (const std::size_t piece : {std::size_t{1}, bytes.size()}) {
            WsDecoder decoder{WsSide::server, 100};
            EXPECT_EQ(feed(decoder, bytes, piece).error_code, want);
        }
    };
    f(frame(WsOpcode::text, "x", true, std::nullopt), kWsProtocol);
    f("\xc1\x80\x01\x02\x03\x04", kWsProtocol);
    f("\x83\x80\x01\x02\x03\x04", kWsProtocol);
    f(frame(WsOpcode::continuation, "x"), kWsProtocol);
    f(frame(WsOpcode::text, "x", false) + frame(WsOpcode::text, "y"), kWsProtocol);
    f("\x09\x81\x01\x02\x03\x04x", kWsProtocol);
    f("\x89\xfe\x01\x02\x03\x04x", kWsProtocol);
    f(frame(WsOpcode::text, std::string(101, 'x')), kWsTooBig);
    f(frame(WsOpcode::text, std::string(60, 'x'), false) + frame(WsOpcode::continuation, std::string(60, 'x')),
      kWsTooBig);
    f(std::string("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", 14), kWsTooBig);
    f(frame(WsOpcode::text, "\xff"), kWsNotUtf8);
    f(frame(WsOpcode::text, "\xed\xa0\x80"), kWsNotUtf8);
    f(frame(WsOpcode::close, std::string("\x03", 1)), kWsProtocol);
    f(frame(WsOpcode::close, close_payload(1005, "")), kWsProtocol);
    f(frame(WsOpcode::close, close_payload(1000, "\xff")), kWsNotUtf8);
}

TEST(WsDecoder, ReadsWhatTheWriterWroteOnBothSides) {
    Rng rng{3};
    for (int round = 0; round < 200; ++round) {
        const bool server = rng.chance(0.5);
        std::string bytes;
        std::vector<std::string> want;
        for (std::uint64_t i = rng.below(5); i > 0; --i) {
            const std::string payload(rng.below(400), static_cast<char>('a' + rng.below(26)));
            const std::optional<std::uint32_t> mask =
                server ? std::optional{static_cast<std::uint32_t>(rng.next())} : std::nullopt;
            const std::size_t cut = rng.below(payload.size() + 1);
            write_frame(bytes, WsOpcode::binary, std::string_view{payload}.substr(0, cut), mask, false);
            write_frame(bytes, WsOpcode::continuation, std::string_view{payload}.substr(cut), mask, true);
            want.push_back("2:0:" + payload);
        }
        WsDecoder decoder{server ? WsSide::server : WsSide::client};
        EXPECT_EQ(feed(decoder, bytes, 1 + rng.below(100)).messages, want);
    }
}

TEST(WsHandshake, ChecksTheRequest) {
    HttpRequest request;
    request.upgrade = true;
    request.headers = {
        {"upgrade", "WebSocket"}, {"sec-websocket-version", "13"}, {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
    EXPECT_EQ(check_ws_handshake(request).value(), "dGhlIHNhbXBsZSBub25jZQ==");
    auto f = [&](auto spoil) {
        HttpRequest bad = request;
        spoil(bad);
        EXPECT_FALSE(check_ws_handshake(bad));
    };
    f([](HttpRequest& bad) { bad.method = HttpMethod::post; });
    f([](HttpRequest& bad) { bad.upgrade = false; });
    f([](HttpRequest& bad) { bad.headers[0].value = "h2c"; });
    f([](HttpRequest& bad) { bad.headers[1].value = "8"; });
    f([](HttpRequest& bad) { bad.headers[2].value = "short=="; });
}

TEST(Utf8, AcceptsOnlyWellFormed) {
    auto f = [](std::string_view text, bool want) { EXPECT_EQ(is_utf8(text), want) << text; };
    f("plain 中文 \xf0\x9f\x98\x80", true);
    f("\xc0\x80", false);
    f("\xe0\x80\x80", false);
    f("\xf4\x90\x80\x80", false);
    f("\xf8\x88\x80\x80\x80", false);
    f("\xe4\xb8", false);
    EXPECT_EQ(close_payload(1000, std::string(121, 'x') + "\xe4\xb8\xad").size(), 2u + 121u);
}

}  // namespace
}  // namespace gongshu::wire
