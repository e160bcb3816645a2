#include "wire/scram.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64.h"
#include "base/bytes.h"

namespace gongshu::wire {

namespace {

constexpr std::size_t kProofBytes = 32;
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The value of "x=…" up to the next comma, which is taken off too.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
    if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view value = rest.substr(2, end - 2);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return value;
}

bool is_nonce(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

// The proof's 44 characters as its 32 bytes.
std::optional<std::string> read_proof(std::string_view text) {
    if (text.size() != 44 || text.back() != '=') return std::nullopt;
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text.substr(0, 43)) {
        const std::size_t value = kAlphabet.find(c);
        if (value == kAlphabet.npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xFF);
    }
    if (out.size() != kProofBytes) return std::nullopt;
    return out;
}

Error wrong(std::string_view what) {
    return Error{Code::malformed, "the SCRAM message of the client is none: {}", what};
}

}  // namespace

Result<std::string> ScramServer::first(std::string_view client_first, std::string_view nonce, std::string_view salt,
                                       std::uint32_t iterations) {
    if (client_first.size() > kMessageBytesMax) return wrong("it is too long");
    if (client_first.starts_with("p="))
        return Error{Code::unsupported, "channel binding is not offered here: sign in with SCRAM-SHA-256"};
    if (!client_first.starts_with("n,") && !client_first.starts_with("y,")) return wrong("its first letter");
    const std::size_t end = client_first.find(',', 2);
    if (end == client_first.npos) return wrong("its header does not end");
    if (end != 2) return Error{Code::unsupported, "nobody signs in for somebody else here"};
    header_ = client_first.substr(0, 3);
    bare_ = client_first.substr(3);
    std::string_view rest = bare_;
    if (rest.starts_with("m="))
        return Error{Code::unsupported, "the client wants an extension of SCRAM that is not known here"};
    if (!take_attribute(rest, 'n')) return wrong("the user is missing");
    const auto theirs = take_attribute(rest, 'r');
    if (!theirs || !is_nonce(*theirs)) return wrong("its nonce");
    nonce_ = std::string(*theirs) + std::string(nonce);
    first_ = fmt::format("r={},s={},i={}", nonce_, encode_base64(as_bytes(salt)), iterations);
    return first_;
}

Result<ScramProof> ScramServer::final(std::string_view client_final) const {
    if (client_final.size() > kMessageBytesMax) return wrong("it is too long");
    const std::size_t proof_at = client_final.rfind(",p=");
    if (proof_at == client_final.npos) return wrong("the proof is missing");
    const std::string_view unsigned_part = client_final.substr(0, proof_at);
    std::string_view rest = unsigned_part;
    const auto binding = take_attribute(rest, 'c');
    if (!binding || *binding != encode_base64(as_bytes(header_))) return wrong("its header has changed");
    const auto nonce = take_attribute(rest, 'r');
    if (!nonce || *nonce != nonce_) return wrong("the nonce is another one");
    auto proof = read_proof(client_final.substr(proof_at + 3));
    if (!proof) return wrong("the proof");
    return ScramProof{fmt::format("{},{},{}", bare_, first_, unsigned_part), std::move(*proof)};
}

std::string scram_final(std::string_view signature) { return "v=" + encode_base64(as_bytes(signature)); }

}  // namespace gongshu::wire
