// Drills, and the second place. What a plant is filled with is in backup_test.cpp's sense, but smaller.
#include <gtest/gtest.h>

#include <optional>

#include "backup/listing.h"
#include "backup/stand_test.h"

namespace gongshu::backup {
namespace {

TEST(Drill, ReadsEverythingAndKeepsWhatItFound) {
    Stand stand;
    const std::string name = stand.make();
    stand.append(8);  // the server goes on, and its backup stays as it was
    const auto proof = drill(stand.parts(), kBackups, name, stand.progress);
    ASSERT_TRUE(proof) << proof.error().text();
    EXPECT_EQ(proof->problem_count, 0u) << (proof->problems.empty() ? "" : proof->problems[0]);
    EXPECT_EQ(proof->rows, 8u);
    EXPECT_GE(proof->resources, 1u);
    EXPECT_GT(proof->newest, 1'700'000'000 * kSecond);
    EXPECT_EQ(stand.progress.bytes_done, stand.progress.bytes);
    EXPECT_TRUE(stand.is_clean());
    const auto listed = list_backups(stand.files, kBackups).value();
    ASSERT_EQ(listed.size(), 1u);
    ASSERT_TRUE(listed[0].proof);
    EXPECT_EQ(listed[0].proof->rows, 8u);
    EXPECT_EQ(read_proof(stand.files, kBackups).value()->backup, name);
    // Its backup is still what its list says, and the last proof outlives it.
    Progress checking;
    EXPECT_TRUE(check_backup(stand.files, std::string(kBackups) + "/" + name, checking));
    ASSERT_TRUE(remove_backup(stand.files, kBackups, name));
    EXPECT_TRUE(read_proof(stand.files, kBackups).value());
}

TEST(Drill, FindsOneFlippedByteAnywhere) {
    Stand stand;
    const std::string name = stand.make(), path = std::string(kBackups) + "/" + name;
    const auto listing =
        decode_listing(as_text(*io::read_whole(stand.files, path + "/" + kListName, kListBytesMax)), "list").value();
    ASSERT_GT(listing.files.size(), 3u);
    for (const Entry& entry : listing.files) {
        stand.files.corrupt(path + "/" + entry.name, 3);
        const auto proof = drill(stand.parts(), kBackups, name, stand.progress);
        ASSERT_TRUE(proof) << proof.error().text();
        ASSERT_EQ(proof->problem_count, 1u);
        EXPECT_NE(proof->problems[0].find(entry.name), std::string::npos) << proof->problems[0];
        EXPECT_TRUE(stand.is_clean());
        stand.files.corrupt(path + "/" + entry.name, 3);  // flips it back
    }
    ASSERT_TRUE(stand.files.remove(path + "/" + listing.files[0].name));
    EXPECT_EQ(drill(stand.parts(), kBackups, name, stand.progress)->problem_count, 1u);
}

TEST(Drill, FindsWhatItsListCannotTell) {
    Stand stand;
    const std::string name = stand.make();
    BackupParts parts = stand.parts();
    // Whole to the last byte, but its secrets and settings cannot be opened with these keys.
    parts.verify.key_folder = "/other-keys";
    const auto proof = drill(parts, kBackups, name, stand.progress);
    ASSERT_TRUE(proof) << proof.error().text();
    EXPECT_GT(proof->problem_count, 0u);
    EXPECT_TRUE(stand.is_clean());
    parts.verify.key_folder = "";
    EXPECT_EQ(drill(parts, kBackups, name, stand.progress).error().code(), Code::unsupported);
    // A former proof that tells of more than is there now.
    ASSERT_EQ(drill(stand.parts(), kBackups, name, stand.progress)->problem_count, 0u);
    const std::string path = std::string(kBackups) + "/" + name;
    Proof more = read_proof(stand.files, path).value().value();
    more.rows += 2;
    ASSERT_TRUE(io::write_whole(stand.files, path + "/" + kProofName, as_bytes(encode_proof(more))));
    const auto fewer = drill(stand.parts(), kBackups, name, stand.progress);
    ASSERT_TRUE(fewer);
    ASSERT_EQ(fewer->problem_count, 1u);
    EXPECT_EQ(fewer->problems[0], "8 rows were read, 10 at the last reading");
}

TEST(Drill, StopsWhenAskedAndWhenThereIsNoRoom) {
    Stand stand;
    const std::string name = stand.make();
    ASSERT_TRUE(drill(stand.parts(), kBackups, name, stand.progress));
    const TimeNs proved = read_proof(stand.files, kBackups).value()->at;
    stand.world.clock().advance(kHour);
    stand.progress.cancelled = true;
    EXPECT_EQ(drill(stand.parts(), kBackups, name, stand.progress).error().code(), Code::conflict);
    EXPECT_TRUE(stand.is_clean());
    stand.files.set_free_bytes(10 << 20);
    Progress progress;
    const auto full = drill(stand.parts(), kBackups, name, progress);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), Code::limit) << full.error().text();
    EXPECT_TRUE(stand.is_clean());
    EXPECT_EQ(read_proof(stand.files, kBackups).value()->at, proved);  // neither is a fault of the backup
    stand.append(9);
}

TEST(Drill, RemovesWhatAKilledOneLeft) {
    Stand stand;
    const std::string name = stand.make();
    for (const char* left : {"/backups/drill", "/backups/drill.part"}) {
        ASSERT_TRUE(stand.files.make_folder(std::string(left) + "/history", 0700));
        ASSERT_TRUE(io::write_whole(stand.files, std::string(left) + "/history/MANIFEST", as_bytes("old")));
    }
    EXPECT_EQ(stand.names_in(kBackups), std::vector{name});
    {
        const Backups started(stand.parts(), *stand.pool, {.folder = kBackups});
        EXPECT_TRUE(stand.is_clean());
    }
    ASSERT_TRUE(stand.files.make_folder("/backups/drill/history", 0700));
    EXPECT_EQ(drill(stand.parts(), kBackups, name, stand.progress)->problem_count, 0u);
    EXPECT_TRUE(stand.is_clean());
}

// Whatever fails: no backup and no byte of the server is touched, and the next drill finds nothing wrong.
TEST(Drill, EveryOperationFailsOnce) {
    Stand stand;
    const std::string name = stand.make();
    int n = 1;
    for (;; ++n) {
        SCOPED_TRACE(n);
        Progress progress;
        stand.files.fail_nth(n);
        const auto proof = drill(stand.parts(), kBackups, name, progress);
        const bool fired = stand.files.fault_fired();
        stand.files.fail_nth(1 << 30);
        // A read that fails while all is read is told as a problem of what was read.
        if (!fired) {
            ASSERT_TRUE(proof) << proof.error().text();
            EXPECT_EQ(proof->problem_count, 0u);
            break;
        }
        Progress again;
        const auto second = drill(stand.parts(), kBackups, name, again);
        ASSERT_TRUE(second) << second.error().text();
        ASSERT_EQ(second->problem_count, 0u) << second->problems[0];
        ASSERT_TRUE(stand.is_clean());
        ASSERT_EQ(stand.names_in(kBackups), std::vector{name});
    }
    EXPECT_GT(n, 50);
    stand.append(10);
}

TEST(Backups, AreProvedByThemselves) {
    Stand stand;
    Backups backups(stand.parts(), *stand.pool, {.folder = kBackups, .drill_every = 30 * kDay});
    const auto tend = [&] {
        backups.tend();
        stand.world.run_for(0);
    };
    EXPECT_EQ(backups.start_drill("").error().code(), Code::not_found);
    tend();
    EXPECT_EQ(backups.state().last_work, Backups::Work::none);
    const std::string first = stand.make();
    tend();
    EXPECT_EQ(backups.state().last_work, Backups::Work::proving);
    EXPECT_EQ(backups.state().last_name, first);
    EXPECT_EQ(backups.state().last_error, "");
    const TimeNs proved = backups.last_proof().value()->at;
    stand.world.clock().advance(29 * kDay);
    const std::string second = stand.make();
    tend();
    EXPECT_EQ(backups.last_proof().value()->at, proved);
    stand.world.clock().advance(kDay + kMinute);
    stand.files.corrupt(std::string(kBackups) + "/" + second + "/registry/registry.db", 100);
    tend();
    EXPECT_NE(backups.state().last_error.find("is not good: 1 problems"), std::string::npos)
        << backups.state().last_error;
    EXPECT_EQ(backups.last_proof().value()->backup, second);
    // One that cannot be done is tried again after a pause.
    stand.world.clock().advance(31 * kDay);
    stand.files.set_free_bytes(10 << 20);
    int tries = 0;
    TimeNs last = 0;
    for (int minute = 0; minute < 60; ++minute) {
        tend();
        if (backups.state().last_end != std::exchange(last, backups.state().last_end)) ++tries;
        stand.world.clock().advance(kMinute);
    }
    EXPECT_GE(tries, 4);
    EXPECT_LE(tries, 7);
}

TEST(Proof, IsReadAsItWasWritten) {
    Proof proof{.backup = "20261121T071500Z", .at = 5, .took = 6, .program = "0.1.0", .rows = 4'600'000};
    proof.problem_count = 2;
    proof.problems = {"a: torn\nat byte 3", "b"};
    const std::string text = encode_proof(proof);
    const Proof again = decode_proof(text, "PROVED").value();
    EXPECT_EQ(again.rows, 4'600'000u);
    EXPECT_EQ(again.problems, (std::vector<std::string>{"a: torn at byte 3", "b"}));
    EXPECT_EQ(encode_proof(again), text);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string torn = text;
        torn[at] ^= 1;
        EXPECT_EQ(decode_proof(torn, "PROVED").error().code(), Code::corrupt) << at;
    }
    EXPECT_EQ(decode_proof("", "PROVED").error().code(), Code::corrupt);
}

