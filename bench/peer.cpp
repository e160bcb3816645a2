#include "bench/peer.h"

#include <functional>

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

}  // namespace gongshu::bench
