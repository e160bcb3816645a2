#include "connect/sim_melsec.h"

#include <gtest/gtest.h>

#include "io/sim.h"
#include "wire/mc_plan.h"

namespace gongshu::connect {
namespace {

using wire::mc::Coding;
using wire::mc::Command;
using wire::mc::Frame;
using wire::melsec::Family;
using Mood = SimMelsec::Mood;

const io::Address kPlc{"10.0.0.9", 5007};

// A simulated PLC and one who asks it, one request after another, by our own client side.
struct World {
    explicit World(const wire::mc::Link& link) : link(link) {
        loop->connect(kPlc, {}, [this](Result<std::unique_ptr<io::Stream>> connected) {
            stream = std::move(connected.value());
            io::Stream::Events events;
            events.on_data = [this](Bytes bytes) {
                const auto fed = decoder.feed(bytes, [this](const wire::mc::Message& message) {
                    serial = message.serial;
                    reply = wire::mc::decode_reply(this->link, asked, message.body);
                    return true;
                });
                if (!fed) reply = fed.error();
            };
            events.on_closed = [this](const Error& error) { reply = error; };
            stream->start(std::move(events));
        });
        EXPECT_TRUE(sim.run_until([this] { return stream != nullptr; }, 10 * kSecond));
    }

    Result<wire::mc::Reply> ask(const wire::mc::Request& request) {
        asked = request;
        reply.reset();
        decoder.expect(request);
        stream->send(TRY(wire::mc::encode_request(link, 77, request)));
        if (!sim.run_until([this] { return reply.has_value(); }, 5 * kSecond)) return wire::mc::no_answer(link);
        return *reply;
    }
    Result<wire::mc::Reply> read(const char* address, std::uint16_t points, Command command = Command::read_words) {
        return ask({command, {{plc.cpu.place(address), points}}, {}, {}});
    }

