#include "connect/s7_driver.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"
#include "wire/s7_plan.h"

namespace gongshu::connect {
namespace {

using namespace wire::s7;

// A CPU of our own codec: memory, and what it refuses. Bytes in, bytes out.
class Cpu {
public:
    std::map<std::uint16_t, Buffer> blocks;
    Buffer memory = Buffer(256);
    Buffer counters = Buffer(64);
    std::uint16_t pdu_bytes_max = 240;
    std::uint16_t tpdu_bytes_max = 1024;
    HeaderError refuses = HeaderError::none;  // every message but the agreement
    bool refuses_agreement = false, refuses_connection = false, writes_off = false;
    std::vector<Request> requests;

    Buffer answer(Bytes bytes) {
        Buffer out;
        EXPECT_TRUE(decoder_.feed(bytes, [&](const Arrival& arrival) {
            const Buffer more = on_arrival(arrival);
            out.insert(out.end(), more.begin(), more.end());
            return true;
        }));
        return out;
    }

private:
    Buffer on_arrival(const Arrival& arrival) {
        if (const auto* connect = std::get_if<Connect>(&arrival)) {
            const Connect confirm = connect_confirm(*connect, 1, tpdu_bytes_max);
            tpdu_bytes_ = confirm.tpdu_bytes_max;
            return refuses_connection ? encode_disconnect({connect->source, 0, 3}) : encode_connect(confirm);
        }
        const Message message = decode_message(std::get<Packet>(arrival).pdu).value();
        const Request request = decode_request(message).value();
        requests.push_back(request);
        return encode_packet(encode_reply(message.reference, request, reply_to(request)), tpdu_bytes_);
    }

    Reply reply_to(const Request& request) {
        if (const auto* agreement = std::get_if<Agreement>(&request)) {
            if (refuses_agreement) return Refusal{static_cast<HeaderError>(0x8302)};
            pdu_bytes_ = std::min(agreement->pdu_bytes, pdu_bytes_max);
            return Agreement{1, 1, pdu_bytes_};
        }
        EXPECT_LE(request_bytes(request), pdu_bytes_);
        EXPECT_LE(reply_bytes(request), pdu_bytes_);
        if (refuses != HeaderError::none) return Refusal{refuses};
        if (const auto* read = std::get_if<ReadItems>(&request)) {
            ItemValues values;
            for (const Item& item : read->items) values.items.push_back(value_of(item));
            return values;
        }
        const auto& write = std::get<WriteItems>(request);
        ItemCodes codes;
        for (std::size_t i = 0; i < write.items.size(); ++i)
            codes.items.push_back(writes_off ? ReturnCode::access_denied : take(write.items[i], write.data[i]));
        return codes;
    }

    std::optional<std::span<std::uint8_t>> find(const Item& item, ReturnCode& code) {
        code = ReturnCode::object_missing;
        Buffer* bytes = item.area == Area::memory ? &memory : item.area == Area::counters ? &counters : nullptr;
        if (const auto block = blocks.find(item.block); item.area == Area::data_block && block != blocks.end())
            bytes = &block->second;
        if (bytes == nullptr) return std::nullopt;
        code = ReturnCode::address_out_of_range;
        const std::size_t start = item.area == Area::counters ? item.start * 2 : item.start;
        if (start + byte_count(item) > bytes->size()) return std::nullopt;
        return std::span(*bytes).subspan(start, byte_count(item));
    }
    ItemValue value_of(const Item& item) {
        ReturnCode code{};
        const auto bytes = find(item, code);
        if (!bytes) return {code, {}};
        return {ReturnCode::success, Buffer(bytes->begin(), bytes->end())};
    }
    ReturnCode take(const Item& item, const Buffer& data) {
        ReturnCode code{};
        const auto bytes = find(item, code);
        if (!bytes) return code;
        const auto mask = static_cast<std::uint8_t>(1u << item.bit);
        std::uint8_t& byte = (*bytes)[0];
        if (item.transport == Transport::bit)
            byte = static_cast<std::uint8_t>(data[0] != 0 ? byte | mask : byte & ~mask);
        else
            std::ranges::copy(data, bytes->begin());
        return ReturnCode::success;
    }

