#pragma once

#include <span>
#include <string>
#include <string_view>

// What the program says in English, said in Chinese. Errors are made as English sentences where they happen (Error in
// base/result.h), go into logs as such, and are turned at the edge, for the reader who asked for Chinese.
// See docs/decisions/0005-sentences-in-two-languages.md.
namespace gongshu::words {

// One sentence. `english` is the format as it stands in the code: "the line has {} fields, more than {}". `chinese` has
// {0}, {1} for the parts, in any order, each at most once; {0=} is a part that is never looked at for words, such as a
// name. A part in quotes in English is a name or a value and stays as it is without that mark.
struct Sentence {
    std::string_view english, chinese;
};

// A word or a phrase that stands alone as a part of a sentence: a type, a state, a kind of resource.
struct Term {
    std::string_view english, chinese;
};

// Texts longer than this stay in English.
inline constexpr std::size_t kTextBytesMax = 16 * 1024;

// The same text in Chinese. The sentence whose fixed characters match most of the whole text is taken, and its parts
// are turned in the same way, so that "while doing what: why" comes out whole. A place before a colon, names, numbers
// and what is not known here stay as they are. Any bytes may be given. Costs at most some milliseconds: past a stated
// amount of work the rest stays in English.
std::string in_chinese(std::string_view english);

// Every sentence, for in_chinese() and for tests.
std::span<const std::span<const Sentence>> sentences();
std::span<const Term> terms();

}  // namespace gongshu::words