    const wire::mc::Link link;
    io::SimWorld sim{1};
    std::unique_ptr<io::Loop> loop = sim.make_loop();
    std::unique_ptr<io::Loop> plant_loop = sim.make_loop();
    SimMelsec plc{*plant_loop, kPlc, link};
    std::unique_ptr<io::Stream> stream;
    wire::mc::FrameDecoder decoder{link, wire::mc::FrameDecoder::Side::client};
    wire::mc::Request asked;
    std::optional<Result<wire::mc::Reply>> reply;
    std::uint16_t serial = 0;
};

std::vector<wire::mc::Link> links() {
    std::vector<wire::mc::Link> all;
    for (const Coding coding : {Coding::binary, Coding::ascii}) {
        for (const Family family : {Family::q_l, Family::iq_r, Family::iq_f})
            for (const Frame frame : {Frame::e3, Frame::e4}) all.push_back({frame, coding, family, {}, 16});
        for (const Family family : {Family::fx3, Family::q_l}) all.push_back({Frame::e1, coding, family, {}, 10});
    }
    all.push_back({Frame::e3, Coding::ascii_octal, Family::iq_f, {}, 16});
    return all;
}

TEST(SimMelsec, KeepsWhatIsWrittenInEveryFrameAndCoding) {
    for (const wire::mc::Link& link : links()) {
        World world{link};
        SimMelsecCpu& cpu = world.plc.cpu;
        cpu.relay("X17") = true;
        EXPECT_EQ(world.read("X17", 1, Command::read_bits)->bits, std::vector<std::uint8_t>{1});
        ASSERT_TRUE(world.ask({Command::write_words, {{cpu.place("D100"), 3}}, {1, 0x8000, 0xffff}, {}}));
        EXPECT_EQ(world.read("D99", 5)->words, (std::vector<std::uint16_t>{0, 1, 0x8000, 0xffff, 0}));
        ASSERT_TRUE(world.ask({Command::write_bits, {{cpu.place("M21"), 3}}, {}, {1, 0, 1}}));
        EXPECT_EQ(world.read("M20", 5, Command::read_bits)->bits, (std::vector<std::uint8_t>{0, 1, 0, 1, 0}));
        EXPECT_EQ(world.read("M16", 1)->words, std::vector<std::uint16_t>{0x00a0});
        ASSERT_TRUE(world.ask({Command::write_words, {{cpu.place("M32"), 1}}, {0x8001}, {}}));
        EXPECT_TRUE(cpu.relay("M32") && cpu.relay("M47") && !cpu.relay("M33"));
        const auto model = world.ask({Command::read_model, {}, {}, {}});
        EXPECT_EQ(model->model_code, link.frame == Frame::e1 ? 0x63 : 0x0263);
        EXPECT_EQ(world.serial, link.frame == Frame::e4 ? 77 : 0);
    }
}

TEST(SimMelsec, PlannedReadsFindEveryValue) {
    for (const wire::mc::Link& link : links()) {
        World world{link};
        SimMelsecCpu& cpu = world.plc.cpu;
        std::vector<wire::melsec::PlanItem> items;
        for (std::uint32_t i = 0; i < 40; ++i) {
            items.push_back({{wire::melsec::DeviceCode::D, i * 37}, 1, i});
            cpu.word(items.back().place) = static_cast<std::uint16_t>(1000 + i);
        }
        for (std::uint32_t i = 0; i < 10; ++i) {
            items.push_back({{wire::melsec::DeviceCode::M, i * 19}, 1, 40 + i});
            cpu.relay(items.back().place) = i % 3 == 0;
        }
        const auto reads =
            wire::mc::pack_reads(wire::melsec::plan_blocks(items, link.family, wire::mc::plan_limits(link)), link);
        EXPECT_EQ(reads.size() == 1, link.frame != Frame::e1);
        std::size_t right = 0;
        for (const auto& read : reads) {
            const auto reply = world.ask(read.request);
            ASSERT_TRUE(reply) << reply.error().text();
            wire::mc::each_value(read, reply->words, [&](const auto& value, std::span<const std::uint16_t> words) {
                const std::size_t i = value.index;
                right += i < 40 ? words[0] == 1000 + i : (words[0] >> value.bit & 1) == (i % 3 == 40 % 3 ? 1 : 0);
            });
        }
        EXPECT_EQ(right, items.size());
    }
}

TEST(SimMelsec, CountersOf32BitsAreTwoWords) {
    World world{{Frame::e1, Coding::ascii, Family::fx3, {}, 10}};
    SimMelsecCpu& cpu = world.plc.cpu;
    cpu.word(cpu.place("CN220"), 0) = 0x614e;
    cpu.word(cpu.place("CN220"), 1) = 0x00bc;
    const auto layout =
        wire::melsec::layout_of({cpu.place("CN220"), {}}, Family::fx3, wire::modbus::Encoding::i32).value();
    const auto words = world.read("CN219", 4)->words;
    EXPECT_EQ(wire::modbus::decode_value(layout.codec, std::span{words}.subspan(2), ValueType::integer).value(),
              Value{std::int64_t{12345678}});
}

TEST(SimMelsec, RefusesAsARealOne) {
    for (const Frame frame : {Frame::e3, Frame::e1}) {
        World world{{frame, Coding::binary, Family::q_l, {}, 16}};
        SimMelsecCpu& cpu = world.plc.cpu;
        auto f = [&](const wire::mc::Request& request, std::uint16_t three_e, std::uint16_t one_e) {
            const auto reply = world.ask(request);
            ASSERT_TRUE(reply) << reply.error().text();
            EXPECT_EQ(reply->end_code, frame == Frame::e1 ? one_e : three_e);
        };
        const wire::mc::Request write{Command::write_words, {{cpu.place("D0"), 1}}, {5}, {}};
        cpu.allows_writing = false;
        f(write, 0x55, 0x55);
        EXPECT_EQ(cpu.word("D0"), 0);
        cpu.missing = {cpu.place("D12"), cpu.place("M40")};
        f({Command::read_words, {{cpu.place("D10"), 3}}, {}, {}}, 0x4031, 0x57);
        f({Command::read_words, {{cpu.place("D10"), 2}}, {}, {}}, 0, 0);
        f({Command::read_words, {{cpu.place("M32"), 1}}, {}, {}}, 0x4031, 0x57);
        f({Command::read_bits, {{cpu.place("M32"), 8}}, {}, {}}, 0, 0);
    }
}

TEST(SimMelsec, APlcWithoutBlocksIsReadWithoutThem) {
    const wire::mc::Link link;
    World world{link};
    world.plc.cpu.knows_blocks = false;
    const auto blocks = wire::melsec::plan_blocks(
        {{world.plc.cpu.place("D0"), 1, 0}, {world.plc.cpu.place("D100"), 5, 1}}, link.family, {});
    const auto first = wire::mc::pack_reads(blocks, link);
    ASSERT_EQ(first.size(), 1u);
    const auto refused = world.ask(first[0].request);
    EXPECT_EQ(refused->end_code, 0xc059);
    EXPECT_NE(wire::mc::refusal(link, first[0].request, *refused).text().find("turn reads of several blocks off"),
              std::string::npos);
    for (const auto& read : wire::mc::pack_reads(blocks, link, {false, false}))
        EXPECT_EQ(world.ask(read.request)->end_code, 0);
}

TEST(SimMelsec, Misbehaves) {
    auto f = [](Mood mood, const char* want) {
        World world{{Frame::e4, Coding::binary, Family::q_l, {}, 16}};
        world.plc.mood = mood;
        const auto reply = world.read("D0", 1);
        ASSERT_FALSE(reply) << want;
        EXPECT_NE(reply.error().text().find(want), std::string::npos) << reply.error().text();
    };
    f(Mood::silent,
      "the PLC does not answer: is its port open for the MC protocol or SLMP with the frame 4E in binary");
    f(Mood::cut, "does not answer");
    f(Mood::other_coding, "the PLC answers in ASCII, expected binary");
    f(Mood::closes, "closed");
    World world{{Frame::e4, Coding::binary, Family::q_l, {}, 16}};
    world.plc.mood = Mood::other_serial;
    ASSERT_TRUE(world.read("D0", 1));
    EXPECT_NE(world.serial, 77);
}

// ---- programming port ----

std::string told(SimMelsecCpu& cpu, const Buffer& sent) {
    Buffer answer;
    wire::fx::Decoder decoder;
    EXPECT_TRUE(decoder.feed(sent, [&](const wire::fx::Decoder::Piece& piece) { answer = cpu.answer(piece); }));
    return to_hex(answer);
}

TEST(SimMelsecPort, ReadsWritesAndForces) {
    for (const Family family : {Family::fx, Family::fx3}) {
        SimMelsecCpu cpu{family};
        const auto ask = [&](const Result<wire::fx::Request>& request) {
            return told(cpu, encode_request(request.value()));
        };
        EXPECT_EQ(told(cpu, {wire::fx::kEnq}), "06");
        EXPECT_EQ(ask(wire::fx::write_words(cpu.place("D100"), std::vector<std::uint16_t>{0x1234, 0xabcd}, family)),
                  "06");
        EXPECT_EQ(cpu.word("D101"), 0xabcd);
        EXPECT_EQ(ask(wire::fx::read_words({cpu.place("D100"), 2}, family)),
                  to_hex(wire::fx::encode_data(Buffer{0x34, 0x12, 0xcd, 0xab})));
        EXPECT_EQ(ask(wire::fx::force(cpu.place("Y17"), true, family)), "06");
        EXPECT_TRUE(cpu.relay("Y17"));
        EXPECT_EQ(ask(wire::fx::read_words({cpu.place("Y0"), 1}, family)),
                  to_hex(wire::fx::encode_data(Buffer{0x00, 0x80})));
        EXPECT_EQ(ask(wire::fx::force(cpu.place("Y17"), false, family)), "06");
        EXPECT_FALSE(cpu.relay("Y17"));
        EXPECT_EQ(ask(wire::fx::write_words(cpu.place("M16"), std::vector<std::uint16_t>{0x8001}, family)), "06");
        EXPECT_TRUE(cpu.relay("M16") && cpu.relay("M31"));
        EXPECT_EQ(ask(wire::fx::write_words(cpu.place("CN200"), std::vector<std::uint16_t>{0x614e, 0x00bc}, family)),
                  "06");
        EXPECT_EQ(ask(wire::fx::read_words({cpu.place("CN200"), 2}, family)),
                  to_hex(wire::fx::encode_data(Buffer{0x4e, 0x61, 0xbc, 0x00})));
        cpu.word("D8001") = 24300;
        EXPECT_EQ(ask(wire::fx::read_model()), to_hex(wire::fx::encode_data(Buffer{0xec, 0x5e})));
        cpu.allows_writing = false;
        EXPECT_EQ(ask(wire::fx::force(cpu.place("Y0"), true, family)), "15");
        cpu.missing = {cpu.place("D5")};
        EXPECT_EQ(ask(wire::fx::read_words({cpu.place("D4"), 2}, family)), "15");
        EXPECT_EQ(told(cpu, wire::fx::encode_data(Buffer{0xff})), "15");
    }
}

}  // namespace
}  // namespace gongshu::connect
