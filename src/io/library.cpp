#include "io/library.h"

#include <dlfcn.h>

namespace gongshu::io {

Result<Library> Library::open(const std::string& path) {
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return Library{handle};
    const char* const why = ::dlerror();
    return Error{Code::not_found, "cannot open the library {}: {}", path, why == nullptr ? "no reason told" : why};
}

Result<void*> Library::symbol(const char* name) const {
    if (void* const found = ::dlsym(handle_, name)) return found;
    return Error{Code::unsupported, "the library has no {}: it is too old or too new", name};
}

}  // namespace gongshu::io
