# SPDX-License-Identifier: Apache-2.0
"""What a run says and leaves behind when something is in the way: streams that nobody reads, full
disks, names that are taken, files that are no files."""

import contextlib
import fcntl
import json
import os
import pathlib
import resource
import signal
import socket
import stat
import subprocess

import pytest
from harness import EmbeddedBroker, free_port, plain_workload, wait_until

pytestmark = pytest.mark.delicate

LOOPBACK = {"name": "Loopback", "driver": "loopback"}
RATE = 1000
SECONDS = 2
workload = plain_workload(name="small", partitionsPerTopic=2, producerRate=RATE, testDuration=f"{SECONDS}s")


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


def is_served(running):
    """SIGTERM is read and does not kill any more."""
    status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
    blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
    return blocked & 1 << (signal.SIGTERM - 1)


@pytest.mark.parametrize("words", [["broker", "-p", "0"], ["proxy", "-l", "0=127.0.0.1:1"]], ids=" ".join)
def test_what_serves_goes_on_without_its_output_and_says_so_at_its_end(omb, words):
    with open("/dev/full", "w") as full:
        running = omb.launch(*words, stdout=full)
    wait_until(lambda: running.is_over() or is_served(running), 20, "signals are read")
    running.signal(signal.SIGTERM)
    result = running.wait()
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
    broker = EmbeddedBroker(tmp_path / "broker", through=("head", "-1"))
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


# ---- a pipe that is full, and nobody reads it ---------------------------------------------------


class FullPipe:
    """The smallest there is."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(self.reader, False)

    def fill(self):
        """To the last byte, whatever is in it now."""
        again = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(again, b".")
        os.close(again)
        return self

    def read(self):
        """What was said besides, so far."""
        data = b""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self.reader, 65536):
                data += more
        return data.strip(b".").decode()

    def close(self):
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def pipe():
    p = FullPipe()
    yield p
    p.close()


def await_line(pipe, so_far=""):
    lines = [so_far]

    def is_whole():
        lines.append(pipe.read())
        return lines[-1].endswith("\n")

    wait_until(is_whole, 20, "a line")
    return "".join(lines)


def test_the_broker_does_not_wait_for_who_reads_what_it_says(omb, pipe):
    port = free_port()
    running = omb.launch("broker", "-p", port, "--partitions", 0, stdout=pipe.writer)
    await_line(pipe)
    pipe.fill()
    driver = {
        "name": "Kafka",
        "driver": "kafka",
        "replicationFactor": 1,
        "commonConfig": f"bootstrap.servers=127.0.0.1:{port}\n",
    }
    for number in (1, 2):
        result = omb.run(workload(topics=3, testDuration="1s"), driver)
        result.must_be_good()
        assert result.totals["received"] == RATE
        if number == 1:  # somebody reads again: the next line says what there was
            pipe.read()
        else:
            said = pipe.read()
            first = said.splitlines()[0]
            assert first.endswith(" lines were not written"), said
            assert int(first.split()[0]) >= 6  # three topics came and went
            assert said.count(" created: ") == 3, said
    pipe.fill()
    running.signal(signal.SIGTERM)
    result = running.wait()
    result.must_end(1)
    assert result.err == "omb: standard output: nobody reads it, and 1 line was not written\n"


def test_the_proxy_does_not_wait_for_who_reads_what_it_says(omb, pipe):
    control = omb.folder / "control"
    running = omb.launch("proxy", "-l", "0=127.0.0.1:1", "--control", control, stdout=pipe.writer)
    host, _, port = await_line(pipe).split()[2].partition(":")
    pipe.fill()
    for _ in range(3):  # there is no target, which is said
        with contextlib.suppress(ConnectionResetError):
            with socket.create_connection((host, int(port)), timeout=10) as s:
                assert s.recv(1) == b""
    assert omb.command("proxy", "--control", control, "status").code == 0
    pipe.read()
    running.signal(signal.SIGTERM)
    running.wait().must_end(0)
    told, totals = pipe.read().splitlines()
    assert told == "1 line was not written"  # the others are the same, and only counted
    assert totals.startswith("3 connections, ")


def test_a_run_does_not_wait_for_who_reads_its_progress(omb, pipe):
    running = omb.launch("run", "--log-format", "json", *files(omb), stderr=pipe.fill().writer)
    result = running.wait()
    result.must_be_good()
    assert_counts(result)
    assert json.loads(result.out)["event"] == "summary"
    assert pipe.read() == ""


def test_a_summary_is_waited_for_until_a_signal_comes(omb, pipe):
    """All files are there by then, as of a run that went well."""
    running = omb.launch("run", *files(omb, testDuration="1s"), stdout=pipe.fill().writer)
    wait_until(lambda: list(omb.folder.glob("*.json")), 30, "the result")
    assert not running.is_over()
    running.signal(signal.SIGTERM)
    result = running.wait()
    result.must_end(130)
    assert len(result.json) == 62 and result.json_path.suffix == ".json"
    assert omb.journals() == {}


def test_a_summary_that_is_read_late_is_read_whole(omb, pipe):
    running = omb.launch("run", *files(omb, testDuration="1s"), stdout=pipe.fill().writer)
    wait_until(lambda: list(omb.folder.glob("*.json")), 30, "the result")
    said = []
    wait_until(lambda: said.append(pipe.read()) or running.is_over(), 20, "the end")
    running.wait().must_be_good()
    assert "corrected e2e" in "".join(said) + pipe.read()


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
    assert not {"agents", "missing", "lost"} & set(result.reasons())
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
    assert broker.process.wait(20) == 0
    broker.log.close()
    assert " messages in " in broker.out_path.read_text()


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


def test_a_journal_that_was_lost_before_the_window_is_not_said_to_make_a_result(omb):
    """Enough for the journal's first line: nobody is sent to a command that must fail."""
    omb.write("d.yaml", LOOPBACK)
    omb.write("w.yaml", workload())
    running = omb.launch(
        "run",
        "-d",
        "d.yaml",
        "w.yaml",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=limit_files(1 << 10),
    )
    out, err = (text.decode() for text in running.child.communicate(timeout=60))
    result = running.wait()
    assert_summary_alone(omb, result, out)
    assert "omb recover" not in err
    assert not [p for p in result.files if p.suffix == ".journal"]
    assert not omb.command("cleanup", "-d", "d.yaml", "--min-age", "2h").out.count("recover")


