#include <algorithm>
#include <charconv>

#include "api/handlers.h"
#include "api/sight.h"
#include "registry/audit_ledger.h"
#include "registry/difference.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kAuditMax = 10'000;

std::string_view name_of(registry::KindClass kind_class) {
    switch (kind_class) {
        case registry::KindClass::config:
            return "config";
        case registry::KindClass::case_:
            return "case";
        case registry::KindClass::fact:
            return "fact";
    }
    return "";
}

std::string_view name_of(registry::Change::What what) {
    switch (what) {
        case registry::Change::What::created:
            return "created";
        case registry::Change::What::updated:
            return "updated";
        case registry::Change::What::deleted:
            return "deleted";
        case registry::Change::What::unchanged:
            return "unchanged";
    }
    return "";
}

// What the caller sees under that name. To who is limited nothing is told about names that are near.
Result<registry::Resource> get_seen(Core& core, const Ask& ask, std::string_view name) {
    Sight sight{core, ask.who};
    if (!sight.limited(core.deps.registry.kind(ask.names.at(0))->name))
        return core.deps.registry.get(ask.tenant(), ask.names.at(0), name);
    const auto found = core.deps.registry.find(ask.tenant(), ask.names.at(0), name);
    if (found && sight.sees(*found)) return *found;
    return Error{Code::not_found, "there is no {} \"{}\"", core.deps.registry.kind(ask.names[0])->name,
                 name.substr(0, 200)};
}

// The present resource may be changed by who asks, and may become `spec`. Puts the revision that was looked at into
// `if_match`, so that what was allowed is what happens.
Result<void> check_put(Core& core, const Ask& ask, const Json& spec, bool is_patch,
                       std::optional<std::uint64_t>& if_match) {
    Sight sight{core, ask.who};
    const registry::Kind& kind = *core.deps.registry.kind(ask.names.at(0));
    if (!sight.limited(kind.name)) return {};
    const auto present = core.deps.registry.find(ask.tenant(), kind.name, ask.names.at(1));
    TRY(sight.check_stored(kind, ask.names[1]));
    if (is_patch && !present) return {};  // the registry says that there is nothing to patch
    const auto canonical = kind.normalize(is_patch ? registry::merge_patch(present->spec, spec) : spec);
    if (!canonical) return {};  // the registry says what is wrong with it
    if (!if_match) if_match = present ? present->revision : 0;
    return sight.check_wish(kind, ask.names[1], *canonical);
}

// The header If-Match: "3", 3 or * (any).
Result<std::optional<std::uint64_t>> parse_if_match(const Ask& ask) {
    std::string_view text = ask.http.header("if-match");
    if (text.empty() || text == "*") return std::optional<std::uint64_t>{};
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    std::uint64_t revision = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
    if (error != std::errc{} || end != text.data() + text.size())
        return Error{Code::invalid, "If-Match: expected a revision as in \"3\""};
    return std::optional<std::uint64_t>{revision};
}

// RFC 9110 §13.1.1: a precondition that fails is 412, whatever else a conflict is.
// What is stored all the same: a rule may come before the first reading of its tags.
void write_warnings(JsonWriter& out, Core& core, const Ask& ask, const registry::Change& change) {
    if (change.resource.kind != "rule" || change.what == registry::Change::What::deleted) return;
    const auto unseen = flow::never_seen(core.deps.registry, core.deps.tags, ask.tenant(), change.resource.spec);
    if (!unseen || unseen->empty()) return;
    out.key("warnings").begin_array();
    for (const std::string& tag : *unseen) {
        out.begin_object().key("tag").text(tag);
        out.key("text").text(fmt::format("{} has never been seen: the rule waits for it; is the name right?", tag));
        out.key("text_zh").text(fmt::format("点位 {} 从未出现过：规则会等待它；核对名称是否正确", tag)).end_object();
    }
    out.end_array();
}

Result<Answer> render_change(Core& core, const Ask& ask, Result<registry::Change> change, bool had_condition) {
    if (!change && had_condition &&
        (change.error().code() == Code::conflict || change.error().code() == Code::exists)) {
        return problem(core, change.error(), {.status = 412, .language = language_of(ask)});
    }
    if (!change) return std::move(change).error();
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("what").text(name_of(change->what)).key("resource");
    write_resource(out, change->resource, units);
    out.key("differences").begin_array();
    for (const auto& difference : change->differences) {
        out.begin_object().key("path").text(difference.path);
        out.key("before")
            .raw(registry::to_text(difference.before))
            .key("after")
            .raw(registry::to_text(difference.after))
            .end_object();
    }
    out.end_array();
    write_warnings(out, core, ask, *change);
    out.end_object();
    Answer answer = json_answer(std::move(body), 200);
    answer.headers.push_back({"etag", fmt::format("\"{}\"", change->resource.revision)});
    return answer;
}

