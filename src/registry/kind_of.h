#pragma once

// Declares a kind of resource from a described struct. Include it in the one .cpp of the kind, nowhere else:
//
//     // light.h                                      // light.cpp
//     struct LightSpec {                              BOOST_DESCRIBE_STRUCT(LightSpec, (), (color, watts))
//         Color color = Color::red;                   std::vector<Fact> facts_of(const LightSpec*) {
//         std::optional<double> watts;                    return {{.field = "color", .title_zh = "颜色", .title_en =
//         "Color"},
//     };                                                          {.field = "watts", .title_zh = "功率", .title_en =
//     "Power", Kind light_kind();                                           .unit = "W", .min = 0}};
//                                                     }
//                                                     Kind light_kind() { return make_kind<LightSpec>({.name = "light",
//                                                     …}); } template Result<LightSpec> spec_of<LightSpec>(const
//                                                     Resource&);
//
// Fields: bool, integers, double, std::string, described enums (BOOST_DESCRIBE_ENUM; an underscore at the end or before
// a digit is dropped), described structs, std::optional, std::vector and std::map<std::string, …> of these, Json
// (anything). The default of a field is what the struct's initialiser says. A missing optional is absent, null means
// absent. facts_of() must stand in the namespace of the struct and be declared before make_kind() is used. The explicit
// instantiation stands outside of any other namespace (`template gongshu::Result<…> gongshu::registry::spec_of<…>(…);`
// at the end of the file).

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <limits>
#include <map>
#include <type_traits>

#include "base/assert.h"
#include "registry/registry.h"
#include "registry/shape.h"

namespace gongshu::registry {

namespace detail {

template <class T>
concept Described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsList : std::false_type {};
template <class T>
struct IsList<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

inline std::string_view enumerator_word(std::string_view name) {
    if (name.size() > 1 && name[0] == '_' && name[1] >= '0' && name[1] <= '9') name.remove_prefix(1);
    return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace detail

// A value as canonical JSON; absent optionals are left out of objects.
template <class T>
Json to_json(const T& value) {
    if constexpr (std::is_same_v<T, Json>) {
        return value;
    } else if constexpr (std::is_same_v<T, bool>) {
        return Json(value);
    } else if constexpr (std::is_floating_point_v<T>) {
        return canonical_number(value);
    } else if constexpr (std::is_unsigned_v<T>) {
        return Json(static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_integral_v<T>) {
        return Json(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_same_v<T, std::string>) {
        return Json(std::string_view(value));
    } else if constexpr (std::is_enum_v<T>) {
        return Json(detail::enumerator_word(boost::describe::enum_to_string(value, "")));
    } else if constexpr (detail::IsOptional<T>::value) {
        return value ? to_json(*value) : Json(nullptr);
    } else if constexpr (detail::IsList<T>::value) {
        JsonArray array;
        for (const auto& item : value) array.push_back(to_json(item));
        return Json(std::move(array));
    } else if constexpr (detail::IsMap<T>::value) {
        JsonObject object;
        for (const auto& [key, item] : value) object[key] = to_json(item);
        return Json(std::move(object));
    } else {
        static_assert(detail::Described<T>, "describe the struct with BOOST_DESCRIBE_STRUCT");
        JsonObject object;
        boost::mp11::mp_for_each<detail::MembersOf<T>>([&](auto member) {
            Json field = to_json(value.*member.pointer);
            if (!field.is_null()) object[member.name] = std::move(field);
        });
        return Json(std::move(object));
    }
}

namespace detail {

// From canonical JSON, so there is nothing left that can be wrong.
template <class T>
void from_canonical(const Json& json, T& into) {
    if constexpr (std::is_same_v<T, Json>) {
        into = json;
    } else if constexpr (std::is_same_v<T, bool>) {
        into = json.as_bool();
    } else if constexpr (std::is_arithmetic_v<T>) {
        into = json.to_number<T>();
    } else if constexpr (std::is_same_v<T, std::string>) {
        // A sealed field that is set reads as {"secret":true}.
        if (json.is_string()) into.assign(json.get_string().data(), json.get_string().size());
    } else if constexpr (std::is_enum_v<T>) {
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto item) {
            if (enumerator_word(item.name) == std::string_view(json.as_string())) into = item.value;
        });
    } else if constexpr (IsOptional<T>::value) {
        if (json.is_null()) {
            into.reset();
        } else {
            into.emplace();
            from_canonical(json, *into);
        }
    } else if constexpr (IsList<T>::value) {
        into.clear();
        for (const Json& item : json.as_array()) from_canonical(item, into.emplace_back());
    } else if constexpr (IsMap<T>::value) {
        into.clear();
        for (const auto& item : json.as_object()) from_canonical(item.value(), into[std::string(item.key())]);
    } else {
        const JsonObject& object = json.as_object();
        boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
            if (const Json* field = object.if_contains(member.name)) from_canonical(*field, into.*member.pointer);
        });
    }
}

template <class T>
Shape shape_of() {
    Shape shape;
    if constexpr (std::is_same_v<T, Json>) {
        shape.type = Shape::Type::any;
    } else if constexpr (std::is_same_v<T, bool>) {
        shape.type = Shape::Type::boolean;
    } else if constexpr (std::is_integral_v<T>) {
        shape.type = Shape::Type::integer;
        shape.integer_min = static_cast<std::int64_t>(std::numeric_limits<T>::min());
        shape.integer_max = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    } else if constexpr (std::is_floating_point_v<T>) {
        shape.type = Shape::Type::number;
    } else if constexpr (std::is_same_v<T, std::string>) {
        shape.type = Shape::Type::text;
    } else if constexpr (std::is_enum_v<T>) {
        shape.type = Shape::Type::choice;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
            [&](auto item) { shape.choices.emplace_back(enumerator_word(item.name)); });
    } else if constexpr (IsOptional<T>::value) {
        shape = shape_of<typename T::value_type>();
        shape.optional = true;
    } else if constexpr (IsList<T>::value) {
        shape.type = Shape::Type::list;
        shape.element = std::make_shared<const Shape>(shape_of<typename T::value_type>());
    } else if constexpr (IsMap<T>::value) {
        shape.type = Shape::Type::map;
        shape.element = std::make_shared<const Shape>(shape_of<typename T::mapped_type>());
    } else {
        static_assert(Described<T>, "describe the struct with BOOST_DESCRIBE_STRUCT");
        shape.type = Shape::Type::object;
        const T fallback{};
        boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
            using Member = std::remove_cvref_t<decltype(fallback.*member.pointer)>;
            shape.fields.push_back(Field{{.field = member.name},
                                         std::make_shared<const Shape>(shape_of<Member>()),
                                         to_json(fallback.*member.pointer)});
        });
        set_facts(shape, facts_of(static_cast<const T*>(nullptr)));
    }
    return shape;
}

}  // namespace detail

