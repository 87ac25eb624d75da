# SPDX-License-Identifier: Apache-2.0
"""`omb worker`: what it answers, to whom, and what is left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest
from harness import OMB, kill, plain_workload, session_members, start, wait_until
from hdr import Histogram

LOOPBACK = "name: Loopback\ndriver: loopback\n"
PAYLOAD = "A" * 200  # 150 bytes
LOAD = {"payloadData": [PAYLOAD], "publishRate": 200.0, "keyDistributorType": "NO_KEY"}
workload = plain_workload(topics=2, producerRate=500, warmupDuration="0s", testDuration="1s")


class Worker:
    def __init__(self, folder, *options):
        self.out = folder / "worker.out"
        self.err = folder / "worker.err"
        folder.mkdir(parents=True, exist_ok=True)
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.child = start([OMB, "worker", "-p", "0", *options], stdout=out, stderr=err, cwd=folder)
        wait_until(lambda: "listening on " in self.log() or self.child.poll() is not None, 20, "its address")
        assert self.child.poll() is None, self.err.read_text()
        self.address = self.log().split("listening on ")[1].split()[0]
        self.url = f"http://{self.address}"

    def log(self):
        return self.out.read_text()

    def ask(self, method, path, body=None, headers=None):
        """(status, body, headers)"""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(), e.headers

    def post(self, path, body=""):
        status, text, _ = self.ask("POST", path, body)
        assert status == 200, (path, text, self.log())
        return json.loads(text) if text else None

    def get(self, path):
        status, text, _ = self.ask("GET", path)
        assert status == 200, (path, text)
        return json.loads(text)

    def agents(self):
        """Those that make load; a driver's own broker stays until another driver comes."""
        return [
            p
            for p in session_members(self.child.pid)
            if p.pid != self.child.pid and not p.name.startswith("omb-brok")
        ]

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(30)
        left = [p for p in session_members(self.child.pid) if p.state not in "ZX"]
        kill(self.child)
        assert self.child.returncode == 0, self.err.read_text()
        assert not left


@pytest.fixture
def worker(tmp_path):
    w = Worker(tmp_path / "worker")
    yield w
    if w.child.poll() is None:
        w.stop()


@contextlib.contextmanager
def workers(tmp_path, count):
    all_of_them = [Worker(tmp_path / f"worker{i}") for i in range(count)]
    yield all_of_them
    for w in all_of_them:
        w.stop()


def consumers(topics):
    return {"topicsSubscriptions": [{"topic": t, "subscription": "sub-000-x"} for t in topics]}


def make(w, driver=LOOPBACK):
    """Up to the load, as OMB's coordinator does; its topics."""
    w.post("/stop-all")
    w.post("/initialize-driver", driver)
    topics = w.post("/create-topics", {"numberOfTopics": 2, "numberOfPartitionsPerTopic": 2})
    w.post("/create-consumers", consumers(topics))
    w.post("/create-producers", topics)
    w.post("/probe-producers")
    wait_until(lambda: w.get("/counters-stats")["messagesReceived"] >= 2, 30, "probes")
    return topics


def one_run(w):
    topics = make(w)
    w.post("/start-load", LOAD)
    wait_until(lambda: w.get("/counters-stats")["messagesReceived"] >= 50, 30, "messages")
    w.post("/stop-all")
    return topics


# ---- OMB's protocol ---------------------------------------------------------------------------


def test_a_load_is_made_counted_and_stopped(worker):
    topics = make(worker)
    assert len(set(topics)) == 2
    before = worker.get("/period-stats")
    assert before["messagesSent"] == 0 and before["totalMessagesSent"] == 2  # probes: in totals only
    assert before["messagesReceived"] == before["totalMessagesReceived"] == 2
    assert before["publishLatency"].startswith("HISTFAAA")
    worker.post("/start-load", LOAD)
    wait_until(lambda: worker.get("/counters-stats")["messagesReceived"] >= 100, 30, "messages")
    first = worker.get("/period-stats")
    second = worker.get("/period-stats")
    assert first["messagesSent"] >= 90 and first["bytesSent"] == 150 * first["messagesSent"]
    assert second["messagesSent"] < first["messagesSent"]  # reading empties
    assert second["totalMessagesSent"] == 2 + first["messagesSent"] + second["messagesSent"]
    assert first["messageSendErrors"] == first["totalMessageSendErrors"] == 0
    for name in ("publishLatency", "publishDelayLatency", "endToEndLatency"):
        assert Histogram.decode(first[name]).count > 0, name
    assert Histogram.decode(first["publishLatency"]).count == first["messagesSent"]
    worker.post("/reset-stats")
    cumulative = worker.get("/cumulative-latencies")
    assert set(cumulative) == {"publishLatency", "publishDelayLatency", "endToEndLatency"}
    worker.post("/stop-all")
    assert worker.get("/counters-stats") == {
        "messagesSent": 0,
        "messagesReceived": 0,
        "messageSendErrors": 0,
    }
    worker.post("/stop-all")  # as often as one likes
    assert not [p for p in worker.agents()]


