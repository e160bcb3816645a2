#include "api/imports.h"

#include <algorithm>

namespace gongshu::api {

namespace {

bool is_running(const ImportFilePtr& file) { return file->status.lock()->state == ImportState::running; }

}  // namespace

std::string_view name_of(ImportState state) {
    switch (state) {
        case ImportState::uploaded:
            return "uploaded";
        case ImportState::running:
            return "running";
        case ImportState::done:
            return "done";
        case ImportState::cancelled:
            return "cancelled";
        case ImportState::failed:
            return "failed";
    }
    return "failed";
}

Result<ImportFilePtr> Imports::add(TenantId tenant, std::string id, std::string name, std::string who,
                                   std::string bytes, TimeNs sent) {
    auto kept = kept_.lock();
    std::vector<ImportFilePtr> own;
    std::size_t bytes_of_all = bytes.size();
    for (const auto& [key, file] : kept->files) {
        bytes_of_all += file->bytes->size();
        if (key.first == tenant) own.push_back(file);
    }
    std::ranges::sort(own, {}, &ImportFile::number);
    std::size_t count = own.size();
    for (const ImportFilePtr& file : own) {
        if (count < kFilesMax && bytes_of_all <= kBytesMax) break;
        if (is_running(file)) continue;
        bytes_of_all -= file->bytes->size();
        --count;
        kept->files.erase({tenant, file->id});
    }
    if (count >= kFilesMax)
        return Error{Code::limit, "{} imports of this tenant run already: wait until one is done", kFilesMax};
    if (bytes_of_all > kBytesMax)
        return Error{Code::limit,
                     "all files that wait for their import may have {} MiB together: wait, or use gongshu import",
                     kBytesMax >> 20};
    auto file = std::make_shared<ImportFile>();
    file->id = id;
    file->name = std::move(name);
    file->who = std::move(who);
    file->bytes = std::make_shared<const std::string>(std::move(bytes));
    file->number = kept->next_number++;
    file->sent = sent;
    kept->files[{tenant, std::move(id)}] = file;
    return file;
}

Result<ImportFilePtr> Imports::find(TenantId tenant, std::string_view id) const {
    auto kept = kept_.lock();
    const auto found = kept->files.find({tenant, std::string{id}});
    if (found != kept->files.end()) return found->second;
    return Error{Code::not_found, "there is no import \"{}\": it made room for others, or the server was started anew",
                 id.substr(0, 60)};
}

std::vector<ImportFilePtr> Imports::list(TenantId tenant) const {
    std::vector<ImportFilePtr> files;
    auto kept = kept_.lock();
    for (const auto& [key, file] : kept->files)
        if (key.first == tenant) files.push_back(file);
    std::ranges::sort(files, {}, &ImportFile::number);
    return files;
}

Result<void> Imports::remove(TenantId tenant, std::string_view id) {
    const ImportFilePtr file = TRY(find(tenant, id));
    if (is_running(file)) return Error{Code::conflict, "the import of {} is running: cancel it first", file->name};
    kept_.lock()->files.erase({tenant, file->id});
    return {};
}

}  // namespace gongshu::api
