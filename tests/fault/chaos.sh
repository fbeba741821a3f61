#!/bin/sh
# The long form of tests/integration/test_redis_chaos.cpp: four nodes of one campaign behind one Redis; nodes, the leader,
# Redis and telemetry are killed, stopped and emptied at random. First 50,000 recipients each under the account's cap, then
# a fifth of that before a backend that cannot bear the cap. About fifteen minutes.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_CHAOS_RECIPIENTS (of each node),
# TIDEGATE_CHAOS_CAP (messages a second) and TIDEGATE_CHAOS_SEED as there. The last line is PASS or FAIL.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
tests=${TIDEGATE_BIN:-$root/build/dev/bin}/tidegate_integration_tests
if [ ! -x "$tests" ]; then
    echo "chaos.sh: $tests is not built; run tests/run.sh first" >&2
    exit 2
fi
people=${TIDEGATE_CHAOS_RECIPIENTS:-50000}
TIDEGATE_CHAOS_CAP=${TIDEGATE_CHAOS_CAP:-1500}
TIDEGATE_CHAOS_SECONDS=3600
export TIDEGATE_CHAOS_CAP TIDEGATE_CHAOS_SECONDS
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# ordeal <beginning of the test case's name> <recipients of each node>
ordeal() {
    failed=0
    TIDEGATE_CHAOS_RECIPIENTS=$2 "$tests" '--source-file=*/tests/integration/test_redis_chaos.cpp' \
        "--test-case=$1*" > "$out" 2>&1 || failed=1
    # doctest passes when its filter matches nothing.
    grep -q 'test cases: *1 |' "$out" || failed=1
    if [ "$failed" -ne 0 ]; then
        cat "$out"
        echo "FAIL ($1)"
        exit 1
    fi
    sed -n 's/^.*MESSAGE: /chaos: /p' "$out"
}

ordeal "chaos with room" "$people"
ordeal "chaos with a backend" $((people / 5))
echo "PASS"
