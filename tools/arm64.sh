#!/usr/bin/env bash
# Makes gongshu-V-linux-arm64.tar.gz on an amd64 machine: a Debian 12 chroot in build/arm64-chroot with the cross compiler and arm64's packages,
# so that this machine is not changed; the build in build/arm64, the archive in build/package. Needs root and mmdebstrap; about 1.2 GB.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] && command -v mmdebstrap > /dev/null || { echo "tools/arm64.sh needs root and mmdebstrap" >&2; exit 2; }
[ -f web/dist/index.html ] || { echo "tools/arm64.sh: the pages are missing: tools/web.sh" >&2; exit 1; }
root=$PWD/build/arm64-chroot
tools_inside=crossbuild-essential-arm64,cmake,ninja-build,ccache,pkg-config,dpkg-dev,git,ca-certificates,tzdata,lld,libudunits2-data
libraries=libboost1.81-dev,libboost-json1.81-dev,libfmt-dev,libspdlog-dev,libsimdjson-dev,libyaml-cpp-dev,libsoci-dev,libsqlite3-dev,libssl-dev
libraries+=,libjpeg62-turbo-dev,libpng-dev,libssh2-1-dev,libargon2-dev,libudunits2-dev,libhowardhinnant-date-dev,zlib1g-dev,libexpat1-dev,libqrencode-dev
if [ ! -d "$root" ]; then
  mkdir -p build
  mmdebstrap --quiet --variant=minbase --mode=root --architectures=amd64,arm64 --include="$tools_inside,${libraries//-dev/-dev:arm64}" bookworm "$root.part"
  # The cross compiler looks for the linker, which links for every machine, under a name of its own.
  ln -s ld.lld "$root.part/usr/bin/aarch64-linux-gnu-ld.lld"
  mv "$root.part" "$root"
fi
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 CCACHE_SLOPPINESS=pch_defines,time_macros "$@"; }
finish() { for mount in src dev proc; do ! mountpoint -q "$root/$mount" || umount -l "$root/$mount"; done; }
trap finish EXIT
mkdir -p "$root/src"
mount --bind "$PWD" "$root/src"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
inside git config --global --add safe.directory /src
inside sh -c 'cd /src && tools/build.sh arm64 gongshu_bundled && tools/package.sh --arch arm64 --program build/arm64/bundled/gongshu tar'
