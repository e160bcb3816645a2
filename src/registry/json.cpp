#include "registry/json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <unordered_set>
#include <vector>

#include "base/json_writer.h"
#include "registry/json_deep.h"

namespace gongshu::registry {

namespace {

namespace bj = boost::json;

// Builds the value and refuses keys that come twice, which Boost.JSON itself would let pass.
struct Handler {
    static constexpr std::size_t max_object_size = std::size_t(-1);
    static constexpr std::size_t max_array_size = std::size_t(-1);
    static constexpr std::size_t max_key_size = std::size_t(-1);
    static constexpr std::size_t max_string_size = std::size_t(-1);

    bj::value_stack stack;
    std::vector<std::unordered_set<std::string>> keys;
    std::string key, number;
    std::string duplicate;

    bool on_document_begin(bj::error_code&) { return true; }
    bool on_document_end(bj::error_code&) { return true; }
    bool on_object_begin(bj::error_code&) {
        keys.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t n, bj::error_code&) {
        keys.pop_back();
        stack.push_object(n);
        return true;
    }
    bool on_array_begin(bj::error_code&) { return true; }
    bool on_array_end(std::size_t n, bj::error_code&) {
        stack.push_array(n);
        return true;
    }
    bool on_key_part(bj::string_view text, std::size_t, bj::error_code&) {
        key.append(text.data(), text.size());
        stack.push_chars(text);
        return true;
    }
    bool on_key(bj::string_view text, std::size_t, bj::error_code& error) {
        key.append(text.data(), text.size());
        if (!keys.back().insert(key).second) {
            duplicate = key;
            error = bj::error::syntax;
            return false;
        }
        key.clear();
        stack.push_key(text);
        return true;
    }
    bool on_string_part(bj::string_view text, std::size_t, bj::error_code&) {
        stack.push_chars(text);
        return true;
    }
    bool on_string(bj::string_view text, std::size_t, bj::error_code&) {
        stack.push_string(text);
        return true;
    }
    bool on_number_part(bj::string_view text, bj::error_code&) {
        number.append(text.data(), text.size());
        return true;
    }
    bool on_int64(std::int64_t value, bj::string_view, bj::error_code&) {
        number.clear();
        stack.push_int64(value);
        return true;
    }
    bool on_uint64(std::uint64_t value, bj::string_view, bj::error_code&) {
        number.clear();
        stack.push_uint64(value);
        return true;
    }
    // Boost.JSON's own value may be off by the last bit, so the digits are read again.
    bool on_double(double value, bj::string_view text, bj::error_code&) {
        number.append(text.data(), text.size());
        std::from_chars(number.data(), number.data() + number.size(), value);
        number.clear();
        stack.push_double(value);
        return true;
    }
    bool on_bool(bool value, bj::error_code&) {
        stack.push_bool(value);
        return true;
    }
    bool on_null(bj::error_code&) {
        stack.push_null();
        return true;
    }
    bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
    bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

Error at(std::string_view text, std::size_t offset, std::string_view what) {
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto line = 1 + std::ranges::count(before, '\n');
    const auto last = before.rfind('\n');
    const std::size_t column = 1 + (last == std::string_view::npos ? before.size() : before.size() - last - 1);
    return Error{Code::malformed, "line {}, column {}: {}", line, column, what};
}

void write(JsonWriter& writer, const Json& json) {
    switch (json.kind()) {
        case bj::kind::null:
            writer.null();
            break;
        case bj::kind::bool_:
            writer.boolean(json.get_bool());
            break;
        case bj::kind::int64:
            writer.integer(json.get_int64());
            break;
        case bj::kind::uint64:
            writer.raw(std::to_string(json.get_uint64()));
            break;
        case bj::kind::double_:
            writer.number(json.get_double());
            break;
        case bj::kind::string:
            writer.text({json.get_string().data(), json.get_string().size()});
            break;
        case bj::kind::array:
            writer.begin_array();
            for (const Json& item : json.get_array()) write(writer, item);
            writer.end_array();
            break;
        case bj::kind::object:
            writer.begin_object();
            for (const auto& item : json.get_object()) {
                writer.key({item.key().data(), item.key().size()});
                write(writer, item.value());
            }
            writer.end_object();
            break;
    }
}

void write_pretty(std::string& out, const Json& json, std::size_t indent) {
    const std::string inner(indent + 2, ' '), outer(indent, ' ');
    if (const auto* array = json.if_array(); array && !array->empty()) {
        out += "[\n";
        for (std::size_t i = 0; i < array->size(); ++i) {
            out += inner;
            write_pretty(out, (*array)[i], indent + 2);
            out += i + 1 < array->size() ? ",\n" : "\n";
        }
        out += outer + "]";
    } else if (const auto* object = json.if_object(); object && !object->empty()) {
        out += "{\n";
        std::size_t left = object->size();
        for (const auto& item : *object) {
            out += inner + to_text(Json(item.key())) + ": ";
            write_pretty(out, item.value(), indent + 2);
            out += --left ? ",\n" : "\n";
        }
        out += outer + "}";
    } else {
        out += to_text(json);
    }
}

}  // namespace

Result<Json> parse_json(std::string_view text) { return parse_deep_json(text, kJsonDepthMax); }

Result<Json> parse_deep_json(std::string_view text, std::size_t depth_max) {
    try {
        bj::parse_options options;
        options.max_depth = depth_max;
        bj::basic_parser<Handler> parser(options);
        parser.handler().stack.reset();
        bj::error_code error;
        const std::size_t taken = parser.write_some(false, text.data(), text.size(), error);
        Handler& handler = parser.handler();
        if (!handler.duplicate.empty()) {
            return at(text, taken, fmt::format("the key \"{}\" comes twice in one object", handler.duplicate));
        }
        if (error == bj::error::too_deep) {
            return at(text, taken, fmt::format("nested deeper than {} levels", depth_max));
        }
        if (error == bj::error::incomplete) return at(text, text.size(), "the JSON text ends too early");
        if (error) return at(text, taken, "this is not JSON: " + error.message());
        if (const auto rest = text.substr(taken).find_first_not_of(" \t\r\n"); rest != std::string_view::npos) {
            return at(text, taken + rest, "something follows the end of the JSON text");
        }
        return handler.stack.release();
    } catch (const std::exception& error) {
        return Error{Code::malformed, "cannot read {} bytes of JSON: {}", text.size(), error.what()};
    }
}

std::string to_text(const Json& json) {
    std::string out;
    JsonWriter writer(out);
    write(writer, json);
    return out;
}

std::string to_pretty_text(const Json& json) {
    std::string out;
    write_pretty(out, json, 0);
    return out;
}

std::string describe(const Json& json) {
    switch (json.kind()) {
        case bj::kind::null:
            return "null";
        case bj::kind::bool_:
            return json.get_bool() ? "true" : "false";
        case bj::kind::array:
            return "a list";
        case bj::kind::object:
            return "an object";
        case bj::kind::string: {
            std::string text(std::string_view(json.get_string().data(), json.get_string().size()));
            if (text.size() <= 60) return "\"" + text + "\"";
            std::size_t cut = 60;
            while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
            return "\"" + text.substr(0, cut) + "…\"";
        }
        default:
            return to_text(json);
    }
}

}  // namespace gongshu::registry
