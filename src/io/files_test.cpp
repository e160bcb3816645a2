#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "base/rng.h"
#include "io/brief.h"
#include "io/sim.h"

namespace gongshu::io {
namespace {

Buffer bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::string read_text(Files& files, const std::string& path) {
    const auto content = read_whole(files, path, 1 << 20);
    return content ? std::string(as_text(*content)) : "error: " + content.error().text();
}

template <class T>
Code code_of(const Result<T>& result) {
    EXPECT_FALSE(result.has_value());
    return result ? Code::unsupported : result.error().code();
}

// The behaviours that the real and the simulated files share; each gets an empty folder.
class BothFiles : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (GetParam()) {
            files = make_posix_files();
            std::string name = std::filesystem::temp_directory_path() / "gongshu_files_XXXXXX";
            ASSERT_NE(::mkdtemp(name.data()), nullptr);
            folder = name;
        } else {
            files = std::make_unique<SimFiles>();
            folder = "/data/x";
            ASSERT_TRUE(files->make_folder(folder));
        }
    }
    void TearDown() override {
        if (GetParam()) std::filesystem::remove_all(folder);
    }

    std::string path(std::string_view name) const { return folder + "/" + std::string(name); }

    std::unique_ptr<Files> files;
    std::string folder;
};

INSTANTIATE_TEST_SUITE_P(Files, BothFiles, testing::Bool(),
                         [](const auto& info) { return info.param ? "posix" : "simulated"; });

TEST_P(BothFiles, AppendsReadsAndOverwrites) {
    const auto file = files->open(path("a"), Open::create_new).value();
    ASSERT_TRUE(file->append(as_bytes("hello ")));
    ASSERT_TRUE(file->append(as_bytes("world")));
    ASSERT_TRUE(file->append({}));
    ASSERT_TRUE(file->write_at(0, as_bytes("J")));
    ASSERT_TRUE(file->sync());
    EXPECT_EQ(file->size().value(), 11u);
    EXPECT_EQ(read_text(*files, path("a")), "Jello world");
    Buffer part(3);
    ASSERT_TRUE(file->read_at(8, part));
    EXPECT_EQ(as_text(part), "rld");
    EXPECT_EQ(code_of(file->read_at(9, part)), Code::corrupt);
    EXPECT_EQ(code_of(file->read_at(100, part)), Code::corrupt);
    ASSERT_TRUE(file->read_at(11, std::span(part).first(0)));
}

TEST_P(BothFiles, WritesBeyondTheEndLeaveZeros) {
    const auto file = files->open(path("a"), Open::read_write).value();
    ASSERT_TRUE(file->write_at(4, as_bytes("x")));
    ASSERT_TRUE(file->append(as_bytes("y")));
    EXPECT_EQ(read_text(*files, path("a")), std::string("\0\0\0\0xy", 6));
    ASSERT_TRUE(file->truncate(1));
    ASSERT_TRUE(file->append(as_bytes("z")));
    ASSERT_TRUE(file->truncate(4));
    EXPECT_EQ(read_text(*files, path("a")), std::string("\0z\0\0", 4));
}

TEST_P(BothFiles, OpensAsAsked) {
    EXPECT_EQ(code_of(files->open(path("none"), Open::read)), Code::not_found);
    EXPECT_EQ(code_of(files->open(path("no/folder"), Open::append)), Code::not_found);
    EXPECT_EQ(code_of(files->open(folder, Open::read)), Code::io);
    ASSERT_TRUE(files->open(path("a"), Open::append).value()->append(as_bytes("1")));
    ASSERT_TRUE(files->open(path("a"), Open::append).value()->append(as_bytes("2")));
    EXPECT_EQ(read_text(*files, path("a")), "12");
    EXPECT_EQ(code_of(files->open(path("a"), Open::create_new)), Code::exists);
    EXPECT_EQ(code_of(files->open(path("a"), Open::read).value()->append(as_bytes("3"))), Code::io);
}

TEST_P(BothFiles, ErrorsNameThePathAndTheReason) {
    EXPECT_EQ(files->open(path("none"), Open::read).error().text(),
              "cannot open " + path("none") + ": No such file or directory");
    EXPECT_EQ(files->rename(path("none"), path("b")).error().text(),
              "cannot rename " + path("none") + " to " + path("b") + ": No such file or directory");
}

