#include "importer/memory_file.h"

#include <cstring>

namespace gongshu::importer {
namespace {

class MemoryFile final : public io::File {
public:
    explicit MemoryFile(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}

    Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) const override {
        if (offset > bytes_->size() || into.size() > bytes_->size() - offset)
            return Error{Code::corrupt, "the file ends before byte {}", offset + into.size()};
        if (!into.empty()) std::memcpy(into.data(), bytes_->data() + offset, into.size());
        return {};
    }
    Result<void> append(Bytes) override { return refuse(); }
    Result<void> write_at(std::uint64_t, Bytes) override { return refuse(); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(std::uint64_t) override { return refuse(); }
    Result<std::uint64_t> size() const override { return bytes_->size(); }

private:
    static Error refuse() { return Error{Code::unsupported, "a file in memory can only be read"}; }

    const std::shared_ptr<const std::string> bytes_;
};

}  // namespace

std::unique_ptr<io::File> make_memory_file(std::shared_ptr<const std::string> bytes) {
    return std::make_unique<MemoryFile>(std::move(bytes));
}

}  // namespace gongshu::importer
