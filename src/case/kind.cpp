#include "case/kind.h"

#include <algorithm>
#include <set>

#include "data/quality.h"
#include "registry/json.h"
#include "registry/names.h"

namespace gongshu::cases {
namespace {

constexpr std::size_t kPartsMax = 100;  // of each sort in one kind

template <class Parts>
auto part(const Parts& parts, std::string_view name) -> decltype(parts.data()) {
    const auto found = std::ranges::find(parts, name, [](const auto& one) -> std::string_view { return one.name; });
    return found == parts.end() ? nullptr : &*found;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 40 && text.front() >= 'a' && text.front() <= 'z' &&
           std::ranges::all_of(text,
                               [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

template <class Parts>
Result<void> check_names(std::string_view what, const Parts& parts) {
    if (parts.size() > kPartsMax) return Error{Code::invalid, "more than {} of the sort {}", kPartsMax, what};
    std::set<std::string_view> seen;
    for (const auto& one : parts) {
        if (!is_name(one.name)) return Error{Code::invalid, "{} \"{}\": expected a-z, 0-9 and _", what, one.name};
        if (!seen.insert(one.name).second) return Error{Code::invalid, "{} {} is there twice", what, one.name};
        if (one.title_zh.empty() || one.title_en.empty())
            return Error{Code::invalid, "{} {}: expected a title in both languages", what, one.name};
    }
    return {};
}

// The fields of a kind as names of an expression.
class FieldScope final : public expr::Scope {
public:
    explicit FieldScope(const CaseKind& kind) : kind_(kind) {}
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        const Field* field = kind_.field(name);
        if (field == nullptr || is_hidden(*field)) return std::nullopt;
        return expr::ScopeTag{.path = field->name, .unit = "", .type = type_of(field->type)};
    }
    std::vector<std::string> names() const override {
        std::vector<std::string> out;
        for (const Field& field : kind_.fields)
            if (!is_hidden(field)) out.push_back(field.name);
        return out;
    }
    static ValueType type_of(FieldType type) {
        switch (type) {
            case FieldType::number:
                return ValueType::number;
            case FieldType::integer:
                return ValueType::integer;
            case FieldType::boolean:
                return ValueType::boolean;
            default:
                return ValueType::text;
        }
    }

private:
    static bool is_hidden(const Field& field) {
        return field.type == FieldType::json || field.type == FieldType::files;
    }
    const CaseKind& kind_;
};

expr::Checked<std::shared_ptr<const expr::Program>> compile_guard(const CaseKind& kind, const Action& action) {
    return expr::compile(action.guard, FieldScope{kind}, {.want_condition = true});
}

Result<void> check_action(const CaseKind& kind, const Action& action) {
    const auto all = [](std::string_view what, const auto& names, const auto& known) -> Result<void> {
        for (const std::string& name : names)
            if (known(name) == nullptr)
                return Error{Code::invalid, "it names the {} {}, which is not there", what, name};
        return {};
    };
    const bool opens = action.name == "open";
    if (opens && !action.from.empty()) return Error{Code::invalid, "from: open begins from no state"};
    if (!opens && action.from.empty()) return Error{Code::invalid, "from: expected at least one state"};
    if (opens && action.to != kind.start) return Error{Code::invalid, "to: expected the start, {}", kind.start};
    TRY(all("state", action.from, [&](const auto& name) { return kind.state(name); }));
    if (!action.to.empty())
        TRY(all("state", std::vector{action.to}, [&](const auto& name) { return kind.state(name); }));
    TRY(all("party", action.by, [&](const auto& name) { return kind.party(name); }));
    TRY(all("field", action.takes, [&](const auto& name) { return kind.field(name); }));
    TRY(all("field", action.needs, [&](const auto& name) { return kind.field(name); }));
    TRY(all("action", action.unlike, [&](const auto& name) { return kind.action(name); }));
    // Files lie with a case, and there is none before it is open.
    for (const std::string& name : action.takes)
        if (opens && kind.field(name)->type == FieldType::files)
            return Error{Code::invalid, "takes: {} holds files, which are given when the case is there", name};
    for (const std::string& from : action.from)
        if (kind.state(from)->final) return Error{Code::invalid, "from: {} is final", from};
    if (action.guard.empty()) return {};
    if (action.guard_zh.empty() || action.guard_en.empty())
        return Error{Code::invalid, "guard: expected what it means, in both languages"};
    const auto program = compile_guard(kind, action);
    if (!program) return Error{Code::invalid, "guard: {}", program.error().to_error().text()};
    return {};
}

// From the start every state is reached, and from every state that is not final some action leads out.
Result<void> check_ways(const CaseKind& kind) {
    std::set<std::string_view> reached{kind.start};
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const Action& action : kind.actions)
            if (!action.to.empty() &&
                std::ranges::any_of(action.from, [&](const auto& from) { return reached.contains(from); }))
                reached.insert(action.to);
    }
    for (const State& state : kind.states) {
        if (!reached.contains(state.name)) return Error{Code::invalid, "state {}: nothing leads to it", state.name};
        if (state.final) continue;
        const bool left = std::ranges::any_of(kind.actions, [&](const Action& action) {
            return !action.to.empty() && action.to != state.name && std::ranges::count(action.from, state.name) > 0;
        });
        if (!left) return Error{Code::invalid, "state {}: nothing leads out of it, and it is not final", state.name};
    }
    return {};
}

Result<void> check_deadline(const CaseKind& kind, const Deadline& deadline) {
    const State* state = kind.state(deadline.state);
    if (state == nullptr || state->final)
        return Error{Code::invalid, "deadline: expected a state that is not final, found \"{}\"", deadline.state};
    if (deadline.after <= 0) return Error{Code::invalid, "deadline of {}: expected a time after 0", deadline.state};
    const Action* action = kind.action(deadline.action);
    if (action == nullptr || !action->by.empty() || std::ranges::count(action->from, deadline.state) == 0)
        return Error{Code::invalid, "deadline of {}: expected an action of the program from there, found \"{}\"",
                     deadline.state, deadline.action};
    if (!action->takes.empty() || !action->needs.empty() || action->needs_note)
        return Error{Code::invalid, "deadline of {}: nobody is there to give what {} needs", deadline.state,
                     deadline.action};
    if (deadline.after_field.empty()) return {};
    const Field* field = kind.field(deadline.after_field);
    if (field == nullptr || field->type != FieldType::integer || !field->min || *field->min < 1)
        return Error{Code::invalid, "deadline of {}: expected an integer field of at least 1, found \"{}\"",
                     deadline.state, deadline.after_field};
    return {};
}

Result<Json> check_value(const Field& field, const Json& value) {
    const auto wrong = [&](std::string_view expected) {
        return Error{Code::invalid, "{}: expected {}, found {}", field.name, expected, registry::describe(value)};
    };
    const auto in_range = [&](double number) {
        return (!field.min || number >= *field.min) && (!field.max || number <= *field.max);
    };
    switch (field.type) {
        case FieldType::boolean:
            return value.is_bool() ? Result<Json>(value) : wrong("true or false");
        case FieldType::number:
            if (!value.is_number()) return wrong("a number");
            return in_range(value.to_number<double>()) ? Result<Json>(value) : wrong("a number within its limits");
        case FieldType::integer:
            if (!value.is_int64()) return wrong("a whole number");
            return in_range(static_cast<double>(value.as_int64())) ? Result<Json>(value)
                                                                   : wrong("a whole number within its limits");
        case FieldType::files:
            return is_citations(value) ? Result<Json>(value) : wrong("a list of files");
        case FieldType::json:
            return registry::to_text(value).size() <= field.bytes_max
                       ? Result<Json>(value)
                       : Error{Code::limit, "{}: more than {} bytes", field.name, field.bytes_max};
        default:
            break;
    }
    if (!value.is_string()) return wrong("a text");
    const std::string_view text = value.as_string();
    if (text.size() > field.bytes_max)
        return Error{Code::limit, "{}: {} bytes, at most {} are taken", field.name, text.size(), field.bytes_max};
    if (field.type == FieldType::time) TRY(registry::parse_rfc3339(text).context("{}", field.name));
    if (field.type == FieldType::choice && part(field.choices, text) == nullptr) {
        std::string names;
        for (const Choice& choice : field.choices) names += (names.empty() ? "" : ", ") + choice.name;
        return wrong("one of " + names);
    }
    return value;
}

}  // namespace

const Field* CaseKind::field(std::string_view wanted) const { return part(fields, wanted); }
const State* CaseKind::state(std::string_view wanted) const { return part(states, wanted); }
const Party* CaseKind::party(std::string_view wanted) const { return part(parties, wanted); }
const Action* CaseKind::action(std::string_view wanted) const { return part(actions, wanted); }

std::vector<const Deadline*> CaseKind::deadlines_of(std::string_view wanted) const {
    std::vector<const Deadline*> out;
    for (const Deadline& deadline : deadlines)
        if (deadline.state == wanted) out.push_back(&deadline);
    std::ranges::stable_sort(out, {}, &Deadline::after);
    return out;
}

Result<void> check_kind(const CaseKind& kind) {
    const auto check = [&]() -> Result<void> {
        if (!is_name(kind.name) || !is_name(kind.plural))
            return Error{Code::invalid, "expected a name of a-z, 0-9 and _"};
        if (kind.prefix.empty() || kind.prefix.size() > 6 ||
            !std::ranges::all_of(kind.prefix, [](char c) { return c >= 'A' && c <= 'Z'; }))
            return Error{Code::invalid, "prefix: expected 1 to 6 of A-Z, found \"{}\"", kind.prefix};
        TRY(check_names("field", kind.fields));
        TRY(check_names("state", kind.states));
        TRY(check_names("party", kind.parties));
        TRY(check_names("action", kind.actions));
        for (const Field& field : kind.fields)
            if (field.type == FieldType::choice)
                TRY(check_names("choice", field.choices).context("field {}", field.name));
        if (kind.state(kind.start) == nullptr)
            return Error{Code::invalid, "start: there is no state \"{}\"", kind.start};
        if (kind.action("open") == nullptr) return Error{Code::invalid, "there is no action open"};
        for (const Action& action : kind.actions) TRY(check_action(kind, action).context("action {}", action.name));
        for (const Deadline& deadline : kind.deadlines) TRY(check_deadline(kind, deadline));
        return check_ways(kind);
    };
    return check().context("case kind {}", kind.name);
}

bool is_citations(const Json& value) {
    if (!value.is_array() || value.as_array().empty()) return false;
    return std::ranges::all_of(value.as_array(), [](const Json& one) {
        const JsonObject* object = one.if_object();
        const Json* id = object == nullptr ? nullptr : object->if_contains("id");
        const Json* sum = object == nullptr ? nullptr : object->if_contains("sha256");
        return id != nullptr && id->is_string() && sum != nullptr && sum->is_string();
    });
}

Result<Fields> merge_fields(const CaseKind& kind, const Action& action, const Fields& before, const Fields& given) {
    Fields after = before;
    for (const auto& item : given) {
        const std::string_view name = item.key();
        const Field* field = kind.field(name);
        if (field == nullptr) return Error{Code::invalid, "{}: {} has no such field", name.substr(0, 60), kind.name};
        if (std::ranges::count(action.takes, name) == 0)
            return Error{Code::invalid, "{}: is not given with {}", name, action.name};
        if (item.value().is_null())
            after.erase(item.key());
        else
            after[item.key()] = TRY(check_value(*field, item.value()));
    }
    for (const std::string& name : action.needs) {
        const Json* value = after.if_contains(name);
        if (value == nullptr || (value->is_string() && value->as_string().empty()))
            return Error{Code::invalid, "{}: expected with {}", name, action.name};
    }
    return after;
}

expr::Verdict guard_of(const CaseKind& kind, const Action& action, const Fields& fields, TimeNs now) {
    if (action.guard.empty()) return {.outcome = expr::Outcome::pass, .quality = kGood};
    const auto program = compile_guard(kind, action);
    if (!program) return {};  // check_kind() has refused it
    std::vector<expr::VerdictInput> inputs;
    for (const expr::ProgramTag& tag : (*program)->tags()) {
        const Field* field = kind.field(tag.path);
        const Json* value = fields.if_contains(field->name);
        expr::VerdictInput& input = inputs.emplace_back();
        if (value == nullptr) continue;
        switch (FieldScope::type_of(field->type)) {
            case ValueType::number:
                input.value = value->to_number<double>();
                break;
            case ValueType::integer:
                input.value = value->as_int64();
                break;
            case ValueType::boolean:
                input.value = value->as_bool();
                break;
            default:
                input.value = std::string(std::string_view(value->as_string()));
                break;
        }
    }
    auto verdict = expr::evaluate_verdict(*program, inputs, now);
    return verdict ? std::move(*verdict) : expr::Verdict{};
}

Result<void> check_guard(const CaseKind& kind, const Action& action, const Fields& fields, TimeNs now) {
    const expr::Verdict verdict = guard_of(kind, action, fields, now);
    if (verdict.outcome == expr::Outcome::pass) return {};
    std::string names;
    for (const expr::Doubt& doubt : verdict.doubts) names += (names.empty() ? "" : ", ") + doubt.name;
    if (names.empty()) return Error{Code::conflict, "{}: {}", action.name, action.guard_en};
    return Error{Code::conflict, "{}: {} (it cannot be decided without {})", action.name, action.guard_en, names};
}

}  // namespace gongshu::cases
