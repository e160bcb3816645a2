#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::io {
class Gb18030Decoder;
}

namespace gongshu::importer {

enum class Encoding : std::uint8_t { utf8, utf16le, utf16be, gb18030, latin1 };
std::string_view to_string(Encoding encoding);  // "utf-8", "utf-16le", …
std::optional<Encoding> parse_encoding(std::string_view name);

// Guesses from the first bytes of a file (some 100 KB make it sure): byte order marks, zero bytes of UTF-16, what is
// valid UTF-8; else high bytes that come in pairs are GB18030 and lone ones Latin-1.
Encoding detect_encoding(Bytes head);

// Code::unsupported with a sentence for what is no text at all by its first bytes: gzip, zip and xlsx, xls, parquet…
Result<void> check_is_text(Bytes head);

// TextDecoder makes UTF-8 of a file's bytes, in any split; a byte order mark is taken off.
// Threads: one at a time.   Bounds: keeps an unfinished character.   Disk: none.
class TextDecoder {
public:
    static Result<TextDecoder> create(Encoding encoding);
    ~TextDecoder();
    TextDecoder(TextDecoder&&) noexcept;
    TextDecoder& operator=(TextDecoder&&) noexcept;

    void feed(Bytes bytes, std::string& out);  // appends
    void finish(std::string& out);             // after the last byte
    // Characters that could not be read and became U+FFFD.
    std::uint64_t replaced() const { return replaced_; }

private:
    explicit TextDecoder(Encoding encoding);
    void feed_utf8(Bytes bytes, std::string& out);
    void feed_utf16(Bytes bytes, std::string& out);
    void put_unit(std::uint16_t unit, std::string& out);

    Encoding encoding_;
    std::unique_ptr<io::Gb18030Decoder> gb18030_;
    std::string pending_;          // the unfinished character
    std::uint16_t surrogate_ = 0;  // the first half of a pair
    bool at_start_ = true;
    std::uint64_t replaced_ = 0;
};

}  // namespace gongshu::importer
