#include "history/where.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/assert.h"
#include "base/utf8.h"
#include "history/value_filter.h"

namespace gongshu::history {

namespace {

constexpr std::string_view kSpaces = " \t";
constexpr std::size_t kShown = 80;  // bytes of a text that is not understood

std::string_view trimmed(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
    return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

template <class T>
std::optional<T> whole_of(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<Value> parse_bound(std::string_view text) {
    text = trimmed(text);
    if (text == "true") return Value{true};
    if (text == "false") return Value{false};
    if (text.size() >= 2 && (text.front() == '\'' || text.front() == '"') && text.back() == text.front())
        return Value{std::string(text.substr(1, text.size() - 2))};
    if (const auto whole = whole_of<std::int64_t>(text)) return Value{*whole};
    if (const auto number = whole_of<double>(text); number && std::isfinite(*number)) return Value{*number};
    return Error{Code::invalid, "\"{}\" is neither a number nor true, false or a text in quotes, as in state='RUN'",
                 cut_utf8(text, kShown)};
}

struct Operator {
    std::string_view text;
    Comparison comparison;
};
// The longer ones first.
constexpr Operator kOperators[] = {{"<=", Comparison::less_or_equal}, {">=", Comparison::greater_or_equal},
                                   {"!=", Comparison::unequal},       {"==", Comparison::equal},
                                   {"<", Comparison::less},           {">", Comparison::greater},
                                   {"=", Comparison::equal}};

Result<std::vector<WhereText>> parse_between(std::string_view property, std::string_view text) {
    const std::size_t at = text.find(" and ");
    if (at == std::string_view::npos)
        return Error{Code::invalid, "\"{}\" has no end, as in temperature between 20 and 30", cut_utf8(text, kShown)};
    const Value low = TRY(parse_bound(text.substr(0, at)));
    const Value high = TRY(parse_bound(text.substr(at + 5)));
    return std::vector<WhereText>{{std::string(property), Comparison::greater_or_equal, low},
                                  {std::string(property), Comparison::less_or_equal, high}};
}

}  // namespace

Result<std::vector<WhereText>> parse_where(std::string_view text) {
    constexpr std::string_view kBetween = " between ";
    const std::size_t at = text.find_first_of("<>=!");
    if (const std::size_t between = text.find(kBetween); between < at) {
        const std::string_view property = trimmed(text.substr(0, between));
        if (!property.empty()) return parse_between(property, text.substr(between + kBetween.size()));
    }
    const std::string_view property = trimmed(text.substr(0, at));
    for (const Operator& one : kOperators) {
        if (at == std::string_view::npos || property.empty() || !text.substr(at).starts_with(one.text)) continue;
        const Value bound = TRY(parse_bound(text.substr(at + one.text.size())));
        return std::vector<WhereText>{{std::string(property), one.comparison, bound}};
    }
    return Error{Code::invalid,
                 "\"{}\" is no condition; give a property, one of < <= = != >= > and a value, as in "
                 "temperature>80, or a range, as in temperature between 20 and 30",
                 cut_utf8(text, kShown)};
}

Result<std::vector<WhereText>> parse_conditions(std::span<const std::string> texts) {
    std::vector<WhereText> where;
    for (const std::string& text : texts)
        for (WhereText& one : TRY(parse_where(text))) where.push_back(std::move(one));
    if (where.size() > kConditionsMax)
        return Error{Code::limit, "more than {} conditions in one question", kConditionsMax};
    return where;
}

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
    const std::size_t dot = path.find('.', path.rfind('/') == path.npos ? 0 : path.rfind('/'));
    if (dot == path.npos) return {path, {}};
    return {path.substr(0, dot), path.substr(dot + 1)};
}

std::vector<DeviceTags> devices_of(const TagList& tags) {
    std::vector<DeviceTags> devices;
    std::unordered_map<std::string_view, std::size_t> places;
    for (const TagPtr& tag : tags) {
        const std::string_view path = split_path(tag->path).first;
        std::size_t at = devices.size() - 1;
        if (devices.empty() || devices.back().path != path) at = places.try_emplace(path, devices.size()).first->second;
        if (at == devices.size()) devices.push_back({.path = path, .tags = {}, .object = {}});
        devices[at].tags.push_back(tag);
    }
    for (DeviceTags& device : devices)
        for (const TagPtr& tag : device.tags) device.object.tags.push_back(tag->id);
    return devices;
}

namespace {

// Of those tags that are asked for or else by its path.
TagPtr property_of(const DeviceTags& device, const std::string& property, const FindTag& find) {
    for (const TagPtr& tag : device.tags)
        if (split_path(tag->path).second == property) return tag;
    return find(fmt::format("{}.{}", device.path, property));
}

Error none_has(std::span<const WhereText> where, std::span<const bool> is_somewhere) {
    std::string all;
    for (std::size_t i = 0; i < where.size(); ++i) {
        if (!is_somewhere[i])
            return Error{Code::not_found, "none of the devices that are asked for has a property \"{}\"",
                         where[i].property};
        const auto* const before = std::ranges::find(where.data(), &where[i], where[i].property, &WhereText::property);
        if (before == &where[i]) all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", where[i].property);
    }
    return Error{Code::not_found, "none of the devices that are asked for has all of the properties {}", all};
}

}  // namespace

Result<void> set_conditions(std::span<const WhereText> where, const FindTag& find, std::vector<DeviceTags>& devices) {
    ASSERT(where.size() <= kConditionsMax);
    std::array<bool, kConditionsMax> is_somewhere{};
    std::array<TagPtr, kConditionsMax> tags;
    const bool any = !devices.empty();
    std::size_t kept = 0;
    for (DeviceTags& device : devices) {
        bool has_all = true;
        for (std::size_t i = 0; i < where.size(); ++i) {
            tags[i] = property_of(device, where[i].property, find);
            is_somewhere[i] = is_somewhere[i] || tags[i];
            has_all = has_all && tags[i];
        }
        if (!has_all) continue;
        for (std::size_t i = 0; i < where.size(); ++i) {
            TRY(ValueFilter::create(tags[i]->type, where[i].comparison, where[i].bound).context("{}", tags[i]->path));
            device.object.where.push_back({tags[i]->id, where[i].comparison, where[i].bound});
        }
        if (&devices[kept] != &device) devices[kept] = std::move(device);
        ++kept;
    }
    devices.resize(kept);
    if (any && kept == 0) return none_has(where, is_somewhere);
    return {};
}

}  // namespace gongshu::history