    FrameDecoder decoder_;
    std::uint16_t tpdu_bytes_ = 0;
    std::uint16_t pdu_bytes_ = 0;
};

struct Named {
    std::string at, as;
    ValueType type = ValueType::number;
    double scale = 1, offset = 0;
    DurationNs period = kSecond;
};

struct World {
    explicit World(const std::vector<Named>& list, std::size_t split_bytes = 0) : split_bytes(split_bytes) {
        auto made = std::make_shared<LinkConfig>();
        made->language = Language::s7;
        DeviceConfig& device = made->devices.emplace_back();
        for (const Named& named : list) {
            PropertyConfig& property = device.properties.emplace_back();
            property.name = "p" + std::to_string(device.properties.size() - 1);
            property.type = named.type;
            property.period = named.period;
            property.place = {named.at, named.as, named.scale, named.offset};
        }
        config = made;
        driver = make_s7_driver(*config);
        auto points = std::make_shared<PointSet>();
        points->config = config;
        for (const PropertyConfig& property : config->devices[0].properties)
            points->points.push_back({&config->devices[0], &property});
        set = points;
        plan = driver->plan(set);
        driver->begin_link();
        for (int i = 0; i < 400; ++i) cpu.blocks[1].push_back(static_cast<std::uint8_t>(i));
    }

    const DeviceConfig& device() const { return config->devices[0]; }
    const PropertyConfig& property(std::size_t i) const { return device().properties[i]; }

    // Bytes of the CPU to the driver, whole or in pieces.
    Result<Step> feed(Bytes bytes) {
        Step last = More{};
        while (!bytes.empty()) {
            const Bytes part = bytes.first(split_bytes == 0 ? bytes.size() : std::min(split_bytes, bytes.size()));
            bytes = bytes.subspan(part.size());
            Step step = TRY(driver->feed(part));
            if (!std::holds_alternative<More>(step)) last = std::move(step);
        }
        return last;
    }
    // Until the exchange has ended. An error of feed() begins with "closed: ".
    Result<Outcome> run(Buffer bytes) {
        for (int messages = 0; messages < 100; ++messages) {
            auto step = feed(cpu.answer(bytes));
            if (!step) return Error{step.error().code(), "closed: {}", step.error().text()};
            if (auto* done = std::get_if<Done>(&*step)) return std::move(done->outcome);
            if (auto* send = std::get_if<Send>(&*step))
                bytes = std::move(send->bytes);
            else
                return Error{Code::timeout, "no answer"};
        }
        return Error{Code::limit, "does not end"};
    }
    Result<Outcome> greet() { return run(driver->greet()); }
    Result<Outcome> read(std::uint32_t poll) { return run(TRY(driver->read(poll))); }
    Result<Outcome> write(std::size_t i, const Value& value) {
        return run(TRY(driver->write(device(), property(i), value)));
    }
    Result<Outcome> read_back(std::size_t i) { return run(TRY(driver->read_back(device(), property(i)))); }

    // Each point as text, by all polls; splits what may be split.
    std::map<std::size_t, std::string> read_all() {
        std::map<std::size_t, std::string> all;
        std::vector<Poll> polls = plan.polls;
        for (int i = 0; i < 200 && !polls.empty(); ++i) {
            const Poll poll = polls.front();
            polls.erase(polls.begin());
            const auto outcome = read(poll.id);
            if (!outcome) {
                for (const std::size_t point : poll.points) all[point] = outcome.error().text();
                continue;
            }
            EXPECT_EQ(outcome->readings.size() + outcome->refused.size(), poll.points.size());
            if (outcome->may_split) {
                ++splits;
                for (Poll& part : driver->split(poll.id)) polls.push_back(std::move(part));
                continue;
            }
            for (const auto& [point, reading, time] : outcome->readings)
                all[point] = reading.error.empty() ? gongshu::to_string(reading.value) : "bad: " + reading.error;
            for (const auto& [point, error] : outcome->refused) all[point] = "refused: " + error.text();
        }
        EXPECT_TRUE(polls.empty());
        return all;
    }

