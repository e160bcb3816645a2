#include "registry/database.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <array>
#include <list>
#include <mutex>

#include "base/log.h"
#include "registry/migrations.h"
#include "registry/schema.h"
#include "registry/sqlite_vfs.h"

namespace gongshu::registry {

namespace {

class SociRow final : public Row {
public:
    explicit SociRow(const soci::row& row) : row_(row) {}
    std::int64_t integer(std::size_t column) const override { return row_.get<long long>(column); }
    std::string text(std::size_t column) const override { return row_.get<std::string>(column); }

private:
    const soci::row& row_;
};

// SOCI takes references to the values, so they are kept here until the statement ran.
struct Bound {
    std::list<long long> integers;
    std::list<std::string> texts;
    std::list<soci::indicator> nulls;

    void add(soci::statement& statement, const Cell& cell) {
        if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
            statement.exchange(soci::use(integers.emplace_back(*integer)));
        } else if (const auto* text = std::get_if<std::string>(&cell)) {
            statement.exchange(soci::use(texts.emplace_back(*text)));
        } else {
            statement.exchange(soci::use(texts.emplace_back(), nulls.emplace_back(soci::i_null)));
        }
    }
};

class SqliteDatabase final : public Database {
public:
    static Result<std::unique_ptr<Database>> open(io::Files& files, const std::string& folder, std::size_t steps) {
        auto made = std::unique_ptr<SqliteDatabase>(new SqliteDatabase);
        made->files_ = &files;
        made->path_ = folder + "/registry.db";
        made->copy_path_ = folder + "/copy-for-backup.db";
        if (made->path_.find('"') != std::string::npos) {
            return Error{Code::invalid, "the data folder \"{}\" may not hold quotes", folder};
        }
        TRY(files.make_folder(folder, 0750));
        made->vfs_ = TRY(make_sqlite_vfs(files, made->path_));
        TRY(made->connect());
        TRY(made->check_mode(files));
        TRY(made->migrate(folder, static_cast<std::int64_t>(std::min(steps, migrations().size()))));
        return std::unique_ptr<Database>(std::move(made));
    }

    ~SqliteDatabase() override {
        try {
            sql_.close();
        } catch (const std::exception& error) {
            log_warning("registry", "closing {}: {}", path_, error.what());
        }
    }

    Result<void> change(const std::vector<Statement>& statements) override {
        const std::lock_guard lock(mutex_);
        if (auto why = read_only_unlocked(); !why.empty()) return Error{Code::unavailable, "{}", why};
        try {
            sql_ << "begin immediate";
            for (const Statement& statement : statements) run(statement);
            sql_ << "commit";
        } catch (const std::exception& error) {
            const auto* sqlite = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
            const bool full = sqlite != nullptr && sqlite->result() == SQLITE_FULL;
            const std::string what =
                full ? "the disk is full: nothing was changed; free some space, then try again" : error.what();
            roll_back();
            const bool unavailable = full || vfs_->sync_failed() || !broken_.empty();
            return Error{unavailable ? Code::unavailable : Code::io, "cannot write {}: {}", path_, what};
        }
        return {};
    }

    Result<void> read(const Statement& query, const std::function<void(const Row&)>& on_row) const override {
        const std::lock_guard lock(mutex_);
        try {
            soci::row row;
            soci::statement statement(sql_);
            Bound bound;
            statement.exchange(soci::into(row));
            for (const Cell& cell : query.values) bound.add(statement, cell);
            statement.alloc();
            statement.prepare(query.sql);
            statement.define_and_bind();
            bool more = statement.execute(true);
            for (; more; more = statement.fetch()) on_row(SociRow(row));
        } catch (const std::exception& error) {
            return Error{Code::io, "cannot read {}: {}", path_, error.what()};
        }
        return {};
    }

    Result<void> copy_to(const std::string& path) const override {
        // First beside the database: a slow or hanging disk for backups must not make changes wait.
        const std::lock_guard one(copying_);
        TRY(remove_copy());
        {
            const std::lock_guard lock(mutex_);
            try {
                sql_ << "vacuum into :a", soci::use(copy_path_);
            } catch (const std::exception& error) {
                return Error{Code::io, "cannot copy {} to {}: {}", path_, copy_path_, error.what()};
            }
        }
        auto copied = io::copy_file(*files_, copy_path_, path).context("cannot copy {} to {}", path_, path);
        TRY(remove_copy());
        return copied;
    }

    Result<std::uint64_t> bytes() const override { return TRY(files_->open(path_, io::Open::read))->size(); }

    std::string read_only() const override {
        const std::lock_guard lock(mutex_);
        return read_only_unlocked();
    }

private:
    // What a copy left that was cut off.
    Result<void> remove_copy() const {
        if (!TRY(files_->exists(copy_path_))) return {};
        return files_->remove(copy_path_);
    }

    std::string read_only_unlocked() const {
        if (vfs_->sync_failed()) return path_ + " is read-only since a sync to disk failed; check the disk and restart";
        return broken_;
    }

