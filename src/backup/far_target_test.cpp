// The second place on another machine. What a real SSH server does with it is in tests/e2e/sftp_test.py.
#include "backup/stand_test.h"

namespace gongshu::backup {
namespace {

// Another machine's files: what SimFiles holds, over a link that may be cut after so many more calls. A cut connection
// stays dead; a new one is a new try.
class FarFiles final : public io::Files {
public:
    struct Link {
        io::SimFiles files;
        int calls_left = -1;  // -1 = as many as one likes
        int connections = 0;
        bool refuses = false;
    };
    explicit FarFiles(Link& link) : link_(link) {}

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override {
        TRY(pass());
        return std::make_unique<FarFile>(*this, TRY(link_.files.open(path, how)));
    }
    Result<void> rename(const std::string& from, const std::string& to) override {
        TRY(pass());
        return link_.files.rename(from, to);
    }
    Result<void> remove(const std::string& path) override {
        TRY(pass());
        return link_.files.remove(path);
    }
    Result<bool> exists(const std::string& path) override {
        TRY(pass());
        return link_.files.exists(path);
    }
    Result<std::vector<std::string>> list(const std::string& folder) override {
        TRY(pass());
        return link_.files.list(folder);
    }
    Result<void> make_folder(const std::string& path, unsigned mode) override {
        TRY(pass());
        return link_.files.make_folder(path, mode);
    }
    Result<void> sync_folder(const std::string&) override { return pass(); }
    Result<io::DiskSpace> space(const std::string& path) override {
        TRY(pass());
        return link_.files.space(path);
    }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string&) override {
        return Error{Code::unsupported, "no locks here"};
    }
    Result<void> set_mode(const std::string& path, unsigned mode) override {
        TRY(pass());
        return link_.files.set_mode(path, mode);
    }

private:
    class FarFile final : public io::File {
    public:
        FarFile(FarFiles& far, std::unique_ptr<io::File> file) : far_(far), file_(std::move(file)) {}
        Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
            TRY(far_.pass());
            return file_->read_at(offset, into);
        }
        Result<void> append(Bytes bytes) override {
            if (auto passed = far_.pass(); !passed) {
                (void)file_->append(bytes.first(bytes.size() / 2));  // so much was on its way
                return passed;
            }
            return file_->append(bytes);
        }
        Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
            TRY(far_.pass());
            return file_->write_at(offset, bytes);
        }
        Result<void> sync() override { return far_.pass(); }
        Result<void> truncate(std::uint64_t bytes) override {
            TRY(far_.pass());
            return file_->truncate(bytes);
        }
        Result<std::uint64_t> size() const override {
            TRY(far_.pass());
            return file_->size();
        }

    private:
        FarFiles& far_;
        const std::unique_ptr<io::File> file_;
    };

    Result<void> pass() {
        if (link_.calls_left > 0) --link_.calls_left;
        if (link_.calls_left == 0) return Error{Code::unavailable, "the link is cut"};
        return {};
    }

    Link& link_;
};

TargetOptions far_target(FarFiles::Link& link) {
    TargetOptions options{.folder = "there", .keep = 2};
    options.title = "sftp://u@h/~/there";
    options.open = [&link](const std::atomic<bool>&) -> Result<std::unique_ptr<io::Files>> {
        ++link.connections;
        if (link.refuses) return Error{Code::denied, "the server shows another key"};
        return std::make_unique<FarFiles>(link);
    };
    return options;
}

