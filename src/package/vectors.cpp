#include "package/vectors.h"

#include <algorithm>
#include <cmath>

#include "base/options.h"
#include "expr/expr.h"
#include "expr/units.h"
#include "registry/shape.h"
#include "registry/yaml.h"

namespace gongshu::package {
namespace {

constexpr TimeNs kStart = 1'767'225'600 * kSecond;  // 2026-01-01T00:00:00Z, when every vector begins
constexpr double kTolerance = 1e-9;                 // of a number's size, where none is given

std::string text_of(const Json& json) { return json.is_string() ? std::string(json.get_string()) : std::string{}; }

const Json* member(const Json& json, std::string_view name) {
    return json.is_object() ? json.get_object().if_contains(name) : nullptr;
}

std::string member_text(const Json& json, std::string_view name) {
    const Json* const found = member(json, name);
    return found ? text_of(*found) : std::string{};
}

const JsonArray& member_list(const Json& json, std::string_view name) {
    static const JsonArray kNone;
    const Json* const found = member(json, name);
    return found && found->is_array() ? found->get_array() : kNone;
}

Result<void> check_members(const Json& json, const std::vector<std::string>& known) {
    if (!json.is_object()) return Error{Code::invalid, "expected an object, found {}", registry::describe(json)};
    for (const auto& item : json.get_object()) {
        const std::string name(item.key());
        if (std::ranges::find(known, name) != known.end()) continue;
        const std::string near = registry::nearest(name, known);
        return Error{Code::invalid, "there is no field \"{}\"{}", name,
                     near.empty() ? "" : "; did you mean \"" + near + "\"?"};
    }
    return {};
}

Result<DurationNs> time_of(const Json& json, std::string_view list, std::size_t i) {
    const std::string text = member_text(json, "at");
    const auto at = text == "0" || text == "0s" ? Result<DurationNs>(0) : options::parse_duration(text);
    if (!at)
        return Error{Code::invalid, "{}[{}].at: expected a time from the begin such as 0s or 1m30s, found \"{}\"", list,
                     i, text};
    return *at;
}

// {at: 5s, temperature: 80, pressure: null}: a reading of each name.
Result<void> take_given(const Json& json, TestVector& vector) {
    const JsonArray& list = member_list(json, "given");
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (!list[i].is_object())
            return Error{Code::invalid, "given[{}]: expected an object with a time at and readings, found {}", i,
                         registry::describe(list[i])};
        const DurationNs at = TRY(time_of(list[i], "given", i));
        if (!vector.given.empty() && at < vector.given.back().at)
            return Error{Code::invalid, "given[{}].at: times go upwards", i};
        for (const auto& item : list[i].get_object()) {
            if (std::string_view(item.key()) == "at") continue;
            if (item.value().is_object() || item.value().is_array())
                return Error{Code::invalid, "given[{}].{}: expected a value, found {}", i, std::string_view(item.key()),
                             registry::describe(item.value())};
            vector.given.push_back({at, std::string(item.key()), item.value()});
        }
    }
    if (vector.given.size() > kReadingsMax)
        return Error{Code::limit, "given: at most {} readings, found {}", kReadingsMax, vector.given.size()};
    return {};
}

Result<void> take_wanted(const Json& json, TestVector& vector) {
    const JsonArray& list = member_list(json, "want");
    if (list.empty() || list.size() > kVectorsMax)
        return Error{Code::invalid, "want: expected 1 to {} answers, each with at and is", kVectorsMax};
    for (std::size_t i = 0; i < list.size(); ++i) {
        TRY(check_members(list[i], {"at", "is", "tolerance"}).context("want[{}]", i));
        WantedAnswer wanted{TRY(time_of(list[i], "want", i)), nullptr};
        if (!vector.wanted.empty() && wanted.at < vector.wanted.back().at)
            return Error{Code::invalid, "want[{}].at: times go upwards", i};
        const Json* const is = member(list[i], "is");
        if (is == nullptr) return Error{Code::invalid, "want[{}].is: expected a value, or unknown", i};
        if (text_of(*is) != "unknown") wanted.is = *is;
        if (const Json* const tolerance = member(list[i], "tolerance")) {
            if (!tolerance->is_number()) return Error{Code::invalid, "want[{}].tolerance: expected a number", i};
            wanted.tolerance = tolerance->to_number<double>();
        }
        vector.wanted.push_back(std::move(wanted));
    }
    return {};
}

Result<TestVector> take_vector(const Json& json, const std::string& place) {
    TRY(check_members(json,
                      {"name", "rule", "virtual_tag", "expr", "device_type", "units", "parameters", "given", "want"}));
    TestVector vector{.place = place,
                      .name = member_text(json, "name"),
                      .rule = member_text(json, "rule"),
                      .virtual_tag = member_text(json, "virtual_tag"),
                      .expr = member_text(json, "expr"),
                      .device_type = member_text(json, "device_type")};
    if (vector.name.empty()) return Error{Code::invalid, "name: expected what the test is about"};
    if ((vector.rule.empty() ? 0 : 1) + (vector.virtual_tag.empty() ? 0 : 1) + (vector.expr.empty() ? 0 : 1) != 1)
        return Error{Code::invalid, "expected one of rule, virtual_tag and expr"};
    if (const Json* const units = member(json, "units"); units && units->is_object())
        for (const auto& item : units->get_object()) vector.units[std::string(item.key())] = text_of(item.value());
    if (const Json* const parameters = member(json, "parameters"); parameters && parameters->is_object())
        for (const auto& item : parameters->get_object()) vector.parameters[std::string(item.key())] = item.value();
    TRY(take_given(json, vector));
    TRY(take_wanted(json, vector));
    return vector;
}

// What names mean to one vector: what it says itself, then the properties of device types.
class VectorScope final : public expr::Scope {
public:
    VectorScope(const TestVector& vector, const std::vector<MadeResource>& made, const registry::ResourceReader& reader,
                TenantId tenant)
        : vector_(vector), made_(made), reader_(reader), tenant_(tenant) {}

