#!/bin/sh
# Rules of the lease protocol taken away one by one (tests/integration/test_redis_faults*.cpp), several times over.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_QUOTA_ROUNDS: how often (default 3).
# A round that fails is shown whole. The last line is PASS or FAIL.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
tests=${TIDEGATE_BIN:-$root/build/dev/bin}/tidegate_integration_tests
if [ ! -x "$tests" ]; then
    echo "quota.sh: $tests is not built; run tests/run.sh first" >&2
    exit 2
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
round=0
while [ "$round" -lt "${TIDEGATE_QUOTA_ROUNDS:-3}" ]; do
    round=$((round + 1))
    echo "quota: round $round"
    failed=0
    "$tests" '--source-file=*/tests/integration/test_redis_faults*.cpp' > "$out" 2>&1 || failed=1
    # doctest passes when its filter matches nothing.
    grep -q 'test cases: *[1-9]' "$out" || failed=1
    if [ "$failed" -ne 0 ]; then
        cat "$out"
        echo "FAIL (round $round)"
        exit 1
    fi
    sed -n 's/^.*MESSAGE: /quota: /p; /test cases:/p' "$out"
done
echo "PASS"
