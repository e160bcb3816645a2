#include "io/sandbox.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "io/detail/os_error.h"

namespace gongshu::io {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kMachine = AUDIT_ARCH_AARCH64;
#else
#error "say what machine this is, so that the list of system calls means something"
#endif

// What computing needs, whatever the arguments are.
constexpr long kAllowed[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_recvfrom,
    SYS_sendto,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_shutdown,
    SYS_close,
    SYS_dup,
    SYS_pread64,
    SYS_ppoll,
    SYS_fstat,
    SYS_newfstatat,
    SYS_lseek,
    SYS_getcwd,  // "/", see below
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_brk,
    SYS_mincore,
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_rseq,
    SYS_set_tid_address,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_getcpu,
    SYS_getpriority,
    SYS_getrusage,
    SYS_getrandom,
    SYS_sysinfo,
    SYS_uname,
    SYS_membarrier,
#if defined(__x86_64__)
    SYS_poll,
    SYS_time,
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SYS_pipe2,  // a sanitizer asks by a pipe whether memory can be read
#if defined(__x86_64__)
    SYS_pipe,
#endif
#endif
};

struct Filter {
    std::vector<sock_filter> code;

    void load(std::uint32_t offset) { code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
    void give(std::uint32_t action) { code.push_back(BPF_STMT(BPF_RET | BPF_K, action)); }
    // The next `skip` instructions only if what was loaded is `value`.
    void unless_equal_skip(std::uint32_t value, std::uint8_t skip) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
    }
    void allow(long call) {
        unless_equal_skip(static_cast<std::uint32_t>(call), 1);
        give(SECCOMP_RET_ALLOW);
    }
    void refuse(long call, int number) {
        unless_equal_skip(static_cast<std::uint32_t>(call), 1);
        give(SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number));
    }
    void by_name(long call) {
        unless_equal_skip(static_cast<std::uint32_t>(call), 1);
        give(SECCOMP_RET_TRAP);
    }
    // Allowed if none (or, with `all`, if each) of `bits` is set in the argument; else EPERM.
    void by_bits(long call, unsigned argument, std::uint32_t bits, bool all) {
        unless_equal_skip(static_cast<std::uint32_t>(call), 5);
        load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t)));  // low half
        code.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, bits));
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, all ? bits : 0, 0, 1));
        give(SECCOMP_RET_ALLOW);
        give(SECCOMP_RET_ERRNO | EPERM);
    }
};

// The names that lead to descriptors, for the rest of the process: a signal's handler cannot be given anything.
struct Name {
    const char* path = nullptr;
    int descriptor = -1;
};
Name names[kSandboxFilesMax];

int descriptor_of(const char* path) {
    for (const Name& name : names)
        if (name.path != nullptr && std::strcmp(name.path, path) == 0) return name.descriptor;
    return -1;
}

long answer_of(long result) { return result < 0 ? -errno : result; }

// Stands for the kernel when a file is named: the filter lets the call come here as a signal of the thread that made
// it. Whatever is called here may be called in a handler.
long stand_for_kernel(long call, std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    bool in_folder = call == SYS_openat || call == SYS_newfstatat || call == SYS_faccessat;
#if defined(SYS_faccessat2)
    in_folder = in_folder || call == SYS_faccessat2;
#endif
    const auto* const path = reinterpret_cast<const char*>(in_folder ? second : first);
    const int descriptor = descriptor_of(path);
    bool is_stat = call == SYS_newfstatat, is_open = call == SYS_openat;
#if defined(__x86_64__)
    is_stat = is_stat || call == SYS_stat || call == SYS_lstat;
    is_open = is_open || call == SYS_open;
#endif
    if (is_stat) {
        // fstat() of newer C libraries is one of an empty name.
        const bool of_descriptor = in_folder && *path == '\0';
        const long about = of_descriptor ? static_cast<int>(first) : descriptor;
        if (about < 0) return -EACCES;
        return answer_of(::syscall(SYS_fstat, about, in_folder ? third : second));
    }
    if (descriptor < 0) return -EACCES;
    return is_open ? answer_of(::dup(descriptor)) : 0;
}

void on_call(int, siginfo_t* about, void* context) {
    const int before = errno;
    auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    machine.gregs[REG_RAX] = stand_for_kernel(about->si_syscall, static_cast<std::uint64_t>(machine.gregs[REG_RDI]),
                                              static_cast<std::uint64_t>(machine.gregs[REG_RSI]),
                                              static_cast<std::uint64_t>(machine.gregs[REG_RDX]));
#else
    machine.regs[0] = static_cast<std::uint64_t>(
        stand_for_kernel(about->si_syscall, machine.regs[0], machine.regs[1], machine.regs[2]));
#endif
    errno = before;
}

