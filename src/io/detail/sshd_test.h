#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "io/files.h"
#include "io/run.h"
#include "io/sftp.h"

namespace gongshu::io {

// OpenSSH's own server for one test, as our own user, with keys of its own in a folder of its own; one `sshd -i` a
// connection, on a port that the system picks. Needs Debian's openssh-server (tools/deps.sh test).
class Sshd {
public:
    explicit Sshd(const std::string& more = "") {
        std::filesystem::create_directories(folder_ + "/files");
        std::filesystem::permissions(folder_, std::filesystem::perms::owner_all);
        for (const char* kind : {"ed25519", "ecdsa"}) make_key(std::string("host_") + kind, kind);
        make_key("user", "ed25519");
        std::filesystem::copy(folder_ + "/user.pub", folder_ + "/authorized_keys");
        std::ofstream(folder_ + "/config") << "HostKey " << folder_ << "/host_ed25519\nHostKey " << folder_
                                           << "/host_ecdsa\nAuthorizedKeysFile " << folder_
                                           << "/authorized_keys\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
                                              "PidFile none\nSubsystem sftp internal-sftp\nLogLevel ERROR\n"
                                           << more;
        // Where a server of root puts its child that may do nothing.
        if (::geteuid() == 0) ::mkdir("/run/sshd", 0755);
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t bytes = sizeof address;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), bytes), 0);
        EXPECT_EQ(::listen(listener_, 8), 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    Sshd(const Sshd&) = delete;
    Sshd& operator=(const Sshd&) = delete;
    ~Sshd() {
        ending_ = true;
        thread_.join();
        cut();
        ::close(listener_);
        std::filesystem::remove_all(folder_);
    }

    SftpOptions options() const {
        SftpOptions options;
        options.address = {::getpwuid(::geteuid())->pw_name, "127.0.0.1", port_, files()};
        options.host_key = fingerprint("host_ed25519");
        options.key_file = folder_ + "/user";
        return options;
    }
    std::string fingerprint(const std::string& key) const {
        const std::string text =
            run_program({"/usr/bin/ssh-keygen", "-lf", folder_ + "/" + key + ".pub"}).value().output;
        const auto begin = text.find("SHA256:");
        return text.substr(begin, text.find(' ', begin) - begin);
    }
    void make_key(const std::string& name, const std::string& kind, const std::string& passphrase = "") const {
        const auto made = run_program({"/usr/bin/ssh-keygen", "-q", "-m", kind == "ecdsa" ? "PEM" : "RFC4716", "-t",
                                       kind, "-N", passphrase, "-C", "test", "-f", folder_ + "/" + name});
        EXPECT_TRUE(made && made->code == 0) << (made ? made->output : made.error().text());
    }
    const std::string& folder() const { return folder_; }
    std::string files() const { return folder_ + "/files"; }

    // Ends all connections that are there, or lets them say nothing from now on.
    void cut() { signal_all(SIGKILL); }
    void freeze() { signal_all(SIGSTOP); }

private:
    void serve() {
        while (!ending_) {
            pollfd wanted{listener_, POLLIN, 0};
            if (::poll(&wanted, 1, 50) <= 0) continue;
            const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) continue;
            const std::string config = folder_ + "/config";
            const pid_t child = ::fork();
            if (child == 0) {
                ::setpgid(0, 0);
                ::dup2(peer, STDIN_FILENO);
                ::dup2(peer, STDOUT_FILENO);
                ::execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-i", "-e", "-f", config.c_str(), nullptr);
                ::_exit(127);
            }
            ::close(peer);
            const std::lock_guard lock(mutex_);
            children_.insert(child);
        }
    }
    void signal_all(int number) {
        const std::lock_guard lock(mutex_);
        for (const pid_t child : children_) {
            ::setpgid(child, child);  // if it has not come so far itself
            ::kill(-child, number);
            if (number == SIGKILL) ::waitpid(child, nullptr, 0);
        }
        if (number == SIGKILL) children_.clear();
    }

    const std::string folder_ =
        ::testing::TempDir() + "/gongshu-sshd-" + std::to_string(::getpid()) + "-" + std::to_string(count_++);
    static inline std::atomic<int> count_ = 0;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::thread thread_;
    std::atomic<bool> ending_ = false;
    std::mutex mutex_;
    std::set<pid_t> children_;
};

}  // namespace gongshu::io
