#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/loop.h"
#include "plant/simulation.h"

namespace gongshu::plant {

// One Modbus TCP server of the plant: the devices of the catalogue that name it, by unit. A machine without power is
// gone: its server refuses links when it has a network card of its own, or its unit stays silent behind the gateway.
// Lives:   with its Plant. Threads: its loop's. Bounds: kLinksMax links, one frame each. Disk: none.
class ModbusServer {
public:
    static constexpr std::uint32_t kLinksMax = 64;

    static Result<std::unique_ptr<ModbusServer>> create(io::Loop& loop, Simulation& simulation, std::string name,
                                                        const io::Address& address);

    io::Address address() const { return address_; }
    const std::string& name() const { return name_; }
    // Leaves or enters the network as its devices lost or got power. Called after each tick.
    void follow_power();

private:
    struct Link {
        std::unique_ptr<io::Stream> stream;
        wire::modbus::FrameDecoder decoder;
    };

    ModbusServer(io::Loop& loop, Simulation& simulation, std::string name);
    Result<void> listen(const io::Address& address);
    void accept(std::unique_ptr<io::Stream> stream);
    void forget(const std::shared_ptr<Link>& link);
    void on_frame(Link& link, const wire::modbus::Frame& frame);
    wire::modbus::Reply reply_to(std::size_t device, const wire::modbus::Request& request);
    wire::modbus::Reply read(std::size_t device, const wire::modbus::Request& request) const;
    wire::modbus::Reply write(std::size_t device, const wire::modbus::Request& request);
    bool on_the_net() const;

    io::Loop& loop_;
    Simulation& simulation_;
    const std::string name_;
    io::Address address_;
    std::unique_ptr<io::Listener> listener_;
    std::vector<std::shared_ptr<Link>> links_;
};

}  // namespace gongshu::plant
