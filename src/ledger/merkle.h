#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace gongshu::ledger {

using Digest = std::array<std::uint8_t, 32>;

enum class HashKind : std::uint8_t { sha256 = 1, sm3 = 2 };  // on disk: never renumber
std::string_view to_string(HashKind hash);
Result<HashKind> parse_hash(std::string_view text);
Digest hash_of(HashKind hash, Bytes bytes);

// The hashes of a Merkle tree as in RFC 6962, 2.1: a leaf is H(0x00 | data), a node H(0x01 | left | right), so that no
// leaf can be passed off as a node.
Digest leaf_hash(HashKind hash, Bytes data);
Digest node_hash(HashKind hash, const Digest& left, const Digest& right);
Digest empty_root(HashKind hash);  // H of nothing

// Gives the hashes of `into.size()` leaves from leaf number `first` on.
using ReadLeaves = std::function<Result<void>(std::uint64_t first, std::span<Digest> into)>;

// The tree over a list of leaves that only grows. It keeps the roots of full blocks of kBlockLeaves leaves and what is
// above them, and reads the leaves below again when a proof needs them.
// Threads: appends from one at a time; const calls from any, but not while one appends.
// Bounds:  64 bytes of memory for each kBlockLeaves leaves; a proof reads at most 2 * kBlockLeaves leaves.
class MerkleTree {
public:
    static constexpr std::uint64_t kBlockLeaves = 256;

    explicit MerkleTree(HashKind hash) : hash_(hash) {}

    void append(const Digest& leaf);
    std::uint64_t size() const { return size_; }
    HashKind hash() const { return hash_; }
    Digest root() const;  // of all leaves, from memory

    // The root when there were `size` leaves. `size` at most size(), else Code::invalid.
    Result<Digest> root_at(std::uint64_t size, const ReadLeaves& read) const;
    // The path from leaf `index` to the root of the first `size` leaves, lowest first (RFC 6962, 2.1.1).
    Result<std::vector<Digest>> inclusion(std::uint64_t index, std::uint64_t size, const ReadLeaves& read) const;
    // What shows that the first `from` leaves are a beginning of the first `to` (RFC 6962, 2.1.2); empty if from is 0
    // or equals to.
    Result<std::vector<Digest>> consistency(std::uint64_t from, std::uint64_t to, const ReadLeaves& read) const;

private:
    Result<Digest> range(std::uint64_t begin, std::uint64_t end, const ReadLeaves& read) const;
    Result<void> prove(std::uint64_t begin, std::uint64_t end, std::uint64_t from, bool whole, const ReadLeaves& read,
                       std::vector<Digest>& path) const;

    HashKind hash_;
    std::uint64_t size_ = 0;
    std::vector<Digest> tail_;                 // the leaves after the last full block
    std::vector<std::vector<Digest>> levels_;  // [k]: roots of full blocks of kBlockLeaves << k leaves
};

// The other side: needs no ledger, only what was handed out.
bool verify_inclusion(HashKind hash, const Digest& leaf, std::uint64_t index, std::uint64_t size,
                      std::span<const Digest> path, const Digest& root);
bool verify_consistency(HashKind hash, std::uint64_t from, std::uint64_t to, std::span<const Digest> path,
                        const Digest& from_root, const Digest& to_root);

}  // namespace gongshu::ledger
