#include "wire/modbus.h"

#include "base/assert.h"

namespace gongshu::wire::modbus {

namespace {

constexpr std::uint8_t kExceptionFlag = 0x80;
constexpr std::uint16_t kCoilOn = 0xff00;
constexpr std::size_t kLengthMin = 2;  // unit and a function code
constexpr std::size_t kLengthMax = 1 + kPduBytesMax;

// What is special about a function: one line each, so that the code below has no switch.
struct Shape {
    Function function;
    bool read;
    bool bits;
    bool single;  // one value, echoed
    std::uint16_t count_max;
};
constexpr Shape kShapes[] = {
    {Function::read_coils, true, true, false, kReadBitsMax},
    {Function::read_discrete_inputs, true, true, false, kReadBitsMax},
    {Function::read_holding_registers, true, false, false, kReadRegistersMax},
    {Function::read_input_registers, true, false, false, kReadRegistersMax},
    {Function::write_coil, false, true, true, 1},
    {Function::write_register, false, false, true, 1},
    {Function::write_coils, false, true, false, kWriteBitsMax},
    {Function::write_registers, false, false, false, kWriteRegistersMax},
};

const Shape* find_shape(std::uint8_t code) {
    for (const Shape& shape : kShapes)
        if (static_cast<std::uint8_t>(shape.function) == code) return &shape;
    return nullptr;
}

const Shape& shape_of(Function function) {
    const Shape* shape = find_shape(static_cast<std::uint8_t>(function));
    ASSERT(shape != nullptr);
    return *shape;
}

std::uint16_t get_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

void put_u16(Buffer& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

std::size_t bit_bytes(std::size_t bits) { return (bits + 7) / 8; }

// First bit in the least significant place of the first byte; the rest of the last byte is zero.
void put_bits(Buffer& out, std::span<const std::uint8_t> bits) {
    for (std::size_t at = 0; at < bits.size(); at += 8) {
        unsigned packed = 0;
        for (std::size_t i = at; i < bits.size() && i < at + 8; ++i) packed |= (bits[i] != 0 ? 1u : 0u) << (i - at);
        out.push_back(static_cast<std::uint8_t>(packed));
    }
}

std::vector<std::uint8_t> get_bits(Bytes bytes, std::size_t count) {
    std::vector<std::uint8_t> bits(count);
    for (std::size_t i = 0; i < count; ++i) bits[i] = static_cast<std::uint8_t>(bytes[i / 8] >> (i % 8) & 1);
    return bits;
}

void put_registers(Buffer& out, std::span<const std::uint16_t> registers) {
    for (const std::uint16_t value : registers) put_u16(out, value);
}

std::vector<std::uint16_t> get_registers(Bytes bytes, std::size_t count) {
    std::vector<std::uint16_t> registers(count);
    for (std::size_t i = 0; i < count; ++i) registers[i] = get_u16(bytes, i * 2);
    return registers;
}

Result<void> check_request(const Shape& shape, const Request& request) {
    const int code = static_cast<int>(shape.function);
    if (request.count < 1 || request.count > shape.count_max)
        return Error{Code::invalid, "modbus function {} takes 1 to {} values, not {}", code, shape.count_max,
                     request.count};
    if (request.address + request.count > 0x10000)
        return Error{Code::invalid, "modbus addresses {} + {} pass 65535", request.address, request.count};
    const std::size_t values = shape.bits ? request.bits.size() : request.registers.size();
    if (!shape.read && values != request.count)
        return Error{Code::invalid, "modbus function {} has {} values for {} addresses", code, values, request.count};
    return {};
}

std::expected<Request, Exception> decode_single(const Shape& shape, Request request, Bytes pdu) {
    const std::uint16_t value = get_u16(pdu, 3);
    request.count = 1;
    if (!shape.bits) {
        request.registers = {value};
        return request;
    }
    if (value != 0 && value != kCoilOn) return std::unexpected(Exception::illegal_value);
    request.bits = {static_cast<std::uint8_t>(value == kCoilOn)};
    return request;
}

Error mismatch(const Request& asked, std::string_view what, std::size_t found, std::size_t expected) {
    return Error{Code::malformed,
                 "modbus reply to function {} at address {} has {} {}, expected {}",
                 static_cast<int>(asked.function),
                 asked.address,
                 what,
                 found,
                 expected};
}

Result<Reply> decode_read_reply(const Shape& shape, const Request& asked, Bytes pdu, Reply reply) {
    const std::size_t bytes = shape.bits ? bit_bytes(asked.count) : asked.count * 2u;
    if (pdu.size() < 2) return mismatch(asked, "total bytes", pdu.size(), 2 + bytes);
    if (pdu[1] != bytes) return mismatch(asked, "a byte count of", pdu[1], bytes);
    if (pdu.size() != 2 + bytes) return mismatch(asked, "total bytes", pdu.size(), 2 + bytes);
    reply.count = asked.count;
    if (shape.bits)
        reply.bits = get_bits(pdu.subspan(2), asked.count);
    else
        reply.registers = get_registers(pdu.subspan(2), asked.count);
    return reply;
}

Result<Reply> decode_write_reply(const Shape& shape, const Request& asked, Bytes pdu, Reply reply) {
    if (pdu.size() != 5) return mismatch(asked, "total bytes", pdu.size(), 5);
    reply.address = get_u16(pdu, 1);
    if (reply.address != asked.address) return mismatch(asked, "an echoed address of", reply.address, asked.address);
    const std::uint16_t second = get_u16(pdu, 3);
    std::uint16_t expected = asked.count;
    if (shape.single)
        expected = !shape.bits ? asked.registers.at(0) : asked.bits.at(0) != 0 ? kCoilOn : std::uint16_t{0};
    if (second != expected)
        return mismatch(asked, shape.single ? "an echoed value of" : "an echoed count of", second, expected);
    reply.count = asked.count;
    return reply;
}

}  // namespace

std::string to_string(Exception exception) {
    const int code = static_cast<int>(exception);
    const char* meaning = "not in the standard";
    switch (exception) {
        case Exception::illegal_function:
            meaning = "illegal function";
            break;
        case Exception::illegal_address:
            meaning = "illegal data address";
            break;
        case Exception::illegal_value:
            meaning = "illegal data value";
            break;
        case Exception::device_failure:
            meaning = "server device failure";
            break;
        case Exception::acknowledge:
            meaning = "acknowledge, still working";
            break;
        case Exception::busy:
            meaning = "server device busy";
            break;
        case Exception::memory_parity:
            meaning = "memory parity error";
            break;
        case Exception::gateway_path:
            meaning = "gateway path unavailable";
            break;
        case Exception::gateway_target:
            meaning = "gateway target device failed to respond";
            break;
    }
    return fmt::format("exception {} ({})", code, meaning);
}

bool is_read(Function function) { return shape_of(function).read; }
bool is_bits(Function function) { return shape_of(function).bits; }

std::size_t reply_pdu_bytes(const Request& asked) {
    const Shape& shape = shape_of(asked.function);
    if (!shape.read) return 5;
    return 2 + (shape.bits ? bit_bytes(asked.count) : asked.count * 2u);
}

Result<Buffer> encode_request_pdu(const Request& request) {
    const Shape& shape = shape_of(request.function);
    TRY(check_request(shape, request));
    Buffer out;
    out.push_back(static_cast<std::uint8_t>(request.function));
    put_u16(out, request.address);
    if (shape.single) {
        put_u16(out, !shape.bits ? request.registers[0] : request.bits[0] != 0 ? kCoilOn : 0);
        return out;
    }
    put_u16(out, request.count);
    if (shape.read) return out;
    out.push_back(static_cast<std::uint8_t>(shape.bits ? bit_bytes(request.count) : request.count * 2u));
    if (shape.bits)
        put_bits(out, request.bits);
    else
        put_registers(out, request.registers);
    return out;
}

Buffer encode_frame(std::uint16_t transaction, std::uint8_t unit, const Buffer& pdu) {
    ASSERT(1 + pdu.size() >= kLengthMin && 1 + pdu.size() <= kLengthMax);
    Buffer out;
    out.reserve(kMbapBytes + pdu.size());
    put_u16(out, transaction);
    put_u16(out, 0);
    put_u16(out, 1 + pdu.size());
    out.push_back(unit);
    out.insert(out.end(), pdu.begin(), pdu.end());
    return out;
}

Result<Buffer> encode_request(std::uint16_t transaction, std::uint8_t unit, const Request& request) {
    const Buffer pdu = TRY(encode_request_pdu(request));
    return encode_frame(transaction, unit, pdu);
}

Buffer encode_reply_pdu(const Reply& reply) {
    Buffer out;
    if (reply.exception) {
        out.push_back(static_cast<std::uint8_t>(reply.function) | kExceptionFlag);
        out.push_back(static_cast<std::uint8_t>(*reply.exception));
        return out;
    }
    const Shape& shape = shape_of(reply.function);
    out.push_back(static_cast<std::uint8_t>(reply.function));
    if (shape.read) {
        ASSERT((shape.bits ? reply.bits.size() : reply.registers.size()) <= shape.count_max);
        out.push_back(
            static_cast<std::uint8_t>(shape.bits ? bit_bytes(reply.bits.size()) : reply.registers.size() * 2));
        if (shape.bits)
            put_bits(out, reply.bits);
        else
            put_registers(out, reply.registers);
        return out;
    }
    put_u16(out, reply.address);
    if (!shape.single)
        put_u16(out, reply.count);
    else if (shape.bits)
        put_u16(out, reply.bits.at(0) != 0 ? kCoilOn : 0);
    else
        put_u16(out, reply.registers.at(0));
    return out;
}

Buffer encode_reply(std::uint16_t transaction, std::uint8_t unit, const Reply& reply) {
    return encode_frame(transaction, unit, encode_reply_pdu(reply));
}

Reply refusal(Function function, Exception exception) {
    Reply reply;
    reply.function = function;
    reply.exception = exception;
    return reply;
}

std::expected<Request, Exception> decode_request(Bytes pdu) {
    const Shape* shape = pdu.empty() ? nullptr : find_shape(pdu[0]);
    if (shape == nullptr) return std::unexpected(Exception::illegal_function);
    const bool many_written = !shape->read && !shape->single;
    if (many_written ? pdu.size() < 6 : pdu.size() != 5) return std::unexpected(Exception::illegal_value);
    Request request;
    request.function = shape->function;
    request.address = get_u16(pdu, 1);
    if (shape->single) return decode_single(*shape, std::move(request), pdu);

    request.count = get_u16(pdu, 3);
    if (request.count < 1 || request.count > shape->count_max) return std::unexpected(Exception::illegal_value);
    if (request.address + request.count > 0x10000) return std::unexpected(Exception::illegal_address);
    if (shape->read) return request;

    const std::size_t bytes = shape->bits ? bit_bytes(request.count) : request.count * 2u;
    if (pdu[5] != bytes || pdu.size() != 6 + bytes) return std::unexpected(Exception::illegal_value);
    if (shape->bits)
        request.bits = get_bits(pdu.subspan(6), request.count);
    else
        request.registers = get_registers(pdu.subspan(6), request.count);
    return request;
}

Result<Reply> decode_reply(const Request& asked, Bytes pdu) {
    const Shape& shape = shape_of(asked.function);
    const auto code = static_cast<std::uint8_t>(asked.function);
    if (pdu.empty()) return mismatch(asked, "total bytes", 0, 2);
    Reply reply;
    reply.function = asked.function;
    if (pdu[0] == (code | kExceptionFlag)) {
        if (pdu.size() != 2) return mismatch(asked, "an exception of total bytes", pdu.size(), 2);
        reply.exception = static_cast<Exception>(pdu[1]);
        return reply;
    }
    if (pdu[0] != code) return mismatch(asked, "function code", pdu[0], code);
    return shape.read ? decode_read_reply(shape, asked, pdu, std::move(reply))
                      : decode_write_reply(shape, asked, pdu, std::move(reply));
}

Result<void> FrameDecoder::feed(Bytes received, const std::function<bool(const Frame&)>& on_frame) {
    while (!broken_) {
        // The header is checked as soon as it is there, so that nothing is collected behind a wrong one.
        const std::size_t wanted = wanted_bytes();
        const std::size_t taken = std::min(wanted, received.size());
        buffer_.insert(buffer_.end(), received.begin(), received.begin() + static_cast<std::ptrdiff_t>(taken));
        received = received.subspan(taken);
        if (taken < wanted) return {};
        const std::uint16_t length = get_u16(buffer_, 4);
        if (get_u16(buffer_, 2) != 0 || length < kLengthMin || length > kLengthMax) {
            broken_ = true;
            break;
        }
        if (buffer_.size() < 6u + length) continue;
        const bool go_on = on_frame(Frame{get_u16(buffer_, 0), buffer_[6], Bytes(buffer_).subspan(kMbapBytes)});
        buffer_.clear();
        if (!go_on) return {};
    }
    return Error{Code::malformed, "modbus header has protocol {} and length {}, expected protocol 0 and length 2 to {}",
                 get_u16(buffer_, 2), get_u16(buffer_, 4), kLengthMax};
}

std::size_t FrameDecoder::wanted_bytes() const {
    return (buffer_.size() >= 6 ? 6u + get_u16(buffer_, 4) : 6u) - buffer_.size();
}

void FrameDecoder::reset() {
    buffer_.clear();
    broken_ = false;
}

}  // namespace gongshu::wire::modbus
