#pragma once

#include "connect/driver.h"

namespace gongshu::connect {

// Omron PLCs by FINS/TCP (wire/fins.h), with the node number of `config.fins` or one that the PLC gives.
//
// NamedPlace::at is an address as the manuals print it, `as` as of modbus::parse_form(); "" is bool for a bit, the completion
// flag for T and C of a boolean, else i16. Values of 32 and 64 bits have their low word first. Neighbours are read together;
// after a refusal first without gaps, then each alone. Bits are written as bits. Each answer names its question (SID):
// late() is false. All polls are of unit 0.
std::unique_ptr<Driver> make_fins_driver(const LinkConfig& config);

}  // namespace gongshu::connect
