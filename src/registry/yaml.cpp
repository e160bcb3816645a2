#include "registry/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "base/utf8.h"
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
    const bool decimal =
        !unsigned_part.empty() && unsigned_part.find_first_not_of("0123456789.eE+-") == unsigned_part.npos &&
        unsigned_part.find_first_of("0123456789") <= 1 && unsigned_part.front() != 'e' && unsigned_part.front() != 'E';
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (decimal && error == std::errc{} && end == number.data() + number.size() && std::isfinite(value))
        return Json(value);
    return Json(text);
}

// Leaves yaml-cpp's parser from inside its callbacks; caught where the parser is called.
struct Refused {
    Error error;
};

// One document, and the texts of its outermost scalars as they were written: a name may look like a number.
struct Document {
    Json json;
    YAML::Mark mark;
    std::map<std::string, std::string> outer;
};

// Builds JSON from the parser's events. Counts what it makes, because aliases can make much from little.
class Builder final : public YAML::EventHandler {
public:
    explicit Builder(const YamlLimits& limits) : limits_(limits) {}

    std::vector<Document> documents;

    void OnDocumentStart(const YAML::Mark& mark) override {
        // Before some characters ("," alone) the parser would hand out empty documents for ever.
        if (!documents.empty() && mark.pos <= documents.back().mark.pos)
            refuse(Code::malformed, mark, "this character is not expected here");
        if (documents.size() >= limits_.documents_max) {
            refuse(Code::limit, mark, fmt::format("more than {} documents", limits_.documents_max));
        }
        documents.push_back({Json(nullptr), mark, {}});
        anchors_.clear();
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, Json(nullptr), ""); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            refuse(Code::malformed, mark, "the alias names something that is not complete yet");
        if (depth() + found->second.depth > limits_.depth_max) too_deep(mark);
        if (!frames_.empty()) frames_.back().depth = std::max(frames_.back().depth, found->second.depth + 1);
        values_ += found->second.values;
        add(mark, YAML::NullAnchor, found->second.json, "");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        const bool is_key = !frames_.empty() && frames_.back().is_map && !frames_.back().key;
        const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
        if (!text && tag != "?" && !tag.empty())
            refuse(Code::malformed, mark, fmt::format("the tag \"{}\" is not understood; leave it out", tag));
        add(mark, anchor, text || is_key ? Json(value) : plain_value(value), value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, false);
    }
    void OnSequenceEnd() override { end(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        begin(mark, tag, anchor, true);
    }
    void OnMapEnd() override { end(); }

private:
    // A list or a map that is not complete yet.
    struct Frame {
        bool is_map = false;
        YAML::Mark mark;
        YAML::anchor_t anchor = YAML::NullAnchor;
        std::size_t values_before = 0;
        std::size_t depth = 1;  // of what is in it, with itself
        std::optional<std::string> key = {};
        JsonArray array = {};
        JsonObject object = {};
    };
    struct Anchored {
        Json json;
        std::size_t values = 0, depth = 0;
    };

    [[noreturn]] static void refuse(Code code, const YAML::Mark& mark, const std::string& why) {
        throw Refused{Error{code, "{}: {}", place(mark), why}};
    }
    [[noreturn]] void too_deep(const YAML::Mark& mark) const {
        refuse(Code::limit, mark, fmt::format("nested deeper than {} levels", limits_.depth_max));
    }
    std::size_t depth() const { return frames_.size(); }

    void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_map) {
        if (depth() >= limits_.depth_max) too_deep(mark);
        if (!tag.empty() && tag != "?" && tag != "!")
            refuse(Code::malformed, mark, fmt::format("the tag \"{}\" is not understood; leave it out", tag));
        if (!frames_.empty() && frames_.back().is_map && !frames_.back().key)
            refuse(Code::malformed, mark, "expected a text as key");
        frames_.push_back({.is_map = is_map, .mark = mark, .anchor = anchor, .values_before = values_});
    }

    void end() {
        Frame frame = std::move(frames_.back());
        frames_.pop_back();
        Json json = frame.is_map ? Json(std::move(frame.object)) : Json(std::move(frame.array));
        if (frame.anchor != YAML::NullAnchor)
            anchors_[frame.anchor] = {json, values_ - frame.values_before + 1, frame.depth};
        if (!frames_.empty()) frames_.back().depth = std::max(frames_.back().depth, frame.depth + 1);
        add(frame.mark, YAML::NullAnchor, std::move(json), "");
    }

    void add(const YAML::Mark& mark, YAML::anchor_t anchor, Json json, const std::string& written) {
        if (++values_ > limits_.values_max) {
            refuse(Code::limit, mark,
                   fmt::format("more than {} values (aliases are counted each time)", limits_.values_max));
        }
        if (anchor != YAML::NullAnchor) anchors_[anchor] = {json, 1, 0};
        if (frames_.empty()) {
            documents.back().json = std::move(json);
        } else if (Frame& frame = frames_.back(); !frame.is_map) {
            frame.array.push_back(std::move(json));
        } else if (!frame.key) {
            if (!json.is_string() && !json.is_null()) refuse(Code::malformed, mark, "expected a text as key");
            frame.key = json.is_null() ? std::string() : std::string(std::string_view(json.as_string()));
            if (frame.object.contains(*frame.key))
                refuse(Code::malformed, mark, fmt::format("the key \"{}\" comes twice", *frame.key));
        } else {
            if (frames_.size() == 1) documents.back().outer[*frame.key] = written;
            frame.object[*frame.key] = std::move(json);
            frame.key.reset();
        }
    }

    const YamlLimits& limits_;
    std::size_t values_ = 0;
    std::vector<Frame> frames_;
    std::map<YAML::anchor_t, Anchored> anchors_;
};

