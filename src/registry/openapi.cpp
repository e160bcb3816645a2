#include "registry/openapi.h"

#include <boost/json.hpp>
#include <set>

namespace gongshu::registry {

namespace {

Json reference(std::string_view to) { return {{"$ref", std::string("#/components/schemas/").append(to)}}; }

Json content(const Json& schema) { return {{"application/json", {{"schema", schema}}}}; }

Json answer(std::string_view about, const Json& schema) {
    return {{"description", about}, {"content", content(schema)}};
}

Json problem(std::string_view about) {
    return {{"description", about}, {"content", {{"application/problem+json", {{"schema", reference("problem")}}}}}};
}

void add_problems(JsonObject& responses) {
    responses["400"] = problem("The request is wrong; detail says where");
    responses["401"] = problem("Nobody is signed in");
    responses["403"] = problem("The role does not allow it");
    responses["404"] = problem("There is no such thing");
}

Json parameter(std::string_view name, std::string_view in, std::string_view type, bool required,
               std::string_view about) {
    return {{"name", name}, {"in", in}, {"required", required}, {"description", about}, {"schema", {{"type", type}}}};
}

struct Operation {
    std::string id, summary, tag;
    Json success;
    std::string status = "200";
    JsonArray parameters = {};
    Json body = nullptr;  // schema
    Role role = Role::viewer;
};

Json operation(Operation from) {
    JsonObject responses{{from.status, std::move(from.success)}};
    add_problems(responses);
    JsonObject out{{"operationId", from.id},
                   {"summary", from.summary},
                   {"tags", JsonArray{Json(from.tag)}},
                   {"responses", std::move(responses)},
                   {"x-role", to_string(from.role)}};
    if (!from.parameters.empty()) out["parameters"] = std::move(from.parameters);
    if (!from.body.is_null()) out["requestBody"] = {{"required", true}, {"content", content(from.body)}};
    if (from.role == Role::none) out["security"] = JsonArray{};
    return Json(std::move(out));
}

Json object_schema(std::initializer_list<std::pair<const char*, Json>> fields) {
    JsonObject properties;
    for (const auto& [name, schema] : fields) properties[name] = schema;
    return {{"type", "object"}, {"properties", std::move(properties)}};
}

Json list_of(const Json& schema) { return {{"type", "array"}, {"items", schema}}; }
Json of_type(std::string_view type) { return {{"type", type}}; }

Json resource_schema(const Kind& kind) {
    return object_schema({{"kind", {{"const", kind.name}}},
                          {"name", of_type("string")},
                          {"uid", of_type("string")},
                          {"revision", of_type("integer")},
                          {"created", {{"type", JsonArray{"integer", "string"}}}},
                          {"updated", {{"type", JsonArray{"integer", "string"}}}},
                          {"by", of_type("string")},
                          {"spec", reference(kind.name + "_spec")}});
}

Json change_schema(const Kind& kind) {
    return object_schema({{"what", {{"enum", JsonArray{"created", "updated", "deleted", "unchanged"}}}},
                          {"resource", reference(kind.name)},
                          {"differences", list_of(reference("difference"))}});
}

void add_kind(JsonObject& paths, JsonObject& schemas, const Kind& kind) {
    const std::string list = "/api/v1/" + kind.plural, one = list + "/{name}";
    JsonObject spec = kind.schema.as_object();
    spec.erase("$schema");
    schemas[kind.name + "_spec"] = std::move(spec);
    schemas[kind.name] = resource_schema(kind);
    schemas[kind.name + "_change"] = change_schema(kind);
    const Json name = parameter("name", "path", "string", true, "Name; a slash in it is %2F");
    const Json if_match =
        parameter("If-Match", "header", "string", false, "The revision to replace; \"0\" = must not exist yet");
    const Json dry_run = parameter("dry_run", "query", "boolean", false, "Check everything, store nothing");
    const Json change = answer("What changed", reference(kind.name + "_change"));
    const Json body = object_schema({{"spec", reference(kind.name + "_spec")}});
    auto make = [&](const char* verb, std::string summary, Json success, Role role) {
        return Operation{.id = std::string(verb) + "_" + kind.name,
                         .summary = std::move(summary),
                         .tag = kind.plural,
                         .success = std::move(success),
                         .role = role};
    };
    auto get_list = make("list", "All " + kind.plural,
                         answer("All", object_schema({{"items", list_of(reference(kind.name))}})), kind.read_role);
    get_list.parameters = {
        parameter("watch", "query", "boolean", false, "Answer with a stream of changes (text/event-stream)")};
    paths[list] = {{"get", operation(std::move(get_list))}};
    auto get = make("get", kind.about_en, answer("The resource", reference(kind.name)), kind.read_role);
    auto put = make("put", "Create or replace", change, kind.write_role);
    put.parameters = {if_match, dry_run};
    put.body = body;
    auto patch = make("patch", "Change some fields (RFC 7396)", change, kind.write_role);
    patch.parameters = {if_match, dry_run};
    patch.body = object_schema({{"spec", of_type("object")}});
    auto remove = make("delete", "Delete", {{"description", "It is gone"}}, kind.write_role);
    remove.status = "204";
    remove.parameters = {if_match};
    paths[one] = {{"parameters", JsonArray{name}},
                  {"get", operation(std::move(get))},
                  {"put", operation(std::move(put))},
                  {"patch", operation(std::move(patch))},
                  {"delete", operation(std::move(remove))}};
    auto revisions =
        make("revisions_of", "All revisions, newest first",
             answer("Revisions", object_schema({{"revisions", list_of(reference("revision"))}})), kind.read_role);
    paths[one + "/revisions"] = {{"parameters", JsonArray{name}}, {"get", operation(std::move(revisions))}};
    auto rollback = make("rollback", "Bring back a revision", change, kind.write_role);
    rollback.body = object_schema({{"revision", of_type("integer")}});
    paths[one + ":rollback"] = {{"parameters", JsonArray{name}}, {"post", operation(std::move(rollback))}};
    auto rename = make("rename", "Give another name; what names it follows", change, kind.write_role);
    rename.body = object_schema({{"name", of_type("string")}});
    paths[one + ":rename"] = {{"parameters", JsonArray{name}}, {"post", operation(std::move(rename))}};
}

std::string id_of(const FixedPath& path) {
    std::string out = path.method;
    for (const char c : path.path) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter) {
            out += c;
        } else if (out.back() != '_') {
            out += '_';
        }
    }
    return out;
}