@pytest.mark.parametrize(
    "name, code",
    [("fifo", 2), ("/dev/null", 2), ("/dev/full", 2), (".", 2), ("", 2), ("missing/report", 1)],
)
def test_a_report_that_cannot_be_written_is_told_before_the_load(omb, name, code):
    os.mkfifo(omb.folder / "fifo")
    omb.write("d.yaml", LOOPBACK | {"reportFile": name})
    omb.write("w.yaml", workload())
    result = omb.command("run", "-d", "d.yaml", "w.yaml")
    result.must_end(code)
    assert "reportFile: " in result.err.splitlines()[-1]
    assert {p.name for p in omb.folder.iterdir() if p.is_file()} == {"d.yaml", "w.yaml"}
    assert stat.S_ISFIFO((omb.folder / "fifo").stat().st_mode)


def test_the_table_of_run_c_goes_where_it_is_wanted(omb):
    omb.command("run", "-q", *files(omb, "-o", "results/", testDuration="1s")).must_end(0)
    before = set(omb.folder.iterdir())
    result = omb.command("run", "-c", "results", "-o", "/dev/null")
    result.must_end(2)
    assert "/dev/null is a device" in result.err
    result = omb.command("run", "-c", "results", "-o", "-")
    result.must_end(0)
    assert result.out.startswith("topics,partitions,message-size,")
    assert set(omb.folder.iterdir()) == before
    omb.command("run", "-c", "results", "-o", "t.csv").must_end(0)
    assert set(omb.folder.iterdir()) == before | {omb.folder / "t.csv"}


def test_a_table_without_a_name_is_wrong_usage(omb):
    (omb.folder / "results").mkdir()
    result = omb.command("csv", "-o", "", "results")
    result.must_end(2)
    assert "the name of the file is empty" in result.err


# ---- names --------------------------------------------------------------------------------------


