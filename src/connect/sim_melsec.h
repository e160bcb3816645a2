#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "wire/fx_port.h"
#include "wire/mc.h"

namespace gongshu::connect {

// The memory of a simulated Mitsubishi PLC and what it answers, made of our own codecs; without any socket.
class SimMelsecCpu {
public:
    using Place = wire::melsec::Place;

    explicit SimMelsecCpu(wire::melsec::Family family) : family(family) {}

    // A word of a word device; of a counter of 32 bits the low one is `half` 0.
    std::uint16_t& word(const Place& place, unsigned half = 0) { return words_[{place.code, index_of(place) + half}]; }
    std::vector<bool>::reference relay(const Place& place) {
        std::vector<bool>& all = relays_[place.code];
        if (all.size() <= place.number) all.resize(place.number + 1);
        return all[place.number];
    }
    // By address: "D100", "X17".
    std::uint16_t& word(const char* address) { return word(place(address)); }
    std::vector<bool>::reference relay(const char* address) { return relay(place(address)); }
    Place place(const char* address) const { return wire::melsec::parse_address(address, family).value().place; }

    const wire::melsec::Family family;
    std::set<Place> missing;  // asking for one of these is refused as outside of what the PLC has
    bool allows_writing = true;
    bool knows_blocks = true;  // 0403 and 0406
    std::string model = "Q02UCPU";
    std::uint16_t model_code = 0x0263;
    std::vector<wire::mc::Request> requests;
    std::vector<wire::fx::Request> port_requests;

    // The frame that answers a message of the MC protocol.
    Buffer answer(const wire::mc::Link& link, const wire::mc::Message& message) {
        const auto request = wire::mc::decode_request(link, message.body);
        if (!request) return encode_refusal(link, message.serial, message.body, request.error());
        requests.push_back(*request);
        wire::mc::Link own = link;
        own.route = message.route;
        return encode_reply(own, message.serial, *request, reply_to(link, *request));
    }

    // What answers at the programming port.
    Buffer answer(const wire::fx::Decoder::Piece& piece) {
        if (piece.control == wire::fx::kEnq) return {wire::fx::kAck};
        if (piece.control != 0) return {};
        const auto request = wire::fx::decode_request(piece.text);
        if (!request) return {wire::fx::kNak};
        port_requests.push_back(*request);
        return answer(*request);
    }

private:
    using Command = wire::mc::Command;

    std::uint32_t index_of(const Place& place) const {
        return place.number * wire::melsec::range_of(place, family).words;
    }

    // So many words from a head on, relays in sixteens.
    std::uint16_t read_word(const Place& head, std::uint32_t word) {
        if (!wire::melsec::is_bits(head.code)) return words_[{head.code, index_of(head) + word}];
        unsigned bits = 0;
        for (unsigned i = 0; i < 16; ++i) bits |= (relay({head.code, head.number + word * 16 + i}) ? 1u : 0u) << i;
        return static_cast<std::uint16_t>(bits);
    }
    void write_word(const Place& head, std::uint32_t word, std::uint16_t value) {
        if (!wire::melsec::is_bits(head.code)) words_[{head.code, index_of(head) + word}] = value;
        for (unsigned i = 0; i < 16 && wire::melsec::is_bits(head.code); ++i)
            relay({head.code, head.number + word * 16 + i}) = (value >> i & 1) != 0;
    }

    bool has(const wire::melsec::Span& span, bool bit_units) const {
        const std::uint32_t each = !bit_units && wire::melsec::is_bits(span.head.code) ? 16 : 1;
        const auto from = missing.lower_bound(span.head);
        return from == missing.end() || from->code != span.head.code ||
               from->number >= span.head.number + span.points * each;
    }

    std::uint16_t refused(const wire::mc::Link& link, const wire::mc::Request& request) const {
        const bool one_e = link.frame == wire::mc::Frame::e1;
        const bool multiple = request.command == Command::read_random || request.command == Command::read_blocks;
        if (multiple && !knows_blocks) return 0xc059;
        if (is_write(request.command) && !allows_writing) return 0x55;
        const bool bit_units = request.command == Command::read_bits || request.command == Command::write_bits;
        for (const auto& span : request.spans)
            if (!has(span, bit_units)) return one_e ? 0x57 : 0x4031;
        return 0;
    }

    wire::mc::Reply reply_to(const wire::mc::Link& link, const wire::mc::Request& request) {
        wire::mc::Reply reply;
        reply.end_code = refused(link, request);
        if (reply.end_code != 0) return reply;
        reply.model = model;
        reply.model_code = model_code;
        for (const auto& span : request.spans)
            for (std::uint32_t i = 0; i < span.points; ++i) {
                const Place one{span.head.code, span.head.number + i};
                if (request.command == Command::write_bits) relay(one) = request.bits[i] != 0;
                if (request.command == Command::write_words) write_word(span.head, i, request.words[i]);
                if (request.command == Command::read_bits) reply.bits.push_back(relay(one) ? 1 : 0);
                if (!is_write(request.command) && request.command != Command::read_bits)
                    reply.words.push_back(read_word(span.head, i));
            }
        return reply;
    }

