#!/usr/bin/env python3
"""Checks a Gongshu package (.gspkg) without Gongshu: python3 verify_package.py FILE [--key-id ID].

Standard library only; docs/format/package.md is what it follows. Ed25519 is computed here (RFC 8032); for SM2 it asks
the command openssl. Exit code 0: every byte is as the signer left it, and with --key-id the signer is that one.
"""
import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile

BLOCK = 512
ENTRIES_MAX, ENTRY_BYTES_MAX, FILE_BYTES_MAX, DEPTH_MAX = 500, 8 << 20, 16 << 20, 4


class Refused(Exception):
    pass


def header(name, size):
    """The one header there is for a file of that name and size."""
    out = bytearray(BLOCK)

    def put(at, text):
        out[at:at + len(text)] = text
    put(0, name)
    put(100, b"0000644")
    put(108, b"0000000")
    put(116, b"0000000")
    put(124, b"%011o" % size)
    put(136, b"00000000000")
    put(148, b" " * 8)
    put(156, b"0")
    put(257, b"ustar\0" + b"00")
    put(329, b"0000000")
    put(337, b"0000000")
    put(148, b"%06o\0 " % sum(out))
    return bytes(out)


def read_archive(data):
    if len(data) > FILE_BYTES_MAX or len(data) < 2 * BLOCK or len(data) % BLOCK:
        raise Refused(f"{len(data)} bytes are no package")
    entries, at = {}, 0
    while len(data) - at > 2 * BLOCK:
        head = data[at:at + BLOCK]
        raw = head[:100].split(b"\0")[0]
        name = raw.decode("ascii", "replace")
        where = f'entry {len(entries) + 1}, "{name}"'
        size = int(head[124:135], 8) if re.fullmatch(rb"[0-7]{11}", head[124:135]) else 0
        if head != header(raw, size):
            raise Refused(f"{where}: its header was changed")
        part = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
        if not re.fullmatch(f"{part}(/{part}){{0,{DEPTH_MAX - 1}}}", name):
            raise Refused(f"{where}: no name for a file in a package")
        if entries and name <= max(entries):
            raise Refused(f"{where}: names do not go upwards")
        at += BLOCK
        end = at + (size + BLOCK - 1) // BLOCK * BLOCK
        if size > ENTRY_BYTES_MAX or end + 2 * BLOCK > len(data) or len(entries) >= ENTRIES_MAX:
            raise Refused(f"{where}: the file ends within it, or it is too large")
        if any(data[at + size:end]):
            raise Refused(f"{where}: something stands after its end")
        entries[name] = data[at:at + size]
        at = end
    if any(data[at:]):
        raise Refused("something stands after the last entry")
    return entries


# Ed25519, RFC 8032 section 5.1 and 6, in affine-free (extended) coordinates.
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(n, point):
    out = (0, 1, 1, 0)
    while n:
        if n & 1:
            out = add(out, point)
        point = add(point, point)
        n >>= 1
    return out


def point_of(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def ed25519_fits(key, message, signature):
    base = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    a, r = point_of(key), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(s, base), add(r, times(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def sm2_fits(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("k", key), ("m", message), ("s", signature)):
            with open(f"{folder}/{name}", "wb") as file:
                file.write(data)
        done = subprocess.run(["openssl", "dgst", "-sm3", "-keyform", "DER", "-verify", f"{folder}/k", "-signature",
                               f"{folder}/s", "-sigopt", "distid:1234567812345678", f"{folder}/m"],
                              capture_output=True, check=False)
        return done.returncode == 0


ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")


def check(data):
    """The manifest of a package that is whole."""
    entries = read_archive(data)
    for name in ("manifest.yaml", "manifest.sig"):
        if name not in entries:
            raise Refused(f'entry "{name}" is missing')
    try:
        manifest = json.loads(entries["manifest.yaml"])
        contents = {one["name"]: one for one in manifest["contents"]}
        signed_by = manifest["signed_by"]
        key = base64.b64decode(signed_by["key"], validate=True)
        signature = base64.b64decode(entries["manifest.sig"].decode("ascii").rstrip("\n"), validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f'entry "manifest.yaml" or "manifest.sig" cannot be read: {error}') from error
    if base64.b64encode(signature) + b"\n" != entries["manifest.sig"]:
        raise Refused('entry "manifest.sig" is not as a build writes it')
    for name, body in entries.items():
        if name in ("manifest.yaml", "manifest.sig"):
            continue
        listed = contents.pop(name, None)
        if listed is None:
            raise Refused(f'entry "{name}" is not in the manifest')
        if listed["sha256"] != hashlib.sha256(body).hexdigest() or listed["bytes"] != len(body):
            raise Refused(f'entry "{name}" was changed')
    if contents:
        raise Refused(f'entry "{min(contents)}" is missing')
    if signed_by["algorithm"] == "ed25519":
        fits = key[:12] == ED25519_PREFIX and len(key) == 44 and \
            ed25519_fits(key[12:], entries["manifest.yaml"], signature)
    else:
        fits = signed_by["algorithm"] == "sm2" and sm2_fits(key, entries["manifest.yaml"], signature)
    if not fits:
        raise Refused('entry "manifest.yaml" or "manifest.sig" was changed: the signature does not fit')
    return manifest, hashlib.sha256(key).hexdigest()[:32]


def main(arguments):
    if len(arguments) not in (1, 3) or (len(arguments) == 3 and arguments[1] != "--key-id"):
        print(__doc__)
        return 2
    with open(arguments[0], "rb") as file:
        data = file.read(FILE_BYTES_MAX + 1)
    try:
        manifest, key_id = check(data)
    except Refused as refused:
        print(f"REFUSED: {refused}")
        return 1
    print(f'{manifest["name"]} {manifest["version"]} is whole; signed by "{manifest["signed_by"]["name"]}", '
          f'{manifest["signed_by"]["algorithm"]}, key id {key_id}')
    if len(arguments) == 3 and arguments[2] != key_id:
        print(f"REFUSED: the key id is not {arguments[2]}")
        return 1
    if len(arguments) == 1:
        print("Compare the key id with the one its signer gave you by another way: only then it is theirs.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
