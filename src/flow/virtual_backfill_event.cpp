#include "flow/virtual_backfill_event.h"

#include "base/json_writer.h"
#include "registry/json.h"

namespace gongshu::flow {
namespace {

using State = VirtualBackfill::State;
constexpr State kStates[] = {State::running, State::done, State::failed, State::cancelled, State::interrupted};

std::string text_of(const JsonObject& object, std::string_view name) {
    const Json* field = object.if_contains(name);
    return field && field->is_string() ? std::string(field->get_string()) : "";
}

std::int64_t integer_of(const JsonObject& object, std::string_view name) {
    const Json* field = object.if_contains(name);
    return field && field->is_int64() ? field->get_int64() : 0;
}

}  // namespace

Event backfill_event(const VirtualBackfill& job) {
    std::string body;
    JsonWriter json{body};
    json.begin_object().key("id").text(job.id).key("name").text(job.name).key("state").text(to_string(job.state));
    json.key("from").integer(job.window.from).key("to").integer(job.window.to).key("by").text(job.by);
    json.key("started").integer(job.started).key("finished").integer(job.finished);
    json.key("places").integer(static_cast<std::int64_t>(job.places));
    json.key("places_done").integer(static_cast<std::int64_t>(job.places_done));
    json.key("readings").integer(static_cast<std::int64_t>(job.readings));
    json.key("rows").integer(static_cast<std::int64_t>(job.rows));
    json.key("removed").integer(static_cast<std::int64_t>(job.removed));
    json.key("left_before").integer(job.left_before);
    json.key("permille").integer(static_cast<std::int64_t>(job.progress * 1000));
    if (!job.error.empty()) json.key("error").text(job.error);
    json.end_object();
    return {.tenant = job.tenant,
            .time = job.state == State::running ? job.started : job.finished,
            .kind = std::string(kVirtualPast),
            .subject = job.name,
            .body = std::move(body)};
}

Result<VirtualBackfill> read_backfill(const Event& event) {
    const auto json = registry::parse_json(event.body);
    if (!json || !json->is_object())
        return Error{Code::corrupt, "event {} of kind {} is not an object", event.id.value, event.kind};
    const JsonObject& body = json->get_object();
    const auto count = [&](std::string_view name) { return static_cast<std::uint64_t>(integer_of(body, name)); };
    VirtualBackfill job{.id = text_of(body, "id"), .tenant = event.tenant, .name = text_of(body, "name")};
    job.window = {integer_of(body, "from"), integer_of(body, "to")};
    const std::string state = text_of(body, "state");
    for (const State one : kStates)
        if (to_string(one) == state) job.state = one;
    job.error = text_of(body, "error");
    job.progress = static_cast<double>(integer_of(body, "permille")) / 1000;
    job.readings = count("readings");
    job.rows = count("rows");
    job.removed = count("removed");
    job.left_before = integer_of(body, "left_before");
    job.places = count("places");
    job.places_done = count("places_done");
    job.started = integer_of(body, "started");
    job.finished = integer_of(body, "finished");
    job.by = text_of(body, "by");
    if (job.id.empty() || job.name.empty())
        return Error{Code::corrupt, "event {} of kind {} names no virtual tag", event.id.value, event.kind};
    return job;
}

}  // namespace gongshu::flow
