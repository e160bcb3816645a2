// What identifiers stand for, as rules: tables A.1 to A.5 of 2007 and table A of 1997 have the same things for each
// tariff, settlement day and phase.
#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/assert.h"
#include "wire/dlt645.h"

namespace gongshu::wire::dlt645 {
namespace {

struct Words {
    std::string_view name, zh, en;
};

// DI2 of 2007; DI1's last two bits and DI0's first digit of 1997, 0 = there is none.
struct EnergyKind {
    std::uint8_t of_2007;
    std::uint8_t reactive_1997, direction_1997;
    Words words;
    std::string_view unit, power;  // of energies, of demands
    bool is_signed;
};
constexpr EnergyKind kEnergies[] = {
    {0x00, 0, 0, {"combined_active", "组合有功", "combined active"}, "kWh", "kW", true},
    {0x01, 0, 1, {"forward_active", "正向有功", "forward active"}, "kWh", "kW", false},
    {0x02, 0, 2, {"reverse_active", "反向有功", "reverse active"}, "kWh", "kW", false},
    {0x03, 0, 0, {"combined_reactive_1", "组合无功1", "combined reactive 1"}, "kvarh", "kvar", true},
    {0x04, 0, 0, {"combined_reactive_2", "组合无功2", "combined reactive 2"}, "kvarh", "kvar", true},
    {0xff, 1, 1, {"forward_reactive", "正向无功", "forward reactive"}, "kvarh", "kvar", false},
    {0xff, 1, 2, {"reverse_reactive", "反向无功", "reverse reactive"}, "kvarh", "kvar", false},
    {0x05, 1, 3, {"q1_reactive", "第一象限无功", "quadrant 1 reactive"}, "kvarh", "kvar", false},
    {0x06, 1, 5, {"q2_reactive", "第二象限无功", "quadrant 2 reactive"}, "kvarh", "kvar", false},
    {0x07, 1, 6, {"q3_reactive", "第三象限无功", "quadrant 3 reactive"}, "kvarh", "kvar", false},
    {0x08, 1, 4, {"q4_reactive", "第四象限无功", "quadrant 4 reactive"}, "kvarh", "kvar", false},
    {0x09, 0, 0, {"forward_apparent", "正向视在", "forward apparent"}, "kVAh", "kVA", false},
    {0x0a, 0, 0, {"reverse_apparent", "反向视在", "reverse apparent"}, "kVAh", "kVA", false},
};
constexpr Words kTariffs[] = {{"total", "总", "total"},
                              {"sharp", "尖", "sharp"},
                              {"peak", "峰", "peak"},
                              {"flat", "平", "flat"},
                              {"valley", "谷", "valley"}};
constexpr Words kPhases[] = {{"a", "A相", "phase A"}, {"b", "B相", "phase B"}, {"c", "C相", "phase C"}};
constexpr unsigned kPhaseStep = 0x14;  // of DI2: 15 … is phase A's forward active
constexpr unsigned kTariffsOf2007 = 63, kTariffsOf1997 = 14;
constexpr unsigned kSettlementsOf2007 = 12, kSettlementsOf1997 = 2;

// What there is of each phase, and of all together if `has_total`. The last byte that counts is DI1 of 2007 and DI0 of
// 1997; `block` is what it is for all of them.
struct PhaseGroup {
    std::uint32_t id;  // of the total, or of the phase before A
    std::uint32_t step, block;
    bool has_total;
    Words words;
    std::string_view unit, format;
};
constexpr PhaseGroup kGroupsOf2007[] = {
    {0x02010000, 0x100, 0x0201ff00, false, {"voltage", "电压", "voltage"}, "V", "NNN.N"},
    {0x02020000, 0x100, 0x0202ff00, false, {"current", "电流", "current"}, "A", "-NNN.NNN"},
    {0x02030000, 0x100, 0x0203ff00, true, {"active_power", "有功功率", "active power"}, "kW", "-XX.XXXX"},
    {0x02040000, 0x100, 0x0204ff00, true, {"reactive_power", "无功功率", "reactive power"}, "kvar", "-XX.XXXX"},
    {0x02050000, 0x100, 0x0205ff00, true, {"apparent_power", "视在功率", "apparent power"}, "kVA", "-XX.XXXX"},
    {0x02060000, 0x100, 0x0206ff00, true, {"power_factor", "功率因数", "power factor"}, "", "-N.NNN"},
    {0x02070000, 0x100, 0x0207ff00, false, {"phase_angle", "相角", "phase angle"}, "degree", "NNN.N"},
    {0x02080000, 0x100, 0x0208ff00, false, {"voltage_thd", "电压波形失真度", "voltage distortion"}, "%", "XX.XX"},
    {0x02090000, 0x100, 0x0209ff00, false, {"current_thd", "电流波形失真度", "current distortion"}, "%", "XX.XX"},
};
constexpr PhaseGroup kGroupsOf1997[] = {
    {0xb610, 1, 0xb61f, false, {"voltage", "电压", "voltage"}, "V", "XXXX"},
    {0xb620, 1, 0xb62f, false, {"current", "电流", "current"}, "A", "XX.XX"},
    {0xb630, 1, 0, true, {"active_power", "有功功率", "active power"}, "kW", "XX.XXXX"},
    {0xb640, 1, 0xb64f, true, {"reactive_power", "无功功率", "reactive power"}, "kvar", "XX.XX"},
    {0xb650, 1, 0xb65f, true, {"power_factor", "功率因数", "power factor"}, "", "N.NNN"},
    {0xb310, 1, 0, true, {"phase_losses", "断相次数", "phase losses"}, "count", "XXXX"},
};

struct Single {
    std::uint32_t id;
    Words words;
    std::string_view unit, format;
};
constexpr Single kSinglesOf2007[] = {
    {0x02800001, {"neutral_current", "零线电流", "neutral current"}, "A", "-NNN.NNN"},
    {0x02800002, {"frequency", "电网频率", "frequency"}, "Hz", "XX.XX"},
    {0x02800003, {"minute_power", "一分钟有功总平均功率", "active power, mean of a minute"}, "kW", "-XX.XXXX"},
    {0x02800004, {"present_active_demand", "当前有功需量", "present active demand"}, "kW", "-XX.XXXX"},
    {0x02800005, {"present_reactive_demand", "当前无功需量", "present reactive demand"}, "kvar", "-XX.XXXX"},
    {0x02800006, {"present_apparent_demand", "当前视在需量", "present apparent demand"}, "kVA", "-XX.XXXX"},
    {0x02800007, {"temperature", "表内温度", "temperature inside"}, "degC", "-NNN.N"},
    {0x02800008, {"clock_battery", "时钟电池电压", "voltage of the clock's battery"}, "V", "XX.XX"},
    {0x02800009, {"reading_battery", "停电抄表电池电压", "voltage of the battery for reading"}, "V", "XX.XX"},
    {0x0280000a, {"battery_minutes", "内部电池工作时间", "time on battery"}, "min", "XXXXXXXX"},
    {0x04000101, {"meter_date", "日期", "date of the meter's clock"}, "", "YYMMDDWW"},
    {0x04000102, {"meter_time", "时间", "time of the meter's clock"}, "", "hhmmss"},
    {0x0400010c, {"meter_clock", "日期时间", "date and time of the meter's clock"}, "", "YYMMDDWWhhmmss"},
    {0x04000103, {"demand_period", "最大需量周期", "period of demands"}, "min", "NN"},
    {0x04000104, {"demand_slide", "滑差时间", "sliding time of demands"}, "min", "NN"},
    {0x04000105, {"pulse_width", "校表脉冲宽度", "pulse width"}, "ms", "XXXX"},
    {0x04000201, {"season_count", "年时区数", "yearly time zones"}, "count", "NN"},
    {0x04000202, {"day_table_count", "日时段表数", "daily tables"}, "count", "NN"},
    {0x04000203, {"day_slot_count", "日时段数", "daily time slots"}, "count", "NN"},
    {0x04000204, {"tariff_count", "费率数", "tariffs"}, "count", "NN"},
    {0x04000401, {"meter_address", "通信地址", "address"}, "", "N12"},
    {0x04000402, {"meter_number", "表号", "meter number"}, "", "N12"},
    {0x04000403, {"asset_number", "资产管理编码", "asset number"}, "", "text32"},
    {0x04000404, {"rated_voltage", "额定电压", "rated voltage"}, "", "text6"},
    {0x04000405, {"rated_current", "额定电流", "rated current"}, "", "text6"},
    {0x04000406, {"maximum_current", "最大电流", "maximum current"}, "", "text6"},
    {0x04000407, {"active_class", "有功准确度等级", "class, active"}, "", "text4"},
    {0x04000408, {"reactive_class", "无功准确度等级", "class, reactive"}, "", "text4"},
    {0x04000409, {"active_constant", "电表有功常数", "meter constant, pulses per kWh"}, "", "XXXXXX"},
    {0x0400040a, {"reactive_constant", "电表无功常数", "meter constant, pulses per kvarh"}, "", "XXXXXX"},
    {0x0400040b, {"meter_model", "电表型号", "model"}, "", "text10"},
    {0x0400040c, {"made_on", "生产日期", "date of manufacture"}, "", "text10"},
    {0x0400040d, {"protocol_version", "协议版本号", "version of the protocol"}, "", "text16"},
    {0x04000501, {"state_1", "电表运行状态字1", "state word 1"}, "", "bits2"},
    {0x04000502, {"state_2", "电表运行状态字2", "state word 2"}, "", "bits2"},
    {0x04000503, {"state_3", "电表运行状态字3", "state word 3"}, "", "bits2"},
    {0x04000504, {"state_4", "电表运行状态字4", "state word 4"}, "", "bits2"},
    {0x04000505, {"state_5", "电表运行状态字5", "state word 5"}, "", "bits2"},
    {0x04000506, {"state_6", "电表运行状态字6", "state word 6"}, "", "bits2"},
    {0x04000507, {"state_7", "电表运行状态字7", "state word 7"}, "", "bits2"},
};
constexpr Single kSinglesOf1997[] = {
    {0xb210, {"programmed_at", "最近一次编程时间", "last programming"}, "", "MMDDhhmm"},
    {0xb211, {"demand_cleared_at", "最近一次最大需量清零时间", "last clearing of demands"}, "", "MMDDhhmm"},
    {0xb212, {"programming_count", "编程次数", "times programmed"}, "count", "NNNN"},
    {0xb213, {"demand_clearing_count", "最大需量清零次数", "times that demands were cleared"}, "count", "NNNN"},
    {0xb214, {"battery_minutes", "电池工作时间", "time on battery"}, "min", "NNNNNN"},
    {0xc010, {"meter_date", "日期", "date of the meter's clock"}, "", "YYMMDDWW"},
    {0xc011, {"meter_time", "时间", "time of the meter's clock"}, "", "hhmmss"},
    {0xc020, {"state_1", "电表运行状态字", "state word"}, "", "bits1"},
    {0xc021, {"grid_state", "电网状态字", "state of the grid"}, "", "bits1"},
    {0xc030, {"active_constant", "电表有功常数", "meter constant, pulses per kWh"}, "", "NNNNNN"},
    {0xc031, {"reactive_constant", "电表无功常数", "meter constant, pulses per kvarh"}, "", "NNNNNN"},
    {0xc032, {"meter_number", "表号", "meter number"}, "", "N12"},
    {0xc033, {"user_number", "用户号", "user number"}, "", "N12"},
    {0xc034, {"device_code", "设备码", "device code"}, "", "N12"},
    {0xc111, {"demand_period", "最大需量周期", "period of demands"}, "min", "NN"},
};

std::span<const PhaseGroup> groups_of(Standard standard) {
    return standard == Standard::of_2007 ? std::span<const PhaseGroup>(kGroupsOf2007) : kGroupsOf1997;
}
std::span<const Single> singles_of(Standard standard) {
    return standard == Standard::of_2007 ? std::span<const Single>(kSinglesOf2007) : kSinglesOf1997;
}

Format format_of(std::string_view text) {
    auto format = parse_format(text);
    ASSERT(format.has_value());  // of the tables above
    return std::move(*format);
}

struct OwnedWords {
    std::string name, zh, en;
};

OwnedWords tariff_words(unsigned tariff) {
    if (tariff < std::size(kTariffs)) {
        const Words& words = kTariffs[tariff];
        return {std::string(words.name), std::string(words.zh), std::string(words.en)};
    }
    return {fmt::format("tariff{}", tariff), fmt::format("费率{}", tariff), fmt::format("tariff {}", tariff)};
}

// What an energy or a demand is of, however its edition writes it.
struct Measure {
    enum class What : std::uint8_t { energy, demand, demand_time };
    What what = What::energy;
    const EnergyKind* kind = nullptr;
    unsigned phase = 0;  // 1 A, 2 B, 3 C
    unsigned tariff = 0;
    unsigned back = 0;  // settlement days
};

// "@2", behind a name.
std::string back_suffix(unsigned back) { return back == 0 ? "" : fmt::format("@{}", back); }

Part energy_part(const Measure& of) {
    const EnergyKind& kind = *of.kind;
    OwnedWords of_what = tariff_words(of.tariff);
    if (of.phase > 0) {
        const Words& phase = kPhases[of.phase - 1];
        of_what = {std::string(phase.name), std::string(phase.zh), std::string(phase.en)};
    }
    Part part;
    part.name = fmt::format("{}_{}{}", kind.words.name, of_what.name, back_suffix(of.back));
    part.zh = of.phase > 0 ? fmt::format("{}{}电能", of_what.zh, kind.words.zh)
                           : fmt::format("{}{}电能", kind.words.zh, of_what.zh);
    part.en = fmt::format("{} energy, {}", kind.words.en, of_what.en);
    part.unit = kind.unit;
    part.format = format_of(kind.is_signed ? "-XXXXXX.XX" : "XXXXXX.XX");
    return part;
}

Part demand_part(const Measure& of, std::string_view time_format) {
    const EnergyKind& kind = *of.kind;
    OwnedWords of_what = tariff_words(of.tariff);
    if (of.phase > 0)
        of_what = {std::string(kPhases[of.phase - 1].name), std::string(kPhases[of.phase - 1].zh),
                   std::string(kPhases[of.phase - 1].en)};
    const bool is_plain = of.phase == 0 && of.tariff == 0;
    const bool is_time = of.what == Measure::What::demand_time;
    Part part;
    part.name = fmt::format("{}_demand{}{}{}", kind.words.name, is_plain ? "" : "_" + of_what.name,
                            is_time ? "_time" : "", back_suffix(of.back));
    part.zh = of.phase > 0 ? fmt::format("{}{}最大需量{}", of_what.zh, kind.words.zh, is_time ? "发生时间" : "")
                           : fmt::format("{}{}最大需量{}", kind.words.zh, of_what.zh, is_time ? "发生时间" : "");
    part.en = fmt::format("{} demand, {}{}", kind.words.en, of_what.en, is_time ? ", time" : "");
    part.unit = is_time ? std::string_view{} : kind.power;
    part.format = format_of(is_time ? time_format : kind.is_signed ? "-XX.XXXX" : "XX.XXXX");
    return part;
}

void tell_back(std::vector<Part>& parts, unsigned back, std::string_view zh, std::string_view en) {
    if (back == 0) return;
    for (Part& part : parts) {
        part.zh = fmt::format("(上{}{}){}", back, zh, part.zh);
        part.en = fmt::format("{}, {} {} back", part.en, back, en);
    }
}

// An item of its parts: of one it has the words.
Item item_of(Standard standard, std::uint32_t id, std::vector<Part> parts, bool is_block) {
    Item item;
    item.standard = standard;
    item.id = id;
    item.is_block = is_block;
    item.parts = std::move(parts);
    if (!is_block) {
        item.name = item.parts[0].name;
        item.zh = item.parts[0].zh;
        item.en = item.parts[0].en;
    }
    return item;
}

void name_block(Item& item, std::string name, std::string zh, std::string en) {
    item.name = std::move(name);
    item.zh = std::move(zh) + "数据块";
    item.en = std::move(en) + ", all";
}

const EnergyKind* find_kind_2007(unsigned di2) {
    for (const EnergyKind& kind : kEnergies)
        if (kind.of_2007 != 0xff && kind.of_2007 == di2) return &kind;
    return nullptr;
}

// 00 energies, 01 demands with their times.
std::optional<Item> measure_of_2007(std::uint32_t id) {
    const unsigned di3 = id >> 24, di2 = id >> 16 & 0xff, di1 = id >> 8 & 0xff, di0 = id & 0xff;
    const bool is_demand = di3 == 1;
    Measure of;
    of.phase = di2 > kPhaseStep ? (di2 - 1) / kPhaseStep : 0;
    of.kind = of.phase <= 3 ? find_kind_2007(di2 - of.phase * kPhaseStep) : nullptr;
    const bool all_tariffs = di1 == 0xff, all_days = di0 == 0xff;
    if (of.kind == nullptr || (all_tariffs && all_days) || (of.phase > 0 && di1 != 0)) return std::nullopt;
    if ((!all_tariffs && di1 > kTariffsOf2007) || (!all_days && di0 > kSettlementsOf2007)) return std::nullopt;
    if (is_demand && of.kind->of_2007 == 0) return std::nullopt;  // there is no combined active demand
    std::vector<Part> parts;
    const unsigned count = all_tariffs ? kTariffsOf2007 + 1 : all_days ? kSettlementsOf2007 + 1 : 1;
    for (unsigned i = 0; i < count; ++i) {
        of.tariff = all_tariffs ? i : di1;
        of.back = all_days ? i : di0;
        std::vector<Part> some;
        of.what = is_demand ? Measure::What::demand : Measure::What::energy;
        some.push_back(is_demand ? demand_part(of, "") : energy_part(of));
        of.what = Measure::What::demand_time;
        if (is_demand) some.push_back(demand_part(of, "YYMMDDhhmm"));
        tell_back(some, of.back, "结算日", "settlement day");
        std::ranges::move(some, std::back_inserter(parts));
    }
    Item item = item_of(Standard::of_2007, id, std::move(parts), count > 1);
    if (count > 1) {
        const std::string_view what = is_demand ? "_demand" : "";
        const std::string phase = of.phase > 0 ? fmt::format("_{}", kPhases[of.phase - 1].name) : "";
        const std::string of_which = all_tariffs    ? fmt::format("_all{}", back_suffix(di0))
                                     : of.phase > 0 ? "@all"
                                                    : fmt::format("_{}@all", tariff_words(di1).name);
        name_block(item, fmt::format("{}{}{}{}", of.kind->words.name, what, phase, of_which),
                   fmt::format("{}{}", of.kind->words.zh, is_demand ? "最大需量" : "电能"),
                   fmt::format("{} {}", of.kind->words.en, is_demand ? "demand" : "energy"));
    }
    return item;
}

// 9x energies, Ax demands, Bx with the same lower digits their times.
std::optional<Item> measure_of_1997(std::uint32_t id) {
    const unsigned type = id >> 12 & 0xf, when = id >> 10 & 3, reactive = id >> 8 & 3, direction = id >> 4 & 0xf,
                   tariff = id & 0xf;
    if (type < 9 || type > 0xb || when > kSettlementsOf1997 || reactive > 1) return std::nullopt;
    Measure of;
    of.what = type == 9 ? Measure::What::energy : type == 0xa ? Measure::What::demand : Measure::What::demand_time;
    for (const EnergyKind& kind : kEnergies)
        if (kind.direction_1997 != 0 && kind.direction_1997 == direction && kind.reactive_1997 == reactive)
            of.kind = &kind;
    if (of.kind == nullptr) return std::nullopt;
    const bool all_tariffs = tariff == 0xf;
    std::vector<Part> parts;
    of.back = when;
    for (unsigned i = all_tariffs ? 0 : tariff; i <= (all_tariffs ? kTariffsOf1997 : tariff); ++i) {
        of.tariff = i;
        parts.push_back(of.what == Measure::What::energy ? energy_part(of) : demand_part(of, "MMDDhhmm"));
    }
    tell_back(parts, when, "月", "month");
    Item item = item_of(Standard::of_1997, id, std::move(parts), all_tariffs);
    if (all_tariffs) {
        const bool is_energy = of.what == Measure::What::energy;
        const std::string_view what = is_energy ? "" : of.what == Measure::What::demand ? "_demand" : "_demand_time";
        name_block(item, fmt::format("{}{}_all{}", of.kind->words.name, what, back_suffix(when)),
                   fmt::format("{}{}", of.kind->words.zh, is_energy ? "电能" : "最大需量"),
                   fmt::format("{} {}", of.kind->words.en, is_energy ? "energy" : "demand"));
    }
    return item;
}

Part phase_part(const PhaseGroup& group, unsigned phase) {
    Part part;
    part.name = group.words.name;
    part.zh = group.words.zh;
    part.en = group.words.en;
    if (phase > 0) {
        part.name = fmt::format("{}_{}", part.name, kPhases[phase - 1].name);
        part.zh = fmt::format("{}{}", kPhases[phase - 1].zh, part.zh);
        part.en = fmt::format("{}, {}", part.en, kPhases[phase - 1].en);
    }
    part.unit = group.unit;
    part.format = format_of(group.format);
    return part;
}

std::optional<Item> grouped(Standard standard, std::uint32_t id) {
    for (const PhaseGroup& group : groups_of(standard)) {
        const unsigned first = group.has_total ? 0 : 1;
        if (group.block != 0 && id == group.block) {
            std::vector<Part> parts;
            for (unsigned phase = first; phase <= 3; ++phase) parts.push_back(phase_part(group, phase));
            Item item = item_of(standard, id, std::move(parts), true);
            name_block(item, fmt::format("{}_all", group.words.name), std::string(group.words.zh),
                       std::string(group.words.en));
            return item;
        }
        for (unsigned phase = first; phase <= 3; ++phase)
            if (id == group.id + phase * group.step) return item_of(standard, id, {phase_part(group, phase)}, false);
    }
    return std::nullopt;
}

std::optional<Item> single(Standard standard, std::uint32_t id) {
    for (const Single& one : singles_of(standard)) {
        if (one.id != id) continue;
        Part part{std::string(one.words.name), std::string(one.words.zh), std::string(one.words.en),
                  std::string(one.unit), format_of(one.format)};
        return item_of(standard, id, {std::move(part)}, false);
    }
    return std::nullopt;
}

// ---- names ----

struct Place {
    std::uint32_t id;
    std::uint16_t part;
};
struct Names {
    std::vector<Part> list;  // in the order of the tables
    std::unordered_map<std::string, Place> places;

