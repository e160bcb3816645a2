#include "api/handlers.h"
#include "importer/history_target.h"
#include "registry/units.h"

namespace gongshu::api {

// {"tags":[{"tag","type","unit"}]}: so that readings that are imported afterwards find tags of the right type and unit.
Result<Answer> post_import_tags(Core& core, const Ask& ask) {
    Fields body = TRY(Fields::parse(ask.http.body));
    const Json* const tags = body.find("tags");
    if (tags == nullptr || !tags->is_array())
        return Error{Code::invalid, "tags: expected a list of {{\"tag\",\"type\",\"unit\"}}"};
    TRY(body.done());
    std::size_t index = 0;
    for (const Json& one : tags->get_array()) {
        const std::string place = fmt::format("tags[{}]", index++);
        const auto text = [&](const char* name) -> std::string {
            const Json* found = one.is_object() ? one.get_object().if_contains(name) : nullptr;
            return found != nullptr && found->is_string() ? std::string(std::string_view(found->get_string()))
                                                          : std::string{};
        };
        const std::string path = text("tag");
        const std::string unit = text("unit");
        if (!unit.empty()) TRY(registry::check_unit_text(unit).context("{}.unit", place));
        const auto type = parse_value_type(text("type"));
        if (path.empty()) return Error{Code::invalid, "{}.tag: is missing", place};
        if (!type) return Error{Code::invalid, "{}.type: must be number, integer, boolean or text", place};
        if (!sees(ask.who, path)) return Error{Code::denied, "{} may not write {}", ask.who.actor.who, path};
        TRY(importer::resolve_tag(core.deps.tags, core.deps.registry, ask.tenant(), path, *type, unit)
                .context("{}", place));
    }
    core.deps.registry.audit(ask.who.actor, "import", "tags", "", fmt::format("{{\"tags\":{}}}", index), true);
    std::string answer;
    JsonWriter{answer}.begin_object().key("tags").integer(static_cast<std::int64_t>(index)).end_object();
    return json_answer(std::move(answer));
}

}  // namespace gongshu::api
