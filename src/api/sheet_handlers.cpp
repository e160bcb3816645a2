#include <algorithm>
#include <charconv>
#include <map>

#include "api/handlers.h"
#include "api/sight.h"
#include "base/checksum.h"
#include "sheets/device_sheet.h"
#include "sheets/make.h"
#include "sheets/tag_sheet.h"

// Sheets of devices and tags, and machines made from templates: parse, plan, look or carry out, render.
namespace gongshu::api {

namespace {

using registry::BulkWish;

// The present revisions of all that a plan touches and what would become of it, as one text: what a dry run saw.
std::string digest_of(Core& core, const Ask& ask, const sheets::Plan& plan) {
    std::string all;
    for (const BulkWish& wish : plan.wishes) {
        const auto present = core.deps.registry.find(ask.tenant(), wish.kind, wish.name);
        all += fmt::format("{} {} {} {} {} {} {}\n", wish.kind, wish.name, present ? present->uid : "",
                           present ? present->revision : 0, static_cast<int>(wish.what), wish.new_name,
                           registry::to_text(wish.spec));
    }
    return fmt::format("{:016x}", hash64(as_bytes(all)));
}

// Who changed what of it since the dry run, for people; "" if that cannot be said.
std::string changed_since(Core& core, const Ask& ask, const sheets::Plan& plan, TimeNs since) {
    std::string names;
    std::size_t count = 0;
    for (const BulkWish& wish : plan.wishes) {
        const auto present = core.deps.registry.find(ask.tenant(), wish.kind, wish.name);
        if (!present || present->updated < since) continue;
        if (++count <= 5)
            names += fmt::format("{}{} \"{}\" by {}", count > 1 ? ", " : "", wish.kind, wish.name, present->by);
    }
    if (count > 5) names += fmt::format(" and {} more", count - 5);
    return names;
}

// If-Match holds what a dry run told as `seen`: "TIME-DIGEST". Without it nothing is compared.
Result<void> check_seen_before(Core& core, const Ask& ask, const sheets::Plan& plan) {
    std::string_view text = ask.http.header("if-match");
    if (text.empty() || text == "*") return {};
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
    const std::size_t dash = text.find('-');
    TimeNs since = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + std::min(dash, text.size()), since, 16);
    if (dash == text.npos || failed != std::errc{} || end != text.data() + dash)
        return Error{Code::invalid, "If-Match: expected what the dry run told as \"seen\""};
    if (text.substr(dash + 1) == digest_of(core, ask, plan)) return {};
    const std::string changed = changed_since(core, ask, plan, since);
    return Error{Code::conflict, "{}; look at the differences again, nothing was stored",
                 changed.empty()
                     ? std::string{"this is not what the dry run saw: the sheet or what it names was changed"}
                     : "changed since the dry run: " + changed};
}

// Each wish needs the right that doing it alone would need.
Result<void> check_rights(Core& core, const Ask& ask, const sheets::Plan& plan) {
    for (const BulkWish& wish : plan.wishes) {
        const registry::Kind* const kind = core.deps.registry.kind(wish.kind);
        if (kind && ask.who.actor.role < kind->write_role)
            return Error{Code::denied,      "changing {} takes the role {}; {} is {}",
                         kind->plural,      to_string(kind->write_role),
                         ask.who.actor.who, to_string(ask.who.actor.role)};
    }
    Sight sight{core, ask.who};
    if (!sight.limited()) return {};
    for (const BulkWish& wish : plan.wishes) {
        if (wish.what == BulkWish::What::put)
            sight.add_coming(*core.deps.registry.kind(wish.kind), wish.name, wish.spec);
    }
    for (std::size_t i = 0; i < plan.wishes.size(); ++i) {
        const BulkWish& wish = plan.wishes[i];
        const registry::Kind& kind = *core.deps.registry.kind(wish.kind);
        const std::uint64_t line = plan.lines[plan.line_of[i]].line;
        TRY(sight.check_stored(kind, wish.name).context("line {}", line));
        if (wish.what == BulkWish::What::put)
            TRY(sight.check_wish(kind, wish.name, wish.spec).context("line {}", line));
        if (wish.what == BulkWish::What::rename && !sees(ask.who, wish.new_name)) {
            return Error{Code::denied,
                         "line {}: {} may not move it to \"{}\", outside of {}",
                         line,
                         ask.who.actor.who,
                         wish.new_name.substr(0, 200),
                         fmt::join(ask.who.paths, ", ")};
        }
    }
    return {};
}

void write_difference(JsonWriter& out, const registry::Difference& difference) {
    out.begin_object().key("path").text(difference.path);
    out.key("before").raw(registry::to_text(difference.before));
    out.key("after").raw(registry::to_text(difference.after)).end_object();
}

void write_fault(JsonWriter& out, const Ask& ask, const sheets::Fault& fault) {
    out.begin_object().key("column").text(fault.column);
    if (fault.error.empty()) {
        out.key("found").text(fault.found).key("expected").begin_object();
        out.key("zh").text(fault.expected_zh).key("en").text(fault.expected_en).end_object();
    } else {
        out.key("error").text(told(ask, fault.error));
    }
    out.end_object();
}

void write_part(JsonWriter& out, const sheets::Plan& plan, const sheets::Part& part) {
    const registry::Applied& applied = plan.applied[part.wish];
    out.begin_object().key("kind").text(applied.kind).key("name").text(applied.name).key("what");
    if (!applied.change) {
        out.text("refused");
    } else {
        switch (applied.change->what) {
            case registry::Change::What::created:
                out.text("created");
                break;
            case registry::Change::What::deleted:
                out.text("deleted");
                break;
            case registry::Change::What::updated:
            case registry::Change::What::unchanged:
                out.text(sheets::told(*applied.change).empty() ? "unchanged" : "changed");
                break;
        }
        out.key("differences").begin_array();
        for (const auto& difference : sheets::told(*applied.change)) write_difference(out, difference);
        out.end_array();
    }
    out.key("kept").begin_array();
    for (const auto& difference : part.kept) write_difference(out, difference);
    out.end_array().end_object();
}

// Cells tell enough of sheets; machines of templates are told part by part.
void write_line(JsonWriter& out, const Ask& ask, const sheets::Plan& plan, const sheets::PlanLine& line, bool with_parts) {
    out.begin_object().key("line").integer(static_cast<std::int64_t>(line.line)).key("name").text(line.name);
    out.key("what").text(line.what).key("faults").begin_array();
    for (const auto& fault : line.faults) write_fault(out, ask, fault);
    out.end_array();
    if (with_parts) {
        out.key("parts").begin_array();
        for (const auto& part : line.parts) write_part(out, plan, part);
        out.end_array();
    } else {
        out.key("changes").begin_array();
        for (const auto& change : line.changes) {
            out.begin_object().key("column").text(change.column).key("before").text(change.before);
            out.key("after").text(change.after).end_object();
        }
        out.end_array();
    }
    out.end_object();
}

bool is_worth_telling(const sheets::PlanLine& line) {
    return line.what != "unchanged" ||
           std::ranges::any_of(line.parts, [](const sheets::Part& part) { return !part.kept.empty(); });
}

// The members of an answer, without its braces.
std::string report_of(const Ask& ask, const sheets::Plan& plan, bool dry_run, bool stored, const std::string& seen,
                      bool with_parts) {
    std::string body;
    JsonWriter out{body};
    const sheets::Counts counts = sheets::count(plan);
    out.begin_object().key("dry_run").boolean(dry_run).key("stored").boolean(stored).key("seen").text(seen);
    out.key("counts").begin_object();
    for (const auto& [word, number] : {std::pair{"created", counts.created},
                                       {"changed", counts.changed},
                                       {"deleted", counts.deleted},
                                       {"moved", counts.moved},
                                       {"unchanged", counts.unchanged},
                                       {"refused", counts.refused}})
        out.key(word).integer(static_cast<std::int64_t>(number));
    out.end_object().key("lines").begin_array();
    for (const sheets::PlanLine& line : plan.lines)
        if (is_worth_telling(line)) write_line(out, ask, plan, line, with_parts);
    out.end_array().end_object();
    return body;
}

Result<Answer> carry_out(Core& core, const Ask& ask, sheets::Plan plan, bool with_parts) {
    TRY(check_rights(core, ask, plan));
    const bool dry_run = parse_flag(ask, "dry_run");
    if (!dry_run) {
        if (auto same = check_seen_before(core, ask, plan); !same) {
            if (same.error().code() != Code::conflict) return same.error();
            return problem(core, same.error(), {.status = 412, .language = language_of(ask)});
        }
    }
    const std::string seen = fmt::format("{:x}-{}", core.clock().now(), digest_of(core, ask, plan));
    const bool stored = sheets::carry_out(core.deps.registry, ask.who.actor, plan, dry_run);
    std::string report = report_of(ask, plan, dry_run, stored, seen, with_parts);
    if (dry_run || stored) return json_answer(std::move(report));
    const Error refused{Code::invalid, "{} of {} lines were refused, so that nothing was stored",
                        sheets::count(plan).refused, plan.lines.size()};
    report.pop_back();
    return problem(core, refused, {.members = std::string_view(report).substr(1), .language = language_of(ask)});
}

// ?header=keys|zh|en: what the first line holds.
Result<sheets::Header> header_of(const Ask& ask) {
    const std::string_view word = ask.value("header");
    if (word.empty() || word == "keys") return sheets::Header::keys;
    if (word == "zh") return sheets::Header::zh;
    if (word == "en") return sheets::Header::en;
    return Error{Code::invalid, "header: expected keys, zh or en, found \"{}\"", word.substr(0, 40)};
}

// The devices that the caller sees and that ?name=GLOB asks for.
std::vector<std::shared_ptr<const registry::Resource>> devices_of(Core& core, const Ask& ask) {
    const std::string_view glob = ask.value("name");
    auto devices = core.deps.registry.list_shared(ask.tenant(), "device");
    std::erase_if(devices, [&](const auto& device) {
        return !sees(ask.who, device->name) || (!glob.empty() && !glob_matches(glob, device->name));
    });
    return devices;
}

Result<Answer> send_sheet(Core& core, const Ask& ask, std::string sheet, std::string_view file) {
    TRY(let_out(core, ask, "export", file, 0, sheet.size()));
    Answer answer = json_answer(std::move(sheet));
    answer.media_type = "text/csv; charset=utf-8";
    answer.door = "export";
    answer.headers.push_back({"content-disposition", fmt::format("attachment; filename=\"{}\"", file)});
    return answer;
}

Result<registry::Resource> template_of(Core& core, const Ask& ask) {
    return core.deps.registry.get(ask.tenant(), "device_template", ask.names.at(0));
}

Result<std::vector<sheets::ParameterRow>> rows_of(const Ask& ask, const registry::DeviceTemplateSpec& spec) {
    const std::string_view body = ask.http.body;
    if (!ask.http.header("content-type").starts_with("application/json") && !body.starts_with('{'))
        return sheets::rows_of_sheet(spec, TRY(sheets::read_sheet(body)));
    auto fields = TRY(Fields::parse(body));
    const Json* const rows = fields.find("rows");
    if (rows == nullptr) return Error{Code::invalid, "rows: is missing; expected a list of parameters"};
    auto list = TRY(sheets::rows_of_json(*rows));
    TRY(fields.done());
    return list;
}

}  // namespace