def test_answers_look_as_those_of_the_java_worker(worker):
    status, body, headers = worker.ask("POST", "//stop-all/", "")
    assert (status, body, headers["Content-Length"]) == (200, "", "0")
    assert headers["Content-Type"] == "text/plain;charset=utf-8"
    for method, path in (("GET", "/stop-all"), ("PUT", "/period-stats"), ("GET", "/nowhere")):
        status, body, headers = worker.ask(method, path, None if method == "GET" else "")
        assert (status, body) == (404, "Not found"), path
    assert worker.ask("HEAD", "/period-stats")[0] == 200
    for path, body, why in (
        ("/create-topics", {"numberOfTopics": 1, "numberOfPartitionsPerTopic": 1}, "no driver is present"),
        ("/initialize-driver", "name: x\ndriverClass: io.openmessaging.Nothing\n", "io.openmessaging.Nothing"),
        ("/adjust-publish-rate", "NaN", "adjust-publish-rate"),
        ("/create-consumers", "{", "create-consumers"),
    ):
        status, text, headers = worker.ask("POST", path, body)
        assert (status, text) == (500, "Internal server error"), path
        assert headers["Content-Type"] == "text/plain;charset=utf-8"
        assert why in worker.log(), path
    make(worker)  # none of that has done any harm


def test_lists_may_be_empty(worker):
    worker.post("/initialize-driver", LOOPBACK)
    worker.post("/create-consumers", {"topicsSubscriptions": []})
    worker.post("/create-producers", [])
    worker.post("/probe-producers")
    worker.post("/start-load", LOAD)  # the surplus workers of an ensemble hear of it, too
    worker.post("/adjust-publish-rate", "250.5")
    worker.post("/pause-consumers")
    worker.post("/resume-consumers")
    assert worker.get("/period-stats")["messagesSent"] == 0
    worker.post("/stop-all")


def hang_up_on(w, path, body):
    """Asks and goes away before there is an answer."""
    host, port = w.address.split(":")
    with socket.create_connection((host, int(port))) as s:
        data = json.dumps(body).encode() if not isinstance(body, str) else body.encode()
        s.sendall(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data
        )


@pytest.mark.parametrize("kafka", ["embedded"], indirect=True)
def test_a_command_that_comes_again_makes_nothing_twice(worker, kafka):
    before = len(kafka.topics())
    worker.post("/initialize-driver", kafka_driver(kafka))
    worker.post("/initialize-driver", kafka_driver(kafka))
    ask = {"numberOfTopics": 2, "numberOfPartitionsPerTopic": 2}
    hang_up_on(worker, "/create-topics", ask)
    topics = worker.post("/create-topics", ask)
    assert worker.post("/create-topics", ask) == topics
    assert len(kafka.topics()) == before + 2
    hang_up_on(worker, "/create-consumers", consumers(topics))
    worker.post("/create-consumers", consumers(topics))
    agents = len(worker.agents())
    worker.post("/create-consumers", consumers(topics))
    worker.post("/create-producers", topics)
    assert worker.ask("POST", "/create-producers", topics[:1])[0] == 500  # that would be others
    producers = len(worker.agents()) - agents
    assert producers > 0
    worker.post("/create-producers", topics)
    assert len(worker.agents()) == agents + producers
    worker.post("/start-load", LOAD)
    worker.post("/start-load", LOAD)
    worker.post("/stop-all")


def test_it_serves_run_after_run_and_does_not_grow(worker):
    seen = []
    for _ in range(4):
        one_run(worker)
        assert not worker.agents()
        seen.append(worker.descriptors())
    # The first run opens what stays, connections of the callers come and go by one or two.
    assert max(seen[1:]) <= seen[0] + 2


def kafka_driver(broker):
    return (
        "name: Kafka\ndriver: kafka\nreplicationFactor: 1\n"
        f"commonConfig: |\n  bootstrap.servers={broker.bootstrap}\n"
        "consumerConfig: |\n  auto.offset.reset=earliest\n"
    )


