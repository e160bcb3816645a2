#pragma once

#include <string>
#include <string_view>
#include <vector>

// The tables of pg_catalog and information_schema as SQL over the engine's own catalogue.
namespace gongshu::pg {

struct CatalogTable {
    std::string_view name;   // of the WITH clause, as it is mentioned
    std::string_view needs;  // names of others with spaces between
    std::string_view query;
};
// In an order in which each comes after what it needs.
const std::vector<CatalogTable>& catalog_tables();
// Null if there is none.
const CatalogTable* find_catalog_table(std::string_view name);

}  // namespace gongshu::pg
