#include "blob/sniff.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace gongshu::blob {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kMarkupBytes = 4'096;  // so far in markup is looked for
constexpr std::string_view kUnknown = "application/octet-stream";

struct Magic {
    std::string_view begins, type;
};
constexpr Magic kMagics[] = {
    {"\xFF\xD8\xFF"sv, "image/jpeg"},
    {"\x89PNG\r\n\x1A\n"sv, "image/png"},
    {"GIF87a"sv, "image/gif"},
    {"GIF89a"sv, "image/gif"},
    {"II*\0"sv, "image/tiff"},
    {"MM\0*"sv, "image/tiff"},
    {"%PDF-"sv, "application/pdf"},
    {"\x1F\x8B"sv, "application/gzip"},
    {"7z\xBC\xAF\x27\x1C"sv, "application/x-7z-compressed"},
    {"Rar!\x1A\x07"sv, "application/vnd.rar"},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "application/x-ole-storage"},
    {"OggS"sv, "application/ogg"},
    {"ID3"sv, "audio/mpeg"},
    {"\x1A\x45\xDF\xA3"sv, "video/webm"},
    {"MZ"sv, "application/x-executable"},
    {"\x7F"
     "ELF"sv,
     "application/x-executable"},
};

struct Ending {
    std::string_view ending, type;
};
constexpr Ending kEndings[] = {
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"jpe", "image/jpeg"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"heic", "image/heic"},
    {"heif", "image/heic"},
    {"avif", "image/avif"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"bmp", "image/bmp"},
    {"pdf", "application/pdf"},
    {"mp4", "video/mp4"},
    {"mov", "video/quicktime"},
    {"webm", "video/webm"},
    {"m4a", "audio/mp4"},
    {"mp3", "audio/mpeg"},
    {"svg", "image/svg+xml"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"xml", "text/xml"},
    {"csv", "text/csv"},
    {"txt", "text/plain"},
    {"json", "application/json"},
    {"zip", "application/zip"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f'; }

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

// Of the container of ISO base media: the brand behind "ftyp".
std::string_view media_of_brand(std::string_view brand) {
    constexpr std::string_view kHeic[] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"};
    if (std::ranges::count(kHeic, brand) > 0) return "image/heic";
    if (brand == "avif" || brand == "avis") return "image/avif";
    if (brand == "qt  ") return "video/quicktime";
    if (brand.starts_with("M4A")) return "audio/mp4";
    return "video/mp4";
}

// The names inside of an archive lie bare in it.
std::string_view archive_of(std::string_view text) {
    if (text.find("[Content_Types].xml") == std::string_view::npos) return "application/zip";
    if (text.find("xl/workbook") != std::string_view::npos)
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    if (text.find("word/document") != std::string_view::npos)
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    if (text.find("ppt/presentation") != std::string_view::npos)
        return "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    return "application/zip";
}

// Two lines at least, each with as many of one separator.
bool is_table(std::string_view text) {
    for (const char separator : {',', ';', '\t'}) {
        std::ptrdiff_t first = 0;
        int lines = 0;
        bool same = true;
        for (std::string_view rest = text; !rest.empty() && lines < 5 && same;) {
            const std::string_view line = rest.substr(0, rest.find('\n'));
            rest.remove_prefix(std::min(rest.size(), line.size() + 1));
            const std::ptrdiff_t count = std::ranges::count(line, separator);
            if (lines++ == 0) first = count;
            same = count == first && count > 0;
        }
        if (same && lines >= 2) return true;
    }
    return false;
}

std::string_view sniff_text(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    const std::string head = lower(text.substr(0, kMarkupBytes));
    if (head.starts_with('<')) {
        if (head.find("<svg") != std::string::npos) return "image/svg+xml";
        for (const std::string_view tag : {"<!doctype html", "<html", "<head", "<body", "<script", "<iframe", "<meta"})
            if (head.find(tag) != std::string::npos) return "text/html";
        return head.starts_with("<?xml") ? "text/xml" : "text/html";
    }
    for (const std::string_view tag : {"<script", "<html", "<iframe"})
        if (head.find(tag) != std::string::npos) return "text/html";
    if (head.starts_with('{') || head.starts_with('[')) return "application/json";
    return is_table(text.substr(0, 64 << 10)) ? "text/csv" : "text/plain";
}

bool is_text(std::string_view text) {
    const bool controlled = std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && !is_space(c)) || byte == 0x7F;
    });
    return !controlled && find_broken_utf8(text) == std::string_view::npos;
}

