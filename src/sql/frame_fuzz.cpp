#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "sql/frame.h"

// Whatever comes in frames is decoded or refused; what was decoded from the worker comes out of encode() as it went in.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gongshu;
    sql::Framer framer;
    framer.feed({data, size});
    for (;;) {
        const auto frame = framer.next();
        if (!frame || !*frame) break;
        const Buffer copy{(*frame)->begin(), (*frame)->end()};
        if (const auto message = sql::decode_to_server(copy)) {
            const Buffer again = sql::encode(*message);
            if (!std::equal(again.begin() + 4, again.end(), copy.begin(), copy.end())) std::abort();
        }
        (void)sql::decode_to_worker(copy);
    }
    return 0;
}
