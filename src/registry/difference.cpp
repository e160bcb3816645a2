#include "registry/difference.h"

#include <algorithm>
#include <boost/json.hpp>

#include "registry/shape.h"

namespace gongshu::registry {

namespace {

constexpr std::size_t kDifferencesMax = 1'000;

std::string_view key_of(const boost::json::key_value_pair& item) { return {item.key().data(), item.key().size()}; }

void compare(const Json* before, const Json* after, const std::string& path, std::vector<Difference>& out) {
    if (out.size() > kDifferencesMax || (before && after && *before == *after)) return;
    const JsonObject* a = before ? before->if_object() : nullptr;
    const JsonObject* b = after ? after->if_object() : nullptr;
    if (a && b) {
        for (const auto& item : *a)
            compare(&item.value(), b->if_contains(item.key()), join_path(path, key_of(item)), out);
        for (const auto& item : *b) {
            if (!a->contains(item.key())) compare(nullptr, &item.value(), join_path(path, key_of(item)), out);
        }
        return;
    }
    const JsonArray* left = before ? before->if_array() : nullptr;
    const JsonArray* right = after ? after->if_array() : nullptr;
    if (left && right) {
        for (std::size_t i = 0; i < std::max(left->size(), right->size()); ++i) {
            compare(left->if_contains(i), right->if_contains(i), join_path(path, i), out);
        }
        return;
    }
    out.push_back({path, before ? *before : Json(nullptr), after ? *after : Json(nullptr)});
}

}  // namespace

std::vector<Difference> differences(const Json& before, const Json& after) {
    std::vector<Difference> out;
    compare(&before, &after, "", out);
    if (out.size() > kDifferencesMax) {
        out.resize(kDifferencesMax);
        out.back() = {"…", Json(nullptr), Json(nullptr)};
    }
    return out;
}

Json merge_patch(const Json& target, const Json& patch) {
    const JsonObject* changes = patch.if_object();
    if (!changes) return patch;
    JsonObject out = target.is_object() ? target.get_object() : JsonObject{};
    for (const auto& item : *changes) {
        if (item.value().is_null()) {
            out.erase(item.key());
        } else {
            const Json* old = out.if_contains(item.key());
            out[item.key()] = merge_patch(old ? *old : Json(nullptr), item.value());
        }
    }
    return Json(std::move(out));
}

Json to_json(const Difference& difference) {
    return {{"path", difference.path}, {"before", difference.before}, {"after", difference.after}};
}

Json to_json(const std::vector<Difference>& differences) {
    JsonArray out;
    for (const Difference& difference : differences) out.push_back(to_json(difference));
    return Json(std::move(out));
}

}  // namespace gongshu::registry
