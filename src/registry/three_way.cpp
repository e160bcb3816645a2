#include "registry/three_way.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "registry/shape.h"

namespace gongshu::registry {

namespace {

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }
std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

// The name of an item of a list, "" if it has none.
std::string_view name_of(const Json& item) {
    const Json* const name = item.is_object() ? item.get_object().if_contains("name") : nullptr;
    return name && name->is_string() ? view(name->get_string()) : std::string_view{};
}

// Every item is an object with a name of its own.
bool is_named(const JsonArray& list) {
    std::vector<std::string_view> names;
    for (const Json& item : list) {
        const std::string_view name = name_of(item);
        if (name.empty() || std::ranges::find(names, name) != names.end()) return false;
        names.push_back(name);
    }
    return true;
}

const Json* item_of(const Json& list, std::string_view name) {
    if (!list.is_array()) return nullptr;
    const auto found = std::ranges::find(list.get_array(), name, name_of);
    return found == list.get_array().end() ? nullptr : &*found;
}

const Json kNothing(nullptr);

const Json& or_nothing(const Json* value) { return value ? *value : kNothing; }

const Json& member(const Json& object, std::string_view name) {
    return or_nothing(object.is_object() ? object.get_object().if_contains(name) : nullptr);
}

class Merger {
public:
    Json merge(const Json& base, const Json& current, const Json& next, const std::string& path) {
        if (current == next || current == base) return next;
        if (current.is_object() && next.is_object()) return merge_objects(base, current, next, path);
        const bool lists = current.is_array() && next.is_array() && is_named(current.get_array()) &&
                           is_named(next.get_array()) && (base.is_null() || base.is_array());
        if (lists) return merge_lists(base, current, next, path);
        kept.push_back({path, current, next});
        return current;
    }

    std::vector<Difference> kept;

private:
    Json merge_objects(const Json& base, const Json& current, const Json& next, const std::string& path) {
        JsonObject out;
        const auto take = [&](std::string_view name) {
            Json value = merge(member(base, name), member(current, name), member(next, name), join_path(path, name));
            if (!value.is_null()) out[name] = std::move(value);
        };
        for (const auto& item : current.get_object()) take(view(item.key()));
        for (const auto& item : next.get_object())
            if (!current.get_object().contains(item.key())) take(view(item.key()));
        return Json(std::move(out));
    }

    Json merge_lists(const Json& base, const Json& current, const Json& next, const std::string& path) {
        JsonArray out;
        const auto take = [&](std::string_view name) {
            Json value = merge(or_nothing(item_of(base, name)), or_nothing(item_of(current, name)),
                               or_nothing(item_of(next, name)), fmt::format("{}[{}]", path, name));
            if (!value.is_null()) out.push_back(std::move(value));
        };
        for (const Json& item : current.get_array()) take(name_of(item));
        for (const Json& item : next.get_array())
            if (!item_of(current, name_of(item))) take(name_of(item));
        return Json(std::move(out));
    }
};

}  // namespace

Merged merge_three(const Json& base, const Json& current, const Json& next) {
    Merger merger;
    Merged merged;
    merged.spec = merger.merge(base, current, next, "");
    merged.kept = std::move(merger.kept);
    return merged;
}

}  // namespace gongshu::registry
