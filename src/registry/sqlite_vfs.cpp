#include "registry/sqlite_vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/log.h"
#include "io/crypto.h"
#include "registry/page_sums.h"

namespace gongshu::registry {

namespace {

class Vfs;

// What SQLite sees as an open file; it gives the memory, so the members are made in x_open() and destroyed in
// x_close().
struct OpenFile {
    sqlite3_file base{};
    Vfs* vfs = nullptr;
    std::unique_ptr<io::File> file;
    std::string path;
    bool name_synced = false;
    bool remove_at_close = false;
    PageSums sums;  // of the database itself, open to be written
};

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

class Vfs final : public SqliteVfs {
public:
    Vfs(io::Files& files, std::string main) : files_(files), main_(std::move(main)) {
        static std::atomic<int> next = 0;
        name_ = fmt::format("gongshu{}", ++next);
        vfs_.iVersion = 1;
        vfs_.szOsFile = sizeof(OpenFile);
        vfs_.mxPathname = 1024;
        vfs_.zName = name_.c_str();
        vfs_.pAppData = this;
        vfs_.xOpen = x_open;
        vfs_.xDelete = x_delete;
        vfs_.xAccess = x_access;
        vfs_.xFullPathname = x_full_pathname;
        vfs_.xRandomness = x_randomness;
        vfs_.xSleep = x_sleep;
        vfs_.xCurrentTime = x_current_time;
        vfs_.xGetLastError = x_get_last_error;
    }
    ~Vfs() override { sqlite3_vfs_unregister(&vfs_); }

    Result<void> enlist() {
        if (const int code = sqlite3_vfs_register(&vfs_, 0); code != SQLITE_OK) {
            return Error{Code::io, "cannot register SQLite's file layer: {}", sqlite3_errstr(code)};
        }
        return {};
    }
    const std::string& name() const override { return name_; }
    bool sync_failed() const override { return sync_failed_; }

private:
    static Vfs& of(sqlite3_vfs* vfs) { return *static_cast<Vfs*>(vfs->pAppData); }
    static OpenFile& of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }

    // A copy somewhere else that cannot be synced says nothing of the database itself.
    void note_failed_sync(std::string_view path) {
        if (path.starts_with(main_)) sync_failed_ = true;
    }

    static int failed(int code, const std::string& path, const Error& error) {
        log_error("registry", "{}: {}", path, error.text());
        return error.text().find("No space left") != std::string::npos ? SQLITE_FULL : code;
    }

    static int x_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
        file->pMethods = nullptr;
        static std::atomic<int> temporary = 0;
        const std::string path = name ? name : fmt::format("registry-temporary-{}", ++temporary);
        auto& files = of(vfs).files_;
        const auto there = files.exists(path);
        if (!there) return failed(SQLITE_CANTOPEN, path, there.error());
        if (!*there && !(flags & SQLITE_OPEN_CREATE)) return SQLITE_CANTOPEN;
        auto opened = files.open(path, flags & SQLITE_OPEN_READONLY ? io::Open::read : io::Open::read_write);
        if (!opened) return failed(SQLITE_CANTOPEN, path, opened.error());
        if (!*there) {
            if (auto set = files.set_mode(path, 0600); !set) return failed(SQLITE_CANTOPEN, path, set.error());
        }
        PageSums sums;
        if (path == of(vfs).main_ && !(flags & SQLITE_OPEN_READONLY)) {
            if (auto begun = sums.begin(files, path, **opened); !begun)
                return failed(SQLITE_CANTOPEN, path, begun.error());
        }
        auto* made = new (file) OpenFile;
        made->sums = std::move(sums);
        made->base.pMethods = &methods();
        made->vfs = &of(vfs);
        made->file = std::move(*opened);
        made->path = path;
        // The name of a file that was there may itself not be on the disk yet, so every file's first sync syncs its
        // folder.
        made->remove_at_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
        if (out_flags) *out_flags = flags;
        return SQLITE_OK;
    }

    static int x_close(sqlite3_file* file) {
        OpenFile& open = of(file);
        if (open.remove_at_close) {
            if (auto removed = open.vfs->files_.remove(open.path); !removed)
                failed(SQLITE_IOERR_DELETE, open.path, removed.error());
        }
        open.~OpenFile();
        return SQLITE_OK;
    }

    static int x_read(sqlite3_file* file, void* into, int bytes, sqlite3_int64 offset) {
        OpenFile& open = of(file);
        const auto size = open.file->size();
        if (!size) return failed(SQLITE_IOERR_READ, open.path, size.error());
        auto* out = static_cast<std::uint8_t*>(into);
        const auto wanted = static_cast<std::uint64_t>(bytes);
        const auto from = static_cast<std::uint64_t>(offset);
        const std::uint64_t there = from >= *size ? 0 : std::min(wanted, *size - from);
        if (there > 0) {
            if (auto read = open.file->read_at(from, {out, there}); !read)
                return failed(SQLITE_IOERR_READ, open.path, read.error());
        }
        if (there == wanted) return SQLITE_OK;
        std::memset(out + there, 0, wanted - there);
        return SQLITE_IOERR_SHORT_READ;
    }

