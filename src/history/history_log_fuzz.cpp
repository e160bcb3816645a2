// A log file of any bytes: read without a crash, and what is read is written again as the same.
#include <cstdlib>

#include "history/log.h"

using namespace gongshu;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const Bytes input{data, bytes};
    const auto ignore = [](history::Record) -> Result<void> { return {}; };
    if (const auto file = history::read_log_file(input, "fuzz", ignore); file && file->good_bytes > bytes) std::abort();
    // Past the checksums, which random bytes do not meet: kind and payload of a record.
    if (bytes == 0) return 0;
    const auto record = history::decode_record(data[0], input.subspan(1));
    if (!record) return 0;
    if (const auto* rows = std::get_if<history::RowsRecord>(&*record)) {
        Buffer again;
        history::encode_rows(rows->shard, rows->first_sequence, rows->rows, again);
        const auto same = history::decode_record(data[0], again);
        if (!same || std::get<history::RowsRecord>(*same).rows.size() != rows->rows.size()) std::abort();
    }
    if (const auto* tuples = std::get_if<history::TuplesRecord>(&*record)) {
        Buffer again;
        history::encode_tuples(tuples->shard, tuples->first_sequence, tuples->tuples, 0, tuples->tuples.size(), again);
        const auto same = history::decode_record(data[0], again);
        if (!same || std::get<history::TuplesRecord>(*same).tuples.readings() != tuples->tuples.readings())
            std::abort();
    }
    if (const auto* columns = std::get_if<history::ColumnsRecord>(&*record)) {
        Buffer again;
        history::encode_columns(columns->shard, columns->first_sequence, columns->columns, 0, columns->columns.size(),
                                again);
        const auto same = history::decode_record(data[0], again);
        if (!same || std::get<history::ColumnsRecord>(*same).columns.readings() != columns->columns.readings())
            std::abort();
    }
    return 0;
}
