#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/crypto.h"
#include "registry/auth_tables.h"
#include "registry/scram_auth.h"

namespace gongshu::registry {

// StoredKey and ServerKey of RFC 5802 §3.
struct ScramKeys {
    io::Digest256 stored{}, server{};
};

// ScramTokens tells which token a SCRAM proof is of, among all there are.
// Lives: in Auth.   Threads: any.   Bounds: one entry a token; find() costs about 2 us for each.   Disk: none; what is
// stored is sealed with a key that comes from that of all HMACs, so a copy of the tables alone signs nobody in.
class ScramTokens {
public:
    // What cannot be opened any more is left out and said in the log.
    ScramTokens(const io::Digest256& auth_key, const std::vector<StoredScram>& stored);

    ScramTerms terms() const { return terms_; }
    ScramKeys keys_of(std::string_view secret) const;
    std::string sealed(const std::string& uid, const ScramKeys& keys) const;

    void put(const Owner& owner, const ScramKeys& keys);
    void erase(const Owner& owner);

    struct Found {
        Owner owner;
        std::string signature;
    };
    std::optional<Found> find(std::string_view message, std::string_view proof) const;

private:
    struct Entry {
        Owner owner;
        ScramKeys keys;
    };
    using Entries = std::vector<Entry>;

    // Constant.
    ScramTerms terms_;
    const io::Digest256 seal_key_;
    // Replaced whole, never edited.
    mutable std::mutex mutex_;
    std::shared_ptr<const Entries> entries_;
};

}  // namespace gongshu::registry
