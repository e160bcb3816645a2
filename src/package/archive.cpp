#include "package/archive.h"

#include <algorithm>
#include <array>

namespace gongshu::package {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSizeAt = 124, kSizeDigits = 11, kSumAt = 148;
using Header = std::array<std::uint8_t, kBlock>;

void put(Header& header, std::size_t at, std::string_view text) {
    std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(at));
}

// The one header there is for a file of that name and size: mode 0644, no owner, no time.
Header header_of(std::string_view name, std::size_t bytes) {
    Header header{};
    put(header, 0, name);
    put(header, 100, "0000644");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, kSizeAt, fmt::format("{:011o}", bytes));
    put(header, 136, "00000000000");
    put(header, kSumAt, "        ");
    put(header, 156, "0");
    put(header, 257,
        std::string_view("ustar\0"
                         "00",
                         8));
    put(header, 329, "0000000");
    put(header, 337, "0000000");
    unsigned sum = 0;
    for (const std::uint8_t byte : header) sum += byte;
    put(header, kSumAt, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    return header;
}

std::size_t padded(std::size_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

bool all_zero(Bytes bytes) {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

// A name as it may stand in a message, whatever bytes it has.
std::string shown(std::string_view name) {
    std::string out;
    for (const char c : name.substr(0, kEntryNameBytesMax)) out += c >= ' ' && c <= '~' && c != '"' ? c : '?';
    return out;
}

std::string_view name_in(Bytes header) {
    const std::string_view field = as_text(header.first(kEntryNameBytesMax));
    return field.substr(0, field.find('\0'));
}

// The size field; what is no octal number gives a header that differs.
std::size_t size_in(Bytes header) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < kSizeDigits; ++i) size = size * 8 + ((header[kSizeAt + i] - '0') & 7u);
    return size;
}

Error at_entry(std::size_t number, std::string_view name, std::string_view what) {
    return Error{Code::malformed, "entry {}, \"{}\": {}", number, shown(name), what};
}

Result<void> check_header(Bytes header, std::size_t number) {
    const std::string_view name = name_in(header);
    const Header want = header_of(name, size_in(header));
    if (const auto [found, wanted] = std::ranges::mismatch(header, want); found != header.end())
        return at_entry(
            number, name,
            fmt::format("byte {} of its header differs from what this format has there: the file was changed, "
                        "or another program packed it",
                        found - header.begin()));
    if (auto right = check_entry_name(name); !right) return at_entry(number, name, right.error().text());
    return {};
}

}  // namespace

Result<void> check_entry_name(std::string_view name) {
    if (name.empty() || name.size() > kEntryNameBytesMax)
        return Error{Code::invalid, "the name of a file in a package has 1 to {} bytes, found {}", kEntryNameBytesMax,
                     name.size()};
    std::size_t depth = 1;
    char before = '/';
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const bool first = before == '/';
        if (c == '/' ? first : !(letter || c == '_' || (!first && (c == '-' || c == '.'))))
            return Error{Code::invalid,
                         "expected a name of letters, digits, _ - and dot, with folders joined by /, and no part that "
                         "begins with a dot; found \"{}\"",
                         shown(name)};
        depth += c == '/';
        before = c;
    }
    if (before == '/') return Error{Code::invalid, "a name does not end with /, found \"{}\"", shown(name)};
    if (depth > kEntryDepthMax)
        return Error{Code::limit, "\"{}\" lies {} levels deep, at most {} are allowed", name, depth, kEntryDepthMax};
    return {};
}

Result<Buffer> encode_archive(std::vector<ArchiveEntry> entries) {
    if (entries.size() > kEntriesMax)
        return Error{Code::limit, "a package holds at most {} files, found {}", kEntriesMax, entries.size()};
    std::ranges::sort(entries, {}, &ArchiveEntry::name);
    std::size_t total = 2 * kBlock;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        TRY(check_entry_name(entries[i].name));
        if (i > 0 && entries[i].name == entries[i - 1].name)
            return Error{Code::invalid, "\"{}\" is there twice", entries[i].name};
        if (entries[i].bytes.size() > kEntryBytesMax)
            return Error{Code::limit, "\"{}\" has {} bytes, a file in a package at most {}", entries[i].name,
                         entries[i].bytes.size(), kEntryBytesMax};
        total += kBlock + padded(entries[i].bytes.size());
    }
    if (total > kArchiveBytesMax)
        return Error{Code::limit, "the package has {} bytes, at most {} are allowed", total, kArchiveBytesMax};
    Buffer out;
    out.reserve(total);
    for (const ArchiveEntry& entry : entries) {
        const Header header = header_of(entry.name, entry.bytes.size());
        out.insert(out.end(), header.begin(), header.end());
        out.insert(out.end(), entry.bytes.begin(), entry.bytes.end());
        out.resize(padded(out.size()));
    }
    out.resize(out.size() + 2 * kBlock);
    return out;
}

Result<std::vector<ArchiveEntry>> decode_archive(Bytes bytes) {
    if (bytes.size() > kArchiveBytesMax)
        return Error{Code::limit, "a package has at most {} bytes, found {}", kArchiveBytesMax, bytes.size()};
    if (bytes.size() < 2 * kBlock || bytes.size() % kBlock != 0)
        return Error{Code::malformed, "the file has {} bytes: it is no package, or a part of it is missing",
                     bytes.size()};
    std::vector<ArchiveEntry> entries;
    std::size_t at = 0;
    while (bytes.size() - at > 2 * kBlock) {
        const std::size_t number = entries.size() + 1;
        if (number > kEntriesMax) return Error{Code::limit, "a package holds at most {} files", kEntriesMax};
        const Bytes header = bytes.subspan(at, kBlock);
        TRY(check_header(header, number));
        const std::string_view name = name_in(header);
        if (!entries.empty() && name <= entries.back().name)
            return at_entry(
                number, name,
                fmt::format("it stands after \"{}\", but names go upwards and each stands once", entries.back().name));
        const std::size_t size = size_in(header);
        at += kBlock;
        if (size > kEntryBytesMax)
            return Error{Code::limit,   "entry {}, \"{}\" has {} bytes, at most {} are allowed", number, name, size,
                         kEntryBytesMax};
        if (bytes.size() - at < padded(size) + 2 * kBlock) return at_entry(number, name, "the file ends within it");
        if (!all_zero(bytes.subspan(at + size, padded(size) - size)))
            return at_entry(number, name, "there is something after its end, where zeros belong");
        const Bytes body = bytes.subspan(at, size);
        entries.push_back({std::string(name), Buffer(body.begin(), body.end())});
        at += padded(size);
    }
    if (!all_zero(bytes.subspan(at)))
        return at_entry(entries.size(), entries.empty() ? "" : entries.back().name,
                        "there is something after the last entry, where zeros belong");
    return entries;
}

}  // namespace gongshu::package
