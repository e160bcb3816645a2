#include "api/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "base/assert.h"

namespace gongshu::api {

namespace {

constexpr int kGzipWindowBits = 15 + 16;  // zlib's way to ask for gzip's header and trailer
constexpr std::size_t kStepBytes = 64 << 10;

Bytef* input(std::string_view text) { return reinterpret_cast<Bytef*>(const_cast<char*>(text.data())); }

}  // namespace

struct Gzip::State {
    z_stream stream{};
};

Gzip::Gzip() : state_(std::make_unique<State>()) {
    const int made = deflateInit2(&state_->stream, 4, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY);
    ASSERT(made == Z_OK);
}

Gzip::~Gzip() { deflateEnd(&state_->stream); }

void Gzip::add(std::string_view piece, End end, std::string& out) {
    z_stream& stream = state_->stream;
    stream.next_in = input(piece);
    stream.avail_in = static_cast<uInt>(piece.size());
    for (;;) {
        const std::size_t begin = out.size();
        out.resize(begin + kStepBytes);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
        stream.avail_out = kStepBytes;
        const int result = deflate(&stream, end == End::whole ? Z_FINISH : end == End::cut ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        ASSERT(result != Z_STREAM_ERROR);
        out.resize(begin + kStepBytes - stream.avail_out);
        if (stream.avail_out != 0) return;
    }
}

std::string gzip(std::string_view text) {
    std::string out;
    Gzip{}.add(text, Gzip::End::whole, out);
    return out;
}

Result<std::string> gunzip(Bytes compressed, std::uint64_t bytes_max) {
    z_stream stream{};
    if (inflateInit2(&stream, kGzipWindowBits) != Z_OK)
        return Error{Code::unavailable, "no memory to open a gzip body"};
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> end{&stream, &inflateEnd};
    std::string out;
    stream.next_in = input(as_text(compressed));
    stream.avail_in = static_cast<uInt>(compressed.size());
    for (;;) {
        const std::size_t begin = out.size();
        out.resize(begin + kStepBytes);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
        stream.avail_out = kStepBytes;
        const int result = inflate(&stream, Z_NO_FLUSH);
        out.resize(begin + kStepBytes - stream.avail_out);
        if (out.size() > bytes_max)
            return Error{Code::limit, "the gzip body is more than {} bytes when opened: send it in parts", bytes_max};
        if (result == Z_STREAM_END && stream.avail_in == 0) return out;
        if (result == Z_STREAM_END) {  // several members one after another are one file (RFC 1952 §2.2)
            if (inflateReset(&stream) != Z_OK) return Error{Code::unavailable, "cannot open a gzip body"};
            continue;
        }
        if (result != Z_OK)
            return Error{Code::malformed, "the body is not gzip, or ends too early (near byte {})",
                         compressed.size() - stream.avail_in};
        if (stream.avail_in == 0 && stream.avail_out != 0)
            return Error{Code::malformed, "the gzip body ends too early"};
    }
}

}  // namespace gongshu::api
