#include "pg/lists.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "wire/sql_text.h"

namespace gongshu::pg {

namespace {

using wire::PgType;
using wire::SqlWord;

struct OfArray {
    std::uint32_t array;
    PgType element;
    std::string_view name;
};

constexpr OfArray kArrays[] = {{1000, PgType::boolean, "bool"},
                               {1000, PgType::boolean, "boolean"},
                               {1016, PgType::int8, "int8"},
                               {1016, PgType::int8, "bigint"},
                               {1007, PgType::int4, "int4"},
                               {1007, PgType::int4, "int"},
                               {1007, PgType::int4, "integer"},
                               {1005, PgType::int2, "int2"},
                               {1022, PgType::float8, "float8"},
                               {1021, PgType::float4, "float4"},
                               {1231, PgType::numeric, "numeric"},
                               {1009, PgType::text, "text"},
                               {1015, PgType::varchar, "varchar"},
                               {1182, PgType::date, "date"},
                               {1115, PgType::timestamp, "timestamp"},
                               {1185, PgType::timestamptz, "timestamptz"},
                               {2951, PgType::uuid, "uuid"}};

// One place in a statement: from the sign in front of ANY to its closing bracket.
struct Place {
    std::size_t begin = 0, end = 0;  // bytes
    std::size_t number = 0;
    bool negates = false;
    ListParameter list;
};

std::size_t number_of(std::string_view parameter) {
    std::size_t number = 0;
    std::from_chars(parameter.data() + 1, parameter.data() + parameter.size(), number);
    return number;
}

// ANY($1), ANY($1::text[]) behind a sign that ends at word `at`.
std::optional<Place> place_at(const std::vector<SqlWord>& words, std::size_t at, bool negates) {
    const auto is = [&](std::size_t i, std::string_view lower) {
        return i < words.size() && is_sql_word(words[i], lower);
    };
    if (!is(at, negates ? "all" : "any") || !is(at + 1, "(")) return std::nullopt;
    if (at + 2 >= words.size() || words[at + 2].kind != SqlWord::Kind::parameter) return std::nullopt;
    Place place{.number = number_of(words[at + 2].source), .negates = negates};
    std::size_t next = at + 3;
    if (is(next, ":") && is(next + 1, ":") && next + 2 < words.size() && is(next + 3, "[") && is(next + 4, "]")) {
        const std::string name = sql_unquoted(words[next + 2]);
        const auto known = std::ranges::find(kArrays, std::string_view{name}, &OfArray::name);
        place.list.element = known == std::end(kArrays) ? PgType::text : known->element;
        next += 5;
    }
    if (!is(next, ")") || place.number == 0) return std::nullopt;
    place.end = words[next].at + 1;
    return place;
}

std::vector<Place> places_of(std::string_view statement) {
    std::vector<Place> out;
    if (statement.find('$') == statement.npos) return out;
    const auto words = wire::sql_words(statement);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        const auto is_sign = [&](std::size_t k) {
            const std::string_view source = words[k].source;
            return source == "!" || source == "<" || source == ">" || source == "=";
        };
        const bool is_part = i > 0 && is_sign(i - 1) && words[i - 1].at + 1 == words[i].at;  // of >=, <=, !=
        const bool is_equal = !is_part && is_sql_word(words[i], "=");
        const bool is_other = (is_sql_word(words[i], "<") && is_sql_word(words[i + 1], ">")) ||
                              (is_sql_word(words[i], "!") && is_sql_word(words[i + 1], "="));
        if (!is_equal && !is_other) continue;
        auto place = place_at(words, i + (is_other ? 2 : 1), is_other);
        if (!place) continue;
        place->begin = words[i].at;
        out.push_back(*place);
    }
    return out;
}

// Reads {…} from the front.
class Members {
public:
    explicit Members(std::string_view text) : rest_(text) {}

    Result<std::vector<std::optional<std::string>>> all() {
        const Error wrong{Code::malformed, "a list is written as {{a,b}}, with commas between and quotes around texts"};
        skip();
        if (!take('{')) return wrong;
        std::vector<std::optional<std::string>> out;
        skip();
        while (!take('}')) {
            if (!out.empty() && !take(',')) return wrong;
            if (out.size() >= kMembersMax) return Error{Code::limit, "a list has at most {} members", kMembersMax};
            std::optional<std::string> member;
            if (!one(member)) return wrong;
            out.push_back(std::move(member));
            skip();
        }
        skip();
        if (!rest_.empty()) return wrong;
        return out;
    }

private:
    bool take(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void skip() {
        while (take(' ') || take('\n') || take('\t')) {
        }
    }

    bool one(std::optional<std::string>& member) {
        skip();
        std::string text;
        const bool quoted = take('"');
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (quoted ? c == '"' : c == ',' || c == '}' || c == '{' || c == '"') break;
            rest_.remove_prefix(1);
            if (c == '\\' && rest_.empty()) return false;
            text += c == '\\' ? rest_.front() : c;
            if (c == '\\') rest_.remove_prefix(1);
        }
        if (quoted) {
            member = std::move(text);
            return take('"');
        }
        while (text.ends_with(' ')) text.pop_back();
        if (text.empty()) return false;
        if (text != "NULL" && text != "null") member = std::move(text);
        return true;
    }

    std::string_view rest_;
};

}  // namespace

std::map<std::size_t, ListParameter> list_parameters(std::string_view statement) {
    std::map<std::size_t, ListParameter> out;
    for (const Place& place : places_of(statement)) out.emplace(place.number, place.list);
    return out;
}

std::optional<std::size_t> list_elsewhere(std::string_view statement) {
    std::map<std::size_t, std::size_t> places;
    for (const Place& place : places_of(statement)) ++places[place.number];
    if (places.empty()) return std::nullopt;
    for (const SqlWord& word : wire::sql_words(statement)) {
        if (word.kind != SqlWord::Kind::parameter) continue;
        const auto found = places.find(number_of(word.source));
        if (found != places.end() && found->second-- == 0) return found->first;
    }
    return std::nullopt;
}

Result<std::string> with_members(std::string_view statement,
                                 const std::map<std::size_t, std::vector<std::size_t>>& members,
                                 std::size_t bytes_max) {
    std::map<std::size_t, std::string> lists;
    for (const auto& [number, own] : members) {
        std::string& list = lists[number];
        for (const std::size_t one : own) list += fmt::format("{}${}", list.empty() ? "" : ", ", one);
        if (list.empty()) list = "SELECT NULL WHERE false";
    }
    std::string out;
    std::size_t taken = 0;
    for (const Place& place : places_of(statement)) {
        const auto found = lists.find(place.number);
        if (found == lists.end()) continue;
        out.append(statement.substr(taken, place.begin - taken));
        out.append(place.negates ? "NOT IN (" : "IN (").append(found->second).append(")");
        taken = place.end;
        if (out.size() > bytes_max) break;
    }
    out.append(statement.substr(taken));
    if (out.size() > bytes_max)
        return Error{Code::limit, "with the members of its lists the statement has more than {} KB", bytes_max >> 10};
    return out;
}

Result<std::vector<std::optional<std::string>>> read_pg_array(std::string_view text) { return Members{text}.all(); }

PgType element_of(std::uint32_t array) {
    const auto found = std::ranges::find(kArrays, array, &OfArray::array);
    return found == std::end(kArrays) ? PgType::unspecified : found->element;
}

std::uint32_t array_of(PgType element) {
    const auto found = std::ranges::find(kArrays, element, &OfArray::element);
    return found == std::end(kArrays) ? 1009 : found->array;
}

}  // namespace gongshu::pg
