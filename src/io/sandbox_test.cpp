#include "io/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
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
