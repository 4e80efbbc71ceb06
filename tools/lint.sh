#!/usr/bin/env bash
# ./dev lint [FILE...]: everything that reads the code without running it. clang-tidy looks at the libraries that know no sockets (a unit with
# Asio takes it 20 s); with FILEs it looks at those instead.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
need_packages build clang lint
need_openssl
use_ccache
failed=()
step() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

formatting() { cxx_sources | xargs clang-format-19 --dry-run -Werror; }

shell() { shellcheck -x -P tools dev .ci/run tools/*.sh examples/*.sh; }

# tidy runs on the sources of the libraries that stand below the outside world.
tidy() {
  local files=("$@")
  configure dev >/dev/null && ninja -C build/dev build.ninja >/dev/null || return 1
  if [ ${#files[@]} -eq 0 ]; then
    mapfile -t files < <(find libs -path '*/src/*.cpp' | grep -vE "^libs/($(outside))/" | sort)
  fi
  printf '%s\n' "${files[@]}" | xargs -P "$(jobs)" -n 2 clang-tidy-19 --quiet -p build/dev 2>/dev/null
}

# outside lists the libraries that may include sockets, themselves or through others.
outside() {
  python3 - <<'PY'
import tomllib
layers = tomllib.load(open("tools/layers.toml", "rb"))
out = set(layers["outside"]["libraries"])
print("|".join(sorted(out | {library for library, below in layers["arrows"].items() if out & set(below)})))
PY
}

step "formatting (./dev fmt mends it)" formatting
step "layers, includes, text" python3 tools/check_tree.py
step "shell scripts" shell
step "clang-tidy" tidy "$@"
if [ ${#failed[@]} -gt 0 ]; then die "lint: ${failed[*]}"; fi
say "lint: clean"