void add_fixed(JsonObject& paths, const FixedPath& path) {
    Operation op{.id = id_of(path), .summary = path.about, .tag = path.area, .role = path.role};
    op.status = std::to_string(path.status);
    JsonObject success{{"description", path.about}};
    if (path.status != 204 && !path.answer_type.empty()) success["content"] = {{path.answer_type, JsonObject{}}};
    op.success = std::move(success);
    std::set<std::string> given;
    for (const FixedParameter& one : path.parameters) {
        given.insert(one.name);
        op.parameters.push_back(parameter(one.name, one.in, one.type, one.required || one.in == "path", one.about));
    }
    // Names in the path that the table did not describe are texts.
    for (std::size_t from = path.path.find('{'); from != std::string::npos; from = path.path.find('{', from + 1)) {
        const std::string name = path.path.substr(from + 1, path.path.find('}', from) - from - 1);
        if (given.insert(name).second) op.parameters.push_back(parameter(name, "path", "string", true, ""));
    }
    Json made = operation(std::move(op));
    if (!path.request_type.empty()) {
        made.as_object()["requestBody"] = {{"required", true}, {"content", {{path.request_type, JsonObject{}}}}};
    }
    Json& at = paths[path.path];
    if (!at.is_object()) at = JsonObject{};
    at.as_object()[path.method] = std::move(made);
}

JsonObject common_schemas() {
    return {
        {"problem", object_schema({{"type", of_type("string")},
                                   {"title", of_type("string")},
                                   {"status", of_type("integer")},
                                   {"detail", of_type("string")},
                                   {"place", of_type("string")},
                                   {"id", of_type("string")}})},
        {"difference", object_schema({{"path", of_type("string")}, {"before", JsonObject{}}, {"after", JsonObject{}}})},
        {"revision", object_schema({{"revision", of_type("integer")},
                                    {"time", {{"type", JsonArray{"integer", "string"}}}},
                                    {"by", of_type("string")},
                                    {"what", of_type("string")},
                                    {"spec", {{"type", JsonArray{"object", "null"}}}}})}};
}

}  // namespace

Json openapi(const std::vector<const Kind*>& kinds, const std::vector<FixedPath>& paths, std::string_view version) {
    JsonObject all_paths, schemas = common_schemas();
    for (const Kind* kind : kinds) add_kind(all_paths, schemas, *kind);
    for (const FixedPath& path : paths) add_fixed(all_paths, path);
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Gongshu"},
              {"version", version},
              {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
            {"servers", JsonArray{Json{{"url", "/"}}}},
            {"security",
             JsonArray{Json{{"bearer", JsonArray{}}}, Json{{"basic", JsonArray{}}}, Json{{"cookie", JsonArray{}}}}},
            {"paths", std::move(all_paths)},
            {"components",
             {{"schemas", std::move(schemas)},
              {"securitySchemes",
               {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                {"basic", {{"type", "http"}, {"scheme", "basic"}}},
                {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "gongshu"}}}}}}}};
}

}  // namespace gongshu::registry
