#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace gongshu::io {

// A shared library that is opened while the program runs; it stays until the program ends.
class Library {
public:
    // Code::not_found says why it could not be opened.
    static Result<Library> open(const std::string& path);
    // Puts the address of what is called so into a pointer to a function. Code::unsupported if it is not there.
    template <class Function>
    Result<void> find(const char* name, Function*& function) const {
        function = reinterpret_cast<Function*>(TRY(symbol(name)));
        return {};
    }

private:
    explicit Library(void* handle) : handle_(handle) {}
    Result<void*> symbol(const char* name) const;

    void* handle_;
};

}  // namespace gongshu::io