Result<void> take_names(std::span<const NamedFile* const> files) {
    ASSERT(files.size() <= kSandboxFilesMax);
    for (std::size_t i = 0; i < files.size(); ++i) names[i] = {files[i]->path().c_str(), files[i]->descriptor()};
    struct sigaction action{};
    action.sa_sigaction = on_call;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (::sigaction(SIGSYS, &action, nullptr) != 0) return detail::os_error(errno, "cannot stand for the kernel");
    return {};
}

std::vector<sock_filter> make_filter(bool by_name) {
    Filter filter;
    filter.load(offsetof(seccomp_data, arch));
    filter.code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kMachine, 1, 0));
    filter.give(SECCOMP_RET_KILL_PROCESS);
    filter.load(offsetof(seccomp_data, nr));
    if (by_name) {  // before what would refuse them, or let them pass
        for (const long call : {SYS_openat, SYS_newfstatat, SYS_faccessat}) filter.by_name(call);
#if defined(SYS_faccessat2)
        filter.by_name(SYS_faccessat2);
#endif
#if defined(__x86_64__)
        for (const long call : {SYS_open, SYS_access, SYS_stat, SYS_lstat}) filter.by_name(call);
#endif
    }
    for (const long call : kAllowed) filter.allow(call);
    filter.by_bits(SYS_mmap, 2, PROT_EXEC, false);
    filter.by_bits(SYS_mprotect, 2, PROT_EXEC, false);
    filter.by_bits(SYS_clone, 0, CLONE_THREAD, true);
    filter.refuse(SYS_clone3, ENOSYS);  // its flags lie in memory: glibc takes clone then
    filter.refuse(SYS_openat, EACCES);
    filter.refuse(SYS_faccessat, EACCES);
#if defined(__x86_64__)
    for (const long call : {SYS_open, SYS_access, SYS_stat, SYS_lstat}) filter.refuse(call, EACCES);
#endif
    // What threads are called, nothing else of it.
    filter.unless_equal_skip(SYS_prctl, 4);
    filter.load(offsetof(seccomp_data, args));
    filter.unless_equal_skip(PR_SET_NAME, 1);
    filter.give(SECCOMP_RET_ALLOW);
    filter.give(SECCOMP_RET_ERRNO | EPERM);
    // A thread may end its own program, by abort(), and no other: kill() is refused, tgkill() needs our own number.
    filter.unless_equal_skip(SYS_tgkill, 4);
    filter.load(offsetof(seccomp_data, args));
    filter.unless_equal_skip(static_cast<std::uint32_t>(::syscall(SYS_getpid)), 1);
    filter.give(SECCOMP_RET_ALLOW);
    filter.give(SECCOMP_RET_ERRNO | EPERM);
    filter.give(SECCOMP_RET_ERRNO | EPERM);
    return filter.code;
}

// `later`: so much more until it is ended without a word (SIGKILL); at `most` the signal says why.
Result<void> limit(__rlimit_resource what, std::uint64_t most, const char* name, std::uint64_t later = 0) {
    const rlimit wanted{most, most + later};
    if (::setrlimit(what, &wanted) != 0) return detail::os_error(errno, "cannot limit the {} of a worker", name);
    return {};
}

}  // namespace

Result<void> enter_sandbox(const SandboxLimits& limits, std::span<const NamedFile* const> files) {
    TRY(limit(RLIMIT_CORE, 0, "core files"));
    TRY(limit(RLIMIT_FSIZE, 0, "files"));
    TRY(limit(RLIMIT_NOFILE, 16 + 3 * kSandboxFilesMax, "open files"));
    TRY(limit(RLIMIT_CPU, limits.cpu_seconds, "processor time", 2));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    TRY(limit(RLIMIT_AS, limits.memory_bytes, "memory"));
#endif
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return detail::os_error(errno, "cannot give up rights");
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // its memory is for nobody
    if (::chdir("/") != 0) return detail::os_error(errno, "cannot leave the working folder");
    if (!files.empty()) TRY(take_names(files));
    const auto code = make_filter(!files.empty());
    const sock_fprog program{static_cast<unsigned short>(code.size()), const_cast<sock_filter*>(code.data())};
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        return Error{Code::unsupported, "this kernel does not let a program give up system calls (seccomp): {}", errno};
    return {};
}

}  // namespace gongshu::io