@pytest.mark.parametrize("kafka", ["embedded"], indirect=True)
def test_what_one_worker_sends_another_receives(tmp_path, kafka):
    """They share neither run nor clock."""
    with workers(tmp_path, 2) as (leader, other):
        for w in (leader, other):
            w.post("/initialize-driver", kafka_driver(kafka))
        topics = leader.post("/create-topics", {"numberOfTopics": 2, "numberOfPartitionsPerTopic": 2})
        other.post("/create-consumers", consumers(topics))
        leader.post("/create-consumers", {"topicsSubscriptions": []})
        leader.post("/create-producers", topics)
        leader.post("/probe-producers")
        wait_until(lambda: other.get("/counters-stats")["messagesReceived"] >= 2, 30, "probes")
        leader.post("/start-load", LOAD)
        wait_until(lambda: other.get("/counters-stats")["messagesReceived"] >= 100, 30, "messages")
        period = other.get("/period-stats")
        e2e = Histogram.decode(period["endToEndLatency"])
        assert e2e.count == period["messagesReceived"] - 2  # probes are not timed
        # By the records' own times: whole milliseconds, told as up to 0.1 % more.
        assert all(low % 1000 <= low / 1000 + 1 for low, _, _ in e2e.buckets)
        for w in (leader, other):
            w.post("/stop-all")


# ---- sessions ---------------------------------------------------------------------------------


def begin(w, lease_s=30, **more):
    ask = {"protocol": 1, "version": "0", "coordinator": "test 1", "worker": 0, "leaseNs": int(lease_s * 1e9)}
    return w.ask("POST", "/omb/v1/sessions", ask | more)


def call(w, session, number, verb, ask=None):
    message = {"id": number, "verb": verb} | ({} if ask is None else {"ask": ask})
    status, text, _ = w.ask("POST", f"/omb/v1/sessions/{session}/calls", message)
    return status, json.loads(text)


def initialize(driver):
    return {"path": "d.yaml", "driver": driver, "runId": "01lg22la7e2p", "run": 7}


def test_a_session_has_the_worker_for_itself(worker):
    hello = worker.get("/omb/v1/hello")
    assert (hello["program"], hello["protocol"], hello["inUse"]) == ("omb", 1, None)
    assert "create-topics" in hello["verbs"] and hello["worker"]
    assert begin(worker, protocol=99)[0] == 400
    assert begin(worker, lease_s=0.5)[0] == 400
    status, text, _ = begin(worker)
    assert status == 200
    answer = json.loads(text)
    session = answer["session"]
    assert len(session) == 32 and answer["originNs"] > 0
    assert begin(worker)[0] == 409
    assert worker.ask("POST", "/stop-all", "")[0] == 409
    assert "test 1" in worker.get("/omb/v1/hello")["inUse"]
    clock = worker.get("/omb/v1/clock")
    assert answer["originNs"] <= clock["receivedNs"] <= clock["sentNs"]

    first = call(worker, session, 1, "initialize-driver", initialize(LOOPBACK))
    assert first[0] == 200 and first[1]["state"] == "done"
    assert call(worker, session, 1, "initialize-driver", initialize(LOOPBACK)) == first  # known
    again = call(worker, session, 2, "initialize-driver", initialize(LOOPBACK))[1]
    assert again["state"] == "failed" and "a driver is present" in again["error"]["text"]
    assert call(worker, session, 3, "dance")[1]["lacking"] is True
    assert worker.ask("POST", f"/omb/v1/sessions/{session}/calls", "{")[0] == 400
    assert worker.ask("POST", f"/omb/v1/sessions/{session}/renew", "")[0] == 200
    assert worker.ask("POST", f"/omb/v1/sessions/{'0' * 32}/renew", "")[0] == 404
    assert worker.ask("DELETE", f"/omb/v1/sessions/{session}")[0] == 200
    assert worker.get("/omb/v1/hello")["inUse"] is None
    assert worker.ask("POST", f"/omb/v1/sessions/{session}/renew", "")[0] == 404
    assert not worker.agents()

    make(worker)
    assert begin(worker)[0] == 409  # OMB's calls have made something
    worker.post("/stop-all")
    assert begin(worker)[0] == 200


@pytest.mark.parametrize("kafka", ["embedded"], indirect=True)
def test_whose_lease_runs_out_loses_what_it_made(worker, kafka):
    session = json.loads(begin(worker, lease_s=1)[1])["session"]
    assert call(worker, session, 1, "initialize-driver", initialize(kafka_driver(kafka)))[0] == 200
    topics = call(
        worker, session, 2, "create-topics", {"numberOfTopics": 2, "numberOfPartitionsPerTopic": 1}
    )[1]["answer"]["topics"]
    assert set(topics) <= set(kafka.topics())
    wait_until(lambda: worker.get("/omb/v1/hello")["inUse"] is None, 20, "the end of the lease")
    assert not set(topics) & set(kafka.topics())
    assert not worker.agents()
    assert "its lease of 1 s has run out" in worker.log()
    assert call(worker, session, 3, "clock")[0] == 404
    make(worker)  # it is ready for the next one
    worker.post("/stop-all")


