// A history of a former version is kept before it is written in newer formats, and comes back; cut off anywhere.
#include "history/formats.h"

#include <set>

#include "base/checksum.h"
#include "base/time_text.h"
#include "history/store_test.h"
#include "history/usage.h"

namespace gongshu::history {
namespace {

constexpr TimeNs kStart = 1'600'000'000 * kSecond;  // long before the clock of the tests

class FormatsOf : public ::testing::Test {
protected:
    void SetUp() override { set_log_level(LogLevel::off); }
    void TearDown() override { set_log_level(LogLevel::info); }
};

// Names and bytes of all that is under a folder, but for its lock.
std::map<std::string, Buffer> tree_of(io::Files& files, const std::string& folder, const std::string& below = "") {
    std::map<std::string, Buffer> tree;
    const std::string here = below.empty() ? folder : folder + "/" + below;
    const auto names = files.list(here).value();
    for (const std::string& name : names) {
        const std::string one = below.empty() ? name : below + "/" + name;
        if (one == "lock") continue;
        if (files.list(folder + "/" + one))
            tree.merge(tree_of(files, folder, one));
        else
            tree[one] = io::read_whole(files, folder + "/" + one, 1 << 30).value();
    }
    return tree;
}

void sync_names(io::Files& files, const std::string& folder) {
    const auto names = files.list(folder);
    if (!names) return;  // a file
    for (const std::string& name : *names) sync_names(files, folder + "/" + name);
    ASSERT_TRUE(files.sync_folder(folder));
}

void add(TestStore& store, int from, int count) {
    const TagId tag = store.tag("d:1", "n"), text = store.tag("d:2", "t", ValueType::text);
    Rows rows;
    for (int i = from; i < from + count; ++i) {
        rows.add_number(tag, kStart + i * kHour, i);
        rows.add_text(text, kStart + i * kHour, std::to_string(i));
    }
    ASSERT_TRUE(store.append(std::move(rows)));
}

// 30 readings in segments, 10 in the log, as a program left them that knew no FORMAT.
void make_former(TestStore& store) {
    ASSERT_TRUE(store.open());
    add(store, 0, 30);
    ASSERT_TRUE(store->compact());
    add(store, 30, 10);
    store.close();
    ASSERT_TRUE(store.files().remove("/store/FORMAT"));
    // What seals cleared away may come back with a power cut, and would make no difference but to this test.
    sync_names(store.files(), "/store");
}

std::vector<double> numbers(TestStore& store) {
    std::vector<double> found;
    for (const Reading& reading : store.raw(store.tag("d:1", "n"), kAllTime))
        found.push_back(as_number(reading.value).value());
    return found;
}

std::vector<double> up_to(int count) {
    std::vector<double> all;
    for (int i = 0; i < count; ++i) all.push_back(i);
    return all;
}

std::vector<std::string> beside(io::Files& files) {
    auto names = files.list("/").value();
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("store."); });
    return names;
}

TEST_F(FormatsOf, EachStepIsTold) {
    for (int step = 1; step <= kFormats; ++step) EXPECT_NE(about_formats(step), "") << step;
    EXPECT_EQ(about_formats(kFormats + 1), "");
}

TEST_F(FormatsOf, ANewHistoryHasANumberAndKeepsNothing) {
    TestStore store;
    EXPECT_EQ(formats_of(store.files(), "/nowhere/store").value().stored, kFormats);
    ASSERT_TRUE(store.open());
    add(store, 0, 10);
    store.reopen();
    EXPECT_EQ(as_text(io::read_whole(store.files(), "/store/FORMAT", 100).value()), format_stamp_file());
    EXPECT_EQ(beside(store.files()), std::vector<std::string>{});
    const Formats formats = formats_of(store.files(), "/store").value();
    EXPECT_EQ(formats.stored, kFormats);
    EXPECT_TRUE(formats.to_come.empty());
    EXPECT_TRUE(formats.kept.empty());
}

