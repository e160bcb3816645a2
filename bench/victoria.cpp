#include "bench/victoria.h"

#include <functional>

#include "bench/http_load.h"
#include "bench/peer.h"

namespace gongshu::bench {
namespace {

Result<std::string> installed(io::Files& files, std::string program) {
    if (!program.empty()) return program;
    for (const char* path : {"/usr/bin/victoria-metrics", "/usr/local/bin/victoria-metrics"})
        if (TRY(files.exists(path))) return std::string(path);
    return Error{Code::not_found, "victoria-metrics is not on this machine (apt install victoria-metrics)"};
}

Result<std::string> first_line(io::Files& files, const std::vector<std::string>& command, const std::string& folder) {
    const std::string output = folder + "/" + command[1] + ".txt";
    TRY(io::spawn(command, output))->wait();
    const Buffer bytes = TRY(io::read_whole(files, output, 1 << 16));
    return std::string(as_text(bytes).substr(0, as_text(bytes).find('\n')));
}

// Debian's does not know its own.
Result<std::string> version_of(io::Files& files, const std::string& program, const std::string& folder) {
    const std::string own = TRY(first_line(files, {program, "-version"}, folder));
    if (!own.empty()) return own;
    return first_line(files, {"dpkg-query", "-W", "victoria-metrics"}, folder);
}

}  // namespace

Result<std::unique_ptr<Victoria>> Victoria::start(io::Files& files, const std::string& folder, std::string program) {
    program = TRY(installed(files, std::move(program)));
    std::unique_ptr<Victoria> peer(new Victoria);
    peer->folder_ = folder + "/victoria";
    TRY(files.make_folder(peer->folder_));
    peer->version_ = TRY(version_of(files, program, peer->folder_));
    peer->address_ = TRY(free_address());
    peer->process_ = TRY(io::spawn({program, "-storageDataPath=" + peer->folder_ + "/data",
                                    fmt::format("-httpListenAddr=127.0.0.1:{}", peer->address_.port),
                                    "-retentionPeriod=100y", "-search.latencyOffset=1s", "-loggerLevel=ERROR"},
                                   peer->folder_ + "/log.txt"));
    TRY(wait_until_it_answers(peer->address_, *peer->process_, "victoria-metrics"));
    return peer;
}

Result<void> Victoria::settle() const {
    for (const char* target : {"/internal/force_flush", "/internal/force_merge", "/internal/force_flush"}) {
        const std::string request = request_text(wire::HttpMethod::get, target, "");
        TRY(run({.address = address_, .request = [&](std::size_t) { return std::string_view(request); }}));
    }
    // A merge that was asked for goes on behind; it is over when the bytes stay the same for two seconds.
    const auto files = io::make_posix_files();
    const auto clock = io::make_system_clock();
    const auto loop = io::make_epoll_loop(*clock);
    std::uint64_t before = 0;
    int same = 0;
    std::function<void()> look = [&] {
        const std::uint64_t now = disk_bytes(*files).value_or(0);  // files come and go while it merges
        same = now != 0 && now == before ? same + 1 : 0;
        before = now;
        if (same == 4) return loop->stop();
        loop->after(kSecond / 2, look);
    };
    loop->after(kSecond, look);
    loop->after(kMinute, [&] { loop->stop(); });
    loop->run();
    return {};
}

Result<std::uint64_t> Victoria::disk_bytes(io::Files& files) const {
    std::uint64_t bytes = 0;
    for (const char* part : {"/data/data", "/data/indexdb"}) bytes += TRY(bytes_below(files, folder_ + part));
    return bytes;
}

Result<std::uint64_t> bytes_below(io::Files& files, const std::string& folder) {
    std::uint64_t bytes = 0;
    for (const std::string& name : TRY(files.list(folder))) {
        const std::string path = folder + "/" + name;
        if (files.list(path)) {
            bytes += TRY(bytes_below(files, path));
        } else {
            bytes += TRY(TRY(files.open(path, io::Open::read))->size());
        }
    }
    return bytes;
}

}  // namespace gongshu::bench
