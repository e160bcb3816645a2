#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

// The messages of Prometheus' remote write 1.0 and remote read (prometheus/prompb: remote.proto, types.proto), without
// the snappy block around them.
namespace gongshu::wire {

// The NaN by which Prometheus says that a series has ended.
inline constexpr std::uint64_t kPromStaleBits = 0x7FF0'0000'0000'0002;
bool is_prom_stale(double value);
double prom_stale();

struct PromSample {
    double value = 0;
    std::int64_t time_ms = 0;
};
using PromLabels = std::vector<std::pair<std::string_view, std::string_view>>;

// One series of a write. Views point into the message; valid during the call only.
struct PromSeries {
    std::size_t index = 0;  // place in the message, from 0
    std::string_view name;  // of __name__
    PromLabels labels;      // the others, sorted by name, none empty, no name twice
    std::vector<PromSample> samples;
    std::size_t histograms = 0;  // native ones, which nobody here can keep
};

struct PromFault {
    std::size_t index = 0;
    std::string text;
};

struct PromLimits {
    std::size_t labels_max = 100;
    std::size_t label_bytes_max = 4096;  // of one name or value
};

// Reads a WriteRequest series by series; memory is reused from one to the next. A series that cannot be used (no name,
// a label twice, not UTF-8) is told and left out. Exemplars and metadata are passed over. Code::malformed for what is
// no such message: then some series may have been given already.
Result<void> decode_prom_write(Bytes message, const PromLimits& limits,
                               const std::function<void(const PromSeries&)>& on_series,
                               const std::function<void(PromFault)>& on_fault);
// For tests and benches. Labels as they are, __name__ among them.
void append_prom_series(std::string& message, const PromLabels& labels, const std::vector<PromSample>& samples);

// ---- reading --------------------------------------------------------------------------------------------------------

enum class PromMatch : std::uint8_t { equal = 0, not_equal = 1, like = 2, not_like = 3 };  // as on the wire
struct PromMatcher {
    PromMatch match = PromMatch::equal;
    std::string name, value;
};
struct PromQuery {
    std::int64_t from_ms = 0, to_ms = 0;  // both inclusive
    std::vector<PromMatcher> matchers;
};

struct PromReadLimits {
    std::size_t queries_max = 100;
    std::size_t matchers_max = 100;  // of one query
    std::size_t value_bytes_max = 4096;
};

// A ReadRequest. Code::malformed for what is none, Code::limit past the limits.
Result<std::vector<PromQuery>> decode_prom_read(Bytes message, const PromReadLimits& limits = {});
// For tests.
std::string encode_prom_read(const std::vector<PromQuery>& queries);

// Makes a ReadResponse: begin_query() for each query in order, then its series.
class PromReadWriter {
public:
    void begin_query();
    void add_series(const std::vector<std::pair<std::string, std::string>>& labels,
                    const std::vector<PromSample>& samples);
    // Once, at the end.
    std::string finish();
    std::size_t bytes() const { return message_.size() + query_.size(); }

private:
    void end_query();
    std::string message_, query_;
    bool begun_ = false;
};

// The name under which Prometheus may know something: [a-zA-Z_:][a-zA-Z0-9_:]*, other bytes become '_'. Of a label
// without ':'.
std::string prom_name(std::string_view name, bool of_label = false);

}  // namespace gongshu::wire
