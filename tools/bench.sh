#!/usr/bin/env bash
# Every benchmark at full size from the release build; each prints its floor first.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in build/release/*_bench; do
  [ -x "$program" ] || continue
  echo "== $(basename "$program")"
  "$program"
done
for name in ingest query; do
  echo "== gongshu bench $name"
  build/release/gongshu bench "$name"
done
# Beside the best of the others, where it is installed.
while read -r name peer; do
  echo "== gongshu bench $name"
  if [ -n "$(command -v "$peer" || PATH=/usr/sbin:$PATH command -v "$peer")" ]; then
    build/release/gongshu bench "$name" --vs "$peer"
  else
    echo "$peer is not installed: nothing is compared"
    build/release/gongshu bench "$name"
  fi
done <<< $'mqtt mosquitto\ncpu-only victoria-metrics'
