#include "sql/worker/plan.h"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <utility>

#include "base/time_text.h"
#include "base/utf8.h"
#include "sql/worker/literal.h"

namespace gongshu::sql {

namespace {

constexpr DurationNs kSlack = kSecond;                  // SQL may compare in microseconds, and now() moves on
constexpr std::string_view kOwnArguments = "gongshu_";  // of functions; nobody else gives any
constexpr std::size_t kTagsShown = 3;
constexpr std::size_t kListMax = 1001;       // a column and what it is IN
constexpr std::int64_t kNewestMax = 10'000;  // rows of each tag; of more all are read, part by part

// What a SELECT that needs the newest rows alone may compute of them: each row by itself, or of all rows of one time.
constexpr std::string_view kRowFunctions[] = {
    "+",          "-",        "*",        "/",           "//",       "%",          "||",     "abs",   "round",
    "floor",      "ceil",     "sqrt",     "ln",          "exp",      "split_part", "concat", "lower", "upper",
    "date_trunc", "epoch",    "count",    "count_star",  "sum",      "avg",        "min",    "max",   "in_zone",
    "strftime",   "epoch_ms", "epoch_ns", "time_bucket", "timezone", "starts_with"};
constexpr std::string_view kRowClasses[] = {"COLUMN_REF", "CONSTANT",    "CAST", "FUNCTION", "OPERATOR",
                                            "COMPARISON", "CONJUNCTION", "CASE", "BETWEEN",  "PARAMETER"};

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

// One mention of readings or history() in a FROM clause, and what is known of it.
struct Mention {
    const Json* table = nullptr;
    std::string alias;
    Bounds bounds;

    bool has_buckets = false;  // of history(): they have no values
    bool is_function() const { return bounds.table == "history"; }
};

std::optional<Comparison> comparison_of(std::string_view type) {
    constexpr std::pair<std::string_view, Comparison> kAll[] = {
        {"COMPARE_EQUAL", Comparison::equal},         {"COMPARE_NOTEQUAL", Comparison::unequal},
        {"COMPARE_LESSTHAN", Comparison::less},       {"COMPARE_LESSTHANOREQUALTO", Comparison::less_or_equal},
        {"COMPARE_GREATERTHAN", Comparison::greater}, {"COMPARE_GREATERTHANOREQUALTO", Comparison::greater_or_equal}};
    for (const auto& [name, comparison] : kAll)
        if (name == type) return comparison;
    return std::nullopt;
}

// b OP a where a OP b is written.
Comparison turned(Comparison comparison) {
    switch (comparison) {
        case Comparison::less:
            return Comparison::greater;
        case Comparison::less_or_equal:
            return Comparison::greater_or_equal;
        case Comparison::greater_or_equal:
            return Comparison::less_or_equal;
        case Comparison::greater:
            return Comparison::less;
        case Comparison::equal:
        case Comparison::unequal:
            break;
    }
    return comparison;
}

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
    Planner(std::string_view statement, const Json& tree, const std::vector<Cell>& parameters,
            const EvaluateTime& evaluate_time)
        : statement_(statement), parameters_(parameters), evaluate_time_(evaluate_time), present_(tree) {}

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
        const Json& function = member(json, "function");
        const std::string name = lower(text_of(member(function, "function_name")));
        if (listed(kTableFunctions, name)) return check_arguments(function);
        failure =
            refuse(statement_, json,
                   Error{Code::denied, "{}() is not available here: a statement reads the tables of the platform only",
                         cut_utf8(name, 60)});
    }

    // name := value carries the name as its alias; name = value is a comparison with a column of that name.
    static std::string argument_name(const Json& one) {
        std::string name = lower(text_of(member(one, "alias")));
        if (const Json& names = member(member(one, "left"), "column_names"); names.is_array() && name.empty())
            for (const Json& part : names.get_array()) name = lower(text_of(part));
        return name;
    }

    void check_arguments(const Json& function) {
        if (!member(function, "children").is_array()) return;
        for (const Json& one : member(function, "children").get_array()) {
            const std::string name = argument_name(one);
            if (name.starts_with(kOwnArguments))
                failure =
                    refuse(statement_, one, Error{Code::denied, "there is no argument {} here", cut_utf8(name, 60)});
        }
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
        mentions.push_back({.table = &json});
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
        const bool alone = !is(from, "type", "JOIN");
        conditions(member(select, "where_clause"), here, alone);
        if (alone) find_newest(select, mentions[here.front()]);
        for (const On& on : std::exchange(ons_, {})) conditions(*on.condition, on.mentions, false);
    }

