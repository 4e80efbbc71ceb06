#!/usr/bin/env bash
# chroot-test.sh [OPTIONS] bookworm|trixie [VERB...]: what a first user meets. Makes a minimal Debian root with mmdebstrap, puts a fresh clone of
# HEAD into it and runs the given lines of ./dev there ("demo" and "test" when none are given; "test unit" is one argument). Needs root.
#   --shared DIR   the shared test vectors, copied beside the clone (default: ../shared where it exists)
#   --keep DIR     keep OpenPCC's cache and apt's archives of the root in DIR: quicker, but not what a first user meets
#   --root DIR     use this folder and leave it there afterwards (default: a temporary one, removed)
#   --mirror URL   default http://deb.debian.org/debian
#   --ca FILE      a further certificate authority, where the network has one of its own (default: $PIP_CERT)
set -euo pipefail

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mirror=http://deb.debian.org/debian
shared=$repository/../shared
ca=${PIP_CERT:-}
keep=
target=
die() { printf 'chroot-test: %s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    --shared) shared=$2; shift 2 ;;
    --keep) keep=$2; shift 2 ;;
    --root) target=$2; shift 2 ;;
    --mirror) mirror=$2; shift 2 ;;
    --ca) ca=$2; shift 2 ;;
    bookworm | trixie) suite=$1; shift; break ;;
    *) die "unknown option or suite: $1" ;;
  esac
done
[ -n "${suite:-}" ] || die "name a suite: bookworm or trixie"
[ "$(id -u)" -eq 0 ] || die "needs root (mmdebstrap, chroot)"
command -v mmdebstrap >/dev/null || die "mmdebstrap is not installed"
[ $# -gt 0 ] || set -- demo test

if [ -z "$target" ]; then
  target=$(mktemp -d "${TMPDIR:-/var/tmp}/openpcc-$suite.XXXXXX")
  trap 'rm -rf --one-file-system "$target"' EXIT
fi

make_root() {
  [ -e "$target/etc/debian_version" ] && return
  echo "== chroot-test: a minimal $suite"
  mmdebstrap --quiet --variant=apt --mode=root "$suite" "$target" \
    "deb $mirror $suite main" "deb $mirror $suite-updates main" "deb ${mirror%/debian*}/debian-security $suite-security main"
}

# The clone and the vectors are copies: nothing that runs inside can change the tree outside.
fill_root() {
  rm -rf "$target/src"
  mkdir -p "$target/src"
  git clone --quiet --no-hardlinks "$repository" "$target/src/openpcc"
  if [ -d "$shared" ]; then
    cp -rL "$shared" "$target/src/shared"
  else
    echo "== chroot-test: no shared vectors at $shared; their tests will skip"
  fi
  cp -L /etc/resolv.conf "$target/etc/resolv.conf"
  if [ -n "$ca" ]; then
    # ca-certificates, installed later, adds it to its bundle; pip and npm are told by name.
    mkdir -p "$target/usr/local/share/ca-certificates"
    cp "$ca" "$target/usr/local/share/ca-certificates/network.crt"
  fi
}

# inside runs a command in the root with mounts and processes of its own, which end with it.
inside() {
  local settings=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb)
  if [ -n "$ca" ]; then
    settings+=(PIP_CERT=/usr/local/share/ca-certificates/network.crt NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/network.crt)
  fi
  # shellcheck disable=SC2016
  target=$target keep=$keep unshare --mount --pid --fork --kill-child --mount-proc bash -euc '
    mount --bind "$target" "$target"
    mount -t proc proc "$target/proc"
    mount -t sysfs -o ro sysfs "$target/sys"
    mount -t tmpfs tmpfs "$target/dev" -o mode=755
    mkdir -p "$target/dev/pts" "$target/dev/shm"
    for device in null zero full random urandom tty; do
      touch "$target/dev/$device"
      mount --bind "/dev/$device" "$target/dev/$device"
    done
    mount -t tmpfs tmpfs "$target/dev/shm"
    ln -s /proc/self/fd "$target/dev/fd"
    if [ -n "$keep" ]; then
      mkdir -p "$keep/openpcc" "$keep/archives/partial" "$target/root/.cache/openpcc"
      mount --bind "$keep/openpcc" "$target/root/.cache/openpcc"
      mount --bind "$keep/archives" "$target/var/cache/apt/archives"
    fi
    exec chroot "$target" /usr/bin/env -i "$@"
  ' bash "${settings[@]}" "$@"
}

make_root
fill_root
for line in "$@"; do
  echo "== chroot-test: $suite: ./dev $line"
  started=$SECONDS
  # shellcheck disable=SC2086
  inside bash -c 'cd /src/openpcc && exec ./dev "$@"' dev $line || die "$suite: ./dev $line failed after $((SECONDS - started)) s"
  echo "== chroot-test: $suite: ./dev $line: good, $((SECONDS - started)) s"
done
