#include <algorithm>
#include <array>

#include "io/detail/paths.h"
#include "io/detail/ssh_session.h"
#include "io/sftp.h"

namespace gongshu::io {
namespace {

using detail::SshSession;

constexpr std::size_t kNamesMax = 1'000'000;   // of a folder
constexpr std::uint64_t kFullBytes = 1 << 20;  // less free than this, and a refused write means a full disk

unsigned length(const std::string& text) { return static_cast<unsigned>(text.size()); }

class SftpFile final : public File {
public:
    SftpFile(std::shared_ptr<SshSession> session, LIBSSH2_SFTP_HANDLE* handle, std::string path, std::string shown)
        : session_(std::move(session)), handle_(handle), path_(std::move(path)), shown_(std::move(shown)) {}
    SftpFile(const SftpFile&) = delete;
    SftpFile& operator=(const SftpFile&) = delete;
    ~SftpFile() override {
        if (!session_->finish([&] { return ::libssh2_sftp_close_handle(handle_); }))
            (void)::libssh2_sftp_close_handle(handle_);  // dead: only gives its memory back
    }

    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        if (::libssh2_sftp_tell64(handle_) != offset) ::libssh2_sftp_seek64(handle_, offset);
        std::size_t done = 0;
        while (done < into.size()) {
            char* const at = reinterpret_cast<char*>(into.data()) + done;
            const auto count =
                TRY(session_->finish([&] { return ::libssh2_sftp_read(handle_, at, into.size() - done); })
                        .context("cannot read {} at byte {}", shown_, offset + done));
            if (count < 0) return session_->refusal().context("cannot read {} at byte {}", shown_, offset + done);
            if (count == 0)
                return Error{Code::corrupt, "{} ends at byte {}, {} bytes were expected at byte {}",
                             shown_,        offset + done,
                             into.size(),   offset};
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    Result<void> append(Bytes bytes) override { return write_at(TRY(size()), bytes); }

    Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
        if (::libssh2_sftp_tell64(handle_) != offset) ::libssh2_sftp_seek64(handle_, offset);
        std::size_t done = 0;
        while (done < bytes.size()) {
            const char* const at = reinterpret_cast<const char*>(bytes.data()) + done;
            const auto count =
                TRY(session_->finish([&] { return ::libssh2_sftp_write(handle_, at, bytes.size() - done); })
                        .context("cannot write {} at byte {}", shown_, offset + done));
            if (count < 0) return why_unwritten().context("cannot write {} at byte {}", shown_, offset + done);
            done += static_cast<std::size_t>(count);
        }
        end_ = std::max(end_.value_or(0), offset + done);
        return {};
    }

    Result<void> sync() override {
        const auto done =
            TRY(session_->finish([&] { return ::libssh2_sftp_fsync(handle_); }).context("cannot sync {}", shown_));
        if (done == 0 || session_->refusal_code() == LIBSSH2_FX_OP_UNSUPPORTED) return {};
        return session_->refusal().context("cannot sync {}", shown_);
    }

    Result<void> truncate(std::uint64_t bytes) override {
        LIBSSH2_SFTP_ATTRIBUTES wanted{};
        wanted.flags = LIBSSH2_SFTP_ATTR_SIZE;
        wanted.filesize = bytes;
        const auto done = TRY(session_->finish([&] { return ::libssh2_sftp_fstat_ex(handle_, &wanted, 1); })
                                  .context("cannot truncate {} to {} bytes", shown_, bytes));
        if (done < 0) return session_->refusal().context("cannot truncate {} to {} bytes", shown_, bytes);
        end_ = bytes;
        return {};
    }

    Result<std::uint64_t> size() const override {
        if (end_) return *end_;
        LIBSSH2_SFTP_ATTRIBUTES found{};
        const auto done = TRY(session_->finish([&] { return ::libssh2_sftp_fstat_ex(handle_, &found, 0); })
                                  .context("cannot tell the size of {}", shown_));
        if (done < 0) return session_->refusal().context("cannot tell the size of {}", shown_);
        if ((found.flags & LIBSSH2_SFTP_ATTR_SIZE) == 0)
            return Error{Code::unsupported, "cannot tell the size of {}: the server does not say", shown_};
        end_ = found.filesize;
        return *end_;
    }

    void set_end(std::uint64_t bytes) { end_ = bytes; }

private:
    // Many servers only say "failure" when their disk is full.
    Error why_unwritten() {
        const Error refused = session_->refusal();
        LIBSSH2_SFTP_STATVFS disk{};
        const auto told = session_->finish([&] { return ::libssh2_sftp_fstatvfs(handle_, &disk); });
        if (told && *told == 0 && disk.f_bavail * disk.f_frsize < kFullBytes)
            return Error{Code::limit, "No space left on device"};
        return refused;
    }