    void set_device_type(std::string type) { device_type_ = std::move(type); }
    void set_device(const std::string& device) {
        if (const Json* const spec = find_spec("device", device)) device_type_ = member_text(*spec, "type");
    }

    const Json* find_spec(std::string_view kind, std::string_view name) const {
        for (const MadeResource& one : made_)
            if (one.kind == kind && one.name == name) return &one.spec;
        kept_ = reader_.find(tenant_, kind, name);
        return kept_ ? &kept_->spec : nullptr;
    }

    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (const auto unit = vector_.units.find(std::string(name)); unit != vector_.units.end())
            return expr::ScopeTag{std::string(name), unit->second, type_given(name)};
        std::string type = device_type_;
        std::string_view property = name;
        if (const std::size_t dot = name.rfind('.'); dot != name.npos) {
            const Json* const device = find_spec("device", name.substr(0, dot));
            if (device == nullptr) return std::nullopt;
            type = member_text(*device, "type");
            property = name.substr(dot + 1);
        }
        const Json* const spec = find_spec("device_type", type);
        if (spec == nullptr) return std::nullopt;
        for (const Json& one : member_list(*spec, "properties")) {
            if (member_text(one, "name") != property) continue;
            const auto value_type = parse_value_type(member_text(one, "type"));
            return expr::ScopeTag{std::string(name), member_text(one, "unit"), value_type.value_or(ValueType::number)};
        }
        return std::nullopt;
    }

private:
    // Of a name that no device type says: as the first value given for it.
    ValueType type_given(std::string_view name) const {
        const auto found = std::ranges::find_if(
            vector_.given, [&](const GivenReading& one) { return one.name == name && !one.value.is_null(); });
        if (found == vector_.given.end() || found->value.is_number()) return ValueType::number;
        return found->value.is_bool() ? ValueType::boolean : ValueType::text;
    }

    const TestVector& vector_;
    const std::vector<MadeResource>& made_;
    const registry::ResourceReader& reader_;
    const TenantId tenant_;
    std::string device_type_;
    mutable std::shared_ptr<const registry::Resource> kept_;
};

std::optional<Value> value_of(const Json& json, ValueType type) {
    if (json.is_bool()) return convert_exactly(Value{json.get_bool()}, type);
    if (json.is_string()) return convert_exactly(Value{text_of(json)}, type);
    if (json.is_int64()) return convert_exactly(Value{json.get_int64()}, type);
    if (json.is_number()) return convert_exactly(Value{json.to_number<double>()}, type);
    return std::nullopt;
}

std::string shown(const expr::Answer& answer, double number) {
    if (!answer.known) return "unknown";
    switch (answer.kind) {
        case expr::Kind::truth:
            return answer.truth ? "true" : "false";
        case expr::Kind::text:
        case expr::Kind::quality:
            return "\"" + answer.text + "\"";
        case expr::Kind::integer:
        case expr::Kind::time:
            return std::to_string(answer.integer);
        default:
            return fmt::format("{}", number);
    }
}

bool meets(const expr::Answer& answer, double number, const WantedAnswer& wanted) {
    if (wanted.is.is_null() || !answer.known) return wanted.is.is_null() && !answer.known;
    if (answer.kind == expr::Kind::truth) return wanted.is.is_bool() && wanted.is.get_bool() == answer.truth;
    if (answer.kind == expr::Kind::text || answer.kind == expr::Kind::quality)
        return wanted.is.is_string() && text_of(wanted.is) == answer.text;
    if (!wanted.is.is_number()) return false;
    const double want = wanted.is.to_number<double>();
    const double tolerance = wanted.tolerance > 0 ? wanted.tolerance : kTolerance * std::max(1.0, std::abs(want));
    return std::abs(number - want) <= tolerance;
}

// Feeds and advances step by step, so that holds and windows change when they do in a plant.
class Runner {
public:
    Runner(const TestVector& vector, std::shared_ptr<const expr::Program> program)
        : vector_(vector), program_(program), evaluator_(expr::Evaluator::create(std::move(program))) {
        evaluator_->advance(kStart);
    }

