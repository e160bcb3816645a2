#include "io/tls_upgrade.h"

#include "io/detail/handshakes.h"

namespace gongshu::io {

TlsUpgrades::TlsUpgrades(Loop& loop) : loop_(loop), handshakes_(std::make_shared<detail::Handshakes>(loop)) {}

// The time-outs of what was under way still ask for it: it goes after the last of them.
TlsUpgrades::~TlsUpgrades() {
    handshakes_->clear();
    loop_.after(detail::kHandshakeTimeout + kSecond, [kept = std::move(handshakes_)] {});
}

void TlsUpgrades::accept(std::unique_ptr<Stream> plain, const std::shared_ptr<const TlsServer>& tls,
                         std::function<void(Result<std::unique_ptr<Stream>>)> done) {
    handshakes_->accept(std::move(plain), tls, std::move(done));
}

}  // namespace gongshu::io
