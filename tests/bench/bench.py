"""Runs tidegate-bench, nghttpd and h2load and prints tables; started by run.sh."""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

MICRO = {  # benchmark -> (what it is, unit of the row)
    "control_tick/reserve_tenths:0": "control tick: 3 backends, 1 h of history, 12 horizons",
    "control_tick/reserve_tenths:3": "the same with a shock reserve of 30 %",
    "telemetry_sample": "a telemetry sample taken by 3 controllers",
    "token_nothing": "an empty loop (to compare the next two with)",
    "token_bucket": "a token from a bucket",
    "token_local_quota": "a token from the local quota, renewals shared out",
    "token_live_lease": "a token from a live lease, clocks read",
    "token_redis_round_trip/real_time": "a token from Redis, one round trip on loopback",
    "quota_renewal": "the local quota renewed: 4 campaigns on 2 accounts",
    "message_rendered": "a message rendered (2 columns in 5 texts)",
    "request_webhook/signed:0": "a webhook request made",
    "request_webhook/signed:1": "the same, signed",
    "request_apns": "an APNs request made",
    "request_fcm": "an FCM request made",
    "person_put_and_taken/sealed:0": "a person packed and unpacked",
    "person_put_and_taken/sealed:1": "the same, sealed and opened (AES-256-GCM)",
    "cohort_assigned": "a cohort assigned",
    "csv_row": "a CSV row parsed",
    "csv_recipient": "the same, mapped to a recipient and given a cohort",
    "ndjson_row": "an NDJSON row parsed",
    "suppression_lookup": "a suppression list of 200,000 asked",
    "intents_durable/batch:1/real_time": "1 intent made durable",
    "intents_durable/batch:50/real_time": "50 intents made durable",
    "intents_durable/batch:500/real_time": "500 intents made durable",
    "outcomes_durable/batch:1/real_time": "1 outcome made durable",
    "outcomes_durable/batch:50/real_time": "50 outcomes made durable",
    "outcomes_durable/batch:500/real_time": "500 outcomes made durable",
    "nominal_rehearsal": "5 M-recipient nominal flow simulation",
}
WHOLE_BATCH = ("intents_durable", "outcomes_durable")  # shown for the batch and for each


class Failure(Exception):
    pass


def say(text=""):
    print(text, flush=True)


def table(head, rows):
    say("| " + " | ".join(head) + " |")
    say("|" + "---|" + "---:|" * (len(head) - 1))
    for row in rows:
        say("| " + " | ".join(row) + " |")
    say()


def short_time(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.3g} {unit}"
    return f"{ns:.3g} ns"


def count(value):
    return f"{value:,.0f}"


def run(command, timeout=3600):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command[:2])} ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    return done.stdout.decode()


def figures(command):
    return json.loads(run(command).splitlines()[-1])


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    say(f"{os.cpu_count()} cores ({model}), load average at the start {os.getloadavg()[0]:.1f}")
    say()


# ---- micro

def micro(bench, smoke):
    say("## Micro")
    say()
    command = [bench, "--benchmark_format=json"]
    if smoke:
        command.append("--benchmark_min_time=0.001")
    else:
        command += ["--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true",
                    "--benchmark_enable_random_interleaving=true"]
    found = json.loads(run(command))["benchmarks"]
    per_unit = {"ns": 1, "us": 1e3, "ms": 1e6}
    rows = []
    for name, what in MICRO.items():
        hits = [b for b in found if b["name"] in (name, name + "_median")]
        if not hits:
            raise Failure(f"benchmark {name} did not run")
        one = hits[0]
        real = "real_time" in name
        ns = one["real_time" if real else "cpu_time"] * per_unit[one["time_unit"]]
        items = one.get("items_per_second")
        each = 1e9 / items if items else ns
        rows.append([what, short_time(ns if name.startswith(WHOLE_BATCH) else each), count(1e9 / each)])
    table(["", "takes", "each, per second"], rows)


# ---- ingest

def ingest(bench, work, sizes):
    say("## Ingest")
    say()
    rows = []
    for size, runs in sizes:
        path = os.path.join(work, "audience.csv")
        need = size * 420  # the file, and a ledger of up to 200 bytes a row with room to spare
        free = shutil.disk_usage(work).free
        if free < need:
            raise Failure(f"{size} rows need {need / 1e9:.0f} GB in {work}, {free / 1e9:.0f} GB are free")
        run([bench, "audience", "--rows", str(size), "--out", path])
        for sealed in ("no", "yes") if size <= 1_000_000 else ("no",):
            got = [figures([bench, "ingest", "--file", path, "--dir", work, "--sealed", sealed]) for _ in range(runs)]
            if any(g["recipients"] != size for g in got):
                raise Failure("not every row became a recipient")
            middle = {name: statistics.median(g[name] for g in got) for name in got[0]}
            most = max(g["peak_mb"] for g in got)
            rows.append([f"{count(size)} rows" + (", sealed" if sealed == "yes" else ""),
                         count(middle["rows_per_second"]), f"{middle['rows_per_second'] / 1e5:.2f}",
                         f"{middle['cpu_us']:.1f} µs", f"{most:.0f} MB", f"{middle['bytes_per_recipient']:.0f} B",
                         str(runs)])
        os.remove(path)
    table(["", "rows/s", "of the 100,000 wanted", "processor time a row", "peak memory", "ledger a recipient", "runs"],
          rows)
    preflight(bench, work)