    // ---- programming port: bytes of the same memory ----

    std::uint8_t byte_of(const wire::fx::Found& found) {
        if (!wire::melsec::is_bits(found.place.code))
            return static_cast<std::uint8_t>(word(found.place, found.byte / 2u) >> (found.byte % 2 * 8));
        unsigned bits = 0;
        for (unsigned i = 0; i < 8; ++i) bits |= (relay({found.place.code, found.place.number + i}) ? 1u : 0u) << i;
        return static_cast<std::uint8_t>(bits);
    }
    void set_byte(const wire::fx::Found& found, std::uint8_t value) {
        if (wire::melsec::is_bits(found.place.code)) {
            for (unsigned i = 0; i < 8; ++i) relay({found.place.code, found.place.number + i}) = (value >> i & 1) != 0;
            return;
        }
        std::uint16_t& whole = word(found.place, found.byte / 2u);
        const unsigned shift = found.byte % 2 * 8u;
        whole = static_cast<std::uint16_t>((whole & ~(0xffu << shift)) | static_cast<unsigned>(value) << shift);
    }

    Buffer answer(const wire::fx::Request& request) {
        if (request.command == wire::fx::Command::force_on || request.command == wire::fx::Command::force_off) {
            const auto found = find_relay(request, family);
            if (!found || !allows_writing) return {wire::fx::kNak};
            relay(*found) = request.command == wire::fx::Command::force_on;
            return {wire::fx::kAck};
        }
        const bool read = request.command == wire::fx::Command::read;
        if (!read && !allows_writing) return {wire::fx::kNak};
        Buffer data;
        const std::size_t bytes = read ? request.bytes : request.data.size();
        for (std::size_t i = 0; i < bytes; ++i) {
            const auto address = static_cast<std::uint16_t>(request.address + i);
            const auto found = wire::fx::find_byte(address, request.extended, family);
            if (!found || missing.contains(found->place)) return {wire::fx::kNak};
            if (read)
                data.push_back(byte_of(*found));
            else
                set_byte(*found, request.data[i]);
        }
        return read ? wire::fx::encode_data(data) : Buffer{wire::fx::kAck};
    }

    std::map<std::pair<wire::melsec::DeviceCode, std::uint32_t>, std::uint16_t> words_;
    std::map<wire::melsec::DeviceCode, std::vector<bool>> relays_;
};

// The same behind a TCP port, where it can misbehave.
class SimMelsec {
public:
    // What it does instead of the right answer.
    enum class Mood { right, silent, other_coding, other_serial, cut, closes };

    SimMelsec(io::Loop& loop, const io::Address& address, const wire::mc::Link& link)
        : cpu(link.family), loop_(loop), link_(link) {
        auto listener =
            loop_.listen(address, {}, [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); });
        listener_ = std::move(listener.value());
    }
    // As if the plug were pulled: no answer any more, connections die.
    void power_off() {
        listener_.reset();
        streams_.clear();
    }
    io::Address address() const { return listener_->address(); }

    SimMelsecCpu cpu;
    Mood mood = Mood::right;

private:
    struct Open {
        Open(std::unique_ptr<io::Stream> stream, const wire::mc::Link& link)
            : stream(std::move(stream)), decoder(link, wire::mc::FrameDecoder::Side::server) {}
        std::unique_ptr<io::Stream> stream;
        wire::mc::FrameDecoder decoder;
    };

    void accept(std::unique_ptr<io::Stream> stream) {
        auto open = std::make_shared<Open>(std::move(stream), link_);
        streams_.push_back(open);
        std::weak_ptr<Open> weak = open;
        io::Stream::Events events;
        events.on_data = [this, weak](Bytes bytes) {
            const auto self = weak.lock();
            if (!self) return;
            // A frame that is none of ours is not answered, as the real ones do it.
            (void)self->decoder.feed(bytes, [&](const wire::mc::Message& message) {
                answer(*self, message);
                return !weak.expired();
            });
        };
        events.on_closed = [this, weak](const Error&) { std::erase(streams_, weak.lock()); };
        open->stream->start(std::move(events));
    }

    void answer(Open& open, const wire::mc::Message& message) {
        wire::mc::Link link = link_;
        wire::mc::Message told = message;
        if (mood == Mood::silent) return;
        if (mood == Mood::closes) return open.stream->close();
        if (mood == Mood::other_serial) told.serial ^= 0x5555;
        Buffer frame = cpu.answer(link, told);
        if (mood == Mood::cut) frame.pop_back();
        if (mood == Mood::other_coding) {
            const std::string text = to_hex(frame);
            frame.assign(text.begin(), text.end());
            for (std::uint8_t& c : frame) c = c >= 'a' ? static_cast<std::uint8_t>(c - 'a' + 'A') : c;
        }
        open.stream->send(frame);
    }

    io::Loop& loop_;
    const wire::mc::Link link_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Open>> streams_;
};

}  // namespace gongshu::connect