TEST(FarTarget, NeedsNoMarkButItsFolder) {
    Stand stand;
    FarFiles::Link link;
    const TargetOptions options = far_target(link);
    const std::string name = stand.make();
    const auto refused = send_backup(stand.files, kBackups, name, options, stand.progress);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::unavailable);
    EXPECT_EQ(refused.error().text(),
              "sftp://u@h/~/there is not there; make the folder on that machine, for this server alone");
    EXPECT_FALSE(*link.files.exists("there"));
    ASSERT_TRUE(link.files.make_folder("there", 0700));
    ASSERT_TRUE(link.files.make_folder("there/photos", 0700));
    std::string newest = name;
    for (int i = 0; i < 3; ++i) {
        const auto sent = send_backup(stand.files, kBackups, newest, options, stand.progress);
        ASSERT_TRUE(sent) << sent.error().text();
        Progress checking;
        EXPECT_TRUE(check_backup(link.files, "there/" + newest, checking));
        newest = stand.make();
    }
    EXPECT_EQ(list_backups(link.files, "there")->size(), 2u);  // and the oldest is gone
    EXPECT_FALSE(*link.files.exists("there/" + name));
    EXPECT_TRUE(*link.files.exists("there/photos"));
    // From there it comes back.
    Progress restoring;
    FarFiles far(link);
    const std::string last = list_backups(link.files, "there")->at(0).name;
    const auto restored = copy_backup(far, "there/" + last, stand.files, "/restored", restoring);
    ASSERT_TRUE(restored) << restored.error().text();
    EXPECT_TRUE(*stand.files.exists("/restored/registry/registry.db"));
}

// Whatever is lost, by one call that fails or a link that stays cut: what has a backup's name there is whole, nothing
// is said to be there that is not, and a later try succeeds and leaves no half.
TEST(FarTarget, EveryCallFailsOnceOrForGood) {
    Stand stand;
    FarFiles::Link link;
    const TargetOptions options = far_target(link);
    const std::string name = stand.make();
    ASSERT_TRUE(link.files.make_folder("there", 0700));
    for (const bool for_good : {false, true}) {
        int n = 1;
        for (;; ++n) {
            SCOPED_TRACE(fmt::format("call {}, {}", n, for_good ? "for good" : "once"));
            Progress progress;
            if (for_good)
                link.calls_left = n;
            else
                link.files.fail_nth(n);
            const auto sent = send_backup(stand.files, kBackups, name, options, progress);
            const bool fired = for_good ? link.calls_left == 0 : link.files.fault_fired();
            link.calls_left = -1;
            link.files.fail_nth(1 << 30);
            const auto there = list_backups(link.files, "there").value();
            for (const BackupInfo& info : there) {
                EXPECT_EQ(info.name, name);
                Progress checking;
                ASSERT_TRUE(check_backup(link.files, "there/" + info.name, checking));
            }
            ASSERT_TRUE(!sent || there.size() == 1);
            Progress again;
            const auto second = send_backup(stand.files, kBackups, name, options, again);
            ASSERT_TRUE(second) << second.error().text();
            ASSERT_EQ(link.files.list("there").value(), std::vector{name});
            ASSERT_TRUE(remove_backup(link.files, "there", name));
            if (!fired) {
                ASSERT_TRUE(sent) << sent.error().text();
                break;
            }
        }
        EXPECT_GT(n, 50);
    }
}

TEST(FarTarget, IsConnectedToOnlyForATry) {
    Stand stand;
    FarFiles::Link link;
    ASSERT_TRUE(link.files.make_folder("there", 0700));
    Backups backups(stand.parts(), *stand.pool, {.folder = kBackups, .keep = 3, .target = far_target(link)});
    const auto turn = [&] {
        backups.tend();
        stand.world.run_for(0);
        stand.world.clock().advance(kMinute);
    };
    for (int i = 0; i < 10; ++i) turn();
    EXPECT_EQ(link.connections, 0);  // there is nothing to send
    link.refuses = true;
    ASSERT_TRUE(backups.start());
    stand.world.run_for(0);
    EXPECT_EQ(backups.target()->problem, "the server shows another key");
    EXPECT_EQ(backups.target()->sent, "");
    link.refuses = false;
    for (int i = 0; i < 3; ++i) turn();
    EXPECT_EQ(backups.target()->sent, backups.state().last_name);
    EXPECT_EQ(backups.target()->problem, "");
    const int before = link.connections;
    for (int i = 0; i < 60; ++i) turn();
    EXPECT_EQ(link.connections, before);
}

}  // namespace
}  // namespace gongshu::backup
