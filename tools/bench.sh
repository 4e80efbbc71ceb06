#!/usr/bin/env bash
# ./dev bench: measures the release build.
#   (nothing)   micro and system
#   micro       the libraries' micro-benchmarks; options go to Google Benchmark      system   a whole deployment (bench/); --quick: in 25 s
#   traffic     what sizes and times reveal of an answer's topic (bench/traffic); --quick: under two minutes; exits 1 when its control fails
#   evidence    verifying evidence against its signatures alone; exits 1 when a ratio is over 1.15      peers   the same beside others' verifiers
# shellcheck disable=SC2119,SC2120 # options are for a part that is named
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
python='' nvidia='' # set by python_env

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

traffic() {
  python_env bench/traffic/requirements.txt python
  need_fortunes
  say "what sizes and times reveal"
  # One thread: the trees are small, and the deployment whose times are taken runs on the same cores.
  OPENPCC_BIN="$root/build/release/bin" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" "$python" bench/traffic/traffic.py "$@"
}

evidence() {
  say "verifying evidence"
  python3 bench/evidence.py ratios
}

peers() {
  need_openssl
  go_program OPENPCC_PEERS_GO bench/peers/go peers-go
  rust_program OPENPCC_PEERS_RUST bench/peers/rust peers-rust
  need_faketime
  export OPENPCC_FAKETIME
  python_env bench/peers/python/requirements.txt nvidia
  say "verifying evidence, beside others"
  python3 bench/evidence.py peers "$OPENPCC_PEERS_GO" "$OPENPCC_PEERS_RUST" "$nvidia bench/peers/python/nvidia.py"
}

what=${1:-all}
[ $# -eq 0 ] || shift
case $what in
  all | micro | system | traffic | evidence | peers) ;;
  *) die "no such part: $what (micro, system, traffic, evidence or peers)" ;;
esac
printf 'machine: %s, %s cores; commit: %s; command: %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" \
  "$(git describe --always --dirty 2>/dev/null || echo unknown)" "./dev bench $what${*:+ $*}"
case $what in
  all) micro; system ;;
  *) "$what" "$@" ;;
esac
