#include "connect/mc_driver.h"

#include <utility>

#include "base/assert.h"
#include "connect/melsec_driver.h"
#include "wire/fx_port.h"
#include "wire/mc_plan.h"

namespace gongshu::connect {

namespace {

namespace mc = wire::mc;
namespace fx = wire::fx;

// Words that are read for nothing cost less than a message of their own.
constexpr std::uint16_t kGapMax = 32;

// End codes that say something of the connection or of the PLC as a whole: to ask for less does not help.
struct Codes {
    std::uint16_t first, last;
};
constexpr Codes kOfTheWhole[] = {{0x0050, 0x0050}, {0x0054, 0x0055}, {0x005b, 0x0060}, {0x4000, 0x402f},
                                 {0x4034, 0x4fff}, {0xc050, 0xc050}, {0xc059, 0xc059}, {0xc05f, 0xc05f},
                                 {0xc06f, 0xc070}, {0xc200, 0xc204}, {0xc810, 0xc816}};

bool is_of_address(std::uint16_t end_code) {
    for (const Codes& codes : kOfTheWhole)
        if (end_code >= codes.first && end_code <= codes.last) return false;
    return true;
}

mc::Link link_of(const MelsecSettings& settings) {
    mc::Link link;
    link.frame = settings.frame;
    link.coding = settings.coding;
    link.family = settings.family;
    link.route = settings.route;
    return link;
}

class McDriver final : public MelsecDriver {
public:
    explicit McDriver(const mc::Link& link)
        : MelsecDriver(link.family, mc::plan_limits(link, 0xffff, kGapMax)),
          link_(link),
          decoder_(link, mc::FrameDecoder::Side::client) {}

    void begin_link() override {
        MelsecDriver::begin_link();
        decoder_.reset();
    }
    bool late() const override { return link_.frame != mc::Frame::e4; }
    Error no_answer(std::int64_t) const override { return mc::no_answer(link_); }
    void abandon() override;
    Result<Step> feed(Bytes bytes) override;

private:
    // Of check_write() as well, which any thread may call: no serial number of ours.
    Result<Buffer> encode(const Ask& ask) const override { return encode_request(link_, 0, request_of(ask)); }
    Result<Buffer> send(const Ask& ask) override;
    static mc::Request request_of(const Ask& ask);
    Answer answer_of(const mc::Reply& reply) const;

    const mc::Link link_;
    mc::FrameDecoder decoder_;
    mc::Request request_;       // that was sent last
    std::uint16_t serial_ = 0;  // of it; of 4E alone
};

mc::Request McDriver::request_of(const Ask& ask) {
    mc::Request request;
    request.spans = {ask.span};
    request.command = mc::Command::read_words;
    if (ask.kind == Ask::Kind::write_words) {
        request.command = mc::Command::write_words;
        request.words = ask.words;
    }
    if (ask.kind == Ask::Kind::write_relay) {
        request.command = mc::Command::write_bits;
        request.bits = {static_cast<std::uint8_t>(ask.on ? 1 : 0)};
    }
    return request;
}

Result<Buffer> McDriver::send(const Ask& ask) {
    if (link_.frame == mc::Frame::e4) ++serial_;
    request_ = request_of(ask);
    Buffer bytes = TRY(encode_request(link_, serial_, request_));
    decoder_.expect(request_);
    return bytes;
}

// With a serial number nobody has to wait for the late answer.
void McDriver::abandon() {
    if (late()) return MelsecDriver::abandon();
    end(Outcome{});
}

MelsecDriver::Answer McDriver::answer_of(const mc::Reply& reply) const {
    Answer answer;
    answer.words = reply.words;
    if (reply.end_code == 0) return answer;
    answer.refused = refusal(link_, request_, reply);
    answer.of_address = is_of_address(reply.end_code);
    return answer;
}

Result<Step> McDriver::feed(Bytes bytes) {
    // Nobody knows how long a reply of 1E is that was not asked for.
    if (asked() == nullptr && link_.frame == mc::Frame::e1) {
        count_malformed();
        return More{};
    }
    std::optional<Step> step;
    TRY(decoder_.feed(bytes, [&](const mc::Message& message) {
        if (step || asked() == nullptr || message.serial != serial_) {
            count_malformed();
            return link_.frame != mc::Frame::e1;
        }
        const auto reply = decode_reply(link_, request_, message.body);
        step = on_answer(reply ? Result<Answer>(answer_of(*reply)) : Result<Answer>(reply.error()));
        return true;
    }));
    return step ? std::move(*step) : Step{More{}};
}

// ---- programming port ----

class FxPortDriver final : public MelsecDriver {
public:
    explicit FxPortDriver(wire::melsec::Family family) : MelsecDriver(family, fx::kPlanLimits) {}

