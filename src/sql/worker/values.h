#pragma once

#include <string>
#include <vector>

#include "sql/cell.h"
#include "sql/worker/duck.h"

// Between DuckDB's vectors and values and ours.
namespace gongshu::sql {

// How a column of this type is told; `plain` is false for what has to be cast to text first (lists, intervals, …).
struct TypeMeaning {
    Column column;
    bool plain = true;
};
TypeMeaning meaning_of(duck::Type type, std::string name);
// `zoned` as in Question: of a time TIMESTAMP WITH TIME ZONE, else TIMESTAMP_NS.
duck::TypeId type_of(CellType type, bool zoned);

// Appends the rows of a chunk. False if a time lies outside of what 64 bits of nanoseconds hold.
bool append_chunk(duck::Chunk chunk, const std::vector<duck::Type>& types, Page& page);

// Writes rows `from` … of a page into a chunk, its columns to those places of it; returns how many rows fitted.
std::size_t fill_chunk(const Page& page, std::size_t from, const std::vector<std::size_t>& places, duck::Chunk chunk,
                       bool zoned);

duck::Value make_value(const Cell& cell, bool zoned);
// A value of an argument: a list gives its members. A time without a zone and all that is no number of a time come as
// text. Takes it.
std::vector<Cell> take_cells(duck::Value value);

}  // namespace gongshu::sql
