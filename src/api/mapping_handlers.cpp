#include "api/handlers.h"
#include "broker/mapping_propose.h"
#include "registry/json.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kRowsShownMax = 500;
constexpr std::size_t kSamplesMax = 20;
constexpr std::size_t kSampleBytesShown = 2000;

// One message on its way through a mapping that is being written.
struct Trial {
    std::string topic, payload, device;
    TimeNs time = 0;  // when it came
    bool cut = false;
};

// Somebody limited sees what devices within sent; other topics lie nowhere.
bool sees_sample(const registry::Principal& who, const broker::Sample& sample) {
    if (who.paths.empty()) return true;
    return !sample.device.empty() && sees(who, sample.device);
}

std::vector<broker::Sample> samples_of(Core& core, const Ask& ask) {
    if (core.deps.broker == nullptr) return {};
    auto samples = core.deps.broker->samples(ask.tenant());
    std::erase_if(samples, [&](const broker::Sample& one) { return !sees_sample(ask.who, one); });
    return samples;
}

void write_rows(JsonWriter& out, const Ask& ask, const wire::MapBody& body, const broker::MappingSpec& spec, TimeNs arrived,
                Units units) {
    out.key("rows").begin_array();
    for (std::size_t i = 0; i < std::min(body.rows.size(), kRowsShownMax); ++i) {
        const wire::MapRow& row = body.rows[i];
        const auto fault = tag_path_fault(row.tag);
        out.begin_object().key("tag").text(row.tag).key("ts").integer(units.time(row.time.value_or(arrived)));
        out.key("arrival").boolean(!row.time).key("value");
        write_value(out, row.value);
        out.key("quality").text(to_string(row.quality)).key("unit").text(spec.take[row.take].unit);
        out.key("place").text(row.place).key("error");
        fault ? out.text(told(ask, *fault)) : out.null();
        out.end_object();
    }
    out.end_array().key("more").integer(
        static_cast<std::int64_t>(body.rows.size() - std::min(body.rows.size(), kRowsShownMax)));
    out.key("faults").begin_array();
    for (const std::string& one : body.faults) out.text(told(ask, one));
    out.end_array().key("more_faults").integer(static_cast<std::int64_t>(body.more_faults));
}

void write_trial(JsonWriter& out, const Ask& ask, broker::Mapping& mapping, wire::JsonMapper& mapper, const Trial& trial,
                 Units units) {
    out.begin_object().key("topic").text(trial.topic).key("time").integer(units.time(trial.time));
    wire::MapInput input{.captures = {}, .device = trial.device, .want_places = true};
    const bool matches = mapping.pattern().matches(trial.topic, input.captures);
    out.key("matches").boolean(matches).key("captures").begin_object();
    for (std::size_t i = 0; i < input.captures.size(); ++i) out.key(mapping.pattern().names[i]).text(input.captures[i]);
    out.end_object();
    // A topic that does not match still shows what the payload would give; {line} is then what it says.
    const auto& names = mapping.pattern().names;
    if (!matches) input.captures.assign(names.begin(), names.end());
    auto body = mapping.run(mapper, as_bytes(trial.payload), input);
    out.key("skipped").boolean(body && body->skipped).key("error");
    body ? out.null() : out.text(told(ask, body.error().text()));
    write_rows(out, ask, body ? *body : wire::MapBody{}, mapping.spec(), trial.time, units);
    out.key("payload").text(std::string_view{trial.payload}.substr(0, kSampleBytesShown)).key("cut").boolean(trial.cut);
    out.end_object();
}

// {"place":"take[0].tag","detail":"…"} of an error that begins with the field.
void write_spec_error(JsonWriter& out, const Ask& ask, const std::string& text) {
    const std::size_t colon = text.find(": ");
    const std::string_view place =
        colon == std::string::npos ? std::string_view{} : std::string_view{text}.substr(0, colon);
    const bool is_place = !place.empty() && place.find(' ') == std::string_view::npos;
    out.begin_object().key("place").text(is_place ? place : "").key("detail");
    out.text(told(ask, is_place ? std::string_view{text}.substr(colon + 2) : std::string_view{text})).end_object();
}

}  // namespace

Result<Answer> preview_mapping(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    auto fields = TRY(Fields::parse(ask.http.body));
    const Json* const spec = fields.find("spec");
    if (spec == nullptr) return Error{Code::invalid, "spec: expected the mapping as it would be saved"};
    Trial trial{.topic = TRY(fields.text_or("topic", "")), .payload = "", .device = TRY(fields.text_or("device", ""))};
    const bool given = fields.find("payload") != nullptr;
    if (given) trial.payload = TRY(fields.text("payload"));
    TRY(fields.done());
    std::string body;
    JsonWriter out{body};
    const auto canonical = core.deps.registry.kind("mapping")->normalize(*spec);
    if (!canonical) {
        out.begin_object().key("ok").boolean(false).key("error");
        write_spec_error(out, ask, canonical.error().text());
        out.key("messages").begin_array().end_array().end_object();
        return json_answer(std::move(body));
    }
    const auto mapping = TRY(broker::Mapping::create("preview", TRY(broker::mapping_spec(*canonical))));
    wire::JsonMapper mapper;
    out.begin_object().key("ok").boolean(true).key("error").null().key("messages").begin_array();
    trial.time = core.clock().now();
    if (given) write_trial(out, ask, *mapping, mapper, trial, units);
    std::size_t shown = 0;
    std::vector<std::string_view> captures;
    for (const broker::Sample& sample : given ? std::vector<broker::Sample>{} : samples_of(core, ask)) {
        if (!mapping->pattern().matches(sample.topic, captures) || ++shown > kSamplesMax) continue;
        const bool cut = sample.bytes > sample.payload.size();
        write_trial(out, ask, *mapping, mapper, {sample.topic, sample.payload, sample.device, sample.time, cut}, units);
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> propose_mapping(Core&, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string topic = TRY(fields.text("topic"));
    const std::string payload = TRY(fields.text_or("payload", ""));
    const bool by_device = !TRY(fields.text_or("device", "")).empty();
    TRY(fields.done());
    const Json spec = broker::to_json(by_device ? broker::propose_device_mapping(topic, payload)
                                                : broker::propose_mapping(topic, payload));
    return json_answer(fmt::format("{{\"spec\":{}}}", registry::to_text(spec)));
}

Result<Answer> get_mapping_samples(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const std::string_view filter = ask.value("topic");
    const auto pattern = TRY(wire::parse_topic_pattern(filter.empty() ? "#" : filter).context("topic"));
    std::vector<std::string_view> captures;
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const broker::Sample& sample : samples_of(core, ask)) {
        if (!pattern.matches(sample.topic, captures)) continue;
        out.begin_object().key("topic").text(sample.topic).key("time").integer(units.time(sample.time));
        out.key("who").text(sample.who).key("device").text(sample.device).key("payload").text(sample.payload);
        out.key("bytes").integer(static_cast<std::int64_t>(sample.bytes)).end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
