#pragma once

#include <string>
#include <string_view>

#include "data/tag.h"
#include "history/codec.h"

namespace gongshu::history {

// Tags one after the other, each by what differs from the one before: the tags of a device share nearly all. The
// grammar is "tag" of docs/format/catalogue.md. Threads: plain values.
class TagListWriter {
public:
    explicit TagListWriter(Encoder& out) : out_(out) {}
    void add(const TagInfo& tag);

private:
    void text(std::string& before, std::string_view now);

    Encoder& out_;
    TagInfo before_;
    std::string place_before_;
};

class TagListReader {
public:
    explicit TagListReader(Decoder& in) : in_(in) {}
    // The next tag, without labels; nonsense if the input failed() then.
    TagInfo next();

private:
    void text(std::string& before);

    Decoder& in_;
    TagInfo before_;
    std::string place_before_;
};

}  // namespace gongshu::history
