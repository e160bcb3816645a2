#include "sql/worker/tables.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "sql/history_columns.h"
#include "sql/worker/values.h"

namespace gongshu::sql {

namespace {

using duck::f;

// Of which type the times of a table function are: a view's never change, others follow the question.
enum class Times : std::uint8_t { plain, zoned, as_asked };

constexpr const char* kBoundsArgument = "gongshu_bounds";  // of history(), as the plan puts it there

// What a table function is made with; as long as the process.
struct Made {
    Statements& statements;
    TableShape shape;
    Times times = Times::as_asked;
};

// What one mention of it was bound to.
struct Bound {
    std::shared_ptr<Statement> statement;  // null while the views are made
    Open open;
    std::size_t columns = 0;
    bool unbounded = false;  // readings of which no beginning is known
    bool zoned = false;      // as in Question
};

// One mention that is being read.
struct Reading {
    std::shared_ptr<Statement> statement;
    ScanNumber scan = 0;
    std::vector<std::size_t> places;  // of the columns of a page in the chunk
    bool zoned = false;
    Page page;
    std::size_t row = 0;
    ~Reading() {
        if (scan != 0) statement->close_scan(scan);
    }
};

template <class T>
void destroy(void* pointer) {
    const std::unique_ptr<T> owned{static_cast<T*>(pointer)};
}

std::shared_ptr<Statement> statement_of(const Made& made, duck::BindInfo info) {
    duck::Context context = nullptr;
    f.table_function_get_client_context(info, &context);
    const duck::idx connection = f.client_context_get_connection_id(context);
    f.destroy_client_context(&context);
    return made.statements.of_connection(connection);
}

bool are_zoned(const Made& made, const std::shared_ptr<Statement>& statement) {
    if (made.times != Times::as_asked) return made.times == Times::zoned;
    return statement && statement->question().zoned;
}

void add_columns(duck::BindInfo info, const std::vector<Column>& columns, bool zoned) {
    for (const Column& column : columns) {
        duck::Type type = f.create_logical_type(type_of(column.type, zoned));
        f.bind_add_result_column(info, column.name.c_str(), type);
        f.destroy_logical_type(&type);
    }
}

Failure missing_since(std::string_view what) {
    return {
        Error{Code::invalid,
              "{}: say from when on; in WHERE beside it, as in ts >= now() - INTERVAL 1 HOUR, or as an argument, as in "
              "history(tags := 'plant/**', since := now() - INTERVAL 1 HOUR)",
              what},
        0, "22023"};
}

Result<Arguments> take_arguments(duck::BindInfo info, const TableShape& shape) {
    Arguments arguments;
    for (const std::string& name : shape.arguments) {
        const duck::Value value = f.bind_get_named_parameter(info, name.c_str());
        const bool is_condition = value != nullptr && name == "condition";
        std::vector<Cell> cells = take_cells(value);
        const auto is_null = [](const Cell& cell) { return std::holds_alternative<std::monostate>(cell); };
        // Else all rows would come where some are asked for.
        if (is_condition && (cells.empty() || std::ranges::any_of(cells, is_null)))
            return Error{Code::invalid, "condition: is NULL or an empty list: give a condition, or leave it out"};
        for (Cell& cell : cells)
            if (!is_null(cell)) arguments.emplace_back(name, std::move(cell));
    }
    return arguments;
}

void refuse(duck::BindInfo info, const std::shared_ptr<Statement>& statement, Failure failure) {
    f.bind_set_error(info, failure.error.text().c_str());
    if (statement) statement->keep_failure(std::move(failure));
}

void keep(duck::BindInfo info, Bound bound) {
    f.bind_set_bind_data(info, std::make_unique<Bound>(std::move(bound)).release(), destroy<Bound>);
}

// What the plan found, by its number; null if there is none, as for a function that is bound for another reason.
const Bounds* bounds_of(const std::shared_ptr<Statement>& statement, duck::Value value) {
    if (value == nullptr) return nullptr;
    const auto number = f.is_null_value(value) ? SIZE_MAX : static_cast<std::size_t>(f.get_int64(value));
    f.destroy_value(&value);
    return statement && number < statement->bounds().size() ? &statement->bounds()[number] : nullptr;
}

void add_conditions(Open& open, const Bounds& bounds) {
    for (const ColumnCondition& condition : bounds.values) open.arguments.push_back(argument_of(condition));
    if (bounds.newest > 0) open.arguments.emplace_back(kNewestArgument, static_cast<std::int64_t>(bounds.newest));
}

void bind_table(duck::BindInfo info) {
    const Made& made = *static_cast<const Made*>(f.bind_get_extra_info(info));
    Bound bound{statement_of(made, info), {.table = made.shape.name}, made.shape.columns.size()};
    auto arguments = take_arguments(info, made.shape);
    if (!arguments) return refuse(info, bound.statement, {arguments.error(), 0, "22023"});
    bound.open.arguments = std::move(*arguments);
    std::vector<Column> columns = made.shape.columns;
    if (made.shape.name == "history") {
        auto told = history_columns(bound.open.arguments);
        if (!told) return refuse(info, bound.statement, {told.error(), 0, "22023"});
        columns = std::move(*told);
        bound.columns = columns.size();
        bound.unbounded = !is_given(bound.open.arguments, "since");
        const Bounds* const bounds = bounds_of(bound.statement, f.bind_get_named_parameter(info, kBoundsArgument));
        if (bounds != nullptr) add_conditions(bound.open, *bounds);
    }
    bound.unbounded = bound.unbounded || made.shape.name == "readings";
    bound.zoned = are_zoned(made, bound.statement);
    add_columns(info, columns, bound.zoned);
    keep(info, std::move(bound));
}

// gongshu_readings(N): the mention of readings whose bounds the plan found.
void bind_readings(duck::BindInfo info) {
    const Made& made = *static_cast<const Made*>(f.bind_get_extra_info(info));
    Bound bound{statement_of(made, info), {.table = made.shape.name}, made.shape.columns.size()};
    if (const Bounds* const found = bounds_of(bound.statement, f.bind_get_parameter(info, 0))) {
        const Bounds& bounds = *found;
        bound.unbounded = !bounds.since;
        if (bounds.since) bound.open.arguments.emplace_back("since", Time{*bounds.since});
        if (bounds.until) bound.open.arguments.emplace_back("until", Time{*bounds.until});
        if (bounds.tags)
            for (const std::string& tag : *bounds.tags) bound.open.arguments.emplace_back("tags", tag);
        if (bounds.tags && bounds.tags->empty()) bound.open.arguments.emplace_back("tags", std::string{});
        add_conditions(bound.open, bounds);
    }
    bound.zoned = are_zoned(made, bound.statement);
    add_columns(info, made.shape.columns, bound.zoned);
    keep(info, std::move(bound));
}

void init(duck::InitInfo info) {
    const Bound& bound = *static_cast<const Bound*>(f.init_get_bind_data(info));
    f.init_set_max_threads(info, 1);
    if (!bound.statement) return f.init_set_error(info, "no statement reads this");
    if (bound.unbounded) {
        Failure failure = missing_since(bound.open.table);
        f.init_set_error(info, failure.error.text().c_str());
        return bound.statement->keep_failure(std::move(failure));
    }
    auto reading = std::make_unique<Reading>();
    reading->statement = bound.statement;
    reading->zoned = bound.zoned;
    Open open = bound.open;
    for (duck::idx i = 0; i < f.init_get_column_count(info); ++i) {
        const duck::idx column = f.init_get_column_index(info, i);
        if (column >= bound.columns) continue;  // rows are only counted
        open.columns.push_back(static_cast<std::uint32_t>(column));
        reading->places.push_back(i);
    }
    reading->scan = bound.statement->open(std::move(open));
    f.init_set_init_data(info, reading.release(), destroy<Reading>);
}

void give_rows(duck::FunctionInfo info, duck::Chunk chunk) {
    Reading& reading = *static_cast<Reading*>(f.function_get_init_data(info));
    if (reading.row == reading.page.rows()) {
        auto next = reading.statement->take(reading.scan);
        if (!next) return f.function_set_error(info, next.error().error.text().c_str());
        if (!*next) return f.data_chunk_set_size(chunk, 0);
        reading.page = std::move(**next);
        reading.row = 0;
    }
    reading.row += fill_chunk(reading.page, reading.row, reading.places, chunk, reading.zoned);
}

Result<void> run(duck::Connection connection, const std::string& text) {
    duck::Result result{};
    const bool ran = f.query(connection, text.c_str(), &result) == duck::ok;
    const std::string why = ran ? "" : f.result_error(&result);
    f.destroy_result(&result);
    if (!ran)
        return Error{Code::unsupported, "the SQL engine does not take \"{}\": {}", cut_utf8(text, 200),
                     cut_utf8(why, 500)};
    return {};
}

struct Named {
    std::string name;
    duck::TypeId type;
};

Result<void> add_function(duck::Connection connection, const std::string& name, const std::vector<Named>& named,
                          std::optional<duck::TypeId> argument, void (*bind)(duck::BindInfo), const Made& made) {
    duck::TableFunction function = f.create_table_function();
    f.table_function_set_name(function, name.c_str());
    for (const Named& one : named) {
        duck::Type type = f.create_logical_type(one.type);
        f.table_function_add_named_parameter(function, one.name.c_str(), type);
        f.destroy_logical_type(&type);
    }
    if (argument) {
        duck::Type type = f.create_logical_type(*argument);
        f.table_function_add_parameter(function, type);
        f.destroy_logical_type(&type);
    }
    const auto nothing = [](void*) {};
    f.table_function_set_extra_info(function, const_cast<Made*>(&made), nothing);
    f.table_function_set_bind(function, bind);
    f.table_function_set_init(function, init);
    f.table_function_set_function(function, give_rows);
    f.table_function_supports_projection_pushdown(function, true);
    const bool added = f.register_table_function(connection, function) == duck::ok;
    f.destroy_table_function(&function);
    if (!added) return Error{Code::unsupported, "the SQL engine does not take the function {}", name};
    return {};
}

const Made& keep_made(Statements& statements, const TableShape& shape, Times times) {
    return *std::make_unique<Made>(Made{statements, shape, times}).release();
}

// A view for each of the two ways that times are asked for; what is a function tells when it is bound.
Result<void> make_table(duck::Connection connection, const TableShape& shape, Statements& statements) {
    const Made& made = keep_made(statements, shape, Times::as_asked);
    std::vector<Named> named;
    for (const std::string& name : shape.arguments) named.push_back({name, duck::type_any});
    if (shape.name == "history") named.push_back({kBoundsArgument, duck::type_bigint});
    if (!named.empty()) TRY(add_function(connection, shape.name, named, std::nullopt, bind_table, made));
    if (shape.name == "history") return {};
    if (shape.name == "readings")
        TRY(add_function(connection, "gongshu_readings", {}, duck::type_bigint, bind_readings, made));
    for (const Times times : {Times::plain, Times::zoned}) {
        const bool zoned = times == Times::zoned;
        const std::string name = (zoned ? "gongshu_zoned_" : "gongshu_all_") + shape.name;
        TRY(add_function(connection, name, {}, std::nullopt, bind_table, keep_made(statements, shape, times)));
        TRY(run(connection, fmt::format("CREATE VIEW {}.\"{}\" AS SELECT * FROM {}()", zoned ? kZonedSchema : "main",
                                        shape.name, name)));
    }
    return {};
}

Result<void> make_all(duck::Connection connection, const std::vector<TableShape>& tables,
                      const std::vector<const io::NamedFile*>& files, Statements& statements) {
    TRY(run(connection, fmt::format("CREATE SCHEMA {}", kZonedSchema)));
    for (const TableShape& shape : tables) TRY(make_table(connection, shape, statements));
    std::string paths;
    for (const io::NamedFile* const file : files)
        paths += fmt::format("{}'{}'", paths.empty() ? "" : ", ", file->path());
    const std::string allowed = fmt::format("SET allowed_paths = [{}]", paths);
    for (const char* const text :
         {allowed.c_str(), "SET enable_external_access = false", "SET TimeZone = 'UTC'",
          // Times here have no zone and are UTC; the engine's own now() has one and compares with none of them.
          "CREATE MACRO now() AS (system.main.get_current_timestamp() AT TIME ZONE 'UTC')",
          "CREATE MACRO get_current_timestamp() AS (system.main.get_current_timestamp() AT TIME ZONE 'UTC')",
          "CREATE MACRO in_zone(ts, zone) AS timezone(zone, timezone('UTC', ts::TIMESTAMP))",
          "CREATE MACRO public.now() AS system.main.get_current_timestamp()",
          "CREATE MACRO public.get_current_timestamp() AS system.main.get_current_timestamp()",
          "CREATE MACRO public.in_zone(ts, zone) AS timezone(zone, ts::TIMESTAMPTZ)",
          // Ours alone to set: no statement that is asked sets anything.
          "SET allowed_configs = ['TimeZone']", "SET lock_configuration = true"})
        TRY(run(connection, text));
    return {};
}

}  // namespace

void Statements::add(QueryNumber number, std::shared_ptr<Statement> statement) {
    const std::lock_guard lock{mutex_};
    all_.insert_or_assign(number, std::move(statement));
}

void Statements::remove(QueryNumber number) {
    const std::lock_guard lock{mutex_};
    all_.erase(number);
}

std::shared_ptr<Statement> Statements::find(QueryNumber number) const {
    const std::lock_guard lock{mutex_};
    const auto found = all_.find(number);
    return found == all_.end() ? nullptr : found->second;
}

std::shared_ptr<Statement> Statements::of_connection(duck::idx connection) const {
    const std::lock_guard lock{mutex_};
    for (const auto& [number, statement] : all_)
        if (statement->connection_id() == connection) return statement;
    return nullptr;
}

Result<void> make_tables(duck::Database database, const std::vector<TableShape>& tables,
                         const std::vector<const io::NamedFile*>& files, Statements& statements) {
    duck::Connection connection = nullptr;
    if (f.connect(database, &connection) != duck::ok)
        return Error{Code::unavailable, "the SQL engine gives no connection"};
    auto made = make_all(connection, tables, files, statements);
    f.disconnect(&connection);
    return made;
}

}  // namespace gongshu::sql
