#include "wire/json_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "wire/json_parts.h"
#include "wire/mqtt.h"

namespace gongshu::wire {
namespace {

using json_parts::element;
using json_parts::element_type;
using json_parts::kind_name;
using Step = JsonPath::Step;

std::string number_text(double value) { return fmt::format("{}", value); }

// The members of an object, to tell what is there instead of what was looked for.
std::string members_of(element from) {
    std::string text;
    std::size_t count = 0;
    const simdjson::dom::object object = from.get_object().value_unsafe();
    for (const auto field : object) {
        if (++count > 8) return text + ", …";
        text.append(count > 1 ? ", " : "").append(field.key.substr(0, 40));
    }
    return text.empty() ? "nothing" : text;
}

// What stands there, as text for tags and messages; nullopt for objects, arrays and null.
std::optional<std::string> plain_text(element from) {
    const auto value = json_parts::scalar(from);
    if (!value) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&*value)) return *text;
    if (const auto* number = std::get_if<double>(&*value)) return number_text(*number);
    return to_string(*value);
}

std::string lower(std::string_view text) {
    std::string out(text.substr(0, 20));
    std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    return out;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() &&
           (text.front() == ' ' || text.front() == '\n' || text.front() == '\r' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

std::optional<double> to_number(const Value& value) {
    if (const auto number = as_number(value)) return number;
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return std::nullopt;
    const std::string_view word = trimmed(*text);
    double number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (word.empty() || error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return number;
}

std::optional<bool> to_boolean(const Value& value) {
    if (const auto* truth = std::get_if<bool>(&value)) return *truth;
    if (const auto* text = std::get_if<std::string>(&value)) {
        const std::string word = lower(trimmed(*text));
        if (word == "true" || word == "on" || word == "yes" || word == "1") return true;
        if (word == "false" || word == "off" || word == "no" || word == "0") return false;
        return std::nullopt;
    }
    const auto number = as_number(value);
    if (!number || (*number != 0 && *number != 1)) return std::nullopt;
    return *number == 1;
}

Error no_type(const Value& value, std::string_view want) {
    const std::string found = to_string(value);
    return Error{Code::invalid, "expected {}, found \"{}\"; change the field type, or test it with only_if", want,
                 found.substr(0, 60)};
}

// `value` as the take wants it.
Result<Value> converted(Value value, const MapTake& take) {
    const bool scaled = take.scale != 1 || take.offset != 0;
    if (scaled && !take.type && !std::holds_alternative<bool>(value)) {
        if (const auto number = as_number(value)) return Value{*number * take.scale + take.offset};
        return no_type(value, "a number, which scale and offset need");
    }
    if (!take.type) return value;
    switch (*take.type) {
        case ValueType::number: {
            const auto number = to_number(value);
            if (!number || !std::isfinite(*number * take.scale + take.offset)) return no_type(value, "a number");
            return Value{*number * take.scale + take.offset};
        }
        case ValueType::integer: {
            if (!scaled && std::holds_alternative<std::int64_t>(value)) return value;
            const auto number = to_number(value);
            const double scaled_number = number ? *number * take.scale + take.offset : 0.5;
            if (!number || scaled_number != std::trunc(scaled_number) || std::abs(scaled_number) > 9.0e15)
                return no_type(value, "a whole number");
            return Value{static_cast<std::int64_t>(scaled_number)};
        }
        case ValueType::boolean: {
            const auto truth = to_boolean(value);
            if (!truth) return no_type(value, "true, false, on, off, 1 or 0");
            return Value{*truth};
        }
        case ValueType::text:
            if (const auto* number = std::get_if<double>(&value)) return Value{number_text(*number)};
            return Value{to_string(value)};
    }
    return value;
}

// Texts as everywhere; the numbers that OPC DA has (192 good, 64 uncertain, 0 bad); true = good.
Result<Quality> quality_of(element from) {
    bool truth = false;
    if (from.get_bool().get(truth) == simdjson::SUCCESS) return truth ? kGood : bad(Reason::none);
    std::int64_t number = 0;
    if (from.get_int64().get(number) == simdjson::SUCCESS) {
        if (number < 0 || number > 255)
            return Error{Code::invalid, "expected 0 to 255 as OPC has it, or a text such as \"bad:sensor\", found {}",
                         number};
        return number >= 192 ? kGood : number >= 64 ? uncertain(Reason::none) : bad(Reason::none);
    }
    std::string_view text;
    if (from.get_string().get(text) == simdjson::SUCCESS) {
        if (const auto quality = parse_quality(lower(trimmed(text)))) return *quality;
    }
    return json_parts::read_quality(from);
}

bool compare(JsonTest::Op op, int order) {
    switch (op) {
        case JsonTest::Op::equal:
            return order == 0;
        case JsonTest::Op::not_equal:
            return order != 0;
        case JsonTest::Op::less:
            return order < 0;
        case JsonTest::Op::less_equal:
            return order <= 0;
        case JsonTest::Op::greater:
            return order > 0;
        case JsonTest::Op::greater_equal:
            return order >= 0;
        case JsonTest::Op::there:
            break;
    }
    return true;
}

// What is absent or of another kind equals nothing and is neither less nor greater.
bool holds(const JsonTest& test, std::optional<element> found) {
    bool truth = true;
    const bool there = found && !found->is_null();
    if (test.op == JsonTest::Op::there) return there && (found->get_bool().get(truth) != simdjson::SUCCESS || truth);
    if (test.is_null)
        return compare(test.op, there ? 1 : 0) &&
               (test.op == JsonTest::Op::equal || test.op == JsonTest::Op::not_equal);
    const auto value = there ? json_parts::scalar(*found) : std::nullopt;
    const bool differs = test.op == JsonTest::Op::not_equal;
    if (!value) return differs;
    if (const auto want = as_number(test.value); want && !std::holds_alternative<bool>(test.value)) {
        const auto number = as_number(*value);
        if (!number || std::holds_alternative<bool>(*value)) return differs;
        return compare(test.op, *number < *want ? -1 : *number > *want ? 1 : 0);
    }
    if (value->index() != test.value.index()) return differs;
    if (const auto* text = std::get_if<std::string>(&*value))
        return compare(test.op, text->compare(std::get<std::string>(test.value)));
    const int order = int(std::get<bool>(*value)) - int(std::get<bool>(test.value));
    return compare(test.op, order);
}

std::optional<element> take_step(const Step& step, element from) {
    element found;
    if (step.kind == Step::Kind::element) {
        simdjson::dom::array array;
        if (from.get_array().get(array) != simdjson::SUCCESS || array.at(step.index).get(found) != simdjson::SUCCESS)
            return std::nullopt;
        return found;
    }
    simdjson::dom::object object;
    if (from.get_object().get(object) != simdjson::SUCCESS || object.at_key(step.name).get(found) != simdjson::SUCCESS)
        return std::nullopt;
    return found;
}

// Runs one message through one map. Lives for one call.
class Run {
public:
    Run(const JsonMap& map, const MapInput& input, const MapLimits& limits, element root)
        : map_(map), input_(input), limits_(limits), root_(root) {}

    Result<MapBody> run() {
        for (const JsonTest& test : map_.only_if()) {
            if (holds(test, find(test.path))) continue;
            body_.skipped = true;
            return std::move(body_);
        }
        for (std::size_t i = 0; i < map_.takes().size(); ++i) {
            take_ = &map_.takes()[i];
            index_ = i;
            nodes_.assign(1, root_);
            keys_.clear();
            TRY(walk(0));
        }
        if (body_.rows.empty() && body_.faults.empty() && !met_ && !missed_.empty())
            return Error{Code::invalid, "{}", missed_};
        return std::move(body_);
    }

private:
    // nodes_.back() is what the first `step` steps of the value's path lead to.
    Result<void> walk(std::size_t step) {
        if (step == take_->value.steps.size()) return leaf(nodes_.back());
        const Step& next = take_->value.steps[step];
        const element here = nodes_.back();
        if (next.kind == Step::Kind::leaves) return leaves(here);
        if (next.is_wildcard()) return each(next, step, here);
        const auto found = take_step(next, here);
        if (!found) {
            miss(step, here);
            return {};
        }
        nodes_.push_back(*found);
        TRY(walk(step + 1));
        nodes_.pop_back();
        return {};
    }

    Result<void> each(const Step& wildcard, std::size_t step, element here) {
        const auto enter = [&](std::string key, element child) -> Result<void> {
            keys_.push_back(std::move(key));
            nodes_.push_back(child);
            TRY(walk(step + 1));
            nodes_.pop_back();
            keys_.pop_back();
            return {};
        };
        if (here.type() == element_type::OBJECT && wildcard.kind == Step::Kind::members) {
            met_ = true;
            const simdjson::dom::object object = here.get_object().value_unsafe();
            for (const auto field : object) {
                if (!take_->is_used(step, field.key)) TRY(enter(std::string(field.key), field.value));
            }
            return {};
        }
        if (here.type() == element_type::ARRAY) {
            met_ = true;
            std::size_t index = 0;
            const simdjson::dom::array array = here.get_array().value_unsafe();
            for (const element child : array) TRY(enter(std::to_string(index++), child));
            return {};
        }
        miss(step, here);
        return {};
    }

    // Every value beneath, by names joined with dots.
    Result<void> leaves(element here) {
        if (json_parts::is_scalar(here.type())) {
            miss(take_->value.steps.size() - 1, here);
            return {};
        }
        met_ = true;
        keys_.emplace_back();
        TRY(beneath(here, 1));
        keys_.pop_back();
        return {};
    }

    Result<void> beneath(element here, std::size_t depth) {
        if (depth > limits_.depth_max)
            return Error{Code::limit, "{}: nested deeper than {}", place(), limits_.depth_max};
        const auto enter = [&](std::string_view name, element child) -> Result<void> {
            const std::size_t bytes = keys_.back().size();
            keys_.back().append(bytes > 0 ? "." : "").append(name);
            if (json_parts::is_scalar(child.type())) {
                nodes_.push_back(child);
                TRY(leaf(child));
                nodes_.pop_back();
            } else {
                TRY(beneath(child, depth + 1));
            }
            keys_.back().resize(bytes);
            return {};
        };
        if (here.type() == element_type::OBJECT) {
            const simdjson::dom::object object = here.get_object().value_unsafe();
            for (const auto field : object) {
                const bool used = depth == 1 && take_->is_used(take_->value.steps.size() - 1, field.key);
                if (!used) TRY(enter(field.key, field.value));
            }
            return {};
        }
        std::size_t index = 0;
        const simdjson::dom::array array = here.get_array().value_unsafe();
        for (const element child : array) TRY(enter(std::to_string(index++), child));
        return {};
    }

    Result<void> leaf(element from) {
        met_ = true;
        if (from.is_null()) return {};
        for (const JsonTest& test : take_->only_if) {
            if (!holds(test, find(test.path))) return {};
        }
        if (body_.rows.size() >= limits_.rows_max)
            return Error{Code::limit, "{}: more than {} values in one message", place(), limits_.rows_max};
        auto row = make_row(from);
        if (row) {
            body_.rows.push_back(std::move(*row));
        } else if (body_.faults.size() < limits_.faults_max) {
            body_.faults.push_back(row.error().text());
        } else {
            ++body_.more_faults;
        }
        return {};
    }

    Result<MapRow> make_row(element from) {
        if (auto error = json_parts::oversized(from)) return std::move(*error).context("{}", place());
        auto value = json_parts::scalar(from);
        if (!value) {
            return Error{Code::invalid,
                         "{}: expected a number, text or boolean, found {}; end the path of the value with .* or .** "
                         "to take what is in it",
                         place(), kind_name(from.type())};
        }
        MapRow row{.take = index_};
        auto wanted = converted(std::move(*value), take_->spec);
        if (!wanted) return Error{wanted.error().code(), "{}: {}", place(), wanted.error().text()};
        row.value = std::move(*wanted);
        row.tag = TRY(tag());
        row.time = TRY(time());
        if (take_->quality) {
            const auto found = find(*take_->quality);
            if (found && !found->is_null()) {
                const auto quality = quality_of(*found);
                if (!quality) {
                    return Error{quality.error().code(), "{} (quality of {}): {}", take_->quality->text, place(),
                                 quality.error().text()};
                }
                row.quality = *quality;
            }
        }
        if (input_.want_places) row.place = place();
        return row;
    }

    Result<std::string> tag() {
        using Kind = TagTemplate::Part::Kind;
        std::string text;
        for (const TagTemplate::Part& part : take_->tag.parts) {
            switch (part.kind) {
                case Kind::text:
                    text += part.text;
                    break;
                case Kind::capture:
                    text += input_.captures.at(part.index);
                    break;
                case Kind::key:
                    text += keys_.at(part.index);
                    break;
                case Kind::device:
                    if (input_.device.empty())
                        return Error{
                            Code::invalid,
                            "tag: {{device}} is for devices that sign in as themselves, and the sender is none; "
                            "take its place from the topic or the message"};
                    text += input_.device;
                    break;
                case Kind::path: {
                    const auto found = find(part.path);
                    const auto plain = found ? plain_text(*found) : std::nullopt;
                    if (!plain || plain->empty())
                        return Error{Code::invalid, "tag: {{{}}} of {}: expected a text or a number, found {}",
                                     part.text, place(),
                                     !found  ? "nothing"
                                     : plain ? "an empty text"
                                             : std::string(kind_name(found->type()))};
                    text += *plain;
                    break;
                }
            }
            if (text.size() > limits_.tag_bytes_max)
                return Error{Code::limit, "tag: of {}: longer than {} bytes", place(), limits_.tag_bytes_max};
        }
        if (!mqtt::plain_utf8(text)) return Error{Code::invalid, "tag: of {}: holds a control character", place()};
        return text;
    }

    Result<std::optional<TimeNs>> time() {
        const std::optional<JsonPath>& path = take_->time ? take_->time : map_.time();
        const auto found = path ? find(*path) : std::nullopt;
        if (!found || found->is_null()) return std::optional<TimeNs>{};
        std::string_view text;
        if (map_.spec().zone && found->get_string().get(text) == simdjson::SUCCESS) {
            if (const auto stamp = parse_local_stamp(trimmed(text))) {
                const auto seconds = map_.spec().zone(stamp->seconds);
                if (!seconds)
                    return Error{Code::invalid, "{} (time of {}): \"{}\" never was on a clock there", path->text,
                                 place(), text};
                return std::optional{*seconds * kSecond + stamp->ns};
            }
        }
        auto time = json_parts::read_time(*found, map_.spec().time_unit);
        if (time) return std::optional{*time};
        return Error{time.error().code(), "{} (time of {}): {}", path->text, place(), time.error().text()};
    }

    // Along the value's path as far as they are the same, then by its own steps.
    std::optional<element> find(const JsonPath& path) const {
        const std::size_t shared = path.shared_steps();
        if (shared >= nodes_.size() && shared > 0) return std::nullopt;  // cannot be: create() checked it
        if (shared > 0) return walk(path, shared, nodes_[shared]);
        // The same for every value of the message, and a member is found by walking its object.
        const auto known = from_root_.find(&path);
        if (known != from_root_.end()) return known->second;
        return from_root_[&path] = walk(path, 0, root_);
    }

    static std::optional<element> walk(const JsonPath& path, std::size_t from, std::optional<element> at) {
        for (std::size_t i = from; at && i < path.steps.size(); ++i) at = take_step(path.steps[i], *at);
        return at;
    }

    // The value's path with what its wildcards stand for.
    std::string place() const {
        std::string text = "$";
        std::size_t wildcard = 0;
        for (std::size_t i = 0; i < take_->value.steps.size(); ++i) add_step(text, take_->value.steps[i], wildcard);
        return text;
    }

    void add_step(std::string& text, const Step& step, std::size_t& wildcard) const {
        if (step.kind == Step::Kind::member) {
            text.append(".").append(step.name);
        } else if (step.kind == Step::Kind::element) {
            text.append(fmt::format("[{}]", step.index));
        } else {
            const bool bound = wildcard < keys_.size();
            const std::string key = bound ? keys_[wildcard] : "*";
            const bool list = step.kind == Step::Kind::elements;
            text.append(list ? fmt::format("[{}]", key) : "." + key);
            ++wildcard;
        }
    }

    void miss(std::size_t step, element here) {
        if (!missed_.empty()) return;
        std::string at = "$";
        std::size_t wildcard = 0;
        for (std::size_t i = 0; i < step; ++i) add_step(at, take_->value.steps[i], wildcard);
        const Step& next = take_->value.steps[step];
        using Kind = Step::Kind;
        const std::string want = next.kind == Kind::member     ? fmt::format("a member \"{}\"", next.name)
                                 : next.kind == Kind::element  ? fmt::format("an array with an element {}", next.index)
                                 : next.kind == Kind::elements ? "an array"
                                                               : "an object or an array";
        const bool object = here.type() == element_type::OBJECT;
        const std::string found =
            object ? fmt::format("an object with {}", members_of(here)) : std::string(kind_name(here.type()));
        missed_ = fmt::format("{}: expected {}, found {}; look at the payload and correct take[{}].value", at, want,
                              found, index_);
    }

    const JsonMap& map_;
    const MapInput& input_;
    const MapLimits& limits_;
    const element root_;
    MapBody body_;
    const JsonMap::Take* take_ = nullptr;
    std::size_t index_ = 0;
    std::vector<element> nodes_;     // after 0, 1, … steps of the value's path
    std::vector<std::string> keys_;  // what its wildcards stand for
    mutable std::unordered_map<const JsonPath*, std::optional<element>> from_root_;  // what was looked up from the root
    bool met_ = false;    // some path led to its end, or to a list that may be empty
    std::string missed_;  // the first place where one did not
};

// Wildcards beside those of the value's path must be the same, so that they can follow them.
Result<void> check_follows(const JsonPath& path, const JsonPath& value) {
    const std::size_t shared = path.shared_steps();
    bool same = shared <= value.steps.size();
    for (std::size_t i = 0; same && i < shared; ++i) {
        same = path.steps[i] == value.steps[i] && path.steps[i].kind != Step::Kind::leaves;
    }
    if (same) return {};
    return Error{
        Code::invalid,
        "{}: its wildcards must be those of the value's path {}, step by step, so that both speak of the same element",
        path.text, value.text};
}

Result<JsonMap::Take> make_take(const MapTake& spec, const std::vector<std::string>& captures) {
    JsonMap::Take take{.spec = spec};
    take.value = TRY(parse_json_path(spec.value).context("value"));
    if (take.value.wildcards() > 9) return Error{Code::invalid, "value: has more than 9 wildcards"};
    take.tag = TRY(parse_tag_template(spec.tag, captures, take.value.wildcards()).context("tag"));
    for (const TagTemplate::Part& part : take.tag.parts) {
        if (part.kind == TagTemplate::Part::Kind::path) TRY(check_follows(part.path, take.value).context("tag"));
    }
    if (!spec.time.empty()) {
        take.time = TRY(parse_json_path(spec.time).context("time"));
        TRY(check_follows(*take.time, take.value).context("time"));
    }
    if (!spec.quality.empty()) {
        take.quality = TRY(parse_json_path(spec.quality).context("quality"));
        TRY(check_follows(*take.quality, take.value).context("quality"));
    }
    if (!spec.only_if.empty()) {
        take.only_if = TRY(parse_json_tests(spec.only_if).context("only_if"));
        for (const JsonTest& test : take.only_if) TRY(check_follows(test.path, take.value).context("only_if"));
    }
    if (!std::isfinite(spec.scale) || !std::isfinite(spec.offset) || spec.scale == 0)
        return Error{Code::invalid, "scale: expected a number other than 0"};
    return take;
}

// The member that `path` names where the value's path has its wildcard, for that path says something else already.
void add_used(std::vector<JsonMap::Used>& used, const JsonPath& path, const JsonPath& value) {
    if (path.steps.empty() || path.steps.back().kind != Step::Kind::member) return;
    const std::size_t last = path.steps.size() - 1;
    if (last >= value.steps.size() || !value.steps[last].is_wildcard()) return;
    for (std::size_t i = 0; i < last; ++i) {
        if (path.steps[i] != value.steps[i]) return;
    }
    used.push_back({last, path.steps.back().name});
}

void add_used(JsonMap::Take& take, const JsonMap& map) {
    const auto add = [&](const JsonPath& path) { add_used(take.used, path, take.value); };
    if (take.time) add(*take.time);
    if (!take.time && map.time()) add(*map.time());
    if (take.quality) add(*take.quality);
    for (const TagTemplate::Part& part : take.tag.parts) add(part.path);
    for (const JsonTest& test : take.only_if) add(test.path);
    for (const JsonTest& test : map.only_if()) add(test.path);
}

}  // namespace

bool JsonMap::Take::is_used(std::size_t step, std::string_view member) const {
    return std::ranges::any_of(used, [&](const Used& one) { return one.step == step && one.member == member; });
}

Result<std::shared_ptr<const JsonMap>> JsonMap::create(MapSpec spec) {
    auto map = std::make_shared<JsonMap>();
    if (!spec.only_if.empty()) map->only_if_ = TRY(parse_json_tests(spec.only_if).context("only_if"));
    if (!spec.time.empty()) map->time_ = TRY(parse_json_path(spec.time).context("time"));
    if (spec.takes.empty()) return Error{Code::invalid, "take: expected at least one thing to take, found none"};
    for (std::size_t i = 0; i < spec.takes.size(); ++i) {
        auto made = make_take(spec.takes[i], spec.captures);
        if (!made) return Error{made.error().code(), "take[{}].{}", i, made.error().text()};
        Take take = std::move(*made);
        // The message's own time may follow the wildcards of each take that has no time of its own.
        if (map->time_ && !take.time) TRY(check_follows(*map->time_, take.value).context("time"));
        add_used(take, *map);
        map->takes_.push_back(std::move(take));
    }
    for (const JsonTest& test : map->only_if_) {
        if (test.path.wildcards() > 0)
            return Error{Code::invalid, "only_if: {}: expected a place without wildcards", test.path.text};
    }
    map->spec_ = std::move(spec);
    return std::shared_ptr<const JsonMap>(std::move(map));
}

class JsonMapper::Impl {
public:
    explicit Impl(MapLimits limits) : limits_(limits) {}

    Result<MapBody> run(const JsonMap& map, Bytes payload, const MapInput& input) {
        if (payload.size() > limits_.bytes_max)
            return Error{Code::limit, "the payload has {} bytes, at most {} are taken", payload.size(),
                         limits_.bytes_max};
        std::string written;
        if (map.spec().format == MapFormat::number) {
            written = trimmed(as_text(payload));
            double number = 0;
            const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), number);
            if (written.empty() || error != std::errc{} || end != written.data() + written.size() ||
                !std::isfinite(number))
                return Error{Code::malformed, "expected one number such as 21.5, found \"{}\"", shown(written)};
            written = fmt::format("{}", number);
        } else if (map.spec().format == MapFormat::text) {
            if (!mqtt::valid_utf8(as_text(payload))) return Error{Code::malformed, "the payload is no text in UTF-8"};
            written = quoted(as_text(payload));
        }
        const Bytes bytes = map.spec().format == MapFormat::json ? payload : as_bytes(written);
        const element root = TRY(json_parts::parse(parser_, bytes, limits_.bytes_max * 6 + 16));
        return Run{map, input, limits_, root}.run();
    }

private:
    static std::string shown(std::string_view text) {
        return mqtt::plain_utf8(text.substr(0, 40)) ? std::string(text.substr(0, 40)) : "bytes that are no text";
    }
    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') {
                out.append(1, '\\').push_back(c);
            } else if (static_cast<unsigned char>(c) < 0x20) {
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            } else {
                out.push_back(c);
            }
        }
        return out + '"';
    }

    const MapLimits limits_;
    simdjson::dom::parser parser_;
};

JsonMapper::JsonMapper(MapLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
JsonMapper::~JsonMapper() = default;
JsonMapper::JsonMapper(JsonMapper&&) noexcept = default;
JsonMapper& JsonMapper::operator=(JsonMapper&&) noexcept = default;

Result<MapBody> JsonMapper::run(const JsonMap& map, Bytes payload, const MapInput& input) {
    return impl_->run(map, payload, input);
}

}  // namespace gongshu::wire
