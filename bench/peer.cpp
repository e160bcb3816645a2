#include "bench/peer.h"

#include <functional>

#include "io/machine.h"

namespace gongshu::bench {

Result<io::Address> free_address() {
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    const auto listener = TRY(loop->listen({"127.0.0.1", 0}, {}, [](std::unique_ptr<io::Stream>) {}));
    return listener->address();
}

Result<void> wait_until_it_answers(const io::Address& address, io::Process& process, std::string_view program) {
    constexpr DurationNs kGiveUp = 20 * kSecond;
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    Result<void> outcome = Error{Code::timeout, "{} does not answer after {} s", program, kGiveUp / kSecond};
    std::function<void()> ask = [&] {
        loop->connect(address, {}, [&](const Result<std::unique_ptr<io::Stream>>& made) {
            if (made)
                outcome = Result<void>{};
            else if (process.ended())
                outcome = Error{Code::unavailable, "{} ended before it served", program};
            else
                return void(loop->after(5 * kMillisecond, ask));
            loop->stop();
        });
    };
    loop->after(kGiveUp, [&] { loop->stop(); });
    loop->after(0, ask);
    loop->run();
    return outcome;
}

Result<std::string> find_program(io::Files& files, const std::string& program, std::initializer_list<const char*> paths,
                                 std::string_view package) {
    if (!program.empty()) return program;
    for (const char* path : paths)
        if (TRY(files.exists(path))) return std::string(path);
    return Error{Code::not_found, "{} is not on this machine (apt install {})", package, package};
}

std::string package_version(io::Files& files, const std::string& package, const std::string& folder) {
    const std::string output = folder + "/version.txt";
    const auto process = io::spawn({"dpkg-query", "-W", "-f", "${Version}", package}, output);
    if (!process || (*process)->wait() != 0) return "";
    const auto bytes = io::read_whole(files, output, 1 << 16);
    (void)files.remove(output);  // whoever asks again would find both
    return bytes ? std::string(as_text(*bytes)) : "";
}

std::uint64_t bytes_below(io::Files& files, const std::string& folder) {
    std::uint64_t bytes = 0;
    const auto names = files.list(folder);
    if (!names) return 0;
    for (const std::string& name : *names) {
        const std::string path = folder + "/" + name;
        if (files.list(path)) {
            bytes += bytes_below(files, path);
        } else if (const auto facts = io::file_facts(path)) {
            bytes += facts->bytes;
        }
    }
    return bytes;
}

}  // namespace gongshu::bench
