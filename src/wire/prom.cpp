#include "wire/prom.h"

#include <algorithm>
#include <bit>

#include "base/utf8.h"
#include "wire/proto.h"

namespace gongshu::wire {

namespace {

constexpr std::string_view kName = "__name__";

Error broken() { return Error{Code::malformed, "the body is no message of Prometheus' remote protocol"}; }

// Label { name = 1, value = 2 }
bool read_label(Bytes message, std::pair<std::string_view, std::string_view>& label) {
    ProtoReader reader{message};
    label = {};
    while (reader.next()) {
        if (reader.kind() != ProtoReader::Kind::bytes) continue;
        if (reader.field() == 1) label.first = reader.text();
        if (reader.field() == 2) label.second = reader.text();
    }
    return !reader.failed();
}

// Sample { value = 1 (double), timestamp = 2 (ms) }
bool read_sample(Bytes message, PromSample& sample) {
    ProtoReader reader{message};
    sample = {};
    while (reader.next()) {
        if (reader.field() == 1 && reader.kind() == ProtoReader::Kind::fixed64) sample.value = reader.real();
        if (reader.field() == 2 && reader.kind() == ProtoReader::Kind::varint)
            sample.time_ms = static_cast<std::int64_t>(reader.number());
    }
    return !reader.failed();
}

// TimeSeries { labels = 1, samples = 2, exemplars = 3, histograms = 4 }
// Of a series that has too much of something the rest is passed over: what was sent stays as small in memory.
bool read_series(Bytes message, const PromLimits& limits, PromSeries& series) {
    series.labels.clear();
    series.samples.clear();
    series.histograms = 0;
    ProtoReader reader{message};
    while (reader.next()) {
        if (reader.kind() != ProtoReader::Kind::bytes) continue;
        if (reader.field() == 1 && series.labels.size() > limits.labels_max) continue;
        if (reader.field() == 1 && !read_label(reader.bytes(), series.labels.emplace_back())) return false;
        if (reader.field() == 2 && !read_sample(reader.bytes(), series.samples.emplace_back())) return false;
        series.histograms += reader.field() == 4;
    }
    return !reader.failed();
}

// Brings the labels in order and takes the name out of them; what is wrong with them, or "".
std::string settle(PromSeries& series, const PromLimits& limits) {
    auto& labels = series.labels;
    if (labels.size() > limits.labels_max) return fmt::format("more than {} labels", limits.labels_max);
    std::erase_if(labels, [](const auto& label) { return label.second.empty(); });  // as good as not there
    if (!std::is_sorted(labels.begin(), labels.end())) std::sort(labels.begin(), labels.end());
    series.name = {};
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const auto& [name, value] = labels[i];
        if (name.empty()) return "a label has no name";
        if (name.size() > limits.label_bytes_max || value.size() > limits.label_bytes_max)
            return fmt::format("a label is longer than {} bytes", limits.label_bytes_max);
        if (find_broken_utf8(name) != name.npos || find_broken_utf8(value) != value.npos)
            return "a label is not UTF-8 text";
        if (i > 0 && labels[i - 1].first == name) return fmt::format("the label \"{}\" is there twice", name);
        if (name == kName) series.name = value;
    }
    if (series.name.empty()) return "the label __name__ is missing";
    std::erase_if(labels, [](const auto& label) { return label.first == kName; });
    return {};
}

}  // namespace

bool is_prom_stale(double value) { return std::bit_cast<std::uint64_t>(value) == kPromStaleBits; }
double prom_stale() { return std::bit_cast<double>(kPromStaleBits); }

Result<void> decode_prom_write(Bytes message, const PromLimits& limits,
                               const std::function<void(const PromSeries&)>& on_series,
                               const std::function<void(PromFault)>& on_fault) {
    ProtoReader reader{message};
    PromSeries series;
    for (; reader.next();) {
        if (reader.field() != 1 || reader.kind() != ProtoReader::Kind::bytes) continue;  // 3 is metadata
        if (!read_series(reader.bytes(), limits, series)) return broken();
        std::string fault = settle(series, limits);
        if (fault.empty())
            on_series(series);
        else
            on_fault({series.index, std::move(fault)});
        ++series.index;
    }
    return reader.failed() ? Result<void>{broken()} : Result<void>{};
}

void append_prom_series(std::string& message, const PromLabels& labels, const std::vector<PromSample>& samples) {
    std::string series, part;
    for (const auto& [name, value] : labels) {
        part.clear();
        proto_bytes(part, 1, name);
        proto_bytes(part, 2, value);
        proto_bytes(series, 1, part);
    }
    for (const PromSample& sample : samples) {
        part.clear();
        proto_real(part, 1, sample.value);
        proto_number(part, 2, static_cast<std::uint64_t>(sample.time_ms));
        proto_bytes(series, 2, part);
    }
    proto_bytes(message, 1, series);
}

