#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What omb itself costs: the `null` driver, one agent, 100 B, as fast as it goes.

    bench/null_cost.py                     5 runs of 10 s, then callgrind

CPU of the agent within the measured window, per acknowledged message: pacing, payload and stamp,
clock, histograms, counters, and the driver's queue.  Acknowledgements come back through the serving
path, not inside send, and up to 16 of them share one reading of the clock.

Instructions are counted by callgrind on bench/null_loop, which has the same loop in one process,
because valgrind 3.19 does not know epoll_pwait2 and pidfds.  It runs twice, and the
difference is divided by the messages in between: the start does not count.  `max` is what the CPU
time above belongs to; `paced` sends by a schedule that it never keeps up with, so pacer, publish
delay and corrected latency are in it.  Two things that callgrind does not see: the kernel (a wait
for each 256 messages), and the vDSO, in which the clock is read: how often is told, and what one
reading takes is measured apart.

Exit code 1: something did not run.  Without valgrind the instructions are left out.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

from measure import (
    ROOT,
    Failure,
    Session,
    add_arguments,
    need,
    rate,
    run_omb,
    table,
    work_folder,
    write_yaml,
)

NULL_LOOP = ROOT / "build/bench/null_loop"
COUNTED = (200_000, 1_200_000)  # messages of the two counted runs
TIMED = 20_000_000
FUNCTIONS_SHOWN = 10

WORKLOAD = {
    "name": "what omb itself costs",
    "topics": 1,
    "partitionsPerTopic": 1,
    "messageSize": 100,
    "useRandomizedPayloads": "true",
    "randomBytesRatio": 0.5,
    "randomizedPayloadPoolSize": 100,
    "subscriptionsPerTopic": 0,
    "consumerPerSubscription": 0,
    "producersPerTopic": 1,
    "producerRate": "max",
    "agents": 1,
}

# The first row that fits decides, outermost inlined function first: a counter inside a histogram is
# part of the histogram.
PARTS = [
    ("histograms", ("hist_", "latencies_of", "record_sent")),
    ("clock", ("clock_", "loop_tick")),
    ("payload and stamp", ("fill_message", "stamp_", "payload_", "key_index")),
    ("pacing and heap", ("pacer_", "heap_", "advance", "schedule", "next_wake_ns", "unblock")),
    ("window in flight", ("flights_",)),
    ("counters", ("counter_", "count", "loop_count", "message_taken")),
    ("driver (null)", ("null_", "serve_counted")),
]
REST = "loop: offering, serving, waiting"


# -- callgrind ---------------------------------------------------------------------------------


def callgrind_profile(mode, messages, path, program):
    """Messages really sent, and {(object, function, address): instructions} of a run."""
    command = ["valgrind", "-q", "--tool=callgrind", "--dump-instr=yes"]
    command += [f"--callgrind-out-file={path}", str(program), mode, str(messages)]
    environment = dict(os.environ, OMB_NULL_LOOP_COUNTED="1")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout), parse_callgrind(path)


def parse_callgrind(path):
    """Self cost of every instruction.  The format is that of valgrind's manual: names are
    abbreviated after their first use, addresses are relative to the line before."""
    costs = collections.Counter()
    names = {}
    current = {"ob": "", "fn": ""}
    address, skip = 0, False
    for line in pathlib.Path(path).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and key.isalpha():
            if key == "calls":
                skip = True  # the next line is the cost of what was called
            elif key in ("ob", "fn", "cob", "cfn"):
                number, _, name = value.partition(" ")
                kind = key[-2:]
                if name:
                    names[kind, number] = name
                if key in current:
                    current[key] = names[kind, number]
            continue
        fields = line.split()
        if len(fields) < 3 or line[0] not in "0123456789+-*":
            continue
        address = next_address(address, fields[0])
        if skip:
            skip = False
            continue
        costs[current["ob"], current["fn"], address] += int(fields[2])
    return costs


def next_address(address, text):
    if text == "*":
        return address
    if text[0] in "+-":
        return address + int(text, 0)
    return int(text, 16)


def inline_chains(program, addresses):
    """{address: functions from the outermost to the innermost that is inlined there}."""
    numbers = "".join(f"{address:#x}\n" for address in addresses)
    done = subprocess.run(
        ["addr2line", "-a", "-i", "-f", "-e", str(program)],
        input=numbers,
        capture_output=True,
        text=True,
        check=True,
    )
    chains, chain, is_name = {}, [], True
    for line in done.stdout.splitlines():
        if line.startswith("0x"):
            chain = chains.setdefault(int(line, 16), [])
            is_name = True
            continue
        if is_name:
            chain.insert(0, line)
        is_name = not is_name
    return chains


def part_of(chain):
    for function in chain:
        for name, prefixes in PARTS:
            if function.startswith(prefixes):
                return name
    return REST


