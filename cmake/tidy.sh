#!/bin/sh
# Runs clang-tidy with the checks of .clang-tidy over the library, the examples and their headers.
#
#   sh cmake/tidy.sh [file or folder...]     default: lib examples
#
# Configures build/tidy for the compile commands and builds nothing. The whole findings are in build/tidy/findings. The
# last line is PASS, FAIL with their number, or SKIP with the reason. Needs Debian's clang-tidy; CLANG_TIDY names another.
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/.."

tidy="${CLANG_TIDY:-}"
for candidate in clang-tidy clang-tidy-19 clang-tidy-18 clang-tidy-17 clang-tidy-16 clang-tidy-15 clang-tidy-14; do
    [ -z "$tidy" ] && command -v "$candidate" >/dev/null 2>&1 && tidy="$candidate"
done
if [ -z "$tidy" ]; then
    echo "SKIP: clang-tidy is not installed (Debian: clang-tidy)"
    exit 0
fi
[ $# -gt 0 ] || set -- lib examples
tests=OFF
for path in "$@"; do
    case "$path" in tests/*) tests=ON ;; esac
done

build=build/tidy
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DTIDEGATE_TESTS="$tests" -DTIDEGATE_BENCHES=OFF \
    -DTIDEGATE_INSTALL=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON >"$build/configure.log"

# Sources of ours that this configuration compiles; examples with a project of their own are left out.
find "$@" -name '*.cpp' | sort | while read -r source; do
    if grep -qF "\"$PWD/$source\"" "$build/compile_commands.json"; then echo "$source"; fi
done >"$build/sources"
# Options of GCC that Clang does not know are no findings.
rm -rf "$build/out"
mkdir -p "$build/out"
one='
    "$1" -p build/tidy --quiet --extra-arg=-Wno-unknown-warning-option "$2" \
        >"build/tidy/out/$(echo "$2" | tr / _)" 2>&1
'
xargs -P "${TIDEGATE_JOBS:-$(nproc)}" -I '{}' sh -c "$one" tidy "$tidy" '{}' <"$build/sources" || true

# A header's findings come once for each source that includes it.
cat "$build/out"/* 2>/dev/null | grep -E '^[^ ]+:[0-9]+:[0-9]+: (warning|error): |^Error ' |
    sed "s|^$PWD/||" | sort -u >"$build/findings" || true
count=$(wc -l <"$build/findings")
checked=$(wc -l <"$build/sources")
if [ "$checked" -eq 0 ]; then
    echo "FAIL: nothing was checked; see $build/configure.log"
    exit 1
fi
if [ "$count" -gt 0 ]; then
    cat "$build/findings"
    echo "FAIL: $count findings in $checked sources"
    exit 1
fi
echo "clang-tidy: $checked sources"
echo "PASS"
