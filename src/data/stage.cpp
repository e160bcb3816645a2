#include "data/stage.h"

#include "data/columns.h"
#include "data/tuples.h"

namespace gongshu {

void Stage::on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) {
    on_rows(shard, tuples.rows(begin, end));
}

void Stage::on_columns(ShardId shard, const Columns& columns, std::size_t begin, std::size_t end) {
    on_rows(shard, columns.rows(begin, end));
}

}  // namespace gongshu