// Other encodings would be guessed at by the parser, or end the text without a word.
Result<void> check_encoding(std::string_view text) {
    const auto begins = [&](std::string_view mark) { return text.starts_with(mark); };
    if (begins("\xFF\xFE") || begins("\xFE\xFF") || begins({"\0\0\xFE\xFF", 4}))
        return Error{Code::malformed, "line 1, byte 1: the text is UTF-16 or UTF-32, expected UTF-8: save the file as UTF-8"};
    const std::size_t broken = std::min(find_broken_utf8(text), text.find('\0'));
    if (broken == text.npos) return {};
    const std::string_view before = text.substr(0, broken);
    return Error{Code::malformed, "line {}, byte {}: 0x{:02X} is not UTF-8 text: save the file as UTF-8",
                 std::ranges::count(before, '\n') + 1, broken, static_cast<unsigned char>(text[broken])};
}

Result<std::vector<Document>> load_all(std::string_view text, const YamlLimits& limits) {
    if (text.size() > limits.bytes_max)
        return Error{Code::limit, "line 1, column 1: {} bytes of YAML, at most {} are read", text.size(),
                     limits.bytes_max};
    TRY(check_encoding(text));
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        Builder builder(limits);
        while (parser.HandleNextDocument(builder)) {
        }
        return std::move(builder.documents);
    } catch (const Refused& refused) {
        return refused.error;
    } catch (const YAML::Exception& error) {
        return Error{Code::malformed, "{}: {}", place(error.mark), error.msg};
    } catch (const std::exception& error) {
        return Error{Code::malformed, "line 1, column 1: {}", error.what()};
    }
}

