#pragma once

#include <libssh2.h>
#include <libssh2_sftp.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/clock.h"
#include "io/sftp.h"

namespace gongshu::io::detail {

// One SSH connection of libssh2 that never blocks for long: every call of the library is made again until it is done,
// and in between the socket is waited for, in small steps that see `cancelled`.
// Lives:   as long as a file of it.
// Threads: one at a time.
// Bounds:  SftpOptions::patience without progress. Once it has failed it is dead: the library's state is then in the
//          middle of something.
// Disk:    none.
class SshSession {
public:
    // `host_keys`: the kinds of keys that the server may show, as the library names them, best first.
    static Result<std::shared_ptr<SshSession>> connect(const SftpOptions& options, const std::string& host_keys,
                                                       const std::atomic<bool>& cancelled);
    SshSession(const SftpOptions& options, int socket, const std::atomic<bool>& cancelled);
    SshSession(const SshSession&) = delete;
    SshSession& operator=(const SshSession&) = delete;
    ~SshSession();

    // Of the key that the server showed: "SHA256:…".
    Result<std::string> fingerprint() const;
    Result<void> sign_in(const SftpOptions& options);
    Result<void> start_sftp();

    // Makes the call until it says no longer that it would block. The number that it returned; an Error only if the
    // connection is dead.
    template <class Call>
    Result<std::int64_t> finish(Call call) {
        TRY(begin());
        for (;;) {
            const auto number = static_cast<std::int64_t>(call());
            if (number != LIBSSH2_ERROR_EAGAIN) {
                TRY(after(number));
                return number;
            }
            TRY(wait());
        }
    }
    // The same for calls that return something or null; null if the server refused, which refusal() tells.
    template <class Call>
    Result<decltype(std::declval<Call>()())> finish_pointer(Call call) {
        TRY(begin());
        for (;;) {
            auto* const made = call();
            if (made != nullptr) return made;
            const int number = ::libssh2_session_last_errno(session_);
            if (number != LIBSSH2_ERROR_EAGAIN) {
                TRY(after(number));
                return made;
            }
            TRY(wait());
        }
    }
    // Why the server refused the last call.
    Error refusal() const;
    unsigned long refusal_code() const { return ::libssh2_sftp_last_error(sftp_); }

    LIBSSH2_SESSION* get() const { return session_; }
    LIBSSH2_SFTP* sftp() const { return sftp_; }
    const std::string& peer() const { return peer_; }

private:
    static void* take_memory(std::size_t bytes, void** session);
    static void give_memory(void* memory, void** session);
    static void* change_memory(void* memory, std::size_t bytes, void** session);
    Result<void> begin();
    Result<void> wait();
    Result<void> after(std::int64_t number);
    Error die(Error why);
    Error broken() const;
    Result<void> sign_in_by_key(const SftpOptions& options);
    Result<void> sign_in_by_password(const SftpOptions& options);

    const std::string peer_;  // "user@host:port"
    DurationNs patience_;
    const std::atomic<bool>& cancelled_;
    const std::unique_ptr<Clock> clock_;
    const int socket_;
    LIBSSH2_SESSION* session_ = nullptr;
    LIBSSH2_SFTP* sftp_ = nullptr;
    DurationNs progress_at_ = 0;  // monotonic
    std::optional<Error> dead_;
    std::string password_;  // only while it is asked for
    // What the library holds: 1.10 forgets the server's key at each change of keys.
    std::unordered_set<void*> memory_;
};

}  // namespace gongshu::io::detail
