#include "registry/kinds/dashboard.h"

#include <algorithm>

#include "registry/kind_of.h"
#include "registry/paths.h"

namespace gongshu::registry {

BOOST_DESCRIBE_ENUM(WidgetKind, chart, tile, table, alarms, text, states)
BOOST_DESCRIBE_ENUM(ChartStyle, line, area, bars)
BOOST_DESCRIBE_ENUM(ChartAggregate, auto_, avg, min, max, sum, count, last, median, p95, stddev, range, delta, increase,
                    twa)
BOOST_DESCRIBE_ENUM(WidgetSeverity, critical, major, minor, warning)
BOOST_DESCRIBE_STRUCT(Threshold, (), (value, below, severity, title_zh, title_en))
BOOST_DESCRIBE_STRUCT(Widget, (),
                      (kind, title_zh, title_en, x, y, w, h, tags, aggregate, style, range, y_min, y_max, thresholds,
                       unit, decimals, target, trend, place, group, severity, text))
BOOST_DESCRIBE_STRUCT(DashboardSpec, (), (title_zh, title_en, about, range, device_type, device, widgets))

namespace {

constexpr std::size_t kTitleBytesMax = 200, kTagsMax = 32, kThresholdsMax = 8, kWidgetsMax = 200;
constexpr std::size_t kTagBytesMax = 1'000, kTextBytesMax = 4'000;
constexpr int kColumns = 24, kRowsMax = 60, kLastRow = 5'000;
constexpr std::string_view kDevice = "${device}";

Result<void> check_range(std::string_view text) {
    if (text.empty()) return {};
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const bool fine = digits > 0 && digits <= 5 && text.front() != '0' && text.size() == digits + 1 &&
                      std::string_view("smhd").find(text.back()) != std::string_view::npos;
    if (fine) return {};
    return Error{Code::invalid, "expected a range such as 15m, 1h, 24h or 7d, found \"{}\"", text.substr(0, 40)};
}

bool names_device(std::string_view text) { return text.find(kDevice) != std::string_view::npos; }

// A tag, a glob or a place: may hold ${device}, and no other thing in braces.
Result<void> check_path(std::string_view text, std::string_view what) {
    if (text.empty()) return Error{Code::invalid, "expected {}, found \"\"", what};
    if (text.size() > kTagBytesMax)
        return Error{Code::invalid, "expected at most {} bytes, found {}", kTagBytesMax, text.size()};
    for (std::size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 1)) {
        if (text.substr(at).starts_with(kDevice)) continue;
        return Error{Code::invalid, "the only thing that can stand in braces is ${{device}}, found \"{}\"",
                     text.substr(at, 40)};
    }
    const bool blank = text.front() == ' ' || text.back() == ' ';
    if (blank || text.find_first_of("\r\n\t") != std::string_view::npos)
        return Error{Code::invalid, "expected {} without blanks around it, found \"{}\"", what, text.substr(0, 80)};
    return {};
}

Error misplaced(std::string_view field, std::string_view kind, std::string_view where) {
    return Error{Code::invalid, "{}: a widget of the kind {} has none; {}", field, kind, where};
}

Result<void> check_place(const Widget& widget) {
    if (widget.x + widget.w <= kColumns) return {};
    return Error{Code::invalid, "w: x + w reach {} of {} columns; make it narrower or move it to the left",
                 widget.x + widget.w, kColumns};
}

Result<void> check_tags(const Widget& widget, std::string_view kind) {
    for (std::size_t i = 0; i < widget.tags.size(); ++i)
        TRY(check_path(widget.tags[i], "a tag or a glob").context("tags[{}]", i));
    const bool none = widget.kind == WidgetKind::alarms || widget.kind == WidgetKind::text;
    if (none && !widget.tags.empty())
        return misplaced("tags", kind,
                         widget.kind == WidgetKind::alarms ? "choose by place, group and severity" : "use a table");
    if (none) return {};
    if (widget.tags.empty()) return Error{Code::invalid, "tags: expected at least one tag, found none"};
    if (widget.kind != WidgetKind::tile) return {};
    if (widget.tags.size() > 1)
        return Error{Code::invalid, "tags: a tile shows one tag, found {}; a table shows many", widget.tags.size()};
    if (is_glob(widget.tags[0]))
        return Error{Code::invalid, "tags[0]: a tile shows one tag, found the glob \"{}\"; a table shows many",
                     widget.tags[0]};
    return {};
}

// What other kinds of widgets have is a slip and would go unseen.
Result<void> check_strange(const Widget& widget, std::string_view kind) {
    const bool chart = widget.kind == WidgetKind::chart, tile = widget.kind == WidgetKind::tile;
    const bool alarms = widget.kind == WidgetKind::alarms, text = widget.kind == WidgetKind::text;
    if (!text && !widget.text.empty()) return misplaced("text", kind, "texts have widgets of their own");
    if (text && widget.text.empty()) return Error{Code::invalid, "text: expected what it shall say, found \"\""};
    if (!alarms) {
        if (!widget.place.empty()) return misplaced("place", kind, "name the tags");
        if (!widget.group.empty()) return misplaced("group", kind, "only alarms have groups");
        if (widget.severity) return misplaced("severity", kind, "thresholds have their own");
    } else if (!widget.place.empty()) {
        TRY(check_path(widget.place, "a place").context("place"));
    }
    if (!chart) {
        if (widget.y_min) return misplaced("y_min", kind, "only charts have an axis");
        if (widget.y_max) return misplaced("y_max", kind, "only charts have an axis");
    } else if (widget.y_min && widget.y_max && *widget.y_min >= *widget.y_max) {
        return Error{Code::invalid, "y_min: expected less than y_max ({}), found {}", *widget.y_max, *widget.y_min};
    }
    if (!tile && widget.target) return misplaced("target", kind, "only tiles have a target");
    if ((alarms || text || widget.kind == WidgetKind::states) && !widget.thresholds.empty())
        return misplaced("thresholds", kind, "charts, tiles and tables have them");
    return {};
}

Result<void> check_widget(const Widget& widget) {
    const std::string_view kind = detail::enumerator_word(boost::describe::enum_to_string(widget.kind, ""));
    TRY(check_place(widget));
    TRY(check_tags(widget, kind));
    return check_strange(widget, kind);
}

bool overlap(const Widget& a, const Widget& b) {
    return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

Result<void> check_dashboard(const DashboardSpec& spec) {
    if (spec.device && !spec.device_type)
        return Error{Code::invalid,
                     "device: stands for ${{device}} of a dashboard with a device_type, and this one has none"};
    for (std::size_t i = 0; i < spec.widgets.size(); ++i) {
        const Widget& widget = spec.widgets[i];
        // The place reads as one path: "widgets[2].tags[0]: …".
        if (auto checked = check_widget(widget); !checked)
            return Error{checked.error().code(), "widgets[{}].{}", i, checked.error().text()};
        for (std::size_t k = 0; k < i; ++k)
            if (overlap(widget, spec.widgets[k]))
                return Error{Code::invalid, "widgets[{}].y: lies over widgets[{}]; move it to row {} or below", i, k,
                             spec.widgets[k].y + spec.widgets[k].h};
        if (spec.device_type) continue;
        for (std::size_t k = 0; k < widget.tags.size(); ++k)
            if (names_device(widget.tags[k]))
                return Error{Code::invalid, "widgets[{}].tags[{}]: ${{device}} needs the dashboard's device_type", i,
                             k};
        if (names_device(widget.place))
            return Error{Code::invalid, "widgets[{}].place: ${{device}} needs the dashboard's device_type", i};
    }
    return {};
}

Result<void> check_device(const ResourceReader& registry, TenantId tenant, std::string_view,
                          const DashboardSpec& spec) {
    if (!spec.device) return {};
    const auto device = registry.find(tenant, "device", *spec.device);
    if (!device) return {};  // that references exist is checked for all kinds
    const Json* const type = device->spec.as_object().if_contains("type");
    if (type != nullptr && type->is_string() && std::string_view(type->get_string()) == *spec.device_type) return {};
    return Error{Code::invalid, "device: \"{}\" is not of the type \"{}\"", *spec.device, *spec.device_type};
}

}  // namespace

std::vector<Fact> facts_of(const Threshold*) {
    return {{.field = "value", .title_zh = "值", .title_en = "Value", .required = true},
            {.field = "below",
             .title_zh = "低于时",
             .title_en = "Below",
             .help_zh = "开：低于此值时；关：达到或高于此值时",
             .help_en = "On: when below the value; off: from the value on"},
            {.field = "severity",
             .title_zh = "级别",
             .title_en = "Severity",
             .choices = {{"critical", "紧急", "Critical"},
                         {"major", "重要", "Major"},
                         {"minor", "次要", "Minor"},
                         {"warning", "提示", "Warning"}}},
            {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax}};
}

namespace {

std::vector<Fact> grid_facts() {
    return {{.field = "kind",
             .title_zh = "组件",
             .title_en = "Widget",
             .required = true,
             .choices = {{"chart", "曲线", "Chart"},
                         {"states", "状态时间线", "State timeline"},
                         {"tile", "数值", "Tile"},
                         {"table", "表格", "Table"},
                         {"alarms", "告警列表", "Alarm list"},
                         {"text", "文字", "Text"}}},
            {.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
            {.field = "x", .title_zh = "列", .title_en = "Column", .min = 0, .max = kColumns - 1},
            {.field = "y", .title_zh = "行", .title_en = "Row", .min = 0, .max = kLastRow},
            {.field = "w", .title_zh = "宽", .title_en = "Width", .min = 1, .max = kColumns},
            {.field = "h", .title_zh = "高", .title_en = "Height", .min = 1, .max = kRowsMax},
            {.field = "tags",
             .title_zh = "点位",
             .title_en = "Tags",
             .help_zh = "点位或通配符；${device} 代表当前设备",
             .help_en = "Tags or globs; ${device} stands for the device that is looked at",
             .length_max = kTagsMax}};
}

std::vector<Fact> chart_facts() {
    return {{
                .field = "aggregate",
                .title_zh = "统计",
                .title_en = "Aggregate",
                .choices = {{"auto", "自动", "Automatic"},
                            {"avg", "平均", "Average"},
                            {"min", "最小", "Minimum"},
                            {"max", "最大", "Maximum"},
                            {"sum", "合计", "Sum"},
                            {"count", "个数", "Count"},
                            {"last", "最后", "Last"},
                            {"median", "中位数", "Median"},
                            {"p95", "95% 分位", "95th percentile"},
                            {"stddev", "标准差", "Standard deviation"},
                            {"range", "极差", "Range"},
                            {"delta", "变化", "Change"},
                            {"increase", "增量", "Increase"},
                            {"twa", "时间加权平均", "Average over time"}},
            },
            {.field = "style",
             .title_zh = "画法",
             .title_en = "Style",
             .choices = {{"line", "线", "Lines"}, {"area", "面", "Areas"}, {"bars", "柱", "Bars"}}},
            {.field = "range",
             .title_zh = "时间范围",
             .title_en = "Range",
             .help_zh = "空：跟随看板",
             .help_en = "Empty: that of the dashboard",
             .check = check_range},
            {.field = "y_min", .title_zh = "纵轴下限", .title_en = "Axis from"},
            {.field = "y_max", .title_zh = "纵轴上限", .title_en = "Axis to"},
            {.field = "thresholds", .title_zh = "阈值", .title_en = "Thresholds", .length_max = kThresholdsMax}};
}

std::vector<Fact> other_facts() {
    return {{.field = "unit",
             .title_zh = "单位",
             .title_en = "Unit",
             .help_zh = "点位没有单位时显示",
             .help_en = "Shown where the tag has none",
             .length_max = 60},
            {.field = "decimals", .title_zh = "小数位", .title_en = "Decimals", .min = 0, .max = 9},
            {.field = "target", .title_zh = "目标", .title_en = "Target"},
            {.field = "trend", .title_zh = "趋势线", .title_en = "Trend"},
            {.field = "place",
             .title_zh = "位置",
             .title_en = "Place",
             .help_zh = "只列这里及以下的告警；空：全部",
             .help_en = "Alarms of this place and beneath; empty: all"},
            {.field = "group", .title_zh = "分组", .title_en = "Group", .length_max = kTitleBytesMax},
            {.field = "severity",
             .title_zh = "级别",
             .title_en = "Severity",
             .help_zh = "此级别及更重的",
             .help_en = "This one and worse ones",
             .choices = {{"critical", "紧急", "Critical"},
                         {"major", "重要", "Major"},
                         {"minor", "次要", "Minor"},
                         {"warning", "提示", "Warning"}}},
            {.field = "text",
             .title_zh = "文字",
             .title_en = "Text",
             .help_zh = "*强调*、_弱化_；行首 # 为标题，- 为列表",
             .help_en = "*strong*, _soft_; # begins a head, - a list",
             .length_max = kTextBytesMax,
             .widget = "multiline"}};
}

}  // namespace

std::vector<Fact> facts_of(const Widget*) {
    std::vector<Fact> facts = grid_facts();
    for (const auto& more : {chart_facts(), other_facts()}) facts.insert(facts.end(), more.begin(), more.end());
    return facts;
}

std::vector<Fact> facts_of(const DashboardSpec*) {
    return {{.field = "title_zh", .title_zh = "中文名称", .title_en = "Title (Chinese)", .length_max = kTitleBytesMax},
            {.field = "title_en", .title_zh = "英文名称", .title_en = "Title (English)", .length_max = kTitleBytesMax},
            {.field = "about", .title_zh = "说明", .title_en = "About", .length_max = 500, .widget = "multiline"},
            {.field = "range",
             .title_zh = "时间范围",
             .title_en = "Range",
             .help_zh = "打开时的范围，如 1h、24h",
             .help_en = "What it opens with, such as 1h or 24h",
             .check = check_range},
            {.field = "device_type",
             .title_zh = "设备型号",
             .title_en = "Device type",
             .help_zh = "一个看板用于该型号的所有设备：点位里用 ${device}",
             .help_en = "One dashboard for all devices of the type: tags name ${device}",
             .ref = "device_types"},
            {.field = "device", .title_zh = "首先显示的设备", .title_en = "Device to begin with", .ref = "devices"},
            {.field = "widgets", .title_zh = "组件", .title_en = "Widgets", .length_max = kWidgetsMax}};
}

DashboardPlaces places_of_dashboard(const DashboardSpec& spec) {
    DashboardPlaces places{{}, spec.device_type.value_or("")};
    const auto add = [&](const std::string& path) {
        if (!path.empty() && !names_device(path)) places.paths.push_back(path);
    };
    for (const Widget& widget : spec.widgets) {
        for (const std::string& tag : widget.tags) add(tag);
        add(widget.place);
    }
    return places;
}

Kind dashboard_kind() {
    return make_kind<DashboardSpec>({.name = "dashboard",
                                     .plural = "dashboards",
                                     .title_zh = "看板",
                                     .title_en = "Dashboard",
                                     .about_zh = "曲线、数值、表格与告警，按自己的需要排在一页上",
                                     .about_en = "Charts, tiles, tables and alarms, put together on one page"},
                                    {.alone = check_dashboard, .among = check_device});
}

template Result<DashboardSpec> spec_of<DashboardSpec>(const Resource&);

}  // namespace gongshu::registry
