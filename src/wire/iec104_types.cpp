// Which types there are, and what numbers mean in words.
#include "wire/iec104_types.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace gongshu::wire::iec104 {

namespace {

constexpr TypeInfo kTypes[] = {
    {Type::m_sp_na_1, "M_SP_NA_1", Element::single, 1, false},
    {Type::m_dp_na_1, "M_DP_NA_1", Element::twofold, 1, false},
    {Type::m_st_na_1, "M_ST_NA_1", Element::step, 2, false},
    {Type::m_bo_na_1, "M_BO_NA_1", Element::bits, 5, false},
    {Type::m_me_na_1, "M_ME_NA_1", Element::normalised, 3, false},
    {Type::m_me_nb_1, "M_ME_NB_1", Element::scaled, 3, false},
    {Type::m_me_nc_1, "M_ME_NC_1", Element::real, 5, false},
    {Type::m_it_na_1, "M_IT_NA_1", Element::totals, 5, false},
    {Type::m_me_nd_1, "M_ME_ND_1", Element::bare_normalised, 2, false},
    {Type::m_sp_tb_1, "M_SP_TB_1", Element::single, 1, true},
    {Type::m_dp_tb_1, "M_DP_TB_1", Element::twofold, 1, true},
    {Type::m_st_tb_1, "M_ST_TB_1", Element::step, 2, true},
    {Type::m_bo_tb_1, "M_BO_TB_1", Element::bits, 5, true},
    {Type::m_me_td_1, "M_ME_TD_1", Element::normalised, 3, true},
    {Type::m_me_te_1, "M_ME_TE_1", Element::scaled, 3, true},
    {Type::m_me_tf_1, "M_ME_TF_1", Element::real, 5, true},
    {Type::m_it_tb_1, "M_IT_TB_1", Element::totals, 5, true},
    {Type::c_sc_na_1, "C_SC_NA_1", Element::single_command, 1, false},
    {Type::c_dc_na_1, "C_DC_NA_1", Element::double_command, 1, false},
    {Type::c_rc_na_1, "C_RC_NA_1", Element::step_command, 1, false},
    {Type::c_se_na_1, "C_SE_NA_1", Element::set_normalised, 3, false},
    {Type::c_se_nb_1, "C_SE_NB_1", Element::set_scaled, 3, false},
    {Type::c_se_nc_1, "C_SE_NC_1", Element::set_real, 5, false},
    {Type::c_bo_na_1, "C_BO_NA_1", Element::set_bits, 4, false},
    {Type::c_sc_ta_1, "C_SC_TA_1", Element::single_command, 1, true},
    {Type::c_dc_ta_1, "C_DC_TA_1", Element::double_command, 1, true},
    {Type::c_rc_ta_1, "C_RC_TA_1", Element::step_command, 1, true},
    {Type::c_se_ta_1, "C_SE_TA_1", Element::set_normalised, 3, true},
    {Type::c_se_tb_1, "C_SE_TB_1", Element::set_scaled, 3, true},
    {Type::c_se_tc_1, "C_SE_TC_1", Element::set_real, 5, true},
    {Type::c_bo_ta_1, "C_BO_TA_1", Element::set_bits, 4, true},
    {Type::m_ei_na_1, "M_EI_NA_1", Element::start, 1, false},
    {Type::c_ic_na_1, "C_IC_NA_1", Element::interrogation, 1, false},
    {Type::c_ci_na_1, "C_CI_NA_1", Element::counters, 1, false},
    {Type::c_rd_na_1, "C_RD_NA_1", Element::none, 0, false},
    {Type::c_cs_na_1, "C_CS_NA_1", Element::none, 0, true},
    {Type::c_ts_na_1, "C_TS_NA_1", Element::pattern, 2, false},
    {Type::c_ts_ta_1, "C_TS_TA_1", Element::test_counter, 2, true},
};
constexpr std::size_t kTypeCount = std::size(kTypes);

struct Meaning {
    Cause cause;
    std::string_view text;
};
constexpr Meaning kCauses[] = {
    {Cause::periodic, "periodic"},
    {Cause::background, "background scan"},
    {Cause::spontaneous, "spontaneous"},
    {Cause::initialised, "initialised"},
    {Cause::requested, "requested"},
    {Cause::activation, "activation"},
    {Cause::activation_con, "confirmation of activation"},
    {Cause::deactivation, "deactivation"},
    {Cause::deactivation_con, "confirmation of deactivation"},
    {Cause::activation_term, "termination of activation"},
    {Cause::return_remote, "return information of a remote command"},
    {Cause::return_local, "return information of a local command"},
    {Cause::file, "file transfer"},
    {Cause::interrogated_station, "interrogated by station"},
    {Cause::counters_general, "general counter interrogation"},
    {Cause::unknown_type, "the outstation does not know this type"},
    {Cause::unknown_cause, "the outstation does not know this cause of transmission"},
    {Cause::unknown_common_address, "no outstation has this common address"},
    {Cause::unknown_address, "the outstation has no such object address"},
};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return upper(x) == upper(y); });
}

