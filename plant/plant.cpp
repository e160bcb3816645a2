#include "plant/plant.h"

#include <algorithm>
#include <charconv>
#include <deque>

#include "base/json_writer.h"
#include "base/log.h"
#include "io/files.h"
#include "plant/modbus_server.h"
#include "plant/mqtt_sender.h"
#include "plant/simulation.h"

namespace gongshu::plant {

namespace {

constexpr DurationNs kTick = 250 * kMillisecond;
constexpr DurationNs kRound = 40 * kMinute;
constexpr std::size_t kLineBytesMax = 1024;
constexpr std::uint32_t kControlLinksMax = 8;
constexpr double kSpeedMin = 0.1, kSpeedMax = 1000;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t from = line.find_first_not_of(" \t\r\n");
        if (from == line.npos) break;
        const std::size_t to = std::min(line.find_first_of(" \t\r\n", from), line.size());
        words.push_back(line.substr(from, to - from));
        line.remove_prefix(to);
    }
    return words;
}

bool is_loopback(const std::string& host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

struct Edge {
    TimeNs time;
    PlannedFault fault;
    bool on;
};

// One control link: lines in, answers out.
struct ControlLink {
    std::unique_ptr<io::Stream> stream;
    std::string line;
};

class PlantImpl final : public Plant {
public:
    PlantImpl(io::Loop& loop, const PlantOptions& options)
        : loop_(loop),
          options_(options),
          start_(loop.clock().now()),
          simulation_(options.seed, start_),
          anchor_sim_(start_),
          anchor_real_(loop.clock().monotonic()),
          speed_(options.speed) {}
    ~PlantImpl() override { *alive_ = false; }

    Result<void> open();
    std::map<std::string, io::Address> modbus_addresses() const override {
        std::map<std::string, io::Address> addresses;
        for (const auto& server : servers_) addresses[server->name()] = server->address();
        return addresses;
    }
    io::Address control_address() const override { return control_->address(); }
    std::string command(std::string_view line) override;
    Result<double> truth(std::string_view device, std::string_view property) const override;

private:
    void tick();
    void plan_faults();
    void apply_faults();
    void accept(std::unique_ptr<io::Stream> stream);
    void on_control(const std::shared_ptr<ControlLink>& link, Bytes bytes);
    std::string list() const;
    Result<std::string> execute(const std::vector<std::string_view>& words);
    Result<void> set_speed(std::string_view text);

    io::Loop& loop_;
    const PlantOptions options_;
    const TimeNs start_;
    Simulation simulation_;
    // Simulated time runs from anchor_sim_ at anchor_real_ on, speed_ times as fast as the loop's clock.
    TimeNs anchor_sim_;
    DurationNs anchor_real_;
    double speed_;
    std::deque<Edge> edges_;
    int rounds_planned_ = 0;
    std::vector<std::unique_ptr<ModbusServer>> servers_;
    std::vector<std::unique_ptr<MqttSender>> senders_;
    std::unique_ptr<io::Listener> control_;
    std::vector<std::shared_ptr<ControlLink>> control_links_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Result<void> PlantImpl::open() {
    if (!(speed_ >= kSpeedMin && speed_ <= kSpeedMax))
        return Error{Code::invalid, "speed must be {} to {}, not {}", kSpeedMin, kSpeedMax, speed_};
    if (options_.faults != "demo" && options_.faults != "none")
        return Error{Code::invalid, "faults must be demo or none, not {}", options_.faults};
    if (!is_loopback(options_.control.host))
        return Error{Code::invalid, "control must be on loopback, not {}", options_.control.host};
    io::Address address = options_.modbus;
    for (const char* name : kModbusServers) {
        servers_.push_back(TRY(ModbusServer::create(loop_, simulation_, name, address)));
        if (address.port != 0) ++address.port;
    }
    io::ListenOptions control;
    control.streams_max = kControlLinksMax;
    control_ = TRY(loop_
                       .listen(options_.control, control,
                               [this](std::unique_ptr<io::Stream> stream) { accept(std::move(stream)); })
                       .context("control line"));
    if (!options_.mqtt.empty()) {
        const io::Address broker = TRY(io::parse_address(options_.mqtt).context("mqtt"));
        for (std::size_t i = 0; i < devices().size(); ++i) {
            if (!devices()[i].server.empty()) continue;
            const auto login = options_.mqtt_logins.find(std::string(devices()[i].name));
            senders_.push_back(std::make_unique<MqttSender>(
                loop_, simulation_, i, broker, login == options_.mqtt_logins.end() ? MqttLogin{} : login->second,
                options_.site));
            senders_.back()->start();
        }
    }
    tick();
    return {};
}

void PlantImpl::tick() {
    loop_.after(kTick, [this, alive = alive_] {
        if (*alive) tick();
    });
    const auto real = static_cast<double>(loop_.clock().monotonic() - anchor_real_);
    const TimeNs target = anchor_sim_ + static_cast<DurationNs>(real * speed_);
    // From fault to fault, so that each begins and ends at its own time however fast the plant runs.
    plan_faults();
    while (!edges_.empty() && edges_.front().time <= target) {
        simulation_.advance(edges_.front().time);
        apply_faults();
        plan_faults();
    }
    simulation_.advance(target);
    for (const auto& server : servers_) server->follow_power();
}

void PlantImpl::plan_faults() {
    if (options_.faults != "demo" || edges_.size() > 16) return;
    std::vector<Edge> more(edges_.begin(), edges_.end());
    for (const PlannedFault& fault : demo_faults(start_ + rounds_planned_ * kRound, 1)) {
        more.push_back({fault.from, fault, true});
        more.push_back({fault.to, fault, false});
    }
    ++rounds_planned_;
    std::ranges::stable_sort(more, {}, &Edge::time);
    edges_.assign(more.begin(), more.end());
}

void PlantImpl::apply_faults() {
    const Edge edge = edges_.front();
    edges_.pop_front();
    const DeviceRow& device = devices()[edge.fault.device];
    if (edge.fault.power_loss) {
        simulation_.set_power(edge.fault.device, !edge.on);
        log_info("plant", "{} {} power", device.name, edge.on ? "loses" : "has again");
    } else if (simulation_.set_fault(edge.fault.device, edge.fault.fault, edge.on)) {
        log_info("plant", "{}: {} {}", device.name, to_string(edge.fault.fault), edge.on ? "begins" : "ends");
    }
}

Result<double> PlantImpl::truth(std::string_view device, std::string_view property) const {
    const auto number = find_device(device);
    if (!number) return Error{Code::not_found, "there is no device {}", device};
    const auto place = find_property(*devices()[*number].type, property);
    if (!place) return Error{Code::not_found, "{} has no property {}", device, property};
    return simulation_.truth(*number, *place);
}

// ---- control ----

void PlantImpl::accept(std::unique_ptr<io::Stream> stream) {
    auto link = std::make_shared<ControlLink>();
    link->stream = std::move(stream);
    control_links_.push_back(link);
    const std::weak_ptr<ControlLink> weak = link;
    io::Stream::Events events;
    events.on_data = [this, weak](Bytes bytes) {
        if (const auto self = weak.lock()) on_control(self, bytes);
    };
    events.on_closed = [this, weak](const Error&) {
        loop_.post([this, alive = alive_, weak] {
            if (*alive) std::erase(control_links_, weak.lock());
        });
    };
    link->stream->start(std::move(events));
}

void PlantImpl::on_control(const std::shared_ptr<ControlLink>& link, Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
        if (byte != '\n') {
            if (link->line.size() < kLineBytesMax) link->line += static_cast<char>(byte);
            continue;
        }
        const std::string answer = link->line.size() < kLineBytesMax
                                       ? command(link->line)
                                       : fmt::format("error: a line has at most {} bytes\n", kLineBytesMax);
        link->line.clear();
        link->stream->send(as_bytes(answer));
    }
}

std::string PlantImpl::command(std::string_view line) {
    const auto words = words_of(line);
    if (words.empty()) return "ok\n";
    auto answer = execute(words);
    return answer ? *answer + "ok\n" : "error: " + answer.error().text() + "\n";
}

Result<std::string> PlantImpl::execute(const std::vector<std::string_view>& words) {
    if (words[0] == "help")
        return std::string("list\nfault DEVICE FAULT on|off [PROPERTY]\npower DEVICE on|off\nspeed N\n");
    if (words[0] == "list") return list();
    if (words[0] == "speed" && words.size() == 2) {
        TRY(set_speed(words[1]));
        return std::string();
    }
    const bool is_fault = words[0] == "fault" && (words.size() == 4 || words.size() == 5);
    const bool is_power = words[0] == "power" && words.size() == 3;
    if (!is_fault && !is_power)
        return Error{Code::invalid, "expected list, fault, power, speed or help, found '{}'", words[0]};
    const auto device = find_device(words[1]);
    if (!device) return Error{Code::not_found, "there is no device {}: see list", words[1]};
    const std::string_view state = words[is_fault ? 3 : 2];
    if (state != "on" && state != "off") return Error{Code::invalid, "expected on or off, found {}", state};
    if (is_power) {
        simulation_.set_power(*device, state == "on");
        for (const auto& server : servers_) server->follow_power();
        return std::string();
    }
    const auto fault = parse_fault(words[2]);
    if (!fault) return Error{Code::not_found, "there is no fault {}: see list", words[2]};
    TRY(simulation_.set_fault(*device, *fault, state == "on", words.size() == 5 ? words[4] : std::string_view{}));
    return std::string();
}

Result<void> PlantImpl::set_speed(std::string_view text) {
    double speed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), speed);
    if (error != std::errc{} || end != text.data() + text.size() || !(speed >= kSpeedMin && speed <= kSpeedMax))
        return Error{Code::invalid, "expected a speed of {} to {}, found {}", kSpeedMin, kSpeedMax, text};
    const DurationNs real = loop_.clock().monotonic();
    anchor_sim_ += static_cast<DurationNs>(static_cast<double>(real - anchor_real_) * speed_);
    anchor_real_ = real;
    speed_ = speed;
    return {};
}

