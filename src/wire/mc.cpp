#include "wire/mc.h"

#include <algorithm>

#include "base/assert.h"
#include "wire/mc_text.h"

namespace gongshu::wire::mc {

namespace {

using melsec::DeviceCode;
using melsec::DeviceInfo;
using melsec::NumberRange;
using melsec::Radix;

constexpr std::uint16_t kSubheader3 = 0x5000, kSubheader4 = 0x5400, kReplyFlag = 0x8000;
constexpr std::uint8_t kOneEReplyFlag = 0x80;
constexpr std::uint16_t kWide = 2;  // subcommands 0002 and 0003: device numbers of 32 bits
constexpr std::uint16_t kNoCode = 0xffff;
constexpr std::size_t kModelCharacters = 16;
constexpr std::string_view kFrames[] = {"3E", "4E", "1E"};

// What a command is on the wire: one line each, so that the code below has no switch.
struct Shape {
    Command command;
    std::uint16_t code;
    std::uint8_t one_e;  // kNoOneE = not in this frame
    bool write;
    bool bit_units;
    bool spans;
};
constexpr std::uint8_t kNoOneE = 0xff;
constexpr Shape kShapes[] = {
    {Command::read_words, 0x0401, 0x01, false, false, true},
    {Command::read_bits, 0x0401, 0x00, false, true, true},
    {Command::write_words, 0x1401, 0x03, true, false, true},
    {Command::write_bits, 0x1401, 0x02, true, true, true},
    {Command::read_random, 0x0403, kNoOneE, false, false, true},
    {Command::read_blocks, 0x0406, kNoOneE, false, false, true},
    {Command::read_model, 0x0101, 0x15, false, false, false},
};

const Shape& shape_of(Command command) {
    const Shape& shape = kShapes[static_cast<std::size_t>(command)];
    ASSERT(shape.command == command);
    return shape;
}

bool is_ascii(const Link& link) { return link.coding != Coding::binary; }
bool is_multiple(Command command) { return command == Command::read_random || command == Command::read_blocks; }
// How the number of a PLC device stands in an ASCII message; which is not always how people write it.
unsigned message_radix(const Link& link, const DeviceInfo& info) {
    const bool io = info.code == DeviceCode::X || info.code == DeviceCode::Y;
    return io && link.coding == Coding::ascii_octal ? 8 : static_cast<unsigned>(info.radix);
}

std::size_t total_points(const Request& request) {
    std::size_t points = 0;
    for (const Span& span : request.spans) points += span.points;
    return points;
}

// ---- PLC devices in messages ----

void put_padded(Writer& out, std::string_view name, std::size_t width) {
    out.text(name);
    out.text(std::string(width - name.size(), '*'));
}

void put_decimal(Writer& out, std::uint32_t number, unsigned radix, unsigned width) {
    std::string digits = radix == 16  ? fmt::format("{:X}", number)
                         : radix == 8 ? fmt::format("{:o}", number)
                                      : fmt::format("{}", number);
    if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
    out.text(digits);
}

void put_place(Writer& out, const Link& link, const Place& place, bool wide) {
    const DeviceInfo& info = melsec::info_of(place.code);
    if (link.frame == Frame::e1) {
        if (out.ascii()) out.number(info.one_e, 2);
        out.number(place.number, 4);
        if (!out.ascii()) out.number(info.one_e, 2);
        return;
    }
    if (out.ascii()) {
        put_padded(out, wide ? info.name : info.ascii, wide ? 4 : 2);
        return put_decimal(out, place.number, message_radix(link, info), wide ? 8 : 6);
    }
    out.number(place.number, wide ? 4 : 3);
    out.number(info.binary, wide ? 2 : 1);
}

const DeviceInfo* get_ascii_code(Reader& in, bool wide) {
    std::string_view code = in.text(wide ? 4 : 2);
    while (!code.empty() && (code.back() == '*' || code.back() == ' ')) code.remove_suffix(1);
    return wide ? melsec::find_by_name(code) : melsec::find_by_ascii(code);
}

// nullopt: no such PLC device.
std::optional<Place> get_place(Reader& in, const Link& link, bool ascii, bool wide) {
    const DeviceInfo* info = nullptr;
    std::uint32_t number = 0;
    if (link.frame == Frame::e1) {
        if (ascii) info = melsec::find_by_one_e(in.u16());
        number = in.number(4);
        if (!ascii) info = melsec::find_by_one_e(in.u16());
    } else if (ascii) {
        info = get_ascii_code(in, wide);
        number = in.digits(wide ? 8 : 6, info == nullptr ? 16 : message_radix(link, *info));
    } else {
        number = in.number(wide ? 4 : 3);
        info = melsec::find_by_binary(static_cast<std::uint16_t>(in.number(wide ? 2 : 1)));
    }
    if (info == nullptr) return std::nullopt;
    return Place{info->code, number};
}

// ---- what a request may be ----

std::size_t points_max(const Limits& limits, const Shape& shape, bool bit_device) {
    if (shape.bit_units) return shape.write ? limits.write_bits : limits.read_bits;
    if (shape.write) return bit_device ? limits.write_bit_words : limits.write_words;
    return bit_device ? limits.read_bit_words : limits.read_words;
}

// How many numbers the points of a span take: 16 relays a word, one counter two words.
std::uint64_t numbers_of(const Span& span, bool bit_units, const NumberRange& range) {
    if (bit_units) return span.points;
    return melsec::is_bits(span.head.code) ? span.points * 16ull : (span.points + range.words - 1u) / range.words;
}

// The last number that a message has room for: six digits in ASCII but for iQ-R.
std::uint64_t last_number(const Link& link, DeviceCode code) {
    if (!is_ascii(link) || link.frame == Frame::e1 || link.family == Family::iq_r) return melsec::kNumberMax;
    const std::uint64_t radix = message_radix(link, melsec::info_of(code));
    return std::min<std::uint64_t>(radix * radix * radix * radix * radix * radix - 1, melsec::kNumberMax);
}

enum class Fault : std::uint8_t { none, no_points, too_many, passes_end, word_device, odd, head, order, values };

// The same for both sides: the client says it in words, the server in an end code.
Fault fault_of(const Link& link, const Shape& shape, const Span& span, std::size_t max) {
    const bool bits = melsec::is_bits(span.head.code);
    const NumberRange range = melsec::range_of(span.head, link.family);
    if (span.points < 1) return Fault::no_points;
    if (span.points > max) return Fault::too_many;
    if (shape.bit_units && !bits) return Fault::word_device;
    const std::uint64_t last = std::min<std::uint64_t>(range.last, last_number(link, span.head.code));
    if (range.first > range.last || span.head.number + numbers_of(span, shape.bit_units, range) > last + 1)
        return Fault::passes_end;
    if (!shape.bit_units && span.points % range.words != 0) return Fault::odd;
    if (link.frame == Frame::e1 && bits && !shape.bit_units && span.head.number % 16 != 0) return Fault::head;
    return Fault::none;
}

Fault fault_of_many(const Link& link, const Request& request) {
    const bool random = request.command == Command::read_random;
    std::uint32_t last = 0;
    for (const Span& span : request.spans) {
        const std::uint32_t now = random ? span.points : melsec::is_bits(span.head.code);
        if (now < last) return Fault::order;
        last = now;
        if (random && span.points > 2) return Fault::too_many;
        if (const Fault fault = fault_of(link, shape_of(request.command), span, 0xffff); fault != Fault::none)
            return fault;
    }
    return Fault::none;
}

Fault fault_of(const Link& link, const Request& request) {
    const Shape& shape = shape_of(request.command);
    const Limits limits = limits_of(link);
    if (!shape.spans) return request.spans.empty() ? Fault::none : Fault::too_many;
    if (request.spans.empty()) return Fault::no_points;
    if (is_multiple(request.command)) {
        const bool random = request.command == Command::read_random;
        if (request.spans.size() > (random ? limits.random_points : limits.blocks)) return Fault::too_many;
        if (total_points(request) > limits.read_words) return Fault::too_many;
        return fault_of_many(link, request);
    }
    if (request.spans.size() != 1) return Fault::too_many;
    const Span& span = request.spans[0];
    if (const Fault fault = fault_of(link, shape, span, points_max(limits, shape, melsec::is_bits(span.head.code)));
        fault != Fault::none)
        return fault;
    const std::size_t values = shape.bit_units ? request.bits.size() : request.words.size();
    return shape.write && values != span.points ? Fault::values : Fault::none;
}

Error told(const Link& link, const Request& request, Fault fault) {
    const std::string first =
        request.spans.empty() ? std::string{"D0"} : melsec::to_string(request.spans[0].head, link.family);
    const std::size_t points = total_points(request);
    const Limits limits = limits_of(link);
    switch (fault) {
        case Fault::too_many:
            return Error{Code::invalid, "{}: {} spans with {} points are too many for one {} request",
                         first,         request.spans.size(),
                         points,        to_string(link.frame)};
        case Fault::passes_end:
            return Error{Code::invalid, "{}: {} points pass the last number of the PLC device", first, points};
        case Fault::word_device:
            return Error{Code::invalid, "{}: a word device has no bit units", first};
        case Fault::odd:
            return Error{Code::invalid, "{}: counters of 32 bits take two words each, not {} words", first, points};
        case Fault::head:
            return Error{Code::invalid, "{}: words of relays begin at a multiple of 16", first};
        case Fault::order:
            return Error{Code::invalid, "{}: of several spans the ones of {} stand first", first,
                         request.command == Command::read_random ? "one word" : "word devices"};
        case Fault::values:
            return Error{Code::invalid, "{}: {} points have {} values", first, points,
                         request.words.size() + request.bits.size()};
        default:
            return Error{Code::invalid, "{}: a request has at least one point, at most {} words", first,
                         limits.read_words};
    }
}

std::uint16_t end_code_of(const Link& link, Fault fault, bool bit_units) {
    const bool one_e = link.frame == Frame::e1;
    switch (fault) {
        case Fault::passes_end:
            return one_e ? 0x57 : 0xc056;
        case Fault::word_device:
            return one_e ? 0x58 : 0xc05c;
        case Fault::head:
            return 0x58;
        case Fault::odd:
            return one_e ? 0x57 : 0xc05c;
        default:
            return one_e ? 0x57 : bit_units ? 0xc052 : 0xc051;
    }
}

Result<void> check(const Link& link, const Request& request) {
    const Shape& shape = shape_of(request.command);
    if (link.frame == Frame::e1 && shape.one_e == kNoOneE)
        return Error{Code::unsupported, "the 1E frame reads one span at a time"};
    for (const Span& span : request.spans)
        if (link.frame == Frame::e1 && melsec::info_of(span.head.code).one_e == 0)
            return Error{Code::unsupported, "{} cannot be reached by the 1E frame: choose 3E or another PLC device",
                         melsec::to_string(span.head, link.family)};
    if (const Fault fault = fault_of(link, request); fault != Fault::none) return told(link, request, fault);
    return {};
}

// ---- 3E and 4E ----

void put_route(Writer& out, const Route& route) {
    out.number(route.network, 1);
    out.number(route.pc, 1);
    out.number(route.io, 2);
    out.number(route.station, 1);
}

void put_header(Writer& out, const Link& link, std::uint16_t serial, bool reply, std::size_t body_bytes) {
    const unsigned subheader = (link.frame == Frame::e4 ? kSubheader4 : kSubheader3) | (reply ? kReplyFlag : 0u);
    // As printed in both codings: 50 00 and "5000".
    out.number(out.ascii() ? subheader : subheader >> 8, 2);
    if (link.frame == Frame::e4) {
        out.number(serial, 2);
        out.number(0, 2);
    }
    put_route(out, link.route);
    ASSERT(body_bytes <= FrameDecoder::kBodyBytesMax);
    out.number(static_cast<std::uint32_t>(body_bytes), 2);
}

Buffer framed(const Link& link, std::uint16_t serial, bool reply, Writer body) {
    Buffer bytes = body.take();
    Writer header{is_ascii(link)};
    put_header(header, link, serial, reply, bytes.size());
    Buffer frame = header.take();
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    return frame;
}

void put_spans(Writer& out, const Link& link, const Request& request, bool wide) {
    if (!is_multiple(request.command)) {
        put_place(out, link, request.spans[0].head, wide);
        return out.number(request.spans[0].points, 2);
    }
    const bool random = request.command == Command::read_random;
    const auto in_first = [&](const Span& span) {
        return random ? span.points == 1 : !melsec::is_bits(span.head.code);
    };
    const auto first = static_cast<std::uint32_t>(std::ranges::count_if(request.spans, in_first));
    out.number(first, 1);
    out.number(static_cast<std::uint32_t>(request.spans.size()) - first, 1);
    for (const Span& span : request.spans) {
        put_place(out, link, span.head, wide);
        if (!random) out.number(span.points, 2);
    }
}

void put_values(Writer& out, const Request& request) {
    for (const std::uint16_t word : request.words) out.number(word, 2);
    out.bits(request.bits);
}

Buffer encode_three_e(const Link& link, std::uint16_t serial, const Request& request) {
    const Shape& shape = shape_of(request.command);
    const bool wide = shape.spans && link.family == Family::iq_r;
    Writer out{is_ascii(link)};
    out.number(link.timer, 2);
    out.number(shape.code, 2);
    out.number((shape.bit_units ? 1u : 0u) + (wide ? kWide : 0u), 2);
    if (shape.spans) put_spans(out, link, request, wide);
    put_values(out, request);
    return framed(link, serial, false, std::move(out));
}

const Shape* find_shape(std::uint16_t code, std::uint16_t subcommand) {
    if (subcommand > 3) return nullptr;
    for (const Shape& shape : kShapes)
        if (shape.code == code && shape.bit_units == ((subcommand & 1) != 0) && (shape.spans || subcommand == 0))
            return &shape;
    return nullptr;
}

// False: there is a PLC device that does not exist.
bool get_spans(Reader& in, const Link& link, Request& request, bool wide) {
    const bool random = request.command == Command::read_random;
    const unsigned first = is_multiple(request.command) ? in.u8() : 1;
    const unsigned second = is_multiple(request.command) ? in.u8() : 0;
    for (unsigned i = 0; i < first + second && !in.bad(); ++i) {
        const auto place = get_place(in, link, is_ascii(link), wide);
        if (!place) return in.bad();
        request.spans.push_back({*place, static_cast<std::uint16_t>(!random ? in.u16() : i < first ? 1 : 2)});
    }
    return true;
}

std::expected<Request, std::uint16_t> checked(const Link& link, const Shape& shape, Request request, Reader& in) {
    if (const Fault fault = fault_of(link, request); fault != Fault::none && fault != Fault::values)
        return std::unexpected(end_code_of(link, fault, shape.bit_units));
    if (!shape.write) return request;
    const std::size_t points = request.spans[0].points;
    if (shape.bit_units)
        in.bits(request.bits, points);
    else
        for (std::size_t i = 0; i < points; ++i) request.words.push_back(in.u16());
    return request;
}

std::expected<Request, std::uint16_t> decode_three_e(const Link& link, Bytes body) {
    Reader in{is_ascii(link), body};
    in.u16();  // how long we may work on it
    const std::uint16_t code = in.u16(), subcommand = in.u16();
    if (in.bad()) return std::unexpected(std::uint16_t{0xc061});
    const Shape* shape = find_shape(code, subcommand);
    if (shape == nullptr) return std::unexpected(std::uint16_t{0xc059});
    Request request;
    request.command = shape->command;
    if (shape->spans && !get_spans(in, link, request, (subcommand & kWide) != 0))
        return std::unexpected(std::uint16_t{0xc05b});
    if (in.bad()) return std::unexpected(std::uint16_t{0xc061});
    auto whole = checked(link, *shape, std::move(request), in);
    if (!whole) return whole;
    if (in.bad() || in.left() != 0)
        return std::unexpected(std::uint16_t(in.bad() && shape->bit_units ? 0xc060 : 0xc061));
    return whole;
}

// ---- 1E ----

std::size_t dummy_of_one_e(const Link& link, const Request& request) {
    const bool bits = shape_of(request.command).bit_units;
    return is_ascii(link) && bits && request.spans[0].points % 2 != 0 ? 1 : 0;
}

Buffer encode_one_e(const Link& link, const Request& request) {
    const Shape& shape = shape_of(request.command);
    Writer out{is_ascii(link)};
    out.number(shape.one_e, 1);
    out.number(link.route.pc, 1);
    out.number(link.timer, 2);
    if (!shape.spans) return out.take();
    put_place(out, link, request.spans[0].head, false);
    out.number(request.spans[0].points & 0xffu, 1);  // 256 is 0
    out.number(0, 1);
    put_values(out, request);
    if (shape.write && dummy_of_one_e(link, request) != 0) out.text("0");
    return out.take();
}

const Shape* find_one_e(std::uint8_t code) {
    for (const Shape& shape : kShapes)
        if (shape.one_e == code && code != kNoOneE) return &shape;
    return nullptr;
}

std::expected<Request, std::uint16_t> decode_one_e(const Link& link, Bytes body) {
    Reader in{is_ascii(link), body};
    const Shape* shape = find_one_e(in.u8());
    in.u8();
    in.u16();
    if (shape == nullptr || in.bad()) return std::unexpected(std::uint16_t{0x50});
    Request request;
    request.command = shape->command;
    if (!shape->spans) return request;
    const auto place = get_place(in, link, is_ascii(link), false);
    const std::uint8_t points = in.u8();
    in.u8();
    if (in.bad()) return std::unexpected(std::uint16_t(is_ascii(link) ? 0x54 : 0x57));
    if (!place) return std::unexpected(std::uint16_t{0x56});
    request.spans.push_back({*place, static_cast<std::uint16_t>(points == 0 ? 256 : points)});
    auto whole = checked(link, *shape, std::move(request), in);
    if (!whole) return whole;
    if (shape->write && dummy_of_one_e(link, *whole) != 0) in.text(1);
    if (in.bad() || in.left() != 0) return std::unexpected(std::uint16_t{0x57});
    return whole;
}

// ---- replies ----

void put_data(Writer& out, const Link& link, const Request& request, const Reply& reply) {
    const Shape& shape = shape_of(request.command);
    if (!shape.spans) {
        if (link.frame == Frame::e1) return out.number(reply.model_code & 0xffu, 1), out.number(0, 1);
        std::string name = reply.model.substr(0, kModelCharacters);
        name.resize(kModelCharacters, ' ');
        out.text(name);
        return out.number(reply.model_code, 2);
    }
    ASSERT(shape.write || (shape.bit_units ? reply.bits : std::vector<std::uint8_t>(reply.words.size())).size() ==
                              total_points(request));
    if (shape.write) return;
    std::size_t at = 0;
    for (const Span& span : request.spans) {
        const bool pair = request.command == Command::read_random && span.points == 2;
        if (pair) out.number(reply.words[at] | std::uint32_t{reply.words[at + 1]} << 16, 4);
        for (std::size_t i = 0; i < span.points && !pair && !shape.bit_units; ++i) out.number(reply.words[at + i], 2);
        at += span.points;
    }
    if (shape.bit_units) out.bits(reply.bits);
    if (shape.bit_units && link.frame == Frame::e1 && dummy_of_one_e(link, request) != 0) out.text("0");
}

void get_data(Reader& in, const Link& link, const Request& asked, Reply& reply) {
    const Shape& shape = shape_of(asked.command);
    if (!shape.spans && link.frame == Frame::e1) {
        reply.model_code = in.u8();
        in.u8();
        if (reply.model_code == 0xf3) reply.model = "FX3U/FX3UC";
        return;
    }
    if (!shape.spans) {
        reply.model = in.text(kModelCharacters);
        reply.model.resize(reply.model.find_last_not_of(std::string_view{" \0", 2}) + 1);
        reply.model_code = in.u16();
        return;
    }
    if (shape.write) return;
    if (shape.bit_units) return in.bits(reply.bits, asked.spans[0].points);
    for (const Span& span : asked.spans) {
        if (asked.command == Command::read_random && span.points == 2) {
            const std::uint32_t pair = in.number(4);
            reply.words.push_back(static_cast<std::uint16_t>(pair));
            reply.words.push_back(static_cast<std::uint16_t>(pair >> 16));
            continue;
        }
        for (std::size_t i = 0; i < span.points && !in.bad(); ++i) reply.words.push_back(in.u16());
    }
}

}  // namespace

std::optional<Frame> parse_frame(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kFrames); ++i)
        if (kFrames[i] == name) return static_cast<Frame>(i);
    return std::nullopt;
}

