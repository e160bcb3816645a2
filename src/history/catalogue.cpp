#include "history/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/assert.h"
#include "base/checksum.h"
#include "history/codec.h"
#include "history/tag_list.h"

namespace gongshu::history {
namespace {

constexpr std::string_view kMagic = "gscat01\n";
constexpr std::string_view kMagic0 = "gscat00\n";  // written by early programs, read for ever
constexpr std::size_t kNameBytesMax = 4096;        // a source or a path

std::uint64_t local_index(TagId tag) { return (tag.value >> 4) - 1; }

ShardId shard_of_source(TenantId tenant, std::string_view source) {
    // crc32c, because it must be the same in every version and hash64 may change.
    const std::uint32_t hash = crc32c(as_bytes(source), tenant.value);
    return ShardId{static_cast<std::uint16_t>((hash ^ (hash >> 16)) & (kShardCount - 1))};
}

// The part of a glob before its first wildcard: only paths that begin with it need a look.
std::string_view literal_prefix(std::string_view glob) { return glob.substr(0, glob.find_first_of("*?")); }

bool is_computed(std::string_view source) { return source.starts_with("v:"); }

// True if `path` is what somebody at `from` gets who makes room there.
bool is_displaced(std::string_view path, std::string_view from) {
    return path.size() > from.size() && path.starts_with(from) && path[from.size()] == '~';
}

Result<void> check_names(const TagKey& key, std::string_view path) {
    if (key.source.empty() || key.property.empty() || path.empty())
        return Error{Code::invalid, "a tag needs a source, a property and a path; got \"{}\", \"{}\", \"{}\"",
                     key.source, key.property, path};
    if (key.source.size() > kNameBytesMax || key.property.size() > kNameBytesMax || path.size() > kNameBytesMax)
        return Error{
            Code::limit,         "source, property and path of a tag are at most {} bytes each; got {}, {}, {}",
            kNameBytesMax,       key.source.size(),
            key.property.size(), path.size()};
    return {};
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view path) {
    // Greedy with two places to come back to: the last "**" and the last "*" after it.
    constexpr auto kNone = std::string_view::npos;
    std::size_t g = 0;
    std::size_t p = 0;
    std::size_t star_g = kNone, star_p = 0, deep_g = kNone, deep_p = 0;
    for (;;) {
        if (glob.substr(g, 2) == "**") {
            deep_g = g += 2;
            deep_p = p;
            star_g = kNone;
            continue;
        }
        if (g < glob.size() && glob[g] == '*') {
            star_g = ++g;
            star_p = p;
            continue;
        }
        if (p == path.size() && g == glob.size()) return true;
        if (p < path.size() && g < glob.size() && (glob[g] == path[p] || (glob[g] == '?' && path[p] != '/'))) {
            ++g;
            ++p;
        } else if (star_g != kNone && star_p < path.size() && path[star_p] != '/') {
            g = star_g;
            p = ++star_p;
        } else if (deep_g != kNone && deep_p < path.size()) {
            g = deep_g;
            p = ++deep_p;
            star_g = kNone;
        } else {
            return false;
        }
    }
}

std::size_t Catalogue::KeyHash::operator()(const TagKey& key) const {
    return hash64(as_bytes(key.property), hash64(as_bytes(key.source), key.tenant.value));
}

std::size_t Catalogue::KeyHash::operator()(TagId tag) const { return (*this)(catalogue->at(tag)->key); }

bool Catalogue::KeyEqual::operator()(TagId a, TagId b) const {
    return a == b || catalogue->at(a)->key == catalogue->at(b)->key;
}

bool Catalogue::KeyEqual::operator()(TagId tag, const TagKey& key) const { return catalogue->at(tag)->key == key; }

const TagInfo* Catalogue::at(TagId tag) const {
    const auto& tags = tags_[shard_of(tag).value];
    return tag.value >> 4 != 0 && local_index(tag) < tags.size() ? tags[local_index(tag)].get() : nullptr;
}

TagPtr& Catalogue::entry(TagId tag) { return tags_[shard_of(tag).value][local_index(tag)]; }

const TagPtr& Catalogue::entry(TagId tag) const { return tags_[shard_of(tag).value][local_index(tag)]; }

std::string Catalogue::free_path(TenantId tenant, std::string_view path, const TagKey& key) const {
    std::string candidate{path};
    for (std::uint32_t salt = 0; by_path_.contains(PathRef{tenant, candidate}); ++salt) {
        const std::uint32_t hash = crc32c(as_bytes(key.property), crc32c(as_bytes(key.source), salt));
        candidate = fmt::format("{}~{:08x}", path, hash);
    }
    return candidate;
}

Result<void> Catalogue::take_allowance(TenantId tenant) {
    Allowance& allowance = allowances_[tenant];
    const DurationNs minute = clock_.monotonic() / kMinute;
    if (allowance.minute != minute) allowance = {minute, 0};
    if (allowance.used >= new_tags_per_minute_)
        return Error{Code::limit,
                     "{} new tags were made this minute, which is all that is allowed; try again in a minute or send "
                     "fewer different names",
                     allowance.used};
    ++allowance.used;
    return {};
}

bool Catalogue::may_return(const TagInfo& tag, std::string_view path) const {
    return tag.key.source.starts_with("p:") && is_displaced(tag.path, path) &&
           !by_path_.contains(PathRef{tag.key.tenant, path});
}

Result<void> Catalogue::change_paths(const MoveRecord& record) {
    if (record.paths.empty()) return {};
    Buffer payload;
    encode_move(record, payload);
    TRY(log_(RecordKind::move, payload));
    for (const auto& [id, path] : record.paths) set_path(id, path);
    changes_ = record.change;
    return {};
}

Result<TagId> Catalogue::resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit,
                                 bool is_declared) {
    {
        const std::shared_lock lock{mutex_};
        if (const auto found = by_key_.find(key); found != by_key_.end() && !may_return(*at(*found), path))
            return *found;
    }
    TRY(check_names(key, path));
    const std::unique_lock lock{mutex_};
    if (const auto found = by_key_.find(key); found != by_key_.end()) {
        const TagId id = *found;
        if (may_return(*at(id), path)) TRY(change_paths({changes_ + 1, {{id, std::string(path)}}}));
        return id;
    }
    TRY(refuse_if_computed(key, path));
    if (!is_declared) TRY(take_allowance(key.tenant));
    const ShardId shard = shard_of_source(key.tenant, key.source);
    TagRecord record;
    record.change = changes_ + 1;
    record.tag.id.value = (tags_[shard.value].size() + 1) << 4 | shard.value;
    record.tag.key = key;
    record.tag.path = free_path(key.tenant, path, key);
    record.tag.type = type;
    record.tag.unit = unit;
    Buffer payload;
    encode_tag(record, payload);
    TRY(log_(RecordKind::tag, payload));
    TRY(insert(record.tag));
    changes_ = record.change;
    return record.tag.id;
}

// What a virtual tag computes is nobody else's to send.
Result<void> Catalogue::refuse_if_computed(const TagKey& key, std::string_view path) const {
    const auto there = by_path_.find(PathRef{key.tenant, path});
    if (there == by_path_.end() || !is_computed(at(*there)->key.source) || is_computed(key.source)) return {};
    return Error{Code::invalid,
                 "{} is a virtual tag, whose values are computed here: send these readings under another name, or "
                 "rename the virtual tag first",
                 path};
}

Result<void> Catalogue::insert(TagInfo tag) {
    auto& tags = tags_[shard_of(tag.id).value];
    if (tag.id.value >> 4 == 0 || local_index(tag.id) != tags.size())
        return Error{Code::corrupt, "tag {} follows {} tags of its shard", tag.id.value, tags.size()};
    if (by_path_.contains(PathRef{tag.key.tenant, tag.path}))
        return Error{Code::corrupt, "tag {}: its path {} is there already", tag.id.value, tag.path};
    tags.push_back(std::make_shared<const TagInfo>(std::move(tag)));
    const TagInfo& kept = *tags.back();
    by_path_.insert(kept.id);
    if (!by_key_.insert(kept.id).second) return Error{Code::corrupt, "tag {}: its key is there already", kept.id.value};
    // The tags of a source come one after the other, mostly.
    if (newest_source_ == by_source_.end() || newest_source_->first.first != kept.key.tenant ||
        newest_source_->first.second != kept.key.source)
        newest_source_ = by_source_.try_emplace({kept.key.tenant, kept.key.source}).first;
    newest_source_->second.push_back(kept.id);
    if (on_tag_) on_tag_(kept.id, kept.type);
    ++size_;
    return {};
}

std::optional<TagInfo> Catalogue::info(TagId tag) const {
    const std::shared_lock lock{mutex_};
    const TagInfo* found = at(tag);
    return found ? std::optional{*found} : std::nullopt;
}

std::optional<TagId> Catalogue::first_unknown(const std::vector<TagId>& tags) const {
    const std::shared_lock lock{mutex_};
    const auto unknown = std::ranges::find_if(tags, [this](TagId tag) { return at(tag) == nullptr; });
    return unknown == tags.end() ? std::nullopt : std::optional{*unknown};
}

std::optional<TagInfo> Catalogue::find(TenantId tenant, std::string_view path) const {
    const TagPtr found = find_shared(tenant, path);
    return found ? std::optional{*found} : std::nullopt;
}

TagPtr Catalogue::find_shared(TenantId tenant, std::string_view path) const {
    const std::shared_lock lock{mutex_};
    if (const auto found = by_path_.find(PathRef{tenant, path}); found != by_path_.end()) return entry(*found);
    if (const auto found = aliases_.find({tenant, std::string(path)}); found != aliases_.end())
        return entry(found->second);
    return nullptr;
}

std::vector<TagInfo> Catalogue::match(TenantId tenant, std::string_view glob, std::size_t tags_max) const {
    std::vector<TagInfo> found;
    const auto list = match_shared(tenant, glob, tags_max);
    for (const TagPtr& tag : *list) found.push_back(*tag);
    return found;
}

std::shared_ptr<const TagList> Catalogue::match_shared(TenantId tenant, std::string_view glob,
                                                       std::size_t tags_max) const {
    const std::shared_lock lock{mutex_};
    const std::string key = fmt::format("{} {}", tenant.value, glob);
    {
        const std::lock_guard matches_lock{matches_mutex_};
        const auto known = matches_.by_glob.find(key);
        if (known != matches_.by_glob.end() && known->second.changes == changes_ && known->second.tags_max == tags_max)
            return known->second.tags;
    }
    auto found = search(tenant, glob, tags_max);
    if (found->size() > kMatchedTagsMax / 8) return found;
    const std::lock_guard matches_lock{matches_mutex_};
    if (matches_.by_glob.size() >= kMatchesMax || matches_.tags + found->size() > kMatchedTagsMax) matches_ = {};
    Matched& kept = matches_.by_glob[key];
    matches_.tags += found->size() - (kept.tags ? kept.tags->size() : 0);
    kept = {changes_, tags_max, found};
    return found;
}

namespace {

// Where to look on for paths that match a glob, after one that does not: by the levels before its first "**" whole
// folders are passed over.
class Leaps {
public:
    explicit Leaps(std::string_view glob) {
        for (;;) {
            const std::size_t end = glob.find('/');
            const std::string_view level = glob.substr(0, end);
            if (level.find("**") != level.npos) return;
            levels_.push_back({level, level.find_first_of("*?") == level.npos, end == glob.npos});
            if (end == glob.npos) return;
            glob.remove_prefix(end + 1);
        }
    }

