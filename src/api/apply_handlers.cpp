#include <algorithm>

#include "api/handlers.h"
#include "api/sight.h"
#include "registry/yaml.h"

namespace gongshu::api {

namespace {

// Each document needs the right that a PUT of it would need.
Result<void> check_wish(Core& core, const Ask& ask, const registry::YamlDocument& document) {
    const registry::Kind* const kind = core.deps.registry.kind(document.wanted.kind);
    if (kind == nullptr) return {};  // apply() names it with the others
    if (ask.who.actor.role < kind->write_role) {
        return Error{Code::denied,
                     "line {}: a {} needs the role {}; {} is {}",
                     document.line,
                     kind->name,
                     to_string(kind->write_role),
                     ask.who.actor.who,
                     to_string(ask.who.actor.role)};
    }
    if (kind->of_system && ask.who.actor.tenant_name != "default") {
        return Error{Code::denied, "line {}: a {} belongs to the whole system: only the tenant default may change it",
                     document.line, kind->name};
    }
    return {};
}

// The same as each document's PUT would be held to; they may name each other.
Result<void> check_places(Core& core, const Ask& ask, const std::vector<registry::YamlDocument>& documents) {
    Sight sight{core, ask.who};
    const auto free = [&](const registry::YamlDocument& document) {
        const registry::Kind* const kind = core.deps.registry.kind(document.wanted.kind);
        return kind == nullptr || !sight.limited(kind->name);
    };
    if (std::ranges::all_of(documents, free)) return {};
    struct Wish {
        const registry::Kind* kind;
        const registry::YamlDocument* document;
        Json spec;
    };
    std::vector<Wish> wishes;
    for (const registry::YamlDocument& document : documents) {
        const registry::Kind* const kind = core.deps.registry.kind(document.wanted.kind);
        auto spec = kind == nullptr ? Result<Json>{Json{}} : kind->normalize(document.wanted.spec);
        if (kind == nullptr || !spec) continue;  // apply() tells what is wrong, and stores nothing
        sight.add_coming(*kind, document.wanted.name, *spec);
        wishes.push_back({kind, &document, std::move(*spec)});
    }
    for (const Wish& wish : wishes) {
        const std::string& name = wish.document->wanted.name;
        TRY(sight.check_stored(*wish.kind, name).context("line {}", wish.document->line));
        TRY(sight.check_wish(*wish.kind, name, wish.spec).context("line {}", wish.document->line));
    }
    return {};
}

std::string_view word_of(const registry::Applied& applied) {
    if (!applied.change) return "failed";
    switch (applied.change->what) {
        case registry::Change::What::created:
            return "created";
        case registry::Change::What::updated:
            return "updated";
        case registry::Change::What::deleted:
            return "deleted";
        case registry::Change::What::unchanged:
            break;
    }
    return "unchanged";
}

void write_applied(JsonWriter& out, const Ask& ask, const registry::Applied& applied) {
    out.begin_object().key("kind").text(applied.kind).key("name").text(applied.name).key("what").text(word_of(applied));
    if (!applied.change) {
        out.key("error").text(told(ask, applied.change.error().text()));
    } else {
        out.key("differences").begin_array();
        for (const auto& difference : applied.change->differences) {
            out.begin_object().key("path").text(difference.path);
            out.key("before").raw(registry::to_text(difference.before));
            out.key("after").raw(registry::to_text(difference.after)).end_object();
        }
        out.end_array();
    }
    out.key("stored").boolean(applied.stored).end_object();
}

}  // namespace

Result<Answer> post_apply(Core& core, const Ask& ask) {
    auto documents = TRY(registry::parse_resources(ask.http.body));
    for (const registry::YamlDocument& document : documents) TRY(check_wish(core, ask, document));
    TRY(check_places(core, ask, documents));
    std::vector<registry::Wanted> wishes;
    for (registry::YamlDocument& document : documents) wishes.push_back(std::move(document.wanted));
    const bool dry_run = parse_flag(ask, "dry_run");
    const auto applied =
        core.deps.registry.apply(ask.who.actor, std::move(wishes), {.dry_run = dry_run, .all_or_nothing = true});
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("applied").begin_array();
    for (const registry::Applied& one : applied) write_applied(out, ask, one);
    out.end_array().key("report").text(registry::to_report(applied, dry_run)).end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_export(Core& core, const Ask& ask) {
    if (!ask.who.paths.empty()) {
        return Error{Code::denied, "an export holds everything of the tenant; {} sees only some places",
                     ask.who.actor.who};
    }
    Answer answer = json_answer(registry::export_yaml(core.deps.registry, ask.tenant()));
    TRY(let_out(core, ask, "export", "all resources", 0, answer.body.size()));
    answer.door = "export";
    answer.media_type = "application/yaml";
    answer.headers.push_back({"content-disposition", "attachment; filename=\"gongshu.yaml\""});
    return answer;
}

}  // namespace gongshu::api
