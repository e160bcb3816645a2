#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "registry/registry.h"
#include "registry/template_parts.h"

// Test vectors: readings that are given and what an expression, a rule's condition or a virtual tag must say after
// them. They travel with the package and are run wherever it is installed.
namespace gongshu::package {

inline constexpr std::size_t kVectorsMax = 1'000;    // of a package
inline constexpr std::size_t kReadingsMax = 10'000;  // of one vector

struct GivenReading {
    DurationNs at = 0;  // from the begin of the vector
    std::string name;   // as the expression writes it
    Json value;         // null = a bad reading
};

struct WantedAnswer {
    DurationNs at = 0;
    Json is;               // a number, text, truth; null = unknown
    double tolerance = 0;  // of numbers
};

struct TestVector {
    std::string place;  // "tests/rules.yaml, test 3"
    std::string name;
    std::string rule, virtual_tag, expr;       // one of them
    std::string device_type;                   // of `expr`: whose properties its names are
    std::map<std::string, std::string> units;  // of names that no device type says
    registry::Parameters parameters;           // to bind, over the defaults
    std::vector<GivenReading> given;           // in time order
    std::vector<WantedAnswer> wanted;          // likewise
};

// All tests of one file. Errors begin with file and test.
Result<std::vector<TestVector>> parse_vectors(std::string_view text, const std::string& file);

// A resource as it was made, for the tests.
struct MadeResource {
    std::string kind, name;
    Json spec;          // canonical
    std::string place;  // "resources/rules.yaml, line 3"
};

struct VectorOutcome {
    std::string place, name;
    std::string failure;  // "" = it passed
};

// Runs one vector with our own expression language. Device types are looked for in `made`, then in `reader`.
VectorOutcome run_vector(const TestVector& vector, const std::vector<MadeResource>& made,
                         const registry::ResourceReader& reader, TenantId tenant);

}  // namespace gongshu::package
