#include "sheets/tag_sheet.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace gongshu::sheets {

namespace {

using ResourcePtr = std::shared_ptr<const registry::Resource>;

enum Col : std::size_t {
    kDevice,
    kProperty,
    kTitleZh,
    kTitleEn,
    kType,
    kUnit,
    kWritable,
    kEnabled,
    kMin,
    kMax,
    kPeriod,
    kKind,
    kAddress,
    kEncoding,
    kWordOrder,
    kBit,
    kLength,
    kScale,
    kOffset,
    kRevision,
    kPlaces
};

constexpr std::array<Column, kPlaces> kColumns = {{
    {"device", "设备", "Device"},
    {"property", "属性", "Property"},
    {"title_zh", "中文名称", "Title (Chinese)"},
    {"title_en", "英文名称", "Title (English)"},
    {"type", "类型", "Type"},
    {"unit", "单位", "Unit of measure"},
    {"writable", "可下发", "Writable"},
    {"enabled", "启用", "Enabled"},
    {"min", "下限", "Minimum"},
    {"max", "上限", "Maximum"},
    {"period_ms", "采集周期(ms)", "Period (ms)"},
    {"kind", "寄存器种类", "Kind"},
    {"address", "地址", "Address"},
    {"encoding", "编码", "Encoding"},
    {"word_order", "字节次序", "Word order"},
    {"bit", "位", "Bit"},
    {"length", "文本寄存器数", "Registers of a text"},
    {"scale", "倍率", "Scale"},
    {"offset", "偏移", "Offset"},
    {"revision", "版本", "Revision"},
}};

constexpr Col kToldOnly[] = {kTitleZh, kTitleEn, kType, kUnit, kWritable};
struct Field {
    Col place;
    CellType type;
};
constexpr Field kFields[] = {
    {kEnabled, CellType::boolean}, {kMin, CellType::number}, {kMax, CellType::number}, {kPeriod, CellType::integer}};
constexpr Field kAddressFields[] = {
    {kKind, CellType::text},   {kAddress, CellType::integer}, {kEncoding, CellType::text}, {kWordOrder, CellType::text},
    {kBit, CellType::integer}, {kLength, CellType::integer},  {kScale, CellType::number},  {kOffset, CellType::number}};

const Json& none() {
    static const Json nothing;
    return nothing;
}
const Json& or_none(const Json* value) { return value ? *value : none(); }

const JsonArray& list_of(const Json& spec) {
    static const JsonArray nothing;
    const Json* const list = member(spec, "properties");
    return list && list->is_array() ? list->get_array() : nothing;
}

const Json* named(const JsonArray& list, std::string_view name) {
    const auto found = std::ranges::find_if(list, [&](const Json& one) { return text_member(one, "name") == name; });
    return found == list.end() ? nullptr : &*found;
}

// A field of a property as it holds for a device: the device's own, else the type's.
const Json* effective(const Json& property, const Json* own, std::string_view key) {
    if (own)
        if (const Json* const value = member(*own, key)) return value;
    return member(property, key);
}

// Text of a cell; `enabled` is no field of the type: it is yes there.
std::string text_of(const Json& property, const Json* own, Col place) {
    const std::string_view key = kColumns[place].key;
    if (place == kEnabled) {
        const Json* const value = own ? member(*own, key) : nullptr;
        return value && value->is_bool() && !value->get_bool() ? "no" : "yes";
    }
    if (place >= kKind && place <= kOffset) {
        const Json* const address = effective(property, own, "address");
        return address ? cell_of(member(*address, key)).text : "";
    }
    return cell_of(effective(property, own, key)).text;
}

bool is_number(Col place) {
    return (place >= kMin && place <= kPeriod) || place == kAddress || (place >= kBit && place <= kRevision);
}

// An address with what it leaves out, to compare it.
Json with_defaults(Json address) {
    if (!address.is_object()) return address;
    JsonObject& fields = address.get_object();
    const auto fill = [&](std::string_view key, Json value) {
        if (!fields.contains(key)) fields[key] = std::move(value);
    };
    fill("encoding", "u16");
    fill("word_order", "ABCD");
    fill("length", 1);
    fill("scale", 1);
    fill("offset", 0);
    return address;
}

// Reader reads one file of tags into a plan: one wish a device.
// Lives: for one plan.  Threads: one.  Bounds: those of read_sheet().  Disk: none.
class Reader {
public:
    Reader(const registry::Registry& registry, const registry::Actor& actor, const Sees& sees,
           std::vector<std::optional<std::size_t>> places)
        : registry_(registry), actor_(actor), sees_(sees), places_(std::move(places)) {}

