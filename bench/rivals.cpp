#include "bench/rival.h"

namespace gongshu::bench {
namespace {

constexpr RivalKind kKinds[] = {
    {"clickhouse", Way::columns,
     "it is in files of the server, which the system has not yet written: a power cut loses them",
     "it has no setting to sync what is inserted", start_clickhouse},
    {"duckdb", Way::columns,
     "it is in the file's log, and that is synced to the disk; the library runs in the load's own process",
     "it syncs every transaction as it comes", start_duckdb},
    {"influxdb", Way::lines, "it is in the server's log, and that is synced to the disk; it is seen at once",
     "it syncs every write as it comes (wal-fsync-delay)", start_influx},
    {"postgresql", Way::columns, "it is in the server's log, and that is synced to the disk; it is seen at once",
     "it syncs every transaction as it comes (fsync, synchronous_commit)", start_postgres},
    {"victoria-metrics", Way::lines,
     "it is in the memory of the server; it is searched within 2 s and on disk within 5 s: a crash loses what came "
     "since",
     "it has no log and no setting to sync what is written", start_victoria},
};

}  // namespace

std::span<const RivalKind> rival_kinds() { return kKinds; }

std::string rival_names() {
    std::string names;
    for (const RivalKind& kind : kKinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
    return names;
}

}  // namespace gongshu::bench
