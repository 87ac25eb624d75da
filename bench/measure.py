# SPDX-License-Identifier: Apache-2.0
"""What the scripts of this folder share: a broker, runs of omb, what they cost, files, tables.

Nothing here judges.  Figures come from three places: the `.omb` file of a run (rates, latencies,
CPU of the agents within the measured window), /proc (CPU of the broker and of omb's parent within
the same window, memory of all processes), and the clock of this process (how long a start takes).
"""

import contextlib
import datetime
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
OMB = ROOT / "build/omb"
USABLE = (0, 3)  # 3: the result is marked INVALID; the verdict stands beside the figures
MARGIN_S = 180  # what a run may take besides its load
SETTLE_S = 2.0  # for the broker to delete the topics of the run before
SAMPLE_S = 0.1
BUSY_WARNING = 0.15  # of all CPUs, by others, before a script begins
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
MS = 1e6
US = 1e3


class Failure(Exception):
    """A run that gave no figures."""


# -- the machine -------------------------------------------------------------------------------


def cpu_jiffies():
    """(busy, steal, all) of the whole machine since boot."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle - fields[7], fields[7], sum(fields)


def share_between(before, after):
    total = max(after[2] - before[2], 1)
    return (after[0] - before[0]) / total, (after[1] - before[1]) / total


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def memory_bytes():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def system_name():
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/etc/os-release").read_text().splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip('"')
    return platform.system()


def tool_version(word, *command):
    """The line with `word` of what a tool says of itself, or None."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError:
        return None
    return next((line for line in done.stdout.splitlines() if word in line), None)


def machine():
    return {
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memoryBytes": memory_bytes(),
        "system": system_name(),
        "kernel": platform.release(),
        "virtual": "hypervisor" in pathlib.Path("/proc/cpuinfo").read_text(),
        "java": tool_version("version", "java", "-version"),
    }


# -- documents ---------------------------------------------------------------------------------


def command_line():
    """As it would be typed in the root of the repository."""
    program = pathlib.Path(sys.argv[0]).resolve()
    if program.is_relative_to(ROOT):
        program = program.relative_to(ROOT)
    words = [str(program)] + [word.replace(f"{ROOT}/", "") for word in sys.argv[1:]]
    return shlex.join(words)


class Session:
    """One script's life: what the machine was like, and the document at its end."""

    def __init__(self, name, args):
        self.document = {
            "format": "omb-bench",
            "name": name,
            "command": command_line(),
            "quick": bool(getattr(args, "quick", False)),
            "started": now_text(),
            "machine": machine(),
        }
        before = cpu_jiffies()
        time.sleep(1)
        busy, _ = share_between(before, cpu_jiffies())
        self.document["busyBefore"] = busy
        if busy > BUSY_WARNING:
            print(f"warning: the machine is {busy:.0%} busy with something else", file=sys.stderr)
        self.began = time.monotonic()
        self.jiffies = cpu_jiffies()

    def finish(self, path, **members):
        """Adds the figures and writes the file, if one was asked for."""
        _, steal = share_between(self.jiffies, cpu_jiffies())
        self.document["seconds"] = round(time.monotonic() - self.began, 1)
        self.document["steal"] = steal
        self.document.update(members)
        if path:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).write_text(json.dumps(self.document, indent=1) + "\n")


def now_text():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def add_arguments(parser, broker=True):
    parser.add_argument("--omb", default=str(OMB), help="default: %(default)s")
    if broker:
        parser.add_argument("--broker", metavar="HOST:PORT", help="default: a Kafka of its own")
        parser.add_argument("--broker-pid", type=int, help="of --broker, to measure its CPU")
        parser.add_argument("--embedded", action="store_true", help="`omb broker` instead of Kafka")
    parser.add_argument("--quick", action="store_true", help="short: to see that it works")
    parser.add_argument("--json", metavar="FILE", help="all figures")
    parser.add_argument("--keep", metavar="DIR", help="files of the runs go here and stay")


def need(program):
    if not shutil.which(program):
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {program} is not there; build first (make)")


@contextlib.contextmanager
def work_folder(args):
    with contextlib.ExitStack() as stack:
        folder = args.keep or stack.enter_context(tempfile.TemporaryDirectory(prefix="omb-bench-"))
        path = pathlib.Path(folder).absolute()
        path.mkdir(parents=True, exist_ok=True)
        yield path


# -- the broker --------------------------------------------------------------------------------


class Broker:
    def __init__(self, address, pid, what):
        self.address = address
        self.pid = pid  # None: somebody else's, whose CPU is not measured
        self.what = what