    Result<void> add(const SheetRow& row);
    Plan finish();

private:
    struct Device {
        ResourcePtr current, type;
        Json spec;
        std::optional<std::size_t> first_changed;               // line
        std::map<std::string, std::size_t, std::less<>> lines;  // of its properties
    };
    std::optional<std::string_view> cell(const SheetRow& row, Col place) const {
        if (!places_[place]) return std::nullopt;
        return row.cells[*places_[place]];
    }
    Result<Device*> device_of(const SheetRow& row, const std::string& name);
    void take(const SheetRow& row, PlanLine& line, const Json& property, const Json* own, Json& next) const;
    void take_address(const SheetRow& row, PlanLine& line, const Json& property, const Json* own, Json& next) const;

    const registry::Registry& registry_;
    const registry::Actor& actor_;
    const Sees& sees_;
    const std::vector<std::optional<std::size_t>> places_;
    Plan plan_;
    std::map<std::string, Device> devices_;
};

Result<Reader::Device*> Reader::device_of(const SheetRow& row, const std::string& name) {
    const auto known = devices_.find(name);
    if (known != devices_.end()) return &known->second;
    Device device;
    device.current = registry_.find(actor_.tenant, "device", name);
    if (!sees_name(sees_, name)) return Error{Code::not_found, "line {}: there is no device \"{}\"", row.line, name};
    if (device.current) {
        device.type = registry_.find(actor_.tenant, "device_type", text_member(device.current->spec, "type"));
        device.spec = device.current->spec;
    }
    return &devices_.emplace(name, std::move(device)).first->second;
}

void Reader::take_address(const SheetRow& row, PlanLine& line, const Json& property, const Json* own,
                          Json& next) const {
    bool same = true, any = false, empty = true;
    for (const Field& field : kAddressFields) {
        const auto given = cell(row, field.place);
        if (!given) continue;
        any = true;
        empty = empty && given->empty();
        same = same && *given == text_of(property, own, field.place);
    }
    if (!any || same) return;
    const Json* const now = effective(property, own, "address");
    Json address = now && !empty ? *now : Json(JsonObject{});
    for (const Field& field : kAddressFields) {
        const auto given = cell(row, field.place);
        const std::string_view key = kColumns[field.place].key;
        if (!given) continue;
        if (given->empty()) {
            address.get_object().erase(key);
            continue;
        }
        auto taken = take_cell(key, *given, field.type);
        if (taken.fault) {
            line.faults.push_back(std::move(*taken.fault));
        } else {
            address.get_object()[key] = std::move(taken.value);
        }
    }
    if (!line.faults.empty()) return;
    const bool of_type = empty || with_defaults(address) == with_defaults(or_none(member(property, "address")));
    if (of_type) {
        next.get_object().erase("address");
    } else if (with_defaults(address) != with_defaults(or_none(now))) {
        next.get_object()["address"] = with_defaults(std::move(address));
    }
}

void Reader::take(const SheetRow& row, PlanLine& line, const Json& property, const Json* own, Json& next) const {
    for (const Col place : kToldOnly) {
        const auto given = cell(row, place);
        const std::string is = text_of(property, nullptr, place);
        if (!given || given->empty() || *given == is) continue;
        line.faults.push_back(fault(kColumns[place].key, *given, is + "：属于设备型号，请在型号页修改",
                                    is + ": it belongs to the device type; change it there"));
    }
    for (const Field& field : kFields) {
        const auto given = cell(row, field.place);
        const std::string_view key = kColumns[field.place].key;
        if (!given || *given == text_of(property, own, field.place)) continue;
        Json value;
        if (!given->empty()) {
            auto taken = take_cell(key, *given, field.type);
            if (taken.fault) {
                line.faults.push_back(std::move(*taken.fault));
                continue;
            }
            value = std::move(taken.value);
        }
        const std::string wanted = cell_of(&value).text;
        if (!wanted.empty() && wanted == text_of(property, own, field.place)) continue;
        if (wanted.empty() || wanted == text_of(property, nullptr, field.place)) {
            next.get_object().erase(key);
        } else {
            next.get_object()[key] = std::move(value);
        }
    }
    take_address(row, line, property, own, next);
}

Result<void> Reader::add(const SheetRow& row) {
    const std::string device_name(*cell(row, kDevice)), name(*cell(row, kProperty));
    const std::size_t index = plan_.lines.size();
    plan_.lines.push_back({.line = row.line, .name = device_name + "." + name});
    PlanLine& line = plan_.lines.back();
    Device& device = *TRY(device_of(row, device_name));
    if (!device.current) {
        line.faults.push_back(fault("device", device_name, "已有的设备；新设备先用设备表建立",
                                    "a device that is there; new ones are made by the sheet of devices"));
        return {};
    }
    const Json* const property = device.type ? named(list_of(device.type->spec), name) : nullptr;
    if (!property) {
        line.faults.push_back(fault("property", name, "设备型号中的属性", "a property of its device type"));
        return {};
    }
    if (const auto [there, is_new] = device.lines.emplace(name, index); !is_new) {
        const auto before = plan_.lines[there->second].line;
        line.faults.push_back(fault("property", name, fmt::format("每个点位一行，第 {} 行已有", before),
                                    fmt::format("one line a tag; line {} has it already", before)));
        return {};
    }
    if (auto wrong = check_revision(cell(row, kRevision).value_or(""), device.current.get()))
        line.faults.push_back(std::move(*wrong));
    const Json* const own = named(list_of(device.spec), name);
    Json next = own ? *own : Json(JsonObject{{"name", name}});
    take(row, line, *property, own, next);
    if (!line.faults.empty() || next == (own ? *own : Json(JsonObject{{"name", name}}))) return {};
    for (std::size_t place = kEnabled; place <= kOffset; ++place) {
        const auto at = static_cast<Col>(place);
        const std::string before = text_of(*property, own, at), after = text_of(*property, &next, at);
        if (before != after) line.changes.push_back({std::string(kColumns[place].key), before, after});
    }
    if (!device.first_changed) device.first_changed = index;
    JsonArray list = list_of(device.spec);
    const auto at = std::ranges::find_if(list, [&](const Json& one) { return text_member(one, "name") == name; });
    const bool is_empty = next.get_object().size() == 1;
    if (at == list.end()) {
        if (!is_empty) list.push_back(std::move(next));
    } else if (is_empty) {
        list.erase(at);
    } else {
        *at = std::move(next);
    }
    device.spec.get_object()["properties"] = std::move(list);
    return {};
}

Plan Reader::finish() {
    std::vector<std::map<std::string, std::size_t, std::less<>>> lines;
    for (auto& [name, device] : devices_) {
        if (!device.first_changed) continue;
        plan_.add(
            *device.first_changed,
            {.kind = "device", .name = name, .spec = std::move(device.spec), .if_match = device.current->revision});
        lines.push_back(std::move(device.lines));
    }
    plan_.locate = [lines = std::move(lines), wishes = plan_.wishes, first = plan_.line_of](std::size_t wish,
                                                                                            std::string_view place) {
        Place at{first[wish], ""};
        if (!place.starts_with("properties[")) return at;
        std::size_t i = 0;
        const std::string_view number = place.substr(11);
        std::from_chars(number.data(), number.data() + number.size(), i);
        const JsonArray& list = list_of(wishes[wish].spec);
        const auto line = i < list.size() ? lines[wish].find(text_member(list[i], "name")) : lines[wish].end();
        if (line != lines[wish].end()) at.line = line->second;
        const std::string_view field = place.substr(place.rfind('.') + 1);
        for (const Column& column : kColumns)
            if (column.key == field) at.column = field;
        return at;
    };
    return std::move(plan_);
}

}  // namespace

