#include "pg/catalog_tables.h"

#include <algorithm>

namespace gongshu::pg {

namespace {

// One schema `public` of the database `gongshu` holds all tables. Numbers of tables follow their names, so that a
// client may ask for one by the number that an earlier answer gave it.
constexpr std::string_view kColumns =
    "SELECT table_name, column_name, column_index AS position, CASE "
    "WHEN data_type = 'BOOLEAN' THEN 16 WHEN data_type IN ('SMALLINT', 'TINYINT', 'UTINYINT') THEN 21 "
    "WHEN data_type IN ('INTEGER', 'USMALLINT') THEN 23 WHEN data_type IN ('BIGINT', 'UINTEGER', 'UBIGINT') THEN 20 "
    "WHEN data_type IN ('DOUBLE', 'FLOAT') THEN 701 WHEN data_type LIKE 'DECIMAL%' OR data_type LIKE '%HUGEINT' THEN "
    "1700 "
    "WHEN data_type LIKE 'TIMESTAMP%' THEN 1184 WHEN data_type = 'DATE' THEN 1082 WHEN data_type = 'JSON' THEN 114 "
    "ELSE 25 END AS type FROM duckdb_columns() WHERE NOT internal AND schema_name = 'public'";

constexpr std::string_view kTypes =
    "SELECT * FROM (VALUES (16, 'bool', 'boolean', 1, 'B'), (17, 'bytea', 'bytea', -1, 'U'), (19, 'name', 'name', 64, "
    "'S'), "
    "(20, 'int8', 'bigint', 8, 'N'), (21, 'int2', 'smallint', 2, 'N'), (23, 'int4', 'integer', 4, 'N'), "
    "(25, 'text', 'text', -1, 'S'), (26, 'oid', 'oid', 4, 'N'), (114, 'json', 'json', -1, 'U'), "
    "(700, 'float4', 'real', 4, 'N'), (701, 'float8', 'double precision', 8, 'N'), (1043, 'varchar', 'character "
    "varying', -1, 'S'), "
    "(1082, 'date', 'date', 4, 'D'), (1114, 'timestamp', 'timestamp without time zone', 8, 'D'), "
    "(1184, 'timestamptz', 'timestamp with time zone', 8, 'D'), (1186, 'interval', 'interval', 16, 'T'), "
    "(1700, 'numeric', 'numeric', -1, 'N'), (2950, 'uuid', 'uuid', 16, 'U'), (3802, 'jsonb', 'jsonb', -1, 'U')) "
    "AS t(oid, name, long, len, category)";

// A table without rows whose columns are these.
#define NOTHING(columns) "SELECT * FROM (SELECT " columns ") WHERE false"
#define NUMBER(name) "0::BIGINT AS " name
#define TEXT(name) "''::VARCHAR AS " name
#define FLAG(name) "false AS " name

const std::vector<CatalogTable> kTables = {
    {"gs_columns", "", kColumns},
    {"gs_types", "", kTypes},
    {"gs_tables", "gs_columns",
     "SELECT table_name AS name, 16383 + row_number() OVER (ORDER BY table_name) AS oid, count(*) AS columns "
     "FROM gs_columns GROUP BY table_name"},
    {"pg_namespace", "",
     "SELECT oid, nspname, 10 AS nspowner, NULL::VARCHAR[] AS nspacl FROM (VALUES (2200, 'public'), (11, "
     "'pg_catalog'), "
     "(13000, 'information_schema')) AS n(oid, nspname)"},
    {"pg_class", "gs_columns gs_tables",
     "SELECT oid, name AS relname, 2200 AS relnamespace, 0 AS reltype, 0 AS reloftype, 10 AS relowner, 2 AS relam, oid "
     "AS relfilenode, "
     "0 AS reltablespace, 0 AS relpages, -1.0 AS reltuples, 0 AS relallvisible, 0 AS reltoastrelid, false AS "
     "relhasindex, "
     "false AS relisshared, 'p' AS relpersistence, 'r' AS relkind, columns AS relnatts, 0 AS relchecks, false AS "
     "relhasrules, "
     "false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, "
     "true AS relispopulated, 'n' AS relreplident, false AS relispartition, 0 AS relrewrite, NULL::VARCHAR[] AS "
     "relacl, "
     "NULL::VARCHAR[] AS reloptions, NULL::VARCHAR AS relpartbound FROM gs_tables"},
    {"pg_attribute", "gs_columns gs_tables gs_types",
     "SELECT t.oid AS attrelid, c.column_name AS attname, c.type AS atttypid, y.len AS attlen, c.position AS attnum, 0 "
     "AS attndims, "
     "-1 AS attcacheoff, -1 AS atttypmod, -1 AS attstattarget, false AS attnotnull, false AS atthasdef, false AS "
     "atthasmissing, "
     "'' AS attidentity, '' AS attgenerated, false AS attisdropped, true AS attislocal, 0 AS attinhcount, 0 AS "
     "attcollation, "
     "'p' AS attstorage, '' AS attcompression, NULL::VARCHAR[] AS attacl, NULL::VARCHAR[] AS attoptions, "
     "NULL::VARCHAR[] AS attfdwoptions FROM gs_columns c JOIN gs_tables t ON t.name = c.table_name JOIN gs_types y ON "
     "y.oid = c.type"},
    {"pg_type", "gs_types",
     "SELECT oid, name AS typname, 11 AS typnamespace, 10 AS typowner, len AS typlen, len > 0 AS typbyval, 'b' AS "
     "typtype, "
     "category AS typcategory, false AS typispreferred, true AS typisdefined, ',' AS typdelim, 0 AS typrelid, 0 AS "
     "typelem, "
     "0 AS typarray, name || 'in' AS typinput, name || 'out' AS typoutput, name || 'recv' AS typreceive, name || "
     "'send' AS typsend, "
     "false AS typnotnull, 0 AS typbasetype, -1 AS typtypmod, 0 AS typndims, 0 AS typcollation, NULL::VARCHAR AS "
     "typdefault FROM gs_types"},
    {"pg_database", "",
     "SELECT 1 AS oid, 'gongshu' AS datname, 10 AS datdba, 6 AS encoding, 'c' AS datlocprovider, false AS "
     "datistemplate, "
     "true AS datallowconn, -1 AS datconnlimit, 1663 AS dattablespace, 'C.UTF-8' AS datcollate, 'C.UTF-8' AS datctype, "
     "NULL::VARCHAR AS daticulocale, NULL::VARCHAR[] AS datacl"},
    {"pg_roles", "",
     "SELECT 10 AS oid, 'gongshu' AS rolname, false AS rolsuper, true AS rolinherit, false AS rolcreaterole, false AS "
     "rolcreatedb, "
     "true AS rolcanlogin, false AS rolreplication, -1 AS rolconnlimit, NULL::TIMESTAMP AS rolvaliduntil, false AS "
     "rolbypassrls, "
     "NULL::VARCHAR[] AS rolconfig"},
    {"pg_user", "", "SELECT 'gongshu' AS usename, 10 AS usesysid, false AS usecreatedb, false AS usesuper"},
    {"pg_am", "", "SELECT 2 AS oid, 'heap' AS amname, 't' AS amtype, 'heap_tableam_handler' AS amhandler"},
    {"pg_tables", "gs_columns gs_tables",
     "SELECT 'public' AS schemaname, name AS tablename, 'gongshu' AS tableowner, NULL::VARCHAR AS tablespace, false AS "
     "hasindexes, "
     "false AS hasrules, false AS hastriggers, false AS rowsecurity FROM gs_tables"},
    {"pg_tablespace", "",
     "SELECT 1663 AS oid, 'pg_default' AS spcname, 10 AS spcowner, NULL::VARCHAR[] AS spcacl, NULL::VARCHAR[] AS "
     "spcoptions"},
    {"pg_attrdef", "", NOTHING(NUMBER("oid") ", " NUMBER("adrelid") ", " NUMBER("adnum") ", " TEXT("adbin"))},
    {"pg_collation", "", NOTHING(NUMBER("oid") ", " TEXT("collname") ", " NUMBER("collnamespace"))},
    {"pg_description", "",
     NOTHING(NUMBER("objoid") ", " NUMBER("classoid") ", " NUMBER("objsubid") ", " TEXT("description"))},
    {"pg_shdescription", "", NOTHING(NUMBER("objoid") ", " NUMBER("classoid") ", " TEXT("description"))},
    {"pg_constraint", "",
     NOTHING(NUMBER("oid") ", " TEXT("conname") ", " NUMBER("connamespace") ", " TEXT("contype") ", " NUMBER(
         "conrelid") ", " NUMBER("confrelid") ", " NUMBER("conindid") ", []::BIGINT[] AS conkey, []::BIGINT[] AS "
                                                                      "confkey, " TEXT("confupdtype") ", " TEXT("confde"
                                                                                                                "ltyp"
                                                                                                                "e"))},
    {"pg_index", "",
     NOTHING(NUMBER("indexrelid") ", " NUMBER("indrelid") ", " NUMBER("indnatts") ", " FLAG("indisunique") ", " FLAG(
         "indisprimary") ", " FLAG("indisvalid") ", " FLAG("indisclustered") ", []::BIGINT[] AS indkey, []::BIGINT[] "
                                                                             "AS indoption, " TEXT(
                                                                                 "indexprs") ","
                                                                                             " " TEXT("indpred"))},
    {"pg_indexes", "",
     NOTHING(TEXT("schemaname") ", " TEXT("tablename") ", " TEXT("indexname") ", " TEXT("tablespace") ", " TEXT(
         "indexdef"))},
    {"pg_views", "", NOTHING(TEXT("schemaname") ", " TEXT("viewname") ", " TEXT("viewowner") ", " TEXT("definition"))},
    {"pg_matviews", "",
     NOTHING(TEXT("schemaname") ", " TEXT("matviewname") ", " TEXT("matviewowner") ", " TEXT("definition"))},
    {"pg_inherits", "",
     NOTHING(NUMBER("inhrelid") ", " NUMBER("inhparent") ", " NUMBER("inhseqno") ", " FLAG("inhdetachpending"))},
    {"pg_trigger", "", NOTHING(NUMBER("oid") ", " NUMBER("tgrelid") ", " TEXT("tgname") ", " FLAG("tgisinternal"))},
    {"pg_extension", "",
     NOTHING(NUMBER("oid") ", " TEXT("extname") ", " TEXT("extversion") ", " NUMBER("extnamespace"))},
    {"pg_enum", "",
     NOTHING(NUMBER("oid") ", " NUMBER("enumtypid") ", " NUMBER("enumsortorder") ", " TEXT("enumlabel"))},
    {"pg_policy", "",
     NOTHING(NUMBER("oid") ", " TEXT("polname") ", " NUMBER("polrelid") ", " TEXT("polcmd") ", " FLAG(
         "polpermissive") ", []::BIGINT[] AS polroles, " TEXT("polqual") ", " TEXT("polwithcheck"))},
    {"pg_range", "", NOTHING(NUMBER("rngtypid") ", " NUMBER("rngsubtype"))},
    {"pg_proc", "",
     NOTHING(NUMBER("oid") ", " TEXT("proname") ", " NUMBER("pronamespace") ", " TEXT("prokind") ", " NUMBER(
         "prorettype"))},
    {"pg_foreign_table", "", NOTHING(NUMBER("ftrelid") ", " NUMBER("ftserver"))},
    {"pg_partitioned_table", "", NOTHING(NUMBER("partrelid") ", " TEXT("partstrat"))},
    {"pg_auth_members", "",
     NOTHING(NUMBER("roleid") ", " NUMBER("member") ", " NUMBER("grantor") ", " FLAG("admin_option"))},
    {"pg_depend", "",
     NOTHING(NUMBER("classid") ", " NUMBER("objid") ", " NUMBER("refclassid") ", " NUMBER("refobjid") ", " TEXT(
         "deptype"))},
    {"tables", "gs_columns gs_tables",
     "SELECT 'gongshu' AS table_catalog, 'public' AS table_schema, name AS table_name, 'BASE TABLE' AS table_type, "
     "'NO' AS is_insertable_into, 'NO' AS is_typed FROM gs_tables"},
    {"columns", "gs_columns gs_types",
     "SELECT 'gongshu' AS table_catalog, 'public' AS table_schema, c.table_name, c.column_name, c.position AS "
     "ordinal_position, "
     "NULL::VARCHAR AS column_default, 'YES' AS is_nullable, y.long AS data_type, NULL::BIGINT AS "
     "character_maximum_length, "
     "NULL::BIGINT AS numeric_precision, NULL::BIGINT AS numeric_scale, NULL::BIGINT AS datetime_precision, 'gongshu' "
     "AS udt_catalog, "
     "'pg_catalog' AS udt_schema, y.name AS udt_name, 'NO' AS is_identity, 'NEVER' AS is_generated, 'NO' AS "
     "is_updatable "
     "FROM gs_columns c JOIN gs_types y ON y.oid = c.type"},
    {"schemata", "",
     "SELECT 'gongshu' AS catalog_name, s AS schema_name, 'gongshu' AS schema_owner FROM (VALUES ('public'), "
     "('pg_catalog'), "
     "('information_schema')) AS n(s)"},
};

#undef NOTHING
#undef NUMBER
#undef TEXT
#undef FLAG

}  // namespace

const std::vector<CatalogTable>& catalog_tables() { return kTables; }

const CatalogTable* find_catalog_table(std::string_view name) {
    const auto found = std::ranges::find(kTables, name, &CatalogTable::name);
    return found == kTables.end() ? nullptr : &*found;
}

}  // namespace gongshu::pg
