#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/files.h"
#include "io/loop.h"
#include "io/process.h"
#include "registry/json.h"
#include "wire/http.h"

namespace gongshu::bench {

// A `gongshu serve` of our own on ports that the system picks; in a folder where one was before it goes on with its
// data. Lives:   on the stack of a run; it is ended with it. Threads: one. Disk:    <folder>/data, .keys, log and what
// it needs to begin.
class Served {
public:
    static Result<std::unique_ptr<Served>> start(io::Files& files, const std::string& program,
                                                 const std::string& folder,
                                                 const std::vector<std::string>& options = {});
    const io::Address& http() const { return http_; }
    const io::Address& mqtt() const { return mqtt_; }
    const std::string& token() const { return token_; }  // of its administrator
    int id() const { return process_->id(); }
    // One request as the administrator; null for an answer without a body.
    Result<Json> ask(wire::HttpMethod method, const std::string& target, std::string body = {},
                     const std::string& content_type = "application/json");

private:
    Served() = default;
    Result<void> sign_in(const std::string& password);

    std::unique_ptr<io::Process> process_;
    io::Address http_, mqtt_;
    std::string token_;
};

// How many readings the tags of `glob` hold between the times, as the server counts them.
Result<double> count_readings(Served& served, const std::string& glob, TimeNs from, TimeNs to);

}  // namespace gongshu::bench
