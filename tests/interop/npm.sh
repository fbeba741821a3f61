# Read by the run.sh of a public SDK from npm, which sets `driver`, the program beside it. Installs what its lock file names in
# build/interop/NAME and starts the practice bank there, to be ended when the script ends. Needs node, npm and the npm registry;
# without them it says SKIP and ends with success.
#
#   TIDEGATE_BIN   where tidegate-twin lies; default build/dev/bin
here="$(cd "$(dirname "$0")" && pwd)"
name="$(basename "$here")"
root="$(cd "$here/../../.." && pwd)"
bin="${TIDEGATE_BIN:-$root/build/dev/bin}"
build="$root/build/interop/$name"

for program in node npm; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "SKIP: interop/$name: $program is not installed"
        exit 0
    fi
done
if [ ! -x "$bin/tidegate-twin" ]; then
    echo "interop/$name: $bin/tidegate-twin is missing; build it first" >&2
    exit 1
fi

mkdir -p "$build"
cp "$here/package.json" "$here/package-lock.json" "$here/$driver" "$build/"
# The lock file fixes versions and bytes. Offline first: what was fetched once is not asked for again.
if ! (cd "$build" && npm ci --offline --ignore-scripts --no-audit --no-fund >npm.log 2>&1) &&
    ! (cd "$build" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1); then
    if grep -Eq 'ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|E40[134]|E5[0-9][0-9]|ERR_SOCKET|network' "$build/npm.log"; then
        echo "SKIP: interop/$name: the npm registry does not give us what package-lock.json names ($build/npm.log)"
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

# port_of <endpoint>: where the practice bank listens
port_of() {
    sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$build/ports.json"
}