TEST_P(BothFiles, RenamesOverAnotherFile) {
    ASSERT_TRUE(files->open(path("a"), Open::append).value()->append(as_bytes("a")));
    ASSERT_TRUE(files->open(path("b"), Open::append).value()->append(as_bytes("b")));
    ASSERT_TRUE(files->rename(path("a"), path("b")));
    EXPECT_EQ(read_text(*files, path("b")), "a");
    EXPECT_FALSE(files->exists(path("a")).value());
    ASSERT_TRUE(files->make_folder(path("f/g"), 0700));
    ASSERT_TRUE(files->rename(path("b"), path("f/g/c")));
    ASSERT_TRUE(files->rename(path("f"), path("h")));
    EXPECT_EQ(read_text(*files, path("h/g/c")), "a");
    EXPECT_EQ(files->list(path("h")).value(), std::vector<std::string>{"g"});
}

TEST_P(BothFiles, ListsSortedAndRemoves) {
    for (const auto* name : {"b", "c", "a"}) ASSERT_TRUE(files->open(path(name), Open::create_new));
    ASSERT_TRUE(files->make_folder(path("d")));
    ASSERT_TRUE(files->make_folder(path("d")));
    EXPECT_EQ(files->list(folder).value(), (std::vector<std::string>{"a", "b", "c", "d"}));
    ASSERT_TRUE(files->remove(path("b")));
    EXPECT_EQ(code_of(files->remove(path("b"))), Code::not_found);
    ASSERT_TRUE(files->open(path("d/x"), Open::create_new));
    EXPECT_EQ(code_of(files->remove(path("d"))), Code::io);  // not empty
    ASSERT_TRUE(files->remove(path("d/x")));
    ASSERT_TRUE(files->remove(path("d")));
    EXPECT_EQ(files->list(folder).value(), (std::vector<std::string>{"a", "c"}));
    EXPECT_EQ(code_of(files->list(path("none"))), Code::not_found);
    EXPECT_EQ(code_of(files->make_folder(path("a"))), Code::exists);
}

TEST_P(BothFiles, AnOpenFileOutlivesItsName) {
    const auto file = files->open(path("a"), Open::create_new).value();
    ASSERT_TRUE(file->append(as_bytes("still")));
    ASSERT_TRUE(files->remove(path("a")));
    Buffer content(5);
    ASSERT_TRUE(file->read_at(0, content));
    EXPECT_EQ(as_text(content), "still");
}

TEST_P(BothFiles, OneHolderOfAFolder) {
    auto lock = files->lock_folder(folder);
    ASSERT_TRUE(lock) << lock.error().text();
    const auto second = files->lock_folder(folder);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::unavailable);
    EXPECT_NE(second.error().text().find(folder + " is in use by process"), std::string::npos);
    lock->reset();
    EXPECT_TRUE(files->lock_folder(folder));
}

TEST_P(BothFiles, WholeFiles) {
    ASSERT_TRUE(write_whole(*files, path("w"), as_bytes("one")));
    ASSERT_TRUE(write_whole(*files, path("w"), as_bytes("two"), 0600));
    EXPECT_EQ(read_text(*files, path("w")), "two");
    EXPECT_EQ(files->list(folder).value(), std::vector<std::string>{"w"});
    EXPECT_EQ(code_of(read_whole(*files, path("w"), 2)), Code::limit);
    EXPECT_EQ(code_of(write_whole(*files, path("no/w"), {})), Code::not_found);
    EXPECT_GT(files->space(folder).value().free_bytes, 0u);
    ASSERT_TRUE(files->set_mode(path("w"), 0600));
    EXPECT_EQ(code_of(files->set_mode(path("none"), 0600)), Code::not_found);
    if (GetParam()) {
        EXPECT_EQ(std::filesystem::status(path("w")).permissions(), std::filesystem::perms(0600));
    }
}