// Whole, without _1, or where there is only one of the kind without _NA_1: C_SC, but not C_SE.
bool is_name_of(const TypeInfo& info, std::string_view text) {
    const std::string_view name = info.name;
    const bool is_one_of_many = name.starts_with("M_ME") || name.starts_with("C_SE");
    return same_name(name, text) || same_name(name.substr(0, name.size() - 2), text) ||
           (name.ends_with("_NA_1") && !is_one_of_many && same_name(name.substr(0, name.size() - 5), text));
}

}  // namespace

const TypeInfo* info_of(Type type) {
    const auto* const found = std::ranges::find(kTypes, type, &TypeInfo::type);
    return found == std::end(kTypes) ? nullptr : found;
}

std::span<const Type> types() {
    static const std::array<Type, kTypeCount> all = [] {
        std::array<Type, kTypeCount> made{};
        for (std::size_t i = 0; i < kTypeCount; ++i) made[i] = kTypes[i].type;
        return made;
    }();
    return all;
}

bool is_known(Type type) { return info_of(type) != nullptr; }
bool is_point(Type type) { return type <= Type::m_it_tb_1 && is_known(type); }
bool is_command(Type type) { return type >= Type::c_sc_na_1 && type <= Type::c_bo_ta_1 && is_known(type); }
bool has_time(Type type) {
    const TypeInfo* const info = info_of(type);
    return info != nullptr && info->timed;
}

std::string to_string(Type type) {
    const TypeInfo* const info = info_of(type);
    return info != nullptr ? std::string(info->name) : fmt::format("type {}", static_cast<unsigned>(type));
}

std::optional<Type> parse_type(std::string_view text) {
    for (const TypeInfo& info : kTypes)
        if (is_name_of(info, text)) return info.type;
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number > 255) return std::nullopt;
    const auto type = static_cast<Type>(number);
    return is_known(type) ? std::optional(type) : std::nullopt;
}

std::string to_string(Cause cause) {
    for (const Meaning& meaning : kCauses)
        if (meaning.cause == cause) return std::string(meaning.text);
    const auto number = static_cast<unsigned>(cause);
    if (number > 20 && number <= 36) return fmt::format("interrogated by group {}", number - 20);
    if (number > 37 && number <= 41) return fmt::format("counter interrogation of group {}", number - 37);
    return fmt::format("cause {}", number);
}

Error refusal(const Asdu& asdu) {
    const bool is_known_reason = asdu.cause >= Cause::unknown_type && asdu.cause <= Cause::unknown_address;
    const std::string reason =
        is_known_reason
            ? to_string(asdu.cause)
            : "it is not allowed now: is the outstation switched to local, interlocked, or busy with another?";
    const std::uint32_t address = asdu.objects.empty() ? 0 : asdu.objects[0].address;
    return Error{
        Code::denied, "the outstation refuses {} at {}/{}: {}", to_string(asdu.type), asdu.common_address, address,
        reason};
}

}  // namespace gongshu::wire::iec104
