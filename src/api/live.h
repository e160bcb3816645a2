#pragma once

#include <memory>
#include <string>

#include "api/hub.h"
#include "io/loop.h"

namespace gongshu::api {

// The answer "101 Switching Protocols" to a proper handshake.
Result<std::string> live_opening(const wire::HttpRequest& request);
// A WebSocket of GET /api/v1/live, after the opening was sent.
std::shared_ptr<LongSession> make_live_session(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask);

}  // namespace gongshu::api
