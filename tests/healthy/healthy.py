#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Healthy runs, many of them: no driver may ever report a loss, a duplicate or a disorder that is none.

    tests/healthy/healthy.py                       100 runs on each driver
    tests/healthy/healthy.py --runs 20 loopback core
    tests/healthy/healthy.py --first 37 --runs 1 kafka        that one again

Each run is short and drawn from its seed (cases.py): clients, partitions, rates, sizes, agents, settings
of the driver.  Nothing is stopped, killed or cut, so its account has to be exact and nothing in it lost,
duplicated, redelivered, out of order, delivered though failed, damaged or sent by nobody.  A load that a
busy machine did not keep up is counted, and no failure.

A run that fails is named with all that is wrong with it, tried again, and shrunk: what it differs in
from a plain one is taken back as long as it still fails.  Its files stay where it is said.  OMB_BUILD:
the build folder (build).  The last line is "N passed, N failed, N skipped".
"""

import argparse
import collections
import importlib.util
import os
import pathlib
import shlex
import shutil
import sys
import tempfile
import time

SYSTEM_PYTHON = "/usr/bin/python3"  # has the packages of tools/setup; another one may come first in the path
if not (importlib.util.find_spec("yaml") and importlib.util.find_spec("pytest")):
    os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "drivers")]

import cases  # noqa: E402
import harness  # noqa: E402
import targets  # noqa: E402

LIMIT_S = 120  # of one run
TRIES = 4  # of a run that failed: does it again?
SHRINK_S = 120  # of the first failures of a driver
SHRUNK_MOST = 2

# What nothing may be of in the account of every message, and in the counts of everything.
OF_THE_ACCOUNT = (
    "lost",
    "missing",
    "deliveredThoughFailed",
    "duplicated",
    "redelivered",
    "outOfOrder",
    "neverSent",
    "corrupted",
)
OF_THE_TOTALS = ("failed", "unacknowledged", "redelivered", "corrupt", "unstamped", "foreign", "negative")
# An INVALID run whose accounts may be good: the machine did not keep up.
OF_THE_MACHINE = {"rate", "throughput", "samples"}


# ---- brokers --------------------------------------------------------------------------------------


class NoBroker:
    """Null, and loopback, whose broker begins and ends with the run."""

    def __init__(self, driver):
        self.name = driver

    def driver(self, **more):
        return {"name": self.name, "driver": self.name} | more

    def leftovers(self):
        return []

    def stop(self):
        pass


class DirectNats(targets.Nats):
    """Without a proxy in between."""

    def driver(self, **more):
        return super().driver(**({"natsHostUrl": f"nats://{self.address}"} | more))


def missing_program(driver):
    """Of those that its broker needs; None: all are there."""
    needs = {"kafka": ("java", "mvn")} | dict.fromkeys(targets.NATS_ROWS, ("nats-server",))
    return next((p for p in needs.get(driver, ()) if shutil.which(p) is None), None)


def start_broker(driver, folder):
    if driver == "embedded":
        return harness.EmbeddedBroker(folder / "broker")
    if driver == "kafka":
        return harness.Kafka(folder / "broker")
    if driver in targets.NATS_ROWS:
        return DirectNats(driver, folder, **targets.NATS_ROWS[driver])
    return NoBroker(driver)


# ---- one run --------------------------------------------------------------------------------------


def wrong_with(result, subscriptions):
    """What a healthy run must not have, each in words."""
    named = [p.name for p in result.files]
    if result.code not in (0, 3) or not result.named(".omb"):
        return [f"exit code {result.code}, files {named}: {result.err.strip()[-1000:]}"]
    wrong = []
    invalid = result.reasons("INVALID")
    wrong += [f"INVALID, {name}: {text}" for name, text in invalid.items() if name not in OF_THE_MACHINE]
    account, totals = result.omb["accounting"], result.totals
    if subscriptions > 0:
        wrong += wrong_with_account(account)
    wrong += [f"{totals[name]} {name}" for name in OF_THE_TOTALS if totals[name] != 0]
    if totals["sent"] == 0:
        wrong.append("nothing was sent")
    if totals["received"] != totals["acknowledged"] * subscriptions:
        wrong.append(f"{totals['received']} received of {totals['acknowledged']} x {subscriptions}")
    wrong += [f"{e['kind']}: {e.get('text')}" for e in result.omb["events"] if e["kind"] == "agentLost"]
    try:
        harness.assert_account_is_consistent(result)
    except AssertionError as e:
        wrong.append(f"counts that contradict each other: {str(e).splitlines()[0] if str(e) else e!r}")
    return wrong


def wrong_with_account(account):
    if not account["kept"]:
        return [f"no account was kept: {account['why']}"]
    wrong = [f"{account[name]} {name}" for name in OF_THE_ACCOUNT if account[name] != 0]
    if not account["exact"] or not account["orderKnown"]:
        wrong.append("the account is not exact")
    return wrong


class Attempt:
    """A run that was started."""

    def __init__(self, broker, case, folder, sets):
        self.case = case
        self.folder = folder
        folder.mkdir(parents=True)
        workload, driver = cases.files(case)
        self.omb = harness.Omb(folder)
        words = [word for text in sets for word in ("--set", text)]
        self.running = self.omb.start(workload, broker.driver(**driver), *words)
        self.began = time.monotonic()
        self.result = None
        self.wrong = []

    def is_over(self):
        return self.running.is_over() or time.monotonic() > self.began + LIMIT_S

    def end(self):
        self.took = time.monotonic() - self.began
        try:
            if not self.running.is_over():
                self.wrong.append(f"did not end within {LIMIT_S} s: {self.running.err[-1000:]}")
                return self
            self.result = self.running.wait()
            self.wrong += wrong_with(self.result, self.case["subscriptionsPerTopic"])
        finally:
            try:
                self.omb.close()
            except AssertionError as e:
                self.wrong.append(str(e))
        return self


def run_all(broker, wanted, folder, args):
    """Ended attempts, as they end; some runs are under way beside each other."""
    waiting, under_way = collections.deque(enumerate(wanted)), []
    while waiting or under_way:
        while waiting and len(under_way) < args.beside:
            number, case = waiting.popleft()
            under_way.append(Attempt(broker, case, folder / f"{case['seed']}-{number}", args.set))
        for attempt in [a for a in under_way if a.is_over()]:
            under_way.remove(attempt)
            yield attempt.end()
        time.sleep(harness.LOOK_S)


# ---- a driver -------------------------------------------------------------------------------------


class Report:
    def __init__(self, driver):
        self.driver = driver
        self.good = 0
        self.failed = []
        self.sums = collections.Counter()
        self.verdicts = collections.Counter()
        self.longest = (0, 0)  # seconds, seed
        self.began = time.monotonic()

    def take(self, attempt):
        self.longest = max(self.longest, (attempt.took, attempt.case["seed"]))
        if attempt.result is not None and attempt.result.named(".omb"):
            tree = attempt.result.omb
            for name in ("sent", "received"):
                self.sums[name] += tree["totals"][name]
            for name in {r["name"] for r in tree["verdict"]["reasons"] if r["weight"] != "note"}:
                self.verdicts[name] += 1
        if attempt.wrong:
            self.failed.append(attempt)
        else:
            self.good += 1
            shutil.rmtree(attempt.folder)

    def line(self):
        took = time.monotonic() - self.began
        longest, seed = self.longest
        doubts = ", ".join(f"{name} {n}" for name, n in self.verdicts.most_common()) or "none"
        return (
            f"{self.driver}: {self.good} of {self.good + len(self.failed)} runs are without fault; "
            f"{self.sums['sent']} messages sent, {self.sums['received']} received, in {took:.0f} s "
            f"({longest:.0f} s at most, seed {seed}); doubts: {doubts}"
        )


def say(text):
    print(text, flush=True)


def tell(attempt, driver, args):
    case = attempt.case
    say(f"FAILED {driver}, seed {case['seed']}:")
    for text in attempt.wrong:
        say(f"    {text}")
    say(f"    differs from a plain run in {cases.differences(case, cases.plain_of(driver))}")
    sets = "".join(f" --set {shlex.quote(text)}" for text in args.set)
    say(f"    again: tests/healthy/healthy.py --first {case['seed']} --runs 1{sets} {driver}")
    say(f"    files: {attempt.folder}")


def shrink(attempt, broker, driver, folder, args, limit):
    """Says what it takes to fail."""
    tried = 0

    def fails(case):
        nonlocal tried
        if time.monotonic() > limit:
            return None
        tried += 1
        some = run_all(broker, [case] * TRIES, folder / f"try-{tried}", args)
        return any([a.wrong for a in some])  # all of them end

    if not fails(attempt.case):
        say(f"    failed in none of {TRIES} more tries")
        return
    case = cases.shrink(attempt.case, cases.plain_of(driver), fails)
    say(f"    it takes {cases.differences(case, cases.plain_of(driver)) or 'nothing special'}")
    workload, _ = cases.files(case)
    path = attempt.folder / "smallest.yaml"
    path.write_text(harness.yaml.safe_dump(workload, sort_keys=False))
    say(f"    the smallest workload is {path}")


def run_driver(driver, folder, args):
    report = Report(driver)
    broker = start_broker(driver, folder)
    try:
        wanted = [cases.draw(driver, args.first + i) for i in range(args.runs)]
        for attempt in run_all(broker, wanted, folder, args):
            report.take(attempt)
            if attempt.wrong:
                tell(attempt, driver, args)
        limit = time.monotonic() + args.shrink
        for attempt in report.failed[:SHRUNK_MOST] if args.shrink > 0 else ():
            say(f"seed {attempt.case['seed']}, again:")
            shrink(attempt, broker, driver, folder / f"shrunk-{attempt.case['seed']}", args, limit)
        left = broker.leftovers()
        if left:
            say(f"FAILED {driver}: left on the broker: {left}")
    finally:
        broker.stop()
    say(report.line())
    return report.good, len(report.failed) + bool(left)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("driver", nargs="*", help=f"of {', '.join(cases.DRIVERS)} (all)")
    parser.add_argument("--runs", type=int, default=100, help="on each driver (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="seed of the first run (%(default)s)")
    parser.add_argument("--beside", type=int, default=3, help="runs at a time (%(default)s)")
    parser.add_argument("--shrink", type=int, default=SHRINK_S, help="seconds for it (%(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as omb run has it")
    args = parser.parse_args()
    if unknown := set(args.driver) - set(cases.DRIVERS):
        parser.error(f"no driver {', '.join(unknown)}; there are {', '.join(cases.DRIVERS)}")

    passed = failed = skipped = 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="omb-healthy-"))
    for driver in args.driver or cases.DRIVERS:
        if program := missing_program(driver):
            say(f"{driver}: skipped, it needs {program}; tools/setup test installs it")
            skipped += args.runs
            continue
        good, bad = run_driver(driver, folder / driver, args)
        passed, failed = passed + good, failed + bad
    if failed == 0:
        shutil.rmtree(folder)
    say(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        for child in list(harness.STARTED):
            harness.kill(child)
