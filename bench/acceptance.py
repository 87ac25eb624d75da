#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The acceptance run on a real Kafka, and how the figures scale with the number of producers.

    bench/acceptance.py                    on a Kafka of its own

Load: examples/workloads/acceptance-10p-4c.yaml with examples/drivers/kafka.yaml (acks=all, linger
5 ms, batch.size 131072, else librdkafka's defaults): 10 producers of 10,000 msg/s of 1 KB on 16
partitions, 4 consumers, 60 s after 30 s of warm-up, once with an agent process for each client and
once with one for each CPU, in turn.

Scaling: the same with 1, 5 and 10 producers, at 10,000 msg/s each, and at the maximum rate with
2 MB in flight for each producer.  Consumers are always 4, so that only the producers grow.

    efficiency      throughput(N) / (N x throughput(1))
    p99 growth      (p99(N) - p99(1)) / p99(1) of due -> received; at the maximum rate, which has no
                    due times, of send -> acknowledged
    msg/s per 1 %   acknowledged messages/s for each percent of one CPU that the client side uses
                    (agents and omb's parent)

A run that warms the broker up comes first and is thrown away: a fresh Kafka is slow until its JIT
has done its work.  Client CPU and memory include omb's parent.  Of repeats the median is shown;
losses are the largest of all.

Exit code 1: a run gave no figures.  Verdicts stand in the table and do not change it.
"""

import argparse
import sys
import time

from measure import (
    ROOT,
    SETTLE_S,
    Failure,
    Session,
    add_arguments,
    client_figures,
    duration,
    kafka,
    kafka_driver,
    medians,
    megabytes,
    need,
    percent,
    rate,
    run_omb,
    table,
    work_folder,
)

WORKLOAD = ROOT / "examples/workloads/acceptance-10p-4c.yaml"
RATE_EACH = 10000
PRODUCERS = (1, 5, 10)
IN_FLIGHT = "2MB"


class Bench:
    """Where runs go and what they have in common."""

    def __init__(self, args, folder, broker):
        self.args, self.folder, self.broker = args, folder, broker
        self.runs = 0

    def run(self, warmup_s, duration_s, **keys):
        """A run that gives no figures is repeated once: half an hour of others would go with it."""
        try:
            return self.run_once(warmup_s, duration_s, **keys)
        except Failure as failure:
            print(f"acceptance: {failure}", file=sys.stderr)
            return self.run_once(warmup_s, duration_s, **keys)

    def run_once(self, warmup_s, duration_s, **keys):
        self.runs += 1
        driver, sets = kafka_driver(self.broker.address)
        sets |= {"warmupDuration": f"{warmup_s}s", "testDuration": f"{duration_s}s"} | keys
        run = run_omb(
            self.args.omb, WORKLOAD, driver, sets, self.folder / f"run-{self.runs}", self.broker
        )
        time.sleep(SETTLE_S)
        return client_figures(run)


def say(text):
    print(text, flush=True)


# -- acceptance --------------------------------------------------------------------------------


def run_acceptance(bench):
    """{agents: figures of all repeats}, in turn: A B B A."""
    args = bench.args
    found = {"per-client": [], "per-core": []}
    for repeat in range(args.repeats):
        for agents in sorted(found, reverse=repeat % 2 == 1):
            figures = bench.run(args.warmup, args.duration, agents=agents)
            found[agents].append(figures)
            say(
                f"  {agents} {repeat + 1}: {rate(figures['publishPerS'])}/s, due -> acknowledged"
                f" p99 {duration(figures['correctedPublishP99Ns'])}, {figures['verdict']}"
            )
    return found


def acceptance_rows(f):
    """(what, text) of one column."""
    return [
        ("agents", f["agents"]),
        ("acknowledged / asked for", percent(f["publishPerS"] / f["askedPerS"], 3)),
        ("sent and received", f"{f['sent']:,} / {f['received']:,}"),
        ("lost, duplicated", f"{f['lost']}, {f['duplicated']}"),
        ("failed, unacknowledged, unsent",)
        + (f"{f['failed']}, {f['unacknowledged']}, {f['unsent']}",),
        ("publish delay p50", duration(f["publishDelayP50Ns"])),
        ("publish delay p99", duration(f["publishDelayP99Ns"])),
        ("due -> acknowledged p50", duration(f["correctedPublishP50Ns"])),
        ("due -> acknowledged p99", duration(f["correctedPublishP99Ns"])),
        ("due -> received p50", duration(f["correctedEndToEndP50Ns"])),
        ("due -> received p99", duration(f["correctedEndToEndP99Ns"])),
        ("CPU a message, producers", duration(f["producerCpuPerMessageNs"])),
        ("CPU a message, consumers", duration(f["consumerCpuPerMessageNs"])),
        ("CPU a message, client side", duration(f["clientCpuPerMessageNs"])),
        ("CPU of the client side", percent(f["clientCpuShare"], 0)),
        ("CPU of the broker", percent(f["brokerCpuShare"], 0)),
        ("memory of the client side (PSS)", megabytes(f["pssBytesMax"])),
        ("of that omb's parent", megabytes(f["parentPssBytesMax"])),
        ("verdict", f["verdict"]),
    ]


def say_acceptance(acceptance):
    columns = [acceptance_rows(acceptance[agents]["median"]) for agents in acceptance]
    rows = [[row[0][0]] + [cell[1] for cell in row] for row in zip(*columns)]
    say("\n" + table(["10 x 10,000 msg/s of 1 KB, 4 consumers", *acceptance], rows))
    for agents, found in acceptance.items():
        for reason in found["median"]["reasons"]:
            say(f"  {agents}: {reason}")


# -- scaling -----------------------------------------------------------------------------------


def scaling_keys(producers, is_max):
    keys = {"agents": "per-client", "producersPerTopic": producers}
    if is_max:
        return keys | {"producerRate": "max", "maxInFlight": IN_FLIGHT}
    return keys | {"producerRate": producers * RATE_EACH}


def run_scaling(bench, is_max):
    """{producers: figures of all repeats}; up, down, up, so that drift meets all of them."""
    args = bench.args
    found = {producers: [] for producers in PRODUCERS}
    for repeat in range(args.scaling_repeats):
        for producers in sorted(PRODUCERS, reverse=repeat % 2 == 1):
            figures = bench.run(
                args.scaling_warmup, args.scaling_duration, **scaling_keys(producers, is_max)
            )
            found[producers].append(figures)
            say(f"  {producers} producers {repeat + 1}: {rate(figures['publishPerS'])}/s")
    return found


def add_ratios(found, is_max):
    """Median figures for each number of producers, with the ratios to one producer."""
    p99 = "publishP99Ns" if is_max else "correctedEndToEndP99Ns"
    rows = []
    for producers, runs in found.items():
        figures = medians(runs) | {"producers": producers}
        one = rows[0] if rows else figures
        figures["efficiency"] = figures["publishPerS"] / (producers * one["publishPerS"])
        figures["p99Ns"] = figures[p99]
        figures["p99Growth"] = figures[p99] / one[p99] - 1
        rows.append(figures)
    return rows


SCALING_HEAD = ["messages/s", "efficiency", "p99", "p99 growth", "CPU a message"]
SCALING_HEAD += ["msg/s per 1 %", "broker CPU", "lost", "verdict"]


def scaling_cells(rows):
    return [
        [
            f"{r['producers']} producer" + "s" * (r["producers"] > 1),
            rate(r["publishPerS"]),
            percent(r["efficiency"]),
            duration(r["p99Ns"]),
            f"{100 * r['p99Growth']:+.0f} %",
            duration(r["clientCpuPerMessageNs"]),
            rate(r["messagesPerSPerCpuPercent"]),
            percent(r["brokerCpuShare"], 0),
            r["lost"],
            r["verdict"],
        ]
        for r in rows
    ]


# -- all of it ---------------------------------------------------------------------------------


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--repeats", type=int, default=2, help="of the acceptance run (%(default)s)")
    p.add_argument("--duration", type=int, default=60, help="its seconds (%(default)s)")
    p.add_argument("--warmup", type=int, default=30, help="its warm-up (%(default)s)")
    p.add_argument("--scaling-repeats", type=int, default=3, help="default: %(default)s")
    p.add_argument("--scaling-duration", type=int, default=12, help="default: %(default)s")
    p.add_argument("--scaling-warmup", type=int, default=5, help="default: %(default)s")
    p.add_argument("--broker-warmup", type=int, default=30, help="thrown away (%(default)s s)")
    p.add_argument("--no-scaling", action="store_true")
    args = p.parse_args()
    if args.quick:
        args.repeats = args.scaling_repeats = 1
        args.duration, args.warmup, args.broker_warmup = 5, 3, 5
        args.scaling_duration, args.scaling_warmup = 3, 2
    return args


def settings_of(args):
    return {
        "repeats": args.repeats,
        "durationS": args.duration,
        "warmupS": args.warmup,
        "scalingRepeats": args.scaling_repeats,
        "scalingDurationS": args.scaling_duration,
        "scalingWarmupS": args.scaling_warmup,
        "inFlightAtMax": IN_FLIGHT,
    }


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session("acceptance", args)
    members = {"settings": settings_of(args)}
    with work_folder(args) as folder, kafka(args, folder) as broker:
        bench = Bench(args, folder, broker)
        say("warming the broker up ...")
        bench.run(1, args.broker_warmup)
        found = run_acceptance(bench)
        acceptance = {a: {"median": medians(runs), "runs": runs} for a, runs in found.items()}
        say_acceptance(acceptance)
        members |= {"broker": broker.what, "acceptance": acceptance}
        if not args.no_scaling:
            for name, is_max in (("scalingPaced", False), ("scalingMax", True)):
                say("\nscaling, " + ("maximum rate" if is_max else f"{RATE_EACH:,} msg/s each"))
                runs = run_scaling(bench, is_max)
                rows = add_ratios(runs, is_max)
                title = "maximum rate" if is_max else f"{RATE_EACH:,}/s each"
                say("\n" + table([title, *SCALING_HEAD], scaling_cells(rows)))
                members[name] = {"median": rows, "runs": list(runs.values())}
    session.finish(args.json, **members)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"acceptance: {failure}")
