#include "api/intake.h"

#include "api/gzip.h"
#include "registry/kinds/device.h"
#include "registry/tag_at.h"

namespace gongshu::api {

void Intake::fault(std::string_view place, std::string_view members, std::string_view text) {
    if (fault_count == 0) first_fault = fmt::format("{}: {}", place, text);
    if (++fault_count > kFaultsMax) return;
    if (!faults.empty()) faults.push_back(',');
    faults.append("{").append(members).append(",\"error\":");
    JsonWriter{faults}.text(told(language, text));
    faults.push_back('}');
}

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

namespace {

constexpr std::size_t kNameBytesMax = 4096;

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
    // The catalogue's own limit, told here as what was sent wrongly: its other limit passes by itself.
    if (key.source.size() > kNameBytesMax || key.property.size() > kNameBytesMax)
        return Error{
            Code::invalid,       "source, property and path of a tag are at most {} bytes each; got {}, {}, {}",
            kNameBytesMax,       key.source.size(),
            key.property.size(), path.size()};
    std::optional<registry::Property> declared;
    if (const auto device = core.deps.registry.find(tenant, "device", place.device)) {
        key = {tenant, "d:" + device->uid, std::string{place.property}};
        declared = registry::declared_property(core.deps.registry, tenant, place.device, place.property);
        if (declared) type = registry::value_type(declared->type);
    }
    Target target;
    Tags& tags = core.deps.tags;
    target.tag = declared ? TRY(tags.resolve_declared(key, path, type, declared->unit))
                          : TRY(tags.resolve(key, path, type, ""));
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

}  // namespace

Result<Target> target_of_line(Core& core, const Ask& ask, const wire::LinePoint& point, const wire::LineField& field,
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

Result<Target> target_of_path(Core& core, const Ask& ask, const std::string& path, ValueType type, std::string& key) {
    if (!sees(ask.who, path)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
    begin_key(key, ask.tenant(), 'j');
    key.append(path);
    const Target target = TRY(remembered(core, key, [&]() -> Result<Target> {
        // Where a virtual tag is, make_target() says why not; where one was, the path is free.
        if (const auto info = registry::tag_at(core.deps.registry, core.deps.tags, ask.tenant(), path);
            info && !info->key.source.starts_with("v:"))
            return found_target(*info, path);
        const Place place = place_of(path);
        return make_target(core, ask.tenant(), path, place,
                           {ask.tenant(), fmt::format("p:{}", place.device), std::string{place.property}}, type);
    }));
    return seen(core, ask, target, path);
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

namespace {

// 400 with each fault; the good ones are stored.
Answer faults_answer(Core& core, const Ask& ask, const Intake& intake, std::uint64_t written,
                     std::string_view members) {
    const Error error = written == 0
                            ? Error{Code::invalid, "{} could not be used, nothing was stored; the first is {}",
                                    intake.fault_count, intake.first_fault}
                            : Error{Code::invalid, "{} could not be used, the others were stored; the first is {}",
                                    intake.fault_count, intake.first_fault};
    return problem(core, error,
                   {.members = fmt::format("{}{}", members, influx_members(ask, error)), .language = language_of(ask)});
}

// What needs new tags has to come again in the next minute; the others are stored, and the same again is no harm.
Answer put_off_answer(Core& core, const Ask& ask, const Intake& intake, std::string_view members) {
    Answer answer = problem(core, *intake.put_off,
                            {.members = fmt::format("{}{}", members, influx_members(ask, *intake.put_off)),
                             .status = intake.put_off_status,
                             .language = language_of(ask)});
    const DurationNs left = kMinute - core.clock().monotonic() % kMinute;
    if (wire::find_header(answer.headers, "retry-after").empty())
        answer.headers.push_back({"retry-after", fmt::format("{}", left / kSecond + 1)});
    return answer;
}

// Calls `done` when it was called twice itself: with the first error, if there was one.
Sink::Done after_both(Sink::Done done) {
    struct Both {
        Sink::Done done;
        Appended appended;
        std::optional<Error> error;
        int left = 2;
    };
    const auto both = std::make_shared<Guarded<Both>>();
    both->lock()->done = std::move(done);
    return [both](Result<Appended> appended) {
        Result<Appended> result{Appended{}};
        Sink::Done last;
        {
            auto now = both->lock();
            if (!appended && !now->error) now->error = appended.error();
            if (appended) now->appended.rows += appended->rows;
            if (appended) now->appended.duplicates += appended->duplicates;
            if (--now->left > 0) return;
            if (now->error)
                result = *now->error;
            else
                result = now->appended;
            last = std::move(now->done);
        }
        last(std::move(result));
    };
}

}  // namespace

void store(std::shared_ptr<Core> core, const AskPtr& ask, Intake intake, Done done) {
    if (intake.failed) return done(*intake.failed);
    const std::uint64_t rows = intake.rows.size() + intake.tuples.readings() + intake.columns.readings();
    auto shared = std::make_shared<Intake>(std::move(intake));
    const auto answer = [core, ask, shared, rows, done](Result<Appended> appended) {
        if (!appended) return done(std::move(appended).error());
        (*core->written.lock())[ask->tenant()] += rows;
        const std::string members = fmt::format("\"lines\":[{}],\"written\":{}", shared->faults, rows);
        if (shared->put_off) return done(put_off_answer(*core, *ask, *shared, members));
        if (shared->fault_count > 0) return done(faults_answer(*core, *ask, *shared, rows, members));
        done(no_content());
    };
    if (rows == 0) return answer(Appended{});
    // Readings of the past, of any age; this thread of the pool may wait for the disk.
    history::History& history = core->deps.history;
    if (parse_flag(*ask, "import")) {
        if (!shared->tuples.empty()) return answer(history.import(shared->tuples.rows()));
        shared->columns.add_to(shared->rows);
        return answer(history.import(shared->rows));
    }
    if (!shared->tuples.empty())  // then there is nothing else
        return history.append_tuples(std::move(shared->tuples), Durability::sync, answer);
    if (shared->columns.empty()) return core->deps.sink.append(std::move(shared->rows), Durability::sync, answer);
    if (shared->rows.empty()) return history.append_columns(std::move(shared->columns), Durability::sync, answer);
    const auto both = after_both(answer);
    history.append_columns(std::move(shared->columns), Durability::sync, both);
    core->deps.sink.append(std::move(shared->rows), Durability::sync, both);
}

}  // namespace gongshu::api
