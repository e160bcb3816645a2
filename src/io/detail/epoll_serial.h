#pragma once

#include <memory>

#include "io/detail/epoll_loop.h"
#include "io/serial.h"

namespace gongshu::io::detail {

// Opens and locks the port, sets up its line and watches it on `loop`.
Result<std::unique_ptr<Stream>> open_epoll_serial(EpollLoop& loop, const SerialPort& port);
// The same on a loop of a SimWorld.
Result<std::unique_ptr<Stream>> open_sim_serial(Loop& loop, const SerialPort& port);

}  // namespace gongshu::io::detail
