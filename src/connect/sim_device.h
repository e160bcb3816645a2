#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "connect/link_config.h"
#include "io/loop.h"
#include "wire/modbus_rtu.h"

namespace gongshu::connect {

// A Modbus server for tests, made of our own codec, that can misbehave.
class SimDevice {
public:
    // What it does instead of the right answer.
    enum class Mood {
        right,
        silent,
        wrong_transaction,
        wrong_unit,
        too_short,
        too_long,
        wrong_function,
        broken_header,
        closes,
        broken_crc,  // RTU only, as the next two
        noise,       // around the right answer
        half
    };

    SimDevice(io::Loop& loop, const io::Address& address, Framing framing = Framing::mbap)
        : loop_(loop), address_(address), framing_(framing) {
        power_on();
    }

    void power_on() {
        auto listener =
            loop_.listen(address_, {}, [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); });
        listener_ = std::move(listener.value());
    }
    // As if the plug were pulled: no answer any more, links die.
    void power_off() {
        listener_.reset();
        links_.clear();
    }

    std::uint16_t& holding(std::uint8_t unit, std::uint16_t address) { return registers_[{unit, address}]; }
    std::map<std::pair<std::uint8_t, std::uint16_t>, bool> coils;
    std::set<std::pair<std::uint8_t, std::uint16_t>> illegal;  // reading one of these is exception 2
    std::set<std::pair<std::uint8_t, std::uint16_t>> ignored;  // who begins to read there gets no answer
    std::set<std::uint8_t> dead_units;                         // behind the gateway, answer nothing
    Mood mood = Mood::right;
    DurationNs delay = 0;  // of each answer
    // Called before each right answer; may change registers.
    std::function<void(std::uint8_t unit, const wire::modbus::Request&)> on_request;
    std::function<void(std::uint8_t unit, const wire::modbus::Request&, const wire::modbus::Reply&)> on_reply;
    std::vector<wire::modbus::Request> requests;
    int accepted = 0;

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::modbus::FrameDecoder decoder;
        wire::modbus::RtuRequestDecoder rtu;
        DurationNs answered_at = 0;
    };

    void accept(std::unique_ptr<io::Stream> stream) {
        ++accepted;
        auto link = std::make_shared<Link>();
        link->stream = std::move(stream);
        links_.push_back(link);
        std::weak_ptr<Link> weak = link;
        io::Stream::Events events;
        events.on_data = [this, weak](Bytes bytes) {
            const auto self = weak.lock();
            if (!self) return;
            if (framing_ == Framing::rtu)
                return self->rtu.feed(bytes, [&](const wire::modbus::RtuFrame& frame) {
                    answer(self, 0, frame.unit, frame.pdu);
                    return true;
                });
            (void)self->decoder.feed(bytes, [&](const wire::modbus::Frame& frame) {
                answer(self, frame.transaction, frame.unit, frame.pdu);
                return true;
            });
        };
        events.on_closed = [this, weak](const Error&) { std::erase(links_, weak.lock()); };
        link->stream->start(std::move(events));
    }

    wire::modbus::Reply reply_to(std::uint8_t unit, const wire::modbus::Request& request) {
        using namespace wire::modbus;
        Reply reply;
        reply.function = request.function;
        reply.address = request.address;
        reply.count = request.count;
        for (std::uint16_t i = 0; i < request.count; ++i) {
            const std::pair place{unit, static_cast<std::uint16_t>(request.address + i)};
            if (illegal.contains(place)) return refusal(request.function, Exception::illegal_address);
            if (is_read(request.function) && is_bits(request.function)) reply.bits.push_back(coils[place]);
            if (is_read(request.function) && !is_bits(request.function)) reply.registers.push_back(registers_[place]);
            if (!request.registers.empty()) registers_[place] = request.registers[i];
            if (!request.bits.empty()) coils[place] = request.bits[i] != 0;
        }
        if (!is_read(request.function)) reply.registers = request.registers, reply.bits = request.bits;
        return reply;
    }

    void answer(const std::shared_ptr<Link>& link, std::uint16_t transaction, std::uint8_t unit, Bytes pdu) {
        const auto request = wire::modbus::decode_request(pdu);
        if (!request || dead_units.contains(unit) || mood == Mood::silent) return;
        if (ignored.contains({unit, request->address})) return;
        requests.push_back(*request);
        if (on_request) on_request(unit, *request);
        if (mood == Mood::closes) return link->stream->close();
        const auto reply = reply_to(unit, *request);
        Buffer bytes = framing_ == Framing::rtu ? rtu_bytes(unit, reply) : mbap_bytes(transaction, unit, reply);
        if ((mood == Mood::right || mood == Mood::noise) && on_reply) on_reply(unit, *request, reply);
        // One after the other, as on a line.
        const DurationNs now = loop_.clock().monotonic();
        link->answered_at = std::max(link->answered_at, now + delay);
        if (link->answered_at == now) return link->stream->send(bytes);
        loop_.after(link->answered_at - now, [weak = std::weak_ptr(link), bytes = std::move(bytes)] {
            if (const auto self = weak.lock()) self->stream->send(bytes);
        });
    }

    Buffer mbap_bytes(std::uint16_t transaction, std::uint8_t unit, const wire::modbus::Reply& reply) const {
        Buffer bytes = encode_reply(transaction, unit, reply);
        if (mood == Mood::wrong_transaction) bytes[0] ^= 0x55;
        if (mood == Mood::wrong_unit) bytes[6] ^= 0x55;
        if (mood == Mood::too_short) bytes.pop_back(), --bytes[5];
        if (mood == Mood::too_long) bytes.push_back(0), ++bytes[5];
        if (mood == Mood::wrong_function) bytes[7] ^= 0x10;
        if (mood == Mood::broken_header) bytes[2] = 0x48;
        return bytes;
    }

    Buffer rtu_bytes(std::uint8_t unit, wire::modbus::Reply reply) const {
        using wire::modbus::Function;
        if (mood == Mood::wrong_unit) unit ^= 0x55;
        if (mood == Mood::too_short && !reply.registers.empty()) reply.registers.pop_back();
        if (mood == Mood::too_long) reply.registers.push_back(0);
        if (mood == Mood::wrong_function) reply.function = Function::read_input_registers;
        Buffer bytes = encode_rtu_reply(unit, reply);
        if (mood == Mood::broken_crc || mood == Mood::broken_header) bytes.back() ^= 0x10;
        if (mood == Mood::half) bytes.resize(bytes.size() / 2);
        if (mood != Mood::noise) return bytes;
        const Buffer noise{0x00, unit, 0x03, 0x04, 0xff};
        bytes.insert(bytes.begin(), noise.begin(), noise.end());
        bytes.insert(bytes.end(), noise.begin(), noise.end());
        return bytes;
    }

    io::Loop& loop_;
    const io::Address address_;
    const Framing framing_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Link>> links_;
    std::map<std::pair<std::uint8_t, std::uint16_t>, std::uint16_t> registers_;
};

}  // namespace gongshu::connect
