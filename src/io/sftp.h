#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "io/files.h"

namespace gongshu::io {

// A folder on another machine, reached by SSH.
struct SftpAddress {
    std::string user, host;
    std::uint16_t port = 22;
    std::string path;  // as the server takes it: "/srv/backups", or below the user's home: "backups", "."
};

// "sftp://user@host[:port]/path", "sftp://user@host/~/path" below the user's home. Code::invalid with what is wrong.
Result<SftpAddress> parse_sftp_address(std::string_view url);
// The same way back; the port is left out if it is 22.
std::string to_string(const SftpAddress& address);

// "SHA256:" and 43 characters of base64, as ssh-keygen -l prints it, without padding. Code::invalid for anything else.
Result<std::string> parse_host_key(std::string_view text);

struct SftpOptions {
    SftpAddress address;
    std::string host_key;       // fingerprint of one of the server's keys; "" = the connection is refused, with what it
                                // shows
    std::string key_file;       // private key without a passphrase, readable for nobody else
    std::string password_file;  // first line; readable for nobody else. Used if there is no key_file
    DurationNs patience = 30 * kSecond;  // without any progress
};

// The files of another machine over one SSH connection, which is made here and ends with what is returned and the last
// file of it. Paths are as the server takes them; errors name them as URLs.
//   rename() replaces by removing first: there is a moment without either. sync() and sync_folder() say ok if the
//   server cannot do them. space() is without end if the server does not tell. lock_folder() is Code::unsupported.
// Threads: one at a time, and its files too; `cancelled` is set by any and makes every call end within a second with
//          Code::conflict.
// Bounds:  SftpOptions::patience without progress is Code::timeout. After that, after a cancel and after a broken
//          connection every call fails; make a new one.
// Code::denied if the server's key is not the one that is known, or if it does not let us in.
Result<std::unique_ptr<Files>> open_sftp(const SftpOptions& options, const std::atomic<bool>& cancelled);

}  // namespace gongshu::io
