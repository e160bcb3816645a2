#include "registry/kinds/saved_view.h"

#include "registry/kind_of.h"
#include "registry/names.h"

namespace gongshu::registry {

BOOST_DESCRIBE_STRUCT(SavedViewSpec, (), (title, page, query, owner, shared, standard))

namespace {

constexpr std::size_t kTitleBytesMax = 200, kKeysMax = 40, kValuesMax = 200, kBytesMax = 16'000;

Result<void> check_owner(std::string_view text) {
    const auto colon = text.find(':');
    if (colon != std::string_view::npos && colon > 0 && colon + 1 < text.size()) return {};
    return Error{Code::invalid, "expected who it belongs to, such as user:li, found \"{}\"", text.substr(0, 80)};
}

Result<void> check_query(const SavedViewSpec& spec) {
    std::size_t values = 0, bytes = 0;
    for (const auto& [key, list] : spec.query) {
        if (key.empty()) return Error{Code::invalid, "query: expected names of what is asked, found \"\""};
        values += list.size();
        bytes += key.size();
        for (const std::string& value : list) bytes += value.size();
    }
    if (values > kValuesMax)
        return Error{Code::invalid, "query: expected at most {} values, found {}", kValuesMax, values};
    if (bytes > kBytesMax) return Error{Code::invalid, "query: expected at most {} bytes, found {}", kBytesMax, bytes};
    return {};
}

}  // namespace

std::vector<Fact> facts_of(const SavedViewSpec*) {
    return {{.field = "title", .title_zh = "名称", .title_en = "Title", .required = true, .length_max = kTitleBytesMax},
            {.field = "page",
             .title_zh = "页面",
             .title_en = "Page",
             .help_zh = "如 alarms、tags",
             .help_en = "Such as alarms or tags",
             .required = true,
             .length_max = 60,
             .check = check_word},
            {.field = "query",
             .title_zh = "查询",
             .title_en = "Query",
             .help_zh = "页面地址里 ? 之后的内容",
             .help_en = "What stands behind the ? of the page's address",
             .length_max = kKeysMax},
            {.field = "owner",
             .title_zh = "所有者",
             .title_en = "Owner",
             .required = true,
             .length_max = 210,
             .check = check_owner},
            {.field = "shared",
             .title_zh = "共享",
             .title_en = "Shared",
             .help_zh = "其他人也能看到",
             .help_en = "Others see it too"},
            {.field = "standard",
             .title_zh = "默认",
             .title_en = "Default",
             .help_zh = "所有者打开此页时的样子",
             .help_en = "What the page opens with for its owner"}};
}

Kind saved_view_kind() {
    return make_kind<SavedViewSpec>({.name = "saved_view",
                                     .plural = "saved_views",
                                     .title_zh = "视图",
                                     .title_en = "Saved view",
                                     .about_zh = "一个页面的筛选、排序、点位与时间范围，取名保存",
                                     .about_en = "Filters, order, tags and range of a page, kept under a name",
                                     .write_role = Role::viewer},
                                    {.alone = check_query});
}

template Result<SavedViewSpec> spec_of<SavedViewSpec>(const Resource&);

}  // namespace gongshu::registry
