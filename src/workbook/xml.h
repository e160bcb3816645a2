#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "wire/zip.h"

namespace gongshu::workbook {

// The attributes of an element; valid during start().
class Attributes {
public:
    explicit Attributes(const char** list) : list_(list) {}
    // By its name without a prefix; nullopt = not there.
    std::optional<std::string_view> get(std::string_view name) const;

private:
    const char** list_;
};

// What is in the XML, names without their prefixes. A returned error ends the reading.
class XmlHandler {
public:
    virtual ~XmlHandler() = default;
    virtual Result<void> start(std::string_view name, const Attributes& attributes) = 0;
    virtual Result<void> end(std::string_view name) = 0;
    virtual Result<void> text(std::string_view text) = 0;  // in any pieces
};

// Reads one entry of a zip. Code::malformed with the line for what is no XML; a DOCTYPE is refused, so that there are
// no entities but XML's own; more than kDepthMax elements in each other and pieces over 1 MB are Code::limit.
inline constexpr int kDepthMax = 100;
Result<void> read_xml(wire::Zip& zip, const wire::ZipEntry& entry, XmlHandler& handler);

}  // namespace gongshu::workbook
