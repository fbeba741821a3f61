#!/bin/sh
# Rules of the lease protocol taken away one by one (tests/integration/test_redis_faults*.cpp), several times over.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_QUOTA_ROUNDS: how often (default 3).
# A round that fails is shown whole. The last line is PASS or FAIL.
set -eu
. "$(dirname "$0")/common/cases.sh"
round=0
while [ "$round" -lt "${TIDEGATE_QUOTA_ROUNDS:-3}" ]; do
    round=$((round + 1))
    echo "quota: round $round"
    run_cases "round $round" 'test_redis_faults*.cpp'
done
echo "PASS"
