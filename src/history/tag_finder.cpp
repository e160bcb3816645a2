#include "history/tag_finder.h"

namespace gongshu::history {

std::shared_ptr<const TagList> match_shared(const Tags& tags, TenantId tenant, std::string_view glob,
                                            std::size_t tags_max) {
    if (const auto* finder = dynamic_cast<const TagFinder*>(&tags)) return finder->match_shared(tenant, glob, tags_max);
    auto list = std::make_shared<TagList>();
    for (TagInfo& info : tags.match(tenant, glob, tags_max))
        list->push_back(std::make_shared<const TagInfo>(std::move(info)));
    return list;
}

}  // namespace gongshu::history