// An error about a field of the spec names it from the body's root.
Error of_spec(Error error) {
    if (error.code() != Code::invalid || error.text().empty()) return error;
    const std::string_view text = error.text();
    const std::size_t end = text.find(": ");
    const bool place =
        end != std::string_view::npos && end > 0 && text.substr(0, end).find_first_of(" \"'") == std::string_view::npos;
    if (!place || text.starts_with("name:") || text.starts_with("spec.") || text.starts_with("spec:") ||
        text.starts_with("body"))
        return error;
    return Error{Code::invalid, "spec.{}", text};
}

template <class T>
Result<T> of_spec(Result<T> result) {
    if (!result) return of_spec(std::move(result).error());
    return result;
}

}  // namespace

void write_resource(JsonWriter& out, const registry::Resource& resource, Units units) {
    out.begin_object();
    out.key("kind").text(resource.kind).key("name").text(resource.name).key("uid").text(resource.uid);
    out.key("revision").integer(static_cast<std::int64_t>(resource.revision));
    out.key("created").integer(units.time(resource.created)).key("updated").integer(units.time(resource.updated));
    out.key("by").text(resource.by).key("spec").raw(registry::to_text(resource.spec));
    out.end_object();
}

Result<Answer> get_kinds(Core& core, const Ask&) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("kinds").begin_array();
    for (const registry::Kind* kind : core.deps.registry.kinds()) {
        out.begin_object()
            .key("name")
            .text(kind->name)
            .key("plural")
            .text(kind->plural)
            .key("class")
            .text(name_of(kind->kind_class));
        out.key("title").begin_object().key("zh").text(kind->title_zh).key("en").text(kind->title_en).end_object();
        out.key("about").begin_object().key("zh").text(kind->about_zh).key("en").text(kind->about_en).end_object();
        out.key("read_role").text(to_string(kind->read_role)).key("write_role").text(to_string(kind->write_role));
        out.key("path_names").boolean(kind->path_names);
        out.key("schema").raw(registry::to_text(kind->schema)).end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> list_resources(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const registry::Kind* const kind = core.deps.registry.kind(ask.names.at(0));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    Sight sight{core, ask.who};
    for (const auto& resource : core.deps.registry.list_shared(ask.tenant(), kind->name)) {
        if (sight.sees(*resource)) write_resource(out, *resource, units);
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_resource(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const auto resource = TRY(get_seen(core, ask, ask.names.at(1)));
    std::string body;
    JsonWriter out{body};
    write_resource(out, resource, units);
    Answer answer = json_answer(std::move(body));
    answer.etag = fmt::format("\"{}\"", resource.revision);
    return answer;
}

Result<Answer> put_resource(Core& core, const Ask& ask) {
    auto if_match = TRY(parse_if_match(ask));
    const bool had_condition = if_match.has_value();
    auto fields = TRY(Fields::parse(ask.http.body));
    const Json* const spec = fields.find("spec");
    if (spec == nullptr) return Error{Code::invalid, "spec: is missing; expected an object"};
    // What a GET gave may be sent back as it is.
    for (const std::string_view known : {"kind", "name", "uid", "revision", "created", "updated", "by"})
        fields.find(known);
    TRY(fields.done());
    TRY(of_spec(check_put(core, ask, *spec, false, if_match)));
    const registry::PutOptions options{if_match, parse_flag(ask, "dry_run")};
    auto change = of_spec(core.deps.registry.put(ask.who.actor, ask.names[0], ask.names[1], *spec, options));
    return render_change(core, ask, std::move(change), had_condition);
}

Result<Answer> patch_resource(Core& core, const Ask& ask) {
    auto if_match = TRY(parse_if_match(ask));
    const bool had_condition = if_match.has_value();
    const Json patch = TRY(registry::parse_json(ask.http.body).context("body"));
    if (!patch.is_object())
        return Error{Code::invalid, "body: expected a JSON object, the members of the spec to change"};
    TRY(of_spec(check_put(core, ask, patch, true, if_match)));
    const registry::PutOptions options{if_match, parse_flag(ask, "dry_run")};
    auto change = of_spec(core.deps.registry.patch(ask.who.actor, ask.names[0], ask.names[1], patch, options));
    return render_change(core, ask, std::move(change), had_condition);
}

Result<Answer> delete_resource(Core& core, const Ask& ask) {
    const auto if_match = TRY(parse_if_match(ask));
    Sight sight{core, ask.who};
    TRY(sight.check_stored(*core.deps.registry.kind(ask.names.at(0)), ask.names.at(1)));
    if (core.deps.registry.kind(ask.names[0])->name == "package")
        return Error{Code::conflict, "a package is uninstalled, so that what it made goes with it"};
    auto change =
        core.deps.registry.remove(ask.who.actor, ask.names[0], ask.names[1], {if_match, parse_flag(ask, "dry_run")});
    if (!change && sight.limited() && !if_match && change.error().code() == Code::conflict) {
        // The registry names who needs it, which may lie outside.
        return Error{
            Code::conflict, "{} \"{}\" is still needed by other resources, some of which may lie outside of {}",
            core.deps.registry.kind(ask.names[0])->name, ask.names[1].substr(0, 200), fmt::join(ask.who.paths, ", ")};
    }
    if (!change) return render_change(core, ask, std::move(change), if_match.has_value());
    return no_content();
}

namespace {

// The revisions of something that the caller sees now, or of something deleted, of which each one is looked at.
Result<std::vector<registry::Revision>> seen_revisions(Core& core, const Ask& ask, Sight& sight,
                                                       const registry::Kind& kind) {
    TRY(sight.check_seen(kind, ask.names.at(1)));
    auto revisions = core.deps.registry.revisions(ask.who.actor, kind.name, ask.names[1]);
    if (revisions || !sight.limited(kind.name)) return revisions;
    return Error{revisions.error().code(), "there is no {} \"{}\"", kind.name, ask.names[1].substr(0, 200)};
}

}  // namespace

Result<Answer> get_revisions(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    Sight sight{core, ask.who};
    const registry::Kind& kind = *core.deps.registry.kind(ask.names.at(0));
    auto revisions = TRY(seen_revisions(core, ask, sight, kind));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("revisions").begin_array();
    for (const auto& revision : revisions) {
        if (sight.limited(kind.name) && !revision.spec.is_null() && !sight.sees(kind.name, ask.names[1], revision.spec))
            continue;
        out.begin_object().key("revision").integer(static_cast<std::int64_t>(revision.revision));
        out.key("time").integer(units.time(revision.time)).key("by").text(revision.by).key("what").text(revision.what);
        out.key("spec").raw(registry::to_text(revision.spec)).end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> rollback_resource(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::uint64_t revision = TRY(fields.number("revision"));
    TRY(fields.done());
    const registry::Kind& kind = *core.deps.registry.kind(ask.names.at(0));
    if (Sight sight{core, ask.who}; sight.limited(kind.name)) {
        for (const auto& past : TRY(seen_revisions(core, ask, sight, kind))) {
            if (past.revision == revision && !past.spec.is_null())
                TRY(sight.check_wish(kind, ask.names.at(1), past.spec));
        }
    }
    return render_change(core, ask, core.deps.registry.rollback(ask.who.actor, ask.names[0], ask.names[1], revision),
                         false);
}

Result<Answer> rename_resource(Core& core, const Ask& ask) {
    Sight sight{core, ask.who};
    const registry::Kind& kind = *core.deps.registry.kind(ask.names.at(0));
    TRY(sight.check_stored(kind, ask.names.at(1)));
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string name = TRY(fields.text("name"));
    TRY(fields.done());
    // The name of a virtual tag of a device is a property beneath it, and no place.
    const auto stored = core.deps.registry.find(ask.tenant(), kind.name, ask.names.at(1));
    const auto is_set = [&](const char* field) {
        const Json* const found = stored->spec.is_object() ? stored->spec.get_object().if_contains(field) : nullptr;
        return found != nullptr && !found->is_null();
    };
    const bool is_place =
        kind.path_names && !(kind.name == "virtual_tag" && stored && (is_set("device") || is_set("device_type")));
    if (is_place && !sees(ask.who, name)) {
        return Error{Code::denied, "name: {} may not move it to \"{}\", outside of {}", ask.who.actor.who,
                     name.substr(0, 200), fmt::join(ask.who.paths, ", ")};
    }
    return render_change(core, ask, core.deps.registry.rename(ask.who.actor, ask.names[0], ask.names[1], name), false);
}

Result<Answer> get_audit(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    const Window window = TRY(parse_window(ask, core.clock().now() + kSecond, 7 * kDay));
    const auto limit = TRY(parse_number(ask, "limit", 1000, 1, kAuditMax));
    const auto records = TRY(core.deps.registry.audit_records(ask.tenant(), window.from, window.to, limit));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("records").begin_array();
    const bool limited = !ask.who.paths.empty();
    std::map<std::uint64_t, std::uint64_t> entries;
    if (core.deps.ledgers != nullptr && !records.empty()) {
        const auto [first, last] = std::ranges::minmax(records, {}, &registry::AuditRecord::id);
        entries = TRY(core.deps.ledgers->entries_of(ask.tenant(), first.id, last.id));
    }
    for (const auto& record : records) {
        // Names of other kinds have no place that would still be known.
        const bool placed = record.kind == "site" || record.kind == "device";
        if (limited && record.who != ask.who.actor.who && !(placed && sees(ask.who, record.name))) continue;
        out.begin_object()
            .key("id")
            .integer(static_cast<std::int64_t>(record.id))
            .key("time")
            .integer(units.time(record.time));
        out.key("who").text(record.who).key("from").text(record.from).key("action").text(record.action);
        out.key("kind").text(record.kind).key("name").text(record.name);
        out.key("detail")
            .raw(record.detail.empty() ? "null" : told_within(ask, record.detail, "error"))
            .key("allowed")
            .boolean(record.allowed);
        const auto entry = entries.find(record.id);
        out.key("entry");
        entry == entries.end() ? out.null() : out.safe_integer(static_cast<std::int64_t>(entry->second));
        out.end_object();
    }
    out.end_array().end_object();
    return json_answer(std::move(body));
}

}  // namespace gongshu::api