Result<YamlDocument> to_document(Document& document) {
    const std::string here = place(document.mark);
    JsonObject* object = document.json.if_object();
    if (!object)
        return Error{Code::malformed, "{}: expected kind, name and spec, found {}", here, describe(document.json)};
    YamlDocument out{{}, static_cast<std::size_t>(document.mark.line + 1)};
    for (auto& item : *object) {
        const std::string_view key(item.key().data(), item.key().size());
        Json& value = item.value();
        if (key == "spec") {
            out.wanted.spec = std::move(value);
        } else if (key == "kind" || key == "name") {
            if (!value.is_string() && !value.is_number())
                return Error{Code::malformed, "{}: {}: expected a text, found {}", here, key, describe(value)};
            // An alias was not written here, so it has no text of its own.
            const std::string& written = document.outer[std::string(key)];
            std::string text = value.is_string() ? std::string(std::string_view(value.get_string()))
                               : written.empty() ? to_text(value)
                                                 : written;
            (key == "kind" ? out.wanted.kind : out.wanted.name) = std::move(text);
        } else {
            const std::string near = nearest(key, {"kind", "name", "spec"});
            return Error{Code::malformed, "{}: \"{}\" is not understood; a document holds kind, name and spec{}", here,
                         key, near.empty() ? "" : "; did you mean \"" + near + "\"?"};
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
    if (!letter || text.back() == ' ' || text.find(": ") != text.npos || text.find(" #") != text.npos ||
        text.back() == ':')
        return false;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool fine =
            byte >= 0x80 || std::isalnum(byte) || std::string_view(" _-./:@%+()").find(c) != std::string_view::npos;
        if (!fine) return false;
    }
    return text.find("\xEF\xBB\xBF") == text.npos && text.find("\xE2\x80") == text.npos &&
           text.find("\xC2") == text.npos;
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
    auto documents = TRY(load_all(text, limits));
    if (documents.empty()) return Json(nullptr);
    if (documents.size() > 1)
        return Error{Code::malformed, "{}: expected one document, found {}", place(documents[1].mark),
                     documents.size()};
    return std::move(documents.front().json);
}

Result<std::vector<YamlDocument>> parse_resources(std::string_view text, const YamlLimits& limits) {
    auto documents = TRY(load_all(text, limits));
    std::vector<YamlDocument> out;
    for (Document& document : documents) {
        if (!document.json.is_null()) out.push_back(TRY(to_document(document)));
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

namespace {

// Line breaks and other control characters as YAML writes them, so that a line of the report stays one.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F)
            out += c;
        else
            out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : fmt::format("\\x{:02x}", byte);
    }
    return out;
}

bool has_lines(const Json& value) {
    const auto* const text = value.if_string();
    return text && text->find('\n') != text->npos;
}

// One difference. Texts of several lines stand as they are written, each line behind a bar.
void add_difference(std::string& out, const Difference& difference) {
    const std::string path = one_line(difference.path);
    if (!has_lines(difference.before) && !has_lines(difference.after)) {
        out += fmt::format("            {}: {} -> {}\n", path, to_text(difference.before), to_text(difference.after));
        return;
    }
    const auto add = [&](std::string_view when, const Json& value) {
        out += fmt::format("            {} {}:\n", path, when);
        const std::string text = has_lines(value) ? std::string(std::string_view(value.get_string())) : to_text(value);
        for (std::string_view rest = text; !rest.empty();) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            out += fmt::format("              | {}\n", one_line(rest.substr(0, end)));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    };
    add("before", difference.before);
    add("after", difference.after);
}

}  // namespace

std::string to_report(const std::vector<Applied>& applied, bool dry_run) {
    std::string out;
    std::size_t counts[5] = {};
    static constexpr const char* kWords[] = {"created", "updated", "deleted", "unchanged", "refused"};
    static constexpr const char* kWould[] = {"would be created", "would be updated", "would be deleted", "unchanged",
                                             "refused"};
    // A refusal may have kept back what was fine; then no word may sound as if it were done.
    const bool kept_back = !dry_run && std::ranges::any_of(applied, [](const Applied& one) {
        return one.change && !one.stored && one.change->what != Change::What::unchanged;
    });
    const auto& words = kept_back ? kWould : kWords;
    const std::size_t width = kept_back ? 17 : 10;
    for (const Applied& one : applied) {
        const std::size_t what = one.change ? static_cast<std::size_t>(one.change->what) : 4;
        ++counts[what];
        out += fmt::format("{:<{}}{} {}", words[what], width, one_line(one.kind), one_line(one.name));
        if (!one.change) out += ": " + one_line(one.change.error().text());
        out += "\n";
        if (what != 1) continue;
        for (const Difference& difference : one.change->differences) add_difference(out, difference);
    }
    for (std::size_t what = 0; what < 5; ++what) {
        if (what != 2) out += fmt::format("{}{} {}", what ? ", " : "", counts[what], words[what]);
    }
    return out + (dry_run ? "; a dry run, nothing was stored\n" : kept_back ? "; nothing was stored\n" : "\n");
}

}  // namespace gongshu::registry
