#include "sql/engine.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "io/files.h"
#include "io/process.h"
#include "sql/link.h"

namespace gongshu::sql {

namespace {

class WorkerEngine final : public Engine {
public:
    WorkerEngine(const EngineParts& parts, EngineOptions options)
        : parts_(parts),
          options_(std::move(options)),
          questions_(parts.metrics.counter("gongshu_sql_statements_total", "SQL statements that were asked.")),
          refused_(parts.metrics.counter("gongshu_sql_refused_total", "SQL statements refused by a limit.")),
          crashes_(parts.metrics.counter("gongshu_sql_worker_crashes_total", "SQL workers that ended by themselves.")) {
        for (auto& table : own_tables(parts.tables)) add_table(std::move(table));
    }

    ~WorkerEngine() override {
        std::vector<std::shared_ptr<Link>> links;
        {
            const std::lock_guard lock{mutex_};
            closing_ = true;
            links.swap(retired_);
            for (const auto& [tenant, link] : std::exchange(links_, {})) links.push_back(link);
        }
        for (const auto& link : links) link->stop();
        links.clear();
        presence_.wait_for_none();
    }

    void add_table(std::unique_ptr<Table> table) override {
        std::string name = table->shape().name;
        tables_.try_emplace(std::move(name), std::move(table));
    }

    Result<void> available() const override {
        if (!options_.library.empty()) return {};
        return Error{Code::unavailable,
                     "SQL needs libduckdb.so beside the program, and there is none: install the package of the program "
                     "again, or build it with tools/deps.sh build (x86-64 and arm64 with glibc)"};
    }

    Cancel start(Question question, Started done) override {
        const auto running = make(std::move(question));
        running->started = std::move(done);
        submit(running, false);
        return [running] { running->cancel(); };
    }

    Cancel describe(Question question, Described done) override {
        const auto running = make(std::move(question));
        running->described = std::move(done);
        submit(running, true);
        return [running] { running->cancel(); };
    }

private:
    std::shared_ptr<Running> make(Question question) {
        questions_.add();
        const std::lock_guard lock{mutex_};
        return std::make_shared<Running>(std::move(question), ++last_number_);
    }

    void submit(const std::shared_ptr<Running>& running, bool describe_only) {
        if (auto refused = place(running, describe_only)) {
            refused_.add();
            running->fail(std::move(*refused));
        }
    }

    static std::optional<Failure> check(const Question& question) {
        if (question.text.size() > Question::kTextBytesMax)
            return Failure{Error{Code::limit, "the statement has more than {} KB", Question::kTextBytesMax >> 10}, 0,
                           "54000"};
        if (question.parameters.size() > Question::kParametersMax)
            return Failure{Error{Code::limit, "the statement has more than {} parameters", Question::kParametersMax}, 0,
                           "54023"};
        if (question.text.find('\0') != std::string::npos)
            return Failure{Error{Code::invalid, "the statement holds a zero byte"}, 0, "42601"};
        return std::nullopt;
    }

    // Gives it to the worker of its tenant; a Failure if there can be none.
    std::optional<Failure> place(const std::shared_ptr<Running>& running, bool describe_only) {
        if (const auto there = available(); !there) return Failure{there.error(), 0, "58000"};
        if (auto wrong = check(running->question)) return wrong;
        const TenantId tenant = running->question.asker.who.actor.tenant;
        const std::lock_guard lock{mutex_};
        if (closing_) return Failure{Error{Code::unavailable, "the server is stopping"}, 0, "57P01"};
        std::erase_if(links_, [](const auto& one) { return one.second->is_over(); });
        std::erase_if(retired_, [](const auto& one) { return one->is_over(); });
        auto found = links_.find(tenant);
        const std::size_t most = std::size_t{options_.queries_of_tenant_max} + options_.waiting_of_tenant_max;
        if (found != links_.end() && found->second->running() >= most)
            return Failure{Error{Code::limit, "{} SQL statements run or wait already: wait until one has ended", most},
                           0, "53300"};
        if (found != links_.end() && found->second->submit(running, describe_only)) return std::nullopt;
        if (found != links_.end()) {
            retired_.push_back(found->second);
            links_.erase(found);
        }
        if (links_.size() >= options_.workers_max && !make_room())
            return Failure{Error{Code::unavailable, "SQL statements of {} tenants run already: try again soon",
                                 options_.workers_max},
                           0, "53300"};
        auto link = std::make_shared<Link>(LinkParts{parts_.clock, tables_, options_, crashes_, presence_,
                                                     [this](const auto& one, bool only) { submit(one, only); }});
        link->submit(running, describe_only);
        link->start();
        links_.emplace(tenant, std::move(link));
        return std::nullopt;
    }

    // With the lock: ends a worker that does nothing.
    bool make_room() {
        const auto idle = std::ranges::find_if(links_, [](const auto& one) { return one.second->running() == 0; });
        if (idle == links_.end()) return false;
        idle->second->stop();
        links_.erase(idle);
        return true;
    }

    const EngineParts parts_;
    const EngineOptions options_;
    Counter &questions_, &refused_, &crashes_;
    std::map<std::string, std::unique_ptr<Table>, std::less<>> tables_;
    std::mutex mutex_;
    QueryNumber last_number_ = 0;
    std::map<TenantId, std::shared_ptr<Link>> links_;
    std::vector<std::shared_ptr<Link>> retired_;  // that end with what they run
    bool closing_ = false;
    Presence presence_;
};

}  // namespace

std::string find_library() {
    const auto program = io::own_program();
    if (!program) return {};
    const std::string folder = program->substr(0, program->rfind('/'));
    const auto files = io::make_posix_files();
    for (const std::string& path : {folder + "/libduckdb.so", folder + "/../lib/gongshu/libduckdb.so"})
        if (const auto there = files->exists(path); there && *there) return path;
    return {};
}

std::unique_ptr<Engine> make_engine(const EngineParts& parts, EngineOptions options) {
    return std::make_unique<WorkerEngine>(parts, std::move(options));
}

}  // namespace gongshu::sql
