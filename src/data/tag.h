#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/ids.h"
#include "data/value.h"

namespace gongshu {

// What identifies a series for ever. A path is only where it is shown.
struct TagKey {
    TenantId tenant;
    std::string source;  // "d:" + uid of a device, "l:cpu,host=h1" of labels, "p:" + path, "v:" + uid of a virtual tag
    std::string property;  // name within the source, "temperature"
    friend auto operator<=>(const TagKey&, const TagKey&) = default;
};

// What is known of a tag. Value type is fixed by its first reading.
struct TagInfo {
    TagId id;
    TagKey key;
    std::string path;  // site/area/line/device.property, unique within the tenant among live tags
    ValueType type = ValueType::number;
    std::string unit;  // UDUNITS text, "" = none
};

// What a source of the form "l:measurement,key=value,…" says: {"key": "value"}; a backslash keeps the next character.
std::map<std::string, std::string> labels_of(std::string_view source);

// What is wrong with `path` as the place of a new tag, as a sentence; nullopt if it can be one. 1 to 1000 bytes of
// UTF-8 (the doors see to that), no * ?, no part that is empty or only dots, no name that is missing beside its dot.
std::optional<std::string> tag_path_fault(std::string_view path);

// Who hands out tags. Calls are quick (memory; a new tag is made durable together with its first reading). Any thread.
class Tags {
public:
    virtual ~Tags() = default;
    // The tag of `key`, made if new (then at `path`, of `type`; a path that is taken gets "~" and 8 hex digits of the
    // key's hash). Code::limit when the tenant made more than its allowance of new tags this minute.
    virtual Result<TagId> resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit) = 0;
    // The same for a property that a device type declares: the allowance is against names that senders make up.
    virtual Result<TagId> resolve_declared(const TagKey& key, std::string_view path, ValueType type,
                                           std::string_view unit) {
        return resolve(key, path, type, unit);
    }
    virtual std::optional<TagInfo> info(TagId tag) const = 0;
    // By path or by one of its old paths (aliases).
    virtual std::optional<TagInfo> find(TenantId tenant, std::string_view path) const = 0;
    // Tags whose path matches `glob` (* within one level, ** over levels, ? one character), in order of path, at most
    // `tags_max`.
    virtual std::vector<TagInfo> match(TenantId tenant, std::string_view glob, std::size_t tags_max) const = 0;
    // Tags of `source` move to `new_prefix` + "." + property (of "v:…" to it alone); old paths stay aliases. Durable.
    virtual Result<void> move_source(TenantId tenant, std::string_view source, std::string_view new_prefix) = 0;
    // Durable with the next reading that is.
    virtual Result<void> set_unit(TagId tag, std::string_view unit) = 0;
};

}  // namespace gongshu
