#include "pg/catalog.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "pg/catalog_tables.h"
#include "wire/sql_text.h"

namespace gongshu::pg {

namespace {

using wire::SqlWord;
using Kind = SqlWord::Kind;

constexpr std::size_t kWordsMax = 20'000;

// Functions whose answer is the same for everybody, whatever they are called with.
constexpr std::pair<std::string_view, std::string_view> kConstants[] = {
    {"array_lower", "1"},
    {"current_database", "'gongshu'"},
    {"current_schema", "'public'"},
    {"current_schemas", "['public']"},
    {"getdatabaseencoding", "'UTF8'"},
    {"has_any_column_privilege", "true"},
    {"has_column_privilege", "true"},
    {"has_database_privilege", "true"},
    {"has_function_privilege", "true"},
    {"has_schema_privilege", "true"},
    {"has_table_privilege", "true"},
    {"inet_server_addr", "NULL::VARCHAR"},
    {"inet_server_port", "NULL::INTEGER"},
    {"obj_description", "NULL::VARCHAR"},
    {"col_description", "NULL::VARCHAR"},
    {"shobj_description", "NULL::VARCHAR"},
    {"pg_advisory_unlock_all", "NULL::VARCHAR"},
    {"pg_backend_pid", "0"},
    {"pg_client_encoding", "'UTF8'"},
    {"pg_database_size", "0"},
    {"pg_encoding_to_char", "'UTF8'"},
    {"pg_function_is_visible", "true"},
    {"pg_get_constraintdef", "''"},
    {"pg_get_expr", "NULL::VARCHAR"},
    {"pg_get_function_arguments", "''"},
    {"pg_get_function_identity_arguments", "''"},
    {"pg_get_function_result", "''"},
    {"pg_get_indexdef", "''"},
    {"pg_get_partkeydef", "NULL::VARCHAR"},
    {"pg_get_triggerdef", "''"},
    {"pg_get_userbyid", "'gongshu'"},
    {"pg_get_viewdef", "''"},
    {"pg_has_role", "true"},
    {"pg_indexes_size", "0"},
    {"pg_is_in_recovery", "false"},
    {"pg_is_other_temp_schema", "false"},
    {"pg_my_temp_schema", "0"},
    {"pg_relation_is_publishable", "false"},
    {"pg_relation_size", "0"},
    {"pg_table_is_visible", "true"},
    {"pg_table_size", "0"},
    {"pg_total_relation_size", "0"},
    {"pg_type_is_visible", "true"},
    {"txid_current", "0"},
};

// Types that the engine does not have; what is cast to one is shown as text.
constexpr std::string_view kTextTypes[] = {
    "name", "regtype", "regproc", "regprocedure", "regnamespace", "regrole",     "cstring",  "int2vector",
    "xid",  "aclitem", "inet",    "oidvector",    "pg_lsn",       "regoperator", "\"char\"", "sql_identifier"};

// Tables of which psql asks when it shows one of ours, and which have nothing to say of it.
constexpr std::string_view kNothingThere[] = {"pg_policy", "pg_statistic_ext", "pg_publication", "pg_inherits"};

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + "'";
}

// The name of a table as it stands in 'public."Name"'::regclass.
std::string table_name(std::string_view text) {
    const std::size_t point = text.rfind('.');
    if (point != text.npos) text.remove_prefix(point + 1);
    if (text.size() > 1 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
    return std::string(text);
}

// Rewriter goes over the words of one statement once and writes the text that the engine takes instead.
class Rewriter {
public:
    Rewriter(std::string_view text, const Settings& settings)
        : text_(text), settings_(settings), words_(wire::sql_words(text, kWordsMax)) {}

    std::optional<std::string> run() {
        if (words_.empty() || words_.size() == kWordsMax || !is_about_catalog()) return std::nullopt;
        if (asks_for_nothing()) return "SELECT NULL::VARCHAR AS nothing WHERE false";
        match_brackets();
        while (at_ < words_.size()) step();
        if (!changed_ && used_.empty()) return std::nullopt;
        return with_tables();
    }

private:
    const SqlWord* word(std::size_t ahead) const {
        return at_ + ahead < words_.size() ? &words_[at_ + ahead] : nullptr;
    }
    bool is(std::size_t ahead, std::string_view lower) const { return word(ahead) && is_sql_word(*word(ahead), lower); }
    bool is_name(std::size_t ahead) const {
        return word(ahead) && (word(ahead)->kind == Kind::name || word(ahead)->kind == Kind::quoted);
    }

    bool is_about_catalog() const {
        return std::ranges::any_of(words_, [](const SqlWord& word) {
            if (word.kind != Kind::name) return word.source == "\"public\"" || word.source == "~";
            const std::string name = sql_unquoted(word);
            if (name.starts_with("pg_")) return true;
            for (const std::string_view one :
                 {"public", "information_schema", "quote_ident", "current_setting", "set_config", "version", "regclass",
                  "regtype", "current_database", "current_schema", "current_schemas", "current_user", "session_user",
                  "current_catalog"})
                if (name == one) return true;
            return false;
        });
    }

    bool asks_for_nothing() const {
        bool left = false, nothing = false;
        for (const SqlWord& word : words_) {
            left = left || is_sql_word(word, "left");
            nothing = nothing || std::ranges::any_of(kNothingThere,
                                                     [&](std::string_view name) { return is_sql_word(word, name); });
        }
        return nothing && !left;
    }

    // ---- writing

    // The space in front of the next word, as it was.
    void space() {
        const std::size_t from = at_ == 0 ? 0 : words_[at_ - 1].at + words_[at_ - 1].source.size();
        const std::size_t to = words_[at_].at;
        out_ += text_.substr(std::max(from, kept_), to - std::max(from, kept_));
    }
    // Takes `count` words and writes `instead` for them.
    void replace(std::size_t count, std::string_view instead) {
        space();
        last_ = out_.size();
        out_ += instead;
        take(count);
        changed_ = true;
    }
    void keep() {
        space();
        last_ = out_.size();
        out_ += words_[at_].source;
        take(1);
    }
    void take(std::size_t count) {
        at_ = std::min(at_ + count, words_.size());
        kept_ = words_[at_ - 1].at + words_[at_ - 1].source.size();
    }

    // Once for all words, so that a deep statement costs no more than a long one.
    void match_brackets() {
        closing_.assign(words_.size(), 0);
        depths_.assign(words_.size() + 1, 0);
        std::vector<std::size_t> open;
        for (std::size_t i = 0; i < words_.size(); ++i) {
            depths_[i] = open.size();
            if (is_sql_word(words_[i], "(")) open.push_back(i);
            if (!is_sql_word(words_[i], ")") || open.empty()) continue;
            closing_[open.back()] = i;
            open.pop_back();
        }
        depths_.back() = open.size();
    }

    // How many words from the opening bracket `ahead` to its end; 0 = it has none.
    std::size_t bracketed(std::size_t ahead) const {
        const std::size_t at = at_ + ahead;
        return at < words_.size() && closing_[at] > at ? closing_[at] + 1 - at : 0;
    }

    // ---- reading

    void step() {
        if (drop_schema() || take_operator() || take_pattern() || take_cast() || take_search_path()) return;
        if (word(0)->kind != Kind::name) return keep();
        const std::string name = sql_unquoted(*word(0));
        if (is(1, "(")) {
            if (!take_function(name)) keep();
            return;
        }
        if (take_user(name)) return;
        if (name == "collate" && is_collation(1)) return replace(is(1, "pg_catalog") ? 4 : 2, "");
        if (find_catalog_table(name) && name.starts_with("pg_")) used_.insert(name);
        keep();
    }

    bool is_collation(std::size_t ahead) const {
        if (is(ahead, "pg_catalog")) ahead += 2;
        return is(ahead, "default") ||
               (word(ahead) && (word(ahead)->source == "\"default\"" || word(ahead)->source == "\"C\""));
    }

    bool drop_schema() {
        if (!is(1, ".") || !is_name(2)) {
            // OPERATOR(pg_catalog.~)
            if (is(0, "pg_catalog") && is(1, ".")) {
                replace(2, "");
                return true;
            }
            return false;
        }
        const bool after_point = at_ > 0 && is_sql_word(words_[at_ - 1], ".");
        if (after_point) return false;
        if (is(0, "pg_catalog") || is(0, "public") || word(0)->source == "\"public\"") {
            replace(2, "");
            return true;
        }
        if (!is(0, "information_schema")) return false;
        const std::string name = sql_unquoted(*word(2));
        if (!find_catalog_table(name) || name.starts_with("pg_") || name.starts_with("gs_")) return false;
        used_.insert(name);
        replace(3, "\"" + name + "\"");
        return true;
    }

    // OPERATOR(pg_catalog.~) is ~.
    bool take_operator() {
        if (!is(0, "operator") || !is(1, "(")) return false;
        std::size_t from = 2;
        if (is(2, "pg_catalog") && is(3, ".")) from = 4;
        std::string sign;
        std::size_t end = from;
        while (word(end) && !is(end, ")")) sign += word(end++)->source;
        if (sign == "~" || sign == "!~" || sign == "~*" || sign == "!~*") return take_match(sign, end + 1);
        replace(end + 1, sign);
        return true;
    }

    bool take_pattern() {
        const std::size_t no = is(0, "!") ? 1 : 0;
        if (!is(no, "~") || is(no + 1, "~")) return false;
        const std::size_t any_case = is(no + 1, "*") ? 1 : 0;
        return take_match(std::string(no, '!') + "~" + std::string(any_case, '*'), 1 + no + any_case);
    }

    // There a pattern may lie anywhere in the text, here it has to be the whole of it.
    bool take_match(std::string_view sign, std::size_t words) {
        const bool any_case = sign.ends_with('*');
        replace(words, sign.substr(0, sign.size() - (any_case ? 1 : 0)));
        if (word(0) && word(0)->kind == Kind::text)
            replace(1, quoted((any_case ? "(?is).*(?:" : "(?s).*(?:") + sql_unquoted(*word(0)) + ").*"));
        return true;
    }

    // x::type of types that are none here.
    bool take_cast() {
        if (!is(0, ":") || !is(1, ":")) return false;
        const std::size_t type = is(2, "pg_catalog") || is(2, "information_schema") ? 4 : 2;
        if (!is_name(type)) return false;
        if (is(type, "regclass")) {
            const SqlWord* const before = at_ > 0 ? &words_[at_ - 1] : nullptr;
            if (!before || (before->kind != Kind::text && before->kind != Kind::parameter)) {
                replace(type + 1, "::VARCHAR");
                return true;
            }
            const std::string name =
                before->kind == Kind::text ? quoted(table_name(sql_unquoted(*before))) : std::string(before->source);
            used_.insert("pg_class");
            out_.resize(last_);
            replace(type + 1, "(SELECT oid FROM pg_class WHERE relname = " + name + ")");
            return true;
        }
        const std::string name =
            word(type)->kind == Kind::quoted ? std::string(word(type)->source) : sql_unquoted(*word(type));
        // \sf: 'name'::regproc::oid. There is none whose text could be shown.
        const bool is_function = name == "regproc" || name == "regprocedure";
        if (is_function && at_ > 0 && words_[at_ - 1].kind == Kind::text && is(type + 1, ":")) {
            const std::string why = fmt::format(
                "there is no function {} whose text can be shown: functions are those "
                "of the engine",
                sql_unquoted(words_[at_ - 1]));
            const std::size_t oid = is(type + 3, "pg_catalog") ? type + 5 : type + 3;
            out_.resize(last_);
            replace(oid + 1, "error(" + quoted(why) + ")::BIGINT");
            return true;
        }
        if (std::ranges::find(kTextTypes, name) == std::end(kTextTypes)) return false;
        replace(type + 1, "::VARCHAR");
        return true;
    }

    // Grafana's editor takes the search path apart to learn which schemas are ours.
    bool take_search_path() {
        const bool is_it = is(0, "in") && is(1, "(") && is(2, "select") && is(3, "case") && is(4, "when") &&
                           is(5, "trim") && is(7, "s") && is(8, "[");
        const std::size_t words = is_it ? bracketed(1) : 0;
        if (words == 0) return false;
        replace(1 + words, "IN ('public')");
        return true;
    }

    bool take_user(const std::string& name) {
        if (at_ > 0 && is_sql_word(words_[at_ - 1], ".")) return false;
        if (name == "current_user" || name == "session_user" || name == "current_role") {
            answer(1, quoted(settings_.value("session_authorization")), name);
            return true;
        }
        if (name != "current_catalog" && name != "current_schema") return false;
        answer(1, name == "current_catalog" ? "'gongshu'" : "'public'", name);
        return true;
    }

    // A value that is not computed; as a column by itself it keeps the name that clients know.
    void answer(std::size_t words, std::string value, const std::string& name) {
        const bool begins =
            at_ > 0 && (is_sql_word(words_[at_ - 1], "select") || is_sql_word(words_[at_ - 1], ",") ||
                        (is_sql_word(words_[at_ - 1], ".") && at_ > 2 && is_sql_word(words_[at_ - 3], "select")));
        const bool ends = !word(words) || is(words, ",") || is(words, "from") || is(words, ";");
        if (begins && ends && depth() == 0) value += " AS \"" + name + "\"";
        replace(words, value);
    }

    std::size_t depth() const { return depths_[at_]; }

    bool take_function(const std::string& name) {
        const std::size_t words = bracketed(1);
        if (words == 0) return false;
        const auto constant = std::ranges::find(kConstants, std::string_view(name),
                                                &std::pair<std::string_view, std::string_view>::first);
        if (constant != std::end(kConstants)) {
            answer(1 + words, std::string(constant->second), name);
            return true;
        }
        if (name == "version" && words == 2) {
            answer(3, quoted("PostgreSQL " + settings_.value("server_version")), name);
            return true;
        }
        if (name == "current_setting" && word(2)->kind == Kind::text) {
            const auto value = settings_.show(sql_unquoted(*word(2)));
            answer(1 + words, value ? quoted(*value) : "NULL::VARCHAR", name);
            return true;
        }
        // What it would set is not: the session's parameters are those of SET.
        if (name == "set_config" && word(4) && word(4)->kind == Kind::text) {
            answer(1 + words, std::string(word(4)->source), name);
            return true;
        }
        if (name == "quote_ident") {
            replace(1, "");
            return true;
        }
        if (name == "array_upper") {
            replace(1, "array_length");
            return true;
        }
        return name == "format_type" && take_format_type(words);
    }

    // format_type(number, modifier): the name of a type as people know it.
    bool take_format_type(std::size_t words) {
        std::size_t comma = 2;
        for (std::size_t depth = 0; comma < words && (depth > 0 || !is(comma, ",")); ++comma) {
            if (is(comma, "(")) ++depth;
            if (is(comma, ")") && depth > 0) --depth;
        }
        if (!is(comma, ",")) return false;
        const std::size_t from = words_[at_ + 2].at,
                          to = words_[at_ + comma - 1].at + words_[at_ + comma - 1].source.size();
        used_.insert("gs_types");
        const std::string number(text_.substr(from, to - from));
        replace(1 + words, "(SELECT gs_types.long FROM gs_types WHERE gs_types.oid = " + number + ")");
        return true;
    }

    void need(std::string_view name, std::set<std::string, std::less<>>& all) const {
        const CatalogTable* const table = find_catalog_table(name);
        if (!table || !all.insert(std::string(name)).second) return;
        for (std::string_view rest = table->needs; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            need(rest.substr(0, end), all);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }

    std::string with_tables() const {
        if (used_.empty()) return out_;
        std::set<std::string, std::less<>> all;
        for (const std::string& name : used_) need(name, all);
        std::string tables;
        for (const CatalogTable& table : catalog_tables()) {
            if (!all.contains(table.name)) continue;
            tables += fmt::format("{}\"{}\" AS ({})", tables.empty() ? "" : ", ", table.name, table.query);
        }
        if (!is_sql_word(words_[0], "with")) return "WITH " + tables + " " + out_;
        const bool recursive = words_.size() > 1 && is_sql_word(words_[1], "recursive");
        const std::size_t head = words_[recursive ? 1 : 0].at + words_[recursive ? 1 : 0].source.size();
        return "WITH " + std::string(recursive ? "RECURSIVE " : "") + tables + "," + out_.substr(head);
    }

    const std::string_view text_;
    const Settings& settings_;
    const std::vector<SqlWord> words_;
    std::vector<std::size_t> closing_, depths_;  // of each word: where its bracket ends, how many are open before it
    std::size_t at_ = 0;
    std::size_t kept_ = 0;  // how far the text was taken
    std::string out_;
    std::size_t last_ = 0;  // where the last word begins in out_
    bool changed_ = false;
    std::set<std::string, std::less<>> used_;
};

}  // namespace

std::optional<std::string> translate(std::string_view statement, const Settings& settings) {
    return Rewriter(statement, settings).run();
}

}  // namespace gongshu::pg
