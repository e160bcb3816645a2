#include "wire/mtconnect.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/utf8.h"
#include "wire/http.h"
#include "wire/json_door.h"
#include "wire/json_map.h"

namespace gongshu::wire::mtconnect {

namespace {

constexpr std::size_t kShown = 100;

std::string_view without_prefix(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

std::string_view attribute(const char** list, std::string_view name) {
    for (; *list != nullptr; list += 2)
        if (without_prefix(list[0]) == name) return list[1];
    return {};
}

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc{} && read.ptr == text.data() + text.size() ? value : 0;
}

std::string trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == text.npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

// UTC where it says no zone.
TimeNs time_of(std::string_view text) {
    if (const auto local = parse_local_stamp(text)) return local->seconds * kSecond + local->ns;
    return parse_rfc3339(text).value_or(0);
}

// FAULT of Fault.
std::string upper(std::string_view word) {
    std::string text(word);
    for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return text;
}

// Collects what stands in one document.
// Lives:   for one parse_streams(). Bounds: kObservationsMax, kTextBytesMax, kDepthMax.
class Collector {
public:
    explicit Collector(XML_Parser parser) : parser_(parser) {
        XML_SetUserData(parser, this);
        XML_SetElementHandler(
            parser,
            [](void* user, const char* name, const char** list) {
                static_cast<Collector*>(user)->start(without_prefix(name), list);
            },
            [](void* user, const char* name) { static_cast<Collector*>(user)->end(without_prefix(name)); });
        XML_SetCharacterDataHandler(parser, [](void* user, const char* text, int bytes) {
            static_cast<Collector*>(user)->text({text, static_cast<std::size_t>(bytes)});
        });
        XML_SetStartDoctypeDeclHandler(parser, [](void* user, const char*, const char*, const char*, int) {
            static_cast<Collector*>(user)->stop(Error{Code::malformed, "has a DOCTYPE, which no agent's answer has"});
        });
    }

    Result<Streams> run(std::string_view xml) {
        const auto status = XML_Parse(parser_, xml.data(), static_cast<int>(xml.size()), XML_TRUE);
        if (error_) return *std::move(error_);
        if (status != XML_STATUS_OK)
            return Error{Code::malformed, "line {}: {}", XML_GetCurrentLineNumber(parser_),
                         XML_ErrorString(XML_GetErrorCode(parser_))};
        if (root_ == "MTConnectError") return agents_error();
        if (root_ != "MTConnectStreams")
            return Error{Code::malformed, "begins with <{}> and not with <MTConnectStreams>",
                         cut_utf8(root_, kShown)};
        return std::move(streams_);
    }

private:
    enum class Part { none, values, conditions };

    void stop(Error error) {
        if (error_) return;
        error_ = std::move(error);
        XML_StopParser(parser_, XML_FALSE);
    }

    Error agents_error() const {
        return Error{Code::unsupported, "the agent answers with an error: {}",
                     cut_utf8(agents_error_.empty() ? "without saying which" : agents_error_, 300)};
    }

    void start(std::string_view name, const char** list) {
        if (error_) return;
        if (++depth_ > kDepthMax) return stop(Error{Code::limit, "more than {} elements stand within each other", kDepthMax});
        if (depth_ == 1) root_ = name;
        if (name == "Header") return header(list);
        if (name == "DeviceStream") device_ = attribute(list, "name");
        if (name == "Error") error_code_ = attribute(list, "errorCode"), text_.clear(), is_error_ = true;
        if (part_ == Part::none) {
            part_ = name == "Samples" || name == "Events" ? Part::values
                    : name == "Condition"                 ? Part::conditions
                                                          : Part::none;
            part_depth_ = depth_;
            return;
        }
        if (depth_ == part_depth_ + 1) return begin_observation(name, list);
        // <Entry key="T1">4</Entry> of a data set: "T1=4 T2=5".
        if (name != "Entry") return;
        if (!text_.empty()) text_ += ' ';
        text(attribute(list, "key"));
        text("=");
    }

    void header(const char** list) {
        streams_.instance = number(attribute(list, "instanceId"));
        streams_.next = number(attribute(list, "nextSequence"));
        streams_.first = number(attribute(list, "firstSequence"));
        streams_.last = number(attribute(list, "lastSequence"));
    }

    void begin_observation(std::string_view name, const char** list) {
        if (streams_.observations.size() >= kObservationsMax)
            return stop(Error{Code::limit, "has more than {} observations", kObservationsMax});
        Observation& one = streams_.observations.emplace_back();
        one.device = device_;
        one.id = attribute(list, "dataItemId");
        one.name = attribute(list, "name");
        one.sequence = number(attribute(list, "sequence"));
        one.time = time_of(attribute(list, "timestamp"));
        text_.clear();
        if (part_ == Part::conditions) {
            one.fields = {upper(name), std::string(attribute(list, "nativeCode")),
                          std::string(attribute(list, "nativeSeverity")), std::string(attribute(list, "qualifier"))};
        } else if (name == "Message") {
            one.fields = {std::string(attribute(list, "nativeCode"))};
        } else if (name.ends_with("TimeSeries")) {
            one.fields = {std::string(attribute(list, "sampleCount")), std::string(attribute(list, "sampleRate"))};
        }
    }

    void text(std::string_view piece) {
        if (error_ || (part_ == Part::none && !is_error_)) return;
        if (text_.size() + piece.size() > kTextBytesMax)
            return stop(Error{Code::limit, "line {}: a value has more than {} bytes", XML_GetCurrentLineNumber(parser_),
                              kTextBytesMax});
        text_ += piece;
    }

    void end(std::string_view name) {
        if (error_) return;
        if (is_error_ && name == "Error") {
            agents_error_ += fmt::format("{}{} ({})", agents_error_.empty() ? "" : ", ", error_code_, trimmed(text_));
            is_error_ = false;
        }
        if (part_ != Part::none && depth_ == part_depth_ + 1) end_observation();
        if (part_ != Part::none && depth_ == part_depth_) part_ = Part::none;
        --depth_;
    }

    void end_observation() {
        Observation& one = streams_.observations.back();
        std::string value = trimmed(text_);
        const bool is_list = part_ == Part::values && !one.fields.empty();
        // A message or series that is not there has one field, as in SHDR.
        if (is_list && value == "UNAVAILABLE") one.fields.clear();
        one.fields.push_back(std::move(value));
        text_.clear();
    }

    const XML_Parser parser_;
    Streams streams_;
    std::optional<Error> error_;
    std::string root_, device_, text_, error_code_, agents_error_;
    Part part_ = Part::none;
    int depth_ = 0, part_depth_ = 0;
    bool is_error_ = false;
};

std::string below(std::string_view device) { return device.empty() ? "/" : "/" + percent_encode(device) + "/"; }

}  // namespace

Result<Streams> parse_streams(std::string_view xml) {
    if (xml.size() > kBytesMax) return Error{Code::limit, "has more than {} MB", kBytesMax >> 20};
    const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser{XML_ParserCreate(nullptr), XML_ParserFree};
    if (!parser) return Error{Code::limit, "no memory to read the answer"};
    return Collector(parser.get()).run(xml);
}

std::string current_target(std::string_view device) { return below(device) + "current"; }

std::string sample_target(std::string_view device, std::uint64_t from, std::size_t count) {
    return fmt::format("{}sample?from={}&count={}", below(device), from, count);
}

}  // namespace gongshu::wire::mtconnect
