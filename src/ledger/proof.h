#pragma once

#include <string>

#include "ledger/ledger.h"

namespace gongshu::ledger {

// What an outsider needs to check, without this program, that an entry is in the ledger of a signed head:
//   {"format":"gongshu-proof-1","ledger":name,"hash":"sha256",
//    "entry":{"number","time","kind","body","salt","redacts"} or, redacted, {"number","commitment","redacted_by"},
//    "path":[hex…],
//    "head":{"size","root","time","signature","public_key"}}
// Digests, salt, key and signature in hex; times in ns; the body is the text as it was stored. tools/verify_proof.py
// reads it. `head` is one of this ledger's that is over the entry, else Code::invalid.
Result<std::string> inclusion_proof(const Ledger& ledger, std::uint64_t number, const TreeHead& head);

// That nothing before was changed or removed between two heads: {"format":"gongshu-consistency-1","ledger","hash",
// "from":{head},"to":{head},"path":[…]}.
Result<std::string> consistency_proof(const Ledger& ledger, const TreeHead& from, const TreeHead& to);

// A head alone, as in the two above with "ledger" and "hash": what to keep, to ask for consistency with later.
std::string head_json(const Ledger& ledger, const TreeHead& head);

}  // namespace gongshu::ledger
