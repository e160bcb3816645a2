#pragma once

#include <map>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace gongshu::registry {

// How a page is looked at, under a name: what stands behind the ? of its address. Who sees and changes it: api/sight.h.
struct SavedViewSpec {
    std::string title;
    std::string page;                                       // "alarms", "tags", …
    std::map<std::string, std::vector<std::string>> query;  // {"state":["shelved"],"tag":["a.b","a.c"]}
    std::string owner;                                      // "user:li", who made it; never changes
    bool shared = false;                                    // others see it too
    bool standard = false;                                  // what the page opens with for its owner
};

Kind saved_view_kind();

extern template Result<SavedViewSpec> spec_of<SavedViewSpec>(const Resource&);

}  // namespace gongshu::registry
