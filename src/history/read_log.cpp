// The log as somebody reads it who sends its readings on: from a position, over the files that are kept and those that
// are not sealed yet.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "history/store.h"

namespace gongshu::history {
namespace {

// Rows that may be more than one batch holds.
class RowsOut {
public:
    explicit RowsOut(std::vector<Rows>& out) : out_(out) {}
    void take(Record record) {
        if (const auto* rows = std::get_if<RowsRecord>(&record)) return take_rows(rows->rows);
        if (const auto* tuples = std::get_if<TuplesRecord>(&record)) return take_rows(tuples->tuples.rows());
        if (const auto* columns = std::get_if<ColumnsRecord>(&record)) return take_rows(columns->columns.rows());
    }

private:
    void take_rows(const Rows& rows) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::size_t text = rows.type(i) == ValueType::text ? rows.text(i).size() : 0;
            if (out_.empty() || out_.back().full(text)) out_.emplace_back();
            out_.back().add_row(rows, i);
        }
    }
    std::vector<Rows>& out_;
};

}  // namespace

// The files of the log that hold groups, kept ones too, by number.
Result<std::map<std::uint64_t, KeptLogs::File>> Store::log_files() const {
    // A seal moves files from one folder to the other: what is seen in neither is looked for again.
    for (int tries = 0;; ++tries) {
        std::map<std::uint64_t, KeptLogs::File> all;
        std::optional<Error> moved;
        for (const std::string& name : TRY(files_.list(path("log")))) {
            const auto number = log_file_number(name);
            if (!number) continue;
            const std::string full = path("log/" + name);
            const auto first = first_group_of(files_, full);
            if (!first)
                moved = first.error();
            else if (*first)
                all[*number] = {full, **first, 0};
        }
        for (auto& [number, file] : kept_logs_.files()) all.insert_or_assign(number, file);
        if (!moved) return all;
        if (tries == 3) return *moved;
    }
}

// Reads the groups of one file into `piece` from `group` at `offset` on, which then say how far it came. True once the
// piece is full.
Result<bool> Store::read_log_file_into(LogPiece& piece, const KeptLogs::File& file, std::uint64_t number,
                                       const LogPosition& from, std::uint64_t& group, std::uint64_t offset,
                                       std::uint64_t bytes_max) const {
    const std::uint64_t end = log_->next_synced_group();
    const auto opened = files_.open(file.path, io::Open::read);
    if (!opened) return true;  // it was moved or dropped just now: the next call finds what is there
    RowsOut out{piece.rows};
    Buffer bytes;
    const std::uint64_t size = TRY((*opened)->size());
    while (group < end && offset + kLogGroupHeaderBytes <= size) {
        const LogGroup head = TRY(read_group_head(**opened, file.path, offset));
        if (head.number != group)
            return Error{Code::corrupt, "{}: group {} at {}, expected {}", file.path, head.number, offset, group};
        if (group + 1 == from.group && from.crc != 0 && head.crc != from.crc)
            return Error{Code::conflict, "{}: group {} is not the one that was read", file.path, group};
        const std::uint64_t whole = kLogGroupHeaderBytes + head.length;
        if (group >= piece.begin) {
            if (piece.bytes > 0 && piece.bytes + whole > bytes_max) {
                piece.left_bytes = size - offset;
                return true;
            }
            bytes.resize(whole);
            TRY((*opened)->read_at(offset, bytes));
            TRY(read_log_group(bytes, file.path, offset, [&](Record record) -> Result<void> {
                out.take(std::move(record));
                return {};
            }));
            piece.bytes += whole;
            piece.next = {group + 1, head.crc, number, offset + whole};
        }
        offset += whole;
        ++group;
    }
    return group >= end;
}

Result<LogPiece> Store::read_log(LogPosition from, std::uint64_t bytes_max) const {
    const std::uint64_t end = log_->next_synced_group();
    const auto files = TRY(log_files());
    LogPiece piece;
    piece.begin = std::max<std::uint64_t>(from.group, 1);
    piece.next = {piece.begin, from.crc, 0, 0};
    if (from.group > end) return Error{Code::conflict, "the log ends with group {}, {} is behind it", end, from.group};
    if (files.empty()) return piece;
    // The last file that begins with a wanted group or one before it.
    auto at = files.begin();
    for (auto next = std::next(at); next != files.end() && next->second.first_group <= from.group; ++next) at = next;
    std::uint64_t group = at->second.first_group;
    std::uint64_t offset = kLogHeaderBytes;
    if (from.file == at->first && from.offset != 0 && from.group >= group) {
        group = from.group;
        offset = from.offset;
    }
    piece.begin = std::max(from.group, group);
    piece.next.group = piece.begin;
    const auto go_on_at = [&](std::uint64_t first, std::string_view why) {
        log_error("history", "groups {} to {} of the log are not read by whoever sends them on: {}", piece.next.group,
                  first - 1, why);
        group = piece.begin = first;
        piece.next = {first, 0, 0, 0};
    };
    for (; at != files.end(); ++at, offset = kLogHeaderBytes) {
        if (at->second.first_group > group) {
            if (piece.bytes > 0) break;
            go_on_at(at->second.first_group, "a file is missing");
        }
        const auto full = read_log_file_into(piece, at->second, at->first, from, group, offset, bytes_max);
        const auto next = std::next(at);
        if (!full) {
            // What is damaged holds up nobody, as long as something lies behind it.
            if (full.error().code() != Code::corrupt || next == files.end()) return full.error();
            if (piece.bytes > 0) break;
            go_on_at(next->second.first_group, full.error().text());
            continue;
        }
        if (!*full) continue;
        if (piece.left_bytes > 0)
            for (auto later = next; later != files.end(); ++later) piece.left_bytes += later->second.bytes;
        break;
    }
    return piece;
}

}  // namespace gongshu::history
