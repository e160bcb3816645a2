#pragma once

// What the tests of this folder share: the server over a real registry, real sign-in and a real history in a simulated
// world; alarms and connections that say what the test tells them to.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/api.h"
#include "api/egress.h"
#include "api/live_tap.h"
#include "backup/backups.h"
#include "blob/blobs.h"
#include "broker/mapping.h"
#include "case/kinds/kinds.h"
#include "connect/connections.h"
#include "doctor/gather.h"
#include "flow/flow.h"
#include "flow/virtual_tags.h"
#include "history/history.h"
#include "io/sim.h"
#include "notify/messages.h"
#include "package/packages.h"
#include "registry/audit_ledger.h"
#include "registry/auth.h"
#include "registry/kinds/tag_alias.h"
#include "registry/registry.h"
#include "retention/retention.h"
#include "sql/testing/fake_engine.h"
#include "wire/http.h"
#include "wire/websocket.h"

namespace gongshu::api::test {

inline constexpr std::string_view kPassword = "correct horse battery";

/// The text at `name` of a JSON object; throws (and so fails the test) where there is none.
inline std::string member(const std::string& json, std::string_view name) {
    const auto parsed = registry::parse_json(json).value();
    const auto& text = parsed.as_object().at({name.data(), name.size()}).as_string();
    return {text.data(), text.size()};
}

class FakeAlarms final : public flow::Alarms {
public:
    std::vector<flow::Alarm> list(TenantId tenant, const flow::AlarmQuery& query) const override {
        std::vector<flow::Alarm> found;
        for (const auto& [id, alarm] : alarms) {
            const bool wanted = query.state == flow::StateFilter::all ||
                                (query.state == flow::StateFilter::suppressed
                                     ? alarm.state() == flow::AlarmState::suppressed
                                     : (query.state == flow::StateFilter::active) == alarm.active());
            if (query.group && *query.group != alarm.group) continue;
            if (alarm.tenant == tenant && wanted) found.push_back(alarm);
        }
        return found;
    }
    Result<flow::Alarm> get(TenantId tenant, std::string_view id) const override;
    flow::AlarmCounts counts(TenantId tenant) const override {
        flow::AlarmCounts counts{};
        for (const auto& [id, alarm] : alarms) {
            if (alarm.tenant == tenant && alarm.active()) ++counts[static_cast<std::size_t>(alarm.severity)];
        }
        return counts;
    }
    std::map<std::string, flow::AlarmCounts> counts_by_group(TenantId tenant) const override {
        std::map<std::string, flow::AlarmCounts> counts;
        for (const auto& [id, alarm] : alarms) {
            if (alarm.tenant == tenant && alarm.active())
                ++counts[alarm.group][static_cast<std::size_t>(alarm.severity)];
        }
        return counts;
    }
    void acknowledge(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                     Done done) override {
        auto alarm = get(tenant, id);
        if (!alarm) return done(alarm.error());
        if (alarm->acknowledged)
            return done(Error{Code::conflict, "{} acknowledged it already", alarm->acknowledged_by});
        flow::Alarm& changed = alarms[std::string{id}];
        changed.acknowledged = 1;
        changed.acknowledged_by = who;
        changed.journal.push_back({1, "acknowledged", std::string{who}, std::string{comment}});
        tell(changed, "acknowledged");
        done(changed);
    }
    void comment(TenantId tenant, std::string_view id, std::string_view who, std::string_view comment,
                 Done done) override {
        auto alarm = get(tenant, id);
        if (!alarm) return done(alarm.error());
        flow::Alarm& changed = alarms[std::string{id}];
        changed.journal.push_back({1, "comment", std::string{who}, std::string{comment}});
        done(changed);
    }
    void shelve(flow::Shelf shelf, ShelfDone done) override {
        if (shelf.reason.empty()) return done(Error{Code::invalid, "reason: it is empty; write why"});
        shelf.since = 1;
        kept_shelves.push_back(shelf);
        done(shelf);
    }
    void unshelve(const flow::Shelf& shelf, std::string_view who, std::string_view, ShelfDone done) override {
        const auto found = std::find_if(kept_shelves.begin(), kept_shelves.end(), [&](const flow::Shelf& one) {
            return one.kind == shelf.kind && one.rule == shelf.rule && one.device == shelf.device;
        });
        if (found == kept_shelves.end()) return done(Error{Code::not_found, "{} is not shelved", shelf.rule});
        flow::Shelf ended = *found;
        kept_shelves.erase(found);
        unshelved_by = who;
        done(std::move(ended));
    }
    std::vector<flow::Shelf> shelves(TenantId tenant) const override {
        std::vector<flow::Shelf> list = kept_shelves;
        std::erase_if(list, [&](const flow::Shelf& shelf) { return shelf.tenant != tenant; });
        return list;
    }
    std::uint64_t subscribe(Listener listener) override { return listener_ = std::move(listener), 1; }
    void unsubscribe(std::uint64_t) override { listener_ = nullptr; }

