#include "sql/worker/plan.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "base/utf8.h"

namespace gongshu::sql {

namespace {

constexpr DurationNs kSlack = kSecond;  // SQL may compare in microseconds, and now() moves on

// Table functions that read nothing but their arguments, the tables here or the catalogue.
constexpr std::string_view kTableFunctions[] = {"history",
                                                "intervals",
                                                "alarms",
                                                "range",
                                                "generate_series",
                                                "unnest",
                                                "generate_subscripts",
                                                "json_each",
                                                "json_tree",
                                                "repeat",
                                                "summary",
                                                "duckdb_tables",
                                                "duckdb_views",
                                                "duckdb_columns",
                                                "duckdb_functions",
                                                "duckdb_types",
                                                "duckdb_schemas",
                                                "duckdb_databases",
                                                "duckdb_constraints",
                                                "duckdb_indexes",
                                                "duckdb_sequences",
                                                "duckdb_keywords",
                                                "pragma_table_info",
                                                "pragma_show",
                                                "pragma_version",
                                                "pragma_collations",
                                                "pragma_database_list"};

// What a bound may be computed with.
constexpr std::string_view kBoundFunctions[] = {"+",
                                                "-",
                                                "*",
                                                "now",
                                                "get_current_timestamp",
                                                "today",
                                                "current_date",
                                                "current_timestamp",
                                                "current_localtimestamp",
                                                "localtimestamp",
                                                "transaction_timestamp",
                                                "to_timestamp",
                                                "date_trunc",
                                                "trunc",
                                                "timezone",
                                                "to_years",
                                                "to_months",
                                                "to_weeks",
                                                "to_days",
                                                "to_hours",
                                                "to_minutes",
                                                "to_seconds",
                                                "to_milliseconds",
                                                "to_microseconds",
                                                "make_timestamp",
                                                "make_timestamp_ns",
                                                "make_date",
                                                "epoch_ms",
                                                "strptime",
                                                "time_bucket"};

// What is written like a column and is the present, unless there is a column of that name.
constexpr std::string_view kPresent[] = {"current_date", "current_timestamp", "localtimestamp"};

bool listed(std::span<const std::string_view> list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

std::string lower(std::string_view text) {
    std::string low{text};
    for (char& c : low)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return low;
}

const Json& member(const Json& json, std::string_view name) {
    static const Json none;
    if (!json.is_object()) return none;
    const Json* const found = json.get_object().if_contains(name);
    return found == nullptr ? none : *found;
}

std::string_view text_of(const Json& json) {
    return json.is_string() ? std::string_view{json.get_string()} : std::string_view{};
}

bool is(const Json& json, std::string_view name, std::string_view value) {
    return text_of(member(json, name)) == value;
}

std::size_t location(const Json& json) {
    const Json& at = member(json, "query_location");
    if (at.is_int64() && at.get_int64() >= 0) return static_cast<std::size_t>(at.get_int64());
    return std::string_view::npos;
}

Failure refuse(std::string_view statement, const Json& where, Error error, std::string_view sqlstate = "42501") {
    const std::size_t at = location(where);
    std::uint32_t position = 0;
    if (at < statement.size()) {
        // In characters: every byte but those that go on in UTF-8.
        position = 1 + static_cast<std::uint32_t>(std::ranges::count_if(statement.substr(0, at), [](char c) {
                       return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
                   }));
    }
    return {std::move(error), position, std::string{sqlstate}};
}

// One mention of readings in a FROM clause, and what is known of it.
struct Mention {
    const Json* table = nullptr;
    std::string alias;
    Bounds bounds;
};

// Names of the present that could be those of a column, so that they may mean something else: every mention but as a
// column by itself. Those in a select list make a column of their own value, unless another SELECT is put beneath it.
class PresentNames {
public:
    explicit PresentNames(const Json& statement) {
        look(statement, false);
        if (puts_beneath_) taken_.insert(selected_.begin(), selected_.end());
    }
    bool is_present(const Json& json) const {
        const std::string name = name_of(json);
        return listed(kPresent, name) && !taken_.contains(name);
    }

private:
    static std::string name_of(const Json& json) {
        if (!is(json, "class", "COLUMN_REF") || !member(json, "column_names").is_array()) return {};
        const auto& names = member(json, "column_names").get_array();
        return names.size() == 1 ? lower(text_of(names.front())) : std::string{};
    }

    void look(const Json& json, bool selected) {
        if (json.is_array())
            for (const Json& item : json.get_array()) look(item, selected);
        if (json.is_string()) {
            const std::string name = lower(text_of(json));
            puts_beneath_ = puts_beneath_ || name == "set_operation_node" || name == "recursive_cte_node";
            if (listed(kPresent, name)) taken_.insert(name);
        }
        if (!json.is_object()) return;
        const std::string name = name_of(json);
        if (selected && listed(kPresent, name)) selected_.insert(name);
        for (const auto& item : json.get_object())
            if (item.key() != "function_name" && (name.empty() || item.key() != "column_names"))
                look(item.value(), item.key() == "select_list");
    }

    std::set<std::string, std::less<>> taken_, selected_;
    bool puts_beneath_ = false;
};

class Planner {
public:
    Planner(std::string_view statement, const Json& tree, const Evaluate& evaluate)
        : statement_(statement), evaluate_(evaluate), present_(tree) {}

    std::optional<Failure> failure;
    std::vector<Mention> mentions;  // in any order

    // Everything but what look_at() takes apart.
    void walk(const Json& json) {
        if (failure) return;
        if (json.is_array())
            for (const Json& item : json.get_array()) walk(item);
        if (!json.is_object()) return;
        if (is(json, "type", "TABLE_FUNCTION")) check_function(json);
        if (is(json, "class", "FUNCTION")) check_setting(json);
        if (is(json, "type", "BASE_TABLE") && json.get_object().contains("table_name")) mention(json);
        if (const Json& map = member(json, "cte_map"); map.is_object() && member(map, "map").is_array())
            for (const Json& one : member(map, "map").get_array())
                if (lower(text_of(member(one, "key"))) == "readings") shadowed_ = true;
        if (is(json, "type", "SELECT_NODE") && !shown_) look_at(json);
        // DESCRIBE and SUMMARIZE: what they name stays as it is written; the first reads nothing of it.
        const bool was_shown = std::exchange(shown_, shown_ || is(json, "type", "SHOW_REF"));
        for (const auto& item : json.get_object()) walk(item.value());
        shown_ = was_shown;
    }

    bool shadowed() const { return shadowed_; }

private:
    void check_function(const Json& json) {
        const std::string name = lower(text_of(member(member(json, "function"), "function_name")));
        if (listed(kTableFunctions, name)) return;
        failure =
            refuse(statement_, json,
                   Error{Code::denied, "{}() is not available here: a statement reads the tables of the platform only",
                         cut_utf8(name, 60)});
    }

    // Where the library keeps its things, and how it is bounded, is nobody's business.
    void check_setting(const Json& json) {
        if (lower(text_of(member(json, "function_name"))) != "current_setting") return;
        const Json& children = member(json, "children");
        const Json& name =
            children.is_array() && children.get_array().size() == 1 ? children.get_array().front() : json;
        if (lower(text_of(member(member(name, "value"), "value"))) == "timezone") return;
        failure =
            refuse(statement_, json, Error{Code::denied, "current_setting() tells the TimeZone here and nothing else"});
    }

    void mention(const Json& json) {
        bool is_path = false;
        for (const std::string_view part : {"table_name", "schema_name", "catalog_name"})
            is_path = is_path || text_of(member(json, part)).find('/') != std::string_view::npos;
        if (is_path)
            failure = refuse(
                statement_, json,
                Error{Code::denied, "there are no files here: a statement reads the tables of the platform only"});
        if (lower(text_of(member(json, "table_name"))) != "readings" || find(&json) != nullptr || shown_) return;
        mentions.push_back({&json, {}, {}});
    }

    Mention* find(const Json* table) {
        for (Mention& one : mentions)
            if (one.table == table) return &one;
        return nullptr;
    }

    // One SELECT: whatever its WHERE asks of a table by name and constants, the table need not give the rest.
    void look_at(const Json& select) {
        if (member(select, "sample").is_object()) return;
        const Json& from = member(select, "from_table");
        std::vector<std::size_t> here;
        gather(from, here);
        if (here.empty()) return;
        const bool alone = is(from, "type", "BASE_TABLE");
        conditions(member(select, "where_clause"), here, alone);
        for (const On& on : std::exchange(ons_, {})) conditions(*on.condition, on.mentions, false);
    }

    // The mentions below a FROM that see each row of readings by itself. Not so what is sampled before the conditions,
    // and the right side of ASOF, whose nearest row may be another one when others are left out.
    void gather(const Json& from, std::vector<std::size_t>& here) {
        if (is(from, "type", "BASE_TABLE")) {
            if (lower(text_of(member(from, "table_name"))) != "readings") return;
            if (!text_of(member(from, "schema_name")).empty() || member(from, "sample").is_object()) return;
            if (member(from, "column_name_alias").is_array() && !member(from, "column_name_alias").get_array().empty())
                return;
            if (member(from, "at_clause").is_object()) return;
            mention(from);
            Mention& one = *find(&from);
            const std::string alias = lower(text_of(member(from, "alias")));
            one.alias = alias.empty() ? "readings" : alias;
            here.push_back(static_cast<std::size_t>(&one - mentions.data()));
        } else if (is(from, "type", "JOIN")) {
            const std::string_view how = text_of(member(from, "ref_type")), type = text_of(member(from, "join_type"));
            if (how == "POSITIONAL" || how == "DEPENDENT") return;
            const std::size_t first = here.size();
            gather(member(from, "left"), here);
            if (how == "ASOF" || type == "SEMI" || type == "ANTI") return;
            const std::size_t lefts = here.size();
            gather(member(from, "right"), here);
            if (how == "REGULAR")
                add_on(member(from, "condition"), type, std::span{here}.subspan(first), lefts - first);
        }
    }

    // A join gives no pair of rows that its ON rejects. A row of the side that stays is there nevertheless, so that ON
    // bounds the other side alone; the rows of FULL stay on both.
    // Those of the join alone: of a FROM before it, which a lateral side may see, it gives what it does not keep.
    void add_on(const Json& condition, std::string_view type, std::span<const std::size_t> joined, std::size_t lefts) {
        const auto middle = joined.begin() + static_cast<std::ptrdiff_t>(lefts);
        if (type == "INNER") ons_.push_back({&condition, {joined.begin(), joined.end()}});
        if (type == "LEFT") ons_.push_back({&condition, {middle, joined.end()}});
        if (type == "RIGHT") ons_.push_back({&condition, {joined.begin(), middle}});
    }

    void conditions(const Json& condition, const std::vector<std::size_t>& here, bool alone) {
        if (is(condition, "type", "CONJUNCTION_AND")) {
            if (member(condition, "children").is_array())
                for (const Json& child : member(condition, "children").get_array()) conditions(child, here, alone);
            return;
        }
        for (const std::size_t place : here) apply(condition, mentions[place], alone);
    }

    // "ts" or "tag" if it is that column of this mention.
    static std::string column(const Json& json, const Mention& one, bool alone) {
        if (!is(json, "class", "COLUMN_REF") || !member(json, "column_names").is_array()) return {};
        const auto& names = member(json, "column_names").get_array();
        if (names.empty() || names.size() > 2 || (names.size() == 1 && !alone)) return {};
        if (names.size() == 2 && lower(text_of(names.front())) != one.alias) return {};
        const std::string name = lower(text_of(names.back()));
        return name == "ts" || name == "tag" ? name : std::string{};
    }

    void apply(const Json& json, Mention& one, bool alone) {
        const std::string_view kind = text_of(member(json, "class"));
        if (kind == "COMPARISON")
            compare(json, one, alone);
        else if (kind == "BETWEEN" && column(member(json, "input"), one, alone) == "ts") {
            at_least(one.bounds, time(member(json, "lower")));
            at_most(one.bounds, time(member(json, "upper")));
        } else if (kind == "OPERATOR" && is(json, "type", "COMPARE_IN"))
            in_list(json, one, alone);
        else if (kind == "FUNCTION")
            pattern(json, one, alone);
    }

    void compare(const Json& json, Mention& one, bool alone) {
        std::string_view type = text_of(member(json, "type"));
        const Json *left = &member(json, "left"), *right = &member(json, "right");
        if (column(*left, one, alone).empty()) {
            std::swap(left, right);
            if (type.starts_with("COMPARE_GREATER"))
                type = "COMPARE_LESS";
            else if (type.starts_with("COMPARE_LESS"))
                type = "COMPARE_GREATER";
        }
        const std::string name = column(*left, one, alone);
        if (name == "tag" && type == "COMPARE_EQUAL") {
            if (const auto tag = text(*right)) only(one.bounds, {*tag});
        } else if (name == "ts") {
            const bool equal = type == "COMPARE_EQUAL";
            if (equal || type.starts_with("COMPARE_GREATER")) at_least(one.bounds, time(*right));
            if (equal || type.starts_with("COMPARE_LESS")) at_most(one.bounds, time(*right));
        }
    }

    void in_list(const Json& json, Mention& one, bool alone) {
        if (!member(json, "children").is_array()) return;
        const auto& children = member(json, "children").get_array();
        if (children.empty() || column(children.front(), one, alone) != "tag") return;
        std::vector<std::string> tags;
        for (std::size_t i = 1; i < children.size(); ++i) {
            const auto tag = text(children[i]);
            if (!tag) return;
            tags.push_back(*tag);
        }
        only(one.bounds, std::move(tags));
    }

    // tag LIKE 'a/b/%': what begins with the folders before the first sign that stands for others.
    void pattern(const Json& json, Mention& one, bool alone) {
        const std::string_view name = text_of(member(json, "function_name"));
        const bool prefix = name == "starts_with" || name == "prefix" || name == "^@";
        if (name != "~~" && name != "~~~" && !prefix) return;
        if (!member(json, "children").is_array()) return;
        const auto& children = member(json, "children").get_array();
        if (children.size() != 2 || column(children[0], one, alone) != "tag") return;
        const auto wanted = text(children[1]);
        if (!wanted) return;
        std::string_view fixed = *wanted;
        if (!prefix) fixed = fixed.substr(0, fixed.find_first_of(name == "~~" ? "%_" : "*?[\\"));
        const std::size_t slash = fixed.rfind('/');
        if (slash == std::string_view::npos || fixed.find_first_of("*?") != std::string_view::npos) return;
        only(one.bounds, {std::string{fixed.substr(0, slash)} + "/**"});
    }

    bool constant(const Json& json) const {
        const std::string_view kind = text_of(member(json, "class"));
        if (kind == "CONSTANT" || kind == "PARAMETER" || present_.is_present(json)) return true;
        if (kind == "CAST") return constant(member(json, "child"));
        if (kind != "FUNCTION" || !listed(kBoundFunctions, text_of(member(json, "function_name")))) return false;
        if (!member(json, "children").is_array()) return false;
        return std::ranges::all_of(member(json, "children").get_array(),
                                   [&](const Json& child) { return constant(child); });
    }

    std::optional<TimeNs> time(const Json& json) {
        if (!constant(json)) return std::nullopt;
        const auto value = evaluate_(json, CellType::time);
        if (!value) {
            if (!failure) failure = refuse(statement_, json, value.error().error, value.error().sqlstate);
            return std::nullopt;
        }
        const Time* const found = *value ? std::get_if<Time>(&**value) : nullptr;
        return found == nullptr ? std::nullopt : std::optional{found->ns};
    }

    std::optional<std::string> text(const Json& json) const {
        if (!constant(json)) return std::nullopt;
        const auto value = evaluate_(json, CellType::text);
        const auto* const found = value && *value ? std::get_if<std::string>(&**value) : nullptr;
        return found == nullptr ? std::nullopt : std::optional{*found};
    }

    static void at_least(Bounds& bounds, std::optional<TimeNs> time) {
        if (!time) return;
        const TimeNs since = *time < INT64_MIN + kSlack ? INT64_MIN : *time - kSlack;
        bounds.since = std::max(bounds.since.value_or(INT64_MIN), since);
    }
    static void at_most(Bounds& bounds, std::optional<TimeNs> time) {
        if (!time) return;
        const TimeNs until = *time > INT64_MAX - kSlack - 1 ? INT64_MAX : *time + kSlack + 1;
        bounds.until = std::min(bounds.until.value_or(INT64_MAX), until);
    }
    // The first list stays: a second one can only leave out more.
    static void only(Bounds& bounds, std::vector<std::string> tags) {
        const auto exact = [](const std::vector<std::string>& list) {
            return std::ranges::none_of(list, [](const std::string& one) { return one.ends_with("/**"); });
        };
        if (!bounds.tags || (!exact(*bounds.tags) && exact(tags))) bounds.tags = std::move(tags);
    }

    const std::string_view statement_;
    const Evaluate& evaluate_;
    const PresentNames present_;
    struct On {
        const Json* condition;
        std::vector<std::size_t> mentions;  // that it bounds
    };
    std::vector<On> ons_;
    bool shadowed_ = false, shown_ = false;
};

// The bytes that name the table at `at`, 0 if it is not written as `readings`.
std::size_t written_length(std::string_view statement, std::size_t at) {
    if (at >= statement.size()) return 0;
    const std::string low = lower(statement.substr(at, 10));
    if (low.starts_with("\"readings\"")) return 10;
    return low.starts_with("readings") ? 8 : 0;
}

Plan rewrite(std::string_view statement, std::vector<Mention> mentions) {
    std::ranges::sort(mentions, {}, [](const Mention& one) { return location(*one.table); });
    Plan plan;
    std::size_t taken = 0;
    for (const Mention& one : mentions) {
        const std::size_t at = location(*one.table), length = written_length(statement, at);
        if (one.alias.empty() || length == 0 || at < taken) continue;
        std::string now = fmt::format("gongshu_readings({})", plan.readings.size());
        if (text_of(member(*one.table, "alias")).empty()) now += " AS readings";
        plan.text.append(statement.substr(taken, at - taken)).append(now);
        plan.cuts.push_back({at, length, now.size()});
        plan.readings.push_back(one.bounds);
        taken = at + length;
    }
    plan.text.append(statement.substr(taken));
    return plan;
}

}  // namespace

std::size_t Plan::original(std::size_t at) const {
    std::size_t back = 0;  // how much farther to the right things stand in `text`, modulo its size
    for (const Cut& cut : cuts) {
        const std::size_t now = cut.at + back;
        if (at < now) break;
        if (at < now + cut.inserted) return cut.at;
        back += cut.inserted - cut.removed;
    }
    return at - back;
}

Outcome<Plan> plan_statement(std::string_view statement, const Json& tree, const Evaluate& evaluate) {
    const Json& statements = member(tree, "statements");
    const std::size_t count = statements.is_array() ? statements.get_array().size() : 0;
    if (count == 0) return std::unexpected(Failure{Error{Code::invalid, "there is no statement"}, 0, "42601"});
    if (count > 1)
        return std::unexpected(
            Failure{Error{Code::invalid, "these are {} statements: send one at a time", count}, 0, "42601"});
    Planner planner{statement, statements, evaluate};
    planner.walk(statements.get_array().front());
    if (planner.failure) return std::unexpected(std::move(*planner.failure));
    if (planner.shadowed()) planner.mentions.clear();
    return rewrite(statement, std::move(planner.mentions));
}

}  // namespace gongshu::sql
