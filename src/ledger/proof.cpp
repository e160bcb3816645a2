#include "ledger/proof.h"

#include "base/json_writer.h"

namespace gongshu::ledger {
namespace {

void write_head(JsonWriter& json, const Ledger& ledger, const TreeHead& head) {
    json.begin_object();
    json.key("size").integer(static_cast<std::int64_t>(head.size));
    json.key("root").text(to_hex(head.root));
    json.key("time").integer(head.time);
    json.key("signature").text(to_hex(head.signature));
    json.key("public_key").text(to_hex(ledger.public_key()));
    json.end_object();
}

void write_path(JsonWriter& json, const std::vector<Digest>& path) {
    json.key("path").begin_array();
    for (const Digest& digest : path) json.text(to_hex(digest));
    json.end_array();
}

void write_names(JsonWriter& json, std::string_view format, const Ledger& ledger) {
    json.key("format").text(format);
    json.key("ledger").text(ledger.name());
    json.key("hash").text(to_string(ledger.hash()));
}

void write_entry(JsonWriter& json, const Entry& entry) {
    json.key("entry").begin_object();
    json.key("number").integer(static_cast<std::int64_t>(entry.number));
    if (entry.redacted_by) {
        json.key("commitment").text(to_hex(entry.commitment));
        json.key("redacted_by").integer(static_cast<std::int64_t>(*entry.redacted_by));
    } else {
        json.key("time").integer(entry.time);
        json.key("kind").text(entry.kind);
        json.key("body").text(entry.body);
        json.key("salt").text(to_hex(entry.salt));
        json.key("redacts");
        entry.redacts ? json.integer(static_cast<std::int64_t>(*entry.redacts)) : json.null();
    }
    json.end_object();
}

}  // namespace

Result<std::string> inclusion_proof(const Ledger& ledger, std::uint64_t number, const TreeHead& head) {
    const Entry entry = TRY(ledger.get(number));
    const std::vector<Digest> path = TRY(ledger.inclusion(number, head.size));
    std::string out;
    JsonWriter json{out};
    json.begin_object();
    write_names(json, "gongshu-proof-1", ledger);
    write_entry(json, entry);
    write_path(json, path);
    json.key("head");
    write_head(json, ledger, head);
    json.end_object();
    return out;
}

Result<std::string> consistency_proof(const Ledger& ledger, const TreeHead& from, const TreeHead& to) {
    const std::vector<Digest> path = TRY(ledger.consistency(from.size, to.size));
    std::string out;
    JsonWriter json{out};
    json.begin_object();
    write_names(json, "gongshu-consistency-1", ledger);
    json.key("from");
    write_head(json, ledger, from);
    json.key("to");
    write_head(json, ledger, to);
    write_path(json, path);
    json.end_object();
    return out;
}

std::string head_json(const Ledger& ledger, const TreeHead& head) {
    std::string out;
    JsonWriter json{out};
    json.begin_object();
    write_names(json, "gongshu-head-1", ledger);
    json.key("head");
    write_head(json, ledger, head);
    json.end_object();
    return out;
}

}  // namespace gongshu::ledger
