#include "io/log_files.h"

#include <array>
#include <charconv>
#include <chrono>

#include "base/time_text.h"

namespace gongshu::io {

namespace {

// When a file began, by the date at the front of its first line; `now` if there is none.
TimeNs begin_of(const File& file, std::uint64_t bytes, TimeNs now) {
    std::array<std::uint8_t, 10> head{};  // 2026-11-21
    if (bytes < head.size() || !file.read_at(0, head)) return now;
    const auto number = [&](std::size_t at, std::size_t length) {
        int value = -1;
        const char* const begin = reinterpret_cast<const char*>(head.data()) + at;
        std::from_chars(begin, begin + length, value);
        return value;
    };
    const std::chrono::year_month_day day{std::chrono::year{number(0, 4)},
                                          std::chrono::month{static_cast<unsigned>(number(5, 2))},
                                          std::chrono::day{static_cast<unsigned>(number(8, 2))}};
    if (!day.ok()) return now;
    return std::chrono::sys_days{day}.time_since_epoch().count() * kDay;
}

}  // namespace

LogFiles::LogFiles(Files& files, const Clock& clock, LogFilesOptions options)
    : files_(files), clock_(clock), options_(std::move(options)) {}

Result<std::unique_ptr<LogFiles>> LogFiles::create(Files& files, const Clock& clock, LogFilesOptions options) {
    TRY(files.make_folder(options.folder));
    std::unique_ptr<LogFiles> made(new LogFiles(files, clock, std::move(options)));
    TRY(made->open());
    return made;
}

std::string LogFiles::path(std::uint32_t number) const {
    const std::string base = options_.folder + "/" + kName;
    return number == 0 ? base : base + "." + std::to_string(number);
}

Result<void> LogFiles::open() {
    file_ = TRY(files_.open(path(0), Open::append));
    bytes_ = TRY(file_->size());
    // Opened only for appending it cannot be read.
    begun_ = clock_.now();
    if (bytes_ > 0)
        if (const auto reader = files_.open(path(0), Open::read)) begun_ = begin_of(**reader, bytes_, begun_);
    return {};
}

Result<void> LogFiles::turn_over() {
    file_.reset();
    if (options_.files_max <= 1) {
        TRY(files_.remove(path(0)));
        return open();
    }
    if (TRY(files_.exists(path(options_.files_max - 1)))) TRY(files_.remove(path(options_.files_max - 1)));
    for (std::uint32_t number = options_.files_max - 1; number > 0; --number)
        if (TRY(files_.exists(path(number - 1)))) TRY(files_.rename(path(number - 1), path(number)));
    return open();
}

Result<void> LogFiles::append(const std::string& text) {
    if (!file_) TRY(open());
    const bool old = options_.age_max > 0 && clock_.now() - begun_ >= options_.age_max;
    if (bytes_ > 0 && (old || bytes_ + text.size() > options_.bytes_max)) TRY(turn_over());
    TRY(file_->append(as_bytes(text)));
    bytes_ += text.size();
    return {};
}

void LogFiles::write(std::string_view line) {
    const std::lock_guard lock{mutex_};
    if (failed_ && clock_.monotonic() - failed_at_ < kRetry) {
        ++lost_;
        ++untold_;
        return;
    }
    std::string text;
    if (untold_ > 0)
        text = fmt::format("{} warning log: {} lines before this could not be written\n", format_time(clock_.now()),
                           untold_);
    text += line;
    text += '\n';
    failed_ = !append(text).has_value();
    if (failed_) {
        file_.reset();  // a part of the line may be there; the next one begins with its own end of line
        failed_at_ = clock_.monotonic();
        ++lost_;
        ++untold_;
    } else {
        untold_ = 0;
    }
}

void LogFiles::reopen() {
    const std::lock_guard lock{mutex_};
    file_.reset();
    failed_ = !open().has_value();
    failed_at_ = clock_.monotonic();
}

std::uint64_t LogFiles::lost() const {
    const std::lock_guard lock{mutex_};
    return lost_;
}

}  // namespace gongshu::io
