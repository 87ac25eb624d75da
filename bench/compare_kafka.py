#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Client CPU per message and rate: `omb run` against a bare librdkafka program, same settings.

    bench/compare_kafka.py                          9 pairs of each case, on a Kafka of its own
    bench/compare_kafka.py --broker HOST:PORT --pairs 3 --size 100 --rate max
    bench/compare_kafka.py --embedded --rate max     on omb's own broker, which is never the limit
    bench/compare_kafka.py --processes --producers 10 --consumers 4 --rate 100000 --size 1024

A is `omb run` with one producer agent and one consumer agent, B is bare_kafka with one producing
and one consuming process; with --processes each client has a process of its own on both sides.
They run in turn, A B B A A B ..., so that a machine that gets slower or
faster meets both.  For each pair the ratio A/B is taken; printed is the median of the ratios with
a confidence interval from their order statistics, which assumes nothing about how they spread.

Two ratios of CPU are given.  `cpu` is that of the agents within the measured window, against the
two bare processes within theirs.  `cpuWhole` is user and system time of all processes from start
to end (start-up, warm-up and omb's parent included) over all messages: it needs nothing from omb
but its exit, and is what counts when the first is missing.

Exit code 0: all pairs ran (whatever the ratios; `--limit` turns a bad one into 3); 1: they did not.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

from measure import ROOT, Failure, Session, add_arguments, kafka, need, work_folder

FAILURES_MAX = 3
SETTLE_S = 1.0  # for the broker to delete the topic of the run before
CONSUMER_LEAD_S = 1.5  # until a consumer of its own group has its partitions
REBALANCE_S = 6  # until several have
OMB_USABLE = (0, 3)  # 3: the result is marked INVALID, which a machine of two cores often earns

# On both sides.  The rest is librdkafka's default; omb turns Nagle off by itself.
COMMON = {"socket.nagle.disable": "true"}
PRODUCER = {
    "acks": "all",
    "linger.ms": "5",
    "batch.size": "131072",
    # No limit, so that the window in bytes is the only one.
    "queue.buffering.max.messages": "0",
}
CONSUMER = {"auto.offset.reset": "earliest", "enable.auto.commit": "false"}


# -- statistics --------------------------------------------------------------------------------


def median_interval(values, wanted=0.95):
    """(low, high, coverage): order statistics that hold the true median with that probability.

    The number of values below the median is binomial with p = 1/2.  Nine values give the second
    and the eighth: 96.1 %.  With fewer than six no 95 % exist; then it is the whole range with
    what that covers.
    """
    ordered = sorted(values)
    n = len(ordered)
    cut = 0  # values left out at each end
    outside = 2 / 2**n
    while 1 - (more := outside + 2 * math.comb(n, cut + 1) / 2**n) >= wanted:
        cut, outside = cut + 1, more
    return ordered[cut], ordered[n - 1 - cut], 1 - outside


def summary(values):
    low, high, coverage = median_interval(values)
    return {
        "median": statistics.median(values),
        "low": low,
        "high": high,
        "coverage": coverage,
        "values": values,
    }


# -- processes ---------------------------------------------------------------------------------


def start(stack, command, log):
    """The stack ends it."""
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
    stack.callback(end, process)
    return process


def end(process):
    """Whatever happened before, nothing is left running: omb takes its agents along."""
    if process.returncode is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    process.stdout.close()


def finish(process, timeout_s, log):
    """(exit code, standard output, CPU seconds of the process and of all that it waited for).

    Standard output is one line or a small table, so that its pipe does not fill up meanwhile.
    """
    limit = time.monotonic() + timeout_s
    pid = 0
    while not pid:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if not pid and time.monotonic() > limit:
            raise Failure(f"{process.args[0]} did not end in {timeout_s} s; its log is {log}")
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, process.stdout.read(), usage.ru_utime + usage.ru_stime


def tail_of(path, lines=10):
    return "\n".join(pathlib.Path(path).read_text(errors="replace").splitlines()[-lines:])


# -- A: omb ------------------------------------------------------------------------------------


def properties(*blocks):
    lines = [f"  {key}={value}" for block in blocks for key, value in block.items()]
    return "|\n" + "\n".join(lines) + "\n" if lines else "|\n"


def write_driver(path, address):
    path.write_text(
        "name: Kafka\n"
        "driver: kafka\n"
        "replicationFactor: 1\n"
        "topicConfig: |\n"
        f"commonConfig: {properties({'bootstrap.servers': address}, COMMON)}"
        f"producerConfig: {properties(PRODUCER)}"
        f"consumerConfig: {properties(CONSUMER)}"
    )


def write_workload(path, case, args):
    # One payload, as the bare program has: a pool would cost cache that it does not pay for.
    payload = path.with_name("payload.data")
    payload.write_bytes(bytes(97 + i * i % 26 for i in range(case["size"])))
    keys = {
        "name": path.stem,
        "topics": 1,
        "partitionsPerTopic": args.partitions,
        "messageSize": case["size"],
        "payloadFile": str(payload),
        "keyDistributor": "NO_KEY",
        "producersPerTopic": args.producers,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": args.consumers,
        "producerRate": case["rate"],
        "consumerBacklogSizeGB": 0,
        "agents": "per-client" if args.processes else 1,
        "wakeInterval": f"{args.wake}us",
        "warmupDuration": f"{args.warmup}s",
        "testDuration": f"{args.duration}s",
    }
    if args.window:
        keys["maxInFlightBytes"] = args.window
    path.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))


