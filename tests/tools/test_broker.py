# SPDX-License-Identifier: Apache-2.0
"""tools/broker: what tests that break brokers rely on."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest

PATH = pathlib.Path(__file__).resolve().parents[2] / "tools" / "broker"


@pytest.fixture(scope="module")
def tool():
    loader = importlib.machinery.SourceFileLoader("tools_broker", str(PATH))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("tools_broker", loader))
    loader.exec_module(module)
    return module


def broker(verb, folder, *more, kind="kafka"):
    argv = [sys.executable, PATH, kind, verb, "--dir", folder, *more]
    return subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)


def last_line(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def test_a_zombie_is_not_alive(tool):
    child = subprocess.Popen(["sleep", "60"])
    process = tool.Process.of(child.pid)
    assert process.alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead and not yet reaped
    assert not process.alive()
    child.wait()
    assert not process.alive()


def test_a_pid_that_is_used_again_is_somebody_else(tool):
    assert not tool.Process(os.getpid(), tool.Process.of(os.getpid()).started - 1).alive()


def test_a_process_that_ignores_sigterm_is_killed(tool, monkeypatch):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    monkeypatch.setattr(tool, "TERM_TIMEOUT_S", 0.2)
    tool.Process.of(child.pid).terminate()
    assert child.wait() == -signal.SIGKILL


def test_a_folder_with_other_things_in_it_is_refused_and_kept(tmp_path):
    (tmp_path / "precious").write_text("x")
    done = broker("up", tmp_path)
    assert done.returncode == 1
    assert "is not empty and holds no broker" in done.stderr
    assert broker("down", tmp_path).returncode == 0
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize(
    "kind, argv, said",
    [
        ("kafka", ("up", "--nodes", "2"), "expected 3 to 9"),
        ("kafka", ("up", "--node", "1"), "does not go with up"),
        ("kafka", ("up", "--nodes", "3", "--port", "9092"), "--port does not go with up"),
        ("kafka", ("kill", "--node", "2"), "no cluster in"),
        ("kafka", ("stop",), "is not running"),
        ("nats", ("up", "--nodes", "3"), "nats has one node here"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_starts(tmp_path, kind, argv, said):
    verb, *more = argv
    done = broker(verb, tmp_path / "folder", *more, kind=kind)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "folder").exists()


def test_a_cluster_is_known_by_its_folder(tmp_path):
    (tmp_path / "broker.json").write_text('{"broker": "kafka", "nodes": [1, 2, 3]}')
    for node in (1, 2, 3):
        (tmp_path / f"node-{node}").mkdir()
        state = f'{{"broker": "kafka", "node": {node}, "port": {node}}}'
        (tmp_path / f"node-{node}" / "broker.json").write_text(state)
    done = broker("status", tmp_path, "--node", "2")
    assert (done.returncode, done.stdout) == (1, "kafka node=2 is not running\n")
    assert "no node 4, the cluster has 3" in broker("kill", tmp_path, "--node", "4").stderr
    assert "has 3 nodes; take it down first" in broker("up", tmp_path, "--nodes", "5").stderr
    assert broker("stop", tmp_path, "--node", "3").returncode == 1
    assert broker("down", tmp_path).returncode == 0
    assert not tmp_path.exists()


def test_the_brokers_of_an_answer_are_counted_by_their_numbers(tool):
    def broker_of(number, rack):
        host = b"127.0.0.1"
        told = struct.pack(">h", -1) if rack is None else struct.pack(">h", len(rack)) + rack
        return struct.pack(">ih", number, len(host)) + host + struct.pack(">i", 9092) + told

    body = struct.pack(">ii", 7, 2) + broker_of(3, None) + broker_of(11, b"rack")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(struct.pack(">i", len(body)) + body)

        thread = threading.Thread(target=answer)
        thread.start()
        assert tool.kafka_brokers(server.getsockname()[1]) == {3, 11}
        thread.join()


def test_kafka_survives_kill_and_restart_and_leaves_nothing(tmp_path):
    for command in ("java", "mvn"):
        if shutil.which(command) is None:
            pytest.skip(f"needs {command}; tools/setup test installs it")
    folder = tmp_path / "kafka"
    # A killed broker may come back when its old session has ended: 9 s by default.
    quick = ("--set", "broker.session.timeout.ms=3000", "--set", "broker.heartbeat.interval.ms=500")
    try:
        address = last_line(broker("up", folder, "--jvm-heap", "256m", *quick))
        assert address.startswith("bootstrap.servers=127.0.0.1:")
        assert last_line(broker("up", folder)) == address
        assert last_line(broker("status", folder)) == address

        assert broker("stop", folder).returncode == 0
        assert "runs but does not answer" in broker("status", folder).stdout
        assert broker("cont", folder).returncode == 0
        assert last_line(broker("status", folder)) == address

        assert broker("kill", folder).returncode == 0
        assert broker("status", folder).returncode == 1
        assert (folder / "data").is_dir()
        assert last_line(broker("restart", folder)) == address
    finally:
        done = broker("down", folder)
    assert done.returncode == 0, done.stderr
    assert not folder.exists()
    assert broker("status", folder).returncode == 1
    assert broker("down", folder).returncode == 0
    assert broker("restart", folder).returncode == 1