std::string_view to_string(Frame frame) { return kFrames[static_cast<std::size_t>(frame)]; }

bool is_write(Command command) { return shape_of(command).write; }

Limits limits_of(const Link& link) {
    const bool ascii = is_ascii(link);
    if (link.frame == Frame::e1)
        return link.family == Family::fx || link.family == Family::fx3 ? Limits{64, 32, 256, 64, 10, 160, 0, 0}
                                                                       : Limits{256, 128, 256, 256, 40, 256, 0, 0};
    if (link.family == Family::iq_f) {
        const auto words = static_cast<std::uint16_t>(ascii ? 480 : 960);
        const auto bits = static_cast<std::uint16_t>(ascii ? 1792 : 3584);
        return {words, words, bits, words, words, bits, 192, 120};
    }
    const auto bits = static_cast<std::uint16_t>(ascii ? 3584 : 7168);
    const bool wide = link.family == Family::iq_r;
    return {960,
            960,
            bits,
            960,
            960,
            bits,
            static_cast<std::uint16_t>(wide ? 96 : 192),
            static_cast<std::uint16_t>(wide ? 60 : 120)};
}

Result<Buffer> encode_request(const Link& link, std::uint16_t serial, const Request& request) {
    TRY(check(link, request));
    return link.frame == Frame::e1 ? encode_one_e(link, request) : encode_three_e(link, serial, request);
}

