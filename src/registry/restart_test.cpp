// A sync fails, the program is killed and started again over files that the system still has in memory, goes on, and
// then the power goes off: what was stored after the restart is there.
#include <gtest/gtest.h>

#include "base/log.h"
#include "registry/test_world.h"

namespace gongshu::registry::test {

namespace {

class KilledFile final : public io::File {
public:
    KilledFile(std::unique_ptr<io::File> file, const bool& dead) : file_(std::move(file)), dead_(dead) {}
    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        return dead_ ? gone() : file_->read_at(offset, into);
    }
    Result<void> append(Bytes bytes) override { return dead_ ? gone() : file_->append(bytes); }
    Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
        return dead_ ? gone() : file_->write_at(offset, bytes);
    }
    Result<void> sync() override { return dead_ ? gone() : file_->sync(); }
    Result<void> truncate(std::uint64_t bytes) override { return dead_ ? gone() : file_->truncate(bytes); }
    Result<std::uint64_t> size() const override {
        if (dead_) return Error{Code::io, "killed"};
        return file_->size();
    }

private:
    static Result<void> gone() { return Error{Code::io, "killed"}; }
    std::unique_ptr<io::File> file_;
    const bool& dead_;
};

// What a killed program still does has no effect: its destructors run here, but its files take nothing.
class KilledFiles final : public io::Files {
public:
    explicit KilledFiles(io::Files& files) : files_(files) {}
    bool dead = false;

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override {
        if (dead) return Error{Code::io, "killed"};
        return std::unique_ptr<io::File>(std::make_unique<KilledFile>(TRY(files_.open(path, how)), dead));
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        return dead ? gone() : files_.rename(from, to);
    }
    Result<void> remove(const std::string& path) override { return dead ? gone() : files_.remove(path); }
    Result<bool> exists(const std::string& path) override { return files_.exists(path); }
    Result<std::vector<std::string>> list(const std::string& folder) override { return files_.list(folder); }
    Result<void> make_folder(const std::string& path, unsigned mode) override {
        return dead ? gone() : files_.make_folder(path, mode);
    }
    Result<void> sync_folder(const std::string& path) override { return dead ? gone() : files_.sync_folder(path); }
    Result<io::DiskSpace> space(const std::string& path) override { return files_.space(path); }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string& path) override { return files_.lock_folder(path); }
    Result<void> set_mode(const std::string& path, unsigned mode) override {
        return dead ? gone() : files_.set_mode(path, mode);
    }

private:
    static Result<void> gone() { return Error{Code::io, "killed"}; }
    io::Files& files_;
};

}  // namespace

TEST(RegistryRestart, ASyncThatFailedTakesNothingWithItLater) {
    set_log_level(LogLevel::error);
    for (int nth = 1; nth <= 12; ++nth) {
        SCOPED_TRACE(fmt::format("operation {} fails", nth));
        io::SimFiles sim;
        KilledFiles files(sim);
        SimClock clock;
        std::unique_ptr<Registry> registry;
        const auto open = [&]() -> Result<void> {
            registry = TRY(Registry::create(files, clock, kOptions));
            return registry->load();
        };
        const auto put = [&](const char* name) {
            const Actor admin{TenantId{1}, "default", "user:admin", Role::admin, ""};
            return registry->put(admin, "site", name, json(R"({"time_zone":"UTC"})")).has_value();
        };
        const auto kill = [&] {
            files.dead = true;
            registry.reset();
            files.dead = false;
        };
        ASSERT_TRUE(open());
        ASSERT_TRUE(put("first"));
        sim.fail_nth(nth);
        const bool second = put("second");
        kill();
        ASSERT_TRUE(open() || open());
        const bool third = put("third");
        sim.crash();
        kill();
        const auto opened = open();
        ASSERT_TRUE(opened) << opened.error().text();
        EXPECT_TRUE(registry->find(TenantId{1}, "site", "first"));
        EXPECT_TRUE(!second || registry->find(TenantId{1}, "site", "second"));
        EXPECT_TRUE(!third || registry->find(TenantId{1}, "site", "third"))
            << "acknowledged after the restart, and lost";
    }
    set_log_level(LogLevel::info);
}

}  // namespace gongshu::registry::test