    const std::size_t split_bytes;
    std::shared_ptr<const LinkConfig> config;
    std::shared_ptr<const PointSet> set;
    std::unique_ptr<Driver> driver;
    PollPlan plan;
    Cpu cpu;
    int splits = 0;
};

constexpr const char* kOutOfRange =
    "code 0x05 (the address is out of range: the area or data block is shorter than that, or the data block is "
    "optimised)";

TEST(S7Driver, ReadsWhateverTheSplitOfBytesAndTheAgreedLength) {
    for (const std::uint16_t pdu_bytes : std::initializer_list<std::uint16_t>{64, 112, 240, 480, 960})
        for (const std::size_t split_bytes : {0, 1, 3}) {
            SCOPED_TRACE(testing::Message() << pdu_bytes << " by " << split_bytes);
            World world({{"DB1.DBB0", ""},
                         {"DB1.DBW2", "int", ValueType::integer},
                         {"DB1.DBX3.1", "", ValueType::boolean},
                         {"DB1.DBB200", "char[100]", ValueType::text},
                         {"DB1.DBW2", "", ValueType::number, 0.1, -5},
                         {"C3", ""},
                         {"MW4", "", ValueType::number, 1, 0, 2 * kSecond}},
                        split_bytes);
            world.cpu.pdu_bytes_max = pdu_bytes;
            world.cpu.tpdu_bytes_max = pdu_bytes == 64 ? 128 : 1024;
            for (int i = 200; i < 300; ++i) world.cpu.blocks[1][i] = static_cast<std::uint8_t>('a' + i % 26);
            world.cpu.counters[7] = 0x42;
            ASSERT_TRUE(world.greet());
            EXPECT_EQ(world.plan.polls.size(), 2u);
            auto all = world.read_all();
            EXPECT_EQ(all[0], "0");
            EXPECT_EQ(all[1], "515");
            EXPECT_EQ(all[2], "true");
            EXPECT_EQ(all[3].size(), 100u);
            EXPECT_EQ(all[3].substr(0, 3), "stu");
            EXPECT_EQ(all[4], "46.5");
            EXPECT_EQ(all[5], "42");
            EXPECT_EQ(all[6], "0");
            EXPECT_EQ(world.driver->take_malformed(), 0u);
        }
}

TEST(S7Driver, TellsWhatCannotBeAskedFor) {
    auto f = [](const Named& named, const std::string& want) {
        World world({named, {"MB0", ""}});
        EXPECT_EQ(world.plan.polls.size(), 1u);
        EXPECT_EQ(world.plan.faults.empty(), want.empty()) << named.at;
        if (want.empty()) return;
        ASSERT_EQ(world.plan.faults.size(), 1u) << named.at << " " << named.as;
        EXPECT_EQ(world.plan.faults[0].point, 0u);
        EXPECT_EQ(world.plan.faults[0].error.text(), want);
        EXPECT_EQ(world.plan.polls[0].points, std::vector<std::size_t>{1});
        const auto write = world.driver->check_write(world.device(), world.property(0), Value{1.0});
        EXPECT_EQ(write.has_value() ? "" : write.error().text(), want);
    };
    f({"DB1.DBX0.0", "", ValueType::integer}, "");
    f({"DB1.DBW0", "", ValueType::boolean}, "");
    f({"DB1", ""},
      "property p0: \"DB1\", character 4: what of DB1 is missing: write DB1.DBX0.0, DB1.DBB0, DB1.DBW0 or DB1.DBD0");
    f({"DB1.DBD0", "int"}, "property p0: \"DB1.DBD0\", character 9: int takes 2 bytes: write DB1.DBW0");
    f({"DB1.DBB0", "string[20]"}, "property p0 is number, which cannot hold the string[20] at DB1.DBB0");
    f({"DB1.DBB0", "dtl", ValueType::integer}, "property p0 is integer, which cannot hold the dtl at DB1.DBB0");
    f({"DB1.DBD0", "real", ValueType::boolean}, "property p0 is boolean, which cannot hold the real at DB1.DBD0");
    f({"DB1.DBD0", "real", ValueType::text}, "property p0 is text, which cannot hold the real at DB1.DBD0");
    f({"DB1.DBD0", "real", ValueType::number, 0}, "property p0: scale and offset must be numbers, the scale not 0");
}

TEST(S7Driver, SplitsWhatIsRefusedAndKeepsTheRest) {
    // The third lies behind the end of the block and spoils what it was joined with; DB9 is not there at all.
    World world({{"DB1.DBW380", ""},
                 {"DB1.DBW390", ""},
                 {"DB1.DBW400", ""},
                 {"DB1.DBW0", ""},
                 {"DB9.DBW0", ""},
                 {"DB9.DBW2", ""}});
    ASSERT_TRUE(world.greet());
    ASSERT_EQ(world.plan.polls.size(), 1u);
    const auto first = world.read(world.plan.polls[0].id);
    ASSERT_TRUE(first);
    EXPECT_TRUE(first->may_split);
    ASSERT_EQ(first->refused.size(), 5u);
    EXPECT_EQ(first->readings.size(), 1u);
    EXPECT_EQ(first->refused[0].error.text(), std::string("DB1, byte 380 (22 bytes): ") + kOutOfRange);
    auto all = world.read_all();
    EXPECT_EQ(all[0], "31869");
    EXPECT_EQ(all[1], "34439");
    EXPECT_EQ(all[2], std::string("refused: DB1, byte 400 (2 bytes): ") + kOutOfRange);
    EXPECT_EQ(all[3], "1");
    EXPECT_TRUE(all[4].starts_with("refused: DB9, byte 0 (2 bytes): code 0x0a")) << all[4];
    EXPECT_TRUE(all[5].starts_with("refused: DB9, byte 2 (2 bytes): code 0x0a")) << all[5];
    EXPECT_EQ(world.splits, 1);
}

TEST(S7Driver, RefusesAllWhenTheMessageIsRefused) {
    World world({{"DB1.DBW0", ""}, {"MW0", ""}});
    ASSERT_TRUE(world.greet());
    world.cpu.refuses = HeaderError::function_unavailable;
    const auto outcome = world.read(world.plan.polls[0].id);
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(outcome->may_split);
    ASSERT_EQ(outcome->refused.size(), 2u);
    EXPECT_TRUE(outcome->refused[1].error.text().find("PUT/GET is off") != std::string::npos);
}

TEST(S7Driver, ReadsAndWritesWhatIsLongerThanAMessage) {
    World world({{"DB1.DBB0", "wstring[150]", ValueType::text}, {"DB1.DBB380", ""}}, 7);
    world.cpu.blocks[1].assign(400, 0);
    ASSERT_EQ(world.plan.polls.size(), 2u);
    world.cpu.blocks[1][1] = 150;
    ASSERT_TRUE(world.greet());
    std::string text;
    for (int i = 0; i < 150; ++i) text += static_cast<char>('A' + i % 26);
    ASSERT_TRUE(world.driver->check_write(world.device(), world.property(0), Value{text}));
    const auto written = world.write(0, Value{text});
    ASSERT_TRUE(written);
    EXPECT_TRUE(written->errors.empty());
    EXPECT_TRUE(world.driver->may_have_written());
    EXPECT_EQ(world.cpu.requests.size(), 1u + 2u);
    EXPECT_EQ(world.read_all()[0], text);
    const auto back = world.read_back(0);
    ASSERT_TRUE(back);
    EXPECT_FALSE(world.driver->may_have_written());
    EXPECT_EQ(back->readings.at(0).reading.value, Value{text});
    EXPECT_FALSE(world.driver->check_write(world.device(), world.property(0), Value{text + "x"}));
}

TEST(S7Driver, WritesEveryKindOfValueAndReadsItBack) {
    auto f = [](const Named& named, const Value& value, const Value& back) {
        World world({named}, 1);
        world.cpu.blocks[1].assign(400, 0);
        world.cpu.blocks[1][10] = 20;  // longest length of a string there
        ASSERT_TRUE(world.greet());
        ASSERT_TRUE(world.driver->check_write(world.device(), world.property(0), value)) << named.at;
        const auto written = world.write(0, value);
        ASSERT_TRUE(written);
        EXPECT_TRUE(written->errors.empty());
        EXPECT_TRUE(world.driver->may_have_written());
        const auto outcome = world.read_back(0);
        ASSERT_TRUE(outcome);
        ASSERT_EQ(outcome->readings.size(), 1u);
        const Value& got = outcome->readings[0].reading.value;
        if (type_of(back) == ValueType::number)
            EXPECT_NEAR(std::get<double>(got), std::get<double>(back), 1e-6) << named.at << " " << named.as;
        else
            EXPECT_EQ(got, back) << named.at << " " << named.as;
        EXPECT_TRUE(world.driver->same(world.property(0), value, got)) << named.at << " " << named.as;
    };
    f({"DB1.DBX4.3", "", ValueType::boolean}, true, true);
    f({"DB1.DBX4.3", "", ValueType::integer}, std::int64_t{1}, std::int64_t{1});
    f({"DB1.DBB4", ""}, 200.0, 200.0);
    f({"DB1.DBW4", "int", ValueType::integer}, std::int64_t{-7}, std::int64_t{-7});
    f({"DB1.DBW4", "int", ValueType::number, 0.1, 2}, 5.3, 5.3);
    f({"DB1.DBD4", "real"}, 7.71, 7.71);
    f({"DB1.DBD4", "real", ValueType::number, 3, 0.1}, 7.71, 7.71);
    f({"DB1.DBB4", "lreal"}, 0.1, 0.1);
    f({"DB1.DBB10", "string[20]", ValueType::text}, std::string("槽3"), std::string("槽3"));
    f({"DB1.DBB20", "char[8]", ValueType::text}, std::string("ab "), std::string("ab"));
    f({"DB1.DBB20", "dtl", ValueType::text}, std::string("2026-03-01 08:00:00"), std::string("2026-03-01T08:00:00"));
    f({"MD8", "time"}, -1500.0, -1500.0);
    f({"C3", "", ValueType::integer}, std::int64_t{42}, std::int64_t{42});

    World world({{"DB1.DBW4", "int", ValueType::number, 0.1}, {"DB1.DBX0.0", "", ValueType::boolean}});
    EXPECT_FALSE(world.driver->same(world.property(0), 5.3, 5.4));
    EXPECT_FALSE(world.driver->same(world.property(1), true, false));
    EXPECT_FALSE(world.driver->check_write(world.device(), world.property(0), 4000.0));
}

TEST(S7Driver, SaysWhyAWriteWasRefused) {
    World world({{"DB1.DBW0", ""}, {"DB1.DBB0", "wstring[150]", ValueType::text}});
    world.cpu.blocks[1][1] = 150;
    ASSERT_TRUE(world.greet());
    world.cpu.writes_off = true;
    const auto item = world.write(0, 5.0);
    ASSERT_TRUE(item);
    ASSERT_EQ(item->errors.size(), 1u);
    EXPECT_EQ(item->errors[0].text(),
              "DB1, byte 0 (2 bytes): code 0x03 (access denied: allow PUT/GET communication in the protection settings "
              "of the CPU)");
    // A long one ends at the first refusal.
    const std::size_t before = world.cpu.requests.size();
    const auto text = world.write(1, std::string(150, 'x'));
    ASSERT_TRUE(text);
    EXPECT_EQ(text->errors.size(), 1u);
    EXPECT_EQ(world.cpu.requests.size(), before + 1);
    // So does a reading back, whose refusal is an error and no refused point.
    world.cpu.refuses = HeaderError::function_unavailable;
    const auto back = world.read_back(0);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->errors.size(), 1u);
    EXPECT_TRUE(back->refused.empty());
    const auto whole = world.write(0, 5.0);
    ASSERT_TRUE(whole);
    ASSERT_EQ(whole->errors.size(), 1u);
    EXPECT_TRUE(whole->errors[0].text().starts_with("the PLC answers with error 0x8104")) << whole->errors[0].text();
}

TEST(S7Driver, IsRefusedWhenItGreets) {
    World connection({Named{"MW0", ""}}, 1);
    connection.cpu.refuses_connection = true;
    const auto refused = connection.greet();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable);
    EXPECT_EQ(refused.error().text(),
              "closed: the PLC refuses the connection: reason 3 (the CPU does not know this TSAP: are rack and slot "
              "right?)");
    World agreement({Named{"MW0", ""}});
    agreement.cpu.refuses_agreement = true;
    const auto no = agreement.greet();
    ASSERT_FALSE(no);
    EXPECT_EQ(no.error().text(), "the PLC answers with error 0x8302 (the CPU has no resources left)");
}