TEST_F(FormatsOf, AFormerOneIsKeptAndComesBack) {
    for (const bool links : {true, false}) {
        TestStore store;
        make_former(store);
        if (!links) store.files().forbid_links();
        const auto former = tree_of(store.files(), "/store");
        Formats formats = formats_of(store.files(), "/store").value();
        EXPECT_EQ(formats.stored, 0);
        EXPECT_EQ(formats.to_come.size(), static_cast<std::size_t>(kFormats));

        ASSERT_TRUE(store.open());
        EXPECT_EQ(numbers(store), up_to(40));
        formats = formats_of(store.files(), "/store").value();
        EXPECT_EQ(formats.stored, kFormats);
        ASSERT_EQ(formats.kept.size(), 1u);
        const KeptHistory kept = formats.kept[0];
        EXPECT_EQ(kept.step, 0);
        EXPECT_EQ(kept.path, "/store.before-step-1." + format_stamp(store.clock().now()));
        EXPECT_EQ(kept.at, store.clock().now() / kSecond * kSecond);
        // Second names take no room; copies do.
        EXPECT_EQ(kept.bytes.value() > 0, !links);
        EXPECT_TRUE(tree_of(store.files(), kept.path) == former) << links;

        // It stays as it is, whatever the history does: seals, merges, removes.
        add(store, 40, 30);
        ASSERT_TRUE(store->compact());
        ASSERT_TRUE(store->cut({.windows = {{store.tag("d:1", "n"), {kStart, kStart + kSecond}}}}));
        store.reopen();
        EXPECT_TRUE(tree_of(store.files(), kept.path) == former) << links;
        EXPECT_GT(storage_of(*store).formats().value().kept.at(0).bytes.value(), 0u);
        EXPECT_TRUE(verify_folder(store.files(), store.clock(), kept.path, {}).problems.empty());
        store.close();

        const auto newer = tree_of(store.files(), "/store");
        store.clock().advance(kHour);
        const BackAgain back = go_back(store.files(), store.clock(), "/store", 0).value();
        EXPECT_EQ(back.former.path, kept.path);
        EXPECT_EQ(back.aside, fmt::format("/store.step-{}.{}", kFormats, format_stamp(store.clock().now())));
        EXPECT_TRUE(tree_of(store.files(), "/store") == former);
        EXPECT_TRUE(tree_of(store.files(), back.aside) == newer);
        EXPECT_EQ(formats_of(store.files(), "/store").value().stored, 0);
        EXPECT_EQ(go_back(store.files(), store.clock(), "/store", 0).error().code(), Code::not_found);

        // And to the newer one again, with what came in between.
        ASSERT_TRUE(store.open());
        EXPECT_EQ(numbers(store), up_to(40));
        EXPECT_EQ(beside(store.files()).size(), 2u);
    }
}

TEST_F(FormatsOf, CopiesThatHaveNoRoomChangeNothing) {
    TestStore store;
    make_former(store);
    store.files().forbid_links();
    store.files().set_free_bytes(15 << 20);
    const auto former = tree_of(store.files(), "/store");
    const auto opened = store.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::limit);
    EXPECT_NE(opened.error().text().find("nothing was changed"), std::string::npos) << opened.error().text();
    EXPECT_TRUE(tree_of(store.files(), "/store") == former);
    EXPECT_EQ(beside(store.files()), std::vector<std::string>{});
    store.files().set_free_bytes(1 << 30);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(numbers(store), up_to(40));
}

TEST_F(FormatsOf, ANewerOneIsNotTouched) {
    TestStore store;
    make_former(store);
    const std::string text = fmt::format("gongshu history formats {}", kFormats + 1);
    const std::string stamp = fmt::format("{} {:08x}\n", text, crc32c(as_bytes(text)));
    ASSERT_TRUE(io::write_whole(store.files(), "/store/FORMAT", as_bytes(stamp)));
    const auto newer = tree_of(store.files(), "/store");
    const auto opened = store.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code(), Code::unsupported);
    EXPECT_NE(opened.error().text().find("a newer version wrote"), std::string::npos) << opened.error().text();
    EXPECT_TRUE(tree_of(store.files(), "/store") == newer);
    EXPECT_EQ(beside(store.files()), std::vector<std::string>{});
}

TEST_F(FormatsOf, AnyWrongByteOfTheNumberIsFound) {
    for (std::size_t at = 0; at < format_stamp_file().size(); ++at) {
        TestStore store;
        ASSERT_TRUE(store.open());
        add(store, 0, 5);
        store.close();
        store.files().corrupt("/store/FORMAT", at);
        const auto opened = store.open();
        ASSERT_FALSE(opened) << at;
        EXPECT_EQ(opened.error().code(), Code::corrupt);
        EXPECT_EQ(verify_folder(store.files(), store.clock(), "/store", {}).problems.size(), 1u);
        // As the message says.
        const std::string said = opened.error().text(), line = said.substr(said.rfind("gongshu history"));
        ASSERT_TRUE(io::write_whole(store.files(), "/store/FORMAT", as_bytes(line + "\n")));
        ASSERT_TRUE(store.open());
        EXPECT_EQ(numbers(store), up_to(5));
        EXPECT_EQ(beside(store.files()), std::vector<std::string>{});
    }
}

