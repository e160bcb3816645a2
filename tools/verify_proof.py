#!/usr/bin/env python3
"""Checks a proof of the platform's ledger without the platform: python3 verify_proof.py PROOF.json|PROOF.html [--key HEX] [--head HEAD.json]

It needs nothing but Python. Read it: it is short, and then you need not trust anybody but the arithmetic.
  --key HEX          the public key of the platform as you know it from elsewhere; else the proof's own is used and you are told
  --head HEAD.json   a head that you kept: the proof must be of exactly that head
Ends with 0 and prints what is proved, or with 1 and prints what is wrong.

What is checked. A leaf of the tree is H(0x00 | commitment) with commitment = H(salt | number | time | redacts | length | kind |
length | body), numbers of 8 bytes and lengths of 4, most significant byte first. A node is H(0x01 | left | right). The path leads
from the leaf to the root (RFC 9162, 2.1.3.2; consistency: 2.1.4.2). The root, with size and time, is signed by Ed25519 (RFC 8032)."""
import argparse
import hashlib
import json
import struct
import sys


# ---- SM3, GB/T 32905-2016 (where the platform uses it instead of SHA-256)

def sm3(data):
    rol = lambda x, n: ((x << (n % 32)) | (x >> (32 - n % 32))) & 0xFFFFFFFF
    p0 = lambda x: x ^ rol(x, 9) ^ rol(x, 17)
    p1 = lambda x: x ^ rol(x, 15) ^ rol(x, 23)
    v = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + struct.pack(">Q", 8 * len(data))
    for at in range(0, len(padded), 64):
        w = list(struct.unpack(">16I", padded[at:at + 64]))
        for j in range(16, 68):
            w.append(p1(w[j - 16] ^ w[j - 9] ^ rol(w[j - 3], 15)) ^ rol(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = v
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = rol((rol(a, 12) + e + rol(t, j)) & 0xFFFFFFFF, 7)
            ss2 = ss1 ^ rol(a, 12)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g & 0xFFFFFFFF)
            tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            a, b, c, d, e, f, g, h = tt1, a, rol(b, 9), c, p0(tt2), e, rol(f, 19), g
        v = [x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h))]
    return struct.pack(">8I", *v)


HASHES = {"sha256": lambda data: hashlib.sha256(data).digest(), "sm3": sm3}


# ---- Ed25519, RFC 8032, 5.1: slow and plain

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def recover_x(y, sign):
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    return x if x % 2 == sign else P - x


