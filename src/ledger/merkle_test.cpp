// The tree against the vectors of Certificate Transparency and against a dull one that computes every root anew.
#include "ledger/merkle.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gongshu::ledger {
namespace {

Buffer from_hex(std::string_view hex) {
    Buffer bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

// RFC 6962, 2.1, word for word.
Digest dull_root(HashKind hash, std::span<const Digest> leaves) {
    if (leaves.empty()) return empty_root(hash);
    if (leaves.size() == 1) return leaves[0];
    std::size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    return node_hash(hash, dull_root(hash, leaves.first(k)), dull_root(hash, leaves.subspan(k)));
}

Digest some_leaf(HashKind hash, std::uint64_t n) { return leaf_hash(hash, as_bytes(std::to_string(n))); }

// A tree and the leaves it reads back; counts how many.
struct Planted {
    explicit Planted(HashKind hash, std::uint64_t count) : tree(hash) {
        for (std::uint64_t n = 0; n < count; ++n) add();
    }
    void add() {
        leaves.push_back(some_leaf(tree.hash(), leaves.size()));
        tree.append(leaves.back());
    }
    ReadLeaves read = [this](std::uint64_t first, std::span<Digest> into) -> Result<void> {
        EXPECT_LE(first + into.size(), leaves.size());
        std::copy_n(leaves.begin() + static_cast<std::ptrdiff_t>(first), into.size(), into.begin());
        leaves_read += into.size();
        return {};
    };
    std::span<const Digest> first(std::uint64_t count) const { return std::span(leaves).first(count); }

    MerkleTree tree;
    std::vector<Digest> leaves;
    std::uint64_t leaves_read = 0;
};

TEST(Merkle, RootsOfCertificateTransparency) {
    // The leaves and roots of that project's reference implementation, with SHA-256.
    const std::pair<const char*, const char*> cases[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
        {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
        {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
        {"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
        {"606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};
    MerkleTree tree{HashKind::sha256};
    EXPECT_EQ(to_hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (const auto& [leaf, root] : cases) {
        tree.append(leaf_hash(HashKind::sha256, from_hex(leaf)));
        EXPECT_EQ(to_hex(tree.root()), root) << tree.size();
    }
}

TEST(Merkle, RootsAreThoseOfTheDullTree) {
    for (const HashKind hash : {HashKind::sha256, HashKind::sm3}) {
        Planted planted{hash, 0};
        const std::uint64_t block = MerkleTree::kBlockLeaves;
        for (std::uint64_t n = 0; n <= block * 5 + 3; ++n) {
            const bool looked_at = n < 20 || n % block < 3 || n % block > block - 3 || n % 97 == 0;
            if (looked_at) {
                EXPECT_EQ(planted.tree.root(), dull_root(hash, planted.leaves)) << n;
                const std::uint64_t then = n / 2 + n / 3;
                EXPECT_EQ(planted.tree.root_at(then, planted.read).value(), dull_root(hash, planted.first(then))) << n;
            }
            planted.add();
        }
    }
}

TEST(Merkle, ProofsHoldAndNoOtherDoes) {
    Rng rng{20261121};
    for (int round = 0; round < 300; ++round) {
        const HashKind hash = round % 2 == 0 ? HashKind::sha256 : HashKind::sm3;
        const std::uint64_t count = round < 40 ? static_cast<std::uint64_t>(round) + 1 : 1 + rng.below(1500);
        Planted planted{hash, count};
        const std::uint64_t size = 1 + rng.below(count), index = rng.below(size), from = rng.below(size + 1);
        const Digest root = dull_root(hash, planted.first(size)), old_root = dull_root(hash, planted.first(from));
        auto path = planted.tree.inclusion(index, size, planted.read).value();
        const std::string what = fmt::format("{} of {} ({}), from {}", index, size, count, from);
        EXPECT_TRUE(verify_inclusion(hash, planted.leaves[index], index, size, path, root)) << what;
        EXPECT_LE(planted.leaves_read, 2 * MerkleTree::kBlockLeaves) << what;
        auto shown = planted.tree.consistency(from, size, planted.read).value();
        EXPECT_TRUE(verify_consistency(hash, from, size, shown, old_root, root)) << what;

        // Whatever is changed in them is found.
        const auto inclusion_holds = [&] {
            return verify_inclusion(hash, planted.leaves[index], index, size, path, root);
        };
        const auto consistency_holds = [&] { return verify_consistency(hash, from, size, shown, old_root, root); };
        for (auto* proof : {&path, &shown}) {
            const auto holds = [&] { return proof == &path ? inclusion_holds() : consistency_holds(); };
            if (!proof->empty()) {
                Digest& one = (*proof)[rng.below(proof->size())];
                one[rng.below(32)] ^= 1;
                EXPECT_FALSE(holds()) << what;
                *proof = proof == &path ? planted.tree.inclusion(index, size, planted.read).value()
                                        : planted.tree.consistency(from, size, planted.read).value();
                const Digest last = proof->back();
                proof->pop_back();
                EXPECT_FALSE(holds()) << what;
                proof->push_back(last);
            }
            proof->push_back(root);
            EXPECT_FALSE(holds()) << what;
            proof->pop_back();
        }
        if (size > 1) {
            EXPECT_FALSE(verify_inclusion(hash, planted.leaves[index], (index + 1) % size, size, path, root)) << what;
        }
        EXPECT_FALSE(verify_inclusion(hash, planted.leaves[index], size, size, path, root)) << what;
    }
}

TEST(Merkle, ATreeThatWasRewrittenIsNotConsistent) {
    const HashKind hash = HashKind::sha256;
    Planted first{hash, 700};
    const Digest before = first.tree.root();
    MerkleTree other{hash};
    std::vector<Digest> leaves = first.leaves;
    leaves[123][0] ^= 1;
    for (std::uint64_t n = 0; n < 1000; ++n) {
        if (n >= leaves.size()) leaves.push_back(some_leaf(hash, n));
        other.append(leaves[n]);
    }
    const ReadLeaves read = [&](std::uint64_t from, std::span<Digest> into) -> Result<void> {
        std::copy_n(leaves.begin() + static_cast<std::ptrdiff_t>(from), into.size(), into.begin());
        return {};
    };
    const auto path = other.consistency(700, 1000, read).value();
    EXPECT_FALSE(verify_consistency(hash, 700, 1000, path, before, other.root()));
}

TEST(Merkle, WhatIsNotThereIsRefused) {
    Planted planted{HashKind::sha256, 10};
    EXPECT_EQ(planted.tree.root_at(11, planted.read).error().text(), "there are 10 entries, not 11");
    EXPECT_EQ(planted.tree.inclusion(5, 5, planted.read).error().text(), "entry 5 is not among the first 5");
    EXPECT_EQ(planted.tree.inclusion(5, 11, planted.read).error().text(), "there are 10 entries, not 11");
    EXPECT_EQ(planted.tree.consistency(6, 5, planted.read).error().text(), "6 entries cannot be a beginning of 5");
    EXPECT_EQ(parse_hash("md5").error().text(), "expected the hash sha256 or sm3, found \"md5\"");
    EXPECT_EQ(parse_hash("sm3").value(), HashKind::sm3);
}

}  // namespace
}  // namespace gongshu::ledger
