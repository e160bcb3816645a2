#include "package/steps.h"

#include <algorithm>

#include "registry/difference.h"
#include "registry/three_way.h"

namespace gongshu::package {
namespace {

using registry::BulkWish;
using registry::Difference;
using What = Step::What;

BulkWish put(const Subject& of, Json spec) {
    return {BulkWish::What::put, of.kind->name, of.name, std::move(spec), {}, of.current ? of.current->revision : 0};
}

InstalledResource listed(const Subject& of, bool made) { return {of.kind->name, of.name, made}; }

// The secrets that are set stay: a package brings none.
Json with_secrets(const Subject& of, Json spec) {
    if (!of.current || !of.current->spec.is_object() || !spec.is_object()) return spec;
    for (const std::string& field : of.kind->secret_fields)
        if (const Json* const set = of.current->spec.get_object().if_contains(field)) spec.get_object()[field] = *set;
    return spec;
}

Outcome to_spec(const Subject& of, Outcome out, Json spec, bool made) {
    out.step.differences = registry::differences(of.current->spec, spec);
    if (out.step.differences.empty()) {
        out.step.what = out.step.kept.empty() ? What::unchanged : What::keep;
    } else {
        out.step.what = What::change;
        out.wish = put(of, std::move(spec));
    }
    out.stays = listed(of, made);
    return out;
}

Outcome missing(const Subject& of, Outcome out, OnConflict on_conflict) {
    if (of.installed == nullptr || of.base == nullptr || on_conflict == OnConflict::take) {
        out.step.what = What::create;
        out.step.differences = registry::differences(Json(nullptr), *of.next);
        out.wish = put(of, *of.next);
        out.stays = listed(of, true);
        return out;
    }
    out.stays = *of.installed;
    out.step.what = on_conflict == OnConflict::keep ? What::leave : What::conflict;
    out.step.why = on_conflict == OnConflict::keep ? "somebody deleted it; it stays so"
                                                   : "somebody deleted it since it was installed";
    return out;
}

Outcome there_before(const Subject& of, Outcome out, OnConflict on_conflict) {
    out.stays = listed(of, false);
    const Json wanted = with_secrets(of, *of.next);
    const auto differences = registry::differences(of.current->spec, wanted);
    if (differences.empty()) {
        out.step.what = What::adopt;
        out.step.why = "it is there already, as the package has it";
        return out;
    }
    out.step.kept = differences;
    switch (on_conflict) {
        case OnConflict::refuse:
            out.step.what = What::conflict;
            out.step.why = of.other_package.empty() ? "it was there before and is different"
                                                    : "it belongs to another package and is different";
            return out;
        case OnConflict::keep:
            out.step.what = What::adopt;
            out.step.why = "it was there before and stays as it is";
            return out;
        case OnConflict::take:
            break;
    }
    out.step.kept.clear();
    return to_spec(of, std::move(out), wanted, false);
}

Outcome three_way(const Subject& of, Outcome out, OnConflict on_conflict) {
    const Json& current = of.current->spec;
    auto theirs = registry::merge_three(*of.base, current, *of.next);
    auto ours = registry::merge_three(*of.base, *of.next, current);
    // What both changed, and differently.
    std::vector<Difference> both;
    for (const Difference& one : theirs.kept)
        if (std::ranges::find(ours.kept, one.path, &Difference::path) != ours.kept.end()) both.push_back(one);
    if (!both.empty() && on_conflict == OnConflict::refuse) {
        out.step.what = What::conflict;
        out.step.why = "somebody changed it since it was installed, and the package changes the same";
        out.step.kept = std::move(both);
        out.stays = *of.installed;
        return out;
    }
    const bool take = on_conflict == OnConflict::take;
    for (const Difference& one : theirs.kept)
        if (!take || std::ranges::find(both, one.path, &Difference::path) == both.end()) out.step.kept.push_back(one);
    if (!out.step.kept.empty()) out.step.why = "what somebody changed by hand stays";
    return to_spec(of, std::move(out), take ? std::move(ours.spec) : std::move(theirs.spec), of.installed->made);
}

Outcome going(const Subject& of, Outcome out, OnConflict on_conflict) {
    out.step.what = What::leave;
    if (!of.current) {
        out.step.why = "it is gone already";
        return out;
    }
    if (!of.other_package.empty()) {
        out.step.why = "another package has it too";
        return out;
    }
    if (!of.installed->made) {
        out.step.why = "it was there before the package";
        return out;
    }
    const auto changed = of.base == nullptr ? std::vector<Difference>{}
                                            : registry::differences(with_secrets(of, *of.base), of.current->spec);
    if (!changed.empty() && on_conflict != OnConflict::take) {
        out.step.kept = changed;
        if (on_conflict == OnConflict::keep) {
            out.step.why = "somebody changed it; it stays, and is no longer of the package";
            return out;
        }
        out.step.what = What::conflict;
        out.step.why = "somebody changed it since it was installed, which would be lost";
        out.stays = *of.installed;
        return out;
    }
    out.step.what = What::remove;
    out.wish = BulkWish{BulkWish::What::remove, of.kind->name, of.name, {}, {}, of.current->revision};
    return out;
}

}  // namespace

std::string_view to_string(Step::What what) {
    constexpr std::string_view kWords[] = {"create", "change", "adopt",     "keep",
                                           "remove", "leave",  "unchanged", "conflict"};
    return kWords[static_cast<std::size_t>(what)];
}

Outcome outcome_of(const Subject& of, OnConflict on_conflict) {
    Outcome out{.step = {.kind = of.kind->name, .name = of.name}};
    if (of.next == nullptr) return going(of, std::move(out), on_conflict);
    if (!of.current) return missing(of, std::move(out), on_conflict);
    if (of.installed == nullptr || of.base == nullptr) return there_before(of, std::move(out), on_conflict);
    return three_way(of, std::move(out), on_conflict);
}

}  // namespace gongshu::package
