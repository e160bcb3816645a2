#!/usr/bin/env bash
# Builds open62541, the OPC UA stack, which Debian 12 does not have, as a static library into .deps/open62541. Run again, it does
# nothing. Not yet for arm64.
# The source is the tarball of Debian's own package in trixie, as upstream released it: found in the signed index of the mirror that
# this machine uses itself, by a private apt that changes nothing of the machine's, and checked against the SHA-256 here.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=trixie
version=1.4.11.1
sha256=2979c0f09b766fd6470bdf06c8500c90ed51327aae1c22af132641a44178b722
options=(
  -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF -DUA_NAMESPACE_ZERO=REDUCED
  -DUA_ENABLE_ENCRYPTION=OPENSSL -DUA_ENABLE_HISTORIZING=ON -DUA_ENABLE_SUBSCRIPTIONS=ON -DUA_ENABLE_PUBSUB=OFF
  -DUA_ENABLE_PUBSUB_INFORMATIONMODEL=OFF -DUA_MULTITHREADING=100 -DUA_FORCE_WERROR=OFF -DUA_LOGLEVEL=400
  "-DOPEN62541_VERSION=v$version"
)
folder=.deps/open62541
stamp=$folder/stamp
want="$version $sha256 $(sha256sum "$0" | cut -d' ' -f1)"
[ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || exit 0

tarball=.deps/source/open62541_$version.orig.tar.gz
fits() { [ -f "$tarball" ] && echo "$sha256  $tarball" | sha256sum --quiet --check - 2>/dev/null; }

fetch() {
  local apt=$PWD/.deps/apt uri name hash options
  # Where this machine has Debian itself from, in either form that such lists have.
  uri=$({
    awk 'BEGIN { IGNORECASE = 1 } /^[ \t]*#/ { next } /^URIs:/ { uri = $2 }
      /^Suites:/ { for (i = 2; i <= NF; i++) if ($i ~ /^(bookworm|trixie)$/) print uri }' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
    awk '/^deb / { for (i = 2; i < NF; i++) if ($i ~ /^(https?|mirror|copy|file):/ && $(i + 1) ~ /^(bookworm|trixie)$/) print $i }' \
      /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true
  } | head -n 1)
  [ -n "$uri" ] || { echo "tools/open62541.sh: no mirror of Debian 12 stands in /etc/apt" >&2; exit 1; }
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,sources,preferences,state} .deps/source
  : > "$apt/state/status"
  printf 'Types: deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$uri" "$suite" > "$apt/sources/source.sources"
  options=(
    -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/sources" -o "Dir::Etc::preferencesparts=$apt/preferences"
    -o "Dir::State=$apt/state" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/state/status" -o "Dir::Cache=$apt/cache"
    -o "APT::Sandbox::User=$(id -un)" -o Acquire::Languages=none
  )
  apt-get "${options[@]}" update > /dev/null
  while read -r uri name _ hash; do
    [ "$name" = "$(basename "$tarball")" ] || continue
    /usr/lib/apt/apt-helper -q -o "APT::Sandbox::User=$(id -un)" download-file "${uri//\'/}" "$tarball" "$hash" > /dev/null
  done < <(apt-get "${options[@]}" source --print-uris open62541 | grep "^'")
  rm -rf "$apt"
  fits || { echo "tools/open62541.sh: the mirror has no open62541 $version with the SHA-256 $sha256" >&2; exit 1; }
}

echo "Building open62541 $version (OPC UA), once"
fits || fetch
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$tarball" -C "$work" --strip-components=1
rm -rf "$folder.part"
quietly() { "$@" > "$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; exit 1; }; }
quietly cmake -S "$work" -B "$work/build" -G Ninja "${options[@]}" "-DCMAKE_INSTALL_PREFIX=$PWD/$folder.part" \
  -DCMAKE_INSTALL_LIBDIR=lib
quietly ninja -C "$work/build" install
mkdir -p "$folder.part/share"
cp "$work/LICENSE" "$folder.part/share/LICENSE"
echo "$want" > "$folder.part/stamp"
rm -rf "$folder"
mv "$folder.part" "$folder"
