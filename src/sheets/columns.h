#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "registry/json.h"
#include "sheets/plan.h"
#include "sheets/sheet_file.h"

// What the two sheets share: columns with a key and titles, and cells as values.
namespace gongshu::sheets {

struct Column {
    std::string_view key, zh, en;
    std::string_view also_zh = {}, also_en = {};  // as the page heads it, where that differs
};

// Of which column of the file each of `columns` is taken, nullopt = the file has none. A header is a key or a title of
// either language, whatever its case. Code::invalid for one that is unknown (it names those that are known) or twice.
Result<std::vector<std::optional<std::size_t>>> find_columns(std::span<const Column> columns, const SheetFile& file);

enum class Header : std::uint8_t { keys, zh, en };
std::vector<SheetCell> header_of(std::span<const Column> columns, Header header);

// yes, no; numbers as short as they read back the same; texts as they are; null is empty.
SheetCell cell_of(const Json* value);
const Json* member(const Json& object, std::string_view name);
std::string text_member(const Json& object, std::string_view name);  // "" if it is no text

// A cell that is not empty as a value; what is wrong with it otherwise.
enum class CellType : std::uint8_t { text, number, integer, boolean };
struct Taken {
    Json value;
    std::optional<Fault> fault;
};
Taken take_cell(std::string_view column, std::string_view cell, CellType type);

Fault fault(std::string_view column, std::string_view found, std::string zh, std::string en);

// Whether there is a device of that name or not: who does not see its place is not told.
bool sees_name(const std::function<bool(const registry::Resource&)>& sees, const std::string& device);

// The cell `revision` says which one the sheet was made of; empty: whichever there is.
std::optional<Fault> check_revision(std::string_view cell, const registry::Resource* current);

}  // namespace gongshu::sheets