    const std::shared_ptr<SshSession> session_;
    LIBSSH2_SFTP_HANDLE* const handle_;
    const std::string path_, shown_;
    mutable std::optional<std::uint64_t> end_;  // one handle at a time writes to a file
};

class SftpFiles final : public Files {
public:
    SftpFiles(std::shared_ptr<SshSession> session, SftpAddress address)
        : session_(std::move(session)), address_(std::move(address)) {}

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override {
        unsigned long flags = LIBSSH2_FXF_READ;
        if (how == Open::create_new) flags = LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT | LIBSSH2_FXF_EXCL;
        if (how == Open::append || how == Open::read_write) flags |= LIBSSH2_FXF_WRITE | LIBSSH2_FXF_CREAT;
        auto* const handle = TRY(session_
                                     ->finish_pointer([&] {
                                         return ::libssh2_sftp_open_ex(session_->sftp(), path.c_str(), length(path),
                                                                       flags, 0640, LIBSSH2_SFTP_OPENFILE);
                                     })
                                     .context("cannot open {}", shown(path)));
        if (handle == nullptr) {
            Error why = session_->refusal();
            // Servers of the old protocol have no number for this.
            if (how == Open::create_new && why.code() == Code::io && exists(path).value_or(false))
                why = Error{Code::exists, "File exists"};
            return std::move(why).context("cannot open {}", shown(path));
        }
        auto file = std::make_unique<SftpFile>(session_, handle, path, shown(path));
        if (how == Open::create_new) file->set_end(0);
        return file;
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (TRY(exists(to))) TRY(remove(to));
        return told(session_->finish([&] {
                   return ::libssh2_sftp_rename_ex(session_->sftp(), from.c_str(), length(from), to.c_str(), length(to),
                                                   0);
               }))
            .context("cannot rename {} to {}", shown(from), shown(to));
    }

    Result<void> remove(const std::string& path) override {
        LIBSSH2_SFTP_ATTRIBUTES found{};
        TRY(look(path, LIBSSH2_SFTP_LSTAT, found).context("cannot remove {}", shown(path)));
        const bool folder = is_folder(found);
        return told(session_->finish([&] {
                   return folder ? ::libssh2_sftp_rmdir_ex(session_->sftp(), path.c_str(), length(path))
                                 : ::libssh2_sftp_unlink_ex(session_->sftp(), path.c_str(), length(path));
               }))
            .context("cannot remove {}", shown(path));
    }

    Result<bool> exists(const std::string& path) override {
        LIBSSH2_SFTP_ATTRIBUTES found{};
        auto looked = look(path, LIBSSH2_SFTP_STAT, found);
        if (!looked && looked.error().code() == Code::not_found) return false;
        TRY(std::move(looked).context("cannot look for {}", shown(path)));
        return true;
    }

    Result<std::vector<std::string>> list(const std::string& folder) override {
        auto* const handle = TRY(session_
                                     ->finish_pointer([&] {
                                         return ::libssh2_sftp_open_ex(session_->sftp(), folder.c_str(), length(folder),
                                                                       0, 0, LIBSSH2_SFTP_OPENDIR);
                                     })
                                     .context("cannot list {}", shown(folder)));
        if (handle == nullptr) return session_->refusal().context("cannot list {}", shown(folder));
        const SftpFile closes(session_, handle, folder, shown(folder));
        std::vector<std::string> names;
        std::array<char, 4096> name;
        for (;;) {
            LIBSSH2_SFTP_ATTRIBUTES ignored{};
            const auto count =
                TRY(session_
                        ->finish([&] {
                            return ::libssh2_sftp_readdir_ex(handle, name.data(), name.size(), nullptr, 0, &ignored);
                        })
                        .context("cannot list {}", shown(folder)));
            if (count == 0) break;
            if (count < 0) return session_->refusal().context("cannot list {}", shown(folder));
            std::string one(name.data(), static_cast<std::size_t>(count));
            if (one == "." || one == "..") continue;
            if (one.find('/') != std::string::npos || one.find('\0') != std::string::npos)
                return Error{Code::malformed, "{} holds a name that no file has", shown(folder)};
            if (names.size() == kNamesMax)
                return Error{Code::limit, "{} holds more than {} names", shown(folder), kNamesMax};
            names.push_back(std::move(one));
        }
        std::ranges::sort(names);
        return names;
    }

