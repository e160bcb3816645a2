#!/usr/bin/env bash
# Every benchmark at full size from the release build, each beside its floor and, where they are installed, beside its rivals;
# docs/benchmarks.md is drawn of the results. tools/bench.sh [small] [INTO]: a quick one into another folder, for the tests.
# RUNS (5) says how often each is measured, NOTE what else ran on the machine, GONGSHU_DATA where real measurements lie.
set -euo pipefail
cd "$(dirname "$0")/.."
program=${GONGSHU:-build/release/gongshu}
size=()
[ "${1:-}" != small ] || size=(--small)
into=${2:-docs}
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
if [ "${#size[@]}" = 0 ]; then
  for bench in build/release/*_bench; do
    [ -x "$bench" ] || continue
    echo "== $(basename "$bench")"
    "$bench"
  done
fi
names=(cpu-only plant devops iot live mqtt mqtt-points tags connect ingest query)
[ -z "${GONGSHU_DATA:-}" ] || names+=(real)
[ -n "${GONGSHU_DATA:-}" ] || echo "no real columns: GONGSHU_DATA names no folder of measurements"
for name in "${names[@]}"; do
  echo "== gongshu bench $name"
  beside=()
  case $name in
    cpu-only | plant | devops | iot | live | mqtt | mqtt-points | tags) beside=(--vs all) ;;
    real) beside=(--data "$GONGSHU_DATA") ;;
  esac
  "$program" bench "$name" "${beside[@]}" "${size[@]}" --runs "${RUNS:-5}" --json > "$reports/$name.json"
done
python3 tools/benchmarks.py $(printf "$reports/%s.json " "${names[@]}") --into "$into" --note "${NOTE:-}"
echo "The results stand in $into/benchmarks.md"