Result<Answer> make_devices(Core& core, const Ask& ask) {
    const auto of = TRY(template_of(core, ask));
    const auto rows = TRY(rows_of(ask, TRY(registry::spec_of<registry::DeviceTemplateSpec>(of))));
    Sight sight{core, ask.who};
    const auto sees = [&](const registry::Resource& resource) { return sight.sees(resource); };
    auto plan = TRY(sheets::plan_make(core.deps.registry, ask.who.actor, of, rows, sees));
    return carry_out(core, ask, std::move(plan), true);
}

Result<Answer> update_devices(Core& core, const Ask& ask) {
    const auto of = TRY(template_of(core, ask));
    Sight sight{core, ask.who};
    const auto sees = [&](const registry::Resource& resource) { return sight.sees(resource); };
    auto plan = TRY(sheets::plan_update(core.deps.registry, ask.who.actor, of, sees));
    return carry_out(core, ask, std::move(plan), true);
}

Result<Answer> detach_devices(Core& core, const Ask& ask) {
    const auto of = TRY(template_of(core, ask));
    Sight sight{core, ask.who};
    const auto sees = [&](const registry::Resource& resource) { return sight.sees(resource); };
    auto plan = TRY(sheets::plan_detach(core.deps.registry, ask.who.actor, of, sees));
    return carry_out(core, ask, std::move(plan), true);
}