std::string tag_sheet(const registry::Registry& registry, TenantId tenant, const std::vector<ResourcePtr>& devices,
                      Header header) {
    std::string out(kByteOrderMark);
    write_row(out, header_of(kColumns, header));
    for (const auto& device : devices) {
        const auto type = registry.find(tenant, "device_type", text_member(device->spec, "type"));
        if (!type) continue;
        for (const Json& property : list_of(type->spec)) {
            const std::string name = text_member(property, "name");
            const Json* const own = named(list_of(device->spec), name);
            std::vector<SheetCell> cells(kPlaces);
            cells[kDevice] = {device->name};
            cells[kProperty] = {name};
            for (std::size_t place = kTitleZh; place < kRevision; ++place) {
                const auto at = static_cast<Col>(place);
                cells[place] = {text_of(property, own, at), is_number(at)};
            }
            cells[kRevision] = {std::to_string(device->revision), true};
            write_row(out, cells);
        }
    }
    return out;
}

Result<Plan> plan_tags(const registry::Registry& registry, const registry::Actor& actor, const SheetFile& file,
                       const Sees& sees) {
    auto places = TRY(find_columns(kColumns, file));
    if (!places[kDevice] || !places[kProperty])
        return Error{Code::invalid, "line 1: expected the columns \"device\" (设备) and \"property\" (属性)"};
    Reader reader(registry, actor, sees, std::move(places));
    for (const SheetRow& row : file.rows) TRY(reader.add(row));
    return reader.finish();
}

}  // namespace gongshu::sheets
