#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace gongshu::io::detail {

// OpenSSL's objects with owners.
template <class T, void (*kFree)(T*)>
struct Free {
    void operator()(T* object) const { kFree(object); }
};
inline void free_bio(BIO* bio) { BIO_free_all(bio); }
inline void free_name(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }

using BioPtr = std::unique_ptr<BIO, Free<BIO, free_bio>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Free<X509, X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES, free_name>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL, SSL_free>>;

// The oldest error of this thread in words; the queue is empty afterwards.
std::string openssl_reason();
BioPtr read_bio(std::string_view text);
std::string bio_text(BIO* bio);
// SHA-256 of it, 64 small hexadecimal digits.
std::string fingerprint_of(const X509* certificate);

}  // namespace gongshu::io::detail

namespace gongshu::io {

class TlsServer {
public:
    explicit TlsServer(detail::ContextPtr context) : context_(std::move(context)) {}
    SSL_CTX* context() const { return context_.get(); }

private:
    const detail::ContextPtr context_;
};

class TlsClient {
public:
    // `fingerprint`: of the one certificate that is trusted; "" = what the context trusts.
    TlsClient(detail::ContextPtr context, std::string fingerprint)
        : context_(std::move(context)), fingerprint_(std::move(fingerprint)) {}
    SSL_CTX* context() const { return context_.get(); }
    const std::string& fingerprint() const { return fingerprint_; }

private:
    const detail::ContextPtr context_;
    const std::string fingerprint_;
};

}  // namespace gongshu::io