TEST_P(BothFiles, AgreeWithAMap) {
    const std::uint64_t seed = std::getenv("SEED") ? std::strtoull(std::getenv("SEED"), nullptr, 10) : 17;
    SCOPED_TRACE(seed);
    Rng rng{seed};
    std::map<std::string, Buffer> model;
    for (int step = 0; step < 400; ++step) {
        const auto name = std::string(1, static_cast<char>('a' + rng.below(4)));
        const auto where = path(name);
        const Buffer bytes(rng.below(3000), static_cast<std::uint8_t>(rng.next()));
        auto file = files->open(where, Open::read_write).value();
        auto& want = model[name];
        switch (rng.below(5)) {
            case 0:
                ASSERT_TRUE(file->append(bytes));
                want.insert(want.end(), bytes.begin(), bytes.end());
                break;
            case 1: {
                const auto offset = rng.below(4000);
                ASSERT_TRUE(file->write_at(offset, bytes));
                if (!bytes.empty()) want.resize(std::max<std::size_t>(want.size(), offset + bytes.size()));
                std::copy(bytes.begin(), bytes.end(),
                          want.begin() + static_cast<std::ptrdiff_t>(bytes.empty() ? 0 : offset));
                break;
            }
            case 2: {
                const auto size = rng.below(5000);
                ASSERT_TRUE(file->truncate(size));
                want.resize(size);
                break;
            }
            case 3:
                ASSERT_TRUE(files->remove(where));
                model.erase(name);
                break;
            default: {
                const auto to = std::string(1, static_cast<char>('a' + rng.below(4)));
                ASSERT_TRUE(files->rename(where, path(to)));
                if (to != name) {
                    model[to] = std::move(want);
                    model.erase(name);
                }
            }
        }
        std::vector<std::string> names;
        for (const auto& [key, content] : model) {
            names.push_back(key);
            ASSERT_EQ(read_whole(*files, path(key), 1 << 24).value(), content) << "step " << step;
        }
        ASSERT_EQ(files->list(folder).value(), names) << "step " << step;
    }
}

TEST_P(BothFiles, AFileHasTwoNames) {
    ASSERT_TRUE(write_whole(*files, path("a"), as_bytes("one")));
    ASSERT_TRUE(files->link(path("a"), path("b")));
    EXPECT_EQ(code_of(files->link(path("a"), path("b"))), Code::exists);
    EXPECT_EQ(code_of(files->link(path("none"), path("c"))), Code::not_found);
    EXPECT_EQ(code_of(files->link(folder, path("c"))), Code::unsupported);
    EXPECT_EQ(files->names_of(path("a")).value(), 2u);
    EXPECT_EQ(code_of(files->names_of(path("none"))), Code::not_found);
    // One written as a new file under a name leaves the other alone; one written into shows under both.
    ASSERT_TRUE(files->open(path("b"), Open::append).value()->append(as_bytes(" two")));
    EXPECT_EQ(read_text(*files, path("a")), "one two");
    ASSERT_TRUE(write_whole(*files, path("a"), as_bytes("three")));
    EXPECT_EQ(read_text(*files, path("b")), "one two");
    ASSERT_TRUE(files->remove(path("a")));
    EXPECT_EQ(read_text(*files, path("b")), "one two");
}

TEST_P(BothFiles, FoldersChangeNames) {
    for (const char* name : {"x", "y"}) {
        ASSERT_TRUE(files->make_folder(path(name)));
        ASSERT_TRUE(write_whole(*files, path(name) + "/of", as_bytes(name)));
    }
    ASSERT_TRUE(files->exchange(path("x"), path("y")));
    EXPECT_EQ(read_text(*files, path("x/of")) + read_text(*files, path("y/of")), "yx");
    EXPECT_EQ(code_of(files->exchange(path("x"), path("none"))), Code::not_found);
    EXPECT_EQ(read_text(*files, path("x/of")), "y");
    EXPECT_EQ(files->real_path(path("x")).value(), path("x"));
    EXPECT_EQ(files->real_path(path("none")).value(), path("none"));
}

TEST(PosixFiles, FollowsNoSymbolicLinkWhenItRemoves) {
    std::string folder = std::filesystem::temp_directory_path() / "gongshu_links_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    const auto files = make_posix_files();
    ASSERT_TRUE(files->make_folder(folder + "/there"));
    ASSERT_TRUE(write_whole(*files, folder + "/there/kept", as_bytes("kept")));
    ASSERT_TRUE(files->make_folder(folder + "/gone"));
    std::filesystem::create_directory_symlink(folder + "/there", folder + "/gone/link");
    EXPECT_EQ(files->real_path(folder + "/gone/link/kept").value(), folder + "/there/kept");
    ASSERT_TRUE(remove_tree(*files, folder + "/gone"));
    EXPECT_FALSE(files->exists(folder + "/gone").value());
    EXPECT_EQ(read_text(*files, folder + "/there/kept"), "kept");
    std::filesystem::remove_all(folder);
}

