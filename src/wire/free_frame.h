#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/quality.h"
#include "data/value.h"
#include "wire/pattern.h"

// Free frames: what scales, gauges, scanners and controllers say over a serial line or TCP, told by a template instead
// of a driver. No sockets, no clock. A template is JSON (YAML is turned into it before, as everywhere):
//
//   frame:                     how one is found among the bytes that come
//     by: end                  end        up to the bytes `end`; line breaks and NUL before it are left out
//                              start_end  from `start` to `end`
//                              fixed      `bytes` long, with `start` and `end` where they are said
//                              length     `length` says: {at, size 1…4, endian, as: binary|decimal|hex, add}
//                              silence    what came until the line was quiet for `silence_ms`
//     start: '\x02'            escapes: \r \n \t \0 \e \\ \xHH
//     end: '\r\n'
//     trailer: 1               bytes behind `end`, such as a checksum
//     max_bytes: 256           longer ones are noise; at most 4096
//   checksum: {kind: sum8, at: -3, from: 0, to: -3, as: hex}
//     kind    sum8 xor8 lrc (two's complement of the sum) sum16 words16 (sum of words, the lowest byte first) crc16
//     at      its first byte; like `from` and `to` counted from the frame's beginning, or negative from its end
//     from,to the bytes that are summed, `to` not included; 0 and `at` if not said
//     as      binary or hex (two or four digits);   endian: big or little, of 16 bits;   bits: 7 for a sum of 7 bits
//     add     is added to a sum (AIBUS adds the station)
//     preset  of crc16: modbus, ccitt or xmodem; or poly, init, reflect, xor
//   poll: 'SI\r\n'             what asks for a frame; without it the device speaks by itself. With a checksum:
//                              {send: '\x81\x81R\x00\x00\x00', checksum: {kind: words16, from: 2, add: 1}}; it stands
//                              at the end, or where {checksum} stands
//   pattern: '^(?P<s>S|D) …'   a regular expression that the frame's text fits (pattern.h), with named groups. The text
//                              is the frame without start, end and trailer.
//   ignore: ['^#']             frames that fit one of these say nothing
//   fields:                    one value each
//     - name: weight
//       TAKE                   where it is, one of
//                              group: g                     what that group of `pattern` took
//                              pattern: '=(?P<v>[0-9.]+)'   the first group of a pattern of its own
//                              item: 3, split: ','          the third of the parts of the text
//                              after: 'ST,', before: 'kg'   what stands between (either may be left out)
//                              at: 4, bytes: 6              columns of the frame, the first is 0, as text
//                              at: 0, as: i16               a number in bytes: u8 i8 u16 i16 u24 u32 i32 u64 i64 f32
//                                                           f64, bcd with `bytes`; endian big, little, BADC or CDAB
//                              at: 2, bits: [0, 2]          bits of a byte, 0 is the lowest; bit: 3 is one
//       as: number             what a text is: number, integer, hex, text
//       map: {OK: 1, NG: 0}    texts or bits that mean something else
//       decimal: ','           instead of the point
//       scale, offset          value = found * scale + offset
//       factor: {TAKE, map}    times this number (a decimal point that the device tells apart)
//       negative: {TAKE, is}   less than 0 if so
//       unit: kg               its unit, or with unit_from the one that it is turned into
//       unit_from: {TAKE, map} the unit that the device says: kg, g, t, lb, mm …
//       optional: true         may be absent
//   quality:                   of all values of the frame, the worst counts
//     - {TAKE, is: US, quality: uncertain:unstable}     is, not: a text or a list
//
// Formats of makers that the tests hold, with the public manuals that they were looked up in: Toledo continuous mode
// (Mettler-Toledo Wildcat and ICS425, KERN FTC); A&D AD-4329A, AD-4403, AD-4404 and EK-L; OHAUS Ranger RC and its RS232
// interface; Mitutoyo ID-H; Yudian AI (AIBUS). Not looked up, only as commonly known: the line of Mettler-Toledo SICS,
// that of the gauge ("01A+00012.345"), Omron's host link.
namespace gongshu::wire::free_frame {

inline constexpr std::size_t kFrameBytesMax = 4096;
inline constexpr std::size_t kMarkBytesMax = 16;  // of start and end
inline constexpr std::size_t kFieldsMax = 64;
inline constexpr std::size_t kRulesMax = 32;  // of quality, of ignore
inline constexpr std::size_t kMapEntriesMax = 64;
inline constexpr std::size_t kPollBytesMax = 256;
inline constexpr std::size_t kTemplateBytesMax = 64 * 1024;
inline constexpr std::size_t kPatternStatesMax = 500;
inline constexpr std::size_t kFaultsMax = 100;  // told one by one

struct Checksum {
    enum class Kind : std::uint8_t { none, sum8, xor8, lrc, sum16, words16, crc16 };
    Kind kind = Kind::none;
    std::int32_t at = 0, from = 0;
    std::optional<std::int32_t> to;
    bool is_hex = false, is_big = true;
    std::uint8_t bits = 8;
    std::uint16_t add = 0;
    std::uint16_t poly = 0x8005, init = 0xffff, xor_out = 0;
    bool reflect = true;