TEST(Target, MustBeWhatItIsMeantToBe) {
    Stand stand;
    const std::string name = stand.make();
    TargetOptions options{.folder = kNas};
    const auto refused = [&](std::string_view want) {
        const auto sent = send_backup(stand.files, kBackups, name, options, stand.progress);
        ASSERT_FALSE(sent);
        EXPECT_EQ(sent.error().code(), Code::unavailable);
        EXPECT_NE(sent.error().text().find(want), std::string::npos) << sent.error().text();
    };
    refused("/nas is not there");
    ASSERT_TRUE(stand.files.make_folder(kNas, 0700));
    refused("/nas has no file gongshu-backup-target");
    options.mount = true;
    options.is_mount_point = [](const std::string&) { return false; };
    refused("/nas is no mount point");
    EXPECT_TRUE(stand.files.list(kNas)->empty());
    options.is_mount_point = [](const std::string& path) { return path == kNas; };
    EXPECT_TRUE(send_backup(stand.files, kBackups, name, options, stand.progress));
    EXPECT_EQ(stand.names_in(kNas), std::vector{name});
    Progress checking;
    EXPECT_TRUE(check_backup(stand.files, std::string(kNas) + "/" + name, checking));
}

TEST(Target, KeepsWhatItCannotTellApart) {
    Stand stand;
    const std::string name = stand.make(), there = std::string(kNas) + "/" + name;
    stand.mount();
    const TargetOptions options{.folder = kNas};
    const auto send = [&] { return send_backup(stand.files, kBackups, name, options, stand.progress); };
    ASSERT_TRUE(send());
    // Another server's of the same second stays; what is none gives way.
    const std::string list = there + "/" + kListName;
    ASSERT_TRUE(io::write_whole(stand.files, list, as_bytes(encode_listing({.made = 5}))));
    EXPECT_EQ(send().error().code(), Code::exists);
    ASSERT_TRUE(stand.files.remove(list));
    ASSERT_TRUE(send());
    stand.files.corrupt(list, 30);
    ASSERT_TRUE(send());
    Progress checking;
    EXPECT_TRUE(check_backup(stand.files, there, checking));
}

