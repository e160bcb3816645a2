// What the pages of the first start ask and do: where the data lie, and the first site with or without the sample.
#include <algorithm>
#include <map>

#include "api/handlers.h"
#include "backup/backups.h"
#include "doctor/gather.h"
#include "registry/yaml.h"

namespace gongshu::api {
namespace {

constexpr std::string_view kSampleSite = "demo";

Result<void> check_caller(const Ask& ask) {
    if (ask.who.actor.tenant_name == "default" && ask.who.paths.empty()) return {};
    return Error{Code::denied,
                 "the first steps tell of the whole machine: they are for administrators of the tenant default without "
                 "limits of place"};
}

// Does one of the marks that say "made up" stand in the title already?
bool has_mark(std::string_view title, std::initializer_list<std::string_view> marks) {
    return std::ranges::any_of(marks, [&](std::string_view mark) { return title.find(mark) != std::string_view::npos; });
}

// Says in both titles that it is made up, so that nobody takes it for the plant's own.
void mark_simulated(JsonObject& spec) {
    const auto mark = [&](const char* field, std::string_view words, std::initializer_list<std::string_view> known) {
        Json* const title = spec.if_contains(field);
        if (title == nullptr || !title->is_string() || title->as_string().empty()) return;
        const std::string text(std::string_view(title->as_string()));
        if (!has_mark(text, known)) *title = text + std::string(words);
    };
    mark("title_zh", "(仿真)", {"仿真", "示例"});
    mark("title_en", " (simulated)", {"simulated", "example"});
}

// The sample without the machines it cannot have here: no connections, and its devices are switched off.
Result<void> add_sample(Core& core, const Ask& ask, std::vector<registry::Wanted>& wishes) {
    for (const std::string_view text : core.options.sample) {
        auto documents = TRY(registry::parse_resources(text).context("the sample"));
        for (registry::YamlDocument& document : documents) {
            registry::Wanted& wanted = document.wanted;
            if (wanted.kind == "connection" || core.deps.registry.find(ask.tenant(), wanted.kind, wanted.name)) continue;
            if (JsonObject* const spec = wanted.spec.if_object()) {
                if (wanted.kind == "device") {
                    spec->erase("connection");
                    spec->erase("unit_id");
                    spec->erase("station");
                    (*spec)["enabled"] = false;
                }
                mark_simulated(*spec);
            }
            wishes.push_back(std::move(wanted));
        }
    }
    return {};
}

// What the caller wants, all of it in one change set.
Result<std::vector<registry::Wanted>> wishes_of(Core& core, const Ask& ask) {
    auto fields = TRY(Fields::parse(ask.http.body));
    const std::string name = TRY(fields.text("name"));
    JsonObject site;
    for (const char* field : {"title_zh", "title_en"}) site[field] = TRY(fields.text_or(field, ""));
    site["time_zone"] = TRY(fields.text("time_zone"));
    const std::string person = TRY(fields.text_or("person", ""));
    const Json* const sample = fields.find("sample");
    TRY(fields.done());
    if (sample != nullptr && !sample->is_bool())
        return Error{Code::invalid, "sample: expected true or false, found {}", registry::to_text(*sample)};

    std::vector<registry::Wanted> wishes;
    wishes.push_back({"site", name, Json(std::move(site))});
    // A token is no person, and nobody has a name of their own where nobody signs in.
    const auto user = ask.who.is_token ? nullptr : core.deps.registry.find(ask.tenant(), "user", ask.who.name);
    if (user && !person.empty()) {
        Json spec = user->spec;
        spec.as_object()["title"] = person;
        wishes.push_back({"user", user->name, std::move(spec)});
    }
    if (sample != nullptr && sample->as_bool()) {
        if (core.options.sample.empty()) return Error{Code::unsupported, "this server carries no sample"};
        if (name == kSampleSite)
            return Error{Code::conflict, "name: the sample has a site \"{}\" of its own; choose another name", name};
        TRY(add_sample(core, ask, wishes));
    }
    return wishes;
}

}  // namespace

bool is_first_start(Core& core, const registry::Principal& who) {
    const auto none = [&](std::string_view kind) {
        return core.deps.registry.list_shared(who.actor.tenant, kind).empty();
    };
    return who.actor.role == registry::Role::admin && who.actor.tenant_name == "default" && who.paths.empty() &&
           !who.is_token && !core.options.simulated && none("site") && none("device");
}

Result<Answer> get_setup(Core& core, const Ask& ask) {
    TRY(check_caller(ask));
    if (core.deps.doctor == nullptr || core.deps.backups == nullptr)
        return Error{Code::unsupported, "this server has no data folder to look at"};
    const doctor::Places& places = core.deps.doctor->places;
    const io::DiskSpace space = TRY(core.deps.doctor->files.space(places.data));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("version").text(core.options.version);
    out.key("fresh").boolean(is_first_start(core, ask.who));
    out.key("sites").integer(static_cast<std::int64_t>(core.deps.registry.list_shared(ask.tenant(), "site").size()));
    out.key("sample").boolean(!core.options.sample.empty()).key("config").text(core.options.config);
    out.key("data").begin_object().key("folder").text(places.data);
    out.key("free_bytes").safe_integer(static_cast<std::int64_t>(space.free_bytes));
    out.key("total_bytes").safe_integer(static_cast<std::int64_t>(space.total_bytes)).end_object();
    out.key("keys").begin_object().key("folder").text(places.key_folder).end_object();
    out.key("backups").begin_object().key("folder").text(places.backup_folder);
    out.key("every_s").integer(core.deps.backups->options().every / kSecond);
    out.key("keep").integer(core.deps.backups->options().keep).end_object();

    std::string page;  // on the plant's network
    const std::map<std::string, std::string> listeners = *core.listeners.lock();
    out.key("lan").begin_array();
    for (const auto& [door, address] : listeners) {
        if (!door.starts_with("lan")) continue;
        out.text(address);
        if (page.empty() && address.starts_with("https://")) page = address;
    }
    out.end_array().key("phone");
    if (page.empty() || core.authority.lock()->empty()) {
        out.null();
    } else {
        const std::string authority = page + "/ca.crt";
        out.begin_object().key("page").text(page).key("authority").text(authority).key("qr");
        out.text(core.deps.qr == nullptr ? std::string{} : core.deps.qr(authority)).end_object();
    }
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> post_setup(Core& core, const Ask& ask) {
    TRY(check_caller(ask));
    if (const std::size_t there = core.deps.registry.list_shared(ask.tenant(), "site").size(); there > 0)
        return Error{Code::conflict, "the first steps are done: there are {} sites; further ones are made on the page Sites",
                     there};
    auto wishes = TRY(wishes_of(core, ask));
    const bool dry_run = parse_flag(ask, "dry_run");
    const auto applied =
        core.deps.registry.apply(ask.who.actor, std::move(wishes), {.dry_run = dry_run, .all_or_nothing = true});
    std::map<std::string, std::int64_t> stored;
    for (const registry::Applied& one : applied) {
        if (!one.change) return Error(one.change.error()).context("{} {}", one.kind, one.name);
        ++stored[one.kind];
    }
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("stored").begin_object();
    for (const auto& [kind, count] : stored) out.key(kind).integer(count);
    out.end_object().end_object();
    return json_answer(std::move(body), dry_run ? 200 : 201);
}

}  // namespace gongshu::api
