#!/usr/bin/env bash
# tools/package.sh [--version V] [--out FOLDER] [--program FILE] [--arch amd64|arm64] [deb] [tar]: makes, from the program that
# `tools/build.sh release gongshu_bundled` linked, into build/package
#   gongshu_V_ARCH.deb              Debian 12 and 13, with a service
#   gongshu-V-linux-ARCH.tar.gz     runs where it is unpacked, as any user
# Both hold the same program and libraries; only glibc comes from the machine, and with the .deb libstdc++. The same inputs give the
# same bytes: times are those of the last commit, or SOURCE_DATE_EPOCH.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC
umask 022
version=$(sed -n 's/.*kVersion = "\(.*\)".*/\1/p' src/app/version.h)
out=build/package program=build/release/bundled/gongshu arch=amd64 kinds=()
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --program) program=$2; shift 2 ;;
    --arch) arch=$2; shift 2 ;;
    deb | tar) kinds+=("$1"); shift ;;
    *) echo "usage: tools/package.sh [--version V] [--out FOLDER] [--program FILE] [--arch amd64|arm64] [deb] [tar]" >&2; exit 2 ;;
  esac
done
[ "${#kinds[@]}" -gt 0 ] || kinds=(deb tar)
case "$arch" in
  amd64) triplet=x86_64-linux-gnu tool= ;;
  arm64) triplet=aarch64-linux-gnu tool=aarch64-linux-gnu- ;;
  *) echo "tools/package.sh: unknown architecture '$arch' (amd64, arm64)" >&2; exit 2 ;;
esac
[ -x "$program" ] || { echo "tools/package.sh: $program is missing; build it: tools/build.sh release gongshu_bundled" >&2; exit 1; }
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md); fi
export SOURCE_DATE_EPOCH
date=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- what both hold: bin, lib/gongshu, share/gongshu ---
tree=$work/tree
install -D -m 0755 "$program" "$tree/bin/gongshu"
"${tool}strip" --strip-all --remove-section=.comment "$tree/bin/gongshu"
install -d "$tree/lib/gongshu" "$tree/share/gongshu/units"

needed() { "${tool}objdump" -p "$1" | awk '$1 == "NEEDED" { print $2 }'; }
library_path() { readlink -f "$("${tool}g++" -print-file-name="$1")"; }
# glibc comes from the machine, always; the compiler's two libraries stand in every Debian.
is_glibc() { case "$1" in ld-linux* | libc.so.* | libm.so.* | libpthread.so.* | libdl.so.* | librt.so.* | libresolv.so.*) true ;; *) false ;; esac; }
is_compilers() { case "$1" in libstdc++.so.* | libgcc_s.so.*) true ;; *) false ;; esac; }
origins=$work/origins  # every library file whose code is handed out
: > "$origins"
todo=("$program")
while [ "${#todo[@]}" -gt 0 ]; do
  file=${todo[0]}
  todo=("${todo[@]:1}")
  for name in $(needed "$file"); do
    if is_glibc "$name" || [ -e "$tree/lib/gongshu/$name" ]; then continue; fi
    from=$(library_path "$name")
    [ -f "$from" ] || { echo "tools/package.sh: $name, which $file needs, is nowhere to be found" >&2; exit 1; }
    install -m 0644 "$from" "$tree/lib/gongshu/$name"
    "${tool}strip" --strip-unneeded "$tree/lib/gongshu/$name"
    echo "$from" >> "$origins"
    todo+=("$from")
  done
done
# The engine of SQL, which the program opens while it runs; npm has it for x86-64 and arm64.
case "$arch" in amd64) duckdb=x64 ;; arm64) duckdb=arm64 ;; esac
duckdb=tools/duckdb/node_modules/@duckdb/node-bindings-linux-$duckdb
if [ -f "$duckdb/libduckdb.so" ]; then
  install -m 0644 "$duckdb/libduckdb.so" "$tree/lib/gongshu/libduckdb.so"