TEST(DiskSpace, IsShort) {
    auto f = [](double free_gb, double total_gb, bool want) {
        const auto bytes = [](double gb) { return static_cast<std::uint64_t>(gb * 1e9); };
        EXPECT_EQ(is_short({bytes(free_gb), bytes(total_gb)}), want) << free_gb << " of " << total_gb;
    };
    f(0.9, 10, true);
    f(1.1, 10, false);
    f(4.9, 100, true);
    f(5.1, 100, false);
    f(49, 20'000, true);
    f(51, 20'000, false);
}

TEST_P(BothFiles, CopiesAndRemovesWhole) {
    Buffer big(3'000'000);
    for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<std::uint8_t>(i * 7 >> 8);
    ASSERT_TRUE(files->make_folder(path("t/u")));
    ASSERT_TRUE(write_whole(*files, path("t/big"), big));
    ASSERT_TRUE(copy_file(*files, path("t/big"), path("t/u/copy")));
    EXPECT_EQ(read_whole(*files, path("t/u/copy"), 1 << 30).value(), big);
    EXPECT_EQ(code_of(copy_file(*files, path("t/big"), path("t/u/copy"))), Code::exists);
    ASSERT_TRUE(remove_tree(*files, path("t")));
    EXPECT_FALSE(files->exists(path("t")).value());
    EXPECT_EQ(code_of(remove_tree(*files, path("t"))), Code::not_found);
}

TEST(SimFiles, ACrashForgetsWhatWasNotSynced) {
    SimFiles files;
    ASSERT_TRUE(files.make_folder("/d", 0750));
    auto kept = files.open("/d/kept", Open::create_new).value();
    ASSERT_TRUE(kept->append(as_bytes("synced")));
    ASSERT_TRUE(kept->sync());
    ASSERT_TRUE(files.sync_folder("/d"));
    ASSERT_TRUE(kept->append(as_bytes("lost")));
    ASSERT_TRUE(kept->write_at(0, as_bytes("S")));
    auto unnamed = files.open("/d/unnamed", Open::create_new).value();
    ASSERT_TRUE(unnamed->append(as_bytes("x")));
    ASSERT_TRUE(unnamed->sync());  // its bytes are safe, its name is not
    files.crash();
    EXPECT_EQ(read_text(files, "/d/kept"), "synced");
    EXPECT_EQ(files.list("/d").value(), std::vector<std::string>{"kept"});
    EXPECT_EQ(code_of(kept->append(as_bytes("x"))), Code::io);
    EXPECT_EQ(code_of(kept->sync()), Code::io);
}

TEST(SimFiles, ACrashUndoesRenamesAndRemovals) {
    SimFiles files;
    ASSERT_TRUE(files.make_folder("/d", 0750));
    for (const auto* name : {"/d/a", "/d/b"}) ASSERT_TRUE(write_whole(files, name, as_bytes(name)));
    ASSERT_TRUE(files.rename("/d/a", "/d/c"));
    ASSERT_TRUE(files.remove("/d/b"));
    files.crash();
    EXPECT_EQ(files.list("/d").value(), (std::vector<std::string>{"a", "b"}));
    ASSERT_TRUE(files.rename("/d/a", "/d/c"));
    ASSERT_TRUE(files.remove("/d/b"));
    ASSERT_TRUE(files.sync_folder("/d"));
    files.crash();
    EXPECT_EQ(files.list("/d").value(), std::vector<std::string>{"c"});
}

TEST(SimFiles, ATornTailIsAFirstPart) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        Rng rng{seed};
        SimFiles files;
        ASSERT_TRUE(write_whole(files, "/f", bytes_of(std::string(700, 'a'))));
        const auto file = files.open("/f", Open::append).value();
        ASSERT_TRUE(file->append(bytes_of(std::string(3000, 'b'))));
        files.crash(&rng);
        const auto text = read_text(files, "/f");
        ASSERT_GE(text.size(), 700u);
        ASSERT_LE(text.size(), 3700u);
        EXPECT_EQ(text.substr(0, 700), std::string(700, 'a'));
        const auto end = std::min(text.find('\0'), text.size());
        EXPECT_EQ(text.substr(700, end - 700), std::string(end - 700, 'b'));
        EXPECT_LE(text.size() - end, 512u);  // only the last sector may be zeros
    }
}

