#include "io/tls.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "io/crypto.h"
#include "io/detail/openssl.h"
#include "io/detail/tls_connection.h"

namespace gongshu::io {

namespace detail {

std::string openssl_reason() {
    const auto number = ERR_get_error();
    ERR_clear_error();
    if (number == 0) return "no reason given";
    const char* const reason = ERR_reason_error_string(number);
    return reason != nullptr ? reason : fmt::format("error {:#x}", number);
}

BioPtr read_bio(std::string_view text) {
    BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    ASSERT(bio);
    return bio;
}

std::string bio_text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(std::max(size, 0l))};
}

std::string fingerprint_of(const X509* certificate) {
    std::array<std::uint8_t, 32> digest{};
    unsigned int bytes = 0;
    ASSERT(X509_digest(certificate, EVP_sha256(), digest.data(), &bytes) == 1 && bytes == digest.size());
    return to_hex(digest);
}

}  // namespace detail

namespace {

using namespace detail;

constexpr int kAuthorityDays = 3'652;
constexpr int kServerDaysMax = 825;  // what browsers and phones still accept
constexpr TimeNs kClockTolerance = kHour;

Error tls_error(std::string_view what) { return Error{Code::invalid, "{}: {}", what, openssl_reason()}; }

bool set_validity(X509* certificate, TimeNs now, int days) {
    const auto begin = static_cast<time_t>((now - kClockTolerance) / kSecond);
    const auto end = static_cast<time_t>(now / kSecond) + static_cast<time_t>(days) * 86'400;
    return ASN1_TIME_set(X509_getm_notBefore(certificate), begin) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), end) != nullptr;
}

bool set_serial(X509* certificate) {
    std::uint8_t bytes[16];
    random_bytes(bytes);
    bytes[0] &= 0x7f;  // positive
    BIGNUM* const number = BN_bin2bn(bytes, sizeof bytes, nullptr);
    const bool ok = number != nullptr && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
    BN_free(number);
    return ok;
}

bool set_name(X509_NAME* name, const std::string& common_name) {
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    const bool ok = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

// Built as objects, not as OpenSSL's configuration text, in which a comma in a name would begin another name.
bool add_alternative_names(X509* certificate, const std::vector<std::string>& names) {
    const NamesPtr list(GENERAL_NAMES_new());
    for (const auto& text : names) {
        GENERAL_NAME* const name = GENERAL_NAME_new();
        if (ASN1_OCTET_STRING* const ip = a2i_IPADDRESS(text.c_str())) {
            GENERAL_NAME_set0_value(name, GEN_IPADD, ip);
        } else {
            ASN1_IA5STRING* const dns = ASN1_IA5STRING_new();
            ASN1_STRING_set(dns, text.data(), static_cast<int>(text.size()));
            GENERAL_NAME_set0_value(name, GEN_DNS, dns);
        }
        sk_GENERAL_NAME_push(list.get(), name);
    }
    return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

CertificatePtr begin_certificate(EVP_PKEY* key, const std::string& common_name, TimeNs now, int days) {
    CertificatePtr certificate(X509_new());
    ASSERT(certificate);
    const bool ok = X509_set_version(certificate.get(), X509_VERSION_3) == 1 && set_serial(certificate.get()) &&
                    set_validity(certificate.get(), now, days) && X509_set_pubkey(certificate.get(), key) == 1 &&
                    set_name(X509_get_subject_name(certificate.get()), common_name);
    return ok ? std::move(certificate) : nullptr;
}

std::string pem_of(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    ASSERT(PEM_write_bio_X509(bio.get(), certificate) == 1);
    return bio_text(bio.get());
}

std::string pem_of(EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    ASSERT(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    return bio_text(bio.get());
}

CertificatePtr next_certificate(BIO* bio) { return CertificatePtr(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)); }

Result<KeyPtr> read_key(const std::string& pem) {
    const auto bio = read_bio(pem);
    // No prompt on the terminal for a key that is locked with a password: it is refused.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    if (!key) return tls_error("the private key cannot be read; a PEM key without a password is needed");
    return key;
}

Result<void> check_names(const std::vector<std::string>& names) {
    if (names.empty()) return Error{Code::invalid, "a server certificate needs at least one host name or IP address"};
    for (const auto& name : names) {
        const bool good = !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view(".-:*_").find(c) != std::string_view::npos;
        });
        if (!good) return Error{Code::invalid, "\"{}\" is neither a host name nor an IP address", name};
    }
    return {};
}

ContextPtr make_context(const SSL_METHOD* method) {
    ContextPtr context(SSL_CTX_new(method));
    ASSERT(context);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(context.get(),
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    return context;
}

ContextPtr make_client_context() {
    auto context = make_context(TLS_client_method());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), TlsConnection::verify, nullptr);
    return context;
}

}  // namespace

