#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "data/tag.h"

namespace gongshu::history {

// As it was when it was asked for: never changed, a newer one replaces it. Null: there is none.
using TagPtr = std::shared_ptr<const TagInfo>;
using TagList = std::vector<TagPtr>;

// Finds tags as Tags does, without a copy of each: for questions about many. Any thread.
class TagFinder {
public:
    virtual ~TagFinder() = default;
    virtual TagPtr find_shared(TenantId tenant, std::string_view path) const = 0;
    // The same list for the same glob, until some tag changes.
    virtual std::shared_ptr<const TagList> match_shared(TenantId tenant, std::string_view glob,
                                                        std::size_t tags_max) const = 0;
};

// By `tags` itself if it is the history, which is a TagFinder too; else each is copied.
std::shared_ptr<const TagList> match_shared(const Tags& tags, TenantId tenant, std::string_view glob,
                                            std::size_t tags_max);

}  // namespace gongshu::history
