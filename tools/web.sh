#!/usr/bin/env bash
# Builds the pages into web/dist when their sources changed; the program then carries them inside.
set -euo pipefail
cd "$(dirname "$0")/../web"
[ -f package.json ] || exit 0
sum=$(git ls-files -z -c -o --exclude-standard . | sort -z | xargs -0 sha256sum 2>/dev/null | sha256sum | cut -d' ' -f1)
if [ "$(cat dist/.built 2>/dev/null || true)" != "$sum" ]; then
  echo "Building the pages"
  npm_config_loglevel=error npm run --silent build
  echo "$sum" > dist/.built
fi