    void raise(flow::Alarm alarm) {
        const std::string id = alarm.id;
        alarms[id] = std::move(alarm);
        tell(alarms[id], "raised");
    }
    std::map<std::string, flow::Alarm> alarms;
    std::vector<flow::Shelf> kept_shelves;
    std::string unshelved_by;

private:
    void tell(const flow::Alarm& alarm, std::string_view what) {
        if (listener_) listener_(alarm, what);
    }
    Listener listener_;
};

class FakeVirtualTags final : public flow::VirtualTags {
public:
    std::vector<flow::VirtualState> states(TenantId tenant) const override;
    Result<flow::VirtualPreview> preview(const flow::VirtualPreviewQuestion& question) override {
        previewed = question;
        flow::VirtualPreview answer{
            .path = "lab/v.x", .unit = "W", .type = ValueType::number, .count = 1, .readings = 2};
        answer.rows.add_number(TagId{1}, question.window.from, 4.5);
        return answer;
    }
    Result<flow::VirtualBackfill> backfill(TenantId tenant, std::string_view name, const Window& window,
                                           std::string_view by) override {
        jobs.push_back({.id = "1",
                        .tenant = tenant,
                        .name = std::string(name),
                        .window = window,
                        .places = 1,
                        .started = window.to,
                        .by = std::string(by)});
        return jobs.back();
    }
    std::vector<flow::VirtualBackfill> backfills(TenantId) const override { return jobs; }
    Result<flow::VirtualBackfill> cancel_backfill(TenantId, std::string_view) override {
        jobs.front().state = flow::VirtualBackfill::State::cancelled;
        return jobs.front();
    }
    std::vector<flow::VirtualState> kept_states;
    std::vector<flow::VirtualBackfill> jobs;
    std::optional<flow::VirtualPreviewQuestion> previewed;
};

class FakeFlow final : public flow::Flow {
public:
    void on_rows(ShardId, const Rows& rows) override;
    Result<void> start() override { return {}; }
    bool ready() const override { return true; }
    flow::Alarms& alarms() override { return fake_alarms; }
    flow::VirtualTags& virtual_tags() override { return fake_virtual_tags; }
    void check(flow::CheckQuestion question, std::function<void(flow::CheckAnswer)> done) override {
        flow::CheckAnswer answer;
        if (question.condition == "bad" || (question.sees && !question.sees(question.condition)))
            answer.error = expr::ExprError{"no such tag", 1, 3, "bad", "a tag", {"bed"}};
        else
            answer.value = true;
        if (check_error) answer.error = check_error;
        answer.tags = checked_tags;
        done(std::move(answer));
    }
    Result<flow::RehearseAnswer> rehearse(const flow::RehearseQuestion& question) override {
        rehearsed = question;
        flow::RehearseAnswer answer{
            .count = 2, .active = 90 * kSecond, .readings = 5, .devices = 1, .until = question.window.to};
        flow::Alarm alarm{.tenant = question.rule.tenant, .rule = question.rule.name, .tag = "lab/oven.t"};
        alarm.message_zh = "热";
        alarm.message_en = "hot";
        alarm.raised = question.window.from;
        answer.alarms.push_back(alarm);
        return answer;
    }
    std::vector<flow::StoppedRule> stopped(TenantId tenant) const override {
        return tenant == TenantId{1} ? stopped_rules : std::vector<flow::StoppedRule>{};
    }
    FakeAlarms fake_alarms;
    FakeVirtualTags fake_virtual_tags;
    std::vector<flow::StoppedRule> stopped_rules;
    std::vector<flow::CheckTag> checked_tags;
    std::optional<flow::RehearseQuestion> rehearsed;
    std::optional<expr::ExprError> check_error;
    std::size_t rows_seen = 0;
};

class FakeConnections final : public connect::Connections {
public:
    void start() override;
    void stop() override {}
    std::vector<connect::ConnectionStatus> connection_status(TenantId tenant) const override {
        return tenant == TenantId{1} ? links : std::vector<connect::ConnectionStatus>{};
    }
    std::vector<connect::DeviceStatus> device_status(TenantId) const override { return {}; }
    Result<io::Address> listen_for_dtus(const io::Address& address, const std::string&) override { return address; }
    connect::DtuStatus dtu_status() const override { return dtus; }
    void test(TenantId, const std::string& connection, std::function<void(Result<connect::TestReport>)> done) override {
        if (connection != "plc") return done(Error{Code::not_found, "there is no connection \"{}\"", connection});
        done(connect::TestReport{true, {{"connect", true, 1.5, ""}}, {{"a.b", Value{1.0}, kGood}}});
    }
    void write(Command command, CommandDone done) override {
        commands.push_back(command);
        if (command.property == "locked") return done(Error{Code::denied, "writes are off for connection plc"});
        if (command.property == "dead") return done(CommandResult{command.id, false, {}, "no answer within 1 s"});
        done(CommandResult{command.id, true, command.value, ""});
    }
    std::vector<connect::ConnectionStatus> links;
    connect::DtuStatus dtus;
    std::vector<Command> commands;
};

// An answer as a test looks at it.
struct Reply {
    int status = 0;
    wire::HttpHeaders headers;
    std::string body;
    std::string header(std::string_view name) const { return std::string{wire::find_header(headers, name)}; }
};

struct Wanted {
    wire::HttpHeaders headers;
    std::string body;
    std::string host = "127.0.0.1:8080";
};

class World {
public:
    explicit World(ApiOptions options = {}, std::uint64_t seed = 1);
    ~World();

