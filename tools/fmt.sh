#!/usr/bin/env bash
# ./dev fmt: formats every C++ source in place.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$root"
need_packages fmt
cxx_sources | xargs clang-format-19 -i
