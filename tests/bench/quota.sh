#!/bin/sh
# Prints the shared quota's figures beside their targets, measured on a redis-server of its own (about eight minutes).
#
#   sh tests/bench/quota.sh                    every figure; ends with 1 when one is missed
#   sh tests/bench/quota.sh --only WHAT        calls, script, window, nodes, memory, pause, failover or urgent
#   sh tests/bench/quota.sh --times N          kills, stops, joins, losses (default 5); 20 N pauses, at least 100
#   sh tests/bench/quota.sh --seconds N        length of a steady run (default 20)
#   sh tests/bench/quota.sh --json FILE        besides, as JSON
#   sh tests/bench/quota.sh --smoke 1          does it all still work? Its figures mean nothing
#
# TIDEGATE_BIN names the directory of tidegate-bench; without it build/bench is built. Needs redis-server.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

root="$(cd "$(dirname "$0")/../.." && pwd)"
case "${1:-}" in
    -h | --help)
        sed -n '2,11s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
esac
if [ -z "${TIDEGATE_BIN:-}" ]; then
    cmake -S "$root" -B "$root/build/bench" -G Ninja -DCMAKE_BUILD_TYPE=Release >&2
    cmake --build "$root/build/bench" --target tidegate_bench >&2
    TIDEGATE_BIN="$root/build/bench/bin"
fi
read -r load _ < /proc/loadavg
echo "$(nproc) cores, load average at the start $load, $(redis-server --version | cut -d' ' -f3)"
echo
exec "$TIDEGATE_BIN/tidegate-bench" quota "$@"