Result<Identity> make_certificate_authority(const std::string& common_name, TimeNs now) {
    ERR_clear_error();
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (!key) return tls_error("cannot make a key");
    const auto certificate = begin_certificate(key.get(), common_name, now, kAuthorityDays);
    if (!certificate) return tls_error("cannot make a certificate authority");
    X509* const self = certificate.get();
    const bool ok = X509_set_issuer_name(self, X509_get_subject_name(self)) == 1 &&
                    add_extension(self, self, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(self, self, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    add_extension(self, self, NID_subject_key_identifier, "hash") &&
                    X509_sign(self, key.get(), EVP_sha256()) > 0;
    if (!ok) return tls_error("cannot make a certificate authority");
    return Identity{pem_of(self), pem_of(key.get())};
}

std::string fingerprint_text(std::string_view hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); ++i) {
        if (i != 0 && i % 2 == 0) out += ':';
        out += static_cast<char>(hex[i] >= 'a' ? hex[i] - 'a' + 'A' : hex[i]);
    }
    return out;
}

Result<std::string> certificate_fingerprint(const std::string& pem) {
    ERR_clear_error();
    const auto certificate = next_certificate(read_bio(pem).get());
    if (!certificate) return tls_error("the certificate cannot be read");
    return fingerprint_text(fingerprint_of(certificate.get()));
}

Result<Identity> issue_server_certificate(const Identity& authority, const std::vector<std::string>& names, TimeNs now,
                                          int days) {
    ERR_clear_error();
    TRY(check_names(names));
    if (days < 1 || days > kServerDaysMax) {
        return Error{Code::invalid, "a server certificate may last 1 to {} days, not {}", kServerDaysMax, days};
    }
    const auto issuer = next_certificate(read_bio(authority.certificate_pem).get());
    if (!issuer) return tls_error("the certificate of the authority cannot be read");
    const auto issuer_key = TRY(read_key(authority.key_pem));
    const KeyPtr key(EVP_EC_gen("P-256"));
    if (!key) return tls_error("cannot make a key");
    const auto certificate = begin_certificate(key.get(), names.front().substr(0, 64), now, days);
    if (!certificate) return tls_error("cannot make a server certificate");
    X509* const leaf = certificate.get();
    const bool ok = X509_set_issuer_name(leaf, X509_get_subject_name(issuer.get())) == 1 &&
                    add_extension(leaf, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(leaf, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
                    add_extension(leaf, issuer.get(), NID_ext_key_usage, "serverAuth") &&
                    add_extension(leaf, issuer.get(), NID_subject_key_identifier, "hash") &&
                    add_extension(leaf, issuer.get(), NID_authority_key_identifier, "keyid") &&
                    add_alternative_names(leaf, names) && X509_sign(leaf, issuer_key.get(), EVP_sha256()) > 0;
    if (!ok) return tls_error("cannot make a server certificate");
    return Identity{pem_of(leaf) + authority.certificate_pem, pem_of(key.get())};
}

Result<std::shared_ptr<const TlsServer>> make_tls_server(const Identity& identity) {
    ERR_clear_error();
    auto context = make_context(TLS_server_method());
    const auto bio = read_bio(identity.certificate_pem);
    const auto leaf = next_certificate(bio.get());
    if (!leaf) return tls_error("the certificate cannot be read; a PEM certificate is needed");
    const auto key = TRY(read_key(identity.key_pem));
    if (SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1 || SSL_CTX_check_private_key(context.get()) != 1) {
        return tls_error("the certificate and its key do not fit");
    }
    while (const auto issuer = next_certificate(bio.get())) {
        if (SSL_CTX_add1_chain_cert(context.get(), issuer.get()) != 1)
            return tls_error("an issuer's certificate is refused");
    }
    ERR_clear_error();  // the end of the list is an error to OpenSSL
    return std::make_shared<const TlsServer>(std::move(context));
}

Result<std::shared_ptr<const TlsClient>> make_tls_client(const std::string& authority_pem) {
    ERR_clear_error();
    auto context = make_client_context();
    if (authority_pem.empty()) {
        if (SSL_CTX_set_default_verify_paths(context.get()) != 1)
            return tls_error("the system's authorities cannot be read");
        return std::make_shared<const TlsClient>(std::move(context), "");
    }
    const auto bio = read_bio(authority_pem);
    int count = 0;
    for (; const auto authority = next_certificate(bio.get()); ++count) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get()) != 1) {
            return tls_error("a certificate of an authority is refused");
        }
    }
    if (count == 0) return tls_error("the certificate of the authority cannot be read; PEM is needed");
    ERR_clear_error();
    return std::make_shared<const TlsClient>(std::move(context), "");
}

std::shared_ptr<const TlsClient> make_pinned_tls_client(std::string fingerprint) {
    auto context = make_client_context();
    return std::make_shared<const TlsClient>(std::move(context), std::move(fingerprint));
}

}  // namespace gongshu::io