TEST(S7Driver, SkipsLateRepliesAndTellsMalformedOnes) {
    World world({Named{"MW0", ""}}, 1);
    ASSERT_TRUE(world.greet());
    EXPECT_FALSE(world.driver->late());
    const std::uint32_t poll = world.plan.polls[0].id;
    // The answer comes after the time-out: when nothing is asked, and when the next is.
    const Buffer first = world.driver->read(poll).value();
    world.driver->abandon();
    const Buffer late = world.cpu.answer(first);
    const auto heard = world.driver->hear(late);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->malformed, 1u);
    EXPECT_EQ(world.driver->take_malformed(), 0u);
    world.cpu.memory[1] = 9;
    const Buffer second = world.driver->read(poll).value();
    const auto skipped = world.feed(late);
    ASSERT_TRUE(skipped);
    EXPECT_TRUE(std::holds_alternative<More>(*skipped));
    EXPECT_EQ(world.driver->take_malformed(), 1u);
    const auto outcome = world.run(second);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->readings.at(0).reading.value, Value{9.0});

    // Its reference fits, its length does not: an error of this exchange only.
    const Buffer third = world.driver->read(poll).value();
    Buffer pdu;
    FrameDecoder frames;
    const Buffer right = world.cpu.answer(third);
    ASSERT_TRUE(frames.feed(right, [&](const Arrival& arrival) {
        const Bytes bytes = std::get<Packet>(arrival).pdu;
        pdu.assign(bytes.begin(), bytes.end());
        return true;
    }));
    pdu.pop_back();
    auto step = world.feed(encode_packet(pdu));
    ASSERT_TRUE(step);
    ASSERT_TRUE(std::holds_alternative<Done>(*step));
    EXPECT_EQ(std::get<Done>(*step).outcome.error().code(), Code::malformed);
    EXPECT_TRUE(world.read(poll));

    // Two answers at once: the second is nobody's.
    Buffer twice = world.cpu.answer(world.driver->read(poll).value());
    twice.insert(twice.end(), late.begin(), late.end());
    auto both = world.driver->feed(twice);
    ASSERT_TRUE(both);
    EXPECT_TRUE(std::holds_alternative<Done>(*both));
    EXPECT_EQ(world.driver->take_malformed(), 1u);

    // No S7 at all, and the end of the connection: the link is closed.
    EXPECT_EQ(world.driver->hear(encode_disconnect({1, 1, 128})).error().text(),
              "the PLC refuses the connection: reason 128 (the CPU ended the connection)");
    world.driver->begin_link();
    EXPECT_EQ(world.driver->hear(Buffer{'H', 'T', 'T', 'P', '/'}).error().code(), Code::malformed);
    world.driver->begin_link();
    EXPECT_TRUE(world.greet());
}

