#include "data/stage.h"

#include "data/tuples.h"

namespace gongshu {

void Stage::on_tuples(ShardId shard, const Tuples& tuples, std::size_t begin, std::size_t end) {
    on_rows(shard, tuples.rows(begin, end));
}

}  // namespace gongshu
