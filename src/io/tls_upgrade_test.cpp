#include "io/tls_upgrade.h"

#include <gtest/gtest.h>

#include "io/pbkdf2.h"
#include "io/sim.h"
#include "io/tls.h"

namespace gongshu::io {
namespace {

constexpr TimeNs kNow = 1'772'352'000 * kSecond;

// As PostgreSQL's SSLRequest does: a byte in clear from each side, then both go on with TLS over the same link.
TEST(TlsUpgrade, AnAcceptedPlainStreamGoesOnWithTls) {
    for (const auto& [name, want] : {std::pair{"pg.lan", true}, std::pair{"other.lan", false}}) {
        SimWorld world{1};
        world.clock().jump(kNow - world.clock().now());
        const auto loop = world.make_loop();
        TlsUpgrades upgrades{*loop};
        const auto authority = make_certificate_authority("test", kNow).value();
        const auto tls = make_tls_server(issue_server_certificate(authority, {"pg.lan"}, kNow, 30).value()).value();
        std::unique_ptr<Stream> theirs, mine;
        std::string heard;
        const auto take = [&](std::unique_ptr<Stream> stream) {
            theirs = std::move(stream);
            theirs->start({.on_data = [&](Bytes bytes) {
                EXPECT_EQ(as_text(bytes), "s");
                theirs->send(as_bytes("S"));
                upgrades.accept(std::move(theirs), tls, [&](auto secure) {
                    EXPECT_EQ(secure.has_value(), want);
                    if (!secure) return;
                    theirs = std::move(*secure);
                    theirs->start({.on_data = [&](Bytes more) { theirs->send(more); }});
                });
            }});
        };
        const auto listener = loop->listen({"a", 1}, {}, take).value();
        loop->connect({"a", 1}, {}, [&](auto made) {
            mine = std::move(*made);
            mine->start({.on_data = [&](Bytes) {
                const auto client = make_tls_client(authority.certificate_pem).value();
                loop->secure(std::move(mine), client, name, 5 * kSecond, [&](auto secure) {
                    if (!secure) return;
                    mine = std::move(*secure);
                    mine->start({.on_data = [&](Bytes bytes) { heard += as_text(bytes); }});
                    mine->send(as_bytes("hello"));
                });
            }});
            mine->send(as_bytes("s"));
        });
        world.run_for(20 * kSecond);
        EXPECT_EQ(heard, want ? "hello" : "");
    }
}

// RFC 7914 §11.
TEST(Pbkdf2, FollowsTheStandard) {
    EXPECT_EQ(to_hex(pbkdf2_sha256(as_bytes("passwd"), as_bytes("salt"), 1)),
              "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    EXPECT_EQ(to_hex(pbkdf2_sha256(as_bytes("Password"), as_bytes("NaCl"), 80'000)),
              "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

}  // namespace
}  // namespace gongshu::io
