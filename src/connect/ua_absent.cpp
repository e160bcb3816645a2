// In the place of the driver where the program is built without open62541.
#include <utility>

#include "connect/ua_driver.h"
#include "connect/ua_identity.h"

namespace gongshu::connect {

namespace {

Error absent() { return Error{Code::unavailable, "this program was built without OPC UA"}; }

class AbsentDriver final : public Driver {
public:
    PollPlan plan(std::shared_ptr<const PointSet> points) override {
        PollPlan plan;
        for (std::size_t i = 0; i < points->points.size(); ++i) plan.faults.push_back({i, absent()});
        return plan;
    }
    std::vector<Poll> split(std::uint32_t /*poll*/) override { return {}; }
    std::string describe(std::uint32_t /*poll*/) const override { return {}; }
    void begin_link() override {}
    Buffer greet() override { return {}; }
    Result<Buffer> read(std::uint32_t /*poll*/) override { return absent(); }
    Result<Buffer> write(const DeviceConfig&, const PropertyConfig&, const Value&) override { return absent(); }
    Result<Buffer> read_back(const DeviceConfig&, const PropertyConfig&) override { return absent(); }
    bool may_have_written() const override { return false; }
    Result<Step> feed(Bytes /*bytes*/) override { return absent(); }
    void abandon() override {}
    Error no_answer(std::int64_t /*milliseconds*/) const override { return absent(); }
    DurationNs say_every() const override { return kSecond; }
    Result<Buffer> say() override { return absent(); }
    Result<void> check_write(const DeviceConfig&, const PropertyConfig&, const Value&) const override {
        return absent();
    }
    bool same(const PropertyConfig&, const Value& a, const Value& b) const override { return a == b; }
};

}  // namespace

std::unique_ptr<Driver> make_opcua_driver(const LinkConfig& /*config*/) { return std::make_unique<AbsentDriver>(); }

Result<std::shared_ptr<const UaIdentity>> ua_identity(io::Files& /*files*/, const std::string& /*folder*/) {
    return absent();
}

}  // namespace gongshu::connect
