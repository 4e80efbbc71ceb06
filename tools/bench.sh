#!/usr/bin/env bash
# ./dev bench: measures the release build.
#   (nothing)   both of these
#   micro       the libraries' micro-benchmarks; options go to Google Benchmark      system   a whole deployment (bench/); --quick: in 25 s
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
python= # set by python_env

micro() {
  find build/release -name '*_bench' -type f -perm -u+x | sort | while read -r program; do
    say "${program##*/}"
    "$program" --benchmark_min_time=0.2 "$@"
  done
}

system() {
  python_env tests/requirements.txt python
  say "the whole system"
  OPENPCC_BIN="$root/build/release/bin" "$python" bench/system.py "$@"
}

what=${1:-all}
[ $# -eq 0 ] || shift
case $what in
  all | micro | system) ;;
  *) die "no such part: $what (micro or system)" ;;
esac
printf 'machine: %s, %s cores; commit: %s; command: %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
  "$(git describe --always --dirty 2>/dev/null || echo unknown)" "./dev bench $what${*:+ $*}"
case $what in
  all) micro; system ;;
  *) "$what" "$@" ;;
esac
