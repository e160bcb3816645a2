#include "workbook/compound.h"

#include <algorithm>
#include <string>
#include <vector>

namespace gongshu::workbook {
namespace {

constexpr std::uint32_t kLastSector = 0xfffffffa;  // what is above stands for an end, free or a table
constexpr std::size_t kHeaderBytes = 512;
constexpr std::size_t kEntryBytes = 128;

std::uint32_t u16(Bytes bytes, std::size_t at) { return bytes[at] | static_cast<std::uint32_t>(bytes[at + 1]) << 8; }
std::uint32_t u32(Bytes bytes, std::size_t at) { return u16(bytes, at) | u16(bytes, at + 2) << 16; }

Error damaged(std::string_view what) {
    return Error{Code::malformed, "the old Excel workbook (.xls) is damaged: {}; is the file cut?", what};
}

}  // namespace

Result<Compound> Compound::open(Bytes file) {
    if (file.size() < kHeaderBytes) return damaged("its header is not whole");
    Compound compound{file};
    const std::uint32_t shift = u16(file, 30), small_shift = u16(file, 32);
    if ((shift != 9 && shift != 12) || small_shift != 6) return damaged("its sectors have an unknown size");
    compound.sector_bytes_ = std::size_t{1} << shift;
    compound.small_below_ = u32(file, 56);
    TRY(compound.read_tables());
    TRY(compound.read_directory(u32(file, 48)));
    return compound;
}

Result<Bytes> Compound::sector(std::uint32_t number) const {
    // The header takes the place of one sector.
    const std::uint64_t from = (std::uint64_t{number} + 1) * sector_bytes_;
    if (number >= kLastSector || from >= file_.size()) return damaged("a chain of its sectors leads out of the file");
    return file_.subspan(from, std::min<std::uint64_t>(sector_bytes_, file_.size() - from));
}

Result<void> Compound::read_tables() {
    const std::size_t per_sector = sector_bytes_ / 4;
    const std::size_t sectors_max = file_.size() / sector_bytes_ + 1;
    std::vector<std::uint32_t> tables;
    for (std::size_t i = 0; i < 109; ++i) tables.push_back(u32(file_, 76 + i * 4));
    std::uint32_t more = u32(file_, 68);
    for (std::size_t count = 0; more < kLastSector; ++count) {
        if (count > sectors_max) return damaged("its table of tables runs in a circle");
        const Bytes list = TRY(sector(more));
        if (list.size() < sector_bytes_) return damaged("its table of tables is not whole");
        for (std::size_t i = 0; i + 1 < per_sector; ++i) tables.push_back(u32(list, i * 4));
        more = u32(list, sector_bytes_ - 4);
    }
    for (const std::uint32_t table : tables) {
        if (table >= kLastSector) continue;
        if (next_.size() > sectors_max + per_sector) break;
        const Bytes list = TRY(sector(table));
        for (std::size_t at = 0; at + 4 <= list.size(); at += 4) next_.push_back(u32(list, at));
    }
    return {};
}

Result<Buffer> Compound::chain(std::uint32_t first, std::uint64_t bytes_max) const {
    Buffer bytes;
    std::size_t steps = 0;
    for (std::uint32_t at = first; at < kLastSector && bytes.size() < bytes_max; at = next_[at]) {
        const Bytes piece = TRY(sector(at));
        bytes.insert(bytes.end(), piece.begin(), piece.end());
        if (at >= next_.size() || ++steps > next_.size()) return damaged("a chain of its sectors runs in a circle");
    }
    if (bytes.size() > bytes_max) bytes.resize(bytes_max);
    return bytes;
}

Result<void> Compound::read_directory(std::uint32_t first) {
    const Buffer bytes = TRY(chain(first, 16 << 20));
    for (std::size_t at = 0; at + kEntryBytes <= bytes.size(); at += kEntryBytes) {
        const Bytes entry = Bytes(bytes).subspan(at, kEntryBytes);
        const std::size_t name_bytes = std::min<std::size_t>(u16(entry, 64), 64);
        Stream stream{.name = {},
                      .first = u32(entry, 116),
                      .bytes = u32(entry, 120),
                      .is_root = entry[66] == 5,
                      .is_stream = entry[66] == 2};
        for (std::size_t i = 0; i + 2 < name_bytes + 1 && i + 1 < name_bytes; i += 2)
            if (const std::uint32_t c = u16(entry, i); c != 0)
                stream.name.push_back(c < 0x80 ? static_cast<char>(c) : '?');
        streams_.push_back(std::move(stream));
    }
    const auto root = std::ranges::find_if(streams_, &Stream::is_root);
    if (root == streams_.end()) return damaged("its directory has no root");
    const Buffer table = TRY(chain(u32(file_, 60), file_.size()));
    for (std::size_t at = 0; at + 4 <= table.size(); at += 4) small_next_.push_back(u32(table, at));
    small_ = TRY(chain(root->first, root->bytes));
    return {};
}

bool Compound::has(std::string_view name) const {
    return std::ranges::any_of(streams_, [&](const Stream& one) { return one.is_stream && one.name == name; });
}

Result<Buffer> Compound::small_chain(std::uint32_t first, std::uint64_t bytes) const {
    Buffer out;
    std::size_t steps = 0;
    for (std::uint32_t at = first; at < kLastSector && out.size() < bytes; at = small_next_[at]) {
        const std::uint64_t from = std::uint64_t{at} * small_bytes_;
        if (at >= small_next_.size() || from >= small_.size() || ++steps > small_next_.size())
            return damaged("a chain of its small sectors leads nowhere");
        const auto begin = small_.begin() + static_cast<std::ptrdiff_t>(from);
        out.insert(out.end(), begin,
                   begin + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(small_bytes_, small_.size() - from)));
    }
    if (out.size() > bytes) out.resize(bytes);
    return out;
}

Result<Buffer> Compound::read(std::string_view name) const {
    const auto found =
        std::ranges::find_if(streams_, [&](const Stream& one) { return one.is_stream && one.name == name; });
    if (found == streams_.end()) return Error{Code::not_found, "the file holds no stream {}", name};
    if (found->bytes > file_.size()) return damaged("a stream is longer than the file");
    Buffer bytes = found->bytes < small_below_ ? TRY(small_chain(found->first, found->bytes))
                                               : TRY(chain(found->first, found->bytes));
    if (bytes.size() < found->bytes) return damaged("a stream ends before its length");
    return bytes;
}

}  // namespace gongshu::workbook
