#include "sql/link.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/log.h"
#include "base/utf8.h"
#include "calendar/zone.h"
#include "sql/history_columns.h"
#include "sql/sql_time.h"

namespace gongshu::sql {

namespace {

constexpr DurationNs kTick = 200 * kMillisecond;
// For a worker to give up a statement; then it is ended itself, and later if that ends other statements too.
constexpr DurationNs kCancelMax = 5 * kSecond, kCancelMaxBesides = 30 * kSecond;

// Arguments that are times come as the statement writes them unless they have a zone.
Result<void> read_times(Arguments& arguments, const Question& question) {
    const auto zone = TRY(calendar::Zone::create(question.zoned ? question.zone : ""));
    for (auto& [name, cell] : arguments) {
        const auto* const text = std::get_if<std::string>(&cell);
        if (text == nullptr || (name != "since" && name != "until")) continue;
        const TimeNs time = TRY(read_sql_time(*text, zone).context("{}", name));
        cell = Time{time};
    }
    return {};
}

constexpr int kOutOfTime = 24;  // SIGXCPU

Failure lost(const std::string& why) {
    return {Error{Code::unavailable, "the SQL worker ended in the middle of the statement: {}", why}, 0, "XX000"};
}

}  // namespace

void Link::start() {
    started_ = watched_ = idle_since_ = parts_.clock.monotonic();
    for (void (Link::* const loop)() : {&Link::serve_loop, &Link::read_loop}) {
        parts_.presence.come();
        std::thread{[self = shared_from_this(), loop]() mutable {
            ((*self).*loop)();
            Presence& presence = self->parts_.presence;
            self.reset();
            presence.go();
        }}.detach();
    }
}

void Link::stop() {
    stopping_ = true;
    const std::lock_guard lock{mutex_};
    if (channel_) channel_->end();
    changed_.notify_all();
}

bool Link::submit(const std::shared_ptr<Running>& running, bool describe_only) {
    const std::lock_guard lock{mutex_};
    if (over_ || stopping_ || retired_) return false;
    if (!running->taken_by(shared_from_this())) return true;
    running_.emplace(running->number, running);
    waiting_.emplace_back(running, describe_only);
    give_turns();
    return true;
}

// With the lock.
void Link::give_turns() {
    while (ready_ && !waiting_.empty() && running_.size() - waiting_.size() < parts_.options.queries_of_tenant_max) {
        const auto [running, describe_only] = std::move(waiting_.front());
        waiting_.pop_front();
        begin(running, describe_only);
    }
}

std::size_t Link::running() const {
    const std::lock_guard lock{mutex_};
    return running_.size();
}

// With the lock.
void Link::begin(const std::shared_ptr<Running>& running, bool describe_only) {
    first_.push_back([this, running, describe_only] {
        const Question& question = running->question;
        write(Start{running->number, question.text, question.parameters, question.zone, question.zoned, describe_only,
                    question.parquet});
        ask_more(*running);
    });
    changed_.notify_all();
}

// As many pages as there is room for.
void Link::ask_more(Running& running) {
    unsigned pages = 0;
    {
        const std::lock_guard lock{running.mutex};
        Running::State& state = running.state;
        if (state.has_ended) return;
        const std::size_t held = state.credit + state.pages.size();
        pages = held < Running::kPagesAhead ? Running::kPagesAhead - static_cast<unsigned>(held) : 0;
        state.credit += pages;
    }
    if (pages == 0) return;
    later(
        [this, number = running.number, pages] {
            for (unsigned i = 0; i < pages; ++i) write(More{number});
        },
        true);
}

void Link::cancel(Running& running) {
    {
        const std::lock_guard lock{running.mutex};
        running.state.is_cancelled = true;
        running.state.pages.clear();
    }
    const std::lock_guard lock{mutex_};
    const auto waits = std::ranges::find(waiting_, running.number, [](const auto& one) { return one.first->number; });
    if (waits != waiting_.end()) {
        waiting_.erase(waits);
        running_.erase(running.number);
    } else if (running_.contains(running.number) && cancelled_.emplace(running.number, 0).second) {
        first_.push_back([this, number = running.number] { write(Cancel{number}); });
        changed_.notify_all();
    }
}

void Link::retire() {
    std::deque<std::pair<std::shared_ptr<Running>, bool>> waiting;
    {
        const std::lock_guard lock{mutex_};
        if (retired_) return;
        retired_ = true;
        waiting.swap(waiting_);
        for (const auto& [running, describe_only] : waiting) running_.erase(running->number);
    }
    log_info("sql", "a worker has used half of its {} s of processor time: another takes its place",
             parts_.options.cpu_seconds);
    for (const auto& [running, describe_only] : waiting) parts_.hand_on(running, describe_only);
}

std::shared_ptr<Running> Link::find(QueryNumber number) const {
    const std::lock_guard lock{mutex_};
    const auto found = running_.find(number);
    return found == running_.end() ? nullptr : found->second;
}

void Link::forget(QueryNumber number) {
    std::shared_ptr<Running> gone;
    {
        const std::lock_guard lock{mutex_};
        const auto found = running_.find(number);
        if (found == running_.end()) return;
        gone = found->second;
        running_.erase(found);
        cancelled_.erase(number);
        give_turns();
    }
    later([gone] { gone->scans.clear(); }, true);
}

// ---- what the worker says -------------------------------------------------------------------------------------------

void Link::read_loop() {
    std::string why;
    auto child = io::start_child({"worker", "sql"});
    if (!child) {
        why = child.error().text();
    } else {
        process_ = std::move(child->process);
        {
            const std::lock_guard lock{mutex_};
            channel_ = std::move(child->channel);
            if (stopping_) channel_->end();
        }
        Setup setup{.library = parts_.options.library,
                    .memory_bytes = parts_.options.memory_bytes,
                    .cpu_seconds = parts_.options.cpu_seconds,
                    .threads = parts_.options.threads};
        for (const auto& [name, table] : parts_.tables) setup.tables.push_back(table->shape());
        later([this, setup = std::move(setup)] { write(setup); }, true);
        if (const auto read = read_until_end(); !read) why = read.error().text();
    }
    end(why);
}

Result<void> Link::read_until_end() {
    std::vector<std::uint8_t> bytes(256 << 10);
    for (;;) {
        watch();
        const auto count = channel_->read(bytes, kTick);
        if (!count && count.error().code() == Code::timeout) continue;
        if (TRY(count) == 0) return {};
        framer_.feed(Bytes{bytes}.subspan(0, *count));
        while (const auto frame = TRY(framer_.next())) TRY(take(TRY(decode_to_server(*frame))));
    }
}

Result<void> Link::take(ToServer message) {
    if (const auto* ready = std::get_if<Ready>(&message)) {
        if (!ready->failure.empty()) return Error{Code::unavailable, "{}", ready->failure};
        on_ready(*ready);
    } else if (auto* began = std::get_if<Began>(&message)) {
        if (const auto found = find(began->query)) found->began(found, shared_from_this(), std::move(*began));
    } else if (auto* rows = std::get_if<AnswerRows>(&message)) {
        if (const auto found = find(rows->query)) found->add(std::move(rows->page));
    } else if (const auto* ended = std::get_if<Ended>(&message)) {
        if (const auto found = find(ended->query)) found->end();
        forget(ended->query);
        if (ended->cpu_seconds >= parts_.options.cpu_seconds / 2) retire();
    } else if (auto* failed = std::get_if<Failed>(&message)) {
        const std::string state = failed->sqlstate.size() == 5 ? failed->sqlstate : "XX000";
        if (const auto found = find(failed->query))
            found->fail({Error{failed->code, "{}", failed->text}, failed->position, state});
        forget(failed->query);
        if (failed->cpu_seconds >= parts_.options.cpu_seconds / 2) retire();
    } else if (auto* opened = std::get_if<Open>(&message)) {
        if (const auto found = find(opened->query))
            later([this, found, one = std::move(*opened)] { open(found, one); }, false);
    } else if (const auto* want = std::get_if<Want>(&message)) {
        if (const auto found = find(want->query))
            later([this, found, number = want->scan] { serve(found, number); }, false);
    } else if (const auto* closed = std::get_if<CloseScan>(&message)) {
        if (const auto found = find(closed->query))
            later([found, number = closed->scan] { found->scans.erase(number); }, false);
    }
    return {};
}

void Link::on_ready(const Ready& ready) {
    log_info("sql", "a worker runs, with DuckDB {}", cut_utf8(ready.version, 40));
    const std::lock_guard lock{mutex_};
    ready_ = true;
    give_turns();
}

// Time: of statements, of those that were cancelled and go on, of a worker that does not become ready or is not needed.
void Link::watch() {
    const DurationNs now = parts_.clock.monotonic(), passed = now - watched_;
    if (passed < kTick || stopping_) return;
    watched_ = now;
    std::vector<std::pair<std::shared_ptr<Running>, bool>> all;  // does it wait for its turn?
    bool hangs = false, is_ready = false, retired = false;
    {
        const std::lock_guard lock{mutex_};
        is_ready = ready_;
        retired = retired_;
        std::set<QueryNumber> waiting;
        for (const auto& [running, describe_only] : waiting_) waiting.insert(running->number);
        for (const auto& [number, running] : running_) all.emplace_back(running, waiting.contains(number));
        for (auto& [number, since] : cancelled_) {
            since += passed;
            hangs = hangs ||
                    since > (running_.size() - waiting_.size() > cancelled_.size() ? kCancelMaxBesides : kCancelMax);
            first_.push_back([this, number = number] { write(Cancel{number}); });
            changed_.notify_all();
        }
        if (!running_.empty()) idle_since_ = now;
        hangs = hangs || work_.size() > 10'000;
    }
    for (const auto& [running, waits] : all) {
        if (auto failure = running->tick(passed, waits)) {
            cancel(*running);
            running->fail(std::move(*failure));
        }
    }
    const bool idle = all.empty() && (retired || now - idle_since_ > parts_.options.worker_idle);
    const bool slow = !is_ready && now - started_ > parts_.options.start_max;
    if (!idle && !slow && !hangs) return;
    if (hangs) ended_for_ = "it did not give up a cancelled statement";
    if (slow) ended_for_ = fmt::format("it did not start within {} s", parts_.options.start_max / kSecond);
    if (hangs || slow) log_warning("sql", "a worker is ended: {}", ended_for_);
    stopping_ = true;
    process_->terminate(true);
}

void Link::end(const std::string& why) {
    const bool wanted = stopping_;
    std::map<QueryNumber, std::shared_ptr<Running>> left;
    {
        const std::lock_guard lock{mutex_};
        over_ = true;
        if (channel_) channel_->end();
        left.swap(running_);
        waiting_.clear();
        changed_.notify_all();
    }
    std::string told = !why.empty() ? why : ended_for_.empty() ? "it was stopped" : ended_for_;
    if (process_) {
        process_->terminate(true);
        const int code = process_->wait();
        // What it said comes first: then the signal is ours.
        if (!wanted && why.empty() && code > 128)
            told = code - 128 == kOutOfTime ? "its processor time was used up" : fmt::format("signal {}", code - 128);
        if (!wanted && (code > 128 || !left.empty())) {
            parts_.crashes.add();
            log_warning("sql", "a worker ended by itself: {}", told);
        }
    }
    for (const auto& [number, running] : left) running->fail(lost(told));
}

// ---- what is said to the worker -------------------------------------------------------------------------------------

void Link::later(Work work, bool first) {
    const std::lock_guard lock{mutex_};
    (first ? first_ : work_).push_back(std::move(work));
    changed_.notify_all();
}

void Link::serve_loop() {
    for (;;) {
        Work work;
        {
            std::unique_lock lock{mutex_};
            changed_.wait(lock, [this] { return over_ || (channel_ && (!first_.empty() || !work_.empty())); });
            if (over_) break;
            std::deque<Work>& from = first_.empty() ? work_ : first_;
            work = std::move(from.front());
            from.pop_front();
        }
        work();
    }
    const std::lock_guard lock{mutex_};
    first_.clear();
    work_.clear();
}

void Link::write(const ToWorker& message) {
    (void)channel_->write(encode(message));  // the reading thread notices when the worker is gone
}

void Link::open(const std::shared_ptr<Running>& running, const Open& open) {
    if (auto opened = open_scan(*running, open); !opened)
        write(ScanFailed{running->number, open.scan, opened.error().code(), opened.error().text()});
}

Result<void> Link::open_scan(Running& running, const Open& open) {
    const auto table = parts_.tables.find(open.table);
    if (table == parts_.tables.end() || running.scans.contains(open.scan))
        return Error{Code::invalid, "there is no table {}", cut_utf8(open.table, 60)};
    if (running.scans.size() >= Running::kScansMax)
        return Error{Code::limit, "a statement reads more than {} tables at once", Running::kScansMax};
    ScanRequest request{open.arguments, table->second->shape().columns, open.columns, running.question.zone};
    TRY(read_times(request.arguments, running.question));
    if (open.table == "history") request.all = TRY(history_columns(open.arguments));
    for (const std::uint32_t column : open.columns)
        if (column >= request.all.size()) return Error{Code::invalid, "{} has no column {}", open.table, column};
    Running::OneScan one{nullptr, request.types()};
    one.scan = TRY(table->second->open(running.question.asker, std::move(request)));
    running.scans.emplace(open.scan, std::move(one));
    return {};
}

void Link::serve(const std::shared_ptr<Running>& running, ScanNumber number) {
    const auto found = running->scans.find(number);
    if (found == running->scans.end()) return;
    Page page{found->second.types};
    auto more = found->second.scan->next(page);
    {
        const std::lock_guard lock{running->mutex};
        running->state.scanned += page.rows();
        if (running->state.scanned > running->question.limits.scanned_max)
            more =
                Error{Code::limit, "the statement reads more than {} rows of the history: narrow its time or its tags",
                      running->question.limits.scanned_max};
        if (running->state.has_ended) return;
    }
    // A step without rows: later again, so that others get their turn.
    if (more && *more && page.rows() == 0) return later([this, running, number] { serve(running, number); }, false);
    if (!more) {
        write(ScanFailed{running->number, number, more.error().code(), more.error().text()});
    } else {
        write(ScanRows{running->number, number, !*more, std::move(page)});
        if (*more) return;
    }
    running->scans.erase(number);
}

}  // namespace gongshu::sql
