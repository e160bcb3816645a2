#include "history/section.h"

#include "base/checksum.h"
#include "history/codec.h"

namespace gongshu::history {
namespace {

struct Section {
    std::uint64_t type = 0;
    Bytes payload;
    Bytes checked;  // all but the checksum
    std::uint32_t crc = 0;

    Result<void> check() const {
        if (crc32c(checked) == crc) return {};
        return Error{Code::corrupt, "section {} of the chunk fails its checksum; restore the file from a backup", type};
    }
};

Result<Section> next_section(Decoder& in, Bytes sections) {
    const std::size_t begin = sections.size() - in.left();
    Section section;
    section.type = in.varint();
    section.payload = in.bytes(in.varint());
    section.checked = sections.subspan(begin, sections.size() - in.left() - begin);
    section.crc = in.u32();
    if (in.failed())
        return Error{Code::corrupt, "the chunk's {} bytes of sections do not hold whole ones", sections.size()};
    return section;
}

}  // namespace

void encode_section(SectionType type, Bytes payload, Buffer& bytes) {
    const std::size_t begin = bytes.size();
    Encoder out{bytes};
    out.varint(static_cast<std::uint64_t>(type));
    out.varint(payload.size());
    out.bytes(payload);
    out.u32(crc32c(Bytes{bytes}.subspan(begin)));
}

Result<std::optional<Bytes>> find_section(Bytes sections, SectionType type) {
    Decoder in{sections};
    while (in.left() > 0) {
        const Section section = TRY(next_section(in, sections));
        if (section.type != static_cast<std::uint64_t>(type)) continue;
        TRY(section.check());
        return std::optional{section.payload};
    }
    return std::optional<Bytes>{};
}

Result<void> check_sections(Bytes sections) {
    Decoder in{sections};
    while (in.left() > 0) TRY(TRY(next_section(in, sections)).check());
    return {};
}

}  // namespace gongshu::history
