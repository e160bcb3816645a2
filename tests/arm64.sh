#!/usr/bin/env bash
# The archive for arm64, made by tools/arm64.sh, run here by qemu's user emulation over the C library of a fresh Debian 12 for arm64: it says
# its version, and tests of the whole program pass with it (not those of the demo, which starts itself a second time). Needs root, mmdebstrap and qemu-user-static. Slow: everything is emulated.
#   tests/arm64.sh [TEST…]     names of tests/e2e, without _test.py; default: options ledger files cases backup
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in mmdebstrap qemu-aarch64-static; do command -v "$tool" > /dev/null || { echo "tests/arm64.sh needs $tool" >&2; exit 2; }; done
archive=$(ls -t build/package/gongshu-*-linux-arm64.tar.gz 2> /dev/null | head -n 1)
[ -n "$archive" ] || { echo "tests/arm64.sh: no archive in build/package: tools/arm64.sh makes it" >&2; exit 1; }
work=$(mktemp -d /var/tmp/gongshu-arm64.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# Unpacked and nothing more: what runs in it is the program alone.
mmdebstrap --quiet --variant=extract --mode=root --architectures=arm64 --include=libc6 bookworm "$work/root"
tar -C "$work" -xzf "$archive"
program=$(ls "$work"/gongshu-*/bin/gongshu)
printf '#!/bin/sh\nexec qemu-aarch64-static -L %s %s "$@"\n' "$work/root" "$program" > "$work/gongshu"
chmod +x "$work/gongshu"
LC_ALL=C readelf -h "$program" | grep -q AArch64
"$work/gongshu" --version
[ $# -gt 0 ] || set -- options ledger files cases backup
for name in "$@"; do
  began=$SECONDS
  GONGSHU="$work/gongshu" /usr/bin/python3 "tests/e2e/${name}_test.py" > "$work/log" 2>&1 || { tail -30 "$work/log"; echo "tests/e2e/${name}_test.py failed with the program for arm64" >&2; exit 1; }
  printf '%-10s passed in %d s\n' "$name" "$((SECONDS - began))"
done
