#include "registry/template_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "registry/names.h"
#include "registry/shape.h"

namespace gongshu::registry {

namespace {

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }
std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

// One piece of a text: as it stands, or a placeholder.
struct Piece {
    std::string text;  // literal, or the name of the parameter
    bool is_placeholder = false;
    std::int64_t times = 1, plus = 0;
};

// So that no product and sum of two of them overflows.
bool can_calculate(std::int64_t number) { return number >= -1'000'000'000 && number <= 1'000'000'000; }

bool take_integer(std::string_view& text, std::int64_t& into) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (failed != std::errc{} || !can_calculate(into)) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

// What stands between ${ and }.
bool parse_placeholder(std::string_view inner, Piece& piece) {
    const std::size_t end = std::min(inner.find_first_of("*+-"), inner.size());
    piece.text = inner.substr(0, end);
    piece.is_placeholder = true;
    inner.remove_prefix(end);
    if (inner.starts_with('*')) {
        inner.remove_prefix(1);
        if (!take_integer(inner, piece.times)) return false;
    }
    if (!inner.empty()) {
        const bool minus = inner.front() == '-';
        if (!minus && inner.front() != '+') return false;
        inner.remove_prefix(1);
        if (inner.starts_with('-') || !take_integer(inner, piece.plus)) return false;
        if (minus) piece.plus = -piece.plus;
    }
    return inner.empty() && check_word(piece.text).has_value();
}

Result<std::vector<Piece>> parse_pieces(std::string_view text) {
    std::vector<Piece> pieces;
    std::string literal;
    const auto flush = [&] {
        if (!literal.empty()) pieces.push_back({std::exchange(literal, "")});
    };
    while (!text.empty()) {
        if (text.starts_with("$${")) {
            literal += "${";
            text.remove_prefix(3);
            continue;
        }
        if (!text.starts_with("${")) {
            literal += text.front();
            text.remove_prefix(1);
            continue;
        }
        const std::size_t end = text.find('}');
        Piece piece;
        if (end == text.npos || !parse_placeholder(text.substr(2, end - 2), piece)) {
            return Error{Code::invalid,
                         "expected a placeholder such as ${{number}} or ${{number*2+100}}, found \"{}\"; for these "
                         "characters themselves write $${{",
                         text.substr(0, std::min<std::size_t>(end == text.npos ? 40 : end + 1, 60))};
        }
        flush();
        pieces.push_back(std::move(piece));
        text.remove_prefix(end + 1);
    }
    flush();
    return pieces;
}

bool has_placeholder(std::string_view text) {
    const auto pieces = parse_pieces(text);
    return pieces && std::ranges::any_of(*pieces, &Piece::is_placeholder);
}

std::string text_of(const Json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? std::string(view(value.get_string())) : to_text(value);
}

// "type" of a JSON schema, "" = anything.
std::string_view type_in(const Json* schema) {
    const Json* const type = schema && schema->is_object() ? schema->get_object().if_contains("type") : nullptr;
    return type && type->is_string() ? view(type->get_string()) : std::string_view{};
}
// The schema of a member, of the items of a list; null = anything goes.
const Json* member_of(const Json* schema, std::string_view name) {
    if (!schema || !schema->is_object()) return nullptr;
    const Json* const properties = schema->get_object().if_contains("properties");
    if (properties && properties->is_object())
        if (const Json* const found = properties->get_object().if_contains(name)) return found;
    const Json* const others = schema->get_object().if_contains("additionalProperties");
    return others && others->is_object() ? others : nullptr;
}
const Json* items_of(const Json* schema) {
    return schema && schema->is_object() ? schema->get_object().if_contains("items") : nullptr;
}
std::vector<std::string> members_of(const Json* schema) {
    std::vector<std::string> names;
    const Json* const properties =
        schema && schema->is_object() ? schema->get_object().if_contains("properties") : nullptr;
    if (properties && properties->is_object())
        for (const auto& item : properties->get_object()) names.emplace_back(view(item.key()));
    return names;
}

// The value of one placeholder; null if its parameter has none.
Result<Json> value_of(const Piece& piece, const Parameters& parameters) {
    const auto found = parameters.find(piece.text);
    if (found == parameters.end() || found->second.is_null()) return Json(nullptr);
    if (piece.times == 1 && piece.plus == 0) return found->second;
    const std::int64_t* const number = found->second.if_int64();
    if (!number || !can_calculate(*number))
        return Error{Code::invalid, "${{{}}} is {}, expected a whole number within ±1000000000 to calculate with",
                     piece.text, describe(found->second)};
    return Json(*number * piece.times + piece.plus);
}

std::optional<double> number_in(std::string_view text) {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

// A text with its placeholders filled, as its field takes it; nullopt = the field is left out.
Result<std::optional<Json>> fill_text(std::string_view text, const Json* schema, const Parameters& parameters) {
    const auto pieces = TRY(parse_pieces(text));
    if (std::ranges::none_of(pieces, &Piece::is_placeholder)) {
        std::string literal;
        for (const Piece& piece : pieces) literal += piece.text;
        return std::optional<Json>(Json(literal));
    }
    const std::string_view type = type_in(schema);
    if (pieces.size() == 1) {
        Json value = TRY(value_of(pieces.front(), parameters));
        if (value.is_null()) return std::optional<Json>{};
        if (type == "string") return std::optional<Json>(Json(text_of(value)));
        return std::optional<Json>(std::move(value));
    }
    std::string filled;
    for (const Piece& piece : pieces)
        filled += piece.is_placeholder ? text_of(TRY(value_of(piece, parameters))) : piece.text;
    if (type == "integer" || type == "number") {
        if (const auto number = number_in(filled)) return std::optional<Json>(canonical_number(*number));
    }
    return std::optional<Json>(Json(filled));
}

Result<std::optional<Json>> fill(const Json& json, const Json* schema, const Parameters& parameters,
                                 const std::string& place) {
    if (json.is_string()) return fill_text(view(json.get_string()), schema, parameters).context("{}", place);
    if (const JsonObject* const object = json.if_object()) {
        JsonObject out;
        for (const auto& item : *object) {
            const std::string_view name = view(item.key());
            auto value = TRY(fill(item.value(), member_of(schema, name), parameters, join_path(place, name)));
            if (value) out[item.key()] = std::move(*value);
        }
        return std::optional<Json>(Json(std::move(out)));
    }
    if (const JsonArray* const array = json.if_array()) {
        JsonArray out;
        for (std::size_t i = 0; i < array->size(); ++i) {
            auto value = TRY(fill((*array)[i], items_of(schema), parameters, join_path(place, i)));
            if (value) out.push_back(std::move(*value));
        }
        return std::optional<Json>(Json(std::move(out)));
    }
    return std::optional<Json>(json);
}

// A part as it is to be made, its place and kind.
struct PartAt {
    std::string place, kind;
    const TemplatePart* part;
};
// In the order in which they are made: what is named comes first.
std::vector<PartAt> parts_of(const DeviceTemplateSpec& of) {
    std::vector<PartAt> parts;
    if (of.connection) parts.push_back({"connection", "connection", &*of.connection});
    parts.push_back({"device", "device", &of.device});
    for (std::size_t i = 0; i < of.rules.size(); ++i) parts.push_back({join_path("rules", i), "rule", &of.rules[i]});
    return parts;
}

Result<const Kind*> kind_of(const ResourceReader& reader, const PartAt& at) {
    if (const Kind* const kind = reader.kind(at.kind)) return kind;
    return Error{Code::invalid, "{}: this program knows no {}", at.place, at.kind};
}

Result<std::string> fill_name(const PartAt& at, const Parameters& parameters) {
    const auto filled = TRY(fill_text(at.part->name, nullptr, parameters).context("{}.name", at.place));
    return filled ? text_of(*filled) : std::string{};
}

// The names first, so that ${device} and ${connection} are known to all specs.
Result<std::vector<std::string>> fill_names(const std::vector<PartAt>& parts, Parameters& all,
                                            const std::optional<std::string>& device_name) {
    std::vector<std::string> names(parts.size());
    const auto device = std::ranges::find(parts, "device", &PartAt::kind);
    all["device"] = Json(device_name ? *device_name : TRY(fill_name(*device, all)));
    for (std::size_t i = 0; i < parts.size(); ++i) {
        names[i] = parts[i].kind == "device" ? text_of(all["device"]) : TRY(fill_name(parts[i], all));
        if (parts[i].kind == "connection") all["connection"] = Json(names[i]);
    }
    return names;
}

// Among what a placeholder of this text may mean.
struct Known {
    const DeviceTemplateSpec& of;
    bool device = true, connection = true;  // ${device}, ${connection}

    Result<ParameterType> type_of(const Piece& piece) const {
        if ((device && piece.text == "device") || (connection && of.connection && piece.text == "connection"))
            return ParameterType::text;
        const auto found = std::ranges::find(of.parameters, piece.text, &TemplateParameter::name);
        if (found != of.parameters.end()) return found->type;
        std::vector<std::string> names;
        for (const TemplateParameter& parameter : of.parameters) names.push_back(parameter.name);
        const std::string near = nearest(piece.text, names);
        return Error{Code::invalid, "${{{}}} names no parameter of this template{}", piece.text,
                     near.empty() ? "" : "; did you mean ${" + near + "}?"};
    }
};

std::string_view word_of(ParameterType type) {
    static constexpr std::string_view kWords[] = {"text", "number", "integer", "boolean", "choice"};
    return kWords[static_cast<std::size_t>(type)];
}

// Each of the choices must be one of the field's.
Result<void> check_choices(const Known& known, const Piece& piece, const Json* schema) {
    const Json* const values = schema && schema->is_object() ? schema->get_object().if_contains("enum") : nullptr;
    const auto parameter = std::ranges::find(known.of.parameters, piece.text, &TemplateParameter::name);
    if (!values || !values->is_array() || parameter == known.of.parameters.end()) return {};
    for (const std::string& choice : parameter->choices) {
        if (std::ranges::find(values->get_array(), Json(choice)) != values->get_array().end()) continue;
        return Error{Code::invalid, "the choice \"{}\" of ${{{}}} is none that this field takes", choice, piece.text};
    }
    return {};
}

Result<void> check_text(std::string_view text, const Json* schema, const Known& known) {
    const auto pieces = TRY(parse_pieces(text));
    const std::string_view want = type_in(schema);
    for (const Piece& piece : pieces) {
        if (!piece.is_placeholder) continue;
        const ParameterType type = TRY(known.type_of(piece));
        const bool whole_number = type == ParameterType::integer;
        if ((piece.times != 1 || piece.plus != 0) && !whole_number) {
            return Error{Code::invalid, "${{{}}} is calculated with, expected a parameter of type integer, found {}",
                         piece.text, word_of(type)};
        }
        if (pieces.size() > 1) continue;
        const bool fits = want == "integer"   ? whole_number
                          : want == "number"  ? whole_number || type == ParameterType::number
                          : want == "boolean" ? type == ParameterType::boolean
                                              : want != "array" && want != "object";
        if (!fits) {
            return Error{Code::invalid, "expected a parameter of type {}, found ${{{}}}, which is of type {}", want,
                         piece.text, word_of(type)};
        }
        TRY(check_choices(known, piece, schema));
    }
    return {};
}

Result<void> check_inside(const Json& json, const Json* schema, const Known& known, const std::string& place) {
    if (json.is_string()) return check_text(view(json.get_string()), schema, known).context("{}", place);
    if (const JsonObject* const object = json.if_object()) {
        const auto names = members_of(schema);
        for (const auto& item : *object) {
            const std::string_view name = view(item.key());
            const Json* const inner = member_of(schema, name);
            if (!inner && !names.empty()) {
                const std::string near = nearest(name, names);
                return Error{Code::invalid, "{}: there is no such field{}", join_path(place, name),
                             near.empty() ? "" : "; did you mean \"" + near + "\"?"};
            }
            TRY(check_inside(item.value(), inner, known, join_path(place, name)));
        }
    } else if (const JsonArray* const array = json.if_array()) {
        for (std::size_t i = 0; i < array->size(); ++i)
            TRY(check_inside((*array)[i], items_of(schema), known, join_path(place, i)));
    }
    return {};
}

// A value of the parameter, to try the template with.
Json sample_of(const TemplateParameter& parameter) {
    Json value;
    if (parameter.preset && !take_value(parameter, *parameter.preset, value)) return value;
    switch (parameter.type) {
        case ParameterType::text:
            return Json("x1");
        case ParameterType::number:
        case ParameterType::integer:
            return Json(
                static_cast<std::int64_t>(std::ceil(parameter.min.value_or(std::min(1.0, parameter.max.value_or(1))))));
        case ParameterType::boolean:
            return Json(false);
        case ParameterType::choice:
            break;
    }
    return parameter.choices.empty() ? Json("x1") : Json(parameter.choices.front());
}

// What is at "device.spec.properties[3].address" of a JSON value, or what is nearest above; null if nothing is.
const Json* at_place(const Json& root, std::string_view place) {
    const Json* at = &root;
    while (!place.empty()) {
        const std::size_t end = std::min(place.find_first_of(".["), place.size());
        const std::string_view word = place.substr(0, end);
        const bool index = word.ends_with(']');
        const Json* next = nullptr;
        if (index && at->is_array()) {
            std::size_t i = 0;
            std::from_chars(word.data(), word.data() + word.size(), i);
            next = at->get_array().if_contains(i);
        } else if (!index && at->is_object()) {
            next = at->get_object().if_contains(word);
        }
        if (!next) return at == &root ? nullptr : at;
        at = next;
        place.remove_prefix(std::min(end + 1, place.size()));
    }
    return at;
}

// The first placeholder in a value that is one of `parameters`.
std::string first_parameter(const Json& json) {
    if (json.is_string()) {
        const auto pieces = parse_pieces(view(json.get_string()));
        if (!pieces) return "";
        const auto found = std::ranges::find_if(*pieces, &Piece::is_placeholder);
        return found == pieces->end() ? "" : found->text;
    }
    if (const JsonObject* const object = json.if_object()) {
        for (const auto& item : *object)
            if (auto found = first_parameter(item.value()); !found.empty()) return found;
    } else if (const JsonArray* const array = json.if_array()) {
        for (const Json& item : *array)
            if (auto found = first_parameter(item); !found.empty()) return found;
    }
    return "";
}

Mismatch mismatch(const Json& given, std::string zh, std::string en) {
    return {given.is_string() ? std::string(view(given.get_string())).substr(0, 200) : describe(given), std::move(zh),
            std::move(en)};
}

std::optional<Mismatch> take_number(const TemplateParameter& parameter, const Json& given, Json& value) {
    const bool whole = parameter.type == ParameterType::integer;
    std::optional<double> number;
    if (given.is_number()) {
        number = given.to_number<double>();
    } else if (given.is_string()) {
        number = number_in(view(given.get_string()));
    }
    const bool fits = number && (!whole || *number == std::trunc(*number)) && std::abs(*number) <= 1e15 &&
                      (!parameter.min || *number >= *parameter.min) && (!parameter.max || *number <= *parameter.max);
    if (fits) {
        value = canonical_number(*number);
        return std::nullopt;
    }
    std::string zh = whole ? "整数" : "数字", en = whole ? "a whole number" : "a number";
    if (parameter.min || parameter.max) {
        const std::string from = parameter.min ? fmt::format("{}", *parameter.min) : "…";
        const std::string to = parameter.max ? fmt::format("{}", *parameter.max) : "…";
        zh += fmt::format("，{} 至 {}", from, to);
        en += fmt::format(" from {} to {}", from, to);
    }
    return mismatch(given, zh, en);
}

}  // namespace

std::optional<Mismatch> take_value(const TemplateParameter& parameter, const Json& given, Json& value) {
    value = nullptr;
    if (given.is_null() || (given.is_string() && given.get_string().empty())) {
        if (parameter.preset && !parameter.preset->is_null() && !(given == *parameter.preset))
            return take_value(parameter, *parameter.preset, value);
        if (!parameter.required) return std::nullopt;
        return Mismatch{"", "必填", "a value"};
    }
    const std::string text = text_of(given);
    switch (parameter.type) {
        case ParameterType::text:
            if (given.is_object() || given.is_array() || text.size() > kParameterBytesMax)
                return mismatch(given, "文本，最长 1000 字节", "a text of at most 1000 bytes");
            value = text;
            return std::nullopt;
        case ParameterType::number:
        case ParameterType::integer:
            return take_number(parameter, given, value);
        case ParameterType::boolean:
            for (const std::string_view word : {"true", "yes", "TRUE", "YES", "Yes", "1", "是", "开"})
                if (text == word) value = true;
            for (const std::string_view word : {"false", "no", "FALSE", "NO", "No", "0", "否", "关"})
                if (text == word) value = false;
            if (!value.is_null()) return std::nullopt;
            return mismatch(given, "是 或 否", "yes or no");
        case ParameterType::choice:
            break;
    }
    if (std::ranges::find(parameter.choices, text) != parameter.choices.end()) {
        value = text;
        return std::nullopt;
    }
    const std::string choices = fmt::format("{}", fmt::join(parameter.choices, ", "));
    return mismatch(given, "其中之一：" + choices, "one of " + choices);
}

Result<std::vector<MadePart>> make_parts(const ResourceReader& reader, const DeviceTemplateSpec& of,
                                         const Parameters& parameters, const std::optional<std::string>& device_name) {
    const auto parts = parts_of(of);
    Parameters all = parameters;
    const auto names = TRY(fill_names(parts, all, device_name));
    std::vector<MadePart> made;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Kind* const kind = TRY(kind_of(reader, parts[i]));
        TRY(check_name(names[i], kind->path_names).context("{}.name", parts[i].place));
        const std::string place = parts[i].place + ".spec";
        auto filled = TRY(fill(parts[i].part->spec, &kind->schema, all, place));
        auto canonical = kind->normalize(filled ? *filled : Json(JsonObject{}));
        if (!canonical) return Error{canonical.error().code(), "{}.{}", place, canonical.error().text()};
        made.push_back({parts[i].place, parts[i].kind, names[i], std::move(*canonical)});
    }
    return made;
}

