#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "io/loop.h"
#include "wire/s7.h"

namespace gongshu::connect {

// An S7 CPU for tests, made of our own codec, that can misbehave.
class SimS7 {
public:
    // What it does instead of the right answer.
    enum class Mood { right, silent, refuses_connection, refuses_messages, wrong_reference, too_short, closes };

    SimS7(io::Loop& loop, const io::Address& address) : loop_(loop), address_(address) { power_on(); }

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
    io::Address address() const { return listener_->address(); }

    std::map<std::uint16_t, Buffer> blocks;  // data blocks by number
    std::set<std::uint16_t> optimised;       // of these the CPU says that they are not there
    Buffer inputs = Buffer(64), outputs = Buffer(64), memory = Buffer(256);
    Buffer timers = Buffer(2 * 16), counters = Buffer(2 * 16);  // two bytes each
    std::uint16_t pdu_bytes_max = 240;
    std::uint16_t tpdu_bytes_max = 1024;
    wire::s7::Identity identity{"6ES7 315-2EH14-0AB0", "V3.2.6",          "SIMATIC 300",
                                "CPU 315-2 PN/DP",     "CPU 315-2 PN/DP", "S C-X4U421302009"};
    Mood mood = Mood::right;
    std::vector<wire::s7::Request> requests;
    std::vector<wire::s7::Connect> connects;

    // As a client's write of one item does.
    wire::s7::ReturnCode write(const wire::s7::Item& item, const Buffer& data) {
        using namespace wire::s7;
        const auto place = find(item);
        if (!place) return place.error();
        if (data.size() != place->size()) return ReturnCode::type_mismatch;
        if (item.transport == Transport::bit) {
            const auto mask = static_cast<std::uint8_t>(1u << item.bit);
            std::uint8_t& byte = (*place)[0];
            byte = static_cast<std::uint8_t>(data[0] != 0 ? byte | mask : byte & ~mask);
        } else {
            std::ranges::copy(data, place->begin());
        }
        return ReturnCode::success;
    }

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::s7::FrameDecoder decoder;
        std::uint16_t tpdu_bytes_max = 0;
        std::uint16_t pdu_bytes = 0;  // 0 = nothing agreed
        Buffer szl_rest;              // of a list that is longer than a message
    };

    void accept(std::unique_ptr<io::Stream> stream) {
        auto link = std::make_shared<Link>();
        link->stream = std::move(stream);
        links_.push_back(link);
        std::weak_ptr<Link> weak = link;
        io::Stream::Events events;
        events.on_data = [this, weak](Bytes bytes) {
            const auto self = weak.lock();
            if (!self) return;
            const auto fed = self->decoder.feed(bytes, [&](const wire::s7::Arrival& arrival) {
                on_arrival(*self, arrival);
                return !weak.expired() && self->stream != nullptr;
            });
            if (!fed) self->stream.reset();
        };
        events.on_closed = [this, weak](const Error&) { std::erase(links_, weak.lock()); };
        link->stream->start(std::move(events));
    }

    void on_arrival(Link& link, const wire::s7::Arrival& arrival) {
        using namespace wire::s7;
        if (mood == Mood::silent) return;
        if (const auto* connect = std::get_if<Connect>(&arrival)) {
            connects.push_back(*connect);
            const Connect confirm = connect_confirm(*connect, 1, tpdu_bytes_max);
            link.tpdu_bytes_max = confirm.tpdu_bytes_max;
            link.stream->send(mood == Mood::refuses_connection ? encode_disconnect({connect->source, 0, 3})
                                                               : encode_connect(confirm));
        }
        if (const auto* packet = std::get_if<Packet>(&arrival)) answer(link, packet->pdu);
    }

    void answer(Link& link, Bytes pdu) {
        using namespace wire::s7;
        const auto message = decode_message(pdu);
        if (!message || mood == Mood::closes) {
            link.stream->close();
            link.stream.reset();
            return;
        }
        auto request = decode_request(*message);
        const Reply reply = request ? reply_to(link, *request) : Reply{Refusal{request.error()}};
        const Request asked = request ? *request : Request{};
        if (request) requests.push_back(std::move(*request));
        const auto reference = static_cast<std::uint16_t>(message->reference + (mood == Mood::wrong_reference ? 1 : 0));
        Buffer bytes = encode_reply(reference, asked, reply);
        if (mood == Mood::too_short) bytes.pop_back();
        link.stream->send(encode_packet(bytes, link.tpdu_bytes_max));
    }