    std::size_t bytes() const;  // that it takes in the frame
    // Of these bytes, as a number of bytes() or half of them.
    std::uint16_t over(Bytes bytes) const;
    // As it is written.
    Buffer written(std::uint16_t sum) const;
    // Whether it and what it sums lie in a frame of so many bytes, and apart.
    bool fits(std::size_t frame_bytes) const;
    // What is summed of a frame that fits().
    Bytes summed(Bytes frame) const;
};

struct Cut {
    enum class By : std::uint8_t { end, start_end, fixed, length, silence };
    By by = By::end;
    Buffer start, end;
    std::size_t trailer = 0;
    std::size_t bytes = 0;  // of fixed
    std::size_t max_bytes = 256;
    std::uint32_t silence_ms = 50;
    struct Length {
        enum class As : std::uint8_t { binary, decimal, hex };
        std::size_t at = 0, size = 1;
        bool is_big = true;
        As as = As::binary;
        std::int32_t add = 0;
    } length;
};

// How a number lies in bytes.
enum class Encoding : std::uint8_t { u8, i8, u16, i16, u24, u32, i32, u64, i64, f32, f64, bcd };
enum class Order : std::uint8_t { big, little, badc, cdab };

// Where something is in a frame.
struct Take {
    enum class From : std::uint8_t { group, pattern, item, between, columns, number, bits };
    From from = From::group;
    std::size_t group = 0;
    std::optional<Pattern> pattern;
    std::string split;  // of item
    std::size_t item = 1;
    std::string after, before;
    std::size_t at = 0, bytes = 0;
    Encoding encoding = Encoding::u8;
    Order order = Order::big;
    std::uint8_t low_bit = 0, high_bit = 0;
};

// A take whose text means something: of units, factors, signs, qualities.
struct Choice {
    Take take;
    std::map<std::string, std::string, std::less<>> map;
    std::vector<std::string> is, is_not;
};

struct Field {
    enum class As : std::uint8_t { number, integer, hex, text };
    std::string name;
    Take take;
    As as = As::number;
    std::map<std::string, Value, std::less<>> map;
    bool has_decimal_comma = false;
    double scale = 1, offset = 0;
    std::optional<Choice> factor, negative, unit_from;
    std::string unit;
    bool is_optional = false;
};

struct QualityRule {
    Choice when;
    Quality quality;
};

// What a frame said.
struct Row {
    std::size_t field = 0;       // index in Template::fields()
    std::optional<Value> value;  // absent only with a bad quality
    Quality quality;
    std::string unit;
};
struct Body {
    std::vector<Row> rows;
    std::vector<std::string> faults;  // of single fields; the others are kept
    bool is_ignored = false;
};

// Template is a compiled template. Constant, any thread.
class Template {
public:
    // Code::invalid names the place, what is wrong and what would be right: "fields[2].bytes: …"; Code::malformed for
    // what is not JSON.
    static Result<std::shared_ptr<const Template>> create(std::string_view json);

