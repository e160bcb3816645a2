#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "wire/line.h"

namespace gongshu::wire {

// One value of a line: the double's 64 bits, the integer's, 0 or 1; of a text its bytes as they stand in the line.
struct LineValue {
    ValueType type = ValueType::number;
    std::uint64_t bits = 0;
    std::string_view text;
};

// LineForms remembers what lines looked like: the text of their series and the names of their fields, in their order.
// A line that looks like one before is read by comparing bytes; only its values and its time are new.
// Lives:   beside whoever remembers where a form's fields go, by its number.
// Threads: one at a time.
// Bounds:  kFormsMax forms and kBytesMax bytes of them; who is past one of them begins anew.
// Disk:    none.
class LineForms {
public:
    static constexpr std::size_t kFormsMax = 1 << 18;
    static constexpr std::size_t kBytesMax = 64 << 20;

    // A line like one before; views point into the line, and are good until the next take().
    struct Known {
        std::uint32_t form = 0;
        std::span<const LineValue> values;    // as many as the form has fields, in its order
        std::optional<std::int64_t> time_ns;  // nullopt = the receiver's clock
    };

    // Reads the line at `at` if it has a form that is remembered and nothing unusual in it; returns the byte after it
    // (a line break or `end`). Null = it has to be parsed as any other; nothing is said of whether it is good.
    const char* take(const char* at, const char* end, std::int64_t unit_ns, Known& known);
    // Remembers what a line that was parsed looked like, under a number of its own: from 0 on, by one. nullopt for one
    // that is not worth it.
    std::optional<std::uint32_t> learn(const LinePoint& point);
    // There is no room: clear() comes before the next learn().
    bool full() const { return forms_.size() >= kFormsMax || bytes_ >= kBytesMax; }
    void clear();

private:
    struct Name {
        std::string text;             // with its '='
        std::uint64_t words[2] = {};  // its first 16 bytes, and which of them count
        std::uint64_t masks[2] = {};
    };
    using Names = std::vector<Name>;
    struct Form {
        std::uint32_t number = 0;
        std::string series;
        std::shared_ptr<const Names> names;  // forms of many series share theirs
        Form* first = nullptr;               // of the same series
        Form* other = nullptr;               // the next one of the same series
        Form* next = nullptr;                // the first of the series whose line followed the last time
    };
    struct Hash {
        std::size_t operator()(std::string_view text) const;
    };

    Form* find(const char* at, const char* end) const;
    const char* take_fields(const Names& names, const char* at, const char* end);
    std::shared_ptr<const Names> names_of(const LinePoint& point);

    std::vector<std::unique_ptr<Form>> forms_;  // by number
    std::unordered_map<std::string_view, Form*, Hash> by_series_;
    std::unordered_map<std::string, std::shared_ptr<const Names>> names_;  // by all of them in a row
    std::vector<LineValue> values_;
    Form* last_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace gongshu::wire
