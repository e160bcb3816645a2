#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "connect/driver.h"
#include "wire/melsec_plan.h"

namespace gongshu::connect {

// Where a value lies in a PLC of Mitsubishi, and how.
struct MelsecVariable {
    wire::melsec::Address address;
    wire::melsec::Layout layout;

    bool is_relay() const {
        return is_bits(address.place.code) && layout.codec.encoding == wire::modbus::Encoding::bit;
    }
    bool is_bit_of_word() const { return address.bit.has_value(); }
};

// Reads place.at and place.as: D100, D100.A, M20, X17, TN5 (see wire/melsec.h), and u16, i16, u32, i32, u64, i64, f32,
// f64, bcd16, bcd32, bool or text[12] for 12 characters. "" is bool for relays and bits, i32 for counters of 32 bits
// and i16 for all other words, as the PLC itself counts. Of 32 bits and more the low word lies first and of text the
// first character in the low half, which is CDAB and BADC; who has it otherwise writes the order behind: "f32 ABCD".
// Code::invalid says what is wrong with which property.
Result<MelsecVariable> melsec_variable(const PropertyConfig& property, wire::melsec::Family family);

// What the drivers of Mitsubishi PLCs have in common: plans, values, and the order of messages. A poll is one block of
// PLC devices that lie together. All polls are of unit 0.
class MelsecDriver : public Driver {
public:
    PollPlan plan(std::shared_ptr<const PointSet> points) override;
    std::vector<Poll> split(std::uint32_t poll) override;
    std::string describe(std::uint32_t poll) const override;

    void begin_link() override;
    Result<Buffer> read(std::uint32_t poll) override;
    Result<Buffer> write(const DeviceConfig& device, const PropertyConfig& property, const Value& value) override;
    Result<Buffer> read_back(const DeviceConfig& device, const PropertyConfig& property) override;
    bool may_have_written() const override { return may_have_written_; }
    void abandon() override;
    std::size_t take_malformed() override { return std::exchange(malformed_, 0); }
    Result<Heard> hear(Bytes bytes) override;

    Result<void> check_write(const DeviceConfig& device, const PropertyConfig& property,
                             const Value& value) const override;
    bool same(const PropertyConfig& property, const Value& a, const Value& b) const override;

protected:
    // One message that is answered.
    struct Ask {
        enum class Kind : std::uint8_t { read_words, write_words, write_relay };
        Kind kind = Kind::read_words;
        wire::melsec::Span span;
        std::vector<std::uint16_t> words;  // to write
        bool on = false;                   // of a relay
    };
    struct Answer {
        std::vector<std::uint16_t> words;  // that were read
        std::optional<Error> refused;
        bool of_address = false;  // it may be refused for one of the addresses only
    };

    MelsecDriver(wire::melsec::Family family, const wire::melsec::PlanLimits& limits)
        : family_(family), limits_(limits) {}

    // What it would be as bytes: Code::invalid or Code::unsupported when it cannot be asked in this protocol. Any
    // thread.
    virtual Result<Buffer> encode(const Ask& ask) const = 0;
    // Gives it out.
    virtual Result<Buffer> send(const Ask& ask) = 0;

    // What is under way; nullptr: nothing, or what was left by abandon().
    const Ask* asked() const { return asked_ ? &*asked_ : nullptr; }
    // Whether an answer is still expected that nobody waits for.
    bool is_left() const { return left_; }
    // What follows from the answer to asked().
    Step on_answer(Result<Answer> answer);
    Step end(Result<Outcome> outcome);
    void count_malformed() { ++malformed_; }

    const wire::melsec::Family family_;

private:
    // What the points of a set are in the PLC; a point with a fault has none.
    struct Variables {
        std::shared_ptr<const PointSet> set;
        std::vector<std::optional<MelsecVariable>> of_points;
    };
    struct Group {
        std::vector<wire::melsec::PlanItem> items;
        wire::melsec::Block block;
        DurationNs period = kSecond;
    };
    struct Writing {
        MelsecVariable variable;
        Value value;
    };

    Result<MelsecVariable> readable(const PropertyConfig& property) const;
    std::vector<wire::melsec::Block> blocks_of(std::vector<wire::melsec::PlanItem> items, std::uint16_t gap_max) const;
    void add_poll(std::vector<wire::melsec::PlanItem> items, wire::melsec::Block block, DurationNs period,
                  std::vector<Poll>& polls);
    Result<Buffer> begin(Ask ask);
    Result<Ask> write_of(const Writing& writing, std::uint16_t before) const;
    Step write_bit(std::uint16_t before);
    Outcome outcome_of(const Answer& answer) const;

    const wire::melsec::PlanLimits limits_;
    std::shared_ptr<const Variables> variables_;
    std::map<std::uint32_t, Group> groups_;  // by the id of their poll
    std::uint32_t last_poll_ = 0;
    // The exchange.
    std::optional<Ask> asked_;
    std::shared_ptr<const Variables> reading_;  // nullptr: it is a write
    bool reading_back_ = false;
    wire::melsec::Block block_;  // that is read
    std::optional<Writing> writing_;
    bool left_ = false;
    bool may_have_written_ = false;
    std::size_t malformed_ = 0;
};

}  // namespace gongshu::connect