// A number that is lost does not cost the copy of before, nor is the present history taken for one of before.
TEST_F(FormatsOf, ALostNumberIsWrittenAgain) {
    TestStore store;
    make_former(store);
    const auto former = tree_of(store.files(), "/store");
    ASSERT_TRUE(store.open());
    add(store, 40, 10);
    store.close();
    const auto names = beside(store.files());
    ASSERT_TRUE(store.files().remove("/store/FORMAT"));
    store.clock().advance(kHour);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(beside(store.files()), names);
    EXPECT_EQ(stored_formats(store.files(), "/store").value(), kFormats);
    EXPECT_TRUE(tree_of(store.files(), "/" + names.at(0)) == former);
}

// Nothing that lies beside a history, or among its files, keeps it from being opened.
TEST_F(FormatsOf, OddThingsBesideAreNoHindrance) {
    TestStore store;
    make_former(store);
    auto& files = store.files();
    ASSERT_TRUE(files.make_folder("/store/log/odd", 0750));
    ASSERT_TRUE(files.make_folder("/store.before-step-1.tmp/seg", 0750));
    ASSERT_TRUE(files.make_folder("/store.before-step-1.gone/seg", 0750));
    ASSERT_TRUE(files.make_folder("/store.before-step-1.20201122T101112Z/seg", 0750));
    ASSERT_TRUE(io::write_whole(files, "/store.before-step-2.20201122T101112Z", as_bytes("a file")));
    ASSERT_TRUE(io::write_whole(files, "/store.before-step-1.x", as_bytes("a file")));
    const auto opened = store.open();
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(numbers(store), up_to(40));
    store.close();
    const Formats formats = formats_of(files, "/store").value();
    ASSERT_FALSE(formats.kept.empty());
    ASSERT_TRUE(io::write_whole(files, formats.kept[0].path + "/seg/README", as_bytes("odd")));
    ASSERT_TRUE(files.remove(formats.kept[0].path + "/MANIFEST"));
    EXPECT_TRUE(formats_of(files, "/store"));
    ASSERT_TRUE(store.open());
    EXPECT_EQ(numbers(store), up_to(40));
}

TEST_F(FormatsOf, CopiesGoWithTimeAndWithTheRoom) {
    TestStore store;
    make_former(store);
    ASSERT_TRUE(store.open());
    EXPECT_EQ(beside(store.files()).size(), 1u);
    store.clock().advance(kKeptFor - kHour);
    store.reopen();
    EXPECT_EQ(beside(store.files()).size(), 1u);
    // Without room, what takes none may stay.
    store.files().set_free_bytes(900'000'000);
    EXPECT_EQ(forget_former(store.files(), store.clock(), "/store").value(), 0u);
    // The first seal makes the log of before the copy's alone, the next one gives it up.
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(beside(store.files()).size(), 1u);
        add(store, 40 + i, 1);
        ASSERT_TRUE(store->compact());
    }
    EXPECT_EQ(beside(store.files()), std::vector<std::string>{});
    EXPECT_EQ(numbers(store), up_to(42));

    TestStore other;
    make_former(other);
    ASSERT_TRUE(other.open());
    other.clock().advance(kKeptFor + kMinute);
    add(other, 40, 1);
    ASSERT_TRUE(other->compact());
    EXPECT_EQ(beside(other.files()), std::vector<std::string>{});

    // One that a clock dated which was not set has no age.
    TestStore unset;
    make_former(unset);
    ASSERT_TRUE(unset.open());
    const std::string kept = "/" + beside(unset.files()).at(0);
    ASSERT_TRUE(unset.files().rename(kept, "/store.before-step-1.19700101T000102Z"));
    EXPECT_EQ(forget_former(unset.files(), unset.clock(), "/store").value(), 0u);

    // By hand, whatever its age.
    TestStore third;
    make_former(third);
    ASSERT_TRUE(third.open());
    third.close();
    EXPECT_EQ(forget_all_former(third.files(), "/store").value(), 1u);
    EXPECT_EQ(beside(third.files()), std::vector<std::string>{});
}

// The former program ran again after a start that was cut off between the copy and the number.
TEST_F(FormatsOf, ACopyIsOfTheLastMoment) {
    TestStore store;
    make_former(store);
    ASSERT_TRUE(store.open());
    add(store, 40, 10);
    store.close();
    ASSERT_TRUE(store.files().rename("/" + beside(store.files()).at(0), "/store.before-step-1.tmp"));
    ASSERT_TRUE(store.files().remove("/store/FORMAT"));
    const auto former = tree_of(store.files(), "/store");
    store.clock().advance(kHour);
    ASSERT_TRUE(store.open());
    const Formats formats = formats_of(store.files(), "/store").value();
    ASSERT_EQ(formats.kept.size(), 1u);
    EXPECT_TRUE(tree_of(store.files(), formats.kept[0].path) == former);
}

