#include "importer/record_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace gongshu::importer {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::size_t find(std::string_view text, char c, std::size_t from) {
    if (from >= text.size()) return std::string_view::npos;
    const void* found = std::memchr(text.data() + from, c, text.size() - from);
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// How many fields most of the records have, and what share of them.
std::pair<std::size_t, double> usual_width(std::string_view head, const Dialect& dialect) {
    RecordReader reader{dialect};
    reader.feed(head);
    reader.finish();
    std::map<std::size_t, std::size_t> widths;
    std::size_t records = 0;
    Record record;
    for (; records < 200; ++records) {
        const auto next = reader.next(record);
        if (next == RecordReader::Next::more) break;
        if (next == RecordReader::Next::record) ++widths[record.fields.size()];
    }
    if (widths.empty()) return {0, 0};
    const auto most = std::ranges::max_element(widths, {}, [](const auto& entry) { return entry.second; });
    return {most->first, static_cast<double>(most->second) / static_cast<double>(records)};
}

}  // namespace

Dialect detect_dialect(std::string_view head) {
    // The last line may be cut.
    if (head.size() > 4096)
        if (const std::size_t end = head.rfind('\n', head.size() - 1); end != std::string_view::npos)
            head = head.substr(0, end + 1);
    head = head.substr(0, 256 << 10);
    // A comma also stands within numbers, blanks within times and names, so they come last.
    static const Dialect kCandidates[] = {
        {.delimiter = '\t'}, {.delimiter = ';'}, {.delimiter = '|'}, {.delimiter = ','}, {.spaces = true}};
    Dialect best;
    double best_share = 0.5;
    for (const Dialect& candidate : kCandidates) {
        const auto [width, share] = usual_width(head, candidate);
        if (width < 2 || share <= best_share + 0.05) continue;
        best = candidate;
        best_share = share;
    }
    return best;
}

std::string delimiter_name(const Dialect& dialect) {
    if (dialect.spaces) return "spaces";
    return dialect.delimiter == '\t' ? "tab" : std::string(1, dialect.delimiter);
}

RecordReader::RecordReader(const Dialect& dialect, RecordLimits limits) : dialect_(dialect), limits_(limits) {}

std::string& RecordReader::room() {
    text_.erase(0, at_);
    searched_ -= std::min(searched_, at_);
    at_ = 0;
    return text_;
}

void RecordReader::feed(std::string_view text) { room().append(text); }

RecordReader::Next RecordReader::fail(Record& record, std::string text) {
    record.line = line_;
    record.fields.clear();
    fault_ = std::move(text);
    return Next::fault;
}

bool RecordReader::is_passed_over(std::string_view line) const {
    if (!dialect_.comment.empty() && line.starts_with(dialect_.comment)) return true;
    return std::ranges::all_of(line, is_blank);
}

RecordReader::Next RecordReader::next(Record& record) {
    record.fields.clear();
    while (true) {
        std::size_t end = find(text_, '\n', std::max(at_, searched_));
        const bool whole = end != std::string::npos;
        if (!whole) {
            end = searched_ = text_.size();
            if (dropping_) {
                consumed_ += end - at_;
                at_ = end;
            }
            const bool too_long = end - at_ > limits_.record_bytes_max;
            if (at_ == end || (!finished_ && !too_long)) return Next::more;
            if (too_long) {
                dropping_ = true;
                return fail(record, fmt::format("the line is longer than {} bytes", limits_.record_bytes_max));
            }
        }
        std::string_view line = std::string_view(text_).substr(at_, end - at_);
        const auto consume = [&] {
            consumed_ += end + whole - at_;
            at_ = end + whole;
            line_ += whole;
        };
        if (dropping_ || skip_ > 0) {
            skip_ -= !dropping_;
            dropping_ = false;
            consume();
            continue;
        }
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (is_passed_over(line)) {
            consume();
            continue;
        }
        if (dialect_.quote != '\0' && find(line, dialect_.quote, 0) != std::string_view::npos)
            return next_quoted(record);
        record.line = line_;
        if (line.size() > limits_.record_bytes_max) {
            fail(record, fmt::format("the line is longer than {} bytes", limits_.record_bytes_max));
            consume();
            return Next::fault;
        }
        consume();
        split(line, record.fields);
        if (record.fields.size() > limits_.fields_max) {
            fault_ = fmt::format("the line has {} fields, more than {}", record.fields.size(), limits_.fields_max);
            return Next::fault;
        }
        return Next::record;
    }
}

