# Sourced by the scripts beside this directory: runs cases of the integration tests' program, several or longer than usual.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin).
name=$(basename "$0" .sh)
root=$(cd "$(dirname "$0")/../.." && pwd)
tests=${TIDEGATE_BIN:-$root/build/dev/bin}/tidegate_integration_tests
if [ ! -x "$tests" ]; then
    echo "$name.sh: $tests is not built; run tests/run.sh first" >&2
    exit 2
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# run_cases <what> <files> [<beginning of a case's name>]: shows what the cases tell of themselves; where one fails or
# none is found, everything, and ends.
run_cases() {
    failed=0
    "$tests" "--source-file=*/tests/integration/$2" "--test-case=${3:-}*" > "$out" 2>&1 || failed=1
    # doctest passes when its filter matches nothing.
    grep -q 'test cases: *[1-9]' "$out" || failed=1
    if [ "$failed" -ne 0 ]; then
        cat "$out"
        echo "FAIL ($1)"
        exit 1
    fi
    sed -n "s/^.*MESSAGE: /$name: /p; s/^.*test cases:/$name: test cases:/p" "$out"
}