    static int x_write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
        OpenFile& open = of(file);
        const Bytes data{static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(bytes)};
        if (auto written = open.file->write_at(static_cast<std::uint64_t>(offset), data); !written) {
            return failed(SQLITE_IOERR_WRITE, open.path, written.error());
        }
        if (open.sums.began()) open.sums.wrote(static_cast<std::uint64_t>(offset), data);
        return SQLITE_OK;
    }

    static int x_truncate(sqlite3_file* file, sqlite3_int64 bytes) {
        OpenFile& open = of(file);
        if (auto cut = open.file->truncate(static_cast<std::uint64_t>(bytes)); !cut) {
            return failed(SQLITE_IOERR_TRUNCATE, open.path, cut.error());
        }
        if (open.sums.began()) open.sums.cut(static_cast<std::uint64_t>(bytes));
        return SQLITE_OK;
    }

    static int x_sync(sqlite3_file* file, int) {
        OpenFile& open = of(file);
        if (open.sums.began()) {
            if (auto saved = open.sums.save(open.vfs->files_, open.path, *open.file); !saved)
                return failed(SQLITE_IOERR_FSYNC, open.path, saved.error());
        }
        auto synced = open.file->sync();
        if (synced && !open.name_synced) synced = open.vfs->files_.sync_folder(folder_of(open.path));
        if (!synced) {
            open.vfs->note_failed_sync(open.path);
            return failed(SQLITE_IOERR_FSYNC, open.path, synced.error());
        }
        open.name_synced = true;
        return SQLITE_OK;
    }

    static int x_file_size(sqlite3_file* file, sqlite3_int64* out) {
        OpenFile& open = of(file);
        const auto size = open.file->size();
        if (!size) return failed(SQLITE_IOERR_FSTAT, open.path, size.error());
        *out = static_cast<sqlite3_int64>(*size);
        return SQLITE_OK;
    }

    static int x_lock(sqlite3_file*, int) { return SQLITE_OK; }
    static int x_check_lock(sqlite3_file*, int* out) {
        *out = 0;
        return SQLITE_OK;
    }
    static int x_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
    static int x_sector_size(sqlite3_file*) { return 4096; }
    static int x_characteristics(sqlite3_file*) { return 0; }

    static const sqlite3_io_methods& methods() {
        static const sqlite3_io_methods all = [] {
            sqlite3_io_methods m{};
            m.iVersion = 1;
            m.xClose = x_close;
            m.xRead = x_read;
            m.xWrite = x_write;
            m.xTruncate = x_truncate;
            m.xSync = x_sync;
            m.xFileSize = x_file_size;
            m.xLock = x_lock;
            m.xUnlock = x_lock;
            m.xCheckReservedLock = x_check_lock;
            m.xFileControl = x_control;
            m.xSectorSize = x_sector_size;
            m.xDeviceCharacteristics = x_characteristics;
            return m;
        }();
        return all;
    }

    static int x_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
        auto& files = of(vfs).files_;
        const auto there = files.exists(name);
        if (!there) return failed(SQLITE_IOERR_DELETE, name, there.error());
        if (!*there) return SQLITE_IOERR_DELETE_NOENT;
        if (auto removed = files.remove(name); !removed) return failed(SQLITE_IOERR_DELETE, name, removed.error());
        if (!sync_folder) return SQLITE_OK;
        if (auto synced = files.sync_folder(folder_of(name)); !synced) {
            of(vfs).note_failed_sync(name);
            return failed(SQLITE_IOERR_DIR_FSYNC, name, synced.error());
        }
        return SQLITE_OK;
    }

    static int x_access(sqlite3_vfs* vfs, const char* name, int, int* out) {
        const auto there = of(vfs).files_.exists(name);
        if (!there) return failed(SQLITE_IOERR_ACCESS, name, there.error());
        *out = *there ? 1 : 0;
        return SQLITE_OK;
    }

    static int x_full_pathname(sqlite3_vfs*, const char* name, int bytes, char* out) {
        sqlite3_snprintf(bytes, out, "%s", name);
        return SQLITE_OK;
    }

    static int x_randomness(sqlite3_vfs*, int bytes, char* out) {
        io::random_bytes({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(bytes)});
        return bytes;
    }

    // Nobody else holds the file, so there is nothing to wait for; and SQL here never asks for the time.
    static int x_sleep(sqlite3_vfs*, int) { return 0; }
    static int x_current_time(sqlite3_vfs*, double* out) {
        *out = 2440587.5;  // 1970-01-01 as a Julian day
        return SQLITE_OK;
    }
    static int x_get_last_error(sqlite3_vfs*, int, char*) { return 0; }

    io::Files& files_;
    const std::string main_;
    std::string name_;
    sqlite3_vfs vfs_{};
    std::atomic<bool> sync_failed_ = false;
};

}  // namespace

Result<std::unique_ptr<SqliteVfs>> make_sqlite_vfs(io::Files& files, std::string main) {
    auto vfs = std::make_unique<Vfs>(files, std::move(main));
    TRY(vfs->enlist());
    return std::unique_ptr<SqliteVfs>(std::move(vfs));
}

}  // namespace gongshu::registry
