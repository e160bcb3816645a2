#include "sql/testing/fake_engine.h"

#include <atomic>
#include <map>
#include <utility>

#include "base/guarded.h"
#include "sql/table.h"

namespace gongshu::sql::testing {

struct FakeEngine::Shared {
    struct State {
        std::map<std::string, Prepared> prepared;
        std::vector<Question> asked;
        std::string missing;
        bool asks_egress = false;
    };
    Guarded<State> state;
    std::atomic<std::size_t> running = 0, waiting = 0;
};

namespace {

class FakeQuery final : public Query {
public:
    FakeQuery(std::shared_ptr<FakeEngine::Shared> shared, FakeEngine::Prepared prepared)
        : shared_(std::move(shared)), prepared_(std::move(prepared)) {
        ++shared_->running;
    }
    ~FakeQuery() override {
        cancel();
        --shared_->running;
    }

    const std::vector<Column>& columns() const override { return prepared_.columns; }

    void next(Next done) override {
        std::optional<Outcome<Page>> answer;
        {
            auto state = state_.lock();
            answer = answer_of(*state);
            if (!answer) state->waiting = done;
        }
        if (answer) done(std::move(*answer));
    }

    void cancel() override {
        Next waiting;
        {
            auto state = state_.lock();
            state->cancelled = true;
            std::swap(waiting, state->waiting);
        }
        if (waiting) waiting(std::unexpected(cancelled()));
    }

    Progress progress() const override { return {}; }

private:
    struct State {
        std::size_t given = 0;
        bool cancelled = false;
        Next waiting;
    };

    static Failure cancelled() { return {Error{Code::unavailable, "the statement was cancelled"}, 0, "57014"}; }

    std::optional<Outcome<Page>> answer_of(State& state) {
        if (state.cancelled) return std::unexpected(cancelled());
        if (state.given < prepared_.pages.size()) return prepared_.pages[state.given++];
        if (prepared_.end_failure) return std::unexpected(*prepared_.end_failure);
        if (prepared_.hangs) return std::nullopt;
        return Page{};
    }

    const std::shared_ptr<FakeEngine::Shared> shared_;
    const FakeEngine::Prepared prepared_;
    Guarded<State> state_;
};

}  // namespace

std::shared_ptr<FakeEngine::Shared> FakeEngine::make_shared_state() { return std::make_shared<Shared>(); }

void FakeEngine::prepare(std::string text, Prepared prepared) {
    shared_->state.lock()->prepared.insert_or_assign(std::move(text), std::move(prepared));
}

void FakeEngine::set_missing(std::string why) { shared_->state.lock()->missing = std::move(why); }
void FakeEngine::ask_egress(bool asks) { shared_->state.lock()->asks_egress = asks; }
std::vector<Question> FakeEngine::asked() const { return shared_->state.lock()->asked; }
std::size_t FakeEngine::running() const { return shared_->running; }
std::size_t FakeEngine::waiting() const { return shared_->waiting; }

Result<void> FakeEngine::available() const {
    auto state = shared_->state.lock();
    if (!state->missing.empty()) return Error{Code::unavailable, "{}", state->missing};
    return {};
}

Outcome<FakeEngine::Prepared> FakeEngine::find(const Question& question) {
    auto state = shared_->state.lock();
    state->asked.push_back(question);
    if (state->asks_egress && question.asker.let_out) {
        if (const auto allowed = question.asker.let_out("a table"); !allowed)
            return std::unexpected(Failure{allowed.error(), 0, "42501"});
    }
    const auto found = state->prepared.find(question.text);
    if (found == state->prepared.end())
        return std::unexpected(Failure{Error{Code::invalid, "nobody prepared this statement"}, 1, "42601"});
    if (found->second.failure) return std::unexpected(*found->second.failure);
    return found->second;
}

namespace {

// Tells `done` once that it was cancelled.
template <class Done>
Engine::Cancel cancel_of(const std::shared_ptr<FakeEngine::Shared>& shared, Done done) {
    auto waiting = std::make_shared<Guarded<Done>>(std::move(done));
    ++shared->waiting;
    return [shared, waiting] {
        const Done tell = std::exchange(*waiting->lock(), nullptr);
        if (tell) --shared->waiting;
        if (tell) tell(std::unexpected(Failure{Error{Code::unavailable, "the statement was cancelled"}, 0, "57014"}));
    };
}

}  // namespace

Engine::Cancel FakeEngine::start(Question question, Started done) {
    auto found = find(question);
    if (found && found->waits) return cancel_of(shared_, std::move(done));
    if (found)
        done(std::make_shared<FakeQuery>(shared_, std::move(*found)));
    else
        done(std::unexpected(std::move(found.error())));
    return [] {};
}

Engine::Cancel FakeEngine::describe(Question question, Described done) {
    auto found = find(question);
    if (found && found->waits) return cancel_of(shared_, std::move(done));
    if (found)
        done(Description{found->columns, found->parameters});
    else
        done(std::unexpected(std::move(found.error())));
    return [] {};
}

// What it gives is prepared.
void FakeEngine::add_table(std::unique_ptr<Table>) {}

Page page_of(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows) {
    std::vector<CellType> types;
    for (const Column& column : columns) types.push_back(column.type);
    Page page{std::move(types)};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) add_cell(page, i, row[i]);
        page.end_row();
    }
    return page;
}

}  // namespace gongshu::sql::testing
