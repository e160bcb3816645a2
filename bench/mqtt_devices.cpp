#include "bench/mqtt_devices.h"

namespace gongshu::bench {

std::vector<MqttClient> clients_of(std::size_t count) {
    std::vector<MqttClient> clients;
    for (std::size_t i = 0; i < count; ++i)
        clients.push_back({fmt::format("bench-{}", i), "", "", fmt::format("gongshu/v1/bench/d{}", i)});
    return clients;
}

Result<void> register_devices(Served& served, const std::vector<std::string>& properties,
                              std::vector<MqttClient>& clients) {
    std::string yaml =
        "kind: site\nname: bench\nspec: {time_zone: UTC}\n---\nkind: device_type\nname: bench\nspec:\n  properties:\n";
    for (const std::string& property : properties) yaml += fmt::format("    - {{name: {}, type: number}}\n", property);
    for (std::size_t i = 0; i < clients.size(); ++i)
        yaml += fmt::format("---\nkind: device\nname: bench/d{}\nspec: {{type: bench}}\n", i);
    const Json applied = TRY(served.ask(wire::HttpMethod::post, "/api/v1/apply", yaml, "application/yaml"));
    for (const Json& one : applied.at("applied").as_array())
        if (!one.at("stored").as_bool())
            return Error{Code::invalid, "devices cannot be registered: {}",
                         std::string_view(applied.at("report").as_string())};
    for (std::size_t i = 0; i < clients.size(); ++i) {
        const Json login =
            TRY(served.ask(wire::HttpMethod::post, fmt::format("/api/v1/devices/{}:credential",
                                                               wire::percent_encode(fmt::format("bench/d{}", i)))));
        clients[i].username = std::string_view(login.at("username").as_string());
        clients[i].password = std::string_view(login.at("password").as_string());
    }
    return {};
}

}  // namespace gongshu::bench
