#!/bin/sh
# Lets a public SDK drive the practice bank, so that the fake our channels are tested against is known to speak the real
# dialect. Called by tests/run.sh --full. Needs node, npm and the npm registry; without them it says SKIP and succeeds.
#
#   TIDEGATE_BIN   where tidegate-twin lies; default build/dev/bin
set -eu
LC_ALL=C.UTF-8
export LC_ALL
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
bin="${TIDEGATE_BIN:-$root/build/dev/bin}"
build="$root/build/interop/firebase"

for program in node npm; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "SKIP: interop/firebase: $program is not installed"
        exit 0
    fi
done
if [ ! -x "$bin/tidegate-twin" ]; then
    echo "interop/firebase: $bin/tidegate-twin is missing; build it first" >&2
    exit 1
fi

mkdir -p "$build"
cp "$here/package.json" "$here/package-lock.json" "$here/drive.cjs" "$build/"
# The lock file fixes versions and bytes. Offline first: what was fetched once is not asked for again.
if ! (cd "$build" && npm ci --offline --ignore-scripts --no-audit --no-fund >npm.log 2>&1) &&
    ! (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1); then
    if grep -Eq 'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|E40[134]|E5[0-9][0-9]|ERR_SOCKET|network' "$build/npm.log"; then
        echo "SKIP: interop/firebase: the npm registry does not give us what package-lock.json names ($build/npm.log)"
        exit 0
    fi
    cat "$build/npm.log" >&2
    exit 1
fi

rm -f "$build/ports.json"
"$bin/tidegate-twin" --port-file "$build/ports.json" --tls-dir "$build/keys" --open-rate 0 --baseline 1 \
    --report-after 100ms >"$build/twin.out" 2>&1 &
twin=$!
trap 'kill "$twin" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
    [ -f "$build/ports.json" ] && break
    sleep 0.1
done
port="$(sed -n 's/.*"fcm":\([0-9]*\).*/\1/p' "$build/ports.json")"
(cd "$build" && timeout 60 node drive.cjs "$port" "$build/keys/service-account.json")
