#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/value.h"

namespace gongshu::wire {

// A place in JSON, or several: "$.data[*].motor['temp 1']".
//   $ the whole · .name or ['any name'] a member · [3] an element · [*] each element · .* each member ·
//   .** each value beneath, however deep; only at the end
struct JsonPath {
    struct Step {
        enum class Kind : std::uint8_t { member, element, elements, members, leaves };
        Kind kind = Kind::member;
        std::string name;       // member
        std::size_t index = 0;  // element
        bool is_wildcard() const { return kind >= Kind::elements; }
        friend bool operator==(const Step&, const Step&) = default;
    };
    std::string text;
    std::vector<Step> steps;

    std::size_t wildcards() const;
    // Steps up to the last wildcard, that one included; 0 = it has none.
    std::size_t shared_steps() const;
};

inline constexpr std::size_t kJsonPathBytesMax = 500;
inline constexpr std::size_t kJsonPathStepsMax = 32;

// Code::invalid names the column, what was found and what was expected.
Result<JsonPath> parse_json_path(std::string_view text);

// "$.type == \"data\" and $.n > 3 and $.ok": what a message must be like. A path alone: it is there and neither null
// nor false.
struct JsonTest {
    enum class Op : std::uint8_t { there, equal, not_equal, less, less_equal, greater, greater_equal };
    JsonPath path;
    Op op = Op::there;
    bool is_null = false;  // compared with null
    Value value;
};
Result<std::vector<JsonTest>> parse_json_tests(std::string_view text);

// A topic filter whose levels may have names: "factory/{line}/+/data/#". A name stands for a whole level.
struct TopicPattern {
    struct Level {
        enum class Kind : std::uint8_t { literal, any, rest };
        Kind kind = Kind::literal;
        std::string text;  // literal: the level; any: its name, "" = "+"
    };
    std::string text;
    std::string filter;  // as MQTT has it
    std::vector<Level> levels;
    std::vector<std::string> names;  // in order

    // The levels with names are put into `captures`, in order; what they hold is of `topic`. A pattern that begins with
    // a wildcard does not match topics that begin with $.
    bool matches(std::string_view topic, std::vector<std::string_view>& captures) const;
    // How much of it is said: of two that match the greater one is nearer to the topic.
    std::size_t precision() const;
};
Result<TopicPattern> parse_topic_pattern(std::string_view text);

// Text with places to be filled in: "site/{line}/{$.dev}.{key}".
struct TagTemplate {
    struct Part {
        enum class Kind : std::uint8_t { text, capture, key, device, path };
        Kind kind = Kind::text;
        std::string text;
        std::size_t index = 0;  // of the capture, or of the wildcard of the value's path
        JsonPath path;
    };
    std::vector<Part> parts;
};
// {name} a level of the topic, {key} what the last wildcard of the value's path stands for, {key1} the first's,
// {device} the path of the device that sent it, {$.path} a value of the message.
Result<TagTemplate> parse_tag_template(std::string_view text, const std::vector<std::string>& captures,
                                       std::size_t wildcards);

}  // namespace gongshu::wire
