#!/usr/bin/env bash
# Installs what is missing, and only that: tools/deps.sh [build] [test] [lint] [rivals]. Run again, it does nothing.
# Sources: Debian 12's packages, one source package of Debian 13 and npm with a lock file.
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(
  g++ cmake ninja-build ccache lld pkg-config python3
  libboost1.81-dev libboost-json1.81-dev libfmt-dev libspdlog-dev libsimdjson-dev libyaml-cpp-dev
  libjpeg62-turbo-dev libpng-dev libssh2-1-dev
  libsoci-dev libsqlite3-dev libssl-dev libargon2-dev libudunits2-dev libhowardhinnant-date-dev zlib1g-dev libexpat1-dev libqrencode-dev
  libgtest-dev tzdata ca-certificates dpkg-dev
)
test_packages=(
  python3 python3-yaml python3-paho-mqtt python3-pymodbus python3-serial python3-serial-asyncio mosquitto-clients libmodbus-dev curl strace iproute2 openssh-server postgresql-client
  chromium fonts-noto-cjk python3-openpyxl python3-xlwt python3-aiosmtpd python3-influxdb influxdb-client prometheus python3-scapy
)
lint_packages=(clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev)
# What `gongshu bench` is compared with, where somebody wants that.
rival_packages=(clickhouse-server influxdb mosquitto postgresql-15 victoria-metrics)

packages=()
for part in "$@"; do
  case "$part" in
    build) packages+=("${build_packages[@]}") ;;
    test) packages+=("${test_packages[@]}") ;;
    lint) packages+=("${lint_packages[@]}") ;;
    rivals) packages+=("${rival_packages[@]}") ;;
    *) echo "tools/deps.sh: unknown part '$part' (build, test, lint, rivals)" >&2; exit 2 ;;
  esac
done
# Debian's own Node 18 unless the machine has one that is as new.
if ! command -v node >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 18 ] || ! command -v npm >/dev/null; then
  packages+=(nodejs npm)
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -q
  # Services stay off: RUNLEVEL=1 keeps packages from starting daemons.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}"
fi

# What npm has of a folder's lock file.
npm_folder() {
  local stamp=$1/node_modules/.installed want
  [ -f "$1/package-lock.json" ] || return 0
  want=$(sha256sum "$1/package-lock.json" | cut -d' ' -f1)
  [ "$(cat "$stamp" 2>/dev/null || true)" != "$want" ] || return 0
  echo "Installing $2"
  # The web's bundler is a program of its own, placed by its install script; without scripts its package is enough.
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
  mkdir -p "$1/node_modules"
  echo "$want" > "$stamp"
}
case " $* " in *" build "*) tools/open62541.sh ;; esac
npm_folder web "the web packages"
npm_folder tools/duckdb "the library of SQL (x86-64 and arm64 with glibc)"
case " $* " in *" test "*) npm_folder tests/clients "the clients that the tests speak through" ;; esac
