#include "sql/worker/reason.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace gongshu::sql {

namespace {

constexpr std::size_t kNameBytes = 100;

std::string_view text_at(const JsonObject& object, std::string_view name) {
    const Json* const found = object.if_contains(name);
    return found != nullptr && found->is_string() ? std::string_view{found->get_string()} : std::string_view{};
}

// What stands between the two, of the first place where they do; "" if nowhere.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    const std::size_t at = text.find(before);
    if (at == text.npos) return {};
    text.remove_prefix(at + before.size());
    return cut_utf8(text.substr(0, text.find(after)), kNameBytes);
}

std::string_view first_of(std::string_view list) { return list.substr(0, list.find(',')); }

Error missing(const JsonObject& told, Code code) {
    const std::string_view type = text_at(told, "type"), name = cut_utf8(text_at(told, "name"), kNameBytes),
                           like = cut_utf8(first_of(text_at(told, "candidates")), kNameBytes);
    if (type == "Table" && like.empty()) return Error{code, "there is no table \"{}\"", name};
    if (type == "Table") return Error{code, "there is no table \"{}\"; did you mean \"{}\"?", name, like};
    if (like.empty()) return Error{code, "there is no function {}", name};
    return Error{code, "there is no function {}; did you mean {}?", name, like};
}

// Of its lines, those that say what is wrong.
std::string without_advice(std::string_view message) {
    std::string out;
    while (!message.empty()) {
        const std::string_view line = message.substr(0, message.find('\n'));
        message.remove_prefix(std::min(line.size() + 1, message.size()));
        const bool advises = line.find("SET ") != line.npos || line.find("PRAGMA ") != line.npos;
        const bool is_ours = line.find("gongshu_") != line.npos;  // an argument that nobody else gives
        if (line.empty() || advises || is_ours) continue;
        if (!out.empty()) out += '\n';
        out += line;
    }
    return out;
}

// Those that are told by the message alone, with what stands in it.
Error by_message(std::string_view message, Code code) {
    const auto all = [&](std::string_view before, std::string_view after) { return between(message, before, after); };
    if (message.starts_with("syntax error at end of input")) return Error{code, "the statement ends too early"};
    if (const auto near = all("syntax error at or near \"", "\""); !near.empty())
        return Error{code, "syntax error at or near \"{}\"", near};
    const auto table = all("\"", "\""), missing_column = all("does not have a column named \"", "\"");
    if (!missing_column.empty()) return Error{code, "\"{}\" has no column \"{}\"", table, missing_column};
    if (const auto name = all("Referenced table \"", "\" not found"); !name.empty())
        return Error{code, "there is no table \"{}\" in FROM", name};
    const auto text = all("string '", "' to "), type = all("' to ", "\n");
    if (message.starts_with("Could not convert string '")) return Error{code, "'{}' cannot be read as {}", text, type};
    if (const auto call = all("No function matches the given name and argument types '", "'. You"); !call.empty())
        return Error{code, "no function takes {}: cast what it is given, as in x::DOUBLE", call};
    const auto lonely = all("column \"", "\""), many = all("name \"", "\""), use = all("(use: \"", "\"");
    if (message.find("must appear in the GROUP BY clause") != message.npos)
        return Error{code, "\"{}\" has to stand in GROUP BY or in an aggregate", lonely};
    if (message.starts_with("Ambiguous reference to column name"))
        return Error{code, "\"{}\" is a column of several tables: say of which, as in {}", many, use};
    if (message.starts_with("More than one row returned by a subquery"))
        return Error{code,
                     "a subquery that stands for a value gives more than one row: end it with LIMIT 1, or take an "
                     "aggregate"};
    return Error{code, "{}", cut_utf8(without_advice(message), 4000)};
}

}  // namespace

Error reason_of(const JsonObject& told, Code code) {
    const std::string_view type = text_at(told, "exception_type"), what = text_at(told, "type");
    if (type == "Out of Memory")
        return Error{
            code,
            "the statement needs more memory than SQL may keep (--sql-memory): narrow its time or its tags, or "
            "aggregate before you sort and join"};
    if (type == "Catalog" && (what == "Table" || what.ends_with("Function"))) return missing(told, code);
    if (text_at(told, "error_subtype") == "COLUMN_NOT_FOUND" && !text_at(told, "candidates").empty())
        return Error{code, "there is no column \"{}\"; there is {}", cut_utf8(text_at(told, "name"), kNameBytes),
                     cut_utf8(text_at(told, "candidates"), 200)};
    return by_message(text_at(told, "exception_message"), code);
}

}  // namespace gongshu::sql
