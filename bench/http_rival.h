#pragma once

#include <optional>

#include "bench/rival.h"
#include "io/machine.h"
#include "io/process.h"
#include "registry/json.h"

namespace gongshu::bench {

// What servers that are written to and asked by HTTP have in common.
class HttpRival : public Rival {
public:
    Result<HttpLoaded> load(const TsbsCpu& data) override;
    Result<HttpLoaded> ask(const std::vector<Asking>& askings, DurationNs enough, const Look& look) override;
    Result<HttpLoaded> load_lines(const Lines& lines) override;
    Result<HttpLoaded> ask_ranges(const std::vector<RangeAsking>& askings, DurationNs enough,
                                  const Look& look) override;

protected:
    virtual io::Address address() const = 0;
    virtual std::vector<std::string> write_requests(const TsbsCpu& data) const = 0;
    virtual std::string question_request(const Asking& asking) const = 0;
    virtual Result<Cells> cells(const Asking& asking, const std::string& answer) const = 0;

    // Of any set of lines; who takes columns has no door for them.
    struct LineDoor {
        std::string target, token;
    };
    virtual std::optional<LineDoor> line_door() const { return std::nullopt; }
    virtual std::string range_request(const RangeAsking&) const { return {}; }
    virtual Result<Cells> range_cells(const RangeAsking&, const std::string&) const { return Cells{}; }

    // One request by itself; the body of its answer.
    Result<std::string> send(wire::HttpMethod method, const std::string& target, std::string body = {}) const;
};

// Line protocol, a thousand rows in each request.
std::vector<std::string> line_requests(const Lines& lines, const std::string& target, const std::string& token);

// Waits until what `bytes` says stays the same for two seconds, a minute at most.
void wait_until_still(const std::function<std::uint64_t()>& bytes);

// A value of an answer: false and true are 0 and 1.
double number_of(const Json& value);

}  // namespace gongshu::bench
