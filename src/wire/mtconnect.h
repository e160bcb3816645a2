#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// What agents of MTConnect say of CNC machines: XML over HTTP, "MTConnectStreams" of the MTConnect standard, part 3
// (observation information model), of any version from 1.0 on. No sockets, no clock.
//
//   GET /current            all that is known now, and the number of what comes next
//   GET /sample?from=17     what was observed from number 17 on
namespace gongshu::wire::mtconnect {

inline constexpr std::uint16_t kPort = 5000;
inline constexpr std::size_t kBytesMax = 16 << 20;
inline constexpr std::size_t kObservationsMax = 100'000;  // of one answer
inline constexpr std::size_t kTextBytesMax = 64 * 1024;   // of one observation
inline constexpr int kDepthMax = 50;

// One value as it was observed.
struct Observation {
    std::string device;        // by its name
    std::string id, name;      // of the data item; the name may be empty
    std::uint64_t sequence = 0;
    TimeNs time = 0;           // 0 = it says none that can be read
    // As the fields behind a key of SHDR (wire/shdr.h): the value; of a condition level, native code, severity, qualifier
    // and text; of a message its native code and text; of a time series count, rate and values.
    std::vector<std::string> fields;
};

struct Streams {
    std::uint64_t instance = 0;  // other after a restart of the agent, whose numbers begin anew then
    std::uint64_t next = 0;      // ask from here
    std::uint64_t first = 0, last = 0;  // of what it still has
    std::vector<Observation> observations;
};

// Code::malformed names the line where it is no XML, or none of an agent's; a DOCTYPE is refused, so that there are no
// entities but XML's own. Code::unsupported: the agent answers with an error, which is told as it says it. Code::limit.
Result<Streams> parse_streams(std::string_view xml);

// What is asked for, below `device` ("" = all devices of the agent).
std::string current_target(std::string_view device);
std::string sample_target(std::string_view device, std::uint64_t from, std::size_t count);

}  // namespace gongshu::wire::mtconnect
