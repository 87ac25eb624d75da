#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/performance.md from the files that the scripts of this folder wrote.

    bench/report.py                                  bench/results/*.json -> docs/performance.md
    bench/report.py --results DIR --output FILE      other places; - is standard output

Every figure on the page comes from one of those files; nothing is typed in.  A section whose file
is not there is left out, and said on standard error.
"""

import argparse
import json
import pathlib
import sys

from account_hour import is_good as hour_is_good
from account_hour import rows_of as hour_rows
from account_pairs import HEAD as ACCOUNT_HEAD
from account_pairs import rows_of as account_rows
from acceptance import SCALING_HEAD, acceptance_rows, scaling_cells
from fleet import rows_of as fleet_rows
from measure import ROOT, duration, megabytes, percent, rate
from pacing import HEAD as PACING_HEAD
from pacing import rows_of as pacing_rows
from startup import PARTS

NAMES = (
    "null_cost",
    "pacing",
    "compare_kafka",
    "compare_processes",
    "compare_embedded",
    "acceptance",
    "fleet",
    "startup",
    "account_pairs",
    "account_embedded",
    "account_hour",
)
RATIO_NAMES = {
    "cpu": "CPU a message, agents in the window",
    "cpuWhole": "CPU a message, all processes from start to end",
    "rate": "messages/s",
    "ackP99": "p99 of due → acknowledged",
}
QUICK = (
    "> **These are quick runs.** They show that the scripts work, and their figures are not to be "
    "believed.\n"
)


# -- pieces ------------------------------------------------------------------------------------


def markdown(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    text = "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
    return text.replace("->", "→") + "\n"


def columns(head, described):
    """A table whose columns are lists of (what, text) with the same rows."""
    return markdown(head, [[row[0][0]] + [cell[1] for cell in row] for row in zip(*described)])


def origin(document, where):
    """The command, and what the machine did besides."""
    text = f"```\n{document['command']}\n```\n\n"
    text += f"{document['started']}, {document['seconds']:.0f} s. "
    text += f"The machine was {percent(document['busyBefore'], 0)} busy with other things before; "
    text += f"stolen by its host while it ran: {percent(document['steal'])}. "
    if document.get("broker"):
        text += f"Broker: {document['broker']}. "
    return text + f"File: [{document['name']}.json]({where}/{document['name']}.json).\n"


def machine_of(document):
    m = document["machine"]
    kind = "virtual machine" if m["virtual"] else "real machine"
    return (
        f"{m['cpus']} CPUs ({m['cpu']}, {kind}), {m['memoryBytes'] / 1e9:.0f} GB, {m['system']},"
        f" Linux {m['kernel']}"
    )


def build_of(documents):
    """omb and its client library, from the results themselves."""
    builds, libraries = set(), set()
    for found in every_dict(documents):
        if isinstance(found.get("omb"), dict):
            build = found["omb"]
            builds.add(f"omb {build['version']} ({build['commit']}; {build['build']})")
        if isinstance(found.get("librdkafka"), str):
            libraries.add(f"librdkafka {found['librdkafka']}")
    return sorted(builds), sorted(libraries)


def every_dict(tree):
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for item in tree:
            yield from every_dict(item)


# -- goals -------------------------------------------------------------------------------------


def goal(what, wanted, text, met):
    return [what, wanted, text, "yes" if met else "**no**"]


def case_name(case):
    speed = "max" if case["rate"] == "max" else f"{case['rate']:,} msg/s"
    return f"{case['size']:,} B, {speed}"


def goals_null(d):
    cost = d["medianCpuPerMessageNs"]
    return [goal("`null`: CPU a message", "≤ 100 ns", f"{cost:.1f} ns", cost <= 100)]


def goals_pacing(d):
    late = {(c["rate"], c["pacing"]): c["median"]["lateP50Ns"] for c in d["cases"]}
    rows = []
    for per_s in sorted({c["rate"] for c in d["cases"]}):
        asleep, spun = late[per_s, "sleep"], late[per_s, "spin"]
        what = f"`pacing: spin`, {rate(per_s)} msg/s: lateness p50"
        rows.append(goal(what, f"< {duration(asleep)} (sleep)", duration(spun), spun < asleep))
    return rows


def goals_compare(d):
    rows = []
    for case in d["cases"]:
        what = case_name(case)
        cpu = case["ratios"]["cpu"]
        interval = f"{cpu['median']:.3f} [{cpu['low']:.3f}, {cpu['high']:.3f}]"
        rows.append(
            goal(f"CPU against bare librdkafka, {what}", "≤ 1.10", interval, cpu["median"] <= 1.1)
        )
        if case["rate"] != "max":
            continue
        speed = case["ratios"]["rate"]
        interval = f"{speed['median']:.3f} [{speed['low']:.3f}, {speed['high']:.3f}]"
        rows.append(goal(f"rate against it, {what}", "≥ 0.95", interval, speed["median"] >= 0.95))
        p99 = sorted(pair["A"]["ackP99Us"] for pair in case["pairs"])[len(case["pairs"]) // 2]
        rows.append(
            goal(f"send → ack p99, {what}", "< 50 ms", f"{p99 / 1e3:.1f} ms", p99 < 50000)
        )
    return rows


def goals_embedded(d):
    rows = []
    for case in d["cases"]:
        speed = case["ratios"]["rate"]
        interval = f"{speed['median']:.3f} [{speed['low']:.3f}, {speed['high']:.3f}]"
        what = f"rate against it on the embedded broker, {case_name(case)}"
        rows.append(goal(what, "≥ 0.90", interval, speed["median"] >= 0.9))
    return rows


def goals_acceptance(d):
    rows = []
    for agents, limit_ms in (("per-client", 50), ("per-core", 20)):
        f = d["acceptance"][agents]["median"]
        share = f["publishPerS"] / f["askedPerS"]
        rows.append(goal(f"{agents}: rate reached", "≥ 99.9 %", percent(share, 3), share >= 0.999))
        wrong = f["lost"] + f["duplicated"]
        rows.append(goal(f"{agents}: lost or duplicated", "0", wrong, wrong == 0))
        p99 = f["correctedPublishP99Ns"]
        limit = f"< {limit_ms} ms"
        rows.append(
            goal(f"{agents}: due → ack p99", limit, duration(p99), p99 < limit_ms * 1e6)
        )
        size = f["pssBytesMax"]
        rows.append(goal(f"{agents}: memory", "< 200 MB", megabytes(size), size < 200e6))
    f = d["acceptance"]["per-client"]["median"]
    delay = f["publishDelayP99Ns"]
    rows.append(goal("per-client: publish delay p99", "< 2 ms", duration(delay), delay < 2e6))
    f = d["acceptance"]["per-core"]["median"]
    cpu = f["clientCpuPerMessageNs"]
    rows.append(goal("per-core: CPU a message", "< 8.4 µs", duration(cpu), cpu < 8400))
    for r in d.get("scalingPaced", {"median": []})["median"][1:]:
        what = f"efficiency, {r['producers']} producers of 10,000 msg/s"
        rows.append(goal(what, "≥ 99 %", percent(r["efficiency"]), r["efficiency"] >= 0.99))
    return rows


def goals_fleet(d):
    rows = []
    for name, f in d["fleets"].items():
        complete = f["lost"] == 0 and f["unsent"] == 0 and f["received"] == f["sent"] > 0
        text = f"{f['sent']:,} / {f['received']:,}"
        rows.append(goal(f"{name}: sent and received", "the same", text, complete))
    for name in d["failures"]:
        rows.append(goal(f"{name}: sent and received", "the same", "the run failed", False))
    return rows


def goals_startup(d):
    rows = []
    for name, case in d["cases"].items():
        total = case["median"]["totalNs"]
        rows.append(goal(f"start, {name}", "< 2 s", duration(total), total < 2e9))
    return rows


def goals_account(d):
    rate_ratio = d["ratios"]["rate"]
    interval = f"{rate_ratio['median']:.3f} [{rate_ratio['low']:.3f}, {rate_ratio['high']:.3f}]"
    what = f"messages/s with an account of every message, {d['broker'].split(',')[0]}"
    return [goal(what, "≥ 0.97 of without", interval, rate_ratio["median"] >= 0.97)]


def goals_hour(d):
    f = d["figures"]
    text = f"{f['acknowledged']:,} messages, book {megabytes(f['accounting']['bytesMost'])}"
    wanted = "exact, none missing, book ≤ 64 MiB"
    return [goal("an hour at 500,000 msg/s", wanted, text, hour_is_good(f))]


# -- sections ----------------------------------------------------------------------------------


def section_null(d):
    s = d["settings"]
    text = (
        f"One agent with one producer, {s['messageBytes']} B, `producerRate: max`, no consumer, "
        "driver `null`, which acknowledges at once. CPU time of the agent within the measured "
        f"window of {s['durationS']} s, divided by the messages acknowledged in it. "
        "Acknowledgements come back through the serving path, not inside `send`, and up to 16 of "
        "them share one reading of the clock.\n\n"
    )
    rows = [
        [
            n,
            f"{r['cpuPerMessageNs']:.1f} ns",
            f"{r['parentCpuPerMessageNs']:.2f} ns",
            rate(r["publishPerS"]),
            r["verdict"],
        ]
        for n, r in enumerate(d["runs"], 1)
    ]
    head = ["run", "CPU a message, agent", "omb's parent", "messages/s", "verdict"]
    text += markdown(head, rows)
    text += f"\nMedian: **{d['medianCpuPerMessageNs']:.1f} ns** a message.\n"
    clock = d["loop"]["max"]["clockNs"]
    text += (
        f"\nOne reading of the clock takes {clock:.1f} ns of that here. The same loop alone in one "
        f"process (`null_loop`): {d['loop']['max']['cpuNsPerMessage']:.1f} ns at `max`, "
        f"{d['loop']['paced']['cpuNsPerMessage']:.1f} ns when paced by a schedule that it never "
        "keeps up with, so that pacer, publish delay and corrected latency are in it.\n"
    )
    return text + (section_instructions(d) if d["counts"] else "")


def section_instructions(d):
    counts = d["counts"]
    text = (
        f"\nInstructions a message by callgrind ({d['valgrind']}), as the difference of two runs "
        f"of `null_loop` that are {counts['max']['messages']:,} messages apart. The kernel and the "
        "vDSO, in which the clock is read, are not in it.\n\n"
    )
    modes = list(counts)
    rows = [
        [part, *(f"{counts[m]['parts'][part]:.1f}" for m in modes)]
        for part in counts["max"]["parts"]
    ]
    rows.append(["**all**"] + [f"**{counts[m]['instructionsPerMessage']:.1f}**" for m in modes])
    text += markdown(["part", *modes], rows)
    names = list(counts["max"]["functions"])
    names += [n for n in counts["paced"]["functions"] if n not in names]
    text += "\nThe functions with the most of their own (what is inlined counts where it is):\n\n"
    rows = [
        [f"`{n}`"] + [f"{counts[m]['functions'].get(n, 0):.1f}" for m in modes] for n in names[:10]
    ]
    return text + markdown(["function", *modes], rows)


def section_pacing(d):
    s = d["settings"]
    text = (
        "One producer, 100 B, driver `null`, `wakeInterval: 0`: how late messages are sent (publish "
        f"delay) and what the agent costs, of one CPU; medians of {s['rounds']} rounds of "
        f"{s['durationS']} s, all cases in turn. `pacing: spin` sleeps until 50 µs before a message "
        "is due and spins from then on. p99 is what else the machine does.\n\n"
    )
    return text + markdown(PACING_HEAD, pacing_rows(d["cases"]))


def section_compare(d):
    s = d["settings"]
    who = "one producer agent and one consumer agent"
    if s.get("processes"):
        who = f"{s['producers']} producer agents and {s['consumers']} consumer agents"
    window = f"{s['window'] / 1e6:g} MB" if s["window"] else "librdkafka's own limit of messages"
    text = (
        f"A is `omb run` with {who}, B is "
        "[bare_kafka](../bench/README.md), a program on librdkafka and nothing else, in as many "
        f"processes with the same settings: {s['partitions']} partitions, acks=all, linger 5 ms, batch.size 131072, "
        f"{window} in flight, a wake interval of {s['wake']} µs, manual "
        f"asynchronous commits. {s['pairs']} pairs A B B A, {s['duration']} s each "
        f"after {s['warmup']} s of warm-up. Given is the median of the ratios A / B with an interval "
        "from their order statistics.\n\n"
    )
    rows = []
    for case in d["cases"]:
        for name, r in case["ratios"].items():
            rows.append(
                [
                    case_name(case),
                    RATIO_NAMES[name],
                    f"{r['median']:.3f}",
                    f"{r['low']:.3f} – {r['high']:.3f} ({percent(r['coverage'])})",
                ]
            )
    text += markdown(["case", "ratio of", "median", "interval"], rows)
    text += "\nMedians of both sides:\n\n"
    head = ["case, omb / bare", "messages/s", "CPU a message", "p99 of due → acknowledged"]
    return text + markdown(head, [compare_sides(case) for case in d["cases"]])


def compare_sides(case):
    def middle(side, key):
        values = sorted(pair[side][key] for pair in case["pairs"])
        return values[len(values) // 2]

    return [
        case_name(case),
        f"{rate(middle('A', 'rate'))} / {rate(middle('B', 'rate'))}",
        f"{middle('A', 'cpuNs') / 1e3:.2f} / {middle('B', 'cpuNs') / 1e3:.2f} µs",
        f"{middle('A', 'ackP99Us') / 1e3:.1f} / {middle('B', 'ackP99Us') / 1e3:.1f} ms",
    ]


def section_acceptance(d):
    s = d["settings"]
    text = (
        "[acceptance-10p-4c.yaml](../examples/workloads/acceptance-10p-4c.yaml) with "
        "[kafka.yaml](../examples/drivers/kafka.yaml): 10 producers of 10,000 msg/s, 4 consumers, "
        f"1 KB, 16 partitions, `wakeInterval: 200us`, {s['durationS']} s after {s['warmupS']} s of "
        f"warm-up; medians of {s['repeats']}. Latencies are those of the messages due in the "
        "window. CPU and memory of the client side are those of all agents and omb's parent; "
        "of one CPU.\n\n"
    )
    found = d["acceptance"]
    text += columns(["", *found], [acceptance_rows(f["median"]) for f in found.values()])
    notes = [
        f"* {agents}: {reason}\n"
        for agents, f in found.items()
        for reason in f["median"]["reasons"]
    ]
    if notes:
        text += "\nWhat the verdicts say:\n\n" + "".join(notes)
    return text + section_scaling(d)


def section_scaling(d):
    if "scalingPaced" not in d:
        return ""
    s = d["settings"]
    text = (
        "\n### Scaling\n\nThe same with 1, 5 and 10 producers, each a process, and 4 consumers; "
        f"{s['scalingDurationS']} s after {s['scalingWarmupS']} s of warm-up, medians of "
        f"{s['scalingRepeats']}. Efficiency is throughput(N) / (N × throughput(1)), p99 growth "
        "(p99(N) − p99(1)) / p99(1), and msg/s per 1 % what one percent of a CPU carries on the "
        "client side. The broker shares the CPUs.\n\n"
        "At 10,000 msg/s each; p99 of due → received:\n\n"
    )
    text += markdown(["", *SCALING_HEAD], scaling_cells(d["scalingPaced"]["median"]))
    text += (
        f"\nAt `producerRate: max` with {s['inFlightAtMax']} in flight for each producer; p99 of "
        "send → acknowledged, which here is what stands in the window in flight:\n\n"
    )
    return text + markdown(["", *SCALING_HEAD], scaling_cells(d["scalingMax"]["median"]))


def section_fleet(d):
    s = d["settings"]
    text = (
        "[fleet-1000.yaml](../examples/workloads/fleet-1000.yaml): every producer sends 1 msg/s; "
        f"{s['durationS']} s after {s['warmupS']} s of warm-up. An agent process for each CPU (and "
        "role), and one for each client. Memory is the most that was seen of all agents and omb's "
        "parent.\n\n"
    )
    fleets = d["fleets"]
    if fleets:
        rows = [fleet_rows(f) for f in fleets.values()]
        text += columns(["producers + consumers", *fleets], rows)
    for name, why in d["failures"].items():
        text += f"\n{name} failed:\n\n```\n{why}\n```\n"
    return text


def section_startup(d):
    text = (
        "From just before the start of the process to the instant at which the first message of "
        "the measured window is due, with `warmupDuration: 0s`, on a Kafka with "
        "`group.initial.rebalance.delay.ms=0` that has served a run before. Medians of "
        f"{d['settings']['repeats']}.\n\n"
    )
    head = ["", "all", "slowest", "before", "topics and clients", "every subscription ready"]
    rows = []
    for name, case in d["cases"].items():
        parts = [duration(case["median"][part]) for part in PARTS]
        slowest = duration(max(r["totalNs"] for r in case["runs"]))
        rows.append([name, f"**{parts[0]}**", slowest, *parts[1:]])
    return text + markdown([*head, "common start"], rows)


def section_account(d):
    s = d["settings"]
    text = (
        "One producer and one consumer, 100 B, 16 partitions, `producerRate: max`, "
        f"{s['window']} in flight, with `accounting: exact` and with `off` in turn: {s['pairs']} "
        f"pairs A B B A, {s['durationS']} s each after {s['warmupS']} s of warm-up. Given is the "
        "median of the ratios with an interval from their order statistics.\n\n"
    )
    return text + markdown(ACCOUNT_HEAD, account_rows(d["ratios"]))


def section_hour(d):
    text = (
        "Four producers, a group of two consumers, 100 B, 16 partitions, for "
        f"{d['settings']['durationS']} s. The machine did other work meanwhile: what is judged "
        "are counts and memory.\n\n"
    )
    text += columns(["", "an account for long"], [hour_rows(d["figures"])])
    return text + "".join(f"\n* {reason}\n" for reason in d["figures"]["reasons"])


SECTIONS = {
    "null_cost": ("What omb itself costs", section_null, goals_null),
    "pacing": ("Waiting asleep or awake", section_pacing, goals_pacing),
    "compare_kafka": ("Against bare librdkafka", section_compare, goals_compare),
    "compare_processes": (
        "Against bare librdkafka, each client a process",
        section_compare,
        goals_compare,
    ),
    "compare_embedded": ("On the embedded broker", section_compare, goals_embedded),
    "acceptance": ("Ten producers, four consumers", section_acceptance, goals_acceptance),
    "fleet": ("Many clients", section_fleet, goals_fleet),
    "startup": ("From the start to the first measured message", section_startup, goals_startup),
    "account_pairs": ("The account of every message", section_account, goals_account),
    "account_embedded": ("... on the embedded broker", section_account, goals_account),
    "account_hour": ("... for an hour", section_hour, goals_hour),
}


# -- the page ----------------------------------------------------------------------------------


def page(documents, where):
    """`where`: the folder of the files, as links on the page name it."""
    text = "# What it costs, measured\n\n"
    text += (
        "Made by `bench/report.py` from the files in `bench/results/`, which the commands below "
        "wrote; `bench/all.sh` runs them all. [bench/README.md](../bench/README.md) says what each "
        "script does, [measurement.md](measurement.md) what the figures mean. Machines differ by a "
        "factor of two: ratios are taken in one run, and no figure is to be compared with "
        "another day's.\n\n"
    )
    if any(d["quick"] for d in documents.values()):
        text += QUICK + "\n"
    builds, libraries = build_of(list(documents.values()))
    facts = sorted({machine_of(d) for d in documents.values()}) + libraries + builds
    javas = sorted({d["machine"]["java"] for d in documents.values() if d["machine"]["java"]})
    text += "".join(f"* {fact}\n" for fact in facts + javas)
    text += "\n## Goals\n\n"
    rows = [row for name, d in documents.items() for row in SECTIONS[name][2](d)]
    text += markdown(["", "wanted", "measured", "met"], rows)
    for name, d in documents.items():
        title, section, _ = SECTIONS[name]
        text += f"\n## {title}\n\n{section(d)}\n{origin(d, where)}"
    return text


def load(folder):
    documents = {}
    for name in NAMES:
        path = folder / f"{name}.json"
        if not path.exists():
            print(f"report: {path} is not there: its section is left out", file=sys.stderr)
            continue
        documents[name] = json.loads(path.read_text())
    return documents


def main():
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--results", default=str(ROOT / "bench/results"), help="default: %(default)s")
    p.add_argument("--output", default=str(ROOT / "docs/performance.md"))
    args = p.parse_args()
    documents = load(pathlib.Path(args.results))
    if not documents:
        sys.exit("report: no results; run bench/all.sh")
    text = page(documents, "../bench/results")
    if args.output == "-":
        print(text, end="")
    else:
        pathlib.Path(args.output).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
