#pragma once

#include "bench/http_load.h"

namespace gongshu::bench {

// Statements over one connection to a PostgreSQL that trusts who comes from this machine, one under way.
struct PgLoad {
    io::Address address;
    std::size_t count = 1;
    DurationNs enough = 0;  // once so much time has gone by nothing more is sent; 0 = all are
    // Statement `i`; COPY … FROM STDIN is given copy(i).
    std::function<std::string(std::size_t i)> statement;
    std::function<std::string_view(std::size_t i)> copy = {};
    // A row of the answer to statement `i`, as text; NULL is empty.
    std::function<void(std::size_t i, const std::vector<std::string_view>& row)> on_row = {};
};

// Blocks until all that was sent is answered; Code::timeout after five minutes, Code::unavailable with what the server
// said. The protocol is PostgreSQL's, version 3.0: its documentation, chapter "Frontend/Backend Protocol".
Result<HttpLoaded> run_statements(const PgLoad& load);

}  // namespace gongshu::bench
