#!/usr/bin/env bash
# ./dev vectors: every maker makes its vectors again, which must equal those committed.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
for maker in "$root"/tools/vectors/make-*.sh; do
  say "vectors: $(basename "$maker")"
  "$maker" --check
done
