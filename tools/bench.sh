#!/usr/bin/env bash
# Every benchmark at full size from the release build; each prints its floor first.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in build/release/*_bench; do
  [ -x "$program" ] || continue
  echo "== $(basename "$program")"
  "$program"
done
for name in ingest query mqtt; do
  echo "== gongshu bench $name"
  build/release/gongshu bench "$name"
done
