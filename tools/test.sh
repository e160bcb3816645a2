#!/usr/bin/env bash
# Everything `make test` promises, in the order in which it is most likely to fail early.
set -euo pipefail
cd "$(dirname "$0")/.."
began=$SECONDS
step() { printf '\n== %s (after %d s)\n' "$1" "$((SECONDS - began))"; }

step "release build, the program that users run"
tools/build.sh release gongshu gongshu_bundled
if [ -f web/package.json ]; then
  step "pages: types and units"
  (cd web && npm run --silent check)
fi
step "units under AddressSanitizer and UBSan"
tools/build.sh dev all
ctest --preset dev -L fast -j "$(nproc)"
step "the real program against third-party clients, and the real page"
ctest --preset dev -L e2e -j "$(nproc)"
echo "all passed in $((SECONDS - began)) s"
