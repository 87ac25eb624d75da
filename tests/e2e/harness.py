# SPDX-License-Identifier: Apache-2.0
"""Starts omb as a user would and looks at what it leaves: exit code, output, files, processes."""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import urllib.request

import hdr
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OMB = pathlib.Path(os.environ.get("OMB_BUILD", ROOT / "build")).absolute() / "omb"
ORPHAN_LIMIT_S = 5  # no process of a run lives longer than this after it
LOOK_S = 0.02
KILL_LIMIT_S = 10


def wait_until(what, timeout_s, message):
    """Looks again and again until `what()` is true, and returns what it is."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {message}"
        time.sleep(LOOK_S)


# ---- processes --------------------------------------------------------------------------------


class Process:
    """One line of /proc: which session it belongs to, what it calls itself, how it is."""

    def __init__(self, pid, name, state, parent, session):
        self.pid = pid
        self.name = name
        self.state = state
        self.parent = parent
        self.session = session

    def __repr__(self):
        return f"{self.pid} {self.name} ({self.state}, child of {self.parent})"


def processes():
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue
        state, parent, _, session = tail.split()[:4]
        yield Process(
            int(folder.name), head.partition("(")[2], state, int(parent), int(session)
        )


def session_members(session):
    """Zombies count only while their parent is there: the others belong to pid 1."""
    members = [p for p in processes() if p.session == session]
    return [p for p in members if p.state not in "ZX" or p.parent != 1]


STARTED = []  # what start() started and nobody has waited for with kill()
_LIBC = ctypes.CDLL(None)
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def start(argv, preexec_fn=None, **more):
    """A process with a session of its own.  It lives no longer than the test, or pytest itself."""

    def prepare():
        _LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it: nohup
        if preexec_fn:
            preexec_fn()

    child = subprocess.Popen(
        [str(word) for word in argv], start_new_session=True, preexec_fn=prepare, **more
    )
    STARTED.append(child)
    return child


def kill(child):
    """It, and all that it has started and that is in its session."""
    deadline = time.monotonic() + KILL_LIMIT_S
    while members := [p for p in session_members(child.pid) if p.state not in "ZX"]:
        for process in members:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        assert time.monotonic() < deadline, f"cannot be killed: {members}"
        time.sleep(LOOK_S)
    child.wait(KILL_LIMIT_S)
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            stream.close()
    if child in STARTED:
        STARTED.remove(child)


# ---- a run ------------------------------------------------------------------------------------

FORGIVEN = []  # the run that did not keep its load up and was good all the same


class Result:
    """What a run has left behind."""

    def said(self, event):
        """Lines of its log and its summary, with --log-format json."""
        lines = [json.loads(x) for x in (self.out + self.err).splitlines() if x.startswith("{")]
        return [x for x in lines if x["event"] == event]

    def __init__(self, code, folder, known, out, err):
        self.code = code
        self.folder = folder
        self.out = out
        self.err = err
        self.files = sorted(p for p in folder.rglob("*") if p.is_file() and p not in known)

    def must_end(self, code):
        """With this exit code, or the test fails with all that was said."""
        if self.code == code:
            return
        names = [p.name for p in self.files]
        reasons = self.omb["verdict"] if self.named(".omb") else None
        raise AssertionError(
            f"exit code {self.code} instead of {code}\n"
            f"files: {names}\nverdict: {reasons}\n{self.out}{self.err}"
        )

    def must_be_good(self):
        """Exit code 0.  Where other things keep the machine busy a load may not be kept up, which
        is no fault of the program as long as it says so: forgiven once, and pytest names it.  Not
        beside other tests: those that fail there are tried again alone (tools/test)."""
        invalid = set(self.reasons("INVALID")) if self.named(".omb") else set()
        forgive = not FORGIVEN and "PYTEST_XDIST_WORKER" not in os.environ
        if self.code == 3 and invalid == {"throughput"} and forgive:
            FORGIVEN.append(f"{self.folder}: {self.reasons('INVALID')['throughput']}")
            return
        self.must_end(0)

    def only(self, stem):
        """Of several runs in one folder: the one whose files are named so."""
        self.files = [p for p in self.files if p.name.split(".")[0] == stem]
        return self

    def named(self, *endings):
        return [p for p in self.files if p.name.endswith(endings)]

    @property
    def json_path(self):
        (path,) = self.named(".json", ".json.invalid", ".json.partial")
        return path

    @property
    def json(self):
        return json.loads(self.json_path.read_text())

    @property
    def omb(self):
        """Our own file, which has everything."""
        (path,) = self.named(".omb")
        return json.loads(path.read_text())

    # -- shortcuts into it

    @property
    def totals(self):
        return self.omb["totals"]

    @property
    def verdict(self):
        return self.omb["verdict"]["verdict"]

    def reasons(self, weight=None):
        reasons = self.omb["verdict"]["reasons"]
        return {r["name"]: r["text"] for r in reasons if weight in (None, r["weight"])}

    def lost(self):
        """Ranges of messages, each a dict."""
        table = self.omb["accounting"]["lostRanges"]
        return [dict(zip(table["columns"], row)) for row in table["rows"]]

    def spoiled(self):
        """The same of those that arrived with other contents."""
        table = self.omb["spoiledRanges"]
        return [dict(zip(table["columns"], row)) for row in table["rows"]]

    def rows(self, table):
        table = self.omb[table]
        return [dict(zip(table["columns"], row)) for row in table["rows"]]

    def latency(self, name):
        text = self.omb["latencies"][name]["histogram"]
        return hdr.Histogram.decode(text) if text else hdr.Histogram([])

    def period_latency(self, name):
        """By sample period; what was not recorded in one is left out there."""
        texts = [p["histograms"].get(name) for p in self.omb["periods"]]
        return [hdr.Histogram.decode(t) if t else hdr.Histogram([]) for t in texts]

    def events(self, kind):
        return [e for e in self.omb["events"] if e["kind"] == kind]

    def phase(self, name):
        return next(p for p in self.omb["phases"] if p["name"] == name)


class Running:
    """An omb that was started.  Leads a session of its own, so all its processes are known.

    `more` goes to Popen: other streams than the files that are read here, limits, signals."""

    def __init__(self, argv, folder, env, program=OMB, **more):
        self.folder = folder
        self.known = {p for p in folder.rglob("*") if p.is_file()}
        self.outputs = [folder.parent / f"{folder.name}.{time.monotonic_ns()}.{end}" for end in "oe"]
        with open(self.outputs[0], "w") as out, open(self.outputs[1], "w") as err:
            streams = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
            self.child = start([program, *argv], cwd=folder, env=env, **(streams | more))
        self.pid = self.child.pid

    @property
    def err(self):
        return self.outputs[1].read_text()

    def is_over(self):
        return self.child.poll() is not None

    def wait(self, timeout_s=60):
        self.child.wait(timeout_s)
        out, err = (path.read_text() for path in self.outputs)
        return Result(self.child.returncode, self.folder, self.known, out, err)

    def signal(self, number):
        os.kill(self.pid, number)

    # -- what it says while it runs, with --log-format json

    def said(self, event=None):
        whole = self.err.rpartition("\n")[0]  # a file may show the front of a line first
        lines = [json.loads(x) for x in whole.splitlines() if x.startswith("{")]
        return [x for x in lines if event in (None, x["event"])]

    def await_phase(self, name, timeout_s=30):
        """Until it says that it is in this phase."""

        def is_there():
            assert not self.is_over(), f"ended before {name}:\n{self.err}"
            return any(x["phase"] == name for x in self.said("progress"))

        wait_until(is_there, timeout_s, f"phase {name}")

    # -- its processes

    def agents(self, name="omb-"):
        """Of the agents whose name begins so; in their order."""
        found = [p for p in session_members(self.pid) if p.pid != self.pid]
        return sorted(
            (p for p in found if p.name.startswith(name) and p.state not in "ZX"),
            key=lambda p: p.name,
        )

    def assert_no_zombie(self):
        wait_until(
            lambda: not any(p.state == "Z" for p in session_members(self.pid)),
            ORPHAN_LIMIT_S,
            f"no zombie in {session_members(self.pid)}",
        )

    def assert_nothing_left(self):
        wait_until(
            lambda: not session_members(self.pid),
            ORPHAN_LIMIT_S,
            f"no process left: {session_members(self.pid)}",
        )

    def kill_all(self):
        kill(self.child)


PLAIN_WORKLOAD = {
    "topics": 1,
    "partitionsPerTopic": 1,
    "messageSize": 100,
    "useRandomizedPayloads": True,
    "randomBytesRatio": 0.5,
    "randomizedPayloadPoolSize": 10,
    "subscriptionsPerTopic": 1,
    "consumerPerSubscription": 1,
    "producersPerTopic": 1,
    "producerRate": 1000,
    "warmupDuration": "0s",
    "testDuration": "1s",
    "samplePeriod": "1s",
}


def plain_workload(**usual):
    """The `workload(**more)` of a file of tests: a plain one with what is usual there, and with what a
    test wants besides."""
    return lambda **more: PLAIN_WORKLOAD | usual | more


class Omb:
    """Runs omb in a folder of the test's own."""

    def __init__(self, tmp_path, program=OMB):
        self.program = program
        self.folder = tmp_path / "work"
        self.folder.mkdir()
        self.state = tmp_path / "state"
        self.started = []

    def write(self, name, content):
        path = self.folder / name
        if not isinstance(content, str):
            content = yaml.safe_dump(content, sort_keys=False)
        path.write_text(content)
        return path

    def command(self, *args, timeout_s=60):
        """Any omb command, to its end."""
        return self.launch(*args).wait(timeout_s)

    def launch(self, *args, env=None, **more):
        env = os.environ | {"XDG_STATE_HOME": str(self.state)} | (env or {})
        running = Running(args, self.folder, env, self.program, **more)
        self.started.append(running)
        return running

    def start(self, workload, driver, *args, **more):
        """`workload` and `driver` are paths or contents."""
        paths = []
        for name, content in (("w.yaml", workload), ("d.yaml", driver)):
            is_path = isinstance(content, pathlib.Path)
            paths.append(content if is_path else self.write(name, content))
        return self.launch(
            "run", "--log-format", "json", "-d", paths[1], *args, paths[0], **more
        )

    def run(self, workload, driver, *args, timeout_s=60, **more):
        return self.start(workload, driver, *args, **more).wait(timeout_s)

    def journals(self):
        """Run id -> path, of the runs that are listed as not ended."""
        folder = self.state / "omb" / "runs"
        if not folder.is_dir():
            return {}
        return {p.name: pathlib.Path(p.read_text().splitlines()[0]) for p in folder.iterdir()}

    def close(self):
        left = []
        for running in self.started:
            if not running.is_over():
                left.append(running)
                continue
            try:
                running.assert_nothing_left()
            except AssertionError as e:
                left.append(e)
        for running in self.started:
            running.kill_all()
        assert not left, f"still there at the end of the test: {left}"


