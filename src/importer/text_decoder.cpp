#include "importer/text_decoder.h"

#include <algorithm>
#include <cstring>

#include "io/charset.h"

namespace gongshu::importer {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kMark = "\xef\xbb\xbf";

constexpr std::pair<Encoding, std::string_view> kNames[] = {{Encoding::utf8, "utf-8"},
                                                            {Encoding::utf16le, "utf-16le"},
                                                            {Encoding::utf16be, "utf-16be"},
                                                            {Encoding::gb18030, "gb18030"},
                                                            {Encoding::latin1, "latin-1"}};

// How long the character at the front is: 0 if it is none, -1 if the bytes end within it.
int utf8_length(Bytes bytes) {
    const std::uint8_t first = bytes[0];
    if (first < 0x80) return 1;
    const int length = first >= 0xc2 && first < 0xe0   ? 2
                       : first >= 0xe0 && first < 0xf0 ? 3
                       : first >= 0xf0 && first < 0xf5 ? 4
                                                       : 0;
    for (int i = 1; i < length; ++i) {
        if (static_cast<std::size_t>(i) >= bytes.size()) return -1;
        if ((bytes[static_cast<std::size_t>(i)] & 0xc0) != 0x80) return 0;
        if (i > 1) continue;
        const std::uint8_t second = bytes[1];  // overlong forms, surrogates, beyond U+10FFFF
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
            (first == 0xf4 && second > 0x8f))
            return 0;
    }
    return length;
}

// The number of bytes at the front that are ASCII, by eights.
std::size_t ascii_bytes(Bytes bytes) {
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data() + at, 8);
        if (word & 0x8080808080808080u) break;
    }
    while (at < bytes.size() && bytes[at] < 0x80) ++at;
    return at;
}

bool is_utf8(Bytes head) {
    while (!head.empty()) {
        head = head.subspan(ascii_bytes(head));
        if (head.empty()) return true;
        const int length = utf8_length(head);
        if (length <= 0) return length < 0;
        head = head.subspan(static_cast<std::size_t>(length));
    }
    return true;
}

// In Chinese text nearly every second byte of a pair is high too; in Latin-1 a high byte stands among ASCII.
bool looks_like_gb18030(Bytes head) {
    std::size_t pairs = 0, lone = 0;
    for (std::size_t i = 0; i + 1 < head.size(); ++i) {
        if (head[i] < 0x80) continue;
        if (head[i + 1] >= 0xa1) {
            ++pairs;
            ++i;
        } else {
            ++lone;
        }
    }
    return pairs > lone;
}

void put_utf8(std::uint32_t c, std::string& out) {
    const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (c < 0x80) return put(c);
    if (c < 0x800) {
        put(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            put(0xe0 | c >> 12);
        } else {
            put(0xf0 | c >> 18);
            put(0x80 | (c >> 12 & 0x3f));
        }
        put(0x80 | (c >> 6 & 0x3f));
    }
    put(0x80 | (c & 0x3f));
}

}  // namespace

std::string_view to_string(Encoding encoding) {
    for (const auto& [value, name] : kNames)
        if (value == encoding) return name;
    return "utf-8";
}

std::optional<Encoding> parse_encoding(std::string_view name) {
    for (const auto& [value, known] : kNames)
        if (known == name) return value;
    if (name == "utf8") return Encoding::utf8;
    if (name == "gbk" || name == "gb2312") return Encoding::gb18030;
    if (name == "latin1" || name == "iso-8859-1") return Encoding::latin1;
    return std::nullopt;
}

Encoding detect_encoding(Bytes head) {
    const std::string_view text = as_text(head);
    if (text.starts_with(kMark)) return Encoding::utf8;
    if (text.starts_with("\xff\xfe")) return Encoding::utf16le;
    if (text.starts_with("\xfe\xff")) return Encoding::utf16be;
    std::size_t zeros[2] = {0, 0};
    for (std::size_t i = 0; i < head.size(); ++i) zeros[i % 2] += head[i] == 0;
    if (zeros[1] > head.size() / 4 && zeros[0] == 0) return Encoding::utf16le;
    if (zeros[0] > head.size() / 4 && zeros[1] == 0) return Encoding::utf16be;
    if (is_utf8(head)) return Encoding::utf8;
    return looks_like_gb18030(head) ? Encoding::gb18030 : Encoding::latin1;
}

