#!/usr/bin/env bash
# tools/embed.sh FOLDER OUT_S OUT_CPP NAME gzip|raw: packs every file of FOLDER (gzip without time stamps, or as it is) into an assembler file and
# writes the table that finds them: `std::span<const app::EmbeddedFile> NAME()`. No folder, empty table.
set -euo pipefail
folder=$1 assembler=$2 source=$3 name=$4 how=$5
packed=$(dirname "$assembler")/packed_$name
rm -rf "$packed"
mkdir -p "$packed"
mime() {
  case "$1" in
    *.html) echo "text/html; charset=utf-8" ;; *.js|*.mjs) echo "text/javascript; charset=utf-8" ;;
    *.css) echo "text/css; charset=utf-8" ;; *.svg) echo "image/svg+xml" ;; *.json|*.map) echo "application/json" ;;
    *.png) echo "image/png" ;; *.woff2) echo "font/woff2" ;; *.ico) echo "image/x-icon" ;;
    *.webmanifest) echo "application/manifest+json" ;; *.yaml) echo "application/yaml" ;; *) echo "application/octet-stream" ;;
  esac
}
{
  echo '    .section .rodata'
  echo '    .section .note.GNU-stack,"",@progbits'
  echo '    .section .rodata'
} > "$assembler"
declarations="" rows="" i=0
if [ -d "$folder" ]; then
  while IFS= read -r file; do
    path=${file#"$folder"/}
    if [ "$how" = gzip ]; then gzip -9nc "$file" > "$packed/$i.bin"; else cp "$file" "$packed/$i.bin"; fi
    etag=$(sha256sum "$packed/$i.bin" | cut -c1-16)
    printf '    .balign 16\n    .global %s_%d\n%s_%d:\n    .incbin "%s"\n    .global %s_%d_end\n%s_%d_end:\n    .byte 0\n' \
      "$name" "$i" "$name" "$i" "$packed/$i.bin" "$name" "$i" "$name" "$i" >> "$assembler"
    declarations+="extern const unsigned char ${name}_$i[]; extern const unsigned char ${name}_${i}_end[];"$'\n'
    rows+="    {\"$path\", \"$(mime "$path")\", \"$etag\", ${name}_$i, ${name}_${i}_end},"$'\n'
    i=$((i + 1))
  done < <(find "$folder" -type f ! -name '.*' | LC_ALL=C sort)
fi
cat > "$source" <<CPP
// Made by tools/embed.sh; not for editing.
#include "app/embedded.h"
extern "C" {
$declarations}
namespace gongshu::app {
static const EmbeddedFile ${name}_rows[] = {
$rows    {nullptr, nullptr, nullptr, nullptr, nullptr}};
std::span<const EmbeddedFile> ${name}() { return {${name}_rows, $i}; }
}  // namespace gongshu::app
CPP
