#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `pacing: spin` gains and costs: how late messages are sent, and the CPU of the agent.

    bench/pacing.py                     5 rounds of 1,000 and 10,000 msg/s, sleep and spin in turn

One producer on the `null` driver with `wakeInterval: 0`, so that each message is waited for by
itself.  Lateness is the publish delay of the messages due in the window; CPU is that of the agent
in the window, of one CPU.  What else the machine does shows as lateness first: the figures of a
busy one say nothing, and p99 goes before p50.

Exit code 1: a run gave no figures.
"""

import argparse
import statistics
import sys

from measure import (
    ROOT,
    Failure,
    Session,
    add_arguments,
    duration,
    need,
    percent,
    rate,
    run_omb,
    table,
    work_folder,
    write_yaml,
)

PACINGS = ("sleep", "spin")
RATES = (1000, 10000)
HEAD = ["messages/s", "pacing", "late p50", "late p99", "CPU of the agent", "of it spun"]
FIGURES = ("lateP50Ns", "lateP99Ns", "cpuShare", "spunShare")
WORKLOAD = {
    "name": "pacing",
    "topics": 1,
    "messageSize": 100,
    "useRandomizedPayloads": "true",
    "randomizedPayloadPoolSize": 100,
    "producersPerTopic": 1,
    "agents": 1,
    "wakeInterval": 0,
}


def run_once(args, pacing, per_s, folder):
    workload = write_yaml(folder.with_suffix(".yaml"), WORKLOAD)
    sets = {"pacing": pacing, "producerRate": per_s}
    sets |= {"warmupDuration": "1s", "testDuration": f"{args.duration}s"}
    run = run_omb(args.omb, workload, ROOT / "examples/drivers/null.yaml", sets, folder)
    window_ns = run.window["endNs"] - run.window["startNs"]
    return {
        "lateP50Ns": run.percentile_ns("publishDelay", 50.0),
        "lateP99Ns": run.percentile_ns("publishDelay", 99.0),
        "cpuShare": run.tree["agents"][0]["windowCpuNs"] / window_ns,
        "spunShare": run.window["counters"]["spunNs"] / window_ns,
        "verdict": run.tree["verdict"]["verdict"],
        "omb": run.tree["omb"],
    }


def rows_of(cases):
    """A row for each rate and pacing: medians over the rounds."""
    rows = []
    for case in cases:
        m = case["median"]
        late = [duration(m["lateP50Ns"]), duration(m["lateP99Ns"])]
        rows.append([rate(case["rate"]), case["pacing"], *late])
        rows[-1] += [percent(m["cpuShare"]), percent(m["spunShare"])]
    return rows


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p, broker=False)
    p.add_argument("--rounds", type=int, default=5, help="of each case (%(default)s)")
    p.add_argument("--duration", type=int, default=5, help="measured seconds (%(default)s)")
    args = p.parse_args()
    if args.quick:
        args.rounds, args.duration = 2, 2
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session("pacing", args)
    cases = [{"rate": r, "pacing": p, "runs": []} for r in RATES for p in PACINGS]
    with work_folder(args) as folder:
        for n in range(args.rounds):
            for number, case in enumerate(cases):
                here = folder / f"run-{n}-{number}"
                case["runs"].append(run_once(args, case["pacing"], case["rate"], here))
    for case in cases:
        case["median"] = {f: statistics.median(r[f] for r in case["runs"]) for f in FIGURES}
    print(table(HEAD, rows_of(cases)), flush=True)
    settings = {"rounds": args.rounds, "durationS": args.duration}
    session.finish(args.json, settings=settings, cases=cases)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"pacing: {failure}")
