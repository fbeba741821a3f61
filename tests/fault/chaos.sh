#!/bin/sh
# The long form of tests/integration/test_redis_chaos.cpp: four nodes of one campaign behind one Redis; nodes, the leader,
# Redis and telemetry are killed, stopped and emptied at random. First 50,000 recipients each under the account's cap, then
# a fifth of that before a backend that cannot bear the cap. About ten minutes.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_CHAOS_RECIPIENTS (of each node),
# TIDEGATE_CHAOS_CAP (messages a second) and TIDEGATE_CHAOS_SEED as there. The last line is PASS or FAIL.
set -eu
. "$(dirname "$0")/common/cases.sh"
people=${TIDEGATE_CHAOS_RECIPIENTS:-50000}
TIDEGATE_CHAOS_CAP=${TIDEGATE_CHAOS_CAP:-1500}
TIDEGATE_CHAOS_SECONDS=3600
export TIDEGATE_CHAOS_RECIPIENTS TIDEGATE_CHAOS_CAP TIDEGATE_CHAOS_SECONDS
TIDEGATE_CHAOS_RECIPIENTS=$people
run_cases "room at the backend" test_redis_chaos.cpp "chaos with room"
TIDEGATE_CHAOS_RECIPIENTS=$((people / 5))
run_cases "a backend that could not bear it" test_redis_chaos.cpp "chaos with a backend"
echo "PASS"