def preflight(bench, work):
    """A file that claims more than the disk holds has to be refused before it is read."""
    path = os.path.join(work, "sparse.csv")
    claim = shutil.disk_usage(work).free
    with open(path, "wb") as out:
        out.write(b"customer_id,ios_token,phone,name,ad_consent\nC1,ab,010-1234-5678,A,Y\n")
        out.truncate(claim)
    begun = time.monotonic()
    done = subprocess.run([bench, "ingest", "--file", path, "--dir", work], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    took = time.monotonic() - begun
    os.remove(path)
    if done.returncode != 3 or b"free" not in done.stderr:
        raise Failure(f"an audience too large for the disk was not refused: {done.stderr.decode()[-300:]}")
    say(f"An audience of {claim / 1e9:.0f} GB on a disk with as much free: refused after {took * 1e3:.0f} ms "
        f"(\"{done.stderr.decode().strip()}\").")
    say()


# ---- dispatch

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """nghttpd with a certificate of its own on a port of its own."""

    def __init__(self, work, streams, extra=()):
        self.ca = os.path.join(work, "cert.pem")
        key = os.path.join(work, "key.pem")
        if not os.path.exists(self.ca):
            run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-out", self.ca, "-days", "2", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        site = os.path.join(work, "site")
        os.makedirs(site, exist_ok=True)
        with open(os.path.join(site, "messages"), "w", encoding="ascii") as out:
            out.write('{"id":"0b6fb9ac-36bd"}')
        for _ in range(5):
            port = free_port()
            self.process = subprocess.Popen(["nghttpd", "-a", "127.0.0.1", "-d", site, "-m", str(streams), *extra,
                                             str(port), key, self.ca],
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.url = f"https://localhost:{port}/messages"
            for _ in range(200):
                if self.process.poll() is not None:
                    break
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                    return
                except OSError:
                    time.sleep(0.02)
            self.stop()
        raise Failure("nghttpd did not come up")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def h2load(server, body, messages, connections, streams):
    out = run(["h2load", "-n", str(messages), "-c", str(connections), "-m", str(streams), "-d", body,
               "-H", "content-type: application/json", "-H", "tidegate-timestamp: 1763870400",
               "-H", "idempotency-key: 0b6fb9ac-36bd-8d6b-9a36-6e2ea1a0e4f2", server.url])
    rate = re.search(r"finished in [^,]+, ([0-9.]+) req/s", out)
    good = re.search(r"status codes: (\d+) 2xx", out)
    if not rate or not good:
        raise Failure("h2load said something unexpected")
    return {"per_second": float(rate.group(1)), "failed": messages - int(good.group(1)), "cpu_us": float("nan")}


def dispatch_once(bench, server, body, work, messages, connections, streams, what):
    common = ["--url", server.url, "--ca", server.ca, "--messages", str(messages)]
    wide = ["--body", body, "--connections", str(connections), "--streams", str(streams)]
    if what == "h2load":
        return h2load(server, body, messages, connections, streams)
    if what == "gate":
        return figures([bench, "gate", *common, "--dir", work, "--in-flight", str(connections * streams)])
    if what == "pool":
        return figures([bench, "pool", *common, *wide])
    return figures([bench, "loop", *common, *wide, "--mode", what])


NAMES = {
    "socket": "bare libcurl loop, socket-action",
    "perform": "bare libcurl loop, perform and poll",
    "pool": "our HTTP client alone",
    "gate": "the Gate: ledger on disk, pacing, opt-outs",
    "h2load": "h2load",
}


def dispatch(bench, work, rounds, messages, connections, streams, extra, title):
    body = os.path.join(work, "body.json")
    with open(body, "w", encoding="utf-8") as out:
        out.write(run([bench, "body"]))
    say(f"## Dispatch, {title}")
    say()
    say(f"{messages} messages of {os.path.getsize(body)} bytes, {connections} connections of {streams} streams, "
        f"{rounds} interleaved rounds")
    say()
    got = {what: [] for what in NAMES}
    with Server(work, streams, extra) as server:
        for number in range(rounds):
            order = list(NAMES)
            order = order[number % len(order):] + order[:number % len(order)]
            for what in order:
                got[what].append(dispatch_once(bench, server, body, work, messages, connections, streams, what))
    rows = []
    for what, name in NAMES.items():
        rates = [g["per_second"] for g in got[what]]
        cpu = statistics.median(g["cpu_us"] for g in got[what])
        rows.append([name, count(statistics.median(rates)), f"{count(min(rates))} to {count(max(rates))}",
                     f"{ratio(got[what], got['socket']):.2f}", f"{ratio(got[what], got['perform']):.2f}", "" if cpu != cpu else f"{cpu:.0f} µs",
                     count(sum(g["failed"] for g in got[what]) / rounds),
                     count(sum(g.get("repeated", 0) for g in got[what]) / rounds) if what == "gate" else ""])
    table(["", "messages/s", "range", "of socket-action", "of perform", "processor time a message", "failed", "sent again"], rows)


class Silence:
    """Takes connections and never answers: where slow requests wait."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        self.taken = []
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        while True:
            try:
                self.taken.append(self.listener.accept()[0])
            except OSError:
                return

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        for one in self.taken:
            one.close()


def sweep(bench, work, rounds, messages):
    body = os.path.join(work, "body.json")
    say("## Settings")
    say()
    settings = [(c, s, 1, mode, 0) for c in (1, 2, 4) for s in (10, 50, 100) for mode in ("perform", "socket")]
    settings += [(c, 100, 2, "socket", 0) for c in (2, 4)]
    settings += [(1, 10, 1, mode, 500) for mode in ("perform", "socket")]
    got = {setting: [] for setting in settings}
    for _ in range(rounds):
        for connections, streams, threads, mode, waiting in settings:
            with Server(work, streams) as server, Silence() as silence:
                got[(connections, streams, threads, mode, waiting)].append(figures(
                    [bench, "loop", "--url", server.url, "--ca", server.ca, "--messages", str(messages), "--body", body,
                     "--connections", str(connections), "--streams", str(streams), "--threads", str(threads),
                     "--mode", mode, "--waiting", str(waiting), "--waiting-url", silence.url]))
    rows = []
    for connections, streams in [(c, s) for c in (1, 2, 4) for s in (10, 50, 100)]:
        rows.append([f"{connections} x {streams}"] + pair(got, (connections, streams, 1), 0))
    rows.append(["1 x 10, beside 500 requests that wait"] + pair(got, (1, 10, 1), 500))
    table(["connections x streams", "perform: messages/s", "processor time", "socket-action: messages/s", "processor time",
           "rate, socket-action of perform"], rows)
    rows = []
    for connections in (2, 4):
        one, two = got[(connections, 100, 1, "socket", 0)], got[(connections, 100, 2, "socket", 0)]
        rows.append([f"{connections} x 100, socket-action", count(middle(one, "per_second")),
                     count(middle(two, "per_second")), f"{ratio(two, one):.2f}"])
    table(["connections x streams", "1 thread: messages/s", "2 threads", "ratio"], rows)


def middle(runs, name):
    return statistics.median(g[name] for g in runs)


def ratio(runs, others):
    return statistics.median(a["per_second"] / b["per_second"] if b["per_second"] else float("nan") for a, b in zip(runs, others))


def pair(got, setting, waiting):
    perform, action = got[(*setting, "perform", waiting)], got[(*setting, "socket", waiting)]
    return [count(middle(perform, "per_second")), f"{middle(perform, 'cpu_us'):.0f} µs",
            count(middle(action, "per_second")), f"{middle(action, 'cpu_us'):.0f} µs", f"{ratio(action, perform):.2f}"]


def main():
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--only", choices=["micro", "ingest", "dispatch"])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    bench = chosen.bench
    if not os.access(bench, os.X_OK):
        sys.exit(f"run.sh: there is no {bench}; build the target tidegate_bench")
    wanted = [chosen.only] if chosen.only else ["micro", "ingest", "dispatch"]
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as work:
        try:
            machine()
            if "micro" in wanted:
                micro(bench, chosen.smoke)
            if "ingest" in wanted:
                sizes = [(20_000, 1)] if chosen.smoke else [(1_000_000, 3), (5_000_000, 3)]
                ingest(bench, work, sizes + ([(24_000_000, 1)] if chosen.large else []))
            if "dispatch" in wanted:
                missing = [tool for tool in ("nghttpd", "h2load", "openssl") if shutil.which(tool) is None]
                if missing:
                    sys.exit("run.sh: dispatch needs " + ", ".join(missing) + " (nghttp2-server, nghttp2-client, openssl)")
                messages, rounds = (500, 1) if chosen.smoke else (40_000, chosen.rounds)
                dispatch(bench, work, rounds, messages, 5, 100, (), "answers with a length")
                dispatch(bench, work, min(rounds, 3), messages, 5, 100, ("--no-content-length",),
                         "answers without a length: the server's guard against resets cuts in")
                if chosen.sweep:
                    sweep(bench, work, rounds, messages // 2)
        except (Failure, subprocess.TimeoutExpired) as fault:
            sys.exit(f"run.sh: {fault}")


if __name__ == "__main__":
    main()
