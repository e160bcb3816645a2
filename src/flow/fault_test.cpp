// Every operation on the store's files fails once while alarms are raised, acknowledged, commented, cleared and read
// back, with and without the power going off afterwards: what was told is there, what was not is refused with a reason.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "flow/flow.h"
#include "history/history.h"
#include "io/sim.h"
#include "registry/registry.h"

namespace gongshu::flow {
namespace {

constexpr TenantId kTenant{1};

// The platform's alarms over files that fail; the registry's files do not, they have tests of their own.
class Plant {
public:
    Plant() {
        registry_ =
            registry::Registry::create(registry_files_, world_.clock(), {.folder = "/r", .key_folder = "/k"}).value();
        registry_->add_kind(rule_kind());
        EXPECT_TRUE(registry_->load());
        put("device_type", "cnc", R"({"properties":[{"name":"t","type":"number","unit":"degC"}]})");
        put("device", "s/m", R"({"type":"cnc"})");
        put("rule", "hot", R"({"device":"s/m","condition":"t > 80 degC"})");
    }
    ~Plant() { down(); }

    io::SimFiles& files() { return files_; }

    // A start that fails is tried again, as its keeper would.
    bool up() {
        for (int tries = 0; tries < 2; ++tries) {
            const auto started = start();
            if (started) return true;
            complain(started.error());
            why_not_ = started.error().text();
            down();
        }
        return false;
    }
    void down() {
        if (history_) history_->set_stage(nullptr);
        flow_.reset();
        history_.reset();
        world_.run_for(0);  // what was posted before finds nobody
        loop_.reset();
        pool_.reset();
    }
    void crash() {
        files_.crash();
        down();
    }
    bool restart() {
        if (history_) history_->stop();
        down();
        return up();
    }

    bool feed(double value) {
        const auto device = registry_->find(kTenant, "device", "s/m");
        const auto tag = history_->resolve({kTenant, "d:" + device->uid, "t"}, "s/m.t", ValueType::number, "degC");
        if (!tag) return complain(tag.error());
        Rows rows;
        rows.add_number(*tag, world_.clock().now(), value);
        std::optional<Result<Appended>> answer;
        history_->append(std::move(rows), Durability::sync, [&](Result<Appended> result) { answer = result; });
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kSecond));
        world_.run_for(kSecond);
        if (!answer || !*answer) return complain(answer->error());
        hot_ = value > 80;
        return true;
    }
    // Acknowledges or comments the newest alarm.
    bool say(bool acknowledge, const std::string& text) {
        const auto list = flow_->alarms().list(kTenant, {.state = StateFilter::all});
        if (list.empty()) return false;
        std::optional<Result<Alarm>> answer;
        const auto done = [&](Result<Alarm> result) { answer = std::move(result); };
        if (acknowledge)
            flow_->alarms().acknowledge(kTenant, list.front().id, "li", text, done);
        else
            flow_->alarms().comment(kTenant, list.front().id, "li", text, done);
        EXPECT_TRUE(world_.run_until([&] { return answer.has_value(); }, kSecond));
        if (!answer || !*answer) return complain(answer->error());
        promised_.insert({list.front().id, acknowledge ? "acknowledged" : "comment", text});
        return true;
    }

    // Everything that was told stands in the journals, and the alarm's state is that of the last reading.
    void check() {
        ASSERT_TRUE(up()) << why_not_;
        world_.run_for(kSecond);
        for (const auto& [id, what, text] : promised_) {
            const auto alarm = flow_->alarms().get(kTenant, id);
            ASSERT_TRUE(alarm) << what << " of alarm " << id << " is lost";
            EXPECT_TRUE(std::ranges::any_of(alarm->journal,
                                            [&](const auto& one) { return one.what == what && one.comment == text; }))
                << what << " \"" << text << "\" of alarm " << id << " is lost";
        }
        for (const Alarm& alarm : flow_->alarms().list(kTenant, {.state = StateFilter::all})) {
            const auto whole = flow_->alarms().get(kTenant, alarm.id);
            std::multiset<std::string> seen;
            for (const auto& one : whole->journal) seen.insert(one.what);
            for (const char* once : {"raised", "acknowledged", "cleared"})
                EXPECT_LE(seen.count(once), 1u) << once << " twice";
        }
        const auto active = flow_->alarms().list(kTenant, {}).size();
        EXPECT_TRUE(!hot_ || active == (*hot_ ? 1u : 0u)) << active << " alarms are active";
    }
    std::size_t promised() const { return promised_.size(); }

private:
    void put(std::string_view kind, std::string_view name, std::string_view spec) {
        const registry::Actor actor{kTenant, "default", "test", registry::Role::admin, ""};
        const auto done = registry_->put(actor, kind, name, registry::parse_json(spec).value());
        ASSERT_TRUE(done) << done.error().text();
    }

