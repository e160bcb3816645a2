#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace gongshu {

// What kind of failure it is; the text of the Error says what was tried and with what. The api turns a Code into an
// HTTP status, broker into an MQTT reason code, so the list is short and stable.
enum class Code : std::uint8_t {
    invalid,       // the caller's input is wrong: say where and what to do
    malformed,     // bytes that do not follow their format (packet, file, record)
    not_found,     //
    exists,        // something is there already
    conflict,      // revision does not match, or the state forbids it
    denied,        // known who, not allowed
    unauthorized,  // not known who
    limit,         // a stated limit was reached: the text names it
    unsupported,   // a right request that we do not do
    io,            // the operating system said no
    timeout,       //
    unavailable,   // not now: starting, stopping, read-only, link lost
    corrupt,       // our own stored bytes fail their checksum or their grammar
};

std::string_view to_string(Code code);

// An error as a value: a code and a text in English that says what was tried, with what, and what to do. context()
// puts "while doing what" in front. Copying is cheap enough for the unhappy path.
class [[nodiscard]] Error {
public:
    template <class... Args>
    Error(Code code, fmt::format_string<Args...> format, Args&&... args)
        : code_(code), text_(fmt::format(format, std::forward<Args>(args)...)) {}

    Code code() const { return code_; }
    const std::string& text() const { return text_; }

    template <class... Args>
    Error context(fmt::format_string<Args...> format, Args&&... args) && {
        text_ = fmt::format(format, std::forward<Args>(args)...) + ": " + text_;
        return std::move(*this);
    }

private:
    Code code_;
    std::string text_;
};

// std::expected with context(). `return Error{...}` and `return value` both convert.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
    using Base = std::expected<T, Error>;

public:
    using Base::Base;
    Result(Error error) : Base(std::unexpected(std::move(error))) {}

    // Puts "while doing what" in front of the error's text, if there is one.
    template <class... Args>
    Result context(fmt::format_string<Args...> format, Args&&... args) && {
        if (!this->has_value()) this->error() = std::move(this->error()).context(format, std::forward<Args>(args)...);
        return std::move(*this);
    }
};

namespace detail {
template <class T>
T take(Result<T>& result) {
    return std::move(*result);
}
inline void take(Result<void>&) {}
}  // namespace detail

}  // namespace gongshu

// The value of a Result, or return its error from the enclosing function. A GNU statement expression; not for use
// inside a coroutine.
#define TRY(...)                                   \
    ({                                             \
        auto try_result_ = (__VA_ARGS__);          \
        if (!try_result_) [[unlikely]]             \
            return std::move(try_result_).error(); \
        ::gongshu::detail::take(try_result_);      \
    })
