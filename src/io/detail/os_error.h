#pragma once

#include <cerrno>
#include <system_error>

#include "base/result.h"

namespace gongshu::io::detail {

// "cannot open /a/b: No such file or directory", with the Code that fits the number. Both the real and the simulated
// files and sockets make their errors here, so that tests see the texts that users see.
template <class... Args>
Error os_error(int number, fmt::format_string<Args...> format, Args&&... args) {
    const Code code = number == ENOENT      ? Code::not_found
                      : number == EEXIST    ? Code::exists
                      : number == ETIMEDOUT ? Code::timeout
                      : number == ECONNREFUSED || number == ECONNRESET || number == EPIPE || number == EHOSTUNREACH ||
                              number == ENETUNREACH
                          ? Code::unavailable
                          : Code::io;
    return Error{code, "{}: {}", fmt::format(format, std::forward<Args>(args)...),
                 std::generic_category().message(number)};
}

}  // namespace gongshu::io::detail
