// Files beside resources and cases. Who may read what they lie with may read them, and nobody else, whatever hash or id
// somebody knows.
#include "api/handlers.h"
#include "api/sight.h"
#include "blob/blobs.h"
#include "blob/sniff.h"
#include "case/cases.h"
#include "io/crypto.h"

namespace gongshu::api {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;
constexpr std::string_view kDoor = "file";
// Nothing in it runs, loads or is framed, even where a browser shows it by itself.
constexpr std::string_view kSandbox = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox";

Result<blob::Blobs*> blobs_of(Core& core) {
    if (core.deps.blobs == nullptr) return Error{Code::unsupported, "this server keeps no files"};
    return core.deps.blobs;
}

// What a file lies with, as the caller may look at it.
struct Place {
    blob::Owner owner;
    const registry::Kind* kind = nullptr;  // null: a case
    bool closed = false;                   // of a case
};

Error no_owner(std::string_view kind, std::string_view name) {
    return Error{Code::not_found, "owner: there is no {} \"{}\"", kind.substr(0, 60), name.substr(0, 200)};
}

Result<Place> case_place(Core& core, const Ask& ask, std::string_view id) {
    if (core.deps.cases == nullptr) return no_owner("case", id);
    const auto one = core.deps.cases->get(ask.tenant(), id);
    if (!one || !sees_case(ask, *one)) return no_owner("case", id);
    return Place{{std::string(blob::kCase), one->id, one->id}, nullptr, one->is_closed()};
}

Result<Place> resource_place(Core& core, const Ask& ask, std::string_view kind_name, std::string_view name) {
    const registry::Kind* const kind = core.deps.registry.kind(kind_name);
    if (kind == nullptr || kind->of_system) return no_owner(kind_name, name);
    const auto found = core.deps.registry.find(ask.tenant(), kind->name, name);
    Sight sight{core, ask.who};
    if (!found || ask.who.actor.role < kind->read_role || !sight.check_seen(*kind, name))
        return no_owner(kind_name, name);
    return Place{{kind->name, found->uid, found->name}, kind, false};
}

// ?owner=case:DR-12 or ?owner=device:site/line1/cnc1
Result<Place> place_asked(Core& core, const Ask& ask) {
    const std::string_view text = ask.value("owner");
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return Error{Code::invalid,
                     "owner: expected kind:name, such as case:DR-12 or device:site/line1/cnc1, found \"{}\"",
                     text.substr(0, 100)};
    const std::string_view kind = text.substr(0, colon), name = text.substr(colon + 1);
    return kind == blob::kCase ? case_place(core, ask, name) : resource_place(core, ask, kind, name);
}

// Where a file lies now: what it was put beside may have another name since.
Result<Place> place_of(Core& core, const Ask& ask, const blob::Row& row) {
    const auto find = [&]() -> Result<Place> {
        if (row.owner_kind == blob::kCase) return case_place(core, ask, row.owner_uid);
        const auto same = core.deps.registry.find(row.tenant, row.owner_kind, row.owner_name);
        if (same && same->uid == row.owner_uid) return resource_place(core, ask, row.owner_kind, row.owner_name);
        for (const auto& one : core.deps.registry.list_shared(row.tenant, row.owner_kind))
            if (one->uid == row.owner_uid) return resource_place(core, ask, row.owner_kind, one->name);
        return no_owner(row.owner_kind, row.owner_name);
    };
    auto place = find();
    // Not told apart from one that was never there.
    if (!place) return Error{Code::not_found, "there is no file {}", row.id};
    return place;
}

struct Found {
    blob::Row row;
    Place place;
};
Result<Found> found_blob(Core& core, const Ask& ask) {
    blob::Row row = TRY(TRY(blobs_of(core))->get(ask.tenant(), ask.names.at(0)));
    Place place = TRY(place_of(core, ask, row));
    return Found{std::move(row), std::move(place)};
}

Result<void> check_change(Core& core, const Ask& ask, const Place& place) {
    if (place.kind == nullptr) {
        if (place.closed) return Error{Code::conflict, "{} is closed: its files stay as they are", place.owner.name};
        return {};
    }
    if (ask.who.actor.role < place.kind->write_role)
        return Error{Code::denied, "{}: changing it takes the role {}", place.kind->name,
                     to_string(place.kind->write_role)};
    return Sight{core, ask.who}.check_stored(*place.kind, place.owner.name);
}

void write_blob(JsonWriter& out, const Ask& ask, const blob::Row& row, const Place& place, Units units) {
    const auto integer = [](std::uint64_t number) { return static_cast<std::int64_t>(number); };
    out.begin_object().key("id").text(row.id).key("name").text(row.name).key("type").text(row.type);
    out.key("bytes").integer(integer(row.bytes)).key("sha256").text(row.sha256);
    out.key("owner").text(place.owner.kind + ":" + place.owner.name).key("who").text(row.who);
    out.key("time").integer(units.time(row.time)).key("state").text(row.state).key("note");
    row.note.empty() ? out.null() : out.text(told(ask, row.note));
    out.key("shown").boolean(blob::is_shown(row.type)).key("thumbnail").boolean(row.width > 0);
    out.key("width").integer(integer(row.width)).key("height").integer(integer(row.height)).end_object();
}

Result<Answer> about(const Ask& ask, const blob::Row& row, const Place& place, int status) {
    const Units units = TRY(parse_units(ask));
    std::string body;
    JsonWriter out{body};
    write_blob(out, ask, row, place, units);
    return json_answer(std::move(body), status);
}

// The file as the client takes it; what is not as it was kept is cut off before its end.
class FilePieces final : public Pieces {
public:
    FilePieces(std::unique_ptr<io::File> file, blob::Row row) : file_(std::move(file)), row_(std::move(row)) {}
    Result<bool> next(std::string& out) override {
        Buffer piece(std::min<std::uint64_t>(kPieceBytes, row_.bytes - at_));
        TRY(file_->read_at(at_, piece));
        sum_.add(piece);
        at_ += piece.size();
        if (at_ == row_.bytes && to_hex(sum_.finish()) != row_.sha256)
            return Error{Code::corrupt, "file {}: is not as it was kept: its SHA-256 differs from its name", row_.id};
        out.append(as_text(piece));
        return at_ < row_.bytes;
    }

private:
    const std::unique_ptr<io::File> file_;
    const blob::Row row_;
    io::Sha256 sum_;
    std::uint64_t at_ = 0;
};

// Who takes it is asked once, before the first byte.
Result<void> leave(Core& core, const Ask& ask, const Found& found, std::uint64_t bytes) {
    return let_out(core, ask, kDoor, found.place.owner.kind + "/" + found.place.owner.name, 1, bytes);
}

std::string disposition(std::string_view how, std::string_view name) {
    std::string plain;
    for (const char c : name) plain += c >= ' ' && c < 0x7F && c != '"' && c != '\\' ? c : '_';
    return fmt::format("{}; filename=\"{}\"; filename*=UTF-8''{}", how, plain, wire::percent_encode(name));
}

}  // namespace

