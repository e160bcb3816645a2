#include "api/handlers.h"
#include "base/utf8.h"
#include "importer/history_target.h"
#include "importer/memory_file.h"
#include "importer/propose.h"
#include "registry/json.h"
#include "registry/units.h"
#include "registry/yaml.h"
#include "retention/retention.h"
#include "sql/engine.h"
#include "sql/parquet.h"

namespace gongshu::api {

namespace {

void write_status(JsonWriter& out, const Ask& ask, ImportFile& file, Units units, bool with_map) {
    const ImportStatus status = *file.status.lock();
    out.begin_object().key("id").text(file.id).key("file").text(file.name).key("who").text(file.who);
    out.key("bytes").integer(static_cast<std::int64_t>(file.bytes->size()));
    out.key("sent").integer(units.time(file.sent)).key("ended");
    write_time_or_null(out, status.ended, units);
    out.key("state").text(name_of(status.state));
    const importer::Progress& at = status.progress;
    const double done = at.bytes_total == 0 ? 0 : static_cast<double>(at.bytes) / static_cast<double>(at.bytes_total);
    out.key("progress").begin_object().key("share").number(done);
    out.key("rows").integer(static_cast<std::int64_t>(at.rows));
    out.key("values").integer(static_cast<std::int64_t>(at.values)).key("ms").integer(at.elapsed / kMillisecond);
    out.end_object().key("report");
    if (status.report.empty())
        out.null();
    else
        out.raw(told_within(ask, status.report, "error"));
    out.key("error");
    if (status.error.empty())
        out.null();
    else
        out.text(told(ask, status.error));
    if (with_map) {
        const std::string map = *file.map.lock();
        out.key("map");
        map.empty() ? out.null() : out.text(map);
    }
    out.end_object();
}

Result<Answer> status_answer(const Ask& ask, ImportFile& file, int status, bool with_map) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    write_status(out, ask, file, units, with_map);
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

// The members "map" and "from_line" of the body.
struct MapAsked {
    std::string text;
    importer::Map map;
    std::uint64_t from_line = 0;
};
Result<MapAsked> map_of(const Ask& ask) {
    Fields body = TRY(Fields::parse(ask.http.body));
    MapAsked asked{.text = TRY(body.text("map")), .map = {}};
    if (body.find("from_line") != nullptr) asked.from_line = TRY(body.number("from_line"));
    TRY(body.done());
    asked.map = TRY(importer::parse_map(asked.text).context("map"));
    return asked;
}

Result<importer::Table> open_table(const ImportFile& file, const importer::Layout& layout) {
    return importer::Table::open(importer::make_memory_file(file.bytes), file.name, layout);
}

// At most so many bytes, whole characters.
std::string_view beginning(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    text = text.substr(0, bytes_max);
    return text.substr(0, find_broken_utf8(text));
}

// The first rows as texts: long ones cut, so that an answer stays some 100 KB.
Result<void> write_rows(JsonWriter& out, importer::Table table, std::size_t rows_max) {
    constexpr std::size_t kFieldsMax = 400;
    constexpr std::size_t kFieldBytesMax = 120;
    importer::Record record;
    out.begin_array();
    for (std::size_t i = 0; i < rows_max; ++i) {
        const auto next = TRY(table.next(record));
        if (next == importer::Table::Next::end) break;
        if (next == importer::Table::Next::fault) continue;
        out.begin_object().key("line").integer(static_cast<std::int64_t>(record.line)).key("fields").begin_array();
        for (std::size_t field = 0; field < std::min(record.fields.size(), kFieldsMax); ++field)
            out.text(beginning(record.fields[field], kFieldBytesMax));
        out.end_array().key("columns").integer(static_cast<std::int64_t>(record.fields.size())).end_object();
    }
    out.end_array();
    return {};
}

void write_texts(JsonWriter& out, const std::vector<std::string>& texts) {
    out.begin_array();
    for (const std::string& text : texts) out.text(text);
    out.end_array();
}

// The sheets of a workbook and which one is read; null for text.
void write_sheets(JsonWriter& out, const importer::SheetRecords* records) {
    out.key("format").text(records == nullptr ? "text" : records->format()).key("sheets");
    if (records == nullptr) return void(out.null());
    out.begin_array();
    for (const importer::SheetSeen& sheet : records->sheets()) {
        out.begin_object().key("name").text(sheet.name).key("hidden").boolean(sheet.hidden);
        out.key("rows").integer(static_cast<std::int64_t>(sheet.rows));
        out.key("chosen").boolean(&sheet == &records->sheets()[records->chosen()]).end_object();
    }
    out.end_array();
}

// What the file holds by a map's layout: as it stands there, and with the header taken off.
Result<void> write_look(JsonWriter& out, const Ask& ask, const ImportFile& file, const importer::Layout& layout) {
    constexpr std::size_t kHeadRows = 12;
    constexpr std::size_t kRows = 20;
    const importer::Layout bare{.encoding = layout.encoding,
                                .dialect = layout.dialect,
                                .quote = layout.quote,
                                .comment = layout.comment,
                                .sheet = layout.sheet,
                                .header_rows = 0};
    auto head = TRY(open_table(file, bare));
    write_sheets(out, head.sheet());
    out.key("encoding").text(to_string(head.encoding())).key("delimiter").text(delimiter_name(head.dialect()));
    out.key("head");
    TRY(write_rows(out, std::move(head), kHeadRows));
    auto table = open_table(file, layout);
    out.key("names");
    write_texts(out, table ? table->names() : std::vector<std::string>{});
    out.key("units");
    write_texts(out, table ? table->units() : std::vector<std::string>{});
    out.key("rows");
    if (table) {
        TRY(write_rows(out, std::move(*table), kRows));
        out.key("fault").null();
    } else {
        out.begin_array().end_array().key("fault").text(told(ask, table.error().text()));
    }
    return {};
}

importer::KeepsFrom keeps_from(const Core& core, TenantId tenant) {
    if (core.deps.retention == nullptr) return {};
    return [retention = core.deps.retention, tenant](std::string_view path) {
        return retention->keeps_from(tenant, path);
    };
}

// Keeps the first readings for a look at them.
class PreviewTarget final : public importer::Target {
public:
    PreviewTarget(JsonWriter& out, std::size_t readings, Units units, importer::KeepsFrom keeps_from)
        : out_(out), left_(readings), units_(units), keeps_from_(std::move(keeps_from)) {}
    TimeNs keeps_from(std::string_view path) const override { return keeps_from_ ? keeps_from_(path) : 0; }
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
    const importer::KeepsFrom keeps_from_;
};

// On the pool, until the end of the file.
void run_import(Core& core, const registry::Principal& who, const MapAsked& asked, ImportFile& file) {
    importer::HistoryTarget target{core.deps.history, core.deps.registry, who.actor.tenant,
                                   [&who](std::string_view path) { return sees(who, path); },
                                   keeps_from(core, who.actor.tenant)};
    const auto on_progress = [&file](const importer::Progress& progress) {
        file.status.lock()->progress = progress;
        return !file.cancel.load();
    };
    const auto run = [&]() -> Result<importer::Report> {
        auto table = TRY(open_table(file, asked.map.layout));
        return importer::import_table(std::move(table), core.clock(), asked.map, target, {.from_line = asked.from_line},
                                      on_progress);
    };
    const auto report = run();
    if (report) (*core.written.lock())[who.actor.tenant] += report->values;
    core.deps.registry.audit(who.actor, "import", "file", file.name,
                             report ? fmt::format("{{\"values\":{}}}", report->values) : "{}", report.has_value());
    auto status = file.status.lock();
    status->ended = core.clock().now();
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
    if (sql::is_parquet(as_bytes(ask->http.body))) {
        auto csv = sql::parquet_to_csv(sql::find_library(), core.clock(), as_bytes(ask->http.body));
        if (!csv) return done(csv.error());
        ask->http.body = std::move(*csv);
    }
    if (const auto fits = importer::check_can_be_read(as_bytes(ask->http.body)); !fits) return done(fits.error());
    const auto file = core.imports.add(ask->tenant(), core.next_id(), name, ask->who.actor.who,
                                       std::move(ask->http.body), core.clock().now());
    if (!file) return done(file.error());
    const auto propose = [&]() -> Result<std::string> {
        return importer::propose_map(TRY(open_table(**file, importer::layout_for_proposal())));
    };
    const auto map = propose();
    if (map) *(*file)->map.lock() = *map;
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("id").text((*file)->id).key("file").text(name);
    out.key("bytes").integer(static_cast<std::int64_t>((*file)->bytes->size())).key("map");
    map ? out.text(*map) : out.null();
    out.key("error");
    map ? out.null() : out.text(told(*ask, map.error().text()));
    out.end_object();
    done(json_answer(std::move(body), 201));
}

Result<Answer> list_imports(Core& core, const Ask& ask) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const ImportFilePtr& file : core.imports.list(ask.tenant()))
        if (sees_file(ask, *file)) write_status(out, ask, *file, units, false);
    out.end_array().end_object();
    return json_answer(std::move(body));
}

