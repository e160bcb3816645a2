#include "api/static_files.h"

namespace gongshu::api {

namespace {

const StaticFile* find(std::span<const StaticFile> files, std::string_view path) {
    for (const StaticFile& file : files) {
        if (file.path == path) return &file;
    }
    return nullptr;
}

}  // namespace

Result<Answer> find_static(std::span<const StaticFile> files, const wire::HttpRequest& request) {
    if (request.method != wire::HttpMethod::get && request.method != wire::HttpMethod::head) {
        return Error{Code::not_found, "there is nothing at {} that could be changed", request.path().substr(0, 200)};
    }
    const std::string path = TRY(wire::percent_decode(request.path()));
    if (path == "/api" || path.starts_with("/api/"))
        return Error{Code::not_found, "there is nothing at {}: see /openapi.json", path.substr(0, 200)};
    const std::string_view name = std::string_view{path}.substr(1);
    const StaticFile* file = find(files, name);
    const bool of_page = name.substr(name.rfind('/') + 1).find('.') == std::string_view::npos;
    if (file == nullptr && of_page) file = find(files, "index.html");
    if (file == nullptr && files.empty() && name.empty())
        return Error{Code::not_found, "the page was not built into this program; the interface is at /openapi.json"};
    if (file == nullptr) return Error{Code::not_found, "there is no file {}", path.substr(0, 200)};
    Answer answer;
    answer.media_type = file->media_type;
    answer.body = as_text(file->gzip);
    answer.is_gzip = true;
    answer.etag = file->etag.starts_with('"') ? std::string{file->etag} : fmt::format("\"{}\"", file->etag);
    // Names under assets/ carry a hash of the contents: another content is another name.
    const bool forever = file->path.starts_with("assets/");
    answer.headers.push_back({"cache-control", forever ? "public, max-age=31536000, immutable" : "no-cache"});
    return answer;
}

void add_security_headers(wire::HttpHeaders& headers) {
    headers.push_back({"content-security-policy",
                       "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
                       "blob:; font-src 'self' data:; "
                       "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action "
                       "'self'; frame-ancestors 'none'"});
    headers.push_back({"x-content-type-options", "nosniff"});
    headers.push_back({"x-frame-options", "DENY"});
    headers.push_back({"referrer-policy", "no-referrer"});
    headers.push_back({"cross-origin-opener-policy", "same-origin"});
    headers.push_back({"cross-origin-resource-policy", "same-origin"});
}

}  // namespace gongshu::api
