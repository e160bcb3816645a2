#include <bit>
#include <deque>
#include <span>

#include "api/intake.h"
#include "api/line_memory.h"
#include "wire/json_door.h"
#include "wire/line.h"

namespace gongshu::api {

namespace {

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

std::optional<double> number_of(const wire::LineValue& value) {
    if (value.type == ValueType::number) return std::bit_cast<double>(value.bits);
    if (value.type == ValueType::integer) return static_cast<double>(static_cast<std::int64_t>(value.bits));
    return std::nullopt;
}

wire::LineValue line_value(const Value& value) {
    switch (type_of(value)) {
        case ValueType::number:
            return {ValueType::number, std::bit_cast<std::uint64_t>(std::get<double>(value)), {}};
        case ValueType::integer:
            return {ValueType::integer, static_cast<std::uint64_t>(std::get<std::int64_t>(value)), {}};
        case ValueType::boolean:
            return {ValueType::boolean, std::get<bool>(value) ? 1u : 0u, {}};
        case ValueType::text:
            return {ValueType::text, 0, std::get<std::string>(value)};
    }
    return {};
}

// Takes the lines of one body. Those that look like ones before are read by what is remembered of them.
class LineTaker {
public:
    LineTaker(Core& core, const Ask& ask) : core_(core), ask_(ask), now_(core.clock().now()) {
        intake_.language = language_of(ask);
        // A caller with paths has each tag held against them.
        if (ask.who.paths.empty()) memory_ = LineMemory::take(core, ask.tenant());
    }
    ~LineTaker() {
        if (memory_ != nullptr) LineMemory::give_back(core_, std::move(memory_));
    }
    LineTaker(const LineTaker&) = delete;
    LineTaker& operator=(const LineTaker&) = delete;

    Intake take(std::string_view body, std::int64_t unit_ns) {
        wire::LineParser parser;
        parser.parse(
            body, unit_ns, memory_ == nullptr ? nullptr : &memory_->forms(),
            [this](std::uint32_t form, std::span<const wire::LineValue> values, std::optional<std::int64_t> time) {
                return take_known(memory_->targets(form), values, time.value_or(now_));
            },
            [this](const wire::LinePoint& point) { take_new(point); },
            [this](const wire::LineError& error) { fault(error.line, error.column, error.text); });
        return std::move(intake_);
    }

private:
    void fault(std::size_t line, std::size_t column, std::string_view text) {
        intake_.fault(fmt::format("line {}", line), fmt::format("\"line\":{},\"column\":{}", line, column), text);
    }
    // False, with nothing taken, for a line that the other way has something to say about.
    bool take_known(const LineTargets& to, std::span<const wire::LineValue> values, TimeNs time) {
        const auto types = to.shape->types();
        bool fits = true;
        for (std::size_t i = 0; i < values.size(); ++i) fits &= values[i].type == types[i];
        if (!fits || intake_.tuples.full(values.size(), text_bytes(to, values))) return false;
        add(to, values, time);
        return true;
    }
    static std::size_t text_bytes(const LineTargets& to, std::span<const wire::LineValue> values) {
        std::size_t bytes = 0;
        if (to.shape == nullptr || to.shape->has_text())
            for (const wire::LineValue& value : values) bytes += value.type == ValueType::text ? value.text.size() : 0;
        return bytes;
    }
    // The values are of their tags' types.
    void add(const LineTargets& to, std::span<const wire::LineValue> values, TimeNs time) {
        Tuples& tuples = intake_.tuples;
        const auto cells = tuples.add(to.shape, time);
        for (std::size_t i = 0; i < values.size(); ++i) cells[i] = values[i].bits;
        if (to.shape->has_text())
            for (std::size_t i = 0; i < values.size(); ++i)
                if (values[i].type == ValueType::text) cells[i] = tuples.keep_text(values[i].text);
        if (!to.has_limits) return;
        for (std::size_t i = 0; i < values.size(); ++i)
            tuples.set_value_quality(i, limited(to.targets[i], kGood, number_of(values[i])));
    }
    void take_new(const wire::LinePoint& point) {
        std::vector<Target> targets;
        values_.clear();
        kept_.clear();
        for (const wire::LineField& field : point.fields)
            if (auto to = take_field(point, field)) targets.push_back(std::move(*to));
        if (targets.empty()) return;
        const TimeNs time = point.time_ns.value_or(now_);
        LineTargets to = known_shape(LineTargets{std::move(targets)});
        if (intake_.tuples.full(values_.size(), text_bytes(to, values_)))
            return fault(point.line, 1,
                         fmt::format("more than {} readings in one request: send it in parts", Rows::kRowsMax));
        if (to.shape != nullptr)
            add(to, values_, time);
        else  // tags of several sources, or one of them twice
            for (std::size_t i = 0; i < values_.size(); ++i) {
                const LineTargets one = known_shape(LineTargets{std::vector<Target>{to.targets[i]}});
                add(one, std::span{values_}.subspan(i, 1), time);
            }
        if (memory_ != nullptr && values_.size() == point.fields.size()) memory_->learn(point, std::move(to));
    }
    // With the shape that an earlier line of the request had, so that lines which are not learned share theirs.
    LineTargets known_shape(LineTargets to) {
        if (to.shape == nullptr) return to;
        const auto tags = to.shape->tags();
        to.shape = shapes_.try_emplace(std::vector<TagId>(tags.begin(), tags.end()), to.shape).first->second;
        return to;
    }
    // Its value goes to values_; nullopt, and that is told, if it cannot be used.
    std::optional<Target> take_field(const wire::LinePoint& point, const wire::LineField& field) {
        const auto tell = [&](std::string_view text) { fault(point.line, 1, text); };
        auto to = target_of_line(core_, ask_, point, field, key_);
        if (!to) {
            intake_.refuse(to.error(), tell);
            return std::nullopt;
        }
        if (field.type == ValueType::text && field.type == to->type) {
            values_.push_back({ValueType::text, 0, field.text});
            return std::move(*to);
        }
        const Value value = value_of(field);
        auto fitting = convert_exactly(value, to->type);
        if (!fitting) {
            tell(fmt::format("{}: {}", field.name, does_not_fit(value, "its tag", to->type)));
            return std::nullopt;
        }
        values_.push_back(line_value(kept_.emplace_back(std::move(*fitting))));
        return std::move(*to);
    }

