#include "blob/store.h"

#include <fmt/format.h>

#include "base/log.h"

namespace gongshu::blob {
namespace {

constexpr std::size_t kPieceBytes = 1 << 20;
constexpr std::string_view kIncoming = "in";

std::string tenant_folder(TenantId tenant) { return fmt::format("{:x}", tenant.value); }

}  // namespace

bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string Store::name_of(TenantId tenant, std::string_view sha256) {
    return fmt::format("{}/{}/{}", tenant_folder(tenant), sha256.substr(0, 2), sha256.substr(2));
}

std::string Store::path_of(TenantId tenant, std::string_view sha256) const {
    return folder_ + "/" + name_of(tenant, sha256);
}

std::string Store::incoming(TenantId tenant, const std::string& id) const {
    return fmt::format("{}/{}/{}/{}", folder_, tenant_folder(tenant), kIncoming, id);
}

// What was coming in when the program ended belongs to nobody: its sender got no answer.
Result<std::unique_ptr<Store>> Store::create(io::Files& files, std::string folder) {
    std::unique_ptr<Store> store(new Store(files, std::move(folder)));
    TRY(files.make_folder(store->folder_, 0750));
    const std::vector<std::string> tenants = TRY(files.list(store->folder_));
    for (const std::string& tenant : tenants) {
        const std::string in = fmt::format("{}/{}/{}", store->folder_, tenant, kIncoming);
        if (!TRY(files.exists(in))) continue;
        const std::vector<std::string> left = TRY(files.list(in));
        for (const std::string& name : left) TRY(files.remove(in + "/" + name));
    }
    return store;
}

Result<std::string> Store::take_in(TenantId tenant, const std::string& id, Bytes bytes) {
    const std::string path = incoming(tenant, id);
    TRY(files_.make_folder(path.substr(0, path.rfind('/'))));
    const auto write = [&]() -> Result<void> {
        const auto file = TRY(files_.open(path, io::Open::create_new));
        for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes)
            TRY(file->append(bytes.subspan(at, std::min(kPieceBytes, bytes.size() - at))));
        return file->sync();
    };
    if (auto written = write(); !written) {
        std::ignore = files_.remove(path);
        return std::move(written.error()).context("keeping a file");
    }
    return path;
}

Result<void> Store::keep(TenantId tenant, const std::string& id, const std::string& sha256) {
    const std::string path = path_of(tenant, sha256), folder = path.substr(0, path.rfind('/'));
    TRY(files_.make_folder(folder));
    TRY(files_.set_mode(incoming(tenant, id), 0640));
    TRY(files_.rename(incoming(tenant, id), path));
    return files_.sync_folder(folder);
}

Result<void> Store::drop_incoming(TenantId tenant, const std::string& id) {
    const std::string path = incoming(tenant, id);
    if (!TRY(files_.exists(path))) return {};
    return files_.remove(path);
}

Result<std::unique_ptr<io::File>> Store::open(TenantId tenant, const std::string& sha256) const {
    return files_.open(path_of(tenant, sha256), io::Open::read);
}

Result<void> Store::remove(TenantId tenant, const std::string& sha256) {
    const std::string path = path_of(tenant, sha256);
    if (!TRY(files_.exists(path))) return {};
    TRY(files_.remove(path));
    return files_.sync_folder(path.substr(0, path.rfind('/')));
}

Result<std::vector<std::string>> Store::list(TenantId tenant) const {
    std::vector<std::string> out;
    const std::string folder = folder_ + "/" + tenant_folder(tenant);
    if (!TRY(files_.exists(folder))) return out;
    const std::vector<std::string> firsts = TRY(files_.list(folder));
    for (const std::string& first : firsts) {
        if (first.size() != 2 || first == kIncoming) continue;
        const std::vector<std::string> rests = TRY(files_.list(folder + "/" + first));
        for (const std::string& rest : rests) {
            if (is_sha256(first + rest))
                out.push_back(first + rest);
            else
                log_warning("blob", "{}/{}/{}: is no file of this program", folder, first, rest);
        }
    }
    return out;
}

}  // namespace gongshu::blob
