#include "registry/paths.h"

#include <algorithm>

namespace gongshu::registry {

namespace {

// Within one level, no slash on either side.
bool level_matches(std::string_view glob, std::string_view text) {
    std::size_t g = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (g < glob.size() && glob[g] == '*')
            star = g++, resume = t;
        else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t]))
            ++g, ++t;
        else if (star != std::string_view::npos)
            g = star + 1, t = ++resume;
        else
            return false;
    }
    while (g < glob.size() && glob[g] == '*') ++g;
    return g == glob.size();
}

std::vector<std::string_view> levels_of(std::string_view path) {
    std::vector<std::string_view> levels;
    for (;;) {
        const std::size_t slash = path.find('/');
        levels.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) return levels;
        path.remove_prefix(slash + 1);
    }
}

// Whether every level that `inner` matches is matched by `outer`; neither is **.
bool level_covers(std::string_view outer, std::string_view inner) {
    // A ? would take the * of the inner glob for one character.
    if (inner.find('*') != std::string_view::npos && outer.find('?') != std::string_view::npos) return outer == inner;
    return level_matches(outer, inner);
}

bool glob_covers(std::string_view outer_glob, std::string_view inner_glob) {
    std::vector<std::string_view> outer = levels_of(outer_glob);
    const std::vector<std::string_view> inner = levels_of(inner_glob);
    outer.push_back("**");  // what lies beneath
    // covered[i]: the levels of `inner` from i on are covered by those of `outer` that were looked at, from the end.
    std::vector<bool> covered(inner.size() + 1, false);
    covered.back() = true;
    for (auto level = outer.rbegin(); level != outer.rend(); ++level) {
        std::vector<bool> next(inner.size() + 1, false);
        const bool any = *level == "**";
        next.back() = any && covered.back();
        for (std::size_t i = inner.size(); i-- > 0;) {
            if (any)
                next[i] = covered[i] || next[i + 1];
            else
                next[i] = inner[i] != "**" && level_covers(*level, inner[i]) && covered[i + 1];
        }
        covered = std::move(next);
    }
    return covered.front();
}

}  // namespace

bool is_glob(std::string_view text) { return text.find_first_of("*?") != std::string_view::npos; }

bool glob_matches(std::string_view glob, std::string_view path) {
    const auto globs = levels_of(glob);
    const auto levels = levels_of(path);
    std::size_t g = 0, l = 0, star = std::string_view::npos, resume = 0;
    while (l < levels.size()) {
        if (g < globs.size() && globs[g] == "**")
            star = g++, resume = l;
        else if (g < globs.size() && level_matches(globs[g], levels[l]))
            ++g, ++l;
        else if (star != std::string_view::npos)
            g = star + 1, l = ++resume;
        else
            return false;
    }
    while (g < globs.size() && globs[g] == "**") ++g;
    return g == globs.size();
}

bool lies_within(const std::vector<std::string>& paths, std::string_view path) {
    if (paths.empty()) return true;
    const std::size_t last_level = path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1;
    for (const std::string& glob : paths) {
        if (glob_matches(glob, path) || glob_matches(glob + "/**", path)) return true;
        const std::size_t dot = path.find('.', last_level);  // a tag of the device that the glob names
        if (dot != std::string_view::npos && glob_matches(glob, path.substr(0, dot))) return true;
    }
    return false;
}

bool covers(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
    if (outer.empty()) return true;
    if (inner.empty()) return false;
    return std::all_of(inner.begin(), inner.end(), [&](const std::string& glob) {
        return std::any_of(outer.begin(), outer.end(),
                           [&](const std::string& wider) { return glob_covers(wider, glob); });
    });
}

}  // namespace gongshu::registry