std::string PlantImpl::list() const {
    std::string text;
    for (std::size_t i = 0; i < devices().size(); ++i) {
        const DeviceRow& device = devices()[i];
        text += fmt::format("{} {}", device.name, simulation_.powered(i) ? "on" : "off");
        for (const Fault fault : device.type->faults)
            text += fmt::format(" {}={}", to_string(fault), simulation_.has_fault(i, fault) ? "on" : "off");
        text += '\n';
    }
    return text;
}

Result<void> write_ready(const Plant& plant, const std::string& path) {
    std::string text;
    JsonWriter json(text);
    json.begin_object().key("modbus").begin_object();
    for (const auto& [name, address] : plant.modbus_addresses()) json.key(name).text(io::to_string(address));
    json.end_object().key("control").text(io::to_string(plant.control_address())).end_object();
    return io::write_whole(*io::make_posix_files(), path, as_bytes(text));
}

}  // namespace

Result<std::unique_ptr<Plant>> Plant::create(io::Loop& loop, const PlantOptions& options) {
    auto plant = std::make_unique<PlantImpl>(loop, options);
    TRY(plant->open().context("cannot start the simulated plant"));
    return plant;
}

Result<int> run(const PlantOptions& options, const std::function<bool()>& stop_requested) {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    auto plant = TRY(Plant::create(*loop, options));
    for (const auto& [name, address] : plant->modbus_addresses())
        log_info("plant", "simulated {}: modbus tcp {}", name, io::to_string(address));
    log_info("plant", "control: {}", io::to_string(plant->control_address()));
    if (!options.ready_json.empty()) TRY(write_ready(*plant, options.ready_json));
    std::function<void()> look = [&] {
        if (stop_requested()) return loop->stop();
        loop->after(100 * kMillisecond, look);
    };
    look();
    loop->run();
    plant.reset();
    return 0;
}

}  // namespace gongshu::plant