// Whatever fails: what has a backup's name there is whole, the own one is untouched, and a later try succeeds.
TEST(Target, EveryOperationFailsOnce) {
    int n = 1;
    Stand stand;
    const std::string name = stand.make();
    stand.mount();
    const TargetOptions options{.folder = kNas};
    for (;; ++n) {
        SCOPED_TRACE(n);
        Progress progress;
        stand.files.fail_nth(n);
        const auto sent = send_backup(stand.files, kBackups, name, options, progress);
        const bool fired = stand.files.fault_fired();
        stand.files.fail_nth(1 << 30);
        for (const std::string& there : stand.names_in(kNas)) {
            ASSERT_EQ(there, name);
            Progress checking;
            ASSERT_TRUE(check_backup(stand.files, std::string(kNas) + "/" + there, checking));
        }
        Progress again;
        const auto second = send_backup(stand.files, kBackups, name, options, again);
        ASSERT_TRUE(second) << second.error().text();
        ASSERT_EQ(stand.names_in(kNas), std::vector{name});
        ASSERT_EQ(stand.files.list(kNas)->size(), 2u);  // it and the mark, no left-over
        ASSERT_TRUE(remove_backup(stand.files, kNas, name));
        if (!fired) {
            ASSERT_TRUE(sent) << sent.error().text();
            break;
        }
    }
    EXPECT_GT(n, 50);
}

