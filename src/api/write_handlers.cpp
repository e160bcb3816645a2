#include "api/gzip.h"
#include "api/handlers.h"
#include "wire/json_door.h"
#include "wire/line.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kFaultsMax = 100;  // told one by one; the others are only counted

// What a body came to: the rows that can be stored and what is wrong with the others.
struct Intake {
    Rows rows;
    std::string faults;  // JSON members, comma between
    std::uint64_t fault_count = 0;
    std::string first_fault;

    // `place` names it for people: "line 3", "index 3"; `members` are its own members of the fault.
    void fault(std::string_view place, std::string_view members, std::string_view text) {
        if (fault_count == 0) first_fault = fmt::format("{}: {}", place, text);
        if (++fault_count > kFaultsMax) return;
        if (!faults.empty()) faults.push_back(',');
        faults.append("{").append(members).append(",\"error\":");
        JsonWriter{faults}.text(text);
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
Answer refuse_body(Core& core, const Error& error) {
    return problem(core, error, {.status = error.code() == Code::limit ? 413 : 0});
}

// "d:" + uid if a device of the registry is at that place, else "p:" + the place: the same wherever readings come in.
TagKey key_at(Core& core, TenantId tenant, std::string_view path) {
    const std::size_t level = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/');
    const std::size_t dot = path.find('.', level);
    const std::string_view place = path.substr(0, dot);
    const std::string_view property = dot == std::string_view::npos ? std::string_view{"value"} : path.substr(dot + 1);
    const auto device = core.deps.registry.find(tenant, "device", place);
    return {tenant, device ? "d:" + device->uid : fmt::format("p:{}", place), std::string{property}};
}

// The tag of one field of a line, made if it is new; from memory when the same series was seen before.
Result<TagId> tag_of(Core& core, const Ask& ask, const wire::LinePoint& point, const wire::LineField& field,
                     std::string& key) {
    key.assign(reinterpret_cast<const char*>(&ask.who.actor.tenant.value), sizeof ask.who.actor.tenant.value);
    key.append(point.series_text).push_back('\0');
    key.append(field.name);
    const bool limited = !ask.who.paths.empty();
    if (!limited) {
        auto series = core.series.lock();
        if (const auto found = series->find(key); found != series->end()) return found->second;
    }
    const std::string path = fmt::format("{}.{}", wire::line_source_path(point), wire::line_property_path(field.name));
    if (!sees(ask.who, path)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
    const TagId tag = TRY(core.deps.tags.resolve({ask.tenant(), wire::line_identity(point), std::string{field.name}},
                                                 path, field.type, ""));
    // The series may have moved since: it is where its tag is now.
    if (limited) {
        const auto info = core.deps.tags.info(tag);
        if (info && !sees(ask.who, info->path))
            return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
    }
    auto series = core.series.lock();
    if (series->size() >= Core::kSeriesMax) series->clear();
    series->emplace(key, tag);
    return tag;
}

void add_field(Rows& rows, TagId tag, TimeNs time, const wire::LineField& field) {
    switch (field.type) {
        case ValueType::number:
            return rows.add_number(tag, time, field.number);
        case ValueType::integer:
            return rows.add_integer(tag, time, field.integer);
        case ValueType::boolean:
            return rows.add_boolean(tag, time, field.boolean);
        case ValueType::text:
            return rows.add_text(tag, time, field.text);
    }
}

Intake take_lines(Core& core, const Ask& ask, std::string_view body, std::int64_t unit_ns) {
    Intake intake;
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
                const auto tag = tag_of(core, ask, point, field, key);
                if (!tag) return fault(point.line, 1, tag.error().text());
                add_field(intake.rows, *tag, point.time_ns.value_or(now), field);
            }
        },
        [&](wire::LineError error) { fault(error.line, error.column, error.text); });
    return intake;
}

Intake take_entries(Core& core, const Ask& ask, wire::WriteBody body) {
    Intake intake;
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
        if (entry.tag.empty() || entry.tag.size() > 1000) {
            fault(entry.index, "tag: must have 1 to 1000 bytes");
            continue;
        }
        if (!sees(ask.who, entry.tag)) {
            fault(entry.index, fmt::format("{} may not write {}", ask.who.actor.who, entry.tag));
            continue;
        }
        TagId tag;
        if (const auto info = core.deps.tags.find(ask.tenant(), entry.tag)) {
            // An address of before may be of a tag that is elsewhere now.
            if (!sees(ask.who, info->path)) {
                fault(entry.index, fmt::format("{} may not write {}", ask.who.actor.who, entry.tag));
                continue;
            }
            tag = info->id;
        } else {
            const auto made =
                core.deps.tags.resolve(key_at(core, ask.tenant(), entry.tag), entry.tag, type_of(entry.value), "");
            if (!made) {
                fault(entry.index, made.error().text());
                continue;
            }
            tag = *made;
        }
        intake.rows.add({tag, entry.time.value_or(now), std::move(entry.value), entry.quality});
    }
    return intake;
}

// 400 with each fault; the good ones are stored.
Answer faults_answer(Core& core, const Intake& intake, std::uint64_t written) {
    const Error error{Code::invalid, "{} could not be used, the others were stored; the first is {}",
                      intake.fault_count, intake.first_fault};
    return problem(core, error, {.members = fmt::format("\"lines\":[{}],\"written\":{}", intake.faults, written)});
}

// Answers after the rows are on disk, not before.
void store(std::shared_ptr<Core> core, const AskPtr& ask, Intake intake, Done done) {
    const std::uint64_t rows = intake.rows.size();
    auto shared = std::make_shared<Intake>(std::move(intake));
    const auto answer = [core, ask, shared, rows, done](Result<Appended> appended) {
        if (!appended) return done(std::move(appended).error());
        (*core->written.lock())[ask->tenant()] += rows;
        if (shared->fault_count > 0) return done(faults_answer(*core, *shared, rows));
        done(no_content());
    };
    if (rows == 0) return answer(Appended{});
    core->deps.sink.append(std::move(shared->rows), Durability::sync, answer);
}

}  // namespace

void post_write(Core& core, const AskPtr& ask, Done done) {
    const std::string precision = ask->find("precision") == nullptr ? "ns" : *ask->find("precision");
    const auto unit = wire::line_precision(precision);
    if (!unit) return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision.substr(0, 40)});
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, body.error()));
    store(core.shared_from_this(), ask, take_lines(core, *ask, *body, *unit), std::move(done));
}

void post_write_json(Core& core, const AskPtr& ask, Done done) {
    const std::string* const precision = ask->find("precision");
    const auto unit =
        precision == nullptr ? std::optional{wire::TimeUnit::by_magnitude} : wire::parse_time_unit(*precision);
    if (!unit)
        return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision->substr(0, 40)});
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, body.error()));
    wire::JsonDoor door{{.bytes_max = core.options.write_bytes_max, .values_max = Rows::kRowsMax}};
    auto decoded = door.decode_write(as_bytes(*body), *unit);
    if (!decoded) return done(decoded.error());
    store(core.shared_from_this(), ask, take_entries(core, *ask, std::move(*decoded)), std::move(done));
}

}  // namespace gongshu::api
