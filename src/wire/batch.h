#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "data/quality.h"
#include "data/value.h"

// Readings as columns, some bytes each: how an edge of our own sends them. The grammar is docs/format/batch.md.
namespace gongshu::wire {

// The readings of one tag. In `bits` a value's 64 bits as Rows has them (the double's, the integer's, 0 or 1); texts
// stand in `texts`, and `bits` is empty then. All columns are equally long.
struct BatchColumn {
    std::size_t index = 0;  // place in the body, from 0
    std::string_view path;
    ValueType type = ValueType::number;
    std::vector<TimeNs> times;  // any order
    bool same_times = false;    // as those of the column before
    std::vector<Quality> qualities;
    bool all_good = false;  // all of them
    std::vector<std::uint64_t> bits;
    std::vector<std::string_view> texts;
};

struct BatchLimits {
    std::size_t columns_max = 100'000;  // of one body
    std::size_t rows_max = 1 << 20;     // of one body
    std::size_t path_bytes_max = 4096;
};

// Reads the frames of `body`, one or more, column by column; memory is reused from one to the next. Checksums of all
// frames are checked before the first column is given. Code::malformed (with the byte) for what is no such body, then
// some columns may have been given already; Code::limit past the limits. Paths are not empty and UTF-8, texts are
// UTF-8.
Result<void> decode_batch(Bytes body, const BatchLimits& limits,
                          const std::function<void(const BatchColumn&)>& on_column);

// Makes one frame: add() for each tag, then finish().
class BatchWriter {
public:
    // Columns as BatchColumn has them, at least one row.
    void add(const BatchColumn& column);
    std::size_t columns() const { return columns_; }
    std::size_t bytes() const { return body_.size(); }
    // The frame; the writer is empty then.
    std::string finish();

private:
    std::string body_;
    std::size_t columns_ = 0;
};

}  // namespace gongshu::wire
