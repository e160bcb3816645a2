#include "ledger/merkle.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "io/crypto.h"
#include "io/signing.h"

namespace gongshu::ledger {
namespace {

// The greatest power of two that is less than `count`, which is at least 2: where RFC 6962 splits.
std::uint64_t split_of(std::uint64_t count) { return std::bit_floor(count - 1); }

Digest root_of(HashKind hash, std::span<const Digest> leaves) {
    if (leaves.empty()) return empty_root(hash);
    if (leaves.size() == 1) return leaves.front();
    const std::size_t left = split_of(leaves.size());
    return node_hash(hash, root_of(hash, leaves.first(left)), root_of(hash, leaves.subspan(left)));
}

}  // namespace

std::string_view to_string(HashKind hash) { return hash == HashKind::sm3 ? "sm3" : "sha256"; }

Result<HashKind> parse_hash(std::string_view text) {
    for (const HashKind hash : {HashKind::sha256, HashKind::sm3})
        if (text == to_string(hash)) return hash;
    return Error{Code::invalid, "expected the hash sha256 or sm3, found \"{}\"", text.substr(0, 40)};
}

Digest hash_of(HashKind hash, Bytes bytes) { return hash == HashKind::sm3 ? io::sm3(bytes) : io::sha256(bytes); }

Digest leaf_hash(HashKind hash, Bytes data) {
    Buffer bytes(1, 0x00);
    bytes.insert(bytes.end(), data.begin(), data.end());
    return hash_of(hash, bytes);
}

Digest node_hash(HashKind hash, const Digest& left, const Digest& right) {
    std::array<std::uint8_t, 65> bytes;
    bytes[0] = 0x01;
    std::ranges::copy(left, bytes.begin() + 1);
    std::ranges::copy(right, bytes.begin() + 33);
    return hash_of(hash, bytes);
}

Digest empty_root(HashKind hash) { return hash_of(hash, {}); }

void MerkleTree::append(const Digest& leaf) {
    tail_.push_back(leaf);
    ++size_;
    if (tail_.size() < kBlockLeaves) return;
    Digest root = root_of(hash_, tail_);
    tail_.clear();
    for (std::size_t k = 0;; ++k) {
        if (k == levels_.size()) levels_.emplace_back();
        levels_[k].push_back(root);
        const std::size_t there = levels_[k].size();
        if (there % 2 != 0) return;
        root = node_hash(hash_, levels_[k][there - 2], levels_[k][there - 1]);
    }
}

Digest MerkleTree::root() const {
    const ReadLeaves from_tail = [this](std::uint64_t first, std::span<Digest> into) -> Result<void> {
        const std::uint64_t full = size_ - tail_.size();
        ASSERT(first >= full && first - full + into.size() <= tail_.size());
        std::copy_n(tail_.begin() + static_cast<std::ptrdiff_t>(first - full), into.size(), into.begin());
        return {};
    };
    return range(0, size_, from_tail).value();
}

Result<Digest> MerkleTree::range(std::uint64_t begin, std::uint64_t end, const ReadLeaves& read) const {
    ASSERT(begin <= end && end <= size_);
    const std::uint64_t count = end - begin;
    if (count == 0) return empty_root(hash_);
    if (count >= kBlockLeaves && std::has_single_bit(count)) {
        // All ranges that the recursions below make begin at a multiple of their length if it is a power of two.
        ASSERT(begin % count == 0);
        const auto level = static_cast<std::size_t>(std::countr_zero(count / kBlockLeaves));
        return levels_[level][begin / count];
    }
    if (count <= kBlockLeaves) {
        std::vector<Digest> leaves(count);
        TRY(read(begin, leaves));
        return root_of(hash_, leaves);
    }
    const std::uint64_t middle = begin + split_of(count);
    const Digest left = TRY(range(begin, middle, read));
    return node_hash(hash_, left, TRY(range(middle, end, read)));
}

Result<Digest> MerkleTree::root_at(std::uint64_t size, const ReadLeaves& read) const {
    if (size > size_) return Error{Code::invalid, "there are {} entries, not {}", size_, size};
    return range(0, size, read);
}

Result<std::vector<Digest>> MerkleTree::inclusion(std::uint64_t index, std::uint64_t size,
                                                  const ReadLeaves& read) const {
    if (size > size_) return Error{Code::invalid, "there are {} entries, not {}", size_, size};
    if (index >= size) return Error{Code::invalid, "entry {} is not among the first {}", index, size};
    std::vector<Digest> path;
    std::uint64_t begin = 0, end = size;
    while (end - begin > 1) {
        const std::uint64_t middle = begin + split_of(end - begin);
        const bool is_left = index < middle;
        path.push_back(TRY(is_left ? range(middle, end, read) : range(begin, middle, read)));
        (is_left ? end : begin) = middle;
    }
    std::ranges::reverse(path);
    return path;
}

// SUBPROOF of RFC 6962, 2.1.2 over the leaves begin … end; `whole`: the root of the first `from` of them is known.
Result<void> MerkleTree::prove(std::uint64_t begin, std::uint64_t end, std::uint64_t from, bool whole,
                               const ReadLeaves& read, std::vector<Digest>& path) const {
    if (from == end - begin) {
        if (!whole) path.push_back(TRY(range(begin, end, read)));
        return {};
    }
    const std::uint64_t left = split_of(end - begin), middle = begin + left;
    if (from <= left) {
        TRY(prove(begin, middle, from, whole, read, path));
        path.push_back(TRY(range(middle, end, read)));
    } else {
        TRY(prove(middle, end, from - left, false, read, path));
        path.push_back(TRY(range(begin, middle, read)));
    }
    return {};
}

Result<std::vector<Digest>> MerkleTree::consistency(std::uint64_t from, std::uint64_t to,
                                                    const ReadLeaves& read) const {
    if (to > size_) return Error{Code::invalid, "there are {} entries, not {}", size_, to};
    if (from > to) return Error{Code::invalid, "{} entries cannot be a beginning of {}", from, to};
    std::vector<Digest> path;
    if (from > 0 && from < to) TRY(prove(0, to, from, true, read, path));
    return path;
}

// RFC 9162, 2.1.3.2
bool verify_inclusion(HashKind hash, const Digest& leaf, std::uint64_t index, std::uint64_t size,
                      std::span<const Digest> path, const Digest& root) {
    if (index >= size) return false;
    std::uint64_t at = index, last = size - 1;
    Digest made = leaf;
    for (const Digest& sibling : path) {
        if (last == 0) return false;
        if (at % 2 == 1 || at == last) {
            made = node_hash(hash, sibling, made);
            while (at % 2 == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            made = node_hash(hash, made, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && made == root;
}

// RFC 9162, 2.1.4.2
bool verify_consistency(HashKind hash, std::uint64_t from, std::uint64_t to, std::span<const Digest> path,
                        const Digest& from_root, const Digest& to_root) {
    if (from > to) return false;
    if (from == to) return path.empty() && from_root == to_root;
    if (from == 0) return path.empty() && from_root == empty_root(hash);
    const bool from_is_node = std::has_single_bit(from);
    if (!from_is_node && path.empty()) return false;
    std::uint64_t at = from - 1, last = to - 1;
    while (at % 2 == 1) {
        at >>= 1;
        last >>= 1;
    }
    Digest old_made = from_is_node ? from_root : path.front(), made = old_made;
    for (const Digest& sibling : path.subspan(from_is_node ? 0 : 1)) {
        if (last == 0) return false;
        if (at % 2 == 1 || at == last) {
            old_made = node_hash(hash, sibling, old_made);
            made = node_hash(hash, sibling, made);
            while (at % 2 == 0 && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            made = node_hash(hash, made, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && old_made == from_root && made == to_root;
}

}  // namespace gongshu::ledger
