#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "data/stage.h"
#include "data/tag.h"
#include "history/record.h"
#include "history/tag_finder.h"

namespace gongshu::history {

// True if `path` matches `glob`: * within one level, ** over levels, ? one character that is not "/".
bool glob_matches(std::string_view glob, std::string_view path);

// Which tags there are: by key, by id, by path and by the paths they had before.
// Lives:   one per store.
// Threads: any; readers share a lock that a change takes alone. Not on the way of a reading.
// Bounds:  new tags per tenant and minute; memory of about 300 bytes a tag; of what globs matched, kMatchesMax answers
//          and kMatchedTagsMax tags in them.
// Disk:    docs/format/catalogue.md; each change is handed to `log` before it is seen by anybody.
class Catalogue {
public:
    // Appends a change to the log. Called under the catalogue's lock, so that changes are in the log in their order.
    using LogChange = std::function<Result<void>(RecordKind, const Buffer& payload)>;
    // A new tag is about to be handed out.
    using OnTag = std::function<void(TagId, ValueType)>;

    Catalogue(const Clock& clock, std::uint32_t new_tags_per_minute)
        : clock_(clock), new_tags_per_minute_(new_tags_per_minute) {}
    void connect(LogChange log, OnTag on_tag) {
        log_ = std::move(log);
        on_tag_ = std::move(on_tag);
    }

    Result<TagId> resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit,
                          bool is_declared = false);
    std::optional<TagInfo> info(TagId tag) const;
    std::optional<TagInfo> find(TenantId tenant, std::string_view path) const;
    std::vector<TagInfo> match(TenantId tenant, std::string_view glob, std::size_t tags_max) const;
    TagPtr find_shared(TenantId tenant, std::string_view path) const;
    // Kept until the catalogue changes: who asks again is not searched for again.
    std::shared_ptr<const TagList> match_shared(TenantId tenant, std::string_view glob, std::size_t tags_max) const;
    // The first of `tags` that there is not; nullopt if all are there.
    std::optional<TagId> first_unknown(const std::vector<TagId>& tags) const;
    Result<void> move_source(TenantId tenant, std::string_view source, std::string_view new_prefix);
    Result<void> set_unit(TagId tag, std::string_view unit);
    std::uint64_t size() const;

    // Recovery: changes already known are skipped.
    Result<void> apply(const TagRecord& record);
    Result<void> apply(const MoveRecord& record);
    Result<void> apply(const UnitRecord& record);

    Buffer encode() const;
    // Replaces everything by a snapshot; only when empty.
    Result<void> decode(Bytes file, const std::string& path);
    // Grows with each change.
    std::uint64_t changes() const;

private:
    using PathKey = std::pair<TenantId, std::string>;
    // A key stands in its tag's entry alone: the index holds ids and looks there.
    struct KeyHash {
        using is_transparent = void;
        const Catalogue* catalogue;
        std::size_t operator()(const TagKey& key) const;
        std::size_t operator()(TagId tag) const;
    };
    struct KeyEqual {
        using is_transparent = void;
        const Catalogue* catalogue;
        bool operator()(TagId a, TagId b) const;
        bool operator()(TagId tag, const TagKey& key) const;
        bool operator()(const TagKey& key, TagId tag) const { return (*this)(tag, key); }
    };
    // So does a path.
    struct PathRef {
        TenantId tenant;
        std::string_view path;
        friend auto operator<=>(const PathRef&, const PathRef&) = default;
    };
    struct PathLess {
        using is_transparent = void;
        const Catalogue* catalogue;
        bool operator()(TagId a, TagId b) const { return catalogue->place_of(a) < catalogue->place_of(b); }
        bool operator()(TagId a, const PathRef& b) const { return catalogue->place_of(a) < b; }
        bool operator()(const PathRef& a, TagId b) const { return a < catalogue->place_of(b); }
    };
    struct Allowance {
        DurationNs minute = -1;
        std::uint32_t used = 0;
    };

    static constexpr std::size_t kMatchesMax = 1024, kMatchedTagsMax = 1'000'000;
    struct Matched {
        std::uint64_t changes = 0;  // when it was found
        std::size_t tags_max = 0;
        std::shared_ptr<const TagList> tags;
    };
    // What globs matched lately.
    struct Matches {
        std::unordered_map<std::string, Matched> by_glob;  // with the tenant before it
        std::size_t tags = 0;
    };

    const TagInfo* at(TagId tag) const;
    PathRef place_of(TagId tag) const { return {at(tag)->key.tenant, at(tag)->path}; }
    // Of a tag that there is.
    TagPtr& entry(TagId tag);
    const TagPtr& entry(TagId tag) const;
    std::shared_ptr<const TagList> search(TenantId tenant, std::string_view glob, std::size_t tags_max) const;
    std::string free_path(TenantId tenant, std::string_view path, const TagKey& key) const;
    // What was written by path made room for a device; when nobody is there any more it goes back.
    bool may_return(const TagInfo& tag, std::string_view path) const;
    Result<void> change_paths(const MoveRecord& record);
    Result<void> take_allowance(TenantId tenant);
    Result<void> refuse_if_computed(const TagKey& key, std::string_view path) const;
    Result<void> move_computed(TenantId tenant, std::string_view source, std::string_view path);
    Result<void> insert(TagInfo tag);
    void set_path(TagId id, const std::string& path);
    void set_unit_of(TagId id, const std::string& unit);
    // Tags of other sources that are where tags of `source` at `prefix` belong get other paths by `record`, none of
    // them among `taken`.
    void make_room(TenantId tenant, std::string_view source, std::string_view prefix, std::set<std::string>& taken,
                   MoveRecord& record);

    const Clock& clock_;
    const std::uint32_t new_tags_per_minute_;
    LogChange log_;
    OnTag on_tag_;

    mutable std::shared_mutex mutex_;
    std::uint64_t changes_ = 0;
    std::uint64_t size_ = 0;
    std::array<TagList, kShardCount> tags_;  // [shard][id >> 4 - 1]; an entry is replaced, never edited
    std::unordered_set<TagId, KeyHash, KeyEqual> by_key_{0, KeyHash{this}, KeyEqual{this}};
    std::set<TagId, PathLess> by_path_{PathLess{this}};  // no entry's path changes while it is in here
    std::map<PathKey, TagId> aliases_;
    using Sources = std::map<std::pair<TenantId, std::string>, std::vector<TagId>>;
    Sources by_source_;
    Sources::iterator newest_source_ = by_source_.end();  // that a tag was added to; sources stay
    std::map<TenantId, Allowance> allowances_;
    mutable std::mutex matches_mutex_;  // after mutex_
    mutable Matches matches_;
};

}  // namespace gongshu::history
