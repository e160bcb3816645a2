#include "registry/page_sums.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"

namespace gongshu::registry {
namespace {

constexpr std::string_view kMagic = "GSSUMS1\n";
constexpr std::uint64_t kBytesMax = std::uint64_t{1} << 30;

void put(Buffer& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(value >> 8 * i));
}
std::uint32_t get(Bytes bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value |= std::uint32_t{bytes[at + static_cast<std::size_t>(i)]} << 8 * i;
    return value;
}

// The block at `index`, shorter at the end of the file.
Result<std::uint32_t> sum_of(io::File& file, std::uint64_t size, std::uint64_t index) {
    std::uint8_t block[PageSums::kBlock];
    const std::uint64_t from = index * PageSums::kBlock;
    const std::size_t bytes = from >= size ? 0 : std::min<std::uint64_t>(PageSums::kBlock, size - from);
    if (bytes > 0) TRY(file.read_at(from, {block, bytes}));
    return crc32c({block, bytes});
}

std::uint64_t blocks_of(std::uint64_t bytes) { return (bytes + PageSums::kBlock - 1) / PageSums::kBlock; }

}  // namespace

Result<std::vector<std::uint32_t>> PageSums::load(io::Files& files, const std::string& database) {
    const std::string path = path_of(database);
    if (!TRY(files.exists(path))) return Error{Code::not_found, "{}: the checksums of the database are missing", path};
    const Buffer bytes = TRY(io::read_whole(files, path, kBytesMax));
    const auto wrong = [&] {
        return Error{Code::corrupt,
                     "{}: the checksums of the database are damaged; remove the file, and the next start makes it anew",
                     path};
    };
    if (bytes.size() < kMagic.size() + 8 || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
        return wrong();
    const std::size_t count = get(bytes, kMagic.size());
    if (bytes.size() != kMagic.size() + 8 + 4 * count) return wrong();
    if (crc32c(Bytes{bytes}.first(bytes.size() - 4)) != get(bytes, bytes.size() - 4)) return wrong();
    std::vector<std::uint32_t> sums(count);
    for (std::size_t i = 0; i < count; ++i) sums[i] = get(bytes, kMagic.size() + 4 + 4 * i);
    return sums;
}

Result<void> PageSums::begin(io::Files& files, const std::string& database, io::File& file) {
    auto kept = load(files, database);
    if (!kept && kept.error().code() != Code::not_found && kept.error().code() != Code::corrupt) return kept.error();
    sums_ = kept ? std::move(*kept) : std::vector<std::uint32_t>{};
    const std::uint64_t size = TRY(file.size()), blocks = blocks_of(size);
    changed_ = sums_.size() != blocks;
    const std::size_t known = std::min<std::size_t>(sums_.size(), blocks);
    sums_.resize(blocks);
    for (std::size_t i = known; i < blocks; ++i) sums_[i] = TRY(sum_of(file, size, i));
    began_ = true;
    return {};
}

void PageSums::wrote(std::uint64_t offset, Bytes data) {
    const std::uint64_t end = offset + data.size();
    if (sums_.size() < blocks_of(end)) {
        for (std::uint64_t i = sums_.size(); i < blocks_of(end); ++i) unread_.insert(i);
        sums_.resize(blocks_of(end));
    }
    for (std::uint64_t block = offset / kBlock; block < blocks_of(end); ++block) {
        const std::uint64_t from = block * kBlock;
        if (offset > from || end < from + kBlock) {
            unread_.insert(block);
            continue;
        }
        sums_[block] = crc32c(data.subspan(from - offset, kBlock));
        unread_.erase(block);
    }
    changed_ = true;
}

void PageSums::cut(std::uint64_t bytes) {
    sums_.resize(blocks_of(bytes));
    unread_.erase(unread_.lower_bound(sums_.size()), unread_.end());
    if (bytes % kBlock != 0) unread_.insert(sums_.size() - 1);
    changed_ = true;
}

Result<void> PageSums::save(io::Files& files, const std::string& database, io::File& file) {
    if (!changed_) return {};
    const std::uint64_t size = TRY(file.size());
    for (const std::uint64_t block : unread_) sums_[block] = TRY(sum_of(file, size, block));
    unread_.clear();
    Buffer bytes(kMagic.begin(), kMagic.end());
    put(bytes, static_cast<std::uint32_t>(sums_.size()));
    for (const std::uint32_t sum : sums_) put(bytes, sum);
    put(bytes, crc32c(bytes));
    TRY(io::write_whole(files, path_of(database), bytes, 0600));
    changed_ = false;
    return {};
}

Result<std::vector<std::uint64_t>> PageSums::damaged(io::Files& files, const std::string& database,
                                                     const std::set<std::uint64_t>& newer) {
    const std::vector<std::uint32_t> sums = TRY(load(files, database));
    const auto file = TRY(files.open(database, io::Open::read));
    const std::uint64_t size = TRY(file->size());
    std::vector<std::uint64_t> found;
    for (std::uint64_t i = 0; i < std::max<std::uint64_t>(sums.size(), blocks_of(size)); ++i) {
        if (newer.contains(i)) continue;
        if (i >= sums.size() || i >= blocks_of(size) || TRY(sum_of(*file, size, i)) != sums[i]) found.push_back(i);
    }
    return found;
}

}  // namespace gongshu::registry