TEST(S7Driver, TellsWhatGotNoAnswer) {
    World world({{"MW0", ""}, {"DB1.DBW0", ""}, {"DB1.DBW100", ""}});
    auto told = [&] { return world.driver->no_answer(1000).text(); };
    const Buffer connect = world.driver->greet();
    EXPECT_EQ(told(),
              "the PLC did not answer within 1000 ms that we connect to its TSAP 03.01: are rack and slot right, and "
              "has the CPU a connection left?");
    const auto agree = world.feed(world.cpu.answer(connect));
    ASSERT_TRUE(agree);
    EXPECT_EQ(told(), "the PLC did not answer within 1000 ms how long messages may be: has the CPU a connection left?");
    ASSERT_TRUE(world.run(std::get<Send>(*agree).bytes));
    ASSERT_TRUE(world.driver->read(world.plan.polls[0].id));
    EXPECT_EQ(told(),
              "the PLC did not answer within 1000 ms when asked to read M, byte 0 (2 bytes) and 2 more: does the CPU "
              "permit PUT/GET communication?");
    world.driver->abandon();
    ASSERT_TRUE(world.driver->write(world.device(), world.property(1), 5.0));
    EXPECT_EQ(told(),
              "the PLC did not answer within 1000 ms when asked to write DB1, byte 0 (2 bytes): does the CPU permit "
              "PUT/GET communication?");
    EXPECT_TRUE(world.driver->may_have_written());
    EXPECT_EQ(world.driver->describe(world.plan.polls[0].id), "read M, byte 0 (2 bytes) and 2 more");
}

