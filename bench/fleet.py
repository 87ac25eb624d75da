#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many clients on a real Kafka: how long until all are ready, and what they take.

    bench/fleet.py                    on a Kafka of its own

per-core    examples/workloads/fleet-1000.yaml: 1,000 producers at 1 msg/s and 1,000 consumers on
            100 topics of 10 partitions, in one producer and one consumer agent for each CPU
per-client  100 producers at 1 msg/s and 100 consumers on 10 topics of 10 partitions, each client a
            process of its own: 200 agents

Times are those of the phases in the `.omb` file: `connect` creates the topics and opens all
clients; `settle` lasts until every subscription of every topic has its partitions and has received
a probe.
Memory is the sum of the proportional shares (PSS) of all agents and omb's parent, the most that was
seen.  CPU is that within the measured window, for the broker too.

The broker gets log.index.size.max.bytes=1048576, which is enough for its segments of 256 MB: it maps
two index files of each partition when the first message arrives.  With Kafka's 10 MB, a kernel
with large folios zeroes gigabytes for 1,000 partitions: half of all CPU samples were in memset.

Exit code 1: a run gave no figures, or something that was acknowledged did not arrive.
"""

import argparse
import contextlib
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
    megabytes,
    need,
    percent,
    rate,
    run_omb,
    table,
    work_folder,
)

WORKLOAD = ROOT / "examples/workloads/fleet-1000.yaml"
FLEETS = {
    "1,000 + 1,000, per-core": {"agents": "per-core"},
    "100 + 100, per-client": {"agents": "per-client", "topics": 10},
}
MEMORY_EVERY_S = 5.0  # adding up the memory of 200 processes is work
INDEX_BYTES = 1048576
WARM = {"topics": 1, "producerRateScope": "total", "producerRate": 20000}


def run_fleet(args, keys, folder, broker):
    driver, sets = kafka_driver(broker.address)
    sets |= {"warmupDuration": f"{args.warmup}s", "testDuration": f"{args.duration}s"} | keys
    run = run_omb(args.omb, WORKLOAD, driver, sets, folder, broker, MEMORY_EVERY_S)
    time.sleep(SETTLE_S)
    load = run.tree["load"]
    return client_figures(run) | {
        "producers": load["producers"],
        "consumers": load["consumers"],
        "topics": load["topics"],
        "partitionsPerTopic": load["partitionsPerTopic"],
        "connectNs": run.phase_ns("connect"),
        "settleNs": run.phase_ns("settle"),
        "readinessNs": run.window["readinessNs"],
        "drainNs": run.phase_ns("drain"),
    }


def rows_of(f):
    return [
        ("topics x partitions", f"{f['topics']} x {f['partitionsPerTopic']}"),
        ("agents", f["agents"]),
        ("topics created and clients open", duration(f["connectNs"])),
        ("then every subscription ready", duration(f["settleNs"])),
        ("messages/s, asked for", rate(f["askedPerS"])),
        ("messages/s, acknowledged", rate(f["publishPerS"])),
        ("sent and received", f"{f['sent']:,} / {f['received']:,}"),
        ("lost, duplicated", f"{f['lost']}, {f['duplicated']}"),
        ("failed, unacknowledged", f"{f['failed']}, {f['unacknowledged']}"),
        ("due -> acknowledged p99", duration(f["correctedPublishP99Ns"])),
        ("due -> received p99", duration(f["correctedEndToEndP99Ns"])),
        ("memory of the client side (PSS)", megabytes(f["pssBytesMax"])),
        ("memory a client", megabytes(f["pssBytesMax"] / (f["producers"] + f["consumers"]))),
        ("CPU of the client side", percent(f["clientCpuShare"])),
        ("CPU of the broker", percent(f["brokerCpuShare"])),
        ("verdict", f["verdict"]),
    ]


def say(fleets):
    columns = [rows_of(f) for f in fleets.values()]
    rows = [[row[0][0]] + [cell[1] for cell in row] for row in zip(*columns)]
    print("\n" + table(["producers + consumers", *fleets], rows))
    for name, f in fleets.items():
        for reason in f["reasons"]:
            print(f"  {name}: {reason}", flush=True)


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--duration", type=int, default=20, help="measured seconds (%(default)s)")
    p.add_argument("--warmup", type=int, default=15, help="seconds before (%(default)s)")
    p.add_argument("--broker-warmup", type=int, default=15, help="thrown away (%(default)s s)")
    args = p.parse_args()
    if args.quick:
        args.duration, args.warmup, args.broker_warmup = 5, 2, 3
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session("fleet", args)
    fleets, failures = {}, {}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(work_folder(args))
        broker = stack.enter_context(kafka(args, folder, log_index_size_max_bytes=INDEX_BYTES))
        print("warming the broker up ...", flush=True)
        warm = argparse.Namespace(omb=args.omb, warmup=1, duration=args.broker_warmup)
        run_fleet(warm, WARM, folder / "warm", broker)
        for number, (name, keys) in enumerate(FLEETS.items()):
            try:
                fleets[name] = run_fleet(args, keys, folder / f"fleet-{number}", broker)
            except Failure as failure:
                failures[name] = str(failure)
                print(f"fleet: {name}: {failure}", file=sys.stderr)
        what = broker.what
    if fleets:
        say(fleets)
    settings = {"durationS": args.duration, "warmupS": args.warmup}
    session.finish(
        args.json, settings=settings, broker=what, fleets=fleets, failures=failures
    )
    return 1 if failures or any(f["lost"] or f["received"] == 0 for f in fleets.values()) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"fleet: {failure}")