void RecordReader::split(std::string_view line, std::vector<std::string_view>& fields) const {
    if (dialect_.spaces) {
        std::size_t at = 0;
        while (true) {
            while (at < line.size() && is_blank(line[at])) ++at;
            if (at == line.size()) return;
            const std::size_t begin = at;
            while (at < line.size() && !is_blank(line[at])) ++at;
            fields.push_back(line.substr(begin, at - begin));
        }
    }
    const char* begin = line.data();
    const char* const end = begin + line.size();
    // Fields are short: a plain loop beats a search.
    for (const char* at = begin; at != end; ++at) {
        if (*at != dialect_.delimiter) continue;
        fields.emplace_back(begin, static_cast<std::size_t>(at - begin));
        begin = at + 1;
    }
    fields.emplace_back(begin, static_cast<std::size_t>(end - begin));
}

// A record with a quote in its first line; at_ stands at its begin.
RecordReader::Next RecordReader::next_quoted(Record& record) {
    unquoted_.clear();
    spans_.clear();
    const auto is_delimiter = [this](char c) { return dialect_.spaces ? is_blank(c) : c == dialect_.delimiter; };
    std::size_t at = at_, begin = 0;
    std::uint64_t breaks = 0;
    bool quoted = false, ended = false, was_quoted = false;
    const auto end_field = [&] {
        if (!dialect_.spaces || was_quoted || unquoted_.size() > begin)
            spans_.emplace_back(begin, unquoted_.size() - begin);
        begin = unquoted_.size();
        was_quoted = false;
    };
    for (; at < text_.size() && at - at_ <= limits_.record_bytes_max; ++at) {
        const char c = text_[at];
        if (quoted) {
            if (c == '\n') ++breaks;
            if (c != dialect_.quote) {
                unquoted_.push_back(c);
            } else if (at + 1 < text_.size() && text_[at + 1] == dialect_.quote) {
                unquoted_.push_back(text_[++at]);
            } else if (at + 1 == text_.size() && !finished_) {
                return Next::more;  // whether the quote is doubled is not known yet
            } else {
                quoted = false;
            }
        } else if (c == '\n') {
            ended = true;
            break;
        } else if (c == dialect_.quote && unquoted_.size() == begin && !was_quoted) {
            quoted = was_quoted = true;
        } else if (is_delimiter(c)) {
            end_field();
        } else {
            unquoted_.push_back(c);
        }
    }
    const bool too_long = at - at_ > limits_.record_bytes_max;
    if (!ended && !too_long && !finished_) return Next::more;
    if (quoted || too_long) {
        // Only the first line is given up: what follows may be sound.
        fail(record, quoted ? "a quote opens here and is not closed"
                            : fmt::format("the record is longer than {} bytes", limits_.record_bytes_max));
        const std::size_t line_end = find(text_, '\n', at_);
        const std::size_t to = line_end == std::string::npos ? text_.size() : line_end + 1;
        dropping_ = line_end == std::string::npos && !finished_;
        line_ += line_end != std::string::npos;
        consumed_ += to - at_;
        at_ = to;
        return Next::fault;
    }
    if (!was_quoted && unquoted_.size() > begin && unquoted_.back() == '\r') unquoted_.pop_back();
    if (was_quoted && unquoted_.ends_with('\r') && at > at_ && text_[at - 1] == '\r') unquoted_.pop_back();
    end_field();
    if (!dialect_.spaces && spans_.empty()) spans_.emplace_back(0, 0);
    record.line = line_;
    for (const auto& [from, bytes] : spans_) record.fields.push_back(std::string_view(unquoted_).substr(from, bytes));
    line_ += breaks + ended;
    consumed_ += at + ended - at_;
    at_ = at + ended;
    if (record.fields.size() > limits_.fields_max) {
        fault_ = fmt::format("the record has {} fields, more than {}", record.fields.size(), limits_.fields_max);
        return Next::fault;
    }
    return Next::record;
}

}  // namespace gongshu::importer