def pairs(folder):
    """Name without ending -> (OMB's file, ours), and no other file is there."""
    found = {}
    for path in folder.iterdir():
        stem, _, ending = path.name.partition(".")
        found.setdefault(stem, {})[ending] = path
    for stem, endings in found.items():
        assert len(endings) == 2 and "omb" in endings, f"{stem}: {endings}"
    return {
        stem: (next(p for e, p in endings.items() if e != "omb"), endings["omb"])
        for stem, endings in found.items()
    }


def assert_pair_of_one_run(result, side):
    ours = json.loads(side.read_text())
    rates = json.loads(result.read_text())["publishRate"]
    rate = sum(rates) / len(rates)
    assert rate == pytest.approx(ours["window"]["publishRate"], rel=0.1)
    return ours["totals"]["sent"], ours["run"]["id"]


def test_runs_that_start_together_have_a_pair_each(omb):
    omb.write("d.yaml", LOOPBACK)
    rates = [300, 600, 900]
    running = []
    omb.write("w.yaml", workload(testDuration="1s"))
    for rate in rates:
        words = ["-d", "d.yaml", "--set", f"producerRate={rate}", "-o", "r/", "w.yaml"]
        running.append(omb.launch("run", "-q", *words))
    for r in running:
        assert r.wait().code in (0, 3)  # busy machines fall behind
    found = pairs(omb.folder / "r")
    sent, ids = zip(*(assert_pair_of_one_run(*files) for files in found.values()))
    assert sorted(sent) == rates
    assert len(set(ids)) == len(rates)


def test_one_workload_twice_in_one_command_makes_two_results(omb):
    """So fast that both have the same second in their names."""
    omb.write("d.yaml", {"name": "Null", "driver": "null"})
    shape = {"subscriptionsPerTopic": 0, "consumerPerSubscription": 0, "testDuration": "100ms"}
    path = omb.write("w.yaml", workload(**shape))
    result = omb.command("run", "-q", "-d", "d.yaml", "-o", "r/", *[path] * 5)
    assert result.code in (0, 3)
    found = pairs(omb.folder / "r")
    assert len(found) == 5
    assert len({json.loads(s.read_text())["run"]["id"] for _, s in found.values()}) == 5
    assert len(set(result.out.split())) == 10


def test_the_name_is_reserved_while_the_run_goes_on_and_tables_do_not_mind(omb):
    omb.command("run", *files(omb, "-o", "r/")).must_be_good()
    running = omb.start(workload(testDuration="60s"), LOOPBACK, "-o", "r/")
    running.await_phase("measure")
    (placeholder,) = [
        p for p in (omb.folder / "r").glob("*.omb") if not p.with_suffix(".json").exists()
    ]
    run_id = next(iter(omb.journals()))
    assert json.loads(placeholder.read_text()) == {"format": "omb-reserved", "run": run_id}
    table = omb.command("csv", "r", "-o", "-")
    table.must_end(0)
    assert len(table.out.splitlines()) == 2
    running.signal(signal.SIGTERM)
    result = running.wait()
    result.must_end(130)
    assert placeholder.with_suffix(".json.partial").exists()
    assert json.loads(placeholder.read_text())["run"]["id"] == run_id


def test_nothing_is_reserved_by_a_run_that_measured_nothing(omb):
    running = omb.start(workload(warmupDuration="60s"), LOOPBACK, "-o", "r/")
    running.await_phase("warm-up")
    assert len(list((omb.folder / "r").glob("*.omb"))) == 1
    running.signal(signal.SIGTERM)
    running.wait().must_end(130)
    assert list((omb.folder / "r").iterdir()) == []


def test_an_output_file_replaces_an_earlier_result_as_a_whole_and_at_the_end(omb):
    for name in ("x.json", "x.json.invalid", "x.omb"):
        omb.write(name, "{}")
    running = omb.start(workload(testDuration="60s"), LOOPBACK, "-o", "x.json")
    running.await_phase("measure")
    assert (omb.folder / "x.json").read_text() == "{}"

    other = omb.command("run", *files(omb, "-o", "x.json"))
    other.must_end(2)
    assert f"the run of process {running.pid} is going to write its result there" in other.err

    running.signal(signal.SIGTERM)
    running.wait().must_end(130)
    left = sorted(p.name for p in omb.folder.iterdir() if p.name.startswith("x."))
    assert left == ["x.json.partial", "x.omb"]
    assert len(json.loads((omb.folder / "x.json.partial").read_text())) == 62


