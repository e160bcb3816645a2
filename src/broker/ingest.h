#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/auth.h"
#include "broker/declared.h"
#include "broker/doors.h"
#include "broker/mapping.h"
#include "data/sink.h"
#include "data/tag.h"
#include "wire/json_door.h"
#include "wire/mqtt.h"
#include "wire/sparkplug.h"

namespace gongshu::broker {

// Ingest turns payloads on the doors' topics into rows of the history.
// Lives:   in the broker.
// Threads: the broker's lane.
// Bounds:  kRoutesMax remembered topics and devices, kKeysMax remembered names in each: past that they are forgotten
// and
//          looked up again. Payloads: wire::DoorLimits.
// Disk:    what Sink does.
class Ingest {
public:
    using DeviceUid = std::function<std::string(TenantId, std::string_view path)>;
    using PropertyOf =
        std::function<std::optional<DeclaredProperty>(TenantId, std::string_view path, std::string_view)>;
    // The path of the device that others call so; see BrokerDeps::device_by_id.
    using DeviceById = std::function<Result<std::string>(TenantId, std::string_view product, std::string_view device)>;

    // Path of the device with that external_id, "" = none has it; see BrokerDeps::device_by_external_id.
    using DeviceByExternalId = std::function<std::string(TenantId, std::string_view id)>;

    // The mappings of a tenant that are in use, in the order in which they are asked; see BrokerDeps::mappings_of.
    using MappingsOf = std::function<std::vector<std::shared_ptr<Mapping>>(TenantId)>;

    struct Outcome {
        wire::mqtt::ReasonCode reason = wire::mqtt::ReasonCode::success;
        std::string problem;         // why not; with success: which values were left out and why
        std::uint64_t readings = 0;  // that were appended
        // With a mapping: the devices they were of, and how many.
        std::vector<std::pair<std::string, std::uint64_t>> devices;
    };
    using Done = std::function<void(Outcome)>;

    Ingest(Sink& sink, Tags& tags, DeviceUid device_uid, PropertyOf property_of, DeviceById device_by_id,
           MappingsOf mappings_of, DeviceByExternalId device_by_external_id)
        : sink_(sink),
          tags_(tags),
          device_uid_(std::move(device_uid)),
          property_of_(std::move(property_of)),
          device_by_id_(std::move(device_by_id)),
          mappings_of_(std::move(mappings_of)),
          device_by_external_id_(std::move(device_by_external_id)) {}

    // Never null.
    LeadPtr lead(const Principal& who, std::string_view topic);
    // The same without remembering it: of somebody who speaks for a device.
    LeadPtr lead_again(const Principal& who, std::string_view topic) {
        return std::make_shared<const Lead>(find_lead(who, topic));
    }
    bool may_publish(const Principal& who, std::string_view topic, const Lead& lead) const;
    bool may_subscribe(const Principal& who, std::string_view filter) const;

    // `done` once, at once or later, on this lane. payload_format_invalid: the payload cannot be used;
    // topic_name_invalid: the topic names no device; quota_exceeded: the store cannot take it now, the sender keeps it.
    // `lead` is what lead() said of the topic.
    void take(const Principal& who, std::string_view topic, const Lead& lead, Bytes payload, Durability durability,
              TimeNs now, Done done);

    // Where a value goes that a door of its own has read: of the device at that path, by that name, made if new.
    Result<TagTarget> target_of(const Principal& who, const std::string& path, const std::string& name, ValueType type,
                                std::string_view unit);
    // `outcome` once the rows are kept, else why not.
    void append(Rows rows, Durability durability, Outcome outcome, Done done);

    void forget(TenantId tenant);

private:
    static constexpr std::size_t kRoutesMax = 100'000;
    static constexpr std::size_t kKeysMax = 10'000;
    static constexpr std::size_t kTopicKeptMax = 256;  // bytes; longer ones are looked up each time

    // Where the readings of one device go.
    struct Route {
        TenantId tenant;
        std::string source;
        std::string path;
        std::unordered_map<std::string, TagTarget> tags;  // by name of the value
    };

    Lead find_lead(const Principal& who, std::string_view topic);
    Lead mapping_lead(const Principal& who, std::string_view topic);
    Lead jetlinks_lead(const Principal& who, const wire::JetLinksTopic& topic) const;
    Lead sparkplug_lead(const Principal& who, std::string_view topic) const;
    std::string path_of(TenantId tenant, const wire::sparkplug::Topic& topic, bool of_node) const;
    bool is_of_another(const Principal& who, const wire::sparkplug::Topic& topic, const std::string& path) const;
    bool is_own_node(const Principal& who, const wire::sparkplug::Topic& topic) const;
    bool is_called(const Principal& who, std::string_view product, std::string_view device) const;
    Result<wire::DoorBody> decode(const Lead& lead, Bytes payload);
    Result<Route*> route(const Principal& who, std::string_view topic, const Lead& lead);
    Result<Route*> route_to(const Principal& who, const std::string& path);
    Result<TagTarget> target(Route& route, const std::string& key, ValueType type, std::string_view unit = {});
    // The first candidate that does not say that the message is none of its.
    void take_mapped(const Principal& who, const Lead& lead, Bytes payload, Durability durability, TimeNs now,
                     Done done);
    void store_mapped(const Principal& who, Mapping& mapping, wire::MapBody body, Durability durability, TimeNs now,
                      Done done);
    Result<void> add_mapped(const Principal& who, Mapping& mapping, const wire::MapRow& row, TimeNs now, Rows& rows,
                            std::map<std::string, std::uint64_t>& devices);
    // Each value that no tag can take is told to `leave_out`.
    Result<Rows> to_rows(Route& route, const std::vector<wire::DoorReading>& readings, TimeNs now,
                         const std::function<void(std::string_view)>& leave_out);

    Sink& sink_;
    Tags& tags_;
    const DeviceUid device_uid_;
    const PropertyOf property_of_;
    const DeviceById device_by_id_;
    const MappingsOf mappings_of_;
    const DeviceByExternalId device_by_external_id_;
    wire::JsonDoor json_;
    wire::JsonMapper mapper_;
    std::unordered_map<TenantId, std::vector<std::shared_ptr<Mapping>>> mappings_;
    std::unordered_map<std::string, Route> routes_;
    std::unordered_map<std::string, std::pair<TenantId, LeadPtr>> leads_;
};

}  // namespace gongshu::broker
