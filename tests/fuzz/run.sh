#!/bin/sh
# Builds the fuzz targets with Clang in build/fuzz and runs each for a while, as many at once as there are cores.
#
#   sh tests/fuzz/run.sh [seconds] [target...]     default: 20 seconds each, every target
#
# Starts from corpus/<target>/ and what earlier runs found (build/fuzz/corpus/<target>/). An input that breaks a property
# is kept in build/fuzz/findings/. The last line is PASS, FAIL with the targets, or SKIP with the reason.
# Needs Debian's clang, libclang-rt-14-dev and llvm (for names in stack traces). CLANGXX names another compiler.
set -eu
LC_ALL=C.UTF-8
export LC_ALL
cd "$(dirname "$0")/../.."

seconds="${1:-20}"
[ $# -eq 0 ] || shift
case "$seconds" in
    *[!0-9]* | '')
        echo "run.sh: '$seconds' is not a number of seconds" >&2
        exit 2
        ;;
esac

compiler="${CLANGXX:-}"
for candidate in clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14; do
    [ -z "$compiler" ] && command -v "$candidate" >/dev/null 2>&1 && compiler="$candidate"
done
if [ -z "$compiler" ]; then
    echo "SKIP: clang++ is not installed (Debian: clang libclang-rt-14-dev)"
    exit 0
fi
build=build/fuzz
mkdir -p "$build/findings" "$build/log"
if ! echo 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }' |
    "$compiler" -x c++ - -fsanitize=fuzzer,address -o "$build/probe" 2>"$build/log/probe"; then
    echo "SKIP: $compiler cannot link libFuzzer (Debian: libclang-rt-14-dev); see $build/log/probe"
    exit 0
fi

cmake -S . -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS="-O1 -g1" \
    -DTIDEGATE_SANITIZE=fuzzer-no-link,address,undefined -DTIDEGATE_FUZZERS=ON -DTIDEGATE_EXAMPLES=OFF \
    -DTIDEGATE_BENCHES=OFF -DTIDEGATE_INSTALL=OFF >"$build/log/configure"
cmake --build "$build" --target tidegate_fuzz -j "${TIDEGATE_JOBS:-$(nproc)}" >"$build/log/build" || {
    tail -n 40 "$build/log/build"
    echo "FAIL: the fuzz targets do not build"
    exit 1
}

if [ $# -eq 0 ]; then
    for source in tests/fuzz/*.cpp; do
        name=$(basename "$source" .cpp)
        [ -x "$build/bin/tidegate_fuzz_$name" ] && set -- "$@" "$name"
    done
fi

# What one process does: <target> <seconds>.
one='
    target="$1" seconds="$2" build=build/fuzz
    mkdir -p "$build/corpus/$target"
    dictionary=""
    [ -f "tests/fuzz/$target.dict" ] && dictionary="-dict=tests/fuzz/$target.dict"
    rm -f "$build/findings/$target.failed"
    ASAN_OPTIONS="detect_leaks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}" UBSAN_OPTIONS=print_stacktrace=1 \
        nice -n 10 "$build/bin/tidegate_fuzz_$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 \
        -max_len=4096 -print_final_stats=1 -artifact_prefix="$build/findings/$target-" $dictionary \
        "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$build/log/$target" 2>&1 </dev/null ||
        touch "$build/findings/$target.failed"
    executions=$(sed -n "s/^stat::number_of_executed_units: *//p" "$build/log/$target")
    coverage=$(sed -n "s/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p" "$build/log/$target" | tail -n 1)
    echo "$target: ${executions:-?} runs, ${coverage:-no coverage}"
'
printf '%s\n' "$@" | xargs -P "${TIDEGATE_JOBS:-$(nproc)}" -I '{}' sh -c "$one" fuzz '{}' "$seconds"

failed=""
for target in "$@"; do
    [ -f "$build/findings/$target.failed" ] || continue
    failed="$failed $target"
    echo "== $target ($build/log/$target)"
    grep -E 'property broken|ERROR:|runtime error|SUMMARY|Test unit written' "$build/log/$target" | head -n 12 || true
done
if [ -n "$failed" ]; then
    echo "FAIL:$failed"
    exit 1
fi
echo "PASS"
