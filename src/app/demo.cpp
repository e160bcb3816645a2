#include "app/demo.h"

#include "app/embedded.h"
#include "base/log.h"
#include "plant/plant.h"
#include "registry/json.h"
#include "registry/yaml.h"

namespace gongshu::app {
namespace {

constexpr std::uint64_t kSeed = 1;
constexpr DurationNs kPastStep = kMinute;
// Devices of library/demo that speak MQTT: name in the plant, name of the resource.
constexpr std::pair<const char*, const char*> kMqttDevices[] = {{"cnc3", "demo/machining/line1/cnc3"},
                                                                {"moulding", "demo/moulding/cell1/moulding"},
                                                                {"meter3", "demo/energy/meters/meter3"},
                                                                {"meter4", "demo/energy/meters/meter4"}};

}  // namespace

Result<std::unique_ptr<Demo>> Demo::create(Platform& platform, const ServeOptions& options) {
    std::unique_ptr<Demo> demo(new Demo(platform, options));
    const bool first = platform.registry().list(platform.system_actor().tenant, "device").empty();
    TRY(demo->apply_solution().context("sample solution"));
    if (first && options.demo_days > 0) TRY(demo->make_past().context("past of the simulated plant"));
    TRY(demo->start_plant().context("simulated plant"));
    TRY(demo->point_connections().context("connections of the simulated plant"));
    return demo;
}

Demo::~Demo() {
    if (process_) process_->terminate();
    if (!ready_file_.empty()) (void)platform_.files().remove(ready_file_);
}

Result<void> Demo::apply_solution() {
    const registry::Actor actor = platform_.system_actor();
    std::vector<registry::Wanted> wishes;
    for (const EmbeddedFile& file : demo_files()) {
        if (!std::string_view(file.path).ends_with(".yaml")) continue;
        const std::string_view text = as_text(Bytes(file.begin, file.end));
        for (auto& document : TRY(registry::parse_resources(text).context("{}", file.path))) {
            // What a person changed in the sample stays changed.
            if (!platform_.registry().find(actor.tenant, document.wanted.kind, document.wanted.name))
                wishes.push_back(std::move(document.wanted));
        }
    }
    for (const registry::Applied& applied :
         platform_.registry().apply(actor, std::move(wishes), {.all_or_nothing = true}))
        if (!applied.change) return Error(applied.change.error()).context("{} {}", applied.kind, applied.name);
    return {};
}

Result<void> Demo::start_plant() {
    io::Files& files = platform_.files();
    JsonObject logins;
    for (const auto& [name, device] : kMqttDevices) {
        const auto credential =
            TRY(platform_.auth().issue_device(platform_.system_actor(), device).context("{}", device));
        logins[name] = JsonObject{{"username", credential.username}, {"password", credential.password}};
    }
    const std::string logins_file = options_.key_folder + "/plant-logins.json";
    TRY(io::write_whole(files, logins_file, as_bytes(registry::to_text(Json(std::move(logins)))), 0600));
    ready_file_ = options_.key_folder + "/plant-ready.json";
    (void)files.remove(ready_file_);
    const std::string mqtt = platform_.doors().mqtt.substr(platform_.doors().mqtt.find("//") + 2);
    process_ = TRY(io::spawn({TRY(io::own_program()), "plant", "--modbus", "127.0.0.1:0", "--control", "127.0.0.1:0",
                              "--mqtt", mqtt, "--logins", logins_file, "--faults", options_.demo_faults, "--ready-json",
                              ready_file_, "--log-level", options_.log_level}));
    return {};
}

Result<void> Demo::wait_for_plant() {
    constexpr DurationNs kGiveUp = 20 * kSecond;
    const auto loop = io::make_epoll_loop(platform_.clock());
    Result<void> outcome;
    const DurationNs end = platform_.clock().monotonic() + kGiveUp;
    std::function<void()> look = [&] {
        const auto there = platform_.files().exists(ready_file_);
        if (!there)
            outcome = there.error();
        else if (!*there && process_->ended())
            outcome = Error{Code::unavailable, "its process ended before it served: see its lines above"};
        else if (!*there && platform_.clock().monotonic() > end)
            outcome = Error{Code::timeout, "its process does not serve after {} s", kGiveUp / kSecond};
        else if (!*there)
            return void(loop->after(20 * kMillisecond, look));
        loop->stop();
    };
    loop->after(0, look);
    loop->run();
    return outcome;
}

Result<void> Demo::point_connections() {
    TRY(wait_for_plant());
    io::Files& files = platform_.files();
    const Buffer bytes = TRY(io::read_whole(files, ready_file_, 1 << 16));
    const Json ready = TRY(registry::parse_json(as_text(bytes)));
    for (const auto& server : ready.at("modbus").as_object()) {
        const auto address = TRY(io::parse_address(std::string_view(server.value().as_string())));
        JsonObject patch{{"host", address.host}, {"port", address.port}};
        TRY(platform_.registry().patch(platform_.system_actor(), "connection", "demo-" + std::string(server.key()),
                                       Json(std::move(patch))));
    }
    log_info("demo", "simulated plant serves; its control line listens on {}",
             std::string_view(ready.at("control").as_string()));
    return {};
}

Result<void> Demo::make_past() {
    const TimeNs now = platform_.clock().now();
    const DurationNs began = platform_.clock().monotonic();
    const registry::Actor actor = platform_.system_actor();
    history::History& history = platform_.history();
    std::uint64_t rows_made = 0;
    Rows rows;
    const auto flush = [&]() -> Result<void> {
        rows_made += rows.size();
        TRY(history.import(rows));
        rows.clear();
        return {};
    };
    for (const plant::PastSeries& series : plant::history(kSeed, now - options_.demo_days * kDay, now, kPastStep)) {
        const auto device = platform_.registry().find(actor.tenant, "device", series.device);
        if (!device) return Error{Code::not_found, "the sample solution has no device {}", series.device};
        const TagId tag = TRY(history.resolve({actor.tenant, "d:" + device->uid, series.property},
                                              series.device + "." + series.property, series.type, series.unit));
        for (std::size_t i = 0; i < series.times.size(); ++i) {
            if (rows.full(64)) TRY(flush());
            const Quality quality = series.bad[i] ? bad(Reason::disconnected) : kGood;
            switch (series.type) {
                case ValueType::number:
                    rows.add_number(tag, series.times[i], series.values[i], quality);
                    break;
                case ValueType::integer:
                    rows.add_integer(tag, series.times[i], static_cast<std::int64_t>(series.values[i]), quality);
                    break;
                case ValueType::boolean:
                    rows.add_boolean(tag, series.times[i], series.values[i] != 0, quality);
                    break;
                case ValueType::text:
                    rows.add_text(tag, series.times[i], series.texts[i], quality);
                    break;
            }
        }
    }
    TRY(flush());
    const double seconds = static_cast<double>(platform_.clock().monotonic() - began) / static_cast<double>(kSecond);
    log_info("demo", "{} simulated days, {} readings, made in {:.1f} s", options_.demo_days, rows_made, seconds);
    return {};
}

}  // namespace gongshu::app
