#!/bin/sh
# Builds the Debian packages (tree build/package), installs them with their dependencies in a scratch root that holds a minimal
# Debian, a compiler and CMake besides, and builds and runs examples/quickstart there.
#
# Needs root, debootstrap, dpkg-dev and a Debian mirror: TIDEGATE_DEB_MIRROR, else deb.debian.org. Without them the last line
# says SKIP and why. TIDEGATE_JOBS: jobs at once. Otherwise the last line is "PASS ..." or, with exit code 1, "FAIL: ...".
set -eu
LC_ALL=C.UTF-8
DEBIAN_FRONTEND=noninteractive
export LC_ALL DEBIAN_FRONTEND
root=$(cd "$(dirname "$0")/../.." && pwd)
jobs=${TIDEGATE_JOBS:-$(nproc 2>/dev/null || echo 2)}
mirror=${TIDEGATE_DEB_MIRROR:-http://deb.debian.org/debian}
started=$(date +%s)

say() { echo "deb: $* ($(($(date +%s) - started)) s)"; }
fail() {
    echo "FAIL: $*"
    exit 1
}
skip() {
    echo "SKIP: $*"
    exit 0
}
quietly() {
    "$@" >"$work/log" 2>&1 || {
        tail -n 60 "$work/log" >&2
        fail "$*"
    }
}

ID=unknown
VERSION_CODENAME=unknown
# shellcheck disable=SC1091
if [ -r /etc/os-release ]; then . /etc/os-release; fi
[ "$ID" = debian ] || skip "Debian packages are tried on Debian only"
[ "$(id -u)" = 0 ] || skip "a scratch root can be made by root only"
for program in debootstrap dpkg-shlibdeps chroot curl; do
    command -v $program >/dev/null 2>&1 || skip "$program is not installed"
done
curl -fsS --max-time 20 -o /dev/null "$mirror/dists/$VERSION_CODENAME/InRelease" 2>/dev/null || skip "no Debian mirror answers"

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$root"
quietly cmake --preset package
quietly cmake --build build/package -j "$jobs"
say "built"
quietly cpack --config build/package/CPackConfig.cmake -B "$work/cpack"
mkdir "$work/debs"
cp "$work"/cpack/*.deb "$work/debs"
(cd "$work/debs" && ls -- *.deb)
say "packed"

version=$(sed -n 's/^project(tidegate VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
for package in libtidegate0.1 libtidegate-dev tidegate-tools tidegate-twin; do
    deb=$(echo "$work/debs/${package}_${version}_"*.deb)
    [ -f "$deb" ] || fail "$package was not made"
    for field in Maintainer Description Section; do
        [ -n "$(dpkg-deb -f "$deb" $field)" ] || fail "$package has no $field"
    done
    dpkg-deb -c "$deb" | grep -q " ./usr/share/doc/$package/copyright$" || fail "$package has no copyright file"
    if dpkg-deb -c "$deb" | grep -v '^d' | grep -v ' \./usr/'; then fail "$package puts files outside of /usr"; fi
    echo "$package needs: $(dpkg-deb -f "$deb" Depends)"
done
needs() {
    dpkg-deb -f "$work/debs/$1_"*.deb Depends | grep -qF "$2" || fail "$1 does not depend on $2"
}
needs libtidegate-dev "libtidegate0.1 (= $version)"
needs tidegate-tools "libtidegate0.1 (= $version)"
needs libtidegate0.1 libc6
needs libtidegate0.1 libsqlite3-0
needs libtidegate0.1 tzdata
if dpkg-deb -f "$work/debs/libtidegate-dev_"*.deb Depends | grep -q -- '-dev'; then
    fail "libtidegate-dev of a shared library needs other -dev packages"
fi
if dpkg-deb -c "$work/debs/libtidegate0.1_"*.deb | grep '\.hpp\|/cmake/\|\.so$'; then
    fail "the runtime holds development files"
fi

quietly debootstrap --variant=minbase "$VERSION_CODENAME" "$work/root" "$mirror"
say "scratch root"
inside() { chroot "$work/root" env HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
printf 'deb %s %s main\ndeb %s %s-updates main\n' "$mirror" "$VERSION_CODENAME" "$mirror" "$VERSION_CODENAME" \
    >"$work/root/etc/apt/sources.list"
mkdir "$work/root/debs"
cp "$work/debs"/*.deb "$work/root/debs"
cp -r examples/quickstart "$work/root/quickstart"
quietly inside apt-get -q update
quietly inside sh -c 'apt-get -q install -y --no-install-recommends /debs/libtidegate*.deb g++ cmake make'
say "library installed"
quietly inside cmake -S /quickstart -B /build
quietly inside cmake --build /build
quietly inside sh -c 'mkdir /run-here && cd /run-here && timeout 60 /build/quickstart'
grep -q completed "$work/log" || fail "quickstart does not say that it completed"
say "quickstart built and run"
quietly inside sh -c 'apt-get -q install -y --no-install-recommends /debs/tidegate-*.deb'
quietly inside sh -c 'tidegate --version && tidegate-twin --help'
quietly inside sh -c 'apt-get -q purge -y tidegate-tools tidegate-twin libtidegate-dev libtidegate0.1'
inside find /usr /etc /var/lib -xdev -name '*tidegate*' -not -path '/var/lib/apt/*' >"$work/left"
[ ! -s "$work/left" ] || fail "left behind: $(cat "$work/left")"

echo "PASS in $(($(date +%s) - started)) s: packages built, installed, used and removed in a scratch root"
