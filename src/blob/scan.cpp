#include "blob/scan.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/utf8.h"
#include "io/process.h"

namespace gongshu::blob {
namespace {

constexpr std::string_view kFile = "{file}";
constexpr std::size_t kReasonBytesMax = 300;
constexpr DurationNs kLook = 20 * kMillisecond;

// Waits for its end, at most so long.
std::optional<int> wait_for(io::Process& process, DurationNs time_max) {
    std::mutex mutex;
    std::condition_variable nobody;
    std::unique_lock lock{mutex};
    for (DurationNs waited = 0;; waited += kLook) {
        if (const auto ended = process.ended()) return ended;
        if (waited >= time_max) return std::nullopt;
        nobody.wait_for(lock, std::chrono::nanoseconds(kLook));
    }
}

// The first line that says something.
std::string said(io::Files& files, const std::string& scratch, const std::string& path) {
    const auto text = io::read_whole(files, scratch, 1 << 20);
    if (!text) return "";
    std::string_view rest = as_text(*text);
    while (!rest.empty()) {
        std::string line{rest.substr(0, rest.find('\n'))};
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        // Where it lies concerns nobody.
        if (const std::size_t at = line.find(path); at != std::string::npos) line.erase(at, path.size());
        line.erase(0, std::min(line.find_first_not_of(" :\t\r"), line.size()));
        while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.pop_back();
        std::erase_if(line, [](char c) { return static_cast<unsigned char>(c) < ' '; });
        if (line.size() > kReasonBytesMax) line.resize(kReasonBytesMax);
        if (const std::size_t broken = find_broken_utf8(line); broken != std::string_view::npos) line.resize(broken);
        if (!line.empty()) return line;
    }
    return "";
}

}  // namespace

Result<std::vector<std::string>> split_command(std::string_view command) {
    std::vector<std::string> out;
    bool within = false, names_file = false;
    char quote = 0;
    for (const char c : command) {
        if (quote != 0) {
            if (c == quote)
                quote = 0;
            else
                out.back() += c;
        } else if (c == ' ' || c == '\t') {
            within = false;
        } else {
            if (!within) out.emplace_back();
            within = true;
            if (c == '\'' || c == '"')
                quote = c;
            else
                out.back() += c;
        }
    }
    if (quote != 0) return Error{Code::invalid, "a quote {} does not end", quote};
    if (out.empty() || out.front().empty()) return Error{Code::invalid, "expected a program and its arguments"};
    for (std::size_t i = 1; i < out.size(); ++i) names_file = names_file || out[i].find(kFile) != std::string::npos;
    if (!names_file)
        return Error{Code::invalid, "expected {} among the arguments: it stands for the file to look at", kFile};
    return out;
}

Scan make_scan(std::vector<std::string> command, DurationNs time_max, io::Files& files) {
    return [command = std::move(command), time_max, &files](const std::string& path, const std::string& scratch) {
        std::vector<std::string> arguments = command;
        for (std::string& argument : arguments)
            if (const std::size_t at = argument.find(kFile); at != std::string::npos)
                argument.replace(at, kFile.size(), path);
        Verdict verdict;
        auto process = io::spawn(arguments, scratch);
        if (!process) {
            verdict.reason = process.error().text();
            return verdict;
        }
        const auto ended = wait_for(**process, time_max);
        if (!ended) {
            (*process)->terminate(true);
            (*process)->wait();
            verdict.reason = fmt::format("the scan took more than {} s", time_max / kSecond);
        } else {
            verdict.reason = said(files, scratch, path);
            if (*ended == 0) verdict.is = Verdict::Is::clean;
            if (*ended == 1) verdict.is = Verdict::Is::refused;
            if (*ended > 1) verdict.reason = fmt::format("the scan ended with {}: {}", *ended, verdict.reason);
        }
        std::ignore = files.remove(scratch);
        return verdict;
    };
}

}  // namespace gongshu::blob
