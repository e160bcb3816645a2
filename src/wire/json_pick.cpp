#include "wire/json_pick.h"

#include "wire/json_parts.h"

namespace gongshu::wire {

namespace {

using json_parts::element;
using json_parts::element_type;
using Step = JsonPath::Step;

std::string shown(const Step& step) {
    return step.kind == Step::Kind::member ? fmt::format(".{}", step.name) : fmt::format("[{}]", step.index);
}

Result<element> take_step(element from, const Step& step, const std::string& at) {
    const element_type type = from.type();
    if (step.kind == Step::Kind::member) {
        if (type != element_type::OBJECT)
            return Error{Code::not_found, "{} is {}, which has no member \"{}\"", at, json_parts::kind_name(type),
                         step.name};
        element found;
        if (from[step.name].get(found) != simdjson::SUCCESS)
            return Error{Code::not_found, "{} has no member \"{}\"", at, step.name};
        return found;
    }
    if (type != element_type::ARRAY)
        return Error{Code::not_found, "{} is {}, which has no element {}", at, json_parts::kind_name(type), step.index};
    element found;
    if (from.at(step.index).get(found) != simdjson::SUCCESS)
        return Error{Code::not_found, "{} has no element {}", at, step.index};
    return found;
}

Result<Value> value_at(element root, const JsonPath& place) {
    element here = root;
    std::string at = "$";
    for (const Step& step : place.steps) {
        here = TRY(take_step(here, step, at));
        at += shown(step);
    }
    if (auto too_big = json_parts::oversized(here)) return *std::move(too_big);
    if (auto value = json_parts::scalar(here)) return *std::move(value);
    if (here.type() == element_type::NULL_VALUE) return Error{Code::not_found, "{} is null", at};
    return Error{Code::malformed, "{} is {}: choose one of its values", at, json_parts::kind_name(here.type())};
}

}  // namespace

Result<JsonPath> parse_json_place(std::string_view text) {
    const bool is_whole = text.starts_with('$');
    const std::string whole = is_whole ? std::string(text) : fmt::format("{}{}", text.starts_with('[') ? "$" : "$.", text);
    const JsonPath path = TRY(parse_json_path(whole));
    if (path.wildcards() != 0) return Error{Code::invalid, "{} stands for many values: choose one", text};
    return path;
}

class JsonPicker::Impl {
public:
    explicit Impl(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    Result<std::vector<Result<Value>>> pick(Bytes text, std::span<const JsonPath> places) {
        const element root = TRY(json_parts::parse(parser_, text, bytes_max_));
        std::vector<Result<Value>> values;
        values.reserve(places.size());
        for (const JsonPath& place : places) values.push_back(value_at(root, place));
        return values;
    }

private:
    const std::size_t bytes_max_;
    simdjson::dom::parser parser_;
};

JsonPicker::JsonPicker(std::size_t bytes_max) : impl_(std::make_unique<Impl>(bytes_max)) {}
JsonPicker::~JsonPicker() = default;
JsonPicker::JsonPicker(JsonPicker&&) noexcept = default;
JsonPicker& JsonPicker::operator=(JsonPicker&&) noexcept = default;

Result<std::vector<Result<Value>>> JsonPicker::pick(Bytes text, std::span<const JsonPath> places) {
    return impl_->pick(text, places);
}

}  // namespace gongshu::wire
