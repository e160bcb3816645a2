#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::blob {

// What the bytes are, by themselves: "image/jpeg"; "application/octet-stream" when nothing tells. Texts are well-formed
// UTF-8 without control characters; those that a browser would run are told apart as text/html and image/svg+xml.
std::string_view sniff(Bytes bytes);

// Pictures that browsers show and that run nothing. All else is only given as a download.
bool is_shown(std::string_view type);
// Whether make_thumbnail() takes it.
bool has_thumbnail(std::string_view type);

struct Settled {
    std::string type;
    std::string note;  // what the sender had called it, when the bytes say otherwise; "" = they agree
};
// The bytes against what the sender says: the declared media type ("" or a general one says nothing) and the ending of
// the name. Code::invalid when they claim to be something that is shown or played (picture, PDF, film) and are not.
Result<Settled> settle_type(Bytes bytes, std::string_view declared, std::string_view name);

// A file's name as it is kept: without folders and control characters, well-formed, 1 to 200 bytes; "file" if nothing
// is left of it.
std::string tidy_name(std::string_view name);

}  // namespace gongshu::blob