std::expected<Request, std::uint16_t> decode_request(const Link& link, Bytes body) {
    return link.frame == Frame::e1 ? decode_one_e(link, body) : decode_three_e(link, body);
}

Buffer encode_reply(const Link& link, std::uint16_t serial, const Request& request, const Reply& reply) {
    Writer out{is_ascii(link)};
    if (link.frame == Frame::e1) {
        out.number(shape_of(request.command).one_e | kOneEReplyFlag, 1);
        out.number(reply.end_code & 0xffu, 1);
        if (reply.end_code == 0x5b) out.number(reply.abnormal, 1), out.number(0, 1);
        if (reply.end_code == 0) put_data(out, link, request, reply);
        return out.take();
    }
    out.number(reply.end_code, 2);
    if (reply.end_code == 0) {
        put_data(out, link, request, reply);
    } else {
        const Shape& shape = shape_of(request.command);
        put_route(out, link.route);
        out.number(shape.code, 2);
        out.number((shape.bit_units ? 1u : 0u) + (shape.spans && link.family == Family::iq_r ? kWide : 0u), 2);
    }
    return framed(link, serial, true, std::move(out));
}

Buffer encode_refusal(const Link& link, std::uint16_t serial, Bytes body, std::uint16_t end_code) {
    Reader in{is_ascii(link), body};
    Writer out{is_ascii(link)};
    if (link.frame == Frame::e1) {
        out.number(static_cast<std::uint32_t>(in.u8() | kOneEReplyFlag), 1);
        out.number(end_code & 0xffu, 1);
        return out.take();
    }
    in.u16();
    out.number(end_code, 2);
    put_route(out, link.route);
    const std::uint16_t command = in.u16(), subcommand = in.u16();
    out.number(command, 2);
    out.number(subcommand, 2);
    return framed(link, serial, true, std::move(out));
}

Result<Reply> decode_reply(const Link& link, const Request& asked, Bytes body) {
    Reader in{is_ascii(link), body};
    Reply reply;
    const unsigned expected = shape_of(asked.command).one_e | kOneEReplyFlag;
    if (link.frame == Frame::e1)
        if (const unsigned found = in.u8(); found != expected)
            return Error{Code::malformed, "the PLC's reply is to command 0x{:02x}, expected 0x{:02x}", found, expected};
    reply.end_code = link.frame == Frame::e1 ? in.u8() : in.u16();
    if (in.bad()) return Error{Code::malformed, "the PLC's reply ends before its end code ({} bytes)", body.size()};
    if (reply.end_code != 0) {
        if (link.frame == Frame::e1 && reply.end_code == 0x5b) reply.abnormal = in.u8();
        return reply;
    }
    get_data(in, link, asked, reply);
    if (link.frame == Frame::e1 && in.left() == 1 && shape_of(asked.command).spans)
        in.text(dummy_of_one_e(link, asked));
    if (in.bad() || in.left() != 0)
        return Error{Code::malformed, "the PLC's reply of {} bytes does not have the {} points that were asked for",
                     body.size(), total_points(asked)};
    return reply;
}

}  // namespace gongshu::wire::mc
