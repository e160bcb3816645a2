#include "edge/forward_body.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <deque>
#include <unordered_map>

#include "base/utf8.h"
#include "wire/batch.h"

namespace gongshu::edge {
namespace {

// A body has to be taken at once: half of what the receiver allows.
constexpr std::size_t kTextBytesMax = 16 << 20;
constexpr std::size_t kColumnsMax = 50'000;

// U+FFFD for each byte that is not UTF-8.
std::string mend_utf8(std::string_view text) {
    std::string out;
    for (std::size_t at = find_broken_utf8(text); at != text.npos; at = find_broken_utf8(text)) {
        out.append(text.substr(0, at)).append("\xef\xbf\xbd");
        text.remove_prefix(at + 1);
    }
    return out.append(text);
}

struct Column {
    wire::BatchColumn cells;
    std::string path;
};

class Bodies {
public:
    Bodies(const PathOf& path_of, std::uint64_t readings_max) : path_of_(path_of), readings_max_(readings_max) {}

    void add(const Rows& rows, std::size_t i) {
        const std::string* path = known_path(rows.tag(i));
        if (path->empty()) return;
        const std::size_t text = rows.type(i) == ValueType::text ? rows.text(i).size() : 0;
        if (body_.readings >= readings_max_ || text_bytes_ + text > kTextBytesMax) finish();
        if (columns_.size() >= kColumnsMax && !columns_.contains(rows.tag(i).value)) finish();
        Column& column = columns_[rows.tag(i).value];
        if (column.path.empty()) {
            column.path = *path;
            column.cells.type = rows.type(i);
        }
        column.cells.times.push_back(rows.time(i));
        Quality quality = rows.quality(i);
        if (rows.type(i) == ValueType::text)
            column.cells.texts.push_back(sendable_text(rows.text(i)));
        else
            column.cells.bits.push_back(sendable_bits(rows, i, quality));
        column.cells.qualities.push_back(quality);
        text_bytes_ += text;
        body_.newest = body_.readings == 0 ? rows.time(i) : std::max(body_.newest, rows.time(i));
        ++body_.readings;
    }
    std::vector<ForwardBody> take() {
        finish();
        return std::move(bodies_);
    }

private:
    // A batch has UTF-8 alone; what machines say may be anything.
    std::string_view sendable_text(std::string_view text) {
        if (find_broken_utf8(text) == text.npos) return text;
        return mended_.emplace_back(mend_utf8(text));
    }
    // A number that is none stands where there is no value: a batch has 0 for it, and its quality says the rest.
    static std::uint64_t sendable_bits(const Rows& rows, std::size_t i, Quality& quality) {
        const std::uint64_t bits = rows.bits(i);
        if (rows.type(i) != ValueType::number || std::isfinite(std::bit_cast<double>(bits))) return bits;
        if (quality.usable()) quality = bad(Reason::range);
        return 0;
    }
    const std::string* known_path(TagId tag) {
        const auto [at, is_new] = paths_.try_emplace(tag.value);
        if (is_new) at->second = path_of_(tag);
        return &at->second;
    }
    void finish() {
        if (body_.readings == 0) return;
        // By path, so that the columns of one machine stand together.
        std::vector<Column*> order;
        for (auto& [tag, column] : columns_) order.push_back(&column);
        std::ranges::sort(order, {}, &Column::path);
        wire::BatchWriter writer;
        for (Column* column : order) {
            column->cells.path = column->path;
            writer.add(column->cells);
        }
        body_.bytes = writer.finish();
        bodies_.push_back(std::move(body_));
        body_ = {};
        columns_.clear();
        mended_.clear();
        text_bytes_ = 0;
    }

    const PathOf& path_of_;
    const std::uint64_t readings_max_;
    std::unordered_map<std::uint64_t, std::string> paths_;
    std::unordered_map<std::uint64_t, Column> columns_;
    ForwardBody body_;
    std::size_t text_bytes_ = 0;
    std::deque<std::string> mended_;  // texts that the columns refer to
    std::vector<ForwardBody> bodies_;
};

}  // namespace

std::vector<ForwardBody> forward_bodies(const std::vector<Rows>& rows, const PathOf& path_of,
                                        std::uint64_t readings_max) {
    Bodies bodies{path_of, readings_max};
    for (const Rows& batch : rows)
        for (std::size_t i = 0; i < batch.size(); ++i) bodies.add(batch, i);
    return bodies.take();
}

}  // namespace gongshu::edge
