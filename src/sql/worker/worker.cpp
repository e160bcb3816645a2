#include "sql/worker.h"

#include <array>
#include <memory>
#include <thread>

#include "base/guarded.h"
#include "base/utf8.h"
#include "io/sandbox.h"
#include "sql/worker/statement.h"
#include "sql/worker/tables.h"

namespace gongshu::sql {

namespace {

using duck::f;

constexpr const char* kFile = "/gongshu/file.parquet";
constexpr std::uint64_t kMemoryBesides = 1ULL << 30;  // the library, its threads' stacks, what it does not count

class Worker {
public:
    explicit Worker(io::Channel& channel) : channel_(channel) {}

    Result<int> run() {
        TRY(wait_for([this] { return !is_set_up_; }));
        while (TRY(wait_for([] { return true; }))) {
        }
        return 0;
    }

private:
    void send(const ToServer& message) {
        const Buffer frame = encode(message);
        const auto order = order_.lock();
        (void)channel_.write(frame);  // the reading thread notices when the server is gone
    }

    // Handles what comes while it is asked for more; false when the other side is gone.
    template <class Goes>
    Result<bool> wait_for(Goes goes_on) {
        std::vector<std::uint8_t> bytes(256 << 10);
        while (goes_on()) {
            const std::size_t count = TRY(channel_.read(bytes, 0));
            if (count == 0) return false;
            framer_.feed(Bytes{bytes}.subspan(0, count));
            while (const auto frame = TRY(framer_.next())) take(TRY(decode_to_worker(*frame)));
        }
        return true;
    }

    void take(ToWorker message) {
        if (auto* setup = std::get_if<Setup>(&message)) {
            setup_ = std::move(*setup);
            if (setup_.file_bytes == 0) set_up();
            return;
        }
        if (auto* start = std::get_if<Start>(&message)) return begin(std::move(*start));
        if (const auto* more = std::get_if<More>(&message)) {
            if (const auto found = statements_.find(more->query)) found->more();
        } else if (const auto* cancel = std::get_if<Cancel>(&message)) {
            if (const auto found = statements_.find(cancel->query)) found->cancel();
        } else if (auto* rows = std::get_if<ScanRows>(&message)) {
            if (const auto found = statements_.find(rows->query)) found->on_rows(std::move(*rows));
        } else if (const auto* part = std::get_if<FileBytes>(&message)) {
            take_part(part->bytes);
        } else if (auto* failed = std::get_if<ScanFailed>(&message)) {
            if (const auto found = statements_.find(failed->query)) found->on_failed(std::move(*failed));
        }
    }

    // Before the sandbox: nothing has looked into these bytes yet.
    void take_part(const std::string& bytes) {
        if (is_set_up_ || bytes.size() > setup_.file_bytes) return;
        if (!file_) {
            auto made = io::make_named_memory(kFile);
            if (!made) return fail(made.error());
            file_ = std::move(*made);
        }
        if (const auto kept = file_->append(as_bytes(bytes)); !kept) return fail(kept.error());
        setup_.file_bytes -= bytes.size();
        if (setup_.file_bytes == 0) set_up();
    }

    void fail(const Error& why) {
        is_set_up_ = true;
        send(Ready{.failure = why.text()});
    }

    void set_up() {
        is_set_up_ = true;
        Ready ready;
        if (const auto opened = open(setup_); !opened)
            ready.failure = opened.error().text();
        else
            ready.version = f.library_version();
        send(ready);
    }

    Result<void> open(const Setup& setup) {
        TRY(duck::load(setup.library));
        if (!file_) TRY(outputs_.make());
        std::vector<const io::NamedFile*> files = outputs_.files();
        if (file_) files.push_back(file_.get());
        TRY(io::enter_sandbox({.memory_bytes = setup.memory_bytes + kMemoryBesides, .cpu_seconds = setup.cpu_seconds},
                              files));
        database_ = TRY(open_database(setup));
        return make_tables(database_, setup.tables, files, statements_);
    }

    static Result<duck::Database> open_database(const Setup& setup) {
        const std::string memory = fmt::format("{}B", setup.memory_bytes), threads = fmt::format("{}", setup.threads);
        const std::array<std::pair<const char*, const char*>, 8> options{{{"autoload_known_extensions", "false"},
                                                                          {"autoinstall_known_extensions", "false"},
                                                                          {"allow_community_extensions", "false"},
                                                                          {"allow_persistent_secrets", "false"},
                                                                          {"max_temp_directory_size", "0B"},
                                                                          {"errors_as_json", "true"},
                                                                          {"memory_limit", memory.c_str()},
                                                                          {"threads", threads.c_str()}}};
        duck::Config config = nullptr;
        f.create_config(&config);
        for (const auto& [name, value] : options)
            if (f.set_config(config, name, value) != duck::ok)
                return Error{Code::unsupported, "the SQL library does not know the option {}", name};
        duck::Database database = nullptr;
        char* why = nullptr;
        const auto state = f.open_ext(nullptr, &database, config, &why);
        f.destroy_config(&config);
        const std::string told = why == nullptr ? "" : why;
        f.free(why);
        if (state != duck::ok)
            return Error{Code::unavailable, "the SQL engine does not start: {}", cut_utf8(told, 500)};
        return database;
    }

    void begin(Start start) {
        const QueryNumber number = start.query;
        if (database_ == nullptr) return;
        const bool of_file = file_ != nullptr;
        if (of_file) start.text = fmt::format("SELECT * FROM read_parquet('{}')", kFile);
        auto statement = std::make_shared<Statement>(database_, outputs_, std::move(start), of_file,
                                                     [this](const ToServer& message) { send(message); });
        statements_.add(number, statement);
        std::thread{[this, number, statement = std::move(statement)]() mutable {
            statement->run();
            statements_.remove(number);
            statement.reset();
        }}.detach();
    }

    io::Channel& channel_;
    // The reading thread only.
    Framer framer_;
    Setup setup_;
    std::unique_ptr<io::NamedMemory> file_;
    bool is_set_up_ = false;
    duck::Database database_ = nullptr;
    // Any.
    Guarded<int> order_;  // of what is written
    Outputs outputs_;
    Statements statements_;
};

}  // namespace

Result<int> run_worker(io::Channel& channel) {
    // Left as it is at the end: threads of the library may still use it.
    static Worker* const worker = std::make_unique<Worker>(channel).release();
    return worker->run();
}

}  // namespace gongshu::sql
