#pragma once

#include <zlib.h>

#include <string>
#include <string_view>
#include <vector>

// A zip archive whose entries are not packed, for tests and fuzzers.
namespace gongshu::wire {

inline std::string stored_zip(const std::vector<std::pair<std::string, std::string>>& parts) {
    std::string out, directory;
    const auto put = [](std::string& into, std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i, value >>= 8) into.push_back(static_cast<char>(value & 0xff));
    };
    for (const auto& [name, text] : parts) {
        const auto sum = crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
        std::string common;
        put(common, 20, 2);
        put(common, 0, 8);  // flags, method, time, date
        put(common, sum, 4);
        put(common, text.size(), 4);
        put(common, text.size(), 4);
        put(common, name.size(), 2);
        put(common, 0, 2);
        directory += "PK\x01\x02";
        put(directory, 20, 2);
        directory += common;
        put(directory, 0, 10);
        put(directory, out.size(), 4);
        directory += name;
        out += "PK\x03\x04" + common + name + text;
    }
    const std::size_t at = out.size();
    out += directory + "PK\x05\x06";
    put(out, 0, 4);
    put(out, parts.size(), 2);
    put(out, parts.size(), 2);
    put(out, directory.size(), 4);
    put(out, at, 4);
    put(out, 0, 2);
    return out;
}

}  // namespace gongshu::wire
