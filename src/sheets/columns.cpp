#include "sheets/columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "registry/shape.h"

namespace gongshu::sheets {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}  // namespace

Result<std::vector<std::optional<std::size_t>>> find_columns(std::span<const Column> columns, const SheetFile& file) {
    std::vector<std::optional<std::size_t>> places(columns.size());
    for (std::size_t i = 0; i < file.names.size(); ++i) {
        const std::string name = lower(file.names[i]);
        const auto found = std::ranges::find_if(columns, [&](const Column& column) {
            return name == column.key || file.names[i] == column.zh || name == lower(column.en) ||
                   (!name.empty() && (file.names[i] == column.also_zh || name == lower(column.also_en)));
        });
        if (found == columns.end()) {
            std::vector<std::string> names;
            for (const Column& column : columns) {
                names.emplace_back(column.key);
                names.emplace_back(column.zh);
                names.emplace_back(column.en);
            }
            const std::string near = registry::nearest(file.names[i], names);
            if (!near.empty())
                return Error{Code::invalid, "line 1: there is no column \"{}\"; did you mean \"{}\"?", file.names[i],
                             near};
            std::string keys, titles;
            for (const Column& column : columns) {
                keys.append(keys.empty() ? "" : ", ").append(column.key);
                titles.append(titles.empty() ? "" : "、").append(column.zh);
            }
            return Error{Code::invalid, "line 1: there is no column \"{}\"; expected some of {} ({})", file.names[i],
                         keys, titles};
        }
        auto& place = places[static_cast<std::size_t>(found - columns.begin())];
        if (place) return Error{Code::invalid, "line 1: two columns are \"{}\"", found->key};
        place = i;
    }
    return places;
}

std::vector<SheetCell> header_of(std::span<const Column> columns, Header header) {
    std::vector<SheetCell> cells;
    for (const Column& column : columns) {
        const std::string_view text = header == Header::zh ? column.zh : header == Header::en ? column.en : column.key;
        cells.push_back({std::string(text)});
    }
    return cells;
}

SheetCell cell_of(const Json* value) {
    if (!value || value->is_null()) return {};
    if (value->is_bool()) return {value->get_bool() ? "yes" : "no"};
    if (value->is_string()) return {std::string(value->get_string().data(), value->get_string().size())};
    return {registry::to_text(*value), true};
}

const Json* member(const Json& object, std::string_view name) {
    return object.is_object() ? object.get_object().if_contains({name.data(), name.size()}) : nullptr;
}

std::string text_member(const Json& object, std::string_view name) {
    const Json* const found = member(object, name);
    return found && found->is_string() ? std::string(found->get_string().data(), found->get_string().size()) : "";
}

Fault fault(std::string_view column, std::string_view found, std::string zh, std::string en) {
    return {std::string(column), std::string(found.substr(0, 200)), std::move(zh), std::move(en), ""};
}

Taken take_cell(std::string_view column, std::string_view cell, CellType type) {
    if (type == CellType::text) return {Json(std::string(cell)), std::nullopt};
    const std::string word = lower(cell);
    if (type == CellType::boolean) {
        for (const std::string_view yes : {"yes", "true", "1", "y", "是", "启用"})
            if (word == yes) return {Json(true), std::nullopt};
        for (const std::string_view no : {"no", "false", "0", "n", "否", "停用"})
            if (word == no) return {Json(false), std::nullopt};
        return {Json(), fault(column, cell, "是 或 否", "yes or no")};
    }
    double number = 0;
    const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool read = failed == std::errc{} && end == word.data() + word.size() && std::isfinite(number);
    if (read && (type == CellType::number || number == std::trunc(number)))
        return {registry::canonical_number(number), std::nullopt};
    return type == CellType::integer ? Taken{Json(), fault(column, cell, "整数", "a whole number")}
                                     : Taken{Json(), fault(column, cell, "数字", "a number")};
}

bool sees_name(const std::function<bool(const registry::Resource&)>& sees, const std::string& device) {
    registry::Resource there;
    there.kind = "device";
    there.name = device;
    return sees(there);
}

std::optional<Fault> check_revision(std::string_view cell, const registry::Resource* current) {
    if (cell.empty()) return std::nullopt;
    if (!current)
        return fault("revision", cell, "空：该设备已不在（被删除或改名），清空此格则重新建立",
                     "nothing: the device is gone, deleted or renamed; empty the cell to make it anew");
    if (cell == std::to_string(current->revision)) return std::nullopt;
    return fault("revision", cell, fmt::format("{}：导出之后有人改过，请重新导出，或清空此格以覆盖", current->revision),
                 fmt::format("{}: it was changed since the export; export again, or empty the cell to overwrite",
                             current->revision));
}

}  // namespace gongshu::sheets