    // Whatever stands for something now; a block stands for itself.
    void add(Standard standard, std::uint32_t id) {
        const auto item = describe(standard, id);
        if (!item) return;
        if (item->is_block) {
            if (places.try_emplace(item->name, Place{id, 0}).second)
                list.push_back({item->name, item->zh, item->en, item->parts[0].unit, item->parts[0].format});
            return;
        }
        for (std::size_t i = 0; i < item->parts.size(); ++i)
            if (places.try_emplace(item->parts[i].name, Place{id, static_cast<std::uint16_t>(i + 1)}).second)
                list.push_back(item->parts[i]);
    }
};

Names names_of_2007() {
    Names names;
    for (std::uint32_t di3 = 0; di3 < 2; ++di3)
        for (std::uint32_t di2 = 0; di2 <= 0x0a + 3 * kPhaseStep; ++di2)
            for (std::uint32_t di1 = 0; di1 <= kTariffsOf2007 + 1; ++di1)
                names.add(Standard::of_2007, di3 << 24 | di2 << 16 | (di1 > kTariffsOf2007 ? 0xff : di1) << 8);
    for (const PhaseGroup& group : kGroupsOf2007) {
        for (std::uint32_t phase = 0; phase <= 3; ++phase) names.add(Standard::of_2007, group.id + phase * group.step);
        names.add(Standard::of_2007, group.block);
    }
    for (const Single& one : kSinglesOf2007) names.add(Standard::of_2007, one.id);
    return names;
}

Names names_of_1997() {
    Names names;
    for (const std::uint32_t type : {0x9000u, 0xa000u, 0xb000u})
        for (const std::uint32_t reactive : {0x000u, 0x100u})
            for (std::uint32_t low = 0x10; low < 0x70; ++low) names.add(Standard::of_1997, type | reactive | low);
    for (const PhaseGroup& group : kGroupsOf1997) {
        for (std::uint32_t phase = 0; phase <= 3; ++phase) names.add(Standard::of_1997, group.id + phase * group.step);
        if (group.block != 0) names.add(Standard::of_1997, group.block);
    }
    for (const Single& one : kSinglesOf1997) names.add(Standard::of_1997, one.id);
    return names;
}

const Names& names_of(Standard standard) {
    static const Names of_2007 = names_of_2007(), of_1997 = names_of_1997();
    return standard == Standard::of_2007 ? of_2007 : of_1997;
}

// ---- addresses of properties ----

Error wrong_address(Standard standard, std::string_view text, std::string_view why) {
    return Error{
        Code::invalid,
        "\"{}\" is no address in a meter of DL/T 645-{}: {}; expected an identifier such as {} or a name such as "
        "forward_active_total",
        text.substr(0, 60),
        to_string(standard),
        why,
        standard == Standard::of_2007 ? "00010000" : "9010"};
}

std::optional<std::uint32_t> hex_number(std::string_view text, std::size_t digits) {
    std::uint32_t number = 0;
    if (text.size() != digits) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<unsigned> decimal(std::string_view text, unsigned most) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < 1 || number > most)
        return std::nullopt;
    return number;
}

// The same, so many settlement days or months ago.
std::optional<std::uint32_t> moved_back(Standard standard, std::uint32_t id, unsigned back) {
    const std::uint32_t type = standard == Standard::of_2007 ? id >> 24 : id >> 12;
    if (standard == Standard::of_2007) return type < 2 ? std::optional{id + back} : std::nullopt;
    return type == 9 || type == 0xa || (type == 0xb && (id & 0x200) == 0) ? std::optional{id + 0x400 * back}
                                                                          : std::nullopt;
}

Result<Address> named_address(Standard standard, std::string_view text) {
    const std::size_t at = text.find('@');
    const Names& names = names_of(standard);
    const auto found = names.places.find(std::string(text.substr(0, at)));
    if (found == names.places.end()) return wrong_address(standard, text, "the name is not known");
    Address address{found->second.id, found->second.part, std::nullopt};
    if (at == std::string_view::npos) return address;
    const unsigned most = standard == Standard::of_2007 ? kSettlementsOf2007 : kSettlementsOf1997;
    const auto back = decimal(text.substr(at + 1), most);
    if (!back) return wrong_address(standard, text, fmt::format("behind @ stands a number from 1 to {}", most));
    const auto moved = moved_back(standard, address.id, *back);
    if (!moved || !describe(standard, *moved))
        return wrong_address(standard, text, "only energies and demands are kept for settlement days");
    address.id = *moved;
    return address;
}

// ".3", ".time" or nothing behind an identifier that is known.
Result<std::uint16_t> part_of(Standard standard, std::string_view text, std::string_view part, const Item& item) {
    if (part == "time" && !item.is_block && item.parts.size() == 2) return std::uint16_t{2};
    if (part.empty()) return static_cast<std::uint16_t>(item.is_block ? 0 : 1);
    if (const auto number = decimal(part, static_cast<unsigned>(item.parts.size())))
        return static_cast<std::uint16_t>(*number);
    return wrong_address(
        standard, text,
        fmt::format("behind the point stands a number from 1 to {}, or time for a demand's", item.parts.size()));
}

const Format& format_at(const Item& item, std::size_t part) { return item.parts[part].format; }

// A value as the property has it.
Result<std::optional<Value>> as_type(const Value& value, ValueType type, const std::string& id) {
    if (type == ValueType::text) return std::optional<Value>(gongshu::to_string(value));
    if (type == ValueType::number && type_of(value) == ValueType::integer)
        return std::optional<Value>(*as_number(value));
    if (auto converted = convert_exactly(value, type)) return converted;
    return Error{Code::limit, "{} is {}, which is not exactly a {}", id, gongshu::to_string(value),
                 gongshu::to_string(type)};
}

Error wrong_size(const std::string& id, std::size_t found, std::size_t expected) {
    return Error{
        Code::malformed,
        "{} came with {} bytes, expected {}; if this meter has another format, write it behind the identifier, as "
        "in {}/XX.XX",
        id,
        found,
        expected,
        id};
}

}  // namespace