// ---- reading --------------------------------------------------------------------------------------------------------

namespace {

// LabelMatcher { type = 1, name = 2, value = 3 }
Result<PromMatcher> read_matcher(Bytes message, const PromReadLimits& limits) {
    PromMatcher matcher;
    ProtoReader reader{message};
    while (reader.next()) {
        if (reader.field() == 1 && reader.kind() == ProtoReader::Kind::varint) {
            if (reader.number() > 3) return broken();
            matcher.match = static_cast<PromMatch>(reader.number());
        }
        if (reader.kind() != ProtoReader::Kind::bytes) continue;
        if (reader.bytes().size() > limits.value_bytes_max)
            return Error{Code::limit, "a matcher is longer than {} bytes", limits.value_bytes_max};
        if (reader.field() == 2) matcher.name = reader.text();
        if (reader.field() == 3) matcher.value = reader.text();
    }
    if (reader.failed() || matcher.name.empty()) return broken();
    if (find_broken_utf8(matcher.name) != matcher.name.npos || find_broken_utf8(matcher.value) != matcher.value.npos)
        return Error{Code::invalid, "a label is not UTF-8 text"};
    return matcher;
}

// Query { start_timestamp_ms = 1, end_timestamp_ms = 2, matchers = 3, hints = 4 }
Result<PromQuery> read_query(Bytes message, const PromReadLimits& limits) {
    PromQuery query;
    ProtoReader reader{message};
    while (reader.next()) {
        const bool number = reader.kind() == ProtoReader::Kind::varint;
        if (reader.field() == 1 && number) query.from_ms = static_cast<std::int64_t>(reader.number());
        if (reader.field() == 2 && number) query.to_ms = static_cast<std::int64_t>(reader.number());
        if (reader.field() != 3 || reader.kind() != ProtoReader::Kind::bytes) continue;
        if (query.matchers.size() >= limits.matchers_max)
            return Error{Code::limit, "more than {} matchers in one query", limits.matchers_max};
        query.matchers.push_back(TRY(read_matcher(reader.bytes(), limits)));
    }
    if (reader.failed()) return broken();
    return query;
}

}  // namespace

Result<std::vector<PromQuery>> decode_prom_read(Bytes message, const PromReadLimits& limits) {
    std::vector<PromQuery> queries;
    ProtoReader reader{message};
    while (reader.next()) {
        if (reader.field() != 1 || reader.kind() != ProtoReader::Kind::bytes) continue;  // 2: what else it would take
        if (queries.size() >= limits.queries_max)
            return Error{Code::limit, "more than {} queries in one request", limits.queries_max};
        queries.push_back(TRY(read_query(reader.bytes(), limits)));
    }
    if (reader.failed()) return broken();
    return queries;
}

std::string encode_prom_read(const std::vector<PromQuery>& queries) {
    std::string message;
    for (const PromQuery& query : queries) {
        std::string part;
        proto_number(part, 1, static_cast<std::uint64_t>(query.from_ms));
        proto_number(part, 2, static_cast<std::uint64_t>(query.to_ms));
        for (const PromMatcher& matcher : query.matchers) {
            std::string one;
            proto_number(one, 1, static_cast<std::uint64_t>(matcher.match));
            proto_bytes(one, 2, matcher.name);
            proto_bytes(one, 3, matcher.value);
            proto_bytes(part, 3, one);
        }
        proto_bytes(message, 1, part);
    }
    return message;
}

void PromReadWriter::end_query() {
    if (begun_) proto_bytes(message_, 1, query_);
    query_.clear();
}

void PromReadWriter::begin_query() {
    end_query();
    begun_ = true;
}

void PromReadWriter::add_series(const std::vector<std::pair<std::string, std::string>>& labels,
                                const std::vector<PromSample>& samples) {
    append_prom_series(query_, PromLabels{labels.begin(), labels.end()}, samples);
}

std::string PromReadWriter::finish() {
    end_query();
    begun_ = false;
    return std::move(message_);
}

std::string prom_name(std::string_view name, bool of_label) {
    std::string fitting;
    for (const char c : name) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c == ':' && !of_label);
        const bool digit = c >= '0' && c <= '9';
        if (digit && fitting.empty()) fitting.push_back('_');
        fitting.push_back(letter || digit ? c : '_');
    }
    return fitting.empty() ? "_" : fitting;
}

}  // namespace gongshu::wire