    Core& core_;
    const Ask& ask_;
    const TimeNs now_;
    Intake intake_;
    std::unique_ptr<LineMemory> memory_;
    std::string key_;
    std::vector<wire::LineValue> values_;                 // of a line that is not known yet
    std::deque<Value> kept_;                              // what texts among them point into
    std::map<std::vector<TagId>, TupleShapePtr> shapes_;  // of the lines that were not known, by their tags
};

Intake take_lines(Core& core, const Ask& ask, std::string_view body, std::int64_t unit_ns) {
    return LineTaker{core, ask}.take(body, unit_ns);
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
        const auto to = target_of_path(core, ask, entry.tag, wire::type_of_json(entry.value), key);
        if (!to) {
            intake.refuse(to.error(), [&](std::string_view text) { fault(entry.index, text); });
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

}  // namespace

void post_write(Core& core, const AskPtr& ask, Done done) {
    if (!influx_members(*ask, {Code::invalid, "precision"}).empty())
        done = [shared = core.shared_from_this(), ask, done = std::move(done)](Result<Answer> answer) {
            if (answer) return done(std::move(answer));
            const std::string members = influx_members(*ask, answer.error()).substr(1);
            done(problem(*shared, answer.error(), {.members = members, .language = language_of(*ask)}));
        };
    const std::string precision = ask->find("precision") == nullptr ? "ns" : *ask->find("precision");
    const auto unit = wire::line_precision(precision);
    if (!unit) return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision.substr(0, 40)});
    const auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    store(core.shared_from_this(), ask, take_lines(core, *ask, *body, *unit), std::move(done));
}

namespace {

// Lines of JSON, as an export gives them, are the entries of one array: no text within them holds a line break.
std::string array_of_lines(std::string_view lines) {
    std::string array = "[";
    array.reserve(lines.size() + 2);
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.find_first_not_of(" \t\r") == line.npos) continue;
        if (array.size() > 1) array.push_back(',');
        array.append(line);
    }
    return array + "]";
}

bool is_json_lines(const Ask& ask) {
    const std::string type = wire::media_type(ask.http.header("content-type"));
    return type == "application/x-ndjson" || type == "application/jsonl" || type == "application/x-jsonlines";
}

}  // namespace

void post_write_json(Core& core, const AskPtr& ask, Done done) {
    const std::string* const precision = ask->find("precision");
    const auto unit =
        precision == nullptr ? std::optional{wire::TimeUnit::by_magnitude} : wire::parse_time_unit(*precision);
    if (!unit)
        return done(Error{Code::invalid, "precision: \"{}\" is none of ns, us, ms, s", precision->substr(0, 40)});
    auto body = plain_body(core, *ask);
    if (!body) return done(refuse_body(core, *ask, body.error()));
    if (is_json_lines(*ask)) *body = array_of_lines(*body);
    wire::JsonDoor door{{.bytes_max = core.options.write_bytes_max + 2, .values_max = Rows::kRowsMax}};
    auto decoded = door.decode_write(as_bytes(*body), *unit);
    if (!decoded) return done(decoded.error());
    store(core.shared_from_this(), ask, take_entries(core, *ask, std::move(*decoded)), std::move(done));
}

}  // namespace gongshu::api