LONG = "ä" * 120  # 240 bytes


def test_names_that_are_too_long_for_the_file_system_are_cut(omb):
    omb.write("d.yaml", LOOPBACK | {"name": "driver " + LONG})
    path = omb.write(f"{'w' * 240}.yaml", workload(testDuration="1s"))
    result = omb.command("run", "-q", "-d", "d.yaml", "-o", "r/", path)
    result.must_be_good()
    ((name, (json_, side)),) = pairs(omb.folder / "r").items()
    assert name.startswith("w" * 50) and "-driver ää" in name
    assert name[-20:].startswith("-2") and len(name.encode()) <= 255
    assert json.loads(side.read_text())["run"]["driver"] == "driver " + LONG


# ---- what is no file ----------------------------------------------------------------------------


@pytest.fixture
def odd_files(tmp_path):
    """A device of our own, a FIFO, a socket's place: nothing may happen to them."""
    folder = tmp_path / "odd"
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to("/dev/null")
    (folder / "astray").symlink_to("nowhere")
    try:
        os.mknod(folder / "device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("needs root: mknod")
    before = {p.name: os.lstat(p) for p in folder.iterdir()}
    yield folder
    assert {p.name: os.lstat(p) for p in folder.iterdir()}.keys() == before.keys()
    for name, was in before.items():
        now = os.lstat(folder / name)
        assert (now.st_mode, now.st_ino, now.st_rdev) == (was.st_mode, was.st_ino, was.st_rdev)


ODD = ["device", "fifo", "link", "astray"]


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_is_refused_before_anything_starts(omb, odd_files, name):
    files(omb)
    for words in (
        ["run", "-d", "d.yaml", "-o", odd_files / name, "w.yaml"],
        ["run", "-d", "d.yaml", "-o", f"{odd_files / name}/", "w.yaml"],
        ["run", "-d", "d.yaml", "-o", odd_files / name / "below" / "x.json", "w.yaml"],
        ["csv", ".", "-o", odd_files / name],
        ["demo", "-o", odd_files / name],
    ):
        if name == "astray" and any("below" in str(word) for word in words):
            continue  # no such folder, and none can be made: exit code 1
        result = omb.command(*words)
        result.must_end(2)
        assert len(result.err.splitlines()) == 1 and name in result.err, words
        assert result.out == "" and omb.journals() == {}


def test_files_of_the_same_name_are_looked_at_too(omb, odd_files):
    (omb.folder / "x.omb").symlink_to(odd_files / "device")
    result = omb.command("run", *files(omb, "-o", "x.json"))
    result.must_end(2)
    assert "x.omb is a device" in result.err


def test_a_result_does_not_go_to_standard_output(omb):
    result = omb.command("run", *files(omb, "-o", "-"))
    result.must_end(2)
    assert "two files" in result.err


def test_a_table_goes_to_standard_output_and_nowhere_else(omb):
    omb.command("run", *files(omb, "-o", "r/")).must_be_good()
    before = sorted(omb.folder.rglob("*"))
    result = omb.command("csv", "--full", "r", "-o", "-")
    result.must_end(0)
    header, row = result.out.splitlines()
    assert header.startswith("file,workload,driver,") and ",small,Loopback,100," in row
    assert sorted(omb.folder.rglob("*")) == before

    omb.command("csv", "r", "-o", "t.csv").must_end(0)
    assert omb.command("csv", "r", "-o", "-").out == (omb.folder / "t.csv").read_text()


# ---- the log ------------------------------------------------------------------------------------


def test_each_line_of_the_json_log_is_written_at_once(omb):
    # In a pipe of packets each write stays one, so half a line cannot hide.
    read, write = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
    driver = LOOPBACK | {"name": "long " * 500}
    running = omb.start(workload(testDuration="2s"), driver, "--quiet", stderr=write)
    loud = omb.start(workload(testDuration="2s"), LOOPBACK, stderr=write)
    os.close(write)
    packets = list(iter(lambda: os.read(read, 1 << 20), b""))
    os.close(read)
    running.wait(), loud.wait()
    lines = [packet.decode() for packet in packets]
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines), lines
    events = [json.loads(line)["event"] for line in lines if line.startswith("{")]
    assert events.count("progress") >= 2
