#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "io/loop.h"
#include "wire/s7_plan.h"

namespace gongshu::connect {

// A conversation with an S7 CPU for tests, made of our own codec: one question after the other, no time limits. The
// loop must not run any more when it is destroyed.
class S7Talk {
public:
    using Reply = wire::s7::Reply;
    using Done = std::function<void(Result<Reply>)>;

    // `ready` gets what was agreed, or why there is no connection.
    S7Talk(io::Loop& loop, const io::Address& address, const wire::s7::Tsaps& tsaps, Done ready,
           std::uint16_t pdu_bytes = wire::s7::kPduBytesMax) {
        waiting_.push_back(
            {wire::s7::Agreement{1, 1, pdu_bytes}, [this, ready = std::move(ready)](Result<Reply> reply) {
                 if (reply && std::holds_alternative<wire::s7::Agreement>(*reply))
                     pdu_bytes_ = std::get<wire::s7::Agreement>(*reply).pdu_bytes;
                 ready(std::move(reply));
             }});
        loop.connect(address, {}, [this, tsaps](Result<std::unique_ptr<io::Stream>> stream) {
            if (!stream) return fail(stream.error());
            stream_ = std::move(*stream);
            io::Stream::Events events;
            events.on_data = [this](Bytes bytes) {
                const auto fed = decoder_.feed(bytes, [this](const wire::s7::Arrival& arrival) {
                    on_arrival(arrival);
                    return stream_ != nullptr;
                });
                if (!fed) fail(fed.error());
            };
            events.on_closed = [this](const Error& error) { fail(error); };
            stream_->start(std::move(events));
            stream_->send(encode_connect(connect_request(tsaps)));
        });
    }

    std::uint16_t pdu_bytes() const { return pdu_bytes_; }

    void ask(wire::s7::Request request, Done done) {
        waiting_.push_back({std::move(request), std::move(done)});
        if (waiting_.size() == 1) send_next();
    }

    // Who is there: both lists, in as many parts as they come.
    void identify(std::function<void(Result<wire::s7::Identity>)> done) {
        const auto identity = std::make_shared<wire::s7::Identity>();
        read_list({wire::s7::kSzlModule, 0, 0}, {}, identity, [this, identity, done](Result<void> module) {
            if (!module) return done(module.error());
            read_list({wire::s7::kSzlComponent, 0, 0}, {}, identity,
                      [identity, done](Result<void>) { done(*identity); });
        });
    }

    // Bytes of each value, or why not.
    void read(const std::vector<wire::s7::PlanValue>& values, std::function<void(std::vector<Result<Buffer>>)> done) {
        auto got = std::make_shared<std::vector<Result<Buffer>>>();
        for (const auto& value : values) got->push_back(Buffer(byte_count(value.item)));
        const auto reads = plan_reads(values, {.pdu_bytes = pdu_bytes_});
        const auto left = std::make_shared<std::size_t>(reads.size());
        for (const auto& read : reads) {
            wire::s7::ReadItems request;
            for (const auto& planned : read) request.items.push_back(planned.item);
            ask(request, [read, got, left, done](Result<Reply> reply) {
                take_values(read, reply, *got);
                if (--*left == 0) done(std::move(*got));
            });
        }
        if (reads.empty()) done({});
    }

private:
    struct Question {
        wire::s7::Request request;
        Done done;
    };

    static void take_values(const wire::s7::PlannedRead& read, const Result<Reply>& reply,
                            std::vector<Result<Buffer>>& got) {
        using namespace wire::s7;
        const auto* values = reply ? std::get_if<ItemValues>(&*reply) : nullptr;
        const auto* refusal = reply ? std::get_if<Refusal>(&*reply) : nullptr;
        for (std::size_t i = 0; i < read.size(); ++i)
            for (const PlanPiece& piece : read[i].pieces) {
                Result<Buffer>& to = got[piece.index];
                if (values == nullptr) {
                    to = refusal != nullptr ? explain(refusal->error) : reply.error();
                } else if (values->items[i].code != ReturnCode::success) {
                    to = explain(read[i].item, values->items[i].code);
                } else if (to) {
                    const Bytes part = Bytes(values->items[i].data).subspan(piece.in_item, piece.bytes);
                    std::ranges::copy(part, to->begin() + static_cast<std::ptrdiff_t>(piece.in_value));
                }
            }
    }

    void read_list(const wire::s7::ReadSzl& szl, Buffer before, std::shared_ptr<wire::s7::Identity> identity,
                   std::function<void(Result<void>)> done) {
        using namespace wire::s7;
        ask(szl, [this, szl, before = std::move(before), identity, done](Result<Reply> reply) mutable {
            if (!reply) return done(reply.error());
            if (const auto* no = std::get_if<Refusal>(&*reply)) return done(explain(no->error));
            const auto& part = std::get<SzlPart>(*reply);
            if (part.error != HeaderError::none) return done(explain(part.error));
            before.insert(before.end(), part.data.begin(), part.data.end());
            if (!part.more || before.size() > kSzlBytesMax) return done(add_identity(*identity, before));
            read_list({szl.id, szl.index, part.sequence}, std::move(before), identity, done);
        });
    }

    void on_arrival(const wire::s7::Arrival& arrival) {
        using namespace wire::s7;
        if (const auto* connect = std::get_if<Connect>(&arrival)) {
            tpdu_bytes_max_ = connect->tpdu_bytes_max;
            send_next();
        }
        if (const auto* disconnect = std::get_if<Disconnect>(&arrival)) fail(explain(*disconnect));
        if (const auto* rejection = std::get_if<Rejection>(&arrival)) fail(explain(*rejection));
        const auto* packet = std::get_if<Packet>(&arrival);
        if (packet == nullptr || waiting_.empty()) return;
        auto reply = decode_reply(reference_, waiting_.front().request, packet->pdu);
        const Done done = std::move(waiting_.front().done);
        waiting_.pop_front();
        const bool more = !waiting_.empty();
        done(std::move(reply));
        if (more) send_next();
    }

    void send_next() {
        const auto pdu = encode_request(++reference_, waiting_.front().request, pdu_bytes_);
        if (!pdu) return fail(pdu.error());
        stream_->send(wire::s7::encode_packet(*pdu, tpdu_bytes_max_));
    }

    void fail(const Error& error) {
        stream_.reset();
        for (const Question& question : std::exchange(waiting_, {})) question.done(error);
    }

    wire::s7::FrameDecoder decoder_;
    std::unique_ptr<io::Stream> stream_;
    std::deque<Question> waiting_;
    std::uint16_t reference_ = 0;
    std::uint16_t pdu_bytes_ = wire::s7::kPduBytesMax;
    std::uint16_t tpdu_bytes_max_ = 0;
};

}  // namespace gongshu::connect
