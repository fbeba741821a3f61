#!/bin/sh
# The long form of tests/integration/test_crash.cpp: 50,000 recipients, killed 20 times at random instants, for both policies.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_CRASH_RECIPIENTS, TIDEGATE_CRASH_KILLS and
# TIDEGATE_CRASH_SEED as there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
tests=${TIDEGATE_BIN:-$root/build/dev/bin}/tidegate_integration_tests
if [ ! -x "$tests" ]; then
    echo "crash.sh: $tests is not built; run tests/run.sh first" >&2
    exit 2
fi
TIDEGATE_CRASH_RECIPIENTS=${TIDEGATE_CRASH_RECIPIENTS:-50000}
TIDEGATE_CRASH_KILLS=${TIDEGATE_CRASH_KILLS:-20}
export TIDEGATE_CRASH_RECIPIENTS TIDEGATE_CRASH_KILLS

out=$(mktemp)
trap 'rm -f "$out"' EXIT
failed=0
"$tests" '--source-file=*/tests/integration/test_crash.cpp' > "$out" 2>&1 || failed=1
sed -n 's/^.*MESSAGE: crash /crash: /p' "$out"
grep -q 'test cases: *2 |' "$out" || failed=1
if [ "$failed" -ne 0 ]; then
    cat "$out" >&2
    echo "crash.sh: failed" >&2
    exit 1
fi
