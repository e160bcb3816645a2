#!/usr/bin/env bash
# tools/image.sh [--version V] [--out FOLDER]: makes build/package/gongshu-V-oci-amd64.tar, an OCI image layout (oci-layout, index.json, blobs by
# SHA-256) of a small Debian 12 with the .deb installed in it; no Docker is needed. Needs root and mmdebstrap, and takes Debian's packages from
# where this machine does. The same packages give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C TZ=UTC
umask 022
version=$(sed -n 's/.*kVersion = "\(.*\)".*/\1/p' src/app/version.h)
out=build/package
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    *) echo "usage: tools/image.sh [--version V] [--out FOLDER]" >&2; exit 2 ;;
  esac
done
deb=$out/gongshu_${version}_amd64.deb
[ -f "$deb" ] || { echo "tools/image.sh: $deb is missing: make package" >&2; exit 1; }
[ "$(id -u)" = 0 ] && command -v mmdebstrap > /dev/null || { echo "tools/image.sh needs root and mmdebstrap" >&2; exit 2; }
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md); fi
export SOURCE_DATE_EPOCH
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
work=$(mktemp -d /var/tmp/gongshu-image.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT

mmdebstrap --quiet --variant=essential --mode=root --include=libstdc++6,passwd,init-system-helpers,tzdata,ca-certificates \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt='path-include=/usr/share/doc/gongshu/*' \
  --customize-hook="upload '$deb' /tmp/gongshu.deb" --customize-hook='chroot "$1" dpkg -i /tmp/gongshu.deb > /dev/null' \
  --customize-hook='rm "$1/tmp/gongshu.deb"' \
  --customize-hook='rm -rf "$1"/var/lib/apt "$1"/var/cache/* "$1"/var/log/*.log "$1"/var/log/apt; rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/passwd- "$1"/etc/group- "$1"/etc/shadow- "$1"/etc/gshadow-' \
  bookworm "$work/layer.tar" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }

blobs=$work/layout/blobs/sha256
mkdir -p "$blobs"
diff_id=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
put() {  # FILE: stands in the blobs under its hash; prints hash and size
  local hash size
  hash=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$blobs/$hash"
  echo "$hash $size"
}
gzip -9nc "$work/layer.tar" > "$work/layer.gz"
read -r layer layer_size < <(put "$work/layer.gz")
# The same command line as the service's; --lan, since a container's own loopback is reached by nobody.
cat > "$work/config" <<JSON
{"created":"$created","architecture":"amd64","os":"linux","config":{"User":"gongshu:gongshu","WorkingDir":"/var/lib/gongshu",
"Entrypoint":["/usr/bin/gongshu","serve","--config","/etc/gongshu/gongshu.yaml"],"Cmd":["--lan","--ready-json","/var/lib/gongshu/ready.json"],"Env":["PATH=/usr/bin:/bin","LC_ALL=C.UTF-8"],
"ExposedPorts":{"8080/tcp":{},"8883/tcp":{}},"Volumes":{"/var/lib/gongshu":{}},"StopSignal":"SIGTERM",
"Healthcheck":{"Test":["CMD","/bin/bash","-c","exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\\\r\\\\nHost: 127.0.0.1\\\\r\\\\n\\\\r\\\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"],"Interval":30000000000,"Timeout":5000000000,"StartPeriod":60000000000},
"Labels":{"org.opencontainers.image.title":"gongshu","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"Apache-2.0"}},
"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},
"history":[{"created":"$created","created_by":"tools/image.sh"}]}
JSON
read -r config config_size < <(put "$work/config")
cat > "$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$config_size},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$layer_size}]}
JSON
read -r manifest manifest_size < <(put "$work/manifest")
echo '{"imageLayoutVersion":"1.0.0"}' > "$work/layout/oci-layout"
cat > "$work/layout/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$manifest_size,
"platform":{"architecture":"amd64","os":"linux"},"annotations":{"org.opencontainers.image.ref.name":"$version"}}]}
JSON
file=$out/gongshu-$version-oci-amd64.tar
tar -C "$work/layout" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -cf "$file.part" blobs index.json oci-layout
mv "$file.part" "$file"
printf '%s  %s  %.1f MB (unpacked %.1f MB)\n' "$(sha256sum "$file" | cut -c1-16)" "$file" "$(stat -c %s "$file" | awk '{ print $1 / 1e6 }')" "$(stat -c %s "$work/layer.tar" | awk '{ print $1 / 1e6 }')"
