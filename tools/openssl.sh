#!/usr/bin/env bash
# Prints the prefix of an OpenSSL >= 3.5 to build against: "system" where the installed one is new enough,
# otherwise a static build of Debian 13's source package, made once and kept in the per-user cache.
# Everything but that one line goes to standard error.
set -euo pipefail

suite=trixie
cache="${OPENPCC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/openpcc}"

# What OpenPCC never speaks stays out of the library: fewer bytes to audit, fewer ways to misconfigure.
options=("linux-$(uname -m)" no-shared no-tests no-docs no-apps no-module no-dso no-engine no-legacy no-autoload-config
  no-quic no-dtls no-ssl3 no-tls1 no-tls1_1 no-comp no-srp no-srtp no-slh-dsa no-dsa no-filenames
  no-aria no-bf no-camellia no-cast no-des no-idea no-md4 no-mdc2 no-rc2 no-rc4 no-rmd160 no-seed
  no-sm2 no-sm3 no-sm4 no-whirlpool no-psk no-gost
  no-multiblock no-dh no-ml-dsa no-ocb no-siv no-ec2m no-cms no-cmp no-ts no-ct no-ocsp no-rfc3779 no-http no-siphash no-blake2 no-scrypt no-argon2
  enable-ec_nistp_64_gcc_128 -fPIC -O2 -ffunction-sections -fdata-sections)  # sections: a linker leaves out what nobody calls

say() { printf 'openssl: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

if [ "${OPENPCC_OPENSSL:-auto}" != build ] && pkg-config --atleast-version=3.5.0 libcrypto 2>/dev/null; then
  echo system; exit 0
fi

# A private apt root reads Debian 13's source index from the mirror that the system already uses and leaves the system alone.
root="$cache/apt-$suite"
mirror=$(sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *(https?:[^ ]+).*/\3/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
  grep -E '/debian/?$' | head -n 1 || true)
mirror=${mirror:-http://deb.debian.org/debian} # a derivative's own mirror has no trixie; the archive's signature is what counts
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
apt_in_root() {
  local tool=$1; shift
  "$tool" -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State::lists="$root/lists" -o Dir::State::status="$root/status" -o Dir::Cache="$root/cache" \
    -o Dir::Cache::archives="$root/cache/archives" -o APT::Sandbox::User="$(id -un)" "$@"
}

prepare_root() {
  [ -r "$keyring" ] || die "$keyring is missing; install debian-archive-keyring"
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
  : >"$root/status"
  local security=${mirror%/debian*}/debian-security
  {
    echo "deb-src [signed-by=$keyring] $mirror $suite main"
    echo "deb-src [signed-by=$keyring] $mirror $suite-updates main"
    echo "deb-src [signed-by=$keyring] $security $suite-security main"
  } >"$root/sources.list"
  say "reading Debian 13's source index"
  # A mirror without the security suite still has the others: apt reports it and goes on.
  apt_in_root apt-get -qq update >&2 || say "part of the index could not be read; going on with the rest"
}

# The newest version may be announced before the mirror has its files: walk down until one can be fetched.
download() {
  local versions version
  versions=$(apt_in_root apt-cache showsrc --only-source openssl | sed -n 's/^Version: //p' | sort -rVu)
  [ -n "$versions" ] || die "Debian 13's index names no openssl source; is the mirror reachable?"
  for version in $versions; do
    dpkg --compare-versions "$version" ge 3.5 || continue
    say "fetching openssl $version"
    if (cd "$1" && apt_in_root apt-get -qq source --download-only "openssl=$version" >&2); then echo "$version"; return; fi
    say "openssl $version is not on the mirror; trying an older one"
  done
  die "no openssl >= 3.5 could be fetched"
}

# apt has checked the archive's own signature; this checks upstream's too, and a bad one is fatal.
check_upstream_signature() {
  local tarball signature keys
  signature=$(find . -maxdepth 1 -name 'openssl_*.orig.tar.gz.asc' | head -n 1)
  tarball=${signature%.asc}
  keys=$(find . -path '*/debian/upstream/signing-key.asc' | head -n 1)
  if [ -z "$signature" ] || [ -z "$keys" ]; then die "the source package carries no upstream signature"; fi
  gpg --homedir . --batch --yes --dearmor -o upstream.gpg "$keys" 2>/dev/null
  gpgv --quiet --keyring ./upstream.gpg "$signature" "$tarball" >&2 || die "upstream's signature of $tarball is bad"
}

# step runs a command with its output in a log; it says every 20 seconds that it lives, and shows the log's end when it fails.
step() {
  local name=$1 log="$work/$1.log" pid shown=$SECONDS
  shift
  "$@" >"$log" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.5
    if [ $((SECONDS - shown)) -ge 20 ]; then
      shown=$SECONDS
      say "$name: $(wc -l <"$log") lines of output so far"
    fi
  done
  wait "$pid" || { tail -n 20 "$log" >&2; die "$name failed"; }
}

build() {
  local work version source
  prepare_root
  work=$(mktemp -d "$cache/openssl-build.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  version=$(download "$work")
  cd "$work"
  dpkg-source --no-check -x openssl_*.dsc source >unpack.log 2>&1 || { cat unpack.log >&2; die "the source package cannot be unpacked"; }
  check_upstream_signature
  source="$work/source"
  cd "$source"
  say "building openssl $version once (two to four minutes on two cores)"
  step configure ./Configure "${options[@]}" --prefix="$prefix" --libdir=lib
  step build make -j"$(nproc)" build_libs
  step install make DESTDIR="$work/install" install_dev
  echo "$version" >"$work/install$prefix/VERSION"
  mkdir -p "$(dirname "$prefix")"
  # Moved into place whole, so that an interrupted build is never mistaken for a finished one.
  mv -T "$work/install$prefix" "$prefix"
  cd "$cache"
  say "installed openssl $version"
}

if [ -n "${OPENPCC_OPENSSL_PREFIX:-}" ]; then echo "$OPENPCC_OPENSSL_PREFIX"; exit 0; fi
key=$(printf '%s\n' "${options[*]}" "$(cc --version | head -n 1)" "$suite" | sha256sum | cut -c1-16)
prefix="$cache/openssl/$key"
mkdir -p "$cache"
exec 9>"$cache/openssl.lock"
flock 9 # two clones starting at once build it once
[ -e "$prefix/lib/libcrypto.a" ] || build
echo "$prefix"
