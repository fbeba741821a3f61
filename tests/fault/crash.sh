#!/bin/sh
# The long form of tests/integration/test_crash.cpp: 50,000 recipients, killed 20 times at random instants, for both policies.
# TIDEGATE_BIN: where the built programs lie (default build/dev/bin). TIDEGATE_CRASH_RECIPIENTS, TIDEGATE_CRASH_KILLS and
# TIDEGATE_CRASH_SEED as there. The last line is PASS or FAIL.
set -eu
. "$(dirname "$0")/common/cases.sh"
TIDEGATE_CRASH_RECIPIENTS=${TIDEGATE_CRASH_RECIPIENTS:-50000}
TIDEGATE_CRASH_KILLS=${TIDEGATE_CRASH_KILLS:-20}
export TIDEGATE_CRASH_RECIPIENTS TIDEGATE_CRASH_KILLS
run_cases "killed at random" test_crash.cpp
echo "PASS"
