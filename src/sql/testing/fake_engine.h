#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sql/sql.h"

namespace gongshu::sql::testing {

// An engine for tests of the doors: it gives what it was told to, in the caller's thread, and remembers what was asked.
// A statement that nobody prepared is a syntax error at character 1. Any thread.
class FakeEngine final : public Engine {
public:
    struct Prepared {
        std::vector<Column> columns;
        std::vector<Page> pages;
        std::vector<std::optional<CellType>> parameters;
        std::optional<Failure> failure;      // instead of starting
        std::optional<Failure> end_failure;  // after the pages
        bool hangs = false;                  // after the pages, until it is cancelled
        bool waits = false;                  // for its turn, until it is cancelled
    };

    void prepare(std::string text, Prepared prepared);
    void set_missing(std::string why);  // what available() then says
    void ask_egress(bool asks);         // of each statement before anything is given, as of a table that it reads
    std::vector<Question> asked() const;
    std::size_t running() const;  // queries that were started and are not destroyed
    std::size_t waiting() const;  // statements that wait for their turn

    Result<void> available() const override;
    Cancel start(Question question, Started done) override;
    Cancel describe(Question question, Described done) override;
    void add_table(std::unique_ptr<Table> table) override;

    struct Shared;

private:
    Outcome<Prepared> find(const Question& question);

    std::shared_ptr<Shared> shared_ = make_shared_state();
    static std::shared_ptr<Shared> make_shared_state();
};

// A page of rows of cells whose types are those of `columns`.
Page page_of(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows);

}  // namespace gongshu::sql::testing
