#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "io/files.h"

namespace gongshu::blob {

// What a virus scanner says of one file.
struct Verdict {
    enum class Is : std::uint8_t { clean, refused, unknown } is = Is::unknown;
    std::string reason;  // its first words, or why it said nothing
};
// Looks at the file at `path`; `scratch` is a path that it may write to. Blocks: not from a lane.
using Scan = std::function<Verdict(const std::string& path, const std::string& scratch)>;

// "clamdscan --no-summary {file}" as arguments: split at spaces, '…' and "…" hold together; no shell, so nothing else
// means anything. Code::invalid without a program, without {file}, or with a quote that does not end.
Result<std::vector<std::string>> split_command(std::string_view command);

// Runs the command on each file: exit 0 is clean, 1 refused with what it wrote, anything else, or more time than
// `time_max`, is unknown.
Scan make_scan(std::vector<std::string> command, DurationNs time_max, io::Files& files);

}  // namespace gongshu::blob