std::optional<Item> describe(Standard standard, std::uint32_t id) {
    const bool is_2007 = standard == Standard::of_2007;
    if (!is_2007 && id > 0xffff) return std::nullopt;
    if (auto item = grouped(standard, id)) return item;
    if (auto item = single(standard, id)) return item;
    if (!is_2007) return measure_of_1997(id);
    return id >> 24 < 2 ? measure_of_2007(id) : std::nullopt;
}

const std::vector<Part>& known_names(Standard standard) { return names_of(standard).list; }

Result<std::vector<PartValue>> decode_item(const Item& item, Bytes value) {
    // 1997 ends a block with AA.
    if (item.is_block && item.standard == Standard::of_1997 && !value.empty() && value.back() == 0xaa)
        value = value.first(value.size() - 1);
    std::vector<PartValue> values;
    std::size_t at = 0;
    for (std::size_t i = 0; i < item.parts.size() && at < value.size(); ++i) {
        const Format& format = format_at(item, i);
        if (value.size() - at < format.bytes)
            return wrong_size(id_text(item.standard, item.id), value.size(), at + format.bytes);
        auto decoded = TRY(decode_value(format, value.subspan(at, format.bytes)).context("{}", item.parts[i].name));
        values.push_back({i, std::move(decoded)});
        at += format.bytes;
    }
    if (at < value.size() || values.empty())
        return wrong_size(id_text(item.standard, item.id), value.size(), at > 0 ? at : format_at(item, 0).bytes);
    return values;
}

