#!/bin/sh
# Installs the Debian packages that are missing for the named groups, and nothing when none is.
#
#   sh cmake/bootstrap.sh [build] [test] [full]      default: build
#
#   build   compiler, CMake and the libraries of design: enough for the library, the command line and the twin
#   test    build, and what the tests talk to: redis-server, Prometheus, nghttp2, Python peers
#   full    test, and Java, Maven and Node for tests/interop, Clang for the fuzzers and clang-tidy, Doxygen, and what makes
#           and tries the Debian packages
#
# Needs root or sudo only when something is missing; otherwise prints the command to run and ends with 2. No service is
# started or left running.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

build_packages="g++ cmake ninja-build pkg-config libcurl4-openssl-dev libssl-dev libhiredis-dev libcpp-httplib-dev
    libspdlog-dev libsqlite3-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev libxxhash-dev
    libhowardhinnant-date-dev tzdata libnghttp2-dev"
test_packages="doctest-dev libbenchmark-dev redis-server prometheus nghttp2-client nghttp2-server python3 python3-h2
    python3-cryptography openssl curl ca-certificates"
full_packages="clang llvm clang-tidy libclang-rt-14-dev doxygen dpkg-dev file debootstrap ccache"

wanted=""
need_full=no
for group in "${@:-build}"; do
    case "$group" in
        build) wanted="$wanted $build_packages" ;;
        test) wanted="$wanted $build_packages $test_packages" ;;
        full)
            wanted="$wanted $build_packages $test_packages $full_packages"
            need_full=yes
            ;;
        *)
            echo "bootstrap: unknown group '$group' (build, test or full)" >&2
            exit 2
            ;;
    esac
done

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "bootstrap: not a Debian system; assuming these are here by other means (Debian names):" >&2
    echo "$wanted" | tr -s ' \n' '  ' >&2
    echo >&2
    exit 0
fi

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=""
for package in $wanted; do
    case " $missing " in
        *" $package "*) ;;
        *) installed "$package" || missing="$missing $package" ;;
    esac
done
# A newer Java or Node than Debian's is as good, however it came here.
if [ "$need_full" = yes ]; then
    command -v javac >/dev/null 2>&1 || missing="$missing default-jdk-headless"
    command -v mvn >/dev/null 2>&1 || missing="$missing maven"
    command -v node >/dev/null 2>&1 || missing="$missing nodejs"
    command -v npm >/dev/null 2>&1 || missing="$missing npm"
fi
missing="${missing# }"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root="sudo"
else
    echo "bootstrap: these packages are missing and installing them needs root. Run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends $missing" >&2
    exit 2
fi

echo "bootstrap: installing $missing"

# Packages of servers start them on installation; the tests start their own. Debian asks this file first.
policy=/usr/sbin/policy-rc.d
made_policy=no
remove_policy() {
    [ "$made_policy" = no ] || $as_root rm -f "$policy"
    made_policy=no
}
trap remove_policy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ ! -e "$policy" ]; then
    echo "bootstrap: keeping services from starting ($policy, removed afterwards)"
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    made_policy=yes
    $as_root chmod 755 "$policy"
fi

run_apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -o Dpkg::Use-Pty=0 "$@"
}
run_apt update
# shellcheck disable=SC2086  # a list of package names
run_apt install -y --no-install-recommends $missing
