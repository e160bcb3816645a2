// Our IEC 60870-5-104 at one end of a real socket, for tests/e2e/iec104_test.py:
//   iec104_peer serve           an outstation on a free port of this machine, which it says as {"port":…}; until killed
//   iec104_peer talk HOST:PORT  does what stands on its input, a line each, and says what came of it
//     interrogate 1             common address
//     counters 1
//     read 1/16385
//     clock 1                   2026-11-26T12:34:45.678Z
//     test 1
//     select C_SC_NA_1 1/24577 1     with select before operate; order: without
//     hear 3                    waits for so many messages that nobody asked for
//     stop
// Time-outs are short: t1 3 s, t2 200 ms, t3 500 ms.
#include <fmt/format.h>

#include <iostream>
#include <sstream>

#include "base/time_text.h"
#include "io/loop.h"
#include "wire/iec104_client.h"
#include "wire/sim_iec104.h"

namespace gongshu {
namespace {

using namespace wire::iec104;

void say(const std::string& text) { std::cout << text << std::endl; }

int fail(const std::string& text) {
    std::cerr << "iec104_peer: " << text << "\n";
    return 1;
}

const TimeNs kTime = 1'795'696'485'678 * kMillisecond;

Object at(std::uint32_t address, std::int64_t number, std::uint8_t flags = 0) {
    Object object;
    object.address = address;
    object.number = number;
    object.flags = flags;
    return object;
}

// What iec104_test.py expects to be there.
void furnish(SimOutstation& station) {
    station.points[{Type::m_sp_na_1, 1}] = at(1, 1);
    station.points[{Type::m_sp_na_1, 2}] = at(2, 0, kInvalid | kNotTopical);
    station.points[{Type::m_dp_tb_1, 3}] = at(3, 2, kSubstituted);
    station.points[{Type::m_dp_tb_1, 3}].time = to_time(kTime);
    station.points[{Type::m_st_na_1, 4}] = at(4, -5);
    station.points[{Type::m_me_na_1, 0x4001}] = at(0x4001, -16384);
    station.points[{Type::m_me_nb_1, 0x4002}] = at(0x4002, -300, kOverflow);
    station.points[{Type::m_me_nc_1, 0x4003}] = at(0x4003, 0, kBlocked);
    station.points[{Type::m_me_nc_1, 0x4003}].real = 25.5f;
    station.points[{Type::m_it_na_1, 0x6401}] = at(0x6401, 123'456);
    station.points[{Type::m_it_na_1, 0x6401}].sequence = 9;
    station.orders_known = {0x6001, 0x6201};
}

// One client at a time.
class Server {
public:
    explicit Server(io::Loop& loop) {
        furnish(station_);
        listener_ = loop.listen({"127.0.0.1", 0}, {},
                                [this](std::unique_ptr<io::Stream> stream) {
                                    stream_ = std::move(stream);
                                    station_.begin();
                                    io::Stream::Events events;
                                    events.on_data = [this](Bytes bytes) { stream_->send(station_.feed(bytes)); };
                                    events.on_closed = [this](const Error&) { stream_.reset(); };
                                    stream_->start(std::move(events));
                                })
                        .value();
        say(fmt::format("{{\"port\":{}}}", listener_->address().port));
    }

private:
    SimOutstation station_;
    std::unique_ptr<io::Listener> listener_;
    std::unique_ptr<io::Stream> stream_;
};

constexpr ClientOptions kOptions{.t1 = 3 * kSecond, .t2 = 200 * kMillisecond, .t3 = 500 * kMillisecond};

// Goes through the lines, one conversation.
class Talker {
public:
    Talker(io::Loop& loop, const io::Address& address) : loop_(loop), client_(kOptions) {
        loop.connect(address, {}, [this](Result<std::unique_ptr<io::Stream>> stream) {
            if (!stream) return say(stream.error().text()), loop_.stop();
            stream_ = std::move(*stream);
            io::Stream::Events events;
            events.on_data = [this](Bytes bytes) { act(client_.feed(bytes, now())); };
            events.on_closed = [this](const Error& error) { act(client_.lose(error)); };
            stream_->start(std::move(events));
            act(client_.begin(now()));
        });
    }

private:
    DurationNs now() const { return loop_.clock().monotonic(); }

    void act(Turn turn) {
        if (!turn.send.empty()) stream_->send(turn.send);
        for (const Event& event : turn.events) on_event(event);
        loop_.cancel(timer_);
        if (const auto due = client_.due())
            timer_ = loop_.after(std::max<DurationNs>(0, *due - now()), [this] { act(client_.tick(now())); });
    }

    void on_event(const Event& event) {
        if (std::holds_alternative<Up>(event)) return say("up"), next();
        if (const auto* down = std::get_if<Down>(&event)) return say("down: " + down->reason.text()), loop_.stop();
        if (const auto* told = std::get_if<Told>(&event)) return on_told(told->asdu);
        const auto& progress = std::get<Progress>(event);
        constexpr std::string_view kStages[] = {"selected", "confirmed", "ended", "failed"};
        const auto stage = kStages[static_cast<std::size_t>(progress.stage)];
        say(progress.error ? fmt::format("{}: {}", stage, progress.error->text()) : std::string(stage));
        if (progress.stage >= Stage::ended) next();
    }

    void on_told(const Asdu& asdu) {
        for (const Object& object : asdu.objects) {
            const auto time = object.time ? time_of(*object.time) : std::nullopt;
            const auto type = wire::iec104::to_string(asdu.type);
            const auto cause = wire::iec104::to_string(asdu.cause);
            say(fmt::format("{} {}/{} = {} {} ({}){}", type, asdu.common_address, object.address,
                            number_of(asdu.type, object), gongshu::to_string(quality_of(asdu.type, object)), cause,
                            time ? " " + format_time(*time) : ""));
        }
        const bool unasked = asdu.cause == Cause::spontaneous || asdu.cause == Cause::initialised;
        if (unasked && hearing_ > 0 && --hearing_ == 0) next();
    }

    void next() {
        std::string text;
        if (!std::getline(std::cin, text)) text = "stop";
        std::istringstream in(text);
        std::string verb, first, second;
        in >> verb >> first;
        if (verb == "hear") {
            hearing_ = std::stoi(first);
            return;
        }
        // Not from within feed(): what this sends would come before what that sends.
        loop_.after(0, [this, verb, first, rest = std::string(std::istreambuf_iterator<char>(in), {})] {
            if (verb == "stop") return act(client_.stop(now()));
            const auto asked = ask(verb, first, rest);
            if (!asked) say(asked.error().text()), next();
            act(client_.tick(now()));
        });
    }

    Result<RequestId> ask(const std::string& verb, const std::string& first, const std::string& rest) {
        if (verb == "read") {
            const Address address = parse_address(first).value();
            return client_.read(*address.common_address, address.address);
        }
        if (verb == "select" || verb == "order") {
            std::istringstream in(rest);
            std::string place;
            double value = 0;
            in >> place >> value;
            const Address address = parse_address(first + " " + place).value();
            Command command{.type = *address.type, .common_address = *address.common_address};
            command.object = at(address.address, 0);
            command.select_first = verb == "select";
            if (command.type == Type::c_se_nc_1)
                command.object.real = static_cast<float>(value);
            else
                command.object.number = static_cast<std::int64_t>(value);
            if (has_time(command.type)) command.object.time = to_time(kTime);
            return client_.command(command);
        }
        const auto station = static_cast<std::uint16_t>(std::stoi(first));
        if (verb == "interrogate") return client_.interrogate(station);
        if (verb == "counters") return client_.interrogate_counters(station);
        if (verb == "clock") return client_.set_clock(station, to_time(kTime).value());
        if (verb == "test") return client_.test(station, 513, to_time(kTime).value());
        return Error{Code::invalid, "no such verb"};
    }

    io::Loop& loop_;
    Client client_;
    std::unique_ptr<io::Stream> stream_;
    io::TimerId timer_{};
    int hearing_ = 0;
};

}  // namespace
}  // namespace gongshu

int main(int argc, char** argv) {
    using namespace gongshu;
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (verb == "serve" && argc == 2) {
        const Server server(*loop);
        loop->run();
        return 0;
    }
    const auto address = io::parse_address(argc > 2 ? argv[2] : "");
    if (verb != "talk" || argc != 3 || !address) return fail("serve, or talk HOST:PORT");
    const Talker talker(*loop, *address);
    loop->run();
    return 0;
}
