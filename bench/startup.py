#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes from the start of `omb run` to the first measured message.

    bench/startup.py                    on a Kafka of its own

The warm-up is 0, and the Kafka (with group.initial.rebalance.delay.ms=0, as tools/broker sets it)
has served one run before.  The time goes from just before the process is started to the instant at
which the first message of the measured window is due, by the wall clock of one host.  The parts
are the phases in the `.omb` file: `connect` creates the topics and opens all clients, `settle`
lasts until every subscription has received a probe, and the rest is reading files, describing the
configuration, and the common start in the near future.

Exit code 1: a run gave no figures.
"""

import argparse
import statistics
import sys
import time

from measure import (
    ROOT,
    SETTLE_S,
    Failure,
    Session,
    add_arguments,
    duration,
    kafka,
    kafka_driver,
    need,
    run_omb,
    table,
    work_folder,
)

CASES = {
    "1 producer, 1 consumer": ("simple-workload.yaml", {}),
    "10 producers, 4 consumers, per-client": ("acceptance-10p-4c.yaml", {}),
    "10 producers, 4 consumers, per-core": ("acceptance-10p-4c.yaml", {"agents": "per-core"}),
}
LOAD = {"producerRate": 10000, "warmupDuration": "0s", "testDuration": "1s"}
PARTS = ("totalNs", "beforeNs", "connectNs", "settleNs", "afterNs")


def run_start(args, workload, keys, folder, broker):
    driver, sets = kafka_driver(broker.address)
    path = ROOT / "examples/workloads" / workload
    run = run_omb(args.omb, path, driver, sets | LOAD | keys, folder, broker)
    time.sleep(SETTLE_S)
    first_ns = run.wall_ns(run.window["startNs"])
    began_ns = run.wall_ns(min(p["startNs"] for p in run.tree["phases"]))
    connect_ns, settle_ns = run.phase_ns("connect"), run.phase_ns("settle")
    total_ns = first_ns - run.spawned_ns
    before_ns = began_ns - run.spawned_ns
    return {
        "totalNs": total_ns,
        "beforeNs": before_ns,
        "connectNs": connect_ns,
        "settleNs": settle_ns,
        "afterNs": total_ns - before_ns - connect_ns - settle_ns,
        "acknowledged": run.window["counters"]["acknowledged"],
        "omb": run.tree["omb"],
    }


def say(cases):
    head = ["median of the runs", "to the first measured message", "slowest"]
    head += ["before connect", "connect", "settle", "to the common start"]
    rows = []
    for name, case in cases.items():
        parts = [duration(case["median"][part]) for part in PARTS]
        slowest = max(r["totalNs"] for r in case["runs"])
        rows.append([name, parts[0], duration(slowest), *parts[1:]])
    print("\n" + table(head, rows), flush=True)


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--repeats", type=int, default=5, help="of each case (%(default)s)")
    args = p.parse_args()
    if args.quick:
        args.repeats = 2
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session("startup", args)
    cases = {name: {"runs": []} for name in CASES}
    with work_folder(args) as folder, kafka(args, folder) as broker:
        print("one run before ...", flush=True)
        workload, keys = next(iter(CASES.values()))
        run_start(args, workload, keys, folder / "before", broker)
        for repeat in range(args.repeats):
            for number, (name, (workload, keys)) in enumerate(CASES.items()):
                here = folder / f"run-{repeat}-{number}"
                figures = run_start(args, workload, keys, here, broker)
                cases[name]["runs"].append(figures)
                print(f"  {name}: {duration(figures['totalNs'])}", flush=True)
        what = broker.what
    for case in cases.values():
        case["median"] = {p: statistics.median(r[p] for r in case["runs"]) for p in PARTS}
    say(cases)
    session.finish(args.json, settings={"repeats": args.repeats}, broker=what, cases=cases)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"startup: {failure}")
