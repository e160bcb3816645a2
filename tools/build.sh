#!/usr/bin/env bash
# tools/build.sh PRESET TARGET…: configures once, builds, shows progress with the time left.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" > "/tmp/gongshu-configure.$$" || { cat "/tmp/gongshu-configure.$$"; exit 1; }
rm -f "/tmp/gongshu-configure.$$"
terminal=0
[ -t 1 ] && terminal=1
set -o pipefail
NINJA_STATUS='@@ %f %t %e ' ninja -C "build/$preset" "$@" | awk -v preset="$preset" -v terminal="$terminal" '
  /^@@ / {
    done = $2; total = $3; seconds = $4
    left = done > 0 ? seconds * (total - done) / done : 0
    line = sprintf("[%s %d/%d] %.0f s, about %.0f s left", preset, done, total, seconds, left)
    if (terminal) { printf "\r\033[K%s", line; fflush() }
    else if (done == total || done % 20 == 0) { print line; fflush() }
    next
  }
  { if (terminal) printf "\r\033[K"; print; fflush() }
  END { if (terminal) print "" }'
