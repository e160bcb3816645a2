#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "api/core.h"
#include "api/turn_budget.h"

namespace gongshu::api {

class Connection;

// A stream that stays open: a WebSocket for live values, or a stream of changes. On the server's loop.
class LongSession {
public:
    virtual ~LongSession() = default;
    // Takes the stream's events. `ahead`: what the peer sent behind its request.
    virtual void begin(Bytes ahead) = 0;
    virtual void close() = 0;
    // Who began it may do so no more, and why.
    virtual void lose_rights(const std::string& /*why*/) { close(); }
    // Once a quarter of a second.
    virtual void tick() {}
    virtual void on_change(const std::shared_ptr<const registry::Change>&) {}
    virtual void on_alarm(const std::shared_ptr<const flow::Alarm>&) {}
    virtual void on_dirty(const std::unordered_set<std::uint64_t>& /*tags*/, bool /*all*/) {}
    virtual const registry::Principal& who() const = 0;
};

// Hub is what connections and long sessions share on the server's loop: who is there, what was promised, who runs what.
// Lives:   inside the server.   Threads: the server's loop only.   Bounds: ApiOptions.   Disk: none.
class Hub : public std::enable_shared_from_this<Hub> {
public:
    explicit Hub(std::shared_ptr<Core> shared);

    const std::shared_ptr<Core> core;
    std::weak_ptr<Hub> weak() { return weak_from_this(); }

    void add(std::shared_ptr<Connection> connection);
    void remove(Connection* connection);
    // Code::unavailable when live_sessions_max are there already; nothing is lost then but `session`.
    Result<void> admit_long_session() const;
    void add(std::shared_ptr<LongSession> session);
    void remove(LongSession* session);

    // How much body the requests that are coming in were promised.
    bool promise_body(std::uint64_t bytes);
    void forget_body(std::uint64_t bytes) { promised_bytes_ -= bytes; }
    // The same for a caller whose password is not checked yet: all of them together get half of it and each address a
    // quarter, so that strangers cannot hinder those who are known.
    bool promise_body_to_stranger(const std::string& from, std::uint64_t bytes);
    void forget_body_of_stranger(const std::string& from, std::uint64_t bytes);

    // Runs `job` on the pool, at most requests_of_tenant_max at once of a tenant. Code::limit or Code::unavailable if
    // not. After it end_job() must be called on the loop.
    Result<void> start_job(TenantId tenant, std::function<void()> job);
    void end_job(TenantId tenant);

    void count_answer(int status);
    void count_at_once() { at_once_.add(); }
    TurnBudget& turn() { return turn_; }  // for answers at once
    void tick();                          // 4 a second
    void check_deadlines();               // once a second
    void on_change(const std::shared_ptr<const registry::Change>& change);
    void on_alarm(const std::shared_ptr<const flow::Alarm>& alarm);
    void on_revoked(TenantId tenant, const std::string& who);
    // Ends long sessions and answers that go on for somebody of whom `gone` is true.
    void end_all(const std::function<bool(const registry::Principal&)>& gone, const std::string& why);
    void close_all();

    // What a tag is, remembered for all sessions; null if there is no such tag.
    const TagInfo* tag_info(TagId tag);
    // The states of a tenant's connections as JSON, made at most once a tick.
    const std::string& connections_json(TenantId tenant, const std::string& language);

private:
    static constexpr std::size_t kTagInfosMax = 200'000;

    std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
    std::unordered_map<LongSession*, std::shared_ptr<LongSession>> sessions_;
    std::unordered_map<TenantId, std::uint32_t> jobs_;
    std::unordered_map<std::uint64_t, TagInfo> tag_infos_;  // emptied when full or a device was renamed
    std::map<std::pair<TenantId, std::string>, std::string> connections_json_;  // by language
    std::uint64_t promised_bytes_ = 0;                                          // of all
    std::uint64_t promised_to_strangers_ = 0;
    std::unordered_map<std::string, std::uint64_t> strangers_;  // by address, only those that were promised something
    Counter* answers_[6] = {};                                  // by the first digit of the status
    Counter& at_once_;
    TurnBudget turn_;
};

}  // namespace gongshu::api
