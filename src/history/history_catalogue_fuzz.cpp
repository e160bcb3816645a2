// Catalogue, manifest, events and last values of any bytes, with the checksum put right so that the grammar is met.
#include "history/catalogue.h"
#include "history/codec.h"
#include "history/manifest.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Buffer body(data, data + bytes);
    const SimClock clock;
    history::Catalogue catalogue{clock, 10};
    (void)catalogue.decode(body, "fuzz");
    (void)catalogue.decode(history::seal_file("gscat01\n", body), "fuzz");
    history::Catalogue catalogue_0{clock, 10};
    (void)catalogue_0.decode(history::seal_file("gscat00\n", body), "fuzz");
    for (const TagInfo& tag : catalogue.match(TenantId{1}, "**", 10)) (void)catalogue.find(TenantId{1}, tag.path);
    (void)history::decode_manifest(history::seal_file("gsman00\n", body), "fuzz");
    (void)history::decode_events(history::seal_file("gsevt00\n", body), "fuzz");
    (void)history::decode_last(history::seal_file("gslst00\n", body), "fuzz");
    (void)history::decode_last(history::seal_file("gslst01\n", body), "fuzz");
    (void)labels_of(as_text(body));
    const std::string_view text = as_text(body);
    (void)history::glob_matches(text.substr(0, text.size() / 2), text.substr(text.size() / 2));
    return 0;
}