// What a kind is apart from its fields.
struct KindFacts {
    std::string name, plural;
    KindClass kind_class = KindClass::config;
    std::string title_zh, title_en, about_zh, about_en;
    bool of_system = false;
    Role read_role = Role::viewer;
    Role write_role = Role::engineer;
    bool path_names = false;
    int schema_version = 1;
};

// Checks that facts of single fields cannot say; both may be empty. Their errors begin with the path of the field.
template <class Spec>
struct Checks {
    std::function<Result<void>(const Spec&)> alone;
    std::function<Result<void>(const ResourceReader&, TenantId, std::string_view name, const Spec&)> among;
};

template <class Spec>
Kind make_kind(KindFacts facts, Checks<Spec> checks = {}) {
    const auto shape = std::make_shared<const Shape>(detail::shape_of<Spec>());
    Kind kind;
    kind.name = std::move(facts.name);
    kind.plural = std::move(facts.plural);
    kind.kind_class = facts.kind_class;
    kind.title_zh = std::move(facts.title_zh);
    kind.title_en = std::move(facts.title_en);
    kind.about_zh = std::move(facts.about_zh);
    kind.about_en = std::move(facts.about_en);
    kind.of_system = facts.of_system;
    kind.read_role = facts.read_role;
    kind.write_role = facts.write_role;
    kind.path_names = facts.path_names;
    kind.schema_version = facts.schema_version;
    finish_kind(kind, shape);  // schema, references, secret fields
    kind.normalize = [shape, alone = std::move(checks.alone)](const Json& spec) -> Result<Json> {
        Json canonical = TRY(normalize(*shape, spec));
        if (alone) {
            Spec typed;
            detail::from_canonical(canonical, typed);
            TRY(alone(typed));
        }
        return canonical;
    };
    if (checks.among) {
        kind.check = [among = std::move(checks.among)](const ResourceReader& reader, TenantId tenant,
                                                       std::string_view name, const Json& spec) {
            Spec typed;
            detail::from_canonical(spec, typed);
            return among(reader, tenant, name, typed);
        };
    }
    return kind;
}

template <class Spec>
Result<Spec> spec_of(const Resource& resource) {
    Spec spec;
    try {
        detail::from_canonical(resource.spec, spec);
    } catch (const std::exception& error) {
        return Error{Code::corrupt, "{} {}: stored spec does not follow its kind: {}", resource.kind, resource.name,
                     error.what()};
    }
    return spec;
}

}  // namespace gongshu::registry
