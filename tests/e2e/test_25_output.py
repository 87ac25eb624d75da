# SPDX-License-Identifier: Apache-2.0
"""What a run says and leaves behind when something is in the way: streams that nobody reads, full
disks, names that are taken, files that are no files."""

import json
import os
import resource
import signal
import subprocess

import pytest
from harness import OMB, EmbeddedBroker, wait_until

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 1000
SECONDS = 2


def workload(**more):
    return {
        "name": "small",
        "topics": 1,
        "partitionsPerTopic": 2,
        "messageSize": 100,
        "useRandomizedPayloads": True,
        "randomBytesRatio": 0.5,
        "randomizedPayloadPoolSize": 10,
        "subscriptionsPerTopic": 1,
        "consumerPerSubscription": 1,
        "producersPerTopic": 1,
        "producerRate": RATE,
        "warmupDuration": "0s",
        "testDuration": f"{SECONDS}s",
        "samplePeriod": "1s",
    } | more


def files(omb, *more, **shape):
    """The words behind `omb run`."""
    return ["-d", omb.write("d.yaml", LOOPBACK), *more, omb.write("w.yaml", workload(**shape))]


def assert_counts(result):
    totals = result.totals
    assert totals["sent"] == totals["acknowledged"] == totals["received"] == RATE * SECONDS


# ---- streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["help"],
        ["help", "run"],
        ["check", "-h"],
        ["--version"],
        ["--dump-man"],
        ["drivers"],
        ["check", "-d", "d.yaml", "w.yaml"],
        ["run", "-q", "-d", "d.yaml", "w.yaml"],
        ["cleanup", "-d", "null.yaml", "--min-age", "1h"],
        ["csv", "results", "-o", "t.csv"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("where", ["full", "closed"])
def test_output_that_cannot_be_written_is_exit_1_in_every_command(omb, words, where):
    files(omb)
    omb.write("null.yaml", 'driver: "null"\n')
    if words[0] == "csv":
        omb.command("run", *files(omb, "-o", "results/")).must_be_good()
    if where == "full":
        with open("/dev/full", "w") as full:
            result = omb.launch(*words, stdout=full).wait()
    else:
        result = omb.launch(*words, stdout=None, preexec_fn=lambda: os.close(1)).wait()
    result.must_end(1)
    assert result.err.splitlines()[-1].startswith("omb: standard output: "), result.err


def test_a_closed_stream_does_not_turn_into_one_of_the_files(omb):
    def close_streams():
        for fd in range(3):
            os.close(fd)

    streams = dict.fromkeys(("stdin", "stdout", "stderr"))
    omb.launch("run", *files(omb, "-o", "r/"), **streams, preexec_fn=close_streams).wait().must_end(1)
    (path,) = (omb.folder / "r").glob("*.json")
    assert len(json.loads(path.read_text())) == 62
    assert json.loads(path.with_suffix(".omb").read_text())["totals"]["sent"] == RATE * SECONDS


def read_one_line_and_go(running):
    with running.child.stdout as pipe:
        return pipe.readline()


def test_a_reader_that_goes_away_takes_no_run_along(omb):
    """omb run ... 2>&1 | head -1"""
    running = omb.launch("run", *files(omb), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert read_one_line_and_go(running)
    result = running.wait()
    result.must_end(1)
    assert_counts(result)
    assert len(result.json) == 62
    assert omb.journals() == {}


def test_a_reader_of_the_progress_that_goes_away_is_not_missed(omb):
    running = omb.launch("run", *files(omb), stderr=subprocess.PIPE)
    running.child.stderr.close()
    result = running.wait()
    result.must_be_good()
    assert_counts(result)
    assert "corrected e2e" in result.out


def test_a_summary_of_which_one_line_is_read_is_no_failure(omb):
    """It is in the pipe as a whole before `head` can go away."""
    running = omb.launch("run", *files(omb), stdout=subprocess.PIPE)
    read_one_line_and_go(running)
    running.wait().must_be_good()


def test_the_broker_goes_on_when_nobody_reads_what_it_says(omb, tmp_path):
    """omb broker | head -1"""
    broker = EmbeddedBroker(tmp_path / "broker")
    broker.process.stdout.close()
    try:
        result = omb.run(workload(testDuration="1s"), broker.driver())
        result.must_be_good()
        assert result.totals["received"] == RATE
        assert broker.process.poll() is None
    finally:
        broker.process.terminate()
        broker.log.close()
    assert broker.process.wait(20) == 1


@pytest.mark.limit(90)
def test_the_demo_goes_on_when_nobody_reads_what_it_says(omb):
    running = omb.launch("demo", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    read_one_line_and_go(running)
    result = running.wait(80)
    result.must_end(1)
    assert result.totals["sent"] == 100_000 and len(result.json) == 62


# ---- signals ------------------------------------------------------------------------------------


def test_a_terminal_that_is_gone_ends_a_run_like_sigterm(omb):
    running = omb.start(workload(testDuration="60s"), LOOPBACK)
    running.await_phase("measure")
    for process in [*running.agents(), running]:  # the kernel sends it to the whole group
        os.kill(process.pid, signal.SIGHUP)
    result = running.wait()
    result.must_end(130)
    assert result.json_path.name.endswith(".json.partial")
    totals = result.totals
    assert totals["sent"] == totals["acknowledged"] == totals["received"] > 0
    assert not {"agents", "missing"} & set(result.reasons())
    assert omb.journals() == {}


def test_nohup_is_respected(omb):
    words = files(omb)
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    running = omb.launch("run", "--log-format", "json", *words, preexec_fn=ignore)
    running.await_phase("measure")
    running.signal(signal.SIGHUP)
    result = running.wait()
    result.must_be_good()
    assert_counts(result)


def test_the_broker_ends_with_its_terminal(tmp_path):
    broker = EmbeddedBroker(tmp_path / "broker")
    broker.process.send_signal(signal.SIGHUP)
    said, _ = broker.process.communicate(timeout=20)
    broker.log.close()
    assert broker.process.returncode == 0
    assert " messages in " in said


# ---- no room ------------------------------------------------------------------------------------


def limit_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def assert_summary_alone(omb, result, out):
    """Nothing but the journal is left in the folder, and what was measured is on standard output."""
    result.must_end(1)
    sent = f"{RATE * SECONDS:,} sent, {RATE * SECONDS:,} acknowledged"
    assert sent in out and "corrected e2e" in out
    assert "there are no files" in out
    left = {p.suffix for p in result.files} - {".yaml"}
    assert left <= {".journal"}, result.files


@pytest.mark.parametrize("size", [1 << 10, 8 << 10])
def test_a_limit_of_file_sizes_is_said_and_the_counts_are_kept(omb, size):
    """Too small for the journal's first line; enough for OMB's file and too small for ours."""
    running = omb.launch(
        "run",
        *files(omb),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=limit_files(size),
    )
    out, err = (text.decode() for text in running.child.communicate(timeout=60))
    result = running.wait()
    assert_summary_alone(omb, result, out)
    assert "File too large" in err.splitlines()[-1]
    assert size > 1024 or "can no longer be recovered" in err


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB; needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs root: mount: {done.stderr}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_too_full_for_the_result_still_gets_its_summary(omb, small_disk):
    (small_disk / "other").write_bytes(bytes(40 << 10))
    result = omb.command("run", *files(omb, "-o", f"{small_disk}/"))
    assert_summary_alone(omb, result, result.out)
    assert "No space left on device" in result.err.splitlines()[-1]
    left = {p.suffix for p in small_disk.iterdir()} - {""}
    assert left <= {".journal"}
