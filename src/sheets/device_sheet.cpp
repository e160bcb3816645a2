#include "sheets/device_sheet.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>

namespace gongshu::sheets {

namespace {

using What = registry::BulkWish::What;
using ResourcePtr = std::shared_ptr<const registry::Resource>;

enum Col : std::size_t {
    kName,
    kNewName,
    kDelete,
    kTitleZh,
    kTitleEn,
    kTitle,
    kType,
    kConnection,
    kUnit,
    kExternal,
    kEnabled,
    kTemplate,
    kRevision,
    kPlaces
};

constexpr std::array<Column, kPlaces> kColumns = {{
    {"name", "设备", "Device", "名称", "Name"},
    {"new_name", "改名为", "New name"},
    {"delete", "删除", "Delete"},
    {"title_zh", "中文名称", "Title (Chinese)"},
    {"title_en", "英文名称", "Title (English)"},
    {"title", "通用名称", "Title", "显示名"},
    {"type", "设备型号", "Device type", "型号", "Type"},
    {"connection", "连接", "Connection"},
    {"unit_id", "从站号", "Unit"},
    {"external_id", "外部编号", "External ID"},
    {"enabled", "启用", "Enabled"},
    {"template", "模板", "Template"},
    {"revision", "版本", "Revision"},
}};

// The columns that are fields of the spec.
struct Field {
    Col place;
    CellType type;
    bool optional;  // an empty cell is no value; else it is the empty text
};
constexpr Field kFields[] = {
    {kTitleZh, CellType::text, false}, {kTitleEn, CellType::text, false},   {kTitle, CellType::text, false},
    {kType, CellType::text, true},     {kConnection, CellType::text, true}, {kUnit, CellType::integer, true},
    {kExternal, CellType::text, true}, {kEnabled, CellType::boolean, true},
};

std::string template_of(const Json& spec) {
    const Json* const origin = member(spec, "from_template");
    return origin ? text_member(*origin, "name") : "";
}

// Sheet reads one file of devices into a plan.
// Lives: for one plan.  Threads: one.  Bounds: those of read_sheet(), kMovesMax.  Disk: none.
class Reader {
public:
    Reader(const registry::Registry& registry, const registry::Actor& actor, const Sees& sees,
           std::vector<std::optional<std::size_t>> places)
        : registry_(registry), actor_(actor), sees_(sees), places_(std::move(places)) {}

    Result<void> add(const SheetRow& row);
    Result<Plan> finish();

private:
    struct Wish {
        std::size_t line;
        registry::BulkWish wish;
    };
    // nullopt: the sheet has no such column.
    std::optional<std::string_view> cell(const SheetRow& row, Col place) const {
        if (!places_[place]) return std::nullopt;
        return row.cells[*places_[place]];
    }
    std::string_view cell_or_empty(const SheetRow& row, Col place) const { return cell(row, place).value_or(""); }
    void take_fields(const SheetRow& row, const registry::Resource* current, PlanLine& line, Json& spec) const;
    void take_delete(const SheetRow& row, const ResourcePtr& current, std::size_t index, const std::string& name);
    void order_moves();

