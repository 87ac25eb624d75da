#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How near quiet runs come to the bounds of the verdict.

    bench/verdict_quiet.py                 50 runs: demo, loopback and null in turn
    bench/verdict_quiet.py --runs 6 --time 5s

Each rule of the verdict has a quantity and a bound (src/results/verdict.h).  On a quiet machine no
rule may alarm without need, so the largest of each quantity over many runs has to stay below its
bound.  (Loopback and null answer in microseconds: there a hiccup of the machine is most of a p99,
and `publishDelay` says so rightly.)
Prints minimum, median, 90th percentile and maximum of each beside its bound, and the runs that were
not VALID with their reasons.

Exit code 1: a run gave no result, or was not VALID.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

WORKLOAD = """\
topics: 1
partitionsPerTopic: 4
messageSize: 1024
useRandomizedPayloads: true
randomBytesRatio: 0.5
randomizedPayloadPoolSize: 100
subscriptionsPerTopic: {subscriptions}
consumerPerSubscription: 2
producersPerTopic: 2
producerRate: {rate}
testDuration: {time}
warmupDuration: 2s
"""
DRIVERS = {
    "loopback": "name: Loopback\ndriver: loopback\n",
    "null": 'name: Null\ndriver: "null"\n',
}
POINTS = (50, 95, 99)
MS = 1e6


def percentile_ns(latency, wanted):
    return next(p["ns"] for p in latency["percentiles"] if p["percentile"] == wanted)


def lateness(tree):
    """Excess over wakeInterval in ms and as a share of corrected publish, for each percentile."""
    delay, corrected = (tree["latencies"][name] for name in ("publishDelay", "correctedPublish"))
    for point in POINTS:
        late = percentile_ns(delay, point) - tree["load"]["wakeIntervalNs"]
        shown = percentile_ns(corrected, point)
        late = max(0, late)
        yield f"publishDelay p{point}, ms beyond", late / MS, 1.0
        yield f"publishDelay p{point}, share of corrected", late / shown if shown else 0.0, 0.25


def sentinels(tree):
    """How late agents woke up, in ms and as a share of what is shown: the worst agent of each role."""
    for role, name in (("producer", "correctedPublish"), ("consumer", "correctedEndToEnd")):
        woken = [a["late"] for a in tree["agents"] if a["role"] == role]
        woken = [late for late in woken if late["count"] >= 1000]
        for point in POINTS:
            late = max((late[f"p{point}Ns"] for late in woken), default=0)
            shown = percentile_ns(tree["latencies"][name], point)
            yield f"sentinel of a {role} p{point}, ms", late / MS, 1.0
            yield f"sentinel of a {role} p{point}, share", late / shown if shown else 0.0, 0.25
    yield "sentinel of omb itself, s", tree["window"]["coordinatorLate"]["maxNs"] / 1e9, 1.0


def busiest(tree):
    return max(a["busiestLoop"] for a in tree["agents"])


def busiest_library(tree):
    load_ns = tree["window"]["endNs"]
    return max(a["libraryCpuNs"] / load_ns for a in tree["agents"])


def quantities(tree):
    """(what, value, bound); a value above its bound alarms, where the rule is not marked."""
    yield from lateness(tree)
    yield from sentinels(tree)
    window = tree["window"]["counters"]
    load_ns = tree["window"]["endNs"] - tree["window"]["startNs"]
    asked = tree["load"]["askedPerS"]
    due = asked * load_ns / 1e9
    yield "rate, share not acknowledged", 1 - tree["latencies"]["publish"]["count"] / due, 0.001
    yield "throughput, share short", max(0.0, 1 - tree["window"]["publishRate"] / asked), 0.01
    yield "queue, share of messages", window["blocked"] / max(1, window["sent"]), 0.01
    time = load_ns * tree["load"]["producers"]
    yield "queue, share of time", window["blockedNs"] / time, 0.01
    yield "agentCpu (beside lateness)", busiest(tree), 0.95
    yield "libraryCpu (beside lateness)", busiest_library(tree), 0.95
    yield "negative", tree["totals"]["negative"], 0
    yield "overflow", sum(latency["overflow"] for latency in tree["latencies"].values()), 0


def run_driver(omb, folder, name, rate, time):
    consumed = 0 if name == "null" else 1  # null delivers nothing
    text = WORKLOAD.format(rate=rate, time=time, subscriptions=consumed)
    (folder / "w.yaml").write_text(text)
    (folder / "d.yaml").write_text(DRIVERS[name])
    return [omb, "run", "-q", "-d", folder / "d.yaml", folder / "w.yaml", "-o", str(folder) + "/"]


def one_run(kind, args):
    """What is in the .omb, or None."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        if kind == "demo":
            words = [args.omb, "demo", "-o", f"{folder}/"]
        else:
            words = run_driver(args.omb, folder, kind, args.rate, args.time)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        files = list(folder.rglob("*.omb"))
        if done.returncode not in (0, 3) or len(files) != 1:
            print(f"{kind}: exit code {done.returncode}: {done.stderr.strip()}", file=sys.stderr)
            return None
        return json.loads(files[0].read_text())


def show(found):
    print(f"\n{'quantity':44}{'min':>11}{'median':>11}{'p90':>11}{'max':>11}{'bound':>9}")
    for what, (bound, values) in found.items():
        values.sort()
        p90 = values[min(len(values) - 1, int(0.9 * len(values)))]
        row = (values[0], statistics.median(values), p90, values[-1])
        print(f"{what:44}" + "".join(f"{value:11.4g}" for value in row) + f"{bound:9.4g}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--omb", type=pathlib.Path, default=ROOT / "build/omb")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rate", type=int, default=10000, help="of loopback and null")
    parser.add_argument("--time", default="10s", help="of each window; demo has its own")
    args = parser.parse_args()
    kinds, found, alarms = ("demo", "loopback", "null"), {}, collections.Counter()

    for number in range(args.runs):
        kind = kinds[number % len(kinds)]
        tree = one_run(kind, args)
        if tree is None:
            return 1
        verdict = tree["verdict"]["verdict"]
        if verdict != "VALID":
            worst = [r for r in tree["verdict"]["reasons"] if r["weight"] != "note"]
            alarms[kind, " and ".join(sorted({r["name"] for r in worst}))] += 1
            print(f"{kind} {number}: {verdict}: " + "; ".join(r["text"] for r in worst))
        for what, value, bound in quantities(tree):
            found.setdefault(f"{kind}: {what}", (bound, []))[1].append(value)
    show(dict(sorted(found.items())))
    print()
    for (kind, names), often in sorted(alarms.items()):
        print(f"{kind}: not VALID for {names}: {often}")
    print(f"{args.runs} runs, {alarms.total()} not VALID")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