def point(data):
    y = int.from_bytes(data, "little")
    x = recover_x(y & (2**255 - 1), y >> 255)
    return None if x is None else (x, y & (2**255 - 1), 1, x * (y & (2**255 - 1)) % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    result = (0, 1, 1, 0)
    while n:
        if n & 1:
            result = add(result, p)
        p, n = add(p, p), n >> 1
    return result


BASE_Y = 4 * pow(5, -1, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def is_signed(key, message, signature):
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(r, times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# ---- the tree

def root_by_path(H, leaf, index, size, path):
    """RFC 9162, 2.1.3.2; None if the path has the wrong length."""
    at, last, made = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at % 2 or at == last:
            made = H(b"\x01" + sibling + made)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            made = H(b"\x01" + made + sibling)
        at, last = at >> 1, last >> 1
    return made if last == 0 else None


def is_consistent(H, old_size, new_size, path, old_root, new_root):
    """RFC 9162, 2.1.4.2."""
    if old_size == new_size:
        return not path and old_root == new_root
    if old_size == 0:
        return not path
    if old_size & (old_size - 1) == 0:
        path = [old_root] + path
    if not path:
        return False
    at, last = old_size - 1, new_size - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    old_made = made = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            old_made, made = H(b"\x01" + sibling + old_made), H(b"\x01" + sibling + made)
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            made = H(b"\x01" + made + sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old_made == old_root and made == new_root


def commitment(H, entry):
    if "commitment" in entry:  # its text was deleted for good; the place in the tree is still proved
        return bytes.fromhex(entry["commitment"])
    kind, body = entry["kind"].encode(), entry["body"].encode()
    redacts = 2**64 - 1 if entry["redacts"] is None else entry["redacts"]
    return H(bytes.fromhex(entry["salt"]) + struct.pack(">QqQ", entry["number"], entry["time"], redacts) +
             struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(body)) + body)


def check_head(proof, head, key):
    if key is not None and head["public_key"] != key:
        raise ValueError("the head is signed by another key than the one you gave")
    text = f'gongshu tree head 1\n{proof["ledger"]}\n{proof["hash"]}\n{head["size"]}\n{head["root"]}\n{head["time"]}\n'
    if not is_signed(bytes.fromhex(head["public_key"]), text.encode(), bytes.fromhex(head["signature"])):
        raise ValueError(f'the signature of the head over {head["size"]} entries does not hold')


def check(proof, key=None, kept=None):
    """What is proved, as a sentence; ValueError says what is wrong."""
    if proof.get("hash") not in HASHES:
        raise ValueError(f'the hash "{proof.get("hash")}" is not known here')
    H = HASHES[proof["hash"]]
    path = [bytes.fromhex(digest) for digest in proof["path"]] if "path" in proof else []
    if proof["format"] == "gongshu-consistency-1":
        old, new = proof["from"], proof["to"]
        if kept is not None and (kept["ledger"] != proof["ledger"] or kept["head"] != old):
            raise ValueError("the older head is not the one that you kept")
        check_head(proof, old, key)
        check_head(proof, new, key)
        if not is_consistent(H, old["size"], new["size"], path, bytes.fromhex(old["root"]), bytes.fromhex(new["root"])):
            raise ValueError("the newer head does not merely add to the older one: something was changed or removed")
        return f'all {old["size"]} entries of the older head are unchanged among the {new["size"]} of the newer one'
    if proof["format"] != "gongshu-proof-1":
        raise ValueError(f'the format "{proof["format"]}" is not known here')
    head, entry = proof["head"], proof["entry"]
    if kept is not None and (kept["ledger"] != proof["ledger"] or kept["head"] != head):
        raise ValueError("the head is not the one that you kept")
    check_head(proof, head, key)
    leaf = H(b"\x00" + commitment(H, entry))
    if not 0 <= entry["number"] < head["size"] or root_by_path(H, leaf, entry["number"], head["size"], path) != bytes.fromhex(head["root"]):
        raise ValueError("the entry is not in the tree of this head: it was changed, or the proof is of something else")
    if "commitment" in entry:
        return f'entry {entry["number"]} is in the ledger "{proof["ledger"]}"; its text was deleted, as entry {entry["redacted_by"]} says'
    told = f'entry {entry["number"]} ({entry["kind"]}) is in the ledger "{proof["ledger"]}" of {head["size"]} entries, word for word'
    return told + (check_anchor(proof, json.loads(entry["body"])) if entry["kind"] == "ledger.anchor" else "")


def check_anchor(proof, anchor):
    """The ledger's own head among those of all ledgers of the platform: others hold the same root of that round."""
    H, own = HASHES[anchor["hash"]], anchor["head"]
    text = f'gongshu tree head 1\n{proof["ledger"]}\n{proof["hash"]}\n{own["size"]}\n{own["root"]}\n{own["time"]}\n'
    path = [bytes.fromhex(digest) for digest in anchor["path"]]
    if root_by_path(H, H(b"\x00" + text.encode()), anchor["index"], anchor["heads"], path) != bytes.fromhex(anchor["root"]):
        raise ValueError("the ledger's own head is not among those of the round that this entry anchors")
    return f'; its first {own["size"]} entries are among the {anchor["heads"]} ledgers of round {anchor["round"]}: compare the root {anchor["root"]} with another tenant'


def main():
    parser = argparse.ArgumentParser(description="Checks a proof of the platform's ledger.")
    parser.add_argument("proof")
    parser.add_argument("--key")
    parser.add_argument("--head")
    arguments = parser.parse_args()
    try:
        with open(arguments.proof, encoding="utf-8") as file:
            text = file.read()
        if text.startswith("<!doctype html>") and 'id="proof">' in text:  # a proof as a page for paper
            text = text.split('id="proof">', 1)[1].split("</script>", 1)[0]
        try:
            proof = json.loads(text)
        except ValueError:
            raise ValueError(f"this is not a proof: {text.strip()[:100]!r}") from None
        what = proof.get("detail") or proof.get("title") if isinstance(proof, dict) else None
        if not isinstance(proof, dict) or "format" not in proof:
            raise ValueError(f"this is not a proof: {what or str(proof)[:100]}")
        kept = json.load(open(arguments.head, encoding="utf-8")) if arguments.head else None
        print("proved: " + check(proof, arguments.key and arguments.key.lower(), kept))
    except (ValueError, KeyError, TypeError, OSError, struct.error) as error:
        print(f"NOT proved: {error}")
        return 1
    if not arguments.key:
        head = proof.get("head") or proof["to"]
        print(f'signed by {head["public_key"]}: compare it with the key that the platform publishes')
    return 0


if __name__ == "__main__":
    sys.exit(main())
