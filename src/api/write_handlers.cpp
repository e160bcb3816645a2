#include "api/gzip.h"
#include "api/handlers.h"
#include "registry/kinds/device.h"
#include "registry/tag_at.h"
#include "wire/json_door.h"
#include "wire/line.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kFaultsMax = 100;  // told one by one; the others are only counted

// What a body came to: the rows that can be stored and what is wrong with the others.
struct Intake {
    std::string_view language = "en";
    Rows rows;
    std::string faults;  // JSON members, comma between
    std::uint64_t fault_count = 0;
    std::string first_fault;
    std::optional<Error> failed;  // the store itself: nobody's entry is at fault, and all may be sent again

    // A tag that cannot be had: by what was sent, or because nothing can be stored now.
    bool is_ours(const Error& error) {
        if (error.code() != Code::unavailable && error.code() != Code::io) return false;
        failed = error;
        return true;
    }
    // `place` names it for people: "line 3", "index 3"; `members` are its own members of the fault.
    void fault(std::string_view place, std::string_view members, std::string_view text) {
        if (fault_count == 0) first_fault = fmt::format("{}: {}", place, text);
        if (++fault_count > kFaultsMax) return;
        if (!faults.empty()) faults.push_back(',');
        faults.append("{").append(members).append(",\"error\":");
        JsonWriter{faults}.text(told(language, text));
        faults.push_back('}');
    }
};

Result<std::string> plain_body(Core& core, Ask& ask) {
    const std::string encoding = wire::media_type(ask.http.header("content-encoding"));
    if (encoding.empty() || encoding == "identity") return std::move(ask.http.body);
    if (encoding != "gzip" && encoding != "x-gzip") {
        return Error{Code::unsupported, "Content-Encoding \"{}\" is not known here: send gzip or plain",
                     encoding.substr(0, 40)};
    }
    return gunzip(as_bytes(ask.http.body), core.options.write_bytes_max);
}

// A body that is too long is 413, other limits are 429.
Answer refuse_body(Core& core, const Ask& ask, const Error& error) {
    return problem(core, error, {.status = error.code() == Code::limit ? 413 : 0, .language = language_of(ask)});
}

// A tag's path in its two halves: plant/cnc1 and temperature.
struct Place {
    std::string_view device;
    std::string_view property;
};
Place place_of(std::string_view path) {
    const std::size_t level = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/');
    const std::size_t dot = path.find('.', level);
    return {path.substr(0, dot), dot == std::string_view::npos ? std::string_view{"value"} : path.substr(dot + 1)};
}

// What is to be made at `path` when there is no tag yet. A device of the registry at that place owns it, whatever door
// the reading came by; else it is `key`, of the type of its first value.
Result<Target> make_target(Core& core, TenantId tenant, const std::string& path, Place place, TagKey key,
                           ValueType type) {
    if (const auto fault = tag_path_fault(path)) return Error{Code::invalid, "tag: {}", *fault};
    std::optional<registry::Property> declared;
    if (const auto device = core.deps.registry.find(tenant, "device", place.device)) {
        key = {tenant, "d:" + device->uid, std::string{place.property}};
        declared = registry::declared_property(core.deps.registry, tenant, place.device, place.property);
        if (declared) type = registry::value_type(declared->type);
    }
    Target target;
    target.tag = TRY(core.deps.tags.resolve(key, path, type, declared ? declared->unit : ""));
    const auto info = core.deps.tags.info(target.tag);
    target.type = info ? info->type : type;
    return target;
}

// The limits of a tag that is there, by what its device's type says today.
void add_limits(Core& core, Target& target) {
    const auto info = core.deps.tags.info(target.tag);
    if (!info || !info->key.source.starts_with("d:")) return;
    const auto declared = registry::declared_property(core.deps.registry, info->key.tenant, place_of(info->path).device,
                                                      info->key.property);
    if (!declared) return;
    target.min = declared->min;
    target.max = declared->max;
}

// From memory under `key`, else by `find`, which is then remembered.
template <class Find>
Result<Target> remembered(Core& core, const std::string& key, Find find) {
    std::uint64_t generation = 0;
    {
        auto targets = core.targets.lock();
        if (const auto found = targets->known.find(key); found != targets->known.end()) return found->second;
        generation = targets->generation;
    }
    Target target = TRY(find());
    add_limits(core, target);
    if (!target.keep) return target;
    auto targets = core.targets.lock();
    if (targets->generation != generation) return target;
    if (targets->known.size() >= Core::kTargetsMax) targets->known.clear();
    targets->known.emplace(key, target);
    return target;
}

