#include "connect/ua_identity.h"

#include <open62541/plugin/create_certificate.h>
#include <open62541/types.h>
#include <open62541/util.h>

#include <cstdarg>

#include "base/base64.h"
#include "base/log.h"
#include "connect/ua_value.h"
#include "io/crypto.h"

namespace gongshu::connect {

namespace {

constexpr std::size_t kBytesMax = 64 * 1024;
constexpr UA_UInt16 kDays = 7'300;
constexpr UA_UInt16 kKeyBits = 2'048;

Buffer buffer_of(const UA_ByteString& bytes) { return {bytes.data, bytes.data + bytes.length}; }

Result<UaIdentity> made() {
    std::uint8_t random[8];
    io::random_bytes(random);
    UaIdentity identity;
    identity.uri = "urn:gongshu:" + to_hex(random);
    const std::string san = "URI:" + identity.uri;
    UA_String subject[] = {ua_string("O=Gongshu"), ua_string("CN=Gongshu")};
    UA_String names[] = {ua_string(san), ua_string("DNS:localhost")};
    UA_Logger nowhere{[](void*, UA_LogLevel, UA_LogCategory, const char*, va_list) {}, nullptr, nullptr};
    UA_KeyValueMap* const params = UA_KeyValueMap_new();
    char days[] = "expires-in-days", bits[] = "key-size-bits";
    UA_KeyValueMap_setScalar(params, UA_QUALIFIEDNAME(0, days), const_cast<UA_UInt16*>(&kDays),
                             &UA_TYPES[UA_TYPES_UINT16]);
    UA_KeyValueMap_setScalar(params, UA_QUALIFIEDNAME(0, bits), const_cast<UA_UInt16*>(&kKeyBits),
                             &UA_TYPES[UA_TYPES_UINT16]);
    UA_ByteString key = UA_BYTESTRING_NULL, certificate = UA_BYTESTRING_NULL;
    const UA_StatusCode status = UA_CreateCertificate(&nowhere, subject, std::size(subject), names, std::size(names),
                                                      UA_CERTIFICATEFORMAT_DER, params, &key, &certificate);
    UA_KeyValueMap_delete(params);
    identity.key = buffer_of(key);
    identity.certificate = buffer_of(certificate);
    UA_ByteString_clear(&key);
    UA_ByteString_clear(&certificate);
    if (status != UA_STATUSCODE_GOOD)
        return Error{Code::io, "cannot make a certificate for OPC UA: {}", name_of(status)};
    return identity;
}

// The name stands in front of the key, which belongs to it.
Buffer key_file(const UaIdentity& identity) {
    const std::string text = identity.uri + "\n" + encode_base64(identity.key) + "\n";
    return {text.begin(), text.end()};
}

}  // namespace

Result<std::shared_ptr<const UaIdentity>> ua_identity(io::Files& files, const std::string& folder) {
    const std::string certificate = folder + "/opcua.der", key = folder + "/opcua.key";
    const auto identity = std::make_shared<UaIdentity>();
    if (TRY(files.exists(key)) && TRY(files.exists(certificate))) {
        const Buffer bytes = TRY(io::read_whole(files, key, kBytesMax).context("cannot read the key for OPC UA"));
        identity->certificate =
            TRY(io::read_whole(files, certificate, kBytesMax).context("cannot read the certificate for OPC UA"));
        const std::string text(bytes.begin(), bytes.end());
        const std::size_t line = text.find('\n');
        const std::size_t end = text.find('\n', line == text.npos ? line : line + 1);
        if (line == text.npos || end == text.npos)
            return Error{Code::malformed,
                         "{} is no key of OPC UA: move it and opcua.der away, and both are made anew", key};
        identity->uri = text.substr(0, line);
        identity->key = TRY(io::from_base64(text.substr(line + 1, end - line - 1)));
        return std::shared_ptr<const UaIdentity>(identity);
    }
    *identity = TRY(made());
    TRY(files.make_folder(folder, 0700));
    TRY(io::write_whole(files, certificate, identity->certificate, 0644)
            .context("cannot keep the certificate for OPC UA"));
    TRY(io::write_whole(files, key, key_file(*identity), 0600).context("cannot keep the key for OPC UA"));
    log_info("connect", "made {}: servers of OPC UA that want to know it beforehand are given this file", certificate);
    return std::shared_ptr<const UaIdentity>(identity);
}

}  // namespace gongshu::connect
