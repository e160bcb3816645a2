#pragma once

#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "wire/iec104.h"

namespace gongshu::wire::iec104 {

// An outstation for tests, made of our own codec, without socket and clock, that can misbehave. Bytes in, bytes out.
class SimOutstation {
public:
    // What it does instead of the right thing.
    enum class Mood {
        right,
        silent,        // answers nothing
        deaf,          // answers, but acknowledges nothing
        skips_number,  // of its next I frame
        acknowledges_too_much,
        refuses_orders,  // negative confirmation
        never_ends,      // no termination
        other_value,     // in confirmations of orders
    };
    struct Place {
        Type type;
        std::uint32_t address;
        friend auto operator<=>(const Place&, const Place&) = default;
    };

    explicit SimOutstation(std::uint16_t common_address = 1) : common_address(common_address) {}

    const std::uint16_t common_address;
    Mood mood = Mood::right;
    std::map<Place, Object> points;        // told when interrogated or read
    std::set<std::uint32_t> orders_known;  // addresses that take orders
    std::vector<Asdu> orders;              // that were executed
    std::vector<Asdu> asked;               // all that came
    std::optional<Time> clock;
    std::uint16_t w = 8;
    std::vector<Function> controls;
    std::vector<std::uint16_t> acknowledged;  // by S frames
    bool started = false;

    // As if a link were opened.
    void begin() {
        decoder_.reset();
        send_ = receive_ = owed_ = 0;
        started = false;
        selected_.clear();
    }

    Buffer feed(Bytes bytes) {
        const auto fed = decoder_.feed(bytes, [this](const Frame& frame) {
            if (mood != Mood::silent) on_frame(frame);
            return true;
        });
        if (!fed) out_.clear();
        return std::exchange(out_, {});
    }

