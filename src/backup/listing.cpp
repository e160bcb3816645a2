#include "backup/listing.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "io/crypto.h"

namespace gongshu::backup {
namespace {

constexpr std::string_view kFirst = "# gongshu backup 0\n";
constexpr std::string_view kSum = "# sum ";
constexpr std::size_t kHashDigits = 64;

// A relative name that leads nowhere but down, on any system.
bool stays_inside(std::string_view name) {
    if (name.empty() || name.size() > 500 || name.find_first_of(":\\") != std::string_view::npos) return false;
    for (std::size_t at = 0; at <= name.size();) {
        const std::string_view part = name.substr(at, name.find('/', at) - at);
        if (part.empty() || part == "." || part == "..") return false;
        for (const char c : part)
            if (static_cast<unsigned char>(c) < 0x20) return false;
        at += part.size() + 1;
    }
    return true;
}

bool is_hash(std::string_view text) {
    return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <class T>
bool parse_whole(std::string_view text, T& into) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string sum_of(std::string_view text) { return to_hex(io::sha256(as_bytes(text))); }

// One line without its end; false if it does not belong here.
bool take_line(std::string_view line, Listing& listing) {
    if (line.starts_with("# made ")) return parse_whole(line.substr(7), listing.made);
    if (line.starts_with("# bytes ")) return parse_whole(line.substr(8), listing.bytes);
    if (line.starts_with("# note ")) {
        listing.notes.emplace_back(line.substr(7));
        return true;
    }
    if (line.starts_with("# program ")) {
        listing.program = line.substr(10);
        return true;
    }
    if (line.size() < kHashDigits + 3 || line.substr(kHashDigits, 2) != "  ") return false;
    const std::string_view hash = line.substr(0, kHashDigits), name = line.substr(kHashDigits + 2);
    if (!is_hash(hash) || !stays_inside(name)) return false;
    listing.files.push_back({std::string(name), std::string(hash)});
    return true;
}

}  // namespace

std::string encode_listing(const Listing& listing) {
    std::string text =
        fmt::format("{}# made {}\n# program {}\n# bytes {}\n", kFirst, listing.made, listing.program, listing.bytes);
    for (std::string note : listing.notes) {
        std::ranges::replace_if(
            note, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
        text += fmt::format("# note {}\n", note);
    }
    for (const Entry& entry : listing.files) text += fmt::format("{}  {}\n", entry.sha256, entry.name);
    return text + fmt::format("{}{}\n", kSum, sum_of(text));
}

Result<Listing> decode_listing(std::string_view text, const std::string& path) {
    if (!text.starts_with(kFirst))
        return Error{Code::corrupt, "{}: is no list of a backup that this version knows; its first line must be \"{}\"",
                     path, kFirst.substr(0, kFirst.size() - 1)};
    const std::size_t last = text.rfind(kSum);
    if (last == std::string_view::npos || text.substr(last + kSum.size()) != sum_of(text.substr(0, last)) + "\n")
        return Error{Code::corrupt, "{}: the list is damaged: the sum in its last line is not that of the lines above",
                     path};
    Listing listing;
    std::size_t number = 2;
    for (std::size_t at = kFirst.size(); at < last; ++number) {
        const std::size_t end = text.find('\n', at);
        if (!take_line(text.substr(at, end - at), listing))
            return Error{Code::corrupt, "{}: line {} is not \"SHA-256, two spaces, name\"", path, number};
        at = end + 1;
    }
    return listing;
}

}  // namespace gongshu::backup
