#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the account of every message holds for long: an hour at 500,000 msg/s.

    bench/account_hour.py                  an hour on `omb broker`

Four producers of 125,000 msg/s, 100 B, 16 partitions, a group of two.  The counts must be exact, and
the memory of the book and of omb's parent stay within bounds however long the run is: 1.8 thousand
million messages make 440,000 chunks of 4,096 sequences.  Nothing is judged by latency, so other work
on the machine does no harm as long as the rate is kept.

Exit code 1: the run gave no figures, its account was not exact, or a message is missing.
"""

import argparse
import contextlib
import sys

from measure import (
    Failure,
    Session,
    add_arguments,
    client_figures,
    kafka,
    kafka_driver,
    megabytes,
    need,
    percent,
    rate,
    run_omb,
    table,
    work_folder,
    write_yaml,
)

MEMORY_EVERY_S = 10.0
BOOK_BYTES_MAX = 64 << 20  # what src/account/book.h promises for 1,000 producers
COUNTS = ("lost", "missing", "duplicated", "redelivered", "outOfOrder", "neverSent", "corrupted")
WORKLOAD = {
    "name": "account-hour",
    "topics": 1,
    "partitionsPerTopic": 16,
    "messageSize": 100,
    "useRandomizedPayloads": "true",
    "randomizedPayloadPoolSize": 100,
    "subscriptionsPerTopic": 1,
    "consumerPerSubscription": 2,
    "producersPerTopic": 4,
    "agents": 1,
}


def rows_of(f):
    account = f["accounting"]
    found = ", ".join(f"{account[name]:,} {name}" for name in COUNTS)
    return [
        ("messages/s, asked for and acknowledged", f"{rate(f['askedPerS'])} / {rate(f['publishPerS'])}"),
        ("acknowledged", f"{f['acknowledged']:,}"),
        ("received once", f"{account['receivedOnce']:,}"),
        ("account", ("exact: " if account["exact"] else "NOT exact: ") + found),
        ("the book at most", megabytes(account["bytesMost"])),
        ("omb's parent at most (PSS), at 1/4 of the run", f"{megabytes(f['parentPssBytesMax'])}, {megabytes(f['parentPssBytesQuarter'])}"),
        ("agents at most (PSS)", megabytes(f["agentsPssBytesMax"])),
        ("CPU of the client side", percent(f["clientCpuShare"])),
        ("verdict", f["verdict"]),
    ]


def is_good(f):
    account = f["accounting"]
    counts = sum(account[name] for name in COUNTS)
    whole = account["receivedOnce"] == f["acknowledged"]
    return account["exact"] and whole and counts == 0 and account["bytesMost"] <= BOOK_BYTES_MAX


def run_hour(args, folder, broker):
    workload = write_yaml(folder / "account-hour.yaml", WORKLOAD)
    driver, sets = kafka_driver(broker.address)
    sets |= {"producerRate": args.rate, "warmupDuration": "5s", "testDuration": f"{args.duration}s"}
    run = run_omb(args.omb, workload, driver, sets, folder / "run", broker, MEMORY_EVERY_S)
    seen = run.watch.memory
    figures = client_figures(run) | {
        "accounting": {k: v for k, v in run.tree["accounting"].items() if k != "lostRanges"},
        "agentsPssBytesMax": max(agents for _, agents, _ in seen),
        "parentPssBytesQuarter": seen[len(seen) // 4][0],
    }
    return figures


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--rate", type=int, default=500000, help="messages/s (%(default)s)")
    p.add_argument("--duration", type=int, default=3600, help="measured seconds (%(default)s)")
    args = p.parse_args()
    args.embedded = not args.broker
    if args.quick:
        args.duration = 30
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session("account_hour", args)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(work_folder(args))
        broker = stack.enter_context(kafka(args, folder))
        figures = run_hour(args, folder, broker)
        what = broker.what
    print(table(["an account for long", ""], rows_of(figures)))
    for reason in figures["reasons"]:
        print(f"  {reason}", flush=True)
    settings = {"durationS": args.duration, "rate": args.rate}
    session.finish(args.json, settings=settings, broker=what, figures=figures)
    return 0 if is_good(figures) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"account_hour: {failure}")
