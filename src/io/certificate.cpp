#include "io/certificate.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <memory>

namespace gongshu::io {

namespace {

TimeNs time_of(const ASN1_TIME* time) {
    std::tm parts{};
    return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<TimeNs>(::timegm(&parts)) * kSecond : 0;
}

}  // namespace

Result<CertificateFacts> certificate_facts(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                        BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (!certificate) return Error{Code::malformed, "there is no certificate in it"};
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name, sizeof name);
    return CertificateFacts{name, time_of(X509_get0_notBefore(certificate.get())),
                            time_of(X509_get0_notAfter(certificate.get()))};
}

}  // namespace gongshu::io