Result<Answer> get_blobs(Core& core, const Ask& ask) {
    blob::Blobs& blobs = *TRY(blobs_of(core));
    const Units units = TRY(parse_units(ask));
    const Place place = TRY(place_asked(core, ask));
    const auto rows = TRY(blobs.of_owner(ask.tenant(), place.owner));
    std::string body;
    JsonWriter out{body};
    out.begin_object().key("items").begin_array();
    for (const blob::Row& row : rows) write_blob(out, ask, row, place, units);
    out.end_array().key("file_bytes_max").integer(static_cast<std::int64_t>(blobs.options().file_bytes_max));
    out.key("usage");
    if (ask.who.paths.empty()) {
        const blob::Usage usage = TRY(blobs.usage(ask.tenant()));
        out.begin_object().key("files").integer(static_cast<std::int64_t>(usage.files));
        out.key("bytes").integer(static_cast<std::int64_t>(usage.bytes));
        out.key("bytes_max").integer(static_cast<std::int64_t>(usage.bytes_max)).end_object();
    } else {
        out.null();
    }
    out.end_object();
    return json_answer(std::move(body));
}

Result<Answer> post_blob(Core& core, const Ask& ask) {
    blob::Blobs& blobs = *TRY(blobs_of(core));
    const Place place = TRY(place_asked(core, ask));
    TRY(check_change(core, ask, place));
    const blob::Row row = TRY(blobs.add({.actor = ask.who.actor,
                                         .owner = place.owner,
                                         .name = std::string(ask.value("name")),
                                         .declared = std::string(ask.http.header("content-type")),
                                         .bytes = as_bytes(ask.http.body)}));
    Answer answer = TRY(about(ask, row, place, 201));
    answer.headers.push_back({"location", "/api/v1/blobs/" + row.id});
    return answer;
}

Result<Answer> get_blob_about(Core& core, const Ask& ask) {
    const Found found = TRY(found_blob(core, ask));
    return about(ask, found.row, found.place, 200);
}

Result<Answer> get_blob(Core& core, const Ask& ask) {
    const Found found = TRY(found_blob(core, ask));
    TRY(leave(core, ask, found, found.row.bytes));
    auto file = TRY(TRY(blobs_of(core))->open(found.row));
    const bool shown = blob::is_shown(found.row.type) && !parse_flag(ask, "download");
    Answer answer;
    answer.as_it_is = true;
    answer.door = kDoor;
    answer.media_type = found.row.type.starts_with("text/") ? found.row.type + "; charset=utf-8" : found.row.type;
    answer.etag = "\"" + found.row.sha256.substr(0, 32) + "\"";
    answer.headers.push_back({"content-security-policy", std::string(kSandbox)});
    answer.headers.push_back({"content-disposition", disposition(shown ? "inline" : "attachment", found.row.name)});
    auto pieces = std::make_shared<FilePieces>(std::move(file), found.row);
    if (TRY(pieces->next(answer.body))) answer.pieces = std::move(pieces);
    return answer;
}

Result<Answer> get_blob_thumbnail(Core& core, const Ask& ask) {
    const Found found = TRY(found_blob(core, ask));
    TRY(leave(core, ask, found, 0));
    const auto jpeg = TRY(TRY(blobs_of(core))->thumbnail(found.row));
    Answer answer;
    answer.as_it_is = true;
    answer.door = kDoor;
    answer.media_type = "image/jpeg";
    answer.etag = "\"t" + found.row.sha256.substr(0, 31) + "\"";
    answer.headers.push_back({"content-security-policy", std::string(kSandbox)});
    answer.body = std::string(as_text(*jpeg));
    return answer;
}

Result<Answer> delete_blob(Core& core, const Ask& ask) {
    const Found found = TRY(found_blob(core, ask));
    TRY(check_change(core, ask, found.place));
    // Beside a case everybody puts files; one takes away only one's own.
    if (found.place.kind == nullptr && found.row.who != ask.who.actor.who &&
        ask.who.actor.role < registry::Role::engineer)
        return Error{Code::denied, "{} put it there: only they, or an engineer, may remove it", found.row.who};
    TRY(TRY(blobs_of(core))->remove(ask.who.actor, found.row));
    return no_content();
}

}  // namespace gongshu::api
