#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/sim.h"

namespace gongshu::history {

// SimFiles whose power goes off before the Nth operation from arm(); everything after that fails until on() again.
class PowerFiles final : public io::Files {
public:
    explicit PowerFiles(io::SimFiles& files) : files_(files) {}

    void arm(int operation, Rng* torn) {
        left_ = operation;
        torn_ = torn;
    }
    bool is_off() const { return off_; }
    void on() {
        left_ = -1;
        off_ = false;
    }
    // False if the power is off now.
    bool step() {
        if (!off_ && left_ > 0 && --left_ == 0) {
            off_ = true;
            files_.crash(torn_);
        }
        return !off_;
    }

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override;
    Result<void> rename(const std::string& from, const std::string& to) override {
        return step() ? files_.rename(from, to) : dark();
    }
    Result<void> remove(const std::string& path) override { return step() ? files_.remove(path) : dark(); }
    Result<bool> exists(const std::string& path) override {
        if (!step()) return dark().error();
        return files_.exists(path);
    }
    Result<std::vector<std::string>> list(const std::string& folder) override {
        if (!step()) return dark().error();
        return files_.list(folder);
    }
    Result<void> make_folder(const std::string& path, unsigned mode) override {
        return step() ? files_.make_folder(path, mode) : dark();
    }
    Result<void> sync_folder(const std::string& path) override { return step() ? files_.sync_folder(path) : dark(); }
    Result<io::DiskSpace> space(const std::string& path) override { return files_.space(path); }
    Result<std::unique_ptr<io::File>> lock_folder(const std::string& path) override {
        if (!step()) return dark().error();
        return files_.lock_folder(path);
    }
    Result<void> set_mode(const std::string& path, unsigned mode) override {
        return step() ? files_.set_mode(path, mode) : dark();
    }
    Result<void> link(const std::string& from, const std::string& to) override {
        return step() ? files_.link(from, to) : dark();
    }
    Result<std::uint64_t> names_of(const std::string& path) override {
        if (!step()) return dark().error();
        return files_.names_of(path);
    }
    Result<void> exchange(const std::string& one, const std::string& other) override {
        return step() ? files_.exchange(one, other) : dark();
    }
    static Result<void> dark() { return Error{Code::io, "the power is off"}; }

private:
    io::SimFiles& files_;
    int left_ = -1;
    bool off_ = false;
    Rng* torn_ = nullptr;
};

class PowerFile final : public io::File {
public:
    PowerFile(PowerFiles& power, std::unique_ptr<io::File> file) : power_(power), file_(std::move(file)) {}
    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        return power_.step() ? file_->read_at(offset, into) : PowerFiles::dark();
    }
    Result<void> append(Bytes bytes) override { return power_.step() ? file_->append(bytes) : PowerFiles::dark(); }
    Result<void> write_at(std::uint64_t offset, Bytes bytes) override {
        return power_.step() ? file_->write_at(offset, bytes) : PowerFiles::dark();
    }
    Result<void> sync() override { return power_.step() ? file_->sync() : PowerFiles::dark(); }
    Result<void> truncate(std::uint64_t bytes) override {
        return power_.step() ? file_->truncate(bytes) : PowerFiles::dark();
    }
    Result<std::uint64_t> size() const override { return file_->size(); }

private:
    PowerFiles& power_;
    std::unique_ptr<io::File> file_;
};

inline Result<std::unique_ptr<io::File>> PowerFiles::open(const std::string& path, io::Open how) {
    if (!step()) return dark().error();
    auto file = files_.open(path, how);
    if (!file) return file;
    return std::unique_ptr<io::File>(std::make_unique<PowerFile>(*this, std::move(*file)));
}

}  // namespace gongshu::history
