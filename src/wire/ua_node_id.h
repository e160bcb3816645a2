#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gongshu::wire::ua {

// Where a value lies in an OPC UA server, as people write it (OPC UA part 6, §5.3.1.10-11):
//   ns=2;s=Machine/Speed   i=2258   ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a   nsu=urn:maker;b=M/RbKBsR
struct NodeId {
    enum class Kind : std::uint8_t { number, text, guid, bytes };

    std::uint16_t index = 0;   // of its namespace
    std::string uri;           // of its namespace; goes before the index, "" = none
    Kind kind = Kind::number;
    std::string name;          // what stands behind i=, s=, g= or b=

    friend bool operator==(const NodeId&, const NodeId&) = default;
};

inline constexpr std::size_t kNodeIdBytesMax = 4096;

// Code::invalid says what is wrong.
Result<NodeId> parse_node_id(std::string_view text);
// With `index` for the namespace: "ns=2;s=Machine/Speed".
std::string to_text(const NodeId& id, std::uint16_t index);

// Which value of a variable: "" = it holds one, "[3]" = that element of its array. Code::invalid says what is wrong.
struct Element {
    bool chosen = false;
    std::size_t index = 0;
};
Result<Element> parse_element(std::string_view as);

// Where a server is: "opc.tcp://10.0.0.5:4840/path". Without a port it is 4840.
struct EndpointUrl {
    std::string host;
    std::uint16_t port = 4840;
    std::string path;  // with its '/', or ""
};
Result<EndpointUrl> parse_endpoint_url(std::string_view url);

}  // namespace gongshu::wire::ua