Result<Answer> get_import(Core& core, const Ask& ask) {
    return status_answer(ask, *TRY(file_of(core, ask)), 200, true);
}

Result<Answer> delete_import(Core& core, const Ask& ask) {
    TRY(file_of(core, ask));
    TRY(core.imports.remove(ask.tenant(), ask.names[0]));
    return no_content();
}

// What a map means for the file: the map as JSON and the rows by its layout. Without a map one is proposed; with
// "propose" one is proposed anew for that layout's encoding, delimiter and skipped lines.
Result<Answer> look_import(Core& core, const Ask& ask) {
    const ImportFilePtr file = TRY(file_of(core, ask));
    Fields asked = TRY(Fields::parse(ask.http.body));
    std::string text = TRY(asked.text_or("map", ""));
    const Json* const anew = asked.find("propose");
    TRY(asked.done());
    importer::Layout layout = importer::layout_for_proposal();
    if (!text.empty()) layout = TRY(importer::parse_layout(text).context("map"));
    std::string why;
    if (text.empty() || (anew != nullptr && anew->is_bool() && anew->get_bool())) {
        const importer::Layout kept{.encoding = layout.encoding,
                                    .dialect = layout.dialect,
                                    .quote = layout.quote,
                                    .comment = layout.comment,
                                    .sheet = layout.sheet,
                                    .skip = layout.skip,
                                    .header_rows = 0};
        auto proposal = importer::propose_map(TRY(open_table(*file, kept)), layout.skip);
        text = proposal ? *proposal : "";
        if (!proposal) why = proposal.error().text();
        if (proposal) layout = TRY(importer::parse_layout(text).context("map"));
    }
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("map");
    text.empty() ? out.null() : out.raw(registry::to_text(TRY(registry::parse_yaml(text).context("map"))));
    out.key("error");
    why.empty() ? out.null() : out.text(told(ask, why));
    TRY(write_look(out, ask, *file, layout));
    out.end_object();
    return json_answer(std::move(body));
}