    void begin_link() override;
    Buffer greet() override;
    bool late() const override { return true; }
    bool may_have_written() const override { return was_sent_ && MelsecDriver::may_have_written(); }
    Error no_answer(std::int64_t) const override { return fx::no_answer(); }
    void abandon() override;
    Result<Step> feed(Bytes bytes) override;

private:
    Result<fx::Request> request_of(const Ask& ask) const;
    Result<Buffer> encode(const Ask& ask) const override { return encode_request(TRY(request_of(ask))); }
    Result<Buffer> send(const Ask& ask) override;
    std::optional<Step> on_piece(const fx::Decoder::Piece& piece);
    std::optional<Step> on_enquiry_answered(bool acknowledged);

    fx::Decoder decoder_;
    fx::Request request_;  // that was sent last, or is to be sent after the enquiry
    bool enquiring_ = false;
    bool greeting_ = false;  // the enquiry is all there is
    bool must_enquire_ = false;
    bool was_sent_ = false;  // the request itself, not the enquiry alone
};

void FxPortDriver::begin_link() {
    MelsecDriver::begin_link();
    decoder_.reset();
    enquiring_ = greeting_ = must_enquire_ = false;
}

Buffer FxPortDriver::greet() {
    enquiring_ = greeting_ = true;
    return {fx::kEnq};
}

Result<fx::Request> FxPortDriver::request_of(const Ask& ask) const {
    if (ask.kind == Ask::Kind::write_relay) return fx::force(ask.span.head, ask.on, family_);
    if (ask.kind == Ask::Kind::write_words) return fx::write_words(ask.span.head, ask.words, family_);
    return fx::read_words(ask.span, family_);
}

Result<Buffer> FxPortDriver::send(const Ask& ask) {
    request_ = TRY(request_of(ask));
    decoder_.reset();
    greeting_ = false;
    enquiring_ = std::exchange(must_enquire_, false);
    was_sent_ = !enquiring_;
    if (enquiring_) return Buffer{fx::kEnq};
    return encode_request(request_);
}

// After a silence the PLC wants to be asked first whether it listens.
void FxPortDriver::abandon() {
    must_enquire_ |= asked() != nullptr || enquiring_;
    MelsecDriver::abandon();
}

std::optional<Step> FxPortDriver::on_enquiry_answered(bool acknowledged) {
    enquiring_ = false;
    if (!acknowledged)
        return end(Error{Code::unavailable,
                         "the PLC does not take the enquiry at its programming port (NAK): is there another one on the "
                         "line?"});
    if (greeting_ || is_left()) return end(Outcome{});
    was_sent_ = true;
    return Send{encode_request(request_)};
}

// nullopt: nothing that is waited for.
std::optional<Step> FxPortDriver::on_piece(const fx::Decoder::Piece& piece) {
    const bool acknowledged = piece.control == fx::kAck;
    if (enquiring_ && (acknowledged || piece.control == fx::kNak)) return on_enquiry_answered(acknowledged);
    if (asked() == nullptr || enquiring_) return std::nullopt;
    Answer answer;
    if (piece.control == fx::kNak) {
        answer.refused = fx::refusal(asked()->span, family_);
        answer.of_address = true;
        return on_answer(std::move(answer));
    }
    const bool reads = asked()->kind == Ask::Kind::read_words;
    if (acknowledged == reads || (piece.control != 0 && !acknowledged)) return std::nullopt;
    if (!reads) return on_answer(std::move(answer));
    auto words = decode_words(request_, piece.text);
    if (!words) return on_answer(words.error());
    answer.words = std::move(*words);
    return on_answer(std::move(answer));
}

Result<Step> FxPortDriver::feed(Bytes bytes) {
    std::optional<Step> step;
    const auto fed = decoder_.feed(bytes, [&](const fx::Decoder::Piece& piece) {
        auto next = step ? std::nullopt : on_piece(piece);
        if (next)
            step = std::move(next);
        else
            count_malformed();
    });
    // A disturbed line: the answer may still come, else its time goes by.
    if (!fed) count_malformed();
    if (step) return std::move(*step);
    return More{};
}

}  // namespace

std::unique_ptr<Driver> make_mc_driver(const LinkConfig& config) {
    return std::make_unique<McDriver>(link_of(config.melsec));
}

std::unique_ptr<Driver> make_fx_port_driver(const LinkConfig& config) {
    return std::make_unique<FxPortDriver>(config.melsec.family);
}

}  // namespace gongshu::connect
