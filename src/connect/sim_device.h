#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "connect/link_config.h"
#include "io/loop.h"

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
        closes
    };

    SimDevice(io::Loop& loop, const io::Address& address) : loop_(loop), address_(address) { power_on(); }

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
    std::set<std::uint8_t> dead_units;                         // behind the gateway, answer nothing
    Mood mood = Mood::right;
    // Called before each right answer; may change registers.
    std::function<void(std::uint8_t unit, const wire::modbus::Request&)> on_request;
    std::function<void(std::uint8_t unit, const wire::modbus::Request&, const wire::modbus::Reply&)> on_reply;
    std::vector<wire::modbus::Request> requests;
    int accepted = 0;

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::modbus::FrameDecoder decoder;
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
            (void)self->decoder.feed(bytes, [&](const wire::modbus::Frame& frame) {
                answer(*self, frame);
                return !weak.expired() && self->stream != nullptr;
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

    void answer(Link& link, const wire::modbus::Frame& frame) {
        const auto request = wire::modbus::decode_request(frame.pdu);
        if (!request || dead_units.contains(frame.unit) || mood == Mood::silent) return;
        requests.push_back(*request);
        if (on_request) on_request(frame.unit, *request);
        const auto reply = reply_to(frame.unit, *request);
        Buffer bytes = encode_reply(frame.transaction, frame.unit, reply);
        switch (mood) {
            case Mood::wrong_transaction:
                bytes[0] ^= 0x55;
                break;
            case Mood::wrong_unit:
                bytes[6] ^= 0x55;
                break;
            case Mood::too_short:
                bytes.pop_back(), --bytes[5];
                break;
            case Mood::too_long:
                bytes.push_back(0), ++bytes[5];
                break;
            case Mood::wrong_function:
                bytes[7] ^= 0x10;
                break;
            case Mood::broken_header:
                bytes[2] = 0x48;
                break;
            case Mood::closes:
                link.stream->close();
                return;
            default:
                break;
        }
        if (mood == Mood::right && on_reply) on_reply(frame.unit, *request, reply);
        link.stream->send(bytes);
    }

    io::Loop& loop_;
    const io::Address address_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Link>> links_;
    std::map<std::pair<std::uint8_t, std::uint16_t>, std::uint16_t> registers_;
};

}  // namespace gongshu::connect
