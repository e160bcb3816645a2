#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "data/tag.h"
#include "data/value.h"
#include "expr/expr.h"
#include "registry/registry.h"

// Virtual tags as they are configured: the kind, the places where their values appear, and what is refused.
namespace gongshu::flow {

// auto: as the expression gives.
enum class VirtualType : std::uint8_t { auto_, number, integer, boolean, text };

// What a virtual tag makes of the time in which it is true.
struct VirtualIntervals {
    std::string kind;                               // of the intervals: "downtime"
    std::map<std::string, std::string> attributes;  // each one gets them
    std::string min_length = "0s";                  // shorter ones are none
    std::string join_gap = "0s";                    // pauses of at most so long are part of one
    friend bool operator==(const VirtualIntervals&, const VirtualIntervals&) = default;
};

// A tag whose values are computed from other tags.
struct VirtualTagSpec {
    std::string title_zh, title_en;
    std::optional<std::string> device;       // one of this device …
    std::optional<std::string> device_type;  // … or one of each device of this type
    std::string property;                    // beneath the device; "" = the name of the resource
    std::string expr;
    std::string unit;  // "" = that of the expression
    VirtualType type = VirtualType::auto_;
    std::string lateness = "2s";                // how long after its time a reading may come and still count
    std::string min_interval = "0s";            // at most one value in so long, the last one of it; 0 = all
    std::optional<int> decimals;                // numbers are rounded to so many
    std::optional<VirtualIntervals> intervals;  // while it is true, one lasts
    bool enabled = true;
};

registry::Kind virtual_tag_kind();

// One virtual tag at one place.
struct VirtualPlace {
    std::string path;        // of the tag it makes
    std::string device;      // path; "" = it is of no device
    std::string device_uid;  // "" likewise
};

// Where a virtual tag stands: one place, or one for each device of its type.
std::vector<VirtualPlace> virtual_places(const registry::ResourceReader& registry, TenantId tenant,
                                         std::string_view name, const VirtualTagSpec& spec);

// The source of the tag of a virtual tag at a place: it is what it is under any name.
std::string virtual_source(std::string_view uid, std::string_view device_uid);

// Where a tag may come to be that the expression names.
std::vector<std::string> paths_named(const VirtualTagSpec& spec, const VirtualPlace& place);

// What of a spec is fine or not for all names there are; errors begin with the field.
struct VirtualProgram {
    std::shared_ptr<const expr::Program> program;
    std::string unit;
    expr::Kind kind = expr::Kind::any;
    std::optional<ValueType> type;
    double factor = 1, offset = 0;  // from the program's unit to `unit`
    double minor = 0;               // of money and prices: how many of the program's whole units make one of `unit`
};
// What is wrong, for people: `error` if it is in the expression, and the whole in Chinese.
struct VirtualWrong {
    std::optional<expr::ExprError> error;
    std::string zh;
};
Result<VirtualProgram> compile_virtual(const VirtualTagSpec& spec, const expr::Scope& scope,
                                       VirtualWrong* wrong = nullptr);

// What is wrong with an expression whatever its names stand for.
std::optional<expr::ExprError> grammar_error(std::string_view text);

// Which virtual tag makes a path, by configuration alone. A snapshot of the registry, read at the first question.
// Threads: one at a time.
class VirtualIndex {
public:
    VirtualIndex(const registry::ResourceReader& registry, TenantId tenant);
    ~VirtualIndex();
    VirtualIndex(const VirtualIndex&) = delete;

    struct Found {
        std::string name;  // of the resource
        std::string uid;
        const VirtualTagSpec* spec = nullptr;  // as long as the index lives
        VirtualPlace place;
    };
    std::optional<Found> at(std::string_view path) const;
    // What `property` of a device is, or of any device of a type if the device is "".
    std::optional<Found> of(std::string_view device, std::string_view device_type, std::string_view property) const;
    // Short names beneath a device, or beneath any of a type.
    std::vector<std::string> properties(std::string_view device, std::string_view device_type) const;
    // As if it were stored, instead of whatever has its uid.
    void suppose(std::string_view name, std::string_view uid, const VirtualTagSpec& spec);
    // What the tag at a place is by its expression, as far as that is known.
    expr::ScopeTag planned(const Found& found);
    // The paths of virtual tags that it reads.
    std::vector<std::string> reads(const Found& found) const;

private:
    struct Impl;
    const std::unique_ptr<Impl> impl_;
};

// For Registry::set_last_check(): refuses a virtual tag where real readings are, or of another type than it has values
// already, and a device or device type that would declare what a virtual tag makes. Any thread.
Result<void> check_virtual_tags(const registry::ResourceReader& before, const Tags& tags,
                                const registry::Resource& next);

// The places that a virtual tag is about: where it is, and every tag that it reads.
struct VirtualPlaces {
    std::string device, device_type;  // "" = none
    std::vector<std::string> tags;    // its own first
};
Result<VirtualPlaces> places_of_virtual_tag(const registry::ResourceReader& registry, const Tags& tags, TenantId tenant,
                                            std::string_view name, const Json& spec);

}  // namespace gongshu::flow
