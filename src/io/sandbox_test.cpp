#include "io/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <thread>

namespace gongshu::io {
namespace {

// In a child of its own: what it does there cannot be taken back. It ends with 0 if `works` says so.
template <class Works>
void expect_in_sandbox(Works works) {
    EXPECT_EXIT(
        {
            auto pipe = make_named_pipe("/in/the/sandbox");
            const NamedFile* const files[] = {pipe->get()};
            if (const auto entered = enter_sandbox({}, files); !entered) {
                (void)!::write(2, entered.error().text().data(), entered.error().text().size());
                ::_exit(3);
            }
            ::_exit(works(**pipe) ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST(Sandbox, OpensItsNamesAndNothingElse) {
    expect_in_sandbox([](NamedPipe&) {
        const bool mine = ::open("/in/the/sandbox", O_WRONLY | O_CREAT, 0600) >= 0;
        return mine && ::open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES &&
               ::open("/in/the/sandbox/", O_RDONLY) < 0 && ::openat(AT_FDCWD, "", O_RDONLY) < 0;
    });
    expect_in_sandbox([](NamedPipe&) { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM; });
    expect_in_sandbox([](NamedPipe&) { return ::unlink("/in/the/sandbox") < 0 && ::fork() < 0; });
}

TEST(Sandbox, GivesWhatIsWrittenUnderAName) {
    expect_in_sandbox([](NamedPipe& pipe) {
        std::string got;
        bool timed_out = false;
        for (const std::string_view text : {"first", "second"}) {
            std::thread writer{[&] {  // a thread made inside is as good
                std::ofstream file{pipe.path()};
                file << text;
            }};
            writer.join();
            std::array<std::uint8_t, 100> bytes{};
            const auto count = pipe.read(bytes, kSecond);
            if (!count) return false;
            got += as_text(Bytes{bytes}.subspan(0, *count));
            timed_out = !pipe.read(bytes, 0);
        }
        return got == "firstsecond" && timed_out;
    });
}

bool reads_memory() {
    struct stat about{};
    const bool there = ::access("/in/memory", R_OK) == 0 && ::stat("/in/memory", &about) == 0 && about.st_size == 10;
    const int one = ::open("/in/memory", O_RDONLY), other = ::open("/in/memory", O_RDONLY);
    char first[4] = {}, second[4] = {};
    const bool read = ::pread(one, first, 3, 4) == 3 && ::pread(other, second, 3, 0) == 3 &&
                      std::string_view{first} == "456" && std::string_view{second} == "012";
    const bool is_told = ::fstat(other, &about) == 0 && about.st_size == 10;
    const bool nothing_else = ::access("/etc/passwd", F_OK) < 0 && errno == EACCES && ::stat("/etc", &about) < 0 &&
                              errno == EACCES && ::lstat("/in", &about) < 0 && errno == EACCES;
    return there && read && is_told && nothing_else;
}

TEST(Sandbox, GivesAFileThatLiesInMemory) {
    EXPECT_EXIT(
        {
            auto memory = make_named_memory("/in/memory");
            if (!(*memory)->append(as_bytes("0123456789"))) ::_exit(4);
            const NamedFile* const files[] = {memory->get()};
            if (!enter_sandbox({}, files)) ::_exit(3);
            ::_exit(reads_memory() ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST(Sandbox, WithoutNamesOpensNothing) {
    EXPECT_EXIT(
        {
            if (!enter_sandbox({})) ::_exit(3);
            ::_exit(::open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace gongshu::io
