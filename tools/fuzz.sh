#!/usr/bin/env bash
# ./dev fuzz [TARGET] [SECONDS]: libFuzzer with ASan and UBSan on one target or on all. New inputs are kept in build/fuzz-corpus/TARGET, what
# crashes in build/fuzz-crashes/TARGET; a crash becomes a file of the target's corpus with its fix.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
target=${1:-all}
seconds=${2:-60}
case $target in [0-9]*) seconds=$target target=all ;; esac

need_packages build clang
need_openssl
use_ccache
say "build (libFuzzer)"
if [ "$target" = all ]; then build fuzz fuzzers; else build fuzz "fuzz_$target"; fi

# fuzz_one PROGRAM: ends with the program's exit status.
fuzz_one() {
  local name=${1##*/fuzz_} seeds corpus crashes
  seeds=$(find libs apps bindings -path "*/fuzz/corpus/$name" -type d 2>/dev/null | head -n 1)
  corpus="build/fuzz-corpus/$name"
  crashes="build/fuzz-crashes/$name"
  mkdir -p "$corpus" "$crashes"
  say "$name, $seconds s"
  "$1" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="$crashes/" -rss_limit_mb=2048 -timeout=10 \
    "$corpus" ${seeds:+"$seeds"} 2>&1 | tail -n 25
}

failed=()
while read -r program; do
  case $target in all | "${program##*/fuzz_}") ;; *) continue ;; esac
  fuzz_one "$program" || failed+=("${program##*/fuzz_}")
done < <(find build/fuzz -name 'fuzz_*' -type f -perm -u+x | sort)
if [ ${#failed[@]} -gt 0 ]; then die "crashes in: ${failed[*]} (build/fuzz-crashes)"; fi