    Result<void> run_to(DurationNs at) {
        for (; next_ < vector_.given.size() && vector_.given[next_].at <= at; ++next_) {
            const GivenReading& reading = vector_.given[next_];
            go_to(kStart + reading.at);
            const auto tags = program_->tags();
            const auto found = std::ranges::find(tags, reading.name, &expr::ProgramTag::path);
            if (found == tags.end()) continue;  // given for others to read
            const auto index = static_cast<std::size_t>(found - tags.begin());
            const auto value =
                reading.value.is_null() ? std::optional<Value>(Value{0.0}) : value_of(reading.value, found->type);
            if (!value)
                return Error{Code::invalid, "given {}: {} is no {}", reading.name, registry::describe(reading.value),
                             to_string(found->type)};
            evaluator_->feed(index, kStart + reading.at, *value, reading.value.is_null() ? bad(Reason::sensor) : kGood);
            std::ignore = evaluator_->answer();
        }
        go_to(kStart + at);
        return {};
    }
    const expr::Answer& answer() { return evaluator_->answer(); }

private:
    void go_to(TimeNs time) {
        constexpr int kStepsMax = 100'000;
        for (int step = 0; step < kStepsMax; ++step) {
            std::ignore = evaluator_->answer();
            const auto next = evaluator_->next_time();
            if (!next || *next >= time) break;
            evaluator_->advance(*next);
        }
        evaluator_->advance(time);
    }

    const TestVector& vector_;
    const std::shared_ptr<const expr::Program> program_;
    const std::unique_ptr<expr::Evaluator> evaluator_;
    std::size_t next_ = 0;
};

struct Subject {
    std::string text;  // of the expression
    std::string unit;  // that the answer is wanted in, "" = its own
    bool condition = false;
};

Result<Subject> subject_of(const TestVector& vector, VectorScope& scope) {
    if (!vector.expr.empty()) {
        scope.set_device_type(vector.device_type);
        return Subject{vector.expr, ""};
    }
    const bool rule = !vector.rule.empty();
    const std::string& name = rule ? vector.rule : vector.virtual_tag;
    const Json* const spec = scope.find_spec(rule ? "rule" : "virtual_tag", name);
    if (spec == nullptr) return Error{Code::not_found, "there is no {} \"{}\"", rule ? "rule" : "virtual_tag", name};
    Subject subject{member_text(*spec, rule ? "condition" : "expr"), rule ? "" : member_text(*spec, "unit"), rule};
    const std::string device = member_text(*spec, "device"), type = member_text(*spec, "device_type");
    if (!type.empty()) scope.set_device_type(type);
    if (!device.empty()) scope.set_device(device);
    return subject;
}

Result<void> run(const TestVector& vector, VectorScope& scope) {
    const Subject subject = TRY(subject_of(vector, scope));
    const auto program = expr::compile(subject.text, scope, {.want_condition = subject.condition});
    if (!program) return program.error().to_error();
    std::optional<expr::Conversion> conversion;
    if (!subject.unit.empty() && (*program)->kind() == expr::Kind::number)
        conversion = (*program)->is_difference() ? TRY(expr::difference_conversion((*program)->unit(), subject.unit))
                                                 : TRY(expr::conversion((*program)->unit(), subject.unit));
    Runner runner{vector, *program};
    for (const WantedAnswer& wanted : vector.wanted) {
        TRY(runner.run_to(wanted.at));
        const expr::Answer& answer = runner.answer();
        double number = answer.kind == expr::Kind::number ? answer.number : static_cast<double>(answer.integer);
        if (conversion) number = number * conversion->factor + conversion->offset;
        if (meets(answer, number, wanted)) continue;
        return Error{Code::invalid, "after {} s expected {}, found {}", static_cast<double>(wanted.at) / kSecond,
                     wanted.is.is_null() ? "unknown" : registry::to_text(wanted.is), shown(answer, number)};
    }
    return {};
}

}  // namespace

Result<std::vector<TestVector>> parse_vectors(std::string_view text, const std::string& file) {
    const Json json = TRY(registry::parse_yaml(text).context("{}", file));
    std::vector<TestVector> vectors;
    if (json.is_null()) return vectors;
    TRY(check_members(json, {"tests"}).context("{}", file));
    const JsonArray& list = member_list(json, "tests");
    if (list.size() > kVectorsMax)
        return Error{Code::limit, "{}: at most {} tests, found {}", file, kVectorsMax, list.size()};
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string place = fmt::format("{}, test {}", file, i + 1);
        vectors.push_back(TRY(take_vector(list[i], place).context("{}", place)));
    }
    return vectors;
}

VectorOutcome run_vector(const TestVector& vector, const std::vector<MadeResource>& made,
                         const registry::ResourceReader& reader, TenantId tenant) {
    VectorScope scope{vector, made, reader, tenant};
    const auto done = run(vector, scope);
    return {vector.place, vector.name, done ? std::string{} : done.error().text()};
}

}  // namespace gongshu::package