    // ORDER BY ts DESC LIMIT n, of rows or of groups by ts: no row comes of which n rows of its own tag are newer, as
    // each of those is another time. So it must be known of every condition that it leaves out all rows of a tag, or
    // the older ones.
    void find_newest(const Json& select, Mention& one) {
        if (!one.bounds.values.empty() || member(select, "having").is_object() ||
            member(select, "qualify").is_object() || !is(select, "aggregate_handling", "STANDARD_HANDLING"))
            return;
        const Json &modifiers = member(select, "modifiers"), &groups = member(select, "group_expressions");
        if (!modifiers.is_array() || modifiers.get_array().size() != 2 || !groups.is_array()) return;
        const Json *order = nullptr, *limit = nullptr;
        for (const Json& modifier : modifiers.get_array()) {
            if (is(modifier, "type", "ORDER_MODIFIER")) order = &member(modifier, "orders");
            if (is(modifier, "type", "LIMIT_MODIFIER")) limit = &modifier;
        }
        if (order == nullptr || limit == nullptr || !order->is_array() || order->get_array().empty()) return;
        const Json& first = order->get_array().front();
        if (!is(first, "type", "DESCENDING") || !is_time(member(first, "expression"), one)) return;
        for (const Json& group : groups.get_array())
            if (groups.get_array().size() != 1 || !is_time(group, one)) return;
        if (!has_plain_groups(select)) return;
        for (const Json& item : order->get_array())
            if (!of_rows(member(item, "expression"))) return;
        if (!member(select, "select_list").is_array()) return;
        for (const Json& item : member(select, "select_list").get_array()) {
            const bool is_all = is(item, "type", "STAR") && !any_of(item, "replace_list") &&
                                !any_of(item, "rename_list") && !member(item, "expr").is_object() &&
                                member(item, "columns") == Json(false);
            const bool is_named_so = lower(text_of(member(item, "alias"))) == "ts" && !is_time(item, one);
            if (is_named_so || (!is_all && !of_rows(item))) return;
        }
        const Json& where = member(select, "where_clause");
        if (where.is_object() && !keeps_newest(where, one)) return;
        const auto count = literal_whole(member(*limit, "limit"), parameters_),
                   skipped = literal_whole(member(*limit, "offset"), parameters_);
        if (!count || (member(*limit, "offset").is_object() && !skipped)) return;
        if (*count > 0 && *count <= kNewestMax && skipped.value_or(0) >= 0 && skipped.value_or(0) <= kNewestMax)
            one.bounds.newest = static_cast<std::uint64_t>(*count + skipped.value_or(0));
    }

    // Not the totals of ROLLUP and its like, which are of all rows.
    static bool has_plain_groups(const Json& select) {
        const Json& sets = member(select, "group_sets");
        if (!sets.is_array() || sets.get_array().empty()) return true;
        const Json& only = sets.get_array().front();
        return sets.get_array().size() == 1 && only.is_array() && only.get_array().size() == 1;
    }

    static bool any_of(const Json& json, std::string_view name) {
        const Json& list = member(json, name);
        return list.is_array() && !list.get_array().empty();
    }

    // The column, by itself or with the name of the mention.
    static bool is_column(const Json& json, const Mention& one, std::string_view name) {
        if (!is(json, "class", "COLUMN_REF") || !member(json, "column_names").is_array()) return false;
        const auto& names = member(json, "column_names").get_array();
        if (names.empty() || names.size() > 2) return false;
        return lower(text_of(names.back())) == name &&
               (names.size() == 1 || lower(text_of(names.front())) == one.alias);
    }
    static bool is_time(const Json& json, const Mention& one) { return is_column(json, one, "ts"); }

    // Nothing in it looks at other rows or makes more of one.
    static bool of_rows(const Json& json) {
        if (json.is_array()) return std::ranges::all_of(json.get_array(), [](const Json& one) { return of_rows(one); });
        if (!json.is_object()) return true;
        if (const std::string_view kind = text_of(member(json, "class")); !kind.empty()) {
            if (!listed(kRowClasses, kind)) return false;
            if (kind == "FUNCTION" && !listed(kRowFunctions, lower(text_of(member(json, "function_name")))))
                return false;
            if (kind == "CONSTANT") return true;
        }
        return std::ranges::all_of(json.get_object(), [](const auto& item) { return of_rows(item.value()); });
    }