    Result<void> start() {
        metrics_ = std::make_unique<Metrics>();
        pool_ = world_.make_pool();
        loop_ = world_.make_loop();
        history_ =
            TRY(history::History::create(files_, world_.clock(), *metrics_, {loop_.get()}, *pool_, {.folder = "/h"}));
        flow_ = TRY(Flow::create(
            {*registry_, *history_, *history_, *history_, world_.clock(), {loop_.get()}, *pool_, *metrics_}));
        history_->set_stage(flow_.get());
        flow_->alarms().subscribe([this](const Alarm& alarm, std::string_view what) {
            if (what == "raised" || what == "cleared") promised_.insert({alarm.id, std::string(what), ""});
        });
        TRY(flow_->start());
        world_.run_until([this] { return flow_->ready(); }, kSecond);
        world_.run_for(10 * kMillisecond);
        return {};
    }

    // An error that people see says where and what.
    static bool complain(const Error& error) {
        // … or that the word which could not be promised before is there after all.
        EXPECT_TRUE(error.text().find("/h") != std::string::npos ||
                    error.text().find("read-only") != std::string::npos || error.code() == Code::conflict)
            << error.text();
        return false;
    }

    io::SimWorld world_{1};
    io::SimFiles registry_files_, files_;
    std::unique_ptr<registry::Registry> registry_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<io::Pool> pool_;
    std::unique_ptr<io::Loop> loop_;
    std::unique_ptr<history::History> history_;
    std::unique_ptr<Flow> flow_;
    std::set<std::tuple<std::string, std::string, std::string>> promised_;  // alarm, what, comment
    std::string why_not_;                                                   // the last start failed
    std::optional<bool> hot_;                                               // by the last acknowledged reading
};

// An alarm's whole life, a restart, and another one. What fails is followed by a restart, as the error asks for.
void live(Plant& plant) {
    if (!plant.up()) return;
    const auto step = [&](bool done) { return done || plant.restart(); };
    (void)(step(plant.feed(70)) && step(plant.feed(85)) && step(plant.say(true, "on my way")) &&
           step(plant.say(false, "door was open")) && step(plant.feed(70)) && step(plant.say(false, "closed it")) &&
           plant.restart() && step(plant.feed(90)) && plant.restart() && step(plant.say(false, "again")) &&
           step(plant.say(true, "seen")) && step(plant.feed(91)));
}

class Faults : public testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::off); }
    void TearDown() override { set_log_level(LogLevel::info); }
};

TEST_F(Faults, NothingFails) {
    Plant plant;
    live(plant);
    // raised, cleared and raised; five words of people.
    EXPECT_EQ(plant.promised(), 8u);
    plant.crash();
    plant.check();
}

TEST_F(Faults, EveryOperationFailsOnce) {
    for (const bool crash : {true, false}) {
        for (int nth = 1;; ++nth) {
            SCOPED_TRACE(fmt::format("operation {} fails{}", nth, crash ? ", then the power" : ""));
            Plant plant;
            plant.files().fail_nth(nth);
            live(plant);
            if (!plant.files().fault_fired()) {
                EXPECT_GT(nth, 50);
                break;
            }
            crash ? plant.crash() : plant.down();
            plant.check();
            if (HasFatalFailure()) return;
        }
    }
}

}  // namespace
}  // namespace gongshu::flow