TEST(Backups, AreCopiedToASecondPlaceAndTriedAgain) {
    Stand stand;
    Backups backups(stand.parts(), *stand.pool, {.folder = kBackups, .keep = 3, .target = {.folder = kNas, .keep = 2}});
    const auto make = [&] {
        stand.world.clock().advance(kSecond);
        EXPECT_TRUE(backups.start());
        stand.world.run_for(0);
        EXPECT_EQ(backups.state().last_error, "");  // whatever becomes of the copy
        return backups.state().last_name;
    };
    const std::string first = make();
    EXPECT_NE(backups.target()->problem.find("/nas is not there"), std::string::npos) << backups.target()->problem;
    EXPECT_EQ(backups.target()->failures, 1u);
    stand.mount();
    backups.tend();  // its pause is not over
    stand.world.run_for(0);
    EXPECT_TRUE(stand.names_in(kNas).empty());
    stand.world.clock().advance(2 * kMinute);
    backups.tend();
    stand.world.run_for(0);
    EXPECT_EQ(backups.target()->problem, "");
    EXPECT_EQ(backups.target()->sent, first);
    EXPECT_EQ(stand.names_in(kNas), std::vector{first});
    // A folder that is none of ours stays.
    ASSERT_TRUE(stand.files.make_folder("/nas/photos", 0700));
    make();
    const std::string third = make(), fourth = make();
    EXPECT_EQ(stand.names_in(kNas), (std::vector{fourth, third}));
    EXPECT_TRUE(*stand.files.exists("/nas/photos"));
    EXPECT_EQ(stand.names_in(kBackups).size(), 3u);
    // Long without it: the pauses grow.
    ASSERT_TRUE(stand.files.remove(std::string(kNas) + "/" + kTargetMark));
    make();
    const std::uint64_t before = backups.target()->failures;
    for (int minute = 0; minute < 120; ++minute) {
        stand.world.clock().advance(kMinute);
        backups.tend();
        stand.world.run_for(0);
    }
    EXPECT_LE(backups.target()->failures - before, 7u);
    EXPECT_GE(backups.target()->failures - before, 4u);
}

}  // namespace
}  // namespace gongshu::backup
