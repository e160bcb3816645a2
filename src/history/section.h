#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::history {

// What a chunk may carry behind its values: parts that a reader may do without, each under a checksum of its own. Types
// that a program does not know are passed over. "sections" of docs/format/segment.md.
enum class SectionType : std::uint8_t {  // on disk: never renumber
    hours = 1,                           // cells.h: what each whole hour of the tag's rows in the segment amounts to
    minutes = 2,                         // … and each minute
    hour_bits = 3,                       // hours, in fewer bytes (cell_bits.h)
    minute_bits = 4,                     // minutes
};

// Appends one section. Of each type a chunk has at most one.
void encode_section(SectionType type, Bytes payload, Buffer& out);
// The payload of the section of that type, a part of `sections`; nullopt if there is none. Code::corrupt if it fails
// its checksum or the sections do not fit their bytes; damage in others does not matter.
Result<std::optional<Bytes>> find_section(Bytes sections, SectionType type);
// Code::corrupt if a byte of any section is damaged.
Result<void> check_sections(Bytes sections);

}  // namespace gongshu::history