    // The first path at or after which the next match may lie; empty: at the next path there is. `path` matches not.
    std::string after(std::string_view path) const {
        std::size_t begin = 0;
        for (const Level& level : levels_) {
            const std::size_t end = path.find('/', begin);
            if (matches(level, path.substr(begin, end - begin)) && (end == path.npos) == level.last) {
                if (level.last) return {};
                begin = end + 1;
                continue;
            }
            if (level.literal) {
                std::string target{path.substr(0, begin)};
                target.append(level.text);
                if (!level.last) target.push_back('/');
                if (target > path) return target;
                return begin == 0 ? kEnd : behind(path.substr(0, begin - 1));
            }
            return end == path.npos ? std::string{} : behind(path.substr(0, end));
        }
        return {};
    }

private:
    struct Level {
        std::string_view text;
        bool literal, last;
    };
    static bool matches(const Level& level, std::string_view text) {
        return level.literal ? level.text == text : level.text == "*" || glob_matches(level.text, text);
    }
    // After all that lies in the folder.
    static std::string behind(std::string_view folder) { return std::string{folder} + static_cast<char>('/' + 1); }

    inline static const std::string kEnd = "\xff";
    std::vector<Level> levels_;
};

}  // namespace

std::shared_ptr<const TagList> Catalogue::search(TenantId tenant, std::string_view glob, std::size_t tags_max) const {
    constexpr int kSteps = 4;  // so near, walking is cheaper than a leap
    const std::string_view prefix = literal_prefix(glob), suffix = glob.substr(glob.find_last_of("*?") + 1);
    const Leaps leaps{glob};
    auto list = std::make_shared<TagList>();
    TagList& found = *list;
    for (auto at_path = by_path_.lower_bound(PathRef{tenant, prefix});
         at_path != by_path_.end() && found.size() < tags_max;) {
        const auto [of, path] = place_of(*at_path);
        if (of != tenant || !path.starts_with(prefix)) break;
        if (path.ends_with(suffix) && glob_matches(glob, path)) {
            found.push_back(entry(*at_path));
            ++at_path;
            continue;
        }
        const std::string beyond = leaps.after(path);
        const PathRef target{tenant, beyond};
        int steps = 0;
        do ++at_path;
        while (at_path != by_path_.end() && place_of(*at_path) < target && ++steps < kSteps);
        if (at_path != by_path_.end() && place_of(*at_path) < target) at_path = by_path_.lower_bound(target);
    }
    return list;
}

void Catalogue::set_unit_of(TagId id, const std::string& unit) {
    TagInfo tag = *at(id);
    tag.unit = unit;
    entry(id) = std::make_shared<const TagInfo>(std::move(tag));
}

void Catalogue::set_path(TagId id, const std::string& path) {
    TagInfo tag = *at(id);
    const TenantId tenant = tag.key.tenant;
    // Another tag of the same move may have taken the old path already.
    if (const auto old = by_path_.find(PathRef{tenant, tag.path}); old != by_path_.end() && *old == id)
        by_path_.erase(old);
    // And another one of this move may be at the new path still.
    if (const auto other = by_path_.find(PathRef{tenant, path}); other != by_path_.end()) by_path_.erase(other);
    // Who had to make room is not at home at its old path any more, so that this does not lead to it.
    if (!is_displaced(path, tag.path)) aliases_[{tenant, tag.path}] = tag.id;
    aliases_.erase({tenant, path});
    tag.path = path;
    entry(id) = std::make_shared<const TagInfo>(std::move(tag));
    by_path_.insert(id);
}

void Catalogue::make_room(TenantId tenant, std::string_view source, std::string_view prefix,
                          std::set<std::string>& taken, MoveRecord& record) {
    const std::string begin = fmt::format("{}.", prefix);
    const auto is_at_home = [&](const std::string& path, const TagInfo& tag) {
        return tag.key.source != source && !is_computed(tag.key.source) &&
               path.size() == begin.size() + tag.key.property.size() && path.ends_with(tag.key.property);
    };
    for (auto there = by_path_.lower_bound(PathRef{tenant, begin}); there != by_path_.end(); ++there) {
        const TagInfo& tag = *at(*there);
        const std::string& path = tag.path;
        if (tag.key.tenant != tenant || !path.starts_with(begin)) break;
        if (tag.key.source == source || (!is_at_home(path, tag) && !taken.contains(path))) continue;
        std::string other = free_path(tenant, path, tag.key);
        while (by_path_.contains(PathRef{tenant, other}) || !taken.insert(other).second) other += '~';
        record.paths.emplace_back(tag.id, std::move(other));
    }
    // Old addresses of tags that lived here before. Not in the log: each start moves every device to its place again.
    for (auto old = aliases_.lower_bound({tenant, begin}); old != aliases_.end();) {
        const auto& [of, path] = old->first;
        if (of != tenant || !path.starts_with(begin)) break;
        old = is_at_home(path, *at(old->second)) ? aliases_.erase(old) : std::next(old);
    }
}

Result<void> Catalogue::move_computed(TenantId tenant, std::string_view source, std::string_view path) {
    const std::unique_lock lock{mutex_};
    const auto found = by_source_.find({tenant, std::string(source)});
    if (found == by_source_.end()) return {};
    const TagId id = found->second.front();  // there is one
    if (at(id)->path == path) return {};
    if (const auto there = by_path_.find(PathRef{tenant, path}); there != by_path_.end())
        return Error{Code::exists, "{} is the path of another tag", path};
    return change_paths({changes_ + 1, {{id, std::string(path)}}});
}

Result<void> Catalogue::move_source(TenantId tenant, std::string_view source, std::string_view new_prefix) {
    if (new_prefix.empty() || new_prefix.size() > kNameBytesMax)
        return Error{Code::invalid, "the new place of \"{}\" must be 1 to {} bytes, got {}", source, kNameBytesMax,
                     new_prefix.size()};
    if (is_computed(source)) return move_computed(tenant, source, new_prefix);
    const std::unique_lock lock{mutex_};
    const auto found = by_source_.find({tenant, std::string(source)});
    MoveRecord record;
    record.change = changes_ + 1;
    std::set<std::string> taken;  // by this very move
    if (found != by_source_.end())
        for (const TagId id : found->second) taken.insert(fmt::format("{}.{}", new_prefix, at(id)->key.property));
    make_room(tenant, source, new_prefix, taken, record);
    if (found != by_source_.end()) {
        for (const TagId id : found->second) {
            std::string path = fmt::format("{}.{}", new_prefix, at(id)->key.property);
            if (path != at(id)->path) record.paths.emplace_back(id, std::move(path));
        }
    }
    return change_paths(record);
}

Result<void> Catalogue::set_unit(TagId tag, std::string_view unit) {
    const std::unique_lock lock{mutex_};
    const TagInfo* const found = at(tag);
    if (!found) return Error{Code::not_found, "there is no tag {}", tag.value};
    if (found->unit == unit) return {};
    if (unit.size() > kNameBytesMax)
        return Error{Code::limit, "a unit is at most {} bytes, got {}", kNameBytesMax, unit.size()};
    UnitRecord record{changes_ + 1, tag, std::string(unit)};
    Buffer payload;
    encode_unit(record, payload);
    TRY(log_(RecordKind::unit, payload));
    set_unit_of(tag, record.unit);
    changes_ = record.change;
    return {};
}

std::uint64_t Catalogue::size() const {
    const std::shared_lock lock{mutex_};
    return size_;
}

std::uint64_t Catalogue::changes() const {
    const std::shared_lock lock{mutex_};
    return changes_;
}

Result<void> Catalogue::apply(const TagRecord& record) {
    const std::unique_lock lock{mutex_};
    if (record.change <= changes_) return {};
    TRY(insert(record.tag));
    changes_ = record.change;
    return {};
}

Result<void> Catalogue::apply(const MoveRecord& record) {
    const std::unique_lock lock{mutex_};
    if (record.change <= changes_) return {};
    for (const auto& [id, path] : record.paths) {
        if (!at(id)) return Error{Code::corrupt, "a move names tag {}, which is not known", id.value};
        set_path(id, path);
    }
    changes_ = record.change;
    return {};
}

Result<void> Catalogue::apply(const UnitRecord& record) {
    const std::unique_lock lock{mutex_};
    if (record.change <= changes_) return {};
    if (!at(record.tag)) return Error{Code::corrupt, "a unit is given to tag {}, which is not known", record.tag.value};
    set_unit_of(record.tag, record.unit);
    changes_ = record.change;
    return {};
}

Buffer Catalogue::encode() const {
    const std::shared_lock lock{mutex_};
    Buffer body;
    Encoder out{body};
    out.varint(changes_);
    out.varint(size_);
    TagListWriter list{out};
    for (const auto& tags : tags_)
        for (const auto& tag : tags) list.add(*tag);
    out.varint(aliases_.size());
    for (const auto& [path, tag] : aliases_) {
        out.varint(path.first.value);
        out.text(path.second);
        out.varint(tag.value);
    }
    return seal_file(kMagic, body);
}

namespace {

// A tag of format 0: a text that holds the payload of a tag's record.
Result<TagInfo> decode_tag_0(Decoder& in) {
    auto record = TRY(decode_record(static_cast<std::uint8_t>(RecordKind::tag), as_bytes(in.text())));
    return std::move(std::get<TagRecord>(record).tag);
}

}  // namespace

Result<void> Catalogue::decode(Bytes file, const std::string& path) {
    const bool is_0 = file.size() >= kMagic0.size() && as_text(file.first(kMagic0.size())) == kMagic0;
    Decoder in{TRY(open_file(is_0 ? kMagic0 : kMagic, file, path))};
    const std::unique_lock lock{mutex_};
    ASSERT(size_ == 0);
    const std::uint64_t changes = in.varint();
    TagListReader list{in};
    const std::uint64_t count = in.varint();
    by_key_.reserve(std::min<std::uint64_t>(count, file.size()));  // a tag takes more than a byte
    for (std::uint64_t left = count; left > 0 && !in.failed(); --left) {
        TagInfo tag = is_0 ? TRY(decode_tag_0(in).context("{}", path)) : list.next();
        if (!in.failed()) TRY(insert(std::move(tag)).context("{}", path));
    }
    for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
        const TenantId tenant{static_cast<std::uint32_t>(in.varint())};
        const std::string_view alias = in.text();
        const TagId tag{in.varint()};
        if (!in.failed() && !at(tag))
            return Error{Code::corrupt, "{}: alias {} of tag {}, which is not known", path, alias, tag.value};
        if (!in.failed()) aliases_[{tenant, std::string(alias)}] = tag;
    }
    if (!in.finished()) return Error{Code::corrupt, "{}: the contents do not follow the grammar of a catalogue", path};
    changes_ = changes;
    return {};
}

}  // namespace gongshu::history
