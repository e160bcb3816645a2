#include "registry/yaml.h"

#include <boost/json.hpp>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>

#include "registry/shape.h"

namespace gongshu::registry {

namespace {

std::string place(const YAML::Mark& mark) { return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1); }

template <class Number>
std::optional<Number> whole(std::string_view text, int base) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool digits_only(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

// A plain scalar by the core schema of YAML 1.2: "no" and "1:30" stay texts.
Json plain_value(std::string_view text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Json(nullptr);
    if (text == "true" || text == "True" || text == "TRUE") return Json(true);
    if (text == "false" || text == "False" || text == "FALSE") return Json(false);
    if (text.starts_with("0x")) {
        if (const auto value = whole<std::uint64_t>(text.substr(2), 16)) return Json(*value);
    }
    if (text.starts_with("0o")) {
        if (const auto value = whole<std::uint64_t>(text.substr(2), 8)) return Json(*value);
    }
    const std::string_view number = text.starts_with('+') ? text.substr(1) : text;
    const std::string_view unsigned_part = number.starts_with('-') ? number.substr(1) : number;
    if (digits_only(unsigned_part)) {
        if (const auto value = whole<std::int64_t>(number, 10)) return Json(*value);
        if (const auto value = whole<std::uint64_t>(number, 10)) return Json(*value);
    }
    const bool decimal = !unsigned_part.empty() && unsigned_part.find_first_not_of("0123456789.eE+-") == unsigned_part.npos &&
                         unsigned_part.find_first_of("0123456789") <= 1 && unsigned_part.front() != 'e' && unsigned_part.front() != 'E';
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (decimal && error == std::errc{} && end == number.data() + number.size() && std::isfinite(value)) return Json(value);
    return Json(text);
}

// Turns nodes into JSON; counts what it makes, because aliases can make much from little.
class Converter {
public:
    explicit Converter(const YamlLimits& limits) : limits_(limits) {}

    Result<Json> convert(const YAML::Node& node, std::size_t depth) {
        if (depth > limits_.depth_max) return Error{Code::limit, "{}: nested deeper than {} levels", place(node.Mark()), limits_.depth_max};
        if (++values_ > limits_.values_max) {
            return Error{Code::limit, "{}: more than {} values (aliases are counted each time)", place(node.Mark()), limits_.values_max};
        }
        switch (node.Type()) {
            case YAML::NodeType::Undefined:
            case YAML::NodeType::Null: return Json(nullptr);
            case YAML::NodeType::Scalar: return scalar(node);
            case YAML::NodeType::Sequence: {
                JsonArray out;
                for (const YAML::Node& item : node) out.push_back(TRY(convert(item, depth + 1)));
                return Json(std::move(out));
            }
            case YAML::NodeType::Map: return map(node, depth);
        }
        return Json(nullptr);
    }

private:
    static Result<Json> scalar(const YAML::Node& node) {
        const std::string& tag = node.Tag();
        if (tag == "?" || tag.empty()) return plain_value(node.Scalar());
        if (tag == "!" || tag == "tag:yaml.org,2002:str") return Json(node.Scalar());
        return Error{Code::malformed, "{}: the tag \"{}\" is not understood; leave it out", place(node.Mark()), tag};
    }

    Result<Json> map(const YAML::Node& node, std::size_t depth) {
        JsonObject out;
        for (const auto& item : node) {
            if (!item.first.IsScalar()) return Error{Code::malformed, "{}: expected a text as key", place(item.first.Mark())};
            const std::string& key = item.first.Scalar();
            if (out.contains(key)) return Error{Code::malformed, "{}: the key \"{}\" comes twice", place(item.first.Mark()), key};
            out[key] = TRY(convert(item.second, depth + 1));
        }
        return Json(std::move(out));
    }

    const YamlLimits& limits_;
    std::size_t values_ = 0;
};

Result<std::vector<YAML::Node>> load_all(std::string_view text, const YamlLimits& limits) {
    if (text.size() > limits.bytes_max) return Error{Code::limit, "line 1, column 1: {} bytes of YAML, at most {} are read", text.size(), limits.bytes_max};
    try {
        auto nodes = YAML::LoadAll(std::string(text));
        if (nodes.size() > limits.documents_max) {
            return Error{Code::limit, "line 1, column 1: {} documents, at most {} are read", nodes.size(), limits.documents_max};
        }
        return nodes;
    } catch (const YAML::Exception& error) {
        return Error{Code::malformed, "{}: {}", place(error.mark), error.msg};
    } catch (const std::exception& error) {
        return Error{Code::malformed, "line 1, column 1: {}", error.what()};
    }
}

Result<YamlDocument> to_document(const YAML::Node& node, Converter& converter) {
    const std::string here = place(node.Mark());
    const Json json = TRY(converter.convert(node, 0));
    const JsonObject* object = json.if_object();
    if (!object) return Error{Code::malformed, "{}: expected kind, name and spec, found {}", here, describe(json)};
    YamlDocument out{{}, static_cast<std::size_t>(node.Mark().line + 1)};
    for (const auto& item : *object) {
        const std::string_view key(item.key().data(), item.key().size());
        if (key == "spec") {
            out.wanted.spec = item.value();
        } else if (key == "kind" || key == "name") {
            // A name that looks like a number is still a name.
            const Json& value = item.value();
            if (!value.is_string() && !value.is_number()) return Error{Code::malformed, "{}: {}: expected a text, found {}", here, key, describe(value)};
            (key == "kind" ? out.wanted.kind : out.wanted.name) = node[std::string(key)].Scalar();
        } else {
            const std::string near = nearest(key, {"kind", "name", "spec"});
            return Error{Code::malformed, "{}: \"{}\" is not understood; a document holds kind, name and spec{}", here, key,
                         near.empty() ? "" : "; did you mean \"" + near + "\"?"};
        }
    }
    if (out.wanted.kind.empty()) return Error{Code::malformed, "{}: kind: expected such as device, found none", here};
    if (out.wanted.name.empty()) return Error{Code::malformed, "{}: name: expected a name, found none", here};
    if (out.wanted.spec.is_null()) out.wanted.spec = JsonObject{};
    return out;
}

bool is_plain(std::string_view text) {
    if (text.empty() || text.size() > 200 || !plain_value(text).is_string()) return false;
    const auto first = static_cast<unsigned char>(text.front());
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first >= 0xE0;
    if (!letter || text.back() == ' ' || text.find(": ") != text.npos || text.find(" #") != text.npos || text.back() == ':') return false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool fine = byte >= 0x80 || std::isalnum(byte) || std::string_view(" _-./:@%+()").find(c) != std::string_view::npos;
        if (!fine) return false;
    }
    return text.find("\xEF\xBB\xBF") == text.npos && text.find("\xE2\x80") == text.npos && text.find("\xC2") == text.npos;
}

std::string scalar_text(const Json& json) {
    if (!json.is_string()) return to_text(json);
    const std::string_view text(json.get_string().data(), json.get_string().size());
    return is_plain(text) ? std::string(text) : to_text(json);  // a JSON text is a double-quoted YAML scalar
}

bool is_block(const Json& json) {
    return (json.is_object() && !json.get_object().empty()) || (json.is_array() && !json.get_array().empty());
}

// Writes a block value; the cursor stands where its first line begins.
void write_block(std::string& out, const Json& json, std::size_t indent) {
    bool first = true;
    auto begin_line = [&] {
        if (!std::exchange(first, false)) out += std::string(indent, ' ');
    };
    if (const JsonArray* array = json.if_array()) {
        for (const Json& item : *array) {
            begin_line();
            out += "- ";
            if (is_block(item)) {
                write_block(out, item, indent + 2);
            } else {
                out += scalar_text(item) + "\n";
            }
        }
        return;
    }
    for (const auto& item : json.as_object()) {
        begin_line();
        out += scalar_text(Json(item.key())) + ":";
        if (is_block(item.value())) {
            out += "\n" + std::string(indent + 2, ' ');
            write_block(out, item.value(), indent + 2);
        } else {
            out += " " + scalar_text(item.value()) + "\n";
        }
    }
}

}  // namespace

