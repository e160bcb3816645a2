#include "bench/mosquitto.h"

#include "bench/peer.h"

namespace gongshu::bench {
namespace {

Result<std::string> installed(io::Files& files) {
    for (const char* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"})
        if (TRY(files.exists(path))) return std::string(path);
    return Error{Code::not_found, "mosquitto is not on this machine (apt install mosquitto)"};
}

Result<std::string> version_of(io::Files& files, const std::string& program, const std::string& folder) {
    const std::string output = folder + "/version.txt";
    TRY(io::spawn({program, "-h"}, output))->wait();
    const Buffer bytes = TRY(io::read_whole(files, output, 1 << 16));
    const std::string_view line = as_text(bytes).substr(0, as_text(bytes).find('\n'));
    return std::string(line.substr(line.rfind(' ') + 1));
}

}  // namespace

Result<std::unique_ptr<Mosquitto>> Mosquitto::start(io::Files& files, const std::string& folder) {
    const std::string program = TRY(installed(files)), place = folder + "/mosquitto";
    TRY(files.make_folder(place));
    std::unique_ptr<Mosquitto> peer(new Mosquitto);
    peer->version_ = TRY(version_of(files, program, place));
    peer->address_ = TRY(free_address());
    const std::string user = io::environment("USER").value_or("root");
    const std::string config = fmt::format(
        "listener {} 127.0.0.1\nallow_anonymous true\nuser {}\npersistence true\npersistence_location {}/\n"
        "autosave_interval 1\nautosave_on_changes false\nlog_dest none\nmax_connections -1\n"
        "max_inflight_messages 0\nmax_queued_messages 0\nmax_queued_bytes 0\n",
        peer->address_.port, user, place);
    TRY(io::write_whole(files, place + "/mosquitto.conf", as_bytes(config)));
    peer->process_ = TRY(io::spawn({program, "-c", place + "/mosquitto.conf"}, place + "/log.txt"));
    TRY(wait_until_it_answers(peer->address_, *peer->process_, "mosquitto"));
    return peer;
}

}  // namespace gongshu::bench
