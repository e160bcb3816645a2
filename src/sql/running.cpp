#include "sql/running.h"

#include "base/utf8.h"
#include "sql/link.h"

namespace gongshu::sql {

namespace {

// What the worker sent may be anything: a page has to be of the columns that it told, in whole characters.
bool fits(const Page& page, const std::vector<Column>& columns) {
    if (page.columns() != columns.size()) return false;
    for (std::size_t column = 0; column < columns.size(); ++column) {
        const CellType type = page.type(column);
        if (type != columns[column].type) return false;
        if (type != CellType::text && type < CellType::decimal) continue;
        for (std::size_t row = 0; row < page.rows(); ++row)
            if (!page.is_null(column, row) && find_broken_utf8(page.text(column, row)) != std::string_view::npos)
                return false;
    }
    return true;
}

bool is_bytes(const Page& page) { return page.columns() == 1 && page.type(0) == CellType::text; }

class RunningQuery final : public Query {
public:
    RunningQuery(std::shared_ptr<Running> running, std::shared_ptr<Link> link, std::vector<Column> columns)
        : running_(std::move(running)), link_(std::move(link)), columns_(std::move(columns)) {}
    ~RunningQuery() override { cancel(); }
    RunningQuery(const RunningQuery&) = delete;
    RunningQuery& operator=(const RunningQuery&) = delete;

    const std::vector<Column>& columns() const override { return columns_; }
    void next(Next done) override {
        running_->next(std::move(done));
        link_->ask_more(*running_);
    }
    void cancel() override {
        link_->cancel(*running_);
        running_->fail(cancelled_failure());
    }
    Progress progress() const override {
        const std::lock_guard lock{running_->mutex};
        return {running_->state.scanned, running_->state.has_ended ? 1.0 : -1.0};
    }

private:
    const std::shared_ptr<Running> running_;
    const std::shared_ptr<Link> link_;
    const std::vector<Column> columns_;
};

}  // namespace

Failure cancelled_failure() { return {Error{Code::unavailable, "the statement was cancelled"}, 0, "57014"}; }

void Running::began(std::shared_ptr<Running> self, std::shared_ptr<Link> link, Began began) {
    {
        const std::lock_guard lock{mutex};
        if (state.has_begun || state.has_ended) return;
        state.has_begun = true;
        state.columns = began.columns;
    }
    if (started) {
        auto tell = std::exchange(started, nullptr);
        return tell(std::make_shared<RunningQuery>(std::move(self), std::move(link), std::move(began.columns)));
    }
    Description description{std::move(began.columns), {}};
    for (const auto& [name, type] : began.parameters) {
        std::size_t number = 0;
        for (const char c : name)
            number = c >= '0' && c <= '9' && number < 10'000 ? number * 10 + static_cast<unsigned>(c - '0') : 100'000;
        if (name.empty() || number == 0 || number > Question::kParametersMax) continue;
        if (description.parameters.size() < number) description.parameters.resize(number);
        description.parameters[number - 1] = type;
    }
    if (auto tell = std::exchange(described, nullptr)) tell(std::move(description));
}

void Running::add(Page page) {
    Query::Next waiting;
    std::optional<Failure> failure;
    {
        const std::lock_guard lock{mutex};
        if (state.has_ended) return;
        if (!question.parquet) state.rows += page.rows();
        state.bytes += page.told_bytes();
        if (state.credit == 0 || !(question.parquet ? is_bytes(page) : fits(page, state.columns)))
            failure = Failure{Error{Code::unavailable, "the SQL worker sent what it may not"}, 0, "XX000"};
        else if (state.rows > question.limits.rows_max)
            failure = Failure{Error{Code::limit, "the answer has more than {} rows: narrow it, or end it with LIMIT",
                                    question.limits.rows_max},
                              0, "54000"};
        else if (state.bytes > question.limits.bytes_max)
            failure = Failure{Error{Code::limit, "the answer has more than {} MB: narrow it, or end it with LIMIT",
                                    question.limits.bytes_max >> 20},
                              0, "54000"};
        if (!failure) {
            --state.credit;
            if (state.waiting)
                waiting = std::exchange(state.waiting, nullptr);
            else
                state.pages.push_back(std::move(page));
        }
    }
    if (failure) return fail(std::move(*failure));
    if (waiting) waiting(std::move(page));
}

void Running::end() {
    Query::Next waiting;
    {
        const std::lock_guard lock{mutex};
        if (state.has_ended) return;
        state.has_ended = true;
        waiting = std::exchange(state.waiting, nullptr);
    }
    if (waiting) waiting(Page{});
}

void Running::fail(Failure failure) {
    Query::Next waiting;
    Engine::Started start;
    Engine::Described describe;
    {
        const std::lock_guard lock{mutex};
        if (state.has_ended) return;
        state.has_ended = true;
        state.failure = failure;
        waiting = std::exchange(state.waiting, nullptr);
        if (!state.has_begun) {
            start = std::exchange(started, nullptr);
            describe = std::exchange(described, nullptr);
        }
    }
    if (waiting) waiting(std::unexpected(failure));
    if (start) start(std::unexpected(failure));
    if (describe) describe(std::unexpected(std::move(failure)));
}

std::shared_ptr<Link> Running::link() const {
    const std::lock_guard lock{mutex};
    return state.link.lock();
}

bool Running::taken_by(const std::shared_ptr<Link>& link) {
    const std::lock_guard lock{mutex};
    state.link = link;
    return !state.has_ended;
}

// It may go from one link to another meanwhile.
void Running::cancel() {
    const auto before = link();
    if (before) before->cancel(*this);
    fail(cancelled_failure());
    if (const auto now = link(); now && now != before) now->cancel(*this);
}

void Running::next(Query::Next done) {
    std::optional<Outcome<Page>> answer;
    {
        const std::lock_guard lock{mutex};
        state.idle = 0;
        if (!state.pages.empty() && !(state.failure && state.is_cancelled)) {
            answer = std::move(state.pages.front());
            state.pages.pop_front();
        } else if (state.failure) {
            answer = std::unexpected(*state.failure);
        } else if (state.has_ended) {
            answer = Page{};
        } else {
            state.waiting = std::move(done);
        }
    }
    if (answer) done(std::move(*answer));
}

std::optional<Failure> Running::tick(DurationNs passed, bool waits) {
    const std::lock_guard lock{mutex};
    if (state.has_ended) return std::nullopt;
    if (waits) {
        state.waited += passed;
        if (state.waited <= question.limits.time_max) return std::nullopt;
        return Failure{Error{Code::limit, "the statement waited {} s for others to end: ask again, or for less at once",
                             question.limits.time_max / kSecond},
                       0, "53300"};
    }
    const bool reader_waits = state.pages.size() < kPagesAhead;
    (reader_waits ? state.worked : state.idle) += passed;
    if (state.worked > question.limits.time_max)
        return Failure{Error{Code::timeout, "the statement took longer than {} s: narrow its time or its tags",
                             question.limits.time_max / kSecond},
                       0, "57014"};
    if (state.idle > question.limits.idle_max)
        return Failure{Error{Code::timeout, "nobody took the answer for {} s", question.limits.idle_max / kSecond}, 0,
                       "57014"};
    return std::nullopt;
}

}  // namespace gongshu::sql
