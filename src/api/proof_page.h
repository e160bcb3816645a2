#pragma once

#include <string>
#include <string_view>

#include "ledger/ledger.h"

namespace gongshu::api {

// One page for paper: an entry of a ledger, the head that is over it, the path between them, a QR code of the head, and
// the proof itself (`proof`, JSON as ledger::inclusion_proof() makes it), which tools/verify_proof.py finds in the
// file. HTML without scripts and without anything from elsewhere, in Chinese and English. `qr` makes an SVG of a text,
// null = there is none.
std::string proof_page(const ledger::Ledger& ledger, const ledger::Entry& entry, const ledger::TreeHead& head,
                       std::string_view proof, std::string (*qr)(std::string_view));

}  // namespace gongshu::api