// Whatever fails, and wherever the power goes: the readings are there, and once the number stands the copy does.
void try_to_open_former(bool links, bool power) {
    for (int operation = 1;; ++operation) {
        TestStore store(static_cast<std::uint64_t>(operation));
        make_former(store);
        if (!links) store.files().forbid_links();
        const auto former = tree_of(store.files(), "/store");
        Rng torn(test_seed());
        power ? store.power().arm(operation, operation % 2 ? &torn : nullptr) : store.files().fail_nth(operation);
        const bool opened = store.open().has_value();
        const bool over = power ? !store.power().is_off() : !store.files().fault_fired();
        if (opened && !over) add(store, 40, 0);
        power ? store.crash() : store.close();
        store.power().on();
        store.files().fail_nth(0);
        const auto again = store.open();
        ASSERT_TRUE(again) << operation << ": " << again.error().text();
        EXPECT_EQ(numbers(store), up_to(40)) << operation;
        store.close();
        const Formats formats = formats_of(store.files(), "/store").value();
        EXPECT_EQ(formats.stored, kFormats) << operation;
        ASSERT_EQ(formats.kept.size(), 1u) << operation;
        EXPECT_EQ(beside(store.files()).size(), 1u) << operation;
        ASSERT_TRUE(tree_of(store.files(), formats.kept[0].path) == former) << operation;
        if (over) break;
        ASSERT_LT(operation, 2000);
    }
}

TEST_F(FormatsOf, EveryFailureAtTheStartIsSurvived) {
    try_to_open_former(true, false);
    try_to_open_former(false, false);
}
TEST_F(FormatsOf, EveryPowerCutAtTheStartIsSurvived) {
    try_to_open_former(true, true);
    try_to_open_former(false, true);
}

// The same while it goes back: the former history is in place, or the newer one, and a second call finishes it.
void try_to_go_back(bool power, bool exchange) {
    for (int operation = 1;; ++operation) {
        TestStore store(static_cast<std::uint64_t>(operation));
        make_former(store);
        const auto former = tree_of(store.files(), "/store");
        ASSERT_TRUE(store.open());
        add(store, 40, 5);
        store.close();
        if (!exchange) store.files().forbid_exchange();
        const auto newer = tree_of(store.files(), "/store");
        Rng torn(test_seed());
        power ? store.power().arm(operation, operation % 2 ? &torn : nullptr) : store.files().fail_nth(operation);
        (void)go_back(store.power(), store.clock(), "/store", 0);
        const bool over = power ? !store.power().is_off() : !store.files().fault_fired();
        if (power) store.files().crash();
        store.power().on();
        store.files().fail_nth(0);
        store.clock().advance(kMinute);
        if (stored_formats(store.files(), "/store").value() == kFormats) {
            const bool is_there = store.files().exists("/store/MANIFEST").value();
            ASSERT_TRUE(is_there ? tree_of(store.files(), "/store") == newer : !exchange) << operation;
            if (!is_there) {  // between two renames: no new history is begun
                const auto opened = store.open();
                ASSERT_FALSE(opened) << operation;
                EXPECT_NE(opened.error().text().find("gongshu downgrade puts it back"), std::string::npos);
            }
            const auto back = go_back(store.files(), store.clock(), "/store", 0);
            ASSERT_TRUE(back) << operation << ": " << back.error().text();
        }
        ASSERT_TRUE(tree_of(store.files(), "/store") == former) << operation;
        ASSERT_TRUE(store.open()) << operation;
        EXPECT_EQ(numbers(store), up_to(40));
        store.close();
        // The newer one lies beside it, and the copy that this start made again.
        bool found = false;
        for (const std::string& name : beside(store.files())) found |= tree_of(store.files(), "/" + name) == newer;
        EXPECT_TRUE(found) << operation;
        EXPECT_EQ(beside(store.files()).size(), 2u) << operation;
        if (over) break;
        ASSERT_LT(operation, 2000);
    }
}

TEST_F(FormatsOf, EveryFailureWhileGoingBackIsSurvived) {
    try_to_go_back(false, true);
    try_to_go_back(false, false);
}
TEST_F(FormatsOf, EveryPowerCutWhileGoingBackIsSurvived) {
    try_to_go_back(true, true);
    try_to_go_back(true, false);
}

}  // namespace
}  // namespace gongshu::history
