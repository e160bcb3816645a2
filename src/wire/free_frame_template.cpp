// A template, read from JSON: every member is checked, and what is not known is refused by name.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "wire/free_frame.h"
#include "wire/json_parts.h"

namespace gongshu::wire::free_frame {
namespace {

using json_parts::element;
using json_parts::element_type;
using json_parts::kind_name;

constexpr std::size_t kTextBytesMax = 200;

// A scalar as text, as maps and lists have it: YAML makes a number of 1 and a boolean of true.
std::optional<std::string> scalar_text(element from) {
    const auto value = json_parts::scalar(from);
    return value ? std::optional{to_string(*value)} : std::nullopt;
}

// One object of the template: gives its members and, at the end, refuses those that nobody asked for.
class Node {
public:
    static Result<Node> create(element from, std::string path) {
        if (from.type() != element_type::OBJECT)
            return Error{Code::invalid, "{}: expected an object, found {}", path, kind_name(from.type())};
        return Node{from.get_object().value_unsafe(), std::move(path)};
    }

    const std::string& path() const { return path_; }

    Error wrong(std::string_view member, std::string why) const {
        const bool is_own = member.empty() || path_.empty();
        return Error{Code::invalid, "{}{}{}: {}", path_, is_own ? "" : ".", member, why};
    }

    std::optional<element> find(std::string_view member) {
        asked_.insert(std::string(member));
        element found;
        if (object_.at_key(member).get(found) != simdjson::SUCCESS || found.is_null()) return std::nullopt;
        return found;
    }
    bool has(std::string_view member) { return find(member).has_value(); }

    Result<std::string> text(std::string_view member, std::string otherwise = "") {
        const auto found = find(member);
        if (!found) return otherwise;
        std::string_view text;
        if (found->get_string().get(text) != simdjson::SUCCESS)
            return wrong(member, fmt::format("expected a text, found {}", kind_name(found->type())));
        if (text.size() > kTextBytesMax) return wrong(member, fmt::format("it has more than {} bytes", kTextBytesMax));
        return std::string(text);
    }

    // With escapes.
    Result<Buffer> bytes(std::string_view member, std::size_t most) {
        const std::string text = TRY(this->text(member));
        auto bytes = unescape(text);
        if (!bytes) return wrong(member, bytes.error().text());
        if (bytes->size() > most) return wrong(member, fmt::format("it has more than {} bytes", most));
        return std::move(*bytes);
    }

    Result<std::int64_t> integer(std::string_view member, std::int64_t least, std::int64_t most,
                                 std::int64_t otherwise) {
        const auto found = find(member);
        if (!found) return otherwise;
        const std::string text = scalar_text(*found).value_or(std::string(kind_name(found->type())));
        std::string_view digits = text;
        const bool is_hex = digits.starts_with("0x");
        if (is_hex) digits.remove_prefix(2);
        std::int64_t number = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), number, is_hex ? 16 : 10);
        if (error != std::errc{} || end != digits.data() + digits.size() || number < least || number > most)
            return wrong(member, fmt::format("expected a whole number from {} to {}, found {}", least, most, text));
        return number;
    }

    Result<double> number(std::string_view member, double otherwise) {
        const auto found = find(member);
        if (!found) return otherwise;
        double number = 0;
        if (found->get_double().get(number) != simdjson::SUCCESS || !std::isfinite(number))
            return wrong(member, fmt::format("expected a number, found {}", kind_name(found->type())));
        return number;
    }

    Result<bool> boolean(std::string_view member, bool otherwise) {
        const auto found = find(member);
        if (!found) return otherwise;
        bool truth = false;
        if (found->get_bool().get(truth) != simdjson::SUCCESS)
            return wrong(member, fmt::format("expected true or false, found {}", kind_name(found->type())));
        return truth;
    }

    // One of the words; which.
    template <std::size_t N>
    Result<std::size_t> choice(std::string_view member, const std::string_view (&words)[N], std::size_t otherwise) {
        const std::string text = TRY(this->text(member));
        if (text.empty() && !has(member)) return otherwise;
        for (std::size_t i = 0; i < N; ++i)
            if (words[i] == text) return i;
        return wrong(member, fmt::format("expected one of {}, found \"{}\"", fmt::join(words, ", "), text));
    }