    wire::s7::Reply reply_to(Link& link, const wire::s7::Request& request) {
        using namespace wire::s7;
        if (const auto* agreement = std::get_if<Agreement>(&request)) {
            link.pdu_bytes = std::min(agreement->pdu_bytes, pdu_bytes_max);
            return Agreement{1, 1, link.pdu_bytes};
        }
        if (link.pdu_bytes == 0 || mood == Mood::refuses_messages) return Refusal{HeaderError::function_unavailable};
        if (reply_bytes(request) > link.pdu_bytes) return Refusal{HeaderError::pdu_too_long};
        if (const auto* szl = std::get_if<ReadSzl>(&request)) return part_of(link, *szl);
        if (const auto* reading = std::get_if<ReadItems>(&request)) {
            ItemValues values;
            for (const Item& item : reading->items) values.items.push_back(read(item));
            return values;
        }
        const auto& asked = std::get<WriteItems>(request);
        ItemCodes codes;
        for (std::size_t i = 0; i < asked.items.size(); ++i)
            codes.items.push_back(write(asked.items[i], asked.data[i]));
        return codes;
    }

    wire::s7::SzlPart part_of(Link& link, const wire::s7::ReadSzl& szl) {
        using namespace wire::s7;
        if (szl.sequence == 0 && szl.id != kSzlModule && szl.id != kSzlComponent)
            return {ReturnCode::object_missing, static_cast<HeaderError>(0xd401), 0, false, {}};
        if (szl.sequence == 0) link.szl_rest = encode_identity(identity, szl.id);
        const std::size_t room = link.pdu_bytes - 26u;
        SzlPart part;
        part.sequence = 1;
        part.more = link.szl_rest.size() > room;
        const auto end = link.szl_rest.begin() + static_cast<std::ptrdiff_t>(std::min(room, link.szl_rest.size()));
        part.data.assign(link.szl_rest.begin(), end);
        link.szl_rest.erase(link.szl_rest.begin(), end);
        return part;
    }

    Buffer* bytes_of(const wire::s7::Item& item) {
        using wire::s7::Area;
        switch (item.area) {
            case Area::inputs:
                return &inputs;
            case Area::outputs:
                return &outputs;
            case Area::memory:
                return &memory;
            case Area::timers:
                return &timers;
            case Area::counters:
                return &counters;
            case Area::data_block:
                break;
        }
        const auto found = blocks.find(item.block);
        const bool is_there = item.area == Area::data_block && found != blocks.end() && !optimised.contains(item.block);
        return is_there ? &found->second : nullptr;
    }

    // Where the data of an item lies, or why it does not.
    std::expected<std::span<std::uint8_t>, wire::s7::ReturnCode> find(const wire::s7::Item& item) {
        using namespace wire::s7;
        Buffer* const bytes = bytes_of(item);
        if (bytes == nullptr) return std::unexpected(ReturnCode::object_missing);
        const bool is_numbered = item.area == Area::timers || item.area == Area::counters;
        const bool is_bit = item.transport == Transport::bit;
        const std::size_t count = byte_count(item);
        if (count == 0 || (is_bit && item.count != 1) || (is_numbered && count != item.count * 2u))
            return std::unexpected(ReturnCode::type_unsupported);
        const std::size_t start = is_numbered ? item.start * 2 : item.start;
        if (start + count > bytes->size()) return std::unexpected(ReturnCode::address_out_of_range);
        return std::span(*bytes).subspan(start, count);
    }

    wire::s7::ItemValue read(const wire::s7::Item& item) {
        const auto place = find(item);
        if (!place) return {place.error(), {}};
        if (item.transport != wire::s7::Transport::bit)
            return {wire::s7::ReturnCode::success, Buffer(place->begin(), place->end())};
        return {wire::s7::ReturnCode::success, {static_cast<std::uint8_t>((*place)[0] >> item.bit & 1)}};
    }

    io::Loop& loop_;
    const io::Address address_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Link>> links_;
};

}  // namespace gongshu::connect
