#include "registry/shape.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/assert.h"

namespace gongshu::registry {

namespace {

using Type = Shape::Type;

constexpr std::size_t kTextBytesMax = 4'000;
constexpr std::size_t kItemsMax = 10'000;
constexpr double kExact = 9'007'199'254'740'992.0;  // 2^53

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }
std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

std::string at(std::string_view path) { return path.empty() ? "spec" : std::string(path); }

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const std::size_t length = byte < 0x80                   ? 1
                                   : byte >= 0xC2 && byte < 0xE0 ? 2
                                   : (byte & 0xF0) == 0xE0       ? 3
                                   : byte >= 0xF0 && byte < 0xF5 ? 4
                                                                 : 0;
        if (length == 0 || i + length > text.size()) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
        }
        i += length;
    }
    return true;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

struct Limits {
    double min, max;
};

Limits limits_of(const Shape& shape, const Fact& fact) {
    Limits limits{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    if (shape.type == Type::integer) {
        limits = {static_cast<double>(shape.integer_min), static_cast<double>(shape.integer_max)};
    }
    if (fact.min) limits.min = std::max(limits.min, *fact.min);
    if (fact.max) limits.max = std::min(limits.max, *fact.max);
    return limits;
}

std::string range_words(Limits limits) {
    const bool low = std::isfinite(limits.min), high = std::isfinite(limits.max);
    auto number = [](double value) { return to_text(canonical_number(value)); };
    if (low && high) return " from " + number(limits.min) + " to " + number(limits.max);
    if (low) return " of at least " + number(limits.min);
    if (high) return " of at most " + number(limits.max);
    return "";
}

Result<Json> normalize_number(const Shape& shape, const Fact& fact, const Json& json, const std::string& path) {
    const Limits limits = limits_of(shape, fact);
    const char* what = shape.type == Type::integer ? "a whole number" : "a number";
    auto refuse = [&] {
        return Error{Code::invalid, "{}: expected {}{}, found {}", at(path), what, range_words(limits), describe(json)};
    };
    if (!json.is_number()) return refuse();
    const double value = json.to_number<double>();
    if (!std::isfinite(value) || value < limits.min || value > limits.max) return refuse();
    if (shape.type == Type::number) return canonical_number(value);
    if (!json.is_double()) {
        // Digits beyond 2^53 are exact here; the limits above are not.
        if (json.is_uint64() && json.get_uint64() > shape.integer_max) return refuse();
        return json;
    }
    if (value != std::trunc(value) || std::abs(value) > kExact) return refuse();
    return canonical_number(value);
}

Result<Json> normalize_text(const Shape&, const Fact& fact, const Json& json, const std::string& path) {
    if (!json.is_string()) return Error{Code::invalid, "{}: expected a text, found {}", at(path), describe(json)};
    const std::string_view text = view(json.get_string());
    const std::size_t bytes_max = fact.length_max ? fact.length_max : kTextBytesMax;
    if (text.size() > bytes_max) {
        return Error{Code::invalid, "{}: expected a text of at most {} bytes, found {}", at(path), bytes_max,
                     text.size()};
    }
    if (!is_utf8(text)) return Error{Code::invalid, "{}: expected a text in UTF-8, found other bytes", at(path)};
    if (fact.required && text.empty()) return Error{Code::invalid, "{}: expected a text, found an empty one", at(path)};
    if (fact.check && !text.empty()) TRY(fact.check(text).context("{}", at(path)));
    return json;
}

Result<Json> normalize_choice(const Shape& shape, const Json& json, const std::string& path) {
    // YAML makes a number of a bare 2007.
    if (json.is_int64() && std::ranges::find(shape.choices, to_text(json)) != shape.choices.end())
        return Json(to_text(json));
    if (json.is_string()) {
        const std::string_view text = view(json.get_string());
        if (std::ranges::find(shape.choices, text) != shape.choices.end()) return json;
        const std::string near = nearest(text, shape.choices);
        return Error{Code::invalid,  "{}: expected one of {}, found {}{}",
                     at(path),       joined(shape.choices),
                     describe(json), near.empty() ? "" : "; did you mean \"" + near + "\"?"};
    }
    return Error{Code::invalid, "{}: expected one of {}, found {}", at(path), joined(shape.choices), describe(json)};
}

Result<Json> normalize_value(const Shape& shape, const Fact& fact, const Json& json, const std::string& path);

Fact of_items(const Fact& fact) {
    Fact item = fact;
    item.required = false;
    item.length_max = 0;
    return item;
}

Result<Json> normalize_items(const Shape& shape, const Fact& fact, const Json& json, const std::string& path) {
    const std::size_t items_max = fact.length_max ? fact.length_max : kItemsMax;
    const bool list = shape.type == Type::list;
    if (list ? !json.is_array() : !json.is_object()) {
        return Error{Code::invalid, "{}: expected {}, found {}", at(path), list ? "a list" : "an object",
                     describe(json)};
    }
    const std::size_t size = list ? json.get_array().size() : json.get_object().size();
    if (size > items_max)
        return Error{Code::invalid, "{}: expected at most {} items, found {}", at(path), items_max, size};
    const Fact item_fact = of_items(fact);
    if (list) {
        JsonArray out;
        out.reserve(size);
        for (std::size_t i = 0; i < size; ++i) {
            out.push_back(TRY(normalize_value(*shape.element, item_fact, json.get_array()[i], join_path(path, i))));
        }
        return Json(std::move(out));
    }
    // Maps are sorted by key, so that equal specs are equal texts.
    std::vector<std::string> keys;
    for (const auto& item : json.get_object()) keys.emplace_back(view(item.key()));
    std::ranges::sort(keys);
    JsonObject out;
    for (const std::string& key : keys) {
        if (key.empty() || key.size() > 200 || !is_utf8(key)) {
            return Error{Code::invalid, "{}: expected keys of 1 to 200 bytes of UTF-8, found one of {} bytes", at(path),
                         key.size()};
        }
        out[key] = TRY(normalize_value(*shape.element, item_fact, json.get_object().at(key), join_path(path, key)));
    }
    return Json(std::move(out));
}

Result<void> refuse_unknown(const Shape& shape, const JsonObject& object, const std::string& path) {
    for (const auto& item : object) {
        const std::string_view key = view(item.key());
        if (std::ranges::any_of(shape.fields, [&](const Field& field) { return field.fact.field == key; })) continue;
        std::vector<std::string> names;
        for (const Field& field : shape.fields) names.emplace_back(field.fact.field);
        const std::string near = nearest(key, names);
        const std::string hint = near.empty() ? "expected one of " + joined(names) : "did you mean \"" + near + "\"?";
        return Error{Code::invalid, "{}: there is no such field; {}", join_path(path, key), hint};
    }
    return {};
}

bool is_kept_secret(const Json& json) {
    const JsonObject* object = json.if_object();
    if (!object || object->size() != 1) return false;
    const Json* flag = object->if_contains("secret");
    return flag && flag->is_bool() && flag->get_bool();
}

Result<Json> normalize_object(const Shape& shape, const Json& json, const std::string& path) {
    const JsonObject* object = json.if_object();
    if (!object) return Error{Code::invalid, "{}: expected an object, found {}", at(path), describe(json)};
    TRY(refuse_unknown(shape, *object, path));
    JsonObject out;
    out.reserve(shape.fields.size());
    for (const Field& field : shape.fields) {
        const std::string_view name = field.fact.field;
        const std::string place = join_path(path, name);
        const Json* given = object->if_contains(name);
        if (!given || given->is_null()) {
            if (field.fact.required) return Error{Code::invalid, "{}: expected a value, found none", place};
            if (!field.fallback.is_null() && !field.fact.secret) out[name] = field.fallback;
        } else if (field.fact.secret && is_kept_secret(*given)) {
            out[name] = *given;
        } else {
            out[name] = TRY(normalize_value(*field.shape, field.fact, *given, place));
        }
    }
    return Json(std::move(out));
}

Result<Json> normalize_value(const Shape& shape, const Fact& fact, const Json& json, const std::string& path) {
    switch (shape.type) {
        case Type::any:
            return json;
        case Type::boolean:
            if (!json.is_bool())
                return Error{Code::invalid, "{}: expected true or false, found {}", at(path), describe(json)};
            return json;
        case Type::integer:
        case Type::number:
            return normalize_number(shape, fact, json, path);
        case Type::text:
            return normalize_text(shape, fact, json, path);
        case Type::choice:
            return normalize_choice(shape, json, path);
        case Type::list:
        case Type::map:
            return normalize_items(shape, fact, json, path);
        case Type::object:
            return normalize_object(shape, json, path);
    }
    assert_failed("a type of a shape", __FILE__, __LINE__);
}

Json value_schema(const Shape& shape, const Fact& fact);

Json absent_by(const Fact& fact) {
    JsonObject values;
    for (const auto& [value, text] : fact.absent_by) {
        const auto absent = parse_json(text);
        ASSERT(absent.has_value());
        values[value] = *absent;
    }
    return {{"field", fact.absent_field}, {"values", std::move(values)}};
}

// One value, or a list of several.
Json if_equals(std::string_view words) {
    JsonArray values;
    for (;;) {
        const auto end = words.find('|');
        values.push_back(Json(words.substr(0, end)));
        if (end == std::string_view::npos) break;
        words.remove_prefix(end + 1);
    }
    return values.size() == 1 ? values[0] : Json(std::move(values));
}

JsonObject object_schema(const Shape& shape) {
    JsonObject properties;
    JsonArray required;
    for (std::size_t i = 0; i < shape.fields.size(); ++i) {
        const Field& field = shape.fields[i];
        const Fact& fact = field.fact;
        JsonObject schema = value_schema(*field.shape, fact).as_object();
        auto put = [&](const char* key, std::string_view value) {
            if (!value.empty()) schema[key] = value;
        };
        put("title", fact.title_en);
        put("x-title-zh", fact.title_zh);
        put("x-title-en", fact.title_en);
        put("description", fact.help_en);
        put("x-help-zh", fact.help_zh);
        put("x-help-en", fact.help_en);
        put("x-unit", fact.unit);
        put("x-ref", fact.ref);
        put("x-widget", fact.secret && fact.widget.empty() ? "password" : fact.widget);
        if (!fact.if_field.empty()) schema["x-if"] = {{"field", fact.if_field}, {"equals", if_equals(fact.if_equals)}};
        if (fact.secret) {
            schema["x-secret"] = true;
            schema["writeOnly"] = true;
        } else if (!field.fallback.is_null() && !fact.required) {
            schema["default"] = field.fallback;
        } else if (!fact.absent.empty()) {
            const auto absent = parse_json(fact.absent);
            ASSERT(absent && field.shape->optional);
            schema["default"] = *absent;
        }
        if (!fact.absent_by.empty()) {
            ASSERT(field.shape->optional && fact.absent.empty());
            schema["x-absent"] = absent_by(fact);
        }
        schema["x-level"] = fact.level;
        schema["x-order"] = static_cast<std::int64_t>(i);
        if (fact.required) required.push_back(Json(fact.field));
        properties[fact.field] = std::move(schema);
    }
    JsonObject out{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty()) out["required"] = std::move(required);
    return out;
}

void choice_schema(JsonObject& out, const Shape& shape, const Fact& fact) {
    JsonArray values, zh, en;
    for (const std::string& value : shape.choices) {
        const auto titled = std::ranges::find(fact.choices, value, &Choice::value);
        values.push_back(Json(value));
        zh.push_back(Json(titled == fact.choices.end() ? std::string_view(value) : titled->title_zh));
        en.push_back(Json(titled == fact.choices.end() ? std::string_view(value) : titled->title_en));
    }
    out["type"] = "string";
    out["enum"] = std::move(values);
    out["x-enum-zh"] = std::move(zh);
    out["x-enum-en"] = std::move(en);
}

Json value_schema(const Shape& shape, const Fact& fact) {
    JsonObject out;
    switch (shape.type) {
        case Type::any:
            break;
        case Type::boolean:
            out["type"] = "boolean";
            break;
        case Type::integer:
        case Type::number: {
            const Limits limits = limits_of(shape, fact);
            out["type"] = shape.type == Type::integer ? "integer" : "number";
            if (std::isfinite(limits.min)) out["minimum"] = canonical_number(limits.min);
            if (std::isfinite(limits.max)) out["maximum"] = canonical_number(limits.max);
            break;
        }
        case Type::text:
            out["type"] = "string";
            out["maxLength"] = static_cast<std::uint64_t>(fact.length_max ? fact.length_max : kTextBytesMax);
            if (fact.required) out["minLength"] = 1;
            break;
        case Type::choice:
            choice_schema(out, shape, fact);
            break;
        case Type::list:
            out["type"] = "array";
            out["items"] = value_schema(*shape.element, of_items(fact));
            out["maxItems"] = static_cast<std::uint64_t>(fact.length_max ? fact.length_max : kItemsMax);
            if (!fact.ref.empty()) out["items"].as_object()["x-ref"] = fact.ref;
            break;
        case Type::map:
            out["type"] = "object";
            out["additionalProperties"] = value_schema(*shape.element, of_items(fact));
            break;
        case Type::object:
            out = object_schema(shape);
            break;
    }
    return Json(std::move(out));
}

// Calls `visit(path, fact, text)` for every text that names a resource; `visit` may change it.
template <class J, class Visit>
void each_reference(const Shape& shape, const Fact* fact, J& json, const std::string& path, const Visit& visit) {
    if (shape.type == Type::object && json.is_object()) {
        for (const Field& field : shape.fields) {
            if (auto* value = json.get_object().if_contains(field.fact.field)) {
                each_reference(*field.shape, &field.fact, *value, join_path(path, field.fact.field), visit);
            }
        }
    } else if (shape.type == Type::list && json.is_array()) {
        for (std::size_t i = 0; i < json.get_array().size(); ++i) {
            each_reference(*shape.element, fact, json.get_array()[i], join_path(path, i), visit);
        }
    } else if (shape.type == Type::map && json.is_object()) {
        for (auto& item : json.get_object()) {
            each_reference(*shape.element, fact, item.value(), join_path(path, view(item.key())), visit);
        }
    } else if (shape.type == Type::text && fact && !fact->ref.empty() && json.is_string() &&
               !json.get_string().empty()) {
        visit(path, *fact, json);
    }
}

bool names_others(const Shape& shape) {
    if (shape.element) return names_others(*shape.element);
    return std::ranges::any_of(
        shape.fields, [](const Field& field) { return !field.fact.ref.empty() || names_others(*field.shape); });
}

void refuse_inner_secrets(const Shape& shape) {
    if (shape.element) refuse_inner_secrets(*shape.element);
    for (const Field& field : shape.fields) {
        ASSERT(!field.fact.secret);
        refuse_inner_secrets(*field.shape);
    }
}

}  // namespace

