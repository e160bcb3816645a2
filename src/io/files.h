#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::io {

// One open file. Not thread-safe, but read_at() may be called from several threads at once.
class File {
public:
    virtual ~File() = default;
    // Reads exactly `into.size()` bytes at `offset`; Code::corrupt if the file ends before.
    virtual Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
    // Writes all of it at the end. One handle at a time appends to a file. After an error a first part may be there.
    virtual Result<void> append(Bytes bytes) = 0;
    virtual Result<void> write_at(std::uint64_t offset, Bytes bytes) = 0;
    // Everything written so far survives a power cut once this returned ok (fdatasync).
    virtual Result<void> sync() = 0;
    virtual Result<void> truncate(std::uint64_t bytes) = 0;
    virtual Result<std::uint64_t> size() const = 0;
};

enum class Open { read, create_new, append, read_write };  // append and read_write make the file if it is missing

struct DiskSpace {
    std::uint64_t free_bytes = 0;
    std::uint64_t total_bytes = 0;
};

// A folder tree. Paths are absolute, or relative to the working directory. Any thread.
class Files {
public:
    virtual ~Files() = default;
    virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
    // Replaces `to` if it is there. Survives a power cut only after sync_folder() of the folder.
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    // A file or an empty folder.
    virtual Result<void> remove(const std::string& path) = 0;
    virtual Result<bool> exists(const std::string& path) = 0;
    // Names of files and folders in `folder`, sorted, without "." and "..".
    virtual Result<std::vector<std::string>> list(const std::string& folder) = 0;
    // With its parents; fine if it is there. `mode` is only for the last one, as in chmod. What it makes survives a
    // power cut once it returned ok, without sync_folder().
    virtual Result<void> make_folder(const std::string& path, unsigned mode = 0750) = 0;
    virtual Result<void> sync_folder(const std::string& path) = 0;
    virtual Result<DiskSpace> space(const std::string& path) = 0;
    // One process holds a folder: Code::unavailable if another has it. Released when the handle dies.
    virtual Result<std::unique_ptr<File>> lock_folder(const std::string& path) = 0;
    virtual Result<void> set_mode(const std::string& path, unsigned mode) = 0;
    // A second name for the file `from`, which is then gone only when both are. Code::unsupported where that cannot be
    // (FAT, most shares, a folder, a file of somebody else), Code::conflict between two disks, Code::exists if `to` is
    // there.
    virtual Result<void> link(const std::string& from, const std::string& to);
    // How many names a file has.
    virtual Result<std::uint64_t> names_of(const std::string& path);
    // Two files or folders of one disk take each other's names at once; callers sync the folders. Code::unsupported
    // where the file system cannot.
    virtual Result<void> exchange(const std::string& one, const std::string& other);
    // Without symbolic links; as given if it is not there.
    virtual Result<std::string> real_path(const std::string& path);
};

// Less free than this, and what can be spared goes: 1 GB, or 5 % up to 50 GB.
bool is_short(const DiskSpace& space);

// The bytes of `from` as a new file, synced; half of it may be there after an error. `to` gets `mode` before them.
Result<void> copy_file(Files& files, const std::string& from, const std::string& to, unsigned mode = 0640);
// A file, or a folder with all that it holds; of a symbolic link only that.
Result<void> remove_tree(Files& files, const std::string& path);

// Whole-file helpers on top of Files. write_whole is atomic: temporary file, sync, rename, sync of the folder.
Result<Buffer> read_whole(Files& files, const std::string& path, std::uint64_t bytes_max);
Result<void> write_whole(Files& files, const std::string& path, Bytes bytes, unsigned mode = 0640);

// The operating system's files.
std::unique_ptr<Files> make_posix_files();

}  // namespace gongshu::io
