#!/usr/bin/env bash
# ./dev test: every build and every test, then one line "N passed, N failed, N skipped". See CONTRIBUTING.md for what each pass is for.
#   (nothing)   release, ASan+UBSan and TSan builds, their C++ tests, the end-to-end tests on each, and the checks of the tree
#   unit        C++ tests of the release build          e2e [pytest options]   end-to-end tests on the release build
#   soak        ten thousand random cuts, and a thousand streams for a minute with connections killed: 10 min
#   vllm        the tests that need a real vLLM
#   boot        a virtual machine boots and its TPM is read: measured values against computed ones, 5 min
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
python= # set by python_env

results="$root/build/results"
export OPENPCC_RULES_TRIPPED="$results/rules-tripped"
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=second_deadlock_stack=1
ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-19 || true)
[ -z "$ASAN_SYMBOLIZER_PATH" ] || export ASAN_SYMBOLIZER_PATH TSAN_SYMBOLIZER_PATH="$ASAN_SYMBOLIZER_PATH"

# check NAME COMMAND... runs one step; its outcome counts as one test. A failed step does not hide the later ones.
check() {
  local name=$1 outcome=passed
  shift
  "$@" || outcome=failed
  printf '%s\t%s\n' "$outcome" "$name" >>"$results/checks"
  [ "$outcome" = passed ]
}

# cpp_tests PRESET [ctest options]: the outcome of each GoogleTest case lies in XML files, of the other programs in ctest's own.
cpp_tests() {
  local preset=$1 dir="$results/$1"
  shift
  mkdir -p "$dir/gtest"
  GTEST_OUTPUT="xml:$dir/gtest/" GTEST_BRIEF=1 \
    ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" --output-junit "$dir/ctest.xml" "$@" || true # counted from the files
}

# py_tests PASS PRESET [pytest options]: tests/ against the programs of that build.
py_tests() {
  local pass=$1 preset=$2
  shift 2
  mkdir -p "$results/$pass"
  OPENPCC_BUILD="$root/build/$preset" OPENPCC_BIN="$root/build/$preset/bin" OPENPCC_PRESET="$preset" \
    "$python" -m pytest tests -c tests/pytest.ini --junit-xml="$results/$pass/pytest.xml" "$@" || true # counted from the file
  [ -e "$results/$pass/pytest.xml" ] || { printf 'failed\tpytest (%s) did not finish\n' "$pass" >>"$results/checks"; }
}

python_tools() {
  python_env tests/requirements.txt python
  node_env "$python"
  client_envs
  ohttp_client
  need_nginx
  need_haproxy
  need_faketime
  need_boot_files
}

summary() { python3 tools/summary.py "$results"; }

pass_release() {
  say "release (g++): build"
  if check "build release" build release; then
    say "release (g++): C++ tests"
    cpp_tests release
  fi
}

pass_asan() {
  say "ASan and UBSan (clang): build"
  if check "build asan" build asan; then
    say "ASan and UBSan (clang): C++ tests"
    cpp_tests asan
  fi
}

# Below `http` nothing knows threads, so TSan has nothing to see there.
pass_tsan() {
  say "TSan (clang), http and above: build"
  if check "build tsan" build tsan concurrent programs; then
    say "TSan (clang): C++ tests"
    cpp_tests tsan -L concurrent
  fi
}

pass_e2e() {
  say "end to end, on the release build"
  py_tests e2e-release release -m "not vllm and not boot" "$@"
}

everything() {
  need_packages build clang python
  need_openssl
  use_ccache
  python_tools
  pass_release
  pass_e2e
  pass_asan
  say "end to end, on the ASan and UBSan build"
  py_tests e2e-asan asan -m "not vllm and not boot and not once"
  pass_tsan
  say "end to end, on the TSan build"
  py_tests e2e-tsan tsan -m "not vllm and not boot and not once"
  say "every rule id in the sources is tripped by a test"
  check "rules" python3 tools/rules.py check "$OPENPCC_RULES_TRIPPED" || true
}

only_release() {
  need_packages build python
  need_openssl
  use_ccache
  say "release (g++): build"
  build release
}

what=${1:-all}
[ $# -eq 0 ] || shift
rm -rf "$results"
mkdir -p "$results"
: >"$OPENPCC_RULES_TRIPPED"
case $what in
  all) everything ;;
  unit) only_release; cpp_tests release "$@" ;;
  e2e) only_release; python_tools; pass_e2e "$@" ;;
  soak)
    only_release
    python_tools
    say "end to end, for long"
    OPENPCC_CUTS=10000 OPENPCC_STREAMS=1000 OPENPCC_STREAM_SECONDS=60 \
      py_tests e2e-soak release -k "random_cuts or many_streams" -s "$@" ;;
  vllm)
    only_release
    python_tools
    python_env tests/vllm/requirements.txt OPENPCC_VLLM_PYTHON tests/vllm/override.txt
    export OPENPCC_VLLM_PYTHON
    say "end to end, with vLLM"
    py_tests e2e-vllm release -m vllm "$@" ;;
  boot)
    only_release
    need_packages boot
    python_env tests/requirements.txt python
    need_boot_files machine
    say "a virtual machine's boot, measured"
    py_tests e2e-boot release -m boot "$@" ;;
  *) die "no such part: $what (unit, e2e, soak, vllm or boot)" ;;
esac
summary