    const Cut& cut() const { return cut_; }
    const Checksum& checksum() const { return checksum_; }
    const std::vector<Field>& fields() const { return fields_; }
    // What asks for a frame, its checksum filled in; empty: the device speaks by itself.
    const Buffer& poll() const { return poll_; }
    // What the whole frame says. Code::malformed when the pattern does not fit it.
    Result<Body> read(Bytes frame) const;
    // For a device: start, these bytes and end with length and checksum filled in; where they lie within the payload it
    // holds room for them. Code::invalid when they do not fit.
    Result<Buffer> make_frame(Bytes payload) const;
    // The frame without start, end and trailer.
    std::string_view text_of(Bytes frame) const;

private:
    friend class TemplateReader;

    Cut cut_;
    Checksum checksum_;
    Buffer poll_;
    std::optional<Pattern> pattern_;
    std::vector<Pattern> ignore_;
    std::vector<Field> fields_;
    std::vector<QualityRule> qualities_;
};

// Cuts received bytes into frames whose checksums are right. After noise it finds the next one by itself.
// Lives:   one per line. Threads: none of its own.
// Bounds:  holds at most one frame (max_bytes of the template).
class Cutter {
public:
    explicit Cutter(std::shared_ptr<const Template> of) : template_(std::move(of)) {}

    // So many frames in a row that are none, and what follows is left out by whole frames.
    static constexpr int kFailuresMax = 32;
    using OnFrame = std::function<void(Bytes)>;  // valid during the callback, which must not destroy the cutter
    // Takes bytes in any split; calls `on_frame` once per whole frame, in order.
    void feed(Bytes received, const OnFrame& on_frame);
    // The line was quiet for silence_ms: what is there is a frame of a template by silence, and noise for others.
    void quiet(const OnFrame& on_frame);
    void reset() {
        buffer_.clear();
        is_overlong_ = false;
        failures_ = 0;
    }
    std::size_t buffered_bytes() const { return buffer_.size(); }
    std::uint64_t skipped_bytes() const { return skipped_; }
    std::uint64_t wrong_checksums() const { return wrong_checksums_; }
    // What was wrong last, in words; "" = nothing yet.
    const std::string& last_fault() const { return last_fault_; }

private:
    struct Measure {
        enum class What : std::uint8_t { more, skip, frame };
        What what = What::more;
        std::size_t bytes = 0;
    };
    Measure measure();
    Measure measure_end(std::size_t begin);
    Measure measure_length();
    Measure noise(std::size_t bytes, std::string why, std::size_t whole = 0);
    Measure before_start(std::size_t bytes);
    Measure whole(std::size_t bytes, std::size_t step);
    bool is_left_over() const;
    void drop(std::size_t bytes, bool is_noise);

    std::shared_ptr<const Template> template_;
    Buffer buffer_;
    bool is_overlong_ = false;  // up to the next end all is noise
    int failures_ = 0;          // since the last frame
    std::uint64_t skipped_ = 0;
    std::uint64_t wrong_checksums_ = 0;
    std::string last_fault_;
};

// ---- trying a template ----

// "here are bytes that came: what would come out?"
struct Trial {
    struct Frame {
        std::string hex, text;  // the text with escapes
        Result<Body> body = Body{};
    };
    std::vector<Frame> frames;  // at most kFaultsMax
    std::size_t more_frames = 0;
    std::uint64_t skipped_bytes = 0, wrong_checksums = 0;
    std::string last_fault;
    std::string left;  // with escapes: what may be the beginning of a frame
    std::string poll;  // with escapes
};
Trial try_bytes(const std::shared_ptr<const Template>& of, Bytes received);

// Bytes as people paste them: hexadecimal ("02 31", "0x02,0x31") or a text with escapes.
Result<Buffer> parse_bytes(std::string_view text, bool is_hex);
// A text with \r \n \t \0 \e \\ \xHH as bytes. Code::invalid names the character.
Result<Buffer> unescape(std::string_view text);
std::string escape(Bytes bytes);

}  // namespace gongshu::wire::free_frame
