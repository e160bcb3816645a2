#include "api/sql_door.h"

#include "api/interval_place.h"
#include "api/sight.h"
#include "sql/table.h"

namespace gongshu::api {

namespace {

constexpr std::size_t kIntervalsMax = 100'000;  // of one mention

Error stopping() { return Error{Code::unavailable, "the server is stopping"}; }

// One interval as a row; what it names is looked up while the caller's rights are at hand.
struct IntervalRow {
    std::string id, kind, path, tag, made_by, attributes;
    Interval interval;
};

std::string attributes_text(const Interval& interval) {
    std::string text;
    JsonWriter out{text};
    out.begin_object();
    for (const auto& [name, value] : interval.attributes) write_value(out.key(name), value);
    out.end_object();
    return text;
}

void write_row(sql::RowWriter& out, const IntervalRow& row) {
    out.text(0, row.id);
    out.text(1, row.kind);
    out.text_or_null(2, row.path);
    out.text_or_null(3, row.tag);
    out.integer(4, row.interval.from);
    row.interval.to ? out.integer(5, *row.interval.to) : out.null(5);
    out.text(6, row.attributes);
    out.text(7, to_string(row.interval.source));
    out.text_or_null(8, row.made_by);
    out.number(9, row.interval.confidence);
    out.text_or_null(10, row.interval.by);
    out.text_or_null(11, row.interval.reason);
    out.integer(12, row.interval.revision);
}

Result<TimeNs> time_of(const sql::ScanRequest& request, std::string_view name, TimeNs absent) {
    const sql::Cell* const cell = request.find(name);
    if (cell == nullptr) return absent;
    if (const auto* time = std::get_if<sql::Time>(cell)) return time->ns;
    return Error{Code::invalid, "{}: expected a time", name};
}

// intervals: all but alarms; alarms: those alone.
class IntervalTable final : public sql::Table {
public:
    IntervalTable(std::weak_ptr<Core> core, std::string name) : core_(std::move(core)) {
        using sql::CellType;
        shape_.name = std::move(name);
        shape_.columns = {{"id", CellType::text, "VARCHAR"},          {"kind", CellType::text, "VARCHAR"},
                          {"path", CellType::text, "VARCHAR"},        {"tag", CellType::text, "VARCHAR"},
                          {"starts", CellType::time, "TIMESTAMP_NS"}, {"ends", CellType::time, "TIMESTAMP_NS"},
                          {"attributes", CellType::text, "VARCHAR"},  {"source", CellType::text, "VARCHAR"},
                          {"made_by", CellType::text, "VARCHAR"},     {"confidence", CellType::number, "DOUBLE"},
                          {"by", CellType::text, "VARCHAR"},          {"reason", CellType::text, "VARCHAR"},
                          {"revision", CellType::integer, "BIGINT"}};
        shape_.arguments = {"since", "until", "path"};
        if (shape_.name == "intervals") shape_.arguments.push_back("kinds");
    }

    const sql::TableShape& shape() const override { return shape_; }

    Result<std::unique_ptr<sql::Scan>> open(const sql::Asker& asker, sql::ScanRequest request) override {
        const auto core = core_.lock();
        if (!core) return stopping();
        if (asker.let_out) TRY(asker.let_out(shape_.name));
        Ask ask;
        ask.who = asker.who;
        IntervalPlaces places{*core, ask.who};
        auto page = TRY(find_intervals(*core, ask, places, TRY(query_of(places, request))));
        if (page.more)
            return Error{Code::limit,
                         "more than {} {}: ask for a part of the time, as in {}(since := now() - INTERVAL 30 DAY)",
                         kIntervalsMax, shape_.name, shape_.name};
        std::vector<IntervalRow> rows;
        for (Interval& one : page.intervals) {
            IntervalRow row{interval_id_text(one), one.kind, places.asset(one), places.tag(one), places.made_by(one),
                            attributes_text(one),  {}};
            row.interval = std::move(one);
            rows.push_back(std::move(row));
        }
        return sql::scan_of(std::move(rows), std::move(request), write_row);
    }

private:
    Result<IntervalQuery> query_of(IntervalPlaces& places, const sql::ScanRequest& request) const {
        IntervalQuery query;
        query.intervals_max = kIntervalsMax;
        query.window = {TRY(time_of(request, "since", INT64_MIN)), TRY(time_of(request, "until", INT64_MAX))};
        std::string path;
        for (const auto& [name, cell] : request.arguments) {
            const auto* const text = std::get_if<std::string>(&cell);
            if (name != "kinds" && name != "path") continue;
            if (text == nullptr) return Error{Code::invalid, "{}: expected a text", name};
            if (name == "path")
                path = *text;
            else
                query.kinds.push_back(*text);
        }
        if (shape_.name == "alarms") query.kinds = {"alarm"};
        TRY(places.narrow(path, query));
        return query;
    }

    const std::weak_ptr<Core> core_;
    sql::TableShape shape_;
};

}  // namespace

sql::Asker sql_asker(const std::shared_ptr<Core>& core, const registry::Principal& who, std::string_view door,
                     std::string purpose) {
    sql::Asker asker{.who = who};
    const std::weak_ptr<Core> weak = core;
    asker.sees = [weak, who](const registry::Resource& resource) {
        const auto alive = weak.lock();
        return alive && Sight{*alive, who}.sees(resource);
    };
    asker.let_out = [weak, who, door, purpose = std::move(purpose)](std::string_view what) -> Result<void> {
        const auto alive = weak.lock();
        if (!alive) return stopping();
        return alive->deps.egress.decide({who.actor.tenant, who.actor.who, door, what, 1, purpose, 0, 0});
    };
    return asker;
}

void add_sql_tables(const std::shared_ptr<Core>& core) {
    for (const char* const name : {"intervals", "alarms"})
        core->deps.sql->add_table(std::make_unique<IntervalTable>(core, name));
}

}  // namespace gongshu::api
