#!/usr/bin/env bash
# check_exports.sh FOLDER OPENSSL: fails when a program or shared library below FOLDER exports a symbol that libcrypto or libssl defines.
# OPENSSL is the prefix that was linked, or "system". The system's own OpenSSL may be loaded into the same process by some other library;
# exported symbols of ours would then take the place of its own.
set -euo pipefail
export LC_ALL=C
folder=$1
openssl=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ "$openssl" = system ]; then
  libraries=$(for name in crypto ssl; do readlink -f "$(pkg-config --variable=libdir libcrypto)/lib$name.so"; done)
  kind=-D
else
  libraries="$openssl/lib/libcrypto.a $openssl/lib/libssl.a"
  kind=-g
fi
# shellcheck disable=SC2086
nm $kind --defined-only $libraries | awk 'NF == 3 {sub(/@.*/, "", $3); print $3}' | sort -u >"$work/openssl"
[ "$(wc -l <"$work/openssl")" -gt 1000 ] || { echo "exports: no symbols found in $libraries"; exit 1; }

checked=0
failed=0
while read -r file; do
  [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
  checked=$((checked + 1))
  nm -D --defined-only "$file" 2>/dev/null | awk 'NF == 3 {sub(/@.*/, "", $3); print $3}' | sort -u >"$work/exported"
  comm -12 "$work/openssl" "$work/exported" >"$work/both"
  if [ -s "$work/both" ]; then
    echo "exports: $file exports $(wc -l <"$work/both") symbols of OpenSSL: $(head -n 5 "$work/both" | tr '\n' ' ')"
    failed=1
  fi
done < <(find "$folder" -type f \( -perm -u+x -o -name '*.so' -o -name '*.so.*' \) ! -path '*/CMakeFiles/*')
echo "exports: $checked programs and libraries checked"
[ "$checked" -gt 0 ] && [ "$failed" = 0 ]
