#pragma once

// What the kinds device_type and device share: the description of addresses. Only for their .cpp files.

#include "registry/kind_of.h"
#include "registry/kinds/device.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(RegisterKind, coil, discrete, holding, input)
BOOST_DESCRIBE_ENUM(Encoding, u16, i16, u32, i32, u64, i64, f32, f64, bcd16, bcd32, text)
BOOST_DESCRIBE_ENUM(WordOrder, ABCD, BADC, CDAB, DCBA)
BOOST_DESCRIBE_STRUCT(RegisterAddress, (), (kind, address, encoding, word_order, bit, length, scale, offset))

BOOST_DESCRIBE_STRUCT(PointAddress, (), (at, as, scale, offset, write, dead_band))

std::vector<Fact> facts_of(const RegisterAddress*);
std::vector<Fact> facts_of(const PointAddress*);
// Errors begin with the field of the address.
Result<void> check_address(const RegisterAddress& address);
Result<void> check_point(const PointAddress& point);
int registers_of(const RegisterAddress& address);

}  // namespace gongshu::registry