// A tag may have moved since its address was written down: a caller with paths must see where it is now as well.
Result<Target> seen(Core& core, const Ask& ask, const Target& target, std::string_view path) {
    if (ask.who.paths.empty()) return target;
    const auto info = core.deps.tags.info(target.tag);
    if (info && !sees(ask.who, info->path)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
    return target;
}

// A tag by an address of before is looked up each time: another tag may come to be there, by whatever door.
Target found_target(const TagInfo& info, std::string_view path) {
    return {.tag = info.id, .type = info.type, .min = {}, .max = {}, .keep = info.path == path};
}

void begin_key(std::string& key, TenantId tenant, char door) {
    key.assign(reinterpret_cast<const char*>(&tenant.value), sizeof tenant.value);
    key.push_back(door);
}

// Where one field of a line goes. `key` is scratch.
Result<Target> target_of(Core& core, const Ask& ask, const wire::LinePoint& point, const wire::LineField& field,
                         std::string& key) {
    std::string path;
    const auto make_path = [&] {
        path = fmt::format("{}.{}", wire::line_source_path(point), wire::line_property_path(field.name));
    };
    if (!ask.who.paths.empty()) {
        make_path();
        if (!sees(ask.who, path)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
    }
    begin_key(key, ask.tenant(), 'l');
    key.append(point.series_text).push_back('\0');
    key.append(field.name);
    const Target target = TRY(remembered(core, key, [&]() -> Result<Target> {
        if (path.empty()) make_path();
        std::string identity = wire::line_identity(point);
        // A device's tag takes the line's readings; another series at this path keeps to itself.
        if (const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), path);
            info && (info->key.source.starts_with("d:") || info->key.source == identity))
            return found_target(*info, path);
        const std::string source = wire::line_source_path(point);
        return make_target(core, ask.tenant(), path, {source, field.name},
                           {ask.tenant(), std::move(identity), std::string{field.name}}, field.type);
    }));
    return seen(core, ask, target, path);
}

// Where an entry of the JSON door goes. "d:" + uid if a device is at that place, else "p:" + the place: the same as by
// MQTT.
Result<Target> target_of(Core& core, const Ask& ask, const wire::WriteEntry& entry, std::string& key) {
    if (!sees(ask.who, entry.tag)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, entry.tag};
    begin_key(key, ask.tenant(), 'j');
    key.append(entry.tag);
    const Target target = TRY(remembered(core, key, [&]() -> Result<Target> {
        // Where a virtual tag is, make_target() says why not; where one was, the path is free.
        if (const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), entry.tag);
            info && !info->key.source.starts_with("v:"))
            return found_target(*info, entry.tag);
        const Place place = place_of(entry.tag);
        return make_target(core, ask.tenant(), entry.tag, place,
                           {ask.tenant(), fmt::format("p:{}", place.device), std::string{place.property}},
                           wire::type_of_json(entry.value));
    }));
    return seen(core, ask, target, entry.tag);
}

Quality limited(const Target& target, Quality quality, std::optional<double> number) {
    const bool outside = number && ((target.min && *number < *target.min) || (target.max && *number > *target.max));
    return outside && quality.good() ? uncertain(Reason::range) : quality;
}

std::string does_not_fit(const Value& value, std::string_view where, ValueType type) {
    const auto named = [](ValueType one) {
        return fmt::format("{} {}", one == ValueType::integer ? "an" : "a", to_string(one));
    };
    return fmt::format("{} is {}, which {} cannot hold; expected {}", to_string(value).substr(0, 40),
                       named(type_of(value)), where, named(type));
}

Value value_of(const wire::LineField& field) {
    switch (field.type) {
        case ValueType::number:
            return field.number;
        case ValueType::integer:
            return field.integer;
        case ValueType::boolean:
            return field.boolean;
        case ValueType::text:
            break;
    }
    return std::string{field.text};
}

// Nothing is allocated where the field has the tag's type. Code::invalid for a value that the tag cannot hold.
Result<void> add_field(Rows& rows, const Target& to, TimeNs time, const wire::LineField& field) {
    if (field.type != to.type) {
        const Value value = value_of(field);
        auto fitting = convert_exactly(value, to.type);
        if (!fitting) return Error{Code::invalid, "{}: {}", field.name, does_not_fit(value, "its tag", to.type)};
        rows.add({to.tag, time, std::move(*fitting), limited(to, kGood, as_number(value))});
        return {};
    }
    switch (field.type) {
        case ValueType::number:
            rows.add_number(to.tag, time, field.number, limited(to, kGood, field.number));
            break;
        case ValueType::integer:
            rows.add_integer(to.tag, time, field.integer, limited(to, kGood, static_cast<double>(field.integer)));
            break;
        case ValueType::boolean:
            rows.add_boolean(to.tag, time, field.boolean);
            break;
        case ValueType::text:
            rows.add_text(to.tag, time, field.text);
            break;
    }
    return {};
}

