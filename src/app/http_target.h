#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/http_client.h"
#include "importer/job.h"

namespace gongshu::app {

// Writes into a running server: POST /api/v1/imports:tags for new tags, then /api/v1/write/json?import=1. One request
// at a time, so the later row wins; each is durable when it is answered. Threads: one at a time.   Bounds: a request of
// at most kBodyBytes and some.   Disk: the server's.
class HttpTarget final : public importer::Target {
public:
    explicit HttpTarget(Server server) : server_(std::move(server)) {}
    Result<void> write(std::span<const importer::Series> series, Rows rows) override;
    TimeNs keeps_from(std::string_view path) const override;

private:
    static constexpr std::size_t kBodyBytes = 16 << 20;

    Result<void> post_tags(const std::string& body);
    Result<void> take_kept(const std::string& answer);
    Result<void> declare(std::span<const importer::Series> series);
    Result<void> send(std::string body);

    const Server server_;
    std::vector<std::string> heads_;  // {"tag":"…","ts": of each series
    std::map<std::string, std::size_t, std::less<>> place_of_;
    std::vector<TimeNs> keeps_from_;
};

}  // namespace gongshu::app
