#!/usr/bin/env bash
# clang-tidy 19 over the units that changed since main (or all, with --all), and the two style tests.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/clang/build.ninja ] || cmake --preset clang > /dev/null
/usr/bin/python3 tests/floors.py .
/usr/bin/python3 tests/tidy.py . build/clang || true
if [ "${1:-}" = --all ]; then
  files=$(git ls-files 'src/*.cpp' 'plant/*.cpp')
else
  files=$(git diff --name-only --diff-filter=d "$(git merge-base HEAD main)" -- 'src/*.cpp' 'plant/*.cpp')
fi
[ -z "$files" ] || echo "$files" | xargs -P "$(nproc)" -n 4 clang-tidy-19 -p build/clang --quiet