// Reads the file, or its beginning where ?rows= says so, and stores nothing.
Result<Answer> preview_import(Core& core, const Ask& ask) {
    constexpr std::size_t kRowsShown = 50;
    constexpr std::size_t kReadingsMax = 2000;
    const Units units = TRY(parse_units(ask));
    const std::uint64_t rows = TRY(parse_number(ask, "rows", 0, 1, 10'000));
    const ImportFilePtr file = TRY(file_of(core, ask));
    const MapAsked asked = TRY(map_of(ask));
    auto table = TRY(open_table(*file, asked.map.layout));
    importer::JobOptions options;
    if (rows > 0) options.rows_per_write = rows * asked.map.columns.size();
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("readings").begin_array();
    PreviewTarget target{out, std::min(kReadingsMax, kRowsShown * asked.map.columns.size()), units,
                         keeps_from(core, ask.tenant())};
    const auto report = TRY(importer::import_table(std::move(table), core.clock(), asked.map, target, options,
                                                   [&](const importer::Progress&) { return rows == 0; }));
    *file->map.lock() = asked.text;
    out.end_array().key("report").raw(told_within(ask, importer::to_json(report), "error")).end_object();
    return json_answer(std::move(body));
}

// Begins and answers at once; GET tells how far it is.
Result<Answer> start_import(Core& core, const Ask& ask) {
    const ImportFilePtr file = TRY(file_of(core, ask));
    auto asked = std::make_shared<const MapAsked>(TRY(map_of(ask)));
    {
        auto status = file->status.lock();
        if (status->state == ImportState::running)
            return Error{Code::conflict, "the import of {} is running already", file->name};
        *status = {.state = ImportState::running, .progress = {}, .report = {}, .error = {}};
        file->cancel = false;
    }
    *file->map.lock() = asked->text;
    const bool taken = core.deps.pool.submit(
        [shared = core.shared_from_this(), who = ask.who, asked, file] { run_import(*shared, who, *asked, *file); });
    if (!taken) {
        file->status.lock()->state = ImportState::uploaded;
        return Error{Code::limit, "too much work waits already: try again"};
    }
    return status_answer(ask, *file, 202, false);
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
    const importer::KeepsFrom kept = keeps_from(core, ask.tenant());
    std::vector<TimeNs> kept_from;
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
        kept_from.push_back(kept ? kept(path) : 0);
    }
    core.deps.registry.audit(ask.who.actor, "import", "tags", "", fmt::format("{{\"tags\":{}}}", index), true);
    std::string answer;
    JsonWriter out{answer};
    out.begin_object().key("tags").integer(static_cast<std::int64_t>(index)).key("keeps_from").begin_array();
    for (const TimeNs from : kept_from) out.integer(from);
    out.end_array().end_object();
    return json_answer(std::move(answer));
}

}  // namespace gongshu::api