    Result<void> make_folder(const std::string& path, unsigned mode) override {
        LIBSSH2_SFTP_ATTRIBUTES found{};
        const auto looked = look(path, LIBSSH2_SFTP_STAT, found);
        if (looked && is_folder(found)) return {};
        if (!looked && looked.error().code() != Code::not_found) return looked.error();
        const auto parent = detail::parent_of(path);
        if (!looked && parent != path && parent != ".") TRY(make_folder(parent, 0750));
        return told(session_->finish([&] {
                   return ::libssh2_sftp_mkdir_ex(session_->sftp(), path.c_str(), length(path),
                                                  static_cast<long>(mode));
               }))
            .context("cannot make the folder {}", shown(path));
    }

    Result<void> sync_folder(const std::string&) override { return {}; }  // SFTP has no word for it

    Result<DiskSpace> space(const std::string& path) override {
        constexpr std::uint64_t kUnknown = std::uint64_t{1} << 62;
        LIBSSH2_SFTP_STATVFS disk{};
        const auto done = TRY(
            session_->finish([&] { return ::libssh2_sftp_statvfs(session_->sftp(), path.c_str(), path.size(), &disk); })
                .context("cannot tell the free space of {}", shown(path)));
        if (done < 0 && session_->refusal_code() == LIBSSH2_FX_OP_UNSUPPORTED) return DiskSpace{kUnknown, kUnknown};
        if (done < 0) return session_->refusal().context("cannot tell the free space of {}", shown(path));
        return DiskSpace{disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize};
    }

    Result<std::unique_ptr<File>> lock_folder(const std::string& path) override {
        return Error{Code::unsupported, "{} cannot be locked over SFTP", shown(path)};
    }

    Result<void> set_mode(const std::string& path, unsigned mode) override {
        LIBSSH2_SFTP_ATTRIBUTES wanted{};
        wanted.flags = LIBSSH2_SFTP_ATTR_PERMISSIONS;
        wanted.permissions = mode;
        return look(path, LIBSSH2_SFTP_SETSTAT, wanted).context("cannot set the mode of {} to {:o}", shown(path), mode);
    }

private:
    // As people write it.
    std::string shown(const std::string& path) const {
        SftpAddress address = address_;
        address.path = path;
        return to_string(address);
    }

    static bool is_folder(const LIBSSH2_SFTP_ATTRIBUTES& found) {
        return (found.flags & LIBSSH2_SFTP_ATTR_PERMISSIONS) != 0 && LIBSSH2_SFTP_S_ISDIR(found.permissions);
    }

    Result<void> told(Result<std::int64_t> answer) const {
        if (!answer) return answer.error();
        if (*answer < 0) return session_->refusal();
        return {};
    }

    Result<void> look(const std::string& path, int how, LIBSSH2_SFTP_ATTRIBUTES& attributes) const {
        return told(session_->finish(
            [&] { return ::libssh2_sftp_stat_ex(session_->sftp(), path.c_str(), length(path), how, &attributes); }));
    }

    const std::shared_ptr<SshSession> session_;
    const SftpAddress address_;
};

// Kinds of keys that a server may have; a fingerprint may be of any of them.
constexpr const char* kHostKeys[] = {"ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521",
                                     "ssh-rsa"};

// A connection with a server that shows the accepted key. What it shows first is what it is asked for first.
Result<std::shared_ptr<SshSession>> connect_to_known(const SftpOptions& options, const std::atomic<bool>& cancelled) {
    auto session = TRY(SshSession::connect(options, fmt::format("{}", fmt::join(kHostKeys, ",")), cancelled));
    const std::string shown = TRY(session->fingerprint());
    if (shown == options.host_key) return session;
    const std::string& peer = session->peer();
    if (options.host_key.empty())
        return Error{
            Code::denied,
            "the server {} shows the key {}, and no key of it was accepted yet; compare it with what \"ssh-keygen "
            "-lf /etc/ssh/ssh_host_ed25519_key.pub\" prints on the server itself, then accept it by "
            "--backup-target-host-key {}",
            peer, shown, shown};
    for (const char* kind : kHostKeys) {
        auto other = SshSession::connect(options, kind, cancelled);
        if (!other && other.error().code() == Code::conflict) return other.error();
        if (other && (*other)->fingerprint().value_or("") == options.host_key) return std::move(*other);
    }
    return Error{
        Code::denied,
        "the server {} shows the key {}, not the accepted {}: either it was set up anew, then accept the new one "
        "by --backup-target-host-key, or somebody else answers in its place; nothing was sent",
        peer, shown, options.host_key};
}

}  // namespace

Result<std::unique_ptr<Files>> open_sftp(const SftpOptions& options, const std::atomic<bool>& cancelled) {
    auto session = TRY(connect_to_known(options, cancelled));
    TRY(session->sign_in(options));
    TRY(session->start_sftp());
    return std::make_unique<SftpFiles>(std::move(session), options.address);
}

}  // namespace gongshu::io