def test_a_coordinator_of_ours_runs_on_it_again_and_again(omb, worker):
    driver = {"name": "Loopback", "driver": "loopback"}
    for _ in range(2):
        result = omb.run(workload(), driver, "-w", worker.url)
        assert result.code in (0, 3), result.err
        assert set(result.reasons("INVALID")) <= {"throughput"}
        totals = result.totals
        assert totals["sent"] == totals["acknowledged"] >= 500
        assert result.omb["accounting"]["lost"] == 0
    assert worker.get("/omb/v1/hello")["inUse"] is None


def test_the_end_of_a_worker_stops_its_load(worker):
    make(worker)
    worker.post("/start-load", LOAD)
    worker.stop()  # says 0, and no agent is left


# ---- who may ----------------------------------------------------------------------------------

TOKEN = "correct-horse-battery-staple"


def test_who_shows_no_token_is_refused(tmp_path, omb):
    (tmp_path / "token").write_text(TOKEN + "\n")
    w = Worker(tmp_path / "worker", "--token-file", str(tmp_path / "token"))
    for shown in (None, "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}x", f"Basic {TOKEN}"):
        headers = {"Authorization": shown} if shown else {}
        for method, path in (("GET", "/omb/v1/hello"), ("POST", "/stop-all"), ("GET", "/nowhere")):
            status, text, answer = w.ask(method, path, "" if method == "POST" else None, headers)
            assert (status, text) == (401, "Unauthorized"), shown
            assert answer["WWW-Authenticate"] == "Bearer"
    assert w.ask("POST", "/stop-all", "", {"Authorization": f"bearer {TOKEN}"})[0] == 200
    driver = {"name": "Loopback", "driver": "loopback"}
    refused = omb.run(workload(), driver, "-w", w.url)
    assert refused.code == 1 and "401" in refused.err, refused.err
    result = omb.run(workload(), driver, "-w", w.url, "--token-file", tmp_path / "token")
    assert result.code in (0, 3), result.err
    w.stop()
    assert TOKEN not in w.log() + w.err.read_text() + refused.err + result.err


def test_pages_in_a_browser_of_this_host_are_refused(worker):
    status, _, _ = worker.ask("POST", "/stop-all", "", {"Origin": "http://example.com"})
    assert status == 403


@pytest.mark.parametrize(
    "options, why",
    [
        (["--bind", "0.0.0.0"], "--token-file has callers show a token"),
        (["--bind", "host"], '"host" is not an address such as'),
        (["--bind", "0.0.0.0", "--allow-from", "10.0.0.1/8"], "there are bits set behind the first 8"),
        (["--allow-files", "/nowhere"], "--allow-files /nowhere"),
        (["--token-file", "short"], "can be guessed"),
        (["-p", "70000"], "is not a port"),
        (["--set", "topisc=1"], "topisc"),
        (["--set", "bad"], "bad"),
        (["extra"], '"extra" is not a flag'),
    ],
)
def test_what_a_worker_does_not_start_with(omb, options, why):
    omb.write("short", "secret")
    port = [] if "-p" in options else ["-p", "0"]
    result = omb.command("worker", *port, *options)
    assert result.code in (1, 2) and why in result.err, result.err


def test_only_those_who_are_allowed_may_connect(tmp_path):
    w = Worker(tmp_path / "worker", "--bind", "0.0.0.0", "--allow-from", "10.0.0.0/8")
    w.url = w.url.replace("0.0.0.0", "127.0.0.1")
    with pytest.raises(OSError):
        w.ask("GET", "/omb/v1/hello")
    w.stop()
    w = Worker(tmp_path / "other", "--bind", "0.0.0.0", "--allow-from", "10.0.0.0/8,127.0.0.0/8")
    w.url = w.url.replace("0.0.0.0", "127.0.0.1")
    assert w.get("/omb/v1/hello")["program"] == "omb"
    w.stop()


FILES = "name: K\ndriver: kafka\ncommonConfig: |\n  bootstrap.servers=127.0.0.1:1\n  "