def embedded_broker(omb):
    command = [omb, "broker", "-p", "0", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[-1]
        yield Broker(address, process.pid, "omb's embedded broker, on the same host")
    finally:
        process.terminate()
        process.communicate()


@contextlib.contextmanager
def kafka(args, folder, **properties):
    """The given Kafka, or one of our own as long as this lasts.  `properties`: of the server, with
    _ for the dots in their names."""
    if args.broker:
        yield Broker(args.broker, args.broker_pid, f"Kafka at {args.broker}")
        return
    if args.embedded:
        yield from embedded_broker(args.omb)
        return
    home = folder / "kafka"
    tool = [str(ROOT / "tools/broker"), "kafka"]
    up = [*tool, "up", "--dir", str(home), "--jvm-heap", "1g"]
    extra = [f"{key.replace('_', '.')}={value}" for key, value in properties.items()]
    for pair in extra:
        up += ["--set", pair]
    subprocess.run(up, check=True, stdout=subprocess.DEVNULL)
    try:
        state = json.loads((home / "broker.json").read_text())
        what = f"Apache Kafka {state['version']}, one node, heap {state['heap']}, on the same host"
        what = ", ".join([what, *extra])
        yield Broker(f"127.0.0.1:{state['port']}", state["pid"], what)
    finally:
        subprocess.run([*tool, "down", "--dir", str(home)], check=True, stdout=subprocess.DEVNULL)


def kafka_driver(address):
    """The driver file that all scripts use, and what has to be replaced in it."""
    return (
        ROOT / "examples/drivers/kafka.yaml",
        {"driver.commonConfig.bootstrap.servers": address},
    )


# -- processes ---------------------------------------------------------------------------------


def process_cpu_ns(pid):
    """User + system time so far; None when there is no such process."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_NS


def process_pss_bytes(pid):
    """Its proportional share of memory; 0 when it has ended."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def children_of(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += (task / "children").read_text().split()
    return [int(child) for child in found]


def value_at(samples, when, which):
    """Between two samples (when, values) the value is taken to grow evenly."""
    known = [(t, values[which]) for t, values in samples if values[which] is not None]
    if not known:
        return None
    before = max((s for s in known if s[0] <= when), default=known[0])
    after = min((s for s in known if s[0] > when), default=before)
    if after[0] == before[0]:
        return before[1]
    return before[1] + (after[1] - before[1]) * (when - before[0]) / (after[0] - before[0])


class Watch(threading.Thread):
    """Looks at a run from outside while it lasts: CPU often, memory now and then (it costs)."""

    def __init__(self, parent_pid, broker_pid, memory_every_s):
        super().__init__(daemon=True)
        self.parent_pid, self.broker_pid = parent_pid, broker_pid
        self.memory_every_s = memory_every_s
        self.over = threading.Event()
        self.cpu = []  # (wall time ns, (of the parent, of the broker))
        self.memory = []  # (of the parent, of all agents, how many agents)

    def run(self):
        next_memory = time.monotonic() + 1
        while not self.over.wait(SAMPLE_S):
            broker = process_cpu_ns(self.broker_pid) if self.broker_pid else None
            self.cpu.append((time.time_ns(), (process_cpu_ns(self.parent_pid), broker)))
            if time.monotonic() >= next_memory:
                next_memory += self.memory_every_s
                agents = children_of(self.parent_pid)
                sizes = [process_pss_bytes(pid) for pid in agents]
                self.memory.append((process_pss_bytes(self.parent_pid), sum(sizes), len(sizes)))

    def stop(self):
        self.over.set()
        self.join()

    def cpu_between(self, which, start, end):
        first, last = value_at(self.cpu, start, which), value_at(self.cpu, end, which)
        return last - first if first is not None and last is not None else None


# -- runs of omb -------------------------------------------------------------------------------


class Run:
    """A run that has ended: its `.omb` file and what was seen from outside."""

    def __init__(self, tree, code, spawned_ns, watch):
        self.tree, self.code, self.spawned_ns, self.watch = tree, code, spawned_ns, watch

    @property
    def window(self):
        return self.tree["window"]

    def wall_ns(self, since_start_ns):
        return self.tree["run"]["startedUnixNs"] + since_start_ns

    def percentile_ns(self, latency, percentile):
        """None when nothing was recorded or the latency means nothing."""
        found = self.tree["latencies"][latency]
        if not found["meaningful"] or found["count"] == 0:
            return None
        return next(p["ns"] for p in found["percentiles"] if p["percentile"] == percentile)

    def phase_ns(self, name):
        """How long it took; 0 when there was none."""
        spans = [p["endNs"] - p["startNs"] for p in self.tree["phases"] if p["name"] == name]
        return sum(spans)

    def cpu_in_window(self, which):
        window = self.window
        start, end = self.wall_ns(window["startNs"]), self.wall_ns(window["endNs"])
        return self.watch.cpu_between({"parent": 0, "broker": 1}[which], start, end)

    def memory(self):
        """Bytes: most that was seen while it ran, and as the result has it at the end."""
        pss = [a["pssBytes"] for a in self.tree["agents"]]
        seen = self.watch.memory
        return {
            "pssBytesMax": max((parent + agents for parent, agents, _ in seen), default=0),
            "parentPssBytesMax": max((parent for parent, _, _ in seen), default=0),
            "agentsPssBytesAtEnd": sum(pss),
            "agentsPeakRssBytes": sum(a["maxRssBytes"] for a in self.tree["agents"]),
        }

    def account(self):
        totals = self.tree["totals"]
        expected = totals["acknowledged"] * self.tree["load"]["subscriptionsPerTopic"]
        return {
            "sent": totals["sent"],
            "acknowledged": totals["acknowledged"],
            "failed": totals["failed"],
            "unacknowledged": totals["unacknowledged"],
            "unsent": totals["unsent"],
            "received": totals["received"],
            "lost": max(expected - totals["received"], 0),
            "duplicated": max(totals["received"] - expected, 0),
            "redelivered": totals["redelivered"],
        }

    def verdict(self):
        found = self.tree["verdict"]
        return {
            "verdict": found["verdict"],
            "reasons": [r["text"] for r in found["reasons"] if r["weight"] != "note"],
        }


def write_yaml(path, keys):
    path.write_text("".join(f"{key}: {value}\n" for key, value in keys.items()))
    return path


def run_omb(omb, workload, driver, sets, folder, broker=None, memory_every_s=2.0):
    """Runs once, in a folder of its own.  `sets`: keys to replace."""
    folder.mkdir(parents=True)
    command = [str(omb), "run", "--quiet", "-d", str(driver), "-o", f"{folder}/"]
    for key, value in sets.items():
        command += ["--set", f"{key}={value}"]
    log = folder / "omb.log"
    with open(log, "w") as f:
        spawned_ns = time.time_ns()
        process = subprocess.Popen([*command, str(workload)], stdout=f, stderr=f)
        watch = Watch(process.pid, broker.pid if broker else None, memory_every_s)
        watch.start()
        code = wait_for(process, sets.get("testDuration"), sets.get("warmupDuration"))
        watch.stop()
    found = sorted(folder.glob("*.omb"))
    if code not in USABLE or not found:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        raise Failure(f"omb ended with {code}; its log ends in:\n{tail}")
    return Run(json.loads(found[0].read_text()), code, spawned_ns, watch)


def seconds_of(text):
    return float(str(text or "0s").removesuffix("s"))


def wait_for(process, *durations):
    """Whatever happens, nothing is left running: omb takes its agents along."""
    try:
        return process.wait(timeout=sum(seconds_of(d) for d in durations) + MARGIN_S)
    except subprocess.TimeoutExpired:
        raise Failure("omb did not end in time") from None
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def client_figures(run):
    """What every table about a load says of a run.  Times in ns, rates per second."""
    window, load = run.window, run.tree["load"]
    seconds = (window["endNs"] - window["startNs"]) / 1e9
    acknowledged = window["counters"]["acknowledged"]
    parent = run.cpu_in_window("parent") or 0
    cpu = window["producerCpuNs"] + window["consumerCpuNs"] + parent
    broker = run.cpu_in_window("broker")
    figures = {
        "askedPerS": load["askedPerS"],
        "publishPerS": window["publishRate"],
        "consumePerS": window["consumeRate"],
        "producerCpuPerMessageNs": window["producerCpuPerMessageNs"],
        "consumerCpuPerMessageNs": window["consumerCpuPerMessageNs"],
        "parentCpuNs": parent,
        "clientCpuShare": cpu / 1e9 / seconds,  # of one CPU
        "clientCpuPerMessageNs": cpu / acknowledged if acknowledged else None,
        "messagesPerSPerCpuPercent": acknowledged / (cpu / 1e7) if cpu else None,
        "brokerCpuShare": broker / 1e9 / seconds if broker is not None else None,
        "agents": len(run.tree["agents"]),
        "omb": run.tree["omb"],
        "librdkafka": next(
            (r["value"] for r in run.tree["driver"] if r["key"] == "librdkafka"), None
        ),
    }
    for name in ("publishDelay", "publish", "correctedPublish", "correctedEndToEnd"):
        for percentile in (50.0, 99.0):
            figures[f"{name}P{percentile:.0f}Ns"] = run.percentile_ns(name, percentile)
    figures.update(run.account())
    figures.update(run.memory())
    figures.update(run.verdict())
    return figures


def medians(rows):
    """Of each figure over repeats; what is no number (or differs) comes from the first."""
    result = {}
    for key in rows[0]:
        values = [row[key] for row in rows]
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        result[key] = statistics.median(values) if numbers else values[0]
    worst = {"VALID": 0, "SUSPECT": 1, "INVALID": 2}
    if "verdict" in result:
        result["verdict"] = max((row["verdict"] for row in rows), key=worst.get)
        result["reasons"] = sorted({reason for row in rows for reason in row["reasons"]})
    for key in ("lost", "duplicated", "failed", "unacknowledged", "unsent"):
        if key in result:
            result[key] = max(row[key] for row in rows)  # one is one too many
    return result


# -- words -------------------------------------------------------------------------------------


def duration(ns):
    """Three digits and a unit."""
    if ns is None:
        return "-"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:#.3g}".rstrip(".") + f" {unit}"
    return f"{ns:.0f} ns"


def megabytes(n):
    return "-" if n is None else f"{n / 1e6:.1f} MB"


def rate(per_s):
    return "-" if per_s is None else f"{per_s:,.0f}"


def percent(share, digits=1):
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def table(head, rows):
    """Aligned columns; the first is text, the others are figures."""
    cells = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]))
    return "\n".join(lines)
