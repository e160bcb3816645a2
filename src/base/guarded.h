#pragma once

#include <mutex>
#include <utility>

namespace gongshu {

// Data that can only be reached through its lock: `guarded.lock()->insert(x)`. The lock lasts as long as the returned
// handle. Not for the way of a reading, which takes no locks.
template <class T>
class Guarded {
public:
    Guarded() = default;
    explicit Guarded(T value) : value_(std::move(value)) {}

    class Handle {
    public:
        Handle(T& value, std::mutex& mutex) : value_(value), lock_(mutex) {}
        T* operator->() { return &value_; }
        T& operator*() { return value_; }

    private:
        T& value_;
        std::unique_lock<std::mutex> lock_;
    };

    Handle lock() { return Handle{value_, mutex_}; }

private:
    std::mutex mutex_;
    T value_{};
};

}  // namespace gongshu
