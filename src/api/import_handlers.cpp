#include "api/handlers.h"
#include "importer/history_target.h"
#include "importer/memory_file.h"
#include "importer/propose.h"
#include "registry/units.h"

namespace gongshu::api {

namespace {

void write_status(JsonWriter& out, ImportFile& file) {
    const ImportStatus status = *file.status.lock();
    out.begin_object().key("id").text(file.id).key("file").text(file.name).key("who").text(file.who);
    out.key("bytes").integer(static_cast<std::int64_t>(file.bytes->size())).key("state").text(name_of(status.state));
    const importer::Progress& at = status.progress;
    const double done = at.bytes_total == 0 ? 0 : static_cast<double>(at.bytes) / static_cast<double>(at.bytes_total);
    out.key("progress").begin_object().key("share").number(done);
    out.key("rows").integer(static_cast<std::int64_t>(at.rows));
    out.key("values").integer(static_cast<std::int64_t>(at.values)).key("ms").integer(at.elapsed / kMillisecond);
    out.end_object().key("report");
    if (status.report.empty())
        out.null();
    else
        out.raw(status.report);
    out.key("error");
    if (status.error.empty())
        out.null();
    else
        out.text(status.error);
    out.end_object();
}

Answer status_answer(ImportFile& file, int status = 200) {
    std::string body;
    JsonWriter out{body};
    write_status(out, file);
    return json_answer(std::move(body), status);
}

// Whose role is limited to places sees the own files only: what others sent may tell of anywhere.
bool sees_file(const Ask& ask, const ImportFile& file) {
    return ask.who.paths.empty() || file.who == ask.who.actor.who;
}

Result<ImportFilePtr> file_of(Core& core, const Ask& ask) {
    auto file = TRY(core.imports.find(ask.tenant(), ask.names[0]));
    if (!sees_file(ask, *file)) return Error{Code::not_found, "there is no import \"{}\"", ask.names[0]};
    return file;
}

// The member "map" of the body.
Result<importer::Map> map_of(const Ask& ask) {
    Fields body = TRY(Fields::parse(ask.http.body));
    const std::string text = TRY(body.text("map"));
    TRY(body.done());
    return importer::parse_map(text).context("map");
}

// Keeps the first readings for a look at them.
class PreviewTarget final : public importer::Target {
public:
    PreviewTarget(JsonWriter& out, std::size_t readings, Units units) : out_(out), left_(readings), units_(units) {}
    Result<void> write(std::span<const importer::Series> series, Rows rows) override {
        for (std::size_t i = 0; i < rows.size() && left_ > 0; ++i, --left_) {
            const importer::Series& one = series[rows.tag(i).value - 1];
            out_.begin_object().key("tag").text(one.path).key("ts").integer(units_.time(rows.time(i))).key("value");
            write_value(out_, rows.value(i));
            out_.key("unit").text(one.unit).key("quality").text(to_string(rows.quality(i))).end_object();
        }
        return {};
    }

private:
    JsonWriter& out_;
    std::size_t left_;
    const Units units_;
};

// On the pool, until the end of the file.
void run_import(Core& core, const registry::Principal& who, const importer::Map& map, ImportFile& file) {
    importer::HistoryTarget target{core.deps.history, core.deps.registry, who.actor.tenant,
                                   [&who](std::string_view path) { return sees(who, path); }};
    const auto on_progress = [&file](const importer::Progress& progress) {
        file.status.lock()->progress = progress;
        return !file.cancel.load();
    };
    const auto run = [&]() -> Result<importer::Report> {
        auto table = TRY(importer::Table::open(importer::make_memory_file(file.bytes), file.name, map.layout));
        return importer::import_table(std::move(table), core.clock(), map, target, {}, on_progress);
    };
    const auto report = run();
    if (report) (*core.written.lock())[who.actor.tenant] += report->values;
    core.deps.registry.audit(who.actor, "import", "file", file.name,
                             report ? fmt::format("{{\"values\":{}}}", report->values) : "{}", report.has_value());
    auto status = file.status.lock();
    if (!report) {
        status->state = ImportState::failed;
        status->error = report.error().text();
        return;
    }
    status->report = importer::to_json(*report);
    status->state = report->cancelled ? ImportState::cancelled : ImportState::done;
}

}  // namespace

// The body is the file. Answers with a proposal for its map.
void post_import(Core& core, const AskPtr& ask, Done done) {
    const std::string_view path = ask->value("file");
    const std::string name{path.substr(path.find_last_of("/\\") + 1)};
    if (name.empty() || name.size() > 255)
        return done(Error{Code::invalid, "file: the file's name must have 1 to 255 bytes"});
    if (const auto text = importer::check_is_text(as_bytes(ask->http.body)); !text) return done(text.error());
    const auto file =
        core.imports.add(ask->tenant(), core.next_id(), name, ask->who.actor.who, std::move(ask->http.body));
    if (!file) return done(file.error());
    const auto propose = [&]() -> Result<std::string> {
        return importer::propose_map(TRY(
            importer::Table::open(importer::make_memory_file((*file)->bytes), name, importer::layout_for_proposal())));
    };
    const auto map = propose();
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("id").text((*file)->id).key("file").text(name);
    out.key("bytes").integer(static_cast<std::int64_t>((*file)->bytes->size())).key("map");
    map ? out.text(*map) : out.null();
    out.key("error");
    map ? out.null() : out.text(map.error().text());
    out.end_object();
    done(json_answer(std::move(body), 201));
}

Result<Answer> list_imports(Core& core, const Ask& ask) {
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const ImportFilePtr& file : core.imports.list(ask.tenant()))
        if (sees_file(ask, *file)) write_status(out, *file);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_import(Core& core, const Ask& ask) { return status_answer(*TRY(file_of(core, ask))); }

Result<Answer> delete_import(Core& core, const Ask& ask) {
    TRY(file_of(core, ask));
    TRY(core.imports.remove(ask.tenant(), ask.names[0]));
    return no_content();
}

// Reads all of the file and stores nothing.
Result<Answer> preview_import(Core& core, const Ask& ask) {
    constexpr std::size_t kRowsShown = 50;
    constexpr std::size_t kReadingsMax = 2000;
    const Units units = TRY(parse_units(ask));
    const ImportFilePtr file = TRY(file_of(core, ask));
    const importer::Map map = TRY(map_of(ask));
    auto table = TRY(importer::Table::open(importer::make_memory_file(file->bytes), file->name, map.layout));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("readings").begin_array();
    PreviewTarget target{out, std::min(kReadingsMax, kRowsShown * map.columns.size()), units};
    const auto report = TRY(importer::import_table(std::move(table), core.clock(), map, target, {},
                                                   [](const importer::Progress&) { return true; }));
    out.end_array().key("report").raw(importer::to_json(report)).end_object();
    return json_answer(std::move(body));
}

// Begins and answers at once; GET tells how far it is.
Result<Answer> start_import(Core& core, const Ask& ask) {
    const ImportFilePtr file = TRY(file_of(core, ask));
    auto map = std::make_shared<const importer::Map>(TRY(map_of(ask)));
    {
        auto status = file->status.lock();
        if (status->state == ImportState::running)
            return Error{Code::conflict, "the import of {} is running already", file->name};
        *status = {.state = ImportState::running, .progress = {}, .report = {}, .error = {}};
        file->cancel = false;
    }
    const bool taken = core.deps.pool.submit(
        [shared = core.shared_from_this(), who = ask.who, map, file] { run_import(*shared, who, *map, *file); });
    if (!taken) {
        file->status.lock()->state = ImportState::uploaded;
        return Error{Code::limit, "too much work waits already: try again"};
    }
    return status_answer(*file, 202);
}

// What was written stays; doing it again changes nothing.
Result<Answer> cancel_import(Core& core, const Ask& ask) {
    TRY(file_of(core, ask))->cancel = true;
    return no_content();
}

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
        TRY(importer::resolve_tag(core.deps.tags, core.deps.registry, ask.tenant(), path, *type, unit,
                                  [&ask](std::string_view at) { return sees(ask.who, at); })
                .context("{}", place));
    }
    core.deps.registry.audit(ask.who.actor, "import", "tags", "", fmt::format("{{\"tags\":{}}}", index), true);
    std::string answer;
    JsonWriter{answer}.begin_object().key("tags").integer(static_cast<std::int64_t>(index)).end_object();
    return json_answer(std::move(answer));
}

}  // namespace gongshu::api
