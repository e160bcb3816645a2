#include "io/charset.h"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace gongshu::io {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

class IconvDecoder final : public Gb18030Decoder {
public:
    explicit IconvDecoder(iconv_t table) : table_(table) {}
    ~IconvDecoder() override { iconv_close(table_); }
    IconvDecoder(const IconvDecoder&) = delete;
    IconvDecoder& operator=(const IconvDecoder&) = delete;

    std::uint64_t feed(Bytes bytes, std::string& out) override {
        std::uint64_t replaced = 0;
        // An unfinished character is finished byte by byte: it is at most four long.
        while (pending_bytes_ > 0 && !bytes.empty()) {
            pending_[pending_bytes_++] = static_cast<char>(bytes.front());
            bytes = bytes.subspan(1);
            pending_bytes_ = convert(pending_.data(), pending_bytes_, out, replaced, pending_bytes_ == pending_.size());
        }
        if (bytes.empty()) return replaced;
        input_.assign(as_text(bytes));
        const std::size_t left = convert(input_.data(), input_.size(), out, replaced, false);
        ASSERT(left < pending_.size());
        std::memcpy(pending_.data(), input_.data() + input_.size() - left, left);
        pending_bytes_ = left;
        return replaced;
    }

    std::uint64_t finish(std::string& out) override {
        if (pending_bytes_ == 0) return 0;
        pending_bytes_ = 0;
        out += kReplacement;
        return 1;
    }

private:
    // Returns how many bytes at the end are an unfinished character; with `whole` they are replaced as well. What is
    // left is moved to the front when `from` is pending_.
    std::size_t convert(char* from, std::size_t bytes, std::string& out, std::uint64_t& replaced, bool whole) {
        char* const begin = from;
        while (bytes > 0) {
            std::array<char, 4096> block;
            char* to = block.data();
            std::size_t room = block.size();
            const std::size_t done = iconv(table_, &from, &bytes, &to, &room);
            const int why = done == static_cast<std::size_t>(-1) ? errno : 0;
            out.append(block.data(), to);
            if (why == EINVAL && !whole) break;
            if (why == EILSEQ || why == EINVAL) {
                out += kReplacement;
                ++replaced;
                ++from;
                --bytes;
                iconv(table_, nullptr, nullptr, nullptr, nullptr);
            }
        }
        if (begin == pending_.data()) std::memmove(begin, from, bytes);
        return bytes;
    }

    const iconv_t table_;
    std::array<char, 8> pending_{};
    std::size_t pending_bytes_ = 0;
    std::string input_;
};

}  // namespace

Result<std::unique_ptr<Gb18030Decoder>> Gb18030Decoder::create() {
    const iconv_t table = iconv_open("UTF-8", "GB18030");
    if (table == reinterpret_cast<iconv_t>(-1))
        return Error{Code::unsupported,
                     "this system has no table for GB18030 ({}): convert the file to UTF-8, or install the system "
                     "library's character sets",
                     std::strerror(errno)};
    return std::make_unique<IconvDecoder>(table);
}

}  // namespace gongshu::io