    Result<Node> child(std::string_view member) {
        const auto found = find(member);
        if (!found) return wrong(member, "it is missing");
        return create(*found, path_.empty() ? std::string(member) : fmt::format("{}.{}", path_, member));
    }

    Result<std::vector<element>> list(std::string_view member, std::size_t most) {
        const auto found = find(member);
        if (!found) return std::vector<element>{};
        simdjson::dom::array array;
        if (found->get_array().get(array) != simdjson::SUCCESS)
            return wrong(member, fmt::format("expected a list, found {}", kind_name(found->type())));
        std::vector<element> all;
        for (const element one : array) all.push_back(one);
        if (all.size() > most) return wrong(member, fmt::format("it has more than {} entries", most));
        return all;
    }

    // A scalar or a list of some, as texts.
    Result<std::vector<std::string>> texts(std::string_view member) {
        const auto found = find(member);
        if (!found) return std::vector<std::string>{};
        std::vector<element> all{*found};
        if (found->type() == element_type::ARRAY) all = TRY(list(member, kMapEntriesMax));
        std::vector<std::string> texts;
        for (const element one : all) {
            auto text = scalar_text(one);
            if (!text)
                return wrong(member,
                             fmt::format("expected a text or a list of texts, found {}", kind_name(one.type())));
            texts.push_back(std::move(*text));
        }
        return texts;
    }

    Result<std::map<std::string, Value, std::less<>>> map(std::string_view member) {
        std::map<std::string, Value, std::less<>> map;
        if (!has(member)) return map;
        const Node node = TRY(child(member));
        for (const auto [key, one] : node.object_) {
            auto value = json_parts::scalar(one);
            if (!value)
                return node.wrong(key, fmt::format("expected a text or a number, found {}", kind_name(one.type())));
            if (map.size() == kMapEntriesMax)
                return wrong(member, fmt::format("it has more than {} entries", kMapEntriesMax));
            map.insert_or_assign(std::string(key), std::move(*value));
        }
        return map;
    }

    Result<void> done() const {
        for (const auto [key, one] : object_) {
            if (asked_.contains(std::string(key))) continue;
            return wrong(key, fmt::format("it is not known; known here are {}", fmt::join(asked_, ", ")));
        }
        return {};
    }

private:
    Node(simdjson::dom::object object, std::string path) : object_(object), path_(std::move(path)) {}

    simdjson::dom::object object_;
    std::string path_;
    std::set<std::string> asked_;
};

constexpr std::string_view kBy[] = {"end", "start_end", "fixed", "length", "silence"};
constexpr std::string_view kEndian[] = {"big", "little", "BADC", "CDAB"};
constexpr std::string_view kTwoEndian[] = {"big", "little"};
constexpr std::string_view kLengthAs[] = {"binary", "decimal", "hex"};
constexpr std::string_view kSums[] = {"none", "sum8", "xor8", "lrc", "sum16", "words16", "crc16"};
constexpr std::string_view kSumAs[] = {"binary", "hex"};
constexpr std::string_view kPresets[] = {"modbus", "ccitt", "xmodem"};
constexpr std::string_view kFieldAs[] = {"number", "integer", "hex", "text"};
constexpr std::string_view kEncodings[] = {"u8",  "i8",  "u16", "i16", "u24", "u32",
                                           "i32", "u64", "i64", "f32", "f64", "bcd"};
constexpr std::string_view kDecimals[] = {".", ","};

std::optional<Encoding> encoding_of(std::string_view name) {
    for (std::size_t i = 0; i < std::size(kEncodings); ++i)
        if (kEncodings[i] == name) return static_cast<Encoding>(i);
    return std::nullopt;
}

Result<Cut::Length> read_length(Node node) {
    Cut::Length length;
    length.at = static_cast<std::size_t>(TRY(node.integer("at", 0, kFrameBytesMax - 1, 0)));
    length.size = static_cast<std::size_t>(TRY(node.integer("size", 1, 4, 1)));
    length.is_big = TRY(node.choice("endian", kTwoEndian, 0)) == 0;
    length.as = static_cast<Cut::Length::As>(TRY(node.choice("as", kLengthAs, 0)));
    length.add = static_cast<std::int32_t>(TRY(node.integer("add", -4096, 4096, 0)));
    TRY(node.done());
    return length;
}