def read_omb(path):
    """What is compared, from a `.omb` side file.  The only place that knows the names in it.

    Messages/s acknowledged and CPU of the agents per message, both within the measured window;
    due -> acknowledged (send -> acknowledged at `max`); and all messages acknowledged, those of
    the warm-up included.
    """
    tree = json.loads(pathlib.Path(path).read_text())
    window, latencies = tree["window"], tree["latencies"]
    # As the bare program: from due where there is a schedule.
    is_paced = latencies["correctedPublish"]["meaningful"]
    latency = latencies["correctedPublish" if is_paced else "publish"]
    percentiles = {p["percentile"]: p["ns"] / 1e3 for p in latency["percentiles"]}
    cpu_ns = window["producerCpuPerMessageNs"] + window["consumerCpuPerMessageNs"]
    return {
        "rate": window["publishRate"],
        "cpuNs": cpu_ns or None,
        "ackP50Us": percentiles[50.0],
        "ackP99Us": percentiles[99.0],
        "messages": tree["totals"]["acknowledged"],
        "received": tree["totals"]["received"],
        "verdict": tree["verdict"]["verdict"],
        "omb": tree["omb"],
    }


def run_omb(case, args, address, directory):
    directory.mkdir()
    write_driver(directory / "driver.yaml", address)
    write_workload(directory / "workload.yaml", case, args)
    out = directory / "out"
    out.mkdir()
    log = directory / "omb.log"
    with contextlib.ExitStack() as stack:
        f = stack.enter_context(open(log, "w"))
        process = start(
            stack,
            [args.omb, "run", "-d", directory / "driver.yaml", directory / "workload.yaml"]
            + ["-o", f"{out}/", "--quiet"],
            f,
        )
        code, _, cpu_s = finish(process, args.duration + args.warmup + 180, log)
    if code not in OMB_USABLE:
        raise Failure(f"omb ended with {code}; its log {log} ends in:\n{tail_of(log)}")
    found = sorted(out.glob("*.omb"))
    if not found:
        raise Failure(f"no .omb file in {out}; log: {log}")
    figures = read_omb(found[0])
    if figures["received"] != figures["messages"] or not figures["messages"]:
        raise Failure(
            f"omb: {figures['messages']} acknowledged, {figures['received']} received; log: {log}"
        )
    figures["cpuWholeNs"] = cpu_s * 1e9 / figures["messages"]
    return figures


# -- B: bare -----------------------------------------------------------------------------------


def bare_options(*blocks):
    return [x for block in blocks for key, value in block.items() for x in ("-X", f"{key}={value}")]


def deal(clients, args):
    """How many clients each process has."""
    return [1] * clients if args.processes else [clients]


def cpu_per_message_ns(side):
    return sum(s["cpuSeconds"] for s in side) * 1e9 / sum(s["messages"] for s in side)


