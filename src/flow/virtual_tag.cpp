#include "flow/virtual_tag.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/interval.h"
#include "data/money.h"
#include "expr/units.h"
#include "flow/rule.h"
#include "flow/scope.h"
#include "registry/kind_of.h"
#include "registry/kinds/device.h"
#include "registry/names.h"
#include "registry/tag_at.h"
#include "registry/units.h"

namespace gongshu::flow {

BOOST_DESCRIBE_ENUM(VirtualType, auto_, number, integer, boolean, text)
BOOST_DESCRIBE_STRUCT(VirtualIntervals, (), (kind, attributes, min_length, join_gap))
BOOST_DESCRIBE_STRUCT(VirtualTagSpec, (),
                      (title_zh, title_en, device, device_type, property, expr, unit, type, lateness, min_interval,
                       decimals, intervals, enabled))

namespace {

constexpr std::size_t kTitleBytesMax = 200;
constexpr DurationNs kLatenessMax = kHour;
constexpr DurationNs kMinIntervalMax = kDay;
constexpr std::size_t kVisitedMax = 50'000;  // places looked at for a cycle
constexpr std::size_t kWayMax = 1'000;       // that read one another
constexpr std::size_t kCheckedMax = 1'000;   // places whose tags are looked at
constexpr int kDepthMax = 32;                // virtual tags that read each other, in a check

// Every name stands for something unknown: only the grammar is checked. Remembers the names.
class NamesOnly final : public expr::Scope {
public:
    explicit NamesOnly(std::vector<std::string>* names = nullptr) : names_(names) {}
    std::optional<expr::ScopeTag> find(std::string_view name) const override {
        if (parse_quality(name) || expr::is_own_name(name)) return std::nullopt;
        if (names_) names_->emplace_back(name);
        return expr::ScopeTag{.path = std::string(name), .known = false};
    }
    std::shared_ptr<const expr::WorkingDays> working_days() const override { return any_working_days(); }

private:
    std::vector<std::string>* names_;
};

std::string property_of(std::string_view name, const VirtualTagSpec& spec) {
    return spec.property.empty() ? std::string(name) : spec.property;
}

bool is_of_devices(const VirtualTagSpec& spec) { return spec.device || spec.device_type; }

std::string type_of_device(const registry::ResourceReader& registry, TenantId tenant, std::string_view device) {
    const auto resource = registry.find(tenant, "device", device);
    if (!resource) return "";
    auto spec = registry::spec_of<registry::DeviceSpec>(*resource);
    return spec ? std::move(spec->type) : "";
}

std::vector<registry::Property> declared(const registry::ResourceReader& registry, TenantId tenant,
                                         std::string_view type) {
    const auto resource = registry.find(tenant, "device_type", type);
    if (!resource) return {};
    auto spec = registry::spec_of<registry::DeviceTypeSpec>(*resource);
    return spec ? std::move(spec->properties) : std::vector<registry::Property>{};
}

bool declares(const registry::ResourceReader& registry, TenantId tenant, std::string_view type,
              std::string_view property) {
    return std::ranges::any_of(declared(registry, tenant, type),
                               [&](const registry::Property& one) { return one.name == property; });
}

Result<void> check_lateness(std::string_view text) {
    if (TRY(parse_duration(text)) > kLatenessMax)
        return Error{Code::limit, "expected at most 1h, found \"{}\": readings wait in memory for so long",
                     text.substr(0, 40)};
    return {};
}

Result<void> check_min_interval(std::string_view text) {
    if (TRY(parse_duration(text)) > kMinIntervalMax)
        return Error{Code::limit, "expected at most 1d, found \"{}\"", text.substr(0, 40)};
    return {};
}

constexpr DurationNs kIntervalDurationMax = 7 * kDay;

Result<void> check_interval_duration(std::string_view text) {
    if (TRY(parse_duration(text)) > kIntervalDurationMax)
        return Error{Code::limit, "expected at most 7d, found \"{}\"", text.substr(0, 40)};
    return {};
}

// Kind and attributes as of an interval by hand.
Result<void> check_intervals(const VirtualIntervals& wish) {
    Interval one;
    one.subject = "p:any";
    one.kind = wish.kind;
    for (const auto& [name, value] : wish.attributes) one.attributes[name] = value;
    if (const auto fault = interval_fault(one)) return Error{Code::invalid, "intervals.{}", *fault};
    if (wish.kind == "alarm")
        return Error{Code::invalid, "intervals.kind: intervals of alarms come from rules; choose another kind"};
    return {};
}

// Only what is true or false says how long.
Result<void> check_interval_type(const VirtualTagSpec& spec, std::optional<ValueType> type) {
    if (!spec.intervals || !type || *type == ValueType::boolean) return {};
    return Error{Code::invalid, "intervals: the expression gives {}; expected true or false, such as power < 1",
                 *type == ValueType::text ? "a text" : "a number"};
}

Result<void> check_alone(const VirtualTagSpec& spec) {
    if (spec.intervals) TRY(check_intervals(*spec.intervals));
    if (spec.device && spec.device_type)
        return Error{
            Code::invalid,
            "device_type: a virtual tag belongs to a device or to a device type, not to both; leave one empty"};
    if (!spec.property.empty() && !is_of_devices(spec))
        return Error{Code::invalid,
                     "property: it names the tag beneath a device; give a device or a device type, or leave it empty"};
    if (!spec.property.empty()) TRY(registry::check_word(spec.property).context("property"));
    TRY(compile_virtual(spec, NamesOnly{}));
    return {};
}

Result<void> check_name(std::string_view name, const VirtualTagSpec& spec) {
    if (is_of_devices(spec)) {
        if (!spec.property.empty()) return {};
        return registry::check_word(name).context(
            "name: of a virtual tag of devices it is the property beneath them, unless \"property\" gives that");
    }
    const std::string_view last = name.substr(name.rfind('/') == name.npos ? 0 : name.rfind('/') + 1);
    if (const auto fault = tag_path_fault(name)) return Error{Code::invalid, "name: {}", *fault};
    if (last.find('.') == last.npos)
        return Error{Code::invalid,
                     "name: \"{}\" is not the path of a tag; expected such as plant/line1/press.power_total, or give a "
                     "device or a device type",
                     name};
    return {};
}

Result<void> check_among(const registry::ResourceReader& reader, TenantId tenant, std::string_view name,
                         const VirtualTagSpec& spec) {
    TRY(check_name(name, spec));
    // What fits its tags no more, because a type was changed, can still be switched off.
    if (!spec.enabled) return {};
    const VirtualProgram program = TRY(
        compile_virtual(spec, PlannedScope{reader, tenant, spec.device.value_or(""), spec.device_type.value_or("")}));
    return check_interval_type(spec, program.type);
}

}  // namespace

std::vector<registry::Fact> facts_of(const VirtualIntervals*) {
    return {{.field = "kind",
             .title_zh = "种类",
             .title_en = "Kind",
             .help_zh = "小写英文，例如 downtime",
             .help_en = "In small letters, such as downtime",
             .required = true,
             .length_max = Interval::kKindBytesMax},
            {.field = "attributes",
             .title_zh = "属性",
             .title_en = "Attributes",
             .help_zh = "每个时段都带上的名称和值",
             .help_en = "Names and values that each interval gets",
             .length_max = Interval::kAttributesMax},
            {.field = "min_length",
             .title_zh = "最短",
             .title_en = "Minimum length",
             .help_zh = "比这短的不算",
             .help_en = "Shorter ones do not count",
             .widget = "duration",
             .check = check_interval_duration},
            {.field = "join_gap",
             .title_zh = "合并间隔",
             .title_en = "Joined pauses",
             .help_zh = "中断不超过这么久仍算同一个时段",
             .help_en = "A pause of at most so long is part of one interval",
             .widget = "duration",
             .check = check_interval_duration}};
}

std::vector<registry::Fact> facts_of(const VirtualTagSpec*) {
    return {
        {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
        {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
        {.field = "device",
         .title_zh = "设备",
         .title_en = "Device",
         .help_zh = "表达式里的短名是它的属性，虚拟点位也在它下面",
         .help_en = "Short names in the expression are its properties, and the virtual tag appears beneath it",
         .ref = "devices"},
        {.field = "device_type",
         .title_zh = "设备型号",
         .title_en = "Device type",
         .help_zh = "该型号的每台设备各有一个",
         .help_en = "One for each device of this type",
         .ref = "device_types"},
        {.field = "property",
         .title_zh = "属性名",
         .title_en = "Property",
         .help_zh = "在设备下面的名称；空 = 与资源同名",
         .help_en = "Its name beneath the device; empty: that of the resource",
         .length_max = 100},
        {.field = "expr",
         .title_zh = "表达式",
         .title_en = "Expression",
         .help_zh = "例如 voltage * current 或 avg(temperature, 5m)",
         .help_en = "Such as voltage * current or avg(temperature, 5m)",
         .required = true,
         .length_max = expr::kTextBytesMax,
         .widget = "expression"},
        {.field = "unit",
         .title_zh = "单位",
         .title_en = "Unit",
         .help_zh = "空 = 由表达式得出；同类的单位会换算",
         .help_en = "Empty: that of the expression; a unit of the same quantity is converted to",
         .length_max = 64,
         .check = registry::check_unit_text},
        {.field = "type",
         .title_zh = "类型",
         .title_en = "Type",
         .choices = {{"auto", "由表达式得出", "As the expression gives"},
                     {"number", "数值", "Number"},
                     {"integer", "整数", "Integer"},
                     {"boolean", "是/否", "Boolean"},
                     {"text", "文本", "Text"}}},
        {.field = "lateness",
         .title_zh = "等待迟到数据",
         .title_en = "Wait for late data",
         .help_zh = "读数比它的时间晚到不超过这么久就算数；结果也晚这么久",
         .help_en = "A reading counts if it comes at most so long after its time; values come so much later too",
         .widget = "duration",
         .check = check_lateness},
        {.field = "min_interval",
         .title_zh = "最小间隔",
         .title_en = "Minimum interval",
         .help_zh = "每段时间只留最后一个值；0s = 全部保留",
         .help_en = "Only the last value of each such span of time is kept; 0s: all",
         .widget = "duration",
         .check = check_min_interval},
        {.field = "decimals",
         .title_zh = "小数位数",
         .title_en = "Decimals",
         .help_zh = "空 = 不取整",
         .help_en = "Empty: not rounded",
         .min = 0,
         .max = 12},
        {.field = "intervals",
         .title_zh = "生成时段",
         .title_en = "Make intervals",
         .help_zh = "值为真期间生成一个时段",
         .help_en = "While the value is true, an interval lasts"},
        {.field = "enabled", .title_zh = "启用", .title_en = "Enabled"},
    };
}

registry::Kind virtual_tag_kind() {
    return registry::make_kind<VirtualTagSpec>({.name = "virtual_tag",
                                                .plural = "virtual_tags",
                                                .title_zh = "虚拟点位",
                                                .title_en = "Virtual tag",
                                                .about_zh = "由其他点位计算得出的点位",
                                                .about_en = "A tag whose values are computed from other tags",
                                                .path_names = true},
                                               {.alone = check_alone, .among = check_among});
}

std::vector<VirtualPlace> virtual_places(const registry::ResourceReader& registry, TenantId tenant,
                                         std::string_view name, const VirtualTagSpec& spec) {
    if (!is_of_devices(spec)) return {{std::string(name), "", ""}};
    std::vector<VirtualPlace> places;
    const std::string property = property_of(name, spec);
    const auto add = [&](const registry::Resource& device) {
        places.push_back({device.name + "." + property, device.name, device.uid});
    };
    if (spec.device) {
        if (const auto device = registry.find(tenant, "device", *spec.device)) add(*device);
        return places;
    }
    for (const auto& device : registry.list_shared(tenant, "device")) {
        const auto of = registry::spec_of<registry::DeviceSpec>(*device);
        if (of && of->type == *spec.device_type) add(*device);
    }
    return places;
}

std::string virtual_source(std::string_view uid, std::string_view device_uid) {
    return device_uid.empty() ? fmt::format("v:{}", uid) : fmt::format("v:{}@{}", uid, device_uid);
}

std::vector<std::string> paths_named(const VirtualTagSpec& spec, const VirtualPlace& place) {
    std::vector<std::string> names, paths;
    std::ignore = expr::compile(spec.expr, NamesOnly{&names});
    for (const std::string& name : names) {
        if (!place.device.empty()) paths.push_back(place.device + "." + name);
        paths.push_back(name);
    }
    return paths;
}

namespace {

struct Kinds {
    std::optional<ValueType> type;  // of a tag that holds it
    std::string_view en = "a number", zh = "数值";
};

std::optional<Kinds> kinds_of(expr::Kind kind) {
    switch (kind) {
        case expr::Kind::any:
            return Kinds{};
        case expr::Kind::number:
            return Kinds{ValueType::number};
        case expr::Kind::integer:
            return Kinds{ValueType::integer};
        case expr::Kind::truth:
            return Kinds{ValueType::boolean, "true or false", "是/否"};
        case expr::Kind::text:
        case expr::Kind::quality:
            return Kinds{ValueType::text, "a text", "文本"};
        case expr::Kind::money:
            return Kinds{ValueType::number, "money", "金额"};
        case expr::Kind::price:
            return Kinds{ValueType::number, "a price", "单价"};
        case expr::Kind::date:
            return Kinds{ValueType::text, "a date", "日期"};
        case expr::Kind::time:
            break;
    }
    return std::nullopt;
}

// The type of values of a program under a spec; nullopt while the program's own is not known.
Result<std::optional<ValueType>> type_of(const VirtualTagSpec& spec, expr::Kind kind, std::string& zh) {
    const auto gives = kinds_of(kind);
    if (!gives) {
        zh = "expr：它得出一个时刻，点位存不下；请取其中一部分，例如 hour(…)，或两个时刻之差";
        return Error{Code::invalid,
                     "expr: it gives a time, which a tag cannot hold; take a part of it, such as hour(…), or the "
                     "difference of two times"};
    }
    if (spec.type == VirtualType::auto_) {
        // A unit is of numbers; a conversion makes an integer a number.
        if (gives->type == ValueType::integer && !spec.unit.empty()) return std::optional{ValueType::number};
        return gives->type;
    }
    const auto wanted = static_cast<ValueType>(spec.type);
    if (!gives->type || (*gives->type == ValueType::text) == (wanted == ValueType::text)) return std::optional{wanted};
    zh = fmt::format("type：表达式得出{}，类型 {} 存不下；应为 {} 或 auto", gives->zh, to_string(wanted),
                     to_string(*gives->type));
    return Error{Code::invalid, "type: the expression gives {}, which {} cannot hold; expected {} or auto", gives->en,
                 to_string(wanted), to_string(*gives->type)};
}

}  // namespace

Result<VirtualProgram> compile_virtual(const VirtualTagSpec& spec, const expr::Scope& scope, VirtualWrong* wrong) {
    VirtualWrong nobody;
    VirtualWrong& told = wrong ? *wrong : nobody;
    auto program = expr::compile(spec.expr, scope);
    if (!program) {
        told.error = program.error();
        told.zh = fmt::format("expr：第 {} 列：{}", program.error().column, program.error().text_in("zh"));
        return program.error().to_error().context("expr");
    }
    VirtualProgram made{.program = std::move(*program)};
    if (made.program->tags().empty()) {
        told.zh = "expr：其中没有任何点位，永远不会有值；请至少写一个点位";
        return Error{Code::invalid, "expr: it names no tag, so that it would never have a value; name at least one"};
    }
    made.kind = made.program->kind();
    made.type = TRY(type_of(spec, made.kind, told.zh));
    made.unit = made.program->unit();
    const auto money = expr::is_money(made.kind) ? expr::money_unit(made.unit) : std::nullopt;
    if (money)
        made.minor = std::pow(10.0, money->per.empty() ? minor_digits(money->currency).value_or(2) : kPriceDigits);
    if (spec.unit.empty()) return made;
    if (money) {
        if (const auto wanted = expr::money_unit(spec.unit); wanted && wanted->text() == made.unit) return made;
        told.zh = fmt::format("unit：表达式得出的金额以 {0} 计，不能换算成 {1}；应留空", made.unit, spec.unit);
        return Error{Code::invalid,
                     "unit: the expression gives money in {}, which cannot be told in {}; leave it empty", made.unit,
                     spec.unit};
    }
    if (made.kind == expr::Kind::any) {
        made.unit = spec.unit;
        return made;
    }
    if (made.kind != expr::Kind::number && made.kind != expr::Kind::integer) {
        const Kinds gives = kinds_of(made.kind).value_or(Kinds{});
        told.zh = fmt::format("unit：表达式得出{}，没有单位；请留空", gives.zh);
        return Error{Code::invalid, "unit: the expression gives {}, which has no unit; leave it empty", gives.en};
    }
    if (!made.unit.empty()) {
        const auto conversion = made.program->is_difference() ? expr::difference_conversion(made.unit, spec.unit)
                                                              : expr::conversion(made.unit, spec.unit);
        if (!conversion) {
            told.zh =
                fmt::format("unit：表达式的单位是 {0}，不能换算成 {1}：两者量的不是同一种东西；应为 {0} 一类的单位",
                            made.unit, spec.unit);
            return Error{Code::invalid,
                         "unit: the expression gives {0}, which cannot be told in {1}: they measure different things; "
                         "expected a unit such as {0}",
                         made.unit, spec.unit};
        }
        made.factor = conversion->factor;
        made.offset = conversion->offset;
    }
    made.unit = spec.unit;
    return made;
}

std::optional<expr::ExprError> grammar_error(std::string_view text) {
    const auto program = expr::compile(text, NamesOnly{});
    return program ? std::nullopt : std::optional{program.error()};
}

struct VirtualIndex::Impl {
    Impl(const registry::ResourceReader& of, TenantId whose) : registry(of), tenant(whose) {}

    struct Entry {
        std::string name, uid;
        VirtualTagSpec spec;
    };
    const registry::ResourceReader& registry;
    const TenantId tenant;
    std::map<std::string, Entry> entries;                                       // by uid
    std::map<std::string, std::string, std::less<>> by_path;                    // of those of no device: uid
    std::map<std::string, std::set<std::string>, std::less<>> by_property;      // of devices: uids
    std::map<std::string, std::optional<expr::ScopeTag>, std::less<>> planned;  // none: being found out
    int depth = 0;

    void add(Entry entry) {
        if (is_of_devices(entry.spec))
            by_property[property_of(entry.name, entry.spec)].insert(entry.uid);
        else
            by_path[entry.name] = entry.uid;
        entries.insert_or_assign(entry.uid, std::move(entry));
    }
    void drop(const std::string& uid) {
        const auto found = entries.find(uid);
        if (found == entries.end()) return;
        std::erase_if(by_path, [&](const auto& one) { return one.second == uid; });
        for (auto& [property, uids] : by_property) uids.erase(uid);
        entries.erase(found);
    }
};

VirtualIndex::VirtualIndex(const registry::ResourceReader& registry, TenantId tenant)
    : impl_(std::make_unique<Impl>(registry, tenant)) {
    for (const auto& resource : registry.list_shared(tenant, "virtual_tag"))
        if (auto spec = registry::spec_of<VirtualTagSpec>(*resource))
            impl_->add({resource->name, resource->uid, std::move(*spec)});
}
VirtualIndex::~VirtualIndex() = default;

void VirtualIndex::suppose(std::string_view name, std::string_view uid, const VirtualTagSpec& spec) {
    impl_->drop(std::string(uid));
    impl_->add({std::string(name), std::string(uid), spec});
    impl_->planned.clear();
}

std::optional<VirtualIndex::Found> VirtualIndex::at(std::string_view path) const {
    if (impl_->entries.empty()) return std::nullopt;
    if (const auto found = impl_->by_path.find(path); found != impl_->by_path.end()) {
        const Impl::Entry& entry = impl_->entries.at(found->second);
        return Found{entry.name, entry.uid, &entry.spec, {std::string(path), "", ""}};
    }
    if (impl_->by_property.empty()) return std::nullopt;
    const std::size_t level = path.rfind('/') == path.npos ? 0 : path.rfind('/');
    for (auto dot = path.find('.', level); dot != path.npos; dot = path.find('.', dot + 1)) {
        const std::string_view device = path.substr(0, dot), property = path.substr(dot + 1);
        if (!impl_->by_property.contains(property)) continue;
        if (auto found = of(device, type_of_device(impl_->registry, impl_->tenant, device), property)) return found;
    }
    return std::nullopt;
}

std::optional<VirtualIndex::Found> VirtualIndex::of(std::string_view device, std::string_view device_type,
                                                    std::string_view property) const {
    const auto uids = impl_->by_property.find(property);
    if (uids == impl_->by_property.end()) return std::nullopt;
    for (const std::string& uid : uids->second) {
        const Impl::Entry& entry = impl_->entries.at(uid);
        const bool here = entry.spec.device ? *entry.spec.device == device && !device.empty()
                                            : *entry.spec.device_type == device_type && !device_type.empty();
        if (!here) continue;
        VirtualPlace place{std::string(property), std::string(device), ""};
        if (!device.empty()) {
            place.path = fmt::format("{}.{}", device, property);
            const auto resource = impl_->registry.find(impl_->tenant, "device", device);
            if (!resource) continue;
            place.device_uid = resource->uid;
        }
        return Found{entry.name, entry.uid, &entry.spec, std::move(place)};
    }
    return std::nullopt;
}

std::vector<std::string> VirtualIndex::properties(std::string_view device, std::string_view device_type) const {
    std::vector<std::string> list;
    const std::string type =
        device.empty() ? std::string(device_type) : type_of_device(impl_->registry, impl_->tenant, device);
    for (const auto& [property, uids] : impl_->by_property)
        if (of(device, type, property)) list.push_back(property);
    return list;
}

expr::ScopeTag VirtualIndex::planned(const Found& found) {
    expr::ScopeTag unknown{.path = found.place.path, .known = false};
    const std::string key = fmt::format("{}\n{}", found.uid, found.place.device);
    const auto [at, fresh] = impl_->planned.try_emplace(key);
    if (!fresh) return at->second ? *at->second : unknown;
    if (impl_->depth >= kDepthMax) {
        impl_->planned.erase(at);
        return unknown;
    }
    ++impl_->depth;
    const PlannedScope scope{impl_->registry, impl_->tenant, found.place.device,
                             found.place.device.empty() ? found.spec->device_type.value_or("") : "", this};
    auto program = compile_virtual(*found.spec, scope);
    --impl_->depth;
    expr::ScopeTag tag = unknown;
    if (program && program->type) tag = {found.place.path, program->unit, *program->type, true};
    impl_->planned.insert_or_assign(key, tag);
    return tag;
}

std::vector<std::string> VirtualIndex::reads(const Found& found) const {
    std::vector<std::string> names, paths;
    std::ignore = expr::compile(found.spec->expr, NamesOnly{&names});
    for (const std::string& name : names) {
        auto read = found.place.device.empty() ? std::nullopt : at(found.place.device + "." + name);
        if (!read) read = at(name);
        if (read && std::ranges::find(paths, read->place.path) == paths.end()) paths.push_back(read->place.path);
    }
    return paths;
}

namespace {

// A way that leads back to where it came by, if there is one from `from` on. Those in `done` lead to none.
std::optional<std::vector<std::string>> cycle_from(const VirtualIndex& index, const std::string& from,
                                                   std::set<std::string>& done) {
    struct Step {
        std::string path;
        std::vector<std::string> reads;
        std::size_t next = 0;
    };
    std::vector<Step> way;
    const auto enter = [&](const std::string& path) {
        const auto found = index.at(path);
        way.push_back({path, found ? index.reads(*found) : std::vector<std::string>{}});
    };
    if (!done.contains(from)) enter(from);
    while (!way.empty()) {
        Step& step = way.back();
        if (step.next == step.reads.size()) {
            done.insert(step.path);
            way.pop_back();
            continue;
        }
        const std::string next = step.reads[step.next++];
        const auto met = std::ranges::find(way, next, &Step::path);
        if (met != way.end()) {
            std::vector<std::string> cycle;
            for (auto one = met; one != way.end(); ++one) cycle.push_back(one->path);
            cycle.push_back(next);
            return cycle;
        }
        if (done.size() < kVisitedMax && way.size() < kWayMax && !done.contains(next)) enter(next);
    }
    return std::nullopt;
}

Result<void> check_places(const registry::ResourceReader& before, const Tags& tags, const registry::Resource& next,
                          const VirtualTagSpec& spec, const std::vector<VirtualPlace>& places,
                          const VirtualIndex& others) {
    const std::string field = is_of_devices(spec) ? "property" : "name";
    for (const VirtualPlace& place : places) {
        // Declared by a device's type, if there is a device at such a place.
        for (auto dot = place.path.find('.'); dot != std::string::npos; dot = place.path.find('.', dot + 1)) {
            const std::string device = place.path.substr(0, dot), property = place.path.substr(dot + 1);
            const std::string type = type_of_device(before, next.tenant, device);
            if (!type.empty() && declares(before, next.tenant, type, property))
                return Error{Code::invalid,
                             "{}: {} is a property that the device type {} declares; choose another name", field,
                             place.path, type};
        }
        if (const auto other = others.at(place.path); other && other->uid != next.uid)
            return Error{Code::invalid, "{}: the virtual tag {} makes {} already; choose another name", field,
                         other->name, place.path};
        const auto there = tags.find(next.tenant, place.path);
        if (!there || there->path != place.path || there->key.source.starts_with("v:")) continue;
        return Error{Code::invalid, "{}: readings come to {} already; choose another name for what is computed", field,
                     place.path};
    }
    return {};
}

// Values that are stored have no unit of their own: under another one of the tag they would say something else. A first
// unit, and another word for the same one, change nothing of what they say.
Result<void> check_keeps_unit(const VirtualTagSpec& spec, std::string_view path, std::string_view kept,
                              std::string_view gives) {
    if (kept.empty() || kept == gives) return {};
    const auto same = expr::conversion(kept, gives);
    if (same && same->factor == 1 && same->offset == 0) return {};
    return Error{
        Code::invalid,
        "{}: {} keeps values in {}, and they would read as {} from now on: set the unit to {}, or make a virtual "
        "tag of another name; or delete this one, make it again and make its past values",
        spec.unit.empty() ? "expr" : "unit",
        path,
        kept,
        gives.empty() ? "values without a unit" : gives,
        kept};
}

// With the tags there are: names and units fit, and a tag keeps the type and the unit that it was made with.
Result<void> check_live(const registry::ResourceReader& before, const Tags& tags, const registry::Resource& next,
                        const VirtualTagSpec& spec, const std::vector<VirtualPlace>& places) {
    if (!spec.enabled) return {};  // what fits no more can still be switched off
    const auto stored = before.find(next.tenant, "virtual_tag", next.name);
    const auto old = stored ? registry::spec_of<VirtualTagSpec>(*stored) : Result<VirtualTagSpec>{VirtualTagSpec{}};
    // Only what this changes: a unit that follows what it reads is not of this.
    const bool may_change_unit = stored && old && (old->unit != spec.unit || old->expr != spec.expr || !old->enabled);
    std::size_t count = 0;
    for (const VirtualPlace& place : places) {
        if (++count > kCheckedMax) break;
        const auto made =
            TRY(compile_virtual(spec, LiveScope{before, tags, next.tenant, place.device, "", Unfound::wait}));
        const auto there = tags.find(next.tenant, place.path);
        if (!there || there->key.source != virtual_source(next.uid, place.device_uid)) continue;
        if (!made.type) continue;
        if (may_change_unit) TRY(check_keeps_unit(spec, place.path, there->unit, made.unit));
        if (*made.type == there->type) continue;
        return Error{Code::invalid,
                     "{}: {} keeps values of type {}, and a tag cannot change its type; this would give {}: set the "
                     "type to {}, or make a virtual tag of another name",
                     spec.type == VirtualType::auto_ ? "expr" : "type",
                     place.path,
                     to_string(there->type),
                     to_string(*made.type),
                     to_string(there->type)};
    }
    return {};
}

Result<void> check_virtual(const registry::ResourceReader& before, const Tags& tags, const registry::Resource& next) {
    const auto spec = TRY(registry::spec_of<VirtualTagSpec>(next));
    const auto places = virtual_places(before, next.tenant, next.name, spec);
    VirtualIndex index{before, next.tenant};
    if (spec.device_type && declares(before, next.tenant, *spec.device_type, property_of(next.name, spec)))
        return Error{Code::invalid, "property: {} is a property that the device type {} declares; choose another name",
                     property_of(next.name, spec), *spec.device_type};
    TRY(check_places(before, tags, next, spec, places, index));
    index.suppose(next.name, next.uid, spec);
    std::set<std::string> done;
    for (const VirtualPlace& place : places)
        if (const auto cycle = cycle_from(index, place.path, done))
            return Error{Code::invalid, "expr: a virtual tag cannot read itself: {}", fmt::join(*cycle, " → ")};
    return check_live(before, tags, next, spec, places);
}

Result<void> refuse_declared(std::string_view field, std::string_view property, const VirtualIndex::Found& found) {
    return Error{
        Code::invalid, "{}: {} is what the virtual tag {} makes ({}); rename that first, or choose another name",
        field,         property,
        found.name,    found.place.path};
}

Result<void> check_device_type(const registry::ResourceReader& before, const registry::Resource& next) {
    const auto spec = TRY(registry::spec_of<registry::DeviceTypeSpec>(next));
    const VirtualIndex index{before, next.tenant};
    std::vector<std::string> devices;
    for (const auto& device : before.list_shared(next.tenant, "device")) {
        const auto of = registry::spec_of<registry::DeviceSpec>(*device);
        if (of && of->type == next.name) devices.push_back(device->name);
    }
    for (std::size_t i = 0; i < spec.properties.size(); ++i) {
        const std::string& property = spec.properties[i].name;
        const std::string field = fmt::format("properties[{}].name", i);
        if (const auto found = index.of("", next.name, property)) return refuse_declared(field, property, *found);
        for (const std::string& device : devices)
            if (const auto found = index.at(device + "." + property)) return refuse_declared(field, property, *found);
    }
    return {};
}

Result<void> check_device(const registry::ResourceReader& before, const registry::Resource& next) {
    const auto spec = TRY(registry::spec_of<registry::DeviceSpec>(next));
    const VirtualIndex index{before, next.tenant};
    for (const registry::Property& property : declared(before, next.tenant, spec.type))
        if (const auto found = index.at(next.name + "." + property.name))
            return refuse_declared("type", property.name, *found);
    return {};
}

}  // namespace

Result<void> check_virtual_tags(const registry::ResourceReader& before, const Tags& tags,
                                const registry::Resource& next) {
    if (next.kind == "virtual_tag") return check_virtual(before, tags, next);
    if (next.kind != "device" && next.kind != "device_type") return {};
    if (before.list_shared(next.tenant, "virtual_tag").empty()) return {};
    return next.kind == "device" ? check_device(before, next) : check_device_type(before, next);
}

Result<VirtualPlaces> places_of_virtual_tag(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                            std::string_view name, const Json& spec_json) {
    registry::Resource resource;
    resource.kind = "virtual_tag";
    resource.name = name;
    resource.spec = spec_json;
    const auto spec = TRY(registry::spec_of<VirtualTagSpec>(resource));
    VirtualPlaces places{spec.device.value_or(""), spec.device_type.value_or(""), {}};
    if (!is_of_devices(spec)) places.tags.emplace_back(name);
    std::vector<std::string> names;
    const auto parsed = expr::compile(spec.expr, NamesOnly{&names});
    if (!parsed) return parsed.error().to_error().context("expr");
    const LiveScope scope{registry, tags, tenant, places.device, places.device_type, Unfound::wait};
    for (const std::string& one : names) {
        const auto found = scope.find(one);
        const bool own = !found && !places.device.empty();
        std::string path = own ? places.device + "." + one : found ? found->path : one;
        // An address of before is of a tag that is elsewhere now.
        const auto info = registry::tag_at(registry, tags, tenant, path);
        places.tags.push_back(info ? info->path : std::move(path));
    }
    return places;
}

}  // namespace gongshu::flow

namespace gongshu::registry {
template Result<flow::VirtualTagSpec> spec_of<flow::VirtualTagSpec>(const Resource&);
}  // namespace gongshu::registry
