#!/bin/sh
# Holds our APNs channel against Pushy's mock server (an implementation by others). Called by tests/run.sh --full.
# Needs java, mvn and Maven Central; without them it says SKIP and succeeds.
#
#   TIDEGATE_BIN   where tidegate_integration_tests lies; default build/dev/bin
set -eu
LC_ALL=C.UTF-8
export LC_ALL
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
bin="${TIDEGATE_BIN:-$root/build/dev/bin}"
build="$root/build/interop/apns"

for program in java mvn; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "SKIP: interop/apns: $program is not installed"
        exit 0
    fi
done
if [ ! -x "$bin/tidegate_integration_tests" ]; then
    echo "interop/apns: $bin/tidegate_integration_tests is missing; build the tests first" >&2
    exit 1
fi

mkdir -p "$build"
log="$build/maven.log"
# Offline first: what was fetched once is not asked for again.
if ! mvn -B -q -o -f "$here/pom.xml" -Dtidegate.build="$build" process-classes >"$log" 2>&1 &&
    ! mvn -B -q -f "$here/pom.xml" -Dtidegate.build="$build" process-classes >"$log" 2>&1; then
    if grep -Eq 'Could not (transfer|resolve|find)|Unknown host|Connection (refused|timed out)|No versions available|Plugin .* could not be resolved' "$log"; then
        echo "SKIP: interop/apns: Maven Central does not give us what pom.xml names ($log)"
        exit 0
    fi
    cat "$log" >&2
    exit 1
fi
# The pom fixes versions; this fixes the bytes.
if ! (cd "$build/dependency" && sha256sum --quiet --strict -c "$here/dependencies.sha256"); then
    echo "interop/apns: a jar is not the one that was reviewed" >&2
    exit 1
fi

TIDEGATE_PUSHY_CLASSPATH="$build/classes:$build/dependency/*" \
    "$bin/tidegate_integration_tests" --source-file='*test_apns_pushy.cpp'