Result<void> check_is_text(Bytes head) {
    struct Magic {
        std::string_view bytes, what, advice;
    };
    static constexpr Magic kMagics[] = {
        {"\x1f\x8b", "compressed by gzip", "unpack it first: gzip -dk FILE"},
        {"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)",
         "unpack it, or save the sheet as CSV UTF-8 in the spreadsheet program"},
        {"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save the sheet as CSV UTF-8 in the spreadsheet program"},
        {"<html", "a web page", "open it in the spreadsheet program and save it as .xlsx"},
        {"<HTML", "a web page", "open it in the spreadsheet program and save it as .xlsx"},
        {"<!DOCTYPE", "a web page", "open it in the spreadsheet program and save it as .xlsx"},
        {"<table", "a web page", "open it in the spreadsheet program and save it as .xlsx"},
        {"<?xml", "an XML file", "open it in the spreadsheet program and save it as .xlsx"},
        {"%PDF", "a PDF", "send the table it was made from"},
        {"PAR1", "a Parquet file", "export it as CSV"},
        {"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it first: zstd -dk FILE"},
        {"\xfd"
         "7zXZ",
         "compressed by xz", "unpack it first: xz -dk FILE"},
        {"BZh", "compressed by bzip2", "unpack it first: bzip2 -dk FILE"},
        {"7z\xbc\xaf", "a 7z archive", "unpack it first"},
        {"MATLAB 5.0", "a MATLAB file", "export it as CSV"},
        {"\x89HDF", "an HDF5 file", "export it as CSV"},
    };
    for (const Magic& magic : kMagics)
        if (as_text(head).starts_with(magic.bytes))
            return Error{Code::unsupported, "the file is {}, not text: {}", magic.what, magic.advice};
    return {};
}

TextDecoder::TextDecoder(Encoding encoding) : encoding_(encoding) {}
TextDecoder::~TextDecoder() = default;
TextDecoder::TextDecoder(TextDecoder&&) noexcept = default;
TextDecoder& TextDecoder::operator=(TextDecoder&&) noexcept = default;

Result<TextDecoder> TextDecoder::create(Encoding encoding) {
    TextDecoder made{encoding};
    if (encoding == Encoding::gb18030) made.gb18030_ = TRY(io::Gb18030Decoder::create());
    return made;
}

void TextDecoder::feed(Bytes bytes, std::string& out) {
    switch (encoding_) {
        case Encoding::utf8:
            return feed_utf8(bytes, out);
        case Encoding::utf16le:
        case Encoding::utf16be:
            return feed_utf16(bytes, out);
        case Encoding::gb18030:
            replaced_ += gb18030_->feed(bytes, out);
            return;
        case Encoding::latin1:
            for (const std::uint8_t byte : bytes) put_utf8(byte, out);
    }
}

void TextDecoder::finish(std::string& out) {
    if (gb18030_) replaced_ += gb18030_->finish(out);
    if (pending_.empty() && surrogate_ == 0) return;
    pending_.clear();
    surrogate_ = 0;
    ++replaced_;
    out += kReplacement;
}

void TextDecoder::feed_utf8(Bytes bytes, std::string& out) {
    std::string joined;
    if (!pending_.empty()) {
        joined = pending_ + std::string(as_text(bytes));
        pending_.clear();
        bytes = as_bytes(joined);
    }
    if (at_start_) {
        const std::string_view text = as_text(bytes);
        if (text.size() < kMark.size() && kMark.starts_with(text)) {
            pending_ = text;
            return;
        }
        at_start_ = false;
        if (text.starts_with(kMark)) bytes = bytes.subspan(kMark.size());
    }
    std::size_t good = 0;  // bytes at the front that are copied as they are
    while (good < bytes.size()) {
        good += ascii_bytes(bytes.subspan(good));
        if (good == bytes.size()) break;
        const int length = utf8_length(bytes.subspan(good));
        if (length > 0) {
            good += static_cast<std::size_t>(length);
            continue;
        }
        out.append(as_text(bytes.first(good)));
        bytes = bytes.subspan(good);
        good = 0;
        if (length < 0) {
            pending_ = as_text(bytes);
            return;
        }
        out += kReplacement;
        ++replaced_;
        bytes = bytes.subspan(1);
    }
    out.append(as_text(bytes));
}

void TextDecoder::feed_utf16(Bytes bytes, std::string& out) {
    const auto unit = [this](std::uint8_t a, std::uint8_t b) {
        return static_cast<std::uint16_t>(encoding_ == Encoding::utf16le ? a | b << 8 : a << 8 | b);
    };
    std::size_t at = 0;
    if (!pending_.empty() && !bytes.empty()) {
        const auto first = static_cast<std::uint8_t>(pending_[0]);
        pending_.clear();
        put_unit(unit(first, bytes[at++]), out);
    }
    for (; at + 1 < bytes.size(); at += 2) put_unit(unit(bytes[at], bytes[at + 1]), out);
    if (at < bytes.size()) pending_.assign(1, static_cast<char>(bytes[at]));
}

void TextDecoder::put_unit(std::uint16_t unit, std::string& out) {
    const bool first = at_start_;
    at_start_ = false;
    if (first && unit == 0xfeff) return;
    const bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
    if (low && surrogate_ != 0) {
        put_utf8(0x10000 + ((surrogate_ - 0xd800u) << 10) + (unit - 0xdc00u), out);
        surrogate_ = 0;
        return;
    }
    if (surrogate_ != 0 || low) {
        out += kReplacement;
        ++replaced_;
    }
    surrogate_ = high ? unit : 0;
    if (!high && !low) put_utf8(unit, out);
}

}  // namespace gongshu::importer
