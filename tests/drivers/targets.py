# SPDX-License-Identifier: Apache-2.0
"""What the conformance suite runs on: a row for each driver and way to use it.

A row says what it cannot do, with the reason; the suite asserts that where it can be.
"""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
from harness import ROOT, EmbeddedBroker, Kafka

CANNOT = {
    "loopback": {
        "restart": "the broker is a part of the run",
        "network": "a connection that is lost stays lost: tests/e2e/test_55_network.py",
        "standing": "the broker ends with the run, and with it what it kept",
    },
    "core": {
        "restart": "nothing is kept while nobody listens",
        "agent": "nothing is kept while nobody listens",
        "standing": "there is nothing to create or to delete",
    },
}


class Loopback:
    """Starts with each run."""

    def driver(self, **more):
        return {"name": "Loopback", "driver": "loopback"} | more

    def restore(self):
        pass

    def stop(self):
        pass

    def leftovers(self, run_id=""):
        return []


class Nats:
    """A server from tools/broker."""

    def __init__(self, folder, *options, **more):
        self.folder = folder
        self.more = more
        address = self.tool("up", *map(str, options))
        self.address = address.removeprefix("natsHostUrl=nats://")
        self.bootstrap = self.address

    def tool(self, verb, *more):
        argv = [ROOT / "tools" / "broker", "nats", verb, "--dir", self.folder, *more]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return (done.stdout.splitlines() or [""])[-1]

    def signal(self, number):
        os.kill(json.loads((self.folder / "broker.json").read_text())["pid"], number)

    def driver(self, **more):
        url = {"natsHostUrl": f"nats://{self.address}", "reconnectWait": "100ms"}
        return {"name": "NATS", "driver": "nats"} | url | self.more | more

    def leftovers(self, run_id=""):
        """Streams, as they lie on the disk of the server."""
        found = pathlib.Path(self.folder, "store").glob(f"**/streams/omb-{run_id}*")
        return [p.name for p in found]

    def restore(self):
        pass

    def stop(self):
        self.tool("down")


def start(name, folder):
    """The broker of a row."""
    if name == "loopback":
        return Loopback()
    if name == "embedded":
        return EmbeddedBroker(folder / "broker")
    if name == "kafka":
        for command in ("java", "mvn"):
            if shutil.which(command) is None:
                pytest.skip(f"needs {command}; tools/setup test installs it")
        return Kafka(folder / "broker")
    if shutil.which("nats-server") is None:
        pytest.skip("needs nats-server; tools/setup test installs it")
    more = {
        "jetstream": {},
        "pull": {"consumer": "pull", "storageType": "Memory"},
        "core": {"mode": "core"},
    }
    return Nats(folder / "broker", **more[name])


def cannot(name, what):
    return CANNOT.get(name, {}).get(what)
