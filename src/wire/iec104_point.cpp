#include "wire/iec104_point.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include "wire/iec104_types.h"

namespace gongshu::wire::iec104 {

namespace {

constexpr std::pair<Type, Type> kPlain[] = {
    {Type::m_sp_tb_1, Type::m_sp_na_1}, {Type::m_dp_tb_1, Type::m_dp_na_1}, {Type::m_st_tb_1, Type::m_st_na_1},
    {Type::m_bo_tb_1, Type::m_bo_na_1}, {Type::m_me_td_1, Type::m_me_na_1}, {Type::m_me_te_1, Type::m_me_nb_1},
    {Type::m_me_tf_1, Type::m_me_nc_1}, {Type::m_it_tb_1, Type::m_it_na_1}, {Type::m_me_nd_1, Type::m_me_na_1},
    {Type::c_sc_ta_1, Type::c_sc_na_1}, {Type::c_dc_ta_1, Type::c_dc_na_1}, {Type::c_rc_ta_1, Type::c_rc_na_1},
    {Type::c_se_ta_1, Type::c_se_na_1}, {Type::c_se_tb_1, Type::c_se_nb_1}, {Type::c_se_tc_1, Type::c_se_nc_1},
    {Type::c_bo_ta_1, Type::c_bo_na_1},
};
// Which command suits what is told.
constexpr std::pair<Type, Type> kCommandOf[] = {
    {Type::m_sp_na_1, Type::c_sc_na_1}, {Type::m_dp_na_1, Type::c_dc_na_1}, {Type::m_st_na_1, Type::c_rc_na_1},
    {Type::m_bo_na_1, Type::c_bo_na_1}, {Type::m_me_na_1, Type::c_se_na_1}, {Type::m_me_nb_1, Type::c_se_nb_1},
    {Type::m_me_nc_1, Type::c_se_nc_1},
};

std::optional<Type> find(std::span<const std::pair<Type, Type>> list, Type type) {
    for (const auto& [from, to] : list)
        if (from == type) return to;
    return std::nullopt;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const std::size_t from = text.find_first_not_of(' ');
        if (from == text.npos) return words;
        text.remove_prefix(from);
        const std::size_t length = std::min(text.find(' '), text.size());
        words.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
}

bool same_word(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::ranges::equal(a, b, [&](char x, char y) { return lower(x) == lower(y); });
}

// select, direct, short, long or persistent; false: another word.
bool take_word(std::string_view word, Order& order) {
    constexpr std::string_view kPulses[] = {"short", "long", "persistent"};
    for (const bool select : {true, false})
        if (same_word(word, select ? "select" : "direct")) return order.select_first = select, true;
    for (std::size_t i = 0; i < std::size(kPulses); ++i)
        if (same_word(word, kPulses[i])) return order.qualifier = static_cast<std::uint8_t>(i + 1), true;
    return false;
}

Result<Type> command_for(const Address& point, ValueType property) {
    if (point.type)
        if (const auto command = find(kCommandOf, plain(*point.type))) return *command;
    if (!point.type && property == ValueType::boolean) return Type::c_sc_na_1;
    return Error{Code::invalid,
                 "it does not say which command: write it with its address, such as C_SC 6001 (single), C_DC 6001 "
                 "(double), C_RC 6001 (step), C_SE_NA 6201 (normalised), C_SE_NB 6201 (scaled) or C_SE_NC 6201 (short "
                 "floating point)"};
}

std::optional<Type> command_type(std::string_view word) {
    const auto type = parse_type(word);
    return type && is_command(*type) ? type : std::nullopt;
}

bool is_pulsed(Type type) {
    return type == Type::c_sc_na_1 || type == Type::c_dc_na_1 || type == Type::c_rc_na_1;
}

Result<void> check_order(const Order& order, ValueType property) {
    const Type type = plain(order.type);
    if (order.qualifier != 0 && !is_pulsed(type))
        return Error{Code::invalid, "short, long and persistent are of C_SC, C_DC and C_RC alone: {} has none",
                     to_string(order.type)};
    if (order.select_first == true && type == Type::c_bo_na_1)
        return Error{Code::invalid, "{} cannot be selected: send it directly", to_string(order.type)};
    const bool is_fine = property != ValueType::text && (property != ValueType::boolean || type == Type::c_sc_na_1 ||
                                                         type == Type::c_dc_na_1);
    if (is_fine) return {};
    return Error{Code::invalid, "{} cannot be ordered by a property of type {}", to_string(order.type),
                 gongshu::to_string(property)};
}

// A boolean or a number that is one of two.
Result<std::int64_t> one_of(const Order& order, const Value& value, std::int64_t off, std::int64_t on) {
    if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? on : off;
    const double number = as_number(value).value_or(-1);
    if (number == static_cast<double>(off)) return off;
    if (number == static_cast<double>(on)) return on;
    return Error{Code::invalid, "{} takes {} (off) or {} (on), not {}", to_string(order.type), off, on,
                 gongshu::to_string(value)};
}

// A tap changer goes one step at a time: the value is the position that it shall have.
Result<std::int64_t> step_to(const Order& order, const Value& value, const Scaling& scaling,
                             std::optional<std::int64_t> position) {
    const double wanted = (as_number(value).value_or(0) - scaling.offset) / scaling.scale;
    if (!position) return 1;
    const double from = static_cast<double>(*position);
    if (std::abs(wanted - (from + 1)) < 1e-6) return 2;
    if (std::abs(wanted - (from - 1)) < 1e-6) return 1;
    return Error{Code::invalid, "{} goes one step at a time: from {} to {} or {}, not to {}",
                 to_string(order.type),
                 scaled(from, scaling), scaled(from - 1, scaling),
                 scaled(from + 1, scaling), gongshu::to_string(value)};
}

// The nearest that the type can hold; its limits are told in the units of the property.
Result<std::int64_t> whole(const Order& order, const Scaling& scaling, const Value& value, double per_unit, double min,
                           double max) {
    const double number = as_number(value).value_or(std::nan(""));
    const double raw = std::round((number - scaling.offset) / scaling.scale * per_unit);
    if (raw >= min && raw <= max) return static_cast<std::int64_t>(raw);
    const double a = scaled(min / per_unit, scaling), b = scaled(max / per_unit, scaling);
    return Error{Code::limit, "{} takes {} to {}, not {}", to_string(order.type), std::min(a, b), std::max(a, b),
                 gongshu::to_string(value)};
}

}  // namespace

Type plain(Type type) { return find(kPlain, type).value_or(type); }

Result<Address> parse_point(std::string_view at, std::string_view as) {
    Address address = TRY(parse_address(at).context("point.at"));
    if (!as.empty()) {
        const auto type = parse_type(as);
        if (!type || !is_point(*type))
            return Error{Code::invalid,
                         "point.as: expected nothing, or the type that is told: M_SP (single point), M_DP (double point), "
                         "M_ST (step position), M_BO (bitstring), M_ME_NA, M_ME_NB, M_ME_NC (measured values) or M_IT "
                         "(totals), found \"{}\"",
                         as.substr(0, 60)};
        if (address.type && *address.type != *type)
            return Error{Code::invalid, "point.as: {} stands in `at` already, and {} here: leave one out",
                         to_string(*address.type), to_string(*type)};
        address.type = type;
    }
    if (address.type && !is_point(*address.type))
        return Error{Code::invalid,
                     "point.at: {} is a command: write where the value is told here, and the command in `write`",
                     to_string(*address.type)};
    return address;
}

bool holds(ValueType property, Type told) {
    const Type type = plain(told);
    if (property == ValueType::text) return false;
    return property != ValueType::boolean || type == Type::m_sp_na_1 || type == Type::m_dp_na_1;
}

Result<Order> parse_order(std::string_view write, const Address& point, ValueType property) {
    std::vector<std::string_view> words = words_of(write);
    Order order;
    order.common_address = point.common_address;
    order.address = point.address;
    while (!words.empty() && take_word(words.back(), order)) words.pop_back();
    if (words.size() == 1 && command_type(words[0])) {
        order.type = *command_type(words[0]);
    } else if (words.empty()) {
        order.type = TRY(command_for(point, property));
    } else {
        const std::string_view end = words.back();
        const auto length = static_cast<std::size_t>(end.data() + end.size() - words.front().data());
        const Address address = TRY(parse_address({words.front().data(), length}));
        if (address.type && !is_command(*address.type))
            return Error{Code::invalid, "{} is no command: expected one such as C_SC, C_DC, C_RC, C_SE_NA, C_SE_NB or "
                                        "C_SE_NC",
                         to_string(*address.type)};
        order.type = address.type ? *address.type : TRY(command_for(point, property));
        order.address = address.address;
        if (address.common_address) order.common_address = address.common_address;
    }
    TRY(check_order(order, property));
    return order;
}

double resolution(Type type) {
    switch (plain(type)) {
        case Type::m_me_na_1:
        case Type::c_se_na_1:
            return 1.0 / 32'768;
        case Type::m_me_nb_1:
        case Type::c_se_nb_1:
            return 1;
        default:
            return 0;
    }
}

Result<Object> order_object(const Order& order, const Scaling& scaling, const Value& value,
                            std::optional<std::int64_t> position) {
    Object object;
    object.address = order.address;
    object.qualifier = order.qualifier;
    switch (plain(order.type)) {
        case Type::c_sc_na_1:
            object.number = TRY(one_of(order, value, 0, 1));
            break;
        case Type::c_dc_na_1:
            object.number = TRY(one_of(order, value, 1, 2));
            break;
        case Type::c_rc_na_1:
            object.number = TRY(step_to(order, value, scaling, position));
            break;
        case Type::c_se_na_1:
            object.number = TRY(whole(order, scaling, value, 32'768, -32'768, 32'767));
            break;
        case Type::c_se_nb_1:
            object.number = TRY(whole(order, scaling, value, 1, -32'768, 32'767));
            break;
        case Type::c_se_nc_1:
            object.real = std::bit_cast<float>(
                TRY(encode_f32(to_string(order.type), scaling, as_number(value).value_or(std::nan("")))));
            break;
        default:
            object.number = TRY(whole(order, scaling, value, 1, 0, 4'294'967'295.0));
            break;
    }
    return object;
}

Result<std::uint16_t> parse_common_address(std::string_view text) {
    const auto address = parse_address(text);
    if (!address || address->type || address->common_address || address->address >= kBroadcast)
        return Error{Code::invalid, "expected the common address of an outstation, 1 to 65534, found \"{}\"",
                     text.substr(0, 60)};
    return static_cast<std::uint16_t>(address->address);
}

Result<Zone> parse_zone(std::string_view text) {
    if (same_word(text, "UTC")) return Zone{};
    const auto digit = [&](std::size_t at) {
        return at < text.size() && text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100;
    };
    const int hours = digit(1) * 10 + digit(2), minutes = digit(4) * 10 + digit(5);
    const bool is_form = text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':';
    if (!is_form || hours > 14 || minutes > 59)
        return Error{Code::invalid, "expected UTC, or how far local time is from it, such as +08:00, found \"{}\"",
                     text.substr(0, 60)};
    return Zone{.offset_minutes = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes)};
}

}  // namespace gongshu::wire::iec104