Result<Cut> read_cut(Node node) {
    Cut cut;
    cut.by = static_cast<Cut::By>(TRY(node.choice("by", kBy, 0)));
    cut.start = TRY(node.bytes("start", kMarkBytesMax));
    cut.end = TRY(node.bytes("end", kMarkBytesMax));
    cut.trailer = static_cast<std::size_t>(TRY(node.integer("trailer", 0, 16, 0)));
    cut.bytes = static_cast<std::size_t>(TRY(node.integer("bytes", 1, kFrameBytesMax, 0)));
    cut.max_bytes = static_cast<std::size_t>(TRY(node.integer("max_bytes", 1, kFrameBytesMax, 256)));
    cut.silence_ms = static_cast<std::uint32_t>(TRY(node.integer("silence_ms", 1, 60'000, 50)));
    if (node.has("length")) {
        Node length = TRY(node.child("length"));
        cut.length = TRY(read_length(std::move(length)));
    }
    TRY(node.done());
    const bool needs_end = cut.by == Cut::By::end || cut.by == Cut::By::start_end;
    if (needs_end && cut.end.empty())
        return node.wrong("end", "it is missing; write what a frame ends with, such as \\r\\n");
    if (cut.by == Cut::By::start_end && cut.start.empty())
        return node.wrong("start", "it is missing; write what a frame begins with, such as \\x02");
    if (cut.by == Cut::By::end && !cut.start.empty())
        return node.wrong("by", "a frame with a start and an end is found by start_end");
    if (cut.by == Cut::By::fixed && cut.bytes == 0)
        return node.wrong("bytes", "it is missing; write how long a frame is");
    if (cut.by != Cut::By::fixed && cut.bytes != 0) return node.wrong("bytes", "only frames of a fixed length have it");
    if (cut.by == Cut::By::length && !node.has("length"))
        return node.wrong("length", "it is missing; write where a frame says its length");
    if (cut.by == Cut::By::length && cut.length.at + cut.length.size > cut.max_bytes)
        return node.wrong("length", "it lies behind the end of the longest frame");
    if (cut.trailer > 0 && cut.end.empty()) return node.wrong("trailer", "it follows an end, which is missing");
    if (cut.by == Cut::By::fixed) cut.max_bytes = cut.bytes;
    if (cut.start.size() + cut.end.size() + cut.trailer > cut.max_bytes)
        return node.wrong("max_bytes", "start and end are longer than that");
    return cut;
}

void take_preset(Checksum& sum, std::size_t preset) {
    sum.is_big = preset != 0;
    sum.reflect = preset == 0;
    sum.poly = preset == 0 ? 0x8005 : 0x1021;
    sum.init = preset == 2 ? 0 : 0xffff;
}

// Of a frame with its place; of a poll without.
Result<Checksum> read_checksum(Node node, bool has_place) {
    Checksum sum;
    sum.kind = static_cast<Checksum::Kind>(TRY(node.choice("kind", kSums, 0)));
    using Kind = Checksum::Kind;
    sum.is_big = sum.kind != Kind::words16;
    if (sum.kind == Kind::crc16) {
        take_preset(sum, TRY(node.choice("preset", kPresets, 0)));
        sum.poly = static_cast<std::uint16_t>(TRY(node.integer("poly", 1, 0xffff, sum.poly)));
        sum.init = static_cast<std::uint16_t>(TRY(node.integer("init", 0, 0xffff, sum.init)));
        sum.xor_out = static_cast<std::uint16_t>(TRY(node.integer("xor", 0, 0xffff, sum.xor_out)));
        sum.reflect = TRY(node.boolean("reflect", sum.reflect));
    } else {
        sum.add = static_cast<std::uint16_t>(TRY(node.integer("add", 0, 0xffff, 0)));
        sum.bits = static_cast<std::uint8_t>(TRY(node.integer("bits", 7, 8, 8)));
    }
    sum.is_big = TRY(node.choice("endian", kTwoEndian, sum.is_big ? 0 : 1)) == 0;
    sum.is_hex = TRY(node.choice("as", kSumAs, 0)) == 1;
    constexpr auto kMost = static_cast<std::int64_t>(kFrameBytesMax);
    if (has_place) {
        if (sum.kind != Kind::none && !node.has("at"))
            return node.wrong("at",
                              "it is missing; write where the checksum begins, such as -2 for the last two bytes");
        sum.at = static_cast<std::int32_t>(TRY(node.integer("at", -kMost, kMost, 0)));
    }
    sum.from = static_cast<std::int32_t>(TRY(node.integer("from", -kMost, kMost, 0)));
    if (node.has("to")) sum.to = static_cast<std::int32_t>(TRY(node.integer("to", -kMost, kMost, 0)));
    TRY(node.done());
    return sum;
}

Result<Buffer> read_poll(Node& root) {
    const auto found = root.find("poll");
    if (!found) return Buffer{};
    if (found->type() != element_type::OBJECT) return root.bytes("poll", kPollBytesMax);
    Node node = TRY(root.child("poll"));
    static constexpr std::string_view kPlace = "{checksum}";
    const std::string text = TRY(node.text("send"));
    const std::size_t place = std::min(text.find(kPlace), text.size());
    auto before = unescape(std::string_view(text).substr(0, place));
    if (!before) return node.wrong("send", before.error().text());
    auto after = unescape(std::string_view(text).substr(std::min(place + kPlace.size(), text.size())));
    if (!after) return node.wrong("send", after.error().text());
    if (before->size() + after->size() > kPollBytesMax)
        return node.wrong("send", fmt::format("it has more than {} bytes", kPollBytesMax));
    if (before->empty()) return node.wrong("send", "it is missing; write what asks for a frame");
    Buffer poll = std::move(*before);
    if (node.has("checksum")) {
        Node of = TRY(node.child("checksum"));
        Checksum sum = TRY(read_checksum(of, false));
        sum.at = static_cast<std::int32_t>(poll.size());
        if (!sum.fits(poll.size() + sum.bytes())) return of.wrong("from", "it lies outside of what is sent");
        const Bytes summed = sum.summed(poll);
        const Buffer written = sum.kind == Checksum::Kind::none ? Buffer{} : sum.written(sum.over(summed));
        poll.insert(poll.end(), written.begin(), written.end());
    } else if (place != text.size()) {
        return node.wrong("checksum", "it is missing, though what is sent has a place for it");
    }
    poll.insert(poll.end(), after->begin(), after->end());
    TRY(node.done());
    return poll;
}

Result<Pattern> read_pattern(const Node& node, std::string_view member, std::string_view text) {
    auto pattern = Pattern::compile(text, {.bytes_max = 1000, .states_max = kPatternStatesMax});
    if (!pattern) return node.wrong(member, pattern.error().text());
    return std::move(*pattern);
}

// Where something is; `as` of a field is read already.
class TakeReader {
public:
    TakeReader(Node& node, const std::optional<Pattern>& pattern) : node_(node), pattern_(pattern) {}

    Result<Take> read() {
        const bool between = node_.has("after") || node_.has("before");
        const int ways = int(node_.has("group")) + int(node_.has("pattern")) + int(node_.has("item")) + int(between) +
                         int(node_.has("at"));
        if (ways != 1)
            return node_.wrong(
                "",
                fmt::format("expected one of group, pattern, item, after and before, or at; found {} of them", ways));
        if (node_.has("group")) return group();
        if (node_.has("pattern")) return own_pattern();
        if (node_.has("item")) return item();
        if (between) return text_between();
        return at();
    }

private:
    Result<Take> group() {
        Take take;
        const std::string name = TRY(node_.text("group"));
        if (!pattern_) return node_.wrong("group", "the template has no pattern with groups");
        const auto& groups = pattern_->groups();
        const auto found = std::ranges::find(groups, name);
        if (found == groups.end())
            return node_.wrong("group",
                               fmt::format("the pattern has no group \"{}\"; it has {}", name,
                                           groups.empty() ? "none" : fmt::format("{}", fmt::join(groups, ", "))));
        take.group = static_cast<std::size_t>(found - groups.begin());
        return take;
    }

    Result<Take> own_pattern() {
        Take take;
        take.from = Take::From::pattern;
        const std::string text = TRY(node_.text("pattern"));
        take.pattern = TRY(read_pattern(node_, "pattern", text));
        if (take.pattern->groups().empty())
            return node_.wrong("pattern", "it has no named group; write the value as (?P<value>…)");
        return take;
    }

    Result<Take> item() {
        Take take;
        take.from = Take::From::item;
        take.item = static_cast<std::size_t>(TRY(node_.integer("item", 1, kFieldsMax * 4, 1)));
        const Buffer split = TRY(node_.bytes("split", kMarkBytesMax));
        if (split.empty())
            return node_.wrong("split", "it is missing; write what stands between the items, such as a comma");
        take.split = as_text(split);
        return take;
    }

    Result<Take> text_between() {
        Take take;
        take.from = Take::From::between;
        const Buffer after = TRY(node_.bytes("after", kMarkBytesMax)),
                     before = TRY(node_.bytes("before", kMarkBytesMax));
        take.after = as_text(after);
        take.before = as_text(before);
        return take;
    }

    Result<Take> at() {
        Take take;
        take.at = static_cast<std::size_t>(TRY(node_.integer("at", 0, kFrameBytesMax - 1, 0)));
        const std::string as = TRY(node_.text("as"));
        if (node_.has("bit") || node_.has("bits")) return bits(std::move(take));
        const auto encoding = encoding_of(as);
        const bool needs_bytes = !encoding || *encoding == Encoding::bcd;
        take.from = encoding ? Take::From::number : Take::From::columns;
        if (encoding) {
            take.encoding = *encoding;
            take.order = static_cast<Order>(TRY(node_.choice("endian", kEndian, 0)));
        }
        if (!needs_bytes) return take;
        if (!node_.has("bytes"))
            return node_.wrong("bytes", "it is missing; write how many bytes, or with as how the number lies in them");
        take.bytes = static_cast<std::size_t>(TRY(node_.integer("bytes", 1, encoding ? 8 : kFrameBytesMax, 1)));
        return take;
    }

    Result<Take> bits(Take take) {
        take.from = Take::From::bits;
        take.bytes = 1;
        if (node_.has("bit")) {
            take.low_bit = take.high_bit = static_cast<std::uint8_t>(TRY(node_.integer("bit", 0, 7, 0)));
            return take;
        }
        const std::vector<std::string> two = TRY(node_.texts("bits"));
        const auto is_bit = [](const std::string& text) {
            return text.size() == 1 && text[0] >= '0' && text[0] <= '7';
        };
        if (two.size() != 2 || !is_bit(two[0]) || !is_bit(two[1]) || two[0] > two[1])
            return node_.wrong("bits", "expected the lowest and the highest bit, such as [0, 2]");
        take.low_bit = static_cast<std::uint8_t>(two[0][0] - '0');
        take.high_bit = static_cast<std::uint8_t>(two[1][0] - '0');
        return take;
    }

    Node& node_;
    const std::optional<Pattern>& pattern_;
};

}  // namespace

// Reads a template from the outside in.
class TemplateReader {
public:
    Result<std::shared_ptr<const Template>> read(std::string_view json) {
        simdjson::dom::parser parser;
        const element from = TRY(json_parts::parse(parser, as_bytes(json), kTemplateBytesMax));
        Node root = TRY(Node::create(from, ""));
        Node frame = TRY(root.child("frame"));
        made_.cut_ = TRY(read_cut(std::move(frame)));
        if (root.has("checksum")) {
            Node sum = TRY(root.child("checksum"));
            made_.checksum_ = TRY(read_checksum(sum, true));
            TRY(check_place(sum));
        }
        made_.poll_ = TRY(read_poll(root));
        TRY(read_patterns(root));
        TRY(read_fields(root));
        TRY(read_qualities(root));
        (void)TRY(root.text("about"));
        TRY(root.done());
        return std::shared_ptr<const Template>(std::make_shared<Template>(std::move(made_)));
    }

private:
    Result<void> check_place(const Node& sum) const {
        const Cut& cut = made_.cut_;
        const std::size_t bytes = cut.by == Cut::By::fixed ? cut.bytes : cut.max_bytes;
        if (made_.checksum_.kind == Checksum::Kind::none || made_.checksum_.fits(bytes)) return {};
        return sum.wrong("at", fmt::format("it and what it sums do not lie apart in a frame of {} bytes", bytes));
    }

    Result<void> read_patterns(Node& root) {
        if (root.has("pattern")) {
            const auto text = root.find("pattern")->get_string();
            if (text.error() != simdjson::SUCCESS) return root.wrong("pattern", "expected a text");
            made_.pattern_ = TRY(read_pattern(root, "pattern", text.value_unsafe()));
        }
        const std::vector<element> ignored = TRY(root.list("ignore", kRulesMax));
        for (std::size_t i = 0; i < ignored.size(); ++i) {
            const std::string place = fmt::format("ignore[{}]", i);
            const auto text = ignored[i].get_string();
            if (text.error() != simdjson::SUCCESS) return root.wrong(place, "expected a text");
            Pattern pattern = TRY(read_pattern(root, place, text.value_unsafe()));
            made_.ignore_.push_back(std::move(pattern));
        }
        return {};
    }

    Result<void> read_fields(Node& root) {
        const std::vector<element> all = TRY(root.list("fields", kFieldsMax));
        if (all.empty()) return root.wrong("fields", "expected at least one field, found none");
        for (std::size_t i = 0; i < all.size(); ++i) {
            Node node = TRY(Node::create(all[i], fmt::format("fields[{}]", i)));
            Field field = TRY(read_field(node));
            const auto same = [&field](const Field& other) { return other.name == field.name; };
            if (std::ranges::any_of(made_.fields_, same))
                return node.wrong("name", fmt::format("\"{}\" is there already", field.name));
            made_.fields_.push_back(std::move(field));
        }
        return {};
    }

    Result<Field> read_field(Node& node) {
        Field field;
        field.name = TRY(node.text("name"));
        if (field.name.empty()) return node.wrong("name", "it is missing; write what the value is called");
        field.take = TRY(TakeReader(node, made_.pattern_).read());
        const std::string as = TRY(node.text("as"));
        const bool is_text = field.take.from != Take::From::number && field.take.from != Take::From::bits;
        if (is_text)
            field.as = static_cast<Field::As>(TRY(node.choice("as", kFieldAs, 0)));
        else if (field.take.from == Take::From::bits && !as.empty())
            return node.wrong("as", "bits are a whole number");
        field.map = TRY(node.map("map"));
        field.has_decimal_comma = TRY(node.choice("decimal", kDecimals, 0)) == 1;
        field.scale = TRY(node.number("scale", 1));
        if (field.scale == 0) return node.wrong("scale", "expected a number other than 0");
        field.offset = TRY(node.number("offset", 0));
        field.unit = TRY(node.text("unit"));
        field.is_optional = TRY(node.boolean("optional", false));
        field.factor = TRY(read_choice(node, "factor"));
        field.negative = TRY(read_choice(node, "negative"));
        field.unit_from = TRY(read_choice(node, "unit_from"));
        if (field.negative && field.negative->is.empty() && field.negative->is_not.empty()) field.negative->is = {"1"};
        TRY(node.done());
        return field;
    }

    Result<std::optional<Choice>> read_choice(Node& node, std::string_view member) {
        if (!node.has(member)) return std::optional<Choice>{};
        Node child = TRY(node.child(member));
        Choice choice = TRY(read_choice(child));
        TRY(child.done());
        return std::optional<Choice>(std::move(choice));
    }

    Result<Choice> read_choice(Node& node) {
        Choice choice;
        choice.take = TRY(TakeReader(node, made_.pattern_).read());
        if (const std::string as = TRY(node.text("as")); !as.empty() && !encoding_of(as))
            return node.wrong("as", fmt::format("expected one of {}, found \"{}\"", fmt::join(kEncodings, ", "), as));
        const auto map = TRY(node.map("map"));
        for (const auto& [key, value] : map) choice.map.emplace(key, to_string(value));
        choice.is = TRY(node.texts("is"));
        choice.is_not = TRY(node.texts("not"));
        return choice;
    }

    Result<void> read_qualities(Node& root) {
        const std::vector<element> all = TRY(root.list("quality", kRulesMax));
        for (std::size_t i = 0; i < all.size(); ++i) {
            Node node = TRY(Node::create(all[i], fmt::format("quality[{}]", i)));
            QualityRule rule;
            const std::string text = TRY(node.text("quality"));
            const auto quality = parse_quality(text);
            if (!quality)
                return node.wrong(
                    "quality", fmt::format("expected one such as uncertain:unstable or bad:range, found \"{}\"", text));
            rule.quality = *quality;
            rule.when = TRY(read_choice(node));
            if (rule.when.is.empty() && rule.when.is_not.empty())
                return node.wrong("is", "it is missing; write for what it holds, with is or not");
            TRY(node.done());
            made_.qualities_.push_back(std::move(rule));
        }
        return {};
    }

    Template made_;
};

Result<std::shared_ptr<const Template>> Template::create(std::string_view json) { return TemplateReader{}.read(json); }

}  // namespace gongshu::wire::free_frame
