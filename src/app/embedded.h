#pragma once

#include <span>

namespace gongshu::app {

// A file that the program carries inside. Lives as long as the program.
struct EmbeddedFile {
    const char* path;  // relative, "assets/index-1a2b.js"
    const char* media_type;
    const char* etag;  // of these bytes
    const unsigned char* begin;
    const unsigned char* end;
};

std::span<const EmbeddedFile> web_files();   // the built pages, each gzip-compressed; empty if they were not built
std::span<const EmbeddedFile> demo_files();  // library/demo: the sample solution, as it is

}  // namespace gongshu::app
