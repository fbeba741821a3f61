#!/bin/sh
# Uses tidegate as strangers do: builds examples/quickstart against installed prefixes (static and shared, moved after the
# installation) by find_package and pkg-config, and against the sources by add_subdirectory and FetchContent; looks at what
# the shared library exports, at the words about missing components, and builds the library without its optional features.
#
# The library is compiled three times without optimisation, in trees under build/consumers that are kept for the next time, and
# once more for each way of taking in sources, through ccache. TIDEGATE_JOBS: jobs at once. TIDEGATE_PACKAGE_TREES: where the
# trees lie instead. Last line: "PASS ..." or, with exit code 1, "FAIL: ...".
set -eu
LC_ALL=C.UTF-8
export LC_ALL
root=$(cd "$(dirname "$0")/../.." && pwd)
jobs=${TIDEGATE_JOBS:-$(nproc 2>/dev/null || echo 2)}
trees=${TIDEGATE_PACKAGE_TREES:-$root/build/consumers}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
started=$(date +%s)
strict="-O0 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
launcher=""
if command -v ccache >/dev/null 2>&1; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

say() { echo "consumers: $* ($(($(date +%s) - started)) s)"; }
fail() {
    echo "FAIL: $*"
    exit 1
}
# Runs a command quietly; shows what it said when it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        tail -n 60 "$work/log" >&2
        fail "$*"
    }
}
# configure <source> <build> [options]
configure() {
    source=$1
    build=$2
    shift 2
    quietly cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None $launcher "$@"
}
# library <name> [options]: builds, installs and moves the prefix to $work/<name>. Compiled as a host's project would compile it,
# so that ccache knows the objects again.
library() {
    name=$1
    shift
    configure "$root" "$trees/$name" -DCMAKE_CXX_FLAGS=-O0 -DTIDEGATE_TESTS=OFF -DTIDEGATE_EXAMPLES=OFF \
        -DTIDEGATE_WARNINGS=OFF "$@"
    quietly cmake --build "$trees/$name" -j "$jobs"
    quietly cmake --install "$trees/$name" --prefix "$work/first/$name"
    mv "$work/first/$name" "$work/$name"
    ! grep -rE "$work/first|/usr/local" "$work/$name/lib"*/cmake "$work/$name/lib"*/pkgconfig || fail "$name: names a prefix"
    say "$name: built, installed, moved"
}
# run <program...>: the quickstart in an empty directory
run() {
    rm -rf "$work/run"
    mkdir "$work/run"
    (cd "$work/run" && timeout 60 "$@" >"$work/out" 2>&1) || {
        cat "$work/out" >&2
        fail "$* ended with an error"
    }
    grep -q completed "$work/out" || fail "$* does not say that it completed"
}

library shared -DBUILD_SHARED_LIBS=ON
library static
library bare -DTIDEGATE_REDIS=OFF -DTIDEGATE_CONTROL=OFF
[ ! -e "$work/bare/include/tidegate/control" ] || fail "headers of a feature that is not there were installed"

# What a shared library shows: namespace tidegate, and nothing that was compiled in from elsewhere.
so=$(find "$work/shared" -name 'libtidegate.so.0.*' -type f)
nm -D --defined-only "$so" | sed 's/^[^ ]* . //; s/@.*//' >"$work/symbols"
grep -q '^_ZN8tidegate4Gate4openE' "$work/symbols" || fail "Gate::open is not exported"
if grep -vE '^_Z(T[ISVT]|Th[^_]*_|Tv[^_]*_[^_]*_|GV)?(N[KRO]*|ZN[K]?)8tidegate|^TIDEGATE_' "$work/symbols" >"$work/foreign"; then
    c++filt <"$work/foreign" | head -n 20 >&2
    fail "the shared library exports symbols that are not tidegate's"
fi
if c++filt <"$work/symbols" | sed -E 's/^(non-virtual thunk to|(vtable|typeinfo|typeinfo name) for) //' |
    grep -E '^tidegate::(net|delivery|ledger|channel|pacing)::'; then
    fail "the shared library exports private parts"