    bool keeps_newest(const Json& json, const Mention& one) const {
        const std::string_view kind = text_of(member(json, "class")), type = text_of(member(json, "type"));
        if (type == "CONJUNCTION_AND")
            return member(json, "children").is_array() &&
                   std::ranges::all_of(member(json, "children").get_array(),
                                       [&](const Json& child) { return keeps_newest(child, one); });
        if (kind == "COMPARISON") {
            const Json &left = member(json, "left"), &right = member(json, "right");
            if (is_column(left, one, "tag")) return type == "COMPARE_EQUAL" && constant(right);
            if (is_column(right, one, "tag")) return type == "COMPARE_EQUAL" && constant(left);
            return (is_time(left, one) && type.starts_with("COMPARE_GREATERTHAN") && constant(right)) ||
                   (is_time(right, one) && type.starts_with("COMPARE_LESSTHAN") && constant(left));
        }
        const std::string_view name = text_of(member(json, "function_name"));
        const bool is_pattern = kind == "FUNCTION" && (name == "~~" || name == "~~~" || name == "starts_with" ||
                                                       name == "ends_with" || name == "prefix" || name == "^@");
        if ((type != "COMPARE_IN" && !is_pattern) || !member(json, "children").is_array()) return false;
        const auto& children = member(json, "children").get_array();
        if (children.empty() || !is_column(children.front(), one, "tag")) return false;
        for (std::size_t i = 1; i < children.size(); ++i)
            if (!constant(children[i])) return false;
        return true;
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
        } else if (is(from, "type", "TABLE_FUNCTION")) {
            gather_function(from, here);
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

    // history(…) whose rows have no other names and no numbers.
    void gather_function(const Json& from, std::vector<std::size_t>& here) {
        const Json& function = member(from, "function");
        if (lower(text_of(member(function, "function_name"))) != "history") return;
        if (!text_of(member(function, "schema")).empty() || member(from, "sample").is_object()) return;
        if (!is(from, "with_ordinality", "WITHOUT_ORDINALITY")) return;
        if (member(from, "column_name_alias").is_array() && !member(from, "column_name_alias").get_array().empty())
            return;
        if (!member(function, "children").is_array()) return;
        bool has_buckets = false;
        for (const Json& one : member(function, "children").get_array()) {
            const std::string name = argument_name(one);
            if (name.empty() || name == "condition") return;  // ours goes not before it, or it is asked for alone
            has_buckets = has_buckets || name == "every";
        }
        const std::string alias = lower(text_of(member(from, "alias")));
        mentions.push_back({&from, alias.empty() ? "history" : alias, {}, has_buckets});
        mentions.back().bounds.table = "history";
        here.push_back(mentions.size() - 1);
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

    // "ts", "tag", "value", "integer" or "text" if it is that column of this mention. Times and tags of history() are
    // its arguments' business.
    static std::string column(const Json& json, const Mention& one, bool alone) {
        if (!is(json, "class", "COLUMN_REF") || !member(json, "column_names").is_array()) return {};
        const auto& names = member(json, "column_names").get_array();
        if (names.empty() || names.size() > 2 || (names.size() == 1 && !alone)) return {};
        if (names.size() == 2 && lower(text_of(names.front())) != one.alias) return {};
        const std::string name = lower(text_of(names.back()));
        const bool is_value = !one.has_buckets && (name == "value" || name == "integer" || name == "text");
        return is_value || (!one.is_function() && (name == "ts" || name == "tag")) ? name : std::string{};
    }

    void apply(const Json& json, Mention& one, bool alone) {
        const std::string_view kind = text_of(member(json, "class"));
        if (kind == "COMPARISON")
            compare(json, one, alone);
        else if (kind == "BETWEEN")
            between(json, one, alone);
        else if (kind == "OPERATOR" && is(json, "type", "COMPARE_IN"))
            in_list(json, one, alone);
        else if (kind == "FUNCTION")
            pattern(json, one, alone);
    }

    void compare(const Json& json, Mention& one, bool alone) {
        auto comparison = comparison_of(text_of(member(json, "type")));
        if (!comparison) return;
        const Json *left = &member(json, "left"), *right = &member(json, "right");
        if (column(*left, one, alone).empty()) {
            std::swap(left, right);
            comparison = turned(*comparison);
        }
        const std::string name = column(*left, one, alone);
        const bool equal = comparison == Comparison::equal;
        if (name == "tag") {
            if (!equal) return;
            if (const auto tag = text(*right)) only(one.bounds, {*tag});
        } else if (name == "ts") {
            if (equal || *comparison >= Comparison::greater_or_equal) at_least(one.bounds, time(*right));
            if (equal || *comparison <= Comparison::less_or_equal) at_most(one.bounds, time(*right));
        } else if (!name.empty()) {
            if (auto bound = bound_of(name, *right)) add(one.bounds, {name, *comparison, std::move(*bound)});
        }
    }

    void between(const Json& json, Mention& one, bool alone) {
        const std::string name = column(member(json, "input"), one, alone);
        if (name == "ts") {
            at_least(one.bounds, time(member(json, "lower")));
            at_most(one.bounds, time(member(json, "upper")));
        } else if (name != "tag" && !name.empty()) {
            // Both, as the three of them are compared as one type.
            auto low = bound_of(name, member(json, "lower")), high = bound_of(name, member(json, "upper"));
            if (low && high) within(one.bounds, name, std::move(*low), std::move(*high));
        }
    }

    void in_list(const Json& json, Mention& one, bool alone) {
        if (!member(json, "children").is_array()) return;
        const auto& children = member(json, "children").get_array();
        const std::string name = children.empty() ? "" : column(children.front(), one, alone);
        if (name.empty() || name == "ts" || (name != "tag" && children.size() > kListMax)) return;
        std::vector<Cell> all;
        for (std::size_t i = 1; i < children.size(); ++i) {
            auto value = bound_of(name, children[i]);
            if (!value) return;
            all.push_back(std::move(*value));
        }
        if (name == "tag") {
            std::vector<std::string> tags;
            for (Cell& tag : all) tags.push_back(std::move(std::get<std::string>(tag)));
            only(one.bounds, std::move(tags));
        } else if (all.size() == 1) {
            add(one.bounds, {name, Comparison::equal, std::move(all.front())});
        } else if (!all.empty()) {
            // All are of one alternative, so that they have an order.
            const auto [low, high] = std::ranges::minmax_element(all, [](const Cell& a, const Cell& b) {
                if (const auto* text = std::get_if<std::string>(&a)) return *text < std::get<std::string>(b);
                if (const auto* whole = std::get_if<std::int64_t>(&a)) return *whole < std::get<std::int64_t>(b);
                return std::get<double>(a) < std::get<double>(b);
            });
            within(one.bounds, name, *low, *high);
        }
    }

    // What SQL holds a column against. Of `value`, which is a double, that is a double whatever is written; of
    // `integer` a whole number, for else both would become doubles or decimals.
    std::optional<Cell> bound_of(std::string_view column, const Json& json) const {
        const auto cell = [](auto found) { return found ? std::optional{Cell{std::move(*found)}} : std::nullopt; };
        if (column == "tag") return cell(text(json));
        if (column == "text") return cell(literal_text(json, parameters_));
        return column == "value" ? cell(literal_number(json, parameters_)) : cell(literal_whole(json, parameters_));
    }

    static void add(Bounds& bounds, ColumnCondition condition) {
        if (bounds.values.size() < ColumnCondition::kMax) bounds.values.push_back(std::move(condition));
    }
    static void within(Bounds& bounds, const std::string& column, Cell low, Cell high) {
        add(bounds, {column, Comparison::greater_or_equal, std::move(low)});
        add(bounds, {column, Comparison::less_or_equal, std::move(high)});
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
        auto value = evaluate_time_(json);
        if (value) return *value;
        if (!failure) failure = refuse(statement_, json, value.error().error, value.error().sqlstate);
        return std::nullopt;
    }

    // Of a tag: as text it is the same.
    std::optional<std::string> text(const Json& json) const {
        const Json& as = member(json, "cast_type");
        const bool is_plain = is(as, "id", "VARCHAR") && !member(as, "type_info").is_object();
        return literal_text(is(json, "class", "CAST") && is_plain ? member(json, "child") : json, parameters_);
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
    const std::vector<Cell>& parameters_;
    const EvaluateTime& evaluate_time_;
    const PresentNames present_;
    struct On {
        const Json* condition;
        std::vector<std::size_t> mentions;  // that it bounds
    };
    std::vector<On> ons_;
    bool shadowed_ = false, shown_ = false;
};

// The bytes that name the table at `at`, 0 if it is not written as `name`.
std::size_t written_length(std::string_view statement, std::size_t at, std::string_view name) {
    if (at >= statement.size()) return 0;
    const std::string low = lower(statement.substr(at, name.size() + 2));
    if (low == fmt::format("\"{}\"", name)) return name.size() + 2;
    return low.starts_with(name) ? name.size() : 0;
}

// What is put in the place of something.
struct Change {
    std::size_t at = 0, removed = 0;
    std::string inserted;
};

std::optional<Change> change_of(std::string_view statement, const Mention& one, std::size_t number) {
    const std::size_t at = location(*one.table), length = written_length(statement, at, one.bounds.table);
    if (one.alias.empty() || length == 0) return std::nullopt;
    if (!one.is_function()) {
        std::string now = fmt::format("gongshu_readings({})", number);
        if (text_of(member(*one.table, "alias")).empty()) now += " AS readings";
        return Change{at, length, std::move(now)};
    }
    if (one.bounds.values.empty() && one.bounds.newest == 0) return std::nullopt;
    const std::size_t open = statement.find_first_not_of(" \t\r\n", at + length);
    if (open == statement.npos || statement[open] != '(') return std::nullopt;
    const Json& given = member(member(*one.table, "function"), "children");
    if (!given.is_array() || given.get_array().empty()) return std::nullopt;
    return Change{open + 1, 0, fmt::format("gongshu_bounds := {}, ", number)};
}

Plan rewrite(std::string_view statement, std::vector<Mention> mentions) {
    std::ranges::sort(mentions, {}, [](const Mention& one) { return location(*one.table); });
    Plan plan;
    std::size_t taken = 0;
    for (const Mention& one : mentions) {
        const auto change = change_of(statement, one, plan.bounds.size());
        if (!change || change->at < taken) continue;
        plan.text.append(statement.substr(taken, change->at - taken)).append(change->inserted);
        plan.cuts.push_back({change->at, change->removed, change->inserted.size()});
        plan.bounds.push_back(one.bounds);
        taken = change->at + change->removed;
    }
    plan.text.append(statement.substr(taken));
    return plan;
}

}  // namespace

std::string to_text(const Bounds& bounds) {
    std::string text = bounds.table + ":", comma = " ";
    const auto add = [&](const std::string& part) { text += std::exchange(comma, ", ") + part; };
    if (bounds.since) add("since " + format_time(*bounds.since));
    if (bounds.until) add("until " + format_time(*bounds.until));
    if (bounds.tags) {
        std::string tags;
        for (std::size_t i = 0; i < std::min(bounds.tags->size(), kTagsShown); ++i) tags += " " + bounds.tags->at(i);
        add(fmt::format("tags{}{}", cut_utf8(tags, 300), bounds.tags->size() > kTagsShown ? " …" : ""));
    }
    for (const ColumnCondition& condition : bounds.values) add(to_string(condition));
    if (bounds.newest > 0) add(fmt::format("the newest {} of each tag", bounds.newest));
    return text;
}

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

Outcome<Plan> plan_statement(std::string_view statement, const Json& tree, const std::vector<Cell>& parameters,
                             const EvaluateTime& evaluate_time) {
    const Json& statements = member(tree, "statements");
    const std::size_t count = statements.is_array() ? statements.get_array().size() : 0;
    if (count == 0) return std::unexpected(Failure{Error{Code::invalid, "there is no statement"}, 0, "42601"});
    if (count > 1)
        return std::unexpected(
            Failure{Error{Code::invalid, "these are {} statements: send one at a time", count}, 0, "42601"});
    Planner planner{statement, statements, parameters, evaluate_time};
    planner.walk(statements.get_array().front());
    if (planner.failure) return std::unexpected(std::move(*planner.failure));
    if (planner.shadowed()) planner.mentions.clear();
    return rewrite(statement, std::move(planner.mentions));
}

}  // namespace gongshu::sql
