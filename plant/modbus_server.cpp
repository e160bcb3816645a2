#include "plant/modbus_server.h"

#include <algorithm>

#include "base/log.h"

namespace gongshu::plant {

using namespace wire::modbus;

namespace {

bool holds(const PropertyRow& property, Function function) {
    switch (property.table) {
        case Table::coil:
            return function == Function::read_coils || function == Function::write_coil ||
                   function == Function::write_coils;
        case Table::discrete:
            return function == Function::read_discrete_inputs;
        case Table::holding:
            return function == Function::read_holding_registers || function == Function::write_register ||
                   function == Function::write_registers;
        case Table::input:
            return function == Function::read_input_registers;
    }
    return false;
}

std::size_t places(const PropertyRow& property) {
    const bool bits = property.table == Table::coil || property.table == Table::discrete;
    return bits ? 1 : register_count(codec_of(property));
}

// First address behind the last one of the table, 0 if the device has none of it.
std::size_t table_end(const TypeRow& type, Function function) {
    std::size_t end = 0;
    for (const PropertyRow& property : type.properties)
        if (holds(property, function)) end = std::max(end, property.address + places(property));
    return end;
}

}  // namespace

ModbusServer::ModbusServer(io::Loop& loop, Simulation& simulation, std::string name)
    : loop_(loop), simulation_(simulation), name_(std::move(name)) {}

Result<std::unique_ptr<ModbusServer>> ModbusServer::create(io::Loop& loop, Simulation& simulation, std::string name,
                                                           const io::Address& address) {
    std::unique_ptr<ModbusServer> server(new ModbusServer(loop, simulation, std::move(name)));
    TRY(server->listen(address).context("cannot listen on {} for {}", io::to_string(address), server->name_));
    server->address_ = server->listener_->address();
    return server;
}

Result<void> ModbusServer::listen(const io::Address& address) {
    io::ListenOptions options;
    options.streams_max = kLinksMax;
    listener_ =
        TRY(loop_.listen(address, options, [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); }));
    return {};
}

// A card of its own dies with its machine; a gateway and a PLC have one power supply for all, that of their last
// device.
bool ModbusServer::on_the_net() const {
    if (name_ == "meters") return true;
    std::size_t owner = 0;
    for (std::size_t i = 0; i < devices().size(); ++i)
        if (devices()[i].server == name_) owner = i;
    return simulation_.powered(owner);
}

void ModbusServer::follow_power() {
    if (on_the_net() == (listener_ != nullptr)) return;
    if (listener_) {
        listener_.reset();
        links_.clear();
        return;
    }
    if (auto again = listen(address_); !again)
        log_warning("plant", "{} cannot come back yet: {}", name_, again.error().text());
}

void ModbusServer::accept(std::unique_ptr<io::Stream> stream) {
    auto link = std::make_shared<Link>();
    link->stream = std::move(stream);
    links_.push_back(link);
    const std::weak_ptr<Link> weak = link;
    io::Stream::Events events;
    events.on_data = [this, weak](Bytes bytes) {
        const auto self = weak.lock();
        if (!self) return;
        const auto fed = self->decoder.feed(bytes, [&](const Frame& frame) {
            on_frame(*self, frame);
            return true;
        });
        if (fed) return;
        self->stream->close();
        loop_.post([this, weak] {
            if (const auto self = weak.lock()) forget(self);
        });
    };
    events.on_closed = [this, weak](const Error&) {
        loop_.post([this, weak] {
            if (const auto self = weak.lock()) forget(self);
        });
    };
    link->stream->start(std::move(events));
}

void ModbusServer::forget(const std::shared_ptr<Link>& link) { std::erase(links_, link); }

void ModbusServer::on_frame(Link& link, const Frame& frame) {
    for (std::size_t i = 0; i < devices().size(); ++i) {
        const DeviceRow& device = devices()[i];
        if (device.server != name_ || device.unit != frame.unit) continue;
        if (name_ == "meters" && !simulation_.powered(i)) return;  // silent behind its gateway
        const auto request = decode_request(frame.pdu);
        const auto function = static_cast<Function>(frame.pdu[0] & 0x7f);
        link.stream->send(encode_reply(frame.transaction, frame.unit,
                                       request ? reply_to(i, *request) : refusal(function, request.error())));
        return;
    }
    link.stream->send(encode_reply(frame.transaction, frame.unit,
                                   refusal(static_cast<Function>(frame.pdu[0] & 0x7f), Exception::gateway_target)));
}

Reply ModbusServer::reply_to(std::size_t device, const Request& request) {
    const std::size_t end = table_end(*devices()[device].type, request.function);
    if (request.address + std::size_t{request.count} > end)
        return refusal(request.function, Exception::illegal_address);
    return is_read(request.function) ? read(device, request) : write(device, request);
}

Reply ModbusServer::read(std::size_t device, const Request& request) const {
    const TypeRow& type = *devices()[device].type;
    Reply reply;
    reply.function = request.function;
    reply.count = request.count;
    reply.bits.resize(is_bits(request.function) ? request.count : 0);
    reply.registers.resize(is_bits(request.function) ? 0 : request.count);
    for (std::size_t p = 0; p < type.properties.size(); ++p) {
        const PropertyRow& property = type.properties[p];
        if (!holds(property, request.function)) continue;
        const double shown = simulation_.shown(device, p);
        if (is_bits(request.function)) {
            if (property.address >= request.address && property.address < request.address + request.count)
                reply.bits[property.address - std::size_t{request.address}] = shown != 0;
            continue;
        }
        const auto words = encode_value(codec_of(property), shown_value(property, shown));
        if (!words) continue;  // outside of what the register holds: 0, as a poor machine would do
        for (std::size_t i = 0; i < words->size(); ++i) {
            const std::size_t at = property.address + i;
            if (at >= request.address && at < std::size_t{request.address} + request.count)
                reply.registers[at - request.address] = (*words)[i];
        }
    }
    return reply;
}

Reply ModbusServer::write(std::size_t device, const Request& request) {
    const TypeRow& type = *devices()[device].type;
    Reply reply{request.function, {}, request.address, request.count, request.bits, request.registers};
    for (std::size_t p = 0; p < type.properties.size(); ++p) {
        const PropertyRow& property = type.properties[p];
        if (!holds(property, request.function) || property.address != request.address ||
            request.count != places(property))
            continue;
        double value = request.bits.empty() ? 0 : request.bits[0];
        if (!request.registers.empty()) {
            const auto decoded = decode_value(codec_of(property), request.registers, ValueType::number);
            if (!decoded) return refusal(request.function, Exception::illegal_value);
            value = std::get<double>(*decoded);
        }
        if ((property.min && value < *property.min) || (property.max && value > *property.max))
            return refusal(request.function, Exception::illegal_value);
        return simulation_.set_setpoint(device, p, value) ? reply
                                                          : refusal(request.function, Exception::illegal_address);
    }
    return refusal(request.function, Exception::illegal_address);
}

}  // namespace gongshu::plant
