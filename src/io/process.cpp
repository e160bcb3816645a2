#include "io/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <utility>

#include "base/assert.h"
#include "io/detail/os_error.h"

namespace gongshu::io {

namespace {

class ChildProcess final : public Process {
public:
    explicit ChildProcess(pid_t id) : id_(id) {}
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess() override {
        terminate(false);
        wait();
    }

    int id() const override { return id_; }

    void terminate(bool force) override {
        if (!result_) ::kill(id_, force ? SIGKILL : SIGTERM);
    }

    int wait() override {
        while (!take(0)) {
        }
        return *result_;
    }

    std::optional<int> ended() override {
        take(WNOHANG);
        return result_;
    }

private:
    bool take(int options) {
        if (result_) return true;
        int status = 0;
        const pid_t found = ::waitpid(id_, &status, options);
        if (found == id_) result_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (found < 0 && errno != EINTR) result_ = -1;  // somebody else has waited for it
        return result_.has_value();
    }

    const pid_t id_;
    std::optional<int> result_;
};

// Between fork and exec only what is safe in a copy of a program with threads: system calls.
[[noreturn]] void become(char* const* arguments, pid_t parent, int report, int output, int channel) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(127);  // it died before we asked to be told
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
    if (output >= 0) {
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
    }
    if (channel >= 0) {
        // The report must not lie where the channel goes; a copy made by dup2() is not closed by exec.
        if (report == kChannelDescriptor) report = ::fcntl(report, F_DUPFD_CLOEXEC, kChannelDescriptor + 1);
        if (channel == kChannelDescriptor)
            ::fcntl(channel, F_SETFD, 0);
        else
            ::dup2(channel, kChannelDescriptor);
    }
    // Whatever somebody who started us left open is not for it.
    ::close_range(static_cast<unsigned>(channel >= 0 ? kChannelDescriptor + 1 : STDERR_FILENO + 1), ~0U,
                  CLOSE_RANGE_CLOEXEC);
    ::execvp(arguments[0], arguments);
    const int number = errno;
    (void)!::write(report, &number, sizeof number);
    ::_exit(127);
}

}  // namespace

Result<std::unique_ptr<Process>> spawn(const std::vector<std::string>& arguments, const std::string& output,
                                       int channel) {
    ASSERT(!arguments.empty());
    std::vector<char*> pointers;
    for (const auto& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);
    const int file = output.empty() ? -1 : ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (file < 0 && !output.empty()) return detail::os_error(errno, "cannot open {}", output);
    int report[2];  // closed by a successful exec, else it carries the reason
    if (::pipe2(report, O_CLOEXEC) != 0) {
        const int number = errno;
        if (file >= 0) ::close(file);
        return detail::os_error(number, "cannot start {}", arguments[0]);
    }
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) become(pointers.data(), parent, report[1], file, channel);
    const int fork_error = errno;
    if (file >= 0) ::close(file);
    ::close(report[1]);
    int number = 0;
    ssize_t count = 0;
    do {
        count = child < 0 ? 0 : ::read(report[0], &number, sizeof number);
    } while (count < 0 && errno == EINTR);
    ::close(report[0]);
    if (child < 0) return detail::os_error(fork_error, "cannot start {}", arguments[0]);
    auto process = std::make_unique<ChildProcess>(child);
    if (count != sizeof number) return process;
    process->wait();
    return detail::os_error(number, "cannot start {}", arguments[0]);
}

Result<std::string> own_program() {
    char path[PATH_MAX];
    const auto count = ::readlink("/proc/self/exe", path, sizeof path);
    if (count < 0) return detail::os_error(errno, "cannot tell the path of this program");
    return std::string(path, static_cast<std::size_t>(count));
}

std::optional<std::string> environment(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
}

void set_environment_default(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 0);
}

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

std::string host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

}  // namespace gongshu::io
