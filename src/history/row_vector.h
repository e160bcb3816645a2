#pragma once

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace gongshu::history {

// An allocator whose vectors leave what resize() adds as it lies in memory: it is about to be written anyway.
template <class T>
struct Unfilled : std::allocator<T> {
    template <class U>
    struct rebind {
        using other = Unfilled<U>;
    };
    template <class U>
    void construct(U* at) noexcept {
        ::new (static_cast<void*>(at)) U;
    }
    template <class U, class... Arguments>
    void construct(U* at, Arguments&&... arguments) {
        ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
    }
};

// The values of many rows.
template <class T>
using RowVector = std::vector<T, Unfilled<T>>;

}  // namespace gongshu::history