Result<Answer> export_devices(Core& core, const Ask& ask) {
    const auto header = TRY(header_of(ask));
    return send_sheet(core, ask, sheets::device_sheet(devices_of(core, ask), header), "devices.csv");
}

Result<Answer> export_tags(Core& core, const Ask& ask) {
    const auto header = TRY(header_of(ask));
    return send_sheet(core, ask, sheets::tag_sheet(core.deps.registry, ask.tenant(), devices_of(core, ask), header),
                      "tags.csv");
}

Result<Answer> import_devices(Core& core, const Ask& ask) {
    const auto file = TRY(sheets::read_sheet(ask.http.body));
    Sight sight{core, ask.who};
    const auto sees = [&](const registry::Resource& resource) { return sight.sees(resource); };
    return carry_out(core, ask, TRY(sheets::plan_devices(core.deps.registry, ask.who.actor, file, sees)), false);
}

Result<Answer> import_tags(Core& core, const Ask& ask) {
    const auto file = TRY(sheets::read_sheet(ask.http.body, {.rows_max = sheets::kTagRowsMax}));
    Sight sight{core, ask.who};
    const auto sees = [&](const registry::Resource& resource) { return sight.sees(resource); };
    return carry_out(core, ask, TRY(sheets::plan_tags(core.deps.registry, ask.who.actor, file, sees)), false);
}

}  // namespace gongshu::api
