#!/bin/sh
# Prints what tidegate costs, as tables with ratios from one run. README.md beside this file says what they mean.
#
#   sh tests/bench/run.sh               everything: micro, ingest of 1 M and 5 M rows, dispatch (about 10 minutes)
#   sh tests/bench/run.sh --large       besides: ingest of 24 M rows (8 GB of disk)
#   sh tests/bench/run.sh --sweep       besides: streams, connections, threads, perform against socket-action
#   sh tests/bench/run.sh --only WHAT   micro, ingest or dispatch
#   sh tests/bench/run.sh --rounds N    rounds of dispatch (default 5)
#   sh tests/bench/run.sh --smoke       a few seconds: does it all still work? Its figures mean nothing
#
# TIDEGATE_BIN names the directory of tidegate-bench; without it build/bench is built. Files go to TMPDIR.
set -eu
LC_ALL=C.UTF-8
export LC_ALL

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"

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
exec python3 "$here/bench.py" --bench "$TIDEGATE_BIN/tidegate-bench" "$@"
