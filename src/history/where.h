#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/selection.h"
#include "history/tag_finder.h"

// Rows by conditions on values, as people ask for them: "temperature>80" of whatever devices the tags belong to.
namespace gongshu::history {

// temperature>80: a property of the devices that are asked for, and what it has to be.
struct WhereText {
    std::string property;
    Comparison comparison = Comparison::greater;
    Value bound;
};
// PROPERTY and one of < <= = == != >= > and a number, true, false or a text in quotes; or PROPERTY between A and B,
// which is two of them. Code::invalid, naming what is not understood.
Result<std::vector<WhereText>> parse_where(std::string_view text);
// All of them; Code::limit past kConditionsMax.
inline constexpr std::size_t kConditionsMax = 16;
Result<std::vector<WhereText>> parse_conditions(std::span<const std::string> texts);

// "suzhou/line1/oven" and "temperature".
std::pair<std::string_view, std::string_view> split_path(std::string_view path);

// What is asked of one device: what stands before the property in the path of a tag.
struct DeviceTags {
    std::string_view path;  // of the device, within that of its first tag
    TagList tags;
    SelectRequest::Object object;  // with their ids
};
std::vector<DeviceTags> devices_of(const TagList& tags);

// The tag at a path, if who asks sees it, else null.
using FindTag = std::function<TagPtr(const std::string& path)>;
// Leaves the devices that have all properties of the conditions, with these. Code::invalid for what a property's values
// cannot be held against, Code::not_found if there are devices and none has them.
Result<void> set_conditions(std::span<const WhereText> where, const FindTag& find, std::vector<DeviceTags>& devices);

}  // namespace gongshu::history