TEST(S7Driver, KeepsAnExchangeOfAFormerPlan) {
    World world({{"MW0", ""}, {"DB9.DBW0", ""}, {"DB9.DBW2", ""}});
    ASSERT_TRUE(world.greet());
    const Buffer bytes = world.driver->read(world.plan.polls[0].id).value();
    const auto former = std::exchange(world.plan, world.driver->plan(std::make_shared<PointSet>()));
    EXPECT_TRUE(world.plan.polls.empty());
    const auto outcome = world.run(bytes);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->readings.size(), 1u);
    EXPECT_EQ(outcome->refused.size(), 2u);
    const PollPlan again = world.driver->plan(world.set);
    EXPECT_GT(again.polls.at(0).id, former.polls.at(0).id);
    // The link waited for silence while the plan was made anew.
    EXPECT_EQ(world.driver->read(former.polls.at(0).id).error().code(), Code::conflict);
}

TEST(S7Driver, StringsOfSmallPlcsHaveNoLongestLength) {
    LinkConfig config;
    config.s7.plc = Plc::s7_200_smart;
    const auto driver = make_s7_driver(config);
    driver->begin_link();
    PropertyConfig property;
    property.type = ValueType::text;
    property.place = {"DB1.DBB0", "string[4]", 1, 0};
    EXPECT_TRUE(driver->check_write({}, property, Value{std::string("abcd")}));
    const Buffer bytes = driver->write({}, property, Value{std::string("ab")}).value();
    EXPECT_TRUE(to_hex(bytes).ends_with("026162")) << to_hex(bytes);
}

