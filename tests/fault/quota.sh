#!/bin/sh
# Rules of the lease protocol taken away one by one (tests/integration/test_redis_faults.cpp), several times over.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_QUOTA_ROUNDS: how often (default 3).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
tests=${TIDEGATE_BIN:-$root/build/dev/bin}/tidegate_integration_tests
if [ ! -x "$tests" ]; then
    echo "quota.sh: $tests is not built; run tests/run.sh first" >&2
    exit 2
fi
round=0
while [ "$round" -lt "${TIDEGATE_QUOTA_ROUNDS:-3}" ]; do
    round=$((round + 1))
    echo "quota: round $round"
    "$tests" "--source-file=*/tests/integration/test_redis_faults.cpp" | sed -n "s/^.*MESSAGE: /quota: /p; /test cases:/p" | tee /dev/stderr | grep -q "| *0 failed" || exit 1
done
