#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "data/value.h"
#include "wire/json_path.h"

namespace gongshu::wire {

// One place in JSON as people write it: "$.emeters[0].power", or without what begins every path: "emeters[0].power",
// "[2].t". Code::invalid names the column; wildcards are refused, since a value has one place.
Result<JsonPath> parse_json_place(std::string_view text);

// JsonPicker takes values from one JSON text after the other.
// Lives:   anywhere; keeps the parser's memory. Threads: one at a time.
// Bounds:  `bytes_max` of a text, and what its tree needs: some ten times as much.
class JsonPicker {
public:
    explicit JsonPicker(std::size_t bytes_max);
    ~JsonPicker();
    JsonPicker(JsonPicker&&) noexcept;
    JsonPicker& operator=(JsonPicker&&) noexcept;

    // What is at each place, in their order: a text, number or boolean. Of one: Code::not_found where nothing is, or
    // null; Code::malformed for an object or an array, and for a number that 64 bits do not hold. Of all:
    // Code::malformed names the byte where it is no JSON, Code::limit.
    Result<std::vector<Result<Value>>> pick(Bytes text, std::span<const JsonPath> places);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace gongshu::wire
