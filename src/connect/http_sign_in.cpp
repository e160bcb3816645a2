#include "connect/http_sign_in.h"

#include <fmt/format.h>

#include "io/crypto.h"
#include "wire/http_challenge.h"
#include "wire/http_json.h"

namespace gongshu::connect {

namespace {

// A text in quotes (RFC 9110 §5.6.4); what would end the header is left out.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) >= ' ') out += c;
    }
    return out + "\"";
}

std::string host_header(const LinkConfig& config) {
    const std::uint16_t usual = config.http.secure ? 443 : 80;
    return config.port == usual ? config.host : fmt::format("{}:{}", config.host, config.port);
}

}  // namespace

HttpSignIn::HttpSignIn(const LinkConfig& config)
    : host_(host_header(config)), user_(config.http.user), password_(config.http.password) {}

std::string HttpSignIn::get(std::string_view target, std::string_view accept) {
    return wire::http_json::get_request(host_, target, accept, authorization(target));
}

std::string HttpSignIn::authorization(std::string_view target) {
    if (way_ == Way::digest) return digest(target);
    if (way_ == Way::basic) return "Basic " + io::base64(as_bytes(user_ + ":" + password_));
    return {};
}

// RFC 7616 §3.4: the hash of HA1, the nonce, what makes the question another one each time, and HA2.
std::string HttpSignIn::digest(std::string_view target) {
    const auto hash = [this](const std::string& text) {
        return is_sha256_ ? to_hex(io::sha256(as_bytes(text))) : to_hex(io::md5(as_bytes(text)));
    };
    const std::string who = hash(fmt::format("{}:{}:{}", user_, realm_, password_));
    const std::string what = hash(fmt::format("GET:{}", target));
    std::string out = fmt::format("Digest username={}, realm={}, nonce={}, uri={}", quoted(user_), quoted(realm_),
                                  quoted(nonce_), quoted(target));
    if (!algorithm_.empty()) out += ", algorithm=" + algorithm_;
    if (has_qop_) {
        const std::string count = fmt::format("{:08x}", ++count_), ours = io::random_token().substr(0, 16);
        out += fmt::format(", qop=auth, nc={}, cnonce=\"{}\", response=\"{}\"", count, ours,
                           hash(fmt::format("{}:{}:{}:{}:auth:{}", who, nonce_, count, ours, what)));
    } else {
        out += fmt::format(", response=\"{}\"", hash(fmt::format("{}:{}:{}", who, nonce_, what)));
    }
    if (!opaque_.empty()) out += ", opaque=" + quoted(opaque_);
    return out;
}

bool HttpSignIn::learn(const wire::HttpResponse& answer) {
    if (answer.status != 401) return false;
    const bool was_tried = has_tried_;
    const bool was_signed = way_ != Way::none;
    const std::string nonce = nonce_;
    if (user_.empty() || !take(answer)) return false;
    has_tried_ = true;
    // Asking again is of use where the question was not signed, or was signed with a nonce that has run out.
    return !was_tried && (!was_signed || nonce_ != nonce);
}

bool HttpSignIn::take(const wire::HttpResponse& answer) {
    Way best = Way::none;
    for (const wire::HttpHeader& header : answer.headers) {
        if (header.name != "www-authenticate") continue;
        for (const wire::HttpChallenge& one : wire::parse_challenges(header.value)) {
            if (one.scheme == "basic" && best == Way::none) best = Way::basic;
            if (one.scheme != "digest") continue;
            const std::string_view algorithm = one.value("algorithm"), qop = one.value("qop");
            const bool sha256 = wire::names_word(algorithm, "sha-256");
            const bool known = sha256 || algorithm.empty() || wire::names_word(algorithm, "md5");
            const bool signable = qop.empty() || wire::names_word(qop, "auth");
            if (!known || !signable || one.value("nonce").empty()) continue;
            if (best == Way::digest && (is_sha256_ || !sha256)) continue;  // the first one, or the stronger one
            best = Way::digest;
            is_sha256_ = sha256;
            has_qop_ = !qop.empty();
            if (nonce_ != one.value("nonce")) count_ = 0;
            realm_ = one.value("realm");
            nonce_ = one.value("nonce");
            opaque_ = one.value("opaque");
            algorithm_ = algorithm;
        }
    }
    is_unknown_ = best == Way::none;
    if (best != Way::digest) nonce_.clear();
    way_ = best;
    return best != Way::none;
}

std::string_view HttpSignIn::why_not(int status) const {
    if (status != 401) return "";
    if (user_.empty()) return ": it wants a user name and password";
    if (is_unknown_) return ": it offers neither Digest with SHA-256 or MD5 nor Basic to sign in by";
    return ": user name or password is wrong";
}

}  // namespace gongshu::connect