    // A token of a new token resource with that role.
    std::string token(std::string_view role, std::string_view tenant = "default");

    // One request on a connection of its own; status 0 when the server closed without an answer.
    Reply ask(std::string_view method, std::string_view target, const Wanted& wanted = {});
    Reply as(const std::string& token, std::string_view method, std::string_view target, std::string body = {},
             wire::HttpHeaders headers = {});
    Reply exchange(const std::string& bytes, bool head_only = false);
    std::unique_ptr<io::Stream> connect();

    io::SimWorld sim;
    io::SimFiles files;
    Metrics metrics;
    std::unique_ptr<io::Loop> client_loop;
    std::unique_ptr<io::Loop> lane;
    std::unique_ptr<io::Pool> pool;
    std::unique_ptr<registry::Registry> registry;
    std::unique_ptr<registry::Auth> auth;
    std::unique_ptr<package::Packages> packages;
    std::unique_ptr<cases::Cases> cases;
    std::unique_ptr<blob::Blobs> blobs;
    std::unique_ptr<registry::AuditLedger> ledgers;
    std::unique_ptr<history::History> history;
    FakeFlow flow;
    FakeConnections connections;
    std::unique_ptr<LiveTap> live;
    std::unique_ptr<CountingEgress> egress;
    std::unique_ptr<notify::Messages> messages;
    std::unique_ptr<backup::Backups> backups;
    std::unique_ptr<retention::Retention> retention;
    sql::testing::FakeEngine sql;
    doctor::Self doctor{files, {"/data", "/keys", "/backups", "0.1.0", {}}};  // the machine is real, the files are not
    std::unique_ptr<Server> server;
    io::Address address;
};

}  // namespace gongshu::api::test