Json canonical_number(double value) {
    if (value == std::trunc(value) && std::abs(value) <= kExact) return Json(static_cast<std::int64_t>(value));
    return Json(value);
}

std::string join_path(std::string_view path, std::string_view key) {
    return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

std::string join_path(std::string_view path, std::size_t index) { return fmt::format("{}[{}]", path, index); }

void set_facts(Shape& shape, std::vector<Fact> facts) {
    for (Fact& fact : facts) {
        const auto field =
            std::ranges::find_if(shape.fields, [&](const Field& f) { return f.fact.field == fact.field; });
        ASSERT(field != shape.fields.end());
        ASSERT(!fact.secret || field->shape->type == Type::text);
        field->fact = std::move(fact);
    }
    for (const Field& field : shape.fields) ASSERT(!field.fact.title_zh.empty() && !field.fact.title_en.empty());
}

Result<Json> normalize(const Shape& shape, const Json& spec) { return normalize_value(shape, Fact{}, spec, ""); }

Json schema_of(const Shape& shape) { return value_schema(shape, Fact{}); }

void finish_kind(Kind& kind, const std::shared_ptr<const Shape>& shape) {
    ASSERT(shape->type == Type::object);
    JsonObject schema = schema_of(*shape).as_object();
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    schema["title"] = kind.title_en;
    schema["x-title-zh"] = kind.title_zh;
    schema["x-title-en"] = kind.title_en;
    schema["description"] = kind.about_en;
    kind.schema = std::move(schema);
    for (const Field& field : shape->fields) {
        if (field.fact.secret) kind.secret_fields.emplace_back(field.fact.field);
        refuse_inner_secrets(*field.shape);
    }
    if (!names_others(*shape)) return;
    kind.references = [shape](const Json& spec) {
        std::vector<Reference> found;
        each_reference(*shape, nullptr, spec, "", [&](const std::string& path, const Fact& fact, const Json& name) {
            found.push_back({path, std::string(fact.ref), std::string(view(name.get_string()))});
        });
        return found;
    };
    kind.renamed = [shape](const Json& spec, std::string_view plural, std::string_view name,
                           std::string_view new_name) {
        Json out = spec;
        each_reference(*shape, nullptr, out, "", [&](const std::string&, const Fact& fact, Json& text) {
            if (fact.ref == plural && view(text.get_string()) == name) text = new_name;
        });
        return out;
    };
}

std::string nearest(std::string_view word, const std::vector<std::string>& words) {
    if (word.empty() || word.size() > 200) return "";
    std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
    std::string found;
    std::vector<std::size_t> row;
    for (const std::string& other : words) {
        row.resize(other.size() + 1);
        for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
        for (std::size_t i = 1; i <= word.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i;
            for (std::size_t j = 1; j <= other.size(); ++j) {
                const std::size_t changed = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
            }
        }
        if (row.back() < best && row.back() < std::max(word.size(), other.size())) {
            best = row.back();
            found = other;
        }
    }
    return found;
}

}  // namespace gongshu::registry