TEST(SimFiles, AfterAFailedSyncTheBytesStayLost) {
    SimFiles files;
    const auto file = files.open("/f", Open::create_new).value();
    ASSERT_TRUE(files.sync_folder("/"));
    ASSERT_TRUE(file->append(as_bytes("abc")));
    files.fail_nth(1);
    EXPECT_EQ(code_of(file->sync()), Code::io);
    EXPECT_TRUE(files.fault_fired());
    ASSERT_TRUE(file->append(as_bytes("def")));
    ASSERT_TRUE(file->sync());
    files.crash();
    EXPECT_EQ(read_text(files, "/f"), std::string("\0\0\0def", 6));
}

TEST(SimFiles, AFullDiskTakesWhatFits) {
    SimFiles files;
    const auto file = files.open("/f", Open::create_new).value();
    files.set_free_bytes(4);
    EXPECT_EQ(files.space("/").value().free_bytes, 4u);
    const auto written = file->append(as_bytes("abcdef"));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().text(), "cannot write /f at byte 4: No space left on device");
    EXPECT_EQ(read_text(files, "/f"), "abcd");
    files.set_free_bytes(100);
    ASSERT_TRUE(file->append(as_bytes("ef")));
}

TEST_P(BothFiles, GiveABriefOneWhatIsAtHand) {
    const std::string path = folder + "/f";
    ASSERT_TRUE(write_whole(*files, path, as_bytes(std::string(1000, 'x'))));
    const auto file = files->open(path, Open::read);
    ASSERT_TRUE(file);
    std::vector<std::uint8_t> some(600), few(10);
    ASSERT_TRUE((*file)->read_at(0, some));
    {
        const Brief brief{1000};
        EXPECT_TRUE(Brief::stands());
        EXPECT_TRUE((*file)->read_at(100, some)) << "it was just written";
        EXPECT_EQ(some, std::vector<std::uint8_t>(600, 'x'));
        EXPECT_FALSE(brief.is_over());
        EXPECT_EQ(code_of((*file)->read_at(0, some)), Code::unavailable);
        EXPECT_TRUE(brief.is_over());
        EXPECT_FALSE((*file)->read_at(0, few)) << "nothing comes any more";
        EXPECT_FALSE(Brief::check());
    }
    EXPECT_FALSE(Brief::stands());
    EXPECT_TRUE(Brief::check());
    EXPECT_TRUE((*file)->read_at(0, some));
    const Brief brief{1000};
    EXPECT_EQ(code_of(files->open(path, Open::read)), Code::unavailable);
}

TEST(SimFiles, CorruptFlipsOneByte) {
    SimFiles files;
    ASSERT_TRUE(write_whole(files, "/f", as_bytes("abc")));
    files.corrupt("/f", 1);
    EXPECT_NE(read_text(files, "/f"), "abc");
    files.crash();
    EXPECT_EQ(read_text(files, "/f")[0], 'a');
    EXPECT_NE(read_text(files, "/f")[1], 'b');
}

TEST(WriteWhole, IsAllOrNothingWhateverFails) {
    for (int n = 1;; ++n) {
        SCOPED_TRACE(n);
        SimFiles files;
        ASSERT_TRUE(write_whole(files, "/f", as_bytes("old")));
        files.fail_nth(n);
        const auto written = write_whole(files, "/f", as_bytes("new"));
        const bool fired = files.fault_fired();
        files.fail_nth(0);  // what comes now is to be read without faults
        EXPECT_EQ(written.has_value(), !fired);
        const auto text = read_text(files, "/f");
        EXPECT_TRUE(text == "new" || (text == "old" && fired)) << text;
        files.crash();
        EXPECT_EQ(read_text(files, "/f"), fired ? "old" : "new");
        if (!fired) break;
    }
}

}  // namespace
}  // namespace gongshu::io
