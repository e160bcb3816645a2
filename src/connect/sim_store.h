#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "data/sink.h"
#include "data/tag.h"
#include "io/loop.h"

namespace gongshu::connect {

// Sink, Reader and Tags in memory, for tests. One thread.
class SimStore final : public Sink, public Reader, public Tags {
public:
    explicit SimStore(io::Loop& loop) : loop_(loop) {}

    std::map<std::string, std::vector<Reading>> by_path;
    std::vector<Event> events;
    bool stalled = false;  // appends are taken and never answered
    std::size_t batches = 0;

    const std::vector<Reading>& of(const std::string& path) { return by_path[path]; }
    std::vector<std::string> qualities(const std::string& path) {
        std::vector<std::string> texts;
        for (const Reading& reading : by_path[path]) texts.push_back(to_string(reading.quality));
        return texts;
    }
    std::size_t count(const std::string& path, std::string_view quality) {
        return static_cast<std::size_t>(std::ranges::count(qualities(path), quality));
    }

    void append(Rows rows, Durability, Done done) override {
        ++batches;
        if (stalled) return;
        for (std::size_t i = 0; i < rows.size(); ++i)
            by_path[infos_[rows.tag(i).value - 1].path].push_back(rows.reading(i));
        loop_.post([done = std::move(done), count = rows.size()] { done(Appended{count, 0}); });
    }
    void append_event(Event event, Durability, std::function<void(Result<EventId>)> done) override {
        events.push_back(std::move(event));
        loop_.post([done = std::move(done), id = events.size()] { done(EventId{id}); });
    }
    Result<std::vector<Series>> read(const ReadRequest&) const override { return std::vector<Series>{}; }
    std::optional<Reading> last(TagId tag) const override {
        const auto found = by_path.find(infos_[tag.value - 1].path);
        if (found == by_path.end() || found->second.empty()) return std::nullopt;
        return found->second.back();
    }
    Result<std::vector<Event>> read_events(TenantId, Window, std::string_view, std::size_t) const override {
        return events;
    }

    Result<TagId> resolve(const TagKey& key, std::string_view path, ValueType type, std::string_view unit) override {
        for (const TagInfo& info : infos_)
            if (info.key == key) return info.id;
        infos_.push_back({TagId{infos_.size() + 1}, key, std::string(path), type, std::string(unit)});
        return infos_.back().id;
    }
    std::optional<TagInfo> info(TagId tag) const override { return infos_[tag.value - 1]; }
    std::optional<TagInfo> find(TenantId, std::string_view path) const override {
        const auto found = std::ranges::find(infos_, path, &TagInfo::path);
        return found == infos_.end() ? std::nullopt : std::optional(*found);
    }
    std::vector<TagInfo> match(TenantId, std::string_view, std::size_t) const override { return infos_; }
    Result<void> move_source(TenantId, std::string_view, std::string_view) override { return {}; }
    Result<void> set_unit(TagId, std::string_view) override { return {}; }

private:
    io::Loop& loop_;
    std::vector<TagInfo> infos_;
};

}  // namespace gongshu::connect
