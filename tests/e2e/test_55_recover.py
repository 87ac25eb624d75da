# SPDX-License-Identifier: Apache-2.0
"""Runs that are killed, or have no room: what their journals hold, and what omb recover makes of it."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys

import pytest
from harness import OF_THE_ACCOUNT, OMB, Result, plain_workload, wait_until

pytestmark = pytest.mark.delicate

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 500
workload = plain_workload(name="small", partitionsPerTopic=2, producerRate=RATE, testDuration="60s")


def periods_in(journal):
    return journal.read_text().count('"line":"period"')


def journal_of(omb):
    (path,) = omb.journals().values()
    return path


@pytest.fixture
def killed(omb):
    """Kills a run once its journal has so many periods; returns the journal."""

    def kill(periods=2, phase="measure", output="r/", faults=None, **shape):
        driver = LOOPBACK | ({"brokerFaults": faults} if faults else {})
        running = omb.start(workload(**shape), driver, "-o", output)
        running.await_phase(phase)
        journal = journal_of(omb)
        wait_until(lambda: periods_in(journal) >= periods, 30, f"{periods} periods")
        if faults:  # and whatever they make of it
            wait_until(lambda: journal.read_text().count('"kind":"outage"') == 2, 30, "two outages")
        running.signal(signal.SIGKILL)
        running.child.wait()
        running.assert_nothing_left()
        return journal

    return kill


def recovered(result, folder):
    """What is in the folder now, as if the run had left it."""
    result.must_end(0)
    return Result(result.code, folder, set(), result.out, result.err)


def test_the_journal_of_a_killed_run_becomes_a_result(omb, killed):
    journal = killed(periods=3)
    (placeholder,) = journal.parent.glob("*.omb")
    run_id = journal.stem
    assert run_id in placeholder.read_text()
    seconds = [json.loads(x) for x in journal.read_text().splitlines()]
    seconds = [x for x in seconds if x["line"] == "second"]

    said = omb.command("recover", journal)
    result = recovered(said, journal.parent)
    assert len(result.files) == 2  # the journal and the placeholder are gone
    assert result.json_path.name == placeholder.stem + ".json.partial"
    assert result.named(".omb") == [placeholder]
    assert len(result.json) == 62
    assert result.json["messageSize"] == 100 and result.json["driver"] == "Loopback"

    omb_ = result.omb
    assert omb_["run"]["id"] == run_id and omb_["run"]["recovered"] is True
    assert result.verdict == "INVALID"
    assert "recovered" in result.reasons("INVALID") and "recordingTime" in result.reasons("note")
    assert not {"missing", "failed", *OF_THE_ACCOUNT} & set(result.reasons())
    assert result.omb["accounting"] == {"kept": False, "why": "the run did not end"}
    assert omb_["workload"]["producerRate"] and omb_["driver"]
    assert result.totals["sent"] == seconds[-1]["sent"]
    periods = omb_["periods"]
    assert len(periods) >= 3 and {p["kind"] for p in periods} == {"measure"}
    assert omb_["window"]["endNs"] == periods[-1]["endNs"]
    assert omb_["window"]["publishRate"] == pytest.approx(RATE, rel=0.2)
    for name, whole in omb_["latencies"].items():
        assert sum(h.count for h in result.period_latency(name)) == whole["count"] > 0, name
    assert len(result.json["publishRate"]) == len(periods)

    assert "(recovered)" in said.out and "INVALID  recovered" in said.out
    assert said.out.split()[-2:] == [str(result.json_path), str(placeholder)]
    assert "as many received" not in said.out and "No account" not in said.out


def test_an_outage_of_a_killed_run_is_in_its_result(omb, killed):
    journal = killed(periods=1, faults="stall:1500ms@100ms")
    lines = [json.loads(x) for x in journal.read_text().splitlines()]
    told = [x for x in lines if x.get("kind") == "outage"]
    said = omb.command("recover", journal)
    result = recovered(said, journal.parent)
    found = result.events("outage")
    assert {e["role"] for e in found} == {"producer", "consumer"}
    assert [[e[k] for k in ("role", "atNs", "gapNs", "count", "text")] for e in found] == [
        [e[k] for k in ("role", "atNs", "gapNs", "count", "text")] for e in told
    ]
    shown = " ".join(said.out.split())
    for what in ("no acknowledgement for ", "no message received for "):
        assert what in shown


def test_what_was_recovered_is_no_longer_named_but_its_topics_can_still_be_deleted(omb, killed):
    omb.write("null.yaml", 'driver: "null"\n')
    journal = killed()
    run_id = journal.stem
    clean = ("cleanup", "-d", "null.yaml", "--run", run_id, "--dry-run")
    said = omb.command(*clean)
    assert f"omb recover {journal}" in said.out

    omb.command("recover", "-q", journal).must_end(0)
    assert run_id in omb.journals()  # its topics are not deleted yet
    said = omb.command(*clean)
    said.must_end(0)
    assert "recover" not in said.out and str(journal) not in said.out

    again = omb.command("recover", journal)
    again.must_end(2)
    assert f"run {run_id} was recovered already: " in again.err and ".omb" in again.err


def test_a_result_is_recovered_though_nobody_can_be_told(omb, killed):
    journal = killed()
    with open("/dev/full", "w") as full:
        said = omb.launch("recover", journal, stdout=full).wait()
    said.must_end(1)
    assert said.err.splitlines()[-1].startswith("omb: standard output: ")
    left = sorted(path.suffix for path in journal.parent.iterdir())
    assert left == [".omb", ".partial"]


def test_a_journal_is_found_by_the_id_of_its_run(omb, killed):
    journal = killed()
    said = omb.command("recover", "-q", journal.stem, "-o", "else/where/")
    said.must_end(0)
    names = said.out.split()
    assert all(name.startswith("else/where/w-Loopback-") for name in names)
    assert all((omb.folder / name).is_file() for name in names)
    assert list(journal.parent.iterdir()) == []


def test_a_result_that_was_asked_for_by_name_is_not_replaced_by_a_recovered_one(omb, killed):
    omb.write("x.json", "{}")
    omb.write("x.omb", "{}")
    journal = killed(output="x.json")
    said = omb.command("recover", "-q", journal)
    said.must_end(0)
    assert said.out.split() == [f"{omb.folder}/x-{journal.stem}.{end}" for end in ("json.partial", "omb")]
    assert (omb.folder / "x.json").read_text() == (omb.folder / "x.omb").read_text() == "{}"


def test_half_a_last_line_is_left_out_and_said(omb, killed):
    journal = killed()
    periods = periods_in(journal)
    text = journal.read_bytes()
    last = text[text.rindex(b'{"kind":"measure"') :]
    journal.write_bytes(text[: len(text) - len(last)] + last[: len(last) // 2])
    said = omb.command("recover", journal)
    result = recovered(said, journal.parent)
    assert len(result.omb["periods"]) == periods - 1
    assert "The last line of the journal was cut off" in said.out


def test_the_journal_of_a_run_that_goes_on_is_left_alone(omb):
    running = omb.start(workload(), LOOPBACK, "-o", "r/")
    running.await_phase("measure")
    journal = journal_of(omb)
    said = omb.command("recover", journal)
    said.must_end(2)
    assert f"process {running.pid} holds it: the run goes on" in said.err
    assert said.out == ""

    omb.write("null.yaml", 'driver: "null"\n')
    said = omb.command("cleanup", "-d", "null.yaml", "--run", journal.stem, "--dry-run")
    assert "did not end" not in said.out
    running.signal(signal.SIGTERM)
    result = running.wait()
    result.must_end(130)
    assert result.totals["sent"] == result.totals["received"]


@pytest.mark.parametrize("content", ["whole", "half a line", "nothing"])
def test_a_run_that_measured_nothing_leaves_nothing_when_that_was_said(omb, killed, content):
    journal = killed(periods=0, phase="warm-up", warmupDuration="60s")
    if content != "whole":
        journal.write_bytes(journal.read_bytes()[:100] if content == "half a line" else b"")
    said = omb.command("recover", journal)
    said.must_end(1)
    assert len(said.err.splitlines()) == 1 and str(journal) in said.err
    assert ("before anything was measured" if content == "whole" else "it is empty") in said.err
    assert list(journal.parent.iterdir()) == []


@pytest.mark.parametrize(
    "content, message",
    [
        ("what is this?\n", "line 1: this is no journal of omb"),
        ('{"messageSize": 100}\n', "line 1: this is no journal of omb"),
        ('{"line":"start","omb":{"version":"0.0.9"}}\n', "a journal of another version"),
        (None, "line 4: it is damaged"),
    ],
)
def test_what_is_no_journal_is_refused_and_stays(omb, killed, content, message):
    if content is None:
        journal = killed()
        lines = journal.read_text().splitlines()
        lines[3] = lines[3][: len(lines[3]) // 2]
        content = "\n".join(lines) + "\n"
    path = omb.write("other.journal", content)
    said = omb.command("recover", path)
    said.must_end(2)
    assert said.err.startswith(f"omb: {path}: ") and message in said.err
    assert path.read_text() == content


def test_no_journal_at_all_is_said(omb, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for words, code, message in (
        ([], 2, "which journal?"),
        (["gone.journal"], 1, "gone.journal: no such file"),
        (["01lg22la7e2p"], 1, "01lg22la7e2p: no such file"),
        ([tmp_path / "fifo"], 2, "no file, and so no journal"),
        ([tmp_path], 2, "no journal"),
    ):
        said = omb.command("recover", *words)
        assert message in said.err, words
        said.must_end(code)


# ---- no room ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs root: mount: {done.stderr}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(path: pathlib.Path):
    with path.open("wb", buffering=0) as f:
        try:
            while f.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_a_journal_that_cannot_be_written_any_more_costs_the_periods_and_nothing_else(
    omb, small_disk
):
    running = omb.start(workload(testDuration="9s"), LOOPBACK, "-o", f"{small_disk}/")
    running.await_phase("measure")
    journal = journal_of(omb)
    wait_until(lambda: periods_in(journal) >= 2, 20, "2 periods")
    fill(small_disk / "filler")

    def is_lost():
        return [x for x in running.said("warning") if "measured until now can be recovered" in x["text"]]

    wait_until(is_lost, 20, "the journal cannot be written")
    # Whole lines, and no more of them.
    text = journal.read_text()
    assert text.endswith("}\n") and all(json.loads(line) for line in text.splitlines())
    progress = len(running.said("progress"))
    wait_until(lambda: len(running.said("progress")) >= progress + 2, 20, "it goes on")
    assert journal.read_text() == text
    (small_disk / "filler").unlink()

    running.child.wait(60)
    result = Result(running.child.returncode, small_disk, set(), "", running.err)
    result.must_be_good()
    assert len(result.files) == 2
    totals = result.totals
    assert totals["sent"] == totals["acknowledged"] == totals["received"] == 9 * RATE

    (event,) = result.events("journalLost")
    assert "No space left on device" in event["text"]
    assert "the sample periods after it are one" in result.reasons("note")["journal"]
    *own, folded, drain = result.omb["periods"]
    assert drain["kind"] == "drain"
    assert folded["endNs"] - folded["startNs"] > 2e9
    assert all(p["endNs"] - p["startNs"] < 2e9 for p in own)
    assert own[-1]["endNs"] == folded["startNs"] <= event["atNs"] + 2e9
    for name, count in result.omb["window"]["counters"].items():
        assert sum(p["counters"][name] for p in [*own, folded]) == count, name
    assert omb.journals() == {}


def test_a_result_that_had_no_room_is_recovered_once_there_is_some(omb, small_disk):
    # The journal has room, the result has not.
    running = omb.start(workload(testDuration="4s"), LOOPBACK, "-o", f"{small_disk}/")
    running.await_phase("measure")
    journal = journal_of(omb)
    wait_until(lambda: periods_in(journal) >= 2, 20, "2 periods")
    fill(small_disk / "filler")
    result = running.wait()
    result.must_end(1)
    assert f"omb recover {journal}" in result.err
    assert f'"acknowledged": {4 * RATE}' in result.out or f'"acknowledged":{4 * RATE}' in result.out
    assert {p.name for p in small_disk.iterdir()} == {"filler", journal.name}

    said = omb.command("recover", journal)
    said.must_end(1)  # there is no room still, and nothing is half there
    assert "No space left on device" in said.err
    assert {p.name for p in small_disk.iterdir()} == {"filler", journal.name}

    (small_disk / "filler").unlink()
    result = recovered(omb.command("recover", journal), small_disk)
    assert len(result.omb["periods"]) >= 2 and len(result.json) == 62


# ---- no descriptors, no ports -------------------------------------------------------------------


def test_too_few_descriptors_are_said_at_once_and_nothing_is_left(omb):
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (44, 44))

    shape = {"producersPerTopic": 60, "testDuration": "1s"}
    running = omb.start(workload(**shape), LOOPBACK, "-o", "r/", preexec_fn=few)
    result = running.wait(40)
    result.must_end(1)
    last = result.err.splitlines()[-1]
    assert "Too many open files (a process may have 44: ulimit -n)" in last
    assert list((omb.folder / "r").iterdir()) == [] and omb.journals() == {}


# A network of its own, in which as many ports are left as the parameter says.
NETWORK = """
import fcntl, os, socket, struct, subprocess, sys
with socket.socket() as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as f:
    f.write(sys.argv[1])
