#include "sql/own_tables.h"

#include "base/json_writer.h"
#include "registry/paths.h"

namespace gongshu::sql {

namespace {

constexpr std::size_t kAllTags = 5'000'000;

std::vector<TagInfo> seen_tags(const TableParts& parts, const Asker& asker) {
    std::vector<TagInfo> tags = parts.tags.match(asker.who.actor.tenant, "**", kAllTags);
    std::erase_if(tags, [&](const TagInfo& info) { return !registry::lies_within(asker.who.paths, info.path); });
    return tags;
}

Result<void> let_out(const Asker& asker, std::string_view what) {
    if (asker.let_out) TRY(asker.let_out(what));
    return {};
}

std::string labels_text(const TagInfo& info) {
    std::string text;
    JsonWriter out{text};
    out.begin_object();
    for (const auto& [key, value] : labels_of(info.key.source)) out.key(key).text(value);
    out.end_object();
    return text;
}

class TagsTable final : public Table {
public:
    explicit TagsTable(const TableParts& parts) : parts_(parts) {}
    const TableShape& shape() const override { return shape_; }

    Result<std::unique_ptr<Scan>> open(const Asker& asker, ScanRequest request) override {
        TRY(let_out(asker, "**"));
        return scan_of(seen_tags(parts_, asker), std::move(request), [](RowWriter& out, const TagInfo& info) {
            const std::string_view path = info.path;
            const std::size_t slash = path.rfind('/');
            const std::size_t dot = path.find('.', slash == path.npos ? 0 : slash);
            out.text(0, path);
            out.text(1, path.substr(0, dot));
            out.text_or_null(2, dot == path.npos ? std::string_view{} : path.substr(dot + 1));
            out.text(3, to_string(info.type));
            out.text_or_null(4, info.unit);
            out.text(5, labels_text(info));
        });
    }

private:
    const TableParts parts_;
    const TableShape shape_{"tags",
                            {{"tag", CellType::text, "VARCHAR"},
                             {"device", CellType::text, "VARCHAR"},
                             {"property", CellType::text, "VARCHAR"},
                             {"type", CellType::text, "VARCHAR"},
                             {"unit", CellType::text, "VARCHAR"},
                             {"labels", CellType::text, "VARCHAR"}},
                            {}};
};

class LastTable final : public Table {
public:
    explicit LastTable(const TableParts& parts) : parts_(parts) {}
    const TableShape& shape() const override { return shape_; }

    Result<std::unique_ptr<Scan>> open(const Asker& asker, ScanRequest request) override {
        TRY(let_out(asker, "**"));
        std::vector<std::pair<std::string, Reading>> rows;
        for (TagInfo& info : seen_tags(parts_, asker))
            if (auto last = parts_.reader.last(info.id)) rows.emplace_back(std::move(info.path), std::move(*last));
        return scan_of(std::move(rows), std::move(request), [](RowWriter& out, const auto& row) {
            const Reading& reading = row.second;
            out.text(0, row.first);
            out.integer(1, reading.time);
            const auto number = as_number(reading.value);
            number ? out.number(2, *number) : out.null(2);
            out.text(3, to_string(reading.quality));
            const auto* integer = std::get_if<std::int64_t>(&reading.value);
            integer != nullptr ? out.integer(4, *integer) : out.null(4);
            const auto* text = std::get_if<std::string>(&reading.value);
            text != nullptr ? out.text(5, *text) : out.null(5);
        });
    }

private:
    const TableParts parts_;
    const TableShape shape_{"last",
                            {{"tag", CellType::text, "VARCHAR"},
                             {"ts", CellType::time, "TIMESTAMP_NS"},
                             {"value", CellType::number, "DOUBLE"},
                             {"quality", CellType::text, "VARCHAR"},
                             {"integer", CellType::integer, "BIGINT"},
                             {"text", CellType::text, "VARCHAR"}},
                            {}};
};

class KindTable final : public Table {
public:
    KindTable(const TableParts& parts, const registry::Kind& kind)
        : parts_(parts),
          kind_(kind.name),
          of_system_(kind.of_system),
          read_role_(kind.read_role),
          shape_{kind.plural,
                 {{"name", CellType::text, "VARCHAR"},
                  {"uid", CellType::text, "VARCHAR"},
                  {"revision", CellType::integer, "BIGINT"},
                  {"created", CellType::time, "TIMESTAMP_NS"},
                  {"updated", CellType::time, "TIMESTAMP_NS"},
                  {"by", CellType::text, "VARCHAR"},
                  {"spec", CellType::text, "VARCHAR"}},
                 {}} {}
    const TableShape& shape() const override { return shape_; }

    Result<std::unique_ptr<Scan>> open(const Asker& asker, ScanRequest request) override {
        const registry::Actor& actor = asker.who.actor;
        if (actor.role < read_role_)
            return Error{Code::denied, "{} are read by the role {} and above", shape_.name, to_string(read_role_)};
        TRY(let_out(asker, shape_.name));
        std::vector<std::shared_ptr<const registry::Resource>> rows;
        if (asker.sees && (!of_system_ || actor.tenant_name == "default"))
            for (auto& resource : parts_.resources.list_shared(actor.tenant, kind_))
                if (asker.sees(*resource)) rows.push_back(std::move(resource));
        return scan_of(std::move(rows), std::move(request), [](RowWriter& out, const auto& resource) {
            out.text(0, resource->name);
            out.text(1, resource->uid);
            out.integer(2, static_cast<std::int64_t>(resource->revision));
            out.integer(3, resource->created);
            out.integer(4, resource->updated);
            out.text(5, resource->by);
            out.text(6, registry::to_text(resource->spec));
        });
    }

private:
    const TableParts parts_;
    const std::string kind_;
    const bool of_system_;
    const registry::Role read_role_;
    const TableShape shape_;
};

}  // namespace

std::unique_ptr<Table> tags_table(const TableParts& parts) { return std::make_unique<TagsTable>(parts); }
std::unique_ptr<Table> last_table(const TableParts& parts) { return std::make_unique<LastTable>(parts); }
std::unique_ptr<Table> kind_table(const TableParts& parts, const registry::Kind& kind) {
    return std::make_unique<KindTable>(parts, kind);
}

std::vector<std::unique_ptr<Table>> own_tables(const TableParts& parts) {
    std::vector<std::unique_ptr<Table>> tables;
    tables.push_back(history_table(parts));
    tables.push_back(readings_table(parts));
    tables.push_back(tags_table(parts));
    tables.push_back(last_table(parts));
    for (const registry::Kind* kind : parts.resources.kinds()) tables.push_back(kind_table(parts, *kind));
    return tables;
}

}  // namespace gongshu::sql
