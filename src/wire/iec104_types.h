#pragma once

#include <string_view>

#include "wire/iec104.h"

// The table that the files of iec104.h share; not for others.
namespace gongshu::wire::iec104 {

// What lies between the address of an object and its time.
enum class Element : std::uint8_t {
    none,
    single,           // SIQ
    twofold,          // DIQ
    step,             // VTI QDS
    bits,             // BSI QDS
    normalised,       // NVA QDS
    scaled,           // SVA QDS
    real,             // R32 QDS
    totals,           // BCR
    bare_normalised,  // NVA
    start,            // COI
    single_command,   // SCO
    double_command,   // DCO
    step_command,     // RCO
    set_normalised,   // NVA QOS
    set_scaled,       // SVA QOS
    set_real,         // R32 QOS
    set_bits,         // BSI
    interrogation,    // QOI
    counters,         // QCC
    pattern,          // FBP
    test_counter,     // TSC
};

struct TypeInfo {
    Type type;
    std::string_view name;
    Element element;
    std::uint8_t bytes;  // of the element
    bool timed;
};
// nullptr for one that is not known here.
const TypeInfo* info_of(Type type);

}  // namespace gongshu::wire::iec104
