#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// The title of one value of an enumeration.
struct Choice {
    std::string_view value, title_zh, title_en;
};

// What people need to know about one field, written once beside the struct. Texts are literals.
struct Fact {
    std::string_view field;
    std::string_view title_zh, title_en;
    std::string_view help_zh = {}, help_en = {};
    std::string_view unit = {};
    std::optional<double> min = {}, max = {};  // numbers: both inclusive
    bool required = false;                     // must be given; texts must not be empty
    std::size_t length_max = 0;                // texts: bytes, 0 = 4000. lists and maps: items, 0 = 10000
    std::string_view ref = {};                 // plural of the kind that the text (or each text of the list) names
    std::string_view widget = {};              // expression, password, multiline, duration
    // Shown only if that field of the same object has this value, or one of these: "a|b".
    std::string_view if_field = {}, if_equals = {};
    std::string_view absent = {};  // optional ones: as JSON, what it means that the field is not there
    // The same where it depends on a choice in the same object: of each value of `absent_field`, what holds, as JSON.
    std::string_view absent_field = {};
    std::vector<std::pair<std::string_view, std::string_view>> absent_by = {};
    bool secret = false;               // sealed, never read back; only texts at the top of a spec
    int level = 1;                     // data level 1 … 4
    std::vector<Choice> choices = {};  // titles of an enumeration's values
    // A further check of one text: what is wrong with it ("…, found …"), nothing if it is fine.
    std::function<Result<void>(std::string_view text)> check = {};
};

struct Field;

// A C++ type as data: what JSON may stand for it. Constant once made.
struct Shape {
    enum class Type : std::uint8_t { any, boolean, integer, number, text, choice, list, map, object };
    Type type = Type::any;
    bool optional = false;
    std::int64_t integer_min = 0;  // of the C++ type
    std::uint64_t integer_max = 0;
    std::vector<std::string> choices;
    std::shared_ptr<const Shape> element;  // of list and map
    std::vector<Field> fields;             // of object, in the order of the struct
};

struct Field {
    Fact fact;
    std::shared_ptr<const Shape> shape;
    Json fallback;  // null = none
};

// Whole numbers within 2^53 as integers, so that 1 and 1.0 are the same value.
Json canonical_number(double value);

// Puts the facts at their fields; a fact without its field or a field without titles is our bug.
void set_facts(Shape& shape, std::vector<Fact> facts);

// The canonical form: every field there, defaults filled, nulls left out. Code::invalid beginning with the path.
Result<Json> normalize(const Shape& shape, const Json& spec);
// JSON Schema 2020-12 with the hints of docs/api.md.
Json schema_of(const Shape& shape);
// Fills schema, references, renamed and secret_fields of a kind.
void finish_kind(Kind& kind, const std::shared_ptr<const Shape>& shape);

// "a.b" and "a[3]" of paths in messages and differences.
std::string join_path(std::string_view path, std::string_view key);
std::string join_path(std::string_view path, std::size_t index);

// The nearest of `words` by letters changed, or "" when nothing is near: for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& words);

}  // namespace gongshu::registry
