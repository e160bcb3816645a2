#!/usr/bin/env bash
# Every fuzzer with libFuzzer (clang 19) for SECONDS_EACH seconds, growing a corpus in build/clang/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck disable=SC2046  # names without blanks
tools/build.sh clang $(git ls-files '*_fuzz.cpp' | xargs -n1 basename -s .cpp)
for source in $(git ls-files '*_fuzz.cpp'); do
  name=$(basename "$source" .cpp)
  grown=build/clang/corpus/$name
  mkdir -p "$grown"
  echo "== $name"
  "build/clang/$name" "$grown" "$(dirname "$source")/corpus/${name%_fuzz}" -artifact_prefix=build/clang/ -max_total_time="${SECONDS_EACH:-60}" -print_final_stats=0 -timeout=10
done
