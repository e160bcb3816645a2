#include "io/signing.h"

#include <gtest/gtest.h>

namespace gongshu::io {
namespace {

template <class T>
T from_hex(std::string_view hex) {
    T bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
    return bytes;
}

TEST(Signing, Sm3OfTheStandard) {
    // GB/T 32905-2016, A.1 and A.2
    EXPECT_EQ(to_hex(sm3(as_bytes("abc"))), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    std::string long_text;
    for (int i = 0; i < 16; ++i) long_text += "abcd";
    EXPECT_EQ(to_hex(sm3(as_bytes(long_text))), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

TEST(Signing, Ed25519OfTheStandard) {
    // RFC 8032, 7.1: secret, public key, message, signature
    const auto f = [](std::string_view secret, std::string_view key, Bytes message, std::string_view signature) {
        const SigningKey signer = SigningKey::from_secret(from_hex<Digest256>(secret));
        EXPECT_EQ(to_hex(signer.public_key()), key);
        EXPECT_EQ(to_hex(signer.sign(message)), signature);
        EXPECT_TRUE(is_signed(signer.public_key(), message, from_hex<Signature>(signature)));
    };
    f("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", {},
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
      "655141438e7a100b");
    const std::uint8_t one[] = {0x72};
    f("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", one,
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
      "b00d291612bb0c00");
}

TEST(Signing, AnotherMessageKeyOrSignatureIsRefused) {
    const SigningKey key = SigningKey::generate(), other = SigningKey::generate();
    Signature signature = key.sign(as_bytes("tree head"));
    EXPECT_TRUE(is_signed(key.public_key(), as_bytes("tree head"), signature));
    EXPECT_FALSE(is_signed(key.public_key(), as_bytes("tree heat"), signature));
    EXPECT_FALSE(is_signed(other.public_key(), as_bytes("tree head"), signature));
    for (std::size_t i = 0; i < signature.size(); ++i) {
        signature[i] ^= 1;
        EXPECT_FALSE(is_signed(key.public_key(), as_bytes("tree head"), signature)) << i;
        signature[i] ^= 1;
    }
}

}  // namespace
}  // namespace gongshu::io