def initialize_is_refused(w, text, why):
    assert w.ask("POST", "/initialize-driver", text)[0] == 500
    assert why in w.log(), w.log()
    session = json.loads(begin(w)[1])["session"]
    status, answer = call(w, session, 1, "initialize-driver", initialize(text))
    assert (status, answer["state"], answer["error"]["kind"]) == (200, "failed", "refused")
    assert why in answer["error"]["text"]
    assert w.ask("DELETE", f"/omb/v1/sessions/{session}")[0] == 200


def test_a_driver_file_from_afar_touches_nothing_of_this_host(tmp_path, worker):
    for line, why in (
        ("plugin.library.paths=/tmp/x.so", "plugin.library.paths"),
        ("ssl.ca.location=/etc/passwd", "ssl.ca.location names a file of this host"),
        ("sasl.kerberos.kinit.cmd=touch /tmp/x", "sasl.kerberos.kinit.cmd runs a command"),
    ):
        initialize_is_refused(worker, FILES + line + "\n", why)


def test_files_of_one_folder_may_be_named(tmp_path):
    folder = tmp_path / "allowed"
    folder.mkdir()
    (folder / "ca.pem").write_text("none")
    (folder / "link.pem").symlink_to("/etc/passwd")
    w = Worker(tmp_path / "worker", "--allow-files", str(folder))
    for path in ("/etc/passwd", folder / "link.pem", folder / ".." / "token", f"{folder}x/ca.pem"):
        initialize_is_refused(w, f"{FILES}ssl.ca.location={path}\n", "ssl.ca.location names a file")
    text = f"{FILES}ssl.ca.location={folder}/ca.pem\n"
    session = json.loads(begin(w)[1])["session"]
    answer = call(w, session, 1, "initialize-driver", initialize(text))[1]
    assert answer.get("error", {}).get("kind") != "refused", answer
    w.stop()


# ---- OMB's own coordinator -----------------------------------------------------------------------


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize("kafka", ["embedded"], indirect=True)
def test_a_java_coordinator_leads_two_workers_to_the_end(tmp_path, kafka):
    (tmp_path / "d.yaml").write_text(
        "name: Kafka\n"
        "driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver\n"
        "replicationFactor: 1\ntopicConfig: |\n"
        f"commonConfig: |\n  bootstrap.servers={kafka.bootstrap}\n"
        "producerConfig: |\n  acks=all\n  linger.ms=1\n"
        "consumerConfig: |\n  auto.offset.reset=earliest\n  enable.auto.commit=false\n"
    )
    (tmp_path / "w.yaml").write_text(
        "name: java\ntopics: 2\npartitionsPerTopic: 2\nmessageSize: 200\n"
        "useRandomizedPayloads: true\nrandomBytesRatio: 0.5\nrandomizedPayloadPoolSize: 10\n"
        "keyDistributor: NO_KEY\nsubscriptionsPerTopic: 1\nconsumerPerSubscription: 1\n"
        "producersPerTopic: 1\nproducerRate: 500\nconsumerBacklogSizeGB: 0\n"
        "warmupDurationMinutes: 0\ntestDurationMinutes: 1\n"
    )
    with workers(tmp_path, 2) as both:
        command = [os.environ["OMB_JAVA"], "run", "-d", "d.yaml", "-o", "out.json"]
        command += ["-w", ",".join(w.url for w in both), "w.yaml"]
        with open(tmp_path / "java.log", "w") as log:
            child = start(
                command,
                cwd=tmp_path,
                env=os.environ | {"HEAP": "-Xmx400m"},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        code = child.wait(150)
        assert code == 0, (tmp_path / "java.log").read_text()[-2000:]
        result = json.loads((tmp_path / "out.json").read_text())
    assert len(result) == 62
    samples = len(result["publishRate"])
    assert samples >= 5
    for name, value in result.items():
        if isinstance(value, list):
            assert len(value) == samples, name
            values = value
        elif isinstance(value, dict):
            values = list(value.values())
        else:
            values = [value]
        numbers = [v for v in values if not isinstance(v, str)]
        assert all(v >= 0 for v in numbers), name
        if "Latency" in name and not name.endswith("Quantiles"):
            assert max(numbers) > 0, name
    # Each counts its own share of ten seconds; what the machine was late with is made up for.
    assert sum(result["publishRate"]) / samples == pytest.approx(500, rel=0.2)
    assert sum(result["consumeRate"]) / samples == pytest.approx(500, rel=0.2)
    assert max(result["publishErrorRate"]) == 0
    for kind in ("Publish", "PublishDelay", "EndToEnd"):
        values = [
            result[f"aggregated{kind}Latency{p}"]
            for p in ("50pct", "75pct", "95pct", "99pct", "999pct", "9999pct", "Max")
        ]
        assert values == sorted(values), kind
