#pragma once

#include <memory>
#include <string>

#include "api/hub.h"
#include "io/loop.h"

namespace gongshu::api {

// Head of the answer to GET /api/v1/{plural}?watch=1 (text/event-stream, without end).
std::string watch_opening(Core& core);
// Sends each change of one kind that who asks may see. A reader that takes nothing for long is cut off; the page then
// asks again and reads the list anew.
std::shared_ptr<LongSession> make_watch_session(Hub& hub, std::unique_ptr<io::Stream> stream, const Ask& ask);

}  // namespace gongshu::api
