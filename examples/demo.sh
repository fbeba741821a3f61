#!/bin/sh
# One campaign, sent twice at a practice bank: all at once, and through the gate. Needs nothing but a shell and apt; everything
# stays on loopback. Results land in build/demo/.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

sh cmake/bootstrap.sh build
jobs=$(nproc 2>/dev/null || echo 2)
echo "building (Release) ..."
cmake --preset release > /dev/null
cmake --build --preset release --target tidegate_cli tidegate_twin -j "$jobs"

bin=$root/build/release/bin
work=$root/build/demo
rm -rf "$work"
mkdir -p "$work"
recipients=${TIDEGATE_DEMO_RECIPIENTS:-20000}
twin=
trap 'if [ -n "$twin" ]; then kill "$twin" 2>/dev/null || true; fi' EXIT INT TERM

"$bin/tidegate-twin" audience --recipients "$recipients" --seed 7 --apns-share 0.3 --out "$work/recipients.csv"

# port NAME: a port of the twin that runs now.
port() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" "$work/ports.json"; }

# start_bank: the same bank and the same people each time.
start_bank() {
    rm -f "$work/ports.json"
    "$bin/tidegate-twin" --capacity 400 --slo 300ms --baseline 100 --open-rate 0.2 --median 2s --spread 0.8 --per-open 3 \
        --seed 7 --tls-dir "$work/keys" --port-file "$work/ports.json" > "$work/$1.summary.json" &
    twin=$!
    waited=0
    while [ ! -s "$work/ports.json" ]; do
        waited=$((waited + 1))
        if [ "$waited" -gt 100 ] || ! kill -0 "$twin" 2>/dev/null; then
            echo "the twin bank did not start" >&2
            exit 5
        fi
        sleep 0.1
    done
    sleep 3
}

stop_bank() {
    kill -TERM "$twin"
    wait "$twin" || true
    twin=
}

# campaign ID SHADOW COHORTS: one file with site and campaign.
campaign() {
    cat > "$work/$1.toml" <<TOML
[campaign]
id       = "$1"
purpose  = "informational"
zone     = "Asia/Seoul"

[audience]
file = "recipients.csv"
key  = "customer_id"
[audience.address]
apns = "ios_token"
fcm  = "android_token"

[message]
title    = "체크카드 혜택 안내"
body     = "{{name}}님, 이번 달 혜택이 도착했어요."
link     = "bankapp://benefit/{{benefit_id}}"
collapse = "benefit-2026-11"
ttl      = "4h"

[[send]]
channel = "android"
[[send]]
channel = "ios"

[cohorts]
$3

[response]
open_rate = 0.2
median    = "2s"
spread    = 0.8

[impact]
app-api = { per_open = 3 }

[[backend]]
name        = "app-api"
latency_slo = "300ms"
error_slo   = 0.01
capacity_hint = 340
max_age     = "5s"
shadow      = $2
[backend.signal]
kind   = "json"
url    = "http://127.0.0.1:$(port ops)/json"
every  = "1s"
p99    = "/p99"
load   = "/load"
errors = "/errors"
at     = "/at"
unit   = "ms"

[[channel]]
name        = "android"
kind        = "fcm"
credentials = "file:keys/service-account.json"
url         = "http://127.0.0.1:$(port fcm)"

[[channel]]
name    = "ios"
kind    = "apns"
key     = "file:keys/AuthKey.p8"
key_id  = "ABC123DEFG"
team_id = "TEAM123456"
topic   = "com.bank.app"
url     = "https://127.0.0.1:$(port apns)"
ca      = "keys/ca.crt"
TOML
}

# send ID SHADOW COHORTS WORDS
send() {
    echo
    echo "== $4"
    rm -rf "$work/keys"
    start_bank "$1"
    campaign "$1" "$2" "$3"
    "$bin/tidegate" run "$work/$1.toml" --watch 30s > "$work/$1.txt" || { cat "$work/$1.txt"; exit 1; }
    sleep 1
    stop_bank
}

# figure ID FIELD: a number out of the bank's own summary.
figure() { sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p" "$work/$1.summary.json" | head -n 1; }

staggered='count  = 8
gap    = "1s"
canary = ["1%"]'
send without-the-gate true  "count = 1"  "1/2  all at once: the gate watches and does not hold"
send with-the-gate    false "$staggered" "2/2  through the gate"

"$bin/tidegate" report --ledger "$work/ledger" "$work/without-the-gate.toml" "$work/with-the-gate.toml" \
    --html "$work/report.html" 2> /dev/null

echo
echo "What the bank itself saw (the twin's own measurements):"
printf '  %-28s %16s %16s\n' "" "all at once" "with the gate"
row() { printf '  %-28s %16s %16s\n' "$1" "$(figure without-the-gate "$2")" "$(figure with-the-gate "$2")"; }
row "messages sent" sends
row "seconds from first to last" send_elapsed_s
row "peak p99 (ms, SLO 300)" peak_p99_ms
row "seconds over the SLO" seconds_over_slo
row "failed customer requests" failed
echo
echo "Picture: $work/report.html"
echo "Ledgers: $work/ledger/   Reports: $work/without-the-gate.txt, $work/with-the-gate.txt"

over=$(figure with-the-gate seconds_over_slo)
case "$over" in
    0 | 0.0*) ;;
    *) echo "the gate let the bank pass its SLO for $over s" >&2; exit 1 ;;
esac
