# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite runs on: a row for each driver and way to use it.

A row says what it cannot do, with the reason; the cases that need it are left out there, and the
head of the run lists them.
"""

import json
import os
import shutil
import socket
import subprocess

import pytest
from harness import ROOT, EmbeddedBroker, Kafka, Proxy, free_port

CANNOT = {
    "loopback": {
        "standing broker": "its broker begins and ends with the run",
        "lasting broker": "its broker begins and ends with the run",
        "network": "a connection that is lost stays lost: tests/e2e/test_55_network.py",
        "login": "it listens on this host only, and has neither logins nor TLS",
    },
    "embedded": {
        "lasting broker": "its logs are in its memory, and gone with it",
        "login": "it listens on this host only, and has neither logins nor TLS",
    },
    "kafka": {},
    "jetstream": {
        "partitions": "a stream has none",
        "dots in names": "streams and durable consumers have none, they are parts of a subject",
    },
    "pull": {
        "partitions": "a stream has none",
        "dots in names": "streams and durable consumers have none, they are parts of a subject",
        "lasting broker": "this row keeps its streams in memory",
    },
    "core": {
        "partitions": "a subject has none",
        "dots in names": "nothing stands there that had a name",
        "lasting broker": "nothing is kept while nobody listens",
        "redelivery": "nothing is kept while nobody listens",
    },
}
QUICK = [kind for kind in CANNOT if kind != "kafka"]


def cannot(kind, what):
    return CANNOT[kind].get(what)


class Target:
    """A row, with its broker.  Clients reach it through `proxy`, if it has a network."""

    proxy = None
    patient = {}  # a driver file whose consumers are missed soon when they die; what is lost too
    safe = {}  # ... whose producers send again what had no answer
    large = {}  # ... that takes messages of a megabyte

    def __init__(self, kind):
        self.kind = kind

    def restore(self):
        pass

    def stop(self):
        if self.proxy:
            self.proxy.stop()

    def leftovers(self, run_id=""):
        """What stands on the broker, by a way that does not go through omb."""
        return []


class Loopback(Target):
    """Its broker starts with each run."""

    def driver(self, **more):
        return {"name": "Loopback", "driver": "loopback"} | more


SESSION = "auto.offset.reset=earliest\nenable.auto.commit=false\nsession.timeout.ms={}\nheartbeat.interval.ms=500\n"


class KafkaTarget(Target):
    """The embedded broker or Apache Kafka, behind a proxy.  Apache Kafka has a second listener,
    with logins and TLS."""

    def __init__(self, kind, folder):
        super().__init__(kind)
        port = free_port()
        self.proxy = Proxy(folder / "proxy", f"127.0.0.1:{port}")
        if kind == "embedded":
            options = ("--advertise", self.proxy.address)
            self.broker = EmbeddedBroker(folder / "broker", *options, port=port)
        else:
            self.cert, options = self.secured(folder, port)
            self.broker = Kafka(folder / "broker", "--port", port, *options)
            self.broker.bootstrap = self.proxy.address
        # As short as a broker allows.
        session_ms = 6000 if kind == "kafka" else 1500
        self.patient = {"consumerConfig": SESSION.format(session_ms)}
        self.safe = {"producerConfig": "acks=all\nlinger.ms=1\nenable.idempotence=true\n"}
        self.large = {"producerConfig": "acks=all\nmessage.max.bytes=1048576\n"}
        self.driver, self.leftovers = self.broker.driver, self.broker.leftovers
        self.signal, self.restore = self.broker.signal, self.broker.restore

    def secured(self, folder, port):
        """Options of a broker with a listener for whom there is a name and a password."""
        cert, key = certificate(folder)
        store = folder / "store.pem"
        store.write_text(key.read_text() + cert.read_text())
        self.secure = f"127.0.0.1:{free_port()}"
        controller = f"127.0.0.1:{free_port()}"
        listeners = f"PLAINTEXT://127.0.0.1:{port},SECURE://{self.secure}"
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        settings = {
            "listeners": f"{listeners},CONTROLLER://{controller}",
            "controller.quorum.bootstrap.servers": controller,
            "advertised.listeners": f"PLAINTEXT://{self.proxy.address},SECURE://{self.secure}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL",
            "listener.name.secure.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secure.plain.sasl.jaas.config": f'{login} user_omb="s3cret";',
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.location": store,
        }
        return cert, [word for k, v in settings.items() for word in ("--set", f"{k}={v}")]

    def login(self, password, cert):
        common = {
            "bootstrap.servers": self.secure,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "omb",
            "sasl.password": password,
            "ssl.ca.location": cert,
        }
        return self.driver(commonConfig="".join(f"{k}={v}\n" for k, v in common.items()))

    def tool(self, verb):
        self.broker.tool(verb)

    def absent(self):
        return self.driver(commonConfig="bootstrap.servers=127.0.0.1:1\n")

    def stop(self):
        self.broker.stop()
        super().stop()


class Nats(Target):
    """A server from tools/broker, behind a proxy."""

    patient = {"ackWait": "1s", "publishTimeout": "1s"}

    def __init__(self, kind, folder, *options, **more):
        super().__init__(kind)
        self.folder = folder / "broker"
        self.more = more
        address = self.tool("up", *map(str, options))
        self.address = address.removeprefix("natsHostUrl=nats://")
        self.proxy = Proxy(folder / "proxy", self.address)

    def tool(self, verb, *more):
        argv = [ROOT / "tools" / "broker", "nats", verb, "--dir", self.folder, *more]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.splitlines() or [""])[-1]

    def signal(self, number):
        os.kill(json.loads((self.folder / "broker.json").read_text())["pid"], number)

    def driver(self, **more):
        url = {"natsHostUrl": f"nats://{self.proxy.address}", "reconnectWait": "100ms"}
        return {"name": "NATS", "driver": "nats"} | url | self.more | more

    def login(self, password, cert):
        return self.driver(user="omb", password=password, tls=True, tlsCaFile=str(cert))

    def absent(self):
        return self.driver(natsHostUrl="127.0.0.1:1")

    def leftovers(self, run_id=""):
        """Streams, as the server tells them."""
        return [name for name in self.streams() if name.startswith(f"omb-{run_id}")]

    def streams(self):
        with NatsWire(self.address) as wire:
            return json.loads(wire.ask("$JS.API.STREAM.NAMES")).get("streams") or []

    def stop(self):
        super().stop()
        self.tool("down")


class NatsWire:
    """A connection to a server, for one question."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.file = self.socket.makefile("rb")
        assert self.file.readline().startswith(b"INFO ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, subject, body=b""):
        head = b'CONNECT {"verbose":false}\r\nSUB _INBOX.suite 1\r\n'
        question = f"PUB {subject} _INBOX.suite {len(body)}\r\n".encode() + body + b"\r\n"
        self.socket.sendall(head + question)
        line = self.file.readline()
        assert line.startswith(b"MSG "), line
        return self.file.read(int(line.split()[-1]))


def certificate(folder):
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    argv += ["-nodes", "-days", "2", "-subj", "/CN=localhost"]
    argv += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    argv += ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(argv, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


NATS_ROWS = {
    "jetstream": {},
    "pull": {"consumer": "pull", "storageType": "Memory"},
    "core": {"mode": "core"},
}


def start(kind, folder):
    """The broker of a row."""
    if kind == "loopback":
        return Loopback(kind)
    if kind == "kafka":
        for command in ("java", "mvn"):
            if shutil.which(command) is None:
                pytest.skip(f"needs {command}; tools/setup test installs it")
    if kind in ("embedded", "kafka"):
        return KafkaTarget(kind, folder)
    if shutil.which("nats-server") is None:
        pytest.skip("needs nats-server; tools/setup test installs it")
    return Nats(kind, folder, **NATS_ROWS[kind])