// Values at random places: what is read is what a model of the memory says, whatever was planned, split and agreed.
TEST(S7Driver, ReadsWhatIsThere) {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        std::vector<Named> list;
        const std::size_t count = 1 + rng.below(80);
        for (std::size_t i = 0; i < count; ++i) {
            const std::string db = "DB" + std::to_string(1 + rng.below(3));
            const std::string start = std::to_string(rng.below(390));
            const DurationNs period = (1 + rng.below(2)) * kSecond;
            switch (rng.below(5)) {
                case 0:
                    list.push_back({db + ".DBX" + start + ".5", "", ValueType::boolean, 1, 0, period});
                    break;
                case 1:
                    list.push_back({db + ".DBW" + start, "", ValueType::integer, 1, 0, period});
                    break;
                case 2:
                    list.push_back({db + ".DBD" + start, "dword", ValueType::integer, 1, 0, period});
                    break;
                case 3:
                    list.push_back({"MB" + std::to_string(rng.below(256)), "", ValueType::integer, 1, 0, period});
                    break;
                default:
                    list.push_back({db + ".DBB" + std::to_string(rng.below(100)),
                                    "char[" + std::to_string(1 + rng.below(290)) + "]", ValueType::text, 1, 0, period});
            }
        }
        World world(list, rng.below(3));
        constexpr std::uint16_t kLengths[] = {64, 100, 222, 240, 481, 960};
        world.cpu.pdu_bytes_max = kLengths[rng.below(6)];
        world.cpu.blocks.erase(3);  // the CPU has no DB3, and DB2 ends early
        world.cpu.blocks[1].resize(400);
        world.cpu.blocks[2].resize(300);
        for (auto& [number, bytes] : world.cpu.blocks)
            for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(' ' + 1 + rng.below(90));
        for (std::uint8_t& byte : world.cpu.memory) byte = static_cast<std::uint8_t>(rng.next());
        ASSERT_TRUE(world.plan.faults.empty()) << world.plan.faults[0].error.text();
        ASSERT_TRUE(world.greet());
        const auto all = world.read_all();
        ASSERT_EQ(all.size(), list.size());
        for (std::size_t i = 0; i < list.size(); ++i) {
            const Variable variable = parse_variable(list[i].at, list[i].as).value();
            const std::size_t bytes = byte_count(variable.codec);
            const Buffer& area = variable.area == Area::memory ? world.cpu.memory : world.cpu.blocks[variable.block];
            if (variable.start + bytes > area.size()) {
                EXPECT_TRUE(all.at(i).starts_with("refused: ")) << list[i].at << ": " << all.at(i);
                continue;
            }
            const auto value = decode_value(variable, Bytes(area).subspan(variable.start, bytes), list[i].type);
            EXPECT_EQ(all.at(i), gongshu::to_string(value.value())) << list[i].at << " " << list[i].as;
        }
    }
}

