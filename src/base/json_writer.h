#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gongshu {

// Appends JSON text (RFC 8259) to a string, commas put by itself. For answers that are rendered once and streamed;
// resources use the registry's JSON values. Not thread-safe. A misuse (a value where a key must be) is not checked.
class JsonWriter {
public:
    explicit JsonWriter(std::string& out) : out_(out) {}

    JsonWriter& begin_object();
    JsonWriter& end_object();
    JsonWriter& begin_array();
    JsonWriter& end_array();
    JsonWriter& key(std::string_view name);

    JsonWriter& text(std::string_view value);      // escaped; bytes that are not UTF-8 become U+FFFD
    JsonWriter& number(double value);              // shortest that reads back the same; NaN and infinities are null
    JsonWriter& integer(std::int64_t value);       // digits always
    JsonWriter& safe_integer(std::int64_t value);  // beyond +-2^53 as a string, so that JavaScript keeps it exact
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    JsonWriter& raw(std::string_view json);  // ready JSON, copied as it is

private:
    void separate();

    std::string& out_;
    bool need_comma_ = false;
};

}  // namespace gongshu