Result<Json> parse_yaml(std::string_view text, const YamlLimits& limits) {
    const auto nodes = TRY(load_all(text, limits));
    if (nodes.empty()) return Json(nullptr);
    if (nodes.size() > 1) return Error{Code::malformed, "{}: expected one document, found {}", place(nodes[1].Mark()), nodes.size()};
    try {
        return Converter(limits).convert(nodes.front(), 0);
    } catch (const YAML::Exception& error) {
        return Error{Code::malformed, "{}: {}", place(error.mark), error.msg};
    }
}

Result<std::vector<YamlDocument>> parse_resources(std::string_view text, const YamlLimits& limits) {
    const auto nodes = TRY(load_all(text, limits));
    std::vector<YamlDocument> out;
    Converter converter(limits);
    try {
        for (const YAML::Node& node : nodes) {
            if (!node.IsDefined() || node.IsNull()) continue;
            out.push_back(TRY(to_document(node, converter)));
        }
    } catch (const YAML::Exception& error) {
        return Error{Code::malformed, "{}: {}", place(error.mark), error.msg};
    }
    return out;
}

std::string to_yaml(const Json& json) {
    std::string out;
    if (is_block(json)) {
        write_block(out, json, 0);
    } else {
        out = scalar_text(json) + "\n";
    }
    return out;
}

std::string to_yaml(const Resource& resource) {
    return to_yaml(Json{{"kind", resource.kind}, {"name", resource.name}, {"spec", resource.spec}});
}

std::string export_yaml(const ResourceReader& reader, TenantId tenant) {
    std::string out;
    for (const Kind* kind : reader.kinds()) {
        for (const auto& resource : reader.list_shared(tenant, kind->name)) {
            if (!out.empty()) out += "---\n";
            out += to_yaml(*resource);
        }
    }
    return out;
}

std::string to_report(const std::vector<Applied>& applied, bool dry_run) {
    std::string out;
    std::size_t counts[5] = {};
    static constexpr const char* kWords[] = {"created", "updated", "deleted", "unchanged", "refused"};
    for (const Applied& one : applied) {
        const std::size_t what = one.change ? static_cast<std::size_t>(one.change->what) : 4;
        ++counts[what];
        out += fmt::format("{:<10}{} {}", kWords[what], one.kind, one.name);
        if (!one.change) out += ": " + one.change.error().text();
        out += "\n";
        if (what != 1) continue;
        for (const Difference& difference : one.change->differences) {
            out += fmt::format("            {}: {} -> {}\n", difference.path, to_text(difference.before), to_text(difference.after));
        }
    }
    for (std::size_t what = 0; what < 5; ++what) {
        if (what != 2) out += fmt::format("{}{} {}", what ? ", " : "", counts[what], kWords[what]);
    }
    return out + (dry_run ? "; a dry run, nothing was stored\n" : "\n");
}

}  // namespace gongshu::registry