def count_instructions(mode, program, folder):
    """Per message: in all, by part, by function."""
    runs = []
    for messages in COUNTED:
        path = folder / f"callgrind.{mode}.{messages}"
        runs.append(callgrind_profile(mode, messages, path, program))
    (first, few), (second, many) = runs
    messages = second["messages"] - first["messages"]
    difference = collections.Counter(many)
    difference.subtract(few)
    own = {a for (ob, _, a), n in difference.items() if pathlib.Path(ob).name == program.name and n}
    chains = inline_chains(program, sorted(own))
    parts, functions = collections.Counter(), collections.Counter()
    for (ob, fn, address), n in difference.items():
        is_own = pathlib.Path(ob).name == program.name
        chain = chains.get(address, [fn]) if is_own else [fn.partition("@")[0]]
        parts[part_of(chain)] += n / messages
        functions[fn.partition("@")[0].partition(".constprop")[0]] += n / messages
    shown = [(name, n) for name, n in functions.most_common(FUNCTIONS_SHOWN) if n >= 0.05]
    return {
        "instructionsPerMessage": sum(parts.values()),
        "messages": messages,
        "wakeupsPerMessage": (second["wakeups"] - first["wakeups"]) / messages,
        "parts": {name: parts[name] for name, _ in [*PARTS, (REST, ())]},
        "functions": dict(shown),
    }


def time_loop(mode, program):
    """CPU of the same loop in one process, at full speed: no parent, no fork."""
    done = subprocess.run(
        [str(program), mode, str(TIMED)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


# -- omb ---------------------------------------------------------------------------------------


def run_once(args, folder):
    workload = write_yaml(folder.with_suffix(".yaml"), WORKLOAD)
    sets = {"warmupDuration": f"{args.warmup}s", "testDuration": f"{args.duration}s"}
    run = run_omb(args.omb, workload, ROOT / "examples/drivers/null.yaml", sets, folder)
    agent = run.tree["agents"][0]
    acknowledged = run.window["counters"]["acknowledged"]
    return {
        "acknowledged": acknowledged,
        "windowCpuNs": agent["windowCpuNs"],
        "cpuPerMessageNs": agent["windowCpuNs"] / acknowledged,
        "parentCpuPerMessageNs": (run.cpu_in_window("parent") or 0) / acknowledged,
        "publishPerS": run.window["publishRate"],
        "maxInFlightMessages": run.tree["load"]["maxInFlightMessages"],
        "verdict": run.tree["verdict"]["verdict"],
        "omb": run.tree["omb"],
    }


def say_runs(runs):
    rows = [
        (n, f"{r['cpuPerMessageNs']:.1f}", f"{r['parentCpuPerMessageNs']:.2f}")
        + (rate(r["publishPerS"]), r["verdict"])
        for n, r in enumerate(runs, 1)
    ]
    print(table(["run", "agent CPU, ns a message", "parent", "messages/s", "verdict"], rows))
    median = statistics.median(r["cpuPerMessageNs"] for r in runs)
    print(f"\nmedian: {median:.1f} ns a message\n", flush=True)


def say_counts(counts, loop):
    modes = list(counts)
    rows = [
        [part, *(f"{counts[m]['parts'][part]:.1f}" for m in modes)]
        for part in counts["max"]["parts"]
    ]
    rows.append(["all"] + [f"{counts[m]['instructionsPerMessage']:.1f}" for m in modes])
    print(table(["instructions a message", *modes], rows))
    for mode in modes:
        print(f"\n{mode}: largest functions (own instructions a message)")
        rows = [[name, f"{n:.1f}"] for name, n in counts[mode]["functions"].items()]
        print(table(["function", "instructions"], rows))
    say_loop(loop)


def say_loop(loop):
    print("\nthe same loop in one process, at full speed")
    rows = [
        [mode, f"{r['cpuNsPerMessage']:.1f}", f"{r['clockNs']:.1f}"] for mode, r in loop.items()
    ]
    print(table(["mode", "CPU, ns a message", "one reading of the clock, ns"], rows), flush=True)


def parse_arguments():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(p, broker=False)
    p.add_argument("--null-loop", default=str(NULL_LOOP), help="default: %(default)s")
    p.add_argument("--repeats", type=int, default=5)
    p.add_argument("--duration", type=int, default=10, help="measured seconds (%(default)s)")
    p.add_argument("--warmup", type=int, default=1, help="seconds before (%(default)s)")
    args = p.parse_args()
    if args.quick:
        args.repeats, args.duration = min(args.repeats, 2), 2
    return args


def main():
    args = parse_arguments()
    need(args.omb)
    need(args.null_loop)
    session = Session("null_cost", args)
    program = pathlib.Path(args.null_loop).resolve()
    counts = None
    with work_folder(args) as folder:
        runs = [run_once(args, folder / f"run-{n}") for n in range(args.repeats)]
        say_runs(runs)
        loop = {mode: time_loop(mode, program) for mode in ("max", "paced")}
        if shutil.which("valgrind") and shutil.which("addr2line"):
            counts = {mode: count_instructions(mode, program, folder) for mode in loop}
            say_counts(counts, loop)
        else:
            print("no valgrind (or no addr2line): no instructions are counted", file=sys.stderr)
            say_loop(loop)
    session.finish(
        args.json,
        settings={"repeats": args.repeats, "durationS": args.duration, "messageBytes": 100},
        valgrind=(subprocess.getoutput("valgrind --version") if counts else None),
        runs=runs,
        medianCpuPerMessageNs=statistics.median(r["cpuPerMessageNs"] for r in runs),
        loop=loop,
        counts=counts,
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"null_cost: {failure}")