# ---- a bad network ----------------------------------------------------------------------------


def free_port():
    """Nobody listens there now, and the kernel hands it to nobody who asks for any for a while."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class HostWorker:
    """`omb worker`, as it would stand on another host; named after its folder."""

    def __init__(self, folder, *options):
        folder.mkdir(parents=True, exist_ok=True)
        self.out_path = folder / "worker.out"
        self.log_path = folder / "worker.log"
        with open(self.out_path, "w") as out, open(self.log_path, "w") as log:
            self.child = start(
                self.argv(OMB, "worker", "-p", "0", "--worker-id", folder.name, *options),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )
        wait_until(lambda: self.said().count("\n") > 0 or self.child.poll() is not None, 20, "its address")
        assert self.child.poll() is None, self.log_path.read_text()
        self.url = "http://" + self.said().splitlines()[0].removeprefix("listening on ")

    def argv(self, *words):
        return words

    def said(self):
        return self.out_path.read_text()

    def signal(self, number):
        os.kill(self.child.pid, number)

    def clients(self):
        """Agents with producers or consumers."""
        return [p for p in session_members(self.child.pid) if p.name.startswith(("omb-prod", "omb-cons"))]


class JavaWorker:
    """A worker of OMB's own program."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "worker.log"
        with open(self.log, "w") as log:
            self.child = start(
                [os.environ["OMB_JAVA"], "worker", str(self.port), str(free_port())],
                cwd=folder,  # it has a log of its own
                env=os.environ | {"HEAP": "-Xmx400m"},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def is_up(self):
        assert self.child.poll() is None, self.log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(self.url + "/counters-stats", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def await_start(self):
        wait_until(self.is_up, 120, "a worker of OMB's own program")

    def stop(self):
        kill(self.child)


class Proxy:
    """`omb proxy` in front of one or more targets, which need not be there yet."""

    def __init__(self, folder, *targets, options=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "control"
        argv = [OMB, "proxy", "--control", self.path, *map(str, options)]
        argv += [word for target in targets for word in ("-l", f"0={target}")]
        self.process = start(argv, stdout=subprocess.PIPE, text=True)
        self.addresses = []
        for target in targets:
            line = self.process.stdout.readline()
            assert line.startswith("listening on ") and line.endswith(f" for {target}\n"), line
            self.addresses.append(line.split()[2])
        self.address = self.addresses[0]
        self.control = socket.socket(socket.AF_UNIX)
        self.control.settimeout(20)
        self.control.connect(str(self.path))
        self.answers = self.control.makefile()

    def ask(self, command):
        self.control.sendall(command.encode() + b"\n")
        return self.answers.readline().rstrip("\n")

    def tell(self, command):
        """It has been obeyed when this returns."""
        answer = self.ask(command)
        assert answer.startswith("ok "), f"{command}: {answer}"
        return answer[3:]

    def status(self):
        """Of the first listener."""
        return json.loads(self.tell("status"))[0]

    def stop(self):
        """What it said besides its addresses."""
        self.answers.close()
        self.control.close()
        self.process.terminate()
        try:
            said, _ = self.process.communicate(timeout=20)
        finally:
            kill(self.process)
        assert self.process.returncode == 0
        return said


# ---- Kafka ------------------------------------------------------------------------------------


class Kafka:
    """A real broker from tools/broker, and a look at it that does not go through omb.

    `bootstrap` is where its clients connect to, `address` where it listens.
    """

    SETTINGS = ("broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500")
    HEAP = "512m"

    def __init__(self, folder, *options):
        self.folder = folder
        # Whatever becomes of us: when nobody can write to it any more, it takes the broker down.
        argv = ["sh", "-c", 'read _; exec "$@"', "sh", *self._command("down")]
        self.last_will = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        address = self.tool("up", "--jvm-heap", self.HEAP, *self.settings(), *map(str, options))
        self.bootstrap = address.removeprefix("bootstrap.servers=")
        self.address = self.listens_at(folder)

    @staticmethod
    def listens_at(folder):
        return f"127.0.0.1:{json.loads((folder / 'broker.json').read_text())['port']}"

    def settings(self):
        return [word for setting in self.SETTINGS for word in ("--set", setting)]

    def stop(self):
        self.last_will.stdin.close()
        assert self.last_will.wait(120) == 0

    def restore(self):
        """After a test, which may have failed: it answers, and there is nothing of a run in it."""
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
        if not self.answers():
            self.tool("restart")
        wait_until(self.cleared, 60, f"no topics and groups left: {self.leftovers()}")

    def answers(self):
        try:
            self.topics()
        except (OSError, AssertionError):
            return False
        return True

    def cleared(self):
        """Asks for the deletion of what is left of runs; true when there is nothing.  A group goes
        when its last member has been silent for long enough."""
        if not self.leftovers():
            return True
        topics = [n for n in self.topics() if n.startswith("omb-")]
        groups = [n for n in self.groups() if n.startswith("omb-")]
        self._ask(20, 1, _texts(topics) + struct.pack(">i", 10_000))
        self._ask(42, 0, _texts(groups))
        return False

    def _command(self, verb, *more):
        return [ROOT / "tools" / "broker", "kafka", verb, "--dir", self.folder, *more]

    def tool(self, verb, *more):
        argv = [str(word) for word in self._command(verb, *more)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.splitlines() or [""])[-1]

    def signal(self, number):
        os.kill(json.loads((self.folder / "broker.json").read_text())["pid"], number)

    def driver(self, **more):
        """A driver file of ours."""
        return {
            "name": "Kafka",
            "driver": "kafka",
            "replicationFactor": 1,
            "commonConfig": f"bootstrap.servers={self.bootstrap}\n",
            "producerConfig": "acks=all\nlinger.ms=1\n",
            "consumerConfig": "auto.offset.reset=earliest\nenable.auto.commit=false\n",
        } | more

    # -- two requests of its protocol, as old as possible

    def _ask(self, api, version, body):
        host, _, port = self.address.rpartition(":")
        client = b"omb-e2e"
        head = struct.pack(">hhih", api, version, 1, len(client)) + client
        with socket.create_connection((host, int(port)), timeout=10) as s:
            s.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
            (size,) = struct.unpack(">i", self._receive(s, 4))
            return _Cursor(self._receive(s, size)[4:])

    @staticmethod
    def _receive(s, size):
        data = b""
        while len(data) < size:
            more = s.recv(size - len(data))
            assert more, "the broker closed the connection"
            data += more
        return data

    def topics(self):
        """Name -> number of partitions, without Kafka's own."""
        return {name: len(partitions) for name, partitions in self._partitions().items()}

    def leaders(self, topic):
        """Partition -> number of the leader, of all replicas, of those in sync."""
        return self._partitions()[topic]

    def _partitions(self):
        answer = self._ask(3, 1, struct.pack(">i", -1))
        for _ in range(answer.int32()):
            answer.int32(), answer.text(), answer.int32(), answer.text()
        answer.int32()
        found = {}
        for _ in range(answer.int32()):
            answer.int16()
            name, is_internal = answer.text(), answer.int8()
            partitions = {}
            for _ in range(answer.int32()):
                answer.int16()
                number, leader = answer.int32(), answer.int32()
                replicas = [answer.int32() for _ in range(answer.int32())]
                in_sync = [answer.int32() for _ in range(answer.int32())]
                partitions[number] = (leader, replicas, in_sync)
            if not is_internal:
                found[name] = partitions
        return found

    def messages(self, topic, partition):
        """How many consumers can read; of the node that leads it."""
        wanted = struct.pack(">iiq", 1, partition, -1)
        answer = self._ask(2, 1, struct.pack(">ii", -1, 1) + _text(topic) + wanted)
        assert (answer.int32(), answer.text(), answer.int32()) == (1, topic, 1)
        assert (answer.int32(), answer.int16()) == (partition, 0)
        return answer.take(">qq")[1]

    def nodes(self):
        """The addresses that clients are told."""
        answer = self._ask(3, 1, struct.pack(">i", 0))
        found = []
        for _ in range(answer.int32()):
            answer.int32()
            host, port = answer.text(), answer.int32()
            found.append(f"{host}:{port}")
            answer.text()
        return found

    def groups(self):
        # While it reads its groups from disk again, after a start, a broker says so instead.
        loading, unavailable = 14, 15

        def listed():
            answer = self._ask(16, 0, b"")
            error = answer.int16()
            assert error in (0, loading, unavailable)
            return answer if error == 0 else None

        answer = wait_until(listed, 60, "the broker knows its groups")
        names = []
        for _ in range(answer.int32()):
            names.append(answer.text())
            answer.text()
        return names

    def join(self, group, session_ms):
        """Joins a group, and is never heard of again."""
        limits = struct.pack(">ii", session_ms, session_ms)
        nothing = struct.pack(">hii", 0, 0, -1)  # subscribed to
        protocol = _text("range") + struct.pack(">i", len(nothing)) + nothing
        body = _text(group) + limits + _text("") + _text("consumer")
        answer = self._ask(11, 2, body + struct.pack(">i", 1) + protocol)
        answer.int32()
        assert answer.int16() == 0

    def leftovers(self, run_id=""):
        """Topics and groups of omb."""
        return [n for n in [*self.topics(), *self.groups()] if n.startswith(f"omb-{run_id}")]


def _text(text):
    return struct.pack(">h", len(text)) + text.encode()


def _texts(texts):
    return struct.pack(">i", len(texts)) + b"".join(map(_text, texts))


class KafkaNodes(Kafka):
    """Three of them, one cluster.  `address` is that of the node that is looked at: the first one, or
    what look_at says."""

    NODES = (1, 2, 3)
    HEAP = "256m"
    SESSION_S = 6
    # A follower that stands still for seconds stays in the cluster, and in sync by name: so a leader
    # may acknowledge what nobody else has.
    SETTINGS = (
        f"broker.session.timeout.ms={SESSION_S * 1000}",
        "broker.heartbeat.interval.ms=500",
        "replica.lag.time.max.ms=30000",
    )

    def __init__(self, folder):
        super().__init__(folder, "--nodes", len(self.NODES))

    def member(self, node):
        return self.folder / f"node-{node}"

    def listens_at(self, folder):
        return super().listens_at(folder / "node-1")

    def look_at(self, node):
        self.address = super().listens_at(self.member(node))

    def driver(self, **more):
        return super().driver(replicationFactor=len(self.NODES), **more)

    def restore(self):
        for node in self.NODES:
            with contextlib.suppress(AssertionError):  # it does not run
                self.tool("cont", "--node", node)
            try:
                self.tool("status", "--node", node)
            except AssertionError:
                self.tool("restart", "--node", node)
        wait_until(self.cleared, 60, f"no topics and groups left: {self.leftovers()}")


class EmbeddedBroker(Kafka):
    """`omb broker`: to its clients a Kafka like the other."""

    def __init__(self, folder, *options, port=0, through=(), **more):
        """`through`: a command that what it says is piped through.  `more` goes to Popen."""
        folder.mkdir(parents=True, exist_ok=True)
        self.log_path = folder / "broker.log"
        self.out_path = folder / "broker.out"
        self.through = through
        self.options = options
        self.more = more
        self._start(port)
        self.bootstrap = dict(zip(options, options[1:])).get("--advertise", self.address)

    def _start(self, port):
        self.log = open(self.log_path, "w")
        # A file: what is said into a pipe that nobody reads is lost.
        with open(self.out_path, "w") as out:
            if self.through:
                out = start(self.through, stdin=subprocess.PIPE, stdout=out).stdin
            self.process = start(
                [OMB, "broker", "-p", port, "--partitions", "0", *self.options],
                stdout=out,
                stderr=self.log,
                **self.more,
            )
            out.close()
        self.said = None
        nodes = int(dict(zip(self.options, self.options[1:])).get("--brokers", 1))
        wait_until(
            lambda: len(self._lines(True)) == nodes or self.process.poll() is not None, 20, "addresses"
        )
        self.addresses = [line.split()[-1] for line in self._lines(True)]
        assert len(self.addresses) == nodes, self.log_path.read_text()
        self.address = self.addresses[0]

    def signal(self, number):
        if self.process.poll() is None:
            self.process.send_signal(number)

    def restore(self):
        """A new one in its place is sooner there than an old one is empty."""
        self.signal(signal.SIGCONT)
        if self.answers() and not self.leftovers():
            return
        kill(self.process)
        self.log.close()
        self._start(self.address.rpartition(":")[2])

    def _lines(self, of_addresses):
        """Whole ones of what it has said so far."""
        lines = self.out_path.read_text().splitlines(keepends=True)
        return [
            line
            for line in lines
            if line.startswith("listening on ") == of_addresses and line.endswith("\n")
        ]

    def stop(self):
        """What it said, without the lines of its addresses."""
        if self.said is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            finally:
                kill(self.process)
                self.log.close()
            assert self.process.returncode == 0
            self.said = "".join(self._lines(False))
        return self.said


class _Cursor:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, fmt):
        values = struct.unpack_from(fmt, self.data, self.at)
        self.at += struct.calcsize(fmt)
        return values if len(values) > 1 else values[0]

    def int8(self):
        return self.take(">b")

    def int16(self):
        return self.take(">h")

    def int32(self):
        return self.take(">i")

    def text(self):
        size = self.int16()
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size : self.at].decode()


# ---- what every account must satisfy ------------------------------------------------------------


def assert_account_is_consistent(result):
    """The same messages, counted by the whole, by producer, by partition, by agent, by interval."""
    omb, totals = result.omb, result.totals
    assert totals["sent"] == totals["acknowledged"] + totals["failed"] + totals["unacknowledged"]
    for row in result.rows("producers"):
        assert row["sent"] == row["acknowledged"] + row["failed"] + row["unacknowledged"]
    for name in ("sent", "acknowledged", "failed", "unacknowledged", "unsent"):
        assert sum(row[name] for row in result.rows("producers")) == totals[name], name
    partitions = result.rows("partitions")  # none where topics have no partitions
    assert not partitions or sum(r["received"] for r in partitions) == totals["received"]
    for name, total in totals.items():
        assert sum(a["counters"][name] for a in omb["agents"]) == total, name
    assert_messages_add_up(result)
    assert_intervals_add_up(result)


def assert_messages_add_up(result):
    """The account of every message, where one was kept: of all, of producers, of partitions, of ranges."""
    account, producers, partitions = result.omb["accounting"], result.rows("producers"), result.rows("partitions")
    if not account["kept"]:
        assert set(account) == {"kept", "why"}
        assert all(row["lost"] is None for row in producers + partitions)
        return
    for name in ("receivedOnce", "lost", "missing", "deliveredThoughFailed", "duplicated", "redelivered", "outOfOrder"):
        assert sum(row[name] for row in producers) == account[name], name
    # Probes are in no account, and what came twice was received twice.
    receipts = account["receivedOnce"] + account["duplicated"] + account["redelivered"]
    assert receipts == result.totals["received"] or result.events("agentLost") or not account["exact"]
    ranges = result.lost()
    if account["lostRangesLeftOff"] == 0:
        assert sum(r["last"] - r["first"] + 1 for r in ranges) == account["lost"]
    for row in producers:
        named = [r for r in ranges if r["producer"] == row["producer"]]
        assert all(r["last"] < row["sent"] and r["topic"] == row["topic"] for r in named)


def assert_intervals_add_up(result):
    omb, totals = result.omb, result.totals
    periods = omb["periods"]
    assert [p["kind"] for p in periods[-1:]] == ["drain"]
    assert all(p["kind"] == "measure" for p in periods[:-1])
    for before, after in zip(periods, periods[1:]):
        assert before["endNs"] == after["startNs"]
    for name, in_window in omb["window"]["counters"].items():
        assert sum(p["counters"][name] for p in periods[:-1]) == in_window, name
        assert sum(p["counters"][name] for p in periods) <= totals[name], name
    # Periods go by the time of recording: what was due in a warm-up may be recorded after it.
    warmed_up = omb["workload"]["warmupDuration"] != "0s" or any(p["name"] == "search" for p in omb["phases"])
    for name, latency in omb["latencies"].items():
        whole = result.latency(name)
        assert whole.count == latency["count"], name
        parts = hdr.merged(result.period_latency(name))
        assert parts.count >= whole.count, f"{name}: {parts.count} of {whole.count} recorded"
        assert parts.minus(whole).count == 0 or warmed_up, name


# What the verdict makes of the account of every message.
OF_THE_ACCOUNT = {"lost", "neverSent", "duplicated", "redelivered", "outOfOrder", "deliveredThoughFailed"}


def assert_nothing_lost(result, subscriptions=1, may=()):
    """What a healthy broker must give: all that was due was sent, acknowledged and received.

    `may`: reasons that the test's broker gives cause for, now and then."""
    totals = result.totals
    assert totals["sent"] > 0
    assert totals["acknowledged"] == totals["sent"]
    assert totals["received"] == totals["acknowledged"] * subscriptions
    for name in ("redelivered", "corrupt", "unstamped", "foreign", "unsent"):
        assert totals[name] == 0, name
    wrong = {"missing", "surplus", "failed", "corrupt", "agents", *OF_THE_ACCOUNT}
    assert not (wrong - set(may)) & set(result.reasons())
    assert_account_is_consistent(result)