Result<Json> fill_parameters(const Json& json, const Json* schema, const Parameters& parameters,
                             const std::string& place) {
    auto filled = TRY(fill(json, schema, parameters, place));
    return filled ? std::move(*filled) : Json(nullptr);
}

Result<std::set<std::string>> parameters_in(const Json& json, const std::string& place) {
    std::set<std::string> found;
    if (json.is_string()) {
        for (const auto pieces = TRY(parse_pieces(view(json.get_string())).context("{}", place)); const Piece& piece : pieces)
            if (piece.is_placeholder) found.insert(piece.text);
    } else if (const JsonObject* const object = json.if_object()) {
        for (const auto& item : *object)
            found.merge(TRY(parameters_in(item.value(), join_path(place, view(item.key())))));
    } else if (const JsonArray* const array = json.if_array()) {
        for (std::size_t i = 0; i < array->size(); ++i)
            found.merge(TRY(parameters_in((*array)[i], join_path(place, i))));
    }
    return found;
}

std::string parameter_at(const Json& template_spec, std::string_view place) {
    const Json* const found = at_place(template_spec, place);
    return found ? first_parameter(*found) : "";
}

Result<void> check_parts(const ResourceReader& reader, const DeviceTemplateSpec& of) {
    TRY(check_text(of.device.name, nullptr, {of, false, false}).context("device.name"));
    if (!has_placeholder(of.device.name)) {
        return Error{Code::invalid,
                     "device.name: expected at least one placeholder such as ${{number}}, else every machine would get "
                     "the name \"{}\"",
                     of.device.name};
    }
    for (const PartAt& at : parts_of(of)) {
        const Kind* const kind = TRY(kind_of(reader, at));
        if (!at.part->spec.is_object())
            return Error{Code::invalid, "{}.spec: expected an object, found {}", at.place, describe(at.part->spec)};
        if (at.kind != "device")
            TRY(check_text(at.part->name, nullptr, {of, true, at.kind == "rule"}).context("{}.name", at.place));
        if (at.kind == "device" && at.part->spec.get_object().contains("from_template"))
            return Error{Code::invalid, "{}.spec.from_template: is filled in by itself; leave it out", at.place};
        TRY(check_inside(at.part->spec, &kind->schema, {of, true, at.kind != "connection"}, at.place + ".spec"));
    }
    // What is fixed must be right; what depends on parameters is seen when machines are made.
    Parameters samples;
    for (const TemplateParameter& parameter : of.parameters) samples[parameter.name] = sample_of(parameter);
    const auto tried = make_parts(reader, of, samples);
    if (tried || tried.error().code() != Code::invalid) return {};
    const std::string& text = tried.error().text();
    const std::string place = text.substr(0, std::min(text.find(": "), text.size()));
    for (const PartAt& at : parts_of(of)) {
        if (!place.starts_with(at.place + ".spec")) continue;
        const Json* const found =
            at_place(at.part->spec, std::string_view(place).substr(std::min(place.size(), at.place.size() + 6)));
        if (found && first_parameter(*found).empty()) return tried.error();
    }
    return {};
}

}  // namespace gongshu::registry