    Asdu message(Type type, Cause cause, std::vector<Object> objects, bool sequence = false) const {
        Asdu asdu;
        asdu.type = type;
        asdu.cause = cause;
        asdu.sequence = sequence;
        asdu.common_address = common_address;
        asdu.objects = std::move(objects);
        return asdu;
    }
    // The frame of a message that nobody asked for.
    Buffer tell(const Asdu& asdu) { return tell(encode_asdu(asdu).value()); }
    Buffer tell(Bytes asdu) {
        send(asdu);
        return std::exchange(out_, {});
    }
    static Buffer control(Function function) { return encode_frame(Unnumbered{function}); }

private:
    void put(const Frame& frame) {
        const Buffer bytes = encode_frame(frame);
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    std::uint16_t next() { return static_cast<std::uint16_t>(std::exchange(send_, (send_ + 1) % kSequenceCount)); }

    void send(Bytes asdu) {
        if (mood == Mood::skips_number) next();
        const std::uint16_t own = next();
        put(Information{own, mood == Mood::deaf ? std::uint16_t{0} : said_receive(), asdu});
        if (mood != Mood::deaf) owed_ = 0;
    }
    void send(const Asdu& asdu) { send(Bytes(encode_asdu(asdu).value())); }
    std::uint16_t said_receive() const {
        const unsigned more = mood == Mood::acknowledges_too_much ? 5 : 0;
        return static_cast<std::uint16_t>((receive_ + more) % kSequenceCount);
    }

    void on_frame(const Frame& frame) {
        if (const auto* control = std::get_if<Unnumbered>(&frame)) return on_control(control->function);
        if (const auto* supervisory = std::get_if<Supervisory>(&frame)) {
            acknowledged.push_back(supervisory->receive);
            return;
        }
        const auto& information = std::get<Information>(frame);
        if (!started || information.send != receive_) return;
        receive_ = static_cast<std::uint16_t>((receive_ + 1) % kSequenceCount);
        ++owed_;
        if (const auto asdu = decode_asdu(information.asdu)) on_message(*asdu);
        if (owed_ >= w && mood != Mood::deaf) {
            put(Supervisory{said_receive()});
            owed_ = 0;
        }
    }

    void on_control(Function function) {
        controls.push_back(function);
        if (function == Function::start_act) started = true;
        if (function == Function::stop_act) started = false;
        if (function == Function::start_act) put(Unnumbered{Function::start_con});
        if (function == Function::stop_act) put(Unnumbered{Function::stop_con});
        if (function == Function::test_act) put(Unnumbered{Function::test_con});
    }

    void on_message(const Asdu& asdu) {
        asked.push_back(asdu);
        const bool is_all = asdu.common_address == kBroadcast;
        if (!is_all && asdu.common_address != common_address) return mirror(asdu, Cause::unknown_common_address, true);
        if (is_command(asdu.type)) return on_order(asdu);
        switch (asdu.type) {
            case Type::c_ic_na_1:
                return on_interrogation(asdu, Cause{asdu.objects[0].qualifier});
            case Type::c_ci_na_1:
                return on_interrogation(asdu, Cause::counters_general);
            case Type::c_rd_na_1:
                return on_read(asdu);
            case Type::c_cs_na_1:
                clock = asdu.objects[0].time;
                return mirror(asdu, Cause::activation_con);
            case Type::c_ts_na_1:
            case Type::c_ts_ta_1:
                return mirror(asdu, Cause::activation_con);
            default:
                return mirror(asdu, Cause::unknown_type, true);
        }
    }

    void mirror(Asdu asdu, Cause cause, bool negative = false) {
        asdu.cause = cause;
        asdu.negative = negative;
        asdu.common_address = asdu.common_address == kBroadcast ? common_address : asdu.common_address;
        if (mood == Mood::other_value && is_command(asdu.type)) asdu.objects[0].number ^= 1;
        send(asdu);
    }

    void on_interrogation(const Asdu& asdu, Cause cause) {
        mirror(asdu, Cause::activation_con);
        std::map<Type, std::vector<Object>> by_type;
        const bool totals = asdu.type == Type::c_ci_na_1;
        for (const auto& [place, object] : points)
            if ((place.type == Type::m_it_na_1 || place.type == Type::m_it_tb_1) == totals)
                by_type[place.type].push_back(object);
        for (const auto& [type, objects] : by_type)
            for (std::size_t from = 0; from < objects.size(); from += objects_max(type)) {
                const auto begin = objects.begin() + static_cast<std::ptrdiff_t>(from);
                const auto count = std::min(objects_max(type), objects.size() - from);
                send(message(type, cause, {begin, begin + static_cast<std::ptrdiff_t>(count)}));
            }
        if (mood != Mood::never_ends) mirror(asdu, Cause::activation_term);
    }

    void on_read(const Asdu& asdu) {
        for (const auto& [place, object] : points)
            if (place.address == asdu.objects[0].address) return send(message(place.type, Cause::requested, {object}));
        mirror(asdu, Cause::unknown_address, true);
    }

    void on_order(const Asdu& asdu) {
        const Place place{asdu.type, asdu.objects[0].address};
        if (!orders_known.contains(place.address)) return mirror(asdu, Cause::unknown_address, true);
        if (asdu.cause == Cause::deactivation) {
            const bool was_selected = selected_.erase(place) > 0;
            return mirror(asdu, Cause::deactivation_con, !was_selected);
        }
        if (mood == Mood::refuses_orders) return mirror(asdu, Cause::activation_con, true);
        if (asdu.objects[0].select) {
            selected_.insert(place);
            return mirror(asdu, Cause::activation_con);
        }
        orders.push_back(asdu);
        selected_.erase(place);
        mirror(asdu, Cause::activation_con);
        if (mood != Mood::never_ends) mirror(asdu, Cause::activation_term);
    }

    FrameDecoder decoder_;
    Buffer out_;
    std::uint16_t send_ = 0;
    std::uint16_t receive_ = 0;
    std::uint16_t owed_ = 0;
    std::set<Place> selected_;
};

}  // namespace gongshu::wire::iec104