else
  echo "tools/package.sh: without SQL: $duckdb/libduckdb.so is missing; tools/deps.sh build on such a machine installs it" >&2
fi
# The OPC UA stack is inside the program.
open62541=.deps/open62541 opcua=0
if [ "$arch" = amd64 ] && [ -f "$open62541/stamp" ]; then opcua=1; fi
for archive in "$(dirname "$program")"/../archives/*.a; do readlink -f "$archive" >> "$origins"; done
for units in /usr/share/xml/udunits /usr/share/udunits; do
  [ ! -f "$units/udunits2.xml" ] || { install -m 0644 "$units"/*.xml "$tree/share/gongshu/units/"; break; }
done
[ -f "$tree/share/gongshu/units/udunits2.xml" ] || { echo "tools/package.sh: the table of units (libudunits2-data) is missing" >&2; exit 1; }
glibc=$(for file in "$tree"/bin/* "$tree"/lib/gongshu/*; do "${tool}objdump" -T "$file"; done | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -1)

# --- papers: licences of all that is inside ---
papers=$work/papers
install -d "$papers/libraries"
licence_of() {  # NAME FILE: large ones packed
  if [ "$(stat -c %s "$2")" -gt 40000 ]; then gzip -9nc "$2" > "$papers/libraries/$1.gz"; chmod 644 "$papers/libraries/$1.gz"
  else install -m 0644 "$2" "$papers/libraries/$1"; fi
}
{
  cat <<HEAD
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Gongshu
Comment: The program has the libraries below inside or beside it. The licence of each is
 the file of its name in the folder libraries beside this one.
HEAD
  {
    sort -u "$origins" | while read -r file; do
      dpkg-query -S "$file" 2>/dev/null || dpkg-query -S "${file#/usr}" 2>/dev/null || { echo "tools/package.sh: no package owns $file" >&2; exit 1; }
    done | sed 's/:.*//'
    printf '%s\n' libboost1.81-dev libspdlog-dev libudunits2-data
  } | grep -v '^libboost-' | sort -u | while read -r package; do  # all of Boost under one licence: libboost1.81-dev
    licence_of "$package" "/usr/share/doc/$package/copyright"
    echo " $package $(dpkg-query -W -f '${Version}\n' "$package" | head -n 1) (Debian)"
  done
  # The pages' libraries, from the lock file: without npm, and the same everywhere.
  awk '/^    "node_modules\// { sub(/^ *"node_modules\//, ""); sub(/": .*/, ""); name = $0; dev = 0; next }
    name != "" && /^      "(dev|devOptional)": true/ { dev = 1 }
    name != "" && /^      "version": / { gsub(/.*: "|",?$/, ""); version = $0 }
    name != "" && /^      "license": / { gsub(/.*: "|",?$/, ""); license = $0 }
    name != "" && /^    }/ { if (!dev) print name, version, license; name = "" }' web/package-lock.json | sort | while read -r name version_of licence; do
    paper=$(find "web/node_modules/$name" -maxdepth 1 -iname 'licen[sc]e*' -type f 2>/dev/null | sort | head -n 1)
    [ -z "$paper" ] || licence_of "npm-$(echo "$name" | tr / -)" "$paper"
    echo " $name $version_of (npm, $licence)"
  done
  if [ -e "$tree/lib/gongshu/libduckdb.so" ]; then
    licence_of npm-duckdb "$duckdb/LICENSE"
    echo " duckdb $(sed -n 's/.*"version": "\(.*\)".*/\1/p' "$duckdb/package.json") (npm, MIT)"
  fi
  if [ "$opcua" = 1 ]; then
    licence_of open62541 "$open62541/share/LICENSE"
    echo " open62541 $(cut -d' ' -f1 "$open62541/stamp") (source package of Debian 13, MPL-2.0)"
  fi
  printf '\nFiles: *\nCopyright: the authors of Gongshu\nLicense: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n'
} > "$papers/copyright"
fill() { sed -e "s/@VERSION@/$version/g" -e "s/@DATE@/$date/g" -e "s/@GLIBC@/$glibc/g" "$1"; }
fill packaging/README.md > "$papers/README.md"

