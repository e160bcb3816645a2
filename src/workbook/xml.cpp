#include "workbook/xml.h"

#include <expat.h>

#include <memory>

namespace gongshu::workbook {
namespace {

constexpr std::uint64_t kPieceBytesMax = 1 << 20;

std::string_view without_prefix(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

struct State {
    XML_Parser parser;
    XmlHandler& handler;
    int depth = 0;
    std::optional<Error> error;

    void take(Result<void> result) {
        if (result || error) return;
        error = std::move(result).error();
        XML_StopParser(parser, XML_FALSE);
    }
};

void on_start(void* user, const char* name, const char** list) {
    State& state = *static_cast<State*>(user);
    if (state.error) return;
    if (++state.depth > kDepthMax)
        return state.take(Error{Code::limit, "more than {} elements stand within each other", kDepthMax});
    state.take(state.handler.start(without_prefix(name), Attributes{list}));
}
void on_end(void* user, const char* name) {
    State& state = *static_cast<State*>(user);
    --state.depth;
    if (!state.error) state.take(state.handler.end(without_prefix(name)));
}
void on_text(void* user, const char* text, int bytes) {
    State& state = *static_cast<State*>(user);
    if (!state.error) state.take(state.handler.text({text, static_cast<std::size_t>(bytes)}));
}
void on_doctype(void* user, const char*, const char*, const char*, int) {
    static_cast<State*>(user)->take(Error{Code::malformed, "has a DOCTYPE, which no workbook has"});
}

Result<void> feed(State& state, Bytes piece, bool last, std::uint64_t fed) {
    const auto status =
        XML_Parse(state.parser, reinterpret_cast<const char*>(piece.data()), static_cast<int>(piece.size()), last);
    if (state.error) return *std::move(state.error);
    if (status != XML_STATUS_OK)
        return Error{Code::malformed, "line {}: {}", XML_GetCurrentLineNumber(state.parser),
                     XML_ErrorString(XML_GetErrorCode(state.parser))};
    const auto at = static_cast<std::uint64_t>(std::max<XML_Index>(0, XML_GetCurrentByteIndex(state.parser)));
    if (!last && fed > at + kPieceBytesMax)
        return Error{Code::limit, "line {}: one tag has more than {} MB", XML_GetCurrentLineNumber(state.parser),
                     kPieceBytesMax >> 20};
    return {};
}

}  // namespace

std::optional<std::string_view> Attributes::get(std::string_view name) const {
    for (const char** at = list_; *at != nullptr; at += 2)
        if (without_prefix(at[0]) == name) return std::string_view(at[1]);
    return std::nullopt;
}

Result<void> read_xml(wire::Zip& zip, const wire::ZipEntry& entry, XmlHandler& handler) {
    const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser{XML_ParserCreate(nullptr), XML_ParserFree};
    if (!parser) return Error{Code::limit, "no memory to read {}", entry.name.substr(0, 100)};
    State state{.parser = parser.get(), .handler = handler, .depth = 0, .error = {}};
    XML_SetUserData(parser.get(), &state);
    XML_SetElementHandler(parser.get(), on_start, on_end);
    XML_SetCharacterDataHandler(parser.get(), on_text);
    XML_SetStartDoctypeDeclHandler(parser.get(), on_doctype);
    std::uint64_t fed = 0;
    TRY(zip.read(entry, [&](Bytes piece) -> Result<bool> {
        fed += piece.size();
        TRY(feed(state, piece, false, fed));
        return true;
    }));
    return feed(state, {}, true, fed).context("{}", entry.name.substr(0, 100));
}

}  // namespace gongshu::workbook
