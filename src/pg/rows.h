#pragma once

#include <string>
#include <vector>

#include "calendar/zone.h"
#include "sql/cell.h"
#include "wire/pg_value.h"
#include "wire/pgwire.h"

// Between SQL's cells and PostgreSQL's values.
namespace gongshu::pg {

wire::PgType type_of(const sql::Column& column);
wire::PgType type_of(sql::CellType type);

// The format of each column: none said = text, one = of all. Code::invalid when the numbers do not fit.
Result<std::vector<wire::PgField>> fields_of(const std::vector<sql::Column>& columns,
                                             const std::vector<wire::PgFormat>& formats);

// Appends one row; times with a zone in `zone`.
void write_row(std::string& out, const std::vector<wire::PgField>& fields, const sql::Page& page, std::size_t row,
               const calendar::Zone& zone);

// A clock's reading is one of `zone`.
sql::Cell cell_of(wire::PgValue value, const calendar::Zone& zone);

}  // namespace gongshu::pg
