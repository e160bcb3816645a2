#include "connect/audited_write.h"

#include <utility>

#include "base/json_writer.h"
#include "base/log.h"

namespace gongshu::connect {

namespace {

void write_value(JsonWriter& json, const Value& value) {
    if (const auto* number = std::get_if<double>(&value)) json.number(*number);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) json.safe_integer(*integer);
    if (const auto* boolean = std::get_if<bool>(&value)) json.boolean(*boolean);
    if (const auto* text = std::get_if<std::string>(&value)) json.text(*text);
}

}  // namespace

std::string command_detail(const Command& command, const Result<CommandResult>* result) {
    std::string detail;
    JsonWriter out{detail};
    out.begin_object().key("id").text(command.id).key("property").text(command.property).key("value");
    write_value(out, command.value);
    out.key("reason").text(command.reason);
    if (result != nullptr) {
        const bool done = *result && (*result)->done;
        out.key("outcome").text(done ? "done" : *result ? "failed" : "refused");
        if (done) write_value(out.key("read_back"), (*result)->read_back);
        const std::string_view error = *result ? std::string_view{(*result)->error} : (*result).error().text();
        if (!error.empty()) out.key("error").text(error);
    }
    out.end_object();
    return detail;
}

void audited_write(registry::Registry& registry, Connections& connections, io::Pool& pool, const registry::Actor& actor,
                   Command command, CommandDone done) {
    registry.audit(actor, "write_asked", "device", command.device, command_detail(command), true);
    connections.write(command, [&registry, &pool, actor, command, done = std::move(done)](Result<CommandResult> result) {
        const auto kept = std::make_shared<const Result<CommandResult>>(std::move(result));
        const auto finish = [&registry, actor, command, kept, done] {
            // What the machine or the line did not do was allowed all the same.
            const bool allowed = *kept || kept->error().code() == Code::unavailable;
            registry.audit(actor, "write", "device", command.device, command_detail(command, kept.get()), allowed);
            done(*kept);
        };
        if (pool.submit(finish)) return;
        log_error("connect", "what became of command {} is not in the audit: too much to do", command.id);
        done(*kept);
    });
}

}  // namespace gongshu::connect
