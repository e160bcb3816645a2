#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <string>

#include "io/files.h"
#include "registry/sqlite_vfs.h"

// registry.db of a folder that nobody has open, read and never changed. Not for other folders.
namespace gongshu::registry {

// A file that is read and never changed; an empty one stands for a file that is not there.
class ReadOnlyFile final : public io::File {
public:
    explicit ReadOnlyFile(std::unique_ptr<io::File> file) : file_(std::move(file)) {}

    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        if (file_) return file_->read_at(offset, into);
        return into.empty() ? Result<void>{} : Error{Code::corrupt, "the file is empty"};
    }
    Result<std::uint64_t> size() const override { return file_ ? file_->size() : std::uint64_t{0}; }
    Result<void> append(Bytes) override { return refused(); }
    Result<void> write_at(std::uint64_t, Bytes) override { return refused(); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t) override { return refused(); }

private:
    static Error refused() { return Error{Code::unsupported, "a check changes nothing"}; }
    std::unique_ptr<io::File> file_;
};

// The same tree, but nothing in it can be changed.
class ReadOnlyFiles final : public io::Files {
public:
    explicit ReadOnlyFiles(io::Files& files) : files_(files) {}

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open) override {
        std::unique_ptr<io::File> file;
        if (TRY(files_.exists(path))) file = TRY(files_.open(path, io::Open::read));
        return std::unique_ptr<io::File>(std::make_unique<ReadOnlyFile>(std::move(file)));
    }
    Result<bool> exists(const std::string& path) override { return files_.exists(path); }
    Result<std::vector<std::string>> list(const std::string& folder) override { return files_.list(folder); }
    Result<io::DiskSpace> space(const std::string& path) override { return files_.space(path); }
    Result<void> rename(const std::string&, const std::string&) override { return refused(); }
    Result<void> remove(const std::string&) override { return refused(); }
    Result<void> make_folder(const std::string&, unsigned) override { return refused(); }
    Result<void> sync_folder(const std::string&) override { return {}; }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string&) override { return refused(); }
    Result<void> set_mode(const std::string&, unsigned) override { return {}; }

private:
    static Error refused() { return Error{Code::unsupported, "a check changes nothing"}; }
    io::Files& files_;
};

// registry.db, open for one check.
class Tables {
public:
    static Result<std::unique_ptr<Tables>> open(io::Files& files, const std::string& path) {
        auto made = std::unique_ptr<Tables>(new Tables);
        made->vfs_ = TRY(make_sqlite_vfs(files, path));
        const int code = sqlite3_open_v2(path.c_str(), &made->db_, SQLITE_OPEN_READONLY, made->vfs_->name().c_str());
        if (code != SQLITE_OK) return made->error();
        // What is in the write-ahead log stays there.
        sqlite3_db_config(made->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        TRY(made->each("pragma locking_mode = exclusive", [](const Tables&) {}));
        return made;
    }
    ~Tables() {
        sqlite3_close(db_);
        // The VFS goes after the connection.
    }

    Result<void> each(const char* sql, const std::function<void(const Tables&)>& on_row) {
        if (sqlite3_prepare_v2(db_, sql, -1, &row_, nullptr) != SQLITE_OK) return error();
        int code = sqlite3_step(row_);
        for (; code == SQLITE_ROW; code = sqlite3_step(row_)) on_row(*this);
        Result<void> result;
        if (code != SQLITE_DONE) result = error();
        sqlite3_finalize(row_);
        return result;
    }

    std::string text(int column) const {
        const auto* begin = static_cast<const char*>(sqlite3_column_blob(row_, column));
        return begin == nullptr ? "" : std::string(begin, static_cast<std::size_t>(sqlite3_column_bytes(row_, column)));
    }
    std::int64_t integer(int column) const { return sqlite3_column_int64(row_, column); }

private:
    Tables() = default;
    Error error() const { return Error{Code::corrupt, "{}", sqlite3_errmsg(db_)}; }

    std::unique_ptr<SqliteVfs> vfs_;
    sqlite3* db_ = nullptr;
    sqlite3_stmt* row_ = nullptr;
};

}  // namespace gongshu::registry
