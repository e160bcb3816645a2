#include "registry/scram.h"

#include <algorithm>

#include "base/log.h"
#include "io/pbkdf2.h"

namespace gongshu::registry {

namespace {

constexpr std::size_t kSaltBytes = 16;

std::string salt_of(const io::Digest256& auth_key) {
    const io::Digest256 bytes = io::hmac_sha256(auth_key, as_bytes("scram salt"));
    return std::string(as_text(Bytes(bytes)).substr(0, kSaltBytes));
}

Buffer joined(const ScramKeys& keys) {
    Buffer out(keys.stored.begin(), keys.stored.end());
    out.insert(out.end(), keys.server.begin(), keys.server.end());
    return out;
}

Result<ScramKeys> opened(const io::Digest256& key, const StoredScram& stored) {
    const Buffer sealed = TRY(io::from_base64(stored.sealed));
    const Buffer plain = TRY(io::open_sealed(key, sealed, "scram:" + stored.owner.uid));
    ScramKeys out;
    if (plain.size() != out.stored.size() + out.server.size())
        return Error{Code::corrupt, "the proof of a token has {} bytes", plain.size()};
    std::copy_n(plain.begin(), out.stored.size(), out.stored.begin());
    std::copy_n(plain.begin() + out.stored.size(), out.server.size(), out.server.begin());
    return out;
}

}  // namespace

ScramTokens::ScramTokens(const io::Digest256& auth_key, const std::vector<StoredScram>& stored)
    : terms_{.salt = salt_of(auth_key)}, seal_key_(io::hmac_sha256(auth_key, as_bytes("scram seal"))) {
    auto entries = std::make_shared<Entries>();
    for (const StoredScram& one : stored) {
        const auto keys = opened(seal_key_, one);
        if (keys)
            entries->push_back({one.owner, *keys});
        else
            log_warning("registry", "the token {} signs in no more by SCRAM, issue it anew: {}", one.owner.uid,
                        keys.error().text());
    }
    entries_ = std::move(entries);
}

// SaltedPassword, ClientKey, StoredKey, ServerKey of RFC 5802 §3. A token is printable ASCII: SASLprep changes nothing.
ScramKeys ScramTokens::keys_of(std::string_view secret) const {
    const io::Digest256 salted = io::pbkdf2_sha256(as_bytes(secret), as_bytes(terms_.salt), terms_.turns);
    return {io::sha256(io::hmac_sha256(salted, as_bytes("Client Key"))),
            io::hmac_sha256(salted, as_bytes("Server Key"))};
}

std::string ScramTokens::sealed(const std::string& uid, const ScramKeys& keys) const {
    return io::base64(io::seal(seal_key_, joined(keys), "scram:" + uid));
}

void ScramTokens::put(const Owner& owner, const ScramKeys& keys) {
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<Entries>(*entries_);
    std::erase_if(*next, [&](const Entry& entry) { return entry.owner == owner; });
    next->push_back({owner, keys});
    entries_ = std::move(next);
}

void ScramTokens::erase(const Owner& owner) {
    const std::lock_guard lock(mutex_);
    if (std::ranges::none_of(*entries_, [&](const Entry& entry) { return entry.owner == owner; })) return;
    auto next = std::make_shared<Entries>(*entries_);
    std::erase_if(*next, [&](const Entry& entry) { return entry.owner == owner; });
    entries_ = std::move(next);
}

std::optional<ScramTokens::Found> ScramTokens::find(std::string_view message, std::string_view proof) const {
    io::Digest256 client;
    if (proof.size() != client.size()) return std::nullopt;
    std::shared_ptr<const Entries> entries;
    {
        const std::lock_guard lock(mutex_);
        entries = entries_;
    }
    for (const Entry& entry : *entries) {
        // ClientKey = ClientProof xor HMAC(StoredKey, AuthMessage), and StoredKey is its hash.
        client = io::hmac_sha256(entry.keys.stored, as_bytes(message));
        for (std::size_t i = 0; i < client.size(); ++i) client[i] ^= static_cast<std::uint8_t>(proof[i]);
        if (!io::equal_constant_time(io::sha256(client), entry.keys.stored)) continue;
        const io::Digest256 signature = io::hmac_sha256(entry.keys.server, as_bytes(message));
        return Found{entry.owner, std::string(as_text(Bytes(signature)))};
    }
    return std::nullopt;
}

}  // namespace gongshu::registry