Intake take_lines(Core& core, const Ask& ask, std::string_view body, std::int64_t unit_ns) {
    Intake intake{.language = language_of(ask)};
    const TimeNs now = core.clock().now();
    std::string key;
    const auto fault = [&](std::size_t line, std::size_t column, std::string_view text) {
        intake.fault(fmt::format("line {}", line), fmt::format("\"line\":{},\"column\":{}", line, column), text);
    };
    wire::LineParser parser;
    parser.parse(
        body, unit_ns,
        [&](const wire::LinePoint& point) {
            for (const wire::LineField& field : point.fields) {
                if (intake.rows.full(field.text.size()))
                    return fault(point.line, 1,
                                 fmt::format("more than {} readings in one request: send it in parts", Rows::kRowsMax));
                const auto to = target_of(core, ask, point, field, key);
                if (!to) return intake.is_ours(to.error()) ? void() : fault(point.line, 1, to.error().text());
                if (const auto added = add_field(intake.rows, *to, point.time_ns.value_or(now), field); !added)
                    fault(point.line, 1, added.error().text());
            }
        },
        [&](wire::LineError error) { fault(error.line, error.column, error.text); });
    return intake;
}

Intake take_entries(Core& core, const Ask& ask, wire::WriteBody body) {
    Intake intake{.language = language_of(ask)};
    std::string key;
    const TimeNs now = core.clock().now();
    const auto fault = [&](std::size_t index, std::string_view text) {
        intake.fault(fmt::format("index {}", index), fmt::format("\"index\":{}", index), text);
    };
    for (const wire::WriteFault& bad : body.faults) fault(bad.index, bad.text);
    for (wire::WriteEntry& entry : body.entries) {
        const std::size_t text_bytes =
            type_of(entry.value) == ValueType::text ? std::get<std::string>(entry.value).size() : 0;
        if (intake.rows.full(text_bytes)) {
            fault(entry.index, fmt::format("more than {} readings in one request: send it in parts", Rows::kRowsMax));
            continue;
        }
        const auto to = target_of(core, ask, entry, key);
        if (!to) {
            if (!intake.is_ours(to.error())) fault(entry.index, to.error().text());
            continue;
        }
        // A bad reading needs no value; the store keeps its quality.
        if (entry.quality.grade != Grade::bad && !convert_exactly(entry.value, to->type)) {
            fault(entry.index, "value: " + does_not_fit(entry.value, entry.tag, to->type));
            continue;
        }
        const Quality quality = limited(*to, entry.quality, as_number(entry.value));
        intake.rows.add({to->tag, entry.time.value_or(now), std::move(entry.value), quality});
    }
    return intake;
}

// 400 with each fault; the good ones are stored.
Answer faults_answer(Core& core, const Ask& ask, const Intake& intake, std::uint64_t written) {
    const Error error = written == 0
                            ? Error{Code::invalid, "{} could not be used, nothing was stored; the first is {}",
                                    intake.fault_count, intake.first_fault}
                            : Error{Code::invalid, "{} could not be used, the others were stored; the first is {}",
                                    intake.fault_count, intake.first_fault};
    const std::string members = fmt::format("\"lines\":[{}],\"written\":{}", intake.faults, written);
    return problem(core, error, {.members = members, .language = language_of(ask)});
}

// Answers after the rows are on disk, not before.
void store(std::shared_ptr<Core> core, const AskPtr& ask, Intake intake, Done done) {
    if (intake.failed) return done(*intake.failed);
    const std::uint64_t rows = intake.rows.size();
    auto shared = std::make_shared<Intake>(std::move(intake));
    const auto answer = [core, ask, shared, rows, done](Result<Appended> appended) {
        if (!appended) return done(std::move(appended).error());
        (*core->written.lock())[ask->tenant()] += rows;
        if (shared->fault_count > 0) return done(faults_answer(*core, *ask, *shared, rows));
        done(no_content());
    };
    if (rows == 0) return answer(Appended{});
    // Readings of the past, of any age; this thread of the pool may wait for the disk.
    if (parse_flag(*ask, "import")) return answer(core->deps.history.import(shared->rows));
    core->deps.sink.append(std::move(shared->rows), Durability::sync, answer);
}

}  // namespace

void post_write(Core& core, const AskPtr& ask, Done done) {
    const std::string precision = ask->find("precision") == nullptr ? "ns" : *ask->find("precision");
    const auto unit = wire::line_precision(precision);
    if (!unit) return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision.substr(0, 40)});
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    store(core.shared_from_this(), ask, take_lines(core, *ask, *body, *unit), std::move(done));
}

void post_write_json(Core& core, const AskPtr& ask, Done done) {
    const std::string* const precision = ask->find("precision");
    const auto unit =
        precision == nullptr ? std::optional{wire::TimeUnit::by_magnitude} : wire::parse_time_unit(*precision);
    if (!unit)
        return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision->substr(0, 40)});
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    wire::JsonDoor door{{.bytes_max = core.options.write_bytes_max, .values_max = Rows::kRowsMax}};
    auto decoded = door.decode_write(as_bytes(*body), *unit);
    if (!decoded) return done(decoded.error());
    store(core.shared_from_this(), ask, take_entries(core, *ask, std::move(*decoded)), std::move(done));
}

}  // namespace gongshu::api