def run_bare(case, args, address, directory):
    directory.mkdir()
    topic = f"bare-{os.getpid()}-{directory.name}"
    to = ["-b", address, "-t", topic]
    span = ["-d", args.duration, "-W", args.warmup]
    log = directory / "bare.log"
    subprocess.run([args.bare, "topic", *to, "-p", str(args.partitions)], check=True)
    try:
        with contextlib.ExitStack() as stack:
            f = stack.enter_context(open(log, "w"))
            consumers = [
                start(
                    stack,
                    [args.bare, "consume", *to, *span, "-g", topic, "-n", clients]
                    + bare_options(COMMON, CONSUMER),
                    f,
                )
                for clients in deal(args.consumers, args)
            ]
            # Members that come later are known to the others at their next heartbeat, after 3 s.
            time.sleep(CONSUMER_LEAD_S if len(consumers) == 1 else REBALANCE_S)
            rate = case["rate"]
            producers = [
                start(
                    stack,
                    [args.bare, "produce", *to, *span, "-s", case["size"]]
                    + ["-r", rate if rate == "max" else rate * clients // args.producers]
                    + ["-P", clients, "-w", args.wake, "-i", args.window]
                    + bare_options(COMMON, PRODUCER),
                    f,
                )
                for clients in deal(args.producers, args)
            ]
            limit_s = args.duration + args.warmup + 120
            ends = [finish(p, limit_s, log) for p in producers + consumers]
    finally:
        subprocess.run([args.bare, "topic", *to, "-D"], check=False)
    if any(code != 0 for code, _, _ in ends):
        raise Failure(f"bare_kafka failed; its log {log} ends in:\n{tail_of(log)}")
    said = [json.loads(output) for _, output, _ in ends]
    p, c = said[: len(producers)], said[len(producers) :]
    sent, received = (sum(s["totalMessages"] for s in side) for side in (p, c))
    if sent != received:
        raise Failure(f"bare: {sent} acknowledged, {received} received")
    return {
        "rate": sum(s["messagesPerSecond"] for s in p),
        "cpuNs": sum(cpu_per_message_ns(side) for side in (p, c)),
        "cpuWholeNs": sum(cpu_s for _, _, cpu_s in ends) * 1e9 / sent,
        # Of several processes: of the one in the middle.
        "ackP50Us": statistics.median(s["latencyUs"]["p50"] for s in p),
        "ackP99Us": statistics.median(s["latencyUs"]["p99"] for s in p),
        "messages": sent,
    }


# -- the comparison ----------------------------------------------------------------------------

SIDES = {"A": run_omb, "B": run_bare}
RATIOS = {"cpu": "cpuNs", "cpuWhole": "cpuWholeNs", "rate": "rate", "ackP99": "ackP99Us"}


def ratios_of(pair):
    a, b = pair["A"], pair["B"]
    return {
        name: a[key] / b[key] if a.get(key) and b.get(key) else None for name, key in RATIOS.items()
    }


def say_pair(number, pair):
    def side(name):
        s = pair[name]
        cpu = f"{s['cpuNs']:.0f}" if s.get("cpuNs") else "?"
        ack = f"{s['ackP99Us'] / 1e3:.1f}" if s.get("ackP99Us") else "?"
        return f"{s['rate']:>9.0f}/s {cpu:>6} ({s['cpuWholeNs']:.0f}) ns, ack p99 {ack} ms"

    ratios = "  ".join(f"{k} {v:.3f}" for k, v in pair["ratios"].items() if v is not None)
    sides = f"omb {side('A')} | bare {side('B')}"
    print(f"  {number:>2} {pair['order']}  {sides} | {ratios}", flush=True)


def run_case(case, args, address, directory):
    """The pairs of one case; a run that fails is repeated, a few times."""
    print(f"{case['size']} B, rate {case['rate']}", flush=True)
    pairs, failures, runs = [], 0, 0
    while len(pairs) < args.pairs:
        order = "AB" if len(pairs) % 2 == 0 else "BA"
        pair = {"order": order}
        try:
            for side in order:
                runs += 1
                here = directory / f"{case['size']}-{case['rate']}-{runs}-{side}"
                pair[side] = SIDES[side](case, args, address, here)
                time.sleep(SETTLE_S)
        except Failure as failure:
            failures += 1
            print(f"  failed: {failure}", file=sys.stderr, flush=True)
            if failures >= FAILURES_MAX:
                raise
            continue
        pair["ratios"] = ratios_of(pair)
        pairs.append(pair)
        say_pair(len(pairs), pair)
    result = dict(case, pairs=pairs, ratios={})
    for name in RATIOS:
        values = [p["ratios"][name] for p in pairs if p["ratios"][name] is not None]
        if values:
            result["ratios"][name] = summary(values)
    return result


def print_summary(results):
    print("\nmedian of omb / bare  [interval]")
    for result in results:
        for name, s in result["ratios"].items():
            print(
                f"  {result['size']:>5} B {result['rate']!s:>6}  {name:<9}{s['median']:.3f}"
                f"  [{s['low']:.3f}, {s['high']:.3f}] {100 * s['coverage']:.1f} %,"
                f" {len(s['values'])} pairs"
            )


def over_limit(results, limit):
    """A case is over when even the low end of the interval of its CPU ratio is."""
    bad = []
    for result in results:
        cpu = result["ratios"].get("cpu") or result["ratios"]["cpuWhole"]
        if cpu["low"] > limit:
            bad.append(f"{result['size']} B {result['rate']}: {cpu['low']:.3f} > {limit}")
    return bad


def rate_of(text):
    return text if text == "max" else int(text)


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p)
    p.add_argument("--bare", default=str(ROOT / "build/bench/bare_kafka"))
    p.add_argument("--pairs", type=int, default=9)
    p.add_argument("--size", type=int, action="append", help="bytes; default 100 and 1024")
    p.add_argument("--rate", type=rate_of, action="append", help="default max and 10000")
    p.add_argument("--duration", type=int, default=10, help="measured seconds (%(default)s)")
    p.add_argument("--warmup", type=int, default=5, help="seconds before (%(default)s)")
    p.add_argument("--broker-warmup", type=int, default=20, help="for each size (%(default)s s)")
    p.add_argument("--producers", type=int, default=1)
    p.add_argument("--consumers", type=int, default=1)
    p.add_argument("--partitions", type=int, default=16)
    p.add_argument("--processes", action="store_true", help="each client a process of its own")
    p.add_argument("--name", default="compare_kafka", help="of the document (%(default)s)")
    p.add_argument("--wake", type=int, default=100, help="wake interval, us (%(default)s)")
    p.add_argument("--window", type=int, default=2000000, help="bytes in flight (%(default)s)")
    p.add_argument("--limit", type=float, help="exit 3 when a CPU ratio is certainly above it")
    args = p.parse_args()
    if args.quick:
        args.pairs, args.duration, args.warmup, args.broker_warmup = 1, 3, 1, 3
    return args


