#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/rng.h"
#include "io/files.h"
#include "io/loop.h"

namespace gongshu::io {

// Files in memory that fail on command. What was not synced is lost by crash(): bytes appended or written since the
// last sync() of the file, and names made, renamed or removed since the last sync_folder() of their folder. Any thread.
class SimFiles final : public Files {
public:
    SimFiles();
    ~SimFiles() override;

    // The Nth operation from now (1 = the next; every call on Files and File counts, reads too) returns Code::io once.
    // A write that fails leaves its first half in the file. A sync that fails makes what was not synced undurable for
    // good, as on Linux: a later sync says ok and does not save it, only writing the bytes again does.
    void fail_nth(int operation);
    bool fault_fired() const;
    // From now on every write fails with Code::io "No space left on device" once more than `bytes` more were written.
    void set_free_bytes(std::uint64_t bytes);
    // As a file system on which a file has one name.
    void forbid_links();
    // As one on which two names cannot change at once.
    void forbid_exchange();
    // Forgets everything unsynced; open handles of before return Code::io from now on. With `torn`, a random part of
    // what was not synced survives, as on a disk: a first part of each file's tail (its last 512-byte sector may be
    // zeros), any of the overwritten sectors, and either all names or none.
    void crash(Rng* torn = nullptr);
    // Operations done so far.
    int operations() const;
    // Flips one byte of a file, for tests of checksums.
    void corrupt(const std::string& path, std::uint64_t offset);

    Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> remove(const std::string& path) override;
    Result<bool> exists(const std::string& path) override;
    Result<std::vector<std::string>> list(const std::string& folder) override;
    Result<void> make_folder(const std::string& path, unsigned mode) override;
    Result<void> sync_folder(const std::string& path) override;
    Result<DiskSpace> space(const std::string& path) override;
    Result<std::unique_ptr<File>> lock_folder(const std::string& path) override;
    Result<void> set_mode(const std::string& path, unsigned mode) override;
    Result<void> link(const std::string& from, const std::string& to) override;
    Result<std::uint64_t> names_of(const std::string& path) override;
    Result<void> exchange(const std::string& one, const std::string& other) override;

private:
    friend class SimFile;
    class Impl;
    std::shared_ptr<Impl> impl_;
};

// A network and any number of loops in one thread and in simulated time. make_loop() loops share ports: one may listen,
// another connect. run_for() turns all loops until nothing is due before now + duration.
class SimWorld {
public:
    explicit SimWorld(std::uint64_t seed);
    ~SimWorld();

    SimClock& clock();
    std::unique_ptr<Loop> make_loop();
    // Jobs run on the same thread, each as one turn.
    std::unique_ptr<Pool> make_pool();

    void run_for(DurationNs duration);
    // Turns until `done` is true; false if `duration` went by first.
    bool run_until(const std::function<bool()>& done, DurationNs duration);

    // Network faults. Cutting an address closes its streams without a word (no callback on either side until its
    // time-outs see it when `silent`, else on_closed) and refuses new connections until healed.
    void cut(const Address& address, bool silent);
    void heal(const Address& address);
    // Bytes arrive in random pieces (default) or as sent.
    void set_split(bool split);

private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace gongshu::io
