#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the account of every message costs: the same load with `accounting: exact` and `off`, in turn.

    bench/account_pairs.py                 9 pairs on a Kafka of its own
    bench/account_pairs.py --embedded      9 pairs on `omb broker`

100 B at the maximum, where what the harness takes is what the broker does not get.  For each pair
the ratio exact/off of messages/s and of CPU a message is taken; given is the median with an
interval from order statistics.  A pair is run in both orders in turn.

Exit code 1: a run gave no figures, or its account was not exact.
"""

import argparse
import contextlib
import sys
import time

from compare_kafka import summary
from measure import (
    SETTLE_S,
    Failure,
    Session,
    add_arguments,
    client_figures,
    kafka,
    kafka_driver,
    need,
    rate,
    run_omb,
    table,
    work_folder,
    write_yaml,
)

SIDES = ("exact", "off")
RATIOS = {"rate": "publishPerS", "cpu": "clientCpuPerMessageNs"}
HEAD = ["ratio exact / off of", "median", "interval"]
RATIO_NAMES = {"rate": "messages/s", "cpu": "CPU a message, agents and omb's parent"}
WORKLOAD = {
    "name": "account-pairs",
    "topics": 1,
    "partitionsPerTopic": 16,
    "messageSize": 100,
    "useRandomizedPayloads": "true",
    "randomizedPayloadPoolSize": 100,
    "subscriptionsPerTopic": 1,
    "consumerPerSubscription": 1,
    "producersPerTopic": 1,
    "producerRate": "max",
    "agents": 1,
}


def run_once(args, side, folder, broker):
    workload = write_yaml(folder.with_suffix(".yaml"), WORKLOAD)
    driver, sets = kafka_driver(broker.address)
    sets |= {"accounting": side, "maxInFlightBytes": args.window}
    sets |= {"warmupDuration": f"{args.warmup}s", "testDuration": f"{args.duration}s"}
    run = run_omb(args.omb, workload, driver, sets, folder, broker)
    time.sleep(SETTLE_S)
    account = run.tree["accounting"]
    found = "exact" if account["kept"] and account["exact"] else "off"
    if found != side:
        raise Failure(f"{folder.name}: the account of a run with {side} is {account}")
    return client_figures(run)


def run_pair(args, number, folder, broker):
    pair = {"order": SIDES if number % 2 == 0 else SIDES[::-1]}
    for side in pair["order"]:
        pair[side] = run_once(args, side, folder / f"pair-{number}-{side}", broker)
    pair["ratios"] = {n: pair["exact"][key] / pair["off"][key] for n, key in RATIOS.items()}
    ratios = "  ".join(f"{n} {v:.3f}" for n, v in pair["ratios"].items())
    sides = ", ".join(f"{s} {rate(pair[s]['publishPerS'])}/s" for s in SIDES)
    print(f"{number + 1:>3}  {sides}  {ratios}", flush=True)
    return pair


def rows_of(ratios):
    return [
        [RATIO_NAMES[n], f"{r['median']:.3f}", f"{r['low']:.3f} – {r['high']:.3f}"]
        for n, r in ratios.items()
    ]


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--name", default="account_pairs", help="of the figures (%(default)s)")
    p.add_argument("--pairs", type=int, default=9, help="(%(default)s)")
    p.add_argument("--duration", type=int, default=8, help="measured seconds (%(default)s)")
    p.add_argument("--warmup", type=int, default=2, help="seconds before (%(default)s)")
    p.add_argument("--window", default="2MB", help="in flight of the producer (%(default)s)")
    args = p.parse_args()
    if args.quick:
        args.pairs, args.duration, args.warmup = 2, 2, 1
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    session = Session(args.name, args)
    pairs = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(work_folder(args))
        broker = stack.enter_context(kafka(args, folder))
        run_once(args, "exact", folder / "warm", broker)
        for number in range(args.pairs):
            pairs.append(run_pair(args, number, folder, broker))
        what = broker.what
    ratios = {n: summary([p["ratios"][n] for p in pairs]) for n in RATIOS}
    print("\n" + table(HEAD, rows_of(ratios)), flush=True)
    shown = {"pairs": args.pairs, "durationS": args.duration, "warmupS": args.warmup}
    settings = shown | {"window": args.window}
    session.finish(args.json, settings=settings, broker=what, pairs=pairs, ratios=ratios)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"account_pairs: {failure}")
