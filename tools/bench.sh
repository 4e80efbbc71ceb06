#!/usr/bin/env bash
# ./dev bench: the libraries' micro-benchmarks on the release build, then the whole system (bench/system.py).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
python= # set by python_env
printf 'machine: %s, %s cores; commit: %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
  "$(git describe --always --dirty 2>/dev/null || echo unknown)"
find build/release -name '*_bench' -type f -perm -u+x | sort | while read -r program; do
  say "${program##*/}"
  "$program" --benchmark_min_time=0.2 "$@"
done
if [ -e bench/system.py ]; then
  python_env tests/requirements.txt python
  say "the whole system"
  OPENPCC_BIN="$root/build/release/bin" "$python" bench/system.py
fi