    const registry::Registry& registry_;
    const registry::Actor& actor_;
    const Sees& sees_;
    const std::vector<std::optional<std::size_t>> places_;
    Plan plan_;
    std::map<std::string, std::uint64_t, std::less<>> names_;  // of the lines
    std::vector<Wish> removes_, puts_, moves_;
};

void Reader::take_fields(const SheetRow& row, const registry::Resource* current, PlanLine& line, Json& spec) const {
    for (const Field& field : kFields) {
        const auto given = cell(row, field.place);
        const std::string_view key = kColumns[field.place].key;
        if (!given) continue;
        const std::string before = current ? cell_of(member(current->spec, key)).text : "";
        if (*given == before) continue;
        if (given->empty()) {
            // A device has a type, and is enabled unless the sheet says no.
            if (field.place == kType || field.place == kEnabled) continue;
            spec.get_object().erase(key);
        } else {
            auto taken = take_cell(key, *given, field.type);
            if (taken.fault) {
                line.faults.push_back(std::move(*taken.fault));
                continue;
            }
            spec.get_object()[key] = std::move(taken.value);
        }
        const std::string after = cell_of(member(spec, key)).text;
        if (after != before) line.changes.push_back({std::string(key), before, after});
    }
    const auto origin = cell(row, kTemplate);
    const std::string made_from = current ? template_of(current->spec) : "";
    if (origin && !origin->empty() && *origin != made_from)
        line.faults.push_back(
            fault("template", *origin, made_from.empty() ? "空：模板在设备模板页套用" : made_from,
                  made_from.empty() ? "nothing: templates are applied on their own page" : made_from));
}

void Reader::take_delete(const SheetRow& row, const ResourcePtr& current, std::size_t index, const std::string& name) {
    PlanLine& line = plan_.lines[index];
    if (!current) {
        line.faults.push_back(fault("name", name, "已有的设备", "a device that is there"));
    } else if (!cell_or_empty(row, kNewName).empty()) {
        line.faults.push_back(
            fault("new_name", cell_or_empty(row, kNewName), "空，因为要删除", "nothing, as it is to be deleted"));
    } else {
        line.changes.push_back({"delete", "no", "yes"});
        removes_.push_back(
            {index, {.what = What::remove, .kind = "device", .name = name, .if_match = current->revision}});
    }
}

Result<void> Reader::add(const SheetRow& row) {
    const std::size_t index = plan_.lines.size();
    const std::string name(cell_or_empty(row, kName));
    plan_.lines.push_back({.line = row.line, .name = name});
    PlanLine& line = plan_.lines.back();
    if (name.empty()) {
        line.faults.push_back(
            fault("name", "", "设备的路径，如 工厂/车间/设备", "the path of a device, as plant/line/device"));
        return {};
    }
    if (const auto [there, is_new] = names_.emplace(name, row.line); !is_new) {
        line.faults.push_back(fault("name", name, fmt::format("每台设备一行，第 {} 行已有", there->second),
                                    fmt::format("one line a device; line {} has it already", there->second)));
        return {};
    }
    const ResourcePtr current = registry_.find(actor_.tenant, "device", name);
    if (!sees_name(sees_, name)) return Error{Code::not_found, "line {}: there is no device \"{}\"", row.line, name};
    if (auto wrong = check_revision(cell_or_empty(row, kRevision), current.get()))
        line.faults.push_back(std::move(*wrong));
    if (const auto word = cell_or_empty(row, kDelete); !word.empty()) {
        auto taken = take_cell("delete", word, CellType::boolean);
        if (taken.fault) line.faults.push_back(std::move(*taken.fault));
        if (taken.value.is_bool() && taken.value.get_bool()) {
            take_delete(row, current, index, name);
            return {};
        }
    }
    Json spec = current ? current->spec : Json(JsonObject{});
    take_fields(row, current.get(), line, spec);
    if (!line.faults.empty()) return {};
    if (!current || !line.changes.empty())
        puts_.push_back(
            {index,
             {.kind = "device", .name = name, .spec = std::move(spec), .if_match = current ? current->revision : 0}});
    const std::string moved(cell_or_empty(row, kNewName));
    if (moved.empty() || moved == name) return {};
    line.changes.push_back({"new_name", name, moved});
    registry::BulkWish wish{.what = What::rename, .kind = "device", .name = name, .new_name = moved};
    if (line.changes.size() == 1 && current) wish.if_match = current->revision;
    moves_.push_back({index, std::move(wish)});
    return {};
}

// One that goes where another one leaves waits for it.
void Reader::order_moves() {
    std::map<std::string, std::size_t> leaving;
    for (std::size_t i = 0; i < moves_.size(); ++i) leaving[moves_[i].wish.name] = i;
    std::vector<bool> done(moves_.size());
    for (std::size_t i = 0; i < moves_.size(); ++i) {
        std::vector<std::size_t> chain;
        for (std::size_t at = i; !done[at];) {
            done[at] = true;
            chain.push_back(at);
            const auto next = leaving.find(moves_[at].wish.new_name);
            if (next == leaving.end()) break;
            at = next->second;
        }
        for (auto at = chain.rbegin(); at != chain.rend(); ++at) plan_.add(moves_[*at].line, moves_[*at].wish);
    }
}

Result<Plan> Reader::finish() {
    if (moves_.size() > kMovesMax)
        return Error{Code::limit, "a sheet renames at most {} devices, found {}; send it in parts", kMovesMax,
                     moves_.size()};
    for (Wish& one : removes_) plan_.add(one.line, std::move(one.wish));
    for (Wish& one : puts_) plan_.add(one.line, std::move(one.wish));
    order_moves();
    plan_.locate = [lines = plan_.line_of, wishes = plan_.wishes](std::size_t wish, std::string_view place) {
        const std::string_view field = place.substr(0, place.find_first_of(".["));
        for (const Column& column : kColumns)
            if (column.key == field) return Place{lines[wish], std::string(field)};
        if (wishes[wish].what == What::rename) return Place{lines[wish], "new_name"};
        return Place{lines[wish], wishes[wish].if_match == std::optional<std::uint64_t>{0} ? "name" : ""};
    };
    return std::move(plan_);
}

}  // namespace

std::string device_sheet(const std::vector<ResourcePtr>& devices, Header header) {
    std::string out(kByteOrderMark);
    write_row(out, header_of(kColumns, header));
    for (const auto& device : devices) {
        std::vector<SheetCell> cells(kPlaces);
        cells[kName] = {device->name};
        for (const Field& field : kFields)
            cells[field.place] = cell_of(member(device->spec, kColumns[field.place].key));
        cells[kTemplate] = {template_of(device->spec)};
        cells[kRevision] = {std::to_string(device->revision), true};
        write_row(out, cells);
    }
    return out;
}

Result<Plan> plan_devices(const registry::Registry& registry, const registry::Actor& actor, const SheetFile& file,
                          const Sees& sees) {
    auto places = TRY(find_columns(kColumns, file));
    if (!places[kName]) return Error{Code::invalid, "line 1: expected a column \"name\" (设备)"};
    Reader reader(registry, actor, sees, std::move(places));
    for (const SheetRow& row : file.rows) TRY(reader.add(row));
    return reader.finish();
}

}  // namespace gongshu::sheets