settle() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }
told() { printf '%s  %s  %.1f MB\n' "$(sha256sum "$1" | cut -c1-16)" "$1" "$(stat -c %s "$1" | awk '{ print $1 / 1e6 }')"; }

make_tar() {
  local name=gongshu-$version-linux-$arch
  cp -a "$tree" "$work/$name"
  ln -s bin/gongshu "$work/$name/gongshu"
  cp -a "$papers/." "$work/$name/"
  install -m 0644 LICENSE CHANGELOG.md "$work/$name/"
  install -D -m 0644 packaging/gongshu.service "$work/$name/service/gongshu.service"
  install -m 0644 packaging/gongshu.yaml "$work/$name/service/gongshu.yaml"
  settle "$work/$name"
  tar -C "$work" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -9n > "$out/$name.tar.gz.part"
  mv "$out/$name.tar.gz.part" "$out/$name.tar.gz"
  told "$out/$name.tar.gz"
}

make_deb() {
  local root=$work/deb name=gongshu_${version}_$arch.deb depends
  install -d "$root/DEBIAN" "$root/usr/share/doc/gongshu" "$root/usr/share/man/man1"
  cp -a "$tree"/* "$root/usr/"
  rm -f "$root"/usr/lib/gongshu/libstdc++.so.* "$root"/usr/lib/gongshu/libgcc_s.so.*  # those of Debian
  cp -a "$papers/." "$root/usr/share/doc/gongshu/"
  gzip -9nc CHANGELOG.md > "$root/usr/share/doc/gongshu/changelog.gz"
  fill packaging/gongshu.1 | gzip -9nc > "$root/usr/share/man/man1/gongshu.1.gz"
  install -D -m 0644 packaging/gongshu.service "$root/usr/lib/systemd/system/gongshu.service"
  install -D -m 0644 packaging/gongshu.yaml "$root/etc/gongshu/gongshu.yaml"
  install -m 0755 packaging/postinst packaging/prerm packaging/postrm "$root/DEBIAN/"
  echo /etc/gongshu/gongshu.yaml > "$root/DEBIAN/conffiles"
  mkdir -p "$work/debian"
  printf 'Source: gongshu\n\nPackage: gongshu\nArchitecture: %s\n' "$arch" > "$work/debian/control"
  depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -xgongshu "-l$root/usr/lib/gongshu" "$root/usr/bin/gongshu" \
    "$root"/usr/lib/gongshu/*.so* 2> "$work/shlibdeps" | sed -n 's/^shlibs:Depends=//p') || { cat "$work/shlibdeps" >&2; exit 1; }
  cat > "$root/DEBIAN/control" <<CONTROL
Package: gongshu
Version: $version
Architecture: $arch
Maintainer: The Gongshu authors <gongshu@localhost>
Installed-Size: $(du -k --apparent-size -s --exclude=DEBIAN "$root" | cut -f1)
Pre-Depends: init-system-helpers (>= 1.54~)
Depends: $depends, passwd, tzdata
Recommends: ca-certificates
Section: misc
Priority: optional
Description: industrial internet platform in one program
 Connects machines (Modbus TCP, MQTT), keeps their readings for good, watches
 them with rules, and shows on web pages what is wrong and why. One program,
 one folder of data, no broker or database to install first.
CONTROL
  (cd "$root" && find etc usr -type f | sort | xargs -d '\n' md5sum) > "$root/DEBIAN/md5sums"
  chmod 0644 "$root"/DEBIAN/{control,conffiles,md5sums}
  settle "$root"
  # One thread: how many cores a machine has must not be seen in the bytes.
  dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$root" "$out/$name" > /dev/null
  told "$out/$name"
}

echo "Gongshu $version for $arch, needs glibc $glibc:"
for kind in "${kinds[@]}"; do "make_$kind"; done
