#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace gongshu {

// A number that is the id of one kind of thing: a TagId cannot be passed where a TenantId is wanted. 0 is "none".
template <class Name, class Rep = std::uint64_t>
struct Id {
    Rep value{};
    friend auto operator<=>(Id, Id) = default;
    explicit operator bool() const { return value != 0; }
};

}  // namespace gongshu

template <class Name, class Rep>
struct std::hash<gongshu::Id<Name, Rep>> {
    std::size_t operator()(gongshu::Id<Name, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
