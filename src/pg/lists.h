#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/pgwire.h"

// Lists as values of parameters, as drivers give them: `tag = ANY($1)` with {a,b}. The engine takes IN ($1, $2).
// Pure; linear in the text.
namespace gongshu::pg {

// Parameters that stand as `= ANY($n)`, `<> ALL($n)` or `!= ALL($n)`, with a cast or without.
struct ListParameter {
    wire::PgType element = wire::PgType::unspecified;  // as the cast says, $1::int8[]
};
std::map<std::size_t, ListParameter> list_parameters(std::string_view statement);  // by n

// One of them that also stands in another place, where a list can be nothing; nullopt if none does.
std::optional<std::size_t> list_elsewhere(std::string_view statement);

// The statement with IN (…) in their place: of each list the parameters that hold its members, none = an empty list.
// Code::limit if that takes more than `bytes_max`; no more is made then.
Result<std::string> with_members(std::string_view statement,
                                 const std::map<std::size_t, std::vector<std::size_t>>& members, std::size_t bytes_max);

// {a,"b c",NULL}: the members of an array of one dimension in PostgreSQL's text form. Code::malformed for all else,
// Code::limit past kMembersMax.
inline constexpr std::size_t kMembersMax = 900;
Result<std::vector<std::optional<std::string>>> read_pg_array(std::string_view text);

// int8[] is of int8; unspecified for what is no array of a type that we know.
wire::PgType element_of(std::uint32_t array);
std::uint32_t array_of(wire::PgType element);  // text[] of what has none

}  // namespace gongshu::pg
