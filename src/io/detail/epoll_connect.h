#pragma once

#include <memory>

#include "io/detail/epoll_loop.h"

namespace gongshu::io::detail {

Result<std::unique_ptr<Listener>> start_listening(EpollLoop& loop, const Address& address, const ListenOptions& options,
                                                  std::function<void(std::unique_ptr<Stream>)> on_accept);
void start_connecting(EpollLoop& loop, const Address& address, const ConnectOptions& options, StreamDone done);

}  // namespace gongshu::io::detail
