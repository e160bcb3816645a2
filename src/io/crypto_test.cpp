#include "io/crypto.h"

#include <gtest/gtest.h>

#include <set>

namespace gongshu::io {
namespace {

TEST(Crypto, HashesOfTheStandards) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180
    Sha256 parts;
    parts.add(as_bytes("a"));
    parts.add({});
    parts.add(as_bytes("bc"));
    EXPECT_EQ(parts.finish(), sha256(as_bytes("abc")));
    EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
    // RFC 6455, 1.3
    EXPECT_EQ(base64(sha1(as_bytes("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))),
              "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    const auto f = [](Bytes key, std::string_view text, std::string_view want) {
        EXPECT_EQ(to_hex(hmac_sha256(key, as_bytes(text))), want);
    };
    // RFC 4231, 4.2, 4.3 and 4.7
    f(Buffer(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    f(as_bytes("Jefe"), "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    f(Buffer(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    f({}, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, OpensTheVectorOfGcm) {
    // The GCM specification of McGrew and Viega, test case 14: AES-256, key and nonce zero, 16 zero bytes.
    Buffer sealed(12, 0);
    for (const auto* hex :
         {"d0d1c8a799996bf0265b98b5d48ab919", "cea7403d4d606b6e074ec5d3baf39d18"}) {  // tag, ciphertext
        for (int i = 0; i < 32; i += 2)
            sealed.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex + i, 2), nullptr, 16)));
    }
    EXPECT_EQ(open_sealed({}, sealed, "").value(), Buffer(16, 0));
}

TEST(Crypto, SealedOpensOnlyWithKeyAndContext) {
    Digest256 key, other;
    random_bytes(key);
    random_bytes(other);
    for (const std::string text : {"", "s", "a secret of some length, more than one block"}) {
        const auto sealed = seal(key, as_bytes(text), "secret/plc1");
        EXPECT_EQ(as_text(open_sealed(key, sealed, "secret/plc1").value()), text);
        EXPECT_NE(sealed, seal(key, as_bytes(text), "secret/plc1"));  // another nonce
        EXPECT_FALSE(open_sealed(other, sealed, "secret/plc1"));
        EXPECT_EQ(open_sealed(key, sealed, "secret/plc2").error().code(), Code::corrupt);
        for (std::size_t i = 0; i < sealed.size(); ++i) {
            auto changed = sealed;
            changed[i] ^= 1;
            EXPECT_FALSE(open_sealed(key, changed, "secret/plc1"));
            EXPECT_FALSE(open_sealed(key, Bytes(sealed).first(i), "secret/plc1"));
        }
    }
}

TEST(Crypto, Base64OfTheStandard) {
    const auto f = [](std::string_view text, std::string_view want) {  // RFC 4648, 10
        EXPECT_EQ(base64(as_bytes(text)), want);
        EXPECT_EQ(as_text(from_base64(want).value()), text);
        EXPECT_EQ(as_text(from_base64(base64url(as_bytes(text))).value()), text);
    };
    f("", "");
    f("f", "Zg==");
    f("fo", "Zm8=");
    f("foo", "Zm9v");
    f("foob", "Zm9vYg==");
    f("fooba", "Zm9vYmE=");
    f("foobar", "Zm9vYmFy");
    f("\xfb\xff\xfe", "+//+");
    EXPECT_EQ(base64url(as_bytes("\xfb\xff\xfe")), "-__-");
    for (const auto* bad : {"Z", "Zg=", "Zg===", "Z===", "=", "Zg==Zg==", "Zm9v\n", "Zh==", "Zm9=", "Zm 9"}) {
        EXPECT_FALSE(from_base64(bad)) << bad;
    }
}

TEST(Crypto, TokensDiffer) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto token = random_token();
        EXPECT_EQ(token.size(), 43u);
        EXPECT_EQ(from_base64(token).value().size(), 32u);
        EXPECT_TRUE(seen.insert(token).second);
    }
    EXPECT_TRUE(equal_constant_time(as_bytes("abc"), as_bytes("abc")));
    EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
    EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("ab")));
    EXPECT_TRUE(equal_constant_time({}, {}));
}

}  // namespace
}  // namespace gongshu::io