Result<Buffer> encode_item(const Item& item, std::span<const std::optional<Value>> values) {
    ASSERT(values.size() <= item.parts.size());
    Buffer out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Buffer bytes = TRY(encode_value(format_at(item, i), values[i]).context("{}", item.parts[i].name));
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

Result<Address> parse_address(Standard standard, std::string_view text) {
    const std::size_t slash = text.find('/');
    const std::string_view place = text.substr(0, slash), before_point = place.substr(0, place.find('.'));
    const auto id = hex_number(before_point, standard == Standard::of_2007 ? 8 : 4);
    if (!id) {
        if (slash != std::string_view::npos)
            return wrong_address(standard, text, "a format stands behind identifiers only");
        return named_address(standard, text);
    }
    if (*id >> 24 == 0xff) return wrong_address(standard, text, "its first byte must not be FF");
    Address address{*id, 1, std::nullopt};
    if (slash != std::string_view::npos) {
        if (place.size() != before_point.size())
            return wrong_address(standard, text, "either a part or a format stands behind the identifier");
        address.format = TRY(parse_format(text.substr(slash + 1)).context("address \"{}\"", text.substr(0, 60)));
        return address;
    }
    const auto item = describe(standard, *id);
    if (!item)
        return wrong_address(
            standard, text,
            fmt::format("what it stands for is not known here; write its format behind it, as in {}/XX.XX",
                        before_point));
    const std::string_view part =
        place.size() > before_point.size() ? place.substr(before_point.size() + 1) : std::string_view{};
    if (place.ends_with('.')) return wrong_address(standard, text, "nothing stands behind the point");
    address.part = TRY(part_of(standard, text, part, *item));
    return address;
}

Result<std::optional<Value>> decode_property(Standard standard, const Address& address, Bytes value, ValueType type) {
    if (address.format) {
        if (value.size() != address.format->bytes)
            return wrong_size(id_text(standard, address.id), value.size(), address.format->bytes);
        const auto decoded = TRY(decode_value(*address.format, value));
        if (!decoded) return std::optional<Value>{};
        return as_type(*decoded, type, id_text(standard, address.id));
    }
    const auto item = describe(standard, address.id);
    ASSERT(item.has_value() && address.part <= item->parts.size());  // as parse_address() gave it
    const std::vector<PartValue> values = TRY(decode_item(*item, value));
    if (address.part > 0) {
        if (address.part > values.size() || !values[address.part - 1u].value) return std::optional<Value>{};
        return as_type(*values[address.part - 1u].value, type, id_text(standard, address.id));
    }
    if (type != ValueType::text)
        return Error{Code::invalid,
                     "{} is a block of {} values; choose one of them, as in {}.1, or make the property a text",
                     id_text(standard, address.id), values.size(), id_text(standard, address.id)};
    std::string text;
    for (const PartValue& one : values)
        text.append(text.empty() ? "" : " ").append(one.value ? gongshu::to_string(*one.value) : "-");
    return std::optional{Value{std::move(text)}};
}

}  // namespace gongshu::wire::dlt645
