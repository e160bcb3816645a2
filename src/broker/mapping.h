#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expr/expr.h"
#include "registry/registry.h"
#include "wire/json_map.h"

namespace gongshu::broker {

enum class MappingFormat : std::uint8_t { json, number, text };
enum class MappingTimeUnit : std::uint8_t { auto_, s, ms, us, ns };
enum class MappingType : std::uint8_t { number, integer, boolean, text };

// One thing that a mapping takes of a message. Paths as wire::JsonPath has them.
struct MappingTake {
    std::string value = "$.*";
    std::string tag;  // template
    std::optional<std::string> time, quality, only_if;
    std::optional<MappingType> type;
    std::string unit;  // of a tag whose device's type says none
    double scale = 1, offset = 0;
    std::optional<std::string> expr;  // of `value`, after scale and offset
};

// How the messages of a topic become readings: what stands under the kind "mapping".
struct MappingSpec {
    std::string title_zh, title_en;
    std::string topic;  // "factory/{line}/+/data"
    std::int32_t priority = 0;
    bool devices = false;  // devices may publish on these topics what lies beneath themselves
    MappingFormat format = MappingFormat::json;
    std::optional<std::string> only_if, time;
    MappingTimeUnit time_unit = MappingTimeUnit::auto_;
    std::string zone;  // of times that are texts without one
    std::vector<MappingTake> take;
    bool enabled = true;
};

inline constexpr std::size_t kMappingsMax = 1000;  // of a tenant; further ones, by name, are left out and logged

registry::Kind mapping_kind();
// Of a spec that was checked by the kind.
Result<MappingSpec> mapping_spec(const Json& spec);

// A mapping that is ready to be used.
// Lives:   with who uses it: it remembers how far its expressions came.
// Threads: one at a time.
// Bounds:  as wire::MapLimits.
// Disk:    none.
class Mapping {
public:
    // Code::invalid begins with the field of the spec: "take[1].expr: …".
    static Result<std::shared_ptr<Mapping>> create(std::string name, const MappingSpec& spec);

    const std::string& name() const { return name_; }
    const MappingSpec& spec() const { return spec_; }
    const wire::TopicPattern& pattern() const { return pattern_; }
    // What wire::JsonMapper::run() says, with expressions worked out.
    Result<wire::MapBody> run(wire::JsonMapper& mapper, Bytes payload, const wire::MapInput& input);
    // The type that the values of a take are to have; nullopt: as they come.
    std::optional<ValueType> type_of_take(std::size_t take) const;

private:
    Mapping() = default;
    Result<Value> worked_out(std::size_t take, const Value& value);

    std::string name_;
    MappingSpec spec_;
    wire::TopicPattern pattern_;
    std::shared_ptr<const wire::JsonMap> map_;
    std::vector<std::unique_ptr<expr::Evaluator>> expressions_;  // of each take, null = none
    TimeNs step_ = 0;                                            // time of the expressions, which only counts values
};

// Those of a tenant that are enabled, ready and sorted. One that cannot be compiled any more is left out and logged.
std::vector<std::shared_ptr<Mapping>> mappings_of(const registry::ResourceReader& resources, TenantId tenant);
// In the order in which they are asked: the greater priority, the more precise topic, the name.
void sort_mappings(std::vector<std::shared_ptr<Mapping>>& mappings);

// A mapping that could take such a message, to begin with: what looks like time, name and values is taken so. Always
// one that can be stored.
MappingSpec propose_mapping(std::string_view topic, std::string_view payload);
Json to_json(const MappingSpec& spec);

// A tag's path in its two halves: site/cnc1 and temperature, which is "value" if there is none.
struct TagPlace {
    std::string_view device, property;
};
TagPlace place_of_tag(std::string_view path);

}  // namespace gongshu::broker