    void run(const Statement& statement) {
        soci::statement prepared(sql_);
        Bound bound;
        for (const Cell& cell : statement.values) bound.add(prepared, cell);
        prepared.alloc();
        prepared.prepare(statement.sql);
        prepared.define_and_bind();
        prepared.execute(true);
    }

    void roll_back() {
        try {
            sql_ << "rollback";
        } catch (const std::exception& error) {
            // SQLite rolls back by itself after some failures and then refuses this; anything else is not to be
            // trusted.
            if (std::string_view(error.what()).find("no transaction is active") != std::string_view::npos) return;
            broken_ = fmt::format("{} is read-only since a change could not be undone: {}", path_, error.what());
        }
    }

    Result<void> connect() {
        try {
            sql_.open(soci::sqlite3, fmt::format("dbname=\"{}\" vfs={}", path_, vfs_->name()));
            sql_ << "pragma locking_mode = exclusive";
            std::string mode;
            sql_ << "pragma journal_mode = wal", soci::into(mode);
            if (mode != "wal")
                return Error{Code::unsupported, "cannot open {}: the journal mode is {}, expected wal", path_, mode};
            sql_ << "pragma synchronous = extra";
            sql_ << "pragma temp_store = memory";
            // What was deleted on request is not left in free pages.
            sql_ << "pragma secure_delete = on";
            // After a sync that failed in the run before, frames of the log may be readable and yet not on the disk,
            // and no later sync changes that. Nothing may be acknowledged behind them: all of it is written again, into
            // the database, and the log begins anew.
            int busy = 0, frames = 0, moved = 0;
            sql_ << "pragma wal_checkpoint(truncate)", soci::into(busy), soci::into(frames), soci::into(moved);
            if (busy != 0) return Error{Code::io, "cannot open {}: its write-ahead log cannot be emptied", path_};
        } catch (const std::exception& error) {
            return Error{Code::io, "cannot open {}: {}", path_, error.what()};
        }
        return {};
    }

    // SQLite answers "wal" before the switch is on the disk, and nobody tells when writing it then fails. In the mode
    // of before a commit would not survive a power cut, so the file's header (bytes 18 and 19, 2 = write-ahead log)
    // decides.
    Result<void> check_mode(io::Files& files) const {
        const auto file = TRY(files.open(path_, io::Open::read));
        std::array<std::uint8_t, 2> versions{};
        TRY(file->read_at(18, versions).context("cannot read the header of {}", path_));
        if (versions[0] == 2 && versions[1] == 2) return {};
        return Error{Code::io, "cannot switch {} to a write-ahead log; check the disk and start again", path_};
    }

    // What is there before tables are changed; of a start that was cut off it is made again.
    Result<void> keep_tables(const std::string& folder, std::int64_t step) const {
        const std::string path = folder + "/" + kept_name(step), unfinished = path + ".tmp";
        TRY(check_room_for_copy(*files_, folder, TRY(bytes())));
        if (TRY(files_->exists(unfinished))) TRY(files_->remove(unfinished));
        TRY(copy_to(unfinished));
        TRY(files_->rename(unfinished, path));
        TRY(files_->sync_folder(folder));
        return forget_old_tables(*files_, folder);
    }

    Result<void> migrate(const std::string& folder, std::int64_t newest) {
        TRY(change({{"create table if not exists schema_step (step bigint not null)", {}}}));
        std::int64_t step = 0;
        TRY(read({"select step from schema_step", {}}, [&](const Row& row) { step = row.integer(0); }));
        if (step > newest) {
            return Error{Code::unsupported,
                         "{} was written by a newer version (step {}, this program knows {}): start that one, or go "
                         "back with its command gongshu downgrade --data FOLDER",
                         path_, step, newest};
        }
        if (step > 0 && step < newest) {
            log_info("registry", "the tables go from step {} to {}; {} keeps them as they were", step, newest,
                     kept_name(step));
            TRY(keep_tables(folder, step));
        }
        for (; step < newest; ++step) {
            std::vector<Statement> statements;
            for (const std::string_view sql : migrations()[static_cast<std::size_t>(step)])
                statements.push_back({std::string(sql), {}});
            statements.push_back({"delete from schema_step", {}});
            statements.push_back({"insert into schema_step (step) values (:a)", {step + 1}});
            TRY(change(statements).context("cannot bring the tables to step {}", step + 1));
        }
        return {};
    }

    io::Files* files_ = nullptr;
    // The VFS outlives the connection.
    std::unique_ptr<SqliteVfs> vfs_;
    std::string path_, copy_path_;
    mutable std::mutex copying_;  // taken before mutex_
    mutable std::mutex mutex_;
    mutable soci::session sql_;
    std::string broken_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::open(io::Files& files, const std::string& folder, std::size_t steps) {
    return SqliteDatabase::open(files, folder, steps);
}

}  // namespace gongshu::registry
