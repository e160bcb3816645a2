#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/core.h"
#include "data/tuples.h"

namespace gongshu::api {

// Where the columns of a tenant's batches go, and which of them come together. An edge mostly sends the same columns in
// the same order: then a column is found by one comparison.
// Lives:   with Core, or taken out by the one request that uses it.
// Threads: one at a time.
// Bounds:  kColumnsMax columns and kBytesMax bytes, then it begins anew; kMemoriesMax of them lie in Core.
// Disk:    none.
class ColumnMemory {
public:
    static constexpr std::size_t kMemoriesMax = 8;
    static constexpr std::size_t kColumnsMax = 1 << 15;
    static constexpr std::uint64_t kBytesMax = 16 << 20;

    // The tenant's, or an empty one; nothing is in it that was found before devices changed.
    static std::unique_ptr<ColumnMemory> take(Core& core, TenantId tenant);
    // For the next request.
    static void give_back(Core& core, std::unique_ptr<ColumnMemory> memory);

    // Null if it is not known. Good until the next learn().
    const Target* find(std::string_view path);
    void learn(std::string_view path, const Target& target);
    // The one that an earlier batch had of these tags, or a new one.
    TupleShapePtr shape(const std::vector<TagId>& tags, const std::vector<ValueType>& types);
    // About what it takes from the heap.
    std::uint64_t bytes() const { return bytes_; }

private:
    void clear();

    TenantId tenant_;
    std::uint64_t generation_ = 0;
    std::vector<std::pair<std::string, Target>> columns_;  // in the order in which they came first
    std::size_t next_ = 0;                                 // which one is expected
    std::unordered_map<std::string, std::size_t> by_path_;
    std::unordered_map<TagId, TupleShapePtr> shapes_;  // by the first tag
    std::uint64_t bytes_ = 0;
};

}  // namespace gongshu::api
