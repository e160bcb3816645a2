#include "history/tag_list.h"

#include <algorithm>

namespace gongshu::history {
namespace {

constexpr std::size_t kTextBytesMax = 1 << 16;  // what a damaged file may make of shared beginnings

// Most paths end with the dot and the property; what comes before these.
std::string_view place_in(const TagInfo& tag, bool& ends_with_property) {
    const std::string_view path = tag.path;
    const std::size_t tail = tag.key.property.size() + 1;
    ends_with_property = path.size() >= tail && path.ends_with(tag.key.property) && path[path.size() - tail] == '.';
    return ends_with_property ? path.substr(0, path.size() - tail) : path;
}

}  // namespace

void TagListWriter::text(std::string& before, std::string_view now) {
    const auto differ = std::ranges::mismatch(before, now);
    const auto shared = static_cast<std::size_t>(differ.in2 - now.begin());
    out_.varint(shared);
    out_.text(now.substr(shared));
    before = now;
}

void TagListWriter::add(const TagInfo& tag) {
    out_.signed_varint(
        wrapping_sub(static_cast<std::int64_t>(tag.id.value), static_cast<std::int64_t>(before_.id.value)));
    out_.varint(tag.key.tenant.value);
    text(before_.key.source, tag.key.source);
    text(before_.key.property, tag.key.property);
    bool ends_with_property = false;
    const std::string_view place = place_in(tag, ends_with_property);
    out_.u8(static_cast<std::uint8_t>(static_cast<unsigned>(tag.type) << 1 | (ends_with_property ? 1u : 0u)));
    text(place_before_, place);
    text(before_.unit, tag.unit);
    before_.id = tag.id;
}

void TagListReader::text(std::string& before) {
    const std::uint64_t shared = in_.varint();
    const std::string_view rest = in_.text();
    if (shared > before.size() || shared + rest.size() > kTextBytesMax) return in_.fail();
    before.resize(static_cast<std::size_t>(shared));
    before += rest;
}

TagInfo TagListReader::next() {
    before_.id.value =
        static_cast<std::uint64_t>(wrapping_add(static_cast<std::int64_t>(before_.id.value), in_.signed_varint()));
    const std::uint64_t tenant = in_.varint();
    before_.key.tenant.value = static_cast<std::uint32_t>(tenant);
    text(before_.key.source);
    text(before_.key.property);
    const unsigned kind = in_.u8();
    before_.type = static_cast<ValueType>(kind >> 1);
    if (kind >> 1 < 1 || kind >> 1 > 4 || tenant > 0xffffffff) in_.fail();
    text(place_before_);
    before_.path = place_before_;
    if ((kind & 1) != 0) before_.path.append(".").append(before_.key.property);
    text(before_.unit);
    return before_;
}

}  // namespace gongshu::history
