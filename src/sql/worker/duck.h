#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

// The part of DuckDB's C interface that the worker uses, declared by hand as DuckDB 1.5 documents it: the library comes
// without a header and is opened while the worker runs.
namespace gongshu::sql::duck {

using idx = std::uint64_t;
// Handles. Those that are made are given back by the destroy function of their kind, which takes their address.
using Config = void*;
using Database = void*;
using Connection = void*;
using Prepared = void*;
using Pending = void*;
using Chunk = void*;
using Vector = void*;
using Type = void*;
using Value = void*;
using TableFunction = void*;
using BindInfo = void*;
using InitInfo = void*;
using FunctionInfo = void*;
using Context = void*;
using Destroy = void (*)(void*);

enum State : int { ok = 0, failed = 1 };

// By value in fetch_chunk(), so its size matters.
struct Result {
    idx deprecated[3];
    void* deprecated_columns;
    char* deprecated_error;
    void* internal;
};
struct Progress {
    double percentage;
    std::uint64_t rows, rows_all;
};
struct Hugeint {
    std::uint64_t lower;
    std::int64_t upper;
};
// A text in a vector: up to 12 bytes lie inside.
struct Text {
    std::uint32_t length;
    char inlined[4];
    const char* pointer;

    const char* data() const { return length <= 12 ? inlined : pointer; }
};

enum TypeId : int {
    type_invalid = 0,
    type_boolean = 1,
    type_tinyint = 2,
    type_smallint = 3,
    type_integer = 4,
    type_bigint = 5,
    type_utinyint = 6,
    type_usmallint = 7,
    type_uinteger = 8,
    type_ubigint = 9,
    type_float = 10,
    type_double = 11,
    type_timestamp = 12,
    type_date = 13,
    type_time = 14,
    type_interval = 15,
    type_hugeint = 16,
    type_varchar = 17,
    type_blob = 18,
    type_decimal = 19,
    type_timestamp_s = 20,
    type_timestamp_ms = 21,
    type_timestamp_ns = 22,
    type_enum = 23,
    type_list = 24,
    type_struct = 25,
    type_map = 26,
    type_uuid = 27,
    type_union = 28,
    type_bit = 29,
    type_time_tz = 30,
    type_timestamp_tz = 31,
    type_uhugeint = 32,
    type_array = 33,
    type_any = 34,
    type_sqlnull = 36,
};

// name, what it returns, what it takes
#define GONGSHU_DUCK_FUNCTIONS(F)                                                        \
    F(library_version, const char*, ())                                                  \
    F(create_config, State, (Config*))                                                   \
    F(set_config, State, (Config, const char*, const char*))                             \
    F(destroy_config, void, (Config*))                                                   \
    F(open_ext, State, (const char*, Database*, Config, char**))                         \
    F(close, void, (Database*))                                                          \
    F(connect, State, (Database, Connection*))                                           \
    F(disconnect, void, (Connection*))                                                   \
    F(interrupt, void, (Connection))                                                     \
    F(query, State, (Connection, const char*, Result*))                                  \
    F(destroy_result, void, (Result*))                                                   \
    F(result_error, const char*, (Result*))                                              \
    F(column_count, idx, (Result*))                                                      \
    F(column_name, const char*, (Result*, idx))                                          \
    F(column_logical_type, Type, (Result*, idx))                                         \
    F(fetch_chunk, Chunk, (Result))                                                      \
    F(prepare, State, (Connection, const char*, Prepared*))                              \
    F(prepare_error, const char*, (Prepared))                                            \
    F(destroy_prepare, void, (Prepared*))                                                \
    F(nparams, idx, (Prepared))                                                          \
    F(param_type, TypeId, (Prepared, idx))                                               \
    F(parameter_name, const char*, (Prepared, idx))                                      \
    F(bind_value, State, (Prepared, idx, Value))                                         \
    F(prepared_statement_column_count, idx, (Prepared))                                  \
    F(prepared_statement_column_name, const char*, (Prepared, idx))                      \
    F(prepared_statement_column_logical_type, Type, (Prepared, idx))                     \
    F(pending_prepared_streaming, State, (Prepared, Pending*))                           \
    F(pending_error, const char*, (Pending))                                             \
    F(execute_pending, State, (Pending, Result*))                                        \
    F(destroy_pending, void, (Pending*))                                                 \
    F(execute_prepared, State, (Prepared, Result*))                                      \
    F(destroy_data_chunk, void, (Chunk*))                                                \
    F(data_chunk_get_size, idx, (Chunk))                                                 \
    F(data_chunk_set_size, void, (Chunk, idx))                                           \
    F(data_chunk_get_vector, Vector, (Chunk, idx))                                       \
    F(vector_size, idx, ())                                                              \
    F(vector_get_data, void*, (Vector))                                                  \
    F(vector_get_validity, std::uint64_t*, (Vector))                                     \
    F(vector_ensure_validity_writable, void, (Vector))                                   \
    F(vector_assign_string_element_len, void, (Vector, idx, const char*, idx))           \
    F(create_logical_type, Type, (TypeId))                                               \
    F(destroy_logical_type, void, (Type*))                                               \
    F(get_type_id, TypeId, (Type))                                                       \
    F(decimal_width, std::uint8_t, (Type))                                               \
    F(decimal_scale, std::uint8_t, (Type))                                               \
    F(decimal_internal_type, TypeId, (Type))                                             \
    F(create_null_value, Value, ())                                                      \
    F(create_bool, Value, (bool))                                                        \
    F(create_int64, Value, (std::int64_t))                                               \
    F(create_double, Value, (double))                                                    \
    F(create_varchar_length, Value, (const char*, idx))                                  \
    F(create_timestamp_ns, Value, (std::int64_t))                                        \
    F(create_timestamp_tz, Value, (std::int64_t))                                        \
    F(create_date, Value, (std::int32_t))                                                \
    F(destroy_value, void, (Value*))                                                     \
    F(get_value_type, Type, (Value))                                                     \
    F(is_null_value, bool, (Value))                                                      \
    F(get_varchar, char*, (Value))                                                       \
    F(get_int64, std::int64_t, (Value))                                                  \
    F(get_timestamp, std::int64_t, (Value))                                              \
    F(get_timestamp_tz, std::int64_t, (Value))                                           \
    F(get_timestamp_ns, std::int64_t, (Value))                                           \
    F(get_date, std::int32_t, (Value))                                                   \
    F(get_list_size, idx, (Value))                                                       \
    F(get_list_child, Value, (Value, idx))                                               \
    F(free, void, (void*))                                                               \
    F(create_table_function, TableFunction, ())                                          \
    F(destroy_table_function, void, (TableFunction*))                                    \
    F(table_function_set_name, void, (TableFunction, const char*))                       \
    F(table_function_add_parameter, void, (TableFunction, Type))                         \
    F(table_function_add_named_parameter, void, (TableFunction, const char*, Type))      \
    F(table_function_set_extra_info, void, (TableFunction, void*, Destroy))              \
    F(table_function_set_bind, void, (TableFunction, void (*)(BindInfo)))                \
    F(table_function_set_init, void, (TableFunction, void (*)(InitInfo)))                \
    F(table_function_set_function, void, (TableFunction, void (*)(FunctionInfo, Chunk))) \
    F(table_function_supports_projection_pushdown, void, (TableFunction, bool))          \
    F(register_table_function, State, (Connection, TableFunction))                       \
    F(table_function_get_client_context, void, (BindInfo, Context*))                     \
    F(connection_get_client_context, void, (Connection, Context*))                       \
    F(client_context_get_connection_id, idx, (Context))                                  \
    F(destroy_client_context, void, (Context*))                                          \
    F(bind_get_extra_info, void*, (BindInfo))                                            \
    F(bind_add_result_column, void, (BindInfo, const char*, Type))                       \
    F(bind_get_parameter, Value, (BindInfo, idx))                                        \
    F(bind_get_named_parameter, Value, (BindInfo, const char*))                          \
    F(bind_set_bind_data, void, (BindInfo, void*, Destroy))                              \
    F(bind_set_error, void, (BindInfo, const char*))                                     \
    F(init_get_bind_data, void*, (InitInfo))                                             \
    F(init_get_column_count, idx, (InitInfo))                                            \
    F(init_get_column_index, idx, (InitInfo, idx))                                       \
    F(init_set_init_data, void, (InitInfo, void*, Destroy))                              \
    F(init_set_max_threads, void, (InitInfo, idx))                                       \
    F(init_set_error, void, (InitInfo, const char*))                                     \
    F(function_get_init_data, void*, (FunctionInfo))                                     \
    F(function_set_error, void, (FunctionInfo, const char*))

// The library, once load() has found all of it; for the rest of the process.
struct Functions {
#define GONGSHU_DUCK_FIELD(name, result, arguments) result(*name) arguments = nullptr;
    GONGSHU_DUCK_FUNCTIONS(GONGSHU_DUCK_FIELD)
#undef GONGSHU_DUCK_FIELD
};
extern Functions f;

gongshu::Result<void> load(const std::string& path);

}  // namespace gongshu::sql::duck