def warm_up(args, cases, address, folder):
    print("warming the broker up ...", flush=True)
    warm = argparse.Namespace(**{**vars(args), "duration": args.broker_warmup, "warmup": 0})
    for number, size in enumerate(sorted({case["size"] for case in cases})):
        try:
            run_bare({"size": size, "rate": "max"}, warm, address, folder / f"warm-{number}")
        except Failure as failure:  # of a broker that has just started: it is warmer now
            print(f"  failed: {failure}", file=sys.stderr, flush=True)


def settings_of(args):
    shown = ("pairs", "duration", "warmup", "producers", "consumers", "partitions")
    shown += ("wake", "window", "processes")
    settings = {name: getattr(args, name) for name in shown}
    return settings | {"common": COMMON, "producer": PRODUCER, "consumer": CONSUMER}


def main():
    args = parse_arguments()
    need(args.omb)
    need(args.bare)
    cases = [
        {"size": size, "rate": rate}
        for rate in args.rate or ["max", 10000]
        for size in args.size or [100, 1024]
    ]
    session = Session(args.name, args)
    results, what = [], ""
    try:
        with work_folder(args) as folder, kafka(args, folder) as broker:
            what = broker.what
            warm_up(args, cases, broker.address, folder)
            for case in cases:
                results.append(run_case(case, args, broker.address, folder))
    finally:
        session.finish(args.json, settings=settings_of(args), broker=what, cases=results)
    print_summary(results)
    bad = over_limit(results, args.limit) if args.limit else []
    for line in bad:
        print(f"over the limit: {line}", file=sys.stderr)
    return 3 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"compare_kafka: {failure}")