// Random commands; a map knows what must be read after them.
TEST(S7Driver, ReadsWhatWasWritten) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng(seed);
        std::vector<Named> list;
        std::map<std::size_t, std::string> model;
        for (std::size_t i = 0; i < 18; ++i) {
            const std::string start = std::to_string(i * 20);
            if (i % 3 == 0) list.push_back({fmt::format("DB1.DBX0.{}", i / 3), "", ValueType::boolean});
            if (i % 3 == 1) list.push_back({"DB1.DBD" + start, "dint", ValueType::integer});
            if (i % 3 == 2) list.push_back({"DB1.DBB" + start, "char[20]", ValueType::text});
            model[i] = i % 3 == 0 ? "false" : i % 3 == 1 ? "0" : "";
        }
        World world(list, rng.below(3));
        world.cpu.blocks[1].assign(400, 0);
        world.cpu.pdu_bytes_max = static_cast<std::uint16_t>(64 + rng.below(300));
        ASSERT_TRUE(world.greet());
        for (int step = 0; step < 60; ++step) {
            const std::size_t i = rng.below(list.size());
            Value value{rng.chance(0.5)};
            if (i % 3 == 1) value = Value{static_cast<std::int64_t>(rng.below(10'000)) - 5000};
            if (i % 3 == 2) value = Value{std::string(rng.below(21), static_cast<char>('a' + rng.below(26)))};
            const auto written = world.write(i, value);
            ASSERT_TRUE(written && written->errors.empty());
            model[i] = gongshu::to_string(value);
            if (step % 20 == 19) {
                EXPECT_EQ(world.read_all(), model);
            }
        }
    }
}

}  // namespace
}  // namespace gongshu::connect
