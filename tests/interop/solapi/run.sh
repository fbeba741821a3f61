#!/bin/sh
# Lets a public SDK drive the practice bank, so that the fake our channels are tested against is known to speak the real
# dialect. Called by tests/run.sh --full; what it needs: tests/interop/npm.sh.
set -eu
LC_ALL=C.UTF-8
export LC_ALL
driver=drive.mjs
. "$(dirname "$0")/../npm.sh"

(cd "$build" && timeout 60 node "$driver" "$(port_of solapi)" "twin-secret")
