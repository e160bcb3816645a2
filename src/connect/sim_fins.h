#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "io/loop.h"
#include "wire/fins.h"

namespace gongshu::connect {

// The memory of a simulated Omron PLC and what it answers, made of our own codec; without any socket.
class SimFinsCpu {
public:
    using Place = wire::fins::Place;

    static Place place(const char* address) { return wire::fins::parse_address(address).value().place; }
    std::uint16_t& word(const char* address) { return words[place(address)]; }
    void set_bit(const Place& at, unsigned bit, bool on) {
        std::uint16_t& whole = words[at];
        whole = static_cast<std::uint16_t>(on ? whole | 1u << bit : whole & ~(1u << bit));
    }

    std::map<Place, std::uint16_t> words;
    std::set<Place> flags;    // completion flags that are on
    std::set<Place> missing;  // asking for one of these is refused as outside of what the PLC has
    bool allows_writing = true;
    std::uint16_t always = 0;  // bits of every end code: 0x40 of a PLC whose battery is low
    std::vector<wire::fins::Request> requests;

    // The frame that answers a frame.
    Buffer answer(Bytes frame) {
        const auto request = wire::fins::decode_request(frame);
        if (!request) return wire::fins::encode_reply(frame, {request.error(), {}, {}});
        requests.push_back(*request);
        auto reply = reply_to(*request);
        reply.end_code |= always;
        return wire::fins::encode_reply(frame, reply);
    }

private:
    using Request = wire::fins::Request;

    static Place after(Place at, std::uint32_t by) {
        at.number = static_cast<std::uint16_t>(at.number + by);
        return at;
    }

    wire::fins::Reply reply_to(const Request& request) {
        const bool of_flags = request.bit && wire::fins::is_timer(request.head.area);
        wire::fins::Reply reply;
        for (std::uint32_t i = 0; i < request.count; ++i) {
            const std::uint32_t at = request.bit && !of_flags ? *request.bit + i : i;
            const Place one = after(request.head, request.bit && !of_flags ? at / 16 : i);
            if (missing.contains(one)) return {0x1103, {}, {}};
            if (request.writes && (!allows_writing || of_flags)) return {0x2102, {}, {}};
            if (request.writes && is_read_only(one)) return {0x2101, {}, {}};
            if (request.writes && request.bit) set_bit(one, at % 16, request.bits[i] != 0);
            if (request.writes && !request.bit) words[one] = request.words[i];
            if (request.writes) continue;
            if (of_flags)
                reply.bits.push_back(flags.contains(one) ? 1 : 0);
            else if (request.bit)
                reply.bits.push_back(static_cast<std::uint8_t>(words[one] >> at % 16 & 1));
            else
                reply.words.push_back(words[one]);
        }
        return reply;
    }
};

// What such a PLC says over FINS/TCP: the greeting, then frames.
class SimFinsTalk {
public:
    explicit SimFinsTalk(SimFinsCpu& cpu) : cpu_(cpu) {}

    std::uint32_t greeting_error = 0;
    bool wrong_sid = false, silent = false;

    // What goes back for these bytes; nothing more comes after a broken one.
    Buffer answer(Bytes bytes) {
        Buffer out;
        const auto add = [&out](const Buffer& more) { out.insert(out.end(), more.begin(), more.end()); };
        (void)decoder_.feed(bytes, [&](const wire::fins::TcpMessage& message) {
            using wire::fins::TcpCommand;
            if (silent) return true;
            if (message.command == static_cast<std::uint32_t>(TcpCommand::client_node) && message.data.size() == 4) {
                const std::uint8_t wanted = message.data[3];
                add(wire::fins::encode_nodes(TcpCommand::server_node, greeting_error, wanted == 0 ? 239 : wanted, 1));
            } else if (message.command == static_cast<std::uint32_t>(TcpCommand::frame) && message.data.size() >= 12) {
                Buffer frame = cpu_.answer(message.data);
                if (wrong_sid) frame[9] ^= 0x55;
                add(wire::fins::encode_tcp(TcpCommand::frame, 0, frame));
            } else {
                add(wire::fins::encode_tcp(TcpCommand::error, 3, {}));
            }
            return true;
        });
        return out;
    }

private:
    SimFinsCpu& cpu_;
    wire::fins::TcpDecoder decoder_;
};

// The same behind a TCP port.
class SimFins {
public:
    SimFins(io::Loop& loop, const io::Address& address) {
        auto listener = loop.listen(address, {}, [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); });
        listener_ = std::move(listener.value());
    }
    io::Address address() const { return listener_->address(); }

    SimFinsCpu cpu;

private:
    struct Open {
        Open(std::unique_ptr<io::Stream> stream, SimFinsCpu& cpu) : stream(std::move(stream)), talk(cpu) {}
        std::unique_ptr<io::Stream> stream;
        SimFinsTalk talk;
    };

    void accept(std::unique_ptr<io::Stream> stream) {
        auto open = std::make_shared<Open>(std::move(stream), cpu);
        streams_.push_back(open);
        std::weak_ptr<Open> weak = open;
        io::Stream::Events events;
        events.on_data = [weak](Bytes bytes) {
            const auto self = weak.lock();
            if (!self) return;
            const Buffer back = self->talk.answer(bytes);
            if (!back.empty()) self->stream->send(back);
        };
        events.on_closed = [this, weak](const Error&) { std::erase(streams_, weak.lock()); };
        open->stream->start(std::move(events));
    }

    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Open>> streams_;
};

}  // namespace gongshu::connect