broker = subprocess.Popen([sys.argv[2], "broker", "-q", "-p", "19777"], stdout=subprocess.PIPE)
assert broker.stdout.readline()
code = subprocess.call(sys.argv[2:])
broker.terminate()
broker.wait()
sys.exit(code)
"""


def test_ports_that_are_all_taken_are_named_as_the_reason(omb, tmp_path):
    omb.write(
        "d.yaml",
        {
            "name": "Kafka",
            "driver": "kafka",
            "replicationFactor": 1,
            "commonConfig": "bootstrap.servers=127.0.0.1:19777\n",
            "producerConfig": "acks=all\n",
            "consumerConfig": "auto.offset.reset=earliest\n",
        },
    )
    # The consumers come first and take them all.
    shape = {"partitionsPerTopic": 4, "consumerPerSubscription": 4, "testDuration": "2s"}
    omb.write("w.yaml", workload(**shape, producersPerTopic=8, readinessTimeout="5s"))
    words = ["run", "-d", "d.yaml", "-o", "r/", "w.yaml"]
    done = subprocess.run(
        ["timeout", "-k", "1", "40", "unshare", "-n" if os.geteuid() == 0 else "-rn", sys.executable, "-c", NETWORK, "40000 40007", OMB, *words],
        cwd=omb.folder,
        env=os.environ | {"XDG_STATE_HOME": str(omb.state)},
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip(f"needs to be root, or user namespaces: {done.stderr}")
    assert done.returncode == 1, done.stderr
    assert "Cannot assign requested address" in done.stderr.splitlines()[-1], done.stderr
    assert "ip_local_port_range" in done.stderr  # before the load, from numbers
    assert list((omb.folder / "r").iterdir()) == []
