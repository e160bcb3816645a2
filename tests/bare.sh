#!/usr/bin/env bash
# The README's lines on a bare Debian 12: makes a minbase chroot, clones this tree into it, installs git and make, runs
# `make demo` until the ready file stands and values move, then `make test` with --test. Needs root and mmdebstrap; takes
# its packages from where this machine takes them. Prints how long each part took.
#   tests/bare.sh [--test] [--keep]
set -euo pipefail
cd "$(dirname "$0")/.."
want_test=0 keep=0
for argument in "$@"; do
  case "$argument" in --test) want_test=1 ;; --keep) keep=1 ;; *) echo "usage: tests/bare.sh [--test] [--keep]" >&2; exit 2 ;; esac
done
command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing: apt install mmdebstrap" >&2; exit 2; }
[ -z "$(git status --porcelain)" ] || echo "note: uncommitted changes are not in the clone"

# In a mount namespace of its own: what is bound into the chroot (the real /dev among it) goes with this process, however
# that ends, so that nobody who clears the folder away later reaches through it.
if [ -z "${GONGSHU_BARE_MOUNTS:-}" ]; then
  exec env GONGSHU_BARE_MOUNTS=own unshare --mount --propagation private "$PWD/tests/bare.sh" "$@"
fi

root=$(mktemp -d /var/tmp/gongshu-bare.XXXXXX)
finish() {
  for mount in proc dev sys; do mountpoint -q "$root/$mount" && umount -l "$root/$mount"; done
  [ "$keep" = 1 ] || rm -rf --one-file-system "$root"
}
trap finish EXIT
say() { printf '%6d s  %s\n' "$SECONDS" "$1"; }

# The machine's own list of sources, whatever form it has, and its npm settings: a bare machine has its registry too.
sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | grep -v '^#' || true)
mmdebstrap --quiet --variant=minbase --mode=root bookworm "$root" <(printf '%s\n' "$sources") 2>/dev/null ||
  mmdebstrap --quiet --variant=minbase --mode=root bookworm "$root"
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
rm -rf "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d"
cp -a /etc/apt/sources.list* "$root/etc/apt/" 2>/dev/null || true
rm -f "$root"/etc/apt/sources.list.d/*nodesource* "$root"/etc/apt/sources.list.d/*docker*
cp -a /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
[ ! -d /usr/local/share/ca-certificates ] || cp -a /usr/local/share/ca-certificates "$root/usr/local/share/"
for mount in proc dev sys; do mount --rbind "/$mount" "$root/$mount"; done
for settings in /root/.npmrc /etc/npmrc /usr/etc/npmrc; do [ ! -f "$settings" ] || { mkdir -p "$root$(dirname "$settings")"; cp "$settings" "$root$settings"; }; done
say "a bare Debian 12 stands ($(du -sh --one-file-system "$root" | cut -f1))"

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  $(env | grep -iE '^(https?_proxy|no_proxy|npm_config_[a-z_]*|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)=' || true) /bin/bash -c "$1"; }
inside "apt-get update -q >/dev/null && apt-get install -y -q git make >/dev/null"
say "apt install git make"
git clone -q --no-hardlinks . "$root/root/gongshu"
inside "cd /root/gongshu && (make demo DATA=/tmp/demo ARGS='--ready-json /tmp/ready.json --http 127.0.0.1:0 --mqtt 127.0.0.1:0' > /tmp/demo.log 2>&1; echo ended >> /tmp/demo.log) &"
until [ -s "$root/tmp/ready.json" ]; do
  grep -q '^ended' "$root/tmp/demo.log" 2>/dev/null && { tail -40 "$root/tmp/demo.log"; echo "make demo ended before it was ready" >&2; exit 1; }
  sleep 1
done
say "make demo: the ready file stands"
cat "$root/tmp/ready.json" | sed 's/"password":"[^"]*"/"password":"…"/'
ls -la --time-style=full-iso "$root/root/gongshu/build/release/gongshu"
pkill -TERM -f 'release/gongshu demo --data /tmp/demo' || true
if [ "$want_test" = 1 ]; then
  inside "cd /root/gongshu && make test" > "$root/tmp/test.log" 2>&1 || { tail -60 "$root/tmp/test.log"; echo "make test failed" >&2; exit 1; }
  tail -5 "$root/tmp/test.log"
  say "make test passed"
fi