// Kinds of files that stand in for one another: a sender who says one may mean another.
enum class Family { unknown, picture, film, pdf, archive, text, markup, other };
Family family_of(std::string_view type) {
    if (type.empty() || type == kUnknown) return Family::unknown;
    if (type == "image/svg+xml" || type == "text/html") return Family::markup;
    if (type.starts_with("image/")) return Family::picture;
    if (type.starts_with("video/") || type.starts_with("audio/") || type == "application/ogg") return Family::film;
    if (type == "application/pdf") return Family::pdf;
    if (type.starts_with("text/") || type == "application/json") return Family::text;
    if (type == "application/zip" || type.starts_with("application/vnd.openxmlformats")) return Family::archive;
    return Family::other;
}

// What the sender may say without saying anything.
bool says_nothing(std::string_view type) {
    return type.empty() || type == kUnknown || type == "application/x-www-form-urlencoded" ||
           type == "binary/octet-stream";
}

std::string_view type_of_name(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return {};
    const std::string ending = lower(name.substr(dot + 1));
    const auto found = std::ranges::find(kEndings, ending, &Ending::ending);
    return found == std::end(kEndings) ? std::string_view{} : found->type;
}

}  // namespace

std::string_view sniff(Bytes bytes) {
    const std::string_view text = as_text(bytes);
    for (const Magic& magic : kMagics)
        if (text.starts_with(magic.begins)) return magic.type;
    if (text.size() >= 12 && text.substr(4, 4) == "ftyp") return media_of_brand(text.substr(8, 4));
    if (text.size() >= 12 && text.starts_with("RIFF")) {
        if (text.substr(8, 4) == "WEBP") return "image/webp";
        if (text.substr(8, 4) == "WAVE") return "audio/wav";
        if (text.substr(8, 4) == "AVI ") return "video/x-msvideo";
    }
    if (text.size() >= 30 && text.starts_with("BM") && text.substr(6, 4) == "\0\0\0\0"sv) return "image/bmp";
    if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return archive_of(text);
    if (!text.empty() && is_text(text)) return sniff_text(text);
    return kUnknown;
}

bool is_shown(std::string_view type) {
    return type == "image/jpeg" || type == "image/png" || type == "image/gif" || type == "image/webp";
}

bool has_thumbnail(std::string_view type) { return type == "image/jpeg" || type == "image/png"; }

Result<Settled> settle_type(Bytes bytes, std::string_view declared, std::string_view name) {
    std::string header = lower(declared.substr(0, declared.find(';')));
    while (!header.empty() && is_space(header.back())) header.pop_back();
    if (header.starts_with("multipart/"))
        return Error{Code::invalid, "the body is a form: send the bytes of the file alone"};
    if (header == "image/jpg" || header == "image/pjpeg") header = "image/jpeg";
    if (header == "image/heif") header = "image/heic";
    if (says_nothing(header)) header.clear();
    Settled settled{std::string(sniff(bytes)), ""};
    const Family found = family_of(settled.type);
    for (const std::string_view claim : {std::string_view{header}, type_of_name(name)}) {
        if (claim.empty() || claim == settled.type) continue;
        const Family claimed = family_of(claim);
        const bool as_shown = claimed == Family::picture || claimed == Family::film || claimed == Family::pdf;
        if (as_shown && claimed != found)
            return Error{Code::invalid, "the file is called {}, but its bytes are {}: send what it says it is", claim,
                         settled.type};
        // Texts look alike: which one it is, only its sender knows.
        if (claimed == Family::text && found == Family::text) {
            if (!header.empty() && claim == header && settled.type == "text/plain") settled.type = claim;
            continue;
        }
        if (settled.note.empty()) settled.note = fmt::format("it was called {}; its bytes are {}", claim, settled.type);
    }
    return settled;
}

std::string tidy_name(std::string_view name) {
    name = name.substr(name.find_last_of("/\\") + 1);
    std::string out;
    for (const char c : name)
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F && c != '"') out += c;
    if (const std::size_t broken = find_broken_utf8(out); broken != std::string_view::npos) out.resize(broken);
    if (out.size() > kNameBytesMax) {
        // The ending stays: it says what opens it.
        const std::size_t dot = out.rfind('.');
        const std::string ending = dot != std::string::npos && out.size() - dot <= 10 ? out.substr(dot) : "";
        out.resize(kNameBytesMax - ending.size());
        if (const std::size_t broken = find_broken_utf8(out); broken != std::string_view::npos) out.resize(broken);
        out += ending;
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
    while (!out.empty() && out.front() == ' ') out.erase(out.begin());
    return out.empty() ? "file" : out;
}

}  // namespace gongshu::blob