fi
soname=$(readelf -d "$so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
[ "$soname" = libtidegate.so.0.1 ] || fail "the soname is $soname"
say "$(wc -l <"$work/symbols") symbols exported, all of them tidegate's"

# Installed, by find_package and pkg-config.
for kind in static shared; do
    configure "$root/examples/quickstart" "$work/$kind.quickstart" "-DCMAKE_PREFIX_PATH=$work/$kind" \
        "-DCMAKE_CXX_FLAGS=$strict"
    quietly cmake --build "$work/$kind.quickstart"
    run "$work/$kind.quickstart/quickstart"
    say "find_package, $kind"

    PKG_CONFIG_PATH=$(dirname "$(find "$work/$kind" -name tidegate.pc)")
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046,SC2086  # lists of flags
    quietly c++ -std=c++20 $strict "$root/examples/quickstart/main.cpp" -o "$work/$kind.pc" \
        $(pkg-config --cflags --libs tidegate)
    run env LD_LIBRARY_PATH="$(dirname "$so")" "$work/$kind.pc"
    say "pkg-config, $kind"
done
configure "$root/examples/service" "$work/service" "-DCMAKE_PREFIX_PATH=$work/shared" "-DCMAKE_CXX_FLAGS=$strict"
quietly cmake --build "$work/service" -j "$jobs"
[ -x "$work/service/tidegate-service" ] || fail "examples/service was not built"
say "find_package, examples/service"
# shellcheck disable=SC2086
quietly c++ -std=c++20 $strict -fsyntax-only -I"$work/shared/include" "$root/tests/package/aggregates.cpp"
say "every aggregate can be made by naming one member"

# Aggregates the file above does not know yet: members of a struct without an initialiser.
find "$root/include/tidegate" -name '*.hpp' -exec awk '
    /^struct [A-Za-z]+ \{/ { inside = 1; next }
    /^\}/ { inside = 0 }
    inside {
        line = $0
        sub(/ *\/\/.*/, "", line)
        if (line ~ /^    [A-Za-z_:][A-Za-z0-9_:<>,() ]* [a-z_][a-z0-9_, ]*;$/ && line !~ /(using|friend|static) |(const|override|default);$/)
            print FILENAME ":" FNR ":" line
    }' {} + >"$work/bare_members"
[ ! -s "$work/bare_members" ] || fail "members of public aggregates without an initialiser: $(cat "$work/bare_members")"

# Components, versions, and being asked twice.
components() {
    prefix=$1
    shift
    rm -rf "$work/components"
    cmake -S "$root/tests/package/components" -B "$work/components" -DCMAKE_PREFIX_PATH="$work/$prefix" "$@" \
        >"$work/log" 2>&1
}
for kind in static shared; do
    components $kind -DWANTED="redis;control" -DOPTIONAL=pigeon -DWITHOUT=pigeon ||
        fail "components, $kind: $(cat "$work/log")"
done
components bare -DOPTIONAL="redis;control" -DWITHOUT="redis;control" || fail "components, bare: $(cat "$work/log")"
for pair in shared:pigeon static:pigeon bare:redis bare:control; do
    if components "${pair%:*}" -DWANTED="${pair#*:}"; then fail "${pair%:*} claims to have ${pair#*:}"; fi
    # CMake breaks long lines of a message.
    tr -s ' \n' '  ' <"$work/log" | grep -qF "has no component '${pair#*:}'" ||
        fail "the missing component ${pair#*:} is not named: $(cat "$work/log")"
done
say "missing components are named"

# As source in somebody else's project.
for by in add_subdirectory FetchContent; do
    shared=OFF
    [ $by = add_subdirectory ] || shared=ON
    configure "$root/tests/package/embed" "$work/embed.$by" -DTIDEGATE_BY=$by -DTIDEGATE_SOURCE="$root" \
        -DBUILD_SHARED_LIBS=$shared -DEXPECTED_CMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O0
    if [ -n "$launcher" ] || [ $by = add_subdirectory ]; then
        quietly cmake --build "$work/embed.$by" -j "$jobs"
        run "$work/embed.$by/quickstart/quickstart"
        say "$by"
    else
        say "$by: configured only, because there is no ccache"
    fi
done

echo "PASS in $(($(date +%s) - started)) s: find_package, pkg-config, add_subdirectory, FetchContent; static, shared, moved, bare"
