#pragma once

#include <string>
#include <string_view>

#include "data/value.h"

// Cells of CSV as RFC 4180 has them.
namespace gongshu::api {

void write_csv_text(std::string& out, std::string_view text);
void write_csv_number(std::string& out, double value);  // nothing for what is no number
void write_csv_value(std::string& out, const Value& value);

}  // namespace gongshu::api
