#include "io/signer.h"

#include <gtest/gtest.h>

namespace gongshu::io {
namespace {

class Algorithms : public testing::TestWithParam<SignerAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Signer, Algorithms, testing::Values(SignerAlgorithm::ed25519, SignerAlgorithm::sm2),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST_P(Algorithms, SignsAndIsKnownByItsPublicKey) {
    const auto key = SignerKey::generate(GetParam()).value();
    const auto again = SignerKey::from_pem("Signer: ACME\n" + key.to_pem()).value();
    EXPECT_EQ(again.algorithm(), GetParam());
    EXPECT_EQ(again.public_key(), key.public_key());
    EXPECT_EQ(algorithm_of(key.public_key()).value(), GetParam());
    const Buffer signature = again.sign(as_bytes("a message")).value();
    EXPECT_TRUE(is_signed_by(key.public_key(), as_bytes("a message"), signature));
    EXPECT_FALSE(is_signed_by(key.public_key(), as_bytes("A message"), signature));
    EXPECT_FALSE(is_signed_by(SignerKey::generate(GetParam()).value().public_key(), as_bytes("a message"), signature));
    for (std::size_t at = 0; at < signature.size(); ++at) {
        Buffer changed = signature;
        changed[at] ^= 1;
        EXPECT_FALSE(is_signed_by(key.public_key(), as_bytes("a message"), changed)) << at;
    }
    EXPECT_FALSE(is_signed_by(key.public_key(), as_bytes("a message"), {}));
}

TEST(Signer, RefusesWhatIsNoKey) {
    EXPECT_FALSE(SignerKey::from_pem("").has_value());
    EXPECT_FALSE(SignerKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").has_value());
    EXPECT_FALSE(algorithm_of({}).has_value());
    Buffer key = SignerKey::generate(SignerAlgorithm::ed25519)->public_key();
    key.push_back(0);
    EXPECT_FALSE(algorithm_of(key).has_value());
    EXPECT_FALSE(is_signed_by(key, as_bytes("x"), as_bytes("y")));
}

// RFC 8032, §7.1, test 2, in the SubjectPublicKeyInfo of RFC 8410.
TEST(Signer, KnowsTheStandardsExample) {
    const auto bytes = [](std::string_view hex) {
        Buffer out;
        for (std::size_t i = 0; i < hex.size(); i += 2)
            out.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
        return out;
    };
    const Buffer key = bytes(
        "302a300506032b6570032100"
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    const Buffer signature = bytes(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    EXPECT_TRUE(is_signed_by(key, bytes("72"), signature));
}

}  // namespace
}  // namespace gongshu::io
