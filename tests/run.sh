#!/bin/sh
# Installs what is missing, builds and runs the tests. From any directory; quick when nothing changed.
#
#   sh tests/run.sh           build/dev: unit, integration and house tests
#   sh tests/run.sh --full    besides: both sanitizer builds, the package and its users, the API reference, clang-tidy, the
#                             fuzzers for some seconds each, the benches once, peers from other registries, long fault runs
#
# The last line is CTest's summary. TIDEGATE_JOBS sets the number of jobs (default: nproc).
set -eu
LC_ALL=C.UTF-8
DEBIAN_FRONTEND=noninteractive
export LC_ALL DEBIAN_FRONTEND

full=no
for argument in "$@"; do
    case "$argument" in
        --full) full=yes ;;
        -h | --help)
            sed -n '2,8s/^# \{0,1\}//p' "$0"
            exit 0
            ;;
        *)
            echo "run.sh: unknown argument '$argument' (--full)" >&2
            exit 2
            ;;
    esac
done

cd "$(dirname "$0")/.."
jobs="${TIDEGATE_JOBS:-$(nproc 2>/dev/null || echo 2)}"

if [ "$full" = yes ]; then
    sh cmake/bootstrap.sh full
else
    sh cmake/bootstrap.sh test
fi

# build_and_test <preset> [ctest arguments]
build_and_test() {
    preset="$1"
    shift
    # One chain: `set -e` is off inside a function whose failure the caller handles.
    echo "== $preset: build" &&
        cmake --preset "$preset" &&
        cmake --build "build/$preset" -j "$jobs" &&
        echo "== $preset: test" &&
        ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure --no-label-summary --no-tests=error "$@"
}

if [ "$full" = no ]; then
    build_and_test dev
    exit 0
fi

failed=""
build_and_test dev --output-log build/dev/ctest.log || failed="$failed dev"
build_and_test asan-ubsan || failed="$failed asan-ubsan"
build_and_test tsan || failed="$failed tsan"

# Each says in its last line PASS, or SKIP with the reason.
for script in tests/package/*.sh cmake/docs.sh cmake/tidy.sh tests/fuzz/run.sh tests/interop/*/run.sh tests/fault/*.sh; do
    [ -f "$script" ] || continue
    echo "== $script"
    TIDEGATE_BIN="$PWD/build/dev/bin" sh "$script" || failed="$failed $script"
done
echo "== tests/bench/run.sh --smoke"
TIDEGATE_BIN="$PWD/build/dev/bin" sh tests/bench/run.sh --smoke || failed="$failed tests/bench/run.sh"

if [ -n "$failed" ]; then
    echo "== failed:$failed"
fi
grep -E '^[0-9]+% tests passed' build/dev/ctest.log | tail -n 1
[ -z "$failed" ]
